"""Decisions about money that the rules leave to the operator, within the same transitions."""

from datetime import datetime

from stays.domain.decision import NO_OBSTACLES, Decision, DecisionOn, Evidence, Nights, Obstacles, Outcome, decide
from stays.domain.errors import Refused
from stays.domain.payment import (
    FULFILMENT_SOURCES,
    OWING,
    Fulfilment,
    PaymentSession,
    Reason,
    Refund,
    Status,
    next_late_check,
)
from stays.domain.refund import RefundEvidence, RefundOutcome, may_have_gone, refundable, whole
from stays.domain.stray import UNDECIDED, Stray, StrayStatus
from stays.domain.values import MAXIMUM_AMOUNT

FOR_PEOPLE = frozenset({Fulfilment.REVIEW, Fulfilment.REFUND_MANUAL})
REFUNDABLE = FULFILMENT_SOURCES[Fulfilment.REFUND_DUE] - OWING

Heard = RefundEvidence | None  # ZaloPay's present answer about the earlier refund; None without an earlier refund


def give_back(
    session: PaymentSession, amount: int, paid: int, now: datetime, *, heard: Heard = None, end_booking: bool = False
) -> Decision:
    """Refund `amount` đồng through ZaloPay. After a refund that ZaloPay finally refused, the new one has another id.

    A booking ends by it, and only with `end_booking`. Raises Refused if money is on its way back already or cannot be
    found. Raises Refused also for more than was paid less the amount that may have gone back.
    """
    if session.fulfilment not in REFUNDABLE:
        raise Refused("INVALID_AUCTION_STATE", "Its money is on its way back, or there already.")
    if session.transaction_id is None:
        raise Refused("INVALID_AUCTION_STATE", "No transaction of its own was paid for it.")
    if session.fulfilment is Fulfilment.BOOKED and not end_booking:
        raise Refused(
            "INVALID_AUCTION_STATE", "This stay is booked: with --end-booking its booking ends by the refund."
        )
    known = session.but(received=session.received or paid)
    if session.discount and amount != whole(known):
        raise Refused("INVALID_AMOUNT", "An order with a promotion goes back whole.", expectedAmount=whole(known))
    owed = _another(session.refund, amount, whole(known), heard)
    due = known.but(fulfilment=Fulfilment.REFUND_DUE, refund=owed, changed_at=now, due_at=now)
    if session.fulfilment is not Fulfilment.BOOKED:
        return Decision(due, "REFUND_ORDERED")
    ended = due.but(reason=Reason.CANCELLED_BY_OPERATOR, cancelled_at=now)
    return Decision(ended, "BOOKING_ENDED", Nights.FREE)


def still_owed(session: PaymentSession, paid: int, heard: Heard) -> int:
    """The amount to refund in đồng, if the operator names no amount.

    After an earlier refund it is that refund's amount, less the part of it that may have gone back. Without an earlier
    refund it is all that was paid.
    """
    before = session.refund
    if before is None:
        return refundable(session.but(received=session.received or paid), paid)
    gone = may_have_gone(before, heard) - (before.uncertain or 0)
    return refundable(session, before.amount) - gone


def give_back_stray(stray: Stray, now: datetime, *, heard: Heard = None) -> DecisionOn[Stray]:
    """Refund the whole transaction through ZaloPay. Raises Refused unless the operator has to decide on it."""
    if stray.status not in UNDECIDED:
        raise Refused("INVALID_AUCTION_STATE", "Its money is on its way back, or there already.")
    owed = _another(stray.refund, stray.amount, stray.amount, heard)
    due = stray.but(status=StrayStatus.REFUND_DUE, refund=owed, changed_at=now, due_at=now)
    return DecisionOn(due, "REFUND_ORDERED")


