"""Wins, offers and the answers to them: every route with its whole answer, and the effects."""

from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

from stays.aws.attributes import to_attributes
from tests.integration.messages import BINH, HOST, MAI, NIGHTS, PRICE, PROPERTY, auction_result, in_seconds, runner_up
from tests.integration.product import Asked, before, counted, failing, fault, load
from tests.integration.shapes import ID, TIME
from tests.integration.world import World

CHI = "auth0|chi"
HOUSE = {
    "id": "777",
    "title": "Nhà Trên Đồi",
    "city": "Đà Lạt",
    "location": {"city": "Đà Lạt"},
    "images": [],
    "max_guests": 4,
}
WINNER = {
    "id": "1001",
    "auctionId": "1001",
    "property": HOUSE,
    "bidAmount": 3 * PRICE,
    "checkIn": "2027-03-20",
    "checkOut": "2027-03-23",
    "isPartialWin": False,
    "awardedNights": [
        {"date": night, "pricePerNight": PRICE, "isSelected": True, "rangeId": "range-1"} for night in NIGHTS
    ],
    "status": "PENDING_PAYMENT",
    "paymentDeadline": TIME,
    "guestCount": 2,
}
OFFER = {
    "id": "5001",
    "originalBidId": "88",
    "userId": MAI,
    "auctionId": "1001",
    "property": HOUSE,
    "propertyName": "Nhà Trên Đồi",
    "offeredNights": list(NIGHTS),
    "amount": 3 * PRICE,
    "responseDeadline": TIME,
    "status": "WAITING",
}


def get(world: World, path: str, sub: str = MAI) -> Any:
    reply = world.http("GET", f"/auctions/{path}", sub=sub)
    assert reply.status == 200, reply.body
    return reply.body


def post(world: World, path: str, body: Any = None, sub: str = MAI) -> tuple[int, str | None]:
    """The status and the code of an answer. A good answer has an empty body."""
    reply = world.http("POST", f"/auctions/{path}", body, sub=sub)
    assert reply.status != 200 or reply.body == {}
    return reply.status, None if reply.status == 200 else reply.code


DONE = (200, None)
OVER = (409, "INVALID_AUCTION_STATE")
EXPIRED = (409, "OFFER_EXPIRED")
NOTHING = (404, "NOT_FOUND")


def partial(world: World, **changes: Any) -> None:
    """A partial win of two nights in a row and one more."""
    nights = ["2027-03-20", "2027-03-21", "2027-03-23"]
    assert world.announce(auction_result(result="PARTIAL_WIN", nights=nights, **changes))["accepted"]


def started(world: World, **settings: str) -> ModuleType:
    """The function `auctions` with other settings."""
    return load("auctions", {"ZALOPAY_ENDPOINT": world.zalopay.url, **settings})


# What is shown


def test_wins_are_a_bare_array_and_one_of_them_is_the_same(world: World):
    world.announce(auction_result())
    world.announce(auction_result(auctionId="1002", paymentDeadline=in_seconds(90_000), nights=["2027-04-01"]))
    world.announce(auction_result(auctionId="1003", result="LOST", awardedNights=[]))
    world.announce(auction_result(auctionId="1004", userId=BINH, nights=["2027-05-01"]))
    found = get(world, "winners/me")
    assert [each["id"] for each in found] == ["1002", "1001"]
    assert found[1] == get(world, "winners/1001") == WINNER
    assert get(world, "winners/me", "auth0|nobody") == []


@pytest.mark.parametrize(("page", "shown"), [(None, False), ("false", False), ("true", True)])
def test_c26_a_win_is_called_partial_once_the_page_for_that_can_be_used(world: World, page: str | None, shown: bool):
    partial(world)
    if page:
        world.functions = {**world.functions, "auctions": started(world, PARTIAL_WIN_PAGE=page)}
    world.offer(userId=MAI, nights=["2027-06-01", "2027-06-03"])
    post(world, "offers/5001/accept")
    assert [win["isPartialWin"] for win in get(world, "winners/me")] == [shown, shown]


