"""The templates equal the topology, and the functions serve exactly its routes."""

import json
import re
from typing import Any

import pytest

from infra.aws.http_api import access_log_format
from infra.aws.stage import read_context
from infra.topology import (
    CONSUMERS,
    CORS_HEADERS,
    CORS_MAX_AGE,
    CORS_METHODS,
    FUNCTIONS,
    PREFIX,
    ROUTES,
    RULES,
    SCHEDULES,
    SERVED,
    TABLES,
    WEBSOCKET_ROUTES,
    WEBSOCKET_SELECTION,
    WEBSOCKET_STAGE,
)
from tests.infrastructure.synthesis import Stack, templates_of, with_settings
from tests.integration.product import load

ROUTE, API, STAGE = "AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage"


def routes(stack: Stack, protocol: str) -> dict[str, dict[str, Any]]:
    """The routes of the HTTP or the WebSocket API, by key."""
    apis = {name for name, api in stack.of_type(API).items() if api["Properties"]["ProtocolType"] == protocol}
    return {each["RouteKey"]: each for each in stack.properties(ROUTE) if each["ApiId"]["Ref"] in apis}


def served_by(stack: Stack, route: dict[str, Any]) -> str:
    integration = stack.resources[stack.spelled(route["Target"]).removeprefix("integrations/")]
    return stack.function_name(integration["Properties"]["IntegrationUri"])


def throttle(settings: dict[str, Any]) -> tuple[int, int]:
    return settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]


def test_every_http_route_of_the_topology_reaches_its_function_and_there_is_no_other(backend):
    deployed = {key: served_by(backend, route) for key, route in routes(backend, "HTTP").items()}
    assert deployed == {f"{route.method} {route.path}": route.function for route in ROUTES}


def test_only_the_callback_feeds_and_the_health_route_are_public(stacks, stage_name):
    stack = stacks[f"Stays-{stage_name}-Backend"]
    kinds = {key: route["AuthorizationType"] for key, route in routes(stack, "HTTP").items()}
    public = {key for key, kind in kinds.items() if kind == "NONE"}
    assert public == {
        "GET /api/v1/health",
        "HEAD /api/v1/health",
        "POST /api/v1/payment/zalopay/callback",
        "GET /api/v1/calendars/{feed}",
        "HEAD /api/v1/calendars/{feed}",
    }
    assert set(kinds.values()) == {"NONE", "JWT"}


def test_tokens_are_those_of_the_stages_issuer_for_its_audience(stacks, stage_name):
    stack = stacks[f"Stays-{stage_name}-Backend"]
    settings = read_context()["stages"][stage_name]
    ((name, authorizer),) = stack.of_type("AWS::ApiGatewayV2::Authorizer").items()
    assert authorizer["Properties"]["JwtConfiguration"] == {
        "Issuer": settings["issuer"],
        "Audience": [settings["audience"]],
    }
    assert authorizer["Properties"]["IdentitySource"] == ["$request.header.Authorization"]
    guarded = [route for route in routes(stack, "HTTP").values() if route["AuthorizationType"] == "JWT"]
    assert {route["AuthorizerId"]["Ref"] for route in guarded} == {name}


@pytest.mark.parametrize("name", ["payments", "bookings"])
def test_the_gateways_routes_are_the_ones_that_a_function_serves(name):
    app = load(name, {"ZALOPAY_ENDPOINT": "http://localhost"}).app
    resolved = {
        (route.method, PREFIX + re.sub(r"<\w+>", "*", route.path)) for route in app._static_routes + app._dynamic_routes
    }
    described = {(route.method, re.sub(r"\{\w+\}", "*", route.path)) for route in SERVED if route.function == name}
    assert resolved == described


def test_every_path_has_every_method_so_that_the_contract_answers_all_but_preflights():
    methods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
    for path in {route.path for route in ROUTES}:
        assert {route.method for route in ROUTES if route.path == path} == methods


def test_browsers_may_call_from_the_stages_frontends_with_credentials(stacks, stage_name):
    api = stacks[f"Stays-{stage_name}-Backend"].one(API, ProtocolType="HTTP")
    assert api["CorsConfiguration"] == {
        "AllowCredentials": True,
        "AllowHeaders": list(CORS_HEADERS),
        "AllowMethods": list(CORS_METHODS),
        "AllowOrigins": read_context()["stages"][stage_name]["frontends"],
        "MaxAge": CORS_MAX_AGE,
    }


