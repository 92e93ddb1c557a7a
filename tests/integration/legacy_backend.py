"""A small legacy backend on a free port: it keeps each request's bytes, and sends the given answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import NamedTuple

Pairs = list[tuple[bytes, bytes]]


class Heard(NamedTuple):
    """A request as received."""

    method: str
    target: str
    headers: Pairs
    body: bytes

    def values(self, name: bytes) -> list[bytes]:
        return [value for each, value in self.headers if each == name]


class Said(NamedTuple):
    """An answer as received."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        return [value for each, value in self.headers if each.lower() == name]


class LegacyBackend(ThreadingTCPServer):
    """`answer` is sent as it is, with a `pause` between its bytes. Without an answer it stays silent until its end."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.address = f"http://localhost:{self.server_address[1]}/api/v1"
        self.ended = threading.Event()
        self.forget()

    def forget(self) -> None:
        """Forget the requests, and answer a plain 200 again."""
        self.heard: list[Heard] = []
        self.answer: bytes | None = answer()
        self.pause = 0.0  # seconds

    def only(self) -> Heard:
        """The one received request."""
        (one,) = self.heard
        return one


class _Request(StreamRequestHandler):
    server: LegacyBackend

    def handle(self) -> None:
        line = self.rfile.readline().decode("latin-1").split()
        headers: Pairs = []
        while (read := self.rfile.readline().rstrip(b"\r\n")) != b"":
            name, _, value = read.partition(b":")
            headers.append((name.lower(), value.strip()))
        length = int(dict(headers).get(b"content-length", b"0"))
        self.server.heard.append(Heard(line[0], line[1], headers, self.rfile.read(length)))
        if self.server.answer is None:
            self.server.ended.wait()
        elif self.server.pause:
            self._trickle(self.server.answer)
        else:
            self.wfile.write(self.server.answer)

    def _trickle(self, said: bytes) -> None:
        with suppress(OSError):  # so that the other end does not wait
            for byte in said:
                self.wfile.write(bytes([byte]))
                if self.server.ended.wait(self.server.pause):
                    return


def answer(status: str = "200 OK", *headers: bytes, body: bytes = b"") -> bytes:
    lines = [b"HTTP/1.1 " + status.encode(), *headers, b"Content-Length: %d" % len(body), b"Connection: close"]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@contextmanager
def legacy_backend() -> Iterator[LegacyBackend]:
    with LegacyBackend() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.ended.set()
        running.shutdown()
        thread.join()


def call(
    port: int, method: str, target: str, headers: list[tuple[str, str]] | None = None, body: bytes | None = None
) -> Said:
    """Send a request byte by byte as given. HTTP clients would normalize it."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers or []:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return Said(response.status, response.getheaders(), response.read())
    finally:
        connection.close()
