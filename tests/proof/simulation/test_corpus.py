"""Today's functions read, update and finish the items that earlier releases stored, and repeat their answers."""

from collections.abc import Callable
from typing import Any

import pytest

from infra.operator.timeline import timeline_lines
from stays.aws.store import Store
from stays.table.operator_queries import OperatorQueries
from tests.proof.corpus.acts import PRESSES, paying, press, replayed, write_again
from tests.proof.corpus.comparing import Changed, answer_changed, changed
from tests.proof.corpus.differences import DIFFERENCES
from tests.proof.corpus.models import kind_of, read
from tests.proof.corpus.reading import said, users
from tests.proof.corpus.rest import World
from tests.proof.corpus.world import RecordedState, corpora, load, path_of, recorded_states, text, text_of
from tests.proof.simulation.system import System

RECORDED = list(recorded_states())
every_state = pytest.mark.parametrize("kept", RECORDED, ids=lambda kept: kept.name)
KINDS = {
    *("SESSION", "BOOKING", "TRANSACTION", "STRAY", "NIGHT", "EVENT", "THREAD", "MAIL"),
    *("AWARD", "OFFER", "CALENDAR", "PROFILE", "OPENED", "REFUSED", "CONNECTION", "PRESENCE"),
}
STATES = {
    ("SESSION", "status"): {"CREATED", "PENDING", "PAID", "FAILED", "CANCELLED", "EXPIRED"},
    ("SESSION", "fulfilment"): {
        *("NONE", "BOOKED", "REFUND_DUE", "REFUNDING", "REFUNDED", "REFUND_MANUAL", "REVIEW"),
    },
    ("SESSION", "processing"): {True, False},
    ("SESSION", "reserved"): {True, False},
    ("AWARD", "status"): {"PENDING_PAYMENT", "PAID", "DECLINED", "EXPIRED", "LOST"},
    ("OFFER", "status"): {"WAITING", "ACCEPTED", "PAID", "DECLINED", "EXPIRED"},
    ("BOOKING", "status"): {"PENDING", "CONFIRMED", "CANCELLED"},
    ("MAIL", "state"): {"DUE", "SENDING", "WAITING", "SENT", "UNDELIVERABLE"},
    ("MAIL", "letter"): {"confirmation", "cancellation", "refund"},
    ("NIGHT", "state"): {"HELD", "BOOKED"},
    ("SESSION", "reason"): {
        *("PAYMENT_CREATION_FAILED", "PAYMENT_EXPIRED", "PAYMENT_CANCELLED", "PAYMENT_UNDER_REVIEW", "NIGHTS_TAKEN"),
        *("CANCELLED_BY_TRAVELLER", "CANCELLED_BY_OPERATOR"),
    },
}

ANSWERED = {200, 400, 404, 409, 429, 502}  # 502 if ZaloPay never received the order


def plain(kept: RecordedState) -> list[dict[str, Any]]:
    """Return the texts and booleans of all items."""
    items = [*kept.items(), *kept.items("connections")]
    return [{name: value.get("S", value.get("BOOL")) for name, value in item.items()} for item in items]


# The contents of the corpus


@pytest.fixture(scope="module")
def of_1_2_1() -> list[dict[str, Any]]:
    return [item for kept in RECORDED if kept.version == "1.2.1" for item in plain(kept)]


@pytest.mark.parametrize(("kind", "name"), STATES)
def test_the_corpus_of_1_2_1_has_every_state(of_1_2_1: list[dict[str, Any]], kind: str, name: str) -> None:
    states = {item.get(name) for item in of_1_2_1 if kind_of(item) == kind} - {None}
    assert states == STATES[kind, name]


def test_the_corpus_of_1_2_1_has_every_kind_of_item(of_1_2_1: list[dict[str, Any]]) -> None:
    assert {kind_of(item) for item in of_1_2_1} == KINDS


@pytest.mark.parametrize("version", corpora())
def test_a_corpus_is_as_it_was_written(version: str) -> None:
    assert corpora()[version]["version"] == version
    assert text_of(path_of(version)) == text(corpora()[version])


