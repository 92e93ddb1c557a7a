"""Evidence about an order, and the one decision on every piece of it."""

from datetime import datetime, timedelta
from enum import Flag, StrEnum, auto
from typing import Generic, NamedTuple, TypeVar

from stays.domain.mailing import Kind
from stays.domain.payment import (
    CHECK_INTERVAL,
    UNFINISHED,
    Fulfilment,
    PaymentSession,
    Reason,
    Refund,
    Status,
    next_late_check,
)
from stays.domain.values import Model, Timestamp

ATTEMPT_TIME = timedelta(seconds=30)  # longer than the function that makes the order can live
ENDING_MARGIN = timedelta(minutes=1)  # after this much silence past the end, an unpaid answer is believed


class Outcome(StrEnum):
    """What a piece of evidence says of an order. UNKNOWN says nothing, and nothing follows from it."""

    PAID = "PAID"
    PROCESSING = "PROCESSING"
    UNPAID = "UNPAID"
    NOT_FOUND = "NOT_FOUND"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"


class Evidence(Model):
    """What ZaloPay told us about one order, whoever brought it."""

    source: str
    outcome: Outcome
    code: int | None = None
    transaction_id: str | None = None
    amount: int | None = None
    discount: int | None = None  # what ZaloPay's own promotion paid
    paid_at: Timestamp | None = None
    raw: str | None = None


class Taken(Flag):
    """What turned out to be somebody else's when a decision was written."""

    NOTHING = 0
    NIGHT = auto()
    TRANSACTION = auto()


class Nights(StrEnum):
    """What a decision does with the nights of the session."""

    KEEP = "KEEP"
    BOOK = "BOOK"
    FREE = "FREE"


Subject = TypeVar("Subject")


class DecisionOn(NamedTuple, Generic[Subject]):
    """The session, or the stray money, as it shall be, and what goes with it in the same transaction."""

    session: Subject
    what: str
    nights: Nights = Nights.KEEP
    letter: Kind | None = None
    evidence: Evidence | None = None


Decision = DecisionOn[PaymentSession]


def order_made(session: PaymentSession, order_url: str, now: datetime) -> Decision | None:
    """The order exists and the browser can be sent to it; None if the session has moved on meanwhile."""
    if session.status is not Status.CREATED:
        return None
    begun = session.but(status=Status.PENDING, order_url=order_url, changed_at=now, due_at=now + CHECK_INTERVAL)
    return Decision(begun, "ORDER_MADE")


def decide(
    session: PaymentSession, evidence: Evidence, now: datetime, *, taken: Taken = Taken.NOTHING
) -> Decision | None:
    """The one decision on every piece of evidence; None where there is nothing (more) to do.

    `taken` says that a night of the session, or the transaction that paid, belongs to somebody else:
    found out by a refused condition, never by a conflict or a time-out. PAID is never left; verified
    money leads to PAID from anywhere.
    """
    if evidence.outcome is Outcome.PAID:
        return _on_money(session, evidence, now, taken=taken)
    if session.status not in UNFINISHED:
        return None
    if evidence.outcome is Outcome.PROCESSING:
        return _on_moving_money(session, evidence, now)
    return _on_no_money(session, evidence, now)


def _on_money(session: PaymentSession, evidence: Evidence, now: datetime, *, taken: Taken) -> Decision | None:
    if session.status is Status.PAID:
        return _stray(session, evidence)
    if Taken.TRANSACTION in taken:
        return _review(session, evidence, now, "TRANSACTION_KNOWN", None)
    if evidence.amount != session.amount:
        return _review(session, evidence, now, "AMOUNT_MISMATCH", evidence.transaction_id)
    paid = session.but(
        status=Status.PAID,
        transaction_id=evidence.transaction_id,
        paid_at=evidence.paid_at or now,
        processing=False,
        changed_at=now,
    )
    if Taken.NIGHT in taken:
        owed = Refund(amount=session.amount, status=Fulfilment.REFUND_DUE)
        given_up = paid.but(fulfilment=Fulfilment.REFUND_DUE, reason=Reason.NIGHTS_TAKEN, refund=owed, due_at=now)
        return Decision(given_up, "PAID_NIGHTS_TAKEN", Nights.FREE, letter="refund", evidence=evidence)
    booked = paid.but(fulfilment=Fulfilment.BOOKED, booked_at=now, reason=None, due_at=None)
    return Decision(booked, "PAID_AND_BOOKED", Nights.BOOK, letter="confirmation", evidence=evidence)


def _stray(session: PaymentSession, evidence: Evidence) -> Decision | None:
    """Money under another transaction than the one on record: one too many."""
    another = evidence.transaction_id != session.transaction_id
    return Decision(session, "SECOND_TRANSACTION", evidence=evidence) if another else None


def _review(
    session: PaymentSession, evidence: Evidence, now: datetime, what: str, transaction_id: str | None
) -> Decision | None:
    if session.fulfilment is Fulfilment.REVIEW:
        return _stray(session, evidence)
    reviewed = session.but(
        status=Status.FAILED if session.is_live else session.status,
        fulfilment=Fulfilment.REVIEW,
        reason=Reason.UNDER_REVIEW,
        transaction_id=transaction_id,
        processing=False,
        changed_at=now,
        due_at=None,
    )
    nights = Nights.FREE if session.is_live else Nights.KEEP
    return Decision(reviewed, what, nights, evidence=evidence)


def _on_moving_money(session: PaymentSession, evidence: Evidence, now: datetime) -> Decision | None:
    if session.processing:
        return None
    return Decision(session.but(processing=True, changed_at=now), "PROCESSING", evidence=evidence)


_ENDINGS = {
    Outcome.EXPIRED: (Status.EXPIRED, Reason.EXPIRED),
    Outcome.CANCELLED: (Status.CANCELLED, Reason.CANCELLED),
    Outcome.REFUSED: (Status.FAILED, Reason.CREATION_FAILED),
}


def _on_no_money(session: PaymentSession, evidence: Evidence, now: datetime) -> Decision | None:
    ending = _ENDINGS.get(evidence.outcome)
    if ending is None and evidence.outcome in (Outcome.UNPAID, Outcome.NOT_FOUND):
        ending = _ending_by_time(session, now)
    if ending is None:
        return None
    status, reason = ending
    later = None if evidence.outcome is Outcome.REFUSED else next_late_check(session, now)
    ended = session.but(status=status, reason=reason, processing=False, changed_at=now, due_at=later)
    return Decision(ended, status.value, Nights.FREE, evidence=evidence)


def _ending_by_time(session: PaymentSession, now: datetime) -> tuple[Status, Reason] | None:
    """Unpaid, and nobody can pay any more: nobody ever got the order's address, or its time is over."""
    if session.order_url is None and session.attempted_at and session.attempted_at + ATTEMPT_TIME < now:
        return Status.FAILED, Reason.CREATION_FAILED
    margin = ENDING_MARGIN if session.attempted_at else timedelta()
    return (Status.EXPIRED, Reason.EXPIRED) if session.expires_at + margin <= now else None
