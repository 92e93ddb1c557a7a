"""Answers about wins and offers, with the field names of the frontend's pages."""

from datetime import date, datetime, timedelta
from typing import Annotated, Self

from pydantic import ConfigDict, Field

from stays.domain.award import Award, Property, price_of
from stays.domain.values import Night, Timestamp
from stays.domain.winners import OfferStatus, WinnerStatus, is_partial, offer_status, ranges, win_state
from stays.edge.responses import Dong, Response


class _NamedAsRead(Response):
    """Fields that the page reads under these very names."""

    model_config = ConfigDict(alias_generator=None)


class Location(_NamedAsRead):
    """The address of a property, as far as it is known."""

    address_line1: str | None = None
    city: str | None = None
    state: str | None = None


class Image(_NamedAsRead):
    """A picture of a property."""

    image_url: str


class ShownProperty(_NamedAsRead):
    """A property, as far as it is known."""

    id: str
    title: str
    city: str | None = None
    state: str | None = None
    location: Location
    images: tuple[Image, ...]
    max_guests: int | None = None

    @classmethod
    def of(cls, rented: Property) -> Self:
        """The property under the names of the pages."""
        return cls(
            id=rented.id,
            title=rented.name,
            city=rented.city,
            state=rented.state,
            location=Location.model_validate(rented),
            images=tuple(Image(image_url=address) for address in rented.images),
            max_guests=rented.max_guests,
        )


class AwardedNight(Response):
    """A night of a win. Consecutive nights share a `rangeId`."""

    date: Night
    price_per_night: Dong
    is_selected: bool
    range_id: str


class Winner(Response):
    """A win at an auction, or an offer that was accepted."""

    id: str
    auction_id: str
    rented_property: Annotated[ShownProperty, Field(alias="property")]
    bid_amount: Annotated[Dong, Field(description="The price of the selected nights in đồng.")]
    check_in: date
    check_out: date
    is_partial_win: Annotated[
        bool, Field(description="There are nights to select, or the nights are not consecutive. False by default.")
    ]
    awarded_nights: tuple[AwardedNight, ...]
    status: WinnerStatus
    payment_deadline: Annotated[
        Timestamp, Field(description="PAID: the check-out. EXPIRED: the moment it ended. Otherwise: the time to pay.")
    ]
    guest_count: int
    payment_id: str | None = None

    @classmethod
    def of(cls, award: Award, now: datetime, open_until: datetime | None = None, *, partial_page: bool = False) -> Self:
        """A winner. `open_until` is the end of an open order or reservation for it.

        Without `partial_page`, `isPartialWin` is always false: the frontend's page for partial wins never finishes
        loading.
        """
        nights, chosen = [night.date for night in award.shown(now)], {night.date for night in award.chosen(now)}
        run = ranges(nights)
        status, deadline = win_state(award, now, open_until)
        return cls(
            id=award.auction_id if award.is_win else award.award_id,
            auction_id=award.auction_id,
            rented_property=ShownProperty.of(award.rented_property),
            bid_amount=award.amount(now),
            check_in=nights[0],
            check_out=nights[-1] + timedelta(days=1),
            is_partial_win=partial_page and is_partial(award, now),
            awarded_nights=tuple(
                AwardedNight(
                    date=night.date,
                    price_per_night=night.price,
                    is_selected=night.date in chosen,
                    range_id=run[night.date],
                )
                for night in award.shown(now)
            ),
            status=status,
            payment_deadline=deadline,
            guest_count=award.guest_count,
            payment_id=award.payment_id,
        )


class Offer(Response):
    """A second-chance offer."""

    id: str
    original_bid_id: str | None = None
    user_id: str
    auction_id: str
    rented_property: Annotated[ShownProperty, Field(alias="property")]
    property_name: str
    offered_nights: tuple[date, ...]
    amount: Dong
    response_deadline: Timestamp
    status: OfferStatus
    payment_deadline: Annotated[Timestamp | None, Field(description="Once it is accepted: the time to pay.")] = None

    @classmethod
    def of(cls, award: Award, now: datetime) -> Self:
        """The offer, with the nights that its page shows."""
        return cls(
            id=award.award_id,
            original_bid_id=award.original_bid_id,
            user_id=award.user_id,
            auction_id=award.auction_id,
            rented_property=ShownProperty.of(award.rented_property),
            property_name=award.rented_property.name,
            offered_nights=tuple(night.date for night in award.shown(now)),
            amount=price_of(award.shown(now)),
            response_deadline=award.deadline,
            status=offer_status(award, now),
            payment_deadline=award.pay_until,
        )
