"""Refunds: asked for once, then followed until ZaloPay says that the money arrived.

Sessions and stray money take the same steps: each keeps its own refund, and one decision changes both.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, TypeVar

from stays.domain.decision import DecisionOn
from stays.domain.payment import CHECK_INTERVAL, Fulfilment, PaymentSession, Refund
from stays.domain.stray import Stray, StrayStatus
from stays.domain.values import m_refund_id

SLOWEST_CHECK = timedelta(hours=1)
# ZaloPay may show a refund up to an hour late. Until this long after a request, "not found" proves nothing.
SHOWN_WITHIN = timedelta(hours=2)

Owing = TypeVar("Owing", PaymentSession, Stray)


class RefundOutcome(StrEnum):
    """ZaloPay's answer about a refund. ACCEPTED: the money has not moved yet. UNKNOWN: not a failure."""

    DONE = "DONE"
    ACCEPTED = "ACCEPTED"
    NOT_FOUND = "NOT_FOUND"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"


class RefundEvidence(NamedTuple):
    """ZaloPay's answer about one refund, with its code."""

    outcome: RefundOutcome
    code: int | None = None


# Not refundable, or not in part (docs.zalopay.vn, order-refund). For the whole amount it means "not refundable".
ONLY_IN_FULL = RefundEvidence(RefundOutcome.REFUSED, -32)
WRONG_AMOUNT = RefundEvidence(RefundOutcome.REFUSED, -14)
LOST = -101  # ZaloPay does not know the id (docs.zalopay.vn, order-query-refund)


def whole(owing: Owing) -> int:
    """The amount of a whole refund in đồng: the order's amount if that was paid, otherwise the amount received."""
    if owing.received is None or owing.amount in (owing.received, owing.received + (owing.discount or 0)):
        return owing.amount
    return owing.received


def refundable(owing: Owing, amount: int) -> int:
    """The part of `amount` that can be asked for, in đồng. With a promotion ZaloPay refunds the whole or nothing."""
    return whole(owing) if amount and owing.discount else amount


def request_refund(owing: Owing, app_id: int, now: datetime) -> DecisionOn[Owing] | None:
    """Record the refund with the id for ZaloPay, before ZaloPay is asked. None unless the refund is due."""
    if _state(owing) != Fulfilment.REFUND_DUE:
        return None
    assert owing.refund, "a refund that is due has an amount"
    refund = owing.refund
    amount = refundable(owing, refund.amount) if refund.attempt is None else refund.amount
    return _requested(owing, refund.but(amount=amount, requested_at=now), app_id, now)


def repeat_refund(owing: Owing, asked: Refund | None, app_id: int, now: datetime) -> DecisionOn[Owing] | None:
    """Ask again, because ZaloPay was silent and does not know the refund two hours later. None while this is too early.

    The id stays the same on the same day; ZaloPay accepts only ids with today's date. A refund that ZaloPay accepted is
    never asked for again.
    """
    refund = _under_way(owing, asked)
    if refund is None or refund.accepted_at is not None or not _is_shown(refund, now):
        return None
    return _requested(owing, refund.but(repeated_at=now), app_id, now)


def _requested(owing: Owing, refund: Refund, app_id: int, now: datetime) -> DecisionOn[Owing]:
    todays = m_refund_id(app_id, owing.id, refund.attempt, now)
    asked = refund.but(id=todays, status=Fulfilment.REFUNDING)
    return DecisionOn(_with(owing, asked, now, now + CHECK_INTERVAL), "REFUND_REQUESTED")


def decide_refund(
    owing: Owing, asked: Refund | None, evidence: RefundEvidence, now: datetime, *, at_request: bool = False
) -> DecisionOn[Owing] | None:
    """The decision on ZaloPay's answer about the refund `asked`. `at_request`: the answer is to the request itself.

    None if ZaloPay must be asked again later, or if another refund has replaced this one. Once ZaloPay accepted a
    refund, only an answer to a query ends or replaces it.
    """
    refund = owing.refund
    if refund is None or asked is None or refund.id != asked.id:
        return None
    if evidence.outcome is RefundOutcome.DONE and _state(owing) in (Fulfilment.REFUNDING, Fulfilment.REFUND_MANUAL):
        return _ended(owing, refund.but(status=Fulfilment.REFUNDED, refunded_at=now, code=evidence.code), now)
    refund = _under_way(owing, asked)
    if refund is None or (at_request and refund.accepted_at is not None):
        return None
    if evidence.outcome is RefundOutcome.ACCEPTED:
        return _accepted(owing, refund, now)
    if evidence.outcome is RefundOutcome.REFUSED:
        return _refused(owing, refund, evidence, now)
    lost = evidence.outcome is RefundOutcome.NOT_FOUND and refund.accepted_at is not None and _is_shown(refund, now)
    return _ended(owing, refund.but(status=Fulfilment.REFUND_MANUAL, code=LOST), now) if lost else None


