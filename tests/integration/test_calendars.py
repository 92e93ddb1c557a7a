"""Hosts and their calendars: the nights that each caller sees, and the feed for calendar programs."""

from datetime import date, timedelta
from typing import Any

import pytest
from ical.calendar_stream import IcsCalendarStream

from tests.integration.messages import BINH, HOST, MAI, NIGHTS, PRICE, PROPERTY, auction_result
from tests.integration.product import counted, failing, fault
from tests.integration.shapes import TIME
from tests.integration.test_secrets_in_logs import everything_logged
from tests.integration.world import Reply, World

HOUSE = "/properties/777/calendar"
FEED = f"{HOUSE}/feed"
OTHER_HOST = "auth0|another-host"


def seen(world: World, query: str = "", sub: str | None = HOST, path: str = HOUSE) -> Reply:
    return world.http("GET", path, sub=sub, query=query)


def taken(world: World) -> dict[str, str]:
    """The taken nights that the host sees, with their status."""
    return {night["date"]: night["status"] for night in seen(world).body["nights"]}


def address(world: World) -> str:
    """Open the feed at a new address. Returns its path."""
    reply = world.http("POST", FEED, sub=HOST)
    assert reply.status == 200, reply.body
    return reply.body["url"].removeprefix("http://localhost:8000/api/v1")


def fetched(world: World, path: str, known: str | None = None) -> Reply:
    return world.http("GET", path, sub=None, header=("if-none-match", known) if known else None)


def events(world: World, path: str) -> list[tuple[Any, Any]]:
    """Start and end (exclusive) of each event, as another library reads them."""
    reply = fetched(world, path)
    assert reply.status == 200, reply.body
    (calendar,) = IcsCalendarStream.from_ics(reply.body).calendars
    return [(event.start, event.end) for event in calendar.events]


def days(first: str, last: str) -> tuple[date, date]:
    return date.fromisoformat(first), date.fromisoformat(last)


def test_a_host_sees_what_is_held_and_then_booked_and_of_whom_nothing(world: World):
    made = world.created(email="mai@example.com", name="Mai")
    held = seen(world)
    assert (held.status, held.body) == (
        200,
        {
            "propertyId": "777",
            "propertyName": "Nhà Trên Đồi",
            "from": "2027-03-01",
            "to": "2027-05-30",
            "nights": [{"date": night, "status": "HELD", "heldUntil": TIME} for night in NIGHTS],
        },
    )
    world.zalopay.pay(made["appTransId"])
    booked = seen(world)
    assert booked.body["nights"] == [{"date": night, "status": "BOOKED"} for night in NIGHTS]
    for secret in (MAI, "Mai", "mai@", made["sessionId"], str(3 * PRICE)):
        assert secret not in str(booked.body)


def test_a_hold_that_is_over_is_not_shown_though_its_item_stands(world: World):
    world.created()
    world.clock.shift(timedelta(minutes=30))
    assert world.nights() == dict.fromkeys(NIGHTS, "HELD")
    assert taken(world) == {}


def test_a_cancelled_booking_is_gone_from_the_calendar_and_from_the_feed(world: World):
    paid, path = world.paid(), address(world)
    assert taken(world) == dict.fromkeys(NIGHTS, "BOOKED")
    assert events(world, path) == [days("2027-03-20", "2027-03-23")]
    world.http("DELETE", f"/bookings/{paid['id']}")
    assert taken(world) == {}
    assert events(world, path) == []


def test_a_range_has_both_its_ends(world: World):
    world.paid()
    assert [night["date"] for night in seen(world, "from=2027-03-21&to=2027-03-21").body["nights"]] == [NIGHTS[1]]
    reply = seen(world, "from=2027-03-21")
    assert (reply.body["from"], reply.body["to"], len(reply.body["nights"])) == ("2027-03-21", "2027-06-19", 2)
    assert seen(world, "to=2027-03-19").body["nights"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=", "from"),
        ("from=2027-02-30", "from"),
        ("from=2027-3-1", "from"),
        ("from=2027-03-01T00:00:00Z", "from"),
        ("from=1800000000", "from"),
        ("from=2027-03-01&from=2027-03-02", "from"),
        ("from=2027-03-01,2027-03-02", "from"),
        ("to=tomorrow", "to"),
        ("to=2027-02-28", "to"),
        ("from=2027-03-02&to=2027-03-01", "to"),
        ("from=2027-03-01&to=2028-03-01", "to"),
        ("from=0001-01-01&to=9999-12-31", "to"),
    ],
)
def test_a_range_that_is_none_is_refused_with_the_field(world: World, query: str, field: str):
    world.announce(auction_result())
    reply = seen(world, query)
    assert (reply.status, reply.code, reply.fields) == (400, "VALIDATION_ERROR", [field])


