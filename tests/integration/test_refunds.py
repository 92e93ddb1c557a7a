"""Refunds: on record before ZaloPay is asked, made once, followed until the end."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from stays.domain.refund import RefundEvidence, RefundOutcome, decide_refund, request_refund
from tests.integration.messages import BINH, NIGHTS, PRICE, auction_result
from tests.integration.product import Asked, before
from tests.integration.shapes import TIME
from tests.integration.world import World


def owed(world: World) -> dict[str, Any]:
    """A booking that was cancelled in time: everything goes back."""
    paid = world.paid()
    assert world.http("DELETE", f"/bookings/{paid['id']}").status == 200
    world.deliver()
    return paid


def refunds(world: World, session: dict[str, Any]) -> list[dict[str, Any]]:
    return world.zalopay.order(session["appTransId"])["refunds"]


def state(world: World, session: dict[str, Any]) -> dict[str, Any]:
    return world.session(session["id"])["refund"]


def test_a_refund_is_asked_for_at_the_next_round_and_followed_to_its_end(world: World):
    paid = owed(world)
    world.tick()
    refund_id = f"270301_2553_{paid['id']}"
    asked = {"amount": 3 * PRICE, "status": "REFUNDING", "id": refund_id, "requestedAt": TIME}
    assert state(world, paid) == asked
    world.after(minutes=1)
    assert state(world, paid) == asked | {"status": "REFUNDED", "refundedAt": TIME, "code": 1}
    assert [(each["m_refund_id"], each["amount"]) for each in refunds(world, paid)] == [(refund_id, 3 * PRICE)]
    assert world.after(days=1) == {"due": 0, "attended": 0}
    assert world.session(paid["id"])["status"] == "PAID"
    assert world.told(paid["id"])[-3:] == ["BOOKING_CANCELLED", "REFUND_REQUESTED", "REFUNDED"]


def test_a_refund_that_zalopay_refuses_is_left_to_people(world: World):
    paid = owed(world)
    world.zalopay.fault("refund_refused")
    world.tick()
    assert (state(world, paid)["status"], state(world, paid)["code"]) == ("REFUND_MANUAL", -32)
    assert world.after(days=1) == {"due": 0, "attended": 0}


def test_a_refund_that_is_refused_later_is_left_to_people_too(world: World):
    paid = owed(world)
    world.zalopay.fault("refund_refused", seconds=30)
    world.tick()
    assert state(world, paid)["status"] == "REFUNDING"
    world.after(minutes=1)
    assert (state(world, paid)["status"], state(world, paid)["code"]) == ("REFUND_MANUAL", -32)


def test_a_refund_whose_answer_was_lost_is_not_made_twice(world: World):
    paid = owed(world)
    world.zalopay.fault("refund_lost")
    with Asked(world.functions["payments"]) as paths:
        world.tick()
        world.after(minutes=1)
    assert paths == ["/v2/refund", "/v2/query_refund"]
    assert state(world, paid)["status"] == "REFUNDED"
    assert len(refunds(world, paid)) == 1


def test_a_refund_that_takes_days_is_asked_about_ever_more_rarely(world: World):
    paid = owed(world)
    world.zalopay.fault("refund_processing")
    world.tick()
    with Asked(world.functions["payments"]) as paths:
        for _ in range(18):
            world.after(minutes=10)
    assert 6 <= len(paths) <= 8
    assert state(world, paid)["status"] == "REFUNDING"
    world.zalopay.fault("refund_processing", on=False)
    world.after(hours=2)
    assert (state(world, paid)["status"], len(refunds(world, paid))) == ("REFUNDED", 1)


def intended(world: World, paid: dict[str, Any]):
    """The intent is on record, and then the function was killed before ZaloPay was asked."""
    sessions, now = world.functions["reconciliation"].sessions, datetime.now(UTC)
    sessions.settle(sessions.find(paid["id"]), lambda current, _: request_refund(current, 2553, now), now)


def test_a_refund_that_died_before_it_was_asked_for_is_asked_for_under_the_same_id(world: World):
    paid = owed(world)
    intended(world, paid)
    with Asked(world.functions["payments"]) as paths:
        world.after(minutes=1)
    assert paths == ["/v2/query_refund", "/v2/refund"]
    world.after(minutes=2)
    assert state(world, paid)["status"] == "REFUNDED"
    assert [each["m_refund_id"] for each in refunds(world, paid)] == [f"270301_2553_{paid['id']}"]


def test_a_refund_that_died_is_asked_for_under_an_id_of_the_new_day(world: World):
    paid = owed(world)
    intended(world, paid)
    world.after(days=1)
    world.after(minutes=2)
    assert state(world, paid)["status"] == "REFUNDED"
    assert [each["m_refund_id"] for each in refunds(world, paid)] == [f"270302_2553_{paid['id']}"]


def test_two_rounds_at_the_same_time_ask_for_one_refund(world: World):
    paid = owed(world)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: world.tick(), range(2)))
    world.after(minutes=1)
    assert (state(world, paid)["status"], len(refunds(world, paid))) == ("REFUNDED", 1)


def test_money_for_nights_that_are_gone_goes_back_completely(world: World):
    made = world.created()
    world.after(minutes=17)
    world.announce(auction_result(userId=BINH, auctionId="1002"))
    world.create(sub=BINH, auction_id="1002")
    world.zalopay.pay(made["appTransId"], late=True)
    shown = world.status(made["appTransId"])
    assert (shown["status"], shown["reason"], shown["refund"]["status"]) == ("FAILED", "NIGHTS_TAKEN", "REFUND_DUE")
    world.tick()
    world.after(minutes=1)
    assert world.status(made["appTransId"]) == shown | {
        "refund": {
            "amount": 3 * PRICE,
            "status": "REFUNDED",
            "id": f"270301_2553_{made['sessionId']}",
            "requestedAt": TIME,
            "refundedAt": TIME,
            "code": 1,
        }
    }
    assert world.nights() == dict.fromkeys(NIGHTS, "HELD")


def test_a_callback_that_comes_again_during_a_refund_changes_nothing(world: World):
    paid = owed(world)
    world.tick()
    before = world.items()
    assert [each["verdict"] for each in world.zalopay.call_back(paid["appTransId"], times=2)] == ["accepted"] * 2
    assert world.items() == before


def test_half_of_the_money_goes_back_three_days_before(world: World):
    paid = world.paid()
    world.clock.move_to(datetime(2027, 3, 17, 3, tzinfo=UTC))
    world.http("DELETE", f"/bookings/{paid['id']}")
    world.tick()
    world.clock.shift(timedelta(minutes=1))
    world.tick()
    assert (state(world, paid)["status"], state(world, paid)["amount"]) == ("REFUNDED", 3 * PRICE // 2)
    assert [each["amount"] for each in refunds(world, paid)] == [3 * PRICE // 2]


def test_an_order_that_can_only_be_refunded_in_full_is(world: World):
    paid = world.paid()
    world.clock.move_to(datetime(2027, 3, 17, 3, tzinfo=UTC))
    world.zalopay.fault("refund_in_part_refused")
    assert world.http("DELETE", f"/bookings/{paid['id']}").body["refund"]["amount"] == 3 * PRICE // 2
    for _ in range(4):
        world.after(minutes=1)
    assert (state(world, paid)["status"], state(world, paid)["amount"]) == ("REFUNDED", 3 * PRICE)
    assert [each["amount"] for each in refunds(world, paid) if each["outcome"] == 1] == [3 * PRICE]


def test_a_round_that_comes_second_does_not_ask_for_the_refund_again(world: World):
    paid = owed(world)
    reconciliation = world.functions["reconciliation"]
    before = reconciliation.sessions.find(paid["id"])
    world.tick()
    world.after(minutes=2)
    assert state(world, paid)["status"] == "REFUNDED"
    with Asked(world.functions["payments"]) as paths:
        reconciliation.check_refund(before, datetime.now(UTC))
    assert paths == []


def test_a_refund_is_asked_about_once_in_some_seconds(world: World):
    paid = owed(world)
    intended(world, paid)
    reconciliation, now = world.functions["reconciliation"], datetime.now(UTC)
    known = reconciliation.sessions.find(paid["id"])
    with Asked(world.functions["payments"]) as paths:
        for _ in range(2):
            reconciliation.check_refund(known, now)
    assert paths == ["/v2/query_refund", "/v2/refund"]


def test_a_refund_that_arrived_while_it_was_looked_for_is_not_made_again_under_a_new_day(world: World):
    paid = owed(world)
    intended(world, paid)
    sessions, now = world.functions["payments"].sessions, datetime.now(UTC)
    known, done = sessions.find(paid["id"]), RefundEvidence(RefundOutcome.DONE)

    def arrive() -> None:
        sessions.settle(known, lambda current, _: decide_refund(current, known.refund, done, now), now)

    with (
        Asked(world.functions["payments"]) as paths,
        before(world.functions["reconciliation"], "TransactWriteItems", arrive),
    ):
        world.after(days=1)
    assert (paths, state(world, paid)["status"]) == (["/v2/query_refund"], "REFUNDED")
