"""Facts C1 to C12 of the contract about the frontend: errors, reads, polling."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from infra.local.cors import Cors
from infra.local.http_api import http_api
from infra.topology import CORS_HEADERS, CORS_MAX_AGE, CORS_METHODS, ROUTES
from tests.integration.messages import MAI, auction_result
from tests.integration.product import Asked, counted, failing, fault
from tests.integration.shapes import SENTENCE, TIME
from tests.integration.world import Reply, World

UNKNOWN = "01MFZGFMWRBDQ204A12RVMHVS6"


def refusals(world: World) -> dict[str, Reply]:
    """One reply for each kind of failure."""
    paid = world.paid()
    mail = f"/bookings/{paid['id']}/send-confirmation"
    world.http("POST", mail)
    found = {
        "400": world.create([]),
        "400 json": world.http("POST", "/payment/zalopay/create", raw=b"{"),
        "401": world.http("GET", f"/payment/sessions/{paid['id']}", sub=None),
        "404": world.http("GET", f"/payment/sessions/{UNKNOWN}"),
        "404 route": world.http("GET", "/nowhere"),
        "404 bookings": world.http("DELETE", f"/bookings/{UNKNOWN}"),
        "405": world.http("PUT", f"/payment/sessions/{paid['id']}"),
        "405 bookings": world.http("PATCH", "/bookings"),
        "409": world.create(),
        "413": world.http("POST", "/bookings", raw=b'{"a":"' + b"x" * 70_000 + b'"}'),
        "429": world.http("POST", mail),
    }
    with failing(world.functions["payments"], "BatchGetItem", fault()):
        found["500"] = world.http("GET", f"/payment/sessions/{paid['id']}")
    world.announce(auction_result(auctionId="1002", nights=["2027-04-01"]))
    world.zalopay.fault("create_refused")
    found["502"] = world.create(["2027-04-01"], auction_id="1002")
    return found


CODES = {
    "400": "VALIDATION_ERROR",
    "400 json": "VALIDATION_ERROR",
    "401": "AUTH_REQUIRED",
    "404": "NOT_FOUND",
    "404 route": "NOT_FOUND",
    "404 bookings": "NOT_FOUND",
    "405": "METHOD_NOT_ALLOWED",
    "405 bookings": "METHOD_NOT_ALLOWED",
    "409": "INVALID_AUCTION_STATE",
    "413": "PAYLOAD_TOO_LARGE",
    "429": "RATE_LIMIT",
    "500": "INTERNAL_ERROR",
    "502": "PAYMENT_CREATION_FAILED",
}


def test_c1_every_error_has_the_one_shape(world: World):
    found = refusals(world)
    assert {name: reply.status for name, reply in found.items()} == {name: int(name[:3]) for name in CODES}
    assert {name: reply.code for name, reply in found.items()} == CODES
    for reply in found.values():
        shown = reply.body["error"]
        assert reply.body == {"error": shown, "requestId": "request-1"}
        assert shown == {"code": shown["code"], "message": SENTENCE, "details": shown["details"]}
        assert isinstance(shown["details"], dict)
        assert reply.headers["content-type"] == "application/json"
        assert reply.headers["x-request-id"] == "request-1"


def test_c2_every_success_is_200_with_a_json_body(world: World):
    paid = world.paid()
    world.deliver()
    world.clock.shift(timedelta(minutes=2))
    for step in ("update-calendar", "send-confirmation"):
        assert world.http("POST", f"/bookings/{paid['id']}/{step}", {})[:2] == (200, {})
    world.offer(userId=MAI, nights=["2027-06-01"])
    for path in ("offers/5001/accept", "winners/5001/accept", "offers/second-chance/5001/decline"):
        assert world.http("POST", f"/auctions/{path}")[:2] == (200, {})
    assert world.http("POST", "/auctions/analytics/decline", {"offerId": "5001"})[:2] == (200, {})
    replies = [
        *(world.http("GET", f"/auctions/{path}") for path in ("winners/me", "winners/1001")),
        *(world.http("GET", f"/auctions/offers/second-chance/{path}") for path in ("me", "5001")),
        world.http("GET", "/health", sub=None),
        world.http("GET", f"/payment/zalopay/status/{paid['appTransId']}"),
        world.http("GET", f"/payment/transactions/{paid['transactionId']}"),
        world.http("POST", f"/payment/{paid['id']}/booking"),
        world.http("GET", f"/payment/{paid['id']}/booking"),
        world.http("GET", "/user/bookings"),
        world.http("POST", f"/bookings/{paid['id']}/conversation", {}),
        world.http("POST", "/users/auth0-sync", {"email": "mai@example.com"}),
        world.http("DELETE", f"/bookings/{paid['id']}"),
    ]
    assert [reply.status for reply in replies] == [200] * len(replies)
    assert all(reply.body and reply.headers["content-type"] == "application/json" for reply in replies)


PRIVATE = [
    ("POST", "/payment/zalopay/create"),
    ("GET", f"/payment/zalopay/status/270301_{UNKNOWN}"),
    ("GET", f"/payment/sessions/{UNKNOWN}"),
    ("GET", "/payment/transactions/270301000000001"),
    ("POST", f"/payment/{UNKNOWN}/booking"),
    ("GET", f"/payment/{UNKNOWN}/booking"),
    ("POST", f"/bookings/{UNKNOWN}/update-calendar"),
    ("POST", f"/bookings/{UNKNOWN}/conversation"),
    ("POST", f"/bookings/{UNKNOWN}/send-confirmation"),
    ("POST", "/bookings"),
    ("GET", "/user/bookings"),
    ("DELETE", f"/bookings/{UNKNOWN}"),
    ("POST", "/users/auth0-sync"),
    *(("GET", f"/auctions/{path}") for path in ("winners/me", "winners/1001", "offers/second-chance/me")),
    *(("POST", f"/auctions/{path}/1001/accept") for path in ("winners", "offers", "offers/second-chance")),
    *(("POST", f"/auctions/{path}/1001/decline") for path in ("winners", "offers", "offers/second-chance")),
    ("GET", "/auctions/offers/second-chance/5001"),
]


def test_c3_a_function_that_finds_no_caller_says_auth_required(world: World):
    body = {"auctionId": "1001", "selectedNights": ["2027-03-20"], "amount": 1}
    for method, path in PRIVATE:
        reply = world.http(method, path, body if method == "POST" else None, sub=None)
        assert (reply.status, reply.code, reply.details) == (401, "AUTH_REQUIRED", {}), path


def preflight(world: World, origin: str, method: str) -> httpx.Response:
    """A browser's preflight to the gateway in front of the functions."""

    async def ask() -> httpx.Response:
        cors = Cors(("http://localhost:3000",), CORS_METHODS, CORS_HEADERS, CORS_MAX_AGE)
        app = http_api(None, ROUTES, None, cors)
        headers = {
            "origin": origin,
            "access-control-request-method": method,
            "access-control-request-headers": "authorization,content-type",
        }
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8000") as client:
            return await client.options("/api/v1/payment/zalopay/create", headers=headers)

    return asyncio.run(ask())


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_c4_a_preflight_names_the_origin_and_allows_credentials(world: World, method: str):
    answer = preflight(world, "http://localhost:3000", method)
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert method in answer.headers["access-control-allow-methods"].split(",")
    assert {"authorization", "content-type"} <= set(answer.headers["access-control-allow-headers"].split(","))
    assert "access-control-allow-origin" not in preflight(world, "http://evil.example", method).headers


