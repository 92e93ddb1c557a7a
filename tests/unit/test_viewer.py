"""What a function asks of a request where its stage has an edge."""

from typing import Any

import pytest

from infra.topology import EDGE_ADDRESS_HEADER, EDGE_SECRET_HEADER
from stays.domain.errors import Busy, Refused
from stays.edge.viewer import ADDRESS_HEADER, SECRET_HEADER, Edge, read_address

NEW, OLD = "n" * 32, "o" * 32
EDGE = Edge(lambda secret: {"of the stage": [NEW, OLD]}[secret], "of the stage")


def request(**headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    http = {"method": "GET", "path": "/api/v1/health", "sourceIp": "130.176.1.1", "userAgent": "Firefox"}
    return {"headers": named, "requestContext": {"requestId": "1", "http": http}}


def test_the_headers_are_those_that_the_edge_sends():
    assert (SECRET_HEADER, ADDRESS_HEADER) == (EDGE_SECRET_HEADER, EDGE_ADDRESS_HEADER)


@pytest.mark.parametrize("value", [NEW, OLD])
def test_who_comes_through_the_edge_has_the_viewers_address_and_the_secret_goes_no_further(value: str):
    event = request(x_stays_edge=value, x_stays_viewer="203.0.113.7", accept="*/*")
    admitted = EDGE.admit(event)
    assert admitted["requestContext"]["http"] == event["requestContext"]["http"] | {"sourceIp": "203.0.113.7"}
    assert admitted["requestContext"]["requestId"] == "1"
    assert admitted["headers"] == {"accept": "*/*"}
    assert event["requestContext"]["http"]["sourceIp"] == "130.176.1.1"


def test_a_connection_is_treated_alike_however_its_headers_are_spelled():
    carried = {"X-Stays-Edge": NEW, "X-Stays-Viewer": "2001:DB8:0::7", "Origin": "https://stays.example"}
    event = {
        "headers": carried,
        "multiValueHeaders": {name: [value] for name, value in carried.items()},
        "requestContext": {"connectionId": "c", "identity": {"sourceIp": "130.176.1.1", "userAgent": None}},
    }
    admitted = EDGE.admit(event)
    assert admitted["requestContext"]["identity"] == {"sourceIp": "2001:db8::7", "userAgent": None}
    assert admitted["headers"] == {"Origin": "https://stays.example"}
    assert admitted["multiValueHeaders"] == {"Origin": ["https://stays.example"]}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_stays_viewer": "203.0.113.7"},
        {"x_stays_edge": "", "x_stays_viewer": "203.0.113.7"},
        {"x_stays_edge": NEW[:-1], "x_stays_viewer": "203.0.113.7"},
        {"x_stays_edge": f"{NEW},{NEW}", "x_stays_viewer": "203.0.113.7"},
        {"x_stays_edge": "ñ" * 32, "x_stays_viewer": "203.0.113.7"},
        {"x_stays_edge": NEW},
        {"x_stays_edge": NEW, "x_stays_viewer": "here"},
    ],
)
def test_who_comes_around_the_edge_is_refused(headers: dict[str, str]):
    with pytest.raises(Refused) as refused:
        EDGE.admit(request(**headers))
    assert refused.value.code == "INSUFFICIENT_PERMISSIONS"
    assert NEW not in refused.value.message


def test_a_request_without_any_headers_is_refused():
    with pytest.raises(Refused):
        EDGE.admit({"requestContext": {"http": {"sourceIp": "203.0.113.7"}}})


def test_while_the_secret_cannot_be_read_nobody_is_admitted_and_all_may_try_again():
    with pytest.raises(Busy):
        Edge(lambda _: [], "of the stage").admit(request(x_stays_edge="", x_stays_viewer="203.0.113.7"))


def test_without_an_edge_a_request_stays_as_it_is():
    event = request(x_stays_viewer="203.0.113.7")
    assert Edge(lambda _: [], None).admit(event) is event


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:443", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:0DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:db8:85a3:0:0:8a2e:370:7334:46532", "2001:db8:85a3::8a2e:370:7334"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", None),
        (":443", None),
        ("203.0.113", None),
        ("203.0.113.7, 198.51.100.1", None),
        ("localhost:443", None),
    ],
)
def test_an_address_is_read_in_every_form_and_has_one(text: str, address: str | None):
    assert read_address(text) == address
