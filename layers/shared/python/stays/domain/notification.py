"""Messages to browsers, made from the present state of an item."""

from datetime import datetime
from typing import Any, Literal, get_args

from stays.domain.award import WIN, Award, AwardStatus
from stays.domain.booking import Booking, BookingStatus, booking_of
from stays.domain.payment import Fulfilment, PaymentSession, Status
from stays.domain.values import timestamp

Message = dict[str, Any]

Channel = Literal["payment_status", "booking_confirmations", "auction_results", "second_chance_offers"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
CHANNEL_OF: dict[str, Channel] = {
    "PAYMENT_STATUS": "payment_status",
    "BOOKING_CONFIRMED": "booking_confirmations",
    "AUCTION_RESULT": "auction_results",
    "SECOND_CHANCE_OFFER": "second_chance_offers",
    "OFFER_EXPIRED": "second_chance_offers",
}


def messages_of(item: PaymentSession | Award, now: datetime, *, booked: bool = True) -> list[Message]:
    """The messages for an item's present state. With `booked`, also the message that a session is a booking."""
    if isinstance(item, Award):
        told = award_told(item, now)
        return [told] if told else []
    booking = booking_of(item) if booked else None
    confirmed = booking_confirmed(booking) if booking else None
    return [payment_status(item), *([confirmed] if confirmed else [])]


def payment_status(session: PaymentSession) -> Message:
    """PAYMENT_STATUS. COMPLETED always carries the transaction id."""
    message = {
        "type": "PAYMENT_STATUS",
        "paymentId": session.id,
        "userId": session.user_id,
        "status": _message_status(session),
        "transactionId": session.transaction_id,
        "reason": session.reason,
        "refund": session.refund.shown.dump() if session.refund else None,
    }
    return {name: value for name, value in message.items() if value is not None}


def _message_status(session: PaymentSession) -> str:
    if session.fulfilment is Fulfilment.REVIEW or session.processing:
        return "PROCESSING"
    if session.client_status is Status.PAID:
        return "COMPLETED"
    return "INITIATED" if session.is_live else "FAILED"


def booking_confirmed(booking: Booking) -> Message | None:
    """BOOKING_CONFIRMED, or None for a booking that is not confirmed."""
    if booking.status is not BookingStatus.CONFIRMED:
        return None
    return {
        "type": "BOOKING_CONFIRMED",
        "bookingId": booking.id,
        "paymentId": booking.payment_id,
        "userId": booking.user_id,
        "propertyName": booking.property_name,
        "referenceNumber": booking.reference_number,
        "checkIn": booking.check_in.isoformat(),
        "checkOut": booking.check_out.isoformat(),
    }


_OVER = frozenset({AwardStatus.EXPIRED, AwardStatus.DECLINED, AwardStatus.WITHDRAWN})
_OFFER_OVER = _OVER - {AwardStatus.DECLINED}


def award_told(award: Award, now: datetime) -> Message | None:
    """AUCTION_RESULT for a win that is not paid (yet), SECOND_CHANCE_OFFER for an offer that waits.

    A win that was declined, withdrawn or not paid in time is told as LOST. OFFER_EXPIRED tells that an offer ended,
    unless its user declined it. An open award is told with the nights that are not past; an offer without such nights
    is over.
    """
    if award.award_id == WIN:
        return _auction_result(award, now) if award.status is not AwardStatus.PAID else None
    waits = award.status is AwardStatus.WAITING
    if waits and award.sellable(now):
        return _second_chance_offer(award, now)
    return _offer_expired(award) if waits or award.status in _OFFER_OVER else None


def _auction_result(award: Award, now: datetime) -> Message:
    over = award.status in _OVER
    nights = {"awardedNights": _dates(award, now)} if award.nights and not over else {}
    return {
        "type": "AUCTION_RESULT",
        "auctionId": award.auction_id,
        "userId": award.user_id,
        "result": "LOST" if over else str(award.result),
        **nights,
        "amount": award.amount(now) or award.bid_amount,
        "paymentDeadline": timestamp(award.deadline),
        "propertyName": award.rented_property.name,
        **({"status": award.status.value} if over else {}),
    }


def _second_chance_offer(award: Award, now: datetime) -> Message:
    return {
        "type": "SECOND_CHANCE_OFFER",
        "offerId": award.award_id,
        "auctionId": award.auction_id,
        "userId": award.user_id,
        "offeredNights": _dates(award, now),
        "amount": award.amount(now),
        "responseDeadline": timestamp(award.deadline),
        "propertyName": award.rented_property.name,
    }


def _dates(award: Award, now: datetime) -> list[str]:
    return [night.date.isoformat() for night in award.shown(now)]


def _offer_expired(award: Award) -> Message:
    return {
        "type": "OFFER_EXPIRED",
        "offerId": award.award_id,
        "auctionId": award.auction_id,
        "userId": award.user_id,
        "propertyName": award.rented_property.name,
    }
