"""What people may decide about money where the rules leave it to them, within the same transitions."""

from datetime import datetime

from stays.domain.decision import Decision, Evidence, Nights, Outcome, Taken, decide
from stays.domain.errors import Refused
from stays.domain.payment import FULFILMENT_SOURCES, OWING, Fulfilment, PaymentSession, Reason, Refund
from stays.domain.values import MAXIMUM_AMOUNT

FOR_PEOPLE = frozenset({Fulfilment.REVIEW, Fulfilment.REFUND_MANUAL})
REFUNDABLE = FULFILMENT_SOURCES[Fulfilment.REFUND_DUE] - OWING


def give_back(session: PaymentSession, amount: int, paid: int, now: datetime) -> Decision:
    """The money goes back through ZaloPay, in đồng; after a refund that was refused for good, under another id.

    A booking ends by it. Raises Refused where money is on its way back already or cannot be found,
    and for more than was paid.
    """
    if session.fulfilment not in REFUNDABLE:
        raise Refused("INVALID_AUCTION_STATE", "Its money is on its way back, or there already.")
    if session.transaction_id is None:
        raise Refused("INVALID_AUCTION_STATE", "No transaction of its own was paid for it.")
    if not 0 < amount <= paid:
        raise Refused("INVALID_AMOUNT", "Between 1 and what was paid can be given back.", paid=paid)
    attempt = (session.refund.attempt or 0) + 1 if session.refund else None
    owed = Refund(amount=amount, status=Fulfilment.REFUND_DUE, attempt=attempt)
    due = session.but(fulfilment=Fulfilment.REFUND_DUE, refund=owed, changed_at=now, due_at=now)
    if session.fulfilment is not Fulfilment.BOOKED:
        return Decision(due, "REFUND_ORDERED")
    ended = due.but(reason=Reason.CANCELLED_BY_OPERATOR, cancelled_at=now)
    return Decision(ended, "BOOKING_ENDED", Nights.FREE, letter="cancellation")


def paid_back(session: PaymentSession, now: datetime) -> Decision:
    """Somebody has sent the money back by another way. Raises Refused unless ZaloPay had refused to."""
    if session.fulfilment is not Fulfilment.REFUND_MANUAL or session.refund is None:
        raise Refused("INVALID_AUCTION_STATE", "Only a refund that ZaloPay refused is settled by hand.")
    done = session.refund.but(status=Fulfilment.REFUNDED, refunded_at=now)
    return Decision(session.but(fulfilment=Fulfilment.REFUNDED, refund=done, changed_at=now), "PAID_BACK_BY_HAND")


def accept(session: PaymentSession, paid: int, now: datetime, *, taken: Taken = Taken.NOTHING) -> Decision | None:
    """What was paid, in đồng, becomes the price, so that no refund is ever more; the one decision books the nights.

    Raises Refused unless the session is under review for its amount, and where a night is somebody else's.
    """
    if session.fulfilment is not Fulfilment.REVIEW or session.transaction_id is None:
        raise Refused("INVALID_AUCTION_STATE", "Only an amount that is under review can be accepted.")
    if Taken.NIGHT in taken:
        raise Refused("INVALID_AUCTION_STATE", "A night is somebody else's by now: give the money back.")
    if not 0 < paid <= MAXIMUM_AMOUNT:
        raise Refused("INVALID_AMOUNT", "That is no price.", paid=paid)
    evidence = Evidence(source="operator", outcome=Outcome.PAID, transaction_id=session.transaction_id, amount=paid)
    return decide(session.but(amount=paid), evidence, now)
