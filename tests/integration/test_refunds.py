"""Refunds: recorded before ZaloPay is asked, made once, and followed until their end."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stays.domain.decision import Decision
from stays.domain.manual import give_back_stray
from stays.domain.refund import RefundEvidence, RefundOutcome, decide_refund, request_refund
from stays.table.strays import read_stray
from stays.zalopay import Created
from tests.integration.messages import BINH, NIGHTS, PRICE, auction_result
from tests.integration.product import Answering, Asked, before, failing, fault
from tests.integration.shapes import TIME
from tests.integration.world import World
from tests.samples import opened


def owed(world: World) -> dict[str, Any]:
    """A booking that was cancelled in time for a full refund."""
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
    asked = {
        "amount": 3 * PRICE,
        "status": "REFUNDING",
        "id": refund_id,
        "requestedAt": TIME,
        "acceptedAt": TIME,
    }
    assert state(world, paid) == asked
    world.after(minutes=1)
    assert state(world, paid) == asked | {"status": "REFUNDED", "refundedAt": TIME, "code": 1}
    assert [(each["m_refund_id"], each["amount"]) for each in refunds(world, paid)] == [(refund_id, 3 * PRICE)]
    world.deliver()  # the mail that the money has arrived
    assert world.after(days=1) == {"due": 0, "attended": 0}
    assert world.session(paid["id"])["status"] == "PAID"
    assert world.told(paid["id"])[-4:] == ["BOOKING_CANCELLED", "REFUND_REQUESTED", "REFUND_ACCEPTED", "REFUNDED"]


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
    """The request is recorded, and the function is killed before it asks ZaloPay."""
    sessions, now = world.functions["reconciliation"].sessions, datetime.now(UTC)
    sessions.settle(sessions.find(paid["id"]), lambda current, _: request_refund(current, 2553, now), now)


def test_a_refund_that_died_before_it_was_asked_for_is_asked_for_two_hours_later_under_the_same_id(world: World):
    paid = owed(world)
    intended(world, paid)
    with Asked(world.functions["payments"]) as paths:
        for minutes in (1, 5, 30, 60, 23):  # the last finds nothing due
            world.after(minutes=minutes)
        assert paths == ["/v2/query_refund"] * 4
        world.after(minutes=1)
    assert paths[4:] == ["/v2/query_refund", "/v2/refund"]
    (kept,) = world.items(kind="SESSION", id=paid["id"])
    assert "repeatedAt" in kept["refund"] and "repeatedAt" not in state(world, paid)
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
            "acceptedAt": TIME,
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
        reconciliation.check_refund(before, reconciliation.sessions, datetime.now(UTC))
    assert paths == []


def test_a_refund_is_asked_about_once_in_some_seconds(world: World):
    paid = owed(world)
    intended(world, paid)
    reconciliation, now = world.functions["reconciliation"], datetime.now(UTC)
    known = reconciliation.sessions.find(paid["id"])
    with Asked(world.functions["payments"]) as paths:
        for _ in range(2):
            reconciliation.check_refund(known, reconciliation.sessions, now)
    assert paths == ["/v2/query_refund"]


def test_a_refund_that_arrived_while_it_was_looked_for_is_not_made_again_under_a_new_day(world: World):
    paid = owed(world)
    intended(world, paid)
    sessions, now = world.functions["bookings"].sessions, datetime.now(UTC)
    known, done = sessions.find(paid["id"]), RefundEvidence(RefundOutcome.DONE)

    def arrive() -> None:
        sessions.settle(known, lambda current, _: decide_refund(current, known.refund, done, now), now)

    with (
        Asked(world.functions["payments"]) as paths,
        before(world.functions["reconciliation"], "TransactWriteItems", arrive),
    ):
        world.after(days=1)
    assert (paths, state(world, paid)["status"]) == (["/v2/query_refund"], "REFUNDED")


# Accepted refunds, and refunds that ZaloPay does not know

UNKNOWN: Mapping[str, Any] = {"return_code": 2, "sub_return_code": -101}
WRONG_AMOUNT: Mapping[str, Any] = {"return_code": 2, "sub_return_code": -14}
LATE = datetime(2027, 3, 1, 16, 50, tzinfo=UTC)  # ten to midnight in Viet Nam


def wait(world: World, **duration: float) -> None:
    """Run the clock every ten minutes for this long."""
    for _ in range(int(timedelta(**duration) / timedelta(minutes=10))):
        world.after(minutes=10)


def asked_for(line: Answering) -> list[tuple[str, int]]:
    """The refund requests at ZaloPay: id and amount."""
    return [(sent["m_refund_id"], sent["amount"]) for path, sent in line.asked if path == "/v2/refund"]


def test_an_acceptance_is_written_once(world: World):
    paid = owed(world)
    world.zalopay.fault("refund_processing")
    world.tick()
    accepted_at = state(world, paid)["acceptedAt"]
    wait(world, hours=3)
    assert state(world, paid)["acceptedAt"] == accepted_at
    assert world.told(paid["id"]).count("REFUND_ACCEPTED") == 1


def test_an_acceptance_that_only_a_query_told_of_is_remembered_too(world: World):
    paid = owed(world)
    world.zalopay.fault("refund_processing")
    with Answering(world.functions["payments"], refund=Answering.LOST):
        world.tick()
    assert "acceptedAt" not in state(world, paid)
    world.after(minutes=1)
    assert state(world, paid)["acceptedAt"] == TIME


def test_what_was_accepted_and_is_shown_an_hour_late_is_waited_for_over_midnight(world: World):
    world.clock.move_to(LATE)
    paid = owed(world)
    with Answering(world.functions["payments"]) as line:
        world.tick()
        line.answers["/v2/query_refund"] = UNKNOWN
        wait(world, hours=1)
        assert state(world, paid)["status"] == "REFUNDING"
        del line.answers["/v2/query_refund"]
        wait(world, hours=1)
    assert state(world, paid)["status"] == "REFUNDED"
    assert asked_for(line) == [(f"270301_2553_{paid['id']}", 3 * PRICE)]


def test_what_was_accepted_and_is_never_shown_goes_to_people_and_is_asked_for_once(world: World):
    world.clock.move_to(LATE)
    paid = owed(world)
    with Answering(world.functions["payments"], query_refund=UNKNOWN) as line:
        world.tick()
        wait(world, hours=1, minutes=50)
        assert state(world, paid)["status"] == "REFUNDING"
        wait(world, minutes=10)
        assert (state(world, paid)["status"], state(world, paid)["code"]) == ("REFUND_MANUAL", -101)
        wait(world, hours=12)
    assert asked_for(line) == [(f"270301_2553_{paid['id']}", 3 * PRICE)]


def test_after_silence_a_refund_that_is_shown_an_hour_late_is_made_once_over_midnight(world: World):
    world.clock.move_to(LATE)
    paid = owed(world)
    with Answering(world.functions["payments"], refund=Answering.LOST, query_refund=UNKNOWN) as line:
        world.tick()
        wait(world, hours=1)
        line.answers.clear()
        wait(world, hours=2)
    assert state(world, paid)["status"] == "REFUNDED"
    assert asked_for(line) == [(f"270301_2553_{paid['id']}", 3 * PRICE)]
    assert len(refunds(world, paid)) == 1


def test_after_silence_an_id_that_exists_was_accepted(world: World):
    paid = owed(world)
    with Answering(world.functions["payments"], refund=Answering.LOST, query_refund=UNKNOWN) as line:
        world.tick()
        del line.answers["/v2/refund"]
        wait(world, hours=2)
        assert state(world, paid)["acceptedAt"] == TIME
        assert len(asked_for(line)) == 2
        wait(world, hours=3)
    assert (state(world, paid)["status"], len(asked_for(line))) == ("REFUND_MANUAL", 2)
    assert len(refunds(world, paid)) == 1


def test_a_part_that_was_accepted_is_not_given_back_twice(world: World):
    paid = world.paid()
    world.clock.move_to(datetime(2027, 3, 17, 16, 50, tzinfo=UTC))
    world.http("DELETE", f"/bookings/{paid['id']}")
    with Answering(world.functions["payments"], query_refund=UNKNOWN) as line:
        world.tick()
        wait(world, hours=30)
    assert state(world, paid)["status"] == "REFUND_MANUAL"
    assert asked_for(line) == [(f"270317_2553_{paid['id']}", 3 * PRICE // 2)]
    assert [each["amount"] for each in refunds(world, paid)] == [3 * PRICE // 2]


# Orders with a promotion


def promoted(world: World, **money: int) -> dict[str, Any]:
    """A paid order with a discount from a promotion of ZaloPay."""
    paid = world.paid()
    sessions = world.functions["reconciliation"].sessions
    known = sessions.find(paid["id"])
    now = datetime.now(UTC)
    sessions.settle(known, lambda current, _: Decision(current.but(**money, changed_at=now), "PROMOTED"), now)
    return paid


@pytest.mark.parametrize(
    ("day", "expected"), [(1, [3 * PRICE]), (17, [3 * PRICE]), (19, [])], ids=["whole", "half", "nothing"]
)
def test_an_order_with_a_promotion_is_given_back_whole_or_not_at_all(world: World, day: int, expected: list[int]):
    paid = promoted(world, received=3 * PRICE - 50_000, discount=50_000)
    world.clock.move_to(datetime(2027, 3, day, 4, tzinfo=UTC))
    world.http("DELETE", f"/bookings/{paid['id']}")
    for _ in range(3):
        world.after(minutes=2)
    assert [each["amount"] for each in refunds(world, paid)] == expected


def test_where_zalopay_takes_only_its_own_amount_that_is_asked_for_once(world: World):
    paid = promoted(world, received=3 * PRICE - 50_000, discount=50_000)
    world.http("DELETE", f"/bookings/{paid['id']}")
    with Answering(world.functions["payments"], refund=WRONG_AMOUNT) as line:
        world.tick()
        assert state(world, paid)["amount"] == 3 * PRICE - 50_000
        line.answers.clear()
        world.after(minutes=1)
        world.after(minutes=1)
    refund_id = f"270301_2553_{paid['id']}"
    assert asked_for(line) == [(refund_id, 3 * PRICE), (f"{refund_id}1", 3 * PRICE - 50_000)]
    assert state(world, paid)["status"] == "REFUNDED"


def test_where_zalopay_takes_neither_amount_people_decide(world: World):
    paid = promoted(world, received=3 * PRICE - 50_000, discount=50_000)
    world.http("DELETE", f"/bookings/{paid['id']}")
    with Answering(world.functions["payments"], refund=WRONG_AMOUNT) as line:
        for _ in range(5):
            world.after(minutes=2)
    assert (state(world, paid)["status"], len(asked_for(line))) == ("REFUND_MANUAL", 2)


# Stray money


def paid_elsewhere(world: World) -> dict[str, Any]:
    """An unknown order at ZaloPay that is paid, and its callback."""
    payments, session = world.functions["payments"], opened(now=datetime.now(UTC)).but(amount=500_000)
    made = payments.zalopay().create_order(session, "http://localhost", payments.PAGES.callback_url)
    assert isinstance(made, Created)
    return world.zalopay.pay(session.app_trans_id)


def ordered_back(world: World) -> dict[str, Any]:
    """Stray money for which an operator ordered a refund."""
    order = paid_elsewhere(world)
    strays, now = world.functions["reconciliation"].strays, datetime.now(UTC)
    kept = read_stray(world.item(kind="STRAY"))
    strays.settle(kept, lambda current, _: give_back_stray(current, now), now)
    return order


def refunded(world: World) -> list[tuple[str, int]]:
    (order,) = world.zalopay.orders()
    return [(each["m_refund_id"], each["amount"]) for each in order["refunds"]]


def test_stray_money_is_followed_on_its_way_back_as_a_sessions(world: World, capsys: pytest.CaptureFixture[str]):
    ordered_back(world)
    transaction = world.item(kind="STRAY")["transactionId"]
    assert world.tick() == {"due": 1, "attended": 1}
    assert world.item(kind="STRAY")["refund"]["acceptedAt"] == TIME
    world.after(minutes=1)
    kept = world.item(kind="STRAY")
    assert (kept["status"], kept["refund"]["status"], "dueAt" in kept) == ("REFUNDED", "REFUNDED", False)
    assert refunded(world) == [(f"270301_2553_S{transaction}", 500_000)]
    assert world.after(days=1) == {"due": 0, "attended": 0}
    assert '"RefundsDone"' in capsys.readouterr().out


def test_stray_money_that_zalopay_does_not_give_back_is_for_people(world: World, capsys: pytest.CaptureFixture[str]):
    ordered_back(world)
    world.zalopay.fault("refund_refused")
    world.tick()
    assert (world.item(kind="STRAY")["status"], world.item(kind="STRAY")["refund"]["code"]) == ("REFUND_MANUAL", -32)
    assert world.after(days=1) == {"due": 0, "attended": 0}
    assert '"RefundManual"' in capsys.readouterr().out


def test_stray_money_that_cannot_be_attended_to_stays_due_and_is_named(world: World, caplog: pytest.LogCaptureFixture):
    ordered_back(world)
    with failing(world.functions["reconciliation"], "TransactWriteItems", fault()):
        assert world.tick() == {"due": 1, "attended": 0}
    (line,) = [record for record in caplog.records if record.message == "still due"]
    assert line.sessionId == f"S{world.item(kind='STRAY')['transactionId']}"
    assert world.tick() == {"due": 1, "attended": 1}


def test_stray_money_on_its_way_back_for_a_day_is_overdue(world: World, capsys: pytest.CaptureFixture[str]):
    ordered_back(world)
    world.zalopay.fault("refund_processing")
    world.tick()
    capsys.readouterr()
    world.after(hours=24)
    assert '"Overdue":[1.0]' in capsys.readouterr().out


def test_stray_money_that_was_accepted_and_is_never_shown_goes_to_people(world: World):
    ordered_back(world)
    with Answering(world.functions["payments"], query_refund=UNKNOWN) as line:
        world.tick()
        wait(world, hours=26)
    assert (world.item(kind="STRAY")["status"], len(asked_for(line))) == ("REFUND_MANUAL", 1)


def test_stray_money_of_which_zalopay_heard_nothing_is_asked_for_again(world: World):
    ordered_back(world)
    with Answering(world.functions["payments"], refund={"return_code": 0}) as line:
        world.tick()
        line.answers.clear()
        wait(world, hours=3)
    assert world.item(kind="STRAY")["status"] == "REFUNDED"
    assert len(asked_for(line)) == 2
    assert len(refunded(world)) == 1
