"""Facts C13 to C23 of the contract about the frontend: messages, sums, ids, addresses."""

import re
from datetime import timedelta

import pytest

from infra.local.settings import Settings
from infra.topology import ROUTES, WEBSOCKET_STAGE
from stays.edge.http import STATUS
from tests.integration.messages import BINH, MAI, NIGHTS, PRICE, PROPERTY, START, auction_result
from tests.integration.shapes import APP_TRANS_ID, ID, SENTENCE, TIME, leaves
from tests.integration.world import World


def test_c13_every_socket_of_a_user_hears_and_a_dead_one_is_forgotten(world: World):
    world.created()
    sockets = [world.socket() for _ in range(3)]
    for socket in sockets:
        socket.subscribe()
    sockets[1].vanish()
    world.zalopay.pay(world.item(kind="SESSION")["appTransId"])
    assert world.deliver()["notifier"] == []
    for socket in (sockets[0], sockets[2]):
        assert [frame["status"] for frame in socket.of_type("PAYMENT_STATUS")] == ["INITIATED", "COMPLETED"]
    left = [item["connectionId"] for item in world.items("connections") if "connectionId" in item]
    assert sorted(left) == sorted([sockets[0].id, sockets[2].id] * 2)


def test_c13_whatever_remembers_a_connection_ends_by_itself(world: World):
    world.created()
    world.socket().subscribe()
    now = int(START.timestamp())
    ends = {item["SK"].split("#")[0]: item["expiresAt"] - now for item in world.items("connections")}
    assert ends == {"CONNECTION": pytest.approx(7800, abs=30), "PRESENCE": pytest.approx(900, abs=30)}


def test_c14_a_bogus_subscribe_or_plain_text_gets_an_error_and_the_connection_stays(world: World):
    made = world.created()
    socket = world.socket()
    assert socket.subscribe("current-user-id") == [{"type": "ERROR", "code": "FORBIDDEN", "message": SENTENCE}]
    assert socket.send("hello there") == [{"type": "ERROR", "code": "INVALID_MESSAGE", "message": SENTENCE}]
    frames = socket.subscribe()
    assert [frame["type"] for frame in frames] == ["SUBSCRIBED", "AUCTION_RESULT", "PAYMENT_STATUS"]
    assert frames[2]["paymentId"] == made["sessionId"]


def told_to(world: World, sub: str) -> list[dict]:
    """All messages that a user gets from the stream. The next subscribe must give the same."""
    socket, later = (world.socket(query=f"token={world.token(sub)}") for _ in range(2))
    socket.subscribe(sub)
    before = len(socket.frames)
    world.deliver()
    assert later.subscribe(sub)[1:] == socket.frames[before:]
    return socket.frames[before:]


def test_c15_an_auction_result_has_amount_and_deadline_also_when_it_is_lost(world: World):
    world.announce(auction_result(result="LOST", awardedNights=[], bidAmount=900_000))
    assert told_to(world, MAI) == [
        {
            "type": "AUCTION_RESULT",
            "auctionId": "1001",
            "userId": MAI,
            "result": "LOST",
            "amount": 900_000,
            "paymentDeadline": TIME,
            "propertyName": PROPERTY["name"],
        }
    ]


def test_c15_a_partial_win_names_its_nights(world: World):
    world.announce(auction_result(result="PARTIAL_WIN", nights=["2027-03-20", "2027-03-22"]))
    assert told_to(world, MAI) == [
        {
            "type": "AUCTION_RESULT",
            "auctionId": "1001",
            "userId": MAI,
            "result": "PARTIAL_WIN",
            "awardedNights": ["2027-03-20", "2027-03-22"],
            "amount": 2 * PRICE,
            "paymentDeadline": TIME,
            "propertyName": PROPERTY["name"],
        }
    ]


def test_c15_an_offer_names_its_nights(world: World):
    socket = world.socket(query=f"token={world.token(BINH)}")
    socket.subscribe(BINH)
    world.offer()
    world.deliver()
    assert socket.frames[1:] == [
        {
            "type": "SECOND_CHANCE_OFFER",
            "offerId": "5001",
            "auctionId": "1001",
            "userId": BINH,
            "offeredNights": list(NIGHTS),
            "amount": 3 * PRICE,
            "responseDeadline": TIME,
            "propertyName": PROPERTY["name"],
        }
    ]


def test_c15_a_confirmed_booking_begins_before_it_ends_and_nothing_is_ever_null(world: World):
    socket = world.socket(query=f"token={world.token(MAI)}")
    socket.subscribe()
    paid = world.paid()
    world.deliver()
    (confirmed,) = socket.of_type("BOOKING_CONFIRMED")
    assert confirmed == {
        "type": "BOOKING_CONFIRMED",
        "bookingId": paid["id"],
        "paymentId": paid["id"],
        "userId": MAI,
        "propertyName": PROPERTY["name"],
        "referenceNumber": f"{paid['id'][-10:-5]}-{paid['id'][-5:]}",
        "checkIn": "2027-03-20",
        "checkOut": "2027-03-23",
    }
    assert None not in [leaf for frame in socket.frames for leaf in leaves(frame)]


