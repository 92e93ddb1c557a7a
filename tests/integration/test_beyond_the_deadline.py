"""An order or a reservation that was opened in time stays payable after its award's deadline."""

from datetime import timedelta
from typing import Any

import pytest

from tests.integration.messages import BINH, MAI, NIGHTS, PRICE, auction_result, in_seconds, runner_up
from tests.integration.product import Asked
from tests.integration.world import World

Item = dict[str, Any]


def awarded(world: World, **changes: Any) -> None:
    """A win that can be paid for another minute. Bình is the runner-up."""
    world.announce(auction_result(paymentDeadline=in_seconds(60), runnersUp=[runner_up(BINH, price=PRICE)], **changes))


def reserve(world: World) -> Item:
    return world.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)}).body


def winner(world: World) -> Item:
    return world.http("GET", "/auctions/winners/1001").body


def test_an_order_stays_payable_to_its_own_end_and_create_answers_it(world: World):
    awarded(world)
    made = world.create().body
    with Asked(world.functions["payments"]) as paths:
        for _ in range(3):
            world.clock.shift(timedelta(minutes=4))
            assert world.create().body == made
    assert paths == []
    world.zalopay.pay(made["appTransId"])
    assert world.nights() == dict.fromkeys(NIGHTS, "BOOKED")
    assert world.create().details == {"sessionId": made["sessionId"]}


def test_the_clock_ends_no_award_under_an_open_order_and_both_once_that_is_over(world: World):
    awarded(world)
    world.create()
    for _ in range(14):
        world.after(minutes=1)
        assert world.item(kind="AWARD")["status"] == "PENDING_PAYMENT"
    for _ in range(4):
        world.after(minutes=1)
    assert (world.item(kind="AWARD")["status"], world.item(kind="OFFER")["status"]) == ("EXPIRED", "WAITING")
    assert world.create().status == 409


def test_a_reservation_can_be_paid_in_its_fifteen_minutes_and_its_order_to_its_own_end(world: World):
    awarded(world)
    kept = reserve(world)
    world.clock.shift(timedelta(minutes=14))
    world.tick()
    assert reserve(world) == kept
    made = world.create()
    assert (made.status, made.body["sessionId"]) == (200, kept["id"])
    world.after(minutes=14)
    world.zalopay.pay(made.body["appTransId"])
    assert world.item(kind="AWARD")["status"] == "PAID"


def test_a_reservation_that_nobody_pays_ends_with_its_award(world: World):
    awarded(world)
    reserve(world)
    world.clock.shift(timedelta(minutes=15, seconds=1))
    assert world.create().status == 409
    world.tick()
    assert (world.item(kind="AWARD")["status"], world.nights()) == ("EXPIRED", {})


def test_beside_an_offer_of_the_same_price_the_live_order_is_answered_and_the_offer_can_be_paid(world: World):
    awarded(world)
    made = world.create().body
    other = ["2027-06-01", "2027-06-02", "2027-06-03"]
    world.offer(userId=MAI, nights=other)
    world.clock.shift(timedelta(seconds=61))
    assert world.create().body == made
    second = world.create(other).body
    assert second["sessionId"] != made["sessionId"]
    assert world.create(other).body == second
    assert world.create().body == made


# The winners page


def test_c25_while_an_order_or_reservation_is_open_the_later_end_is_the_deadline(world: World):
    awarded(world)
    deadline = winner(world)["paymentDeadline"]
    kept = reserve(world)
    ends = world.standing(kept["id"])["expiresAt"]
    assert (winner(world)["paymentDeadline"], ends > deadline) == (ends, True)
    world.clock.shift(timedelta(minutes=10))
    made = world.create().body
    page = winner(world)
    assert (page["status"], page["paymentDeadline"]) == ("PENDING_PAYMENT", made["expiresAt"])
    assert world.http("GET", "/auctions/winners/me").body == [page]


def test_c25_an_earlier_end_of_an_order_shortens_no_deadline(world: World):
    world.announce(auction_result())
    deadline = winner(world)["paymentDeadline"]
    world.create()
    assert winner(world)["paymentDeadline"] == deadline


def test_c25_a_paid_win_answers_noon_of_its_check_out_day_in_viet_nam(world: World):
    world.paid()
    assert (winner(world)["status"], winner(world)["paymentDeadline"]) == ("PAID", "2027-03-23T05:00:00.000Z")


@pytest.mark.parametrize("how", ["declined", "expired", "given back", "refunded", "withdrawn"])
def test_c25_what_is_over_answers_the_moment_when_it_ended_and_none_in_the_future(world: World, how: str):
    awarded(world)
    world.clock.shift(timedelta(seconds=30))
    ended = {
        "declined": lambda: world.http("POST", "/auctions/winners/1001/decline"),
        "expired": lambda: world.after(seconds=31),
        "given back": lambda: give_back(world),
        "refunded": lambda: (give_back(world), world.tick(), world.after(minutes=2)),
        "withdrawn": lambda: world.announce({"auctionId": "1001", "userId": MAI}, "AuctionWithdrawn"),
    }[how]
    ended()
    moment = world.item(kind="AWARD")["endedAt"]
    world.clock.shift(timedelta(seconds=5))
    page = winner(world)
    assert (page["status"], page["paymentDeadline"]) == ("EXPIRED", moment)
    assert moment[:16] in ("2027-03-01T03:00", "2027-03-01T03:01")


def give_back(world: World) -> None:
    made = world.buy()
    assert world.http("DELETE", f"/bookings/{made['sessionId']}").status == 200