@every_state
def test_the_items_are_what_the_history_adds_up_to(kept: RecordedState) -> None:
    items = {}
    for record in kept.grown("history"):
        change = record["dynamodb"]
        items[change["Keys"]["PK"]["S"], change["Keys"]["SK"]["S"]] = change.get("NewImage")
    assert [item for _, item in sorted(items.items()) if item] == kept.items()


# Reading the corpus


@every_state
def test_every_item_is_read_by_its_model(kept: RecordedState) -> None:
    for item in (*kept.items(), *kept.items("connections")):
        read(item)


SAID: dict[str, list[Changed]] = {}


def otherwise(system: System, kept: RecordedState) -> list[Changed]:
    """Return the differences from the recorded answers; computed once."""
    if kept.name not in SAID:
        before = kept.state
        asked = [(each["sub"], each["path"]) for each in before["answers"]]
        after = said(system, kept, asked, list(before["messages"]))
        answers = zip(before["answers"], after["answers"], strict=True)
        SAID[kept.name] = [each for one, other in answers for each in answer_changed(one, other)]
        for sub, told in before["messages"].items():
            SAID[kept.name] += changed(told, after["messages"][sub], "SUBSCRIBE")
    return SAID[kept.name]


@every_state
def test_every_recorded_answer_is_still_given(system: System, kept: RecordedState) -> None:
    assert not [each for each in otherwise(system, kept) if each.named is None]


def test_every_listed_difference_occurs(system: System) -> None:
    found = {each.named for kept in RECORDED for each in otherwise(system, kept)}
    assert set(DIFFERENCES) <= found
    assert all(each.reason for each in DIFFERENCES)


@every_state
def test_an_operator_sees_all_of_it(system: System, kept: RecordedState) -> None:
    load(system, kept)
    queries = OperatorQueries(Store(system._clients["dynamodb"], "stays"), "an operator")
    for session in system.database.items(kind="SESSION"):
        assert list(timeline_lines(queries.load_timeline(session["id"]), personal=True))
    assert all(item["reason"] for item in queries.load_refused())


# Continuing from its moments


@every_state
def test_it_goes_on_by_itself(system: System, kept: RecordedState) -> None:
    world = World(system, kept)
    for sub in users(system):
        system.listen(sub)
    system.tick()
    world.comes_to_rest()


@every_state
def test_it_goes_on_when_all_orders_are_paid(system: System, kept: RecordedState) -> None:
    world = World(system, kept)
    orders = paying(system)
    system.settle()
    for order in orders:
        if order.ended == "PAID" and kept.story["watched"]:
            assert system.call_back(system.zalopay.callback(order)) == 1
    world.comes_to_rest()


# Each moment of the first corpus tries every action. Later ones try every third kind of action in turn.
PRESSED = [
    pytest.param(kept, presses, id=f"{kept.name}-{presses.__name__}")
    for number, kept in enumerate(RECORDED)
    for turn, presses in enumerate(PRESSES)
    if kept.version == "1.2.1" or (number + turn) % 3 == 0
]


@pytest.mark.parametrize(("kept", "presses"), PRESSED)
def test_it_goes_on_when_everything_is_pressed(
    system: System, kept: RecordedState, presses: Callable[..., Any]
) -> None:
    world = World(system, kept, watched=presses is not write_again)
    wanted = list(presses(system))
    statuses = [press(system, each) for each in wanted]
    assert set(statuses) <= ANSWERED
    world.comes_to_rest()


@every_state
def test_the_stream_may_bring_any_of_it_again(system: System, kept: RecordedState) -> None:
    load(system, kept)
    for lane in system.lanes:
        for records in (list(replayed(system)), kept.grown("history")):
            lane.waiting.clear()
            lane.add(records)
            batch = [each.what for each in lane.waiting]
            answer = system.invoke(lane.consumer.function, {"Records": batch})
            assert answer == {"batchItemFailures": []}
    assert not system.counted["UnpublishedEvents"]