def test_c5_a_session_is_pending_from_the_moment_its_order_url_exists(world: World):
    made = world.created()
    assert world.session(made["sessionId"])["status"] == "PENDING"
    images = [record["dynamodb"]["NewImage"] for record in world.records()]
    assert [image["status"]["S"] for image in images if "orderUrl" in image] == ["PENDING"]


def test_c6_a_page_that_subscribes_late_hears_at_once_what_it_has_missed(world: World):
    paid = world.paid()
    world.offer(userId=MAI, auctionId="1009", nights=["2027-05-01"])
    frames = world.socket().subscribe()
    assert [frame["type"] for frame in frames] == [
        "SUBSCRIBED",
        "PAYMENT_STATUS",
        "BOOKING_CONFIRMED",
        "SECOND_CHANCE_OFFER",
    ]
    assert frames[1] == {
        "type": "PAYMENT_STATUS",
        "paymentId": paid["id"],
        "userId": MAI,
        "status": "COMPLETED",
        "transactionId": paid["transactionId"],
    }


def test_c6_what_ended_more_than_a_quarter_of_an_hour_ago_is_not_said_again(world: World):
    world.paid()
    world.clock.shift(timedelta(minutes=14))
    world.session(world.item(kind="SESSION")["id"])
    assert [frame["type"] for frame in world.socket().subscribe()] == [
        "SUBSCRIBED",
        "PAYMENT_STATUS",
        "BOOKING_CONFIRMED",
    ]
    world.clock.shift(timedelta(minutes=2))
    assert [frame["type"] for frame in world.socket().subscribe()] == ["SUBSCRIBED"]


