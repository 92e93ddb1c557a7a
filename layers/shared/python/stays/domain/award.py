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

GuestCount = Annotated[int, Field(strict=True, ge=1, le=100), WHOLE]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="in Viet Nam, as `14:00`")]


class Property(Model):
    """A property as far as we know it: enough for a booking, a mail and a card on the winners page."""

    id: Id
    name: Text
    host_id: UserId
    city: Text | None = None
    state: Text | None = None
    address_line1: Text | None = None
    images: Annotated[tuple[Annotated[str, Field(max_length=500)], ...], Field(max_length=20)] = ()
    max_guests: GuestCount | None = None
    check_in_time: TimeOfDay | None = None
    check_out_time: TimeOfDay | None = None


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
    """A win waits for its payment. An offer waits for an answer and then for its payment. LOST cannot be paid.

    WITHDRAWN: the auction system took the award back.
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

# For each status, the statuses that may lead to it. The table uses the same sets as conditions.
AWARD_SOURCES = {
    AwardStatus.ACCEPTED: frozenset({AwardStatus.WAITING}),
    AwardStatus.DECLINED: PAYABLE,
    AwardStatus.EXPIRED: PAYABLE,
    AwardStatus.PAID: PAYABLE | {AwardStatus.DECLINED, AwardStatus.EXPIRED},
    AwardStatus.WITHDRAWN: frozenset(AwardStatus) - {AwardStatus.PAID, AwardStatus.WITHDRAWN},
}
OFFER_MINUTES = 120  # how long an offer waits for an answer if its event gives no time
MOST_RUNNERS_UP = 20
WIN = "WIN"  # the award id of a win at the auction itself; the award id of an offer is its offer id


def check_nights(nights: tuple[PricedNight, ...]) -> tuple[PricedNight, ...]:
    """The same nights, sorted by date. Raises ValueError for a night that is named twice and for too high a sum."""
    dates = [night.date for night in nights]
    if len(set(dates)) != len(dates):
        raise ValueError("a night is named twice")
    if sum(night.price for night in nights) > MAXIMUM_AMOUNT:
        raise ValueError(f"the nights cost more than {MAXIMUM_AMOUNT} together")
    return tuple(sorted(nights, key=lambda night: night.date))


Nights = Annotated[
    tuple[PricedNight, ...], Field(min_length=1, max_length=MAXIMUM_NIGHTS), AfterValidator(check_nights)
]


class RunnerUp(Model):
    """The user who gets the next offer, with the nights and prices, as far as the nights are free then."""

    user_id: UserId
    bid_id: Id | None = None
    nights: Nights
    guest_count: GuestCount = 1


class Award(Model):
    """The right of one user to pay for nights of one auction until a deadline.

    - `checkout_id` is the session that was opened last. While it is live, no second one is open for the award.
    - `pay_until` is the deadline of an offer that was accepted.
    - `at_stake` are the nights that a chain of offers still has to sell; `chain` is its name.
    - `ended_at` is when the user lost the award or gave the booking back.
    - `unsold` are nights to pass on. They go to the runners-up, or are released if `passed_on` is set: then another
      offer already has the list of runners-up.
    - `releases` are the sets of nights that were released, because no runner-up was left.
    - `announced_at` is when the auction system sent the award, if that was before we received it.
    - `correction` waits for the end of the open session.
    """

    award_id: Id
    auction_id: Id
    user_id: UserId
    rented_property: Annotated[Property, Field(alias="property")]
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
        """Read awards of release 1.2.1 and earlier.

        Those releases passed an award on in the same write that ended it, and released its nights at most once. An
        award that is still due was not passed on yet: a paid offer waited for its deadline to do so.
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
        """A payment may begin until this time."""
        return self.pay_until or self.deadline

    @property
    def is_win(self) -> bool:
        """Whether it was won at the auction itself. A loss that was withdrawn has no nights."""
        return self.award_id == WIN and self.status is not AwardStatus.LOST and bool(self.nights)

    @property
    def stake(self) -> tuple[date, ...]:
        """The nights to pass on to others once this award is over."""
        return self.at_stake or tuple(night.date for night in self.nights)

    def sellable(self, now: datetime) -> tuple[PricedNight, ...]:
        """The nights that are not past. A full win is sold whole: with one night past it has none."""
        left = tuple(night for night in self.nights if night.date >= today(now))
        return () if self.result is Result.FULL_WIN and left != self.nights else left

    def shown(self, now: datetime) -> tuple[PricedNight, ...]:
        """The nights that a page shows: the nights that can be bought, or all nights of an award that is decided."""
        return (self.sellable(now) if self.status in PAYABLE else ()) or self.nights

    def chosen(self, now: datetime) -> tuple[PricedNight, ...]:
        """The nights that the user selected among the shown ones; all of them if the user selected none."""
        shown = self.shown(now)
        return tuple(night for night in shown if night.date in self.selected) or shown

    def amount(self, now: datetime) -> int:
        """The price of the chosen nights in đồng."""
        return price_of(self.chosen(now))

    def is_payable(self, now: datetime) -> bool:
        """Whether a payment may begin at `now`."""
        return self.status in PAYABLE and now < self.payment_deadline and bool(self.sellable(now))

    def over_at(self, now: datetime) -> datetime | None:
        """When the user lost the award. None while it can be paid, or if it is paid and its booking was not given back.

        It is the recorded end, if there is one. Otherwise it is the earlier of two times: the deadline, and the end of
        the last day on which the award could be sold. It is never later than `now`.
        """
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
    """A later event of the auction system that waits: new terms, or (without an award) a withdrawal."""

    revision: int
    event_id: str
    award: Award | None = None


