"""The console in a real browser: each story is played in the pages, as people do."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from tests.e2e.local import ROOT, Local, eventually

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
PATIENCE = 40_000  # milliseconds; the first call of a function starts its worker
WEEK, FULL = "7203451890374592004", "7203451890374592001"
AN, BINH = "auth0|traveller-an", "auth0|traveller-binh"
# Each page, and what shows that it has its content
PAGES = {
    "/play": "article",
    "/see?stay={stay}&kind=table&kind=mail": "#rows > li",
    "/stay/{stay}": "#summary .badge",
    "/bend": "#ledger [data-order]",
    "/mail": "#letter iframe",
    "/help?id={stay}": "#due > :not(p), #due p:not(:text('…'))",
}

if CHROMIUM is None and "CI" not in os.environ:
    pytest.skip("no chromium is installed: apt-get install chromium", allow_module_level=True)
expect.set_options(timeout=PATIENCE)
Open = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    assert CHROMIUM, "CI must run these tests: install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def contexts(chromium: Chromium, local: Local) -> Iterator[Open]:
    """Opens browsers of different people. No page may complain, and each page must be accessible."""
    complaints: list[str] = []
    opened: list[BrowserContext] = []

    def listen(page: Page) -> None:
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))

    def open_context(**options: Any) -> BrowserContext:
        context = chromium.new_context(base_url=local.http_url, **options)
        context.set_default_timeout(PATIENCE)
        context.on("page", listen)
        opened.append(context)
        return context

    local.dev("POST", "/seed")
    local.dev("DELETE", "/mail")
    yield open_context
    for context in opened:
        context.close()
    local.zalopay.mend()
    assert complaints == []


def play(context: BrowserContext, sub: str) -> Page:
    """A page of the traveller that has subscribed."""
    page = context.new_page()
    page.goto(f"/play?as={sub}")
    expect(page.get_by_text("listening", exact=True)).to_be_visible()
    return page


def pay(page: Page, auction: str) -> str:
    """Pay for a win at ZaloPay, and come back. Returns the stay."""
    page.locator(f"[data-auction='{auction}']").get_by_role("button", name="Pay with ZaloPay").click()
    page.get_by_role("button", name=re.compile(r"^Pay \d")).click()
    page.wait_for_url("**/stay/*")
    return page.url.rpartition("/")[2].partition("?")[0]


def findings(page: Page) -> list[str]:
    found = Axe().run(page, options={"iframes": False}).response["violations"]  # a mail is no page of our own
    return [f"{each['id']}: {node['html']} {node['failureSummary']}" for each in found for node in each["nodes"]]


def test_a_traveller_wins_pays_and_sees_the_booking_come(contexts: Open, local: Local) -> None:
    watching = contexts().new_page()
    watching.goto("/see")
    page = play(contexts(), AN)
    page.get_by_text("Make a win").click()
    page.get_by_role("spinbutton", name="Nights").fill("2")
    page.get_by_role("button", name="Make the win").click()
    page.locator(".stay.new").wait_for()
    auction = page.locator(".stay.new").get_attribute("data-auction")
    stay = pay(page, str(auction))
    expect(page.locator("#summary")).to_contain_text("Paid and booked")
    expect(page.locator("#flow")).to_contain_text("paid, and the nights are booked")
    assert page.locator("#flow tr[data-kind='zalopay']").count() >= 2, "create and callback"
    # The other person's page shows it without a reload, and a value there is a filter.
    row = watching.locator("#rows > li", has_text="paid, and the nights are booked").first
    row.locator(".chip", has_text=f"…{stay[-5:]}").click()
    assert watching.url.endswith(f"?stay={stay}")
    expect(watching.locator("#rows > li", has_text="BookingConfirmed")).to_have_count(1)
    row.locator(".words").click()
    expect(row.locator("pre")).to_contain_text('"what": "PAID_AND_BOOKED"')
    page.goto("/play")
    expect(page.locator(f"[data-booking='{stay}']")).to_contain_text("booked")
    page.goto("/mail")
    expect(page.frame_locator("iframe").locator("h1").first).to_have_text("Đặt phòng thành công!")
    expect(page.locator("#letter")).to_contain_text("Adds to the calendar")


def test_a_decline_reaches_the_runner_up_in_another_browser(contexts: Open) -> None:
    an, binh = play(contexts(), AN), play(contexts(), BINH)
    expect(binh.locator("[data-offer]", has_text="Nhà gỗ Đồi Thông")).to_have_count(0)
    an.locator(f"[data-auction='{FULL}']").get_by_role("button", name="Decline").click()
    an.get_by_role("dialog").get_by_role("button", name="Decline").click()
    offer = binh.locator("[data-offer]", has_text="Nhà gỗ Đồi Thông")
    expect(offer).to_contain_text("waits for your answer")
    expect(binh.locator("#heard")).to_contain_text("SECOND_CHANCE_OFFER")
    offer.get_by_role("button", name="Accept").click()
    expect(binh.locator("article[data-auction]", has_text="Nhà gỗ Đồi Thông")).to_contain_text("to be paid")


def test_the_clock_finds_a_lost_callback_and_the_page_opens_what_it_did(contexts: Open) -> None:
    page = contexts().new_page()
    page.goto("/bend")
    page.get_by_role("combobox", name="Fault").select_option("callback_lost")
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator("#on")).to_contain_text("callback_lost")
    page.goto(f"/play?as={AN}")
    pay(page, WEEK)
    expect(page.locator("#summary")).to_contain_text("Waiting for payment")
    page.goto("/bend")
    page.get_by_role("button", name="+1 min").click()
    page.wait_for_url("**/see?since=*")
    expect(page.locator("#rows")).to_contain_text("paid, and the nights are booked")
    expect(page.locator("#rows")).to_contain_text("the clock moves by +60 s")


def test_the_desk_sees_what_a_refund_would_do_and_then_refunds(contexts: Open) -> None:
    page = play(contexts(), AN)
    stay = pay(page, WEEK)
    expect(page.locator("#summary")).to_contain_text("Paid and booked")
    page.get_by_role("link", name="Help with it").click()
    expect(page.locator("#found")).to_contain_text("PAID / BOOKED")
    page.locator("#actions").get_by_role("button", name="Refund").click()
    page.get_by_label("end the booking, too").check()
    page.get_by_role("button", name="What would it do?").click()
    expect(page.locator("#plan")).to_contain_text("would become PAID / REFUND_DUE")
    expect(page.locator("#plan .paste pre")).to_contain_text(f"refund {stay} --end-booking --yes")
    page.get_by_role("button", name="Do it").click()
    expect(page.locator("#plan")).to_contain_text("is now PAID / REFUND_DUE")
    page.goto("/play")
    expect(page.locator(f"[data-booking='{stay}']")).to_contain_text("cancelled")


def test_every_page_is_accessible_and_fits_in_light_and_dark_on_desktop_and_phone(contexts: Open) -> None:
    stay = pay(play(contexts(), AN), WEEK)
    for scheme, size in product(("light", "dark"), (DESKTOP, PHONE)):
        page = contexts(color_scheme=scheme, viewport=size, has_touch=size is PHONE).new_page()
        for path, ready in PAGES.items():
            page.goto(path.format(stay=stay))
            page.locator(ready).first.wait_for()
            if path.startswith("/see"):
                page.locator("#rows .words").first.click()
                page.locator("#rows pre").wait_for()
            assert findings(page) == [], (path, scheme, size)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, size)


def test_a_keyboard_reaches_the_rows_and_opens_one(contexts: Open) -> None:
    page = contexts().new_page()
    page.goto("/see?kind=seed")
    page.locator("#rows .words").first.wait_for()
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.locator("#rows .words").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#rows pre")).to_be_visible()


def test_pause_counts_and_clear_empties(contexts: Open, local: Local) -> None:
    page = contexts().new_page()
    page.goto("/see")
    page.locator("#rows > li").first.wait_for()
    page.get_by_role("button", name="Pause").click()
    before = page.locator("#rows > li").count()
    httpx.get(f"{local.http_url}/api/v1/user/bookings")
    expect(page.locator("#pause")).to_contain_text(re.compile(r"Go on \([1-9]\d* new\)"))
    assert page.locator("#rows > li").count() == before
    page.locator("#pause").click()
    page.get_by_role("button", name="Failed only").click()
    expect(page.locator("#rows > li").first).to_contain_text("there is no token")
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator("#rows > li")).to_have_count(0)


def test_seven_tabs_are_all_live(contexts: Open, local: Local) -> None:
    context = contexts()
    tabs = [context.new_page() for _ in range(7)]
    for tab in tabs:
        tab.goto("/see")
        tab.locator("#rows > li").first.wait_for()
    httpx.get(f"{local.http_url}/api/v1/auctions/winners/{WEEK}")
    for tab in tabs:
        expect(tab.locator("#rows > li", has_text=f"/auctions/winners/{WEEK}")).to_have_count(1)
    # The tab that holds the stream goes away, and the others still hear.
    tabs[0].close()
    httpx.get(f"{local.http_url}/api/v1/auctions/winners/{FULL}")
    for tab in tabs[1:]:
        expect(tab.locator("#rows > li", has_text=f"/auctions/winners/{FULL}")).to_have_count(1)


def test_a_frontend_that_runs_gets_its_user_back(chromium: Chromium, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "http.server", "0", "--bind", "127.0.0.1"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as server:
        assert server.stdout is not None
        port = re.search(r"port (\d+)", server.stdout.readline())
        assert port
        frontend = f"http://127.0.0.1:{port[1]}"
        running = Local(tmp_path, "--frontend", frontend)
        context = chromium.new_context(base_url=running.http_url)
        try:
            page = play(context, AN)
            page.locator(f"[data-auction='{WEEK}']").get_by_role("button", name="Pay with ZaloPay").click()
            page.get_by_role("button", name=re.compile(r"^Pay \d")).click()
            page.wait_for_url(f"{frontend}/dashboard/payment/zalopay/*")
        finally:
            context.close()
            server.terminate()
            assert running.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_open_pages_do_not_delay_the_end_and_are_told(chromium: Chromium, tmp_path: Path, number: int) -> None:
    running = Local(tmp_path, "--no-seed")
    context = chromium.new_context(base_url=running.http_url)
    page = context.new_page()
    page.goto("/see")
    eventually(lambda: page.locator("#count").text_content())
    running._process.send_signal(number)
    assert running._process.wait(timeout=20) == 0
    # The server gives an open request two seconds, and says so when it has to cancel one.
    assert "graceful shutdown exceeded" not in running.log.read_text()
    assert "Traceback" not in running.log.read_text()
    expect(page.get_by_text("The system has stopped")).to_be_visible()
    context.close()
    running.stop()


def test_a_page_of_another_site_can_neither_read_nor_write(local: Local) -> None:
    port = local.http_url.rpartition(":")[2]
    rebound = {"host": f"evil.example:{port}", "origin": f"http://evil.example:{port}"}
    for path in ("/", "/see", "/console/rows", "/console/stream", "/console/mails"):
        assert httpx.get(f"{local.http_url}{path}", headers=rebound).status_code == 403, path
    asked = {"words": ["due"]}
    for headers in ({}, {"origin": "http://evil.example"}, {"origin": "http://localhost:3000"}, rebound):
        answer = httpx.post(f"{local.http_url}/console/operator", json=asked, headers=headers)
        assert answer.status_code == 403, headers
        assert httpx.delete(f"{local.http_url}/console/rows", headers=headers).status_code == 403
    own = {"origin": local.http_url}
    assert httpx.post(f"{local.http_url}/console/operator", json=asked, headers=own, timeout=30).status_code == 200
    policy = httpx.get(f"{local.http_url}/see").headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


def test_the_page_over_a_stage_reads_only_and_needs_its_token(chromium: Chromium) -> None:
    command = [sys.executable, "-m", "infra.local.console", "--stage", "prod", "--port", "0"]
    nothing = os.environ | {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    nothing |= {"AWS_EC2_METADATA_DISABLED": "true", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=nothing, stdout=subprocess.PIPE, text=True) as console:  # noqa: S603
        assert console.stdout is not None
        address = console.stdout.readline().split()[1]
        own = address.partition("/help")[0]
        try:
            assert httpx.get(f"{own}/help").status_code == 403
            assert httpx.get(address.replace("token=", "token=x")).status_code == 403
            assert httpx.get(address, headers={"host": "evil.example"}).status_code == 403
            page = chromium.new_page()
            page.goto(address)
            assert page.url == f"{own}/help", "the token does not stay in the address"
            expect(page.locator(".place")).to_have_text("stage prod")
            # There are no credentials here, so the operator's own sentence is shown.
            expect(page.locator("#due")).to_contain_text("prod cannot be read")
            expect(page.locator("#review")).to_have_text("Read the whole table")
            assert findings(page) == []
            (cookie,) = page.context.cookies()
            headers = {"origin": own, "cookie": f"{cookie['name']}={cookie['value']}"}
            acts = {"words": ["refund", "01K"], "really": True}
            said = httpx.post(f"{own}/console/operator", json=acts, headers=headers).json()
            assert said == {"lines": [], "paste": "make operator ARGS='--stage prod refund 01K --yes'"}
            assert httpx.get(f"{own}/see", headers=headers).status_code == 404
            assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        finally:
            console.terminate()
            assert console.wait(timeout=10) == 0
