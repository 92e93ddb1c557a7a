"""The developer's routes to a running system: /dev, and the documents of the local issuer."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local.asgi import Invoke
from infra.local.bus import Bus, Undelivered
from infra.local.clock import MovedClock
from infra.local.database import Database
from infra.local.identity import Issuer
from infra.local.invoke import FunctionError
from infra.local.journal import Journal, reason
from infra.local.mailbox import Mailbox
from infra.local.published import Published
from infra.local.recorder import Recorder
from infra.local.schedule import Timer
from infra.local.seed import Forget, seed

INDEX = {
    "GET /dev/token?sub=&email=[&name=&seconds=&audience=]": "a token for any user",
    "GET /dev/mail": "the mails, newest first; /dev/mail/{id} shows one; DELETE deletes all",
    "GET /dev/events": "the events that were published, newest last; DELETE deletes all",
    "POST /dev/events": 'publishes {"detail-type", "detail", "source"?, "id"?, "time"?}, or a list of them, on the bus',
    "POST /dev/schedule": "runs the scheduled functions now",
    "GET /dev/clock": 'the time of this run; POST {"advance": seconds} or {"offset": seconds} moves it',
    "GET /dev/dead-letters": "events and records that were given up or put aside; DELETE deletes all",
    "POST /dev/functions/{function}": "calls a function with the body as its event, as `redrive` does",
    "GET /dev/environment": "the settings of the functions, for tools such as `python -m infra.operator`",
    "POST /dev/seed": "empties the tables, closes connections, deletes dead letters, and publishes the seed data",
}


class Parts(NamedTuple):
    """The parts of the system that the developer's routes use."""

    database: Database
    bus: Bus
    timer: Timer
    clock: MovedClock
    mailbox: Mailbox
    published: Published
    dead_letters: Journal
    issuer: Issuer | None
    environment: Mapping[str, str]
    move_functions: Callable[[float], Awaitable[None]]
    forget: Forget
    invoke: Invoke
    recorder: Recorder


def dev_app(parts: Parts) -> Starlette:
    """Return the app for the paths /dev and /.well-known/."""
    routes = [
        _get("/dev", lambda _: JSONResponse(INDEX)),
        *_event_routes(parts),
        *_clock_routes(parts),
        *_dead_letter_routes(parts.dead_letters, parts.invoke),
        _get("/dev/environment", lambda _: JSONResponse(dict(parts.environment))),
        *parts.mailbox.routes,
        *parts.published.routes,
        *(_issuer_routes(parts.issuer) if parts.issuer else []),
    ]
    return Starlette(routes=routes, exception_handlers={_WrongRequestError: _explain})


class _WrongRequestError(Exception):
    """The request is wrong; the message says why."""


async def _explain(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


def _get(path: str, answer: Callable[[Request], Response]) -> Route:
    async def endpoint(request: Request) -> Response:
        return answer(request)

    return Route(path, endpoint, methods=["GET"])


def _event_routes(parts: Parts) -> list[BaseRoute]:
    async def events(request: Request) -> Response:
        content = await _content(request)
        try:
            if isinstance(content, list):
                return JSONResponse([await parts.bus.put(event) for event in content])
            return JSONResponse(await parts.bus.put(content))
        except KeyError as error:
            raise _WrongRequestError(f"an event needs {error}") from error
        except Undelivered as error:
            return JSONResponse({"error": str(error)}, 502)

    async def schedule(_: Request) -> Response:
        try:
            return JSONResponse(await parts.timer.fire())
        except FunctionError as error:
            return JSONResponse({"error": reason(error)}, 502)

    async def world(_: Request) -> Response:
        try:
            await parts.timer.wait_until_idle()
            answers = await seed(parts.database, parts.bus, parts.clock(), parts.forget)
        except Undelivered as error:
            return JSONResponse({"error": str(error)}, 502)
        parts.recorder.add("seed", "the seed data are published again", {"answers": answers})
        return JSONResponse(answers)

    return [
        Route("/dev/events", events, methods=["POST"]),
        Route("/dev/schedule", schedule, methods=["POST"]),
        Route("/dev/seed", world, methods=["POST"]),
    ]


def _clock_routes(parts: Parts) -> list[BaseRoute]:
    clock = parts.clock

    def show(_: Request) -> Response:
        return JSONResponse({"offset": clock.offset, "now": clock().isoformat()})

    async def move(request: Request) -> Response:
        wanted = await _content(request)
        await parts.timer.wait_until_idle()
        try:
            offset = float(wanted["offset"] if "offset" in wanted else clock.offset + wanted["advance"])
        except (KeyError, TypeError, ValueError) as error:
            raise _WrongRequestError('needs {"advance": seconds} or {"offset": seconds}') from error
        moved, clock.offset = offset - clock.offset, offset
        parts.recorder.add("clock", f"the clock moves by {moved:+,.0f} s", {"offset": offset})
        await parts.move_functions(offset)
        return show(request)

    return [_get("/dev/clock", show), Route("/dev/clock", move, methods=["POST"])]


def _dead_letter_routes(dead_letters: Journal, invoke: Invoke) -> list[BaseRoute]:
    async def forget(_: Request) -> Response:
        dead_letters.clear()
        return JSONResponse({})

    async def put_aside(request: Request) -> Response:
        """Stand in for S3: what a function puts aside lies with the dead letters."""
        record = await _content(request)
        dead_letters.add({"function": request.path_params["function"], "error": "put aside", "event": record})
        return Response()

    async def call(request: Request) -> Response:
        try:
            return JSONResponse(await invoke(request.path_params["function"], await _content(request)))
        except FunctionError as error:
            return JSONResponse({"error": reason(error)}, 502)

    return [
        _get("/dev/dead-letters", lambda _: JSONResponse(dead_letters.entries)),
        Route("/dev/s3/{bucket}/aside/{function}/{name}", put_aside, methods=["PUT"]),
        Route("/dev/functions/{function}", call, methods=["POST"]),
        Route("/dev/dead-letters", forget, methods=["DELETE"]),
    ]


def _issuer_routes(issuer: Issuer) -> list[BaseRoute]:
    return [
        _get("/dev/token", lambda request: _token(issuer, request)),
        _get("/.well-known/jwks.json", lambda _: JSONResponse(issuer.jwks())),
        _get("/.well-known/openid-configuration", lambda _: JSONResponse(issuer.configuration())),
    ]


def _token(issuer: Issuer, request: Request) -> Response:
    asked = request.query_params
    seconds = asked.get("seconds", "86400")
    if not asked.get("sub") or not seconds.lstrip("-").isdecimal():
        raise _WrongRequestError("needs ?sub=auth0|somebody, and seconds as a whole number")
    claims = {name: asked[name] for name in ("email", "name") if name in asked}
    if "audience" in asked:
        claims["aud"] = asked["audience"]
    token = issuer.token(asked["sub"], int(seconds), **claims)
    return JSONResponse({"token": token, "token_type": "Bearer", "expires_in": int(seconds)})


async def _content(request: Request) -> Any:
    try:
        content = json.loads(await request.body())
    except ValueError as error:
        raise _WrongRequestError(f"the body is not JSON: {error}") from error
    if not isinstance(content, dict | list):
        raise _WrongRequestError("the body must be an object or a list")
    return content
