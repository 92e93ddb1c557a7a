"""Each endpoint of the specification, 1 to 10, with every field of its answer."""

import pytest

from stays import __version__
from tests.integration.messages import BINH, HOST, MAI, NIGHTS, PRICE, auction_result
from tests.integration.shapes import ADDRESS, APP_TRANS_ID, ID, REFERENCE, SENTENCE, TIME, TRANSACTION_ID
from tests.integration.world import World

TERMS = [{"daysBefore": 7, "percent": 100}, {"daysBefore": 3, "percent": 50}, {"daysBefore": 0, "percent": 0}]
UNPAID = {
    "id": ID,
    "paymentId": ID,
    "auctionId": "1001",
    "userId": MAI,
    "propertyId": "777",
    "propertyName": "Nhà Trên Đồi",
    "hostId": HOST,
    "city": "Đà Lạt",
    "guestCount": 2,
    "nights": list(NIGHTS),
    "amount": 3 * PRICE,
    "currency": "VND",
    "status": "PENDING",
    "fulfilment": "NONE",
    "appTransId": APP_TRANS_ID,
    "orderUrl": ADDRESS,
    "createdAt": TIME,
    "expiresAt": TIME,
    "cancellationPolicy": TERMS,
}
PAID = UNPAID | {
    "status": "PAID",
    "fulfilment": "BOOKED",
    "transactionId": TRANSACTION_ID,
    "paidAt": TIME,
    "bookedAt": TIME,
}
BOOKING = {
    "id": ID,
    "paymentId": ID,
    "referenceNumber": REFERENCE,
    "userId": MAI,
    "propertyId": "777",
    "propertyName": "Nhà Trên Đồi",
    "hostId": HOST,
    "checkIn": "2027-03-20",
    "checkOut": "2027-03-23",
    "nights": list(NIGHTS),
    "guestCount": 2,
    "totalAmount": 3 * PRICE,
    "status": "CONFIRMED",
    "createdAt": TIME,
    "cancellationPolicy": TERMS,
}


def test_1_create_answers_the_order(world: World):
    made = world.created()
    assert made == {
        "orderUrl": ADDRESS,
        "appTransId": APP_TRANS_ID,
        "amount": 3 * PRICE,
        "sessionId": ID,
        "paymentId": ID,
        "expiresAt": TIME,
    }
    assert made["sessionId"] == made["paymentId"] == made["appTransId"][7:]


def test_2_status_before_and_after_paying(world: World):
    made = world.created()
    assert world.status(made["appTransId"]) == {"status": "PENDING", "amount": 3 * PRICE}
    world.zalopay.pay(made["appTransId"])
    assert world.status(made["appTransId"]) == {
        "status": "PAID",
        "transactionId": TRANSACTION_ID,
        "amount": 3 * PRICE,
        "paidAt": TIME,
    }


def test_3_session_before_and_after_paying(world: World):
    made = world.created()
    before = world.session(made["sessionId"])
    assert before == UNPAID
    assert (before["id"], before["appTransId"]) == (made["sessionId"], made["appTransId"])
    assert before["orderUrl"] == made["orderUrl"]
    world.zalopay.pay(made["appTransId"])
    assert world.session(made["sessionId"]) == UNPAID  # C24: until another route has said that it is paid
    world.http("GET", f"/payment/{made['sessionId']}/booking")
    assert world.session(made["sessionId"]) == PAID


def test_4_transaction_is_the_session_and_its_payment_id(world: World):
    paid = world.paid()
    assert world.http("GET", f"/payment/transactions/{paid['transactionId']}").body == paid == PAID


def test_5_booking_by_post_is_the_booking(world: World):
    paid = world.paid()
    posted = world.http("POST", f"/payment/{paid['id']}/booking")
    assert (posted.status, posted.body) == (200, BOOKING)
    assert posted.body["id"] == posted.body["paymentId"] == paid["id"]
    assert posted.body["referenceNumber"] == f"{paid['id'][16:21]}-{paid['id'][21:]}"