def test_the_ends_of_all_time_can_be_asked_for(world: World):
    world.announce(auction_result())
    assert seen(world, "from=2027-03-01&to=2028-02-29").status == 200
    assert seen(world, "from=9999-12-31").body["to"] == "9999-12-31"
    assert seen(world, "from=0001-01-01").status == 200


@pytest.mark.parametrize("path", [HOUSE, "/properties/778/calendar", "/properties/a%7Cb.c:d@e/calendar"])
@pytest.mark.parametrize("sub", [MAI, BINH, OTHER_HOST])
def test_a_property_of_another_host_is_an_unknown_one(world: World, path: str, sub: str):
    world.paid()
    before = world.items()
    for method, where in (("GET", path), ("POST", f"{path}/feed"), ("DELETE", f"{path}/feed")):
        reply = world.http(method, where, sub=sub)
        assert (reply.status, reply.code, reply.details) == (404, "NOT_FOUND", {})
    assert world.items() == before


def test_a_caller_without_a_token_gets_401_and_changes_nothing(world: World):
    world.paid()
    before = world.items()
    for method, path in (("GET", HOUSE), ("POST", FEED), ("DELETE", FEED)):
        assert world.http(method, path, sub=None).status == 401
    assert world.items() == before


def test_ids_of_any_form_that_events_may_have_are_served(world: World):
    world.announce(auction_result(property=PROPERTY | {"id": "a|b.c:d@e_f-g", "hostId": 42}))
    path = "/properties/a%7Cb.c:d@e_f-g/calendar"
    assert seen(world, sub="42", path=path).status == 200
    url = world.http("POST", f"{path}/feed", sub="42").body["url"]
    assert fetched(world, url.removeprefix("http://localhost:8000/api/v1")).status == 200


def test_the_feed_has_an_event_for_each_run_of_a_booking(world: World):
    gap = ["2027-04-01", "2027-04-02", "2027-04-05"]
    world.announce(auction_result(nights=gap, result="PARTIAL_WIN"))
    world.announce(auction_result(auctionId="1002", userId=BINH, nights=["2027-04-03"]))
    for sub, auction, nights in ((MAI, "1001", gap), (BINH, "1002", ["2027-04-03"])):
        world.buy(nights, auction_id=auction, sub=sub)
    assert events(world, address(world)) == [
        days("2027-04-01", "2027-04-03"),
        days("2027-04-03", "2027-04-04"),
        days("2027-04-05", "2027-04-06"),
    ]


def test_what_is_only_held_is_not_in_the_feed(world: World):
    world.created()
    assert events(world, address(world)) == []


def test_the_feed_is_a_calendar_file_that_its_reader_alone_may_keep(world: World):
    paid = world.paid()
    reply = fetched(world, address(world))
    assert reply.headers["content-type"] == "text/calendar; charset=utf-8"
    assert reply.headers["cache-control"] == "private, no-cache"
    assert "X-WR-CALNAME:Nhà Trên Đồi" in reply.body
    for secret in (MAI, "Mai", "mai@", paid["id"], paid["transactionId"]):
        assert secret not in reply.body


def test_a_feed_that_has_not_changed_is_not_sent_again(world: World):
    paid, path = world.paid(), address(world)
    tag = fetched(world, path).headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        reply = fetched(world, path, known)
        assert (reply.status, reply.body, reply.headers["etag"]) == (304, "", tag)
    assert fetched(world, path, '"other"').status == 200
    world.clock.shift(timedelta(days=1))
    assert fetched(world, path, tag).status == 304
    world.http("DELETE", f"/bookings/{paid['id']}")
    assert fetched(world, path, tag).status == 200


