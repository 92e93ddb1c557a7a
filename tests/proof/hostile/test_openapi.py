"""The published OpenAPI document lists every route, and the functions really answer as it says."""

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from pydantic.alias_generators import to_camel

from infra.contracts.openapi import DOCUMENT, document, text
from infra.local.routing import route_for
from infra.topology import PREFIX, ROUTES, SERVED
from stays.domain.payment import _DOUBTS, _INTERNAL
from stays.edge.http import STATUS
from tests.integration.messages import HOST, MAI, PRICE, PROPERTY
from tests.proof.hostile.attacked import LAST, LATEST, Backend, request


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document()


def test_the_published_document_is_the_generated_one():
    assert DOCUMENT.read_text(encoding="utf-8") == text(), "make openapi writes it anew"


def test_it_says_all_that_is_served_and_nothing_else(described: dict[str, Any]):
    said = {(method.upper(), PREFIX + path) for path, methods in described["paths"].items() for method in methods}
    assert said == {(route.method, route.path) for route in SERVED}


def test_every_operation_says_what_it_is_for_under_a_name_of_its_own(described: dict[str, Any]):
    operations = [operation for methods in described["paths"].values() for operation in methods.values()]
    assert all(operation["summary"] and operation["responses"]["200"] for operation in operations)
    assert len({operation["operationId"] for operation in operations}) == len(SERVED)


def test_what_is_public_needs_no_token_and_all_else_does(described: dict[str, Any]):
    for route in SERVED:
        operation = described["paths"][route.path.removeprefix(PREFIX)][route.method.lower()]
        assert operation.get("security", described["security"]) == ([] if route.public else [{"token": []}])
        assert ("401" in operation["responses"]) is not route.public


def test_every_error_code_of_the_contract_stands_under_its_status(described: dict[str, Any]):
    said = {
        (code, int(status))
        for status, response in described["components"]["responses"].items()
        for code in response["description"].split(", ")
    }
    assert said == set(STATUS.items())


def test_no_reference_leads_nowhere_and_no_schema_is_idle(described: dict[str, Any]):
    components = described["components"]
    named = set(re.findall(r'"#/components/(\w+)/(\w+)"', json.dumps(described)))
    assert {(kind, name) for kind in ("schemas", "responses") for name in components[kind]} >= named
    assert {name for kind, name in named if kind == "schemas"} == components["schemas"].keys()


@pytest.mark.parametrize(("name", "internal"), [("PaymentSession", _INTERNAL), ("Refund", _DOUBTS)])
def test_what_no_client_gets_is_not_described(described: dict[str, Any], name: str, internal: Iterable[str]):
    schema = described["components"]["schemas"][name]
    said = {*schema["properties"], *re.findall(r"`(\w+)`", schema["description"])}
    assert said.isdisjoint({*internal, *map(to_camel, internal)})


def closed(schema: Any) -> Any:
    """Return the schema without room for unnamed fields."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(each) for name, each in schema.items()}
    return inner | {"additionalProperties": False} if "properties" in schema and "required" in schema else inner


def asked(backend: Backend) -> list[tuple[str, str, Any]]:
    """Send a valid request to every route, as Mai or as the host."""
    known, calendar = backend.known, f"/properties/{PROPERTY['id']}/calendar"
    return [
        ("GET", "/health", None),
        ("POST", "/payment/zalopay/create", {"auctionId": 1003, "selectedNights": list(LATEST), "amount": PRICE}),
        ("POST", "/payment/zalopay/callback", {}),
        ("GET", f"/payment/zalopay/status/{known.paid_order}", None),
        ("GET", f"/payment/zalopay/status/{known.live_order}", None),
        ("GET", f"/payment/sessions/{known.paid}", None),
        ("GET", f"/payment/sessions/{known.live}", None),
        ("GET", f"/payment/transactions/{known.transaction_id}", None),
        ("POST", f"/payment/{known.paid}/booking", None),
        ("GET", f"/payment/{known.paid}/booking", None),
        ("POST", "/bookings", {"auctionId": "1003", "selectedNights": list(LATEST)}),
        ("GET", "/user/bookings", None),
        ("DELETE", f"/bookings/{known.paid}", None),
        ("POST", f"/bookings/{known.paid}/update-calendar", {}),
        ("POST", f"/bookings/{known.paid}/conversation", {}),
        ("POST", f"/bookings/{known.paid}/send-confirmation", {}),
        ("GET", "/auctions/winners/me", None),
        ("GET", "/auctions/winners/1001", None),
        ("GET", "/auctions/winners/1003", None),
        ("POST", "/auctions/winners/1003/accept", None),
        ("POST", "/auctions/winners/1003/decline", {"reason": "no time", "why": 5}),
        ("GET", "/auctions/offers/second-chance/me", None),
        ("GET", "/auctions/offers/second-chance/5001", None),
        ("POST", "/auctions/offers/second-chance/5001/accept", {"selectedNights": [LAST[0]]}),
        ("POST", "/auctions/offers/second-chance/5001/decline", None),
        ("POST", "/auctions/offers/5001/accept", {}),
        ("POST", "/auctions/offers/1003/decline", {"reason": None}),
        ("POST", "/auctions/analytics/decline", {"offerId": 5001, "reason": "no time", "type": "second_chance"}),
        ("POST", "/users/auth0-sync", {"email": "mai@example.com", "name": "Mai", "locale": "vi"}),
        ("GET", calendar, None),
        ("POST", f"{calendar}/feed", None),
        ("DELETE", f"{calendar}/feed", None),
        ("GET", f"/calendars/{known.feed}", None),
    ]


def test_real_answers_have_the_fields_that_it_names_and_no_others(described: dict[str, Any], backend: Backend):
    components = closed(described["components"])
    reached = set()
    for method, path, body in asked(backend):
        sent = request(method, path, b"" if body is None else json.dumps(body).encode())
        found = route_for(ROUTES, method, sent.path)
        assert found
        answer = backend.http(sent, found, {"sub": HOST if path.startswith("/properties") else MAI}).answer
        operation = described["paths"][found[0].path.removeprefix(PREFIX)][method.lower()]
        ((kind, content),) = operation["responses"]["200"]["content"].items()
        assert (answer.status, dict(answer.headers)["content-type"].split(";")[0]) == (200, kind), (path, answer.body)
        said = json.loads(answer.body) if kind == "application/json" else answer.body.decode()
        Draft202012Validator(closed(content["schema"]) | {"components": components}).validate(said)
        reached.add(found[0])
    assert reached == set(SERVED)
