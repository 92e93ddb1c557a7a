"""Answers about bookings."""

from datetime import date
from typing import Annotated, Self

from pydantic import Field

from stays.domain.booking import Booking, BookingStatus
from stays.domain.payment import ShownRefund, Terms, terms_of
from stays.domain.values import StayId, Timestamp
from stays.edge.responses import Response


class ShownTerm(Response):
    """One row of a sale's terms: until `daysBefore` days before check-in, `percent` percent of the price goes back."""

    days_before: int
    percent: int


class ShownBooking(Response):
    """Nights of one property for one user."""

    id: StayId
    payment_id: StayId
    reference_number: Annotated[str, Field(description="The number to read out on the phone.")]
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
    cancellation_policy: tuple[ShownTerm, ...] | None = None
    cancelled_at: Timestamp | None = None
    refund: ShownRefund | None = None

    @classmethod
    def of(cls, booking: Booking, terms: Terms) -> Self:
        """The booking. `terms` count where the sale has none of its own."""
        return cls.model_validate(booking.but(cancellation_policy=terms_of(booking.cancellation_policy, terms)))


class Thread(Response):
    """The conversation of a stay's user with its host."""

    thread_id: str
