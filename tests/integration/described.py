"""The published OpenAPI document, and whether an answer is one that it describes."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema_rs import Draft202012Validator

from infra.contracts.openapi import DOCUMENT
from infra.contracts.pages import DOCS
from infra.topology import PREFIX, Route
from stays.edge.http import STATUS

UNSERVED = ("VALIDATION_ERROR", "NOT_FOUND", "METHOD_NOT_ALLOWED", "PAYLOAD_TOO_LARGE")  # for paths that are not ours


@cache
def described() -> dict[str, Any]:
    """Return the published document."""
    document: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    return document


@cache
def validator(*names: str) -> Draft202012Validator:
    """Return the validator for the JSON schema at this path of the document. Answers have no unnamed fields."""
    part: Any = described()
    for name in names:
        part = part[int(name) if isinstance(part, list) else name]
    if "$ref" in part:
        return validator(*part["$ref"].split("/")[1:])
    schema = part.get("content", {}).get("application/json", part)["schema"]
    components = described()["components"]
    whole = schema | {"components": closed(components) if "responses" in names else components}
    return Draft202012Validator(whole, validate_formats=True)


def closed(schema: Any) -> Any:
    """Return the schema without room for unnamed fields."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(each) for name, each in schema.items()}
    return inner | {"additionalProperties": False} if isinstance(schema.get("properties"), dict) else inner


def operation_of(route: Route) -> Mapping[str, Any] | None:
    """Return the document's operation for a route; None if the route only returns 404 or 405."""
    operation: Mapping[str, Any] | None = (
        described()["paths"].get(route.path.removeprefix(PREFIX), {}).get(route.method.lower())
    )
    return operation


def answers_of(route: Route) -> dict[str, tuple[str, ...]]:
    """Return where the document describes each answer of a route, by status."""
    operation = operation_of(route)
    if operation is None:
        return {str(STATUS[code]): ("components", "responses", code) for code in UNSERVED}
    where = ("paths", route.path.removeprefix(PREFIX), route.method.lower(), "responses")
    return {status: (*where, status) for status in operation["responses"]}


def check(route: Route, status: int, body: Any) -> None:
    """Raise AssertionError for an answer with a status, a code or a field that the document does not describe."""
    answers = answers_of(route)
    assert str(status) in answers, (route, status, body)
    found = validator(*answers[str(status)]).iter_errors(body)
    assert [error.message for error in found] == [], (route, body)


@cache
def _messages() -> Draft202012Validator:
    schema = json.loads((DOCS / "messages.schema.json").read_text(encoding="utf-8"))
    whole = schema["properties"]["toBrowser"] | {"$defs": closed(schema["$defs"])}
    return Draft202012Validator(whole, validate_formats=True)


def check_message(frame: Any) -> None:
    """Raise AssertionError for a message to a browser that the published schema does not describe."""
    assert _messages().is_valid(frame), frame
