"""Stray money in the table: stored once, never overwriting newer changes, also in items of earlier releases."""

from datetime import timedelta
from typing import Any

import pytest

from stays.aws.attributes import to_attributes
from stays.aws.store import Store
from stays.domain.decision import NO_OBSTACLES, Decision, Obstacles, order_made
from stays.domain.manual import give_back_stray, settle_stray
from stays.domain.payment import PaymentSession, Status
from stays.domain.refund import request_refund
from stays.domain.stray import Stray, StrayStatus
from stays.domain.values import timestamp
from stays.table.due_items import DueItems
from stays.table.keys import shard, stray_item, transaction_key
from stays.table.operator_queries import OperatorQueries
from stays.table.sessions import Sessions, Unsettled
from stays.table.strays import Strays
from tests.integration.tables import Noting, Overtaken, begin, contents, dynamodb, hand_in
from tests.samples import (
    APP_ID,
    NOW,
    ORDER_URL,
    OTHER_TRANSACTION,
    STAY,
    TRANSACTION,
    money,
    opened,
    pending,
    stray,
    stray_refunding,
    win,
)

MOMENT = timedelta(milliseconds=1)
LATER = NOW + timedelta(minutes=5)
KEY = (f"TRANSACTION#{OTHER_TRANSACTION}", "TRANSACTION")
UNKNOWN = stray(stay_id=None, app_trans_id=pending().app_trans_id)


@pytest.fixture
def store(aws: None) -> Store:
    return Store(dynamodb(), "stays")


@pytest.fixture
def strays(store: Store) -> Strays:
    return Strays(store, by="linh")


def began(store: Store) -> PaymentSession:
    """A stored session whose order can be paid."""
    hand_in(win())
    session, sessions = opened(), Sessions(store)
    begin(sessions, session, NOW)
    return sessions.settle(session, lambda current, _: order_made(current, ORDER_URL, NOW), NOW)


def give_back(current: Stray, _: Obstacles) -> Any:
    return give_back_stray(current, LATER)


def first_release(**more: Any) -> dict[str, Any]:
    """Stray money as release 1.2.1 wrote it."""
    return transaction_key(OTHER_TRANSACTION) | {"kind": "STRAY", "stayId": STAY, "amount": 900_000} | more


def put(item: dict[str, Any]) -> None:
    dynamodb().put_item(TableName="stays", Item=to_attributes(item))


def test_stray_money_is_kept_once(strays: Strays) -> None:
    assert strays.keep(stray())
    assert contents() == {KEY: stray_item(stray())}
    assert strays.keep(stray(amount=1))
    assert strays.find(OTHER_TRANSACTION) == stray()


@pytest.mark.parametrize("standing", [UNKNOWN, stray(app_trans_id="another")])
def test_a_transaction_that_stands_there_for_another_order_is_not_written_over(strays: Strays, standing: Stray) -> None:
    strays.keep(standing)
    assert not strays.keep(stray(app_trans_id="this one"))
    assert strays.find(OTHER_TRANSACTION) == standing


def test_a_sessions_own_transaction_is_no_stray_money(store: Store, strays: Strays) -> None:
    Sessions(store).record(began(store), money(), NOW)
    before = contents()
    assert not strays.keep(stray(transaction_id=TRANSACTION))
    assert strays.find(TRANSACTION) is None
    assert strays.find("unknown") is None
    assert contents() == before


def test_what_was_decided_is_written_with_who_decided(strays: Strays) -> None:
    strays.keep(stray())
    due = strays.settle(stray(), give_back, LATER)
    assert due == give_back_stray(stray(), LATER).session == strays.find(OTHER_TRANSACTION)
    (event,) = strays.load_timeline(stray())
    assert (event["what"], event["at"], event["by"]) == ("REFUND_ORDERED", timestamp(LATER), "linh")
    assert event["PK"] == KEY[0]


def test_the_timeline_is_read_consistently(store: Store, strays: Strays) -> None:
    noting = Noting()
    assert Strays(Store(noting, "stays")).load_timeline(stray()) == []
    assert noting.queries[0]["ConsistentRead"] is True


def test_what_is_decided_already_is_decided_once(strays: Strays) -> None:
    strays.keep(stray())
    asked = strays.settle(strays.settle(stray(), give_back, LATER), lambda each, _: request_refund(each, 1, NOW), NOW)
    assert strays.settle(asked, lambda each, _: request_refund(each, 1, NOW), NOW) == asked
    assert len(strays.load_timeline(stray())) == 2


def test_every_decision_that_is_written_is_heard_of(store: Store) -> None:
    heard: list[str] = []
    strays = Strays(store, heard.append)
    strays.keep(stray())
    strays.settle(stray(), give_back, LATER)
    assert heard == ["REFUND_ORDERED"]
    assert "by" not in strays.load_timeline(stray())[0]


def test_money_that_an_earlier_release_kept_is_read_and_given_back(store: Store, strays: Strays) -> None:
    put(first_release())
    kept = strays.find(OTHER_TRANSACTION)
    assert kept == Stray(transaction_id=OTHER_TRANSACTION, amount=900_000, stay_id=STAY)
    assert kept.status is StrayStatus.OPEN
    strays.settle(kept, give_back, LATER)
    item = contents()[KEY]
    assert (item["transactionId"], item["dueShard"], item["dueAt"]) == (
        OTHER_TRANSACTION,
        shard(OTHER_TRANSACTION),
        timestamp(LATER),
    )
    assert [*DueItems(store).find_due(LATER)] == [strays.find(OTHER_TRANSACTION)]


