"""A deployed stage for the doctor's tests. Each part can be made to fail."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from types import SimpleNamespace
from typing import Any

import httpx
from websockets.sync.server import ServerConnection, serve

API = "https://api.stays.test/api/v1"
ISSUER = "https://tenant.auth0.test/"
FRONTEND = "https://stays.test"

Answer = tuple[int, dict[str, object]]
Page = Callable[[httpx.Request], Answer]


def preflight(request: httpx.Request) -> dict[str, str]:
    """API Gateway's answer to a preflight: it grants a frontend's origin, and nothing else."""
    origin = request.headers["origin"]
    known = {"access-control-allow-origin": origin, "access-control-allow-credentials": "true"}
    return known if origin == FRONTEND else {}


class DeployedSite(httpx.BaseTransport):
    """The answers of all HTTPS addresses. Replace a page to break it."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.preflight: Callable[[httpx.Request], dict[str, str]] = preflight
        self.pages: dict[str, Answer] = {
            f"{API}/health": (200, {"status": "ok", "version": "1.0.0"}),
            f"{API}/user/bookings": (401, {"message": "Unauthorized"}),
            f"{API}/payment/zalopay/callback": (200, {"return_code": -1, "return_message": "mac not equal"}),
            f"{ISSUER}.well-known/openid-configuration": (
                200,
                {"issuer": ISSUER, "jwks_uri": f"{ISSUER}.well-known/jwks.json"},
            ),
            f"{ISSUER}.well-known/jwks.json": (200, {"keys": [{"kty": "RSA", "use": "sig"}]}),
        }

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "OPTIONS":
            return httpx.Response(204, headers=self.preflight(request))
        page = self.pages.get(str(request.url))
        if page is None:
            raise httpx.ConnectError("nobody is there", request=request)
        return httpx.Response(page[0], json=page[1], headers=self.headers)


def answers(client: Any, operation: str, content: dict[str, Any]) -> None:
    """Give a client of AWS this answer to an operation, instead of the last one."""
    event = f"before-call.{client.meta.service_model.service_id.hyphenize()}.{operation}"
    heard = (SimpleNamespace(status_code=200), content)
    client.meta.events.unregister(event, unique_id=operation)
    client.meta.events.register_first(event, lambda **_: heard, unique_id=operation)


@contextmanager
def websocket_api(path: str = "/payment-notifications", answer: str = "PONG") -> Iterator[str]:
    """A WebSocket API with one stage. Yields its address without the stage."""

    def talk(socket: ServerConnection) -> None:
        if socket.request is None or socket.request.path != path:
            socket.close(1008)
            return
        for _ in socket:
            socket.send(json.dumps({"type": answer}))

    with serve(talk, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        port = server.socket.getsockname()[1]
        yield f"ws://127.0.0.1:{port}"
        server.shutdown()
        thread.join()
