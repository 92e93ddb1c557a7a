"""Lets only the console's own pages in: the host is a loopback name with our port, and no other site writes."""

import hmac
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_READS = ("GET", "HEAD")
_HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


class Guard:
    """Stands before the console. With a `token`, a browser must have opened the address with it first.

    A page of another site can lead its name to this machine (DNS rebinding): its origin and host are equal then. So the
    host must be one of our own.
    """

    def __init__(self, app: ASGIApp, *, token: str | None = None, sources: str = "") -> None:
        """Allow the pages to connect to `sources`, beside their own origin."""
        self._app = app
        self._token = token
        self._policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
            f"connect-src 'self' {sources}; frame-src 'self'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI app."""
        request = Request(scope)
        refusal = self._refusal(request)
        app: ASGIApp = refusal or self._app

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                ours = _HEADERS | {"content-security-policy": self._policy}
                added = [(name.encode(), value.encode()) for name, value in ours.items() if name.encode() not in given]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await app(scope, receive, with_headers)

    def _refusal(self, request: Request) -> Response | None:
        """Return the answer for a request that may not pass, or None."""
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if host not in _own_hosts(request.scope):
            return PlainTextResponse("The host of this request is not this machine.", 403)
        if request.method not in _READS and origin != f"http://{host}":
            return PlainTextResponse("Only the console's own pages may do this.", 403)
        if self._token is None:
            return None
        return self._admission(request, self._token)

    def _admission(self, request: Request, token: str) -> Response | None:
        # Browsers send cookies to every port of a host, so the name has the port.
        cookie = f"stays_console_{request.scope['server'][1]}"
        given = parse_qs(request.url.query).get("token", [""])[0]
        if given and hmac.compare_digest(given.encode(), token.encode()):
            answer = RedirectResponse(request.url.path, 303)
            answer.set_cookie(cookie, token, httponly=True, samesite="strict")
            return answer
        if hmac.compare_digest(request.cookies.get(cookie, "").encode(), token.encode()):
            return None
        return PlainTextResponse("Open the address that `make console` printed: it has the token.", 403)


def _own_hosts(scope: Scope) -> set[str]:
    port = scope["server"][1]
    return {f"{name}:{port}" for name in _LOOPBACK}
