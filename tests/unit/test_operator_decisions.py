"""The operator's decisions about money: only allowed transitions, and never more than was paid."""

from datetime import timedelta

import pytest

from stays.domain.decision import Decision, Nights, Obstacles, Outcome
from stays.domain.errors import Refused
from stays.domain.manual import (
    FOR_PEOPLE,
    REFUNDABLE,
    accept,
    end,
    give_back,
    give_back_stray,
    paid_back,
    settle_stray,
    still_owed,
)
from stays.domain.payment import (
    FULFILMENT_SOURCES,
    OWING,
    UNFINISHED,
    Fulfilment,
    PaymentSession,
    Reason,
    Refund,
    Status,
    next_late_check,
)
from stays.domain.refund import LOST, SHOWN_WITHIN, RefundEvidence, RefundOutcome, decide_refund, request_refund
from stays.domain.stray import UNDECIDED, Stray, StrayStatus
from tests.samples import (
    APP_ID,
    NIGHTS,
    NOW,
    STAY,
    after,
    booked,
    mails,
    money,
    opened,
    pending,
    refunding,
    reserved,
    said,
    stray,
    stray_refunding,
    under_review,
)

LATER = NOW + timedelta(hours=1)
REFUSED = after(decide_refund(refunding(), refunding().refund, RefundEvidence(RefundOutcome.REFUSED, -14), LATER))


def lost(owing: PaymentSession | Stray) -> PaymentSession | Stray:
    """ZaloPay accepted the refund, and does not know it two hours later."""
    for outcome, code, at in ((RefundOutcome.ACCEPTED, 2, NOW), (RefundOutcome.NOT_FOUND, LOST, NOW + SHOWN_WITHIN)):
        owing = after(decide_refund(owing, owing.refund, RefundEvidence(outcome, code), at))
    return owing


@pytest.mark.parametrize("session", [under_review().but(received=None), REFUSED])
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
        give_back(under_review().but(received=None), amount, 900_000, LATER)
    assert (refused.value.code, refused.value.details) == ("INVALID_AMOUNT", {"paid": 900_000})
    assert str(refused.value) == "Between 1 and 900000 đồng can be given back."


FAILED = RefundEvidence(RefundOutcome.REFUSED, 0)
PROMOTED = {"received": 850_000, "discount": 50_000}


@pytest.mark.parametrize(
    ("session", "heard", "expected"),
    [
        (under_review(), None, 700_000),
        (under_review().but(received=700_000), None, 700_000),
        (booked().but(**PROMOTED), None, 900_000),
        (under_review().but(received=None, discount=50_000), None, 700_000),
        (REFUSED, FAILED, 900_000),
        (REFUSED, None, 900_000),
        (REFUSED.but(refund=Refund(amount=300_000, status=Fulfilment.REFUND_MANUAL, uncertain=7)), FAILED, 300_000),
        (REFUSED.but(**PROMOTED, refund=Refund(amount=850_000, status=Fulfilment.REFUND_MANUAL)), FAILED, 900_000),
        (lost(refunding()), FAILED, 900_000),
        (lost(refunding()), None, 0),
        (lost(refunding().but(refund=Refund(**{**dict(refunding().refund or ()), "uncertain": 7}))), None, 0),
    ],
)
def test_where_nobody_says_how_much_what_is_still_owed_goes_back(
    session: PaymentSession, heard: RefundEvidence | None, expected: int
) -> None:
    assert still_owed(session, 700_000, heard) == expected


def test_a_booking_ends_when_its_money_goes_back_and_that_was_said() -> None:
    with pytest.raises(Refused, match="--end-booking"):
        give_back(booked(), 100_000, 900_000, LATER)
    decision = give_back(booked(), 100_000, 900_000, LATER, end_booking=True)
    ended = decision.session
    assert (ended.fulfilment, ended.reason) == (Fulfilment.REFUND_DUE, Reason.CANCELLED_BY_OPERATOR)
    assert (ended.cancelled_at, ended.due_at) == (LATER, LATER)
    assert (decision.nights, mails(booked(), decision)) == (Nights.FREE, ["cancellation", "host_cancellation"])


