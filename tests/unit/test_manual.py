"""What people decide about money: within the same transitions, never more than was paid."""

from datetime import timedelta

import pytest

from stays.domain.decision import Nights, Outcome, Taken
from stays.domain.errors import Refused
from stays.domain.manual import FOR_PEOPLE, REFUNDABLE, accept, give_back, paid_back
from stays.domain.payment import FULFILMENT_SOURCES, OWING, Fulfilment, PaymentSession, Reason, Status
from stays.domain.refund import RefundEvidence, RefundOutcome, decide_refund, request_refund
from tests.samples import APP_ID, NOW, STAY, after, booked, refunding, under_review

LATER = NOW + timedelta(hours=1)
REFUSED = after(decide_refund(refunding(), refunding().refund, RefundEvidence(RefundOutcome.REFUSED, -14), LATER))


@pytest.mark.parametrize("session", [under_review(), REFUSED])
def test_what_waits_for_people_can_be_given_back(session: PaymentSession) -> None:
    decision = give_back(session, 900_000, 900_000, LATER)
    owed = decision.session
    assert (owed.fulfilment, owed.due_at, owed.status) == (Fulfilment.REFUND_DUE, LATER, session.status)
    assert owed.refund is not None
    assert (owed.refund.amount, owed.refund.status, owed.changed_at) == (900_000, Fulfilment.REFUND_DUE, LATER)
    assert session.fulfilment in FULFILMENT_SOURCES[Fulfilment.REFUND_DUE]


def test_after_a_refusal_zalopay_is_asked_under_another_id() -> None:
    first = request_refund(give_back(under_review(), 1, 1, LATER).session, APP_ID, LATER)
    again = request_refund(give_back(REFUSED, 900_000, 900_000, LATER).session, APP_ID, LATER)
    third = (
        request_refund(
            give_back(again.session.but(fulfilment=Fulfilment.REFUND_MANUAL), 1, 1, LATER).session, APP_ID, LATER
        )
        if again
        else None
    )
    ids = [each.session.refund.id for each in (first, again, third) if each and each.session.refund]
    assert ids == [f"261122_2553_{STAY}", f"261122_2553_{STAY}1", f"261122_2553_{STAY}2"]


@pytest.mark.parametrize("amount", [-1, 0, 900_001])
def test_never_more_than_was_paid(amount: int) -> None:
    with pytest.raises(Refused) as refused:
        give_back(under_review(), amount, 900_000, LATER)
    assert (refused.value.code, refused.value.details) == ("INVALID_AMOUNT", {"paid": 900_000})


def test_a_booking_ends_when_its_money_goes_back() -> None:
    decision = give_back(booked(), 100_000, 900_000, LATER)
    ended = decision.session
    assert (ended.fulfilment, ended.reason) == (Fulfilment.REFUND_DUE, Reason.CANCELLED_BY_OPERATOR)
    assert (ended.cancelled_at, ended.due_at) == (LATER, LATER)
    assert (decision.nights, decision.letter) == (Nights.FREE, "cancellation")


def test_a_stay_that_was_cancelled_for_nothing_can_still_be_given_back() -> None:
    cancelled = booked().but(fulfilment=Fulfilment.NONE, cancelled_at=NOW, reason=Reason.CANCELLED_BY_TRAVELLER)
    decision = give_back(cancelled, 100_000, 900_000, LATER)
    assert decision.session.reason is Reason.CANCELLED_BY_TRAVELLER
    assert (decision.nights, decision.letter) == (Nights.KEEP, None)


@pytest.mark.parametrize("fulfilment", sorted(OWING | {Fulfilment.REFUNDED}))
def test_money_never_goes_back_twice(fulfilment: Fulfilment) -> None:
    assert fulfilment not in REFUNDABLE
    with pytest.raises(Refused, match="on its way back"):
        give_back(REFUSED.but(fulfilment=fulfilment), 1, 900_000, LATER)


@pytest.mark.parametrize("fulfilment", sorted(set(Fulfilment) - FOR_PEOPLE))
def test_what_does_not_wait_for_people_is_left_alone(fulfilment: Fulfilment) -> None:
    session = REFUSED.but(fulfilment=fulfilment)
    with pytest.raises(Refused, match="refused is settled by hand"):
        paid_back(session, LATER)
    with pytest.raises(Refused, match="under review can be accepted"):
        accept(session, 1, LATER)


def test_a_transaction_that_pays_another_order_is_not_given_back_here() -> None:
    unknown = under_review().but(transaction_id=None)
    with pytest.raises(Refused, match="No transaction of its own"):
        give_back(unknown, 1, 900_000, LATER)
    with pytest.raises(Refused, match="under review can be accepted"):
        accept(unknown, 1, LATER)


def test_money_that_went_back_by_another_way_is_settled() -> None:
    assert REFUSED.refund is not None
    done = REFUSED.refund.but(status=Fulfilment.REFUNDED, refunded_at=LATER)
    decision = paid_back(REFUSED.but(changed_at=NOW), LATER)
    assert decision.session == REFUSED.but(fulfilment=Fulfilment.REFUNDED, refund=done, changed_at=LATER)
    assert decision.what == "PAID_BACK_BY_HAND"
    with pytest.raises(Refused):
        paid_back(REFUSED.but(refund=None), LATER)


def test_an_amount_that_is_accepted_becomes_the_price() -> None:
    session = under_review()
    decision = accept(session, 850_000, LATER)
    booked_now = after(decision)
    assert (booked_now.status, booked_now.fulfilment) == (Status.PAID, Fulfilment.BOOKED)
    assert (booked_now.transaction_id, booked_now.amount) == (session.transaction_id, 850_000)
    assert decision is not None and decision.evidence is not None
    assert (decision.evidence.outcome, decision.evidence.source) == (Outcome.PAID, "operator")


def test_an_amount_is_not_accepted_where_a_night_is_gone() -> None:
    with pytest.raises(Refused, match="A night is somebody else's"):
        accept(under_review(), 850_000, LATER, taken=Taken.NIGHT)


@pytest.mark.parametrize("paid", [1, 100_000_000])
def test_whatever_can_be_a_price_can_be_accepted(paid: int) -> None:
    assert after(accept(under_review(), paid, LATER)).amount == paid


def test_a_review_and_a_refund_that_was_refused_wait_for_people() -> None:
    assert {Fulfilment.REVIEW, Fulfilment.REFUND_MANUAL} == FOR_PEOPLE


@pytest.mark.parametrize("paid", [0, 100_000_001])
def test_what_is_no_price_is_not_accepted(paid: int) -> None:
    with pytest.raises(Refused) as refused:
        accept(under_review(), paid, LATER)
    assert (refused.value.code, refused.value.details) == ("INVALID_AMOUNT", {"paid": paid})
