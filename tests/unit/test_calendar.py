"""A host's calendar: the nights that it shows, the runs of its feed, and feed addresses."""

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stays.domain.calendar import (
    BookedRun,
    Calendar,
    Feed,
    NightStatus,
    Run,
    Span,
    TakenNight,
    booked_runs,
    feed_span,
    file_name,
    fingerprint,
    new_token,
    read_file_name,
    runs,
    sent_at,
    span,
)
from stays.domain.errors import Invalid
from stays.domain.values import made_at, new_stay_id, on_one_line
from stays.edge.responses.calendars import CalendarPage
from tests.samples import FIRST, HOST, HOUSE, NOW, OTHER_STAY, STAY, STRANGER

TODAY = date(2026, 11, 22)
ONE = timedelta(days=1)
SECRET = bytes(range(200, 224))


def booked(night: date, stay_id: str = STAY) -> TakenNight:
    return TakenNight(date=night, status=NightStatus.BOOKED, stay_id=stay_id)


def held(night: date, until: datetime) -> TakenNight:
    return TakenNight(date=night, status=NightStatus.HELD, held_until=until, stay_id=STAY)


def calendar(feed: Feed | None = None) -> Calendar:
    return Calendar(property_id=HOUSE.id, property_name=HOUSE.name, host_id=HOST, told_at=NOW, feed=feed)


def test_nothing_asked_for_is_today_in_vietnam_and_the_ninety_days_after_it() -> None:
    assert span(None, None, NOW) == (TODAY, date(2027, 2, 20))
    assert span(None, None, datetime(2026, 11, 22, 17, 0, tzinfo=UTC)).first == date(2026, 11, 23)
    assert span(FIRST, None, NOW) == (FIRST, FIRST + 90 * ONE)
    assert span(None, FIRST, NOW) == (TODAY, FIRST)


def test_both_ends_are_nights_that_are_asked_for() -> None:
    assert span(FIRST, FIRST, NOW) == (FIRST, FIRST)
    assert span(FIRST, FIRST + 365 * ONE, NOW) == (FIRST, FIRST + 365 * ONE)


@pytest.mark.parametrize(
    ("first", "last"), [(FIRST, FIRST - ONE), (FIRST, FIRST + 366 * ONE), (None, TODAY - ONE), (date.min, date.max)]
)
def test_an_end_before_the_beginning_and_more_than_366_nights_are_refused(first: date | None, last: date) -> None:
    with pytest.raises(Invalid) as refusal:
        span(first, last, NOW)
    assert [each["field"] for each in refusal.value.details["fields"]] == ["to"]


def test_the_end_of_all_dates_is_no_mistake() -> None:
    assert span(date.max, None, NOW) == (date.max, date.max)


def test_a_hold_is_shown_as_long_as_it_holds() -> None:
    nights = [held(FIRST, NOW - timedelta(seconds=1)), held(FIRST + ONE, NOW), booked(FIRST + 2 * ONE)]
    shown = CalendarPage.of(calendar(), Span(FIRST, FIRST + 2 * ONE), nights, NOW).dump()
    assert shown == {
        "propertyId": "501",
        "propertyName": "Nhà Gỗ Đà Lạt",
        "from": "2026-12-01",
        "to": "2026-12-03",
        "nights": [
            {"date": "2026-12-02", "status": "HELD", "heldUntil": "2026-11-22T03:00:00.000Z"},
            {"date": "2026-12-03", "status": "BOOKED"},
        ],
    }


def test_a_host_is_told_since_when_the_feed_is_open_and_not_of_anothers() -> None:
    token = new_token(HOUSE.id, SECRET)
    mine, former = (Feed(fingerprint=fingerprint(token), host_id=host, since=NOW) for host in (HOST, STRANGER))
    where = Span(FIRST, FIRST)
    assert CalendarPage.of(calendar(mine), where, [], NOW).feed_since == NOW
    assert CalendarPage.of(calendar(former), where, [], NOW).feed_since is None


def test_a_feed_opens_to_its_own_token_of_the_present_host_only() -> None:
    token, other = new_token(HOUSE.id, SECRET), new_token(HOUSE.id, bytes(24))
    mine, former = (Feed(fingerprint=fingerprint(token), host_id=host, since=NOW) for host in (HOST, STRANGER))
    assert calendar(mine).is_fed_by(token)
    assert not calendar(mine).is_fed_by(other)
    assert not calendar(former).is_fed_by(token)
    assert not calendar().is_fed_by(token)


def test_runs_are_of_one_booking_each_and_holds_are_in_none() -> None:
    nights = [
        booked(FIRST),
        booked(FIRST + ONE),
        booked(FIRST + 2 * ONE, OTHER_STAY),
        held(FIRST + 3 * ONE, NOW + ONE),
        booked(FIRST + 4 * ONE),
    ]
    assert booked_runs(nights, NOW) == [
        BookedRun(STAY, Run(FIRST, FIRST + 2 * ONE)),
        BookedRun(OTHER_STAY, Run(FIRST + 2 * ONE, FIRST + 3 * ONE)),
        BookedRun(STAY, Run(FIRST + 4 * ONE, FIRST + 5 * ONE)),
    ]


