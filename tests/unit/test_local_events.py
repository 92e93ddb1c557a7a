"""Request -> HTTP API event -> the same request, as Mangum reads it; and the answers of functions."""

import asyncio
import base64
import json
from collections.abc import Iterable, MutableMapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import unquote

import pytest
from mangum import Mangum

from infra.local.events import (
    Answer,
    BadAnswer,
    Headers,
    Request,
    claim_text,
    http_answer,
    http_event,
)

NOW = datetime(2026, 11, 3, 4, 5, 6, 789000, tzinfo=UTC)
JSON = ("content-type", "application/json")
ADDED = {"x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"}


def request(method: str = "GET", path: str = "/", query: str = "", headers: Headers = (), body: bytes = b"") -> Request:
    length = (("content-length", str(len(body))),) if body else ()
    return Request(method, path, query, (("host", "localhost:8000"), *headers, *length), body, "127.0.0.1")


def event_of(request: Request, **overrides: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"route_key": "$default", "path_parameters": {}, "claims": None}
    return http_event(request, **{**given, **overrides}, request_id="abc=", now=NOW)


def as_mangum_reads_it(event: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The ASGI scope and the body that Mangum gives an app."""
    seen: list[Any] = []

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        seen.extend((scope, await receive()))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with asyncio.Runner() as runner:
        asyncio.set_event_loop(runner.get_loop())  # Mangum uses the event loop of Lambda's main thread
        Mangum(cast(Any, app), lifespan="off")(cast(Any, event), cast(Any, SimpleNamespace()))
    return seen[0], seen[1]["body"]


SHAPES = [
    request(),
    request(path="/api/v1/bookings/01H"),
    request(path="/a%20b/%C4%91%C3%AAm", query="q=%C4%91&q=2&empty=&flag"),
    request(path="/a%2Fb", query="a=1%262&b=x+y&c=%25"),
    request("POST", "/api/v1/payment", headers=(JSON,), body='{"đêm": 1}'.encode()),
    request("POST", "/", headers=(("content-type", "text/plain; charset=utf-8"),), body=b"plain"),
    request("POST", "/", headers=(("content-type", "application/problem+json"),), body=b"{}"),
    request("POST", "/", headers=(("content-type", "application/x-www-form-urlencoded"),), body=b"a=1&b=%20"),
    request("PUT", "/", headers=(("content-type", "application/octet-stream"),), body=bytes(range(256))),
    request("PUT", "/", headers=(JSON,), body=b"\xff\xfe not utf-8"),
    request("PUT", "/", headers=(JSON, ("content-encoding", "gzip")), body=b"\x1f\x8b"),
    request("PATCH", "/", body=b"no type"),
    request("DELETE", "/", headers=(("authorization", "Bearer x.y.z"), ("accept-language", "vi,en;q=0.5"))),
    request(headers=(("cookie", "a=1; b=2"), ("user-agent", "test/1"))),
    request(headers=(("cookie", "a=1"), ("cookie", "b=2"))),
    request(headers=(("x-many", "1"), ("X-Many", "2"), ("x-other", "3"))),
    request(headers=(("x-name", "Đỗ"), ("connection", "keep-alive"))),
    request("OPTIONS", "/x"),
    request("HEAD", "/x", query="a[]=1&a[]=2"),
]


@pytest.mark.parametrize("sent", SHAPES, ids=lambda sent: f"{sent.method} {sent.path}?{sent.query} {sent.headers[1:2]}")
def test_mangum_gives_back_the_request_that_made_the_event(sent: Request) -> None:
    event = json.loads(json.dumps(event_of(sent)))
    scope, body = as_mangum_reads_it(event)
    assert scope["method"] == sent.method
    assert scope["path"] == unquote(sent.path)
    assert scope["query_string"].decode() == sent.query
    assert scope["client"][0] == sent.source_ip
    assert body == sent.body
    assert gathered(scope["headers"]) == expected_headers(sent)


def gathered(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in headers if name.decode() not in ADDED}


def expected_headers(sent: Request) -> dict[str, str]:
    expected: dict[str, str] = {}
    for name, value in sent.headers:
        comma = "; " if name == "cookie" else ","
        expected[name.lower()] = comma.join(filter(None, (expected.get(name.lower()), value)))
    expected.pop("connection", None)
    return expected


def test_an_event_has_the_fields_of_payload_format_2() -> None:
    sent = request(
        "POST",
        "/api/v1/bookings/a%2Fb",
        "x=1&x=2&y=",
        (("cookie", "a=1; b=2"), JSON, ("user-agent", "test/1"), ("x-forwarded-for", "10.0.0.9")),
        b"{}",
    )
    event = event_of(
        sent,
        route_key="POST /api/v1/bookings/{bookingId}",
        path_parameters={"bookingId": "a/b"},
        claims={"sub": "auth0|1", "exp": 1700000000, "email_verified": True, "aud": ["stays", "x"]},
    )
    assert event == {
        "version": "2.0",
        "routeKey": "POST /api/v1/bookings/{bookingId}",
        "rawPath": "/api/v1/bookings/a/b",
        "rawQueryString": "x=1&x=2&y=",
        "cookies": ["a=1", "b=2"],
        "headers": {
            "host": "localhost:8000",
            "content-type": "application/json",
            "user-agent": "test/1",
            "content-length": "2",
            "x-forwarded-for": "10.0.0.9, 127.0.0.1",
            "x-forwarded-port": "8000",
            "x-forwarded-proto": "http",
        },
        "queryStringParameters": {"x": "1,2", "y": ""},
        "pathParameters": {"bookingId": "a/b"},
        "body": "{}",
        "isBase64Encoded": False,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "authorizer": {
                "jwt": {
                    "claims": {
                        "sub": "auth0|1",
                        "exp": "1700000000",
                        "email_verified": "true",
                        "aud": "[stays x]",
                    },
                    "scopes": None,
                }
            },
            "domainName": "localhost:8000",
            "domainPrefix": "localhost",
            "http": {
                "method": "POST",
                "path": "/api/v1/bookings/a/b",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "test/1",
            },
            "requestId": "abc=",
            "routeKey": "POST /api/v1/bookings/{bookingId}",
            "stage": "$default",
            "time": "03/Nov/2026:04:05:06 +0000",
            "timeEpoch": 1793678706789,
        },
    }


def test_what_is_empty_is_absent() -> None:
    event = event_of(request())
    absent = {"cookies", "queryStringParameters", "pathParameters", "body", "authorizer"}
    assert not absent & (event.keys() | event["requestContext"].keys())
    assert event["isBase64Encoded"] is False
    assert event["rawQueryString"] == ""


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        ("a", "a"),
        (1, "1"),
        (False, "false"),
        (["a", 1, True], "[a 1 true]"),
        ({"a": ["b"]}, "map[a:[b]]"),
    ],
)
def test_claims_become_strings(claim: Any, text: str) -> None:
    assert claim_text(claim) == text


PLAIN = ("content-type", "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        ({"a": 1}, Answer(200, (JSON,), b'{"a": 1}')),
        ([], Answer(200, (JSON,), b"[]")),
        ("text", Answer(200, (JSON,), b'"text"')),
        (None, Answer(200, (JSON,), b"null")),
        ({"statusCode": 204}, Answer(204, (PLAIN,), b"")),
        ({"statusCode": "201", "body": "x"}, Answer(201, (PLAIN,), b"x")),
        ({"statusCode": 200, "headers": None, "body": None}, Answer(200, (PLAIN,), b"")),
        (
            {"statusCode": 400, "headers": {"Content-Type": "application/json", "X-N": 1, "X-B": True}, "body": "{}"},
            Answer(400, (JSON, ("x-n", "1"), ("x-b", "true")), b"{}"),
        ),
        (
            {"statusCode": 200, "cookies": ["a=1", "b=2"]},
            Answer(200, (PLAIN, ("set-cookie", "a=1"), ("set-cookie", "b=2")), b""),
        ),
        (
            {"statusCode": 200, "headers": {"content-length": "99", "connection": "close"}, "body": "đ"},
            Answer(200, (PLAIN,), "đ".encode()),
        ),
        (
            {"statusCode": 200, "body": base64.b64encode(b"\xff\x00").decode(), "isBase64Encoded": True},
            Answer(200, (PLAIN,), b"\xff\x00"),
        ),
        (
            {"statusCode": 200, "multiValueHeaders": {"x": ["not in 2.0"]}},
            Answer(200, (PLAIN,), b""),
        ),
    ],
)
def test_what_a_function_returns_becomes_a_response(result: Any, answer: Answer) -> None:
    assert http_answer(result) == answer


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": None},
        {"statusCode": "ok"},
        {"statusCode": True},
        {"statusCode": 99},
        {"statusCode": 600},
        {"statusCode": 200.5},
        {"statusCode": 200, "body": {"not": "a string"}},
        {"statusCode": 200, "body": 5},
        {"statusCode": 200, "body": "***", "isBase64Encoded": True},
        {"statusCode": 200, "headers": ["x"]},
        {"statusCode": 200, "headers": {"x": ["a"]}},
        {"statusCode": 200, "headers": {"x": None}},
        {"statusCode": 200, "headers": {"x y": "a"}},
        {"statusCode": 200, "headers": {"x": "a\r\nset-cookie: b=1"}},
        {"statusCode": 200, "cookies": ["a=1\r\nx: y"]},
    ],
)
def test_garbage_is_no_response(result: Any) -> None:
    with pytest.raises(BadAnswer):
        http_answer(result)
