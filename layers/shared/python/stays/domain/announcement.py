"""Announcements: what the rest of the company hears, made from what a change did to an item."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Literal

from stays.domain.award import WIN, Award, AwardStatus
from stays.domain.payment import UNFINISHED, Fulfilment, PaymentSession, Reason, Status
from stays.domain.values import Model, StayId, Timestamp, encode_key

Announced = PaymentSession | Award

_UNPAID = frozenset(Status) - UNFINISHED - {Status.PAID}
_OVER = frozenset({AwardStatus.EXPIRED, AwardStatus.DECLINED})


class Announcement(Model):
    """A fact. It may be told more than once, always under the same `eventId`: drop what you have had."""

    version: Literal[1]
    event_id: str
    auction_id: str
    user_id: str
    property_id: str


class _OfStay(Announcement):
    stay_id: StayId


class PaymentCompleted(_OfStay):
    """Verified money arrived for a stay.

    Money may come late: then this follows PaymentFailed, and counts. BookingConfirmed says that the nights are booked;
    money that booked nothing goes back, and RefundCompleted says so.
    """

    amount: int
    transaction_id: str
    paid_at: Timestamp


class PaymentFailed(_OfStay):
    """The time to pay ended without money, or the payment was given up.

    Late money makes it PaymentCompleted after all. Money under review is undecided: it is announced as
    PaymentCompleted or, once it has been given back, as RefundCompleted.
    """

    nights: tuple[date, ...]
    amount: int
    reason: Reason
    failed_at: Timestamp


class BookingConfirmed(_OfStay):
    """The nights are paid for and booked."""

    nights: tuple[date, ...]
    guest_count: int
    amount: int
    booked_at: Timestamp


class BookingCancelled(_OfStay):
    """A confirmed booking was given back, and its nights are free.

    `refundAmount` is what was owed then, be it 0; what went back in the end, RefundCompleted says.
    """

    nights: tuple[date, ...]
    refund_amount: int
    reason: Reason
    cancelled_at: Timestamp


class RefundCompleted(_OfStay):
    """Money is back with the traveller: of a booking that was cancelled, or money that booked nothing."""

    refund_amount: int
    transaction_id: str
    reason: Reason
    refunded_at: Timestamp


class OfferExpired(Announcement):
    """Nobody paid for a second-chance offer in time."""

    offer_id: str
    nights: tuple[date, ...]
    response_deadline: Timestamp


class NightsReleased(Announcement):
    """An award or offer ended, and nobody is left to offer these nights to: they can be sold anew.

    They can be nights beside a part that was offered, and paid.

    Late money for them still books those that are free by then: BookingConfirmed says so.
    """

    award_id: str
    released_nights: tuple[date, ...]


_OF_STAYS: Mapping[type[Announcement], Callable[[PaymentSession], bool]] = {
    PaymentCompleted: lambda session: session.status is Status.PAID,
    PaymentFailed: lambda session: session.status in _UNPAID and session.fulfilment is Fulfilment.NONE,
    BookingConfirmed: lambda session: session.booked_at is not None,
    BookingCancelled: lambda session: session.booked_at is not None and session.cancelled_at is not None,
    RefundCompleted: lambda session: session.fulfilment is Fulfilment.REFUNDED,
}
_OF_AWARDS: Mapping[type[Announcement], Callable[[Award], bool]] = {
    OfferExpired: lambda award: award.award_id != WIN and award.status is AwardStatus.EXPIRED,
    NightsReleased: lambda award: bool(award.released_nights) and _stay_released(award),
}
ANNOUNCEMENTS = {kind.__name__: kind for kind in (*_OF_STAYS, *_OF_AWARDS)}


def facts(item: Announced) -> list[Announcement]:
    """All that an item is evidence of as it stands: each once, the same whenever it is asked for.

    Only what is owed for a cancelled booking may have become more meanwhile. Raises pydantic's ValidationError for an
    item that is not whole.
    """
    if isinstance(item, Award):
        return [_fact(kind, _said_of_award(item)) for kind, holds in _OF_AWARDS.items() if holds(item)]
    return [_fact(kind, _said_of_stay(item)) for kind, holds in _OF_STAYS.items() if holds(item)]


def announcements(before: Announced | None, after: Announced) -> list[Announcement]:
    """What a change amounts to: the facts after it that were none before. Raises as `facts`."""
    known = {each.event_id for each in facts(before)} if before else set()
    return [each for each in facts(after) if each.event_id not in known]


def _stay_released(award: Award) -> bool:
    """Whether late money has not booked what had been released."""
    return award.status in _OVER or not award.overlap(award.released_nights)


def _fact(kind: type[Announcement], said: Mapping[str, Any]) -> Announcement:
    return kind.model_validate({**said, "version": 1, "eventId": f"{said['about']}/{kind.__name__}"})


def _said_of_stay(session: PaymentSession) -> dict[str, Any]:
    said, refund = session.dump(), session.refund.dump() if session.refund else {}
    named = {"about": session.id, "stayId": session.id, "failedAt": said["changedAt"]}
    return said | named | {"refundAmount": refund.get("amount", 0), "refundedAt": refund.get("refundedAt")}


def _said_of_award(award: Award) -> dict[str, Any]:
    return {
        "about": f"{award.auction_id}/{encode_key(award.user_id)}/{award.award_id}",
        "auctionId": award.auction_id,
        "userId": award.user_id,
        "propertyId": award.place.id,
        "awardId": award.award_id,
        "offerId": award.award_id,
        "nights": [night.date for night in award.nights],
        "releasedNights": award.released_nights,
        "responseDeadline": award.deadline,
    }