def test_a_partial_win_shows_its_ranges(world: World):
    partial(world)
    shown = get(world, "winners/1001")
    assert (shown["checkIn"], shown["checkOut"]) == ("2027-03-20", "2027-03-24")
    assert [night["rangeId"] for night in shown["awardedNights"]] == ["range-1", "range-1", "range-2"]


def test_offers_are_a_bare_array_and_one_of_them_is_the_same_by_either_name(world: World):
    world.offer(userId=MAI)
    assert get(world, "offers/second-chance/me") == [OFFER]
    assert get(world, "offers/second-chance/5001") == get(world, "offers/second-chance/1001") == OFFER
    assert get(world, "winners/me") == []
    assert get(world, "offers/second-chance/me", BINH) == []


def test_c15_nothing_that_is_not_known_is_shown_as_null(world: World):
    bare = {"id": "7", "name": "Lều", "hostId": HOST}
    world.announce(auction_result(property=bare))
    world.offer(userId=MAI, originalBidId=None, property=bare)
    assert get(world, "winners/1001")["property"] == {"id": "7", "title": "Lều", "location": {}, "images": []}
    assert "originalBidId" not in get(world, "offers/second-chance/5001")


def test_a_paid_win_says_so_at_once_and_names_its_payment(world: World):
    paid = world.paid()
    assert get(world, "winners/1001") == WINNER | {"status": "PAID", "paymentId": paid["id"]}
    assert post(world, "winners/1001/accept") == post(world, "winners/1001/decline") == OVER
    refused = world.http("POST", "/auctions/winners/1001/accept")
    assert refused.details == {"sessionId": paid["id"]}


def test_a_win_of_an_earlier_release_is_shown_told_and_paid(world: World):
    """Release 1.1 wrote no `changedAt` on awards."""
    result = auction_result()
    world.announce(result)
    item = world.item(kind="AWARD")
    key = {name: {"S": item[name]} for name in ("PK", "SK")}
    world.dynamodb.update_item(TableName="stays", Key=key, UpdateExpression="REMOVE changedAt, dueAt, dueShard")
    assert world.announce(result)["accepted"]
    assert get(world, "winners/me") == [WINNER]
    assert [frame["type"] for frame in world.socket().subscribe()] == ["SUBSCRIBED", "AUCTION_RESULT"]
    world.buy()
    world.deliver()
    assert get(world, "winners/1001")["status"] == "PAID"


ANSWERS = [
    "winners/1001/accept",
    "winners/1001/decline",
    "offers/second-chance/5001/accept",
    "offers/second-chance/5001/decline",
    "offers/5001/accept",
    "offers/1001/decline",
]


@pytest.mark.parametrize("stranger", [BINH, HOST])
def test_other_peoples_are_the_same_404_as_unknown_ones(world: World, stranger: str):
    world.announce(auction_result())
    world.offer(userId=MAI)
    before_all = world.items()
    for path in ("winners/1001", "offers/second-chance/5001"):
        assert world.http("GET", f"/auctions/{path}", sub=stranger).code == "NOT_FOUND"
    for path in ANSWERS:
        assert post(world, path, sub=stranger) == NOTHING, path
    assert post(world, "analytics/decline", {"offerId": "5001"}, stranger) == NOTHING
    assert world.items() == before_all


def test_what_is_not_there_is_404(world: World):
    world.announce(auction_result(result="LOST", awardedNights=[]))
    world.announce(auction_result(auctionId="1002"))
    for path in ("winners/1001", "winners/9", "offers/second-chance/1002", "offers/second-chance/WIN"):
        assert world.http("GET", f"/auctions/{path}").status == 404, path
    for path in (*ANSWERS, "offers/second-chance/1002/decline", "offers/WIN/decline"):
        assert post(world, path) == NOTHING, path
    assert world.statuses()[MAI] == "PENDING_PAYMENT"


def test_an_offer_is_meant_before_the_auction_of_the_same_number(world: World):
    world.announce(auction_result(auctionId="5001"))
    world.offer(userId=MAI, nights=["2027-06-01"])
    assert get(world, "offers/second-chance/5001")["offeredNights"] == ["2027-06-01"]
    assert post(world, "offers/5001/decline") == DONE
    assert get(world, "offers/second-chance/5001")["status"] == "DECLINED"
    assert get(world, "winners/5001")["status"] == "PENDING_PAYMENT"


