"""What becomes of a win or an offer that is answered, or not paid in time; and who is offered its nights next."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from stays.domain.award import AWARD_SOURCES, PAYABLE, Award, AwardStatus, Result, check_payable
from stays.domain.errors import Invalid
from stays.domain.values import today

_ENDED_FROM = AWARD_SOURCES | {AwardStatus.PAID: frozenset({AwardStatus.PAID})}


class Ending(NamedTuple):
    """An award that is over, and the offer that takes its place, if anybody is left to be asked."""

    award: Award
    offer: Award | None = None


def accept(award: Award, selected: Sequence[date], now: datetime) -> Award:
    """Its user wants it; of what was won in part, or offered, only the selected nights (none named: all).

    An offer can then be paid as long as an offer waits, counted from now. Again is harmless until it is paid.
    Raises Invalid for nights that are none of it, and Refused where it can be paid no more.
    """
    check_payable(award, now)
    nights = {night.date for night in award.nights}
    if not set(selected) <= nights:
        raise Invalid.field("selectedNights", "A night was not awarded.")
    chosen = () if award.result is Result.FULL_WIN or set(selected) == nights else tuple(sorted(set(selected)))
    if award.status is not AwardStatus.WAITING:
        return award if chosen == award.selected else award.but(selected=chosen, changed_at=now)
    until = now + timedelta(minutes=award.offer_minutes)
    return award.but(status=AwardStatus.ACCEPTED, selected=chosen, pay_until=until, due_at=until, changed_at=now)


def is_overdue(award: Award, now: datetime) -> bool:
    """Whether nobody paid for it, or answered it, in time."""
    return award.status in PAYABLE and award.payment_deadline <= now


def end(award: Award, status: AwardStatus, free: Collection[date], now: datetime, offer_id: str) -> Ending | None:
    """The award declined or expired, or an offer that was paid and leaves others' nights; None if it is over already.

    The nights that are still `free` are offered to the next in order who bid for any of them; where nobody is left,
    they are released. Always an offer, never a transfer: nights are held by whoever begins to pay.
    """
    if award.status not in _ENDED_FROM[status]:
        return None
    offered = tuple(night.date for night in award.nights)
    at_stake = award.at_stake or offered
    if status is AwardStatus.PAID:
        at_stake = tuple(night for night in at_stake if night not in offered)
    left = [night for night in at_stake if night in free and night >= today(now)]
    offer = _next_offer(award, left, now, offer_id)
    over = award.but(status=status, changed_at=now, due_at=None, released_nights=() if offer else tuple(left))
    return Ending(over, offer and offer.but(at_stake=at_stake))


def _next_offer(award: Award, left: Collection[date], now: datetime, offer_id: str) -> Award | None:
    deadline = now + timedelta(minutes=award.offer_minutes)
    for position, bidder in enumerate(award.runners_up, 1):
        nights = tuple(night for night in bidder.nights if night.date in left)
        if nights:
            return Award(
                award_id=offer_id,
                auction_id=award.auction_id,
                user_id=bidder.user_id,
                place=award.place,
                nights=nights,
                guest_count=bidder.guest_count,
                deadline=deadline,
                status=AwardStatus.WAITING,
                original_bid_id=bidder.bid_id,
                runners_up=award.runners_up[position:],
                offer_minutes=award.offer_minutes,
                received_at=now,
                due_at=deadline,
            )
    return None
