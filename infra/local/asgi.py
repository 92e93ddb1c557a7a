"""The types of ASGI, the callables that the gateway needs, and functions that read requests and send responses."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

Invoke = Callable[[str, Mapping[str, Any]], Awaitable[Any]]  # (function, event) -> the handler's return value
Authorize = Callable[[str], Mapping[str, Any]]  # token -> its claims, or raises Unauthorized; runs in a thread
Clock = Callable[[], datetime]  # the current time, with a time zone


def real_time() -> datetime:
    """Return the machine's time."""
    return datetime.now(UTC)


def text_headers(scope: Scope) -> tuple[tuple[str, str], ...]:
    """Return the request's headers as text: UTF-8 if they are valid UTF-8, otherwise Latin-1, as HTTP defines."""
    return tuple((_text(name), _text(value)) for name, value in scope["headers"])


def header(scope: Scope, name: str) -> str:
    """Return one header of the request, or an empty string."""
    return next((value for key, value in text_headers(scope) if key.lower() == name), "")


def source_ip(scope: Scope) -> str:
    """Return the caller's address; `localhost` gives the same address over IPv4 and IPv6."""
    address: str = (scope.get("client") or ("127.0.0.1", 0))[0]
    address = address.removeprefix("::ffff:")
    return "127.0.0.1" if address == "::1" or address.startswith("127.") else address


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """Return the whole body, or None if it is longer than `limit` bytes. A longer body is still read to its end."""
    body, size, more = bytearray(), 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunk = message.get("body", b"")
        size += len(chunk)
        body += chunk if size <= limit else b""
        more = message.get("more_body", False)
    return bytes(body) if size <= limit else None


async def respond(
    send: Send, status: int, headers: tuple[tuple[str, str], ...], body: bytes, *, head: bool = False
) -> None:
    """Send a whole response with its length.

    A response to HEAD, a 204 and a 304 have no body and no length. HEAD has no length because only GET's is known.
    """
    raw = [(name.encode(), value.encode(errors="surrogateescape")) for name, value in headers]
    bare = head or status in (204, 304)
    if not bare:
        raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if bare else body})


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
