"""A winner does not pay, and the runners-up get offers: each user gets only their own messages."""

from collections.abc import Callable
from contextlib import closing
from datetime import date
from typing import Any

import httpx
import pytest
from ical.calendar_stream import IcsCalendarStream

from tests.e2e.browser import ApiError, Browser, Socket
from tests.e2e.local import VIETNAM, Award, Local, ZaloPay, eventually, new_number

Travel = Callable[..., Browser]
MINUTES = 60


def runner_up(browser: Browser, nights: list[str], price: int) -> dict[str, Any]:
    return {
        "userId": browser.user_id,
        "bidId": "88",
        "nights": [{"date": night, "price": price} for night in nights],
        "guestCount": 2,
    }


def won(local: Local, winner: Browser, first: Browser, second: Browser) -> Award:
    """Four nights for the winner. The first runner-up bid for all of them, the second for the first three."""
    nights = local.nights(30, 4)
    runners_up = [runner_up(first, nights, 450_000), runner_up(second, nights[:3], 400_000)]
    deadline = local.in_seconds(10 * MINUTES)
    return local.award(winner, nights, paymentDeadline=deadline, runnersUp=runners_up, offerMinutes=60)


def arrive(browser: Browser) -> Socket:
    """Open the winners page, whose call proves the user of the socket that follows."""
    assert browser.get("/auctions/winners/me") == []
    return browser.listen()


def heard(browser: Browser, socket: Socket) -> list[tuple[str, str | None]]:
    """All messages of a browser, by type and by result or status."""
    socket.ping()
    assert all(message["userId"] == browser.user_id for message in socket.accepted)
    assert socket.dropped == []
    return [(each["type"], each.get("result") or each.get("status")) for each in socket.accepted]