def test_of_a_win_and_an_offer_of_one_auction_the_one_that_can_be_paid_is_meant(world: World):
    world.announce(auction_result())
    world.offer(userId=MAI, nights=["2027-06-01"])
    assert post(world, "offers/1001/decline") == DONE
    assert (get(world, "winners/1001")["status"], get(world, "offers/second-chance/5001")["status"]) == (
        "EXPIRED",
        "WAITING",
    )
    assert post(world, "offers/1001/decline") == DONE
    assert get(world, "offers/second-chance/5001")["status"] == "DECLINED"


# Accepting


@pytest.mark.parametrize("body", [None, {}, {"selectedNights": []}, {"somethingElse": [1]}])
def test_a_full_win_is_accepted_with_any_body_or_none(world: World, body: Any):
    world.announce(auction_result())
    for path in ("winners/1001/accept", "offers/1001/accept"):
        assert post(world, path, body) == DONE
    assert get(world, "winners/1001") == WINNER


def test_a_blank_body_is_none(world: World):
    world.announce(auction_result())
    assert world.http("POST", "/auctions/winners/1001/accept", raw=b" \n").status == 200


def test_accepting_part_of_a_partial_win_selects_nights_and_the_amount_follows(world: World):
    partial(world)
    chosen = ["2027-03-20", "2027-03-23"]
    assert post(world, "offers/1001/accept", {"selectedNights": chosen}) == DONE
    shown = get(world, "winners/1001")
    assert (shown["bidAmount"], [night["isSelected"] for night in shown["awardedNights"]]) == (
        2 * PRICE,
        [True, False, True],
    )
    assert (shown["status"], shown["paymentDeadline"]) == ("PENDING_PAYMENT", world.item(kind="AWARD")["deadline"])
    made = world.create(chosen, amount=2 * PRICE)
    world.zalopay.pay(made.body["appTransId"])
    assert world.nights() == dict.fromkeys(chosen, "BOOKED")
    assert get(world, "winners/1001")["status"] == "PAID"


def test_the_price_of_the_selected_nights_books_them_whichever_of_them_the_client_names(world: World):
    partial(world)
    post(world, "winners/1001/accept", {"selectedNights": ["2027-03-20", "2027-03-21"]})
    made = world.create(["2027-03-20"], amount=2 * PRICE)
    assert made.status == 200
    assert list(world.nights()) == ["2027-03-20", "2027-03-21"]


def test_a_selection_may_change_until_it_is_paid(world: World):
    partial(world)
    for chosen, amount in ((["2027-03-20"], PRICE), (["2027-03-21", "2027-03-23"], 2 * PRICE), ([], 3 * PRICE)):
        assert post(world, "winners/1001/accept", {"selectedNights": chosen}) == DONE
        assert get(world, "winners/1001")["bidAmount"] == amount


def test_an_accepted_offer_is_paid_like_a_win(world: World):
    world.offer(userId=MAI)
    world.clock.shift(timedelta(hours=1))
    assert post(world, "offers/second-chance/5001/accept") == DONE
    accepted = get(world, "offers/second-chance/5001")
    assert accepted == OFFER | {"status": "ACCEPTED", "paymentDeadline": TIME}
    left = datetime.fromisoformat(accepted["paymentDeadline"]) - datetime.now(UTC)
    assert timedelta(minutes=119) < left < timedelta(minutes=120)
    assert get(world, "winners/me") == [WINNER | {"id": "5001", "paymentDeadline": accepted["paymentDeadline"]}]
    assert get(world, "winners/1001") == get(world, "winners/5001")
    made = world.create()
    world.zalopay.pay(made.body["appTransId"])
    assert get(world, "winners/5001") == WINNER | {
        "id": "5001",
        "status": "PAID",
        "paymentDeadline": TIME,
        "paymentId": made.body["sessionId"],
    }
    assert get(world, "offers/second-chance/5001")["status"] == "ACCEPTED"
    assert world.nights() == dict.fromkeys(NIGHTS, "BOOKED")


