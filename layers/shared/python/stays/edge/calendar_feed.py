"""A property's bookings as calendar programs read them: one RFC 5545 file, the same for the same bookings."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from icalendar import TRANSP, Event, Timezone, TimezoneStandard, vDuration, vText
from icalendar import Calendar as File

from stays.domain.booking import reference_number
from stays.domain.calendar import BookedRun, Calendar
from stays.domain.values import made_at, on_one_line

CONTENT_TYPE = "text/calendar; charset=utf-8"

_EVERY = timedelta(hours=1)  # how often a program may ask; most ask less often
_OFFSET = timedelta(hours=7)  # Viet Nam's since 1975


def feed_file(calendar: Calendar, booked: Iterable[BookedRun]) -> str:
    """An all-day event for each run of nights; who comes and what they pay is not in it.

    What is cancelled is not in it any more, which is how a feed tells.
    """
    file = File()
    file.add("prodid", "-//Stays//Calendar//VI")
    file.add("version", "2.0")
    file.add("method", "PUBLISH")
    for name in ("name", "x-wr-calname"):
        # As a text, or its commas and semicolons would not be escaped.
        file.add(name, vText(on_one_line(calendar.property_name)))
    # With its type, which RFC 7986, 5.7 asks for; the other is what Outlook reads.
    file.add("refresh-interval", vDuration(_EVERY), parameters={"VALUE": "DURATION"})
    file.add("x-published-ttl", vDuration(_EVERY))
    file.add_component(_zone())
    for each in booked:
        file.add_component(_event(each))
    return str(file.to_ical(), "utf-8")


def _event(booked: BookedRun) -> Event:
    reference = reference_number(booked.stay_id)
    return Event.new(
        # Not the UID of the traveller's own event, whose booking it is too.
        uid=f"{booked.run.start:%Y%m%d}-{reference}@stays",
        # Not the present time: the same bookings are the same file.
        stamp=made_at(booked.stay_id).replace(microsecond=0),
        start=booked.run.start,
        end=booked.run.end,
        summary=f"Đã đặt / Booked · {reference}",
        transparency=TRANSP.OPAQUE,
    )


def _zone() -> Timezone:
    """The days are Viet Nam's; and a file without any component is none (RFC 5545, 3.6)."""
    standard = TimezoneStandard()
    standard.add("dtstart", datetime(1975, 6, 13))  # noqa: DTZ001  # local, as a zone's own begin has to be
    standard.add("tzoffsetfrom", _OFFSET)
    standard.add("tzoffsetto", _OFFSET)
    zone = Timezone()
    zone.add("tzid", "Asia/Ho_Chi_Minh")
    zone.add_component(standard)
    return zone
