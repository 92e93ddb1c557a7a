"""Users with any text as id can do everything that others can, and stay separate users."""

from typing import Any

import pytest

from stays.domain.values import encode_key
from tests.integration.messages import BINH, HOST, MAI, NIGHTS, PRICE, PROPERTY, auction_result
from tests.integration.test_announcements import Listener
from tests.integration.world import World

ODD = [
    "auth0|an+tag@example.com",
    "an nguyen",
    " ",
    "saml/an",
    "an=1;b",
    "domain\\an",
    "an#1#WIN",
    "%41",
    "a%20b",
    "AWARD#an",
    "~an",
    "Nguyễn Văn An",
    "\u202ean",
    "🙂" * 42,
    "阮" * 56,
    "x" * 128,
]
odd_user = pytest.mark.parametrize("user_id", ODD)
odd_user_and_host = pytest.mark.parametrize(("user_id", "host"), list(zip(ODD, [*ODD[1:], ODD[0]], strict=True)))


def types(frames: list[Any]) -> list[str]:
    return [frame["type"] for frame in frames]


def get(world: World, path: str, user_id: str) -> Any:
    reply = world.http("GET", path, sub=user_id)
    assert reply.status == 200, reply.body
    return reply.body


def do(world: World, path: str, user_id: str, body: Any = None) -> None:
    assert world.http("POST", path, body or {}, sub=user_id).body == {}


@odd_user_and_host
def test_a_user_wins_pays_books_listens_gets_mail_and_gives_back_what_a_user_hosts(
    world: World, user_id: str, host: str
):
    assert world.announce(auction_result(userId=user_id, property=PROPERTY | {"hostId": host}))["accepted"]
    saved = world.http("POST", "/users/auth0-sync", {"email": "an@example.com"}, sub=user_id).body
    assert (saved["id"], saved["auth0UserId"]) == (user_id, user_id)
    socket = world.socket()
    assert [win["status"] for win in get(world, "/auctions/winners/me", user_id)] == ["PENDING_PAYMENT"]
    assert types(socket.subscribe(user_id)) == ["SUBSCRIBED", "AUCTION_RESULT"]
    assert types(world.socket("strict", query=f"token={world.token(user_id)}").subscribe(user_id))[0] == "SUBSCRIBED"
    made = world.create(sub=user_id).body
    assert world.create(sub=user_id).body["sessionId"] == made["sessionId"]
    world.zalopay.pay(made["appTransId"])
    world.deliver()
    assert world.item(kind="MAIL", letter="confirmation")["state"] == "SENT"
    paid = world.standing(made["sessionId"])
    assert get(world, f"/payment/transactions/{paid['transactionId']}", user_id)["userId"] == user_id
    booking = get(world, f"/payment/{made['sessionId']}/booking", user_id)
    assert (booking["status"], booking["userId"], booking["hostId"]) == ("CONFIRMED", user_id, host)
    assert get(world, "/user/bookings", user_id) == [booking]
    assert {frame["userId"] for frame in socket.frames if frame["type"] == "PAYMENT_STATUS"} == {user_id}
    assert "BOOKING_CONFIRMED" in types(socket.frames)
    check_what_the_host_sees(world, host, booking["id"])
    assert world.http("DELETE", f"/bookings/{booking['id']}", sub=user_id).body["status"] == "CANCELLED"


def check_what_the_host_sees(world: World, host: str, booking_id: str):
    calendar = get(world, "/properties/777/calendar", host)
    assert [night["date"] for night in calendar["nights"]] == list(NIGHTS)
    assert world.http("GET", "/properties/777/calendar", sub=HOST).status == 404
    path = world.http("POST", "/properties/777/calendar/feed", {}, sub=host).body["url"].partition("/api/v1")[2]
    assert world.http("GET", path, sub=None).status == 200
    booked = world.http("POST", f"/bookings/{booking_id}/conversation", {}, sub=host)
    assert booked.body == {"threadId": booking_id}


@odd_user
def test_a_user_declines_and_the_next_is_asked_and_accepts_and_pays(world: World, user_id: str):
    next_in_line = {"userId": user_id, "nights": [{"date": night, "price": PRICE} for night in NIGHTS]}
    world.announce(auction_result(runnersUp=[next_in_line]))
    do(world, "/auctions/winners/1001/decline", MAI)
    (offer,) = get(world, "/auctions/offers/second-chance/me", user_id)
    assert get(world, f"/auctions/offers/second-chance/{offer['id']}", user_id) == offer
    do(world, f"/auctions/offers/second-chance/{offer['id']}/accept", user_id, {"selectedNights": list(NIGHTS)})
    assert [win["auctionId"] for win in get(world, "/auctions/winners/me", user_id)] == ["1001"]
    assert world.create(sub=user_id).status == 200


