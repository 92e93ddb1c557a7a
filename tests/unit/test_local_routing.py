"""The route of a request, and the address of a caller."""

from typing import Any

import pytest

from infra.local.asgi import source_ip
from infra.local.routing import route_for, route_key
from infra.topology import ROUTES, Route

TABLE = [
    Route("ANY", "$default", "any"),
    Route("ANY", "/a/{x+}", "any"),
    Route("GET", "/a/{x}", "any"),
    Route("ANY", "/a/b", "any"),
    Route("GET", "/a/b", "any"),
    Route("GET", "/a/{x}/c", "any"),
    Route("POST", "/{x}/b/c", "any"),
]


@pytest.mark.parametrize(
    ("method", "path", "key", "parameters"),
    [
        ("GET", "/a/b", "GET /a/b", {}),
        ("POST", "/a/b", "ANY /a/b", {}),
        ("GET", "/a/d", "GET /a/{x}", {"x": "d"}),
        ("GET", "/a/d%2Fe%20f", "GET /a/{x}", {"x": "d/e f"}),
        ("POST", "/a/d", "ANY /a/{x+}", {"x": "d"}),
        ("GET", "/a/d/c", "GET /a/{x}/c", {"x": "d"}),
        ("GET", "/a/d/e/f%2Fg", "ANY /a/{x+}", {"x": "d/e/f/g"}),
        ("POST", "/a/b/c", "ANY /a/{x+}", {"x": "b/c"}),
        ("POST", "/z/b/c", "POST /{x}/b/c", {"x": "z"}),
        ("GET", "/a/b/", "ANY /a/{x+}", {"x": "b/"}),
        ("GET", "/a/", "$default", {}),
        ("GET", "/", "$default", {}),
    ],
)
def test_the_most_specific_route_is_taken(method: str, path: str, key: str, parameters: dict[str, str]) -> None:
    found = route_for(TABLE, method, path)
    assert found is not None
    assert (route_key(found[0]), found[1]) == (key, parameters)


def test_there_may_be_no_route() -> None:
    assert route_for([Route("GET", "/a", "a")], "POST", "/a") is None
    assert route_for([Route("GET", "/a/{x}", "a")], "GET", "/a/") is None


def test_the_callback_of_the_topology_is_public_and_the_wrong_method_is_not_lost() -> None:
    path = "/api/v1/payment/zalopay/callback"
    posted, fetched = route_for(ROUTES, "POST", path), route_for(ROUTES, "PUT", path)
    assert posted is not None
    assert fetched is not None
    assert posted[0].public
    assert (fetched[0].method, fetched[0].function) == ("PUT", posted[0].function)


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("127.0.0.1", 1), "127.0.0.1"),
        (("127.1.2.3", 1), "127.0.0.1"),
        (("::1", 1), "127.0.0.1"),
        (("::ffff:127.0.0.1", 1), "127.0.0.1"),
        (("::ffff:10.0.0.7", 1), "10.0.0.7"),
        (("10.0.0.7", 1), "10.0.0.7"),
        (None, "127.0.0.1"),
    ],
)
def test_localhost_is_one_address(client: Any, address: str) -> None:
    assert source_ip({"client": client}) == address
