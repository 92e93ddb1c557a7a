"""What the winners and offers pages show, in the words of their client."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from stays.domain.award import WIN, Award, AwardStatus, Property, Result, price_of
from stays.domain.values import timestamp

Shown = dict[str, Any]

_WINNER_STATUS = {
    AwardStatus.PAID: "PAID",
    AwardStatus.EXPIRED: "EXPIRED",
    AwardStatus.DECLINED: "EXPIRED",
}
_OFFER_STATUS = {AwardStatus.PAID: "ACCEPTED"}


def is_winner(award: Award) -> bool:
    """Whether it is on the winners page: won at the auction, or an offer that was accepted."""
    return award.is_win or award.pay_until is not None or award.status is AwardStatus.PAID


def is_offer(award: Award) -> bool:
    """Whether it is on the page of offers."""
    return award.award_id != WIN


def winner_of(award: Award) -> Shown:
    """A winner. Its price is that of the nights that were chosen of it; nights in a row share a `rangeId`."""
    nights, chosen = [night.date for night in award.nights], {night.date for night in award.chosen}
    ranges = _ranges(nights)
    runs = set(ranges.values())
    return {
        "id": award.auction_id if award.is_win else award.award_id,
        "auctionId": award.auction_id,
        "property": _property(award.place),
        "bidAmount": award.amount,
        "checkIn": nights[0].isoformat(),
        "checkOut": (nights[-1] + timedelta(days=1)).isoformat(),
        "isPartialWin": award.result is Result.PARTIAL_WIN or award.chosen != award.nights or len(runs) > 1,
        "awardedNights": [
            {
                "date": night.date.isoformat(),
                "pricePerNight": night.price,
                "isSelected": night.date in chosen,
                "rangeId": ranges[night.date],
            }
            for night in award.nights
        ],
        "status": _WINNER_STATUS.get(award.status, "PENDING_PAYMENT"),
        "paymentDeadline": timestamp(award.payment_deadline),
        "guestCount": award.guest_count,
        **({"paymentId": award.payment_id} if award.payment_id else {}),
    }


def offer_of(award: Award) -> Shown:
    """A second-chance offer."""
    shown = {
        "id": award.award_id,
        "originalBidId": award.original_bid_id,
        "userId": award.user_id,
        "auctionId": award.auction_id,
        "property": _property(award.place),
        "propertyName": award.place.name,
        "offeredNights": [night.date.isoformat() for night in award.nights],
        "amount": price_of(award.nights),
        "responseDeadline": timestamp(award.deadline),
        "status": _OFFER_STATUS.get(award.status, award.status.value),
        "paymentDeadline": timestamp(award.pay_until) if award.pay_until else None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _ranges(nights: list[date]) -> dict[date, str]:
    """Which run of consecutive nights each night belongs to."""
    number, ranges = 1, {nights[0]: "range-1"}
    for before, night in pairwise(nights):
        number += night - before != timedelta(days=1)
        ranges[night] = f"range-{number}"
    return ranges


def _property(place: Property) -> Shown:
    where = {"address_line1": place.address_line1, "city": place.city, "state": place.state}
    shown = {
        "id": place.id,
        "title": place.name,
        "city": place.city,
        "state": place.state,
        "location": {name: value for name, value in where.items() if value is not None},
        "images": [{"image_url": address} for address in place.images],
        "max_guests": place.max_guests,
    }
    return {name: value for name, value in shown.items() if value is not None}