def test_c16_times_end_in_z_and_nights_are_dates(world: World):
    paid = world.paid()
    world.deliver()
    world.offer(userId=MAI, nights=NIGHTS)
    world.http("POST", "/auctions/offers/5001/accept")
    read = [
        world.http("GET", "/auctions/winners/me").body,
        world.http("GET", "/auctions/offers/second-chance/me").body,
        world.http("GET", f"/payment/transactions/{paid['transactionId']}").body,
        world.http("GET", f"/payment/{paid['id']}/booking").body,
        world.http("GET", "/user/bookings").body,
        world.status(paid["appTransId"]),
        world.http("DELETE", f"/bookings/{paid['id']}").body,
        world.session(paid["id"]),
        world.socket().subscribe(),
    ]
    dated = {leaf for leaf in leaves(read) if isinstance(leaf, str) and re.match(r"\d{4}-\d\d-\d\d", leaf)}
    assert {each for each in dated if "T" not in each} == {*NIGHTS, "2027-03-23"}
    assert all(each == TIME for each in dated if "T" in each)


def test_c17_unknown_fields_are_ignored_and_creating_twice_answers_the_live_session(world: World):
    world.announce(auction_result())
    request = {"auctionId": "1001", "selectedNights": list(NIGHTS), "amount": 3 * PRICE, "redirectParams": {"a": [1]}}
    first = world.http("POST", "/payment/zalopay/create", request)
    second = world.http("POST", "/payment/zalopay/create", request)
    assert (first.status, second.status) == (200, 200)
    assert first.body == second.body
    assert len(world.zalopay.orders()) == 1


def test_c18_the_full_amount_books_all_awarded_nights_though_the_client_dropped_one(world: World):
    nights = [f"2027-04-{day:02}" for day in range(1, 8)]
    prices = [142_857] * 6 + [142_858]
    awarded = [{"date": night, "price": price} for night, price in zip(nights, prices, strict=True)]
    world.announce(auction_result(awardedNights=awarded))
    made = world.create(nights[:6], amount=1_000_000)
    assert (made.status, made.body["amount"]) == (200, 1_000_000)
    world.zalopay.pay(made.body["appTransId"])
    assert world.http("GET", f"/payment/{made.body['sessionId']}/booking").body["nights"] == nights
    assert world.nights() == dict.fromkeys(nights, "BOOKED")


def test_c18_what_the_winners_page_accepts_of_a_full_win_is_the_whole(world: World):
    nights = [f"2027-04-{day:02}" for day in range(1, 8)]
    prices = [142_857] * 6 + [142_858]
    awarded = [{"date": night, "price": price} for night, price in zip(nights, prices, strict=True)]
    world.announce(auction_result(awardedNights=awarded))
    assert world.http("POST", "/auctions/offers/1001/accept", {"selectedNights": nights[:6]}).status == 200
    (shown,) = world.http("GET", "/auctions/winners/me").body
    assert (shown["bidAmount"], len(shown["awardedNights"]), shown["isPartialWin"]) == (1_000_000, 7, False)
    world.buy(nights[:6], amount=shown["bidAmount"])
    assert world.nights() == dict.fromkeys(nights, "BOOKED")


def test_c19_an_amount_out_of_the_clients_limits_is_refused(world: World):
    world.announce(auction_result())
    for amount in (0, -1, 100_000_001, 1.5, "400000", None, True):
        request = {"auctionId": "1001", "selectedNights": list(NIGHTS), "amount": amount}
        reply = world.http("POST", "/payment/zalopay/create", request)
        assert (reply.status, reply.code, reply.fields) == (400, "VALIDATION_ERROR", ["amount"])


def test_c19_the_largest_amount_is_taken_and_zalopay_hears_of_fifteen_minutes(world: World):
    world.announce(auction_result(awardedNights=[{"date": "2027-04-01", "price": 100_000_000}]))
    made = world.create(["2027-04-01"], amount=100_000_000)
    order = world.zalopay.order(made.body["appTransId"])
    assert (order["amount"], order["expires_at"] - order["app_time"]) == (100_000_000, 900_000)
    assert made.body["expiresAt"] == "2027-03-01T03:15:00" + made.body["expiresAt"][19:]


CLIENT_CODES = {
    "PAYMENT_CREATION_FAILED",
    "PAYMENT_CANCELLED",
    "PAYMENT_TIMEOUT",
    "INSUFFICIENT_FUNDS",
    "PAYMENT_VERIFICATION_FAILED",
    "PAYMENT_EXPIRED",
    "PAYMENT_DECLINED",
    "INVALID_AMOUNT",
    "INVALID_TRANSACTION_ID",
    "BOOKING_CREATION_FAILED",
    "CALENDAR_UPDATE_FAILED",
    "EMAIL_SENDING_FAILED",
    "OFFER_EXPIRED",
    "INVALID_AUCTION_STATE",
    "INSUFFICIENT_PERMISSIONS",
}
OURS = {"PAYMENT_PROCESSING", "INTERNAL_ERROR"}
GENERAL = {"VALIDATION_ERROR", "AUTH_REQUIRED", "NOT_FOUND", "METHOD_NOT_ALLOWED", "PAYLOAD_TOO_LARGE", "RATE_LIMIT"}


