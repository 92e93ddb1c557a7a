"""Answers about a host's calendar."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field, WithJsonSchema

from stays.domain.calendar import Calendar, NightStatus, Span, TakenNight, taken
from stays.domain.values import Night, Timestamp
from stays.edge.responses import Response


class ShownTakenNight(Response):
    """A night that is held or booked."""

    date: Night
    status: NightStatus
    held_until: Timestamp | None = None


class CalendarPage(Response):
    """The host's view: no user, no stay, no price."""

    property_id: str
    property_name: str
    first: Annotated[date, Field(alias="from")]
    last: Annotated[date, Field(alias="to")]
    nights: tuple[ShownTakenNight, ...]
    feed_since: Annotated[Timestamp | None, Field(description="When the feed's address was made.")] = None

    @classmethod
    def of(cls, calendar: Calendar, asked: Span, nights: Iterable[TakenNight], now: datetime) -> Self:
        """The page of the nights that are taken now."""
        feed = calendar.current_feed
        return cls(
            property_id=calendar.property_id,
            property_name=calendar.property_name,
            first=asked.first,
            last=asked.last,
            nights=tuple(map(ShownTakenNight.model_validate, taken(nights, now))),
            feed_since=feed.since if feed else None,
        )


class FeedAddress(Response):
    """The address of a calendar feed. The address is the authorization: keep it secret."""

    url: Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]
