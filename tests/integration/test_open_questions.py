"""Open questions of the specification, each as the contract answers it."""

from datetime import timedelta

from tests.integration.messages import BINH, HOST, MAI, NIGHTS, PRICE, auction_result, order_data, signed
from tests.integration.world import World


def test_open_callback_is_public_and_its_mac_is_its_authorization(world: World):
    made = world.created()
    assert world.call_back(signed(order_data(made["appTransId"]), key="guess"), sub=None) == -1
    assert world.call_back(signed(order_data(made["appTransId"])), sub=None) == 1


def test_open_http_status_and_message_status_say_the_same(world: World):
    world.announce(auction_result())
    world.zalopay.fault("create_refused", next=True)
    failed = world.create().details["sessionId"]
    paid, moving, cancelled, waiting = world.apart(*(f"2027-04-{day:02}" for day in range(2, 6)))
    for name in ("callback_lost", "query_processing"):
        world.zalopay.fault(name, app_trans_id=moving)
    world.zalopay.pay(paid)
    world.zalopay.pay(moving)
    world.zalopay.cancel(cancelled)
    world.after(minutes=1)
    frames = [each for each in world.socket("open").subscribe() if each["type"] == "PAYMENT_STATUS"]
    said = {each["paymentId"]: (each["status"], each.get("reason")) for each in frames}
    world.http("GET", f"/payment/{paid[7:]}/booking")
    read = {stay_id: (world.session(stay_id)["status"], *words) for stay_id, words in said.items()}
    assert read == {
        failed: ("FAILED", "FAILED", "PAYMENT_CREATION_FAILED"),
        paid[7:]: ("PAID", "COMPLETED", None),
        moving[7:]: ("PENDING", "PROCESSING", None),
        cancelled[7:]: ("CANCELLED", "FAILED", "PAYMENT_CANCELLED"),
        waiting[7:]: ("PENDING", "INITIATED", None),
    }


def test_open_wins_prices_properties_and_hosts_come_from_awards(world: World):
    assert world.create().status == 404
    world.announce(auction_result())
    session = world.session(world.create().body["sessionId"])
    taken = {name: session[name] for name in ("propertyId", "propertyName", "hostId", "guestCount", "amount")}
    assert taken == {
        "propertyId": "777",
        "propertyName": "Nhà Trên Đồi",
        "hostId": HOST,
        "guestCount": 2,
        "amount": 3 * PRICE,
    }


def test_open_an_amount_or_nights_that_differ_from_the_award(world: World):
    world.announce(auction_result(result="PARTIAL_WIN"))
    wrong_amount, wrong_night = world.create(NIGHTS[:1], amount=PRICE - 1), world.create(["2027-03-23"])
    assert (wrong_amount.status, wrong_amount.code, wrong_amount.details) == (
        400,
        "INVALID_AMOUNT",
        {"expectedAmount": PRICE},
    )
    assert (wrong_night.status, wrong_night.code, wrong_night.fields) == (400, "VALIDATION_ERROR", ["selectedNights"])
    world.buy()
    again = world.create()
    assert (again.status, again.details) == (409, {"sessionId": world.item(kind="SESSION")["id"]})


def test_open_nights_with_gaps_are_one_booking_and_block_only_themselves(world: World):
    nights = ["2027-03-20", "2027-03-22"]
    world.announce(auction_result(nights=nights, result="PARTIAL_WIN"))
    world.announce(auction_result(nights=["2027-03-21"], userId=BINH, auctionId="1002"))
    made = world.create(nights).body
    assert world.create(["2027-03-21"], sub=BINH, auction_id="1002").status == 200
    world.zalopay.pay(made["appTransId"])
    booking = world.http("GET", f"/payment/{made['sessionId']}/booking").body
    assert (booking["checkIn"], booking["checkOut"], booking["nights"]) == ("2027-03-20", "2027-03-23", nights)
    assert world.nights() == {"2027-03-20": "BOOKED", "2027-03-21": "HELD", "2027-03-22": "BOOKED"}


def test_open_creating_holds_the_nights_until_the_session_ends(world: World):
    world.created()
    assert world.nights() == dict.fromkeys(NIGHTS, "HELD")
    world.after(minutes=17)
    assert world.nights() == {}


