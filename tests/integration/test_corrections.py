"""The auction system corrects or withdraws an award, by revision, in every state of the award."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from stays.table.awards import AwardKeepsChanging
from tests.integration.messages import (
    BINH,
    MAI,
    NIGHTS,
    PRICE,
    PROPERTY,
    auction_result,
    in_seconds,
    runner_up,
    second_chance,
)
from tests.integration.product import Asked, before, failing, fault
from tests.integration.world import Reply, World

CHI = "auth0|chi"
WHOLE = 3 * PRICE
DEARER = [{"date": night, "price": PRICE + 1000} for night in NIGHTS]
REVISION = 5  # of the stored award
Item = dict[str, Any]


def result(**changes: Any) -> Item:
    return auction_result(**{"revision": REVISION, "runnersUp": [runner_up(BINH), runner_up(CHI)], **changes})


def offer(**changes: Any) -> Item:
    return second_chance(**{"revision": REVISION, "userId": MAI, **changes})


def withdrawal(**changes: Any) -> Item:
    return {"auctionId": "1001", "userId": MAI, **changes}


def withdraw(world: World, **changes: Any) -> Item:
    return world.announce(withdrawal(**changes), "AuctionWithdrawn")


def correct(world: World, **changes: Any) -> Item:
    return world.announce(result(revision=REVISION + 1, awardedNights=DEARER, **changes))


def take_back(world: World) -> Item:
    return withdraw(world, revision=REVISION)


def award(world: World, user_id: str = MAI) -> Item:
    (found,) = [item for item in world.items(userId=user_id) if item["kind"] in ("AWARD", "OFFER")]
    return found


def price(world: World) -> int:
    return sum(night["price"] for night in award(world)["nights"])


def post(world: World, path: str, **how: Any) -> Reply:
    reply = world.http("POST", f"/auctions/{path}", **how)
    assert reply.status == 200, reply.body
    return reply


def pay(world: World) -> None:
    world.buy()


def expire(world: World) -> None:
    world.after(days=2)


def lose(world: World) -> None:
    world.announce(auction_result(result="LOST", awardedNights=[], revision=REVISION))


WINS: dict[str, Callable[[World], Any]] = {
    "PENDING_PAYMENT": lambda world: world.announce(result()),
    "PAID": lambda world: (world.announce(result()), pay(world)),
    "DECLINED": lambda world: (world.announce(result()), post(world, "winners/1001/decline")),
    "EXPIRED": lambda world: (world.announce(result()), expire(world)),
    "WITHDRAWN": lambda world: (world.announce(result()), withdraw(world, revision=REVISION)),
    "LOST": lose,
}
OFFERS: dict[str, Callable[[World], Any]] = {
    "WAITING": lambda world: world.announce(offer(), "SecondChanceOffer"),
    "ACCEPTED": lambda world: (world.announce(offer(), "SecondChanceOffer"), post(world, "offers/5001/accept")),
    "DECLINED": lambda world: (world.announce(offer(), "SecondChanceOffer"), post(world, "offers/5001/decline")),
    "PAID": lambda world: (world.announce(offer(), "SecondChanceOffer"), pay(world)),
    "EXPIRED": lambda world: (world.announce(offer(), "SecondChanceOffer"), expire(world)),
    "WITHDRAWN": lambda world: (
        world.announce(offer(), "SecondChanceOffer"),
        withdraw(world, offerId="5001", revision=REVISION),
    ),
}
EVERY = [pytest.param("AuctionResult", WINS[name], id=f"win {name}") for name in WINS]
EVERY += [pytest.param("SecondChanceOffer", OFFERS[name], id=f"offer {name}") for name in OFFERS]
REPLACEABLE = ("PENDING_PAYMENT", "WAITING", "ACCEPTED", "LOST")


def corrected(kind: str, revision: int) -> Item:
    if kind == "AuctionResult":
        return auction_result(revision=revision, awardedNights=DEARER[:2], guestCount=4)
    return second_chance(revision=revision, userId=MAI, offeredNights=DEARER[:2], guestCount=4)


# Without an open order or reservation


@pytest.mark.parametrize(("kind", "stands"), EVERY)
def test_a_higher_revision_replaces_what_can_still_be_decided_and_is_refused_otherwise(
    world: World, kind: str, stands: Callable[[World], Any]
):
    stands(world)
    old = award(world)
    answer = world.announce(corrected(kind, REVISION + 1), kind)
    if old["status"] in REPLACEABLE:
        assert (answer["accepted"], answer["as"]) == (True, "RECEIVED")
        new = award(world)
        assert new["status"] == {"AuctionResult": "PENDING_PAYMENT"}.get(kind, "WAITING")
        assert (new["revision"], new["guestCount"], "payUntil" in new) == (REVISION + 1, 4, False)
        assert world.create(NIGHTS[:2], amount=2 * (PRICE + 1000)).status == 200
    else:
        assert (answer["accepted"], old["status"] in answer["reason"]) == (False, True)
        assert (award(world), world.item(kind="REFUSED")["reason"]) == (old, answer["reason"])


@pytest.mark.parametrize(("kind", "stands"), EVERY)
def test_an_equal_or_lower_revision_and_an_older_withdrawal_are_ignored(
    world: World, kind: str, stands: Callable[[World], Any]
):
    stands(world)
    before_all = world.items()
    for revision in (REVISION, REVISION - 1):
        assert world.announce(corrected(kind, revision), kind, number=2)["as"] == "IGNORED"
    named = {} if kind == "AuctionResult" else {"offerId": "5001"}
    assert withdraw(world, revision=REVISION - 1, **named)["as"] == "IGNORED"
    assert world.items() == before_all


@pytest.mark.parametrize(("kind", "stands"), EVERY)
def test_what_is_not_paid_is_withdrawn_and_can_be_paid_no_more(world: World, kind: str, stands: Callable[[World], Any]):
    stands(world)
    old, named = award(world), {} if kind == "AuctionResult" else {"offerId": "5001"}
    answer = withdraw(world, revision=REVISION, **named)
    if old["status"] == "PAID":
        assert (answer["accepted"], award(world)) == (False, old)
        assert "paid" in answer["reason"]
        return
    assert answer["as"] == ("IGNORED" if old["status"] == "WITHDRAWN" else "RECEIVED")
    gone = award(world)
    assert (gone["status"], {"unsold", "dueAt"} & set(gone)) == ("WITHDRAWN", set())
    assert world.create().status in (404, 409)
    assert world.items(kind="SESSION", status="PENDING") == []


def test_without_a_revision_the_first_result_counts_and_its_withdrawal_is_final(world: World):
    world.announce(auction_result())
    assert withdraw(world)["as"] == "RECEIVED"
    assert world.announce(auction_result())["as"] == "IGNORED"
    assert world.http("GET", "/auctions/winners/1001").body["status"] == "EXPIRED"


def test_browsers_hear_of_a_correction_and_of_a_withdrawal(world: World):
    socket = world.socket(query=f"token={world.token()}")
    socket.subscribe()
    world.announce(result())
    world.announce(offer(auctionId="1002", nights=["2027-06-01"]), "SecondChanceOffer")
    correct(world)
    world.deliver()
    told = socket.of_type("AUCTION_RESULT")[-1]
    assert (told["result"], told["amount"]) == ("FULL_WIN", WHOLE + 3000)
    withdraw(world, revision=REVISION + 1)
    withdraw(world, auctionId="1002", offerId="5001", revision=REVISION)
    world.deliver()
    assert (socket.of_type("AUCTION_RESULT")[-1]["result"], socket.frames[-1]["type"]) == ("LOST", "OFFER_EXPIRED")
    assert world.http("GET", "/auctions/offers/second-chance/5001").body["status"] == "EXPIRED"


# An order or a reservation is open


def order(world: World) -> Item:
    """A partial win whose order is open."""
    world.announce(result(result="PARTIAL_WIN"))
    return world.create().body


def reserve(world: World) -> Item:
    """A partial win that is reserved."""
    world.announce(result(result="PARTIAL_WIN"))
    kept = world.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)}).body
    return {"sessionId": kept["id"], "appTransId": world.standing(kept["id"])["appTransId"]}


def time_is_over(world: World, _: Item) -> None:
    world.after(minutes=17)


def payer_gives_up(world: World, made: Item) -> None:
    world.zalopay.cancel(made["appTransId"])
    world.status(made["appTransId"])


def chooses_other_nights(world: World, _: Item) -> None:
    world.create(NIGHTS[:1])


def declines(world: World, _: Item) -> None:
    world.http("POST", "/auctions/winners/1001/decline")


def gives_back(world: World, made: Item) -> None:
    assert world.http("DELETE", f"/bookings/{made['sessionId']}").status == 200


ENDS = [(order, time_is_over), (order, payer_gives_up), (order, chooses_other_nights), (order, declines)]
ENDS += [(reserve, time_is_over), (reserve, gives_back), (reserve, chooses_other_nights), (reserve, declines)]
Open, End = Callable[[World], Item], Callable[[World, Item], None]


@pytest.mark.parametrize(("begin", "end"), ENDS)
def test_a_correction_waits_for_the_end_of_an_open_session_and_is_applied_by_the_write_that_ends_it(
    world: World, begin: Open, end: End
):
    made = begin(world)
    assert correct(world, result="PARTIAL_WIN")["as"] == "KEPT"
    assert (price(world), world.standing(made["sessionId"])["amount"]) == (WHOLE, WHOLE)
    end(world, made)
    applied = award(world)
    assert (price(world), applied["revision"], "correction" in applied) == (WHOLE + 3000, REVISION + 1, False)
    assert world.standing(made["sessionId"])["status"] in ("CANCELLED", "EXPIRED")
    assert applied["status"] == ("DECLINED" if end is declines else "PENDING_PAYMENT")
    if end is not declines:
        assert world.create(amount=WHOLE + 3000).status == 200


@pytest.mark.parametrize(("begin", "end"), ENDS)
def test_a_withdrawal_waits_for_the_end_of_an_open_session_and_is_applied_by_the_write_that_ends_it(
    world: World, begin: Open, end: End
):
    made = begin(world)
    assert withdraw(world, revision=REVISION)["as"] == "KEPT"
    assert award(world)["status"] == "PENDING_PAYMENT"
    end(world, made)
    gone = award(world)
    assert (gone["status"], {"correction", "dueAt", "unsold"} & set(gone)) == ("WITHDRAWN", set())
    world.after(days=2)
    assert (world.statuses(), world.nights()) == ({MAI: "WITHDRAWN"}, {})


@pytest.mark.parametrize("end", [chooses_other_nights, declines])
def test_an_order_that_gives_way_to_a_correction_is_cancelled_at_zalopay_too(world: World, end: End):
    made = order(world)
    correct(world, result="PARTIAL_WIN")
    with Asked(world.functions["payments"]) as paths:
        end(world, made)
    assert paths[:2] == ["/v2/query", "/v2/cancel"]
    assert world.zalopay.order(made["appTransId"])["state"] == "CANCELLED"


@pytest.mark.parametrize("correction", [correct, take_back])
@pytest.mark.parametrize("late", [False, True])
def test_a_payment_before_the_session_ends_keeps_the_booking_and_refuses_the_waiting_correction(
    world: World, correction: Callable[[World], Item], late: bool
):
    made = order(world)
    assert correction(world)["as"] == "KEPT"
    if late:
        world.zalopay.fault("payment_moving")
        world.after(minutes=17)
        world.zalopay.fault("payment_moving", on=False)
    world.zalopay.pay(made["appTransId"], late=late)
    paid = award(world)
    assert (paid["status"], price(world), "correction" in paid) == ("PAID", WHOLE, False)
    assert world.standing(made["sessionId"])["fulfilment"] == "BOOKED"
    kept = world.item(kind="REFUSED")
    assert ("paid" in kept["reason"], json.loads(kept["raw"])["revision"] >= REVISION) == (True, True)
    assert kept["SK"].endswith("#0b1e7d62-0000-4000-8000-000000000001")


def test_while_a_correction_waits_the_same_choice_gets_the_open_order_on_its_old_terms(world: World):
    made = order(world)
    correct(world)
    assert world.create().body == made
    assert world.http("GET", "/auctions/winners/1001").body["bidAmount"] == WHOLE


def say(kind: str, revision: int, number: int = 2) -> Callable[[World], Item]:
    """Announce a correction or a withdrawal of this revision, with this event number."""
    if kind == "withdraw":
        return lambda world: world.announce(withdrawal(revision=revision), "AuctionWithdrawn", number)
    return lambda world: world.announce(result(revision=revision, awardedNights=DEARER), number=number)


@pytest.mark.parametrize(
    ("first", "second", "second_as", "then"),
    [
        (say("correct", 6), say("correct", 6), "KEPT", ("PENDING_PAYMENT", 6)),
        (say("correct", 6), say("correct", 6, 3), "IGNORED", ("PENDING_PAYMENT", 6)),
        (say("correct", 6), say("correct", 7, 3), "KEPT", ("PENDING_PAYMENT", 7)),
        (say("correct", 6), say("withdraw", 5, 3), "IGNORED", ("PENDING_PAYMENT", 6)),
        (say("correct", 6), say("withdraw", 6, 3), "KEPT", ("WITHDRAWN", 6)),
        (say("withdraw", 6), say("withdraw", 6), "KEPT", ("WITHDRAWN", 6)),
        (say("withdraw", 6), say("correct", 6, 3), "IGNORED", ("WITHDRAWN", 6)),
        (say("withdraw", 6), say("correct", 7, 3), None, ("WITHDRAWN", 6)),
    ],
)
def test_of_two_waiting_corrections_the_higher_revision_counts_and_none_replaces_a_withdrawal(
    world: World, first: Any, second: Any, second_as: str | None, then: tuple[str, int]
):
    order(world)
    assert first(world)["as"] == "KEPT"
    answer = second(world)
    assert answer.get("as") == second_as
    assert second_as or answer["reason"] == "this award is withdrawn once its payment has ended"
    world.after(minutes=17)
    stands = award(world)
    assert (stands["status"], stands["revision"]) == then
    assert len(world.items(kind="REFUSED")) == (second_as is None)


def test_a_host_who_comes_with_a_correction_has_the_calendar_once_it_is_kept(world: World):
    order(world)
    detail = result(revision=6, property={**PROPERTY, "hostId": "auth0|new"})
    with failing(world.functions["awards"], "UpdateItem", fault()), pytest.raises(type(fault())):
        world.announce(detail, number=2, time="2027-03-01T03:00:05Z")
    assert world.item(kind="CALENDAR")["hostId"] == PROPERTY["hostId"]
    world.clock.shift(timedelta(seconds=10))
    assert world.announce(detail, number=2, time="2027-03-01T03:00:05Z")["as"] == "KEPT"
    assert world.item(kind="CALENDAR")["hostId"] == "auth0|new"


# Corrections during another write


@pytest.mark.parametrize("end", [chooses_other_nights, declines])
def test_a_correction_that_arrives_while_the_session_is_being_replaced_is_not_lost(world: World, end: End):
    made = order(world)
    function = "payments" if end is chooses_other_nights else "auctions"

    def come_between() -> None:
        world.clock.shift(timedelta(seconds=5))
        take_back(world)

    with before(world.functions[function], "TransactWriteItems", come_between):
        end(world, made)
    world.after(minutes=17)
    assert (world.statuses(), world.nights()) == ({MAI: "WITHDRAWN"}, {})


def test_a_correction_that_arrives_while_the_session_ends_is_applied_at_once(world: World):
    made = order(world)
    world.clock.shift(timedelta(minutes=17))
    with before(world.functions["awards"], "TransactWriteItems", world.tick):
        assert correct(world)["as"] == "RECEIVED"
    assert (world.standing(made["sessionId"])["status"], price(world)) == ("EXPIRED", WHOLE + 3000)


def test_a_correction_that_arrives_while_the_clock_ends_the_session_is_applied_by_that_write(world: World):
    made = order(world)
    world.clock.shift(timedelta(minutes=17))
    with before(world.functions["reconciliation"], "TransactWriteItems", lambda: correct(world)):
        world.tick()
    assert (world.standing(made["sessionId"])["status"], price(world)) == ("EXPIRED", WHOLE + 3000)


def keep_changing(world: World) -> Callable[[], None]:
    """Return a function that changes the stored award each time it is called."""
    numbers = iter(range(1, 20))

    def change() -> None:
        item = award(world)
        world.dynamodb.update_item(
            TableName="stays",
            Key={name: {"S": item[name]} for name in ("PK", "SK")},
            UpdateExpression="SET changedAt = :now",
            ExpressionAttributeValues={":now": {"S": f"2027-03-01T03:00:{next(numbers):02}.000Z"}},
        )

    return change


@pytest.mark.parametrize(("correction", "writes"), [(correct, 12), (take_back, 6)])
def test_a_correction_of_an_award_that_keeps_changing_is_left_to_the_buss_retry(
    world: World, correction: Callable[[World], Item], writes: int
):
    """A correction is tried six times: each time as a new award first, then over the one that is there."""
    world.announce(result())
    change = keep_changing(world)
    with (
        before(world.functions["awards"], "TransactWriteItems", change, times=writes),
        pytest.raises(AwardKeepsChanging),
    ):
        correction(world)
    assert correction(world)["as"] == "RECEIVED"


@pytest.mark.parametrize(
    ("function", "path", "body", "refusal"),
    [
        ("payments", "/payment/zalopay/create", {"amount": WHOLE, "orderInfo": "x"}, "PAYMENT_CREATION_FAILED"),
        ("bookings", "/bookings", {}, "INVALID_AUCTION_STATE"),
    ],
)
def test_a_choice_from_an_award_that_keeps_changing_is_refused_and_can_be_made_again(
    world: World, function: str, path: str, body: Item, refusal: str
):
    world.announce(result())
    choice = {"auctionId": "1001", "selectedNights": list(NIGHTS), **body}
    with before(world.functions[function], "TransactWriteItems", keep_changing(world), times=4):
        assert world.http("POST", path, choice).code == refusal
    assert (world.items(kind="SESSION"), world.nights()) == ([], {})
    assert world.http("POST", path, choice).status in (200, 201)


def test_money_that_comes_before_the_session_gives_way_to_a_correction_counts(world: World):
    made = order(world)
    assert correct(world)["as"] == "KEPT"
    with before(world.functions["payments"], "TransactWriteItems", lambda: world.zalopay.pay(made["appTransId"])):
        assert world.create(NIGHTS[:1]).code == "INVALID_AUCTION_STATE"
    assert (world.standing(made["sessionId"])["status"], world.statuses()[MAI]) == ("PAID", "PAID")


def test_a_withdrawal_that_the_end_of_the_session_applies_ends_the_award_beyond_its_deadline(world: World):
    world.announce(result(paymentDeadline=in_seconds(300)))
    made = world.create().body
    assert take_back(world)["as"] == "KEPT"
    world.zalopay.cancel(made["appTransId"])
    world.dynamodb.update_item(  # so that only the award is due
        TableName="stays",
        Key={"PK": {"S": f"STAY#{made['sessionId']}"}, "SK": {"S": "SESSION"}},
        UpdateExpression="SET dueAt = :later",
        ExpressionAttributeValues={":later": {"S": "2027-03-02T03:00:00.000Z"}},
    )
    world.after(minutes=6)
    assert (world.standing(made["sessionId"])["status"], world.statuses()) == ("CANCELLED", {MAI: "WITHDRAWN"})


# Withdrawn before the award arrived


def test_a_win_that_was_withdrawn_before_its_result_arrived_never_appears(world: World):
    assert withdraw(world, revision=3)["as"] == "RECEIVED"
    assert withdraw(world, revision=3)["as"] == "IGNORED"
    assert withdraw(world, revision=4)["as"] == "RECEIVED"
    assert world.announce(auction_result(revision=4))["as"] == "IGNORED"
    refused = world.announce(auction_result(revision=5))
    assert (refused["accepted"], refused["reason"]) == (False, "this award was withdrawn")
    assert world.http("GET", "/auctions/winners/me").body == []
    assert (world.http("GET", "/auctions/winners/1001").status, world.create().status) == (404, 404)
    assert world.deliver() == {"notifier": [], "fulfilment": []}


def test_an_offer_that_was_withdrawn_before_it_arrived_never_appears(world: World):
    assert withdraw(world, offerId="5001")["as"] == "RECEIVED"
    assert world.offer(userId=MAI)["as"] == "IGNORED"
    assert world.http("GET", "/auctions/offers/second-chance/me").body == []
    assert world.announce(auction_result())["as"] == "RECEIVED"


# The offers that follow from it


def chain(world: World, **changes: Any) -> None:
    """Mai's win has expired, and Bình has the offer."""
    world.announce(result(paymentDeadline=in_seconds(300), **changes))
    world.after(minutes=6)
    assert world.statuses() == {MAI: "EXPIRED", BINH: "WAITING"}


