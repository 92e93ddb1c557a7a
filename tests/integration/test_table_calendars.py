"""Calendars in the table: the host, the nights and the feed of a property."""

from datetime import date, timedelta

import pytest

from stays.aws.store import Store
from stays.domain.calendar import Address, NightStatus, Span, TakenNight, fingerprint, new_token
from stays.domain.errors import NotFound
from stays.table.calendars import Calendars
from stays.table.sessions import Sessions
from tests.integration.tables import Noting, begin, contents, dynamodb, hand_in
from tests.samples import FIRST, HOST, HOUSE, NIGHTS, NOW, OTHER_STAY, STAY, STRANGER, opened, priced, win

SECOND, LATER = timedelta(seconds=1), NOW + timedelta(days=1)
KEY = ("CALENDAR#501", "CALENDAR")
TOKEN, OTHER = new_token("501", bytes(24)), new_token("501", bytes(range(24)))


@pytest.fixture
def store(aws: None) -> Store:
    return Store(dynamodb(), "stays")


@pytest.fixture
def calendars(store: Store) -> Calendars:
    return Calendars(store)


def opens(calendars: Calendars, token: str) -> bool:
    try:
        return calendars.load_at(Address(token, "501")).property_id == "501"
    except NotFound:
        return False


def test_a_property_is_remembered_with_its_name_and_host(calendars: Calendars) -> None:
    calendars.save_property(HOUSE, NOW)
    said = {"kind": "CALENDAR", "propertyId": "501", "propertyName": HOUSE.name, "hostId": HOST}
    told = {"toldAt": "2026-11-22T03:00:00.000Z"}
    assert contents() == {KEY: {"PK": KEY[0], "SK": KEY[1]} | said | told}


def test_the_word_told_last_counts_in_whatever_order_words_come(calendars: Calendars) -> None:
    calendars.save_property(HOUSE.but(host_id=STRANGER), NOW)
    calendars.save_property(HOUSE, NOW - SECOND)
    assert calendars.load_of_host("501", STRANGER).told_at == NOW
    calendars.save_property(HOUSE.but(name="Nhà Mới"), NOW + SECOND)
    assert calendars.load_of_host("501", HOST).property_name == "Nhà Mới"


@pytest.mark.parametrize("again", [[HOST], [STRANGER], [HOST, STRANGER], [STRANGER, HOST, HOST]])
@pytest.mark.parametrize("order", [(HOST, STRANGER), (STRANGER, HOST)])
def test_a_word_that_comes_again_gives_the_calendar_back_to_nobody(
    calendars: Calendars, order: tuple[str, str], again: list[str]
) -> None:
    told = {HOST: NOW, STRANGER: NOW + SECOND}
    for host in (*order, *again):
        calendars.save_property(HOUSE.but(host_id=host), told[host])
        calendars.save_property(HOUSE.but(host_id=host), told[host])
    assert calendars.load_of_host("501", STRANGER).told_at == NOW + SECOND


def test_of_two_hosts_told_at_the_same_time_the_one_that_is_there_stays(calendars: Calendars) -> None:
    for host in (HOST, STRANGER, HOST):
        calendars.save_property(HOUSE.but(host_id=host), NOW)
    calendars.save_property(HOUSE.but(name="Nhà Mới"), NOW)
    assert calendars.load_of_host("501", HOST).property_name == "Nhà Mới"


def test_a_calendar_is_its_hosts_alone(calendars: Calendars) -> None:
    calendars.save_property(HOUSE, NOW)
    for property_id, host in (("501", STRANGER), ("502", HOST)):
        with pytest.raises(NotFound):
            calendars.load_of_host(property_id, host)


def test_a_feed_is_opened_and_closed_by_the_host_alone(calendars: Calendars) -> None:
    calendars.save_property(HOUSE, NOW)
    before = contents()
    for property_id, host in (("501", STRANGER), ("502", HOST)):
        with pytest.raises(NotFound):
            calendars.open_feed(property_id, host, TOKEN, NOW)
        with pytest.raises(NotFound):
            calendars.close_feed(property_id, host)
    assert contents() == before


