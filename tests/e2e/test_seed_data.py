"""The seed data of `make run`: every kind of award in it can be paid, or is refused, as expected."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from infra.local.seed import AN, BINH, Traveller, seed_events
from tests.e2e.browser import ApiError, Browser
from tests.e2e.local import ROOT, Local, ZaloPay

Log = Callable[[Traveller], Browser]
EXPIRED, WEEK = "7203451890374592003", "7203451890374592004"
PARTIAL, FULL = "7203451890374592002", "7203451890374592001"


@pytest.fixture
def awards(local: Local) -> dict[tuple[str, str], dict[str, Any]]:
    """Publish the seed data again. Returns the details of each award by auction and user."""
    assert all(answer["accepted"] for answer in local.dev("POST", "/seed"))
    told = [event["detail"] for event in seed_events(local.now())]
    return {(detail["auctionId"], detail["userId"]): detail for detail in told}


@pytest.fixture
def log_in(local: Local) -> Iterator[Log]:
    browsers: list[Browser] = []

    def log(who: Traveller) -> Browser:
        token = local.token(who.sub, email=who.email, name=who.name)
        browsers.append(Browser(local.http_url, local.websocket_url, who.sub, token, who.email))
        return browsers[-1]

    yield log
    for browser in browsers:
        browser.close()


def dates(nights: list[dict[str, Any]]) -> list[str]:
    return [night["date"] for night in nights]


def paid_booking(browser: Browser, zalopay: ZaloPay, order: dict[str, Any]) -> dict[str, Any]:
    zalopay.pay(order["appTransId"])
    booking: dict[str, Any] = browser.get(f"/payment/{order['sessionId']}/booking")
    return booking


def test_the_full_amount_books_all_seven_nights_though_the_client_names_six(
    awards: dict[tuple[str, str], dict[str, Any]], log_in: Log, zalopay: ZaloPay
) -> None:
    an, nights = log_in(AN), dates(awards[WEEK, AN.sub]["awardedNights"])
    booking = paid_booking(an, zalopay, an.create_payment(WEEK, nights[:6], 1_000_000))
    assert (booking["nights"], booking["totalAmount"], booking["status"]) == (nights, 1_000_000, "CONFIRMED")


def test_a_win_with_a_gap_is_one_booking_that_blocks_only_its_nights(
    awards: dict[tuple[str, str], dict[str, Any]], log_in: Log, zalopay: ZaloPay
) -> None:
    an, nights = log_in(AN), dates(awards[PARTIAL, AN.sub]["awardedNights"])
    booking = paid_booking(an, zalopay, an.create_payment(PARTIAL, nights, 2_250_000))
    morning = (date.fromisoformat(nights[-1]) + timedelta(days=1)).isoformat()
    assert (booking["nights"], booking["checkIn"], booking["checkOut"]) == (nights, nights[0], morning)
    assert len(nights) == 3
    assert date.fromisoformat(morning) - date.fromisoformat(nights[0]) == timedelta(days=4)


def test_a_wrong_amount_a_win_that_is_over_and_a_loss_are_refused(
    awards: dict[tuple[str, str], dict[str, Any]], log_in: Log
) -> None:
    an, binh = log_in(AN), log_in(BINH)
    with pytest.raises(ApiError, match="400 INVALID_AMOUNT") as refusal:
        an.create_payment(FULL, dates(awards[FULL, AN.sub]["awardedNights"]), 1)
    assert refusal.value.details == {"expectedAmount": 3_900_000}
    with pytest.raises(ApiError, match="409 INVALID_AUCTION_STATE"):
        an.create_payment(EXPIRED, dates(awards[EXPIRED, AN.sub]["awardedNights"]), 1_800_000)
    with pytest.raises(ApiError, match="404 NOT_FOUND"):
        binh.create_payment(FULL, dates(awards[FULL, AN.sub]["awardedNights"]), 3_900_000)


def test_paying_a_second_chance_offer_accepts_it(
    awards: dict[tuple[str, str], dict[str, Any]], log_in: Log, zalopay: ZaloPay
) -> None:
    binh, nights = log_in(BINH), dates(awards[EXPIRED, BINH.sub]["offeredNights"])
    socket = binh.open_socket(token=binh.token)
    assert socket.expect("SECOND_CHANCE_OFFER", auctionId=EXPIRED)["offeredNights"] == nights
    order = binh.create_payment(EXPIRED, nights, 1_800_000)
    assert paid_booking(binh, zalopay, order)["status"] == "CONFIRMED"
    socket.expect("BOOKING_CONFIRMED", bookingId=order["sessionId"])
    again = binh.open_socket(token=binh.token)
    again.expect("BOOKING_CONFIRMED", bookingId=order["sessionId"])
    again.ping()
    assert {message["type"] for message in again.accepted} == {"AUCTION_RESULT", "PAYMENT_STATUS", "BOOKING_CONFIRMED"}
    assert socket.dropped == again.dropped == []


def test_the_host_sees_what_was_paid_and_a_calendar_program_reads_it(
    awards: dict[tuple[str, str], dict[str, Any]], log_in: Log, zalopay: ZaloPay
) -> None:
    an, host = log_in(AN), log_in(Traveller("auth0|host-lan", "Lan", "lan@stays.example"))
    nights = dates(awards[WEEK, AN.sub]["awardedNights"])
    paid_booking(an, zalopay, an.create_payment(WEEK, nights, 1_000_000))
    calendar = f"/properties/{awards[WEEK, AN.sub]['property']['id']}/calendar"
    assert host.get(calendar)["nights"] == [{"date": night, "status": "BOOKED"} for night in nights]
    url = host.post(f"{calendar}/feed", {})["url"]
    read = httpx.get(url, trust_env=False)
    assert (read.status_code, read.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert f"DTSTART;VALUE=DATE:{nights[0].replace('-', '')}" in read.text
    again = httpx.get(url, headers={"If-None-Match": read.headers["etag"]}, trust_env=False)
    assert (again.status_code, again.content) == (304, b"")
    assert host.call("DELETE", f"{calendar}/feed") == {}
    assert httpx.get(url, trust_env=False).status_code == 404


def test_sockets_without_a_token_work_at_once_after_a_seed_and_after_the_clock_went_back(
    local: Local, log_in: Log
) -> None:
    offset = local.dev("GET", "/clock")["offset"]

    def listen() -> None:
        an = log_in(AN)
        assert an.get("/auctions/winners/me")
        an.listen()

    listen()
    local.dev("POST", "/seed")
    listen()
    for moved in ({"advance": 7200}, {"advance": -7200}, {"advance": 259_200}, {"offset": offset - 3600}):
        local.dev("POST", "/clock", moved)
        listen()
        local.dev("POST", "/seed")
        listen()
    local.dev("POST", "/clock", {"offset": offset})
    local.dev("POST", "/seed")
    listen()


def test_the_walks_through_the_documents_say_what_they_promise(
    local: Local, awards: dict[tuple[str, str], dict[str, Any]]
) -> None:
    assert awards
    walks = (ROOT / "README.md", ROOT / "docs" / "local.md")  # the second offer continues where the first one ends
    text = "\n".join(path.read_text(encoding="utf-8") for path in walks)
    found = re.findall(r"```bash\n(.*?)```|`(curl [^`]*)`", text, re.DOTALL)
    script = "\n".join(block or span for block, span in found if "curl" in block + span)
    here = {"http://localhost:8000": local.http_url, "localhost:8000": local.http_url}
    here |= {"ws://localhost:8080": local.websocket_url, "localhost:8001": local.zalopay.url}
    for address, real in (here | {".venv/bin/python": sys.executable}).items():
        script = script.replace(address, real)
    done = subprocess.run(["bash", "-eu"], input=script.encode(), capture_output=True, check=True, cwd=ROOT)  # noqa: S607
    said = done.stdout.decode(errors="replace").replace('": ', '":')  # one answer is cut within a character
    for promised in (
        "orderUrl",
        '"status":"COMPLETED"',
        '"BOOKING_CONFIRMED"',
        '"PAID"',
        '"CONFIRMED"',
        "BEGIN:VCALENDAR",
    ):
        assert promised in said, promised
    assert said.count("BEGIN:VCALENDAR") == 1  # the feed's address no longer works at the end