@pytest.mark.parametrize("times", [1, 2])
def test_the_unpaid_offers_of_its_chain_are_withdrawn_with_it_and_the_next_is_not_asked(world: World, times: int):
    chain(world)
    if times == 2:
        post(world, "offers/1001/decline", sub=BINH)
    socket = world.socket(query=f"token={world.token(BINH)}")
    socket.subscribe(BINH)
    for expected in ("RECEIVED", "IGNORED"):
        assert withdraw(world, revision=REVISION)["as"] == expected
        assert set(world.statuses().values()) == {"WITHDRAWN"} | ({"DECLINED"} if times == 2 else set())
    world.deliver()
    assert socket.frames[-1]["type"] == ("OFFER_EXPIRED" if times == 1 else "SUBSCRIBED")
    world.after(days=3)
    assert world.statuses().get(CHI, "WITHDRAWN") == "WITHDRAWN"
    assert [item["releases"] for item in world.items() if "releases" in item] == [[]] * (times + 1)


@pytest.mark.parametrize("pays", [False, True])
def test_an_offer_of_its_chain_whose_order_is_open_is_withdrawn_by_the_write_that_ends_it(world: World, pays: bool):
    chain(world)
    made = world.create(amount=900_000, sub=BINH).body
    for _ in range(2):
        withdraw(world, revision=REVISION)
        assert world.statuses() == {MAI: "WITHDRAWN", BINH: "WAITING"}
    if pays:
        world.zalopay.pay(made["appTransId"])
    world.after(minutes=17)
    world.after(days=3)
    assert world.statuses() == {MAI: "WITHDRAWN", BINH: "PAID" if pays else "WITHDRAWN"}
    assert len(world.items(kind="REFUSED")) == pays
    assert world.nights() == (dict.fromkeys(NIGHTS, "BOOKED") if pays else {})


