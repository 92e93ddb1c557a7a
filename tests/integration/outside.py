"""The services around the functions, over real HTTP: ZaloPay's simulator, the management API, a token issuer."""

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
    """The management API and the token issuer. It passes ZaloPay's callbacks to `on_callback`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.issuer = Issuer(f"{self.url}/", AUDIENCE)
        self.frames: dict[str, list[Any]] = {}
        self.unwilling: set[str] = set()
        self.busy: dict[str, int] = {}
        self.broken: dict[str, int] = {}
        self.ended: list[str] = []
        self.posts: list[str] = []
        self.on_post: Callable[[str], None] = lambda connection_id: None
        self.on_callback: Callable[[bytes], str] = lambda body: ""
        self.callback_refused = False

    def forget(self):
        """Forget all connections."""
        self.frames.clear()
        for each in (self.unwilling, self.busy, self.broken, self.ended, self.posts):
            each.clear()
        self.on_post = lambda connection_id: None


class Answering(BaseHTTPRequestHandler):
    """One request to the services."""

    server: Neighbour

    def log_message(self, *_):
        """Log nothing."""

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
        """Whether a connection can be reached. If not, answer the refusal."""
        server = self.server
        if connection_id in server.unwilling:
            self.answer(403, "{}", "ForbiddenException")
        elif server.busy.get(connection_id):
            server.busy[connection_id] -= 1
            self.answer(429, "{}", "LimitExceededException")
        elif server.broken.get(connection_id):
            server.broken[connection_id] -= 1
            self.answer(500, "{}", "InternalServerError")
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
    """The services, until the block ends."""
    server = Neighbour()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def served(make: Callable[[str], Starlette]) -> Iterator[str]:
    """Serve an ASGI app on a free port. `make` gets its address."""
    # With IPPROTO_TCP asyncio knows that it is TCP. Otherwise the second write of an answer waits for 40 ms.
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
    sys.settrace(None)  # no code that is measured for coverage runs in this thread
    server.run([listening])


class ZaloPay:
    """The simulator's own calls: act as the payer, read the ledger, switch faults."""

    def __init__(self, url: str):
        self.url = url
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=10)

    def close(self):
        """Close the client."""
        self._http.close()

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self._http.request(method, f"/simulator{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def forget(self):
        """Delete all orders."""
        self._call("DELETE", "")

    def orders(self) -> list[dict[str, Any]]:
        """All orders, oldest first."""
        return self._call("GET", "/orders")["orders"]

    def order(self, app_trans_id: str) -> dict[str, Any]:
        """One order."""
        return self._call("GET", f"/orders/{app_trans_id}")

    def pay(self, app_trans_id: str, **how: Any) -> dict[str, Any]:
        """Pay as the payer; the callback is sent."""
        return self._call("POST", f"/orders/{app_trans_id}/pay", how)

    def decline(self, app_trans_id: str) -> dict[str, Any]:
        """Fail one attempt to pay."""
        return self._call("POST", f"/orders/{app_trans_id}/decline")

    def cancel(self, app_trans_id: str) -> dict[str, Any]:
        """Give up as the payer."""
        return self._call("POST", f"/orders/{app_trans_id}/cancel")

    def answer(self, app_trans_id: str, **answer: Any):
        """Set query's answer about an order. Without arguments, query tells the truth again."""
        self._call("POST", f"/orders/{app_trans_id}/answer", answer)

    def call_back(self, app_trans_id: str, **how: Any) -> list[dict[str, Any]]:
        """Send the callback again. Returns the answers."""
        return self._call("POST", f"/orders/{app_trans_id}/callback", how)["callbacks"]

    def fault(self, name: str, **how: Any):
        """Switch a fault on or off."""
        self._call("POST", "/faults", {"fault": name, **how})

    def sign_with(self, key2: str):
        """Sign callbacks with another key from now on."""
        self._call("POST", "/keys", {"key2": key2})


def token_in(order_url: str) -> str:
    """The order parameter of an order's address."""
    found = re.search(r"order=([A-Za-z0-9+/=]+)", order_url)
    assert found
    return found[1]
