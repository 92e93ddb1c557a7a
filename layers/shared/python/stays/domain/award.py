"""Awards: nights won at an auction or offered as a second chance, with their price and deadline."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field, StringConstraints

from stays.domain.errors import Invalid, NotFound, Refused
from stays.domain.values import (
    MAXIMUM_AMOUNT,
    MAXIMUM_NIGHTS,
    WHOLE,
    Amount,
    Id,
    Model,
    Night,
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

    date: Night
    price: Amount


class Result(StrEnum):
    """How an auction ended for one bidder."""

    FULL_WIN = "FULL_WIN"
    PARTIAL_WIN = "PARTIAL_WIN"
    LOST = "LOST"


class AwardStatus(StrEnum):
    """A win waits for its payment, an offer for an answer and then for its payment. LOST pays nothing."""

    PENDING_PAYMENT = "PENDING_PAYMENT"
    WAITING = "WAITING"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    PAID = "PAID"
    EXPIRED = "EXPIRED"
    LOST = "LOST"


PAYABLE = frozenset({AwardStatus.PENDING_PAYMENT, AwardStatus.WAITING, AwardStatus.ACCEPTED})

# From where each state may be entered. The inverse of a move is also its condition in the table.
AWARD_SOURCES = {
    AwardStatus.ACCEPTED: frozenset({AwardStatus.WAITING}),
    AwardStatus.DECLINED: PAYABLE,
    AwardStatus.EXPIRED: PAYABLE,
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

    `checkout_id` is the session that was opened for it last; `pay_until` the deadline of an offer that was accepted;
    `at_stake` what the first of a chain of offers had won; `released_nights` what nobody is left to be offered.
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
    result: Result | None = None
    bid_amount: int = 0
    original_bid_id: str | None = None
    payment_id: str | None = None
    released_nights: tuple[date, ...] = ()
    selected: tuple[date, ...] = ()
    checkout_id: str | None = None
    pay_until: Timestamp | None = None
    runners_up: tuple[RunnerUp, ...] = ()
    offer_minutes: int = OFFER_MINUTES
    at_stake: tuple[date, ...] = ()
    decline_reason: str | None = None
    changed_at: Timestamp = Field(default_factory=lambda known: known["received_at"])
    due_at: Timestamp | None = None

    @property
    def payment_deadline(self) -> datetime:
        """Until when a payment may begin."""
        return self.pay_until or self.deadline

    @property
    def is_win(self) -> bool:
        """Whether it was won at the auction itself."""
        return self.award_id == WIN and self.status is not AwardStatus.LOST

    @property
    def chosen(self) -> tuple[PricedNight, ...]:
        """The nights that its user wants of it: all, as long as they have not said otherwise."""
        return tuple(night for night in self.nights if night.date in self.selected) or self.nights

    @property
    def amount(self) -> int:
        """The price of the chosen nights in đồng."""
        return price_of(self.chosen)

    def overlap(self, nights: Sequence[date]) -> int:
        """How many of these nights were awarded."""
        return len(set(nights) & {night.date for night in self.nights})

    def is_payable(self, now: datetime) -> bool:
        """Whether a payment may begin now."""
        return self.status in PAYABLE and now < self.payment_deadline

    def says_the_same(self, other: "Award") -> bool:
        """Whether both announce the same terms, whatever has become of them since."""
        return self.model_dump(include=_TERMS) == other.model_dump(include=_TERMS)


_TERMS = {
    *("award_id", "auction_id", "user_id", "place", "nights", "guest_count", "deadline"),
    *("result", "bid_amount", "original_bid_id", "runners_up", "offer_minutes"),
}


def price_of(nights: Sequence[PricedNight]) -> int:
    """What these nights cost together, in đồng."""
    return sum(night.price for night in nights)


class Quote(NamedTuple):
    """What will be paid for: the server's own price, never the client's."""

    award: Award
    nights: tuple[date, ...]
    amount: int


def quote(awards: Sequence[Award], selected: Sequence[date], amount: int | None, now: datetime) -> Quote:
    """Which nights of which award are paid, and how much that is.

    The full amount buys all awarded nights, and the price of those that its user chose buys them, whichever of them
    the client names. Raises NotFound without an award, Refused where it cannot be paid (any more), Invalid for
    wrong nights or amount. An amount of None takes the price of the selected nights.
    """
    won = [award for award in awards if award.status is not AwardStatus.LOST]
    if not won:
        raise NotFound
    _check_selection(selected, now)
    award = max(won, key=lambda each: (each.overlap(selected), each.is_payable(now)))
    check_payable(award, now)
    prices = {night.date: night.price for night in award.nights}
    if not set(selected) <= set(prices):
        raise Invalid.field("selectedNights", "A night was not awarded.")
    expected = sum(prices[night] for night in selected)
    if amount in (None, expected):
        return Quote(award, tuple(sorted(selected)), expected)
    for nights in (award.nights, award.chosen):
        if amount == price_of(nights) and nights[0].date >= today(now):
            return Quote(award, tuple(night.date for night in nights), amount)
    raise Invalid("INVALID_AMOUNT", "The amount is not the price of these nights.", expectedAmount=expected)


def _check_selection(selected: Sequence[date], now: datetime) -> None:
    if len(set(selected)) != len(selected):
        raise Invalid.field("selectedNights", "A night is named twice.")
    if min(selected) < today(now):
        raise Invalid.field("selectedNights", "A night is in the past.")


def check_payable(award: Award, now: datetime) -> None:
    """Raises Refused for what is paid, was declined, or was not paid in time."""
    if award.status is AwardStatus.PAID:
        raise Refused("INVALID_AUCTION_STATE", "This award is paid already.", sessionId=award.payment_id)
    if not award.is_payable(now):
        raise over(award)


def being_paid(session_id: str) -> Refused:
    """What to say to whoever would end an award that its user can still pay for."""
    return Refused("INVALID_AUCTION_STATE", "A payment is under way; it ends by itself.", sessionId=session_id)


def over(award: Award) -> Refused:
    """What to say to whoever comes too late for an award."""
    code = "INVALID_AUCTION_STATE" if award.award_id == WIN else "OFFER_EXPIRED"
    return Refused(code, "The time to pay for this award is over.", deadline=timestamp(award.payment_deadline))
