"""The notifier sends the present state to its owner only, until it has arrived."""

import time
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest

from stays.aws.client import AwsError
from stays.edge.connections import JOINING, Connection, Unreachable
from tests.integration.messages import BINH, MAI, PRICE, auction_result
from tests.integration.product import Context, before, counted, failing, fault
from tests.integration.world import Socket, World


def listening(world: World, sub: str = MAI) -> Socket:
    socket = world.socket(query=f"token={world.token(sub)}")
    socket.subscribe(sub)
    return socket


def heard(socket: Socket) -> list[str]:
    return [frame.get("status", frame["type"]) for frame in socket.frames[1:]]


def test_a_payment_is_told_step_by_step(world: World):
    socket = listening(world)
    made = world.created()
    world.deliver()
    world.zalopay.pay(made["appTransId"])
    world.deliver()
    assert heard(socket) == ["AUCTION_RESULT", "INITIATED", "COMPLETED", "BOOKING_CONFIRMED"]


def test_a_win_is_not_announced_again_when_it_is_paid(world: World):
    paid = world.created()
    world.deliver()
    socket = listening(world)
    assert heard(socket) == ["AUCTION_RESULT", "INITIATED"]
    world.zalopay.pay(paid["appTransId"])
    world.deliver()
    assert heard(socket)[2:] == ["COMPLETED", "BOOKING_CONFIRMED"]


def test_an_old_record_sends_the_present_state(world: World):
    socket = listening(world)
    made = world.created()
    old = world.records()
    world.zalopay.pay(made["appTransId"])
    world.deliver()
    before = len(socket.frames)
    world.deliver(old)
    assert heard(socket)[before - 1 :] == ["COMPLETED"]


def test_a_record_that_comes_twice_says_the_same_twice(world: World):
    world.paid()
    socket = listening(world)
    before = len(socket.frames)
    records = world.records()
    world.deliver(records)
    first = socket.frames[before:]
    world.deliver(records)
    assert socket.frames[before + len(first) :] == first


def test_records_in_any_order_end_with_the_same_messages(world: World):
    world.paid()
    socket = listening(world)
    before = len(socket.frames)
    world.deliver(list(reversed(world.records())))
    assert heard(socket)[before - 1 :] == ["COMPLETED", "BOOKING_CONFIRMED"]


def test_a_question_to_zalopay_that_changed_nothing_is_told_to_nobody(world: World):
    made = world.created()
    socket = listening(world)
    world.deliver()
    before = len(socket.frames)
    world.status(made["appTransId"])
    records = world.records()
    assert {record["dynamodb"]["Keys"]["SK"]["S"] for record in records} == {"NOTES"}
    world.deliver(records)
    assert len(socket.frames) == before


def test_money_on_its_way_is_processing(world: World):
    made = world.created()
    socket = listening(world)
    world.deliver()
    for name in ("callback_lost", "query_processing"):
        world.zalopay.fault(name)
    world.zalopay.pay(made["appTransId"])
    assert world.status(made["appTransId"])["status"] == "PENDING"
    world.deliver()
    assert heard(socket)[-1] == "PROCESSING"


def test_a_payment_that_failed_says_why(world: World):
    made = world.created()
    socket = listening(world)
    world.zalopay.cancel(made["appTransId"])
    world.status(made["appTransId"])
    world.deliver()
    assert socket.of_type("PAYMENT_STATUS")[-1] == {
        "type": "PAYMENT_STATUS",
        "paymentId": made["sessionId"],
        "userId": MAI,
        "status": "FAILED",
        "reason": "PAYMENT_CANCELLED",
    }


def test_a_refund_is_told_at_every_step(world: World):
    paid = world.paid()
    world.deliver()
    socket = listening(world)
    world.http("DELETE", f"/bookings/{paid['id']}")
    world.deliver()
    world.tick()
    world.deliver()
    world.after(minutes=1)
    world.deliver()
    told = [(frame["status"], frame.get("refund", {}).get("status")) for frame in socket.of_type("PAYMENT_STATUS")]
    assert told == [
        ("COMPLETED", None),
        ("COMPLETED", "REFUND_DUE"),
        ("COMPLETED", "REFUNDING"),
        ("COMPLETED", "REFUNDED"),
    ]
    assert len(socket.of_type("BOOKING_CONFIRMED")) == 1


