"""The login call of both backends: saved here first, passed to the legacy backend, answered with our id."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest

from stays.edge.legacy import DEADLINE, LARGEST_ANSWER, Answer, Legacy
from tests.integration.legacy_backend import LegacyBackend, answer, legacy_backend
from tests.integration.messages import BINH, MAI
from tests.integration.outside import ZaloPay
from tests.integration.product import close, load
from tests.integration.test_secrets_in_logs import everything_logged
from tests.integration.world import Reply, World

SENT = {"email": "mai@example.com", "name": "Mai"}
OWN = {"id": MAI, "auth0UserId": MAI, "userId": MAI, **SENT}


@pytest.fixture(scope="module")
def running() -> Iterator[LegacyBackend]:
    with legacy_backend() as started:
        yield started


@pytest.fixture
def backend(running: LegacyBackend) -> LegacyBackend:
    running.forget()
    return running


@contextmanager
def started_beside(address: str, simulator: ZaloPay) -> Iterator[ModuleType]:
    """The function with the settings of a stage with a legacy backend."""
    bookings = load("bookings", {"LEGACY_API_URL": address, "ZALOPAY_ENDPOINT": simulator.url})
    yield bookings
    close(bookings)


@pytest.fixture(scope="module")
def bookings(running: LegacyBackend, simulator: ZaloPay) -> Iterator[ModuleType]:
    with started_beside(running.address, simulator) as started:
        yield started


@pytest.fixture
def synced(world: World, backend: LegacyBackend, bookings: ModuleType) -> World:
    world.functions = {**world.functions, "bookings": bookings}
    return world


def sync(world: World, body: Any = SENT, **how: Any) -> Reply:
    return world.http("POST", "/users/auth0-sync", body, **how)


def is_own(reply: Reply) -> bool:
    times = {name: reply.body.pop(name) for name in ("createdAt", "updatedAt")}
    return (reply.status, reply.body) == (200, OWN) and all(times.values())


def said(content: Any, status: str = "200 OK") -> bytes:
    return answer(status, b"Content-Type: application/json", body=json.dumps(content).encode())


@pytest.mark.parametrize("id_of_theirs", ["64f0c0ffee", 17, None, MAI])
def test_c27_their_answer_comes_back_with_our_id(synced: World, backend: LegacyBackend, id_of_theirs: Any):
    theirs = {"email": "old@example.com", "id": id_of_theirs, "roles": ["guest"], "name": "Mãi"}
    backend.answer = said(theirs, "201 Created")
    reply = sync(synced)
    assert (reply.status, reply.body) == (201, theirs | {"id": MAI})
    assert synced.item(kind="PROFILE")["email"] == "mai@example.com"


def test_c27_an_answer_without_an_id_gets_ours(synced: World, backend: LegacyBackend):
    backend.answer = said({"ok": True})
    assert sync(synced).body == {"ok": True, "id": MAI}


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "409 Conflict", "422 No", "500 Sorry"])
def test_c27_their_refusal_comes_back_as_it_is_and_the_profile_is_saved(
    synced: World, backend: LegacyBackend, status: str
):
    backend.answer = said({"error": {"code": "NO"}}, status)
    reply = sync(synced)
    assert (reply.status, reply.body) == (int(status[:3]), {"error": {"code": "NO"}})
    assert synced.item(kind="PROFILE")["name"] == "Mai"
    backend.answer = said({"id": "theirs"}, status)
    assert sync(synced).body == {"id": MAI}


NONSENSE = {
    "nothing at all": b"",
    "no HTTP": b"SSH-2.0-OpenSSH\r\n",
    "an empty answer": answer(),
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "a page": answer("200 OK", b"Content-Type: text/html", body=b"<html>Sign in</html>"),
    "elsewhere": answer("302 Found", b"Location: https://elsewhere.example/", body=b"Found"),
    "a list": said([{"id": 1}]),
    "a text": said("ok"),
    "null": said(None),
    "cut off": answer(body=b'{"id": "1"')[:-1],
    "no JSON": answer(body=b"{'id': 1}"),
    "no number": answer(body=b'{"balance": NaN}'),
    "too deep": answer(body=b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "too long": answer(body=b'{"a":"' + b"x" * LARGEST_ANSWER + b'"}'),
    "no text": answer(body=b'{"a":"\xff"}'),
    "bad gateway": said({"id": "theirs"}, "502 Bad Gateway"),
    "unavailable": said({"message": "Service Unavailable"}, "503 Service Unavailable"),
    "no status": said({"id": "theirs"}, "999 What"),
    "too late": said({"message": "Gateway Timeout"}, "504 Gateway Timeout"),
}


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
def test_c27_nobody_there_or_no_json_object_is_our_own_answer(synced: World, backend: LegacyBackend, nonsense: bytes):
    backend.answer = nonsense
    assert is_own(sync(synced))
    assert len(backend.heard) == 1


def test_c27_a_backend_that_is_not_there_is_our_own_answer(world: World):
    with legacy_backend() as gone:
        address = gone.address
    with started_beside(address, world.zalopay) as bookings:
        world.functions = {**world.functions, "bookings": bookings}
        assert is_own(sync(world))


def test_c27_five_seconds_are_all_it_gets():
    assert DEADLINE == 5


@pytest.mark.parametrize("pause", [None, 0.02])
def test_silence_and_an_answer_by_drops_end_at_the_deadline(backend: LegacyBackend, pause: float | None):
    backend.answer, backend.pause = (None, 0) if pause is None else (said({"id": "x" * 200}), pause)
    began = time.monotonic()
    assert Legacy(backend.address, deadline=0.3).post("/users/auth0-sync", {}, b"{}") is None
    assert 0.3 <= time.monotonic() - began < 1


def test_an_answer_that_takes_a_while_is_heard(backend: LegacyBackend):
    backend.answer, backend.pause = said({"id": "1"}), 0.001
    assert Legacy(backend.address).post("/users/auth0-sync", {}, b"{}") == Answer(200, {"id": "1"})


def test_the_call_is_passed_on_as_it_came_and_nothing_else_of_it(synced: World, backend: LegacyBackend):
    backend.answer = said({"id": "1"})
    raw = ' {"locale": "es-419", "picture": null, "name": "Mãi", "more": [1.0]}'.encode()
    sync(
        synced,
        raw=raw,
        kind="application/json; charset=utf-8",
        query="from=a%20b&x",
        header=("authorization", "Bearer t"),
    )
    heard = backend.only()
    assert (heard.method, heard.target, heard.body) == ("POST", "/api/v1/users/auth0-sync?from=a%20b&x", raw)
    assert dict(heard.headers) == {
        b"host": backend.address.split("/")[2].encode(),
        b"authorization": b"Bearer t",
        b"content-type": b"application/json; charset=utf-8",
        b"content-length": str(len(raw)).encode(),
    }


@pytest.mark.parametrize("kind", ["application/json; é=1", "application/json\x0b", ""])
def test_a_header_that_cannot_be_passed_on_is_no_obstacle(synced: World, backend: LegacyBackend, kind: str):
    backend.answer = said({"id": "1"})
    reply = sync(synced, kind=kind)
    assert (reply.status, reply.body["id"]) == (200, MAI)


def test_no_cookie_of_one_user_is_sent_with_the_call_of_another(synced: World, backend: LegacyBackend):
    backend.answer = answer("200 OK", b"Set-Cookie: session=secret; Path=/", body=b"{}")
    replies = [sync(synced), sync(synced, sub=BINH)]
    assert [reply.body["id"] for reply in replies] == [MAI, BINH]
    assert [heard.values(b"cookie") for heard in backend.heard] == [[], []]
    assert "set-cookie" not in replies[0].headers


def test_what_is_refused_here_is_not_passed_on(synced: World, backend: LegacyBackend):
    assert [sync(synced, {"email": "no address"}).status, sync(synced, sub=None).status] == [400, 401]
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
        assert synced.http(method, "/users/auth0-sync").status == 405
    assert backend.heard == []
    assert synced.items() == []


def test_without_a_legacy_backend_nothing_is_passed_on(world: World, backend: LegacyBackend):
    assert is_own(sync(world))
    assert backend.heard == []


def test_no_word_of_a_profile_is_in_the_log(
    synced: World, backend: LegacyBackend, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    with everything_logged(capsys, caplog) as written:
        for theirs in (said({"id": "theirs", "name": "canary"}), said({"error": "canary"}, "500 No"), b"canary"):
            backend.answer = theirs
            sync(synced, {"name": "canary", "email": "canary@example.com", "picture": "https://canary.example/x"})
    assert "passed on" in "".join(written)
    assert "canary" not in "".join(written)