def test_a_stay_stays_in_the_feed_for_ninety_days_and_is_the_same_event(world: World):
    world.paid()
    path = address(world)
    tag = fetched(world, path).headers["etag"]
    world.clock.shift(timedelta(days=21 + 90))  # the morning after is 22 days from now
    assert fetched(world, path, tag).status == 304
    world.clock.shift(timedelta(days=1))
    assert events(world, path) == []


def test_the_old_address_ends_where_a_new_one_is_made(world: World):
    world.announce(auction_result())
    old, new = address(world), address(world)
    assert old != new
    assert (fetched(world, old).status, fetched(world, new).status) == (404, 200)
    assert seen(world).body["feedSince"] == world.item(kind="CALENDAR")["feed"]["since"]


def test_a_revoked_address_is_an_unknown_one_and_revoking_is_harmless_when_repeated(world: World):
    world.announce(auction_result())
    path = address(world)
    assert [(each.status, each.body) for each in (world.http("DELETE", FEED, sub=HOST) for _ in "12")] == [
        (200, {})
    ] * 2
    assert "feedSince" not in seen(world).body
    token = path.removeprefix("/calendars/").removesuffix(".ics")
    wrong = [
        path,
        f"/calendars/{token}",
        f"/calendars/{'A' * 32}{token[32:]}.ics",
        f"/calendars/{token[:-1]}.ics",
        "/calendars/x.ics",
        "/calendars/%00",
        "/calendars/%22%C3%A9",
    ]
    answers = [fetched(world, each) for each in wrong]
    assert {(each.status, str(each.body), each.headers["content-type"]) for each in answers} == {
        (404, str(answers[0].body), "application/json")
    }
    assert answers[0].code == "NOT_FOUND"


def test_a_new_host_has_the_calendar_and_the_old_address_ends(world: World):
    world.announce(auction_result())
    path = address(world)
    world.clock.shift(timedelta(minutes=1))
    event = {"detail-type": "AuctionResult", "time": "2027-03-01T03:00:30Z", "id": "later"}
    moved = auction_result(auctionId="1002", property=PROPERTY | {"hostId": OTHER_HOST})
    assert world.functions["awards"].handler(event | {"detail": moved}, world.context)["accepted"] is True
    assert (seen(world).status, seen(world, sub=OTHER_HOST).status) == (404, 200)
    assert fetched(world, path).status == 404
    assert world.announce(auction_result(auctionId="1003"))["accepted"] is True  # sent half a minute earlier
    assert (seen(world).status, seen(world, sub=OTHER_HOST).status) == (404, 200)


def test_the_address_is_in_no_item_and_in_no_log(
    world: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    world.announce(auction_result())
    with everything_logged(capsys, caplog) as written:
        path = address(world)
        assert fetched(world, path).status == 200
    token, logged = path.removeprefix("/calendars/").removesuffix(".ics"), "".join(written)
    assert "feed opened" in logged
    for part in (token, token[:32]):
        assert part not in str(world.items()) + logged


def test_a_calendar_and_a_feed_are_two_reads_each_and_a_wrong_address_is_one_at_most(world: World):
    world.paid()
    path = address(world)
    calendars = world.functions["calendars"]
    for ask, calls in (
        (lambda: seen(world), ["GetItem stays", "Query stays"]),
        (lambda: seen(world, sub=BINH), ["GetItem stays"]),
        (lambda: seen(world, "to=x"), []),
        (lambda: address(world), ["UpdateItem stays"]),
        (lambda: fetched(world, path), ["GetItem stays"]),
        (lambda: fetched(world, "/calendars/x.ics"), []),
        (lambda: events(world, address(world)), ["UpdateItem stays", "GetItem stays", "Query stays"]),
    ):
        with counted(calendars) as made:
            ask()
        assert made == calls


def test_a_database_that_fails_is_a_500_in_the_contracts_shape(world: World):
    world.announce(auction_result())
    with failing(world.functions["calendars"], "GetItem", fault()):
        assert (seen(world).status, seen(world).code) == (500, "INTERNAL_ERROR")
