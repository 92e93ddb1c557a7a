"""The answers of the gateways, on the ports that the frontend calls."""

import json
from collections.abc import Iterator

import httpx
import pytest

from stays import __version__
from tests.e2e.browser import AGENT, FRONTEND, Browser, Socket
from tests.e2e.local import Local

PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}


@pytest.fixture
def http(local: Local) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=local.http_url, trust_env=False, timeout=40) as client:
        yield client


@pytest.fixture
def authorized(local: Local) -> dict[str, str]:
    return {"authorization": f"Bearer {local.token('auth0|gateway')}", "content-type": "application/json"}


def assert_error(answer: httpx.Response, status: int, code: str) -> dict[str, object]:
    """Check the whole error body of the contract."""
    said = answer.json()
    assert (answer.status_code, said["error"]["code"]) == (status, code)
    assert set(said) == {"error", "requestId"}
    assert set(said["error"]) == {"code", "message", "details"}
    assert said["requestId"] == answer.headers["x-request-id"]
    details: dict[str, object] = said["error"]["details"]
    return details


def test_health_is_public_and_says_which_version_answers(http: httpx.Client) -> None:
    answer = http.get("/api/v1/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": __version__})


def test_a_preflight_of_the_frontend_is_granted_with_credentials(http: httpx.Client) -> None:
    answer = http.options("/api/v1/payment/zalopay/create", headers=PREFLIGHT | {"origin": FRONTEND})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == FRONTEND
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert set(answer.headers["access-control-allow-methods"].split(",")) >= {"GET", "POST", "DELETE"}
    assert set(answer.headers["access-control-allow-headers"].split(",")) == {"authorization", "content-type"}


def test_a_preflight_of_anybody_else_is_granted_nothing(http: httpx.Client) -> None:
    answer = http.options("/api/v1/payment/zalopay/create", headers=PREFLIGHT | {"origin": "http://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", ["/api/v1/health", "/api/v1/user/bookings", "/api/v1/nowhere"])
def test_good_and_bad_answers_alike_may_be_read_by_the_frontend_only(path: str, http: httpx.Client) -> None:
    ours = http.get(path, headers={"origin": FRONTEND}).headers
    assert (ours["access-control-allow-origin"], ours["access-control-allow-credentials"]) == (FRONTEND, "true")
    theirs = http.get(path, headers={"origin": "http://evil.example"}).headers
    assert not [name for name in theirs if name.startswith("access-control-")]


@pytest.mark.parametrize("token", [None, "Bearer", "Bearer nonsense", "Basic dXNlcjpwYXNz"])
def test_without_a_good_token_the_gateway_answers_401_with_a_body_that_parses(
    token: str | None, http: httpx.Client
) -> None:
    headers = {"authorization": token} if token else {}
    answer = http.get("/api/v1/user/bookings", headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_tokens_of_another_audience_or_of_the_past_are_refused(local: Local, http: httpx.Client) -> None:
    for claims in ({"audience": "somebody-else"}, {"seconds": "-10"}):
        token = local.token("auth0|gateway", **claims)
        assert http.get("/api/v1/user/bookings", headers={"authorization": f"Bearer {token}"}).status_code == 401


@pytest.mark.parametrize("path", ["/api/v1/nowhere", "/api/v1/payment", "/nowhere"])
def test_an_unknown_path_is_404_in_our_shape(path: str, http: httpx.Client, authorized: dict[str, str]) -> None:
    assert assert_error(http.get(path, headers=authorized), 404, "NOT_FOUND") == {}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/v1/payment/zalopay/create", ["POST"]),
        ("GET", "/api/v1/payment/zalopay/create", ["POST"]),
        ("PATCH", "/api/v1/user/bookings", ["GET", "HEAD"]),
    ],
)
def test_a_wrong_method_is_405_in_our_shape(
    method: str, path: str, allowed: list[str], http: httpx.Client, authorized: dict[str, str]
) -> None:
    answer = http.request(method, path, headers=authorized)
    assert assert_error(answer, 405, "METHOD_NOT_ALLOWED") == {"allowed": allowed}


def test_a_body_beyond_our_limit_is_413_in_our_shape(http: httpx.Client, authorized: dict[str, str]) -> None:
    body = json.dumps({"auctionId": "x" * 70_000})
    answer = http.post("/api/v1/payment/zalopay/create", content=body, headers=authorized)
    assert assert_error(answer, 413, "PAYLOAD_TOO_LARGE") == {"limit": 65_536}


def test_a_body_beyond_the_gateways_limit_reaches_no_function(http: httpx.Client, authorized: dict[str, str]) -> None:
    answer = http.post("/api/v1/payment/zalopay/create", content=b" " * 10_485_761, headers=authorized)
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Entity Too Large"})


@pytest.mark.parametrize("body", ["{", "[]", '"text"', "\x00", '{"auctionId": 1e400}'])
def test_a_body_that_is_no_json_object_is_400_in_our_shape(
    body: str, http: httpx.Client, authorized: dict[str, str]
) -> None:
    answer = http.post("/api/v1/payment/zalopay/create", content=body, headers=authorized)
    assert assert_error(answer, 400, "VALIDATION_ERROR")["fields"]


def test_a_callback_with_a_bad_mac_is_answered_minus_1_without_a_token(http: httpx.Client) -> None:
    answer = http.post("/api/v1/payment/zalopay/callback", json={"data": "{}", "mac": "0" * 64, "type": 1})
    assert (answer.status_code, answer.json()["return_code"]) == (200, -1)


def test_the_root_path_of_the_socket_takes_plain_text_and_ignores_it(local: Local) -> None:
    socket = Socket(local.websocket_url, None)
    for text in ("hello", '{"type": "PING"}'):
        socket.send(text)
    assert socket.hear(0.3) is None
    assert socket.is_open()
    socket.close()


@pytest.mark.parametrize(
    "text", ["hello", "{", "[]", "{}", '{"type": "DANCE"}', '{"type": 7}', '{"type": "SUBSCRIBE"}']
)
def test_a_frame_that_makes_no_sense_gets_an_error_and_the_socket_stays(text: str, local: Local) -> None:
    socket = Socket(f"{local.websocket_url}/payment-notifications", None)
    socket.send(text)
    assert socket.expect_unknown("ERROR")["code"] == "INVALID_MESSAGE"
    socket.ping()
    socket.close()


def test_a_frame_beyond_the_gateways_limit_closes_the_socket_with_1009(local: Local) -> None:
    socket = Socket(f"{local.websocket_url}/payment-notifications", None, AGENT)
    socket.send("x" * 33_000)
    assert socket.closed_with() == 1009


def test_a_browser_that_may_not_read_an_answer_counts_it_as_a_network_error(local: Local) -> None:
    browser = Browser(local.http_url, local.websocket_url, "auth0|x", "no token", "x@stays.example")
    with pytest.raises(Exception, match="401 AUTH_REQUIRED"):
        browser.get("/user/bookings")
    browser.close()
