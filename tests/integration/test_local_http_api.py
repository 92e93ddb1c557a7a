"""The HTTP API of the local run: the gateway's own answers, and the events for real workers."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from infra.local.http_api import http_api
from infra.local.ports import PortTaken, listen
from infra.local.serve import serving
from tests.integration.local_gateway import (
    CORS,
    HERE,
    ROUTES,
    TOKEN,
    Gateway,
    authorize,
)

pytestmark = pytest.mark.anyio


async def test_a_request_reaches_its_function_as_an_event(gateway: Gateway) -> None:
    response = await gateway.http.get("/things/a%20b?x=1&x=2", headers=TOKEN | {"Cookie": "c=1"})
    event = response.json()
    assert event["routeKey"] == "GET /things/{id}"
    assert event["pathParameters"] == {"id": "a b"}
    assert event["queryStringParameters"] == {"x": "1,2"}
    assert event["cookies"] == ["c=1"]
    assert event["requestContext"]["authorizer"]["jwt"]["claims"] == {"sub": "auth0|1", "exp": "1"}
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert response.headers["x-own"] == "1"
    assert response.headers["apigw-requestid"] == event["requestContext"]["requestId"]


async def test_the_scheme_of_the_token_may_be_left_out(gateway: Gateway) -> None:
    assert (await gateway.http.get("/things/1", headers={"Authorization": "good"})).status_code == 200


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ({}, "Bearer"),
        ({"Authorization": "Bearer"}, "Bearer"),
        (
            {"Authorization": "Bearer bad"},
            'Bearer scope="" error="invalid_token" error_description="the token is not good"',
        ),
    ],
)
async def test_without_a_valid_token_there_is_401(gateway: Gateway, headers: dict[str, str], challenge: str) -> None:
    response = await gateway.http.get("/things/1", headers=headers | HERE)
    assert (response.status_code, response.json()) == (401, {"message": "Unauthorized"})
    assert response.headers["www-authenticate"] == challenge
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/nowhere", 404, "Not Found"),
        ("PUT", "/things", 404, "Not Found"),
        ("POST", "/things?do=raise", 500, "Internal Server Error"),
        ("POST", "/things?do=exit", 500, "Internal Server Error"),
        ("POST", "/things?do=garbage", 500, "Internal Server Error"),
        ("GET", "/broken", 500, "Internal Server Error"),
        ("GET", "/lost", 500, "Internal Server Error"),
    ],
)
async def test_what_fails_is_answered_by_the_gateway(
    gateway: Gateway, method: str, path: str, status: int, message: str
) -> None:
    response = await gateway.http.request(method, path, headers=HERE)
    assert (response.status_code, response.json()) == (status, {"message": message})
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert response.headers["access-control-allow-credentials"] == "true"


async def test_ten_megabytes_are_the_limit_of_a_body() -> None:
    async with answering_lengths() as http:
        at_limit = await http.post("/things", content=b"x" * 10 * 1024 * 1024)
        assert (at_limit.status_code, at_limit.json()) == (200, 10 * 1024 * 1024)
        above = await http.post("/things", content=b"x" * (10 * 1024 * 1024 + 1), headers=HERE)
        assert (above.status_code, above.json()) == (413, {"message": "Request Entity Too Large"})
        assert above.headers["access-control-allow-origin"] == "http://localhost:3000"


async def test_ten_kilobytes_are_the_limit_of_the_head() -> None:
    async with answering_lengths() as http:
        assert (await http.post("/things", headers={"x-large": "x" * 9000})).status_code == 200
        assert (await http.post("/things", headers={"x-large": "x" * 10_240})).status_code == 431
        assert (await http.post("/things?" + "x" * 10_240)).status_code == 431


async def test_the_gateway_waits_no_longer_than_its_time_and_the_function_runs_on(gateway: Gateway) -> None:
    pid = await gateway.workers.invoke("api", {"do": "wait"})
    async with serving_http(http_api(gateway.workers.invoke, ROUTES, authorize, CORS, timeout=0.05)) as http:
        response = await http.post("/things?do=wait", headers=HERE)
        assert (response.status_code, response.json()) == (503, {"message": "Service Unavailable"})
    await asyncio.sleep(0.1)
    assert await gateway.workers.invoke("api", {"do": "wait"}) == pid


@asynccontextmanager
async def answering_lengths() -> AsyncIterator[httpx.AsyncClient]:
    async def invoke(function: str, event: Mapping[str, Any]) -> Any:
        return int(event["headers"].get("content-length", 0))

    async with serving_http(http_api(invoke, ROUTES, authorize, CORS)) as http:
        yield http


@asynccontextmanager
async def serving_http(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(app, listen(0, "HTTP_PORT")))
        yield await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}"))


def preflight(**changed: str) -> dict[str, str]:
    wish = {"method": "GET", "headers": "Authorization, content-type"} | changed
    asked = {f"Access-Control-Request-{name}": value for name, value in wish.items() if name != "origin"}
    return asked | {"Origin": changed.get("origin", "http://localhost:3000")}


@pytest.mark.parametrize("path", ["/things/1", "/nowhere", "/dev/x"])
async def test_a_preflight_is_answered_before_the_authorizer(gateway: Gateway, path: str) -> None:
    response = await gateway.http.options(path, headers=preflight())
    assert (response.status_code, response.content) == (204, b"")
    allowed = {n.removeprefix("access-control-"): v for n, v in response.headers.items() if n.startswith("access")}
    assert allowed == {
        "allow-origin": "http://localhost:3000",
        "allow-credentials": "true",
        "allow-methods": "GET,POST",
        "allow-headers": "authorization,content-type",
        "max-age": "600",
    }
    assert response.headers["vary"] == "Origin"


@pytest.mark.parametrize("changed", [{"origin": "http://evil.test"}, {"method": "PUT"}, {"headers": "x-other"}])
async def test_a_preflight_that_asks_for_too_much_is_granted_nothing(gateway: Gateway, changed: dict[str, str]) -> None:
    response = await gateway.http.options("/things/1", headers=preflight(**changed))
    assert response.status_code == 204
    assert not [name for name in response.headers if name.startswith("access-control-")]


async def test_cors_headers_are_the_gateways_own(gateway: Gateway) -> None:
    ours = await gateway.http.get("/things/1", headers=TOKEN | HERE)
    assert ours.headers.get_list("access-control-allow-origin") == ["http://localhost:3000"]
    other = await gateway.http.get("/things/1", headers=TOKEN | {"Origin": "http://evil.test"})
    assert other.status_code == 200
    assert "access-control-allow-origin" not in other.headers


async def test_other_apps_are_served_before_the_api_without_a_token(gateway: Gateway) -> None:
    response = await gateway.http.get("/dev/anything", headers=HERE)
    assert response.text == "for developers"
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"


async def test_localhost_is_one_address_by_ipv4_and_by_ipv6(gateway: Gateway) -> None:
    port = gateway.http.base_url.port
    for host in ("127.0.0.1", "[::1]"):
        response = await gateway.http.post(f"http://{host}:{port}/things")
        assert response.json()["requestContext"]["http"]["sourceIp"] == "127.0.0.1"


async def test_a_taken_port_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {port} .* HTTP_PORT"):
            listen(port, "HTTP_PORT")
