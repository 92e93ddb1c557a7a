"""Evidence about an order, and the one decision on every piece of evidence."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Generic, Literal, NamedTuple, TypeVar

from stays.domain.award import PAYABLE, Award, AwardStatus
from stays.domain.payment import (
    MOVING_TIME,
    SILENCE_TIME,
    UNFINISHED,
    Fulfilment,
    PaymentSession,
    Reason,
    Refund,
    Status,
    next_late_check,
)
from stays.domain.values import Model, Timestamp, today

ATTEMPT_TIME = timedelta(seconds=30)  # longer than the function that makes the order can live
ENDING_MARGIN = timedelta(minutes=1)  # an "unpaid" answer ends a session only if its end was this long ago


class Outcome(StrEnum):
    """The meaning of a piece of evidence. UNKNOWN: ZaloPay gave no answer, so nothing is concluded."""

    PAID = "PAID"
    PROCESSING = "PROCESSING"
    UNPAID = "UNPAID"
    NOT_FOUND = "NOT_FOUND"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"


class Evidence(Model):
    """ZaloPay's word on one order, from any source.

    `amount` and `discount` (ZaloPay's own promotion) are in đồng. `equation` says how they add up to the price.
    """

    source: str
    outcome: Outcome
    code: int | None = None
    transaction_id: str | None = None
    amount: int | None = None
    discount: int | None = None
    equation: str | None = None
    paid_at: Timestamp | None = None
    raw: str | None = None


class AwardState(StrEnum):
    """Whether the award can still be bought when money for it arrives."""

    OPEN = "OPEN"
    OVER = "OVER"
    PAID = "PAID"
    WITHDRAWN = "WITHDRAWN"


class NightState(StrEnum):
    """The state of a night when money for it arrives. OWN: the same user's other order for the same award holds it."""

    FREE = "FREE"
    ON_OFFER = "ON_OFFER"
    OWN = "OWN"
    TAKEN = "TAKEN"
    PAST = "PAST"


class Verdict(StrEnum):
    """The outcome for money: book the nights, book them and end the offer or the order in the way, or refund."""

    BOOK = "BOOK"
    BOOK_AND_END_OFFER = "BOOK_AND_END_OFFER"
    BOOK_AND_SUPERSEDE = "BOOK_AND_SUPERSEDE"
    NIGHTS_TAKEN = "NIGHTS_TAKEN"
    NIGHTS_PAST = "NIGHTS_PAST"
    ALREADY_PAID = "ALREADY_PAID"
    AWARD_WITHDRAWN = "AWARD_WITHDRAWN"


_BY_NIGHT = {
    NightState.FREE: Verdict.BOOK,
    NightState.ON_OFFER: Verdict.BOOK_AND_END_OFFER,
    NightState.OWN: Verdict.BOOK_AND_SUPERSEDE,
    NightState.TAKEN: Verdict.NIGHTS_TAKEN,
    NightState.PAST: Verdict.NIGHTS_PAST,
}
# The verdict on verified money, by the state of the award and of each night. Money in time is one of these rows.
MONEY: dict[tuple[AwardState, NightState], Verdict] = {
    **{(AwardState.OPEN, night): verdict for night, verdict in _BY_NIGHT.items()},
    **{(AwardState.OVER, night): verdict for night, verdict in _BY_NIGHT.items()},
    **dict.fromkeys(((AwardState.PAID, night) for night in NightState), Verdict.ALREADY_PAID),
    **dict.fromkeys(((AwardState.WITHDRAWN, night) for night in NightState), Verdict.AWARD_WITHDRAWN),
}
_GIVEN_BACK = {
    Verdict.AWARD_WITHDRAWN: Reason.AWARD_WITHDRAWN,
    Verdict.ALREADY_PAID: Reason.ALREADY_PAID,
    Verdict.NIGHTS_PAST: Reason.NIGHTS_PAST,
    Verdict.NIGHTS_TAKEN: Reason.NIGHTS_TAKEN,
}


class Obstacles(NamedTuple):
    """The obstacles that a refused write met, known from failed conditions only.

    - `award` is the award as it is, if it is not open.
    - `taken` are the nights that others hold or booked.
    - `own` are the user's other live orders for this award.
    - `offers` are the offers to others that contain a night.
    - `known`: the transaction already paid for another session.
    """

    award: Award | None = None
    taken: frozenset[date] = frozenset()
    own: tuple[PaymentSession, ...] = ()
    offers: tuple[Award, ...] = ()
    known: bool = False


NO_OBSTACLES = Obstacles()


class Nights(StrEnum):
    """The change to the session's nights. HOLD: keep the nights that are still its own until `hold_until`."""

    KEEP = "KEEP"
    HOLD = "HOLD"
    BOOK = "BOOK"
    FREE = "FREE"


Subject = TypeVar("Subject")


class DecisionOn(NamedTuple, Generic[Subject]):
    """The session, or the stray money, after the decision, with everything that the same transaction writes."""

    session: Subject
    name: str
    nights: Nights = Nights.KEEP
    evidence: Evidence | None = None


Decision = DecisionOn[PaymentSession]


def order_made(session: PaymentSession, order_url: str, now: datetime) -> Decision | None:
    """The order exists, and the browser can go to it. None if the session has moved on meanwhile."""
    if session.status is not Status.CREATED:
        return None
    begun = session.but(status=Status.PENDING, order_url=order_url, changed_at=now)
    return Decision(begun, "ORDER_MADE")


def order_given_up(session: PaymentSession, evidence: Evidence, now: datetime) -> Decision | None:
    """ZaloPay was silent, and the function that made the order stops. None if the session has moved on meanwhile.

    The order may exist. If it does, its address is lost: no browser has it or can get it.
    """
    if session.status is not Status.CREATED:
        return None
    return Decision(session.but(given_up_at=now, changed_at=now), "ORDER_GIVEN_UP", evidence=evidence)


def is_being_made(session: PaymentSession, now: datetime) -> bool:
    """Whether a function may still be making the order, and may still return its address."""
    begun = None if session.order_url or session.given_up_at else session.attempted_at
    return begun is not None and now <= begun + ATTEMPT_TIME


def decide(
    session: PaymentSession, evidence: Evidence, now: datetime, *, obstacles: Obstacles = NO_OBSTACLES
) -> Decision | None:
    """The one decision on every piece of evidence. None if there is nothing (more) to do.

    `obstacles` come from refused conditions, never from a conflict or a time-out. PAID is final. Verified
    money leads to PAID from any status, and to a booking or a refund by the table `MONEY`.
    """
    if evidence.outcome is Outcome.PAID:
        return _on_money(session, evidence, now, obstacles)
    if session.status not in UNFINISHED:
        return None
    if evidence.outcome is Outcome.PROCESSING:
        return _on_moving_money(session, evidence, now)
    return _on_no_money(session, evidence, now)


def _on_money(session: PaymentSession, evidence: Evidence, now: datetime, obstacles: Obstacles) -> Decision | None:
    if session.status is Status.PAID or session.fulfilment not in (Fulfilment.NONE, Fulfilment.REVIEW):
        return _stray(session, evidence)
    if obstacles.known:
        return _review(session, evidence, now, "TRANSACTION_KNOWN", None)
    equation = _equation(session, evidence)
    if equation is None:
        return _review(session, evidence, now, "AMOUNT_MISMATCH", evidence.transaction_id)
    evidence = evidence.but(equation=equation)
    paid = session.but(
        status=Status.PAID,
        transaction_id=evidence.transaction_id,
        received=evidence.amount,
        discount=evidence.discount,
        paid_at=evidence.paid_at or now,
        cancelled_at=None,
        processing=False,
        unresolved=None,
        changed_at=now,
    )
    reason = next(
        (_GIVEN_BACK[verdict] for verdict in _GIVEN_BACK if verdict in verdicts(session, obstacles, now)), None
    )
    if reason is not None:
        owed = Refund(amount=session.amount, status=Fulfilment.REFUND_DUE)
        given_up = paid.but(fulfilment=Fulfilment.REFUND_DUE, reason=reason, refund=owed, due_at=now)
        return Decision(given_up, f"PAID_{reason.value}", Nights.FREE, evidence=evidence)
    booked = paid.but(fulfilment=Fulfilment.BOOKED, booked_at=now, reason=None, due_at=None)
    return Decision(booked, "PAID_AND_BOOKED", Nights.BOOK, evidence=evidence)


def verdicts(session: PaymentSession, obstacles: Obstacles, now: datetime) -> set[Verdict]:
    """The table's verdict on each night of a session that money came for. One verdict for a refund decides for all."""
    award = award_state(session, obstacles.award)
    return {MONEY[award, _night_state(session, night, obstacles, now)] for night in session.nights}


def award_state(session: PaymentSession, award: Award | None) -> AwardState:
    """The state of an award for a session's money. A night that a correction took back counts as withdrawn."""
    if award is None:
        return AwardState.OPEN
    if award.status is AwardStatus.PAID:
        return AwardState.PAID
    if award.status is AwardStatus.WITHDRAWN or not {night.date for night in award.nights} >= set(session.nights):
        return AwardState.WITHDRAWN
    return AwardState.OPEN if award.status in PAYABLE else AwardState.OVER


def _night_state(session: PaymentSession, night: date, obstacles: Obstacles, now: datetime) -> NightState:
    if now > session.late_after and night < today(now):
        return NightState.PAST
    if night in obstacles.taken:
        return NightState.TAKEN
    if any(night in other.nights for other in obstacles.own):
        return NightState.OWN
    return NightState.ON_OFFER if any(night in offer.stake for offer in obstacles.offers) else NightState.FREE


def _equation(session: PaymentSession, evidence: Evidence) -> str | None:
    """How the money makes the price: alone or with ZaloPay's promotion (docs.zalopay.vn, callback), or None."""
    if evidence.amount is None:
        return None
    if evidence.amount == session.amount:
        return "amount"
    return "amount + discount" if evidence.amount + (evidence.discount or 0) == session.amount else None


def _stray(session: PaymentSession, evidence: Evidence) -> Decision | None:
    """Money of another transaction than the recorded one is one payment too many."""
    another = evidence.transaction_id != session.transaction_id
    return Decision(session, "SECOND_TRANSACTION", evidence=evidence) if another else None


def _review(
    session: PaymentSession, evidence: Evidence, now: datetime, name: str, transaction_id: str | None
) -> Decision | None:
    if session.fulfilment is Fulfilment.REVIEW:
        return _stray(session, evidence)
    reviewed = session.but(
        status=Status.FAILED if session.is_live else session.status,
        fulfilment=Fulfilment.REVIEW,
        reason=Reason.UNDER_REVIEW,
        transaction_id=transaction_id,
        received=evidence.amount,
        discount=evidence.discount,
        processing=False,
        unresolved=None,
        changed_at=now,
        due_at=None,
    )
    nights = Nights.FREE if session.is_live else Nights.KEEP
    return Decision(reviewed, name, nights, evidence=evidence)


def _on_moving_money(session: PaymentSession, evidence: Evidence, now: datetime) -> Decision | None:
    """Keep the nights while the money may arrive: until a day after the order's end."""
    if now >= session.expires_at + MOVING_TIME:
        return _unresolved(session, evidence, now, "PROCESSING")
    if session.processing:
        return None
    return Decision(session.but(processing=True, changed_at=now), "PROCESSING", Nights.HOLD, evidence=evidence)


_ENDINGS = {
    Outcome.EXPIRED: (Status.EXPIRED, Reason.EXPIRED),
    Outcome.CANCELLED: (Status.CANCELLED, Reason.CANCELLED),
    Outcome.REFUSED: (Status.FAILED, Reason.CREATION_FAILED),
}


def _on_no_money(session: PaymentSession, evidence: Evidence, now: datetime) -> Decision | None:
    if evidence.outcome is Outcome.UNKNOWN:
        silent = now >= session.expires_at + SILENCE_TIME
        return _unresolved(session, evidence, now, "SILENCE") if silent else None
    ending = _ENDINGS.get(evidence.outcome) or _ending_by_time(session, now)
    if ending is None:
        return _not_moving(session, evidence, now) if session.processing else None
    status, reason = ending
    later = None if evidence.outcome is Outcome.REFUSED else next_late_check(session, now)
    ended = session.but(status=status, reason=reason, processing=False, changed_at=now, due_at=later)
    return Decision(ended, status.value, Nights.FREE, evidence=evidence)


def _not_moving(session: PaymentSession, evidence: Evidence, now: datetime) -> Decision:
    """ZaloPay says that no money is moving after all. The order stays open until its end, like any other."""
    return Decision(session.but(processing=False, changed_at=now), "NOT_MOVING", Nights.HOLD, evidence=evidence)


def _unresolved(
    session: PaymentSession, evidence: Evidence, now: datetime, why: Literal["PROCESSING", "SILENCE"]
) -> Decision:
    """ZaloPay never told the outcome. End the session to free its nights and its award, and alert the operator."""
    ended = session.but(
        status=Status.EXPIRED,
        reason=Reason.EXPIRED,
        unresolved="PROCESSING" if session.processing else why,
        processing=False,
        changed_at=now,
        due_at=next_late_check(session, now),
    )
    return Decision(ended, "UNRESOLVED", Nights.FREE, evidence=evidence)


def supersede(session: PaymentSession, now: datetime) -> PaymentSession:
    """An unpaid session that its own user replaced by another choice. Money that comes for it still counts."""
    return session.but(
        status=Status.CANCELLED,
        reason=Reason.SUPERSEDED,
        processing=False,
        cancelled_at=now,
        changed_at=now,
        due_at=next_late_check(session, now),
    )


def _ending_by_time(session: PaymentSession, now: datetime) -> tuple[Status, Reason] | None:
    """Unpaid and no longer payable: no browser ever got the order's address, or the order's time is over."""
    if session.order_url is None and session.attempted_at and not is_being_made(session, now):
        return Status.FAILED, Reason.CREATION_FAILED
    margin = ENDING_MARGIN if session.attempted_at else timedelta()
    return (Status.EXPIRED, Reason.EXPIRED) if session.expires_at + margin <= now else None
