"""Announcements: events for the rest of the company, made from the change of an item."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Literal

from stays.domain.award import WIN, Award, AwardStatus
from stays.domain.payment import UNFINISHED, Fulfilment, PaymentSession, Reason, Status
from stays.domain.values import Model, StayId, Timestamp, encode_key

Announced = PaymentSession | Award

_UNPAID = frozenset(Status) - UNFINISHED - {Status.PAID}


class Announcement(Model):
    """A fact. It may be sent more than once, always with the same `eventId`: drop the ones that you already have."""

    version: Literal[1]
    event_id: str
    auction_id: str
    user_id: str
    property_id: str


class _OfStay(Announcement):
    stay_id: StayId


class PaymentCompleted(_OfStay):
    """Verified money arrived for a stay.

    Money may come late: then this event follows PaymentFailed, and it counts. BookingConfirmed says that the nights are
    booked. Money that booked nothing goes back, and RefundCompleted says so.
    """

    amount: int
    transaction_id: str
    paid_at: Timestamp


class PaymentFailed(_OfStay):
    """The time to pay ended without money, or the payment was given up.

    Late money turns it into PaymentCompleted. Money under review is undecided: PaymentCompleted announces it later, or
    RefundCompleted once it has gone back.
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
    """A confirmed booking was given back. Its nights may be on offer now; NightsReleased says which are free.

    `refundAmount` is the đồng owed at that time, possibly 0. RefundCompleted has the amount that went back in the end.
    """

    nights: tuple[date, ...]
    refund_amount: int
    reason: Reason
    cancelled_at: Timestamp


class RefundCompleted(_OfStay):
    """Money is back with the user: for a cancelled booking, or money that booked nothing."""

    refund_amount: int
    transaction_id: str
    reason: Reason
    refunded_at: Timestamp


class OfferExpired(Announcement):
    """A second-chance offer was not paid in time."""

    offer_id: str
    nights: tuple[date, ...]
    response_deadline: Timestamp


class NightsReleased(Announcement):
    """No bidder is left to offer these nights to: they can be sold again.

    The nights were not paid in time, not chosen, or given back. An award can release nights more than once: the second
    event of an award ends in `/NightsReleased/2`, and so on.

    Late money still books those nights that are free then: BookingConfirmed says so.
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
_OF_AWARDS: tuple[type[Announcement], ...] = (OfferExpired, NightsReleased)
ANNOUNCEMENTS = {kind.__name__: kind for kind in (*_OF_STAYS, *_OF_AWARDS)}


def facts(item: Announced) -> list[Announcement]:
    """All facts that an item's present state proves, each once. Asking again gives the same facts.

    Only the refund of a cancelled booking may have grown meanwhile. Raises pydantic's ValidationError for an item that
    is incomplete.
    """
    if isinstance(item, Award):
        return _of_award(item)
    return [_fact(kind, _said_of_stay(item)) for kind, holds in _OF_STAYS.items() if holds(item)]


def announcements(before: Announced | None, after: Announced) -> list[Announcement]:
    """The new facts of a change: those after it that did not hold before. Raises as `facts`."""
    known = {each.event_id for each in facts(before)} if before else set()
    return [each for each in facts(after) if each.event_id not in known]


def _of_award(award: Award) -> list[Announcement]:
    said = _said_of_award(award)
    expired = award.award_id != WIN and award.status is AwardStatus.EXPIRED
    released = (
        _fact(NightsReleased, said | {"releasedNights": nights}, number)
        for number, nights in enumerate(award.releases, 1)
    )
    return [*([_fact(OfferExpired, said)] if expired else []), *released]


def _fact(kind: type[Announcement], said: Mapping[str, Any], number: int = 1) -> Announcement:
    again = f"/{number}" if number > 1 else ""
    return kind.model_validate({**said, "version": 1, "eventId": f"{said['about']}/{kind.__name__}{again}"})


def _said_of_stay(session: PaymentSession) -> dict[str, Any]:
    said, refund = session.dump(), session.refund.dump() if session.refund else {}
    named = {"about": session.id, "stayId": session.id, "failedAt": said["changedAt"]}
    return said | named | {"refundAmount": refund.get("amount", 0), "refundedAt": refund.get("refundedAt")}


def _said_of_award(award: Award) -> dict[str, Any]:
    return {
        "about": f"{award.auction_id}/{encode_key(award.user_id)}/{award.award_id}",
        "auctionId": award.auction_id,
        "userId": award.user_id,
        "propertyId": award.rented_property.id,
        "awardId": award.award_id,
        "offerId": award.award_id,
        "nights": [night.date for night in award.nights],
        "responseDeadline": award.deadline,
    }