def test_of_a_win_that_is_paid_in_part_the_booking_stands_and_what_it_left_is_on_offer_no_more(world: World):
    world.announce(result(result="PARTIAL_WIN"))
    world.buy(NIGHTS[:1])
    world.tick()
    assert world.statuses() == {MAI: "PAID", BINH: "WAITING"}
    assert withdraw(world, revision=REVISION)["accepted"] is False
    assert world.statuses() == {MAI: "PAID", BINH: "WITHDRAWN"}


def test_an_offer_of_its_chain_that_is_paid_in_part_and_waits_to_pass_on_the_rest_is_no_obstacle(world: World):
    chain(world)
    world.announce(auction_result(auctionId="1002", userId="auth0|dung", nights=NIGHTS[2:]))
    world.buy(NIGHTS[:1], 300_000, sub=BINH)
    assert world.create(NIGHTS[2:], auction_id="1002", sub="auth0|dung").status == 200
    world.tick()
    assert world.item(kind="OFFER")["unsold"] == list(NIGHTS[1:])
    assert withdraw(world, revision=REVISION)["as"] == "RECEIVED"
    assert world.statuses() == {MAI: "WITHDRAWN", BINH: "PAID", "auth0|dung": "PENDING_PAYMENT"}


def test_nights_that_wait_for_the_end_of_a_hold_are_taken_back_too(world: World):
    world.announce(auction_result(auctionId="1002", userId="auth0|dung", nights=NIGHTS[2:]))
    world.announce(result(paymentDeadline=in_seconds(300)))
    world.create(NIGHTS[2:], auction_id="1002", sub="auth0|dung")
    world.after(minutes=6)
    assert award(world)["unsold"] == list(NIGHTS)
    assert withdraw(world, revision=REVISION)["as"] == "RECEIVED"
    world.after(days=3)
    assert world.statuses()[MAI] == "WITHDRAWN" and BINH not in world.statuses()