@pytest.mark.parametrize(
    ("start", "length", "told"),
    [
        (TODAY - 100 * ONE, 10, False),
        (TODAY - 100 * ONE, 11, True),
        (TODAY - 149 * ONE, 60, True),
        (TODAY + 730 * ONE, 60, True),
        (TODAY + 731 * ONE, 1, False),
    ],
)
def test_a_run_at_the_edge_of_the_feeds_time_is_told_whole_or_not_at_all(start: date, length: int, told: bool) -> None:
    first, last = feed_span(NOW)
    nights = [start + day * ONE for day in range(length)]
    seen = [booked(night) for night in nights if first <= night <= last]
    assert booked_runs(seen, NOW) == ([BookedRun(STAY, Run(start, start + length * ONE))] if told else [])


@given(st.lists(st.dates(date(2026, 12, 1), date(2027, 1, 31)), unique=True))
def test_runs_are_all_nights_and_no_others_with_a_gap_between_any_two(nights: list[date]) -> None:
    found = runs(nights)
    assert [run.start + day * ONE for run in found for day in range((run.end - run.start).days)] == sorted(nights)
    assert all(before.end < after.start for before, after in pairwise(found))


def test_an_event_was_told_when_its_envelope_says_so_and_never_in_time_to_come() -> None:
    for said in ("2026-11-22T02:59:00Z", "2026-11-22T09:59:00+07:00", "2026-11-22T02:59:00.999Z"):
        assert sent_at(said, NOW) == NOW - timedelta(minutes=1) + timedelta(milliseconds=999)
    for nothing in (None, "", "yesterday", 7, {}, "2126-11-22T00:00:00Z", "0001-01-01T00:00:00+14:00"):
        assert sent_at(nothing, NOW) == NOW


def test_of_what_was_told_in_one_second_the_moment_of_receiving_decides() -> None:
    moments = [NOW + timedelta(milliseconds=more) for more in (0, 120, 250, 999)]
    assert [sent_at("2026-11-22T03:00:00Z", received) for received in moments] == moments


def test_an_event_that_is_said_again_under_a_new_envelope_is_as_old_as_it_was() -> None:
    first_received = NOW - timedelta(days=1)
    assert sent_at("2026-11-22T02:59:00Z", first_received) == first_received


@given(st.from_regex(r"[A-Za-z0-9_.:|@\-]{1,128}", fullmatch=True), st.binary(min_size=24, max_size=24))
def test_an_address_says_which_property_it_is_of(property_id: str, randomness: bytes) -> None:
    token = new_token(property_id, randomness)
    assert read_file_name(file_name(token)) == (token, property_id)
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def test_every_random_bit_is_in_the_token_and_the_token_is_not_in_what_is_kept() -> None:
    token = new_token(HOUSE.id, SECRET)
    differing = {new_token(HOUSE.id, bytes(bit == at for bit in range(24))) for at in range(24)}
    assert len(differing) == 24
    assert len(fingerprint(token)) == 64
    assert token not in fingerprint(token)


TOKEN = new_token(HOUSE.id, SECRET)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".ics",
        TOKEN,
        f"{TOKEN}.ICS",
        f"{TOKEN}.ics\n",
        f"{TOKEN}x.ics",
        f"{TOKEN[:32]}.ics",
        f"{TOKEN[:32]}A.ics",
        f"{TOKEN[:32]}____.ics",
        f"{TOKEN[:32]}{'A' * 172}.ics",
        file_name(new_token("a#b", SECRET)),
        file_name(new_token("a" * 129, SECRET)),
        file_name(new_token("a\n", SECRET)),
        f"../{TOKEN}.ics",
    ],
)
def test_what_is_no_address_of_ours_says_nothing(name: str) -> None:
    assert read_file_name(name) is None


def test_a_stays_id_says_when_it_was_made() -> None:
    moment = datetime(2026, 11, 22, 3, 0, 0, 123_000, tzinfo=UTC)
    assert made_at(new_stay_id(moment, bytes(10))) == moment
    assert made_at(new_stay_id(moment.astimezone(timezone(timedelta(hours=7))), bytes(10))) == moment


def test_one_line_text_has_no_line_break_and_no_hidden_character() -> None:
    assert on_one_line(" Nhà\r\nEND:VCALENDAR \u202etrên\x00 đồi\ud800 ") == "Nhà END:VCALENDAR trên đồi"
    assert on_one_line("Nha\u0300") == "Nhà"


def test_192_random_bits_are_in_a_token_and_no_more() -> None:
    assert new_token(HOUSE.id, b"a" * 24) == new_token(HOUSE.id, b"a" * 24 + b"b")
    assert new_token(HOUSE.id, b"a" * 24) != new_token(HOUSE.id, b"a" * 23 + b"b")
