"""Awards: nights won at an auction or offered as a second chance, with their price and deadline."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from stays.domain.errors import Invalid, NotFound, Refused
from stays.domain.values import MAXIMUM_AMOUNT, MAXIMUM_NIGHTS, Amount, Id, Model, Night, Timestamp, today

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Property(Model):
    """What is known of a property: enough for a booking, a mail and a card on the winners page."""

    id: Id
    name: Text
    host_id: Id
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
    """Wins: PENDING_PAYMENT, PAID, EXPIRED. Offers: WAITING, ACCEPTED, DECLINED, PAID, EXPIRED. LOST pays nothing."""

    PENDING_PAYMENT = "PENDING_PAYMENT"
    WAITING = "WAITING"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    PAID = "PAID"
    EXPIRED = "EXPIRED"
    LOST = "LOST"


PAYABLE = frozenset({AwardStatus.PENDING_PAYMENT, AwardStatus.WAITING, AwardStatus.ACCEPTED})
WIN = "WIN"  # the award id of what was won at the auction itself; an offer's award id is its offer id


def _check_nights(nights: tuple[PricedNight, ...]) -> tuple[PricedNight, ...]:
    dates = [night.date for night in nights]
    if len(set(dates)) != len(dates):
        raise ValueError("a night is named twice")
    if sum(night.price for night in nights) > MAXIMUM_AMOUNT:
        raise ValueError(f"the nights cost more than {MAXIMUM_AMOUNT} together")
    return tuple(sorted(nights, key=lambda night: night.date))


class _Event(Model):
    auction_id: Id
    user_id: Id
    place: Annotated[Property, Field(alias="property")]
    guest_count: Annotated[int, Field(strict=True, ge=1, le=100)] = 1


class AuctionResult(_Event):
    """The auction system says how an auction ended for one bidder."""

    result: Result
    awarded_nights: Annotated[tuple[PricedNight, ...], Field(max_length=MAXIMUM_NIGHTS)] = ()
    bid_amount: Annotated[int, Field(strict=True, ge=0, le=MAXIMUM_AMOUNT)] = 0
    payment_deadline: Timestamp

    _nights = field_validator("awarded_nights")(_check_nights)

    @model_validator(mode="after")
    def _nights_match_result(self) -> Self:
        if (self.result is Result.LOST) == bool(self.awarded_nights):
            raise ValueError("a win names its nights, a loss names none")
        return self

    def award(self, now: datetime) -> "Award":
        """The record of this result."""
        lost = self.result is Result.LOST
        return Award(
            **dict(self),
            award_id=WIN,
            nights=self.awarded_nights,
            deadline=self.payment_deadline,
            status=AwardStatus.LOST if lost else AwardStatus.PENDING_PAYMENT,
            received_at=now,
        )


class SecondChanceOffer(_Event):
    """The auction system offers nights that somebody else did not pay for."""

    offer_id: Id
    original_bid_id: Id | None = None
    offered_nights: Annotated[tuple[PricedNight, ...], Field(min_length=1, max_length=MAXIMUM_NIGHTS)]
    response_deadline: Timestamp

    _nights = field_validator("offered_nights")(_check_nights)

    @field_validator("offer_id")
    @classmethod
    def _is_no_win(cls, offer_id: str) -> str:
        if offer_id == WIN:
            raise ValueError("this word is taken")
        return offer_id

    def award(self, now: datetime) -> "Award":
        """The record of this offer: paying for it accepts it."""
        return Award(
            **dict(self),
            award_id=self.offer_id,
            nights=self.offered_nights,
            deadline=self.response_deadline,
            status=AwardStatus.WAITING,
            received_at=now,
        )


class Award(Model):
    """The right of one user to pay for nights of one auction until a deadline."""

    award_id: Id
    auction_id: Id
    user_id: Id
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

    @property
    def amount(self) -> int:
        """The price of all awarded nights in đồng."""
        return sum(night.price for night in self.nights)

    def overlap(self, nights: Sequence[date]) -> int:
        """How many of these nights were awarded."""
        return len(set(nights) & {night.date for night in self.nights})

    def is_payable(self, now: datetime) -> bool:
        """Whether a payment may begin now."""
        return self.status in PAYABLE and now < self.deadline

    def says_the_same(self, other: "Award") -> bool:
        """Whether both announce the same terms, whatever has become of them since."""
        since = {"received_at", "status", "payment_id"}
        return self.model_dump(exclude=since) == other.model_dump(exclude=since)


class Quote(NamedTuple):
    """What will be paid for: the server's own price, never the client's."""

    award: Award
    nights: tuple[date, ...]
    amount: int


def read_event(detail_type: str, detail: dict[str, Any], now: datetime) -> Award:
    """The award in an event of the bus. Raises pydantic's ValidationError, or KeyError for an unknown type."""
    event = EVENTS[detail_type].model_validate(detail)
    return event.award(now)


EVENTS: dict[str, type[AuctionResult] | type[SecondChanceOffer]] = {
    "AuctionResult": AuctionResult,
    "SecondChanceOffer": SecondChanceOffer,
}


def quote(awards: Sequence[Award], selected: Sequence[date], amount: int | None, now: datetime) -> Quote:
    """Which nights of which award are paid, and how much that is.

    The full amount buys all awarded nights, whichever of them the client names. Raises NotFound
    without an award, Refused where it cannot be paid (any more), Invalid for wrong nights or amount.
    An amount of None takes the price of the selected nights.
    """
    won = [award for award in awards if award.status is not AwardStatus.LOST]
    if not won:
        raise NotFound
    _check_selection(selected, now)
    award = max(won, key=lambda each: (each.overlap(selected), each.is_payable(now)))
    _check_payable(award, now)
    prices = {night.date: night.price for night in award.nights}
    if not set(selected) <= set(prices):
        raise Invalid.field("selectedNights", "A night was not awarded.")
    if amount == award.amount and min(prices) >= today(now):
        return Quote(award, tuple(prices), award.amount)
    expected = sum(prices[night] for night in selected)
    if amount not in (None, expected):
        raise Invalid("INVALID_AMOUNT", "The amount is not the price of these nights.", expectedAmount=expected)
    return Quote(award, tuple(sorted(selected)), expected)


def _check_selection(selected: Sequence[date], now: datetime) -> None:
    if len(set(selected)) != len(selected):
        raise Invalid.field("selectedNights", "A night is named twice.")
    if min(selected) < today(now):
        raise Invalid.field("selectedNights", "A night is in the past.")


def _check_payable(award: Award, now: datetime) -> None:
    if award.status is AwardStatus.PAID:
        raise Refused("INVALID_AUCTION_STATE", "This award is paid already.", sessionId=award.payment_id)
    if not award.is_payable(now):
        code = "INVALID_AUCTION_STATE" if award.award_id == WIN else "OFFER_EXPIRED"
        raise Refused(code, "The time to pay for this award is over.", deadline=award.dump()["deadline"])
