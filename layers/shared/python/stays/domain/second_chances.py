"""Answers to wins and offers, their end without payment, and the offer of their nights to the next bidder."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from stays.domain.award import PAYABLE, Award, AwardStatus, Result, check_payable
from stays.domain.errors import Invalid
from stays.domain.values import today


class PassedNights(NamedTuple):
    """An award that has passed its unsold nights on, with the offer that got them, or None if no bidder was left.

    The write needs `nights` to be free.
    """

    award: Award
    nights: tuple[date, ...] = ()
    offer: Award | None = None


def accept(award: Award, selected: Sequence[date], now: datetime) -> Award:
    """The user accepts the award. Of a partial win or an offer only the selected nights count; none selected means all.

    An accepted offer can be paid for as long as an offer waits, counted from now. Until the award is paid, accepting it
    again is harmless. Raises Invalid for nights that are not in the award, and Refused if it cannot be paid any more.
    """
    check_payable(award, now)
    nights = {night.date for night in award.sellable(now)}
    if not set(selected) <= nights:
        raise Invalid.field("selectedNights", "A night was not awarded, or it is past.")
    chosen = () if award.result is Result.FULL_WIN or set(selected) == nights else tuple(sorted(set(selected)))
    if award.status is not AwardStatus.WAITING:
        return award if chosen == award.selected else award.but(selected=chosen, changed_at=now)
    until = now + timedelta(minutes=award.offer_minutes)
    return award.but(status=AwardStatus.ACCEPTED, selected=chosen, pay_until=until, due_at=until, changed_at=now)


def is_overdue(award: Award, now: datetime) -> bool:
    """Whether its time ended without an answer or a payment."""
    return award.status in PAYABLE and award.payment_deadline <= now


def end(award: Award, status: AwardStatus, now: datetime) -> Award:
    """The award declined or expired. Its nights are unsold from now on, and the clock passes them on."""
    return award.but(status=status, unsold=award.stake, ended_at=now, changed_at=now, due_at=now)


def withdraw(award: Award, revision: int, now: datetime) -> Award:
    """The award withdrawn. Its nights belong to the auction system again; none of them is passed on."""
    return award.but(
        status=AwardStatus.WITHDRAWN,
        revision=revision,
        correction=None,
        unsold=None,
        ended_at=award.ended_at or now,
        changed_at=now,
        due_at=None,
    )


def is_of_chain(offer: Award, award: Award) -> bool:
    """Whether an offer belongs to the chain of offers that this award began, or is part of.

    Earlier releases did not record the chain. For their offers the nights at stake decide; an offer of the auction
    system itself has none.
    """
    if offer.chain is not None:
        return offer.chain == _chain(award)
    return offer.rented_property.id == award.rented_property.id and not set(offer.at_stake).isdisjoint(award.stake)


def _chain(award: Award) -> str | None:
    """The name of a chain of offers, made from its first award. A chain that an earlier release began has no name."""
    return award.chain if award.at_stake else f"{award.user_id} {award.award_id}"


def unsold_nights(award: Award, bought: Collection[date], now: datetime) -> tuple[date, ...]:
    """The nights that an award still has to pass on, earliest first. For a paid award: the nights not in `bought`."""
    nights = award.unsold
    if nights is None:
        nights = tuple(night for night in award.stake if night not in bought)
    return tuple(night for night in nights if night >= today(now))


def pass_on(award: Award, free: Sequence[date], now: datetime, offer_id: str) -> PassedNights:
    """Offer the unsold nights that are `free` to the next runner-up who bid for any of them, or release them.

    No runner-up is asked twice: after an offer took the rest of the list, further unsold nights of this award are
    released. The nights are only offered, not held: an order holds them when its payment begins.
    """
    done = award.but(unsold=None, changed_at=now, due_at=None)
    if not free:
        return PassedNights(done)
    offer = None if award.passed_on else _next_offer(award, free, now, offer_id)
    if offer is None:
        return PassedNights(done.but(releases=(*award.releases, tuple(free))), tuple(free))
    return PassedNights(done.but(passed_on=True), tuple(free), offer)


def _next_offer(award: Award, free: Sequence[date], now: datetime, offer_id: str) -> Award | None:
    deadline = now + timedelta(minutes=award.offer_minutes)
    for position, bidder in enumerate(award.runners_up, 1):
        nights = tuple(night for night in bidder.nights if night.date in free)
        if nights:
            return Award(
                award_id=offer_id,
                auction_id=award.auction_id,
                user_id=bidder.user_id,
                rented_property=award.rented_property,
                nights=nights,
                guest_count=bidder.guest_count,
                deadline=deadline,
                status=AwardStatus.WAITING,
                original_bid_id=bidder.bid_id,
                runners_up=award.runners_up[position:],
                offer_minutes=award.offer_minutes,
                at_stake=tuple(free),
                chain=_chain(award),
                received_at=now,
                due_at=deadline,
            )
    return None
