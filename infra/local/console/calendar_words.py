"""Says what a calendar file contains, in words."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from icalendar import Calendar

_METHODS = {"PUBLISH": "Adds to the calendar", "CANCEL": "Removes from the calendar", "REQUEST": "Asks to add"}


def words_of(content: str) -> Iterator[str]:
    """Return the lines that describe each entry of a calendar file; one line says so if it cannot be read."""
    try:
        calendar: Any = Calendar.from_ical(content)
    except ValueError as error:
        yield f"The calendar file cannot be read: {error}"
        return
    method = str(calendar.get("METHOD", "PUBLISH"))
    for entry in calendar.walk("VEVENT"):
        yield f"{_METHODS.get(method, method)}: {entry.get('SUMMARY', 'an entry without a title')}"
        yield f"from {_day(entry, 'DTSTART')} to {_day(entry, 'DTEND')}"
        named = {"LOCATION": "at", "STATUS": "status", "UID": "id"}
        yield from (f"{word} {entry[name]}" for name, word in named.items() if name in entry)


def _day(entry: Any, name: str) -> str:
    if name not in entry:
        return "an unknown day"
    at: date = entry[name].dt
    return f"{at:%A, %d/%m/%Y, %H:%M}" if isinstance(at, datetime) else f"{at:%A, %d/%m/%Y}"