def test_open_money_after_the_end_books_free_nights_or_goes_back(world: World):
    first = world.created()
    world.after(minutes=17)
    world.zalopay.pay(first["appTransId"], late=True)
    assert world.standing(first["sessionId"])["status"] == "PAID"
    assert world.nights() == dict.fromkeys(NIGHTS, "BOOKED")
    world.announce(auction_result(userId=BINH, auctionId="1002", nights=["2027-05-01"]))
    world.announce(auction_result(userId=MAI, auctionId="1003", nights=["2027-05-01"]))
    second = world.create(["2027-05-01"], auction_id="1003").body
    world.after(minutes=17)
    world.create(["2027-05-01"], sub=BINH, auction_id="1002")
    world.zalopay.pay(second["appTransId"], late=True)
    failed = world.session(second["sessionId"])
    assert (failed["status"], failed["reason"], failed["refund"]) == (
        "FAILED",
        "NIGHTS_TAKEN",
        {"amount": PRICE, "status": "REFUND_DUE"},
    )


def test_open_paid_never_goes_back(world: World):
    paid = world.paid()
    world.after(hours=1)
    world.http("DELETE", f"/bookings/{paid['id']}")
    world.after(hours=1)
    world.after(hours=1)
    assert world.standing(paid["id"])["status"] == "PAID"


def test_open_a_booking_of_an_unpaid_payment_is_409_and_of_a_paid_one_always_the_same(world: World):
    made = world.created()
    path = f"/payment/{made['sessionId']}/booking"
    unpaid = world.http("POST", path)
    assert (unpaid.status, unpaid.code, unpaid.details) == (
        409,
        "BOOKING_CREATION_FAILED",
        {"status": "PENDING"},
    )
    world.zalopay.pay(made["appTransId"])
    assert len({world.http("POST", path).body["id"] for _ in range(3)}) == 1
    assert len(world.items(kind="BOOKING")) == 1


def test_open_a_post_for_a_booking_finds_money_whose_callback_was_lost(world: World):
    made = world.created()
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(made["appTransId"])
    booking = world.http("POST", f"/payment/{made['sessionId']}/booking")
    assert (booking.status, booking.body["status"]) == (200, "CONFIRMED")


def test_open_a_direct_booking_is_pending_and_held_for_fifteen_minutes(world: World):
    world.announce(auction_result())
    booking = world.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)}).body
    assert booking["status"] == "PENDING"
    world.after(minutes=14, seconds=50)
    assert world.nights() == dict.fromkeys(NIGHTS, "HELD")
    world.after(seconds=11)
    assert world.nights() == {}


def test_open_deleting_a_booking_frees_its_nights_and_gives_back_by_policy(world: World):
    paid = world.paid()
    first = world.http("DELETE", f"/bookings/{paid['id']}")
    second = world.http("DELETE", f"/bookings/{paid['id']}")
    assert (first.status, first.body["status"], first.body["refund"]["amount"]) == (200, "CANCELLED", 3 * PRICE)
    assert (second.status, second.body, world.nights()) == (200, first.body, {})


def test_open_calendar_conversation_and_mail_are_done_by_the_backend_on_its_own(world: World):
    paid = world.paid()
    world.deliver()
    assert world.nights() == dict.fromkeys(NIGHTS, "BOOKED")
    assert world.item(kind="THREAD")["threadId"] == paid["id"]
    assert world.item(kind="MAIL", letter="confirmation")["state"] == "SENT"


def test_open_the_address_is_the_tokens_else_the_profiles_else_recorded_as_undeliverable(world: World):
    nobody = world.created()
    world.zalopay.pay(nobody["appTransId"])
    world.deliver()
    assert world.item(kind="MAIL", letter="confirmation", stayId=nobody["sessionId"])["state"] == "UNDELIVERABLE"
    world.http("POST", "/users/auth0-sync", {"email": "profile@example.com"})
    world.clock.shift(timedelta(minutes=2))
    world.http("POST", f"/bookings/{nobody['sessionId']}/send-confirmation", {})
    world.deliver()
    assert world.item(kind="MAIL", letter="confirmation", stayId=nobody["sessionId"])["state"] == "SENT"


def test_open_a_reply_to_subscribe_comes_before_the_state_and_ping_is_answered(world: World):
    world.created()
    socket = world.socket()
    assert [frame["type"] for frame in socket.subscribe()] == ["SUBSCRIBED", "AUCTION_RESULT", "PAYMENT_STATUS"]
    assert socket.send({"type": "PING"}) == [{"type": "PONG"}]
    assert socket.send({"type": "WHAT"})[0]["type"] == "ERROR"
