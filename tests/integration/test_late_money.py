"""Verified late money: every row of the table, from the callback to the answers and messages."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.messages import (
    BINH,
    MAI,
    NIGHTS,
    PRICE,
    auction_result,
    in_seconds,
    order_data,
    runner_up,
    signed,
)
from tests.integration.product import before
from tests.integration.world import World

CHI = "auth0|chi"
TODAY, TOMORROW = "2027-03-01", "2027-03-02"
BOOKED = ("PAID", "BOOKED", None)


def outcome(world: World, made: dict[str, Any]) -> tuple[str, str, str | None]:
    session = world.standing(made["sessionId"])
    return session["status"], session["fulfilment"], session.get("reason")


def is_given_back_whole(world: World, made: dict[str, Any], reason: str, amount: int = 3 * PRICE) -> bool:
    """Whether a refund is due at once, and made some minutes later."""
    assert outcome(world, made) == ("PAID", "REFUND_DUE", reason)
    page = world.session(made["sessionId"])
    assert (page["status"], page["reason"], page["refund"]["amount"]) == ("FAILED", reason, amount)
    world.tick()
    world.after(minutes=2)
    return world.session(made["sessionId"])["refund"]["status"] == "REFUNDED"


def overdue(world: World, **changes: Any) -> dict[str, Any]:
    """Mai's order and award have expired unpaid, and Bình has the offer."""
    world.announce(auction_result(paymentDeadline=in_seconds(300), runnersUp=[runner_up(BINH)], **changes))
    made = world.create().body
    world.after(minutes=17)
    world.after(minutes=1)
    assert world.statuses() == {MAI: "EXPIRED", BINH: "WAITING"}
    return made


# Nights that are past


@pytest.mark.parametrize(
    ("begun", "known", "nights", "expected"),
    [
        ("23:50", "00:08", [TODAY, TOMORROW], BOOKED),
        ("23:50", "00:10", [TODAY, TOMORROW], ("PAID", "REFUND_DUE", "NIGHTS_PAST")),
        ("23:50", "00:10", [TODAY], ("PAID", "REFUND_DUE", "NIGHTS_PAST")),
        ("23:50", "23:59", [TODAY], BOOKED),
        ("23:50", "12:00", [TOMORROW], BOOKED),
        ("12:00", "23:59", [TODAY, TOMORROW], BOOKED),
        ("12:00", "00:01", [TODAY, TOMORROW], ("PAID", "REFUND_DUE", "NIGHTS_PAST")),
    ],
)
def test_a_night_is_past_only_for_money_known_four_minutes_after_the_orders_end_and_after_its_day_in_viet_nam(
    world: World, begun: str, known: str, nights: list[str], expected: tuple[str, str, str | None]
):
    world.announce(auction_result(nights=nights))
    world.clock.move_to(in_viet_nam(TODAY, begun))
    made = world.create(nights).body
    day = TOMORROW if known < begun else TODAY
    world.clock.move_to(in_viet_nam(day, known))
    world.tick()
    assert world.call_back(signed(order_data(made["appTransId"], PRICE * len(nights)))) == 1
    assert outcome(world, made) == expected
    assert world.nights() == (dict.fromkeys(nights, "BOOKED") if expected == BOOKED else {})


