"""HEAD works on every GET route: the same status, headers and writes, without a body."""

from collections.abc import Mapping
from typing import Any

import pytest

from infra.topology import ANSWERED, PREFIX, ROUTES, SERVED, Route
from tests.integration.http_gateway import HttpGateway
from tests.integration.messages import HOST, MAI, PROPERTY
from tests.integration.test_route_permissions import UNKNOWN
from tests.integration.world import World

READ = [route for route in SERVED if route.method == "GET"]
ONE_ANSWERS_OWN = {"date", "content-length", "transfer-encoding", "x-request-id", "apigw-requestid"}


@pytest.fixture
def named(world: World) -> dict[str, str]:
    """The path parameters of a stay that Mai has paid for."""
    paid = world.paid()
    world.offer(userId=MAI, nights=["2027-04-01"])
    feed = world.http("POST", f"/properties/{PROPERTY['id']}/calendar/feed", {}, sub=HOST).body["url"]
    return {
        "appTransId": paid["appTransId"],
        "sessionId": paid["id"],
        "transactionId": paid["transactionId"],
        "paymentId": paid["id"],
        "propertyId": PROPERTY["id"],
        "feed": feed.rpartition("/")[2],
        "auctionId": "1001",
        "offerId": "5001",
    }


def told(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name not in ONE_ANSWERS_OWN}


def both(http_api: HttpGateway, path: str, token: str | None = None, **headers: str) -> tuple[int, Mapping[str, str]]:
    """Check that HEAD equals GET without the body. Returns GET's status and headers."""
    head, got = (http_api.ask(method, path, token, **headers) for method in ("HEAD", "GET"))
    assert (head.status_code, told(head)) == (got.status_code, told(got)), path
    assert head.content == b""
    assert got.content != b"" or got.status_code == 304
    return got.status_code, told(got)


def test_every_path_that_is_read_has_a_head_of_its_own():
    assert {route for route in ANSWERED if route not in SERVED} == {each._replace(method="HEAD") for each in READ}
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES) < 300


def test_head_is_get_without_the_body(world: World, http_api: HttpGateway, named: dict[str, str]):
    for route in READ:
        path = route.path.removeprefix(PREFIX).format(**named)
        token = world.token(HOST if route.path.endswith("/calendar") else MAI)
        assert both(http_api, path, token)[0] == 200
        assert both(http_api, path)[0] == (200 if route.public else 401)


@pytest.mark.parametrize("route", READ, ids=lambda route: route.path)
def test_what_is_not_there_is_not_there_for_head(world: World, http_api: HttpGateway, route: Route):
    status, _ = both(http_api, route.path.removeprefix(PREFIX).format(**UNKNOWN), world.token(MAI))
    assert status == (404 if "{" in route.path else 200)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/bookings", 405),
        ("/users/auth0-sync", 405),
        ("/payment/zalopay/create", 405),
        ("/nowhere", 404),
        ("/payment/sessions/x", 400),
        ("/properties/777/calendar?from=x", 400),
        ("/payment/transactions/x", 400),
    ],
)
def test_what_get_refuses_head_refuses(world: World, http_api: HttpGateway, path: str, status: int):
    assert both(http_api, path, world.token(MAI))[0] == status


def test_a_calendar_program_that_only_looks_is_told_that_nothing_changed(http_api: HttpGateway, named: dict[str, str]):
    path = f"/calendars/{named['feed']}"
    status, headers = both(http_api, path)
    assert (status, headers["content-type"].split(";")[0]) == (200, "text/calendar")
    again = {"If-None-Match": headers["etag"]}
    assert both(http_api, path, **again) == (304, headers)


def test_head_from_a_page_is_answered_to_its_origin(world: World, http_api: HttpGateway):
    for origin, granted in (("http://localhost:3000", "http://localhost:3000"), ("https://evil.example", None)):
        headers = both(http_api, "/user/bookings", world.token(MAI), Origin=origin)[1]
        assert headers.get("access-control-allow-origin") == granted


def test_a_page_may_send_head_with_its_token(http_api: HttpGateway):
    asked = {
        "Origin": "http://localhost:3000",
        "Access-Control-Request-Method": "HEAD",
        "Access-Control-Request-Headers": "authorization",
    }
    granted = http_api.ask("OPTIONS", "/user/bookings", **asked)
    assert "HEAD" in granted.headers["access-control-allow-methods"].split(",")
    assert granted.headers["access-control-allow-origin"] == "http://localhost:3000"


def test_head_vouches_for_a_socket_as_get_does(world: World):
    world.announce({})
    assert world.http("HEAD", "/auctions/winners/me").body == ""
    assert world.socket().subscribe()[0]["type"] == "SUBSCRIBED"
