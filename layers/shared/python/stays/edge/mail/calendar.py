"""A stay for the user's own calendar: RFC 5545 files, sent as RFC 5546 requires."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from typing import Any, NamedTuple

from icalendar import TRANSP, Calendar, Event, vCalAddress

from stays.domain.calendar import Run, runs
from stays.edge.mail.content import MailContent, Section, in_all, location


class CalendarFile(NamedTuple):
    """One attachment."""

    name: str
    method: str
    content: bytes


ANNOUNCEMENTS: dict[str, dict[str, Any]] = {
    "confirmation": {"method": "PUBLISH", "status": "CONFIRMED", "sequence": 0},
    "cancellation": {"method": "CANCEL", "status": "CANCELLED", "sequence": 1},
}


def calendar_files(
    content: MailContent, sections: Sequence[Section], origin: Address, now: datetime
) -> Iterator[CalendarFile]:
    """`booking.ics` with an all-day event for each run of nights; no file for any other mail.

    A cancellation file may have only one UID (RFC 5546, 3.2.5): a second run goes into `booking-2.ics`.
    """
    if content.kind not in ANNOUNCEMENTS:
        return
    method = ANNOUNCEMENTS[content.kind]["method"]
    events = [_event(content, run, sections, origin, now) for run in runs(content.nights)]
    for number, group in enumerate([[event] for event in events] if method == "CANCEL" else [events], 1):
        calendar = Calendar.new(prodid="-//Stays//Bookings//EN", method=method, uid=group[0].uid, subcomponents=group)
        yield CalendarFile("booking.ics" if number == 1 else f"booking-{number}.ics", method, calendar.to_ical())


def _event(content: MailContent, run: Run, sections: Sequence[Section], origin: Address, now: datetime) -> Event:
    announcement = ANNOUNCEMENTS[content.kind]
    return Event.new(
        # The same in every mail about a stay, so that a cancellation matches its confirmation.
        uid=f"{run.start:%Y%m%d}-{content.about}@stays",
        stamp=now.astimezone(UTC),
        sequence=announcement["sequence"],
        status=announcement["status"],
        start=run.start,
        end=run.end,
        summary=f"{content.property_name} ({in_all(sections, 'event')})",
        description="\n\n".join(_described(each, content.link) for each in sections),
        location=", ".join(filter(None, (location(content), content.address))),
        url=content.link,
        organizer=vCalAddress.new(origin.addr_spec, cn=origin.display_name or None),
        transparency=TRANSP.TRANSPARENT,  # a stay does not make the user busy all day
    )


def _described(section: Section, link: str) -> str:
    return "\n".join([*(f"{label}: {value}" for label, value in section.rows), link])