def test_accepting_an_offer_again_gives_no_more_time(world: World):
    world.offer(userId=MAI)
    assert post(world, "offers/5001/accept", {"selectedNights": NIGHTS[:2]}) == DONE
    first = world.item(kind="OFFER")
    world.clock.shift(timedelta(minutes=30))
    assert post(world, "offers/second-chance/1001/accept", {"selectedNights": NIGHTS[:2]}) == DONE
    assert world.item(kind="OFFER") == first


def test_an_accepted_offer_can_still_be_declined(world: World):
    world.offer(userId=MAI)
    post(world, "offers/5001/accept")
    assert post(world, "winners/5001/decline") == DONE
    assert get(world, "offers/second-chance/5001")["status"] == "DECLINED"
    assert get(world, "winners/5001")["status"] == "EXPIRED"


def test_a_waiting_offer_that_is_paid_is_accepted(world: World):
    world.offer(userId=MAI)
    world.buy()
    assert get(world, "offers/second-chance/5001")["status"] == "ACCEPTED"
    assert get(world, "winners/5001")["status"] == "PAID"


def test_an_offer_whose_nights_have_gone_cannot_be_accepted(world: World):
    world.offer(userId=MAI)
    world.announce(auction_result(auctionId="1002", userId=BINH, nights=NIGHTS[2:]))
    assert world.create(NIGHTS[2:], auction_id="1002", sub=BINH).status == 200
    assert post(world, "offers/5001/accept") == EXPIRED
    assert get(world, "offers/second-chance/5001")["status"] == "WAITING"
    assert post(world, "offers/5001/accept", {"selectedNights": NIGHTS[:2]}) == DONE
    shown = get(world, "winners/5001")
    assert (shown["bidAmount"], [night["isSelected"] for night in shown["awardedNights"]]) == (
        2 * PRICE,
        [True, True, False],
    )


def test_nights_that_are_none_of_it_are_named(world: World):
    world.announce(auction_result())
    world.offer(userId=MAI)
    before_all = world.items()
    for path in ("winners/1001/accept", "offers/5001/accept"):
        reply = world.http("POST", f"/auctions/{path}", {"selectedNights": ["2027-03-25"]})
        assert (reply.status, reply.code, reply.fields) == (400, "VALIDATION_ERROR", ["selectedNights"])
    assert world.items() == before_all


BAD = [
    ("winners/1001/accept", {"selectedNights": "2027-03-20"}, "selectedNights"),
    ("winners/1001/accept", {"selectedNights": ["20.3.2027"]}, "selectedNights.0"),
    ("offers/1001/accept", {"selectedNights": [f"2028-{1 + n // 28:02}-{1 + n % 28:02}" for n in range(61)]}, None),
    ("offers/1001/decline", {"reason": 5}, "reason"),
    ("winners/1001/decline", {"reason": "x" * 1001}, "reason"),
    ("winners/a b/decline", {}, "auctionId"),
    ("offers/second-chance/a b/accept", {}, "offerId"),
    (f"offers/{'x' * 129}/decline", {}, "offerId"),
    ("analytics/decline", {}, "offerId"),
    ("analytics/decline", {"offerId": "a#b"}, "offerId"),
    ("analytics/decline", {"offerId": "1001", "reason": ["x"]}, "reason"),
]


def test_what_is_wrong_with_an_answer_is_named_and_nothing_is_written(world: World):
    world.announce(auction_result())
    before_all = world.items()
    for path, body, field in BAD:
        reply = world.http("POST", f"/auctions/{path}", body)
        assert (reply.status, reply.code, reply.fields) == (400, "VALIDATION_ERROR", [field or "selectedNights"]), path
    assert world.items() == before_all


# Declining, and the next offer


