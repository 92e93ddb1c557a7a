"""A server in AWS's place: it answers as it is told, and keeps every request as it came over the wire."""

import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, NamedTuple


class Received(NamedTuple):
    """One request, and the connection that it came over."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


class Reply(NamedTuple):
    """What the server answers. `seconds` pass before it, then as many again before each byte of its body."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}
    seconds: float = 0
    trickling: float = 0


class Server(ThreadingHTTPServer):
    """Answers with the replies in turn, or by `decide`; without either with an empty object."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[Received] = []
        self.replies: deque[Reply] = deque()
        self.decide: Callable[[Received], Reply] = lambda _: self.replies.popleft() if self.replies else Reply()
        self.lock = Lock()
        self.open = 0
        self.most_open = 0
        self.sockets: list[socket.socket] = []
        self.over = Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def get_request(self) -> tuple[socket.socket, Any]:
        accepted = super().get_request()
        self.sockets.append(accepted[0])
        return accepted

    def handle_error(self, *_: Any) -> None:
        """Silence: a client has gone."""

    def hang_up(self) -> None:
        """Close every connection that clients keep."""
        for each in self.sockets:
            each.shutdown(socket.SHUT_RDWR)
        self.sockets.clear()
        time.sleep(0.05)


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        got = Received(self.command, self.path, dict(self.headers), body, self.client_address[1])
        with self.server.lock:
            self.server.received.append(got)
            self.server.open += 1
            self.server.most_open = max(self.server.most_open, self.server.open)
            reply = self.server.decide(got)
        try:
            self.server.over.wait(reply.seconds)
            self.answer(reply)
        finally:
            with self.server.lock:
                self.server.open -= 1

    do_DELETE = do_PUT = do_POST  # noqa: N815  # the names that http.server looks for

    def answer(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in {**reply.headers, "content-length": str(len(reply.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        for position in range(len(reply.body)) if reply.trickling else ():
            self.wfile.write(reply.body[position : position + 1])
            self.server.over.wait(reply.trickling)
        if not reply.trickling:
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    with server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()