@odd_user
def test_a_user_declines_a_win_and_an_offer_and_says_why(world: World, user_id: str):
    world.announce(auction_result(userId=user_id))
    world.offer(userId=user_id, auctionId="1002")
    do(world, "/auctions/offers/5001/decline", user_id)
    do(world, "/auctions/analytics/decline", user_id, {"offerId": "5001", "reason": "no time", "type": "second_chance"})
    do(world, "/auctions/offers/1001/decline", user_id, {"reason": "no time"})
    assert {item["status"] for item in world.items(userId=user_id)} == {"DECLINED"}
    with Listener(world) as listener:
        world.deliver()
    key = encode_key(user_id)
    assert {event["eventId"]: event["userId"] for event in listener.heard()} == {
        f"1001/{key}/WIN/NightsReleased": user_id,
        f"1002/{key}/5001/NightsReleased": user_id,
    }


@pytest.mark.parametrize("other", ["a%20b", "a+b", "a%2520b", "a  b", "A b", "a\u00a0b", "a", "a b#WIN", "a b#"])
def test_users_whose_ids_differ_by_their_spelling_only_never_meet(world: World, other: str):
    one = "a b"
    world.announce(auction_result(userId=one))
    world.http("POST", "/users/auth0-sync", {"email": "one@example.com"}, sub=one)
    made = world.create(sub=one).body
    for path in (f"/payment/sessions/{made['sessionId']}", "/auctions/winners/1001"):
        assert world.http("GET", path, sub=other).status == 404
    assert world.create(sub=other).status == 404
    assert world.http("GET", "/auctions/winners/me", sub=other).body == []
    assert "email" not in world.http("POST", "/users/auth0-sync", {}, sub=other).body
    assert types(world.socket(address="198.51.100.9").subscribe(other)) == ["ERROR"]
    world.announce(auction_result(userId=other, auctionId="1002"))
    assert [win["auctionId"] for win in world.http("GET", "/auctions/winners/me", sub=other).body] == ["1002"]
    assert [win["auctionId"] for win in world.http("GET", "/auctions/winners/me", sub=one).body] == ["1001"]


def test_an_id_that_is_no_users_is_refused_wherever_it_is_named(world: World):
    for user_id in ("", "x" * 129, "a\nb", "ạ" * 128, True, 0.5, None, ["a"]):
        assert not world.announce(auction_result(userId=user_id))["accepted"]
        assert not world.announce(auction_result(property=PROPERTY | {"hostId": user_id}))["accepted"]
        next_in_line = {"userId": user_id, "nights": [{"date": NIGHTS[0], "price": PRICE}]}
        assert not world.announce(auction_result(runnersUp=[next_in_line]))["accepted"]
    for user_id in ("x" * 129, "a\nb", "ạ" * 128):
        reply = world.http("GET", "/auctions/winners/me", sub=user_id)
        assert (reply.status, reply.code) == (401, "AUTH_REQUIRED")
    assert world.items(kind="AWARD") == world.items("connections") == []


def test_numbers_that_are_whole_are_ids_prices_and_counts(world: World):
    numbers = {"auctionId": 1001.0, "userId": 7.0, "guestCount": 2.0, "bidAmount": 1.2e6, "offerMinutes": 60.0}
    nights = [{"date": night, "price": float(PRICE)} for night in NIGHTS]
    place = PROPERTY | {"hostId": 8.0, "id": 777.0, "maxGuests": 4.0}
    after = [{"userId": 9.0, "bidId": 1.0, "nights": nights, "guestCount": 1.0}]
    event = auction_result(awardedNights=nights, property=place, runnersUp=after, **numbers)
    assert world.announce(event) == {"accepted": True, "as": "RECEIVED", "auctionId": "1001", "awardId": "WIN"}
    reply = world.http(
        "POST",
        "/payment/zalopay/create",
        raw=b'{"auctionId":1001.0,"amount":1.2e6,"selectedNights":["2027-03-20","2027-03-21","2027-03-22"]}',
        sub="7",
    )
    assert (reply.status, reply.body["amount"]) == (200, 3 * PRICE)
    assert world.http("GET", "/properties/777/calendar", sub="8").status == 200
    assert {each["userId"] for each in world.items(kind="AWARD")} == {"7"} != {BINH}


@pytest.mark.parametrize("odd", [True, 0.5, 1200000.5, "1200000", 2.0**60])
def test_numbers_that_are_not_whole_are_refused(world: World, odd: Any):
    world.announce(auction_result())
    assert world.create(amount=odd).fields == ["amount"]
    for name in ("guestCount", "offerMinutes", "bidAmount"):
        assert not world.announce(auction_result(**{name: odd}))["accepted"]