def test_a_new_address_takes_the_place_of_the_one_before(calendars: Calendars) -> None:
    calendars.save_property(HOUSE, NOW)
    assert not opens(calendars, TOKEN)
    calendars.open_feed("501", HOST, TOKEN, NOW)
    assert (opens(calendars, TOKEN), opens(calendars, OTHER)) == (True, False)
    calendars.open_feed("501", HOST, OTHER, LATER)
    assert (opens(calendars, TOKEN), opens(calendars, OTHER)) == (False, True)
    feed = {"fingerprint": fingerprint(OTHER), "hostId": HOST, "since": "2026-11-23T03:00:00.000Z"}
    assert contents()[KEY]["feed"] == feed


def test_a_closed_feed_opens_to_nobody_and_closing_it_again_is_harmless(calendars: Calendars) -> None:
    calendars.save_property(HOUSE, NOW)
    before = contents()
    calendars.open_feed("501", HOST, TOKEN, NOW)
    for _ in range(2):
        calendars.close_feed("501", HOST)
        assert not opens(calendars, TOKEN)
        assert contents() == before


def test_the_token_of_one_property_opens_no_other_and_an_unknown_one_is_not_found(calendars: Calendars) -> None:
    for rented_property in (HOUSE, HOUSE.but(id="502")):
        calendars.save_property(rented_property, NOW)
        calendars.open_feed(rented_property.id, HOST, new_token(rented_property.id, bytes(24)), NOW)
    for property_id in ("502", "503"):
        with pytest.raises(NotFound):
            calendars.load_at(Address(TOKEN, property_id))


def test_the_feed_outlives_news_of_the_property_but_not_its_host(calendars: Calendars) -> None:
    calendars.save_property(HOUSE, NOW)
    calendars.open_feed("501", HOST, TOKEN, NOW)
    calendars.save_property(HOUSE.but(name="Nhà Mới"), NOW + SECOND)
    assert opens(calendars, TOKEN)
    calendars.save_property(HOUSE.but(host_id=STRANGER), LATER)
    assert not opens(calendars, TOKEN)
    assert calendars.load_of_host("501", STRANGER).current_feed is None
    calendars.open_feed("501", STRANGER, OTHER, LATER)
    assert (opens(calendars, TOKEN), opens(calendars, OTHER)) == (False, True)


def test_nights_are_those_of_the_span_with_both_its_ends_and_of_this_property(
    store: Store, calendars: Calendars
) -> None:
    elsewhere = win(rented_property=HOUSE.but(id="5011"), nights=priced(FIRST), auction_id="1002")
    for stay_id, award in ((STAY, win()), (OTHER_STAY, elsewhere)):
        hand_in(award)
        begin(Sessions(store), opened(stay_id, award), NOW)
    until = opened(STAY).hold_until
    held = [TakenNight(date=night, status=NightStatus.HELD, held_until=until, stay_id=STAY) for night in NIGHTS]
    assert calendars.load_nights("501", Span(NIGHTS[0], NIGHTS[2])) == held
    assert calendars.load_nights("501", Span(NIGHTS[1], NIGHTS[1])) == held[1:2]
    assert calendars.load_nights("501", Span(date(2026, 12, 4), date(2027, 12, 4))) == []


def test_nights_are_read_as_they_are(aws: None) -> None:
    noting = Noting()
    assert Calendars(Store(noting, "stays")).load_nights("501", Span(FIRST, FIRST)) == []
    assert [query["ConsistentRead"] for query in noting.queries] == [True]


def test_the_most_nights_that_are_asked_for_fit_into_one_page(store: Store, calendars: Calendars) -> None:
    longest = HOUSE.but(id="P" * 128)
    award = win(rented_property=longest, user_id="阮" * 56 + "x" * 8, nights=priced(FIRST))
    hand_in(award)
    begin(Sessions(store), opened(STAY, award), NOW)
    (item,) = [item for item in contents().values() if item["kind"] == "NIGHT"]
    size = sum(len(name.encode()) + len(str(value).encode()) for name, value in item.items())
    assert size < 500
    assert size * 941 < 1_000_000
