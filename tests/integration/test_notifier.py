"""The stream tells people: the present state, to its owner only, until it has arrived."""

from datetime import timedelta

from tests.integration.messages import BINH, MAI, PRICE, auction_result
from tests.integration.product import Failing, fault
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
    world.zalopay.pay(paid["appTransId"])
    world.deliver()
    assert socket.of_type("AUCTION_RESULT") == []


def test_whatever_an_old_record_says_the_present_state_is_told(world: World):
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


def test_records_in_any_order_end_with_the_same_words(world: World):
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
    assert [record["eventName"] for record in records] == ["MODIFY"]
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


def test_who_cannot_be_reached_is_tried_again_and_the_others_are_told(world: World):
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


def test_a_database_that_fails_brings_the_whole_batch_again(world: World):
    world.announce(auction_result())
    records = world.records()
    failed = None
    with Failing(world.functions["notifier"], "BatchGetItem", fault(operation="BatchGetItem")):
        try:
            world.deliver(records)
        except Exception as error:  # noqa: BLE001 (the runtime's own edge)
            failed = type(error).__name__
    assert failed == "ClientError"
    socket = listening(world)
    world.deliver(records)
    assert heard(socket) == ["AUCTION_RESULT"]


def test_a_late_subscriber_is_told_of_live_offers_only(world: World):
    world.offer(userId=MAI, offerId="1")
    world.offer(userId=MAI, offerId="2", responseDeadline="2027-03-01T03:10:00Z")
    assert [frame["offerId"] for frame in listening(world).of_type("SECOND_CHANCE_OFFER")] == ["1", "2"]
    world.clock.shift(timedelta(minutes=11))
    offers = listening(world).of_type("SECOND_CHANCE_OFFER")
    assert [(frame["offerId"], frame["amount"]) for frame in offers] == [("1", 3 * PRICE)]