def test_c7_a_message_names_the_tokens_sub_and_the_sessions_id(world: World):
    socket = world.socket(query=f"token={world.token(MAI)}")
    socket.subscribe()
    paid = world.paid()
    world.deliver()
    statuses = socket.of_type("PAYMENT_STATUS")
    assert [frame["status"] for frame in statuses] == ["COMPLETED"]
    assert [(frame["userId"], frame["paymentId"]) for frame in statuses] == [(MAI, paid["id"])]
    assert (paid["userId"], paid["paymentId"]) == (MAI, paid["id"])


def test_c8_status_only_says_paid_pending_failed_cancelled(world: World):
    payable = world.apart(*(f"2027-04-{day:02}" for day in range(1, 5)))
    world.zalopay.cancel(payable[1])
    world.zalopay.fault("create_refused")
    for auction_id, night in (("1001", "2027-04-05"), ("1002", "2027-04-06")):
        world.announce(auction_result(auctionId=auction_id, nights=[night]))
    refused = world.create(["2027-04-05"]).details["sessionId"]
    failed = world.session(refused)["appTransId"]
    world.http("POST", "/bookings", {"auctionId": "1002", "selectedNights": ["2027-04-06"]})
    world.zalopay.pay(payable[0])
    created = world.item(kind="SESSION", reserved=True)["appTransId"]
    said = {name: world.status(name)["status"] for name in (*payable[:3], failed, created)}
    assert list(said.values()) == ["PAID", "CANCELLED", "PENDING", "FAILED", "PENDING"]
    world.after(minutes=17)
    assert world.session(payable[3][7:])["status"] == "EXPIRED"
    assert world.status(payable[3])["status"] == "CANCELLED"


def test_c9_paid_and_completed_come_with_the_transaction_id(world: World):
    paid = world.paid()
    number = str(world.zalopay.order(paid["appTransId"])["zp_trans_id"])
    world.deliver()
    readings = [
        paid,
        world.status(paid["appTransId"]),
        world.http("GET", f"/payment/transactions/{number}").body,
        world.socket().subscribe()[1],
    ]
    assert [each["transactionId"] for each in readings] == [number] * 4
    assert {each["status"] for each in readings} == {"PAID", "COMPLETED"}


def test_c10_what_is_announced_as_paid_can_be_read_by_its_transaction_at_once(world: World):
    made = world.created()
    number = str(world.zalopay.pay(made["appTransId"])["zp_trans_id"])
    with counted(world.functions["payments"]) as calls:
        reply = world.http("GET", f"/payment/transactions/{number}")
    assert (reply.status, reply.body["status"]) == (200, "PAID")
    assert calls == ["GetItem stays", "GetItem stays", "UpdateItem stays"]  # the notes say whether she was told


def test_c11_the_transaction_leads_to_its_booking_at_once(world: World):
    made = world.created()
    number = str(world.zalopay.pay(made["appTransId"])["zp_trans_id"])
    found = world.http("GET", f"/payment/transactions/{number}").body
    shown = {name: found[name] for name in ("id", "paymentId", "transactionId", "paidAt", "appTransId", "status")}
    assert shown == {
        "id": made["sessionId"],
        "paymentId": made["sessionId"],
        "transactionId": number,
        "paidAt": TIME,
        "appTransId": made["appTransId"],
        "status": "PAID",
    }
    booking = world.http("GET", f"/payment/{found['id']}/booking")
    assert (booking.status, booking.body["status"]) == (200, "CONFIRMED")


def test_c12_zalopay_is_asked_once_in_five_seconds_however_often_the_page_polls(world: World):
    made = world.created()
    with Asked(world.functions["payments"]) as paths:
        for _ in range(5):
            assert world.status(made["appTransId"])["status"] == "PENDING"
        assert paths == ["/v2/query"]
        world.clock.shift(timedelta(seconds=6))
        world.status(made["appTransId"])
        assert paths == ["/v2/query"] * 2
