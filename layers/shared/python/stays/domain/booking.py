"""Bookings: made from paid sessions, and cancelled for a refund by the terms."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum

from stays.domain.decision import Decision, Nights, supersede
from stays.domain.errors import Refused
from stays.domain.payment import Fulfilment, PaymentSession, Reason, Refund, Status, Terms, terms_of
from stays.domain.refund import refundable
from stays.domain.values import Model, StayId, Timestamp, timestamp, today


class BookingStatus(StrEnum):
    """Only money makes a booking CONFIRMED."""

    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"


class Booking(Model):
    """Nights of one property for one user."""

    id: StayId
    payment_id: StayId
    reference_number: str
    user_id: str
    property_id: str
    property_name: str
    host_id: str
    check_in: date
    check_out: date
    nights: tuple[date, ...]
    guest_count: int
    total_amount: int
    status: BookingStatus
    created_at: Timestamp
    cancellation_policy: Terms | None = None
    cancelled_at: Timestamp | None = None
    refund: Refund | None = None


def reference_number(stay_id: str) -> str:
    """The number that people read out on the phone: the random end of the id."""
    return f"{stay_id[-10:-5]}-{stay_id[-5:]}"


def check_out(nights: Sequence[date]) -> date:
    """The day after the last night."""
    return nights[-1] + timedelta(days=1)


def booking_of(session: PaymentSession) -> Booking | None:
    """The booking that a session makes, or None while there is nothing to show.

    A booking is made from its session alone, so the two cannot disagree.
    """
    if not (session.reserved or session.booked_at):
        return None
    return Booking(
        id=session.id,
        payment_id=session.id,
        reference_number=reference_number(session.id),
        user_id=session.user_id,
        property_id=session.property_id,
        property_name=session.property_name,
        host_id=session.host_id,
        check_in=session.nights[0],
        check_out=check_out(session.nights),
        nights=session.nights,
        guest_count=session.guest_count,
        total_amount=session.amount,
        status=_status(session),
        created_at=session.booked_at or session.created_at,
        cancellation_policy=session.cancellation_policy,
        cancelled_at=session.cancelled_at,
        refund=session.refund,
    )


def _status(session: PaymentSession) -> BookingStatus:
    if session.fulfilment is Fulfilment.BOOKED:
        return BookingStatus.CONFIRMED
    return BookingStatus.PENDING if session.is_live else BookingStatus.CANCELLED


def share(terms: Terms, check_in: date, now: datetime) -> int:
    """Percent of the price to refund: the best row of the terms that still applies."""
    days = (check_in - today(now)).days
    return max((term.percent for term in terms if days >= term.days_before), default=0)


def cancel(session: PaymentSession, terms: Terms, now: datetime, *, unpaid: bool = False) -> Decision | None:
    """The user gives the nights back. None if they are given back already.

    `terms` count where the sale has none of its own. `unpaid`: ZaloPay was just asked and said that the order is not
    paid. Raises Refused after the stay, and while money for the order moves: the user must not lose the nights. Raises
    Refused also for an open order if ZaloPay was not asked.
    """
    booking = booking_of(session)
    if booking is None or booking.status is BookingStatus.CANCELLED:
        return None
    if booking.status is BookingStatus.PENDING:
        return _cancel_reservation(session, now, unpaid=unpaid)
    if booking.check_out <= today(now):
        raise Refused("INVALID_AUCTION_STATE", "This stay is over.", checkOut=booking.check_out.isoformat())
    percent = share(terms_of(session.cancellation_policy, terms), booking.check_in, now)
    refunded = refundable(session, session.amount * percent // 100)
    owed = Refund(amount=refunded, status=Fulfilment.REFUND_DUE) if refunded else None
    cancelled = session.but(
        fulfilment=Fulfilment.REFUND_DUE if owed else Fulfilment.NONE,
        reason=Reason.CANCELLED_BY_TRAVELLER,
        refund=owed,
        cancelled_at=now,
        changed_at=now,
        due_at=now if owed else None,
    )
    return Decision(cancelled, "BOOKING_CANCELLED", Nights.FREE)


def _cancel_reservation(session: PaymentSession, now: datetime, *, unpaid: bool) -> Decision:
    if session.attempted_at is not None:
        if session.processing or not unpaid:
            raise under_way(session)
        return Decision(supersede(session, now), "SUPERSEDED", Nights.FREE)
    cancelled = session.but(
        status=Status.CANCELLED,
        reason=Reason.CANCELLED_BY_TRAVELLER,
        cancelled_at=now,
        changed_at=now,
        due_at=None,
    )
    return Decision(cancelled, "RESERVATION_CANCELLED", Nights.FREE)


def under_way(session: PaymentSession) -> Refused:
    """The error for a request that an open order blocks: its money is moving, or it can be paid at any moment."""
    code = "PAYMENT_PROCESSING" if session.processing else "INVALID_AUCTION_STATE"
    said = "Money is on its way for this order." if session.processing else "A payment is under way; it ends by itself."
    return Refused(code, said, sessionId=session.id, expiresAt=timestamp(session.expires_at))


def already_paid(session: PaymentSession) -> Refused:
    """The error for nights whose money has arrived."""
    return Refused("INVALID_AUCTION_STATE", "These nights are paid already.", sessionId=session.id)
