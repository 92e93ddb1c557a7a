"""Awards: nights won at an auction or offered as a second chance, with their price and deadline."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from stays.domain.errors import Invalid, NotFound, Refused
from stays.domain.values import (
    MAXIMUM_AMOUNT,
    MAXIMUM_NIGHTS,
    VIETNAM,
    WHOLE,
    Amount,
    Id,
    Model,
    SoldNight,
    Timestamp,
    UserId,
    timestamp,
    today,
)

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Property(Model):
    """What is known of a property: enough for a booking, a mail and a card on the winners page."""

    id: Id
    name: Text
    host_id: UserId
    city: Text | None = None
    state: Text | None = None
    address_line1: Text | None = None
    images: Annotated[tuple[Annotated[str, Field(max_length=500)], ...], Field(max_length=20)] = ()
    max_guests: Annotated[int, Field(ge=1, le=100)] | None = None


class PricedNight(Model):
    """One night and its price in đồng."""

    date: SoldNight
    price: Amount


class Result(StrEnum):
    """How an auction ended for one bidder."""

    FULL_WIN = "FULL_WIN"
    PARTIAL_WIN = "PARTIAL_WIN"
    LOST = "LOST"


class AwardStatus(StrEnum):
    """A win waits for its payment, an offer for an answer and then for its payment. LOST pays nothing.

    WITHDRAWN: the auction system took it back.
    """

    PENDING_PAYMENT = "PENDING_PAYMENT"
    WAITING = "WAITING"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    PAID = "PAID"
    EXPIRED = "EXPIRED"
    LOST = "LOST"
    WITHDRAWN = "WITHDRAWN"


PAYABLE = frozenset({AwardStatus.PENDING_PAYMENT, AwardStatus.WAITING, AwardStatus.ACCEPTED})

# From where each state may be entered. The inverse of a move is also its condition in the table.
AWARD_SOURCES = {
    AwardStatus.ACCEPTED: frozenset({AwardStatus.WAITING}),
    AwardStatus.DECLINED: PAYABLE,
    AwardStatus.EXPIRED: PAYABLE,
    AwardStatus.PAID: PAYABLE | {AwardStatus.DECLINED, AwardStatus.EXPIRED},
    AwardStatus.WITHDRAWN: frozenset(AwardStatus) - {AwardStatus.PAID, AwardStatus.WITHDRAWN},
}
OFFER_MINUTES = 120  # how long a second chance waits for an answer, where the event does not say
MOST_RUNNERS_UP = 20
WIN = "WIN"  # the award id of what was won at the auction itself; an offer's award id is its offer id


def check_nights(nights: tuple[PricedNight, ...]) -> tuple[PricedNight, ...]:
    """The same in order of their dates. Raises ValueError for a night that is named twice and for too high a sum."""
    dates = [night.date for night in nights]
    if len(set(dates)) != len(dates):
        raise ValueError("a night is named twice")
    if sum(night.price for night in nights) > MAXIMUM_AMOUNT:
        raise ValueError(f"the nights cost more than {MAXIMUM_AMOUNT} together")
    return tuple(sorted(nights, key=lambda night: night.date))


Nights = Annotated[
    tuple[PricedNight, ...], Field(min_length=1, max_length=MAXIMUM_NIGHTS), AfterValidator(check_nights)
]
GuestCount = Annotated[int, Field(strict=True, ge=1, le=100), WHOLE]


class RunnerUp(Model):
    """Who is offered the nights next, if they are still free by then, and at which prices."""

    user_id: UserId
    bid_id: Id | None = None
    nights: Nights
    guest_count: GuestCount = 1


class Award(Model):
    """The right of one user to pay for nights of one auction until a deadline.

    `checkout_id` is the session that was opened for it last: no other is opened while that one is live. `pay_until` is
    the deadline of an offer that was accepted, `at_stake` the nights that a chain of offers, named `chain`, still has
    to sell. `ended_at` is when its user lost it, or gave the booking back. `unsold` are nights that it has to pass on:
    to its runners-up, unless `passed_on` says that somebody has their list already, else to nobody; each of `releases`
    is what nobody was left to be offered. `announced_at` is when the auction system told of it, where that was earlier
    than it was received. `correction` waits for the end of the session that is open.
    """

    award_id: Id
    auction_id: Id
    user_id: UserId
    place: Annotated[Property, Field(alias="property")]
    nights: tuple[PricedNight, ...]
    guest_count: int
    deadline: Timestamp
    status: AwardStatus
    received_at: Timestamp
    announced_at: Timestamp | None = None
    revision: int = 0
    result: Result | None = None
    bid_amount: int = 0
    original_bid_id: str | None = None
    payment_id: str | None = None
    selected: tuple[date, ...] = ()
    checkout_id: str | None = None
    pay_until: Timestamp | None = None
    runners_up: tuple[RunnerUp, ...] = ()
    offer_minutes: int = OFFER_MINUTES
    at_stake: tuple[date, ...] = ()
    chain: str | None = None
    passed_on: bool = False
    unsold: tuple[date, ...] | None = None
    releases: tuple[tuple[date, ...], ...] = ()
    correction: "Correction | None" = None
    decline_reason: str | None = None
    changed_at: Timestamp = Field(default_factory=lambda known: known["received_at"])
    ended_at: Timestamp | None = None
    due_at: Timestamp | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_release(cls, item: Any) -> Any:
        """Until 1.2.1 an award that ended was passed on in the same write, and released nights once at most.

        What is due since has not been passed on yet: an offer that was paid waited for its time to do so.
        """
        if not isinstance(item, dict) or "status" not in item or "passedOn" in item or "passed_on" in item:
            return item
        released = item.get("releasedNights")
        known = {"releases": [released]} if released else {}
        due = item.get("dueAt") is not None and item.get("unsold") is None and not released
        waits = item["status"] in PAYABLE or due
        return known | {"passedOn": not waits} | item

    @property
    def payment_deadline(self) -> datetime:
        """Until when a payment may begin."""
        return self.pay_until or self.deadline

    @property
    def is_win(self) -> bool:
        """Whether it was won at the auction itself. A loss that was taken back has no nights."""
        return self.award_id == WIN and self.status is not AwardStatus.LOST and bool(self.nights)

    @property
    def stake(self) -> tuple[date, ...]:
        """The nights that somebody has to get once this award is over."""
        return self.at_stake or tuple(night.date for night in self.nights)

    def sellable(self, now: datetime) -> tuple[PricedNight, ...]:
        """The nights that can still be slept. A full win is sold whole, so with one night past it has none."""
        left = tuple(night for night in self.nights if night.date >= today(now))
        return () if self.result is Result.FULL_WIN and left != self.nights else left

    def shown(self, now: datetime) -> tuple[PricedNight, ...]:
        """The nights that a page shows: those that can be bought, or all of what is decided."""
        return (self.sellable(now) if self.status in PAYABLE else ()) or self.nights

    def chosen(self, now: datetime) -> tuple[PricedNight, ...]:
        """The nights that its user wants of those: all, as long as they have not said otherwise."""
        shown = self.shown(now)
        return tuple(night for night in shown if night.date in self.selected) or shown

    def amount(self, now: datetime) -> int:
        """The price of the chosen nights in đồng."""
        return price_of(self.chosen(now))

    def is_payable(self, now: datetime) -> bool:
        """Whether a payment may begin now."""
        return self.status in PAYABLE and now < self.payment_deadline and bool(self.sellable(now))

    def over_at(self, now: datetime) -> datetime | None:
        """When its user lost it: by an end on record, or because its time or its last night has passed; or None."""
        if self.ended_at or self.status not in (*PAYABLE, AwardStatus.PAID):
            return min(self.ended_at or self.changed_at, now)
        if self.status is AwardStatus.PAID or self.is_payable(now):
            return None
        return min(self.payment_deadline, *self._last_moments(), now)

    def _last_moments(self) -> Iterable[datetime]:
        """The end of the day after which it cannot be sold any more."""
        night = self.nights[0 if self.result is Result.FULL_WIN else -1].date
        return [datetime.combine(night + timedelta(days=1), time(), VIETNAM)]


class Correction(Model):
    """A later word of the auction system that waits: other terms, or (without an award) that it is taken back."""

    revision: int
    event_id: str
    award: Award | None = None


Award.model_rebuild()


def price_of(nights: Sequence[PricedNight]) -> int:
    """What these nights cost together, in đồng."""
    return sum(night.price for night in nights)


class Quote(NamedTuple):
    """What will be paid for: the server's own price, never the client's."""

    award: Award
    nights: tuple[date, ...]
    amount: int

    @property
    def left(self) -> tuple[date, ...]:
        """The nights that this order does not buy, and somebody else has to get."""
        return tuple(night for night in self.award.stake if night not in self.nights)


def choose_award(awards: Sequence[Award], selected: Sequence[date], amount: int | None, now: datetime) -> Award:
    """Which award of a user in one auction is meant (contract C26). Raises NotFound without any.

    One that can be paid and has all named nights, and costs the amount, by its full price, its chosen nights' or the
    named ones'; then one that costs the amount whole or as chosen. Where none of these can be paid, the one is meant
    that could have been: its user hears that it is paid, or over. Then what begins and ends with the named nights, or
    has both its ends among them; then the win.
    """
    won = [award for award in awards if award.status is not AwardStatus.LOST and award.nights]
    if not won:
        raise NotFound

    def likeness(award: Award) -> tuple[bool, ...]:
        prices = {night.date: night.price for night in award.shown(now)}
        whole = amount in (None, sum(prices.values()), award.amount(now))
        has_all = set(selected) <= set(prices)
        meant = has_all and (whole or amount == sum(prices[night] for night in selected))
        priced = whole and amount is not None
        is_open = award.is_payable(now)
        ends = {award.nights[0].date, award.nights[-1].date}
        exactly, within = ends == {min(selected), max(selected)}, ends <= set(selected)
        return meant and is_open, meant or priced, is_open, exactly, within, award.is_win

    return max(won, key=likeness)


def quote(award: Award, selected: Sequence[date], amount: int | None, now: datetime) -> Quote:
    """Which nights of an award are paid, and how much that is.

    The full amount buys all nights that can still be slept, whichever nights the client names; a full win is sold in no
    other way. Any other amount buys the named nights, if it is their price, or those that the user chose before. An
    amount of None takes the price of the named nights. Raises Refused where no night is left, Invalid for wrong nights
    or another amount.
    """
    sellable = award.sellable(now)
    if not sellable:
        raise over(award)
    nights = _bought(award, sellable, selected, amount, now)
    price = price_of(nights)
    if amount not in (None, price):
        raise Invalid("INVALID_AMOUNT", "The amount is not the price of these nights.", expectedAmount=price)
    return Quote(award, tuple(night.date for night in nights), price)


def _bought(
    award: Award, sellable: tuple[PricedNight, ...], selected: Sequence[date], amount: int | None, now: datetime
) -> tuple[PricedNight, ...]:
    if award.result is Result.FULL_WIN or amount == price_of(sellable):
        return sellable
    named = tuple(night for night in sellable if night.date in selected)
    if amount == award.amount(now) and (len(named) < len(selected) or amount != price_of(named)):
        return award.chosen(now)
    if len(set(selected)) != len(selected):
        raise Invalid.field("selectedNights", "A night is named twice.")
    if min(selected) < today(now):
        raise Invalid.field("selectedNights", "A night is in the past.")
    if len(named) < len(selected):
        raise Invalid.field("selectedNights", "A night was not awarded.")
    return named


def check_payable(award: Award, now: datetime) -> None:
    """Raises Refused for what is paid, was declined or withdrawn, or was not paid in time."""
    if award.status is AwardStatus.PAID:
        raise Refused("INVALID_AUCTION_STATE", "This award is paid already.", sessionId=award.payment_id)
    if not award.is_payable(now):
        raise over(award)


def over(award: Award) -> Refused:
    """What to say to whoever comes too late for an award."""
    code = "INVALID_AUCTION_STATE" if award.award_id == WIN else "OFFER_EXPIRED"
    return Refused(code, "The time to pay for this award is over.", deadline=timestamp(award.payment_deadline))
