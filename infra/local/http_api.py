"""API Gateway's HTTP API on localhost: routes, JWT authorizer, CORS and limits in front of the functions."""

import asyncio
import base64
import json
import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.local.asgi import Authorize, Clock, Invoke, header, read_body, real_time, source_ip, text_headers
from infra.local.cors import Cors, is_preflight, preflight_headers, with_cors
from infra.local.events import Answer, BadAnswer, Request, http_answer, http_event
from infra.local.legacy import Legacy, RawHeaders, TooLong, Unreachable
from infra.local.routing import route_for, route_key
from infra.local.runtime_api import FunctionError
from infra.topology import LEGACY, LEGACY_ROUTES, Route

BODY_LIMIT = 10 * 1024 * 1024  # bytes
HEAD_LIMIT = 10_240  # bytes of request line and headers

_log = logging.getLogger(__name__)
_NO_APPS: Mapping[str, ASGIApp] = MappingProxyType({})


class Unauthorized(Exception):
    """The token is not valid; the message says why. Raised by `authorize`."""


class Forbidden(Exception):
    """The token is valid but does not allow this. Raised by `authorize`."""


class Exchange(NamedTuple):
    """A request and its answer. `function` is empty, and `why` says the reason, if the gateway refused it itself."""

    request: Request
    answer: Answer
    function: str
    request_id: str
    ms: float
    claims: Mapping[str, Any] | None
    why: str


Seen = Callable[[Exchange], None]


def _ignore(_: Exchange) -> None:
    """Do nothing with an exchange."""


def http_api(
    invoke: Invoke,
    routes: Sequence[Route],
    authorize: Authorize,
    cors: Cors,
    *,
    extra: Mapping[str, ASGIApp] = _NO_APPS,
    legacy: Legacy | None = None,
    timeout: float = 30,
    clock: Clock = real_time,
    seen: Seen = _ignore,
) -> ASGIApp:
    """Return the HTTP API as an ASGI app.

    Each route that is not public calls `authorize` in a thread. `extra` maps a path to an ASGI app, which also gets
    every path below it, except below `/`. The gateway serves that app before the API, without the authorizer and with
    the same CORS. `legacy` gets the topology's legacy paths, also without the authorizer. `timeout` is in seconds.
    `seen` hears every exchange of the API.
    """
    api = _HttpApi(invoke, routes, authorize, legacy=legacy, timeout=timeout, clock=clock, seen=seen)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if is_preflight(scope):
            await Response(None, 204, dict(preflight_headers(cors, scope)))(scope, receive, send)
            return
        send = with_cors(cors, scope, send)
        if other := _app_for(extra, scope["path"]):
            await other(scope, receive, send)
        else:
            await api.serve(scope, receive, send)

    return app


class _Refused(Exception):
    """The gateway refuses the request and answers it itself."""

    def __init__(self, status: int, message: str, *headers: tuple[str, str], why: str = "") -> None:
        super().__init__(status, message)
        self.why = why or message
        body = json.dumps({"message": message}, separators=(",", ":")).encode()
        self.answer = Answer(status, (("content-type", "application/json"), *headers), body)


class _Call:
    """What is known of a request so far."""

    def __init__(self) -> None:
        self.request: Request | None = None
        self.function = ""
        self.claims: Mapping[str, Any] | None = None
        self.why = ""


