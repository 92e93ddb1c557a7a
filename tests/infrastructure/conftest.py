"""One synthesis for all tests: all three stages, with their assets."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.database import Database
from tests.infrastructure.runtime import Image
from tests.infrastructure.synthesis import Stack, an_app, templates_in, templates_of, with_edge
from tests.infrastructure.unpacked import client_layer


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cloud assembly for `cdk deploy`, with its assets."""
    folder = tmp_path_factory.mktemp("cdk.out")
    an_app(folder, {"stage": "all", "aws:cdk:disable-asset-staging": False}).synth()
    return folder


@pytest.fixture(scope="session")
def stacks(assembly: Path) -> dict[str, Stack]:
    return {name: Stack(template) for name, template in templates_in(assembly).items()}


@pytest.fixture(scope="session")
def edged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stack]:
    """The stacks of a dev stage with an edge and a legacy backend."""
    folder = tmp_path_factory.mktemp("edge")
    return {name: Stack(template) for name, template in templates_of(folder, **with_edge()).items()}


@pytest.fixture(scope="session")
def backend(stacks: dict[str, Stack]) -> Stack:
    return stacks["Stays-dev-Backend"]


@pytest.fixture(scope="session")
def data(stacks: dict[str, Stack]) -> Stack:
    return stacks["Stays-dev-Data"]


@pytest.fixture(scope="session", params=["dev", "staging", "prod"])
def stage_name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cloud assembly of a dev stage with the simulator instead of ZaloPay."""
    folder = tmp_path_factory.mktemp("cdk.out")
    an_app(folder, {"stage": "dev", "zalopay": "simulator", "aws:cdk:disable-asset-staging": False}).synth()
    return folder


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The embedded engine, with the tables and secrets of the topology."""
    engine = Database(tmp_path_factory.mktemp("engine"), keep=False)
    engine.create()
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The environment of a function in Lambda."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield Image(loop, client_layer(tmp_path_factory.mktemp("client")).path)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
