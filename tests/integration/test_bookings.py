"""Bookings: the allowed requests, the refund of a cancellation, and the limits of mail."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stays.aws.attributes import to_attributes
from tests.integration.messages import BINH, HOST, MAI, NIGHTS, PRICE, auction_result
from tests.integration.product import load
from tests.integration.shapes import ID, TIME
from tests.integration.world import Reply, World

STEPS = ("update-calendar", "conversation", "send-confirmation")


def step(world: World, name: str, booking_id: str, **how) -> Reply:
    return world.http("POST", f"/bookings/{booking_id}/{name}", {}, **how)


def reserve(world: World, nights=NIGHTS, **how) -> Reply:
    auction_id = how.pop("auction_id", "1001")
    return world.http("POST", "/bookings", {"auctionId": auction_id, "selectedNights": list(nights)}, **how)


@pytest.mark.parametrize("who", [MAI, HOST])
def test_traveller_and_host_may_ask_for_what_follows_a_booking(world: World, who: str):
    paid = world.paid()
    world.deliver()
    world.clock.shift(timedelta(minutes=2))
    assert [step(world, name, paid["id"], sub=who).status for name in STEPS] == [200, 200, 200]


def test_nobody_else_may(world: World):
    paid = world.paid()
    before = world.items()
    assert [step(world, name, paid["id"], sub=BINH).status for name in STEPS] == [404, 404, 404]
    assert world.items() == before


def test_a_booking_that_is_not_confirmed_has_no_steps(world: World):
    world.announce(auction_result())
    pending = reserve(world).body
    replies = [step(world, name, pending["id"]) for name in STEPS]
    assert [(reply.status, reply.code, reply.details) for reply in replies] == [
        (409, "CALENDAR_UPDATE_FAILED", {"status": "PENDING"}),
        (409, "INVALID_AUCTION_STATE", {"status": "PENDING"}),
        (409, "EMAIL_SENDING_FAILED", {"status": "PENDING"}),
    ]


def test_a_payment_without_booking_has_no_steps(world: World):
    made = world.created()
    assert [step(world, name, made["sessionId"]).status for name in STEPS] == [404, 404, 404]


def test_the_thread_is_one_whoever_asks_and_however_often(world: World):
    paid = world.paid()
    threads = [step(world, "conversation", paid["id"], sub=who).body for who in (MAI, HOST, MAI)]
    assert threads == [{"threadId": paid["id"]}] * 3
    thread = world.item(kind="THREAD")
    assert (thread["travellerId"], thread["hostId"]) == (MAI, HOST)


def test_the_mail_that_just_went_out_counts_and_then_one_more_a_minute(world: World):
    paid = world.paid()
    world.deliver()
    assert step(world, "send-confirmation", paid["id"]).status == 200
    assert world.item(kind="MAIL", letter="confirmation")["state"] == "SENT"
    too_early = step(world, "send-confirmation", paid["id"])
    assert (too_early.status, too_early.code, too_early.details) == (429, "RATE_LIMIT", {"retryAfter": 60})
    world.clock.shift(timedelta(seconds=61))
    assert step(world, "send-confirmation", paid["id"]).status == 200
    assert step(world, "send-confirmation", paid["id"]).status == 429
    assert world.item(kind="MAIL", letter="confirmation")["state"] == "DUE"
    world.deliver()
    assert world.item(kind="MAIL", letter="confirmation")["state"] == "SENT"
    replies = []
    for _ in range(5):
        world.clock.shift(timedelta(seconds=61))
        replies.append(step(world, "send-confirmation", paid["id"]))
        world.deliver()
    assert [reply.status for reply in replies] == [200, 200, 200, 200, 429], "five were asked for, with the first above"
    assert (replies[4].code, replies[4].details) == ("RATE_LIMIT", {"retryAfter": 86_400})


def test_cancelling_frees_the_nights_at_once_for_somebody_else(world: World):
    paid = world.paid()
    world.announce(auction_result(userId=BINH, auctionId="1002"))
    assert world.create(sub=BINH, auction_id="1002").status == 409
    assert world.http("DELETE", f"/bookings/{paid['id']}").status == 200
    assert world.nights() == {}
    assert world.create(sub=BINH, auction_id="1002").status == 200


def test_cancelling_twice_answers_the_same_and_refunds_once(world: World):
    paid = world.paid()
    first = world.http("DELETE", f"/bookings/{paid['id']}")
    after = world.items()
    assert world.http("DELETE", f"/bookings/{paid['id']}")[:2] == first[:2]
    assert world.items() == after


@pytest.mark.parametrize(("day", "percent"), [(13, 100), (14, 50), (17, 50), (18, 0), (20, 0)], ids=str)
def test_the_policy_says_how_much_comes_back(world: World, day: int, percent: int):
    paid = world.paid()
    world.clock.move_to(datetime(2027, 3, day, 10, tzinfo=UTC))
    cancelled = world.http("DELETE", f"/bookings/{paid['id']}").body
    refund = {"amount": 3 * PRICE * percent // 100, "status": "REFUND_DUE"}
    assert (cancelled["status"], cancelled["cancelledAt"]) == ("CANCELLED", TIME)
    assert cancelled.get("refund") == (refund if percent else None)
    owed = ["cancellation", "confirmation", "host_cancellation", "host_confirmation"]
    assert [item["letter"] for item in world.mails(state="DUE")] == owed


HARDER = "[[30, 20]]"  # other terms than the stage had when the stay was sold


@pytest.mark.parametrize("sold", ["now", "by an earlier release", "without terms"])
def test_the_terms_of_a_cancellation_are_those_of_the_sale(world: World, sold: str):
    paid = world.paid()
    here = {**world.functions}
    for name in ("bookings", "payments"):
        here[name] = load(name, {"ZALOPAY_ENDPOINT": world.zalopay.url, "REFUND_POLICY": HARDER})
    world.functions = here
    for kind in ("SESSION", "BOOKING", "TRANSACTION"):
        item = world.item(kind=kind)
        if sold != "now":
            policy = item.pop("cancellationPolicy")
            assert policy[0] == {"daysBefore": 7, "percent": 100}
        if sold == "without terms":
            item["cancellationPolicy"] = []
        world.dynamodb.put_item(TableName="stays", Item=to_attributes(item))
    shown = {
        "now": [{"daysBefore": 7, "percent": 100}, {"daysBefore": 3, "percent": 50}, {"daysBefore": 0, "percent": 0}],
        "by an earlier release": [{"daysBefore": 30, "percent": 20}],
        "without terms": [],
    }[sold]
    assert world.session(paid["id"])["cancellationPolicy"] == shown
    assert world.http("GET", f"/payment/{paid['id']}/booking").body["cancellationPolicy"] == shown
    assert world.http("GET", "/user/bookings").body[0]["cancellationPolicy"] == shown
    cancelled = world.http("DELETE", f"/bookings/{paid['id']}").body
    assert cancelled["cancellationPolicy"] == shown
    assert cancelled.get("refund", {}).get("amount", 0) == (3 * PRICE if sold == "now" else 0)


def test_the_days_before_check_in_are_counted_in_vietnam(world: World):
    paid = world.paid()
    world.clock.move_to(datetime(2027, 3, 13, 17, 0, 1, tzinfo=UTC))  # midnight has passed in Vietnam
    assert world.http("DELETE", f"/bookings/{paid['id']}").body["refund"]["amount"] == 3 * PRICE // 2


def test_a_payment_without_booking_cannot_be_cancelled(world: World):
    made = world.created()
    reply = world.http("DELETE", f"/bookings/{made['sessionId']}")
    assert (reply.status, world.nights()) == (404, dict.fromkeys(NIGHTS, "HELD"))


def test_a_reservation_is_given_back_without_a_refund(world: World):
    world.announce(auction_result())
    pending = reserve(world).body
    cancelled = world.http("DELETE", f"/bookings/{pending['id']}")
    assert (cancelled.status, cancelled.body) == (200, pending | {"status": "CANCELLED", "cancelledAt": TIME})
    assert (world.nights(), world.mails()) == ({}, [])
    assert world.http("DELETE", f"/bookings/{pending['id']}").body == cancelled.body


def test_reserving_again_answers_the_same_reservation(world: World):
    world.announce(auction_result())
    first = reserve(world)
    assert (first.status, first.body["id"]) == (200, ID)
    assert reserve(world)[:2] == first[:2]
    world.create()
    assert reserve(world)[:2] == first[:2]


def test_a_full_win_is_reserved_whole_whatever_is_named(world: World):
    world.announce(auction_result())
    assert reserve(world, NIGHTS[1:2]).body["nights"] == list(NIGHTS)
    assert world.nights() == dict.fromkeys(NIGHTS, "HELD")


def test_nights_that_are_being_paid_for_are_not_reserved_beside_that(world: World):
    made = world.created()
    reply = reserve(world)
    assert (reply.status, reply.code) == (409, "INVALID_AUCTION_STATE")
    assert reply.details == {"sessionId": made["sessionId"], "expiresAt": made["expiresAt"]}


def test_a_reservation_holds_its_nights_for_a_quarter_of_an_hour(world: World):
    world.announce(auction_result())
    world.announce(auction_result(userId=BINH, auctionId="1002"))
    reserve(world)
    taken = reserve(world, sub=BINH, auction_id="1002")
    assert (taken.status, taken.details) == (409, {"nights": [NIGHTS[0]]})
    world.clock.shift(timedelta(minutes=20))
    assert reserve(world, sub=BINH, auction_id="1002").status == 200
    assert {item["userId"] for item in world.items(kind="NIGHT")} == {BINH}


def test_only_a_payment_confirms_a_reservation(world: World):
    world.announce(auction_result())
    pending = reserve(world).body
    reply = world.http("POST", f"/payment/{pending['id']}/booking")
    assert (reply.status, reply.code) == (409, "BOOKING_CREATION_FAILED")
    assert world.http("GET", f"/payment/{pending['id']}/booking").body["status"] == "PENDING"


def test_a_reservation_that_lost_its_nights_does_not_take_the_booking_of_another_with_it(world: World):
    world.announce(auction_result())
    world.announce(auction_result(userId=BINH, auctionId="1002"))
    lost = reserve(world).body
    world.clock.shift(timedelta(minutes=20))
    made = world.buy(sub=BINH, auction_id="1002")
    world.tick()
    assert world.session(lost["id"])["status"] == "EXPIRED"
    assert {item["stayId"] for item in world.items(kind="NIGHT")} == {made["sessionId"]}
    assert world.nights() == dict.fromkeys(NIGHTS, "BOOKED")


def test_a_profile_is_kept_and_answered(world: World):
    reply = world.http("POST", "/users/auth0-sync", {"email": "mai@example.com", "locale": "en-GB", "picture": "x"})
    assert (reply.status, reply.body) == (
        200,
        {
            "id": MAI,
            "auth0UserId": MAI,
            "userId": MAI,
            "email": "mai@example.com",
            "language": "en",
            "createdAt": TIME,
            "updatedAt": TIME,
        },
    )


def test_c27_a_profile_was_made_when_it_was_saved_first_and_says_all_that_is_known(world: World):
    picture = "https://s.gravatar.com/avatar/mai?s=480"
    first = world.http("POST", "/users/auth0-sync", {"name": "Mai", "picture": picture}).body
    world.clock.shift(timedelta(days=1))
    last = world.http("POST", "/users/auth0-sync", email="mai@example.com", picture="https://x.example/2").body
    assert first["createdAt"] == first["updatedAt"] == last["createdAt"] < last["updatedAt"]
    known = {"email": "mai@example.com", "name": "Mai", "picture": "https://x.example/2"}
    assert {name: last[name] for name in known} == known
    other = world.http("POST", "/users/auth0-sync", {"picture": 5}, sub=BINH, picture=picture).body
    assert (other["picture"], other["createdAt"]) == (picture, other["updatedAt"])


def test_a_profile_of_before_counts_as_made_now(world: World):
    key = {"PK": {"S": f"USER#{MAI}"}, "SK": {"S": "PROFILE"}}
    old = {
        "kind": {"S": "PROFILE"},
        "userId": {"S": MAI},
        "name": {"S": "Mai"},
        "updatedAt": {"S": "2026-01-01T00:00:00.000Z"},
    }
    world.dynamodb.put_item(TableName="stays", Item=key | old)
    saved = [world.http("POST", "/users/auth0-sync").body for _ in range(2)]
    assert {each["name"] for each in saved} == {"Mai"}
    assert {each["createdAt"] for each in saved} == {saved[0]["updatedAt"]}


@pytest.mark.parametrize("odd", ["es-419", "en_US.UTF-8", "", "x" * 21, 5, None, ["vi"], {"vi": 1}, True, "<script>"])
def test_a_locale_that_cannot_be_read_loses_nothing_beside_it(world: World, odd: Any):
    told = {"email": "mai@example.com", "name": "Mai", "locale": odd}
    reply = world.http("POST", "/users/auth0-sync", told, locale="vi-VN")
    assert (reply.status, reply.body["language"]) == (200, "vi")
    kept = world.item(kind="PROFILE")
    assert (kept["email"], kept["name"], kept["language"]) == ("mai@example.com", "Mai", "vi")


def test_a_stay_that_is_over_is_not_cancelled(world: World):
    paid = world.paid()
    world.clock.shift(timedelta(days=400))
    over = world.http("DELETE", f"/bookings/{paid['id']}")
    assert (over.status, over.code) == (409, "INVALID_AUCTION_STATE")
    assert set(world.nights().values()) == {"BOOKED"}


@pytest.mark.parametrize("none", [{}, {"email": ""}, {"email": None}], ids=str)
def test_what_the_page_leaves_out_of_a_profile_the_token_says_or_stays(world: World, none: dict[str, Any]):
    claims = {"email": "token@example.com", "name": "Mai T", "locale": "en-US"}
    for known in (claims, {}):
        profile = world.http("POST", "/users/auth0-sync", none | {"name": "Mai P"}, **known).body
        assert (profile["email"], profile["name"], profile["language"]) == ("token@example.com", "Mai P", "en")


def test_only_a_locale_that_says_so_chooses_one_language(world: World):
    for locale, language in (("ko-KR", None), ("vi-VN", "vi"), ("en_US", "en")):
        answer = world.http("POST", "/users/auth0-sync", {"email": "an@example.com", "locale": locale})
        assert answer.body.get("language") == language


def test_a_payment_that_booked_nothing_is_no_booking_to_give_back(world: World):
    made = world.created()
    assert world.http("DELETE", f"/bookings/{made['sessionId']}").code == "NOT_FOUND"
    assert world.nights() == dict.fromkeys(NIGHTS, "HELD")
