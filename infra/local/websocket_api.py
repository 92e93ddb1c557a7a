"""API Gateway's WebSocket API on localhost, with its management API beside it."""

import asyncio
import base64
import json
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from infra.local.asgi import Clock, Invoke, header, read_body, real_time, source_ip, text_headers
from infra.local.events import (
    BadAnswer,
    Client,
    connect_event,
    disconnect_event,
    message_event,
    selected_route,
    status_code,
)
from infra.local.runtime_api import FunctionError

MESSAGE_LIMIT = 128 * 1024  # bytes
FRAME_LIMIT = 32 * 1024  # bytes

_log = logging.getLogger(__name__)
_Hear = Callable[["_Connection", str], Awaitable[None]]
_Told = Callable[[str, str, bool], None]  # (connection, message, whether it was sent)
_SEND_SECONDS = 10  # seconds; a client that reads nothing for so long is disconnected


def _unheard(_connection: str, _message: str, _sent: bool) -> None:
    """Do nothing with a message."""


class WebSocketApi:
    """One WebSocket API. `serving` gives its `app` its own port and keeps the frame limits.

    `/{stage}` is the API. A WebSocket to any other path is accepted and its messages are ignored.
    `[/{stage}]/@connections/{id}` is the management API. All times are in seconds.
    """

    def __init__(
        self,
        invoke: Invoke,
        routes: Mapping[str, str],  # route key -> function
        *,
        stage: str,
        selection: str = "$request.body.type",
        idle: float = 600,
        lifetime: float = 7200,
        timeout: float = 29,
        clock: Clock = real_time,
        told: _Told = _unheard,
    ) -> None:
        self._told = told
        self._invoke = invoke
        self._routes = routes
        self._stage = stage
        self._selection = selection
        self._idle = idle
        self._lifetime = lifetime
        self._timeout = timeout
        self._clock = clock
        self._open: dict[str, _Connection] = {}
        self._managed = re.compile(rf"(?:/{re.escape(stage)})?/@connections/([^/]+)")

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI app."""
        if scope["type"] == "http":
            await self._manage(scope, receive, send)
        elif scope["path"].rstrip("/") == f"/{self._stage}":
            await self._converse(scope, receive, send)
        else:
            await receive()
            stranger = _Connection(self._client(scope), send, self._clock)
            if await stranger.accept():
                await self._listen(stranger, receive, _ignore)

    async def hang_up(self) -> None:
        """Close every connection, so that the pages connect again."""
        for connection in list(self._open.values()):
            await connection.close(1001, "Going away")

    async def _converse(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        connection = _Connection(self._client(scope), send, self._clock)
        refusal = await self._refusal(connection.client, scope)
        if refusal is not None:
            await Response(status_code=refusal)(scope, receive, send)
            return
        code, reason = 1006, ""
        if await connection.accept():
            code, reason = await self._talk(connection, receive)
        event = disconnect_event(connection.client, code, reason, request_id=_new_id(), now=self._clock())
        await self._run("$disconnect", event)

    async def _talk(self, connection: "_Connection", receive: Receive) -> tuple[int, str]:
        self._open[connection.client.connection_id] = connection
        try:
            return await self._listen(connection, receive, self._hear)
        finally:
            self._open.pop(connection.client.connection_id, None)

    async def _refusal(self, client: Client, scope: Scope) -> int | None:
        """Return the status that refuses the handshake, or None."""
        if "$connect" not in self._routes:
            return None
        query = scope["query_string"].decode("latin-1")
        event = connect_event(client, text_headers(scope), query, request_id=_new_id(), now=self._clock())
        try:
            status = status_code(await self._run("$connect", event))
        except BadAnswer:
            return 502
        return None if status in range(200, 300) else status

    async def _listen(self, connection: "_Connection", receive: Receive, hear: _Hear) -> tuple[int, str]:
        """Pass on each incoming message, one after the other, until the end. Return the close code and reason."""
        end = _now() + self._lifetime
        while (wait := min(end, connection.active_at + self._idle) - _now()) > 0:
            try:
                async with asyncio.timeout(wait):
                    message = await receive()
            except TimeoutError:
                continue  # the loop computes the time again: a message sent meanwhile extends it
            if message["type"] == "websocket.disconnect":
                return message.get("code", 1005), message.get("reason") or ""
            connection.touch()
            if message.get("text") is None:
                return await connection.close(1003, "Binary is not supported")
            await hear(connection, message["text"])
        return await connection.close(1001, "Going away")

    async def _hear(self, connection: "_Connection", text: str) -> None:
        request_id, client = _new_id(), connection.client
        route = selected_route(self._selection, text, self._routes)
        if route is None:
            await connection.complain("Forbidden", request_id)
            return
        event = message_event(client, route, text, request_id=request_id, now=self._clock())
        try:
            async with asyncio.timeout(self._timeout):
                await self._invoke(self._routes[route], event)
        except TimeoutError:
            await connection.complain("Endpoint request timed out", request_id)
        except FunctionError:
            await connection.complain("Internal server error", request_id)

    async def _run(self, route: str, event: Mapping[str, Any]) -> Any:
        """Return the answer of the route's function, or None if it failed."""
        if route not in self._routes:
            return None
        try:
            async with asyncio.timeout(self._timeout):
                return await self._invoke(self._routes[route], event)
        except (FunctionError, TimeoutError) as error:
            _log.warning("%s: %s", route, error)
            return None

    async def _manage(self, scope: Scope, receive: Receive, send: Send) -> None:
        payload = await read_body(scope, receive, MESSAGE_LIMIT)
        answer = await self._managed_answer(scope["method"], scope["path"], payload)
        await answer(scope, receive, send)

    async def _managed_answer(self, method: str, path: str, payload: bytes | None) -> Response:
        found = self._managed.fullmatch(path)
        connection = self._open.get(found[1]) if found else None
        if not found or method not in ("POST", "GET", "DELETE"):
            return _error(403, "Forbidden", "ForbiddenException")
        if payload is None:
            return _error(413, "Payload too large", "PayloadTooLargeException")
        if connection is None:
            return _GONE
        if method == "POST":
            text = payload.decode(errors="replace")
            sent = await connection.say(text)
            self._told(found[1], text, sent)
            return Response(media_type="application/json") if sent else _GONE
        if method == "GET":
            return JSONResponse(connection.description())
        self._open.pop(found[1], None)
        await connection.close(1000, "")
        return Response(status_code=204, media_type="application/json")

    def _client(self, scope: Scope) -> Client:
        domain, agent = header(scope, "host"), header(scope, "user-agent")
        return Client(_new_id(), self._clock(), source_ip(scope), agent, domain, self._stage)