class _HttpApi:
    def __init__(
        self,
        invoke: Invoke,
        routes: Sequence[Route],
        authorize: Authorize,
        *,
        legacy: Legacy | None,
        timeout: float,
        clock: Clock,
        seen: Seen,
    ) -> None:
        self._seen = seen
        self._invoke = invoke
        self._routes = (*routes, *LEGACY_ROUTES) if legacy else routes
        self._authorize = authorize
        self._legacy = legacy
        self._timeout = timeout
        self._clock = clock

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, request_id, call = time.monotonic(), _request_id(), _Call()
        try:
            answer = await self._answer(scope, receive, request_id, call)
        except _Refused as refused:
            answer, call.why = refused.answer, refused.why
        except Exception:  # noqa: BLE001 (the outermost edge)
            _log.exception("%s %s", scope["method"], scope["path"])
            answer = _Refused(500, "Internal Server Error").answer
        took = 1000 * (time.monotonic() - began)
        request = call.request or _bare_request(scope)
        self._seen(Exchange(request, answer, call.function, request_id, took, call.claims, call.why))
        await _response(answer, request_id, head=scope["method"] == "HEAD")(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, request_id: str, call: _Call) -> Answer:
        request = call.request = await _request(scope, receive)
        found = route_for(self._routes, request.method, request.path)
        if found is None:
            raise _Refused(404, "Not Found")
        route, path_parameters = found
        call.function = route.function
        if self._legacy and route.function == LEGACY:
            return await _passed_on(self._legacy, request, scope["headers"])
        claims = call.claims = None if route.public else await self._claims(header(scope, "authorization"))
        event = http_event(
            request,
            route_key=route_key(route),
            path_parameters=path_parameters,
            claims=claims,
            request_id=request_id,
            now=self._clock(),
        )
        return await self._integrate(route.function, event)

    async def _claims(self, authorization: str) -> Mapping[str, Any]:
        token = re.sub(r"(?i)^bearer\b", "", authorization).strip()  # a token without the scheme is also valid
        if not token:
            raise _Refused(401, "Unauthorized", ("www-authenticate", "Bearer"), why="there is no token")
        try:
            # A thread, because the authorizer may have to fetch keys, even from this very server.
            return await asyncio.to_thread(self._authorize, token)
        except Unauthorized as error:
            reason = str(error).encode("ascii", "replace").decode().replace('"', "'").replace("\n", " ")
            challenge = f'Bearer scope="" error="invalid_token" error_description="{reason}"'
            raise _Refused(401, "Unauthorized", ("www-authenticate", challenge), why=str(error)) from error
        except Forbidden as error:
            raise _Refused(403, "Forbidden", why=str(error)) from error

    async def _integrate(self, function: str, event: Mapping[str, Any]) -> Answer:
        try:
            return http_answer(await asyncio.wait_for(self._invoke(function, event), self._timeout))
        except TimeoutError:
            raise _Refused(503, "Service Unavailable", why=f"no answer in {self._timeout:g} s") from None
        except FunctionError as error:
            raise _Refused(500, "Internal Server Error", why=f"{error.type}: {error.message}") from error
        except BadAnswer as error:
            _log.error("%s: %s", function, error)
            raise _Refused(500, "Internal Server Error") from error


def _response(answer: Answer, request_id: str, *, head: bool) -> Response:
    """Return the answer as a response. Starlette computes its length, but HEAD has none: only GET's is known."""
    headers = (*answer.headers, ("apigw-requestid", request_id))
    response = Response(None if head or answer.status in (204, 304) else answer.body, answer.status)
    length = [] if head else response.raw_headers
    response.raw_headers = [(name.encode(), value.encode(errors="surrogateescape")) for name, value in headers] + length
    return response


async def _passed_on(legacy: Legacy, request: Request, headers: RawHeaders) -> Answer:
    try:
        return await legacy.ask(request, headers)
    except TimeoutError:
        raise _Refused(504, "Gateway Timeout") from None
    except Unreachable as error:
        _log.error("legacy backend: %s", error)
        raise _Refused(503, "Service Unavailable") from error
    except TooLong as error:
        _log.error("legacy backend: %s", error)
        raise _Refused(500, "Internal Server Error") from error


async def _request(scope: Scope, receive: Receive) -> Request:
    headers = text_headers(scope)
    path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
    head = len(scope["method"]) + len(path) + len(query) + sum(len(n) + len(v) + 4 for n, v in scope["headers"])
    body = await read_body(scope, receive, BODY_LIMIT)
    if head > HEAD_LIMIT:
        raise _Refused(431, "Request Header Fields Too Large")
    if body is None:
        raise _Refused(413, "Request Entity Too Large")
    return Request(
        scope["method"],
        path,
        query,
        headers,
        body,
        source_ip(scope),
        f"HTTP/{scope['http_version']}",
    )


def _bare_request(scope: Scope) -> Request:
    """Return a request that was refused before its body was read."""
    path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
    return Request(scope["method"], path, query, text_headers(scope), b"", source_ip(scope))


def _app_for(extra: Mapping[str, ASGIApp], path: str) -> ASGIApp | None:
    def owns(own: str) -> bool:
        return path == own or (own != "/" and path.startswith(f"{own.rstrip('/')}/"))

    return next((app for own, app in extra.items() if owns(own)), None)


def _request_id() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()
