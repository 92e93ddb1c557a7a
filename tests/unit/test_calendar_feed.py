"""Feeds, read by another parser than the library that wrote them, and compared byte by byte."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ical.calendar import Calendar as Parsed
from ical.calendar_stream import IcsCalendarStream

from stays.domain.calendar import BookedRun, Calendar, Run
from stays.edge.calendar_feed import feed_file
from tests.samples import FIRST, HOST, HOUSE, NOW, OTHER_STAY, STAY, TRAVELLER

ONE = timedelta(days=1)
BOOKED = [
    BookedRun(STAY, Run(FIRST, FIRST + 2 * ONE)),
    BookedRun(OTHER_STAY, Run(FIRST + 2 * ONE, FIRST + 3 * ONE)),
    BookedRun(STAY, Run(FIRST + 5 * ONE, FIRST + 6 * ONE)),
]


def written(name: str = HOUSE.name, booked: list[BookedRun] = BOOKED) -> str:
    return feed_file(Calendar(property_id=HOUSE.id, property_name=name, host_id=HOST, told_at=NOW), booked)


def parsed(text: str) -> Parsed:
    (found,) = IcsCalendarStream.from_ics(text).calendars
    return found


def lines(text: str) -> list[str]:
    """The content lines, unfolded (RFC 5545, 3.1)."""
    return text.replace("\r\n ", "").removesuffix("\r\n").split("\r\n")


def test_another_program_reads_a_day_long_event_for_each_run() -> None:
    events = parsed(written()).events
    assert [(each.start, each.end) for each in events] == [
        (date(2026, 12, 1), date(2026, 12, 3)),
        (date(2026, 12, 3), date(2026, 12, 4)),
        (date(2026, 12, 6), date(2026, 12, 7)),
    ]
    assert [each.summary for each in events] == [
        "Đã đặt / Booked · 6789A-BCDEF",
        "Đã đặt / Booked · 98765-43210",
        "Đã đặt / Booked · 6789A-BCDEF",
    ]
    assert {each.transparency for each in events} == {"OPAQUE"}
    assert len({each.uid for each in events}) == 3


def test_an_event_says_the_reference_number_and_nothing_of_the_traveller() -> None:
    text = written()
    reference = f"{STAY[-10:-5]}-{STAY[-5:]}"
    event = parsed(text).events[0]
    assert (event.summary, event.uid) == (f"Đã đặt / Booked · {reference}", f"20261201-{reference}@stays")
    assert not [each for each in (STAY, OTHER_STAY, TRAVELLER, HOST, "ATTENDEE", "ORGANIZER") if each in text]


def test_the_calendar_is_named_published_and_asked_for_again_in_an_hour() -> None:
    found = lines(written())
    assert found[:8] == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Stays//Calendar//VI",
        "METHOD:PUBLISH",
        "NAME:Nhà Gỗ Đà Lạt",
        "X-WR-CALNAME:Nhà Gỗ Đà Lạt",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
    ]
    assert found[-1] == "END:VCALENDAR"
    assert parsed(written()).refresh_interval == timedelta(hours=1)


def test_days_are_dates_and_the_same_bookings_are_the_same_file() -> None:
    found = lines(written())
    begin = found.index("BEGIN:VEVENT")
    assert sorted(found[begin : found.index("END:VEVENT")]) == [
        "BEGIN:VEVENT",
        "DTEND;VALUE=DATE:20261203",
        "DTSTAMP:20251122T135012Z",
        "DTSTART;VALUE=DATE:20261201",
        f"SUMMARY:Đã đặt / Booked · {STAY[-10:-5]}-{STAY[-5:]}",
        "TRANSP:OPAQUE",
        f"UID:20261201-{STAY[-10:-5]}-{STAY[-5:]}@stays",
    ]
    assert written() == written()


def test_a_calendar_without_bookings_has_a_component_all_the_same() -> None:
    found = lines(written(booked=[]))
    assert "BEGIN:VEVENT" not in found
    assert "TZID:Asia/Ho_Chi_Minh" in found
    assert parsed(written(booked=[])).events == []


NAMES = [
    "Nhà gỗ Đồi Thông giữa rừng, nơi sương xuống mỗi sớm mai; và tiếng suối \\ đêm đêm vọng về " * 2,
    "Nhà\r\nBEGIN:VEVENT\r\nSUMMARY:x",
    "\u202eđảo ngược\x00",
    "🏡" * 60,
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_stays_in_its_lines_and_is_read_as_it_was_meant(name: str) -> None:
    text = written(name)
    is_sound(text)
    assert lines(text).count("BEGIN:VEVENT") == len(BOOKED)
    shown = " ".join("".join(each for each in name if each not in "\u202e\x00").split())
    assert parsed(text).name == [shown]


@given(st.text(min_size=1, max_size=200))
def test_no_name_breaks_the_form_of_a_feed(name: str) -> None:
    text = written(name)
    is_sound(text)
    assert len(parsed(text).events) == len(BOOKED)


def is_sound(text: str) -> None:
    """Lines end with CRLF, have at most 75 bytes, and are never cut within a character (RFC 5545, 3.1)."""
    raw = text.encode()
    assert raw.endswith(b"END:VCALENDAR\r\n")
    for line in raw.removesuffix(b"\r\n").split(b"\r\n"):
        assert len(line) <= 75
        assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line)
        line.decode()
