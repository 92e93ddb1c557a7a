"""The clock: it finds lost payments, ends what is over, and asks ZaloPay before it ends a session."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event
from types import ModuleType

import httpx
import pytest

from infra.topology import SCHEDULES
from stays.domain.award import quote
from stays.domain.decision import order_made
from stays.domain.payment import Contact, PaymentSession, open_session
from stays.domain.values import new_stay_id
from stays.table.keys import SHARDS
from tests.integration.messages import MAI, NIGHTS, auction_result
from tests.integration.product import Asked, Context, before, failing, fault, unreachable
from tests.integration.world import World


def test_a_lost_callback_is_found_within_two_minutes_without_a_browser(world: World):
    made = world.created()
    world.zalopay.fault("callback_lost")
    world.clock.shift(timedelta(seconds=59))
    world.tick()
    world.zalopay.pay(made["appTransId"])
    world.after(seconds=60)
    world.after(seconds=60)
    assert world.item(kind="SESSION")["status"] == "PAID"
    assert world.nights() == dict.fromkeys(NIGHTS, "BOOKED")
    assert world.item(what="PAID_AND_BOOKED")["evidence"]["source"] == "schedule"


def test_every_unpaid_session_is_asked_about_at_every_round(world: World):
    world.created()
    with Asked(world.functions["payments"]) as paths:
        for _ in range(3):
            assert world.after(seconds=60) == {"due": 1, "attended": 1}
    assert paths == ["/v2/query"] * 3


def test_a_session_is_not_ended_before_zalopay_was_asked(world: World):
    made = world.created()
    world.clock.shift(timedelta(minutes=15, seconds=30))
    world.tick()
    assert world.item(kind="SESSION")["status"] == "EXPIRED"
    assert world.item(what="EXPIRED")["evidence"] == {"source": "schedule", "outcome": "EXPIRED", "code": -54}
    assert (world.nights(), world.told(made["sessionId"])) == ({}, ["OPENED", "ORDER_MADE", "EXPIRED"])
    assert world.after(minutes=4) == {"due": 0, "attended": 0}
    assert world.after(minutes=5) == {"due": 1, "attended": 1}  # the mail that the payment failed


def test_money_that_comes_late_and_in_silence_is_found_by_the_clock(world: World):
    made = world.created()
    world.after(minutes=17)
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(made["appTransId"], late=True)
    assert world.session(made["sessionId"])["status"] == "EXPIRED"
    assert world.after(minutes=9) == {"due": 2, "attended": 2}  # also the mail that the payment failed
    assert world.standing(made["sessionId"])["status"] == "PAID"
    assert world.nights() == dict.fromkeys(NIGHTS, "BOOKED")


def test_an_order_that_nobody_paid_is_asked_about_six_times_and_then_left_alone(world: World):
    world.created()
    world.after(minutes=17)
    with Asked(world.functions["payments"]) as paths:
        for minutes in (10, 50, 300, 1080, 960, 420, 600):
            world.after(minutes=minutes)
    assert paths == ["/v2/query"] * 6
    assert "dueAt" not in world.item(kind="SESSION")


def test_a_zalopay_that_does_not_answer_ends_nothing(world: World):
    made = world.created()
    world.zalopay.fault("query_down")
    for due in (1, 1, 1, 2):  # finally the award's own check, because it may still be paid
        assert world.after(hours=6) == {"due": due, "attended": due}
    assert world.item(kind="AWARD")["status"] == "PENDING_PAYMENT"
    assert world.item(kind="SESSION")["status"] == "PENDING"
    assert world.nights() == dict.fromkeys(NIGHTS, "HELD")
    world.zalopay.fault("query_down", on=False)
    world.zalopay.pay(made["appTransId"], late=True)
    assert world.item(kind="SESSION")["status"] == "PAID"


def test_money_that_moves_is_waited_for(world: World):
    made = world.created()
    for name in ("callback_lost", "query_processing"):
        world.zalopay.fault(name)
    world.zalopay.pay(made["appTransId"])
    for _ in range(3):
        world.after(minutes=20)
    session = world.item(kind="SESSION")
    assert (session["status"], session["processing"]) == ("PENDING", True)
    assert world.told(made["sessionId"]) == ["OPENED", "ORDER_MADE", "PROCESSING"]
    world.zalopay.fault("query_processing", on=False)
    world.after(minutes=15)
    assert world.item(kind="SESSION")["status"] == "PAID"


def test_a_payer_who_gave_up_is_seen_at_the_next_round(world: World):
    made = world.created()
    world.zalopay.cancel(made["appTransId"])
    world.after(seconds=60)
    session = world.session(made["sessionId"])
    assert (session["status"], session["reason"], world.nights()) == ("CANCELLED", "PAYMENT_CANCELLED", {})


def test_a_declined_attempt_leaves_the_order_payable(world: World):
    made = world.created()
    world.zalopay.decline(made["appTransId"])
    world.after(seconds=60)
    assert world.session(made["sessionId"])["status"] == "PENDING"
    world.zalopay.pay(made["appTransId"])
    assert world.standing(made["sessionId"])["status"] == "PAID"


def begun(world: World) -> PaymentSession:
    """A recorded session whose function was killed."""
    world.announce(auction_result())
    payments, now = world.functions["payments"], datetime.now(UTC)
    (won,) = world.functions["auctions"].awards.load_for("1001", MAI)
    quoted = quote(won, [night.date for night in won.nights], None, now)
    session = open_session(new_stay_id(now, b"0123456789"), quoted, MAI, Contact(), now, reserve=False)
    payments.sessions.open(session, won, now)
    return session


def make_in_vain(world: World, session: PaymentSession) -> None:
    """The order is made, and the function is killed before it records it."""
    payments = world.functions["payments"]
    assert payments.zalopay().create_order(session, "http://localhost", payments.PAGES.callback_url).order_url


def test_a_creation_that_died_before_the_order_frees_its_nights(world: World):
    session = begun(world)
    world.after(seconds=60)
    failed = world.session(session.id)
    assert (failed["status"], failed["reason"], world.nights()) == ("FAILED", "PAYMENT_CREATION_FAILED", {})
    assert world.create().status == 200


def test_a_creation_that_died_after_the_order_and_is_paid_is_booked(world: World):
    session = begun(world)
    make_in_vain(world, session)
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(session.app_trans_id)
    world.after(seconds=60)
    assert (world.standing(session.id)["status"], world.nights()) == ("PAID", dict.fromkeys(NIGHTS, "BOOKED"))


def test_a_creation_that_died_after_the_order_is_given_up_as_nobody_has_its_address(world: World):
    session = begun(world)
    make_in_vain(world, session)
    world.after(seconds=60)
    assert (world.session(session.id)["status"], world.nights()) == ("FAILED", {})


def test_a_click_within_the_time_of_a_creation_that_died_does_not_make_a_second_order(world: World):
    begun(world)
    world.clock.shift(timedelta(seconds=31))
    assert world.create().status == 200
    assert [order["state"] for order in world.zalopay.orders()] == ["OPEN"]


def test_a_reservation_ends_without_a_question_as_it_never_had_an_order(world: World):
    world.announce(auction_result())
    reserved = world.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)}).body
    assert world.after(minutes=14) == {"due": 0, "attended": 0}
    with Asked(world.functions["payments"]) as paths:
        world.after(minutes=1)
    assert (paths, world.nights()) == ([], {})
    assert world.session(reserved["id"])["status"] == "EXPIRED"
    assert [each["status"] for each in world.http("GET", "/user/bookings").body] == ["CANCELLED"]


def test_a_round_ends_in_time_and_leaves_the_rest_due(world: World):
    world.created()
    world.clock.shift(timedelta(minutes=1))
    assert world.tick(Context(milliseconds=14_000)) == {"due": 1, "attended": 0}
    assert world.tick() == {"due": 1, "attended": 1}


def test_a_second_round_right_after_the_first_does_nothing(world: World):
    made = world.created()
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(made["appTransId"])
    world.after(minutes=1)
    after = world.items()
    assert world.tick() == {"due": 0, "attended": 0}
    assert world.items() == after


def test_two_rounds_at_the_same_time_book_once(world: World):
    made = world.created()
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(made["appTransId"])
    world.clock.shift(timedelta(minutes=1))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: world.tick(), range(2)))
    assert world.told(made["sessionId"]) == ["OPENED", "ORDER_MADE", "PAID_AND_BOOKED"]


def test_an_item_that_cannot_be_attended_does_not_hold_up_the_others(world: World):
    nights = [f"2027-04-{day:02}" for day in range(1, 4)]
    orders = world.apart(*nights)
    world.zalopay.fault("callback_lost")
    for order in orders:
        world.zalopay.pay(order)
    world.zalopay.fault("query_down", app_trans_id=orders[0])
    assert world.after(minutes=1) == {"due": 3, "attended": 3}
    assert [world.item(kind="SESSION", appTransId=order)["status"] for order in orders] == ["PENDING", "PAID", "PAID"]


def test_a_database_that_fails_leaves_everything_due(world: World):
    made = world.created()
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(made["appTransId"])
    with failing(world.functions["reconciliation"], "TransactWriteItems", fault()):
        assert world.after(minutes=1) == {"due": 1, "attended": 0}
    assert world.after(minutes=1) == {"due": 1, "attended": 1}
    assert world.standing(made["sessionId"])["status"] == "PAID"


def test_a_reading_of_an_overdue_session_repairs_it(world: World):
    made = world.created()
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(made["appTransId"])
    assert world.session(made["sessionId"])["status"] == "PENDING"
    world.clock.shift(timedelta(minutes=16))
    assert world.session(made["sessionId"])["status"] == "PENDING"  # until her page has read it (C24)
    assert world.standing(made["sessionId"])["status"] == "PAID"
    assert world.item(what="PAID_AND_BOOKED")["evidence"]["source"] == "read"


def test_what_has_come_to_rest_since_it_was_found_due_is_not_woken_up(world: World):
    made = world.created()
    reconciliation = world.functions["reconciliation"]
    before = reconciliation.sessions.find(made["sessionId"])
    world.clock.shift(timedelta(seconds=60))
    world.zalopay.pay(made["appTransId"])
    reconciliation.settlement.check(before, datetime.now(UTC))
    assert "dueAt" not in world.item(kind="SESSION")
    assert world.after(hours=1)["due"] == len([item for item in world.mails() if "dueAt" in item])


def test_an_item_that_cannot_be_read_does_not_hold_up_the_others(world: World):
    made = world.created()
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(made["appTransId"])
    long_ago = {"dueShard": "0", "dueAt": "2020-01-01T00:00:00.000Z"}
    broken = {"PK": "STAY#broken", "SK": "SESSION", "kind": "SESSION", **long_ago}
    world.functions["reconciliation"].store.put(broken)
    assert world.after(seconds=60) == {"due": 2, "attended": 1}
    assert world.item(kind="SESSION", id=made["sessionId"])["status"] == "PAID"


def test_many_items_that_cannot_be_read_do_not_stop_their_shard(world: World, capsys: pytest.CaptureFixture[str]):
    made = world.created()
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(made["appTransId"])
    session, many = world.item(kind="SESSION"), 120  # more than a page
    for number in range(many):
        key = {"PK": {"S": f"STAY#broken{number}"}, "SK": {"S": "SESSION"}, "kind": {"S": "SESSION"}}
        long_ago = {"dueShard": {"S": session["dueShard"]}, "dueAt": {"S": "2020-01-01T00:00:00.000Z"}}
        world.dynamodb.put_item(TableName="stays", Item=key | long_ago)
    assert world.after(seconds=60) == {"due": many + 1, "attended": 1}
    assert world.standing(made["sessionId"])["status"] == "PAID"
    assert capsys.readouterr().out.count('"UnreadableItems":[1.0]') == many
    assert world.after(minutes=15)["due"] >= many  # they are due again, and counted


def test_a_call_of_the_clock_attends_the_shards_of_its_event_only(world: World):
    made = world.created()
    own = world.item(kind="SESSION", id=made["sessionId"])["dueShard"]
    world.clock.shift(timedelta(minutes=1))
    reconciliation = world.functions["reconciliation"]
    rounds = {shard: {"shards": [shard]} for shard in SHARDS}
    assert SCHEDULES[0].inputs == (*rounds.values(),)
    attended = {shard: reconciliation.handler(event, world.context)["due"] for shard, event in rounds.items()}
    assert attended == {shard: int(shard == own) for shard in SHARDS}


def test_an_item_that_fails_by_itself_makes_room_and_one_that_the_table_fails_does_not(world: World):
    made = world.created()
    session = world.item(kind="SESSION")
    reconciliation = world.functions["reconciliation"]
    reconciliation.store.update({"PK": session["PK"], "SK": session["SK"]}, {"dueAt": None, "status": "BROKEN"})
    award = world.item(kind="AWARD", checkoutId=made["sessionId"])
    over = datetime.fromisoformat(award["dueAt"]) - datetime.now(UTC)
    world.clock.shift(over + timedelta(seconds=1))
    with failing(reconciliation, "GetItem", fault()):
        assert world.tick() == {"due": 1, "attended": 0}
    with failing(reconciliation, "UpdateItem", fault()):
        assert world.tick() == {"due": 1, "attended": 0}
    assert world.tick() == {"due": 1, "attended": 0}  # its session cannot be read
    assert world.tick() == {"due": 0, "attended": 0}
    assert world.after(minutes=15) == {"due": 1, "attended": 0}


def test_while_one_item_waits_for_zalopay_all_others_are_attended(world: World):
    slow, *orders = world.apart(*(f"2027-04-{day:02}" for day in range(1, 13)))
    asked: set[str] = set()
    others = Event()
    usual = world.functions["payments"].zalopay()._http._transport

    def answer(request: httpx.Request) -> httpx.Response:
        order = json.loads(request.content)["app_trans_id"]
        if order == slow:
            assert others.wait(6)
        asked.add(order)
        if asked == set(orders):
            others.set()
        return usual.handle_request(request)

    with speaking(world.functions["payments"], httpx.MockTransport(answer)):
        assert world.after(seconds=60) == {"due": 12, "attended": 12}
    assert asked == {slow, *orders}


@contextmanager
def speaking(payments: ModuleType, transport: httpx.BaseTransport) -> Iterator[None]:
    """Use another transport for the calls to ZaloPay."""
    http = payments.zalopay()._http
    usual, http._transport = http._transport, transport
    yield
    http._transport = usual


def test_an_order_that_never_reached_zalopay_is_made_once_more(world: World):
    world.announce(auction_result())
    with Asked(world.functions["payments"]) as paths, unreachable(world.functions["payments"], "/v2/create"):
        made = world.create()
    assert (made.status, paths) == (200, ["/v2/create", "/v2/query", "/v2/create"])
    assert made.body["orderUrl"] == world.zalopay.order(made.body["appTransId"])["order_url"]


def test_a_click_waits_for_the_order_that_another_is_making(world: World):
    session = begun(world)
    sessions, now = world.functions["reconciliation"].sessions, datetime.now(UTC)
    reads = iter((False, False, True))

    def make() -> None:
        if next(reads):
            sessions.settle(session, lambda current, _: order_made(current, "https://pay", now), now)

    with before(world.functions["payments"], "GetItem", make, times=3):
        assert world.create().body["orderUrl"] == "https://pay"


def test_a_click_does_not_wait_for_an_order_that_was_given_up(world: World):
    session = begun(world)
    reads = iter((False, True))

    def give_up() -> None:
        if next(reads):
            world.after(seconds=60)

    with before(world.functions["payments"], "GetItem", give_up, times=2):
        assert world.create().code == "PAYMENT_CREATION_FAILED"
    assert world.standing(session.id)["status"] == "FAILED"


def test_an_award_that_can_still_be_paid_is_left_alone(world: World):
    world.announce(auction_result())
    (award,) = world.functions["auctions"].awards.load_for("1001", MAI)
    world.functions["reconciliation"].check_award(award, award.deadline - timedelta(seconds=1))
    assert world.item(kind="AWARD")["status"] == "PENDING_PAYMENT"


def test_a_mail_that_cannot_be_attended_stays_due(world: World):
    world.paid()
    world.records()
    with failing(world.functions["reconciliation"], "PutItem", fault()):
        assert world.after(minutes=2) == {"due": 2, "attended": 0}
    assert world.tick() == {"due": 2, "attended": 2}


def test_a_click_does_not_wait_for_ever_for_an_order_that_another_does_not_make(world: World):
    session = begun(world)
    assert (world.create().code, world.session(session.id)["status"]) == ("PAYMENT_CREATION_FAILED", "CREATED")
