"""Long lists and unreadable items: no list may hide a win or an offer."""

from collections.abc import Callable
from typing import Any

import pytest

from stays.aws.attributes import to_attributes
from tests.integration.messages import BINH, MAI, NIGHTS, PRICE, auction_result, in_seconds, order_data, signed
from tests.integration.world import World

Item = dict[str, Any]
LATER = "2027-12-31T00:00:00.000Z"


def put(world: World, *items: Item) -> None:
    """Write items as they are, 25 in one call."""
    for begin in range(0, len(items), 25):
        puts = [{"PutRequest": {"Item": to_attributes(item)}} for item in items[begin : begin + 25]]
        world.dynamodb.ask("BatchWriteItem", {"RequestItems": {"stays": puts}})


def like(item: Item, number: int, **changes: Any) -> Item:
    """Another award of the same user, of another auction, with a later deadline."""
    auction_id = f"other-{number}"
    keys = {"PK": f"AUCTION#{auction_id}", "userSort": f"AWARD#{LATER}#{item['awardId']}"}
    return item | keys | {"auctionId": auction_id, "deadline": LATER} | changes


def losses(world: World, item: Item) -> list[Item]:
    return [like(item, number, status="LOST", result="LOST", nights=[]) for number in range(110)]


def large(world: World, item: Item) -> list[Item]:
    """Awards that are over, of more than one page (1 MB)."""
    return [like(item, number, status="DECLINED", padding="x" * 60_000) for number in range(20)]


def paid(world: World, item: Item) -> list[Item]:
    return [like(item, number, status="PAID", paymentId="x") for number in range(110)]


def unreadable(world: World, item: Item) -> list[Item]:
    return [like(item, 1, nights="none"), like(item, 2, status="WON"), like(item, 3, property={})]


ALL = [losses, large, paid, unreadable]
Fill = Callable[[World, Item], list[Item]]


@pytest.mark.parametrize("fill", ALL)
def test_a_win_and_an_offer_are_shown_found_answered_and_told_beside_much_else(world: World, fill: Fill):
    world.announce(auction_result())
    world.offer(userId=MAI, auctionId="1002", nights=["2027-06-01"])
    put(world, *fill(world, world.item(kind="AWARD")))
    wins = [win["auctionId"] for win in world.http("GET", "/auctions/winners/me").body]
    offers = world.http("GET", "/auctions/offers/second-chance/me").body
    assert ("1001" in wins, [offer["id"] for offer in offers]) == (True, ["5001"])
    assert world.http("GET", "/auctions/winners/1001").status == 200
    assert world.http("GET", "/auctions/offers/second-chance/5001").status == 200
    if fill in (large, unreadable):
        told = world.socket("open").subscribe()
        assert {"1001", "1002"} <= {frame["auctionId"] for frame in told[1:]}
    assert world.http("POST", "/auctions/offers/5001/accept").status == 200
    assert "5001" in [win["id"] for win in world.http("GET", "/auctions/winners/me").body]


@pytest.mark.parametrize("broken", [{"nights": "none"}, {"status": "WON"}, {"property": {}}], ids=str)
def test_an_award_that_cannot_be_read_hides_no_other_of_its_auction_and_is_counted(
    world: World, broken: Item, capsys: pytest.CaptureFixture[str]
):
    world.announce(auction_result())
    world.offer(userId=MAI)
    put(world, world.item(kind="AWARD") | broken)
    capsys.readouterr()
    assert world.http("GET", "/auctions/winners/me").body == []
    assert "UnreadableItems" in capsys.readouterr().out
    assert world.http("GET", "/auctions/offers/second-chance/1001").body["id"] == "5001"
    assert world.create().status == 200
    assert world.http("GET", "/auctions/winners/1001").status == 404


def test_more_than_a_hundred_wins_are_all_listed_each_with_its_open_order(world: World):
    made = world.created()
    award, session = world.item(kind="AWARD"), world.standing(made["sessionId"])
    ids = [f"01MFZGFMWRBDQ204A12RVMH{number:03}" for number in range(110)]
    many = [like(award, number, checkoutId=stay) for number, stay in enumerate(ids)]
    put(world, *many, *(session | {"PK": f"STAY#{stay}", "id": stay} for stay in ids))
    wins = world.http("GET", "/auctions/winners/me").body
    assert len(wins) == 111
    assert wins[-1]["id"] == "1001"


def test_a_session_that_cannot_be_read_does_not_hide_the_win_that_it_was_opened_for(world: World):
    made = world.created()
    put(world, world.standing(made["sessionId"]) | {"nights": "none"})
    assert [win["status"] for win in world.http("GET", "/auctions/winners/me").body] == ["PENDING_PAYMENT"]


def test_of_what_was_lost_a_moment_ago_none_keeps_a_win_from_being_told(world: World):
    world.announce(auction_result())
    recently = world.item(kind="AWARD") | {"status": "LOST", "result": "LOST", "nights": []}
    put(world, *(like(recently, number) for number in range(60)))
    told = world.socket("open").subscribe()
    assert [frame["result"] for frame in told if frame["type"] == "AUCTION_RESULT"].count("FULL_WIN") == 1
    assert len(told) == 51


def test_an_offer_that_cannot_be_read_keeps_no_money_from_being_recorded_and_is_counted(
    world: World, capsys: pytest.CaptureFixture[str]
):
    world.announce(auction_result(paymentDeadline=in_seconds(300)))
    made = world.create().body
    world.after(minutes=17)
    world.after(minutes=1)
    world.offer(userId=BINH)
    put(world, world.item(kind="OFFER") | {"nights": "none"})
    capsys.readouterr()
    world.zalopay.pay(made["appTransId"], late=True)
    assert '"UnreadableItems":[1.0]' in capsys.readouterr().out
    assert world.nights() == dict.fromkeys(NIGHTS, "BOOKED")
    assert world.standing(made["sessionId"])["amount"] == 3 * PRICE


def test_a_long_auction_hides_no_offer_from_late_money_and_from_a_withdrawal(world: World):
    chain = [{"userId": "z", "nights": [{"date": night, "price": PRICE} for night in NIGHTS]}]
    for user_id, auction_id in ((MAI, "1001"), (BINH, "1002")):
        world.announce(auction_result(auctionId=auction_id, userId=user_id, runnersUp=chain))
    for award in world.items(kind="AWARD"):
        padded = award | {"padding": "x" * 60_000, "status": "LOST", "dueAt": LATER}
        put(world, *(padded | {"SK": f"AWARD#a{number:02}#WIN", "userId": "a"} for number in range(20)))
    awards = world.functions["auctions"].awards
    made = world.create().body
    world.zalopay.cancel(made["appTransId"])
    world.status(made["appTransId"])
    for user_id, auction_id in ((MAI, "1001"), (BINH, "1002")):
        assert world.http("POST", f"/auctions/winners/{auction_id}/decline", sub=user_id).status == 200
        assert [offer.status for offer in awards.load_for(auction_id, "z")] == ["WAITING"]
    world.call_back(signed(order_data(made["appTransId"])))
    world.announce({"auctionId": "1002", "userId": BINH}, "AuctionWithdrawn")
    ended = [awards.load_for(auction_id, "z")[0].status for auction_id in ("1001", "1002")]
    assert ended == ["EXPIRED", "WITHDRAWN"]