def test_an_unreachable_connection_is_tried_again_and_the_others_are_told(world: World):
    unreachable, other, binh = listening(world), listening(world), listening(world, BINH)
    world.announce(auction_result())
    world.announce(auction_result(userId=BINH, auctionId="1002", nights=["2027-05-01"]))
    world.neighbour.unwilling.add(unreachable.id)
    records = world.records()
    (failed,) = world.deliver(records)["notifier"]
    assert failed == records[0]["dynamodb"]["SequenceNumber"]
    assert (heard(other), heard(binh), heard(unreachable)) == (["AUCTION_RESULT"], ["AUCTION_RESULT"], [])
    world.neighbour.unwilling.clear()
    assert world.deliver(records[:1])["notifier"] == []
    assert heard(unreachable) == ["AUCTION_RESULT"]


def test_a_message_for_which_an_invocation_has_no_time_comes_with_the_next(world: World):
    mai, binh = listening(world), listening(world, BINH)
    world.announce(auction_result())
    world.announce(auction_result(userId=BINH, auctionId="1002", nights=["2027-05-01"]))
    records, whole = world.records(), world.context
    world.context = Context(milliseconds=round(world.functions["notifier"].SPARE * 1000))
    assert len(world.deliver(records)["notifier"]) == 2
    assert (heard(mai), heard(binh)) == ([], [])
    world.context = whole
    assert world.deliver(records)["notifier"] == []
    assert (heard(mai), heard(binh)) == (["AUCTION_RESULT"], ["AUCTION_RESULT"])


def test_a_gateway_that_is_too_busy_is_waited_for(world: World):
    socket = listening(world)
    world.announce(auction_result())
    world.neighbour.busy[socket.id] = 6
    assert world.deliver()["notifier"] == []
    assert heard(socket) == ["AUCTION_RESULT"]


def test_a_dead_connection_is_forgotten_and_fails_nothing(world: World):
    dead = listening(world)
    dead.vanish()
    world.announce(auction_result())
    assert world.deliver()["notifier"] == []
    assert [item for item in world.items("connections") if item.get("connectionId") == dead.id] == []
    world.neighbour.posts.clear()
    world.offer(userId=MAI)
    world.deliver()
    assert world.neighbour.posts == []


def test_without_listeners_nothing_is_posted(world: World):
    world.paid()
    assert world.deliver()["notifier"] == []
    assert world.neighbour.posts == []


def test_a_batch_for_many_users_reaches_each_of_them(world: World):
    users = [f"auth0|user-{number}" for number in range(12)]
    sockets = {user: listening(world, user) for user in users}
    for number, user in enumerate(users):
        world.announce(auction_result(userId=user, auctionId=str(number), nights=["2027-05-01"]))
    assert world.deliver()["notifier"] == []
    assert {user: heard(socket) for user, socket in sockets.items()} == {user: ["AUCTION_RESULT"] for user in users}
    assert all(frame["userId"] == user for user, socket in sockets.items() for frame in socket.frames[1:])


@pytest.mark.parametrize("operation", ["Query", "BatchGetItem"])
def test_a_database_that_fails_brings_the_whole_batch_again(world: World, operation: str):
    socket = listening(world)
    world.announce(auction_result())
    records = world.records()
    with failing(world.functions["notifier"], operation, fault()), pytest.raises(AwsError):
        world.deliver(records)
    assert heard(socket) == []
    world.deliver(records)
    assert heard(socket) == ["AUCTION_RESULT"]


def test_a_late_subscriber_is_told_of_live_offers_only(world: World):
    world.offer(userId=MAI, offerId="1")
    world.offer(userId=MAI, offerId="2", responseDeadline="2027-03-01T03:10:00Z")
    assert [frame["offerId"] for frame in listening(world).of_type("SECOND_CHANCE_OFFER")] == ["1", "2"]
    world.clock.shift(timedelta(minutes=11))
    offers = listening(world).of_type("SECOND_CHANCE_OFFER")
    assert [(frame["offerId"], frame["amount"]) for frame in offers] == [("1", 3 * PRICE)]


def test_telling_costs_one_query_for_each_user_and_one_read_of_all_items(world: World):
    sockets = [listening(world, sub) for sub in (MAI, MAI, BINH)]
    for number in range(3):
        world.announce(auction_result(auctionId=f"{number}", nights=[f"2027-05-0{number + 1}"]))
    world.announce(auction_result(userId=BINH, auctionId="9", nights=["2027-05-09"]))
    with counted(world.functions["notifier"]) as calls:
        world.deliver()
    assert calls == ["Query connections", "Query connections", "BatchGetItem stays"]
    assert [len(heard(socket)) for socket in sockets] == [3, 3, 1]