def test_a_declined_win_is_offered_to_the_next_and_told_to_both(world: World):
    world.announce(auction_result(runnersUp=[runner_up(BINH, bidId=9, guestCount=3)], offerMinutes=90))
    sockets = {sub: world.socket(query=f"token={world.token(sub)}") for sub in (MAI, BINH)}
    for sub, socket in sockets.items():
        socket.subscribe(sub)
    world.deliver()
    assert post(world, "winners/1001/decline", {"reason": "no time"}) == DONE
    world.deliver()
    last = {sub: socket.frames[-1] for sub, socket in sockets.items()}
    assert last[MAI] == {
        "type": "AUCTION_RESULT",
        "auctionId": "1001",
        "userId": MAI,
        "result": "LOST",
        "amount": 3 * PRICE,
        "paymentDeadline": TIME,
        "propertyName": PROPERTY["name"],
        "status": "DECLINED",
    }
    assert last[BINH] == {
        "type": "SECOND_CHANCE_OFFER",
        "offerId": ID,
        "auctionId": "1001",
        "userId": BINH,
        "offeredNights": list(NIGHTS),
        "amount": 900_000,
        "responseDeadline": TIME,
        "propertyName": PROPERTY["name"],
    }
    assert world.item(kind="AWARD")["declineReason"] == "no time"
    (offered,) = get(world, "offers/second-chance/me", BINH)
    assert offered == OFFER | {"id": last[BINH]["offerId"], "userId": BINH, "originalBidId": "9", "amount": 900_000}
    left = datetime.fromisoformat(offered["responseDeadline"]) - datetime.now(UTC)
    assert timedelta(minutes=89) < left <= timedelta(minutes=90)
    assert post(world, f"offers/{offered['id']}/accept", sub=BINH) == DONE
    made = world.create(amount=900_000, sub=BINH)
    world.zalopay.pay(made.body["appTransId"])
    assert get(world, "winners/me", BINH)[0]["status"] == "PAID"
    assert world.http("GET", f"/payment/{made.body['sessionId']}/booking", sub=BINH).body["guestCount"] == 3


def test_each_is_asked_in_order_and_the_last_refusal_frees_the_nights(world: World):
    world.announce(auction_result(runnersUp=[runner_up(BINH, *NIGHTS[:2]), runner_up(CHI)]))
    assert post(world, "offers/1001/decline") == DONE
    assert world.statuses() == {MAI: "DECLINED", BINH: "WAITING"}
    assert post(world, "offers/1001/decline", sub=BINH) == DONE
    assert world.statuses() == {MAI: "DECLINED", BINH: "DECLINED", CHI: "WAITING"}
    assert get(world, "offers/second-chance/1001", CHI)["offeredNights"] == list(NIGHTS)
    assert [item["releases"] for item in world.items(status="DECLINED")] == [[], []]
    assert post(world, "offers/1001/decline", sub=CHI) == DONE
    assert world.item(userId=CHI, kind="OFFER")["releases"] == [list(NIGHTS)]
    assert world.nights() == {}


def test_declining_again_is_harmless_and_asks_nobody_else(world: World):
    world.announce(auction_result(runnersUp=[runner_up(BINH), runner_up(CHI)]))
    for path in ("winners/1001/decline", "offers/1001/decline", "winners/1001/decline"):
        assert post(world, path) == DONE
    assert world.statuses() == {MAI: "DECLINED", BINH: "WAITING"}


def test_what_was_declined_can_neither_be_accepted_nor_paid(world: World):
    world.announce(auction_result())
    world.offer()
    post(world, "winners/1001/decline")
    post(world, "offers/5001/decline", sub=BINH)
    assert (post(world, "winners/1001/accept"), post(world, "offers/5001/accept", sub=BINH)) == (OVER, EXPIRED)
    assert (world.create().code, world.create(sub=BINH).code) == ("INVALID_AUCTION_STATE", "OFFER_EXPIRED")