def throttles(stack: Stack, name: str) -> tuple[tuple[int, int], dict[str, tuple[int, int]]]:
    """The throttle of an API, and those of its routes that have their own."""
    stage = stack.one(STAGE, StageName=name)
    return throttle(stage["DefaultRouteSettings"]), {k: throttle(each) for k, each in stage["RouteSettings"].items()}


def test_creating_the_callback_and_feeds_are_throttled_more_strictly_than_the_rest(backend):
    """A thousand winners a minute: three times the mean in the busiest second, and one, two or ten calls each."""
    whole, strict = throttles(backend, "$default")
    assert whole == (500, 1000)
    assert strict == {
        "POST /api/v1/payment/zalopay/create": (50, 100),
        "POST /api/v1/payment/zalopay/callback": (100, 200),
        "GET /api/v1/calendars/{feed}": (50, 100),
        "HEAD /api/v1/calendars/{feed}": (50, 100),
    }


def test_more_winners_raise_every_throttle_and_share_out_the_messages(tmp_path):
    context = with_settings("prod", expectedPeak=20_000, concurrencyQuota=6000, requestQuota=30_000)
    stack = Stack(templates_of(tmp_path, **context)["Stays-prod-Backend"])
    whole, strict = throttles(stack, "$default")
    assert (whole, strict["POST /api/v1/payment/zalopay/create"]) == ((10_000, 20_000), (1000, 2000))
    assert throttles(stack, WEBSOCKET_STAGE) == ((10_000, 20_000), {"SUBSCRIBE": (3000, 6000)})
    made = {each["Handler"].removesuffix(".handler"): each for each in stack.properties("AWS::Lambda::Function")}
    reserved = {name: each.get("ReservedConcurrentExecutions") for name, each in made.items()}
    assert {name: number for name, number in reserved.items() if number} == {
        "zalopay_callback": 400,
        "payments": 2000,
        "connections": 2000,
    }


def test_a_stage_waits_for_all_its_routes(backend):
    """A stage cannot throttle a route that does not exist yet, and each route after it would be a deployment."""
    for stage in backend.of_type(STAGE).values():
        api = stage["Properties"]["ApiId"]
        routes = {name for name, each in backend.of_type(ROUTE).items() if each["Properties"]["ApiId"] == api}
        assert routes
        assert routes <= set(stage["DependsOn"])


def test_access_logs_hold_neither_query_strings_nor_headers_nor_paths(backend):
    stage = backend.one(STAGE, StageName="$default")
    logged = stage["AccessLogSettings"]["Format"]
    assert logged == access_log_format()
    assert "$context.routeKey" in logged
    for secret in ("path", "Path", "query", "header", "protocol", "claims"):
        assert secret not in logged


def test_the_websocket_api_tells_frames_apart_by_their_type(backend):
    api = backend.one(API, ProtocolType="WEBSOCKET")
    assert api["RouteSelectionExpression"] == WEBSOCKET_SELECTION
    deployed = {key: served_by(backend, route) for key, route in routes(backend, "WEBSOCKET").items()}
    assert deployed == WEBSOCKET_ROUTES
    assert throttles(backend, WEBSOCKET_STAGE) == ((500, 1000), {"SUBSCRIBE": (150, 300)})


def test_the_frontends_variables_are_told_as_it_wants_them(backend):
    outputs = backend.template["Outputs"]
    api, websocket, callback = (
        backend.spelled(outputs[name]["Value"])
        for name in ("NextPublicApiUrl", "NextPublicWsUrl", "ZaloPayCallbackUrl")
    )
    assert re.fullmatch(r"https://\w+\.execute-api\.ap-southeast-1\.AWS::URLSuffix/api/v1", api)
    assert re.fullmatch(r"wss://\w+\.execute-api\.ap-southeast-1\.AWS::URLSuffix", websocket)
    assert callback == f"{api}/payment/zalopay/callback"
    assert all(outputs[name]["Description"] for name in outputs)


