"""The legacy backend gets all other paths, and its answers come back unchanged. It never gets our paths."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import product
from typing import Any

import pytest

from infra.local.cors import Cors
from infra.local.http_api import http_api
from infra.local.legacy import ANSWER_LIMIT, Legacy
from infra.local.ports import listen
from infra.local.serve import serving
from infra.topology import CORS_HEADERS, CORS_MAX_AGE, LEGACY_CORS_METHODS, PREFIX, ROUTES, SERVED
from tests.integration.legacy_backend import LegacyBackend, Said, answer, call, legacy_backend
from tests.integration.local_gateway import authorize

pytestmark = pytest.mark.anyio

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
CORS = Cors(("http://localhost:3000",), LEGACY_CORS_METHODS, CORS_HEADERS, CORS_MAX_AGE)
BODIES = {
    "nothing": (None, None),
    "empty": ("application/json", b""),
    "json": ("application/json; charset=utf-8", b'{"name": "Nh\xc3\xa0 g\xe1\xbb\x97"}'),
    "form": ("application/x-www-form-urlencoded", b"a=1&a=2&b=%20+"),
    "file": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="f"\r\n\r\n\x00\r\n--x--\r\n',
    ),
    "binary": ("application/octet-stream", bytes(range(256)) * 5),
}


class LocalGateway:
    """The gateway on a free port; `invoked` has the functions that it called."""

    def __init__(self, port: int, invoked: list[str]) -> None:
        self.port = port
        self.invoked = invoked

    async def ask(self, method: str, target: str, *headers: tuple[str, str], body: bytes | None = None) -> Said:
        return await asyncio.to_thread(call, self.port, method, target, list(headers), body)


@asynccontextmanager
async def standing(address: str | None, limit: float = 5) -> AsyncIterator[LocalGateway]:
    invoked: list[str] = []

    async def invoke(function: str, event: Mapping[str, Any]) -> Any:
        invoked.append(function)
        return {"statusCode": 200, "body": json.dumps({"function": function})}

    legacy = Legacy(address, limit) if address else None
    async with serving(http_api(invoke, ROUTES, authorize, CORS, legacy=legacy), listen(0, "HTTP_PORT")) as port:
        yield LocalGateway(port, invoked)
    if legacy:
        await legacy.close()


@pytest.fixture(scope="module")
def running() -> Iterator[LegacyBackend]:
    with legacy_backend() as started:
        yield started


@pytest.fixture(scope="module")
async def front(running: LegacyBackend) -> AsyncIterator[LocalGateway]:
    async with standing(running.address) as gateway:
        yield gateway


@pytest.fixture
def backend(running: LegacyBackend) -> LegacyBackend:
    running.forget()
    return running


@pytest.fixture
def gateway(front: LocalGateway) -> LocalGateway:
    front.invoked.clear()
    return front


@pytest.mark.parametrize(("method", "kind"), list(product(METHODS, BODIES)))
async def test_every_method_and_body_arrives_as_it_was_sent(
    gateway: LocalGateway, backend: LegacyBackend, method: str, kind: str
) -> None:
    content_type, body = BODIES[kind]
    typed = [("Content-Type", content_type)] if content_type else []
    said = await gateway.ask(method, "/api/v1/properties/5?x=1", *typed, body=body)
    heard = backend.only()
    assert (heard.method, heard.target, heard.body) == (method, "/api/v1/properties/5?x=1", body or b"")
    assert heard.values(b"content-type") == ([content_type.encode()] if content_type else [])
    bodyless = body is None and method in {"GET", "HEAD", "DELETE"}  # every other method needs its length
    assert heard.values(b"content-length") == ([] if bodyless else [str(len(body or b"")).encode()])
    assert said.status == 200
    assert gateway.invoked == []


async def test_a_body_in_chunks_arrives_whole_and_with_its_length(
    gateway: LocalGateway, backend: LegacyBackend
) -> None:
    chunks = b"5\r\nabcde\r\n3\r\nfgh\r\n0\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"POST /api/v1/upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    assert backend.only().body == b"abcdefgh"
    assert backend.only().values(b"content-length") == [b"8"]
    assert backend.only().values(b"transfer-encoding") == []


@pytest.mark.parametrize(
    "behind",
    [
        "/properties",
        "/properties/",
        "/properties//5",
        "/properties/a%2Fb%20c/%E1%BB%97",
        "/properties/../admin",
        "/properties/%2e%2e/x",
        "/payment/unknown",
        "/bookings/1/other",
        "/search?q=a%20b+c&q=&empty&%5B%5D=1&date=2026-01-01T00:00:00%2B07:00",
        "/search?",
        "/~user/x;v=1,2:3@4!$'()*",
    ],
)
async def test_path_and_query_are_put_behind_the_address_as_they_were_sent(
    gateway: LocalGateway, backend: LegacyBackend, behind: str
) -> None:
    await gateway.ask("GET", f"/api/v1{behind}")
    assert backend.only().target == f"/api/v1{behind}".removesuffix("?")


@pytest.mark.parametrize(("place", "target"), [("", "/x/y?z"), ("/old/rest", "/old/rest/x/y?z"), ("/v0/", "/v0/x/y?z")])
async def test_the_address_stands_for_the_prefix(backend: LegacyBackend, place: str, target: str) -> None:
    async with standing(backend.address.removesuffix(PREFIX) + place) as gateway:
        await gateway.ask("GET", "/%61pi/v1/x/y?z")
    assert backend.only().target == target


async def test_headers_arrive_as_they_were_sent_but_for_those_of_one_connection(
    gateway: LocalGateway, backend: LegacyBackend
) -> None:
    sent = [
        ("authorization", "Bearer not.one.of-ours"),
        ("cookie", "a=1; b=2"),
        ("accept-encoding", "gzip, br"),
        ("user-agent", "Browser/1.0"),
        ("x-twice", "1"),
        ("x-twice", "2"),
        ("x-latin", "caf\xe9"),
        ("x-forwarded-for", "10.1.2.3"),
        ("origin", "http://localhost:3000"),
    ]
    one_connection = [
        ("connection", "keep-alive, X-Hop"),
        ("keep-alive", "timeout=5"),
        ("x-hop", "1"),
        ("te", "trailers"),
        ("proxy-authorization", "Basic eDp5"),
    ]
    await gateway.ask("GET", "/api/v1/me", *sent, *one_connection)
    heard = backend.only()
    own_host = f"localhost:{backend.server_address[1]}".encode()
    assert heard.values(b"host") == [own_host]
    assert heard.values(b"forwarded") == [b'for=127.0.0.1;host="127.0.0.1:%d";proto=http' % gateway.port]
    assert heard.values(b"via") == [b"HTTP/1.1 AmazonAPIGateway"]
    added = {b"host", b"forwarded", b"via"}
    assert [each for each in heard.headers if each[0] not in added] == [
        (name.encode(), value.encode("latin-1")) for name, value in sent
    ]


@pytest.mark.parametrize("token", [None, "Bearer nonsense", "Basic eDp5"])
async def test_tokens_are_the_legacy_backends_business(
    gateway: LocalGateway, backend: LegacyBackend, token: str | None
) -> None:
    backend.answer = answer("401 Unauthorized", b"WWW-Authenticate: Bearer", body=b"{}")
    said = await gateway.ask("GET", "/api/v1/me", *([("authorization", token)] if token else []))
    assert (said.status, said.values("www-authenticate"), said.body) == (401, ["Bearer"], b"{}")
    assert backend.only().values(b"authorization") == ([token.encode()] if token else [])


@pytest.mark.parametrize("status", [200, 201, 204, 206, 301, 302, 304, 400, 404, 405, 418, 429, 500, 502, 503])
async def test_every_status_comes_back_and_no_redirect_is_followed(
    gateway: LocalGateway, backend: LegacyBackend, status: int
) -> None:
    body = b"" if status in (204, 304) else b"so it is"
    backend.answer = answer(f"{status} Whatever", b"Location: /api/v1/elsewhere", body=body)
    said = await gateway.ask("GET", "/api/v1/x")
    assert (said.status, said.body, said.values("location")) == (status, body, ["/api/v1/elsewhere"])
    assert len(backend.heard) == 1


async def test_the_answers_headers_and_bytes_come_back_untouched(gateway: LocalGateway, backend: LegacyBackend) -> None:
    body = gzip.compress(b'{"a": 1}')
    backend.answer = answer(
        "200 OK",
        b"Content-Type: application/vnd.old+json",
        b"Content-Encoding: gzip",
        b"Set-Cookie: session=1; Path=/; HttpOnly; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
        b"Set-Cookie: seen=2",
        b"Set-Cookie: seen=3",
        b"X-Latin: caf\xe9",
        b"X-Utf: caf\xc3\xa9",
        b'ETag: W/"1"',
        b"Server: old",
        b"Date: Wed, 21 Oct 2015 07:28:00 GMT",
        b"Keep-Alive: timeout=5",
        b"X-Hop: 1",
        b"Connection: X-Hop",
        body=body,
    )
    said = await gateway.ask("GET", "/api/v1/x")
    assert said.body == body
    assert said.values("set-cookie") == [
        "session=1; Path=/; HttpOnly; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
        "seen=2",
        "seen=3",
    ]
    assert said.values("x-latin") == ["caf\xe9"]
    assert said.values("x-utf") == ["caf\xc3\xa9"]
    assert (said.values("etag"), said.values("server")) == (['W/"1"'], ["old"])
    assert (said.values("content-type"), said.values("content-encoding")) == (["application/vnd.old+json"], ["gzip"])
    assert said.values("content-length") == [str(len(body))]
    assert len(said.values("date")) == 1
    assert len(said.values("apigw-requestid")) == 1
    assert said.values("keep-alive") + said.values("x-hop") == []


async def test_an_answer_in_chunks_comes_back_whole(gateway: LocalGateway, backend: LegacyBackend) -> None:
    backend.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    said = await gateway.ask("GET", "/api/v1/x")
    assert (said.body, said.values("content-length"), said.values("transfer-encoding")) == (b"abcde", ["5"], [])


async def test_no_cookie_of_one_answer_is_sent_with_the_next_call(
    gateway: LocalGateway, backend: LegacyBackend
) -> None:
    backend.answer = answer("200 OK", b"Set-Cookie: session=secret; Path=/")
    await gateway.ask("GET", "/api/v1/login")
    await gateway.ask("GET", "/api/v1/me")
    assert [heard.values(b"cookie") for heard in backend.heard] == [[], []]


async def test_the_gateways_cors_takes_the_place_of_the_legacy_backends(
    gateway: LocalGateway, backend: LegacyBackend
) -> None:
    backend.answer = answer("200 OK", b"Access-Control-Allow-Origin: *", b"Access-Control-Expose-Headers: x")
    ours = await gateway.ask("GET", "/api/v1/x", ("Origin", "http://localhost:3000"))
    assert ours.values("access-control-allow-origin") == ["http://localhost:3000"]
    assert ours.values("access-control-expose-headers") == []
    other = await gateway.ask("GET", "/api/v1/x", ("Origin", "http://evil.test"))
    assert other.values("access-control-allow-origin") == []


@pytest.mark.parametrize("status", [200, 304, 404, 503])
async def test_what_is_told_to_head_comes_back_with_the_length_that_get_would_have(
    gateway: LocalGateway, backend: LegacyBackend, status: int
) -> None:
    headers = b"ETag: W/1\r\nContent-Type: image/png\r\nContent-Length: 1234\r\nConnection: close"
    backend.answer = b"HTTP/1.1 %d Whatever\r\n%s\r\n\r\n" % (status, headers)
    said = await gateway.ask("HEAD", "/api/v1/download?x=1", ("Authorization", "Bearer theirs"))
    assert (backend.only().method, backend.only().target) == ("HEAD", "/api/v1/download?x=1")
    assert (said.status, said.body, said.values("content-length")) == (status, b"", ["1234"])
    assert (said.values("etag"), said.values("content-type")) == (["W/1"], ["image/png"])


async def test_without_a_legacy_backend_there_head_is_told_so(backend: LegacyBackend) -> None:
    with legacy_backend() as gone:
        address = gone.address
    async with standing(address) as gateway:
        said = await gateway.ask("HEAD", "/api/v1/x")
    assert (said.status, said.body) == (503, b"")


@pytest.mark.parametrize("method", METHODS)
async def test_the_gateway_answers_the_preflight_of_every_method(
    gateway: LocalGateway, backend: LegacyBackend, method: str
) -> None:
    asked = [("Origin", "http://localhost:3000"), ("Access-Control-Request-Method", method)]
    said = await gateway.ask("OPTIONS", "/api/v1/properties/5", *asked)
    assert said.status == 204
    assert method in said.values("access-control-allow-methods")[0].split(",")
    assert backend.heard == []


@pytest.mark.parametrize("path", sorted({route.path for route in SERVED}))
async def test_no_call_to_a_path_of_ours_ever_gets_there(
    gateway: LocalGateway, backend: LegacyBackend, path: str
) -> None:
    target = path.replace("{", "").replace("}", "")
    for method in (*METHODS, "OPTIONS"):
        await gateway.ask(method, target, ("Authorization", "Bearer good"))
        await gateway.ask(method, target)
    assert len(gateway.invoked) >= len(METHODS)
    assert backend.heard == []


@pytest.mark.parametrize("target", ["/", "/nowhere", "/api", "/api/v1", "/api/v1/", "/api/v2/x", "/dev/x"])
async def test_what_is_not_under_the_prefix_is_ours_to_refuse(
    gateway: LocalGateway, backend: LegacyBackend, target: str
) -> None:
    await gateway.ask("GET", target, ("Authorization", "Bearer good"))
    assert backend.heard == []


async def test_without_a_legacy_backend_the_same_path_is_ours_to_refuse() -> None:
    async with standing(None) as gateway:
        said = await gateway.ask("GET", "/api/v1/properties/5", ("Authorization", "Bearer good"))
    assert json.loads(said.body) == {"function": "payments"}


async def test_a_legacy_backend_that_is_not_there_is_503(backend: LegacyBackend) -> None:
    with legacy_backend() as gone:
        address = gone.address
    async with standing(address) as gateway:
        said = await gateway.ask("GET", "/api/v1/x", ("Origin", "http://localhost:3000"))
    assert (said.status, json.loads(said.body)) == (503, {"message": "Service Unavailable"})
    assert said.values("access-control-allow-origin") == ["http://localhost:3000"]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
    ],
    ids=["hangs up", "no HTTP", "ends too early", "no header"],
)
async def test_a_legacy_backend_that_breaks_off_is_503(
    gateway: LocalGateway, backend: LegacyBackend, nonsense: bytes
) -> None:
    backend.answer = nonsense
    said = await gateway.ask("POST", "/api/v1/x", body=b"once")
    assert (said.status, json.loads(said.body)) == (503, {"message": "Service Unavailable"})
    assert len(backend.heard) == 1


async def test_a_legacy_backend_that_says_nothing_is_504_after_its_time(backend: LegacyBackend) -> None:
    backend.answer = None
    async with standing(backend.address, limit=0.1) as gateway:
        said = await gateway.ask("GET", "/api/v1/x")
    assert (said.status, json.loads(said.body)) == (504, {"message": "Gateway Timeout"})


async def test_ten_megabytes_are_the_limit_both_ways(gateway: LocalGateway, backend: LegacyBackend) -> None:
    full = b"x" * ANSWER_LIMIT
    backend.answer = answer(body=full)
    said = await gateway.ask("POST", "/api/v1/upload", body=full)
    assert (said.status, len(said.body), len(backend.only().body)) == (200, ANSWER_LIMIT, ANSWER_LIMIT)

    backend.answer = answer(body=full + b"x")
    said = await gateway.ask("GET", "/api/v1/download")
    assert (said.status, json.loads(said.body)) == (500, {"message": "Internal Server Error"})

    said = await gateway.ask("POST", "/api/v1/upload", body=full + b"x")
    assert (said.status, json.loads(said.body)) == (413, {"message": "Request Entity Too Large"})
    assert len(backend.heard) == 2
