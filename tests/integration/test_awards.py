"""Events of the auction system: applied once, or refused with a reason and kept."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.topology import RULES
from stays.domain.auction import EVENTS
from stays.table.keys import shard
from tests.integration.messages import HOST, MAI, NIGHTS, PRICE, PROPERTY, auction_result, second_chance
from tests.integration.product import failing, fault
from tests.integration.shapes import TIME
from tests.integration.world import World

PRICED = [{"date": night, "price": PRICE} for night in NIGHTS]


def test_a_win_is_taken_and_kept(world: World):
    taken = {"accepted": True, "as": "RECEIVED", "auctionId": "1001", "awardId": "WIN"}
    assert world.announce(auction_result()) == taken
    assert world.items() == [
        {
            "PK": "AUCTION#1001",
            "SK": f"AWARD#{MAI}#WIN",
            "kind": "AWARD",
            "userSort": "AWARD#" + world.item(kind="AWARD")["deadline"] + "#WIN",
            "auctionId": "1001",
            "awardId": "WIN",
            "userId": MAI,
            "property": PROPERTY | {"images": []},
            "nights": PRICED,
            "guestCount": 2,
            "deadline": TIME,
            "status": "PENDING_PAYMENT",
            "receivedAt": TIME,
            "result": "FULL_WIN",
            "bidAmount": 3 * PRICE,
            "revision": 0,
            "releases": [],
            "passedOn": False,
            "selected": [],
            "runnersUp": [],
            "offerMinutes": 120,
            "atStake": [],
            "changedAt": TIME,
            "dueAt": world.item(kind="AWARD")["deadline"],
            "dueShard": shard("1001"),
        },
        {
            "PK": "CALENDAR#777",
            "SK": "CALENDAR",
            "kind": "CALENDAR",
            "propertyId": "777",
            "propertyName": "Nhà Trên Đồi",
            "hostId": HOST,
            "toldAt": TIME,
        },
    ]


def test_an_offer_is_taken_and_waits(world: World):
    assert world.offer() == {"accepted": True, "as": "RECEIVED", "auctionId": "1001", "awardId": "5001"}
    kept = world.item(kind="OFFER")
    assert (kept["status"], kept["originalBidId"], kept["SK"]) == ("WAITING", "88", "AWARD#auth0|binh#5001")


def test_a_loss_is_told_but_cannot_be_paid(world: World):
    lost = auction_result(result="LOST", awardedNights=[])
    assert world.announce(lost)["accepted"] is True
    assert world.item(kind="AWARD")["status"] == "LOST"
    assert world.create().status == 404


def test_the_same_event_again_is_harmless(world: World):
    event = auction_result()
    again = world.announce(event) | {"as": "IGNORED"}
    before = world.items()
    assert [world.announce(event), world.announce(event)] == [again, again]
    assert world.items() == before


def test_the_same_event_after_it_was_paid_is_harmless(world: World):
    event = auction_result()
    world.announce(event)
    world.buy()
    before = world.items()
    assert world.announce(event)["accepted"] is True
    assert world.items() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"guestCount": 3},
        {"awardedNights": [{"date": night, "price": 1} for night in NIGHTS]},
        {"paymentDeadline": "2027-03-09T00:00:00Z"},
        {"property": PROPERTY | {"hostId": "auth0|thief"}},
        {"result": "PARTIAL_WIN"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_an_event_that_contradicts_the_first_under_the_same_revision_is_ignored(world: World, changes: dict[str, Any]):
    world.announce(auction_result())
    before = world.items()
    again = auction_result() | {"paymentDeadline": world.item(kind="AWARD")["deadline"]}
    assert world.announce(again | changes)["as"] == "IGNORED"
    assert world.items() == before


BAD: list[tuple[Any, str]] = [
    (auction_result(auctionId=None), "auctionId"),
    (auction_result(auctionId="a#b"), "auctionId"),
    (auction_result(userId=""), "userId"),
    (auction_result(userId="x" * 129), "userId"),
    (auction_result(property=None), "property"),
    (auction_result(property={"id": "1", "name": "x"}), "property.hostId"),
    (auction_result(property=PROPERTY | {"name": " "}), "property.name"),
    (auction_result(property=PROPERTY | {"images": "x"}), "property.images"),
    (auction_result(property=PROPERTY | {"name": "half \ud800"}), "property.name"),
    (auction_result(userId="half \ud800"), "userId"),
    (auction_result(guestCount=0), "guestCount"),
    (auction_result(guestCount="2"), "guestCount"),
    (auction_result(result="WON"), "result"),
    (auction_result(awardedNights=[{"date": "2027-02-30", "price": 5}]), "awardedNights.0.date"),
    *(
        (auction_result(awardedNights=[{"date": night, "price": 5}]), "awardedNights.0.date")
        for night in ("0001-01-01", "1969-12-31", "9999-01-01", "9999-12-31")
    ),
    (auction_result(awardedNights=[{"date": "2027-03-20", "price": 0}]), "awardedNights.0.price"),
    (auction_result(awardedNights=[{"date": "2027-03-20", "price": 5.5}]), "awardedNights.0.price"),
    (auction_result(awardedNights=[{"date": "2027-03-20", "price": "5"}]), "awardedNights.0.price"),
    (auction_result(awardedNights=["2027-03-20"]), "awardedNights.0"),
    (auction_result(awardedNights=PRICED + PRICED[:1]), "awardedNights"),
    (auction_result(awardedNights=[{"date": night, "price": 60_000_000} for night in NIGHTS]), "awardedNights"),
    (auction_result(awardedNights=[]), "event"),
    (auction_result(result="LOST"), "event"),
    (auction_result(bidAmount=-1), "bidAmount"),
    (auction_result(paymentDeadline="2027-03-09"), "paymentDeadline"),
    (auction_result(paymentDeadline="2027-03-09T00:00:00"), "paymentDeadline"),
    (auction_result(paymentDeadline=None), "paymentDeadline"),
    ([], "event"),
    ("text", "event"),
    (None, "event"),
    ({}, "auctionId"),
]


def test_a_bad_event_is_refused_with_the_field_and_kept_whole(world: World):
    for detail, field in BAD:
        answer = world.announce(detail)
        assert answer["accepted"] is False, detail
        assert answer["reason"].startswith(f"{field}: "), answer
        assert len(answer["reason"]) < 1000
        kept = world.items(kind="REFUSED")[-1]
        assert (kept["reason"], json.loads(kept["raw"])["detail"]) == (answer["reason"], detail)
        world.clock.shift(1)
    assert len(world.items()) == len(BAD)


def test_a_bad_offer_and_an_unknown_kind_are_refused_and_kept(world: World):
    assert world.offer(offeredNights=[])["reason"].startswith("offeredNights: ")
    world.clock.shift(1)
    assert world.offer(offerId="a/b")["reason"].startswith("offerId: ")
    world.clock.shift(1)
    assert world.announce(second_chance(), "OfferOfTheDay") == {"accepted": False, "reason": "unknown detail-type"}
    assert [item["kind"] for item in world.items()] == ["REFUSED"] * 3


def test_two_bad_events_in_the_same_millisecond_are_both_kept(world: World):
    awards = world.functions["awards"]
    for number in range(2):
        event = {"id": f"event-{number}", "detail-type": "AuctionResult", "detail": {}}
        assert awards.handler(event, world.context)["accepted"] is False
    assert len(world.items(kind="REFUSED")) == 2


def test_unknown_fields_of_an_event_are_ignored(world: World):
    assert world.announce(auction_result(color="red", property=PROPERTY | {"stars": 5}))["accepted"] is True
    assert "stars" not in world.item(kind="AWARD")["property"]


def test_nights_are_kept_in_order_however_they_come(world: World):
    world.announce(auction_result(awardedNights=list(reversed(PRICED))))
    assert [night["date"] for night in world.item(kind="AWARD")["nights"]] == list(NIGHTS)


def test_a_database_that_fails_lets_the_bus_try_again(world: World):
    with (
        failing(world.functions["awards"], "TransactWriteItems", fault()),
        pytest.raises(type(fault())),
    ):
        world.announce(auction_result())
    assert world.announce(auction_result())["accepted"] is True


def test_an_award_never_stays_without_its_property(world: World):
    event = auction_result()
    with (
        failing(world.functions["awards"], "UpdateItem", fault()),
        pytest.raises(type(fault())),
    ):
        world.announce(event)
    assert not world.items(kind="CALENDAR")
    assert world.announce(event)["accepted"] is True
    assert world.item(kind="CALENDAR")["propertyName"] == PROPERTY["name"]


def test_a_correction_that_waits_says_whose_its_property_is(world: World):
    world.created()
    world.clock.shift(1)
    other = PROPERTY | {"id": "778", "hostId": "auth0|minh"}
    correction = auction_result(revision=1, property=other)
    assert [world.announce(correction, number=2)["as"] for _ in range(2)] == ["KEPT", "KEPT"]
    assert world.announce(auction_result())["as"] == "IGNORED"
    hosts = {item["propertyId"]: item["hostId"] for item in world.items(kind="CALENDAR")}
    assert hosts == {"777": HOST, "778": "auth0|minh"}


@pytest.mark.parametrize(
    "times", [(None, None, None), (-7200, -3600, 0), (-7200, -3600, -7200), (0, 0, 0), (-7200, 0, None)]
)
def test_an_old_event_that_comes_again_gives_no_calendar_back(world: World, times: tuple[int | None, ...]):
    def say(auction: str, host: str, at: int | None) -> None:
        world.clock.shift(0.1)
        detail = auction_result(auctionId=auction, property=PROPERTY | {"hostId": host})
        event = {"id": auction, "detail-type": "AuctionResult", "detail": detail}
        if at is not None:
            event["time"] = (began + timedelta(seconds=at)).isoformat(timespec="seconds")
        assert world.functions["awards"].handler(event, world.context)["accepted"]

    began = datetime.now(UTC)
    for auction, host, at in zip(("1", "2", "1"), ("auth0|first", "auth0|second", "auth0|first"), times, strict=True):
        say(auction, host, at)
    assert world.item(kind="CALENDAR")["hostId"] == "auth0|second"


def test_a_win_and_an_offer_of_one_auction_stand_side_by_side(world: World):
    world.announce(auction_result(nights=NIGHTS[:1]))
    world.offer(userId=MAI, nights=NIGHTS[1:])
    first, second = world.create(NIGHTS[:1]), world.create(NIGHTS[1:])
    assert (first.status, second.status) == (200, 200)
    assert sorted(item["awardId"] for item in world.items(kind="SESSION")) == ["5001", "WIN"]
    assert {item["hostId"] for item in world.items(kind="SESSION")} == {HOST}


def test_every_event_that_is_read_is_routed_from_the_bus():
    assert set(EVENTS) == set(RULES[0].detail_types)