def test_why_something_was_declined_can_be_said_before_and_after(world: World):
    world.announce(auction_result())
    world.offer(userId=MAI)
    said = {"offerId": "1001", "reason": "too dear", "type": "winner"}
    assert post(world, "analytics/decline", said) == DONE
    assert post(world, "winners/1001/decline") == DONE
    assert world.item(kind="AWARD")["declineReason"] == "too dear"
    assert post(world, "offers/5001/decline") == DONE
    assert post(world, "analytics/decline", {"offerId": 5001, "type": "second_chance"}) == DONE
    assert "declineReason" not in world.item(kind="OFFER")
    assert post(world, "analytics/decline", {"offerId": 5001, "reason": "no time"}) == DONE
    assert world.item(kind="OFFER")["declineReason"] == "no time"


# The clock


def test_what_is_not_paid_in_time_expires_is_told_and_goes_to_the_next(world: World):
    world.announce(auction_result(runnersUp=[runner_up(BINH), runner_up(CHI, *NIGHTS[2:])]))
    world.clock.shift(timedelta(hours=23, minutes=59))
    socket = world.socket(query=f"token={world.token()}")
    socket.subscribe()
    assert world.tick() == {"due": 0, "attended": 0}
    assert world.after(minutes=2) == {"due": 1, "attended": 1}
    assert world.statuses() == {MAI: "EXPIRED", BINH: "WAITING"}
    assert get(world, "winners/1001")["status"] == "EXPIRED"
    assert post(world, "winners/1001/accept") == post(world, "winners/1001/decline") == OVER
    world.deliver()
    told = socket.of_type("AUCTION_RESULT")[-1]
    assert (told["result"], told["status"]) == ("LOST", "EXPIRED")
    assert world.after(minutes=118) == {"due": 1, "attended": 1}  # it is time to look at the reminder
    world.deliver()
    assert world.after(minutes=3) == {"due": 1, "attended": 1}
    assert world.statuses() == {MAI: "EXPIRED", BINH: "EXPIRED", CHI: "WAITING"}
    assert get(world, "offers/second-chance/1001", CHI)["offeredNights"] == list(NIGHTS[2:])
    assert post(world, "offers/1001/accept", sub=BINH) == EXPIRED
    world.after(minutes=121)
    assert world.statuses()[CHI] == "EXPIRED"
    assert world.item(userId=CHI, kind="OFFER")["releases"] == [list(NIGHTS)]
    world.deliver()
    assert world.after(hours=24) == {"due": 0, "attended": 0}


def test_an_offer_that_was_accepted_and_not_paid_expires_and_its_user_is_told(world: World):
    world.offer(userId=MAI, runnersUp=[runner_up(CHI)], offerMinutes=30)
    socket = world.socket(query=f"token={world.token()}")
    socket.subscribe()
    post(world, "offers/5001/accept")
    world.after(minutes=29)
    assert world.statuses() == {MAI: "ACCEPTED"}
    world.after(minutes=2)
    world.deliver()
    assert world.statuses() == {MAI: "EXPIRED", CHI: "WAITING"}
    assert socket.frames[-1] == {
        "type": "OFFER_EXPIRED",
        "offerId": "5001",
        "auctionId": "1001",
        "userId": MAI,
        "propertyName": PROPERTY["name"],
    }
    assert (get(world, "winners/5001")["status"], world.create().code) == ("EXPIRED", "OFFER_EXPIRED")


def test_an_order_that_is_open_at_the_deadline_is_asked_about_and_waited_for(world: World):
    world.announce(auction_result(paymentDeadline=in_seconds(300), runnersUp=[runner_up(BINH)]))
    made = world.create().body
    world.clock.shift(timedelta(minutes=6))
    with Asked(world.functions["payments"]) as paths:
        assert world.tick()["due"] == 2
    assert (paths, world.statuses()) == (["/v2/query"], {MAI: "PENDING_PAYMENT"})
    assert post(world, "winners/1001/decline") == OVER
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(made["appTransId"])
    world.after(minutes=1)
    world.after(minutes=1)
    assert (world.statuses(), world.nights()) == ({MAI: "PAID"}, dict.fromkeys(NIGHTS, "BOOKED"))
    world.deliver()
    assert world.after(hours=1) == {"due": 0, "attended": 0}


