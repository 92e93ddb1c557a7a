"""Refunds: money that goes back, asked for once and followed until ZaloPay says that it arrived."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from stays.domain.decision import Decision
from stays.domain.payment import CHECK_INTERVAL, Fulfilment, PaymentSession, Refund
from stays.domain.values import m_refund_id

SLOWEST_CHECK = timedelta(hours=1)


class RefundOutcome(StrEnum):
    """What ZaloPay said of a refund. ACCEPTED is not yet money; UNKNOWN is not a failure."""

    DONE = "DONE"
    ACCEPTED = "ACCEPTED"
    NOT_FOUND = "NOT_FOUND"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"


class RefundEvidence(NamedTuple):
    """ZaloPay's word on one refund, with its code."""

    outcome: RefundOutcome
    code: int | None = None


# Not refundable, or not in part (docs.zalopay.vn, order-refund): of the whole amount only the former can be meant.
ONLY_IN_FULL = RefundEvidence(RefundOutcome.REFUSED, -32)


def request_refund(session: PaymentSession, app_id: int, now: datetime) -> Decision | None:
    """The intent, with the id under which ZaloPay will be asked: on record before it is. Once."""
    if session.fulfilment is not Fulfilment.REFUND_DUE:
        return None
    return _requested(session, app_id, now)


def repeat_refund(session: PaymentSession, app_id: int, now: datetime) -> Decision | None:
    """ZaloPay does not know the id and takes none of another day: a refund of today under a new one."""
    known = session.refund and session.refund.id
    if session.fulfilment is not Fulfilment.REFUNDING or known == _todays_id(session, app_id, now):
        return None
    return _requested(session, app_id, now)


def _requested(session: PaymentSession, app_id: int, now: datetime) -> Decision:
    assert session.refund, "whoever owes knows how much"
    refund = session.refund.but(id=_todays_id(session, app_id, now), status=Fulfilment.REFUNDING, requested_at=now)
    wanted = session.but(fulfilment=Fulfilment.REFUNDING, refund=refund, changed_at=now, due_at=now + CHECK_INTERVAL)
    return Decision(wanted, "REFUND_REQUESTED")


def _todays_id(session: PaymentSession, app_id: int, now: datetime) -> str:
    assert session.refund, "whoever owes knows how much"
    return m_refund_id(app_id, session.id, session.refund.attempt, now)


def decide_refund(
    session: PaymentSession, asked: Refund | None, evidence: RefundEvidence, now: datetime
) -> Decision | None:
    """What ZaloPay's word on the refund `asked` makes of it.

    None while ZaloPay has to be asked again later, or where another refund has taken its place.
    """
    final = {RefundOutcome.DONE: Fulfilment.REFUNDED, RefundOutcome.REFUSED: Fulfilment.REFUND_MANUAL}
    fulfilment = final.get(evidence.outcome)
    if fulfilment is None or session.fulfilment is not Fulfilment.REFUNDING:
        return None
    refund = session.refund
    if refund is None or asked is None or refund.id != asked.id:
        return None
    if evidence == ONLY_IN_FULL and refund.amount < session.amount:
        return _in_full(session, refund, now)
    done_at = now if fulfilment is Fulfilment.REFUNDED else None
    known = refund.but(status=fulfilment, refunded_at=done_at, code=evidence.code)
    ended = session.but(fulfilment=fulfilment, refund=known, changed_at=now, due_at=None)
    return Decision(ended, fulfilment.value)


def _in_full(session: PaymentSession, refused: Refund, now: datetime) -> Decision:
    """Promotions, and some sources of money, are given back as a whole only: whatever the policy says."""
    whole = Refund(amount=session.amount, status=Fulfilment.REFUND_DUE, attempt=(refused.attempt or 0) + 1)
    owed = session.but(fulfilment=Fulfilment.REFUND_DUE, refund=whole, changed_at=now, due_at=now)
    return Decision(owed, "REFUND_IN_FULL")


def next_check(session: PaymentSession, now: datetime) -> datetime:
    """When to ask again: soon at first, then ever more rarely, at least once an hour."""
    asked_at = session.refund and session.refund.requested_at
    waited = now - asked_at if asked_at else timedelta()
    return now + min(max(waited / 2, CHECK_INTERVAL), SLOWEST_CHECK)
