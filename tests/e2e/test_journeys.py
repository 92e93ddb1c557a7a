"""From the pay button to the booking, in any order of events, and with lost calls."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.browser import ApiError, Browser, SessionPage
from tests.e2e.local import Award, Local, ZaloPay, eventually

Travel = Callable[..., Browser]


def assert_booked(local: Local, browser: Browser, award: Award, session_id: str) -> None:
    """Check that there is one booking of these nights, one mail, one thread and one recorded decision."""
    (booking,) = [each for each in browser.get("/user/bookings") if each["id"] == session_id]
    assert (booking["status"], booking["nights"]) == ("CONFIRMED", award.nights)
    local.wait_for_mails(browser.email, 1)
    story = eventually(lambda: told if (told := local.story(session_id))["MAIL"][0]["state"] == "SENT" else {})
    assert [len(story[kind]) for kind in ("SESSION", "BOOKING", "THREAD", "MAIL")] == [1, 1, 1, 1]
    assert [event["what"] for event in story["EVENT"]].count("PAID_AND_BOOKED") == 1
    assert len(local.mail(browser.email)) == 1
    assert eventually(lambda: local.published(session_id)) == ["PaymentCompleted", "BookingConfirmed"]


def test_a_won_auction_becomes_a_paid_booked_stay(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an = traveller()
    award = local.award(an)
    order = an.press_pay(award)
    assert (order["amount"], order["orderUrl"]) == (award.amount, zalopay.order(order["appTransId"])["order_url"])
    other_tab = an.listen()

    page = an.return_from(zalopay.pay(order["appTransId"]))
    outcome = page.follow()
    assert outcome.is_paid
    other_tab.expect("PAYMENT_STATUS", status="COMPLETED", transactionId=outcome.transaction_id)

    found = an.confirmation_page(outcome, page.socket)
    assert found.looks == 1
    assert found.payment["paymentId"] == found.payment["id"] == page.session["id"] == found.booking["id"]
    page.socket.expect("BOOKING_CONFIRMED", bookingId=page.session["id"], checkIn=award.nights[0])
    assert_booked(local, an, award, page.session["id"])
    assert page.socket.dropped == other_tab.dropped == []


def test_a_booking_has_everything_that_the_confirmation_page_and_the_mail_show(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an = traveller()
    award = local.award(an)
    order = an.press_pay(award)
    zalopay.pay(order["appTransId"])
    booking = an.get(f"/payment/{order['sessionId']}/booking")
    reference, created_at = booking.pop("referenceNumber"), booking.pop("createdAt")
    assert booking == {
        "id": order["sessionId"],
        "paymentId": order["sessionId"],
        "userId": an.user_id,
        "propertyId": award.property_id,
        "propertyName": "Nhà gỗ Đồi Thông",
        "hostId": "auth0|host-lan",
        "checkIn": award.nights[0],
        "checkOut": local.nights(12, 1)[0],
        "nights": award.nights,
        "guestCount": 2,
        "totalAmount": award.amount,
        "status": "CONFIRMED",
        "cancellationPolicy": [
            {"daysBefore": 7, "percent": 100},
            {"daysBefore": 3, "percent": 50},
            {"daysBefore": 0, "percent": 0},
        ],
    }
    assert created_at.endswith("Z")
    (mail,) = local.wait_for_mails(an.email, 1)
    assert reference in mail["text"]
    (calendar,) = [each for each in mail["attachments"] if each["name"].endswith(".ics")]
    assert (calendar["type"], award.nights[0].replace("-", "") in calendar["content"]) == ("text/calendar", True)


def test_what_the_backend_does_after_a_booking_may_be_asked_for_again(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an = traveller()
    order = an.press_pay(local.award(an))
    zalopay.pay(order["appTransId"])
    local.wait_for_mails(an.email, 1)
    booking = f"/bookings/{order['sessionId']}"
    for _ in range(2):
        assert an.post(f"{booking}/update-calendar", {}) == {}
        assert an.post(f"{booking}/conversation", {}) == {"threadId": order["sessionId"]}
    assert an.post(f"{booking}/send-confirmation", {}) == {}
    with pytest.raises(ApiError, match="429 RATE_LIMIT"):
        an.post(f"{booking}/send-confirmation", {})
    local.later(61)
    assert an.post(f"{booking}/send-confirmation", {}) == {}
    first, second = local.wait_for_mails(an.email, 2)
    assert first["subject"] == second["subject"]
    assert len(local.story(order["sessionId"])["THREAD"]) == 1


def test_a_callback_that_beats_the_answer_to_create_is_not_lost(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an = traveller()
    award = local.award(an)
    zalopay.switch("callback_before_create", next=True)
    order = an.press_pay(award)
    assert zalopay.order(order["appTransId"])["callbacks"][0]["verdict"] == "accepted"
    page = SessionPage(an, order["sessionId"])
    assert page.session["status"] == "PENDING"
    outcome = page.follow()
    assert outcome.is_paid
    assert an.confirmation_page(outcome, page.socket).looks == 1
    assert_booked(local, an, award, order["sessionId"])


def test_a_page_that_opens_after_the_callback_polls_and_is_told_on_subscribing(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an = traveller()
    award = local.award(an)
    order = an.press_pay(award)
    redirect = zalopay.pay(order["appTransId"])
    eventually(lambda: local.story(order["sessionId"])["SESSION"][0]["status"] == "PAID")
    local.wait_for_mails(an.email, 1)

    page = an.return_from(redirect)
    assert page.session["status"] == "PENDING"
    outcome = page.follow()
    assert (outcome.by, outcome.status, page.polls) == ("poll", "PAID", ["PAID"])
    page.socket.expect("PAYMENT_STATUS", status="COMPLETED", transactionId=outcome.transaction_id)
    page.socket.expect("BOOKING_CONFIRMED", bookingId=order["sessionId"])
    assert an.confirmation_page(outcome, page.socket).looks == 1
    assert SessionPage(an, order["sessionId"]).session["status"] == "PAID"


def test_a_browser_that_comes_back_before_the_callback_finds_the_money_by_asking(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an = traveller()
    award = local.award(an)
    order = an.press_pay(award)
    page = an.return_from(zalopay.pay(order["appTransId"], order="redirect_first"))
    outcome = page.follow()
    assert (outcome.by, outcome.status, page.polls) == ("poll", "PAID", ["PAID"])
    assert an.confirmation_page(outcome, page.socket).looks == 1
    callbacks = eventually(lambda: zalopay.order(order["appTransId"])["callbacks"])
    assert [each["verdict"] for each in callbacks] == ["accepted"]
    page.socket.expect("PAYMENT_STATUS", paymentId=order["sessionId"], status="COMPLETED")
    assert_booked(local, an, award, order["sessionId"])


def test_a_page_that_waits_moves_on_by_the_socket_within_a_second(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an = traveller()
    order = an.press_pay(local.award(an))
    page = SessionPage(an, order["sessionId"])
    page.socket.expect("PAYMENT_STATUS", paymentId=order["sessionId"], status="INITIATED")
    zalopay.pay(order["appTransId"])
    message = page.socket.find(lambda each: each.get("status") == "COMPLETED", 1.0)
    assert message
    assert an.get(f"/payment/transactions/{message['transactionId']}")["id"] == order["sessionId"]
    page.socket.expect("BOOKING_CONFIRMED", bookingId=order["sessionId"])
    assert page.socket.dropped == []


def test_a_lost_callback_is_found_by_polling(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an = traveller()
    award = local.award(an)
    order = an.press_pay(award)
    zalopay.switch("callback_lost", app_trans_id=order["appTransId"])
    page = an.return_from(zalopay.pay(order["appTransId"]))
    outcome = page.follow()
    assert (outcome.by, outcome.status) == ("poll", "PAID")
    assert an.confirmation_page(outcome, page.socket).looks == 1
    assert_booked(local, an, award, order["sessionId"])


def test_a_lost_callback_is_found_by_the_schedule_when_nobody_asks(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an = traveller()
    award = local.award(an)
    order = an.press_pay(award)
    zalopay.switch("callback_lost", app_trans_id=order["appTransId"])
    zalopay.pay(order["appTransId"])
    local.round(after=60)
    assert local.story(order["sessionId"])["SESSION"][0]["fulfilment"] == "BOOKED"
    assert_booked(local, an, award, order["sessionId"])


def test_when_every_callback_is_lost_every_paid_order_is_booked_within_two_minutes(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    people = [traveller(f"guest{number}") for number in range(20)]
    awards = [local.award(each) for each in people]
    zalopay.switch("callback_lost")
    with ThreadPoolExecutor(4) as pool:
        orders = list(pool.map(Browser.press_pay, people, awards))
        list(pool.map(lambda order: zalopay.pay(order["appTransId"]), orders))
    local.round(after=60)
    local.round(after=60)
    stories = [local.story(order["sessionId"]) for order in orders]
    assert [story["SESSION"][0]["fulfilment"] for story in stories] == ["BOOKED"] * 20
    assert all(callback["verdict"] == "lost" for order in zalopay.orders()[-20:] for callback in order["callbacks"])
    for person in people:
        local.wait_for_mails(person.email, 1)


def test_three_callbacks_make_one_booking(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an = traveller()
    award = local.award(an)
    order = an.press_pay(award)
    zalopay.switch("callback_tripled", app_trans_id=order["appTransId"])
    zalopay.pay(order["appTransId"])
    verdicts = [each["verdict"] for each in zalopay.order(order["appTransId"])["callbacks"]]
    assert verdicts == ["accepted"] * 3
    assert_booked(local, an, award, order["sessionId"])


def test_fifty_callbacks_at_once_make_one_booking_and_are_all_answered_1(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    an = traveller()
    award = local.award(an)
    order = an.press_pay(award)
    zalopay.switch("callback_lost", app_trans_id=order["appTransId"])
    zalopay.pay(order["appTransId"])
    assert zalopay.call_back(order["appTransId"], times=50, at_once=True) == [1] * 50
    assert_booked(local, an, award, order["sessionId"])


def test_a_double_click_makes_one_order(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an = traveller()
    award = local.award(an)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: an.press_pay(award), range(2))
    assert first == second
    assert [order for order in zalopay.orders() if order["app_trans_id"] == first["appTransId"]]
    assert an.press_pay(award) == first
    zalopay.pay(first["appTransId"])
    with pytest.raises(ApiError, match="409 INVALID_AUCTION_STATE") as refusal:
        an.press_pay(award)
    assert refusal.value.details == {"sessionId": first["sessionId"]}


def test_a_declined_attempt_leaves_the_order_payable(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an = traveller()
    award = local.award(an)
    order = an.press_pay(award)
    page = an.return_from(zalopay.decline(order["appTransId"]))
    status = an.get(f"/payment/zalopay/status/{order['appTransId']}")
    assert (page.session["status"], status["status"]) == ("PENDING", "PENDING")
    zalopay.pay(order["appTransId"])
    outcome = page.follow()
    assert outcome.status in ("COMPLETED", "PAID")
    assert_booked(local, an, award, order["sessionId"])


def test_a_payment_cancelled_at_zalopay_frees_the_nights(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an, binh = traveller("an"), traveller("binh")
    award = local.award(an)
    order = an.press_pay(award)
    page = an.return_from(zalopay.cancel(order["appTransId"]))
    outcome = page.follow()
    assert outcome == ("poll", "CANCELLED", None, "PAYMENT_CANCELLED")
    page.socket.expect("PAYMENT_STATUS", paymentId=order["sessionId"], status="FAILED", reason="PAYMENT_CANCELLED")
    assert binh.press_pay(local.award(binh, award.nights, property_id=award.property_id))["orderUrl"]


def test_a_payment_that_nobody_makes_ends_by_itself(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an = traveller()
    order = an.press_pay(local.award(an))
    socket = an.listen()
    zalopay.decline(order["appTransId"])
    local.round(after=17 * 60)
    socket.expect("PAYMENT_STATUS", paymentId=order["sessionId"], status="FAILED", reason="PAYMENT_EXPIRED")
    assert an.get(f"/payment/sessions/{order['sessionId']}")["status"] == "EXPIRED"
    assert an.get(f"/payment/zalopay/status/{order['appTransId']}")["status"] == "CANCELLED"
    assert local.events(order["sessionId"]) == ["OPENED", "ORDER_MADE", "EXPIRED"]
