"""A stage with an edge, on the gateways of the local run: by the headers that CloudFront sends."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import boto3
import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from infra.local.ports import listen
from infra.local.serve import serving
from infra.local.websocket_api import WebSocketApi
from infra.topology import FUNCTIONS, WEBSOCKET_ROUTES, WEBSOCKET_STAGE
from stays import __version__
from tests.integration.http_gateway import HttpGateway, http_gateway
from tests.integration.messages import AGENT, MAI, order_data, signed
from tests.integration.outside import AUDIENCE, Neighbour, ZaloPay
from tests.integration.product import close, failing, fault, load
from tests.integration.world import World

NEW, OLD = "n" * 32, "o" * 32
HERE, THERE = "2001:db8::7", "2001:db8::8"


def through(address: str = HERE, secret: str = NEW) -> dict[str, str]:
    """The headers of the edge."""
    return {"x-stays-edge": secret, "x-stays-viewer": address}


@pytest.fixture(scope="module")
def edged(outside: Neighbour, simulator: ZaloPay) -> Iterator[Mapping[str, ModuleType]]:
    """The functions that a gateway calls, as a stage with an edge starts them."""
    settings = {
        "ZALOPAY_ENDPOINT": simulator.url,
        "WEBSOCKET_ENDPOINT": outside.url,
        "WEBSOCKET_IDENTITY": "bound",
        "JWT_ISSUER": outside.issuer.url,
        "JWT_AUDIENCE": AUDIENCE,
        "EDGE_SECRET": "edge",
    }
    loaded = {name: load(name, settings) for name, each in FUNCTIONS.items() if "EDGE_SECRET" in each.optional}
    yield loaded
    for module in loaded.values():
        close(module)


@pytest.fixture
def stage(world: World, edged: Mapping[str, ModuleType]) -> World:
    """The backend behind the edge; its secret is being changed."""
    secret = json.dumps({"current": NEW, "previous": OLD})
    boto3.client("secretsmanager").create_secret(Name="edge", SecretString=secret)
    for module in edged.values():
        module.keys.known.clear()
    edged["payments"].presence.seen.clear()
    world.functions = {**world.functions, **edged}
    return world


@pytest.fixture
def gateway(stage: World) -> Iterator[HttpGateway]:
    with http_gateway(stage) as opened:
        yield opened


def dial(stage: World, headers: Mapping[str, str]) -> int | str:
    """Connect to the WebSocket API of the local run, and subscribe without a token.

    Returns the type of the first frame, or the status that refused the connection.
    """

    async def invoke(function: str, event: Mapping[str, Any]) -> Any:
        connection = event["requestContext"]["connectionId"]
        stage.neighbour.frames.setdefault(connection, [])
        answer = await asyncio.to_thread(stage.functions[function].handler, event, stage.context)
        if event["requestContext"]["routeKey"] == "SUBSCRIBE":
            first.set_result(stage.neighbour.frames[connection][0]["type"])
        return answer

    async def talk() -> int | str:
        nonlocal first
        first = asyncio.get_running_loop().create_future()
        api = WebSocketApi(invoke, WEBSOCKET_ROUTES, stage=WEBSOCKET_STAGE)
        async with serving(api.app, listen(0, "WEBSOCKET_PORT")) as port:
            address = f"ws://127.0.0.1:{port}/{WEBSOCKET_STAGE}"
            own = {"user_agent_header": AGENT, "additional_headers": headers, "proxy": None}
            try:
                async with connect(address, origin=Origin("http://localhost:3000"), **own) as client:
                    await client.send(json.dumps({"type": "SUBSCRIBE", "userId": MAI}))
                    return await first
            except InvalidStatus as turned:
                return turned.response.status_code

    first: asyncio.Future[str]
    return asyncio.run(talk())


def refused(reply: httpx.Response) -> None:
    said = reply.json()
    assert (reply.status_code, said["error"]["code"], said["error"]["details"]) == (403, "INSUFFICIENT_PERMISSIONS", {})
    assert said.keys() == {"error", "requestId"}
    assert said["error"]["message"]


@pytest.mark.parametrize("headers", [{}, {"x-stays-viewer": HERE}, through(secret="guessed"), through(address="here")])
def test_who_comes_around_the_edge_is_refused_by_every_function(gateway: HttpGateway, headers: dict[str, str]):
    token = gateway.world.token(MAI)
    refused(gateway.ask("GET", "/health", **headers))
    refused(gateway.ask("GET", "/no/such/path", token, **headers))
    refused(gateway.ask("GET", "/auctions/winners/me", token, **headers))
    refused(gateway.ask("GET", "/user/bookings", token, **headers))
    refused(gateway.ask("GET", "/calendars/1.ics", **headers))
    refused(gateway.ask("POST", "/payment/zalopay/callback", body={}, **headers))
    assert {*gateway.invoked} == {"payments", "auctions", "bookings", "calendars", "zalopay_callback"}
    assert [item for item in gateway.world.items("connections") if "PRESENCE" in item["SK"]] == []


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_who_comes_through_it_is_served_with_either_value_of_the_secret_and_no_log_has_it(
    gateway: HttpGateway, secret: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    headers = through(secret=secret)
    assert gateway.ask("GET", "/health", **headers).json() == {"status": "ok", "version": __version__}
    assert gateway.ask("HEAD", "/health", **headers).status_code == 200
    assert gateway.ask("GET", "/user/bookings", gateway.world.token(MAI), **headers).json() == []
    callback = signed(order_data("270301_nobody"))
    answer = gateway.client.post("/api/v1/payment/zalopay/callback", content=callback, headers=headers)
    assert answer.json()["return_code"] == 1
    assert "money for an unknown order" in caplog.text
    said = "".join([*capsys.readouterr(), caplog.text])
    assert secret not in said
    assert HERE not in said


def test_while_the_secret_cannot_be_read_every_caller_may_try_again(gateway: HttpGateway):
    functions = gateway.world.functions
    secrets = [functions[name].keys._secrets for name in ("payments", "zalopay_callback", "connections")]
    with (
        failing(secrets[0], "GetSecretValue", fault()),
        failing(secrets[1], "GetSecretValue", fault()),
        failing(secrets[2], "GetSecretValue", fault()),
    ):
        assert gateway.ask("GET", "/health", **through()).status_code == 429
        assert gateway.ask("POST", "/payment/zalopay/callback", body={}, **through()).json()["return_code"] == 0
        assert dial(gateway.world, through()) == 429


@pytest.mark.parametrize("headers", [{}, through(secret="guessed")])
def test_no_connection_opens_around_the_edge(stage: World, headers: dict[str, str]):
    assert dial(stage, headers) == 403
    assert stage.items("connections") == []


@pytest.mark.parametrize(("address", "heard"), [(HERE, "SUBSCRIBED"), (THERE, "ERROR")])
def test_bound_compares_the_viewers_addresses_and_not_those_of_the_edge(gateway: HttpGateway, address: str, heard: str):
    """Both gateways see the same address: this machine's, as they would see CloudFront's."""
    world = gateway.world
    spelled = through("2001:DB8:0:0::7")
    assert gateway.ask("GET", "/payment/transactions/1", world.token(MAI), **spelled).status_code == 404
    assert dial(world, through(address)) == heard
