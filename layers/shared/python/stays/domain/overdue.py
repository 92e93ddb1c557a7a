"""Items that should be finished by now: the clock looks at them, and they are still open."""

from datetime import datetime, timedelta

from stays.domain.award import Award
from stays.domain.mail import Mail
from stays.domain.payment import PaymentSession
from stays.domain.stray import Stray

UNATTENDED = timedelta(minutes=5)  # the schedule runs every minute
UNANSWERED = timedelta(minutes=10)  # after an order's end, for ZaloPay to tell its outcome, or that money is moving
UNREFUNDED = timedelta(hours=24)
UNSENT = timedelta(minutes=15)  # a single fault of the mail service ends sooner


def is_late(item: PaymentSession | Mail | Award | Stray, now: datetime) -> bool:
    """Whether an item waits too long: for our clock, for ZaloPay, or for the mail service."""
    if item.due_at is not None and item.due_at <= now - UNATTENDED:
        return True
    if isinstance(item, Mail):
        return item.due_at is not None and not item.is_done and item.requested_at <= now - UNSENT
    if isinstance(item, Award):
        return False
    if isinstance(item, PaymentSession) and item.is_live:
        return not item.processing and item.expires_at <= now - UNANSWERED
    asked_at = item.refund.requested_at if item.refund else None
    return asked_at is not None and asked_at <= now - UNREFUNDED
