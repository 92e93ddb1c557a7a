"""Frames, tokens and cookies that are almost a browser's: they get an ERROR, write nothing, and reach no other user."""

import base64
import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.events import connect_event, message_event, selected_route
from infra.topology import WEBSOCKET_ROUTES, WEBSOCKET_SELECTION
from tests.integration.messages import AGENT, BINH, MAI
from tests.proof.hostile.attacked import Backend
from tests.proof.hostile.damage import damaged, damaged_text
from tests.proof.hostile.examples import examples
from tests.proof.simulation.system import System, simulation, token

CHANNELS = ["auction_results", "payment_status", "second_chance_offers", "booking_confirmations"]


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    """Mai and Binh listen already."""
    with simulation() as system:
        begun = Backend(system)
        system.listen(BINH)
        system.listen(MAI)
        begun.remember()
        yield begun


def said(system: System, connection_id: str, event: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the frames that come back on this connection. None may come on another one."""
    before = {name: len(frames) for name, frames in system.browsers.frames.items()}
    assert system.invoke("connections", event) == {"statusCode": 200}
    new = {name: frames[before[name] :] for name, frames in system.browsers.frames.items()}
    heard = {name: frames for name, frames in new.items() if frames}
    for frames in system.browsers.frames.values():
        frames.clear()
    assert heard.keys() == {connection_id}
    return heard[connection_id]


def frame_event(system: System, connection_id: str, content: bytes) -> dict[str, Any]:
    """Return a frame as the gateway passes it on: in base64 if it is not text."""
    try:
        body, binary = content.decode(), False
    except UnicodeDecodeError:
        body, binary = base64.b64encode(content).decode(), True
    route = selected_route(WEBSOCKET_SELECTION, body, WEBSOCKET_ROUTES)
    assert route
    event = message_event(system.visitor(connection_id), route, body, request_id="request-3", now=system.now)
    return event | {"isBase64Encoded": binary}


def check(backend: Backend, connection_id: str, content: bytes) -> None:
    """Check the answer: an ERROR or a PONG alone, with nothing written, or SUBSCRIBED for Mai alone."""
    with backend.trial() as system:
        frames = said(system, connection_id, frame_event(system, connection_id, content))
        wrote = system.database.version != backend.before.version
    if frames[0]["type"] == "SUBSCRIBED":
        assert json.loads(content)["userId"] == MAI
        assert all(frame.get("userId") == MAI for frame in frames[1:])
    else:
        assert [frame["type"] for frame in frames] in (["ERROR"], ["PONG"])
        assert not wrote


@given(st.randoms(use_true_random=False), st.booleans(), st.booleans())
@examples(300)
def test_a_damaged_frame_is_answered_and_changes_nothing(
    backend: Backend, random: Random, with_token: bool, text: bool
):
    proof = {"token": token(MAI, backend.now, 7200)} if with_token else {}
    whole = {"type": "SUBSCRIBE", "userId": MAI, "channels": CHANNELS, **proof}
    content = json.dumps(damaged({"frame": whole}, random).get("frame", "")).encode()
    check(backend, "socket-2=", damaged_text(content, random) if text else content)


def encoded(part: Any) -> str:
    text = part if isinstance(part, str) else json.dumps(part)
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).rstrip(b"=").decode()


CLAIMS = {"sub": MAI, "iss": "https://issuer.example/", "aud": "stays-api", "exp": 4_000_000_000}
TOKENS = [
    "",
    ".",
    "..",
    "a.b.c",
    "é.é.é",
    "\x00",
    "\u202e",
    "a" * 4096,
    f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{encoded(CLAIMS)}.",
    f"{encoded({'alg': 'HS256'})}.{encoded(CLAIMS)}.{encoded('x' * 32)}",
    f"{encoded({'alg': 'RS256', 'kid': '../../key'})}.{encoded(CLAIMS)}.AA",
    f"{encoded({'alg': 'RS256', 'kid': ['a']})}.{encoded(CLAIMS)}.AA",
    f"{encoded({'alg': 'RS256', 'crit': ['x'], 'jku': 'http://evil.example'})}.{encoded(CLAIMS)}.AA",
    f"{encoded([])}.{encoded(CLAIMS)}.AA",
    f"{encoded('null')}.{encoded('null')}.AA",
    f"{encoded({'alg': None})}.{encoded(CLAIMS)}.AA",
    f"{encoded('{' * 100)}.{encoded(CLAIMS)}.AA",
    *(f"{encoded('[' * depth + ']' * depth)}.{encoded(CLAIMS)}.AA" for depth in (100, *range(900, 1000), 1400)),
]


def bent(random: Random, genuine: str) -> str:
    """Return a manipulated token."""
    at = random.randrange(len(genuine) - 2)  # the last letter has unused bits
    other = random.choice("ABCabc012-_.=+/ \n\x00é")
    return genuine[:at] + other + genuine[at + 1 :] if other != genuine[at] else genuine[:at]


def check_token(backend: Backend, forged: str) -> None:
    """Check that the token is refused, both when the browser connects and later."""
    frame = {"type": "SUBSCRIBE", "userId": MAI, "channels": CHANNELS, "token": forged}
    with backend.trial() as system:
        event = frame_event(system, "socket-2=", json.dumps(frame).encode())
        assert [each["type"] for each in said(system, "socket-2=", event)] == ["ERROR"]
    for query, cookie in ((f"token={forged}", ""), ("", f"auth_token={forged}")):
        with backend.trial() as system:
            headers = (("Host", "localhost"), ("User-Agent", AGENT), ("Cookie", cookie))
            visitor = system.visitor("socket-3=")
            event = connect_event(visitor, headers, "", request_id="request-2", now=system.now)
            event["queryStringParameters"] = dict([query.split("=", 1)]) if query else {}
            status = system.invoke("connections", event)["statusCode"]
            item = system.database.find("CONNECTION#socket-3=", "CONNECTION", "connections")
        assert status in ((401,) if query and forged else (200,))
        assert (item is None) == (status == 401)
        assert item is None or "userId" not in item


def test_a_token_that_nobody_signed_proves_nothing(backend: Backend):
    for forged in TOKENS:
        check_token(backend, forged)


@given(st.randoms(use_true_random=False))
@examples(100)
def test_a_token_that_was_tampered_with_proves_nothing(backend: Backend, random: Random):
    check_token(backend, bent(random, token(MAI, backend.now, 7200)))


COOKIES = [
    "auth_token",
    "auth_token=",
    "=",
    ";;;",
    "auth_token=a; auth_token=b",
    'auth_token="\\',
    "a\x00b=c",
    "\u202e",
    "a" * 8192,
]


@pytest.mark.parametrize("cookie", COOKIES, ids=range(len(COOKIES)))
def test_a_cookie_that_is_none_is_not_held_against_the_browser(backend: Backend, cookie: str):
    with backend.trial() as system:
        headers = (("Host", "localhost"), ("User-Agent", AGENT), ("Cookie", cookie))
        event = connect_event(system.visitor("socket-3="), headers, "", request_id="request-2", now=system.now)
        assert system.invoke("connections", event) == {"statusCode": 200}
        item = system.database.find("CONNECTION#socket-3=", "CONNECTION", "connections")
    assert item
    assert "userId" not in item
