"""What stands around the functions: ZaloPay's simulator, the management API, an issuer of tokens: real HTTP."""

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, IPPROTO_TCP, SOCK_STREAM, socket
from typing import Any
from urllib.parse import unquote

import httpx
import uvicorn
from starlette.applications import Starlette

from infra.local.identity import Issuer

AUDIENCE = "stays-api"
CALLBACK = "/api/v1/payment/zalopay/callback"


class Neighbour(ThreadingHTTPServer):
    """Plays the management API and the issuer, and hands ZaloPay's callbacks to whoever listens."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.issuer = Issuer(f"{self.url}/", AUDIENCE)
        self.frames: dict[str, list[Any]] = {}
        self.unwilling: set[str] = set()
        self.busy: dict[str, int] = {}
        self.ended: list[str] = []
        self.posts: list[str] = []
        self.on_post: Callable[[str], None] = lambda connection_id: None
        self.on_callback: Callable[[bytes], str] = lambda body: ""
        self.callback_refused = False

    def forget(self):
        """Nobody is connected."""
        self.frames.clear()
        for each in (self.unwilling, self.busy, self.ended, self.posts):
            each.clear()
        self.on_post = lambda connection_id: None


class Answering(BaseHTTPRequestHandler):
    """One request to the neighbour."""

    server: Neighbour

    def log_message(self, *_):
        """Nobody reads along."""

    def do_GET(self):
        self.answer(200, json.dumps(self.server.issuer.jwks()))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == CALLBACK:
            self.answer(200, self.server.on_callback(body))
        else:
            self.deliver(unquote(self.path.removeprefix("/@connections/")), body)

    def do_DELETE(self):
        connection_id = unquote(self.path.removeprefix("/@connections/"))
        if self.willing(connection_id):
            self.server.ended.append(connection_id)
            self.answer(204, "")

    def deliver(self, connection_id: str, body: bytes):
        self.server.posts.append(connection_id)
        self.server.on_post(connection_id)
        if self.willing(connection_id):
            self.server.frames[connection_id].append(json.loads(body))
            self.answer(200, "")

    def willing(self, connection_id: str) -> bool:
        """Whether a connection can be reached; where not, the refusal has been answered."""
        server = self.server
        if connection_id in server.unwilling:
            self.answer(403, "{}", "ForbiddenException")
        elif server.busy.get(connection_id):
            server.busy[connection_id] -= 1
            self.answer(429, "{}", "LimitExceededException")
        elif connection_id not in server.frames or connection_id in server.ended:
            self.answer(410, "{}", "GoneException")
        else:
            return True
        return False

    def answer(self, status: int, body: str, error: str | None = None):
        content = body.encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        if error:
            self.send_header("x-amzn-ErrorType", error)
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def neighbour() -> Iterator[Neighbour]:
    """The neighbour, answering until the end."""
    server = Neighbour()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def served(make: Callable[[str], Starlette]) -> Iterator[str]:
    """An ASGI app on a free port, made for its own address."""
    # Named, or asyncio would not see that it is TCP, and the second write of an answer would wait for 40 ms.
    listening = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(make(url), log_level="critical", lifespan="off"))
    thread = threading.Thread(target=_run, args=(server, listening), daemon=True)
    thread.start()
    yield url
    server.should_exit = True
    thread.join()
    listening.close()


def _run(server: uvicorn.Server, listening: socket):
    sys.settrace(None)  # none of our code that is measured runs in this thread
    server.run([listening])


class ZaloPay:
    """The simulator's own calls: the payer, the ledger, the faults."""

    def __init__(self, url: str):
        self.url = url
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=10)

    def close(self):
        """No more calls."""
        self._http.close()

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self._http.request(method, f"/simulator{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def forget(self):
        """An empty ZaloPay."""
        self._call("DELETE", "")

    def orders(self) -> list[dict[str, Any]]:
        """All orders, oldest first."""
        return self._call("GET", "/orders")["orders"]

    def order(self, app_trans_id: str) -> dict[str, Any]:
        """One order."""
        return self._call("GET", f"/orders/{app_trans_id}")

    def pay(self, app_trans_id: str, **how: Any) -> dict[str, Any]:
        """The payer pays, and the callback is sent."""
        return self._call("POST", f"/orders/{app_trans_id}/pay", how)

    def decline(self, app_trans_id: str) -> dict[str, Any]:
        """One attempt fails."""
        return self._call("POST", f"/orders/{app_trans_id}/decline")

    def cancel(self, app_trans_id: str) -> dict[str, Any]:
        """The payer gives up."""
        return self._call("POST", f"/orders/{app_trans_id}/cancel")

    def answer(self, app_trans_id: str, **answer: Any):
        """Query says exactly this of an order from now on; with nothing given, the truth again."""
        self._call("POST", f"/orders/{app_trans_id}/answer", answer)

    def call_back(self, app_trans_id: str, **how: Any) -> list[dict[str, Any]]:
        """The callback once more; what was answered."""
        return self._call("POST", f"/orders/{app_trans_id}/callback", how)["callbacks"]

    def fault(self, name: str, **how: Any):
        """Switch a fault."""
        self._call("POST", "/faults", {"fault": name, **how})

    def sign_with(self, key2: str):
        """Another key from now on."""
        self._call("POST", "/keys", {"key2": key2})


def token_in(order_url: str) -> str:
    """The order parameter of an order's address."""
    found = re.search(r"order=([A-Za-z0-9+/=]+)", order_url)
    assert found
    return found[1]
