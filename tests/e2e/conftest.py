"""One local run for all tests; each test has its own users, auctions and properties."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.browser import Browser
from tests.e2e.local import Local, ZaloPay

NEVER = "86400"  # seconds: the tests run the schedule themselves


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    running = Local(tmp_path_factory.mktemp("local"), "--schedule", NEVER)
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture
def zalopay(local: Local) -> Iterator[ZaloPay]:
    yield local.zalopay
    local.zalopay.mend()


@pytest.fixture
def traveller(local: Local) -> Iterator[Callable[..., Browser]]:
    browsers: list[Browser] = []

    def travel(name: str = "an") -> Browser:
        browsers.append(local.browser(name))
        return browsers[-1]

    yield travel
    for browser in browsers:
        browser.close()


@pytest.fixture
def operate(local: Local) -> Callable[..., str]:
    """Returns a function that runs an operator's command and returns its output."""

    def typed(*words: str, ends: int = 0) -> str:
        command = [sys.executable, "-m", "infra.operator", "--local", "--at", local.http_url, *words, "--as", "linh"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own words
        assert ran.returncode == ends, ran.stderr
        return ran.stdout + ran.stderr

    return typed


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    running = getattr(item, "funcargs", {}).get("local")
    if report.failed and running:
        report.sections.append(("what the local run said", running.log.read_text()[-6000:]))
    return report