def test_c20_every_error_code_is_one_that_the_client_or_the_contract_knows(world: World):
    assert set(STATUS) <= CLIENT_CODES | GENERAL | OURS
    assert set(STATUS.values()) <= {400, 401, 403, 404, 405, 409, 413, 429, 500, 502}


def test_c20_the_right_word_for_each_refusal(world: World):
    made = world.created()
    session_id = made["sessionId"]
    world.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)})
    world.offer(responseDeadline="2027-03-01T02:00:00Z", nights=["2027-06-01"])
    world.announce(auction_result(auctionId="1002", paymentDeadline="2027-03-01T02:00:00Z"))
    refusals = [
        world.create(amount=5),
        world.http("GET", "/payment/transactions/abc"),
        world.http("POST", f"/payment/{session_id}/booking"),
        world.create(["2027-06-01"], sub=BINH),
        world.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)}),
        world.http("POST", "/auctions/offers/5001/accept", sub=BINH),
        world.http("POST", "/auctions/winners/1002/accept"),
        world.http("POST", "/auctions/winners/1002/decline"),
    ]
    assert [(reply.status, reply.code) for reply in refusals] == [
        (400, "INVALID_AMOUNT"),
        (400, "INVALID_TRANSACTION_ID"),
        (409, "BOOKING_CREATION_FAILED"),
        (409, "OFFER_EXPIRED"),
        (409, "INVALID_AUCTION_STATE"),
        (409, "OFFER_EXPIRED"),
        (409, "INVALID_AUCTION_STATE"),
        (409, "INVALID_AUCTION_STATE"),
    ]


def test_c20_what_ended_a_payment_is_said_in_the_clients_words(world: World):
    cancelled, expired = world.apart("2027-04-01", "2027-04-02")
    world.zalopay.cancel(cancelled)
    assert world.status(cancelled) == {"status": "CANCELLED", "amount": PRICE, "reason": "PAYMENT_CANCELLED"}
    world.after(minutes=17)
    assert world.status(expired) == {"status": "CANCELLED", "amount": PRICE, "reason": "PAYMENT_EXPIRED"}


def test_c21_ids_are_texts_though_numbers_come_in(world: World):
    world.announce(auction_result(auctionId=9_007_199_254_740_993, property={**PROPERTY, "id": 777, "hostId": 12}))
    request = {"auctionId": 9_007_199_254_740_993, "selectedNights": list(NIGHTS), "amount": 3 * PRICE}
    made = world.http("POST", "/payment/zalopay/create", request).body
    world.zalopay.pay(made["appTransId"])
    booking = world.http("GET", f"/payment/{made['sessionId']}/booking").body
    session = world.session(made["sessionId"])
    winner = world.http("GET", "/auctions/winners/9007199254740993").body
    world.offer(userId=MAI, offerId=9_007_199_254_740_995, originalBidId=9, nights=["2027-06-01"])
    chance = world.http("GET", "/auctions/offers/second-chance/9007199254740995").body
    assert (winner["property"]["id"], chance["property"]["id"]) == ("777", "777")
    assert (session["auctionId"], booking["propertyId"], booking["hostId"]) == ("9007199254740993", "777", "12")
    for found in (made, session, booking, winner, chance):
        ids = [value for name, value in found.items() if name.lower().endswith("id")]
        assert ids and all(isinstance(value, str) for value in ids)
    assert session["transactionId"] == str(world.zalopay.order(made["appTransId"])["zp_trans_id"])


def test_c22_the_clients_default_addresses_are_served():
    settings = Settings()
    assert (settings.http_port, settings.websocket_port, settings.simulator_port) == (8000, 8080, 8001)
    assert settings.frontends == ("http://localhost:3000",)
    assert WEBSOCKET_STAGE == "payment-notifications"
    assert all(route.path.startswith(("/api/v1/", "/{proxy+}")) for route in ROUTES)


def test_c23_zalopay_sends_the_browser_to_the_page_of_the_session(world: World):
    made = world.created()
    assert made == {
        "orderUrl": made["orderUrl"],
        "appTransId": APP_TRANS_ID,
        "amount": 3 * PRICE,
        "sessionId": ID,
        "paymentId": made["sessionId"],
        "expiresAt": TIME,
    }
    page = f"http://localhost:3000/dashboard/payment/zalopay/{made['sessionId']}"
    assert f'"redirecturl":"{page}"' in world.zalopay.order(made["appTransId"])["embed_data"]
    assert world.zalopay.pay(made["appTransId"])["redirect_url"].startswith(f"{page}?")


def test_c20_a_reply_to_too_many_mails_says_when_to_come_again(world: World):
    paid = world.paid()
    world.deliver()
    world.clock.shift(timedelta(minutes=2))
    assert world.http("POST", f"/bookings/{paid['id']}/send-confirmation").status == 200
    again = world.http("POST", f"/bookings/{paid['id']}/send-confirmation")
    assert (again.status, again.code, again.details) == (429, "RATE_LIMIT", {"retryAfter": 60})