def _another(before: Refund | None, amount: int, paid: int, heard: Heard) -> Refund:
    """The next refund, with its own attempt number."""
    if heard is not None and heard.outcome is RefundOutcome.ACCEPTED:
        raise Refused("INVALID_AUCTION_STATE", "ZaloPay is still at the refund before this one.")
    gone = may_have_gone(before, heard)
    if not 0 < amount <= paid - gone:
        maybe = f" {gone} đồng may have gone back already: look into ZaloPay's merchant portal." if gone else ""
        message = f"Between 1 and {paid - gone} đồng can be given back.{maybe}"
        raise Refused("INVALID_AMOUNT", message, paid=paid, uncertain=gone or None)
    attempt = (before.attempt or 0) + 1 if before else None
    return Refund(amount=amount, status=Fulfilment.REFUND_DUE, attempt=attempt, uncertain=gone or None)


def paid_back(session: PaymentSession, now: datetime) -> Decision:
    """The operator paid the money back by hand. Raises Refused unless ZaloPay refused the refund."""
    if session.fulfilment is not Fulfilment.REFUND_MANUAL or session.refund is None:
        raise Refused("INVALID_AUCTION_STATE", "Only a refund that ZaloPay refused is settled by hand.")
    done = session.refund.but(status=Fulfilment.REFUNDED, refunded_at=now)
    return Decision(session.but(fulfilment=Fulfilment.REFUNDED, refund=done, changed_at=now), "PAID_BACK_BY_HAND")


def settle_stray(stray: Stray, now: datetime) -> DecisionOn[Stray]:
    """The operator paid stray money back by hand. Raises Refused unless the operator has to decide on it."""
    if stray.status not in UNDECIDED:
        raise Refused("INVALID_AUCTION_STATE", "Its money is on its way back, or there already.")
    return DecisionOn(stray.but(status=StrayStatus.SETTLED, changed_at=now), "PAID_BACK_BY_HAND")


def accept(
    session: PaymentSession, paid: int, now: datetime, *, obstacles: Obstacles = NO_OBSTACLES
) -> Decision | None:
    """The paid amount, in đồng, becomes the price, so no refund exceeds it. The one decision then books the nights.

    Raises Refused unless the session is under review for its amount, and if another user has a night.
    """
    if session.fulfilment is not Fulfilment.REVIEW or session.transaction_id is None:
        raise Refused("INVALID_AUCTION_STATE", "Only an amount that is under review can be accepted.")
    if obstacles.taken:
        raise Refused("INVALID_AUCTION_STATE", "A night is somebody else's by now: give the money back.")
    if not 0 < paid <= MAXIMUM_AMOUNT:
        raise Refused("INVALID_AMOUNT", "That is no price.", paid=paid)
    evidence = Evidence(
        source="operator",
        outcome=Outcome.PAID,
        transaction_id=session.transaction_id,
        amount=paid,
        discount=session.discount,
    )
    return decide(session.but(amount=paid), evidence, now, obstacles=obstacles)


def end(
    session: PaymentSession, evidence: Evidence, now: datetime, *, obstacles: Obstacles = NO_OBSTACLES
) -> Decision | None:
    """End a session by hand, by ZaloPay's present answer about its order. If money is there, record it instead.

    A session that ended unresolved counts as resolved from now on. Raises Refused while money is moving (silence is no
    proof that it stopped), and for a session that is over already.
    """
    if evidence.outcome is Outcome.PAID:
        return decide(session, evidence, now, obstacles=obstacles)
    unheard = session.processing and evidence.outcome is Outcome.UNKNOWN
    if evidence.outcome is Outcome.PROCESSING or unheard:
        raise Refused("PAYMENT_PROCESSING", "Money is moving: its order cannot be ended by hand.")
    if session.is_live:
        return _end_live(session, evidence, now)
    if session.unresolved is None:
        raise Refused("INVALID_AUCTION_STATE", "It is over already.")
    return Decision(session.but(unresolved=None, changed_at=now), "ENDED_BY_OPERATOR", evidence=evidence)


def _end_live(session: PaymentSession, evidence: Evidence, now: datetime) -> Decision:
    ended = session.but(
        status=Status.CANCELLED,
        reason=Reason.CANCELLED_BY_OPERATOR,
        processing=False,
        changed_at=now,
        due_at=next_late_check(session, now),
    )
    return Decision(ended, "ENDED_BY_OPERATOR", Nights.FREE, evidence=evidence)
