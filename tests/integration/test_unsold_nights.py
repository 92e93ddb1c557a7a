"""No night is lost: unsold nights are offered to the next runner-up, or released."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.messages import BINH, MAI, NIGHTS, PRICE, auction_result, in_seconds, runner_up
from tests.integration.product import before, failing, fault
from tests.integration.test_announcements import Listener
from tests.integration.world import World

CHI, DUNG = "auth0|chi", "auth0|dung"
OTHER = "01MFZGFMWRBDQ204A12RVMHVS6"  # another user's stay
FIRST, MIDDLE, LAST = NIGHTS
Item = dict[str, Any]


def win(world: World, *runners_up: Item, **changes: Any) -> None:
    assert world.announce(auction_result(runnersUp=runners_up, **changes))["accepted"]


def buy(world: World, *nights: str, sub: str = MAI, price: int = PRICE) -> Item:
    """Pay for these nights."""
    return world.buy(nights, price * len(nights), sub=sub)


def give_back(world: World, made: Item, sub: str = MAI) -> None:
    assert world.http("DELETE", f"/bookings/{made['sessionId']}", sub=sub).status == 200


def decline(world: World, sub: str) -> None:
    assert world.http("POST", "/auctions/offers/1001/decline", sub=sub).status == 200


def offered(world: World) -> dict[str, list[str]]:
    """The offered nights, by user."""
    waiting = [item for item in world.items(kind="OFFER") if item["status"] in ("WAITING", "ACCEPTED")]
    return {item["userId"]: [night["date"] for night in item["nights"]] for item in waiting}


def released(world: World) -> list[str]:
    found = [item["releases"] for item in world.items(auctionId="1001") if "releases" in item]
    return sorted(night for releases in found for nights in releases for night in nights)


def due(world: World) -> list[Item]:
    return [item for item in world.items(auctionId="1001") if "dueAt" in item and item.get("status") in ENDED]


ENDED = ("PAID", "EXPIRED", "DECLINED", "WITHDRAWN")


# Not chosen


def test_what_is_not_chosen_of_a_partial_win_goes_on_at_once_and_what_nobody_takes_is_released(world: World):
    win(world, runner_up(BINH, FIRST, MIDDLE), runner_up(CHI, LAST), result="PARTIAL_WIN")
    buy(world, FIRST)
    world.tick()
    assert (offered(world), released(world)) == ({BINH: [MIDDLE]}, [])
    decline(world, BINH)
    assert (offered(world), released(world)) == ({CHI: [LAST]}, [])
    buy(world, LAST, sub=CHI, price=300_000)
    world.tick()
    assert (offered(world), released(world), due(world)) == ({}, [MIDDLE], [])
    assert world.nights() == {FIRST: "BOOKED", LAST: "BOOKED"}


def test_what_is_not_chosen_of_an_offer_goes_on_with_what_it_was_not_offered(world: World):
    win(world, runner_up(BINH, FIRST, MIDDLE), runner_up(CHI))
    decline(world, MAI)
    buy(world, FIRST, sub=BINH, price=300_000)
    world.tick()
    assert offered(world) == {CHI: [MIDDLE, LAST]}
    buy(world, MIDDLE, sub=CHI, price=300_000)
    world.tick()
    assert (offered(world), released(world), due(world)) == ({}, [LAST], [])


def test_without_anybody_to_ask_it_is_released_at_once(world: World):
    win(world, result="PARTIAL_WIN")
    buy(world, MIDDLE)
    world.tick()
    assert (offered(world), released(world)) == ({}, [FIRST, LAST])


def test_what_was_not_chosen_goes_on_where_an_earlier_release_wrote_down_the_payment_only(world: World):
    win(world, runner_up(BINH), result="PARTIAL_WIN")
    buy(world, MIDDLE)
    (paid,) = world.items(kind="AWARD")
    key = {name: {"S": paid[name]} for name in ("PK", "SK")}
    world.dynamodb.update_item(TableName="stays", Key=key, UpdateExpression="REMOVE unsold")
    world.tick()
    assert offered(world) == {BINH: [FIRST, LAST]}


def test_of_what_is_bought_whole_nothing_goes_on(world: World):
    win(world, runner_up(BINH))
    buy(world, *NIGHTS)
    world.after(days=2)
    assert (offered(world), released(world), due(world)) == ({}, [], [])


@pytest.mark.parametrize("lost", [1, 6])
def test_an_answer_counts_though_the_nights_of_the_order_that_it_ends_are_lost_one_by_one(world: World, lost: int):
    nights = [f"2027-03-2{number}" for number in range(6)]
    world.announce(auction_result(nights=nights))
    made = world.create(nights).body

    def lose() -> None:
        (night, *_) = world.items(kind="NIGHT", stayId=made["sessionId"])
        world.dynamodb.update_item(
            TableName="stays",
            Key={name: {"S": night[name]} for name in ("PK", "SK")},
            UpdateExpression="SET stayId = :other",
            ExpressionAttributeValues={":other": {"S": OTHER}},
        )

    with before(world.functions["auctions"], "TransactWriteItems", lose, times=lost):
        assert world.http("POST", "/auctions/winners/1001/decline").status == 200
    standing = world.standing(made["sessionId"])["status"], world.item(kind="AWARD")["status"]
    assert standing == ("CANCELLED", "DECLINED")
    assert [item["stayId"] for item in world.items(kind="NIGHT")] == [OTHER] * lost


# Given back


def test_a_full_win_that_is_given_back_is_offered_to_those_who_were_not_asked_yet(world: World):
    win(world, runner_up(BINH))
    made = buy(world, *NIGHTS)
    with Listener(world) as listener:
        give_back(world, made)
        assert (offered(world), released(world)) == ({BINH: list(NIGHTS)}, [])
        world.deliver()
        assert "BookingCancelled" in (told := listener.kinds())
        assert "NightsReleased" not in told
        decline(world, BINH)
        world.deliver()
        assert listener.kinds() == ["NightsReleased"]
    give_back(world, made)
    assert (offered(world), released(world)) == ({}, list(NIGHTS))


def test_where_the_list_was_handed_on_already_what_is_given_back_is_released_at_once(world: World):
    win(world, runner_up(BINH), runner_up(CHI), result="PARTIAL_WIN")
    made = buy(world, FIRST)
    world.tick()
    assert offered(world) == {BINH: [MIDDLE, LAST]}
    give_back(world, made)
    assert (offered(world), released(world)) == ({BINH: [MIDDLE, LAST]}, [FIRST])


def test_what_the_last_of_a_list_gives_back_is_released(world: World):
    win(world, runner_up(BINH))
    decline(world, MAI)
    give_back(world, buy(world, *NIGHTS, sub=BINH, price=300_000), BINH)
    assert (offered(world), released(world)) == ({}, list(NIGHTS))


def test_each_release_of_an_award_is_an_event_of_its_own(world: World):
    win(world, result="PARTIAL_WIN")
    with Listener(world) as listener:
        made = buy(world, FIRST)
        world.tick()
        give_back(world, made)
        world.deliver()
        told = {each["eventId"]: each["releasedNights"] for each in listener.heard() if "releasedNights" in each}
    about = f"1001/{MAI}/WIN/NightsReleased"
    assert told == {about: [MIDDLE, LAST], f"{about}/2": [FIRST]}


def test_what_waits_to_go_on_and_what_is_given_back_meanwhile_go_on_together(world: World):
    win(world, runner_up(BINH), result="PARTIAL_WIN")
    world.announce(auction_result(auctionId="1002", userId=DUNG, nights=[LAST]))
    made = buy(world, FIRST)
    assert world.create([LAST], sub=DUNG, auction_id="1002").status == 200
    world.tick()
    assert offered(world) == {}
    give_back(world, made)
    assert (offered(world), world.item(kind="AWARD", userId=MAI)["unsold"]) == ({}, list(NIGHTS))
    world.after(minutes=20)
    world.after(minutes=2)
    assert offered(world) == {BINH: list(NIGHTS)}


def test_of_a_stay_that_has_begun_only_the_nights_ahead_go_on(world: World):
    win(world, runner_up(BINH), paymentDeadline=in_seconds(86_400 * 40))
    made = buy(world, *NIGHTS)
    world.clock.move_to(datetime(2027, 3, 21, 5, tzinfo=UTC))
    give_back(world, made)
    assert offered(world) == {BINH: [MIDDLE, LAST]}


@pytest.mark.parametrize("begun", ["ordered", "reserved"])
def test_what_was_only_begun_and_given_up_stays_its_winners(world: World, begun: str):
    win(world, runner_up(BINH))
    kept = world.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)}).body
    if begun == "ordered":
        world.create()
    give_back(world, {"sessionId": kept["id"]})
    world.tick()
    assert (offered(world), released(world), world.nights()) == ({}, [], {})
    assert world.create().status == 200


# Another user has a night at the deadline


@pytest.mark.parametrize("pays", [False, True])
def test_where_another_user_holds_a_night_the_chain_waits_for_the_end_of_that(world: World, pays: bool):
    win(world, runner_up(BINH), paymentDeadline=in_seconds(300))
    world.announce(auction_result(auctionId="1002", userId=DUNG, nights=[MIDDLE]))
    theirs = world.create([MIDDLE], sub=DUNG, auction_id="1002").body
    world.after(minutes=6)
    waiting = world.item(kind="AWARD", userId=MAI)
    assert (waiting["status"], waiting["unsold"], offered(world)) == ("EXPIRED", list(NIGHTS), {})
    if pays:
        world.zalopay.pay(theirs["appTransId"])
    for _ in range(2):
        world.after(minutes=15)
    assert offered(world) == {BINH: [FIRST, LAST] if pays else list(NIGHTS)}
    assert (due(world), released(world)) == ([], [])


def test_where_others_have_all_nights_nothing_goes_on_and_nothing_is_released(world: World):
    win(world, runner_up(BINH), paymentDeadline=in_seconds(300))
    world.announce(auction_result(auctionId="1002", userId=DUNG))
    world.buy(sub=DUNG, auction_id="1002")
    world.after(minutes=6)
    assert (offered(world), released(world), due(world)) == ({}, [], [])


# Failures while nights are passed on


def test_telling_again_and_again_why_it_is_not_wanted_keeps_no_overdue_award_alive(world: World):
    win(world, runner_up(BINH), paymentDeadline=in_seconds(300))
    world.clock.shift(timedelta(minutes=6))
    report = {"offerId": "1001", "reason": "no time", "type": "winner"}

    def tell() -> None:
        assert world.http("POST", "/auctions/analytics/decline", report).status == 200

    with before(world.functions["reconciliation"], "TransactWriteItems", tell, times=2):
        assert world.tick() == {"due": 1, "attended": 1}
    assert offered(world) == {BINH: list(NIGHTS)}


@pytest.mark.parametrize("operation", ["BatchGetItem", "TransactWriteItems"])
def test_what_a_function_left_undone_the_clock_does(world: World, operation: str):
    win(world, runner_up(BINH))
    made = buy(world, *NIGHTS)
    bookings = world.functions["bookings"]
    if operation == "BatchGetItem":
        with failing(bookings, operation, fault()):
            assert world.http("DELETE", f"/bookings/{made['sessionId']}").status == 500
    else:
        dying = iter((lambda: None, die))
        with before(bookings, operation, lambda: next(dying)(), times=2):  # noqa: PLW0108  # another one each time
            assert world.http("DELETE", f"/bookings/{made['sessionId']}").status == 500
    assert (offered(world), world.nights()) == ({}, {})
    world.tick()
    assert offered(world) == {BINH: list(NIGHTS)}


def die() -> None:
    raise SystemError("killed")


def test_a_decline_that_was_left_undone_is_completed_by_the_clock(world: World):
    win(world, runner_up(BINH))
    with failing(world.functions["auctions"], "BatchGetItem", fault()):
        assert world.http("POST", "/auctions/winners/1001/decline").status == 500
    assert world.http("POST", "/auctions/winners/1001/decline").status == 200
    world.tick()
    assert offered(world) == {BINH: list(NIGHTS)}


def test_nights_that_are_past_by_then_go_to_nobody(world: World):
    nights = ["2027-03-01", "2027-03-02", "2027-03-03"]
    win(world, runner_up(BINH, *nights), nights=nights, paymentDeadline=in_seconds(300))
    world.after(days=1)
    assert offered(world) == {BINH: nights[1:]}
    world.after(days=1)
    assert released(world) == nights[2:]


# After midnight


def test_an_offer_after_midnight_shows_accepts_and_charges_only_nights_that_can_still_be_slept(world: World):
    world.offer(userId=MAI, nights=["2027-03-01", "2027-03-02", "2027-03-03"])
    world.clock.move_to(datetime(2027, 3, 1, 17, 0, 1, tzinfo=UTC))
    offer = world.http("GET", "/auctions/offers/second-chance/5001").body
    assert (offer["offeredNights"], offer["amount"]) == (["2027-03-02", "2027-03-03"], 2 * PRICE)
    past = {"selectedNights": ["2027-03-01", "2027-03-02"]}
    assert world.http("POST", "/auctions/offers/5001/accept", past).status == 400
    assert world.http("POST", "/auctions/offers/5001/accept").status == 200
    won = world.http("GET", "/auctions/winners/5001").body
    assert (won["bidAmount"], won["checkIn"]) == (2 * PRICE, "2027-03-02")
    assert world.create(["2027-03-01"]).fields == ["selectedNights"]
    assert world.create(["2027-03-02"], amount=3 * PRICE).details == {"expectedAmount": PRICE}
    made = world.create(["2027-03-01", "2027-03-02", "2027-03-03"], amount=2 * PRICE)
    assert (made.status, list(world.nights())) == (200, ["2027-03-02", "2027-03-03"])


@pytest.mark.parametrize("nights", [["2027-03-01"], ["2027-02-27", "2027-03-01"]])
def test_an_offer_of_which_no_night_is_left_is_over(world: World, nights: list[str]):
    world.offer(userId=MAI, nights=nights)
    world.clock.move_to(datetime(2027, 3, 1, 17, 0, 1, tzinfo=UTC))
    assert world.http("GET", "/auctions/offers/second-chance/5001").body["status"] == "EXPIRED"
    assert world.http("POST", "/auctions/offers/5001/accept").code == "OFFER_EXPIRED"
    assert world.create(nights).code == "OFFER_EXPIRED"


def test_a_full_win_with_a_night_past_cannot_be_paid(world: World):
    world.announce(auction_result(nights=["2027-03-01", "2027-03-02"]))
    world.clock.move_to(datetime(2027, 3, 1, 17, 0, 1, tzinfo=UTC))
    for amount in (PRICE, 2 * PRICE):
        reply = world.create(["2027-03-02"], amount=amount)
        assert (reply.status, reply.code) == (409, "INVALID_AUCTION_STATE")
    assert world.http("GET", "/auctions/winners/1001").body["status"] == "EXPIRED"
