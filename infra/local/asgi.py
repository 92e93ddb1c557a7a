"""The types of ASGI, and what the gateway asks of its surroundings."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

Invoke = Callable[[str, Mapping[str, Any]], Awaitable[Any]]  # function, event -> what the handler returned
Authorize = Callable[[str], Mapping[str, Any]]  # token -> its claims, or Unauthorized; called in a thread
Clock = Callable[[], datetime]  # the present, aware


def real_time() -> datetime:
    """The clock of the machine."""
    return datetime.now(UTC)


def text_headers(scope: Scope) -> tuple[tuple[str, str], ...]:
    """The request's headers as text: UTF-8 where it is, Latin-1 as HTTP has it otherwise."""
    return tuple((_text(name), _text(value)) for name, value in scope["headers"])


def header(scope: Scope, name: str) -> str:
    """One header of the request, or an empty string."""
    return next((value for key, value in text_headers(scope) if key.lower() == name), "")


def source_ip(scope: Scope) -> str:
    """Who calls; `localhost` is one address, be it reached by IPv4 or by IPv6."""
    address: str = (scope.get("client") or ("127.0.0.1", 0))[0]
    address = address.removeprefix("::ffff:")
    return "127.0.0.1" if address == "::1" or address.startswith("127.") else address


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """The whole body, or None where it is longer than `limit` bytes (it is read to its end all the same)."""
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
    """Send a whole response with its length; to HEAD neither the body nor a length, which is known of GET alone."""
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
