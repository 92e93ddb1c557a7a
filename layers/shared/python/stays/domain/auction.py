"""Events of the auction system: the result of an auction for a bidder, and second-chance offers."""

from datetime import datetime
from typing import Annotated, Any, Self, TypeAlias, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from stays.domain.award import (
    MOST_RUNNERS_UP,
    OFFER_MINUTES,
    WIN,
    Award,
    AwardStatus,
    GuestCount,
    Nights,
    PricedNight,
    Property,
    Result,
    RunnerUp,
    check_nights,
)
from stays.domain.values import MAXIMUM_AMOUNT, MAXIMUM_NIGHTS, WHOLE, Id, Model, Timestamp, UserId

Revision = Annotated[int, Field(strict=True, ge=0, le=2**53), WHOLE]  # a time in milliseconds fits


def _check_offer_id(offer_id: str) -> str:
    if offer_id == WIN:
        raise ValueError("this word is taken")
    return offer_id


OfferId = Annotated[Id, AfterValidator(_check_offer_id)]


class _Event(Model):
    auction_id: Id
    user_id: UserId
    revision: Revision = 0
    rented_property: Annotated[Property, Field(alias="property")]
    guest_count: GuestCount = 1
    runners_up: Annotated[tuple[RunnerUp, ...], Field(max_length=MOST_RUNNERS_UP)] = ()
    offer_minutes: Annotated[int, Field(strict=True, ge=1, le=10_080), WHOLE] = OFFER_MINUTES

    def _check_runners_up(self, nights: tuple[PricedNight, ...]) -> None:
        users = [self.user_id, *(each.user_id for each in self.runners_up)]
        if len(set(users)) != len(users):
            raise ValueError("nobody is asked twice")
        at_stake = {night.date for night in nights}
        if any(not {night.date for night in each.nights} <= at_stake for each in self.runners_up):
            raise ValueError("a runner-up is only offered nights that were awarded")


class AuctionResult(_Event):
    """The auction system says how an auction ended for one bidder. A higher `revision` corrects an earlier result.

    A correction replaces an award unless it is paid, declined, expired or withdrawn.
    """

    result: Result
    awarded_nights: Annotated[tuple[PricedNight, ...], Field(max_length=MAXIMUM_NIGHTS)] = ()
    bid_amount: Annotated[int, Field(strict=True, ge=0, le=MAXIMUM_AMOUNT), WHOLE] = 0
    payment_deadline: Timestamp

    _nights = field_validator("awarded_nights")(check_nights)

    @model_validator(mode="after")
    def _nights_match_result(self) -> Self:
        if (self.result is Result.LOST) == bool(self.awarded_nights):
            raise ValueError("a win names its nights, a loss names none")
        self._check_runners_up(self.awarded_nights)
        return self

    def award(self, now: datetime) -> "Award":
        """The award that this result makes."""
        lost = self.result is Result.LOST
        return Award(
            **dict(self),
            award_id=WIN,
            nights=self.awarded_nights,
            deadline=self.payment_deadline,
            status=AwardStatus.LOST if lost else AwardStatus.PENDING_PAYMENT,
            received_at=now,
            due_at=None if lost else self.payment_deadline,
        )


class SecondChanceOffer(_Event):
    """The auction system offers unsold nights to a bidder. A higher `revision` changes the terms."""

    offer_id: OfferId
    original_bid_id: Id | None = None
    offered_nights: Nights
    response_deadline: Timestamp

    @model_validator(mode="after")
    def _runners_up_follow(self) -> Self:
        self._check_runners_up(self.offered_nights)
        return self

    def award(self, now: datetime) -> "Award":
        """The award that this offer makes. Paying for it accepts it."""
        return Award(
            **dict(self),
            award_id=self.offer_id,
            nights=self.offered_nights,
            deadline=self.response_deadline,
            status=AwardStatus.WAITING,
            received_at=now,
            due_at=self.response_deadline,
        )


class AuctionWithdrawn(Model):
    """The auction system takes back a result, or (with `offerId`) an offer, and the offers that follow from it.

    If a payment is under way, the withdrawal waits for it. If the payment succeeds, the booking stands.
    """

    auction_id: Id
    user_id: UserId
    offer_id: OfferId | None = None
    revision: Revision = 0

    @property
    def award_id(self) -> str:
        """The id of the award to withdraw."""
        return self.offer_id or WIN


def read_event(detail_type: str, detail: dict[str, Any], now: datetime) -> Award | AuctionWithdrawn:
    """The award or the withdrawal in a bus event. Raises pydantic's ValidationError; KeyError for an unknown type."""
    event = EVENTS[detail_type].model_validate(detail)
    return event if isinstance(event, AuctionWithdrawn) else event.award(now)


AuctionEvent: TypeAlias = AuctionResult | SecondChanceOffer | AuctionWithdrawn
EVENTS: dict[str, type[AuctionEvent]] = {kind.__name__: kind for kind in get_args(AuctionEvent)}  # by the detail-type