def test_an_order_that_is_over_unpaid_lets_the_award_go_to_the_next(world: World):
    world.announce(auction_result(paymentDeadline=in_seconds(300), runnersUp=[runner_up(BINH)]))
    world.create()
    for _ in range(18):
        world.after(minutes=1)
    assert (world.item(kind="SESSION")["status"], world.statuses()) == ("EXPIRED", {MAI: "EXPIRED", BINH: "WAITING"})
    assert world.item(kind="OFFER")["nights"] == runner_up(BINH)["nights"]


def test_a_zalopay_that_is_silent_lets_nothing_go(world: World):
    world.announce(auction_result(paymentDeadline=in_seconds(300), runnersUp=[runner_up(BINH)]))
    world.create()
    world.zalopay.fault("query_down")
    for _ in range(3):
        world.after(hours=1)
    assert world.statuses() == {MAI: "PENDING_PAYMENT"}


def test_late_money_books_nights_that_are_still_free_though_they_are_offered_on(world: World):
    world.announce(auction_result(paymentDeadline=in_seconds(300), runnersUp=[runner_up(BINH)]))
    made = world.create().body
    world.after(minutes=17)
    world.after(minutes=1)
    assert world.statuses() == {MAI: "EXPIRED", BINH: "WAITING"}
    world.zalopay.pay(made["appTransId"], late=True)
    assert (world.statuses(), world.nights()) == (
        {MAI: "PAID", BINH: "EXPIRED"},
        dict.fromkeys(NIGHTS, "BOOKED"),
    )
    assert get(world, "winners/1001")["status"] == "PAID"
    assert post(world, "offers/1001/accept", sub=BINH) == EXPIRED
    assert world.create(amount=900_000, sub=BINH).code == "OFFER_EXPIRED"
    world.after(minutes=121)
    assert world.item(kind="OFFER", userId=BINH)["releases"] == []


def test_late_money_for_nights_that_the_next_is_paying_for_is_given_back(world: World):
    world.announce(auction_result(paymentDeadline=in_seconds(300), runnersUp=[runner_up(BINH)]))
    made = world.create().body
    world.after(minutes=17)
    world.after(minutes=1)
    post(world, "offers/1001/accept", sub=BINH)
    theirs = world.create(amount=900_000, sub=BINH).body
    world.zalopay.pay(made["appTransId"], late=True)
    assert world.session(made["sessionId"])["reason"] == "NIGHTS_TAKEN"
    assert world.statuses() == {MAI: "EXPIRED", BINH: "ACCEPTED"}
    world.zalopay.pay(theirs["appTransId"])
    assert world.statuses() == {MAI: "EXPIRED", BINH: "PAID"}


def test_only_nights_that_are_still_free_are_offered_on(world: World):
    world.announce(auction_result(runnersUp=[runner_up(BINH)]))
    world.announce(auction_result(auctionId="1002", userId=CHI, nights=NIGHTS[:1]))
    world.buy(NIGHTS[:1], auction_id="1002", sub=CHI)
    post(world, "winners/1001/decline")
    (offered,) = get(world, "offers/second-chance/me", BINH)
    assert (offered["offeredNights"], offered["amount"]) == (list(NIGHTS[1:]), 600_000)


def test_one_award_that_cannot_be_ended_holds_up_no_other(world: World):
    world.announce(auction_result())
    world.offer()
    world.clock.shift(timedelta(hours=25))
    with failing(world.functions["reconciliation"], "TransactWriteItems", fault()):
        assert world.tick() == {"due": 2, "attended": 0}
    assert world.tick() == {"due": 2, "attended": 2}
    assert world.statuses() == {MAI: "EXPIRED", BINH: "EXPIRED"}


# Two requests at the same time


def change(world: World, bid: int) -> None:
    """Change the offer without an effect on its terms."""
    item = world.item(kind="OFFER")
    changed = {"bidAmount": bid, "changedAt": f"2027-03-01T03:00:0{bid}.000Z"}
    world.dynamodb.put_item(TableName="stays", Item=to_attributes(item | changed))


