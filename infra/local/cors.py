"""Cross-origin rules as API Gateway's HTTP API applies them."""

from typing import NamedTuple

from starlette.types import Message, Scope, Send

from infra.local.asgi import header
from infra.local.events import Headers


class Cors(NamedTuple):
    """The browser calls that the gateway allows. Origins are explicit, because credentials are allowed."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    max_age: int = 0  # seconds


def is_preflight(scope: Scope) -> bool:
    """Say whether this request is a browser's preflight."""
    return scope["method"] == "OPTIONS" and bool(header(scope, "access-control-request-method"))


def preflight_headers(cors: Cors, scope: Scope) -> Headers:
    """Return the headers that grant the preflight. If any part of it is not allowed, return none of them."""
    wanted = {name.strip().lower() for name in header(scope, "access-control-request-headers").split(",")} - {""}
    granted = _granted(cors, scope)
    method = header(scope, "access-control-request-method")
    if not granted or method not in cors.methods or not wanted <= {name.lower() for name in cors.headers}:
        return (("vary", "Origin"),)
    return (
        ("vary", "Origin"),
        *granted,
        ("access-control-allow-methods", ",".join(cors.methods)),
        ("access-control-allow-headers", ",".join(cors.headers)),
        ("access-control-max-age", str(cors.max_age)),
    )


def with_cors(cors: Cors, scope: Scope, send: Send) -> Send:
    """Wrap `send`: add the gateway's CORS headers to each response and drop those that a function set."""
    ours = [(name.encode(), value.encode()) for name, value in (("vary", "Origin"), *_granted(cors, scope))]

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message.get("headers", [])
            kept = [(name, value) for name, value in headers if not name.lower().startswith(b"access-control-")]
            message = {**message, "headers": kept + ours}
        await send(message)

    return with_headers


def _granted(cors: Cors, scope: Scope) -> Headers:
    origin = header(scope, "origin")
    if origin not in cors.origins:
        return ()
    return (("access-control-allow-origin", origin), ("access-control-allow-credentials", "true"))
