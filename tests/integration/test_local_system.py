"""The whole local run, with small functions of this test."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
import websockets

from infra.local.settings import Settings
from infra.local.system import Local, running
from infra.topology import FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]
FREE_PORTS = ("--http-port", "0", "--websocket-port", "0", "--simulator-port", "0")

# Stores its events as items, so that a test can read them. It refuses the events that say so.
FUNCTION = """
import json, os, time
import boto3

database = boto3.client("dynamodb")

def handler(event, context):
    if event.get("detail", {}).get("auctionId") == "boom":
        raise ValueError("boom")
    name = context.function_name
    for record in event.get("Records", [event]):
        id = record.get("eventID") or record.get("id") or context.aws_request_id
        item = {"PK": {"S": name}, "SK": {"S": id}, "kind": {"S": "AWARD" if name == "awards" else "SEEN"}}
        database.put_item(TableName=os.environ["STAYS_TABLE"], Item=item)
    return {"statusCode": 200, "body": json.dumps({"time": time.time(), "name": name, "process": os.getpid()})}
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    functions = tmp_path / "functions"
    functions.mkdir()
    for name in FUNCTIONS:
        (functions / f"{name}.py").write_text(FUNCTION)
    layer = tmp_path / "layer"
    layer.mkdir()
    return Settings(0, 0, 0, seed=False, quiet=True, functions=functions, layer=layer)