def test_the_second_runner_up_gets_what_the_winner_did_not_pay_for(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an, binh, chi = traveller("an"), traveller("binh"), traveller("chi")
    sockets = [arrive(browser) for browser in (an, binh, chi)]
    award = won(local, an, binh, chi)
    sockets[0].expect("AUCTION_RESULT", auctionId=award.auction_id, result="FULL_WIN", awardedNights=award.nights)

    assert local.round(after=11 * MINUTES)["attended"] >= 1
    sockets[0].expect("AUCTION_RESULT", auctionId=award.auction_id, result="LOST", status="EXPIRED")
    assert an.get(f"/auctions/winners/{award.auction_id}")["status"] == "EXPIRED"
    with pytest.raises(ApiError, match="409 INVALID_AUCTION_STATE"):
        an.press_pay(award)

    offer = sockets[1].expect("SECOND_CHANCE_OFFER", auctionId=award.auction_id, offeredNights=award.nights)
    assert binh.get(f"/auctions/offers/second-chance/{offer['offerId']}")["amount"] == 4 * 450_000
    assert binh.post(f"/auctions/offers/second-chance/{offer['offerId']}/decline", {"reason": "too late"}) == {}

    last = sockets[2].expect("SECOND_CHANCE_OFFER", auctionId=award.auction_id, offeredNights=award.nights[:3])
    assert chi.post(f"/auctions/offers/{award.auction_id}/accept", {"selectedNights": award.nights[:3]}) == {}
    (winner,) = chi.get("/auctions/winners/me")
    assert (winner["id"], winner["status"], winner["bidAmount"]) == (last["offerId"], "PENDING_PAYMENT", 3 * 400_000)
    order = chi.create_payment(award.auction_id, award.nights[:3], winner["bidAmount"])
    zalopay.pay(order["appTransId"])

    sockets[2].expect("BOOKING_CONFIRMED", checkIn=award.nights[0], checkOut=award.nights[3])
    (booking,) = chi.get("/user/bookings")
    assert (booking["status"], booking["nights"], booking["totalAmount"]) == ("CONFIRMED", award.nights[:3], 1_200_000)
    assert [offer["status"] for offer in chi.get("/auctions/offers/second-chance/me")] == ["ACCEPTED"]
    assert [offer["status"] for offer in binh.get("/auctions/offers/second-chance/me")] == ["DECLINED"]
    assert heard(an, sockets[0]) == [("AUCTION_RESULT", "FULL_WIN"), ("AUCTION_RESULT", "LOST")]
    assert heard(binh, sockets[1]) == [("SECOND_CHANCE_OFFER", None)]
    assert heard(chi, sockets[2])[0] == ("SECOND_CHANCE_OFFER", None)
    assert booked_days(local, award) == [(date.fromisoformat(award.nights[0]), date.fromisoformat(award.nights[3]))]


def test_everyone_hears_by_mail_what_concerns_them(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    wait_for_morning(local)
    an, binh, chi, host = (traveller(name) for name in ("an", "binh", "chi", "host"))
    for browser, locale in ((an, "vi"), (binh, "en"), (chi, "vi-VN"), (host, "en-GB")):
        browser.post("/users/auth0-sync", {"locale": locale})
    nights = local.nights(30, 2)
    place = {"id": new_number(), "name": "Nhà gỗ Đồi Thông", "hostId": host.user_id, "addressLine1": "1 Hai Bà Trưng"}
    award = local.award(
        an,
        nights,
        property=place,
        paymentDeadline=local.in_seconds(120 * MINUTES),
        runnersUp=[runner_up(browser, nights, 400_000) for browser in (binh, chi)],
        offerMinutes=120,
    )
    local.wait_for_mails(an.email, 1)
    an.press_pay(award)
    local.round(after=17 * MINUTES)
    local.round(after=6 * MINUTES)
    local.wait_for_mails(an.email, 2)
    local.round(after=68 * MINUTES)
    local.wait_for_mails(an.email, 3)
    local.round(after=31 * MINUTES)
    local.wait_for_mails(binh.email, 1)
    assert binh.post(f"/auctions/offers/{award.auction_id}/decline", {}) == {}
    local.wait_for_mails(chi.email, 1)
    order = chi.create_payment(award.auction_id, nights, 800_000)
    zalopay.pay(order["appTransId"])
    local.wait_for_mails(chi.email, 2)
    (booking,) = chi.get("/user/bookings")
    chi.call("DELETE", f"/bookings/{booking['id']}")
    eventually(lambda: local.round(after=MINUTES) and len(local.mail(chi.email)) >= 4)
    local.wait_for_mails(host.email, 2)
    local.round(after=120 * MINUTES)  # no mail comes late

    reference = booking["referenceNumber"]
    assert told(local, an) == ["Bạn đã thắng đấu giá", "Thanh toán chưa thành công", "Sắp hết thời hạn"]
    assert told(local, binh) == ["You have a second chance"]
    assert told(local, chi) == ["Bạn có cơ hội thứ hai", "Đã xác nhận đặt phòng", "Đã hủy đặt phòng", "Đã hoàn tiền"]
    assert told(local, host) == ["New booking", "Guest not coming"]
    confirmation, cancellation = local.mail(chi.email)[2], local.mail(chi.email)[1]
    assert "Địa chỉ: 1 Hai Bà Trưng" in confirmation["text"] and reference in confirmation["subject"]
    assert "bạn được hoàn 100% số tiền" in cancellation["text"]
    assert [uid(mail["attachments"]) for mail in (confirmation, cancellation)] == [
        f"{nights[0].replace('-', '')}-{booking['id']}@stays"
    ] * 2
    assert not any(chi.email in mail["text"] for mail in local.mail(host.email))


def told(local: Local, browser: Browser) -> list[str]:
    """What the mails to a user are about, in the order in which they came."""
    return [mail["subject"].partition(":")[0] for mail in reversed(local.mail(browser.email))]


def uid(attachments: list[dict[str, Any]]) -> str:
    (calendar,) = IcsCalendarStream.from_ics(attachments[0]["content"]).calendars
    return str(calendar.events[0].uid)


def wait_for_morning(local: Local) -> None:
    """Move the clock to ten in the morning in Viet Nam: no reminder goes out at night."""
    now = local.now().astimezone(VIETNAM)
    ten = now.replace(hour=10, minute=0, second=0)
    local.later(int((ten - now).total_seconds()) % 86_400)


def booked_days(local: Local, award: Award) -> list[tuple[date, date]]:
    """Check-in and check-out of each stay in the property's feed."""
    with closing(local.browser_of("host-lan")) as host:
        address = host.post(f"/properties/{award.property_id}/calendar/feed", {})["url"]
    (calendar,) = IcsCalendarStream.from_ics(httpx.get(address, trust_env=False).text).calendars
    return [(event.start, event.end) for event in calendar.events]


def test_nights_that_no_runner_up_wants_are_released_and_published(local: Local, traveller: Travel) -> None:
    an, binh, chi = traveller("an"), traveller("binh"), traveller("chi")
    award = won(local, an, binh, chi)
    for browser in (an, binh, chi):
        eventually(lambda browser=browser: offered(browser) or browser is an)
        assert browser.post(f"/auctions/offers/{award.auction_id}/decline", {}) == {}
    said = eventually(lambda: local.published_of(award.auction_id, "NightsReleased"))
    assert [(each["releasedNights"], each["userId"]) for each in said] == [(award.nights, chi.user_id)]
    assert local.published_of(award.auction_id, "OfferExpired") == []


def offered(browser: Browser) -> list[Any]:
    found: list[Any] = browser.get("/auctions/offers/second-chance/me")
    return found


def test_no_runner_up_gets_an_offer_while_an_order_is_open(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an, binh, chi = traveller("an"), traveller("binh"), traveller("chi")
    award = won(local, an, binh, chi)
    local.later(9 * MINUTES)
    order = an.press_pay(award)
    local.round(after=3 * MINUTES)
    assert binh.get("/auctions/offers/second-chance/me") == []
    with pytest.raises(ApiError, match="409 INVALID_AUCTION_STATE"):
        an.post(f"/auctions/winners/{award.auction_id}/decline", {})
    zalopay.switch("callback_lost", on=True)
    zalopay.pay(order["appTransId"])
    local.round(after=MINUTES)
    assert an.get(f"/auctions/winners/{award.auction_id}")["status"] == "PAID"
    assert binh.get("/auctions/offers/second-chance/me") == []


def test_a_part_of_a_partial_win_is_paid_and_booked(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an = traveller()
    nights = local.nights(50, 5)
    award = local.award(an, [*nights[:2], *nights[3:]], result="PARTIAL_WIN")
    shown = an.get(f"/auctions/winners/{award.auction_id}")
    assert [night["rangeId"] for night in shown["awardedNights"]] == ["range-1", "range-1", "range-2", "range-2"]
    assert an.post(f"/auctions/offers/{award.auction_id}/accept", {"selectedNights": nights[3:]}) == {}
    shown = an.get(f"/auctions/winners/{award.auction_id}")
    assert [night["isSelected"] for night in shown["awardedNights"]] == [False, False, True, True]
    order = an.create_payment(award.auction_id, nights[3:], shown["bidAmount"])
    zalopay.pay(order["appTransId"])
    (booking,) = an.get("/user/bookings")
    assert (booking["nights"], booking["totalAmount"]) == (nights[3:], 1_000_000)
