"""Moving money holds the nights until ZaloPay says that it does not come, or until the time limit."""

from datetime import timedelta
from typing import Any

import pytest

from tests.integration.messages import BINH, MAI, NIGHTS, PRICE, auction_result, in_seconds
from tests.integration.product import Asked
from tests.integration.world import World


def moving(world: World, **changes: Any) -> dict[str, Any]:
    """Mai's money is moving, and that is recorded. Bình has won the same nights at another auction."""
    next_one = {"userId": "auth0|chi", "nights": [{"date": night, "price": PRICE} for night in NIGHTS]}
    world.announce(auction_result(userId=BINH, auctionId="1002", paymentDeadline=in_seconds(10**6)))
    world.announce(auction_result(runnersUp=[next_one], **changes))
    made = world.create().body
    world.zalopay.fault("payment_moving")
    assert world.status(made["appTransId"])["status"] == "PENDING"
    return made


def held_until(world: World) -> set[str]:
    return {each["heldUntil"][:16] for each in world.items(kind="NIGHT")}


def other(world: World) -> int:
    """The status of Bình's call to pay for the same nights."""
    return world.create(sub=BINH, auction_id="1002").status


def test_the_write_that_records_moving_money_holds_the_nights_while_it_may_arrive(world: World):
    made = moving(world)
    assert world.told(made["sessionId"]) == ["OPENED", "ORDER_MADE", "PROCESSING"]
    assert held_until(world) == {"2027-03-03T03:19"}
    for hours in (1, 22):
        world.after(hours=hours)
        assert (other(world), world.nights()) == (409, dict.fromkeys(NIGHTS, "HELD"))


def test_no_new_order_is_opened_for_nights_whose_money_is_moving(world: World):
    made = moving(world)
    world.announce(auction_result(auctionId="1003"))
    world.clock.shift(timedelta(minutes=16))
    for auction_id in ("1001", "1003"):
        reply = world.create(auction_id=auction_id)
        assert (reply.status, reply.code) == (409, "PAYMENT_PROCESSING")
        assert reply.details["sessionId"] == made["sessionId"]
    assert len(world.zalopay.orders()) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"return_code": 3, "sub_return_code": 3, "is_processing": False},
        {"return_code": 2, "sub_return_code": -63},
        {"return_code": 2, "sub_return_code": -101},
    ],
    ids=["unpaid", "an attempt has failed", "unknown"],
)
def test_another_answer_of_zalopay_ends_moving_money(world: World, answer: dict[str, Any]):
    made = moving(world)
    socket = world.socket()
    socket.subscribe()
    world.zalopay.answer(made["appTransId"], **answer)
    world.after(minutes=1)
    world.deliver()
    assert [frame["status"] for frame in socket.of_type("PAYMENT_STATUS")][-1] == "INITIATED"
    assert (world.standing(made["sessionId"])["processing"], held_until(world)) == (False, {"2027-03-01T03:19"})
    world.clock.shift(timedelta(minutes=20))
    assert other(world) == 200


@pytest.mark.parametrize("answer", [{"return_code": -500}, {"return_code": 2, "sub_return_code": -429}, {}])
def test_silence_does_not_end_it(world: World, answer: dict[str, Any]):
    made = moving(world)
    if answer:
        world.zalopay.answer(made["appTransId"], **answer)
    else:
        world.zalopay.fault("query_down")
    world.after(hours=30)
    session = world.standing(made["sessionId"])
    assert (session["status"], session["processing"], other(world)) == ("PENDING", True, 409)


@pytest.mark.parametrize(("silent", "hours"), [(False, 24), (True, 48)])
def test_a_day_after_the_orders_end_or_two_where_zalopay_is_silent_it_is_over_and_the_award_goes_on(
    world: World, silent: bool, hours: int
):
    made = moving(world)
    if silent:
        world.zalopay.fault("query_down")
    world.after(hours=hours, minutes=14)
    assert world.standing(made["sessionId"])["status"] == "PENDING"
    for _ in range(3):
        world.after(minutes=8)
    ended = world.standing(made["sessionId"])
    assert (ended["status"], ended["unresolved"], world.nights()) == ("EXPIRED", "PROCESSING", {})
    assert world.item(kind="AWARD", userId=MAI)["status"] == "EXPIRED"
    assert world.item(kind="OFFER")["status"] == "WAITING"
    assert other(world) == 200
    world.zalopay.fault("payment_moving", on=False)
    world.zalopay.pay(made["appTransId"], late=True)
    assert world.session(made["sessionId"])["reason"] == "NIGHTS_TAKEN"


def test_money_that_arrives_after_moving_money_ended_still_books_free_nights(world: World):
    made = moving(world)
    for hours in (24, 1, 1):
        world.after(hours=hours)
    assert world.standing(made["sessionId"])["status"] == "EXPIRED"
    world.zalopay.fault("payment_moving", on=False)
    world.zalopay.pay(made["appTransId"], late=True)
    session = world.standing(made["sessionId"])
    assert (session["status"], session["fulfilment"], "unresolved" in session) == ("PAID", "BOOKED", False)


def test_an_order_of_which_zalopay_says_nothing_ends_two_days_after_its_end(world: World):
    world.announce(auction_result(paymentDeadline=in_seconds(300)))
    made = world.create().body
    world.zalopay.fault("query_down")
    with Asked(world.functions["payments"]) as paths:
        for _ in range(4):
            world.after(hours=12)
        assert (world.standing(made["sessionId"])["status"], len(paths) > 3) == ("PENDING", True)
        for _ in range(2):
            world.after(minutes=16)
    ended = world.standing(made["sessionId"])
    assert (ended["status"], ended["unresolved"]) == ("EXPIRED", "SILENCE")
    world.after(minutes=1)
    assert world.item(kind="AWARD")["releases"] == [list(NIGHTS)]


def test_only_nights_that_are_still_its_own_are_kept_longer(world: World):
    world.announce(auction_result(userId=BINH, auctionId="1002", nights=NIGHTS[:1]))
    made = world.created()
    world.clock.shift(timedelta(minutes=20))
    theirs = world.create(NIGHTS[:1], sub=BINH, auction_id="1002").body
    world.zalopay.fault("payment_moving", app_trans_id=made["appTransId"])
    world.status(made["appTransId"])
    holders = {item["SK"][6:]: (item["stayId"], item["heldUntil"][:13]) for item in world.items(kind="NIGHT")}
    mine = (made["sessionId"], "2027-03-03T03")
    assert holders == {NIGHTS[0]: (theirs["sessionId"], "2027-03-01T03"), NIGHTS[1]: mine, NIGHTS[2]: mine}


def test_the_award_waits_for_it_beyond_its_deadline(world: World):
    made = moving(world, paymentDeadline=in_seconds(300))
    for _ in range(3):
        world.after(hours=1)
    assert world.item(kind="AWARD", userId=MAI)["status"] == "PENDING_PAYMENT"
    world.zalopay.fault("payment_moving", on=False)
    world.zalopay.pay(made["appTransId"], late=True)
    assert world.item(kind="AWARD", userId=MAI)["status"] == "PAID"
