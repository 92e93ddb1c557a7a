"""A host's calendar: which nights of a property are taken and for how long, and the address of its feed."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import Annotated, NamedTuple

from pydantic import Field

from stays.domain.errors import Invalid
from stays.domain.values import ID, MAXIMUM_NIGHTS, Model, Night, StayId, Timestamp, today

USUAL_DAYS = 90  # from the first night asked for to the last, where nobody says
MOST_NIGHTS = 366
FEED_PAST = timedelta(days=90)
FEED_FUTURE = timedelta(days=730)
SECRET_BYTES = 24  # 192 random bits, which are 32 letters of base64

_SECOND = timedelta(milliseconds=999)  # all of one, in the times of this house
_ONE_DAY = timedelta(days=1)
_LONGEST_RUN = timedelta(days=MAXIMUM_NIGHTS)
_ADDRESS = re.compile(r"([A-Za-z0-9_-]{32}([A-Za-z0-9_-]{2,171}))\.ics")


class NightStatus(StrEnum):
    """HELD for somebody who may pay, or BOOKED. A free night is on no list."""

    HELD = "HELD"
    BOOKED = "BOOKED"


class TakenNight(Model):
    """A night that somebody has."""

    date: Night
    status: NightStatus
    held_until: Timestamp | None = None
    stay_id: Annotated[StayId, Field(exclude=True)]  # tells one booking from the next, and is never shown


class Feed(Model):
    """The address that a host gave to calendar programs. Nobody can tell it from this."""

    fingerprint: str
    host_id: str
    since: Timestamp


class Calendar(Model):
    """What was last told of a property: its name and its host; and the feed's address, if there is one."""

    property_id: str
    property_name: str
    host_id: str
    told_at: Timestamp
    feed: Feed | None = None

    @property
    def current_feed(self) -> Feed | None:
        """The feed, unless another host made it, who still knows its address."""
        return self.feed if self.feed and self.feed.host_id == self.host_id else None

    def is_fed_by(self, token: str) -> bool:
        """Whether this is the token of the present address."""
        feed = self.current_feed
        return feed is not None and compare_digest(feed.fingerprint, fingerprint(token))


class CalendarPage(Model):
    """What a host sees: no traveller, no stay, no price."""

    property_id: str
    property_name: str
    first: Annotated[Night, Field(alias="from")]
    last: Annotated[Night, Field(alias="to")]
    nights: tuple[TakenNight, ...]
    feed_since: Timestamp | None = None


class Span(NamedTuple):
    """The first and the last night of those that are looked at."""

    first: date
    last: date


class Run(NamedTuple):
    """Consecutive nights: the first night and the day after the last."""

    start: date
    end: date


class BookedRun(NamedTuple):
    """Consecutive nights of one booking."""

    stay_id: str
    run: Run


class Address(NamedTuple):
    """What the address of a feed says: its token, which names the property."""

    token: str
    property_id: str


def span(first: date | None, last: date | None, now: datetime) -> Span:
    """The nights asked for, both ends included: today's and the 90 after it, where nothing else is said.

    Raises Invalid for an end before the beginning, and for more than 366 nights.
    """
    first = first or today(now)
    last = last or date.fromordinal(min(first.toordinal() + USUAL_DAYS, date.max.toordinal()))
    if last < first:
        raise Invalid.field("to", "The last night is before the first.")
    if (last - first).days >= MOST_NIGHTS:
        raise Invalid.field("to", f"These are more than {MOST_NIGHTS} nights.")
    return Span(first, last)


def page(calendar: Calendar, asked: Span, nights: Iterable[TakenNight], now: datetime) -> CalendarPage:
    """The nights that are taken now: a hold whose time is over is nobody's."""
    feed = calendar.current_feed
    return CalendarPage(
        property_id=calendar.property_id,
        property_name=calendar.property_name,
        first=asked.first,
        last=asked.last,
        nights=tuple(night for night in nights if night.held_until is None or night.held_until >= now),
        feed_since=feed.since if feed else None,
    )


def feed_span(now: datetime) -> Span:
    """The nights that a feed has to know: those of its time, and around it what a run may reach beyond."""
    return Span(today(now) - FEED_PAST - _LONGEST_RUN, today(now) + FEED_FUTURE + _LONGEST_RUN)


def booked_runs(nights: Sequence[TakenNight], now: datetime) -> list[BookedRun]:
    """The runs of the nights in `feed_span` that touch the feed's time, 90 days back and 730 ahead, earliest first.

    A run is told whole or not at all, so it is the same one from day to day.
    """
    booked: dict[str, list[date]] = defaultdict(list)
    for night in nights:
        if night.status is NightStatus.BOOKED:
            booked[night.stay_id].append(night.date)
    found = (BookedRun(stay_id, run) for stay_id, dates in booked.items() for run in runs(dates))
    begin, end = today(now) - FEED_PAST, today(now) + FEED_FUTURE
    return sorted((each for each in found if begin < each.run.end and each.run.start <= end), key=lambda each: each.run)


def runs(nights: Iterable[date]) -> list[Run]:
    """The nights as runs of consecutive ones, earliest first."""
    found: list[Run] = []
    for night in sorted(nights):
        if found and found[-1].end == night:
            found[-1] = Run(found[-1].start, night + _ONE_DAY)
        else:
            found.append(Run(night, night + _ONE_DAY))
    return found


def told_at(said: object, received_at: datetime) -> datetime:
    """When an award was told: by the time on the envelope of its event, never later than when it was received first.

    So an event that the auction system says again, under a new envelope, is as old as it was. An envelope knows whole
    seconds: of what was told in one, the moment of receiving decides. An envelope that says nothing readable was
    written then.
    """
    try:
        at = datetime.fromisoformat(str(said)).astimezone(UTC)
        return min(at if at.microsecond else at + _SECOND, received_at)
    except (ValueError, OverflowError):
        return received_at


def new_token(property_id: str, randomness: bytes) -> str:
    """A token that nobody can guess: 192 random bits, then the property, so that finding it is one read."""
    return urlsafe_b64encode(randomness[:SECRET_BYTES] + property_id.encode()).rstrip(b"=").decode()


def fingerprint(token: str) -> str:
    """What is kept of a token."""
    return sha256(token.encode()).hexdigest()


def file_name(token: str) -> str:
    """The last part of a feed's address: some calendar programs insist on `.ics`."""
    return f"{token}.ics"


def read_file_name(name: str) -> Address | None:
    """What the last part of an address says; None where it cannot be one of ours."""
    found = _ADDRESS.fullmatch(name)
    if found is None:
        return None
    try:
        property_id = urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4)).decode()
    except ValueError:
        return None
    return Address(found[1], property_id) if re.fullmatch(ID, property_id) else None
