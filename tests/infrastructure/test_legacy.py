"""A stage with a legacy backend passes only the other paths to it. A stage without one has no trace of it."""

from typing import Any

import pytest

from infra.topology import (
    ANSWERED,
    FUNCTIONS,
    LEGACY_CORS_METHODS,
    LEGACY_ROUTES,
    LEGACY_TIMEOUT,
    PREFIX,
    ROUTES,
    SERVED,
)
from tests.infrastructure.synthesis import Stack, templates_of, with_settings

API, INTEGRATION = "AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Integration"


@pytest.fixture(scope="module")
def adopting(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    context = with_settings("staging", legacyApiUrl="https://old.example/api/v1")
    return Stack(templates_of(tmp_path_factory.mktemp("legacy"), **context)["Stays-staging-Backend"])


def routes(stack: Stack) -> dict[str, dict[str, Any]]:
    """The routes of the HTTP API, by key."""
    (name,) = [name for name, api in stack.of_type(API).items() if api["Properties"]["ProtocolType"] == "HTTP"]
    return {
        each["RouteKey"]: each for each in stack.properties("AWS::ApiGatewayV2::Route") if each["ApiId"]["Ref"] == name
    }


def keys(described) -> set[str]:
    return {f"{route.method} {route.path}" for route in described}


def test_its_routes_are_those_of_any_stage_and_the_topologys_for_the_legacy_backend(adopting):
    assert set(routes(adopting)) == keys(ROUTES) | keys(LEGACY_ROUTES)
    assert keys(LEGACY_ROUTES).isdisjoint(keys(ROUTES))


def test_they_are_as_greedy_as_can_be_under_the_prefix_so_that_every_path_of_ours_wins():
    assert {route.path for route in LEGACY_ROUTES} == {f"{PREFIX}/{{proxy+}}"}
    assert {route.method for route in LEGACY_ROUTES} == {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
    assert all(route.path.startswith(f"{PREFIX}/") for route in SERVED)
    methods = {route.method for route in LEGACY_ROUTES}
    for path in {route.path for route in SERVED}:
        assert {route.method for route in ROUTES if route.path == path} >= methods


def test_the_legacy_backend_is_called_by_the_method_that_came_behind_its_own_address(adopting):
    integration = adopting.one(INTEGRATION, IntegrationType="HTTP_PROXY")
    assert {name: value for name, value in integration.items() if name != "ApiId"} == {
        "IntegrationType": "HTTP_PROXY",
        "IntegrationMethod": "ANY",
        "IntegrationUri": "https://old.example/api/v1/{proxy}",
        "PayloadFormatVersion": "1.0",
        "TimeoutInMillis": 1000 * LEGACY_TIMEOUT,
    }


def test_its_routes_and_no_others_lead_there_and_ask_for_no_token(adopting):
    (name,) = [
        name
        for name, each in adopting.of_type(INTEGRATION).items()
        if each["Properties"]["IntegrationType"] == "HTTP_PROXY"
    ]
    passed = {key: each for key, each in routes(adopting).items() if name in adopting.spelled(each["Target"])}
    assert set(passed) == keys(LEGACY_ROUTES)
    assert {each["AuthorizationType"] for each in passed.values()} == {"NONE"}


def test_paths_of_ours_keep_their_authorizer(adopting):
    public = {key for key, each in routes(adopting).items() if each["AuthorizationType"] == "NONE"}
    assert public == keys(LEGACY_ROUTES) | keys(route for route in ANSWERED if route.public)


def test_browsers_may_use_the_legacy_backends_methods_too(adopting):
    cors = adopting.one(API, ProtocolType="HTTP")["CorsConfiguration"]
    assert cors["AllowMethods"] == list(LEGACY_CORS_METHODS)
    assert set(LEGACY_CORS_METHODS) == {route.method for route in LEGACY_ROUTES} | {"OPTIONS"}
    assert cors["AllowCredentials"] is True


def test_the_throttle_of_the_stage_holds_for_it_as_for_any_route(adopting):
    stage = adopting.one("AWS::ApiGatewayV2::Stage", StageName="$default")
    assert not keys(LEGACY_ROUTES) & set(stage["RouteSettings"])
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 500


def test_no_other_resource_changes_with_it_and_only_the_function_that_calls_it_too_is_told(adopting, stacks):
    plain = stacks["Stays-staging-Backend"]

    def counted(stack: Stack) -> dict[str, int]:
        return {each["Type"]: len(stack.of_type(each["Type"])) for each in stack.resources.values()}

    route, integration = "AWS::ApiGatewayV2::Route", INTEGRATION
    before = counted(plain)
    assert counted(adopting) == before | {
        route: before[route] + len(LEGACY_ROUTES),
        integration: before[integration] + 1,
    }
    functions = "AWS::Lambda::Function"
    told, before_it = (
        {each["Handler"]: each["Environment"]["Variables"] for each in stack.properties(functions)}
        for stack in (adopting, plain)
    )
    address = {"LEGACY_API_URL": "https://old.example/api/v1"}
    adopted = {f"{name}.handler" for name, function in FUNCTIONS.items() if "LEGACY_API_URL" in function.optional}
    assert told == {name: seen | (address if name in adopted else {}) for name, seen in before_it.items()}


def test_without_the_setting_nothing_is_passed_on(stacks, stage_name):
    stack = stacks[f"Stays-{stage_name}-Backend"]
    assert {each["IntegrationType"] for each in stack.properties(INTEGRATION)} == {"AWS_PROXY"}