def _accepted(owing: Owing, refund: Refund, now: datetime) -> DecisionOn[Owing] | None:
    if refund.accepted_at is not None:
        return None
    return DecisionOn(_with(owing, refund.but(accepted_at=now), now, next_refund_check(owing, now)), "REFUND_ACCEPTED")


def _refused(owing: Owing, refund: Refund, evidence: RefundEvidence, now: datetime) -> DecisionOn[Owing]:
    """The operator decides, unless ZaloPay can refund another amount."""
    if evidence == ONLY_IN_FULL and not owing.discount and refund.amount < whole(owing):
        return _instead(owing, refund, whole(owing), "REFUND_IN_FULL", now)
    if evidence == WRONG_AMOUNT and owing.discount and owing.received and refund.amount > owing.received:
        return _instead(owing, refund, owing.received, "REFUND_AS_RECEIVED", now)
    return _ended(owing, refund.but(status=Fulfilment.REFUND_MANUAL, code=evidence.code), now)


def _instead(owing: Owing, refused: Refund, amount: int, name: str, now: datetime) -> DecisionOn[Owing]:
    """A new attempt replaces the failed one, under its own id."""
    owed = Refund(
        amount=amount,
        status=Fulfilment.REFUND_DUE,
        attempt=(refused.attempt or 0) + 1,
        uncertain=refused.uncertain,
    )
    return DecisionOn(_with(owing, owed, now, now), name)


def _ended(owing: Owing, refund: Refund, now: datetime) -> DecisionOn[Owing]:
    return DecisionOn(_with(owing, refund, now, None), refund.status.value)


def _with(owing: Owing, refund: Refund, now: datetime, due_at: datetime | None) -> Owing:
    moved = owing.but(refund=refund, changed_at=now, due_at=due_at)
    if isinstance(moved, Stray):
        return moved.but(status=StrayStatus(refund.status))
    return moved.but(fulfilment=refund.status)


def _state(owing: Owing) -> str:
    return owing.status if isinstance(owing, Stray) else owing.fulfilment


def _under_way(owing: Owing, asked: Refund | None) -> Refund | None:
    """The refund that ZaloPay was asked about, if we still wait for that one."""
    refund = owing.refund
    awaited = refund is not None and asked is not None and refund.id == asked.id
    return refund if awaited and _state(owing) == Fulfilment.REFUNDING else None


def asked_at(refund: Refund) -> datetime | None:
    """When ZaloPay was last asked for this refund."""
    return refund.repeated_at or refund.requested_at


def _is_shown(refund: Refund, now: datetime) -> bool:
    """Whether ZaloPay would know the refund by now if it had accepted it."""
    asked = asked_at(refund)
    return asked is not None and now >= asked + SHOWN_WITHIN


def may_have_gone(refund: Refund | None, heard: RefundEvidence | None) -> int:
    """The đồng that this refund and earlier ones may have paid back, by the record and by ZaloPay's present answer.

    A refund counts if ZaloPay accepted it and later did not know it. Only ZaloPay's word that it failed rules it out.
    """
    if refund is None:
        return 0
    lost = refund.accepted_at is not None and refund.code == LOST
    failed = heard is not None and heard.outcome is RefundOutcome.REFUSED
    return (refund.uncertain or 0) + (refund.amount if lost and not failed else 0)


def next_refund_check(owing: Owing, now: datetime) -> datetime:
    """When to ask again: soon at first, then less often, at least once an hour, and when "not found" becomes proof."""
    asked = asked_at(owing.refund) if owing.refund else None
    if asked is None:
        return now + CHECK_INTERVAL
    later = now + min(max((now - asked) / 2, CHECK_INTERVAL), SLOWEST_CHECK)
    return min(later, asked + SHOWN_WITHIN) if now < asked + SHOWN_WITHIN else later