class _Connection:
    """An open WebSocket, and the time of its last use."""

    def __init__(self, client: Client, send: Send, clock: Clock) -> None:
        self.client = client
        self._send = send
        self._clock = clock
        self.touch()

    def touch(self) -> None:
        self.active_at = _now()
        self._last_active_at = self._clock()

    async def accept(self) -> bool:
        """Complete the handshake; False if the client has gone."""
        return await self._sent({"type": "websocket.accept"})

    async def say(self, text: str) -> bool:
        """Send a message; False if the client has gone."""
        sent = await self._sent({"type": "websocket.send", "text": text})
        self.touch()
        return sent

    async def complain(self, message: str, request_id: str) -> None:
        about = {
            "message": message,
            "connectionId": self.client.connection_id,
            "requestId": request_id,
        }
        await self.say(json.dumps(about))

    async def close(self, code: int, reason: str) -> tuple[int, str]:
        await self._sent({"type": "websocket.close", "code": code, "reason": reason})
        return code, reason

    def description(self) -> dict[str, Any]:
        return {
            "connectedAt": self.client.connected_at.isoformat(timespec="milliseconds"),
            "identity": {"sourceIp": self.client.source_ip, "userAgent": self.client.user_agent},
            "lastActiveAt": self._last_active_at.isoformat(timespec="milliseconds"),
        }

    async def _sent(self, message: Message) -> bool:
        try:
            await asyncio.wait_for(self._send(message), _SEND_SECONDS)
        except (OSError, RuntimeError):  # gone, closing, or not reading (TimeoutError is an OSError)
            return False
        return True


async def _ignore(connection: _Connection, text: str) -> None:
    """Ignore a message on another path: the frontend also writes to the root path, which has no API."""


def _error(status: int, message: str, name: str) -> Response:
    return JSONResponse({"message": message}, status, {"x-amzn-errortype": name})


_GONE = _error(410, "Gone", "GoneException")


def _new_id() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()


def _now() -> float:
    return asyncio.get_running_loop().time()