def test_a_stay_that_was_cancelled_for_nothing_can_still_be_given_back() -> None:
    cancelled = booked().but(fulfilment=Fulfilment.NONE, cancelled_at=NOW, reason=Reason.CANCELLED_BY_TRAVELLER)
    decision = give_back(cancelled, 100_000, 900_000, LATER)
    assert decision.session.reason is Reason.CANCELLED_BY_TRAVELLER
    assert (decision.nights, mails(cancelled, decision)) == (Nights.KEEP, ["refund"])


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


@pytest.mark.parametrize("earlier", [None, 100_000])
def test_what_may_have_gone_back_is_not_given_back_again(earlier: int | None) -> None:
    part = refunding()
    assert part.refund is not None
    session = lost(part.but(refund=part.refund.but(amount=300_000, uncertain=earlier)))
    gone = 300_000 + (earlier or 0)
    with pytest.raises(Refused) as refused:
        give_back(session, 900_001 - gone, 900_000, LATER)
    assert refused.value.details == {"paid": 900_000, "uncertain": gone}
    assert str(refused.value) == (
        f"Between 1 and {900_000 - gone} đồng can be given back."
        f" {gone} đồng may have gone back already: look into ZaloPay's merchant portal."
    )
    owed = give_back(session, 900_000 - gone, 900_000, LATER).session.refund
    assert owed == Refund(amount=900_000 - gone, status=Fulfilment.REFUND_DUE, attempt=1, uncertain=gone)


def test_what_zalopay_says_has_failed_can_all_be_given_back() -> None:
    failed = RefundEvidence(RefundOutcome.REFUSED, 0)
    owed = give_back(lost(refunding()), 900_000, 900_000, LATER, heard=failed).session.refund
    assert owed == Refund(amount=900_000, status=Fulfilment.REFUND_DUE, attempt=1)
    assert give_back_stray(lost(stray_refunding()), LATER, heard=failed).session.refund == owed


def test_nothing_is_given_back_while_zalopay_is_at_the_refund_before() -> None:
    under_way = RefundEvidence(RefundOutcome.ACCEPTED, 2)
    with pytest.raises(Refused, match="still at the refund before"):
        give_back(REFUSED, 1, 900_000, LATER, heard=under_way)
    with pytest.raises(Refused, match="still at the refund before"):
        give_back_stray(lost(stray_refunding()), LATER, heard=under_way)


def test_what_came_is_remembered_with_the_refund() -> None:
    assert give_back(under_review(), 1, 1, LATER).session.received == 1
    assert give_back(under_review().but(received=5), 1, 7, LATER).session.received == 5
    assert give_back(under_review().but(received=None), 1, 7, LATER).session.received == 7


@pytest.mark.parametrize("amount", [1, 450_000, 850_000, 900_001])
def test_an_order_with_a_promotion_is_given_back_whole(amount: int) -> None:
    promoted = REFUSED.but(received=850_000, discount=50_000)
    with pytest.raises(Refused, match="goes back whole") as refused:
        give_back(promoted, amount, 850_000, LATER)
    assert (refused.value.code, refused.value.details) == ("INVALID_AMOUNT", {"expectedAmount": 900_000})
    owed = give_back(promoted, 900_000, 850_000, LATER).session.refund
    assert owed is not None and owed.amount == 900_000


# Stray money


@pytest.mark.parametrize("kept", [stray(), stray(stay_id=None, app_trans_id="x"), lost(stray_refunding())])
def test_stray_money_that_waits_for_people_goes_back_whole_or_is_settled_by_hand(kept: Stray) -> None:
    settled = settle_stray(kept, LATER)
    assert settled.name == "PAID_BACK_BY_HAND"
    assert settled.session == kept.but(status=StrayStatus.SETTLED, changed_at=LATER)
    heard = RefundEvidence(RefundOutcome.REFUSED, 0)
    ordered = give_back_stray(kept, LATER, heard=heard)
    attempt = 1 if kept.refund else None
    owed = Refund(amount=900_000, status=Fulfilment.REFUND_DUE, attempt=attempt)
    due = kept.but(status=StrayStatus.REFUND_DUE, refund=owed, changed_at=LATER, due_at=LATER)
    assert (ordered.session, ordered.name) == (due, "REFUND_ORDERED")


@pytest.mark.parametrize("status", sorted(set(StrayStatus) - UNDECIDED))
def test_stray_money_that_is_on_its_way_or_gone_is_left_alone(status: StrayStatus) -> None:
    kept = stray_refunding().but(status=status)
    for decide_on in (settle_stray, give_back_stray):
        with pytest.raises(Refused, match="on its way back, or there") as refused:
            decide_on(kept, LATER)
        assert refused.value.code == "INVALID_AUCTION_STATE"