def test_an_answer_that_is_overtaken_reads_the_award_again(world: World):
    world.offer(userId=MAI)
    with before(world.functions["auctions"], "TransactWriteItems", lambda: change(world, 1)):
        assert post(world, "offers/5001/accept") == DONE
    kept = world.item(kind="OFFER")
    assert (kept["status"], kept["bidAmount"]) == ("ACCEPTED", 1)


def test_an_answer_to_an_offer_that_keeps_changing_is_given_up(world: World):
    world.offer(userId=MAI)
    auctions, times = world.functions["auctions"], iter(range(1, 9))
    with before(auctions, "TransactWriteItems", lambda: change(world, next(times)), times=4):
        assert post(world, "offers/5001/decline") == OVER
    assert world.item(kind="OFFER")["status"] == "WAITING"


def test_a_payment_that_begins_while_a_win_is_declined_is_seen_and_asked_about(world: World):
    world.announce(auction_result())
    made: list[Any] = []
    begin = before(world.functions["auctions"], "TransactWriteItems", lambda: made.append(world.create()))
    with begin, Asked(world.functions["payments"]) as paths:
        assert post(world, "winners/1001/decline") == DONE
    assert (made[0].status, paths) == (200, ["/v2/create", "/v2/query", "/v2/cancel"])
    assert (world.statuses(), world.nights()) == ({MAI: "DECLINED"}, {})


def test_a_payment_that_begins_after_a_win_was_declined_is_refused(world: World):
    world.announce(auction_result(runnersUp=[runner_up(BINH)]))
    with before(world.functions["payments"], "TransactWriteItems", lambda: post(world, "winners/1001/decline")):
        reply = world.create()
    assert (reply.status, reply.code, world.nights()) == (409, "INVALID_AUCTION_STATE", {})


# Calls to DynamoDB


PRESENCE = "PutItem connections"


def test_reading_is_a_query_or_two_and_what_the_index_found_is_read_as_it_is_now(world: World):
    world.announce(auction_result(auctionId="1002"))
    world.offer(userId=MAI)
    get(world, "winners/me")
    query, now = "Query stays", "GetItem stays"
    expected = {
        "winners/me": [query],
        "winners/1002": [query],
        "offers/second-chance/me": [query],
        "offers/second-chance/5001": [query, now],
        "offers/second-chance/1001": [query, query],
    }
    for path, wanted in expected.items():
        with counted(world.functions["auctions"]) as calls:
            get(world, path)
        assert calls == wanted, path


def test_accepting_an_offer_finds_and_reads_it_and_is_one_transaction_and_again_none(world: World):
    world.offer(userId=MAI)
    with counted(world.functions["auctions"]) as calls:
        post(world, "offers/5001/accept")
        post(world, "offers/5001/accept")
    found = ["Query stays", "GetItem stays"]
    assert calls == [PRESENCE, *found, "TransactWriteItems stays", *found]


def test_declining_a_win_looks_at_its_nights_and_at_the_payment_if_there_was_one(world: World):
    made = world.created()
    world.zalopay.cancel(made["appTransId"])
    world.status(made["appTransId"])
    with counted(world.functions["auctions"]) as calls:
        post(world, "winners/1001/decline")
        post(world, "winners/1001/decline")
    reads, write = ["Query stays", "GetItem stays"], "TransactWriteItems stays"
    assert calls == [PRESENCE, *reads, write, "BatchGetItem stays", write, "Query stays"]


def test_an_award_that_is_over_is_a_transaction_and_one_look_at_its_nights_and_another_transaction(world: World):
    world.announce(auction_result(runnersUp=[runner_up(BINH)]))
    world.clock.shift(timedelta(hours=25))
    with counted(world.functions["reconciliation"]) as calls:
        world.tick()
    write = "TransactWriteItems stays"
    assert calls == ["Query stays"] * 16 + [write, "BatchGetItem stays", write]


def test_a_call_of_the_winners_page_vouches_for_the_socket_that_follows(world: World):
    world.announce(auction_result())
    assert world.socket().subscribe()[0]["type"] == "ERROR"
    get(world, "winners/me")
    assert [frame["type"] for frame in world.socket().subscribe()] == ["SUBSCRIBED", "AUCTION_RESULT"]
