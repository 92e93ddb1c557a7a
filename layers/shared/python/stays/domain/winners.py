"""The winners page and the offers page, with the frontend's field names."""

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from stays.domain.award import PAYABLE, WIN, Award, AwardStatus, Property, Result, price_of
from stays.domain.values import VIETNAM, timestamp

Shown = dict[str, Any]

_OFFER_STATUS = {AwardStatus.PAID: "ACCEPTED", AwardStatus.WITHDRAWN: "EXPIRED"}
_CHECK_OUT = time(12, tzinfo=VIETNAM)


def is_winner(award: Award) -> bool:
    """Whether the winners page shows it: a win at the auction, or an offer that was accepted or paid."""
    return award.is_win or award.pay_until is not None or award.status is AwardStatus.PAID


def is_offer(award: Award) -> bool:
    """Whether the page of offers shows it."""
    return award.award_id != WIN


def winner_of(award: Award, now: datetime, open_until: datetime | None = None, *, partial_page: bool = False) -> Shown:
    """A winner. `bidAmount` is the price of its chosen nights in đồng. Consecutive nights share a `rangeId`.

    `open_until` is the end of an open order or reservation for it. Without `partial_page`, `isPartialWin` is always
    false: the frontend's page for partial wins never finishes loading.
    """
    nights, chosen = [night.date for night in award.shown(now)], {night.date for night in award.chosen(now)}
    ranges = _ranges(nights)
    is_partial = award.result is Result.PARTIAL_WIN or len(chosen) < len(nights) or len(set(ranges.values())) > 1
    return {
        "id": award.auction_id if award.is_win else award.award_id,
        "auctionId": award.auction_id,
        "property": _property(award.rented_property),
        "bidAmount": award.amount(now),
        "checkIn": nights[0].isoformat(),
        "checkOut": (nights[-1] + timedelta(days=1)).isoformat(),
        "isPartialWin": partial_page and is_partial,
        "awardedNights": [
            {
                "date": night.date.isoformat(),
                "pricePerNight": night.price,
                "isSelected": night.date in chosen,
                "rangeId": ranges[night.date],
            }
            for night in award.shown(now)
        ],
        **_standing(award, now, open_until),
        "guestCount": award.guest_count,
        **({"paymentId": award.payment_id} if award.payment_id else {}),
    }


def _standing(award: Award, now: datetime, open_until: datetime | None) -> Shown:
    """Status and deadline. The page looks at the deadline first, so the deadline fits the status (contract C25)."""
    over_at = award.over_at(now)
    if award.status in PAYABLE and open_until is not None:
        status, deadline = "PENDING_PAYMENT", max(award.payment_deadline, open_until)
    elif over_at is not None:
        status, deadline = "EXPIRED", over_at
    elif award.status is AwardStatus.PAID:
        check_out = award.nights[-1].date + timedelta(days=1)
        status, deadline = "PAID", datetime.combine(check_out, _CHECK_OUT)
    else:
        status, deadline = "PENDING_PAYMENT", award.payment_deadline
    return {"status": status, "paymentDeadline": timestamp(deadline)}


def offer_of(award: Award, now: datetime) -> Shown:
    """A second-chance offer."""
    status = _OFFER_STATUS.get(award.status, award.status.value)
    if award.status in PAYABLE and not award.sellable(now):
        status = "EXPIRED"
    shown = {
        "id": award.award_id,
        "originalBidId": award.original_bid_id,
        "userId": award.user_id,
        "auctionId": award.auction_id,
        "property": _property(award.rented_property),
        "propertyName": award.rented_property.name,
        "offeredNights": [night.date.isoformat() for night in award.shown(now)],
        "amount": price_of(award.shown(now)),
        "responseDeadline": timestamp(award.deadline),
        "status": status,
        "paymentDeadline": timestamp(award.pay_until) if award.pay_until else None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _ranges(nights: list[date]) -> dict[date, str]:
    """The name of the run of consecutive nights that each night belongs to."""
    number, ranges = 1, {nights[0]: "range-1"}
    for before, night in pairwise(nights):
        number += night - before != timedelta(days=1)
        ranges[night] = f"range-{number}"
    return ranges


def _property(rented_property: Property) -> Shown:
    where = {
        "address_line1": rented_property.address_line1,
        "city": rented_property.city,
        "state": rented_property.state,
    }
    shown = {
        "id": rented_property.id,
        "title": rented_property.name,
        "city": rented_property.city,
        "state": rented_property.state,
        "location": {name: value for name, value in where.items() if value is not None},
        "images": [{"image_url": address} for address in rented_property.images],
        "max_guests": rented_property.max_guests,
    }
    return {name: value for name, value in shown.items() if value is not None}