def test_offers_that_follow_from_another_award_of_the_auction_stay(world: World):
    world.announce(result(userId="auth0|dung", nights=["2027-04-01"], runnersUp=[], awardedNights=[DEARER[0]]))
    other = {"userId": CHI, "nights": [{"date": "2027-05-01", "price": PRICE}]}
    world.announce(result(userId="auth0|em", nights=["2027-05-01"], runnersUp=[other]))
    post(world, "winners/1001/decline", sub="auth0|em")
    world.offer(userId=BINH, nights=["2027-06-01"])
    chain_of_mai = result(paymentDeadline=in_seconds(300), runnersUp=[])
    world.announce(chain_of_mai)
    assert withdraw(world, revision=REVISION)["as"] == "RECEIVED"
    assert world.statuses() == {
        MAI: "WITHDRAWN",
        BINH: "WAITING",
        CHI: "WAITING",
        "auth0|dung": "PENDING_PAYMENT",
        "auth0|em": "DECLINED",
    }


def test_a_stale_withdrawal_leaves_the_offers_of_a_corrected_award_alone(world: World):
    chain(world)
    assert withdraw(world, revision=REVISION - 1)["as"] == "IGNORED"
    assert world.statuses() == {MAI: "EXPIRED", BINH: "WAITING"}


@pytest.mark.parametrize("operation", ["PutItem", "TransactWriteItems", "Query"])
def test_a_withdrawal_that_dies_on_its_way_is_completed_when_it_comes_again(world: World, operation: str):
    chain(world)
    error = fault()
    with failing(world.functions["awards"], operation, error), pytest.raises(type(error)):
        withdraw(world, revision=REVISION)
    withdraw(world, revision=REVISION)
    assert world.statuses() == {MAI: "WITHDRAWN", BINH: "WITHDRAWN"}
