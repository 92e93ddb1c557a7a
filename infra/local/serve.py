"""Serves an ASGI app on sockets of localhost."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from infra.local.ports import close
from infra.local.websocket_api import FRAME_LIMIT, MESSAGE_LIMIT

_GRACE = 2  # seconds that a running request has left when the server stops
_LINGER = 1.0  # seconds


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, sockets: Sequence[socket.socket]) -> AsyncIterator[int]:
    """Serve `app` in this event loop until the block ends; yields the port. The caller handles signals."""
    server = _Server(_config(app))
    running = asyncio.create_task(server.serve(list(sockets)))
    try:
        while not server.started:  # noqa: ASYNC110 (it has no event to wait for)
            await asyncio.sleep(0.005)
        yield sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await running
        close(sockets)


class _Server(uvicorn.Server):
    """One of several servers in a process, so it leaves the signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _WebSocket(WebSocketsSansIOProtocol):
    """Tells a client that is still sending why it closes. An immediate close would reset the connection."""

    _failed = False

    def handle_parser_exception(self) -> None:
        if self._failed:
            return
        self._failed = self.close_sent = True
        assert self.conn.close_sent is not None
        code, reason = self.conn.close_sent.code, self.conn.close_sent.reason
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.write_eof()  # keeps reading and drops the input until the client has closed
        self.transport.resume_reading()
        self.close_timer = self.loop.call_later(_LINGER, self.transport.close)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        cast("Any", app),
        http="h11",
        ws=_WebSocket,
        ws_max_size=cast("int", (MESSAGE_LIMIT, FRAME_LIMIT)),  # passed on to websockets, which takes a pair
        ws_ping_interval=None,  # API Gateway sends no pings
        ws_per_message_deflate=False,
        h11_max_incomplete_event_size=64 * 1024,  # so that the app can answer 431
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=_GRACE,
    )
