"""What the gateways need beside Starlette: the types of their callables, and requests as API Gateway reads them."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope

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


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes | None:
    """Return the whole body. None if it has more than `limit` bytes, or if the client left before its end."""
    try:
        body = await Request(scope, receive).body()
    except ClientDisconnect:
        return None
    return body if len(body) <= limit else None


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
