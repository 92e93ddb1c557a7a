"""The pages of the contracts at /docs, in a real Chromium: they load under their strict policy, and the calls work."""

import json
import os
import shutil
from collections.abc import Iterator

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect, sync_playwright

from infra.contracts.openapi import DOCUMENT
from infra.local.reference.app import ASYNCAPI, OPENAPI
from infra.topology import PREFIX
from tests.e2e.local import Local

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")
# CI has to run these tests.
pytestmark = pytest.mark.skipif(not PROGRAM and "CI" not in os.environ, reason="there is no Chromium: install chromium")
expect.set_options(timeout=30_000)  # milliseconds; a busy machine needs more than the default five seconds
WINS = "#operations-auctions-getAuctionsWinnersMe"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=["light 1280", "dark 390"])
def page(request: pytest.FixtureRequest, chromium: Chromium, local: Local) -> Iterator[Page]:
    """A tab, whose console has to stay empty: it would name each breach of the policy."""
    scheme, width = request.param.split()
    context = chromium.new_context(
        base_url=local.http_url, color_scheme=scheme, viewport={"width": int(width), "height": 900}
    )
    tab = context.new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    yield tab
    assert tab.evaluate("document.documentElement.scrollWidth") <= int(width), "it does not fit the screen"
    context.close()
    assert said == []


def findings(page: Page) -> list[str]:
    """The rules of axe that our own part of the page breaks. The rest is a package's, and takes axe a minute."""
    return [each["id"] for each in Axe().run(page, context={"include": [[".top"]]}).response["violations"]]


def test_the_explorer_calls_the_api_as_the_chosen_user(page: Page, local: Local):
    won = local.award(local.browser_as("auth0|traveller-binh", "binh@stays.example", "Bình"))
    page.goto("/docs")
    expect(page.locator("#state")).to_have_text("Calls carry this user's token.")
    page.locator("#user").select_option("auth0|traveller-binh")
    page.locator(f"{WINS} .opblock-summary-control").click()
    page.locator(f"{WINS} .execute").click()
    answer = page.locator(f"{WINS} .live-responses-table")
    expect(answer.locator(".response-col_status").last).to_have_text("200")
    expect(answer.locator(".highlight-code").first).to_contain_text(won.auction_id)
    assert findings(page) == []


def test_any_user_can_be_chosen_and_stays_with_the_tab(page: Page):
    page.goto("/docs?as=auth0|somebody")
    expect(page.locator("#sub")).to_have_value("auth0|somebody")
    page.goto("/docs")
    expect(page.locator("#sub")).to_have_value("auth0|somebody")
    expect(page.locator("#state")).to_have_text("Calls carry this user's token.")


def test_the_page_of_messages_shows_both_directions_with_the_rules(page: Page):
    page.goto("/docs/async")
    for words in (
        "Identity of a WebSocket connection",
        "SUBSCRIBE",
        "PAYMENT_STATUS",
        "AuctionResult",
        "NightsReleased",
    ):
        expect(page.locator("asyncapi-viewer")).to_contain_text(words)
    assert findings(page) == []


def test_the_served_documents_are_the_published_ones_with_the_addresses_of_this_run(local: Local):
    published = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    served = httpx.get(local.http_url + OPENAPI).json()
    assert served.pop("servers")[0]["url"] == PREFIX
    assert served == {name: each for name, each in published.items() if name != "servers"}
    messages = httpx.get(local.http_url + ASYNCAPI).json()
    assert messages["servers"]["local"]["host"] == local.websocket_url.removeprefix("ws://")


@pytest.mark.parametrize("path", ["/docs", "/docs/async"])
def test_a_page_runs_its_own_scripts_and_no_others(path: str, local: Local):
    policy = httpx.get(local.http_url + path).headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