def test_6_booking_by_get_is_404_until_it_exists(world: World):
    made = world.created()
    early = world.http("GET", f"/payment/{made['sessionId']}/booking")
    assert (early.status, early.code) == (404, "NOT_FOUND")
    world.zalopay.pay(made["appTransId"])
    assert world.http("GET", f"/payment/{made['sessionId']}/booking")[:2] == (200, BOOKING)


def test_7_update_calendar_answers_an_empty_object(world: World):
    paid = world.paid()
    assert world.http("POST", f"/bookings/{paid['id']}/update-calendar", {})[:2] == (200, {})


def test_8_conversation_answers_its_thread(world: World):
    paid = world.paid()
    assert world.http("POST", f"/bookings/{paid['id']}/conversation", {})[:2] == (200, {"threadId": ID})


def test_9_send_confirmation_answers_an_empty_object(world: World):
    paid = world.paid()
    world.deliver()
    world.clock.shift(61)
    assert world.http("POST", f"/bookings/{paid['id']}/send-confirmation", {})[:2] == (200, {})


def test_10_a_direct_booking_is_pending_and_listed(world: World):
    world.announce(auction_result())
    pending = BOOKING | {"status": "PENDING"}
    made = world.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)})
    assert (made.status, made.body) == (200, pending)
    assert world.http("GET", "/user/bookings")[:2] == (200, [pending])


def test_10_bookings_are_listed_newest_first_and_only_ones_own(world: World):
    for night, user in (("2027-04-01", MAI), ("2027-04-02", MAI), ("2027-04-03", BINH)):
        world.announce(auction_result(userId=user, auctionId=night, nights=[night]))
        world.http("POST", "/bookings", {"auctionId": night, "selectedNights": [night]}, sub=user)
        world.clock.shift(1)
    assert [each["checkIn"] for each in world.http("GET", "/user/bookings").body] == ["2027-04-02", "2027-04-01"]
    assert [each["checkIn"] for each in world.http("GET", "/user/bookings", sub=BINH).body] == ["2027-04-03"]
    assert world.http("GET", "/user/bookings", sub=HOST).body == []


def test_10_delete_cancels_the_booking_and_says_what_comes_back(world: World):
    paid = world.paid()
    reply = world.http("DELETE", f"/bookings/{paid['id']}")
    refund = {"amount": 3 * PRICE, "status": "REFUND_DUE"}
    assert (reply.status, reply.body) == (200, BOOKING | {"status": "CANCELLED", "cancelledAt": TIME, "refund": refund})
    assert world.http("GET", "/user/bookings").body == [reply.body]
    assert world.http("GET", f"/payment/{paid['id']}/booking").body == reply.body


def test_health_is_public(world: World):
    assert world.http("GET", "/health", sub=None)[:2] == (200, {"status": "ok", "version": __version__})


PRIVATE = [
    ("GET", "/payment/sessions/{id}"),
    ("GET", "/payment/zalopay/status/{app}"),
    ("GET", "/payment/transactions/{tx}"),
    ("GET", "/payment/{id}/booking"),
    ("POST", "/payment/{id}/booking"),
    ("DELETE", "/bookings/{id}"),
]


@pytest.mark.parametrize("stranger", [BINH, HOST])
def test_whoever_does_not_own_a_payment_gets_the_same_404_as_for_an_unknown_one(world: World, stranger: str):
    paid = world.paid()
    unknown = "01MFZGFMWRBDQ204A12RVMHVS6"
    mine = {"id": paid["id"], "app": paid["appTransId"], "tx": paid["transactionId"]}
    nobodys = {"id": unknown, "app": f"270301_{unknown}", "tx": "270301999999999"}
    before = world.items()
    for method, path in PRIVATE:
        foreign = world.http(method, path.format(**mine), sub=stranger)
        assert (foreign.status, foreign.code, foreign.details) == (404, "NOT_FOUND", {}), path
        assert foreign.body["error"]["message"] == SENTENCE
        assert foreign[:2] == world.http(method, path.format(**nobodys), sub=stranger)[:2]
    assert world.items() == before


def test_a_status_is_found_only_under_the_whole_id_of_its_order(world: World):
    made = world.created()
    other_day = f"270302_{made['sessionId']}"
    assert world.http("GET", f"/payment/zalopay/status/{other_day}").status == 404