def in_viet_nam(day: str, time: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{time}:00+07:00").astimezone(UTC)


def test_money_for_a_past_night_is_given_back_whole(world: World):
    world.announce(auction_result(nights=[TODAY, TOMORROW]))
    made = world.create([TODAY, TOMORROW]).body
    world.clock.move_to(in_viet_nam(TOMORROW, "09:00"))
    world.zalopay.pay(made["appTransId"], late=True)
    assert is_given_back_whole(world, made, "NIGHTS_PAST", 2 * PRICE)


# Nights that other users have, or are offered


@pytest.mark.parametrize("pays", [False, True])
def test_money_for_nights_that_another_user_holds_or_has_booked_is_given_back(world: World, pays: bool):
    made = overdue(world)
    theirs = world.create(amount=900_000, sub=BINH).body
    if pays:
        world.zalopay.pay(theirs["appTransId"])
    world.zalopay.pay(made["appTransId"], late=True)
    assert is_given_back_whole(world, made, "NIGHTS_TAKEN")
    assert {item["stayId"] for item in world.items(kind="NIGHT")} == {theirs["sessionId"]}
    world.zalopay.pay(theirs["appTransId"]) if not pays else None
    assert world.statuses() == {MAI: "EXPIRED", BINH: "PAID"}


@pytest.mark.parametrize("answer", ["waiting", "accepted"])
def test_money_for_nights_that_are_only_on_offer_books_them_and_the_offer_ends(world: World, answer: str):
    made = overdue(world)
    if answer == "accepted":
        world.http("POST", "/auctions/offers/1001/accept", sub=BINH)
    socket = world.socket(query=f"token={world.token(BINH)}")
    socket.subscribe(BINH)
    world.zalopay.pay(made["appTransId"], late=True)
    assert (outcome(world, made), world.statuses()) == (BOOKED, {MAI: "PAID", BINH: "EXPIRED"})
    assert world.nights() == dict.fromkeys(NIGHTS, "BOOKED")
    world.deliver()
    assert socket.frames[-1]["type"] == "OFFER_EXPIRED"
    (offer,) = world.http("GET", "/auctions/offers/second-chance/me", sub=BINH).body
    assert offer["status"] == "EXPIRED"
    assert [win["status"] for win in world.http("GET", "/auctions/winners/me", sub=BINH).body] == (
        ["EXPIRED"] if answer == "accepted" else []
    )
    assert world.create(amount=900_000, sub=BINH).code == "OFFER_EXPIRED"
    world.tick()
    assert [item["releases"] for item in world.items(kind="OFFER")] == [[]]


def test_an_offer_of_the_auction_system_for_these_nights_ends_too_and_others_stay(world: World):
    world.announce(auction_result(paymentDeadline=in_seconds(300)))
    made = world.create().body
    world.after(minutes=17)
    world.after(minutes=1)
    world.offer(userId=BINH, nights=NIGHTS[1:])
    world.offer(userId=CHI, offerId="5002", nights=["2027-06-01"])
    world.offer(
        userId="auth0|dung", offerId="5003", nights=NIGHTS[:1], property={"id": "778", "name": "x", "hostId": "h"}
    )
    world.zalopay.pay(made["appTransId"], late=True)
    assert outcome(world, made) == BOOKED
    assert {item["userId"]: item["status"] for item in world.items(kind="OFFER")} == {
        BINH: "EXPIRED",
        CHI: "WAITING",
        "auth0|dung": "WAITING",
    }


def test_what_the_money_does_not_buy_of_an_offer_that_it_ends_goes_on_to_the_next(world: World):
    world.announce(
        auction_result(
            result="PARTIAL_WIN",
            paymentDeadline=in_seconds(300),
            runnersUp=[runner_up(BINH), runner_up(CHI, NIGHTS[1])],
        )
    )
    made = world.create(NIGHTS[:1]).body
    world.after(minutes=17)
    world.after(minutes=1)
    world.zalopay.pay(made["appTransId"], late=True)
    world.tick()
    assert world.statuses() == {MAI: "PAID", BINH: "EXPIRED", CHI: "WAITING"}
    chance = world.item(kind="OFFER", userId=CHI)
    assert ([night["date"] for night in chance["nights"]], chance["atStake"]) == ([NIGHTS[1]], list(NIGHTS[1:]))
    world.after(minutes=121)
    assert world.item(kind="OFFER", userId=CHI)["releases"] == [list(NIGHTS[1:])]


# The award


def declined(world: World) -> None:
    assert world.http("POST", "/auctions/winners/1001/decline").status == 200


def withdrawn(world: World) -> None:
    event = {"auctionId": "1001", "userId": MAI, "revision": 1}
    assert world.announce(event, "AuctionWithdrawn")["as"] == "RECEIVED"


def corrected(world: World) -> None:
    assert world.announce(auction_result(nights=NIGHTS[1:], revision=1))["as"] == "RECEIVED"


def lost(world: World) -> None:
    event = auction_result(result="LOST", awardedNights=[], revision=1)
    assert world.announce(event)["as"] == "RECEIVED"


def nothing(_: World) -> None:
    """The award is open."""


@pytest.mark.parametrize(
    ("happens", "reason", "status"),
    [
        (nothing, None, "PAID"),
        (declined, None, "PAID"),
        (withdrawn, "AWARD_WITHDRAWN", "WITHDRAWN"),
        (corrected, "AWARD_WITHDRAWN", "PENDING_PAYMENT"),
        (lost, "AWARD_WITHDRAWN", "LOST"),
    ],
)
def test_what_has_become_of_the_award_decides(
    world: World, happens: Callable[[World], None], reason: str | None, status: str
):
    made = world.created()
    world.after(minutes=17)
    happens(world)
    world.zalopay.pay(made["appTransId"], late=True)
    assert world.item(kind="AWARD")["status"] == status
    if reason:
        assert is_given_back_whole(world, made, reason)
        assert world.nights() == {}
    else:
        assert outcome(world, made) == BOOKED


def test_a_correction_that_keeps_the_nights_does_not_stand_in_the_way(world: World):
    made = world.created()
    world.after(minutes=17)
    world.announce(auction_result(guestCount=4, revision=1))
    world.zalopay.pay(made["appTransId"], late=True)
    assert (outcome(world, made), world.item(kind="AWARD")["guestCount"]) == (BOOKED, 4)


@pytest.mark.parametrize("given_back", [False, True])
def test_money_for_an_award_that_another_order_has_paid_is_given_back(world: World, given_back: bool):
    first = world.created()
    world.after(minutes=17)
    second = world.buy()
    if given_back:
        assert world.http("DELETE", f"/bookings/{second['sessionId']}").status == 200
    world.zalopay.pay(first["appTransId"], late=True)
    assert is_given_back_whole(world, first, "ALREADY_PAID")
    assert world.nights() == ({} if given_back else dict.fromkeys(NIGHTS, "BOOKED"))


def test_money_that_only_a_query_finds_is_decided_on_in_the_same_way(world: World):
    made = overdue(world)
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(made["appTransId"], late=True)
    world.after(minutes=9)
    assert (outcome(world, made), world.statuses()) == (BOOKED, {MAI: "PAID", BINH: "EXPIRED"})


def test_money_whose_nights_are_taken_while_it_is_recorded_is_given_back(world: World):
    made = overdue(world)
    begin = before(
        world.functions["zalopay_callback"], "TransactWriteItems", lambda: world.create(amount=900_000, sub=BINH)
    )
    with begin:
        world.zalopay.pay(made["appTransId"], late=True)
    assert outcome(world, made) == ("PAID", "REFUND_DUE", "NIGHTS_TAKEN")
    assert world.statuses() == {MAI: "EXPIRED", BINH: "WAITING"}
    assert world.nights() == dict.fromkeys(NIGHTS, "HELD")
