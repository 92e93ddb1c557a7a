"""Refunds: asked for once, followed until ZaloPay's word is final."""

from datetime import datetime, timedelta
from itertools import product

import pytest

from stays.domain.decision import Decision
from stays.domain.payment import CHECK_INTERVAL, FULFILMENT_SOURCES, Fulfilment, PaymentSession, Refund
from stays.domain.refund import (
    ONLY_IN_FULL,
    RefundEvidence,
    RefundOutcome,
    decide_refund,
    next_check,
    repeat_refund,
    request_refund,
)
from tests.samples import APP_ID, NOW, STAY, cancelled, refund_due, refunding

LATER = NOW + timedelta(minutes=5)
TOMORROW = NOW + timedelta(days=1)
REFUND_ID = f"261122_2553_{STAY}"
EVERY_FULFILMENT = [refunding().but(fulfilment=fulfilment) for fulfilment in Fulfilment]


@pytest.mark.parametrize("session", [refund_due(), cancelled()])
def test_the_intent_is_recorded_with_the_id_that_zalopay_will_be_asked_under(session: PaymentSession) -> None:
    wanted = Refund(amount=900_000, status=Fulfilment.REFUNDING, id=REFUND_ID, requested_at=LATER)
    assert request_refund(session, APP_ID, LATER) == Decision(
        session.but(fulfilment=Fulfilment.REFUNDING, refund=wanted, changed_at=LATER, due_at=LATER + CHECK_INTERVAL),
        "REFUND_REQUESTED",
    )


@pytest.mark.parametrize("session", EVERY_FULFILMENT)
def test_a_refund_is_asked_for_once(session: PaymentSession) -> None:
    asked = request_refund(session, APP_ID, LATER) is not None
    assert asked is (session.fulfilment is Fulfilment.REFUND_DUE)


def test_a_refund_that_zalopay_does_not_know_is_repeated_on_another_day_under_a_new_id() -> None:
    again = repeat_refund(refunding(), APP_ID, TOMORROW)
    assert again is not None
    assert again.session.refund == Refund(
        amount=900_000, status=Fulfilment.REFUNDING, id=f"261123_2553_{STAY}", requested_at=TOMORROW
    )
    assert again.session.due_at == TOMORROW + CHECK_INTERVAL


def test_on_the_same_day_the_id_on_record_is_asked_for_again() -> None:
    assert repeat_refund(refunding(), APP_ID, NOW + timedelta(hours=13, minutes=59)) is None
    assert repeat_refund(refunding(), APP_ID, NOW + timedelta(hours=14)) is not None


def test_a_refund_under_way_of_which_nothing_is_on_record_is_no_refund() -> None:
    with pytest.raises(AssertionError, match="whoever owes"):
        repeat_refund(refunding().but(refund=None), APP_ID, TOMORROW)


@pytest.mark.parametrize("session", EVERY_FULFILMENT)
def test_only_a_refund_under_way_is_repeated(session: PaymentSession) -> None:
    repeated = repeat_refund(session, APP_ID, TOMORROW) is not None
    assert repeated is (session.fulfilment is Fulfilment.REFUNDING)


@pytest.mark.parametrize(
    ("outcome", "fulfilment", "refunded_at"),
    [
        (RefundOutcome.DONE, Fulfilment.REFUNDED, LATER),
        (RefundOutcome.REFUSED, Fulfilment.REFUND_MANUAL, None),
    ],
)
def test_zalopays_final_word_ends_a_refund(
    outcome: RefundOutcome, fulfilment: Fulfilment, refunded_at: datetime | None
) -> None:
    before = refunding()
    assert before.refund is not None
    refund = before.refund.but(status=fulfilment, refunded_at=refunded_at, code=-14)
    assert decide_refund(before, before.refund, RefundEvidence(outcome, -14), LATER) == Decision(
        before.but(fulfilment=fulfilment, refund=refund, changed_at=LATER, due_at=None), fulfilment.value
    )


@pytest.mark.parametrize("outcome", [RefundOutcome.ACCEPTED, RefundOutcome.NOT_FOUND, RefundOutcome.UNKNOWN])
@pytest.mark.parametrize("session", EVERY_FULFILMENT)
def test_what_is_not_final_decides_nothing(session: PaymentSession, outcome: RefundOutcome) -> None:
    assert decide_refund(session, session.refund, RefundEvidence(outcome), LATER) is None


