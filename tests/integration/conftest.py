"""The backend as a whole: moto for AWS, the real simulator for ZaloPay, real HTTP for the rest."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType

import pytest
import time_machine

from infra.topology import FUNCTIONS
from infra.zalopay_simulator import Settings, create_app
from tests.integration.calls import Recorder, granted_by_topology
from tests.integration.http_gateway import HttpGateway, http_gateway
from tests.integration.local_gateway import Gateway, running_gateway
from tests.integration.messages import START
from tests.integration.outside import AUDIENCE, CALLBACK, Neighbour, ZaloPay, neighbour, served
from tests.integration.product import close, load
from tests.integration.world import AwsClients, World, aws_clients


@pytest.fixture(scope="session")
def outside() -> Iterator[Neighbour]:
    with neighbour() as running:
        yield running


@pytest.fixture(scope="session")
def simulator() -> Iterator[ZaloPay]:
    with served(lambda url: create_app(Settings(base_url=url, callback_spacing=0, refund_seconds=5))) as url:
        client = ZaloPay(url)
        yield client
        client.close()


@pytest.fixture(scope="session")
def functions(outside: Neighbour, simulator: ZaloPay) -> Iterator[Mapping[str, ModuleType]]:
    settings = {
        "ZALOPAY_ENDPOINT": simulator.url,
        "CALLBACK_URL": outside.url + CALLBACK,
        "WEBSOCKET_ENDPOINT": outside.url,
        "JWT_ISSUER": outside.issuer.url,
        "JWT_AUDIENCE": AUDIENCE,
    }
    loaded = {name: load(name, settings) for name in FUNCTIONS if name != "connections"}
    for mode in ("bound", "strict", "open"):
        loaded[f"connections_{mode}"] = load("connections", settings | {"WEBSOCKET_IDENTITY": mode})
    line = loaded["payments"].zalopay_client._http  # one line to ZaloPay for all, where tests listen
    for module in loaded.values():
        if hasattr(module, "zalopay_client"):
            module.zalopay_client._http = line
    yield loaded
    line.close()
    for module in loaded.values():
        close(module)


@pytest.fixture(scope="session")
def clients() -> AwsClients:
    return aws_clients()


@pytest.fixture
def world(
    aws: None, functions: Mapping[str, ModuleType], simulator: ZaloPay, outside: Neighbour, clients: AwsClients
) -> Iterator[World]:
    """An empty backend on a March morning; ZaloPay's callbacks reach it."""
    simulator.forget()
    outside.forget()
    for function in functions.values():
        if hasattr(function, "keys"):
            function.keys.known.clear()
    for name in ("payments", "auctions"):
        functions[name].presence.seen.clear()
    functions["zalopay_callback"].looked_at["monotonic"] = float("-inf")
    with time_machine.travel(START, tick=True) as clock:
        begun = World(functions, simulator, outside, clock, clients)
        outside.on_callback = lambda body: answer_of(begun, body)
        with only_what_is_allowed(functions):
            yield begun


@contextmanager
def only_what_is_allowed(functions: Mapping[str, ModuleType]) -> Iterator[None]:
    """Whatever a test does, no function asks the tables for what it may not ask in AWS."""
    loaded = {name: functions["connections_bound" if name == "connections" else name] for name in FUNCTIONS}
    allowed = granted_by_topology()
    with Recorder(loaded) as recorder:
        yield
    assert {call for call in recorder.calls if not any(grant.covers(call) for grant in allowed)} == set()


def answer_of(world: World, body: bytes) -> str:
    return json.dumps(world.http("POST", "/payment/zalopay/callback", raw=body).body)


@pytest.fixture
def http_api(world: World) -> Iterator[HttpGateway]:
    with http_gateway(world) as opened:
        yield opened


@pytest.fixture(scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running