def test_tables_have_the_topologys_keys_indexes_stream_and_lifetime(data):
    tables = {each["TableName"]: each for each in data.properties("AWS::DynamoDB::GlobalTable")}
    assert set(tables) == {"stays-dev", "stays-dev-connections"}
    for name, table in TABLES.items():
        made = tables["stays-dev" if name == "stays" else f"stays-dev-{name}"]
        assert keys(made["KeySchema"]) == ["PK", "SK"]
        indexes = {each["IndexName"]: keys(each["KeySchema"]) for each in made.get("GlobalSecondaryIndexes", [])}
        assert indexes == {index: list(described) for index, described in table.indexes.items()}
        stream = {"StreamViewType": "NEW_AND_OLD_IMAGES"} if table.stream else None
        assert made.get("StreamSpecification") == stream
        ttl = {"AttributeName": table.ttl, "Enabled": True} if table.ttl else None
        assert made.get("TimeToLiveSpecification") == ttl


def keys(schema: list[dict[str, str]]) -> list[str]:
    return [each["AttributeName"] for each in sorted(schema, key=lambda each: each["KeyType"])]


def test_functions_run_on_lambdas_arm_machines_with_the_topologys_limits(stacks, stage_name):
    stack = stacks[f"Stays-{stage_name}-Backend"]
    made = {each["Handler"].removesuffix(".handler"): each for each in stack.properties("AWS::Lambda::Function")}
    assert set(made) == set(FUNCTIONS)
    for name, function in FUNCTIONS.items():
        deployed = made[name]
        assert (deployed["Runtime"], deployed["Architectures"]) == ("python3.13", ["arm64"])
        assert (deployed["Timeout"], deployed["MemorySize"]) == (function.timeout, function.memory)
        assert deployed["Description"] == function.why != ""
        reserved = {"zalopay_callback": 20, "payments": 100, "connections": 100} if stage_name == "prod" else {}
        assert deployed.get("ReservedConcurrentExecutions") == reserved.get(name)
        assert deployed["LoggingConfig"]["LogFormat"] == "JSON"
        assert "TracingConfig" not in deployed


def test_a_function_is_told_what_the_topology_lists_and_nothing_else(backend):
    always = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "LOG_LEVEL"}
    for each in backend.properties("AWS::Lambda::Function"):
        name = each["Handler"].removesuffix(".handler")
        variables = each["Environment"]["Variables"]
        assert set(variables) == {*FUNCTIONS[name].environment, *always}
        assert variables["POWERTOOLS_SERVICE_NAME"] == name


def test_logs_end_when_the_stage_says_so(stacks, stage_name):
    days = read_context()["stages"][stage_name]["logRetentionDays"]
    groups = stacks[f"Stays-{stage_name}-Backend"].properties("AWS::Logs::LogGroup")
    assert {each["RetentionInDays"] for each in groups} == {days}
    assert {each["LogGroupName"] for each in groups} == {
        *(f"/stays/{stage_name}/{name.replace('_', '-')}" for name in FUNCTIONS),
        f"/stays/{stage_name}/http-access",
    }


def test_consumers_schedules_and_rules_are_the_topologys(backend):
    mappings = {
        backend.function_name(each["FunctionName"]): each
        for each in backend.properties("AWS::Lambda::EventSourceMapping")
    }
    assert set(mappings) == {consumer.function for consumer in CONSUMERS}
    for consumer in CONSUMERS:
        mapping = mappings[consumer.function]
        patterns = [json.loads(each["Pattern"]) for each in mapping["FilterCriteria"]["Filters"]]
        assert patterns == list(consumer.filters)
        assert re.search(r"GetAttStays\w+StreamArn", backend.spelled(mapping["EventSourceArn"]))
    found = {backend.function_name(each["Targets"][0]["Arn"]): each for each in backend.properties("AWS::Events::Rule")}
    assert set(found) == {rule.function for rule in RULES}
    for rule in RULES:
        of_ses = {"source": ["aws.ses"], "detail": {"mail": {"tags": {"ses:configuration-set": ["stays-dev"]}}}}
        ours = of_ses if rule.configuration else {"source": ["auctions"]}
        assert found[rule.function]["EventPattern"] == {"detail-type": list(rule.detail_types)} | ours
        assert ("EventBusName" in found[rule.function]) is not rule.configuration
    (clock,), schedules = SCHEDULES, backend.properties("AWS::Scheduler::Schedule")
    assert [json.loads(each["Target"]["Input"]) for each in schedules] == list(clock.inputs)
    assert {each["ScheduleExpression"] for each in schedules} == {"rate(1 minute)"}
    assert clock.every == 60
    assert {backend.function_name(each["Target"]["Arn"]) for each in schedules} == {clock.function}
