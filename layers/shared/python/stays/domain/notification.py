"""Messages to browsers, made from the present state of an item."""

from datetime import date, datetime
from typing import Annotated, ClassVar, Literal, TypeAlias, get_args

from pydantic import Field

from stays.domain.award import WIN, Award, AwardStatus, Result
from stays.domain.booking import Booking, BookingStatus, booking_of
from stays.domain.payment import Fulfilment, PaymentSession, Reason, ShownRefund, Status
from stays.domain.values import Model, Timestamp

Channel = Literal["payment_status", "booking_confirmations", "auction_results", "second_chance_offers"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
PaymentState = Literal["INITIATED", "PROCESSING", "COMPLETED", "FAILED"]


class Message(Model):
    """A message to a browser. It has the channel of a notification, or None if it answers a frame."""

    channel: ClassVar[Channel | None] = None


class PaymentStatusMessage(Message):
    """The state of a payment. COMPLETED always has `transactionId`. FAILED may have a `reason` and a `refund`."""

    channel = "payment_status"
    type: Literal["PAYMENT_STATUS"] = "PAYMENT_STATUS"
    payment_id: str
    user_id: str
    status: PaymentState
    transaction_id: str | None = None
    reason: Reason | None = None
    refund: ShownRefund | None = None


class BookingConfirmedMessage(Message):
    """The nights are paid and booked."""

    channel = "booking_confirmations"
    type: Literal["BOOKING_CONFIRMED"] = "BOOKING_CONFIRMED"
    booking_id: str
    payment_id: str
    user_id: str
    property_name: str
    reference_number: str
    check_in: date
    check_out: date


class AuctionResultMessage(Message):
    """The user's result in an auction. A win that ends unpaid comes again as LOST, with the `status` of its end."""

    channel = "auction_results"
    type: Literal["AUCTION_RESULT"] = "AUCTION_RESULT"
    auction_id: str
    user_id: str
    result: Result
    awarded_nights: tuple[date, ...] | None = None
    amount: Annotated[int, Field(description="The price of the nights in đồng, or else the bid.")]
    payment_deadline: Timestamp
    property_name: str
    status: Literal["EXPIRED", "DECLINED", "WITHDRAWN"] | None = None


class SecondChanceOfferMessage(Message):
    """Nights that another user did not buy are offered to this user until `responseDeadline`."""

    channel = "second_chance_offers"
    type: Literal["SECOND_CHANCE_OFFER"] = "SECOND_CHANCE_OFFER"
    offer_id: str
    auction_id: str
    user_id: str
    offered_nights: tuple[date, ...]
    amount: int
    response_deadline: Timestamp
    property_name: str


class OfferExpiredMessage(Message):
    """An offer is over."""

    channel = "second_chance_offers"
    type: Literal["OFFER_EXPIRED"] = "OFFER_EXPIRED"
    offer_id: str
    auction_id: str
    user_id: str
    property_name: str


Notification: TypeAlias = Annotated[
    PaymentStatusMessage
    | BookingConfirmedMessage
    | AuctionResultMessage
    | SecondChanceOfferMessage
    | OfferExpiredMessage,
    Field(discriminator="type"),
]


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
    return PaymentStatusMessage(
        payment_id=session.id,
        user_id=session.user_id,
        status=_message_status(session),
        transaction_id=session.transaction_id,
        reason=session.reason,
        refund=session.refund.shown if session.refund else None,
    )


def _message_status(session: PaymentSession) -> PaymentState:
    if session.fulfilment is Fulfilment.REVIEW or session.processing:
        return "PROCESSING"
    if session.client_status is Status.PAID:
        return "COMPLETED"
    return "INITIATED" if session.is_live else "FAILED"


def booking_confirmed(booking: Booking) -> Message | None:
    """BOOKING_CONFIRMED, or None for a booking that is not confirmed."""
    if booking.status is not BookingStatus.CONFIRMED:
        return None
    return BookingConfirmedMessage(
        booking_id=booking.id,
        payment_id=booking.payment_id,
        user_id=booking.user_id,
        property_name=booking.property_name,
        reference_number=booking.reference_number,
        check_in=booking.check_in,
        check_out=booking.check_out,
    )


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
    return AuctionResultMessage(
        auction_id=award.auction_id,
        user_id=award.user_id,
        result=Result.LOST if over else award.result,
        awarded_nights=_dates(award, now) if award.nights and not over else None,
        amount=award.amount(now) or award.bid_amount,
        payment_deadline=award.deadline,
        property_name=award.rented_property.name,
        status=award.status if over else None,
    )


def _second_chance_offer(award: Award, now: datetime) -> Message:
    return SecondChanceOfferMessage(
        offer_id=award.award_id,
        auction_id=award.auction_id,
        user_id=award.user_id,
        offered_nights=_dates(award, now),
        amount=award.amount(now),
        response_deadline=award.deadline,
        property_name=award.rented_property.name,
    )


def _dates(award: Award, now: datetime) -> tuple[date, ...]:
    return tuple(night.date for night in award.shown(now))


def _offer_expired(award: Award) -> Message:
    return OfferExpiredMessage(
        offer_id=award.award_id,
        auction_id=award.auction_id,
        user_id=award.user_id,
        property_name=award.rented_property.name,
    )
