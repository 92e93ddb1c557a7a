"""Bad input: 400 or 413 with the wrong field's name, and nothing is written."""

import json
from bisect import bisect_left
from typing import Any

import pytest

from tests.integration.messages import MAI, NIGHTS, PRICE, auction_result
from tests.integration.world import Reply, World

GOOD = {"auctionId": "1001", "selectedNights": list(NIGHTS), "amount": 3 * PRICE}
LONG = [f"20{year}-{month:02}-01" for year in range(28, 35) for month in range(1, 13)]
NOT_NIGHTS = [
    "2027-02-30",
    "2027-13-01",
    "20270320",
    "2027-3-20",
    "2027-03-20T00:00:00Z",
    "tomorrow",
    "",
    " 2027-03-20",
]


def refused_without_a_trace(world: World, path: str, body: Any = None, **how: Any) -> Reply:
    """The refusal, after a check that only the caller's presence was written."""
    before = world.items()
    reply = world.http(how.pop("method", "POST"), path, body, **how)
    assert world.items() == before
    assert world.zalopay.orders() == []
    return reply


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"auctionId": None}, "auctionId"),
    ({"auctionId": ""}, "auctionId"),
    ({"auctionId": "a" * 129}, "auctionId"),
    ({"auctionId": "with space"}, "auctionId"),
    ({"auctionId": "a#b"}, "auctionId"),
    ({"auctionId": ["1001"]}, "auctionId"),
    ({"auctionId": True}, "auctionId"),
    ({"auctionId": 10.5}, "auctionId"),
    ({"selectedNights": None}, "selectedNights"),
    ({"selectedNights": "2027-03-20"}, "selectedNights"),
    ({"selectedNights": {}}, "selectedNights"),
    ({"selectedNights": []}, "selectedNights"),
    ({"selectedNights": LONG[:61]}, "selectedNights"),
    ({"selectedNights": ["2027-03-20", "2027-03-20"], "amount": 2 * PRICE}, "selectedNights"),
    ({"selectedNights": ["2027-02-28"], "amount": PRICE}, "selectedNights"),
    ({"selectedNights": ["2027-03-20", 20270321]}, "selectedNights.1"),
    ({"selectedNights": ["2027-03-20", None]}, "selectedNights.1"),
    *(({"selectedNights": ["2027-03-20", night]}, "selectedNights.1") for night in NOT_NIGHTS),
    ({"amount": -1}, "amount"),
    ({"amount": 10**30}, "amount"),
    ({"amount": "1200000"}, "amount"),
    ({"amount": 1200000.5}, "amount"),
    ({"amount": [1]}, "amount"),
    ({"orderInfo": "x" * 1001}, "orderInfo"),
    ({"orderInfo": 5}, "orderInfo"),
]


def test_a_field_of_create_that_is_wrong_is_named(world: World):
    world.announce(auction_result(result="PARTIAL_WIN"))
    for changes, field in WRONG:
        reply = refused_without_a_trace(world, "/payment/zalopay/create", GOOD | changes)
        assert (reply.status, reply.code, reply.fields) == (400, "VALIDATION_ERROR", [field]), changes
        assert all(set(each) == {"field", "message"} and each["message"] for each in reply.details["fields"])


def test_a_field_of_create_that_is_missing_is_named(world: World):
    world.announce(auction_result())
    for name in GOOD:
        body = {key: value for key, value in GOOD.items() if key != name}
        reply = refused_without_a_trace(world, "/payment/zalopay/create", body)
        assert (reply.status, reply.code, reply.fields) == (400, "VALIDATION_ERROR", [name])


def test_all_wrong_fields_are_named_at_once(world: World):
    reply = refused_without_a_trace(world, "/payment/zalopay/create", {"auctionId": "", "amount": "1"})
    assert sorted(reply.fields) == ["amount", "auctionId", "selectedNights"]


BROKEN = {
    "cut off": b'{"auctionId": "1001"',
    "plain text": b"hello",
    "a list": b"[]",
    "a number": b"5",
    "null": b"null",
    "not utf-8": b'{"auctionId": "\xff\xfe"}',
    "deeply nested": b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "a form": b"auctionId=1001&amount=5",
}


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/octet-stream"])
def test_a_body_that_is_no_json_object_is_refused(world: World, kind: str):
    for name, body in BROKEN.items():
        reply = refused_without_a_trace(world, "/payment/zalopay/create", raw=body, kind=kind)
        assert (reply.status, reply.code, reply.fields) == (400, "VALIDATION_ERROR", ["body"]), name


def nested(depth: int) -> bytes:
    return b'{"auctionId":' + b"[" * depth + b"]" * depth + b"}"


def is_too_deep(depth: int) -> bool:
    try:
        json.loads(nested(depth))
    except RecursionError:
        return True
    return False