def test_every_decision_on_a_refund_moves_along_the_table_of_transitions() -> None:
    for session, outcome in product(EVERY_FULFILMENT, RefundOutcome):
        decision = decide_refund(session, session.refund, RefundEvidence(outcome), LATER)
        if decision is not None:
            assert session.fulfilment in FULFILMENT_SOURCES[decision.session.fulfilment]


def test_minus_32_is_what_zalopay_says_where_it_gives_back_the_whole_or_nothing() -> None:
    assert RefundEvidence(RefundOutcome.REFUSED, -32) == ONLY_IN_FULL


def half() -> PaymentSession:
    """A cancellation that gives back half of the price, asked for."""
    before = refunding()
    assert before.refund is not None
    return before.but(refund=before.refund.but(amount=450_000))


def test_where_zalopay_refunds_in_full_only_the_whole_amount_is_owed_under_another_id() -> None:
    before = half()
    whole = Refund(amount=900_000, status=Fulfilment.REFUND_DUE, attempt=1)
    owed = before.but(fulfilment=Fulfilment.REFUND_DUE, refund=whole, changed_at=LATER, due_at=LATER)
    only_in_full = RefundEvidence(RefundOutcome.REFUSED, -32)  # docs.zalopay.vn, order-refund
    assert decide_refund(before, before.refund, only_in_full, LATER) == Decision(owed, "REFUND_IN_FULL")
    asked = request_refund(owed, APP_ID, LATER)
    assert asked is not None and asked.session.refund is not None
    assert (asked.session.refund.id, asked.session.refund.amount) == (f"{REFUND_ID}1", 900_000)


def test_another_refusal_of_a_part_or_of_the_whole_is_for_people() -> None:
    for before, evidence in [(refunding(), ONLY_IN_FULL), (half(), RefundEvidence(RefundOutcome.REFUSED, -14))]:
        decision = decide_refund(before, before.refund, evidence, LATER)
        assert decision is not None and decision.session.fulfilment is Fulfilment.REFUND_MANUAL


@pytest.mark.parametrize("outcome", RefundOutcome)
def test_a_word_on_a_refund_that_was_replaced_decides_nothing(outcome: RefundOutcome) -> None:
    now_asked = refunding()
    assert now_asked.refund is not None
    before = now_asked.refund.but(id=f"261121_2553_{STAY}")
    assert decide_refund(now_asked, before, RefundEvidence(outcome), LATER) is None
    assert decide_refund(now_asked, None, RefundEvidence(outcome), LATER) is None


def test_another_refusal_in_part_after_the_first_has_another_number() -> None:
    before = half()
    assert before.refund is not None
    again = before.but(refund=before.refund.but(attempt=1))
    decision = decide_refund(again, again.refund, ONLY_IN_FULL, LATER)
    assert decision is not None and decision.session.refund is not None
    assert decision.session.refund.attempt == 2


@pytest.mark.parametrize("session", EVERY_FULFILMENT)
def test_where_no_refund_is_on_record_nothing_is_decided(session: PaymentSession) -> None:
    without = session.but(refund=None)
    for outcome in RefundOutcome:
        assert decide_refund(without, session.refund, RefundEvidence(outcome), LATER) is None


def test_a_refund_that_is_done_stays_done() -> None:
    done = refunding().but(fulfilment=Fulfilment.REFUNDED)
    assert all(decide_refund(done, done.refund, RefundEvidence(outcome), LATER) is None for outcome in RefundOutcome)


@pytest.mark.parametrize(
    ("waited", "pause"),
    [
        (timedelta(), timedelta(seconds=45)),
        (timedelta(seconds=90), timedelta(seconds=45)),
        (timedelta(minutes=10), timedelta(minutes=5)),
        (timedelta(hours=2), timedelta(hours=1)),
        (timedelta(days=5), timedelta(hours=1)),
    ],
)
def test_zalopay_is_asked_ever_more_rarely_and_at_least_every_hour(waited: timedelta, pause: timedelta) -> None:
    assert next_check(refunding(), NOW + waited) == NOW + waited + pause


@pytest.mark.parametrize("session", [refund_due(), refund_due().but(refund=None)])
def test_what_was_never_asked_for_is_looked_at_soon(session: PaymentSession) -> None:
    assert next_check(session, LATER) == LATER + CHECK_INTERVAL
