"""A stay in plain words, from what is on record about it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from stays.domain.booking import reference_number
from stays.domain.decision import Decision, Nights, Outcome
from stays.domain.payment import Fulfilment, PaymentSession

Item = dict[str, Any]

_WORDS = {
    "OPENED": "a payment began, and the nights are held",
    "ORDER_ATTEMPTED": "the order of a reservation is asked for",
    "ORDER_MADE": "ZaloPay made the order; it can be paid",
    "PROCESSING": "money is moving",
    "PAID_AND_BOOKED": "paid, and the nights are booked",
    "PAID_NIGHTS_TAKEN": "paid, but a night belonged to somebody else by then: the money goes back",
    "AMOUNT_MISMATCH": "another amount than the order's was paid: for people",
    "TRANSACTION_KNOWN": "the transaction pays another order already: for people",
    "SECOND_TRANSACTION": "money under a second transaction: for people",
    "EXPIRED": "nobody paid in time",
    "CANCELLED": "the traveller gave up at ZaloPay",
    "FAILED": "the order could not be made",
    "BOOKING_CANCELLED": "the traveller gave the booking back",
    "RESERVATION_CANCELLED": "the traveller gave the reservation back",
    "REFUND_REQUESTED": "ZaloPay is asked to give money back",
    "REFUND_IN_FULL": "ZaloPay refunds this order only as a whole",
    "REFUNDED": "ZaloPay says that the money is back",
    "REFUND_MANUAL": "ZaloPay refused the refund: for people",
    "REFUND_ORDERED": "somebody decided that money goes back",
    "BOOKING_ENDED": "somebody ended the booking; the money goes back",
    "TOLD_AGAIN": "the browser is told again",
    "MAILED_AGAIN": "a mail goes out once more",
    "PAID_BACK_BY_HAND": "somebody sent the money back by another way",
}

_NIGHTS = {Nights.BOOK: "booked, if they are free", Nights.FREE: "free for others"}


def tell(items: Sequence[Item], *, personal: bool = False) -> Iterator[str]:
    """The whole story, line by line. Who the traveller is only where that is asked for."""
    session = PaymentSession.model_validate(next(item for item in items if item["kind"] == "SESSION"))
    yield f"Stay {session.id} ({reference_number(session.id)}), order {session.app_trans_id}"
    yield f"  {session.property_name}, {dong(session.amount)}, nights {', '.join(map(str, session.nights))}"
    if personal:
        yield f"  {session.user_id}, {session.contact.name or 'no name'}, {session.contact.email or 'no address'}"
    yield f"  {session.status} / {session.fulfilment}{f', because {session.reason}' if session.reason else ''}"
    yield from _money(session)
    for item in items:
        if item["kind"] == "EVENT":
            yield f"  {item['at']}  {event(item)}"
    for item in items:
        if item["kind"] == "MAIL":
            yield f"  mail {item['letter']}: {item['state']} since {item.get('sentAt') or item['requestedAt']}"
    yield f"  {next_step(session)}"


def _money(session: PaymentSession) -> Iterator[str]:
    if session.transaction_id:
        at = moment(session.paid_at) if session.paid_at else "a time not told"
        yield f"  transaction {session.transaction_id}, paid at {at}"
    if session.refund:
        refund = session.refund
        code = "" if refund.code is None else f", code {refund.code}"
        yield f"  refund of {dong(refund.amount)}: {refund.status}, id {refund.id or 'none yet'}{code}"


def event(item: Item) -> str:
    """One line of the timeline: what, who brought it, what it said."""
    evidence = item.get("evidence", {})
    said = [f"{evidence['source']} said {evidence['outcome']}"] if evidence else []
    said += [f"{dong(evidence['amount'])}"] if evidence.get("amount") else []
    said += [f"code {evidence['code']}"] if evidence.get("code") is not None else []
    said += [f"by {item['by']}"] if item.get("by") else []
    told = _WORDS.get(str(item["what"]), str(item["what"]))
    return f"{told} ({', '.join(said)})" if said else told


def next_step(session: PaymentSession) -> str:
    """What will happen by itself, or who has to do something."""
    if session.due_at is not None:
        return f"The clock looks at it at {moment(session.due_at)}."
    if session.fulfilment is Fulfilment.REVIEW:
        return "Nothing happens by itself: accept or refund it."
    if session.fulfilment is Fulfilment.REFUND_MANUAL:
        return "Nothing happens by itself: refund it again, or send the money back and say so."
    return "Nothing more happens."


def consequences(decision: Decision) -> Iterator[str]:
    """What goes with a decision, beside the new state."""
    yield f"  {_WORDS.get(decision.what, decision.what)}"
    refund = decision.session.refund
    if refund is not None and decision.session.fulfilment is Fulfilment.REFUND_DUE:
        yield f"  {dong(refund.amount)} of {dong(decision.session.amount)} go back"
    if decision.nights is not Nights.KEEP:
        yield f"  {len(decision.session.nights)} nights: {_NIGHTS[decision.nights]}"
    if decision.letter is not None:
        yield f"  mail to the traveller: {decision.letter}"


def paid(session: PaymentSession, items: Sequence[Item]) -> int:
    """What ZaloPay said was paid under the stay's own transaction, in đồng: the most that can be given back."""
    evidence = (item["evidence"] for item in items if "evidence" in item)
    own = (said for said in evidence if said.get("transactionId") == session.transaction_id)
    return next((said["amount"] for said in own if said["outcome"] == Outcome.PAID and "amount" in said), 0)


def dong(amount: int) -> str:
    """Đồng as people write them."""
    return f"{amount:,} ₫".replace(",", ".")


def moment(at: datetime) -> str:
    """A time, to the second."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
