"""Tells a stay's timeline in plain words, from its items."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from infra.operator.lines import Line, dong, format_time
from stays.domain.booking import reference_number
from stays.domain.decision import DecisionOn, Nights, Outcome
from stays.domain.mail import HOST_MAILS
from stays.domain.owed_mail import stay_mails
from stays.domain.payment import Fulfilment, PaymentSession, Refund
from stays.domain.stray import UNDECIDED, Stray, StrayStatus
from stays.table.keys import MAIL_ITEMS

Item = dict[str, Any]

_WORDS = {
    "OPENED": "a payment began, and the nights are held",
    "ORDER_ATTEMPTED": "the order of a reservation is asked for",
    "ORDER_MADE": "ZaloPay made the order; it can be paid",
    "ORDER_GIVEN_UP": "ZaloPay did not say whether it made the order; the next click asks",
    "PROCESSING": "money is moving",
    "PAID_AND_BOOKED": "paid, and the nights are booked",
    "NOT_MOVING": "no money is moving after all",
    "PAID_NIGHTS_TAKEN": "paid, but another user had a night by then: the money is refunded",
    "PAID_NIGHTS_PAST": "paid, but a night was past by then: the money is refunded",
    "PAID_ALREADY_PAID": "paid, but another order had paid for the award: the money is refunded",
    "PAID_AWARD_WITHDRAWN": "paid, but the award had been withdrawn: the money is refunded",
    "AMOUNT_MISMATCH": "the amount paid is not the order's: an operator decides",
    "TRANSACTION_KNOWN": "the transaction already pays another order: an operator decides",
    "SECOND_TRANSACTION": "money under a second transaction: an operator decides",
    "EXPIRED": "nobody paid in time",
    "CANCELLED": "the user gave up at ZaloPay",
    "UNRESOLVED": "the session ended, and ZaloPay never said that it is unpaid: an operator decides",
    "SUPERSEDED": "the user chose other nights or another amount before paying",
    "FAILED": "the order could not be made",
    "BOOKING_CANCELLED": "the user cancelled the booking",
    "RESERVATION_CANCELLED": "the user cancelled the reservation",
    "REFUND_REQUESTED": "ZaloPay is asked for a refund",
    "REFUND_ACCEPTED": "ZaloPay accepted the refund",
    "REFUND_IN_FULL": "ZaloPay refunds this order only as a whole",
    "REFUND_AS_RECEIVED": "ZaloPay is asked to refund the amount that it says it received",
    "REFUNDED": "ZaloPay says that the refund arrived",
    "REFUND_MANUAL": "ZaloPay refused or lost the refund: an operator decides",
    "REFUND_ORDERED": "an operator ordered a refund",
    "BOOKING_ENDED": "an operator ended the booking; the money is refunded",
    "ENDED_BY_OPERATOR": "an operator ended the session",
    "TOLD_AGAIN": "the browser gets the state again",
    "MAILED_AGAIN": "a mail is sent again",
    "ERASED": "the user was taken out of it, at the user's wish",
    "PAID_BACK_BY_HAND": "an operator says that the money was paid back by hand",
}

_NAMES_MONEY = ("SECOND_TRANSACTION", "TRANSACTION_KNOWN")  # the session does not name this transaction
_PERSONAL = ("contact", "userId", "hostId", "orderUrl")

_NIGHTS = {
    Nights.BOOK: "booked if they are free",
    Nights.FREE: "free for others",
    Nights.HOLD: "held until another time, if they still belong to the session",
}


def timeline_lines(items: Sequence[Item], *, personal: bool = False) -> Iterator[str]:
    """Tell the whole timeline, line by line. Personal data of the user appear only with `personal`."""
    session = PaymentSession.model_validate(next(item for item in items if item["kind"] == "SESSION"))
    about = f"Stay {session.id} ({reference_number(session.id)}), order {session.app_trans_id}"
    yield Line(about, **session_fields(session, personal=personal))
    yield f"  {session.property_name}, {dong(session.amount)}, nights {', '.join(map(str, session.nights))}"
    if personal:
        yield f"  {session.user_id}, {session.contact.name or 'no name'}, {session.contact.email or 'no address'}"
    yield f"  {session.status} / {session.fulfilment}{f', because {session.reason}' if session.reason else ''}"
    yield from _money(session)
    for item in items:
        if item["kind"] == "EVENT":
            yield event_line(item)
    for item in items:
        if item["kind"] in MAIL_ITEMS:
            why = "".join(f", {item[name]}" for name in ("unsent", "cameBack") if name in item)
            since = format_time(item.get("sentAt") or item["requestedAt"])
            yield Line(
                f"  mail {item['letter']}: {item['state']}{why} since {since}",
                mail=item["letter"],
                state=item["state"],
            )
    yield f"  {next_step(session)}"


def _money(session: PaymentSession) -> Iterator[str]:
    if session.transaction_id:
        at = format_time(session.paid_at) if session.paid_at else "an unknown time"
        yield f"  transaction {session.transaction_id}, paid at {at}"
    if session.received is not None and session.received != session.amount:
        yield f"  {dong(session.received)} received, {dong(session.amount)} expected{_promotion(session)}"
    if session.unresolved:
        yield f"  it ended while it was unknown whether it is paid: {session.unresolved}"
    if session.refund:
        yield _refund(session.refund)


def _promotion(session: PaymentSession) -> str:
    return f", {dong(session.discount)} by ZaloPay's promotion" if session.discount else ""


def _refund(refund: Refund) -> str:
    code = "" if refund.code is None else f", code {refund.code}"
    taken = f", accepted at {format_time(refund.accepted_at)}" if refund.accepted_at else ""
    return f"  refund of {dong(refund.amount)}: {refund.status}, id {refund.id or 'none yet'}{taken}{code}"


def describe_stray(stray: Stray) -> Iterator[str]:
    """Describe stray money and its state."""
    at = f", received at {format_time(stray.received_at)}" if stray.received_at else ""
    yield f"Stray money: {dong(stray.amount)} under transaction {stray.transaction_id} {stray.meaning}{at}"
    yield f"  {stray.status}"
    if stray.refund:
        yield _refund(stray.refund)
    if stray.status in UNDECIDED:
        yield "  Nothing happens by itself: `refund` it, or pay it back by hand and use `settle-stray`."


def waiting_session(session: PaymentSession, items: Sequence[Item]) -> str:
    """Describe in one line a session that waits for people: the received and the expected amount."""
    money = f"{dong(came(session, items))} received, {dong(session.amount)} expected"
    refund = session.refund
    back = f", {dong(refund.amount)} to refund, code {refund.code}" if refund else ""
    unknown = f", ended by {session.unresolved}" if session.unresolved else ""
    state = "UNRESOLVED" if session.unresolved else session.fulfilment
    return f"{state}  {session.id}  {money}{back}{unknown}, since {format_time(session.changed_at)}"


def waiting_stray(stray: Stray) -> str:
    """Describe in one line stray money that waits for people. No amount was expected."""
    state = "STRAY" if stray.status is StrayStatus.OPEN else f"STRAY {stray.status}"
    return f"{state}  {dong(stray.amount)} under {stray.transaction_id} {stray.meaning}"


def state_of(item: PaymentSession | Stray) -> str:
    """Return the state in the words of the table."""
    return item.status if isinstance(item, Stray) else f"{item.status} / {item.fulfilment}"


def session_fields(session: PaymentSession, *, personal: bool) -> Item:
    """Return what programs get of a stay. The fields about the user appear only with `personal`."""
    fields = session.dump() | {"kind": "SESSION", "referenceNumber": reference_number(session.id)}
    return {name: value for name, value in fields.items() if personal or name not in _PERSONAL}


def event_line(item: Item) -> Line:
    """Tell one event of a timeline. Its time is the one that `replay --event` takes."""
    return Line(f"  {format_time(item['at'], 'milliseconds')}  {event(item)}", at=item["at"], event=item["what"])


def event(item: Item) -> str:
    """Describe one event of the timeline: what happened, the source, and its evidence."""
    evidence = item.get("evidence", {})
    said = [f"{evidence['source']} said {evidence['outcome']}"] if evidence else []
    said += [f"{dong(evidence['amount'])}"] if evidence.get("amount") else []
    said += [f"code {evidence['code']}"] if evidence.get("code") is not None else []
    said += [f"transaction {evidence['transactionId']}"] if evidence and item["what"] in _NAMES_MONEY else []
    said += [f"by {item['by']}"] if item.get("by") else []
    words = _WORDS.get(str(item["what"]), str(item["what"]))
    return f"{words} ({', '.join(said)})" if said else words


def next_step(session: PaymentSession) -> str:
    """Say what will happen by itself, or who must act."""
    if session.due_at is not None:
        return f"The clock looks at it at {format_time(session.due_at)}."
    if session.fulfilment is Fulfilment.REVIEW:
        return "Nothing happens by itself: `accept` or `refund` it."
    if session.fulfilment is Fulfilment.REFUND_MANUAL:
        return "Nothing happens by itself: refund it again, or pay it back by hand and use `settled`."
    return "Nothing more happens."


def consequences(before: PaymentSession | Stray, decision: DecisionOn[Any], now: datetime) -> Iterator[str]:
    """Describe the effects of a decision besides the new state."""
    yield f"  {_WORDS.get(decision.name, decision.name)}"
    refund = decision.session.refund
    if refund is not None and refund.status is Fulfilment.REFUND_DUE:
        yield f"  {dong(refund.amount)} of {dong(decision.session.amount)} are refunded"
    if isinstance(before, PaymentSession) and decision.nights is not Nights.KEEP:
        yield f"  {len(decision.session.nights)} nights: {_NIGHTS[decision.nights]}"
    for mail in stay_mails(before, decision.session, now) if isinstance(before, PaymentSession) else ():
        yield f"  mail to the {'host' if mail.mail_kind in HOST_MAILS else 'user'}: {mail.mail_kind}"


def paid(session: PaymentSession, items: Sequence[Item]) -> int:
    """Return the amount, in đồng, that ZaloPay said was paid under the stay's own transaction.

    No refund can be higher.
    """
    own = (said for said in _money_said(items) if said.get("transactionId") == session.transaction_id)
    return session.received or next((said["amount"] for said in own), 0)


def came(session: PaymentSession, items: Sequence[Item]) -> int:
    """Return the amount, in đồng, that ZaloPay said was paid, including a transaction that pays another order."""
    said = (each["amount"] for each in _money_said(items))
    return paid(session, items) or next(said, 0)


def _money_said(items: Sequence[Item]) -> Iterator[Item]:
    evidence = (item["evidence"] for item in items if "evidence" in item)
    return (said for said in evidence if said["outcome"] == Outcome.PAID and "amount" in said)
