"""A deadline for a whole call. httpx's own time-outs begin again with every piece of an answer."""

import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any

import httpcore
import httpx

_END: ContextVar[float] = ContextVar("end")  # the deadline of the present call in this thread (monotonic clock)


@contextmanager
def deadline(at: float) -> Iterator[None]:
    """Calls that this thread sends in this block end at this time, answered or not (monotonic clock).

    They must use the `DeadlineTransport` transport.
    """
    token = _END.set(at)
    try:
        yield
    finally:
        _END.reset(token)


def _left(timeout: float | None) -> float:
    """How long the next step may wait, in seconds. Raises httpcore.ReadTimeout when the time is over."""
    left = _END.get() - monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time of the whole call is over")
    return min(left, timeout or left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "_Stream":
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Network(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> _Stream:
        """Connect to the first of the host's addresses that answers. Only the name lookup has the system's time-out."""
        failed: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in _addresses(host, port):
            try:
                return _Stream(super().connect_tcp(address, port, _left(timeout), local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed


def _addresses(host: str, port: int) -> list[str]:
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []


class DeadlineTransport(httpx.BaseTransport):
    """HTTP whose calls end at the time of `deadline`. Raises httpx.TransportError, like httpx's own transport."""

    def __init__(self, trusted: ssl.SSLContext | None = None) -> None:
        """`trusted` has the accepted authorities; by default the usual ones."""
        trusted = trusted or httpx.create_ssl_context()
        self._pool = httpcore.ConnectionPool(trusted, keepalive_expiry=5.0, network_backend=_Network())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The whole answer, read to its end."""
        try:
            answer = self._pool.request(
                request.method,
                str(request.url),
                headers=request.headers.raw,
                content=request.read(),
                extensions=request.extensions,
            )
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise getattr(httpx, type(error).__name__, httpx.TransportError)(str(error)) from error
        return httpx.Response(answer.status, headers=answer.headers, content=answer.content)

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._pool.close()
