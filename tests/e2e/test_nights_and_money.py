"""Nights that two users want, late money, and refunds."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.browser import ApiError, Browser, SessionPage
from tests.e2e.local import Local, ZaloPay, eventually

Travel = Callable[..., Browser]
OVER = 20 * 60  # seconds until every order and every hold has ended


def pay(zalopay: ZaloPay, order: dict[str, Any], **how: Any) -> None:
    zalopay.pay(order["appTransId"], **how)


def assert_refunded(local: Local, zalopay: ZaloPay, order: dict[str, Any]) -> dict[str, Any]:
    """Run rounds of the schedule, and check that the whole amount is refunded once. Returns the refund."""
    local.round()
    session = local.story(order["sessionId"])["SESSION"][0]
    assert session["fulfilment"] in ("REFUNDING", "REFUNDED")
    local.round(after=60)
    local.round(after=60)
    assert local.story(order["sessionId"])["SESSION"][0]["fulfilment"] == "REFUNDED"
    (refund,) = zalopay.order(order["appTransId"])["refunds"]
    assert (refund["amount"], refund["outcome"], refund["settled"]) == (order["amount"], 1, True)
    return refund


def mails_of(local: Local, browser: Browser, order: dict[str, Any], last: str) -> list[str]:
    """Wait for the mail with these words about a stay. Returns what was sent about the stay, in order."""
    number = f"({order['sessionId'][-10:-5]}-{order['sessionId'][-5:]})"

    def arrived() -> list[str]:
        subjects = [mail["subject"] for mail in reversed(local.mail(browser.email)) if number in mail["subject"]]
        return [subject.partition(":")[0].rpartition(" / ")[2] for subject in subjects]

    return eventually(lambda: told if last in (told := arrived()) else [])


def test_late_money_is_honoured_while_the_nights_are_free(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an = traveller()
    order = an.press_pay(local.award(an))
    local.round(after=OVER)
    assert an.get(f"/payment/sessions/{order['sessionId']}")["status"] == "EXPIRED"
    pay(zalopay, order, late=True)
    page = SessionPage(an, order["sessionId"])
    outcome = page.follow()
    assert (page.session["status"], outcome.is_paid) == ("PENDING", True)
    assert an.confirmation_page(outcome, page.socket).booking["status"] == "CONFIRMED"


def test_of_two_people_who_want_a_night_one_books_it_and_the_other_gets_all_money_back(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an, binh = traveller("an"), traveller("binh")
    first = local.award(an)
    second = local.award(binh, local.nights(11, 2), property_id=first.property_id)
    late = an.press_pay(first)
    with pytest.raises(ApiError, match="409 INVALID_AUCTION_STATE") as refusal:
        binh.press_pay(second)
    assert refusal.value.details == {"nights": [first.nights[1]]}

    local.round(after=OVER)
    order = binh.press_pay(second)
    page = SessionPage(binh, order["sessionId"])
    pay(zalopay, order)
    outcome = page.follow()
    assert binh.confirmation_page(outcome, page.socket).booking["nights"] == second.nights

    assert an.get(f"/payment/sessions/{late['sessionId']}")["status"] == "EXPIRED"
    socket = an.listen()
    pay(zalopay, late, late=True)
    refund = {"amount": first.amount, "status": "REFUND_DUE"}
    told = socket.expect("PAYMENT_STATUS", paymentId=late["sessionId"], reason="NIGHTS_TAKEN")
    assert (told["status"], told["refund"]) == ("FAILED", refund)
    status = an.get(f"/payment/zalopay/status/{late['appTransId']}")
    assert (status["status"], status["reason"], status["refund"]) == ("FAILED", "NIGHTS_TAKEN", refund)

    assert_refunded(local, zalopay, late)
    shown = an.get(f"/payment/sessions/{late['sessionId']}")
    assert (shown["status"], shown["refund"]["status"]) == ("FAILED", "REFUNDED")
    with pytest.raises(ApiError, match="404 NOT_FOUND"):
        an.get(f"/payment/{late['sessionId']}/booking")
    assert binh.get(f"/payment/{order['sessionId']}/booking")["status"] == "CONFIRMED"
    assert mails_of(local, an, late, "Refund completed") == ["Your refund", "Refund completed"]
    assert {attached for mail in local.mail(an.email) for attached in mail["attachments"]} == set()
    assert socket.dropped == []


def test_of_two_late_payments_for_one_night_one_is_booked_and_one_refund_is_marked(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an, binh = traveller("an"), traveller("binh")
    first = local.award(an)
    second = local.award(binh, first.nights, property_id=first.property_id)
    orders = [an.press_pay(first)]
    local.round(after=OVER)
    orders.append(binh.press_pay(second))
    local.round(after=OVER)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda order: pay(zalopay, order, late=True), orders))
    sessions = [local.story(order["sessionId"])["SESSION"][0] for order in orders]
    assert sorted(session["fulfilment"] for session in sessions) == ["BOOKED", "REFUND_DUE"]
    assert [session["status"] for session in sessions] == ["PAID", "PAID"]
    bookings = an.get("/user/bookings") + binh.get("/user/bookings")
    assert [booking["status"] for booking in bookings] == ["CONFIRMED"]


def test_a_cancelled_booking_frees_its_nights_and_brings_the_money_back(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an, binh = traveller("an"), traveller("binh")
    award = local.award(an)
    order = an.press_pay(award)
    pay(zalopay, order)
    mails_of(local, an, order, "Booking confirmed")
    socket = an.listen()
    cancelled = an.call("DELETE", f"/bookings/{order['sessionId']}")
    refund = {"amount": award.amount, "status": "REFUND_DUE"}
    assert (cancelled["status"], cancelled["refund"]) == ("CANCELLED", refund)
    assert an.call("DELETE", f"/bookings/{order['sessionId']}") == cancelled
    socket.expect("PAYMENT_STATUS", paymentId=order["sessionId"], refund=refund)

    theirs = binh.press_pay(local.award(binh, award.nights, property_id=award.property_id))
    pay(zalopay, theirs)
    assert binh.get(f"/payment/{theirs['sessionId']}/booking")["status"] == "CONFIRMED"

    assert_refunded(local, zalopay, order)
    booking = an.get(f"/payment/{order['sessionId']}/booking")
    assert (booking["status"], booking["refund"]["status"]) == ("CANCELLED", "REFUNDED")
    told = mails_of(local, an, order, "Refund completed")
    assert told == ["Booking confirmed", "Booking cancelled", "Refund completed"]


def test_nights_that_are_reserved_first_are_paid_later(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an, binh = traveller("an"), traveller("binh")
    award = local.award(an)
    wish = {"auctionId": award.auction_id, "selectedNights": award.nights}
    reserved = an.post("/bookings", wish)
    assert (reserved["status"], reserved["totalAmount"]) == ("PENDING", award.amount)
    assert an.post("/bookings", wish) == reserved
    with pytest.raises(ApiError, match="409 INVALID_AUCTION_STATE"):
        binh.press_pay(local.award(binh, award.nights, property_id=award.property_id))
    order = an.press_pay(award)
    assert order["sessionId"] == reserved["id"]
    pay(zalopay, order)
    assert an.get(f"/payment/{reserved['id']}/booking")["status"] == "CONFIRMED"


def test_a_refund_whose_answer_was_lost_is_made_once(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an = traveller()
    order = an.press_pay(local.award(an))
    pay(zalopay, order)
    an.call("DELETE", f"/bookings/{order['sessionId']}")
    zalopay.switch("refund_lost", app_trans_id=order["appTransId"])
    assert_refunded(local, zalopay, order)


def test_an_order_whose_address_was_lost_is_given_up_and_made_anew(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an = traveller()
    award = local.award(an)
    zalopay.switch("create_lost", next=True)
    with pytest.raises(ApiError, match="502 PAYMENT_CREATION_FAILED") as failure:
        an.press_pay(award)
    given_up = failure.value.details["sessionId"]
    assert an.get(f"/payment/sessions/{given_up}")["status"] == "FAILED"
    order = an.press_pay(award)
    assert order["sessionId"] != given_up
    pay(zalopay, order)
    eventually(lambda: an.get(f"/payment/{order['sessionId']}/booking")["status"] == "CONFIRMED")
