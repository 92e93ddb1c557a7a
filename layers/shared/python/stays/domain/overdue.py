"""What should have come to rest by now: the clock looks at it, and still it is not done."""

from datetime import datetime, timedelta

from stays.domain.award import Award
from stays.domain.mailing import Mailing
from stays.domain.payment import PaymentSession
from stays.domain.stray import Stray

UNATTENDED = timedelta(minutes=5)  # the schedule comes every minute
UNANSWERED = timedelta(minutes=10)  # after its end ZaloPay must have said what became of an order, or that it moves
UNREFUNDED = timedelta(hours=24)
UNSENT = timedelta(minutes=15)  # one fault of the mail service passes sooner


def is_late(item: PaymentSession | Mailing | Award | Stray, now: datetime) -> bool:
    """Whether nobody attended to it for minutes, or ZaloPay or the mail service does not do its part for too long."""
    if item.due_at is not None and item.due_at <= now - UNATTENDED:
        return True
    if isinstance(item, Mailing | Award):
        return isinstance(item, Mailing) and item.due_at is not None and item.requested_at <= now - UNSENT
    if isinstance(item, PaymentSession) and item.is_live:
        return not item.processing and item.expires_at <= now - UNANSWERED
    asked_at = item.refund.requested_at if item.refund else None
    return asked_at is not None and asked_at <= now - UNREFUNDED
