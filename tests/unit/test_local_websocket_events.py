"""WebSocket events of a handshake, a message and an end; and the route of a message."""

from datetime import UTC, datetime

import pytest

from infra.local.events import (
    Client,
    connect_event,
    disconnect_event,
    message_event,
    selected_route,
)

NOW = datetime(2026, 11, 3, 4, 5, 6, 789000, tzinfo=UTC)
ROUTES = {"$connect", "$disconnect", "$default", "SUBSCRIBE", "PING"}


@pytest.mark.parametrize(
    ("body", "route"),
    [
        ('{"type": "SUBSCRIBE", "userId": "1"}', "SUBSCRIBE"),
        ('{"type": "PING"}', "PING"),
        ('{"type": "OTHER"}', "$default"),
        ('{"type": "$connect"}', "$default"),
        ('{"type": ["PING"]}', "$default"),
        ('{"type": null}', "$default"),
        ('["PING"]', "$default"),
        ("PING", "$default"),
        ("", "$default"),
        ("[" * 100_000, "$default"),
    ],
)
def test_a_message_finds_its_route_by_its_type(body: str, route: str) -> None:
    assert selected_route("$request.body.type", body, ROUTES) == route


def test_a_route_may_be_chosen_by_a_nested_field_and_be_missing() -> None:
    assert selected_route("$request.body.a.b", '{"a": {"b": "PING"}}', {"PING"}) == "PING"
    assert selected_route("$request.body.a.b", '{"a": 1}', {"PING"}) is None


CLIENT = Client("L0SM9cOFvHcCIhw=", NOW, "127.0.0.1", "test/1", "localhost:8080", "payment-notifications")


def test_a_connect_event_carries_headers_and_query() -> None:
    headers = (("Host", "localhost:8080"), ("X-Two", "1"), ("X-Two", "2"))
    event = connect_event(CLIENT, headers, "token=a%20b&token=c", request_id="r=", now=NOW)
    assert event["headers"] == {"Host": "localhost:8080", "X-Two": "2"}
    assert event["multiValueHeaders"] == {"Host": ["localhost:8080"], "X-Two": ["1", "2"]}
    assert event["queryStringParameters"] == {"token": "c"}
    assert event["multiValueQueryStringParameters"] == {"token": ["a b", "c"]}
    assert event["requestContext"] == {
        "routeKey": "$connect",
        "eventType": "CONNECT",
        "extendedRequestId": "r=",
        "requestTime": "03/Nov/2026:04:05:06 +0000",
        "messageDirection": "IN",
        "stage": "payment-notifications",
        "connectedAt": 1793678706789,
        "requestTimeEpoch": 1793678706789,
        "identity": {"sourceIp": "127.0.0.1", "userAgent": "test/1"},
        "requestId": "r=",
        "domainName": "localhost:8080",
        "connectionId": "L0SM9cOFvHcCIhw=",
        "apiId": "local",
    }


def test_a_connect_event_without_a_query_does_not_speak_of_one() -> None:
    event = connect_event(CLIENT, (), "", request_id="r=", now=NOW)
    assert not {"queryStringParameters", "multiValueQueryStringParameters"} & event.keys()


def test_a_message_event_carries_the_body_and_no_headers() -> None:
    event = message_event(CLIENT, "PING", '{"type":"PING"}', request_id="r=", now=NOW)
    assert event["body"] == '{"type":"PING"}'
    assert "headers" not in event
    context = event["requestContext"]
    assert (context["routeKey"], context["eventType"], context["messageId"]) == ("PING", "MESSAGE", "r=")


def test_a_disconnect_event_says_why() -> None:
    context = disconnect_event(CLIENT, 1001, "Going away", request_id="r=", now=NOW)["requestContext"]
    assert (context["routeKey"], context["eventType"]) == ("$disconnect", "DISCONNECT")
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == (1001, "Going away")
