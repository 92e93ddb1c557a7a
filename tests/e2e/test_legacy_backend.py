"""One base address for two backends: the running system passes all other paths to the legacy backend."""

import json
import time
from collections.abc import Iterator

import httpx
import pytest

from infra.doctor.__main__ import main
from tests.e2e.browser import FRONTEND
from tests.e2e.local import Local
from tests.integration.legacy_backend import LegacyBackend, answer, legacy_backend

NEVER = "86400"  # seconds


@pytest.fixture(scope="module")
def legacy() -> Iterator[LegacyBackend]:
    with legacy_backend() as running:
        yield running


@pytest.fixture(scope="module")
def adopting(legacy: LegacyBackend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    options = ("--legacy", legacy.address, "--schedule", NEVER, "--no-seed")
    running = Local(tmp_path_factory.mktemp("adopting"), *options)
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture
def http(adopting: Local, legacy: LegacyBackend) -> Iterator[httpx.Client]:
    legacy.forget()
    with httpx.Client(base_url=f"{adopting.http_url}/api/v1", trust_env=False, timeout=40) as client:
        yield client


def test_an_unknown_path_reaches_the_legacy_backend_and_its_answer_the_browser(
    http: httpx.Client, legacy: LegacyBackend
) -> None:
    legacy.answer = answer(
        "201 Created", b"Content-Type: image/png", b"Set-Cookie: a=1", b"Set-Cookie: b=2", body=b"\x89PNG\x00\xff"
    )
    sent = {"authorization": "Bearer of-the-old-days", "cookie": "c=3", "origin": FRONTEND}
    said = http.put("/properties/5?x=1", headers=sent, content=b"\x00\xff")
    heard = legacy.only()
    assert (heard.method, heard.target, heard.body) == ("PUT", "/api/v1/properties/5?x=1", b"\x00\xff")
    assert heard.values(b"authorization") + heard.values(b"cookie") == [b"Bearer of-the-old-days", b"c=3"]
    assert (said.status_code, said.content, said.headers["content-type"]) == (201, b"\x89PNG\x00\xff", "image/png")
    assert said.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert said.headers["access-control-allow-origin"] == FRONTEND


def test_paths_of_ours_are_still_ours_a_wrong_method_too(
    adopting: Local, http: httpx.Client, legacy: LegacyBackend
) -> None:
    token = {"authorization": f"Bearer {adopting.token('auth0|adopting')}"}
    assert http.get("/health").json()["status"] == "ok"
    assert http.get("/user/bookings", headers=token).json() == []
    assert http.get("/user/bookings").status_code == 401
    wrong = http.put("/user/bookings", headers=token)
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "METHOD_NOT_ALLOWED")
    outside = http.get(f"{adopting.http_url}/nowhere", headers=token)
    assert (outside.status_code, outside.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert legacy.heard == []


def test_c27_the_call_after_login_is_saved_here_and_answered_there(
    adopting: Local, http: httpx.Client, legacy: LegacyBackend
) -> None:
    an = "auth0|an+tag@example.com"
    token = {"authorization": f"Bearer {adopting.token(an)}"}
    sent = {"email": "an@example.com", "name": "An", "locale": "es-419"}

    def sync(said: bytes | None) -> httpx.Response:
        legacy.forget()
        legacy.answer = said
        return http.post("/users/auth0-sync", headers=token, json=sent)

    theirs = sync(answer("201 Created", body=b'{"id": "64f0c0ffee", "role": "guest"}'))
    assert (theirs.status_code, theirs.json()) == (201, {"id": an, "role": "guest"})
    heard = legacy.only()
    assert (heard.method, heard.target, json.loads(heard.body)) == ("POST", "/api/v1/users/auth0-sync", sent)
    assert heard.values(b"authorization") == [token["authorization"].encode()]
    refused = sync(answer("403 Forbidden", body=b'{"message": "blocked"}'))
    assert (refused.status_code, refused.json()) == (403, {"message": "blocked"})
    began = time.monotonic()
    for said in (answer(body=b"<html>"), answer("502 Bad Gateway", body=b"{}"), b"", None):
        own = sync(said)
        assert (own.status_code, own.json()["id"], own.json()["auth0UserId"]) == (200, an, an)
        assert own.json()["email"] == "an@example.com"
    assert 5 <= time.monotonic() - began < 8


def test_head_of_a_path_that_is_not_ours_reaches_the_legacy_backend(http: httpx.Client, legacy: LegacyBackend) -> None:
    legacy.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    said = http.head("/properties/5")
    assert (legacy.only().method, said.status_code, said.headers["content-length"], said.content) == (
        "HEAD",
        200,
        "5",
        b"",
    )
    assert http.head("/health").status_code == 200
    assert len(legacy.heard) == 1


def test_the_doctor_sees_that_it_is_so(
    adopting: Local, legacy: LegacyBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    legacy.forget()
    assert main(["--api", f"{adopting.http_url}/api/v1", "--legacy", legacy.address]) == 0
    assert f"passes all other paths to {legacy.address}." in capsys.readouterr().out