@pytest.mark.parametrize("standing", [stray(), None], ids=["of this release", "of an earlier one"])
def test_the_second_writer_decides_on_the_stored_item(strays: Strays, standing: Stray | None) -> None:
    strays.keep(standing) if standing else put(first_release())
    kept = strays.find(OTHER_TRANSACTION)
    assert kept

    def meanwhile() -> None:
        strays.settle(kept, lambda each, _: settle_stray(each, NOW + MOMENT), NOW)

    late = Strays(Store(Overtaken(meanwhile), "stays"))
    seen: list[StrayStatus] = []

    def decide(current: Stray, _: Obstacles) -> Any:
        seen.append(current.status)
        return give_back_stray(current, LATER) if current.status is StrayStatus.OPEN else None

    assert late.settle(kept, decide, LATER).status is StrayStatus.SETTLED
    assert seen == ["OPEN", "SETTLED"]
    assert len(strays.load_timeline(kept)) == 1


def test_money_whose_order_became_known_meanwhile_is_stray_no_more(strays: Strays) -> None:
    strays.keep(stray())
    put(first_release(kind="TRANSACTION", status="PAID"))
    with pytest.raises(Unsettled):
        strays.settle(stray(), give_back, LATER)
    assert strays.load_timeline(stray()) == []


def test_stray_money_that_keeps_changing_is_given_up(store: Store, strays: Strays) -> None:
    strays.keep(stray())
    tried = 0

    def restless(current: Stray, obstacles: Obstacles) -> Any:
        nonlocal tried
        assert obstacles is NO_OBSTACLES
        tried += 1
        put(stray_item(stray(changed_at=NOW + tried * MOMENT)))
        return give_back_stray(current, LATER)

    with pytest.raises(Unsettled):
        strays.settle(stray(), restless, LATER)
    assert tried == 6


def test_one_round_asks_about_a_refund_that_is_due(strays: Strays) -> None:
    asked = stray_refunding()
    assert asked.due_at
    put(stray_item(asked))
    assert not strays.claim_check(asked, asked.due_at - MOMENT, LATER)
    assert strays.claim_check(asked, asked.due_at, LATER)
    assert contents()[KEY]["dueAt"] == timestamp(LATER)
    assert not strays.claim_check(asked, asked.due_at, LATER)
    assert strays.claim_check(asked.but(due_at=LATER), LATER, None)
    assert "dueAt" not in contents()[KEY]


def test_a_claim_moves_nothing_but_the_time(strays: Strays) -> None:
    asked = stray_refunding()
    put(stray_item(asked))
    assert strays.claim_check(asked, LATER, LATER + MOMENT)
    settled = strays.settle(asked, lambda each, _: Decision(each.but(due_at=None, changed_at=LATER), "x"), LATER)
    assert contents()[KEY] == stray_item(settled)


# A session whose money arrived before it was known


def test_an_order_that_becomes_known_takes_its_own_money_over(store: Store, strays: Strays) -> None:
    strays.keep(UNKNOWN.but(transaction_id=TRANSACTION, app_trans_id=began(store).app_trans_id))
    sessions = Sessions(store)
    paid = sessions.record(sessions.find(STAY), money(), NOW)
    assert (paid.status, paid.fulfilment) == ("PAID", "BOOKED")
    assert contents()[f"TRANSACTION#{TRANSACTION}", "TRANSACTION"]["kind"] == "TRANSACTION"
    assert strays.find(TRANSACTION) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"app_trans_id": "261122_another"},
        {"stay_id": STAY},
        *({"status": status} for status in StrayStatus if status is not StrayStatus.OPEN),
    ],
)
def test_other_stray_money_pays_no_session(store: Store, strays: Strays, changes: dict[str, Any]) -> None:
    sessions = Sessions(store)
    begun = began(store)
    kept = UNKNOWN.but(transaction_id=TRANSACTION, app_trans_id=begun.app_trans_id).but(**changes)
    strays.keep(kept)
    assert sessions.record(begun, money(), NOW).fulfilment == "REVIEW"
    assert strays.find(TRANSACTION) == kept


# For people


def test_stray_money_names_no_stay(store: Store, strays: Strays) -> None:
    strays.keep(stray())
    assert OperatorQueries(store, "linh").find_stay_id(OTHER_TRANSACTION) is None


@pytest.mark.parametrize("status", [*StrayStatus, None])
def test_stray_money_waits_for_people_while_it_is_open_or_refused(store: Store, status: StrayStatus | None) -> None:
    put(first_release(**({"status": status.value} if status else {})))
    waiting = list(OperatorQueries(store, "linh").find_for_people())
    assert bool(waiting) is (status in (None, StrayStatus.OPEN, StrayStatus.REFUND_MANUAL))
    assert all(each.stay_id == STAY for each in waiting)


def test_sessions_that_ended_while_nobody_knew_wait_for_people(store: Store) -> None:
    sessions = Sessions(store)
    begun = began(store)
    queries = OperatorQueries(store, "linh")
    assert list(queries.find_for_people()) == []
    unresolved = begun.but(status=Status.EXPIRED, unresolved="SILENCE", changed_at=LATER)
    sessions.settle(begun, lambda _, __: Decision(unresolved, "EXPIRED"), LATER)
    assert [each.id for each in queries.find_for_people()] == [STAY]


def test_a_refund_id_of_stray_money_names_its_transaction() -> None:
    asked = stray_refunding()
    assert asked.refund is not None
    assert asked.refund.id == f"261122_{APP_ID}_S{OTHER_TRANSACTION}"