Award.model_rebuild()


def price_of(nights: Sequence[PricedNight]) -> int:
    """The price of these nights together, in đồng."""
    return sum(night.price for night in nights)


class Quote(NamedTuple):
    """The nights that will be paid and their price in đồng: our own price, never the frontend's."""

    award: Award
    nights: tuple[date, ...]
    amount: int

    @property
    def left(self) -> tuple[date, ...]:
        """The nights at stake that this order does not buy. They are passed on to others."""
        return tuple(night for night in self.award.stake if night not in self.nights)


def choose_award(awards: Sequence[Award], selected: Sequence[date], amount: int | None, now: datetime) -> Award:
    """The award that a request means, of a user's awards in one auction (contract C26). Raises NotFound without any.

    The award that comes first in this order:

    - It is payable and has all named nights, and the amount fits: its full price, the price of its chosen nights, or of
      the named nights. None fits any price.
    - The same, but not payable any more; or the amount is its full price or the price of its chosen nights. The user
      then reads that it is paid or over.
    - It is payable.
    - It begins and ends with the named nights.
    - Its first and its last night are among the named nights.
    - It is the win.
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
    """The nights of an award that are paid, and their price in đồng.

    The full price buys all nights that are not past, whatever nights the frontend names; a full win is sold in no other
    way. Another amount buys the named nights if it is their price, or the nights that the user chose before. With
    amount None the named nights are bought at their price.

    Raises Refused if no night is left, Invalid for wrong nights or another amount.
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
    """Raises Refused for an award that is paid, declined, withdrawn or past its deadline."""
    if award.status is AwardStatus.PAID:
        raise Refused("INVALID_AUCTION_STATE", "This award is paid already.", sessionId=award.payment_id)
    if not award.is_payable(now):
        raise over(award)


def over(award: Award) -> Refused:
    """The error for a request that comes too late for an award."""
    code = "INVALID_AUCTION_STATE" if award.award_id == WIN else "OFFER_EXPIRED"
    return Refused(code, "The time to pay for this award is over.", deadline=timestamp(award.payment_deadline))