def test_there_is_no_depth_of_nesting_that_breaks_a_function(world: World):
    too_deep = bisect_left(range(32_000), x=True, key=is_too_deep)  # in this test; functions parse with less stack left
    for depth in range(too_deep - 80, too_deep):
        reply = world.http("POST", "/payment/zalopay/create", raw=nested(depth))
        assert (reply.status, reply.code) == (400, "VALIDATION_ERROR"), depth


@pytest.mark.parametrize("path", ["/payment/zalopay/create", "/bookings", "/users/auth0-sync"])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(world: World, path: str):
    body = json.dumps(GOOD | {"orderInfo": "x" * 70_000}).encode()
    reply = refused_without_a_trace(world, path, raw=body)
    assert (reply.status, reply.code, reply.details) == (413, "PAYLOAD_TOO_LARGE", {"limit": 65_536})


def test_an_empty_body_names_what_is_missing(world: World):
    reply = refused_without_a_trace(world, "/payment/zalopay/create", raw=b"")
    assert (reply.status, reply.code) == (400, "VALIDATION_ERROR")


BAD_IDS = ["abc", "01MFZGFMWRBDQ204A12RVMHVS", "01MFZGFMWRBDQ204A12RVMHVS6X", "91MFZGFMWRBDQ204A12RVMHVS6", "a" * 4096]


IDENTIFIED = [
    ("GET", "/payment/sessions/{bad}", "sessionId"),
    ("GET", "/payment/zalopay/status/{bad}", "appTransId"),
    ("GET", "/payment/{bad}/booking", "paymentId"),
    ("POST", "/payment/{bad}/booking", "paymentId"),
    ("DELETE", "/bookings/{bad}", "bookingId"),
    ("POST", "/bookings/{bad}/update-calendar", "bookingId"),
    ("POST", "/bookings/{bad}/conversation", "bookingId"),
    ("POST", "/bookings/{bad}/send-confirmation", "bookingId"),
]


def test_an_id_of_the_wrong_shape_is_named(world: World):
    for method, path, field in IDENTIFIED:
        for bad in BAD_IDS:
            reply = refused_without_a_trace(world, path.format(bad=bad), method=method)
            assert (reply.status, reply.code, reply.fields) == (400, "VALIDATION_ERROR", [field]), (method, path)


def test_a_transaction_id_that_is_no_number_has_a_code_of_its_own(world: World):
    for bad in ("abc", "1" * 65, "-5", "1.5", "%D9%A1%D9%A2"):
        reply = refused_without_a_trace(world, f"/payment/transactions/{bad}", method="GET")
        assert (reply.status, reply.code, reply.fields) == (400, "INVALID_TRANSACTION_ID", ["transactionId"]), bad


BOOKINGS: list[tuple[dict[str, Any], Any]] = [
    ({}, ["auctionId", "selectedNights"]),
    ({"auctionId": "1001", "selectedNights": []}, ["selectedNights"]),
    ({"auctionId": "1001", "selectedNights": ["2027-02-30"]}, ["selectedNights.0"]),
    ({"auctionId": "1001", "selectedNights": ["2027-02-01"]}, ["selectedNights"]),
    ({"auctionId": "1001", "selectedNights": ["2027-03-20", "2027-03-20"]}, ["selectedNights"]),
    ({"auctionId": "1001", "selectedNights": ["2027-03-25"]}, ["selectedNights"]),
]


def test_a_field_of_a_direct_booking_that_is_wrong_is_named(world: World):
    world.announce(auction_result(result="PARTIAL_WIN"))
    for body, fields in BOOKINGS:
        reply = refused_without_a_trace(world, "/bookings", body)
        assert (reply.status, reply.code, sorted(reply.fields)) == (400, "VALIDATION_ERROR", fields), body


PROFILES: list[tuple[dict[str, Any], Any]] = [
    ({"email": "no address"}, "email"),
    ({"email": "mai@\ufeffexample.com"}, "email"),
    ({"email": "a@" + "b" * 400}, "email"),
    ({"email": 5}, "email"),
    ({"name": "x" * 201}, "name"),
]


def test_a_field_of_a_profile_that_is_wrong_is_named(world: World):
    for body, field in PROFILES:
        reply = refused_without_a_trace(world, "/users/auth0-sync", body)
        assert (reply.status, reply.code, reply.fields) == (400, "VALIDATION_ERROR", [field]), body


def test_what_was_typed_is_never_repeated_in_a_refusal(world: World):
    secret = "zq-secret-zq"
    reply = world.http("POST", "/payment/zalopay/create", {"auctionId": f"{secret} ", "amount": secret}, sub=MAI)
    assert reply.status == 400
    assert secret not in json.dumps(reply.body)
