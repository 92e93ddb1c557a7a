"""The WebSocket API of the local run and its management API, with real workers, clients and boto3."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from infra.local.ports import listen
from infra.local.serve import serving
from infra.local.websocket_api import WebSocketApi
from tests.integration.local_gateway import (
    Gateway,
    until,
)

pytestmark = pytest.mark.anyio


def joining(gateway: Gateway, query: str = "", **headers: str) -> connect:
    return connect(f"{gateway.socket}/payment-notifications{query}", additional_headers=headers)


async def heard(client: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(client.recv(), 5))


async def closed(client: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as caught:
        await asyncio.wait_for(client.recv(), 5)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


async def test_a_message_reaches_its_route_and_is_answered_through_the_management_api(gateway: Gateway) -> None:
    async with joining(gateway) as client:
        await client.send('{"type": "PING", "n": 1}')
        await client.send("no json")
        first, second = await heard(client), await heard(client)
    assert first["event"]["body"] == '{"type": "PING", "n": 1}'
    context = first["event"]["requestContext"]
    assert (context["routeKey"], context["eventType"]) == ("PING", "MESSAGE")
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert second["event"]["requestContext"]["routeKey"] == "$default"
    assert second["heard"][-3:] == ["$connect", "PING", "$default"]


async def test_the_end_of_a_connection_is_told(gateway: Gateway) -> None:
    async with joining(gateway) as client:
        await client.send("who am I")
        connection_id = (await heard(client))["event"]["requestContext"]["connectionId"]
        await client.close(4000, "enough")
    await until(lambda: connection_id in [gone["connectionId"] for gone in gateway.goodbyes()])
    gone = gateway.goodbyes()[-1]
    assert (gone["disconnectStatusCode"], gone["disconnectReason"]) == (4000, "enough")


@pytest.mark.parametrize(("query", "status"), [("?status=401", 401), ("?status=403", 403), ("?do=raise", 502)])
async def test_connect_may_refuse_the_handshake(gateway: Gateway, query: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await joining(gateway, query)
    assert caught.value.response.status_code == status


async def test_a_handler_that_fails_on_a_message_is_told_to_the_client(gateway: Gateway) -> None:
    async with joining(gateway) as client:
        await client.send("raise")
        told = await heard(client)
        await client.send("still there")
        assert (await heard(client))["event"]["body"] == "still there"
    assert told["message"] == "Internal server error"
    assert told.keys() == {"message", "connectionId", "requestId"}


@pytest.mark.parametrize("path", ["", "/", "/elsewhere"])
async def test_foreign_traffic_is_accepted_and_ignored(gateway: Gateway, path: str) -> None:
    before = len(gateway.log)
    async with connect(gateway.socket + path) as client:
        await client.send("hello there")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.recv(), 0.1)
    assert gateway.log[before:] == []


async def test_frames_and_messages_up_to_the_limit_pass(gateway: Gateway) -> None:
    async with joining(gateway) as client:
        await client.send("x" * 32 * 1024)
        assert len((await heard(client))["event"]["body"]) == 32 * 1024
        await client.send(["x" * 30_000] * 4)
        assert len((await heard(client))["event"]["body"]) == 120_000


@pytest.mark.parametrize(
    "message",
    [["x" * (32 * 1024 + 1)], ["x" * 30_000] * 5, ["x" * 1_000_000], ["ok", "x" * 40_000]],
    ids=["frame", "message", "much", "later frame"],
)
async def test_a_frame_or_message_that_is_too_large_ends_the_connection(gateway: Gateway, message: list[str]) -> None:
    async with joining(gateway) as client:
        await client.send(message)
        assert (await closed(client))[0] == 1009


async def test_binary_ends_the_connection(gateway: Gateway) -> None:
    async with joining(gateway) as client:
        await client.send(b"\x00")
        assert (await closed(client))[0] == 1003


@pytest.mark.parametrize("limit", [{"idle": 0.2}, {"lifetime": 0.2}])
@pytest.mark.parametrize("path", ["/live", "/"])
async def test_a_connection_ends_when_its_time_is_up(limit: dict[str, float], path: str) -> None:
    api = WebSocketApi(nothing, {"PING": "any"}, stage="live", **limit)  # type: ignore[arg-type]
    async with serving(api.app, listen(0, "WEBSOCKET_PORT")) as port, connect(f"ws://localhost:{port}{path}") as client:
        began = time.monotonic()
        for _ in range(3):
            await asyncio.sleep(0.05)
            await client.send('{"type": "PING"}')
        assert await closed(client) == (1001, "Going away")
        assert time.monotonic() - began > (0.19 if "lifetime" in limit else 0.34)  # each message restarts the idle time


async def nothing(function: str, event: Mapping[str, Any]) -> Any:
    return {"statusCode": 200}


@pytest.fixture
def management(gateway: Gateway) -> Any:
    return boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=gateway.socket.replace("ws:", "http:") + "/payment-notifications",
        region_name="ap-southeast-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}),
    )


async def test_boto3_reaches_a_connection_and_finds_it_gone_afterwards(gateway: Gateway, management: Any) -> None:
    async with joining(gateway, **{"User-Agent": "test/1"}) as client:
        await client.send("who am I")
        id = (await heard(client))["event"]["requestContext"]["connectionId"]
        await asyncio.to_thread(management.post_to_connection, ConnectionId=id, Data='{"giá": 1}'.encode())
        assert await heard(client) == {"giá": 1}
        seen = await asyncio.to_thread(management.get_connection, ConnectionId=id)
        assert seen["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "test/1"}
        assert abs(seen["ConnectedAt"].timestamp() - time.time()) < 5
        assert seen["LastActiveAt"] >= seen["ConnectedAt"]
        await asyncio.to_thread(management.delete_connection, ConnectionId=id)
        assert (await closed(client))[0] == 1000
    await until(lambda: id in [gone["connectionId"] for gone in gateway.goodbyes()])
    for call in (management.get_connection, management.delete_connection, post_to(management)):
        with pytest.raises(management.exceptions.GoneException) as caught:
            await asyncio.to_thread(call, ConnectionId=id)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 410


def post_to(management: Any, data: bytes = b"x") -> Any:
    return lambda ConnectionId: management.post_to_connection(ConnectionId=ConnectionId, Data=data)


async def test_a_payload_that_is_too_large_is_refused(gateway: Gateway, management: Any) -> None:
    with pytest.raises(management.exceptions.PayloadTooLargeException) as caught:
        await asyncio.to_thread(post_to(management, b"x" * (128 * 1024 + 1)), ConnectionId="any")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


async def test_other_paths_and_methods_are_forbidden(gateway: Gateway, management: Any) -> None:
    base = gateway.socket.replace("ws:", "http:")
    for method, path in (("GET", "/"), ("POST", "/other"), ("PUT", "/@connections/x")):
        assert (await gateway.http.request(method, base + path)).status_code == 403
    with pytest.raises(ClientError):
        await asyncio.to_thread(management.get_connection, ConnectionId="a/b")
