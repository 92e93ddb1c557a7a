"""The published OpenAPI document lists every route, and the functions really answer as it says."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from openapi_pydantic.v3.v3_1 import OpenAPI
from openapi_spec_validator import OpenAPIV31SpecValidator

from infra.contracts.examples import Undescribed, example, recorded_answers
from infra.contracts.functions import started
from infra.contracts.openapi import document
from infra.topology import PREFIX, SERVED, Route
from stays.edge.error_details import ERRORS
from stays.edge.http import STATUS, Nothing, Operation
from tests.integration.described import closed
from tests.proof.hostile.answers import answers, recorded
from tests.proof.hostile.attacked import Backend


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document()


def test_two_validators_accept_it(described: dict[str, Any]):
    assert [error.message for error in OpenAPIV31SpecValidator(described).iter_errors()] == []
    assert len(OpenAPI.model_validate(described).paths or {}) == len(described["paths"])


def parts(value: Any, *where: str) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Every object of the document with its place, but none inside of examples."""
    if isinstance(value, Mapping):
        yield where, value
        for name, each in value.items():
            yield from parts(each, *where, name) if name not in {"example", "examples"} else ()
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from parts(each, *where, str(number))


def test_a_generated_client_has_few_models_and_none_without_a_name(described: dict[str, Any]):
    for where, part in parts(described):
        is_component = len(where) == 3 and where[:2] == ("components", "schemas")
        assert not isinstance(part.get("properties"), Mapping) or is_component or "properties" in where[-1:], where
        assert part.get("additionalProperties") is None, where
        assert part.get("description") != "", where
    assert len(described["components"]["schemas"]) < 100
    assert all(each["description"] for each in described["components"]["schemas"].values())


def test_every_example_fits_its_schema(described: dict[str, Any]):
    components = {"components": described["components"]}
    checked = 0
    for where, part in parts(described):
        given = [part["example"]] if "example" in part and "schema" in part else []
        given += [each["value"] for each in part.get("examples", {}).values()] if "schema" in part else []
        for each in given:
            found = Draft202012Validator(part["schema"] | components, validate_formats=True).iter_errors(each)
            assert [error.message for error in found] == [], where
        checked += len(given)
    assert checked > 100


def test_the_document_lists_every_served_route_and_no_other(described: dict[str, Any]):
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


def test_every_error_code_of_the_contract_is_described_and_stands_under_its_status(described: dict[str, Any]):
    components = described["components"]
    assert components["responses"].keys() == STATUS.keys() == ERRORS.keys()
    for method in (each for methods in described["paths"].values() for each in methods.values()):
        for status, response in method["responses"].items():
            codes = re.findall(r"responses/(\w+)", response.get("$ref", "")) or response.get("description", "")
            found = codes if isinstance(codes, list) else re.findall(r"^- `(\w+)`", codes, re.MULTILINE)
            assert {STATUS[code] for code in found} <= {int(status)}
            assert found or status in {"200", "304"}


def test_every_reference_has_a_target_and_every_schema_is_used(described: dict[str, Any]):
    components = described["components"]
    named = set(re.findall(r'"#/components/(\w+)/(\w+)"', json.dumps(described)))
    assert {(kind, name) for kind in ("schemas", "responses") for name in components[kind]} >= named
    assert {name for kind, name in named if kind == "schemas"} == components["schemas"].keys()


ME = Route("GET", "/api/v1/users/me", "bookings")
PROFILE = Operation("GET", "/users/me", "A profile", (), "application/json", Nothing)


def profile() -> Nothing:
    """Answer with a model."""
    return Nothing()


def untyped() -> dict[str, Any]:
    """Answer without a model."""
    return {}


@pytest.mark.parametrize(
    ("routes", "served", "missing"),
    [
        ([ME], [], "GET /users/me: bookings has no app.operation"),
        ([], [PROFILE], "GET /users/me of bookings: the topology has no such route"),
        ([ME], [PROFILE._replace(summary="")], "GET /users/me: the summary is missing"),
        ([ME], [PROFILE._replace(handler=untyped)], "GET /users/me: the handler returns no model"),
        ([ME], [PROFILE._replace(handler=profile, errors=("NEW_CODE",))], "GET /users/me: NEW_CODE is missing"),
    ],
)
def test_a_route_that_stands_in_one_place_only_is_named_with_what_is_missing(
    routes: list[Route], served: list[Operation], missing: str
):
    operations = started("bookings").app.operations
    before = [*operations]
    operations += served
    try:
        with pytest.raises(Undescribed, match=re.escape(missing)):
            document([*SERVED, *routes])
    finally:
        operations[:] = before


def test_a_field_without_an_example_is_named():
    with pytest.raises(Undescribed, match="unheardOf: infra"):
        example({"properties": {"unheardOf": {"type": "string"}}}, {})


def test_real_answers_have_the_fields_that_it_names_and_no_others(described: dict[str, Any], backend: Backend):
    components = closed(described["components"])
    reached = set()
    for route, answer in answers(backend):
        operation = described["paths"][route.path.removeprefix(PREFIX)][route.method.lower()]
        ((kind, content),) = operation["responses"]["200"]["content"].items()
        assert (answer.status, dict(answer.headers)["content-type"].split(";")[0]) == (200, kind), (route, answer.body)
        said = json.loads(answer.body) if kind == "application/json" else answer.body.decode()
        Draft202012Validator(closed(content["schema"]) | {"components": components}).validate(said)
        reached.add(route)
    assert reached == set(SERVED)


def test_the_examples_of_answers_are_those_of_this_test_with_the_fields_that_real_answers_have_now(backend: Backend):
    assert {name: shape(each) for name, each in recorded(backend).items()} == {
        name: shape(each) for name, each in recorded_answers().items()
    }, "make contracts records them anew"


def shape(value: Any) -> Any:
    """A value's fields, without what they say."""
    if isinstance(value, list):
        return sorted({json.dumps(shape(each), sort_keys=True) for each in value})
    return {name: shape(each) for name, each in value.items()} if isinstance(value, dict) else type(value).__name__
