"""Which mail the change of an item owes, when it is due, and whether later events have overtaken it."""

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from typing import NamedTuple

from stays.domain.award import Award, AwardStatus
from stays.domain.mail import RESEND_INTERVAL, Mail, StayMail, new_mail, put_off
from stays.domain.payment import UNFINISHED, Fulfilment, PaymentSession, Reason, Status
from stays.domain.values import VIETNAM

SECOND_THOUGHTS = timedelta(minutes=5)  # the user may try again before we write that a payment failed
LEAST_TIME = timedelta(minutes=20)  # a reminder comes at least this long before the deadline
DELIVERY_TIME = timedelta(minutes=5)  # the clock, the stream and SES need some of it
EVENING, MORNING, EARLY = time(22), time(7), time(8)  # in Viet Nam

_GIVEN_UP = frozenset({AwardStatus.DECLINED, AwardStatus.WITHDRAWN})
_BY_OWN_CHOICE = frozenset({Reason.SUPERSEDED, Reason.CANCELLED_BY_TRAVELLER})


def _is_unpaid(session: PaymentSession) -> bool:
    """Whether the session ended without money, and not because its user chose something else."""
    ended = session.status not in UNFINISHED and session.status is not Status.PAID
    undecided = session.fulfilment is not Fulfilment.NONE or session.unresolved is not None
    return ended and not undecided and session.reason not in _BY_OWN_CHOICE


def _is_under_review(session: PaymentSession) -> bool:
    return session.fulfilment is Fulfilment.REVIEW or session.unresolved is not None


def _is_booked(session: PaymentSession) -> bool:
    return session.fulfilment is Fulfilment.BOOKED


def _was_cancelled(session: PaymentSession) -> bool:
    return session.booked_at is not None and session.cancelled_at is not None


# The facts about a stay that are told by mail, each once. The order is the order of a timeline.
_FACTS: Mapping[StayMail, Callable[[PaymentSession], bool]] = {
    "failed": _is_unpaid,
    "review": _is_under_review,
    "confirmation": lambda session: session.booked_at is not None,
    "host_confirmation": lambda session: session.booked_at is not None,
    "cancellation": _was_cancelled,
    "host_cancellation": _was_cancelled,
    "refund": lambda session: session.refund is not None,
    "refunded": lambda session: session.fulfilment is Fulfilment.REFUNDED,
}
# A mail is overtaken when this no longer holds. The other facts stay true.
_STILL: Mapping[str, Callable[[PaymentSession], bool]] = {
    "failed": _is_unpaid,
    "review": _is_under_review,
    "confirmation": _is_booked,
    "host_confirmation": _is_booked,
    "refund": lambda session: session.fulfilment is not Fulfilment.REFUNDED,
}


def stay_mails(before: PaymentSession, after: PaymentSession, now: datetime) -> list[Mail]:
    """The mails that a change of a session owes. A cancellation tells of its refund too."""
    told = [kind for kind, holds in _FACTS.items() if holds(after) and not holds(before)]
    owed = [kind for kind in told if kind != "refund" or "cancellation" not in told]
    return [_of_stay(after.id, kind, now) for kind in owed]


def _of_stay(stay_id: str, kind: StayMail, now: datetime) -> Mail:
    mail = new_mail(stay_id, kind, now)
    return put_off(mail, now + SECOND_THOUGHTS) if kind == "failed" else mail


def award_mails(award: Award, now: datetime) -> list[Mail]:
    """The mail that a new award owes, with the time of its reminder. None if it cannot be paid."""
    if not award.is_payable(now):
        return []
    mail = Mail(
        auction_id=award.auction_id,
        user_id=award.user_id,
        award_id=award.award_id,
        mail_kind="win" if award.is_win else "offer",
        requested_at=now,
        due_at=now + RESEND_INTERVAL,
        remind_at=reminder_at(award, now),
    )
    return [mail]


def reminder_after(first: Mail, now: datetime) -> Mail:
    """The reminder that follows the first mail about an award, due now."""
    about = {"auction_id": first.auction_id, "user_id": first.user_id, "award_id": first.award_id}
    return Mail(**about, mail_kind="reminder", requested_at=now, due_at=now + RESEND_INTERVAL)


def next_reminder(attempts: "Attempts", now: datetime) -> datetime | None:
    """When to remind of the award, `now` or later. None if it is over or paid for, or too little time is left."""
    if attempts.award is None or has_other_attempt(None, attempts):
        return None
    return reminder_at(attempts.award, now)


def reminder_at(award: Award, now: datetime) -> datetime | None:
    """When to remind of the award, `now` or later. None if it is over, or too little time is left.

    A quarter of the time before the deadline; at least LEAST_TIME before it; never in the first half of the time, where
    the first mail is still new. At night it waits for the morning, unless the deadline comes first.
    """
    deadline = award.payment_deadline
    begun = award.received_at if award.pay_until is None else award.pay_until - timedelta(minutes=award.offer_minutes)
    ahead = max((deadline - begun) / 4, LEAST_TIME + DELIVERY_TIME)
    if ahead > (deadline - begun) / 2 or not award.is_payable(now):
        return None
    at = _by_day(max(deadline - ahead, now), deadline)
    return at if at <= deadline - LEAST_TIME else None


def _by_day(at: datetime, deadline: datetime) -> datetime:
    """The time itself or, at night, the end of the night."""
    local = at.astimezone(VIETNAM)
    if MORNING <= local.time() < EVENING:
        return at
    day = local.date() + timedelta(days=local.time() >= EVENING)
    return at if deadline < datetime.combine(day, EARLY, VIETNAM) else datetime.combine(day, MORNING, VIETNAM)


class Attempts(NamedTuple):
    """The award that a mail is about, and the last attempt to pay for it, as they are now."""

    award: Award | None = None
    last: PaymentSession | None = None


def has_other_attempt(session: PaymentSession | None, attempts: Attempts) -> bool:
    """Whether the award is paid, or may still be paid by an attempt other than this session, late money included."""
    if attempts.award is not None and attempts.award.status is AwardStatus.PAID:
        return True
    last = attempts.last
    if last is None or (session is not None and last.id == session.id):
        return False
    return last.client_status in (*UNFINISHED, Status.PAID) or last.unresolved is not None


def is_stay_mail_overtaken(mail: Mail, session: PaymentSession, attempts: Attempts) -> bool:
    """Whether the stay's present state makes the mail wrong."""
    still = _STILL.get(mail.mail_kind)
    if still is not None and not still(session):
        return True
    if mail.mail_kind != "failed":
        return False
    given_up = attempts.award is not None and attempts.award.status in _GIVEN_UP
    return given_up or has_other_attempt(session, attempts)


def is_award_mail_overtaken(mail: Mail, attempts: Attempts, now: datetime) -> bool:
    """Whether the award's present state makes the mail wrong: it is answered or over, or its user has begun to pay."""
    award = attempts.award
    if award is None or not award.is_payable(now):
        return True
    if mail.mail_kind == "reminder":
        return next_reminder(attempts, now) is None
    return award.status is AwardStatus.ACCEPTED or award.checkout_id is not None
