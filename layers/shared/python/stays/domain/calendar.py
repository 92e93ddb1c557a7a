"""A host's calendar: the taken nights of a property, how long they are held, and the address of its feed."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import NamedTuple

from stays.domain.errors import Invalid
from stays.domain.values import ID, MAXIMUM_NIGHTS, Model, Night, StayId, Timestamp, today

USUAL_DAYS = 90  # from the first night to the last, if the request names no last night
MOST_NIGHTS = 366
FEED_PAST = timedelta(days=90)
FEED_FUTURE = timedelta(days=730)
SECRET_BYTES = 24  # 192 random bits: 32 characters of base64

_SECOND = timedelta(milliseconds=999)  # to the last millisecond of a second: times here have milliseconds
_ONE_DAY = timedelta(days=1)
_LONGEST_RUN = timedelta(days=MAXIMUM_NIGHTS)
_ADDRESS = re.compile(r"([A-Za-z0-9_-]{32}([A-Za-z0-9_-]{2,171}))\.ics")


class NightStatus(StrEnum):
    """HELD for a user who may pay, or BOOKED. A free night is not listed."""

    HELD = "HELD"
    BOOKED = "BOOKED"


class TakenNight(Model):
    """A night that is held or booked."""

    date: Night
    status: NightStatus
    held_until: Timestamp | None = None
    stay_id: StayId  # tells bookings apart; never shown


class Feed(Model):
    """The feed whose address a host gave to calendar programs. The address cannot be computed from this record."""

    fingerprint: str
    host_id: str
    since: Timestamp


class Calendar(Model):
    """The latest name and host of a property, and its feed if it has one."""

    property_id: str
    property_name: str
    host_id: str
    told_at: Timestamp
    feed: Feed | None = None

    @property
    def current_feed(self) -> Feed | None:
        """The feed of the present host. None if an earlier host made it, because that host still knows its address."""
        return self.feed if self.feed and self.feed.host_id == self.host_id else None

    def is_fed_by(self, token: str) -> bool:
        """Whether this is the token of the present address."""
        feed = self.current_feed
        return feed is not None and compare_digest(feed.fingerprint, fingerprint(token))


class Span(NamedTuple):
    """The first and the last night of a request."""

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
    """The token in a feed's address, and the property that it names."""

    token: str
    property_id: str


def span(first: date | None, last: date | None, now: datetime) -> Span:
    """The requested nights, both ends included. By default they are today's and the 90 after it.

    Raises Invalid for an end before the beginning, and for more than 366 nights.
    """
    first = first or today(now)
    last = last or date.fromordinal(min(first.toordinal() + USUAL_DAYS, date.max.toordinal()))
    if last < first:
        raise Invalid.field("to", "The last night is before the first.")
    if (last - first).days >= MOST_NIGHTS:
        raise Invalid.field("to", f"These are more than {MOST_NIGHTS} nights.")
    return Span(first, last)


def taken(nights: Iterable[TakenNight], now: datetime) -> list[TakenNight]:
    """The nights that are taken now. A hold whose time is over is left out."""
    return [night for night in nights if night.held_until is None or night.held_until >= now]


def feed_span(now: datetime) -> Span:
    """The nights that a feed reads: its own time, and the longest run on each side."""
    return Span(today(now) - FEED_PAST - _LONGEST_RUN, today(now) + FEED_FUTURE + _LONGEST_RUN)


def booked_runs(nights: Sequence[TakenNight], now: datetime) -> list[BookedRun]:
    """The runs in `nights` that touch the feed's time, 90 days back and 730 ahead, earliest first.

    `nights` are those of `feed_span`. A run is shown whole or not at all, so it is the same run every day.
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


def sent_at(said: object, received_at: datetime) -> datetime:
    """When an award was sent: the time on its event's envelope, but never after we first received it.

    An event that is sent again under a new envelope keeps its age. An envelope has whole seconds: within one second the
    time of receiving decides. The time of receiving also counts for an envelope without a readable time.
    """
    try:
        at = datetime.fromisoformat(str(said)).astimezone(UTC)
        return min(at if at.microsecond else at + _SECOND, received_at)
    except (ValueError, OverflowError):
        return received_at


def new_token(property_id: str, randomness: bytes) -> str:
    """A token that cannot be guessed: 192 random bits, then the property id, so that one read finds the property."""
    return urlsafe_b64encode(randomness[:SECRET_BYTES] + property_id.encode()).rstrip(b"=").decode()


def fingerprint(token: str) -> str:
    """The hash of a token. Only the hash is stored."""
    return sha256(token.encode()).hexdigest()


def file_name(token: str) -> str:
    """The last part of a feed's address. Some calendar programs need `.ics`."""
    return f"{token}.ics"


def read_file_name(name: str) -> Address | None:
    """The token and the property in the last part of an address. None if it cannot be one of our addresses."""
    found = _ADDRESS.fullmatch(name)
    if found is None:
        return None
    try:
        property_id = urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4)).decode()
    except ValueError:
        return None
    return Address(found[1], property_id) if re.fullmatch(ID, property_id) else None
