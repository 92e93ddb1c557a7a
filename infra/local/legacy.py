"""The legacy backend: the gateway passes it every path that is not ours, as API Gateway's HTTP integration does."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import aclosing

import httpx

from infra.local.events import HOP_BY_HOP, Answer, Headers, Request
from infra.topology import LEGACY_TIMEOUT, PREFIX

ANSWER_LIMIT = 10 * 1024 * 1024  # bytes

RawHeaders = Sequence[tuple[bytes, bytes]]

_VIA = b"HTTP/1.1 AmazonAPIGateway"
# The legacy backend has its own host name; lengths and the date are computed again; the gateway already answers
# `expect`. Only HEAD keeps its content length, which describes a body that is not sent.
_NOT_PASSED = {"host", "expect"}
_NOT_ANSWERED = {"content-length", "date"}


class Unreachable(Exception):
    """The legacy backend cannot be reached, hangs up, or does not speak HTTP; the message says which."""


class TooLong(Exception):
    """The legacy backend's answer is longer than the gateway passes back."""


class Legacy:
    """The legacy backend at `address`, which stands for our prefix: the rest of the path is appended to it.

    Paths, queries, headers and bodies pass unchanged in both directions. The gateway follows no redirect and keeps no
    cookie.
    """

    def __init__(self, address: str, limit: float = LEGACY_TIMEOUT) -> None:
        self._url = httpx.URL(address)
        self._limit = limit
        # Connections are not reused: the other end may close an idle one while the next request is being written.
        self._transport = httpx.AsyncHTTPTransport(trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))

    async def ask(self, request: Request, headers: RawHeaders) -> Answer:
        """Pass a call on with its headers as they arrived. Raises Unreachable, TooLong, or TimeoutError."""
        onward = httpx.Request(
            request.method,
            self._url,
            headers=[*_kept(headers, _NOT_PASSED), *_added(request, headers)],
            content=request.body,
            extensions={"target": self._target(request)},  # a URL would normalize its dots and percent signs
        )
        try:
            async with asyncio.timeout(self._limit):
                return await self._exchange(onward)
        except httpx.TransportError as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close the open connections."""
        await self._transport.aclose()

    async def _exchange(self, onward: httpx.Request) -> Answer:
        async with aclosing(await self._transport.handle_async_request(onward)) as response:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > ANSWER_LIMIT:
                    raise TooLong(f"the limit is {ANSWER_LIMIT} bytes")
            dropped = _NOT_ANSWERED - ({"content-length"} if onward.method == "HEAD" else set())
            return Answer(response.status_code, _answered(response.headers.raw, dropped), bytes(body))

    def _target(self, request: Request) -> bytes:
        rest = request.path.split("/", PREFIX.count("/") + 1)[-1]  # the prefix may contain percent signs
        query = f"?{request.query}" if request.query else ""
        return self._url.raw_path.rstrip(b"/") + f"/{rest}{query}".encode("latin-1")


def _kept(headers: RawHeaders, others: set[str]) -> Iterator[tuple[bytes, bytes]]:
    """Drop `others` and the headers for one connection only, including those that `connection` names."""
    named = {
        name.strip().lower() for each in _values(headers, b"connection") for name in each.decode("latin-1").split(",")
    }
    dropped = {name.encode("latin-1") for name in HOP_BY_HOP | named | others}
    return ((name, value) for name, value in headers if name.lower() not in dropped)


def _added(request: Request, headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """Return the headers that an HTTP API adds: `forwarded` and `via`, not x-forwarded-*."""
    host = b"".join(_values(headers, b"host")[:1])
    return [
        (b"forwarded", b'for=%s;host="%s";proto=http' % (request.source_ip.encode(), host)),
        (b"via", _VIA),
    ]


def _answered(headers: RawHeaders, dropped: set[str]) -> Headers:
    return tuple(
        (name.decode("latin-1"), value.decode(errors="surrogateescape")) for name, value in _kept(headers, dropped)
    )


def _values(headers: RawHeaders, wanted: bytes) -> list[bytes]:
    return [value for name, value in headers if name.lower() == wanted]
