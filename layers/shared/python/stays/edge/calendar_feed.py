"""A property's bookings for calendar programs: one RFC 5545 file. The same bookings always give the same file."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from icalendar import TRANSP, Event, Timezone, TimezoneStandard, vDuration, vText
from icalendar import Calendar as File

from stays.domain.booking import reference_number
from stays.domain.calendar import BookedRun, Calendar
from stays.domain.values import made_at, on_one_line

CONTENT_TYPE = "text/calendar; charset=utf-8"

_EVERY = timedelta(hours=1)  # how often a program may ask; most programs ask less often
_OFFSET = timedelta(hours=7)  # in Vietnam since 1975


def feed_file(calendar: Calendar, booked: Iterable[BookedRun]) -> str:
    """An all-day event for each run of nights, without the user and the price.

    A cancelled booking is missing from the file; a feed has no other way to tell.
    """
    file = File()
    file.add("prodid", "-//Stays//Calendar//VI")
    file.add("version", "2.0")
    file.add("method", "PUBLISH")
    for name in ("name", "x-wr-calname"):
        # As vText, because only then are commas and semicolons escaped.
        file.add(name, vText(on_one_line(calendar.property_name)))
    # RFC 7986, 5.7 asks for the type in the first; Outlook reads the second.
    file.add("refresh-interval", vDuration(_EVERY), parameters={"VALUE": "DURATION"})
    file.add("x-published-ttl", vDuration(_EVERY))
    file.add_component(_zone())
    for each in booked:
        file.add_component(_event(each))
    return str(file.to_ical(), "utf-8")


def _event(booked: BookedRun) -> Event:
    reference = reference_number(booked.stay_id)
    return Event.new(
        # Not the UID of the event in the user's mail, though the booking is the same.
        uid=f"{booked.run.start:%Y%m%d}-{reference}@stays",
        # Not the present time: the same bookings must give the same file.
        stamp=made_at(booked.stay_id).replace(microsecond=0),
        start=booked.run.start,
        end=booked.run.end,
        summary=f"Đã đặt / Booked · {reference}",
        transparency=TRANSP.OPAQUE,
    )


def _zone() -> Timezone:
    """The time zone of the days. A file without any component is not valid (RFC 5545, 3.6)."""
    standard = TimezoneStandard()
    standard.add("dtstart", datetime(1975, 6, 13))  # noqa: DTZ001  # local, as a zone's own begin has to be
    standard.add("tzoffsetfrom", _OFFSET)
    standard.add("tzoffsetto", _OFFSET)
    zone = Timezone()
    zone.add("tzid", "Asia/Ho_Chi_Minh")
    zone.add_component(standard)
    return zone