def test_where_nobody_listens_nothing_is_read(world: World):
    world.announce(auction_result())
    with counted(world.functions["notifier"]) as calls:
        world.deliver()
    assert calls == ["Query connections"]


def test_two_changes_of_a_session_in_one_batch_are_one_message(world: World):
    socket = listening(world)
    made = world.created()
    world.zalopay.pay(made["appTransId"])
    records = world.records()
    sessions = [each for each in records if each["dynamodb"]["NewImage"].get("kind") == {"S": "SESSION"}]
    assert len(sessions) > 2
    world.deliver(sessions)
    assert heard(socket) == ["COMPLETED", "BOOKING_CONFIRMED"]


# A page that subscribes during a change


def joining(world: World, seconds: float, sub: str = MAI) -> Socket:
    """A connection that SUBSCRIBE has listed, and that has no messages yet."""
    socket = world.socket(query=f"token={world.token(sub)}")
    now = datetime.now(UTC)
    listed = Connection(connection_id=socket.id, fingerprint="f", opened_at=now, user_id=sub)
    until = now + timedelta(seconds=seconds)
    world.functions["connections_bound"].connections.subscribe(listed.but(joining_until=until))
    return socket


def test_i16_a_change_while_a_page_is_told_what_it_missed_is_told_after_that(world: World):
    made = world.created()
    world.deliver()
    socket = world.socket(query=f"token={world.token()}")
    delivered: list[Any] = []
    telling = Thread(target=lambda: delivered.append(world.deliver()["notifier"]))

    def paid_meanwhile(connection_id: str) -> None:
        if not telling.ident:
            world.zalopay.pay(made["appTransId"])
            telling.start()
            time.sleep(0.5)  # time enough for the stream to deliver

    world.neighbour.on_post = paid_meanwhile
    socket.subscribe()
    telling.join()
    assert heard(socket) == ["AUCTION_RESULT", "INITIATED", "COMPLETED", "BOOKING_CONFIRMED"]
    assert delivered == [[]]


def test_i16_what_is_told_is_read_after_looking_who_listens(world: World):
    made = world.created()
    records = world.records()
    sockets: list[Socket] = []

    def pay_and_subscribe() -> None:
        world.zalopay.pay(made["appTransId"])
        sockets.append(listening(world))

    with before(world.functions["notifier"], "Query", pay_and_subscribe):
        world.deliver(records)
    assert [frame["status"] for frame in sockets[0].of_type("PAYMENT_STATUS")] == ["COMPLETED", "COMPLETED"]


def test_i16_what_is_told_to_a_page_that_was_joining_is_read_again(world: World):
    first, late = listening(world), joining(world, 10)
    made = world.created()
    records = world.records()
    function = world.functions["connections_bound"]

    def pay_and_join() -> None:
        world.zalopay.pay(made["appTransId"])
        (listed,) = [each for each in function.connections.load_of(MAI) if each.connection_id == late.id]
        assert function.connections.move(listed, listed.but(joining_until=None))

    world.neighbour.on_post = lambda connection_id: once.pop()() if once else None
    once = [pay_and_join]
    assert world.deliver(records)["notifier"] == []
    assert heard(first) == ["AUCTION_RESULT", "INITIATED"]
    assert [frame.get("status", frame["type"]) for frame in late.frames] == ["COMPLETED"]


def test_i15_a_page_that_subscribes_just_after_a_change_has_read_it(world: World):
    made = world.created()
    world.zalopay.pay(made["appTransId"])
    records = world.records()
    sockets: list[Socket] = []
    with before(world.functions["notifier"], "BatchGetItem", lambda: sockets.append(listening(world))):
        listening(world)
        world.deliver(records)
    assert heard(sockets[0]) == ["COMPLETED", "BOOKING_CONFIRMED"]


def test_i15_a_page_whose_subscribe_died_is_told_when_its_time_is_over(world: World):
    dead = joining(world, 0.5)
    world.announce(auction_result())
    assert world.deliver()["notifier"] == []
    assert [frame["type"] for frame in dead.frames] == ["AUCTION_RESULT"]