def run(settings: Settings, scenario: Callable[[Local, httpx.AsyncClient], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        async with (
            running(settings, lambda *_: None) as local,
            httpx.AsyncClient(base_url=local.addresses.http, timeout=30) as client,
        ):
            await scenario(local, client)

    asyncio.run(whole())


async def seen(local: Local, name: str, count: int) -> int:
    """Wait until a function has stored this many items."""
    query = {
        "TableName": "stays",
        "KeyConditionExpression": "PK = :name",
        "ExpressionAttributeValues": {":name": {"S": name}},
        "Select": "COUNT",
    }
    found = 0
    async with asyncio.timeout(20):
        while found < count:
            found = (await asyncio.to_thread(local.database.call, "DynamoDB_20120810.Query", query))["Count"]
            await asyncio.sleep(0.02)
    return found


def test_a_request_an_event_and_the_stream_reach_their_functions(settings: Settings) -> None:
    async def scenario(local: Local, client: httpx.AsyncClient) -> None:
        token = (await client.get("/dev/token", params={"sub": "auth0|an"})).json()["token"]
        health = await client.get("/api/v1/health")
        assert health.json()["name"] == "payments"
        assert (await client.get("/api/v1/user/bookings")).status_code == 401
        authorized = {"Authorization": f"Bearer {token}"}
        assert (await client.get("/api/v1/user/bookings", headers=authorized)).json()["name"] == "bookings"
        answer = await client.post("/dev/events", json={"detail-type": "AuctionResult", "detail": {}})
        assert json.loads(answer.json()["body"])["name"] == "awards"
        assert await seen(local, "notifier", 1) == 1
        fired = await client.post("/dev/schedule")
        assert fired.json()["reconciliation"]["statusCode"] == 200

    run(settings, scenario)


def test_an_event_that_keeps_failing_is_kept_as_a_dead_letter(settings: Settings) -> None:
    async def scenario(_: Local, client: httpx.AsyncClient) -> None:
        event = {"detail-type": "AuctionResult", "detail": {"auctionId": "boom"}}
        answer = await client.post("/dev/events", json=event)
        assert (answer.status_code, answer.json()) == (502, {"error": "awards: ValueError: boom"})
        letters = (await client.get("/dev/dead-letters")).json()
        assert [letter["event"]["detail"] for letter in letters] == [{"auctionId": "boom"}]
        await client.delete("/dev/dead-letters")
        assert (await client.get("/dev/dead-letters")).json() == []

    run(settings, scenario)


def test_a_request_that_makes_no_sense_is_refused(settings: Settings) -> None:
    senseless = {
        "/dev/events": ("{", '"text"', '{"detail": {}}'),
        "/dev/clock": ("{}", '{"advance": "far"}', "[]"),
    }

    async def scenario(_: Local, client: httpx.AsyncClient) -> None:
        for path, bodies in senseless.items():
            answers = [(await client.post(path, content=body)).status_code for body in bodies]
            assert answers == [400] * len(bodies), path

    run(settings, scenario)


def test_moving_the_clock_moves_functions_and_tokens(settings: Settings) -> None:
    async def scenario(_: Local, client: httpx.AsyncClient) -> None:
        asked = {"sub": "auth0|an", "seconds": "60"}
        token = (await client.get("/dev/token", params=asked)).json()["token"]
        authorized = {"Authorization": f"Bearer {token}"}
        assert (await client.get("/api/v1/user/bookings", headers=authorized)).status_code == 200
        moved = (await client.post("/dev/clock", json={"advance": 3600})).json()
        assert moved["offset"] == 3600
        assert (await client.get("/api/v1/user/bookings", headers=authorized)).status_code == 401
        assert (await client.get("/api/v1/health")).json()["time"] > time.time() + 3500
        assert (await client.post("/dev/clock", json={"offset": 0})).json()["offset"] == 0
        assert (await client.get("/api/v1/health")).json()["time"] < time.time() + 60

    run(settings, scenario)


def test_mail_that_boto3_sends_is_in_the_mailbox(settings: Settings) -> None:
    def send(address: str) -> None:
        ses = boto3.client(
            "sesv2",
            endpoint_url=f"{address}/dev/ses",
            region_name="ap-southeast-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        mail = b"Subject: Hi\nContent-Type: text/html\n\n<b>Hello</b>"
        ses.send_email(Destination={"ToAddresses": ["an@stays.example"]}, Content={"Raw": {"Data": mail}})
        ses.close()

    async def scenario(local: Local, client: httpx.AsyncClient) -> None:
        await asyncio.to_thread(send, local.addresses.http)
        (mail,) = (await client.get("/dev/mail")).json()
        assert (mail["to"], mail["subject"]) == (["an@stays.example"], "Hi")
        assert "<b>Hello</b>" in (await client.get(f"/dev/mail/{mail['id']}")).text
        await client.delete("/dev/mail")
        assert (await client.get("/dev/mail")).json() == []

    run(settings, scenario)


def test_what_boto3_publishes_is_shown_and_reaches_the_functions_that_listen(settings: Settings) -> None:
    def publish(address: str) -> dict[str, Any]:
        events = boto3.client(
            "events",
            endpoint_url=f"{address}/dev/eventbridge",
            region_name="ap-southeast-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        common = {"EventBusName": "stays", "Source": "tests"}
        entries = [
            {**common, "DetailType": "BookingConfirmed", "Detail": '{"eventId": "1"}'},
            {**common, "DetailType": "AuctionResult", "Detail": '{"auctionId": "1"}'},
            {**common, "DetailType": "AuctionResult", "Detail": '{"auctionId": "boom"}'},
            {**common, "DetailType": "BookingConfirmed", "Detail": "no JSON"},
        ]
        answer = events.put_events(Entries=entries)
        events.close()
        return answer

    async def scenario(local: Local, client: httpx.AsyncClient) -> None:
        answer = await asyncio.to_thread(publish, local.addresses.http)
        assert answer["FailedEntryCount"] == 1
        assert [each.get("ErrorCode") for each in answer["Entries"]] == [None, None, None, "MalformedDetail"]
        shown = (await client.get("/dev/events")).json()
        assert [each["detail-type"] for each in shown] == ["BookingConfirmed", "AuctionResult", "AuctionResult"]
        assert [each["id"] for each in shown] == [each["EventId"] for each in answer["Entries"][:3]]
        assert (shown[0]["source"], shown[0]["detail"]) == ("tests", {"eventId": "1"})
        assert await seen(local, "awards", 1) == 1
        assert len((await client.get("/dev/dead-letters")).json()) == 1
        await client.delete("/dev/events")
        assert (await client.get("/dev/events")).json() == []

    run(settings, scenario)


def test_the_small_world_is_told_when_there_is_none_and_again_when_asked(settings: Settings) -> None:
    async def scenario(local: Local, client: httpx.AsyncClient) -> None:
        assert await seen(local, "awards", 10) == 10
        local.dead_letters.add({"function": "awards", "error": "of the old tables", "event": {}})
        assert len((await client.post("/dev/seed")).json()) == 10
        assert await seen(local, "awards", 10) == 10
        assert (await client.get("/dev/dead-letters")).json() == []

    settings = Settings(**{**vars(settings), "seed": True})
    run(settings, scenario)


def test_no_memory_and_no_page_outlives_the_tables_that_are_emptied(settings: Settings) -> None:
    async def scenario(local: Local, client: httpx.AsyncClient) -> None:
        async def process() -> int:
            return (await client.get("/api/v1/health")).json()["process"]

        before = await process()
        assert await process() == before
        async with websockets.connect(f"{local.addresses.websocket}/payment-notifications") as page:
            await client.post("/dev/seed")
            with pytest.raises(websockets.ConnectionClosed):
                await asyncio.wait_for(page.recv(), 10)
        assert page.close_code == 1001
        after = await process()
        assert after != before
        await client.post("/dev/clock", json={"advance": -3600})
        assert await process() != after

    run(settings, scenario)


def start(*options: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-m", "infra.local", *options]
    return subprocess.Popen(  # noqa: S603
        command, cwd=ROOT, env=os.environ | environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_where_it_is_and_ends_without_a_trace(number: signal.Signals, tmp_path: Path) -> None:
    addresses = tmp_path / "addresses.json"
    process = start(*FREE_PORTS, "--no-seed", "--addresses", str(addresses), "--state", str(tmp_path / "state"))
    while not addresses.exists():
        assert process.poll() is None
        time.sleep(0.05)
    found = json.loads(addresses.read_text())
    assert httpx.get(f"{found['http']}/.well-known/jwks.json").status_code == 200
    process.send_signal(number)
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert found["http"] in output
    assert all(token in output for token in found["tokens"].values())
    assert len(found["tokens"]) == 2


def test_the_seed_command_finds_the_running_system_by_its_file(tmp_path: Path) -> None:
    file = tmp_path / "running.json"
    command = [sys.executable, "-m", "infra.local.seed", str(file)]

    def seed() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603

    assert "make run" in seed().stderr
    process = start(*FREE_PORTS, "--no-seed", "-q", "--addresses", str(file))
    while not file.exists():
        assert process.poll() is None
        time.sleep(0.05)
    http = json.loads(file.read_text())["http"]
    assert seed().stdout == f"10 events published at {http}.\n"
    assert httpx.get(f"{http}/api/v1/health?secret=1").status_code == 200
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert "/health" not in output, "-q prints no requests"
    assert f"Open {http}/" in output.strip().splitlines()[-1]
    assert not file.exists()


def test_a_taken_port_is_reported_before_anything_is_installed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        # -S: without any installed package
        command = [sys.executable, "-S", "-m", "infra.local.ports", "--http-port", port, "--websocket-port", "0"]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert ran.returncode == 1
    assert f"port {port}" in ran.stderr
    make = subprocess.run(["make", "--dry-run", "run"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    order = [make.stdout.find(each) for each in ("infra.local.ports", "infra.local --addresses")]
    assert order == sorted(order) and -1 not in order


def test_a_request_is_one_line_without_its_query(tmp_path: Path) -> None:
    file = tmp_path / "running.json"
    process = start(*FREE_PORTS, "--no-seed", "--addresses", str(file))
    while not file.exists():
        assert process.poll() is None
        time.sleep(0.05)
    http = json.loads(file.read_text())["http"]
    request_id = httpx.get(f"{http}/api/v1/user/bookings?secret=1").headers["apigw-requestid"]
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=20)
    (line,) = [line for line in output.splitlines() if "/user/bookings" in line]
    assert line.startswith("401 ")
    assert line.endswith(f"GET /api/v1/user/bookings  (bookings, {request_id})  there is no token")
    assert "secret" not in output


def test_a_taken_port_is_named_with_the_variable_that_changes_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = start("--http-port", "0", "--simulator-port", "0", WEBSOCKET_PORT=port)
        output, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert port in errors
    assert "WEBSOCKET_PORT" in errors
    assert output == ""


def test_a_signal_while_starting_ends_it_too(tmp_path: Path) -> None:
    process = start(*FREE_PORTS)
    time.sleep(0.6)
    process.terminate()
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) in ((0, ""), (-signal.SIGTERM, ""))
