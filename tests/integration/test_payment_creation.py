"""Creating a payment: the award decides, the session is written first, and ZaloPay's silence is resolved by a query."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest

from stays.checkout import Checkout, Choice, Orders
from stays.domain.decision import Evidence, Outcome, order_given_up
from stays.domain.errors import Refused
from stays.domain.payment import Contact
from tests.integration.messages import BINH, MAI, NIGHTS, PRICE, auction_result, order_data, signed
from tests.integration.product import Asked, before, counted, failing, fault, unreachable
from tests.integration.shapes import TIME
from tests.integration.world import World


def test_the_nights_are_held_until_four_minutes_after_the_order_ends(world: World):
    made = world.created()
    held = world.items(kind="NIGHT")
    assert [(each["SK"], each["state"], each["stayId"]) for each in held] == [
        (f"NIGHT#{night}", "HELD", made["sessionId"]) for night in NIGHTS
    ]
    assert {each["heldUntil"][:16] for each in held} == {"2027-03-01T03:19"}
    assert world.told(made["sessionId"]) == ["OPENED", "ORDER_MADE"]


def test_a_double_click_one_after_the_other_gets_the_same_order(world: World):
    first = world.created()
    for _ in range(3):
        assert world.create().body == first
    assert len(world.zalopay.orders()) == 1
    assert len(world.items(kind="SESSION")) == 1


def test_two_clicks_at_the_same_time_get_the_same_order(world: World):
    world.announce(auction_result())
    payments = world.functions["payments"]
    world.zalopay.fault("create_slow", seconds=0.3)
    checkout = Checkout(payments.awards, payments.settlement, payments.TERMS, payments.new_id)
    choice = Choice("1001", MAI, [date.fromisoformat(night) for night in NIGHTS], 3 * PRICE, Contact())
    with ThreadPoolExecutor(4) as pool:
        sessions = list(pool.map(lambda _: checkout.pay(choice, payments.PAGES), range(4)))
    assert len({(session.id, session.order_url) for session in sessions}) == 1
    assert len(world.zalopay.orders()) == 1
    assert len(world.items(kind="SESSION")) == 1


def test_a_refusal_of_zalopay_fails_the_session_and_frees_the_nights(world: World):
    world.announce(auction_result())
    world.zalopay.fault("create_refused", next=True)
    reply = world.create()
    assert (reply.status, reply.code) == (502, "PAYMENT_CREATION_FAILED")
    failed = world.session(reply.details["sessionId"])
    assert (failed["status"], failed["reason"]) == ("FAILED", "PAYMENT_CREATION_FAILED")
    assert world.nights() == {}
    assert world.create().status == 200


def test_a_slow_zalopay_is_waited_for(world: World):
    world.announce(auction_result())
    world.zalopay.fault("create_slow", seconds=0.4)
    assert world.create().status == 200


def test_an_order_whose_address_was_lost_is_given_up_and_the_next_click_makes_another(world: World):
    world.announce(auction_result())
    world.zalopay.fault("create_lost", next=True)
    with Asked(world.functions["payments"]) as paths:
        lost = world.create()
    assert paths == ["/v2/create", "/v2/query"]
    assert (lost.status, lost.code) == (502, "PAYMENT_CREATION_FAILED")
    assert world.session(lost.details["sessionId"])["status"] == "FAILED"
    made = world.create().body
    assert made["sessionId"] != lost.details["sessionId"]
    assert len(world.zalopay.orders()) == 2
    assert world.nights() == dict.fromkeys(NIGHTS, "HELD")


def test_an_order_that_zalopay_already_has_is_found_by_a_query_and_not_called_a_failure_of_ours(world: World):
    made = world.created()
    payments = world.functions["payments"]
    session = payments.sessions.find(made["sessionId"])
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(made["appTransId"])
    with pytest.raises(Refused, match="paid already"):
        Orders(payments.settlement).make(session, payments.PAGES)
    assert world.standing(session.id)["status"] == "PAID"
    assert len(world.zalopay.orders()) == 1


def test_where_neither_create_nor_query_answers_the_session_stays_open_for_the_schedule(world: World):
    world.announce(auction_result())
    world.zalopay.fault("create_lost")
    world.zalopay.fault("query_down")
    reply = world.create()
    assert (reply.status, reply.code) == (502, "PAYMENT_CREATION_FAILED")
    open_session = world.session(reply.details["sessionId"])
    assert (open_session["status"], world.nights()) == ("CREATED", dict.fromkeys(NIGHTS, "HELD"))
    world.zalopay.pay(open_session["appTransId"])
    assert world.standing(open_session["id"])["status"] == "PAID"


@pytest.mark.parametrize("exists", [True, False])
def test_the_click_after_silence_asks_at_once_and_makes_another_order_where_nobody_can_pay_the_first(
    world: World, exists: bool
):
    world.announce(auction_result())
    world.zalopay.fault("create_lost")
    world.zalopay.fault("query_down")
    payments = world.functions["payments"]
    with unreachable(payments, "/v2/create", times=not exists):
        first = world.create().details["sessionId"]
    assert world.told(first) == ["OPENED", "ORDER_GIVEN_UP"]
    with Asked(payments) as paths:
        assert [world.create().code for _ in range(3)] == ["PAYMENT_CREATION_FAILED"] * 3
    assert paths == ["/v2/query"]
    world.zalopay.fault("create_lost", on=False)
    world.zalopay.fault("query_down", on=False)
    world.clock.shift(timedelta(seconds=5))
    made = world.create()
    assert (made.status, made.body["sessionId"] == first) == (200, False)
    assert world.session(first)["reason"] == "PAYMENT_CREATION_FAILED"
    assert len(world.zalopay.orders()) == 1 + exists


def test_a_click_that_waits_for_an_order_waits_no_more_once_it_is_given_up(world: World):
    world.announce(auction_result())
    payments, now = world.functions["payments"], datetime.now(UTC)
    with unreachable(payments, "/v2/create", dies=True):
        world.create()
    session = payments.sessions.find(world.item(kind="SESSION")["id"])
    silence = Evidence(source="create", outcome=Outcome.UNKNOWN)

    def give_up() -> None:
        if "GetItem stays" in calls:
            payments.sessions.settle(session, lambda current, _: order_given_up(current, silence, now), now)

    with counted(payments) as calls, before(payments, "GetItem", give_up, times=2):
        assert world.create().code == "PAYMENT_CREATION_FAILED"
    assert calls.count("GetItem stays") == 2


def test_money_that_comes_while_its_order_is_given_up_counts(world: World):
    world.announce(auction_result())
    world.zalopay.fault("create_lost")
    world.zalopay.fault("query_down")

    def pay() -> None:
        for order in world.zalopay.orders():
            world.zalopay.pay(order["app_trans_id"])

    with before(world.functions["payments"], "TransactWriteItems", pay, times=2):
        reply = world.create()
    assert (reply.status, world.nights()) == (409, dict.fromkeys(NIGHTS, "BOOKED"))
    assert world.told(reply.details["sessionId"]) == ["OPENED", "PAID_AND_BOOKED"]


def test_a_callback_before_create_answers_is_paid_and_the_browser_still_gets_its_order(world: World):
    world.announce(auction_result())
    world.zalopay.fault("callback_before_create", next=True)
    reply = world.create()
    assert (reply.status, reply.body["expiresAt"]) == (200, TIME)
    assert world.standing(reply.body["sessionId"])["status"] == "PAID"
    assert world.nights() == dict.fromkeys(NIGHTS, "BOOKED")
    assert world.told(reply.body["sessionId"]) == ["OPENED", "PAID_AND_BOOKED"]


def test_after_the_deadline_nobody_can_begin_to_pay(world: World):
    world.announce(auction_result())
    world.clock.shift(timedelta(days=1, seconds=1))
    reply = world.create()
    assert (reply.status, reply.code, reply.details) == (409, "INVALID_AUCTION_STATE", {"deadline": TIME})
    assert world.items(kind="SESSION") == []


def test_what_is_paid_already_is_refused_with_the_paid_session(world: World):
    paid = world.paid()
    reply = world.create()
    assert (reply.status, reply.code, reply.details) == (409, "INVALID_AUCTION_STATE", {"sessionId": paid["id"]})
    assert len(world.items(kind="SESSION")) == 1


def test_nights_that_were_not_awarded_are_refused(world: World):
    world.announce(auction_result(result="PARTIAL_WIN"))
    before = world.items()
    reply = world.create(["2027-03-20", "2027-03-25"])
    assert (reply.status, reply.code, reply.fields) == (400, "VALIDATION_ERROR", ["selectedNights"])
    assert world.items() == before


@pytest.mark.parametrize("sub", [BINH, "auth0|nobody"])
def test_without_an_award_there_is_nothing_to_pay(world: World, sub: str):
    world.announce(auction_result())
    world.announce(auction_result(userId=BINH, result="LOST", awardedNights=[]))
    reply = world.create(sub=sub)
    assert (reply.status, reply.code) == (404, "NOT_FOUND")


def test_nights_that_somebody_else_is_paying_for_are_refused(world: World):
    made = world.created()
    world.announce(auction_result(userId=BINH, auctionId="1002"))
    before = world.items()
    reply = world.create(sub=BINH, auction_id="1002")
    assert (reply.status, reply.code, reply.details) == (409, "INVALID_AUCTION_STATE", {"nights": ["2027-03-20"]})
    assert world.items() == before
    assert {each["stayId"] for each in world.items(kind="NIGHT")} == {made["sessionId"]}


@pytest.mark.parametrize("nights", [NIGHTS[:1], NIGHTS[:2], NIGHTS], ids=len)
@pytest.mark.parametrize("amount", [PRICE, 2 * PRICE, 3 * PRICE - 1])
def test_a_full_win_is_not_sold_in_part_whatever_is_named(world: World, nights: tuple[str, ...], amount: int):
    world.announce(auction_result())
    before = world.items()
    reply = world.create(nights, amount=amount)
    assert (reply.status, reply.code, reply.details) == (400, "INVALID_AMOUNT", {"expectedAmount": 3 * PRICE})
    assert world.items() == before


@pytest.mark.parametrize("nights", [NIGHTS[:1], [*NIGHTS, "2027-03-23"], ["2027-05-01"]], ids=len)
@pytest.mark.parametrize("result", ["FULL_WIN", "PARTIAL_WIN"])
def test_c18_c26_the_full_amount_buys_all_awarded_nights_whichever_are_named(
    world: World, result: str, nights: list[str]
):
    world.announce(auction_result(result=result))
    made = world.create(nights, amount=3 * PRICE)
    assert (made.status, made.body["amount"]) == (200, 3 * PRICE)
    assert world.nights() == dict.fromkeys(NIGHTS, "HELD")


def test_a_wrong_amount_of_a_partial_win_is_refused_with_that_of_the_named_nights(world: World):
    world.announce(auction_result(result="PARTIAL_WIN"))
    before = world.items()
    reply = world.create(NIGHTS[:2], amount=2 * PRICE + 1)
    assert (reply.status, reply.code, reply.details) == (400, "INVALID_AMOUNT", {"expectedAmount": 2 * PRICE})
    assert world.items() == before


def test_some_nights_of_a_partial_win_can_be_paid_for_their_own_price(world: World):
    world.announce(auction_result(result="PARTIAL_WIN"))
    made = world.create(NIGHTS[1:])
    assert (made.status, made.body["amount"]) == (200, 2 * PRICE)
    assert world.nights() == dict.fromkeys(NIGHTS[1:], "HELD")


def test_a_reservation_is_paid_later_under_a_new_time(world: World):
    world.announce(auction_result())
    reserved = world.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)}).body
    assert world.zalopay.orders() == []
    world.clock.shift(timedelta(minutes=10))
    made = world.create()
    assert (made.status, made.body["sessionId"]) == (200, reserved["id"])
    assert made.body["expiresAt"].startswith("2027-03-01T03:25")
    assert {each["heldUntil"][:16] for each in world.items(kind="NIGHT")} == {"2027-03-01T03:29"}
    world.zalopay.pay(made.body["appTransId"])
    booking = world.http("GET", f"/payment/{reserved['id']}/booking").body
    assert (booking["status"], booking["id"]) == ("CONFIRMED", reserved["id"])
    assert world.told(reserved["id"]) == ["OPENED", "ORDER_ATTEMPTED", "ORDER_MADE", "PAID_AND_BOOKED"]


def test_a_payment_whose_time_is_over_makes_room_for_a_new_one(world: World):
    first = world.created()
    world.clock.shift(timedelta(minutes=17))
    second = world.create()
    assert (second.status, second.body["sessionId"] != first["sessionId"]) == (200, True)
    assert world.session(first["sessionId"])["status"] == "EXPIRED"


def test_a_click_that_finds_the_lost_money_says_that_it_is_paid(world: World):
    made = world.created()
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(made["appTransId"])
    world.clock.shift(timedelta(minutes=16))
    reply = world.create()
    assert (reply.status, reply.details) == (409, {"sessionId": made["sessionId"]})
    assert world.standing(made["sessionId"])["status"] == "PAID"


def test_the_order_id_bears_the_date_of_vietnam(world: World):
    world.clock.move_to(datetime(2027, 3, 1, 17, 0, 1, tzinfo=UTC))
    assert world.created()["appTransId"].startswith("270302_")


def test_a_database_that_fails_before_the_order_leaves_nothing_at_zalopay(world: World):
    world.announce(auction_result())
    with failing(world.functions["payments"], "TransactWriteItems", fault()):
        reply = world.create()
    assert (reply.status, reply.code) == (500, "INTERNAL_ERROR")
    assert (world.zalopay.orders(), world.items(kind="SESSION"), world.nights()) == ([], [], {})


def test_an_offer_is_accepted_by_paying_for_it(world: World):
    assert world.offer()["accepted"]
    made = world.create(sub=BINH)
    assert made.status == 200
    assert world.call_back(signed(order_data(made.body["appTransId"]))) == 1
    assert world.standing(made.body["sessionId"])["status"] == "PAID"
    assert world.item(kind="OFFER")["status"] == "PAID"


def test_clicking_again_and_again_while_zalopay_is_silent_asks_it_once(world: World):
    world.created()
    world.zalopay.fault("query_down")
    world.clock.shift(timedelta(minutes=15, seconds=10))
    with Asked(world.functions["payments"]) as paths:
        assert [world.create().code for _ in range(3)] == ["PAYMENT_CREATION_FAILED"] * 3
    assert paths == ["/v2/query"]


def test_no_claim_of_a_token_is_too_long_to_pay_with(world: World):
    world.created(name="N" * 300, email=f"{'e' * 400}@example.com")
    assert world.item(kind="SESSION")["contact"] == {"name": "N" * 200}


def reserved(world: World) -> str:
    """Mai has a reservation. Bình has won the same nights at another auction."""
    world.announce(auction_result())
    world.announce(auction_result(userId=BINH, auctionId="1002"))
    return world.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)}).body["id"]


def test_a_reservation_whose_nights_go_to_somebody_else_at_the_last_moment_makes_no_order(world: World):
    reserved(world)

    def overtake() -> None:
        world.clock.shift(timedelta(minutes=20))
        assert world.create(sub=BINH, auction_id="1002").status == 200

    with before(world.functions["payments"], "TransactWriteItems", overtake):
        reply = world.create()
    assert (reply.status, reply.details) == (409, {"nights": [NIGHTS[0]]})
    assert len(world.zalopay.orders()) == 1


def test_two_clicks_on_a_reservation_get_the_same_order(world: World):
    session_id, replies = reserved(world), []

    def click() -> None:
        replies.append(world.create())

    with before(world.functions["payments"], "TransactWriteItems", click):
        click()
    assert [(reply.status, reply.body["sessionId"]) for reply in replies] == [(200, session_id)] * 2
    assert replies[0].body == replies[1].body
    assert len(world.zalopay.orders()) == 1


def test_nights_that_one_has_paid_elsewhere_are_not_paid_twice(world: World):
    paid = world.paid()
    world.announce(auction_result(auctionId="1003"))
    reply = world.create(auction_id="1003")
    assert (reply.status, reply.details) == (409, {"sessionId": paid["id"]})


def test_an_order_whose_session_ended_while_it_was_made_is_not_handed_out(world: World):
    world.announce(auction_result())

    def end() -> None:
        if world.items(kind="SESSION"):
            world.clock.shift(timedelta(minutes=17))
            world.tick()

    with before(world.functions["payments"], "TransactWriteItems", end, times=2):
        reply = world.create()
    assert (reply.status, reply.code) == (502, "PAYMENT_CREATION_FAILED")
    assert world.item(kind="SESSION")["status"] in ("EXPIRED", "FAILED")


@pytest.mark.parametrize(
    ("fault", "code"), [("query_down", "INVALID_AUCTION_STATE"), ("payment_moving", "PAYMENT_PROCESSING")]
)
def test_nights_that_one_is_paying_for_elsewhere_are_refused_with_that_session(world: World, fault: str, code: str):
    made = world.created()
    world.zalopay.fault(fault)
    world.status(made["appTransId"])
    world.announce(auction_result(auctionId="1003"))
    reply = world.create(auction_id="1003")
    assert (reply.status, reply.code) == (409, code)
    assert reply.details == {"sessionId": made["sessionId"], "expiresAt": made["expiresAt"]}
    assert len(world.items(kind="SESSION")) == 1