def test_i15_a_page_that_joins_for_long_is_hung_up_on_and_holds_up_nobody(world: World):
    slow, other = joining(world, 60), listening(world, BINH)
    told_at: list[float] = []
    world.neighbour.on_post = lambda connection_id: told_at.append(time.monotonic())
    world.announce(auction_result())
    world.announce(auction_result(userId=BINH, auctionId="1002", nights=["2027-05-01"]))
    records, began = world.records(), time.monotonic()
    assert world.deliver(records)["notifier"] == []
    took = time.monotonic() - began
    assert (heard(other), slow.frames, len(told_at)) == (["AUCTION_RESULT"], [], 1)
    assert told_at[0] - began < 1 < JOINING.total_seconds() <= took
    assert slow.ended
    assert heard(listening(world)) == ["AUCTION_RESULT"]  # it reconnects, and has missed nothing


def test_i15_a_page_that_keeps_joining_delays_others_by_one_batch_at_most(world: World):
    sockets, other = [joining(world, 60) for _ in range(3)], listening(world, BINH)
    took = []
    for number in range(3):
        world.announce(auction_result(auctionId=f"{number}", nights=["2027-05-01"]))
        world.announce(auction_result(userId=BINH, auctionId=f"1{number}", nights=["2027-05-01"]))
        began = time.monotonic()
        assert world.deliver()["notifier"] == []
        took.append(time.monotonic() - began)
    assert heard(other) == ["AUCTION_RESULT"] * 3
    assert [socket.ended for socket in sockets] == [True] * 3
    assert max(took[1:]) < 1 < JOINING.total_seconds() <= took[0] < 2 * JOINING.total_seconds()


def test_i15_one_that_joins_for_long_and_cannot_be_hung_up_on_is_left_to_the_next_attempt(world: World):
    slow = joining(world, 60)
    world.announce(auction_result())
    records = world.records()
    world.neighbour.unwilling.add(slow.id)
    assert world.deliver(records)["notifier"] == [records[0]["dynamodb"]["SequenceNumber"]]
    world.neighbour.unwilling.clear()
    world.clock.shift(timedelta(seconds=60))
    assert world.deliver(records)["notifier"] == []
    assert [frame["type"] for frame in slow.frames] == ["AUCTION_RESULT"]


def test_a_page_that_goes_while_it_joins_is_waited_for_no_longer(world: World):
    gone = joining(world, 60)
    world.announce(auction_result())
    closing = Thread(target=lambda: (time.sleep(0.2), gone.close()))
    closing.start()
    began = time.monotonic()
    assert world.deliver()["notifier"] == []
    closing.join()
    assert time.monotonic() - began < JOINING.total_seconds()


def test_i16_a_page_with_much_to_be_told_joins_for_longer(world: World):
    for number in range(6):
        world.offer(userId=MAI, offerId=str(number))
    socket = world.socket(query=f"token={world.token()}")
    listed: list[datetime] = []

    def slowly(connection_id: str) -> None:
        (found,) = world.functions["notifier"].connections.load_of(MAI)
        assert found.joining_until is not None
        listed.append(found.joining_until)
        time.sleep(0.4)
        assert found.is_joining(datetime.now(UTC))

    world.neighbour.on_post = slowly
    socket.subscribe()
    assert len(heard(socket)) == 6
    assert len(set(listed)) > 1
    assert world.functions["notifier"].connections.load_of(MAI)[0].joining_until is None


def test_i16_what_is_too_late_to_be_told_in_order_is_not_told(world: World):
    world.created()
    socket = world.socket(query=f"token={world.token()}")
    world.neighbour.on_post = lambda connection_id: world.clock.shift(JOINING)
    with pytest.raises(Unreachable, match="too late"):
        socket.subscribe()
    assert (socket.ended, [frame["type"] for frame in socket.frames]) == (True, ["SUBSCRIBED"] * 2)


def test_i16_where_the_last_word_comes_too_late_all_is_told_anew(world: World):
    world.created()
    socket, late = world.socket(query=f"token={world.token()}"), iter((0, 0, 1))
    world.neighbour.on_post = lambda connection_id: world.clock.shift(next(late, 0) * JOINING)
    assert [frame["type"] for frame in socket.subscribe()] == ["SUBSCRIBED", "AUCTION_RESULT", "PAYMENT_STATUS"] * 2
    assert not socket.ended
    assert world.functions["notifier"].connections.load_of(MAI)[0].joining_until is None


def test_a_page_that_was_dismissed_while_it_joined_stays_so(world: World):
    world.created()
    socket = world.socket(query=f"token={world.token()}")
    world.neighbour.on_post = lambda connection_id: world.functions["notifier"].connections.forget(connection_id, MAI)
    socket.subscribe()
    assert [item for item in world.items("connections") if item.get("connectionId") == socket.id] == []