def test_stray_money_that_may_have_gone_back_is_settled_by_hand_only() -> None:
    with pytest.raises(Refused) as refused:
        give_back_stray(lost(stray_refunding()), LATER, heard=RefundEvidence(RefundOutcome.NOT_FOUND, LOST))
    assert refused.value.details == {"paid": 900_000, "uncertain": 900_000}


# Ending a session

UNPAID_WORDS = [Outcome.UNPAID, Outcome.NOT_FOUND, Outcome.UNKNOWN, Outcome.EXPIRED, Outcome.CANCELLED, Outcome.REFUSED]


@pytest.mark.parametrize("outcome", UNPAID_WORDS)
@pytest.mark.parametrize("session", [pending(), opened(), reserved()], ids=["pending", "created", "reserved"])
def test_a_session_that_is_not_paid_ends_by_hand(session: PaymentSession, outcome: Outcome) -> None:
    ended = session.but(
        status=Status.CANCELLED,
        reason=Reason.CANCELLED_BY_OPERATOR,
        changed_at=LATER,
        due_at=next_late_check(session, LATER),
    )
    evidence = said(outcome)
    assert end(session, evidence, LATER) == Decision(ended, "ENDED_BY_OPERATOR", Nights.FREE, evidence=evidence)


def test_only_zalopays_answer_ends_a_session_whose_money_was_moving() -> None:
    moving = pending().but(processing=True)
    with pytest.raises(Refused, match="moving"):
        end(moving, said(Outcome.UNKNOWN), LATER)
    ended = after(end(moving, said(Outcome.UNPAID), LATER))
    assert (ended.status, ended.processing) == (Status.CANCELLED, False)


@pytest.mark.parametrize(
    "session", [pending(), pending().but(status=Status.EXPIRED, unresolved="PROCESSING"), booked()]
)
def test_a_session_whose_money_moves_is_not_ended(session: PaymentSession) -> None:
    with pytest.raises(Refused, match="moving") as refused:
        end(session, said(Outcome.PROCESSING), LATER)
    assert refused.value.code == "PAYMENT_PROCESSING"


def test_money_that_is_there_is_recorded_instead() -> None:
    assert after(end(pending(), money(), LATER)).fulfilment is Fulfilment.BOOKED
    taken = Obstacles(taken=frozenset(NIGHTS))
    assert after(end(pending(), money(), LATER, obstacles=taken)).fulfilment is Fulfilment.REFUND_DUE
    assert end(booked(), money(), LATER) is None


@pytest.mark.parametrize("unresolved", ["PROCESSING", "SILENCE"])
@pytest.mark.parametrize("outcome", UNPAID_WORDS)
def test_what_ended_while_nobody_knew_is_resolved_by_hand(unresolved: str, outcome: Outcome) -> None:
    session = pending().but(status=Status.EXPIRED, unresolved=unresolved, due_at=None)
    evidence = said(outcome)
    resolved = session.but(unresolved=None, changed_at=LATER)
    assert end(session, evidence, LATER) == Decision(resolved, "ENDED_BY_OPERATOR", evidence=evidence)


@pytest.mark.parametrize("outcome", UNPAID_WORDS)
@pytest.mark.parametrize("status", sorted(set(Status) - UNFINISHED))
def test_what_is_over_is_not_ended_again(status: Status, outcome: Outcome) -> None:
    with pytest.raises(Refused, match="over already") as refused:
        end(booked().but(status=status), said(outcome), LATER)
    assert refused.value.code == "INVALID_AUCTION_STATE"


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
    assert decision.name == "PAID_BACK_BY_HAND"
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


def test_an_accepted_amount_keeps_the_promotion_and_a_transaction_of_another_session_buys_nothing() -> None:
    promoted = accept(under_review().but(discount=50_000), 850_000, LATER)
    assert promoted is not None
    assert promoted.evidence is not None
    assert promoted.evidence.discount == 50_000
    assert accept(under_review(), 900_000, LATER, obstacles=Obstacles(known=True)) is None


def test_an_amount_is_not_accepted_where_a_night_is_gone() -> None:
    with pytest.raises(Refused, match="A night is somebody else's"):
        accept(under_review(), 850_000, LATER, obstacles=Obstacles(taken=frozenset(NIGHTS[:1])))


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
