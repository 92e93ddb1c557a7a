"""A user makes another choice while their own order or reservation is open: the new choice replaces it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.messages import BINH, NIGHTS, PRICE, auction_result, in_seconds, runner_up
from tests.integration.product import Asked, before, counted, unreachable
from tests.integration.shapes import TIME
from tests.integration.world import Reply, World

FIRST, MIDDLE, LAST = NIGHTS
CHOSEN = (FIRST, MIDDLE)
OVERLAPPING, DISJOINT = (MIDDLE, LAST), (LAST,)
Change = Callable[[World], Reply]


def awarded(world: World, **changes: Any) -> None:
    """A partial win of three nights for Mai. Bình is the runner-up."""
    assert world.announce(auction_result(result="PARTIAL_WIN", runnersUp=[runner_up(BINH, price=PRICE)], **changes))[
        "accepted"
    ]


def reserve(world: World, nights: Any = CHOSEN) -> Reply:
    return world.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(nights)})


def ordered(world: World) -> str:
    """Open an order."""
    made = world.create(CHOSEN).body
    return made["sessionId"]


def reserved(world: World) -> str:
    """Open a reservation without an order."""
    return reserve(world).body["id"]


def reserved_and_ordered(world: World) -> str:
    """Open a reservation with an order."""
    session_id = reserved(world)
    assert ordered(world) == session_id
    return session_id


def decline(world: World) -> Reply:
    return world.http("POST", "/auctions/winners/1001/decline")


def give_back(world: World) -> Reply:
    return world.http("DELETE", f"/bookings/{world.item(kind='SESSION', reserved=True)['id']}")


def order(world: World) -> Reply:
    return world.create([LAST])


BOTH: dict[str, Change] = {"create": order, "reserve": lambda world: reserve(world, [LAST])}
CHANGES = BOTH | {"decline": decline, "give back": give_back}
any_change = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)


def order_of(world: World, session_id: str) -> str:
    return world.standing(session_id)["appTransId"]


def live(world: World) -> list[str]:
    return [each["id"] for each in world.items(kind="SESSION") if each["status"] in ("CREATED", "PENDING")]


# The old order is unpaid


@pytest.mark.parametrize(
    ("open_first", "again", "nights"),
    [
        *((ordered, "create", nights) for nights in (OVERLAPPING, DISJOINT, (FIRST,), NIGHTS)),
        *((ordered, "reserve", nights) for nights in (OVERLAPPING, DISJOINT)),
        (reserved, "create", OVERLAPPING),
        (reserved, "reserve", DISJOINT),
        (reserved_and_ordered, "create", DISJOINT),
        (reserved_and_ordered, "reserve", OVERLAPPING),
    ],
)
def test_a_choice_of_other_nights_replaces_the_open_order_or_reservation(
    world: World, open_first: Callable[[World], str], again: str, nights: tuple[str, ...]
):
    awarded(world)
    old = open_first(world)
    reply = world.create(nights) if again == "create" else reserve(world, nights)
    assert reply.status == 200
    new = reply.body["sessionId" if again == "create" else "id"]
    assert (live(world), world.item(kind="AWARD")["checkoutId"]) == ([new], new)
    gone = world.session(old)
    assert (gone["status"], gone["reason"], gone["cancelledAt"]) == ("CANCELLED", "SUPERSEDED", TIME)
    assert world.nights() == dict.fromkeys(nights, "HELD")
    assert {item["stayId"] for item in world.items(kind="NIGHT")} == {new}


@pytest.mark.parametrize(
    ("open_first", "paths"),
    [(reserved, ["/v2/create"]), (ordered, ["/v2/query", "/v2/cancel", "/v2/create"])],
)
def test_zalopay_is_asked_first_then_one_write_replaces_the_old_by_the_new_and_then_the_old_order_is_cancelled(
    world: World, open_first: Callable[[World], str], paths: list[str]
):
    awarded(world)
    old = order_of(world, open_first(world))
    with counted(world.functions["payments"]) as calls, Asked(world.functions["payments"]) as asked:
        made = world.create([LAST]).body
    assert asked == paths
    assert calls.count("TransactWriteItems stays") == 2  # the second write records the new order
    states = {order["app_trans_id"]: order["state"] for order in world.zalopay.orders()}
    assert states == {made["appTransId"]: "OPEN", **({old: "CANCELLED"} if len(paths) > 1 else {})}


@pytest.mark.parametrize("open_first", [ordered, reserved, reserved_and_ordered])
def test_declining_ends_the_open_order_or_reservation_with_the_award_and_the_next_is_asked(
    world: World, open_first: Callable[[World], str]
):
    awarded(world)
    old = open_first(world)
    with counted(world.functions["auctions"]) as calls:
        assert decline(world)[:2] == (200, {})
    assert calls.count("TransactWriteItems stays") == 2  # the second write makes the next offer
    gone = world.session(old)
    assert (gone["status"], gone["reason"]) == ("CANCELLED", "SUPERSEDED")
    assert {
        item["kind"]: item["status"] for item in world.items(auctionId="1001") if "status" in item and "awardId" in item
    } == {
        "AWARD": "DECLINED",
        "OFFER": "WAITING",
        "SESSION": "CANCELLED",
    }
    assert world.nights() == {}


@pytest.mark.parametrize(
    ("open_first", "reason", "paths"),
    [
        (reserved, "CANCELLED_BY_TRAVELLER", []),
        (reserved_and_ordered, "SUPERSEDED", ["/v2/query", "/v2/cancel"]),
    ],
)
def test_giving_a_reservation_back_ends_its_open_order_and_the_award_can_be_paid_anew(
    world: World, open_first: Callable[[World], str], reason: str, paths: list[str]
):
    awarded(world)
    old = open_first(world)
    with Asked(world.functions["payments"]) as asked:
        reply = give_back(world)
    assert (reply.status, reply.body["status"], reply.body["cancelledAt"]) == (200, "CANCELLED", TIME)
    assert (asked, world.session(old)["reason"], world.nights()) == (paths, reason, {})
    assert give_back(world)[:2] == reply[:2]
    assert world.create(CHOSEN).status == 200


def test_a_listening_browser_gets_the_failure_of_the_old_payment_with_its_reason(world: World):
    awarded(world)
    old = ordered(world)
    socket = world.socket()
    socket.subscribe()
    assert order(world).status == 200
    world.deliver()
    said = {each["paymentId"]: (each["status"], each.get("reason")) for each in socket.of_type("PAYMENT_STATUS")}
    assert said.pop(old) == ("FAILED", "SUPERSEDED")
    assert list(said.values()) == [("INITIATED", None)]


@pytest.mark.parametrize(
    ("change", "gives_up", "reason"),
    [*((change, False, "PAYMENT_EXPIRED") for change in CHANGES.values()), (order, True, "PAYMENT_CANCELLED")],
)
def test_an_order_that_is_over_is_ended_by_zalopays_answer_and_the_other_choice_is_made(
    world: World, change: Change, gives_up: bool, reason: str
):
    awarded(world)
    old = reserved_and_ordered(world)
    if gives_up:
        world.zalopay.cancel(order_of(world, old))
    else:
        world.clock.shift(timedelta(minutes=15, seconds=5))
    assert change(world).status == 200
    assert world.session(old)["reason"] == reason


# The old order is paid, or may be paid


@any_change
def test_while_money_is_moving_nothing_is_replaced(world: World, change: Change):
    awarded(world)
    old = reserved_and_ordered(world)
    world.zalopay.fault("payment_moving")
    for _ in range(2):
        reply = change(world)
        assert (reply.status, reply.code) == (409, "PAYMENT_PROCESSING")
        assert reply.details == {"sessionId": old, "expiresAt": TIME}
        world.clock.shift(timedelta(seconds=6))
    assert (live(world), world.nights()) == ([old], dict.fromkeys(CHOSEN, "HELD"))
    assert world.item(kind="AWARD")["status"] == "PENDING_PAYMENT"
    assert [order["state"] for order in world.zalopay.orders()] == ["OPEN"]
    world.zalopay.fault("payment_moving", on=False)
    assert change(world).status == 200


@any_change
def test_where_the_money_has_arrived_it_books_and_nothing_is_replaced(world: World, change: Change):
    awarded(world)
    old = reserved_and_ordered(world)
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(order_of(world, old))
    reply = change(world)
    assert (reply.status, reply.code, reply.details) == (409, "INVALID_AUCTION_STATE", {"sessionId": old})
    assert world.standing(old)["fulfilment"] == "BOOKED"
    assert world.nights() == dict.fromkeys(CHOSEN, "BOOKED")
    assert world.item(kind="AWARD")["status"] == "PAID"


@any_change
def test_where_zalopay_is_silent_nothing_changes(world: World, change: Change):
    awarded(world)
    old = reserved_and_ordered(world)
    world.zalopay.fault("query_down")
    before_all = [world.items(kind=kind) for kind in ("NIGHT", "AWARD", "OFFER", "BOOKING", "EVENT")]
    reply = change(world)
    code = (502, "PAYMENT_CREATION_FAILED") if change is order else (409, "INVALID_AUCTION_STATE")
    assert (reply.status, reply.code, reply.details["sessionId"]) == (*code, old)
    assert [world.items(kind=kind) for kind in ("NIGHT", "AWARD", "OFFER", "BOOKING", "EVENT")] == before_all
    assert (live(world), len(world.zalopay.orders())) == ([old], 1)


@pytest.mark.parametrize("change", [order, give_back])
def test_where_zalopay_was_asked_a_moment_ago_the_five_seconds_are_waited_for(world: World, change: Change):
    awarded(world)
    old = order_of(world, reserved_and_ordered(world))
    world.status(old)
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(old)
    world.clock.shift(timedelta(seconds=4.8))
    with Asked(world.functions["payments"]) as paths:
        reply = change(world)
    assert (reply.status, paths) == (409, ["/v2/query"])
    assert world.item(kind="AWARD")["status"] == "PAID"


def test_where_another_call_asks_zalopay_twice_before_us_nothing_changes(world: World):
    awarded(world)
    old = order_of(world, reserved_and_ordered(world))

    def poll() -> None:
        assert world.status(old)["status"] == "PENDING"

    with before(world.functions["auctions"], "UpdateItem", poll, times=2):
        reply = decline(world)
    assert (reply.status, reply.code, reply.details["sessionId"]) == (409, "INVALID_AUCTION_STATE", old[7:])
    assert live(world) == [old[7:]]


# The old order is paid afterwards


def replaced(world: World, nights: tuple[str, ...], open_first: Callable[[World], str] = ordered) -> tuple[str, str]:
    """An order was replaced by another, and ZaloPay did not cancel it. Returns both."""
    awarded(world)
    old = order_of(world, open_first(world))
    world.zalopay.fault("cancel_refused")
    return old, world.create(nights).body["appTransId"]


@pytest.mark.parametrize(
    ("nights", "moves"),
    [(OVERLAPPING, False), (OVERLAPPING, True), (DISJOINT, False), (DISJOINT, True), (NIGHTS, False)],
)
def test_money_for_the_old_order_books_while_the_new_one_is_not_paid_and_that_gives_way(
    world: World, nights: tuple[str, ...], moves: bool
):
    old, new = replaced(world, nights)
    if moves:
        world.zalopay.fault("payment_moving", app_trans_id=new)
        assert world.status(new)["status"] == "PENDING"
        assert world.standing(new[7:])["processing"] is True
    world.zalopay.pay(old)
    assert world.standing(old[7:])["fulfilment"] == "BOOKED"
    gone = world.session(new[7:])
    assert (gone["status"], gone["reason"]) == ("CANCELLED", "SUPERSEDED")
    assert world.item(kind="AWARD")["paymentId"] == old[7:]
    assert {night: state for night, state in world.nights().items() if state == "BOOKED"} == dict.fromkeys(
        CHOSEN, "BOOKED"
    )
    world.zalopay.fault("payment_moving", on=False, app_trans_id=new)
    world.zalopay.pay(new)
    back = world.session(new[7:])
    assert (back["status"], back["reason"], back["refund"]["amount"]) == (
        "FAILED",
        "ALREADY_PAID",
        PRICE * len(nights),
    )
    assert {item["stayId"] for item in world.items(kind="NIGHT", state="BOOKED")} == {old[7:]}


@pytest.mark.parametrize("nights", [OVERLAPPING, DISJOINT])
def test_money_for_the_old_order_is_given_back_once_the_new_one_is_paid(world: World, nights: tuple[str, ...]):
    old, new = replaced(world, nights)
    world.zalopay.pay(new)
    world.zalopay.pay(old)
    back = world.session(old[7:])
    assert (back["status"], back["reason"], back["refund"]["amount"]) == ("FAILED", "ALREADY_PAID", 2 * PRICE)
    assert {item["stayId"] for item in world.items(kind="NIGHT", state="BOOKED")} == {new[7:]}
    assert world.item(kind="AWARD")["paymentId"] == new[7:]


@pytest.mark.parametrize("nights", [OVERLAPPING, DISJOINT])
def test_money_for_the_old_order_books_also_where_only_a_reservation_has_taken_its_place(
    world: World, nights: tuple[str, ...]
):
    awarded(world)
    old = order_of(world, ordered(world))
    world.zalopay.fault("cancel_refused")
    new = reserve(world, nights).body["id"]
    world.zalopay.pay(old)
    assert (world.standing(old[7:])["fulfilment"], world.session(new)["reason"]) == ("BOOKED", "SUPERSEDED")


@pytest.mark.parametrize("change", [decline, give_back])
def test_money_for_an_order_that_was_given_up_books_what_is_free(world: World, change: Change):
    awarded(world)
    old = order_of(world, reserved_and_ordered(world))
    world.zalopay.fault("cancel_refused")
    assert change(world).status == 200
    world.zalopay.pay(old)
    assert world.standing(old[7:])["fulfilment"] == "BOOKED"
    assert world.item(kind="AWARD")["status"] == "PAID"
    assert {item["status"] for item in world.items(kind="OFFER")} <= {"EXPIRED"}


def test_the_clock_looks_after_money_that_comes_in_silence_for_an_order_that_gave_way(world: World):
    old, new = replaced(world, (LAST,))
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(old)
    world.after(minutes=26)
    assert world.standing(old[7:])["fulfilment"] == "BOOKED"
    assert world.session(new[7:])["status"] in ("CANCELLED", "EXPIRED")


# Failures in between


@pytest.mark.parametrize("fault", ["cancel_refused", "it is not there"])
def test_an_order_that_zalopay_does_not_cancel_is_no_obstacle(world: World, fault: str):
    awarded(world)
    old = ordered(world)
    payments = world.functions["payments"]
    if fault == "cancel_refused":
        world.zalopay.fault(fault)
        reply = order(world)
    else:
        with unreachable(payments, "/v2/cancel"):
            reply = order(world)
    assert (reply.status, world.session(old)["reason"]) == (200, "SUPERSEDED")


@pytest.mark.parametrize("path", ["/v2/cancel", "/v2/create"])
def test_a_function_that_dies_after_the_new_choice_was_written_leaves_it_to_the_next_click(world: World, path: str):
    awarded(world)
    old = ordered(world)
    with unreachable(world.functions["payments"], path, dies=True):
        assert order(world).status == 500
    (new,) = live(world)
    assert (world.session(old)["reason"], world.nights()) == ("SUPERSEDED", {LAST: "HELD"})
    world.clock.shift(timedelta(seconds=31))
    made = order(world)
    assert (made.status, made.body["sessionId"] not in (old, new)) == (200, True)
    assert (world.session(new)["status"], live(world)) == ("FAILED", [made.body["sessionId"]])


def test_of_two_choices_at_the_same_moment_one_is_open_in_the_end(world: World):
    awarded(world)
    old = ordered(world)
    replies: list[Reply] = []

    def choose() -> None:
        world.clock.shift(timedelta(seconds=5))
        replies.append(world.create([LAST]))

    with before(world.functions["payments"], "TransactWriteItems", choose):
        replies.append(world.create([FIRST]))
    assert [reply.status for reply in replies] == [200, 200]
    assert live(world) == [replies[1].body["sessionId"]]
    assert {world.session(each)["reason"] for each in (old, replies[0].body["sessionId"])} == {"SUPERSEDED"}


def test_nights_that_another_user_holds_refuse_the_other_choice_and_the_old_order_stays(world: World):
    awarded(world)
    old = ordered(world)
    world.announce(auction_result(userId=BINH, auctionId="1002", nights=[LAST]))
    assert world.create([LAST], sub=BINH, auction_id="1002").status == 200
    reply = order(world)
    assert (reply.status, reply.details, live(world)[0]) == (409, {"nights": [LAST]}, old)
    assert [order["state"] for order in world.zalopay.orders()] == ["OPEN", "OPEN"]


# After the deadline of the award


@pytest.mark.parametrize("change", [*BOTH.values(), decline], ids=[*BOTH, "decline"])
def test_after_the_deadline_nothing_is_replaced_and_the_refusal_names_the_live_session(world: World, change: Change):
    awarded(world, paymentDeadline=in_seconds(60))
    old = ordered(world)
    world.clock.shift(timedelta(seconds=61))
    with Asked(world.functions["payments"]) as paths:
        reply = change(world)
    assert (reply.status, reply.code) == (409, "INVALID_AUCTION_STATE")
    assert (reply.details["sessionId"], paths, live(world)) == (old, [], [old])
