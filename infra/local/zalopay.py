"""What the local run adds around ZaloPay's simulator: a record of each call, and the way back from the pay page."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Told = Callable[[str, Mapping[str, Any], Any, int, float], None]  # (call, asked, answer, status, milliseconds)

_API = "/v2/"
_PATIENCE = 0.3  # seconds until a frontend that does not answer counts as absent


def recorded(simulator: ASGIApp, told: Told) -> ASGIApp:
    """Wrap the simulator: `told` hears of each call of ZaloPay's API."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_API):
            await simulator(scope, receive, send)
            return
        call, began = _Call(receive, send), time.perf_counter()
        try:
            await simulator(scope, call.receive, call.send)
        finally:
            asked = _asked(call.asked)
            milliseconds = 1000 * (time.perf_counter() - began)
            told(scope["path"].removeprefix(_API), asked, _read(call.answer), call.status, milliseconds)

    return app


class _Call:
    """Passes the messages of one request on, and keeps both bodies."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.asked = self.answer = b""
        self.status = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self.asked += message.get("body", b"")
        return message

    async def send(self, message: Message) -> None:
        self.status = message.get("status", self.status)
        self.answer += message.get("body", b"")
        await self._send(message)


def _asked(body: bytes) -> Mapping[str, Any]:
    """Return the fields of a call, which come as JSON or as a form."""
    read = _read(body)
    return read if isinstance(read, dict) else dict(parse_qsl(body.decode(errors="replace")))


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def way_back(frontend: str, console: str) -> Callable[[str], Awaitable[str]]:
    """Return where ZaloPay's page leads: to the shop's address, or to the stay in the console if no frontend runs."""

    async def onward(url: str) -> str:
        if not url.startswith(frontend) or await _listens(frontend):
            return url
        return f"{console}/stay/{urlsplit(url).path.rpartition('/')[2]}"

    return onward


async def _listens(url: str) -> bool:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 80)
    try:
        async with asyncio.timeout(_PATIENCE):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
