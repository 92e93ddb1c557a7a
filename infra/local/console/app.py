"""The console's app: its pages, and the rows, mail and commands that they show."""

import json
import secrets
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from infra.local.console.calendar_words import words_of
from infra.local.console.desk import Desk
from infra.local.console.guard import Guard
from infra.local.journal import Entry, Journal
from infra.local.mailbox import Mailbox

_HERE = Path(__file__).parent
_PAGES = Environment(loader=FileSystemLoader(_HERE / "pages"), autoescape=True)
# A mail brings its own styles, so it has an address and a policy of its own, and runs nothing.
_MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'"

TABS = {"play": "Play", "see": "See", "bend": "Bend", "mail": "Mail", "help": "Help"}
PATHS = ("/", "/play", "/see", "/stay", "/bend", "/mail", "/help", "/console")


class Parts(NamedTuple):
    """What the console of a local run shows. `settings` are for the pages: addresses, users, properties."""

    journal: Journal
    mailbox: Mailbox
    simulator: ASGIApp
    settings: Mapping[str, Any]


def console_app(desk: Desk, place: str, *, parts: Parts | None = None, token: str | None = None) -> ASGIApp:
    """Return the app for PATHS. `place` names the environment. Without `parts` only the operator's page exists."""
    settings = dict(parts.settings) if parts else {}
    tabs = TABS if parts else {"help": TABS["help"]}
    page = partial(_page, settings=settings | {"readsOnly": desk.reads_only}, tabs=tabs, place=place)
    routes: list[BaseRoute] = [
        Route("/", lambda _: RedirectResponse("/play" if parts else "/help", 303)),
        Route("/help", page("help")),
        Route("/console/operator", partial(_operate, desk), methods=["POST"]),
        Mount("/console/static", StaticFiles(directory=_HERE / "static")),
    ]
    if parts:
        routes += [Route(f"/{name}", page(name)) for name in ("play", "see", "bend", "mail")]
        routes += [Route("/stay/{stay}", page("stay")), *_row_routes(parts.journal), *_mail_routes(parts.mailbox)]
        routes += [Mount("/console/zalopay", parts.simulator)]
    sources = str(settings.get("websocket", ""))
    return Guard(Starlette(routes=routes), token=token, sources=sources)


def _page(name: str, *, settings: Mapping[str, Any], tabs: Mapping[str, str], place: str) -> Any:
    template = _PAGES.get_template(f"{name}.html")

    async def show(request: Request) -> Response:
        return HTMLResponse(
            template.render(
                name=name,
                tabs=tabs,
                place=place,
                local=len(tabs) > 1,
                settings=settings,
                **request.path_params,
            )
        )

    return show


async def _operate(desk: Desk, request: Request) -> Response:
    try:
        asked = await request.json()
        words = [str(each) for each in asked["words"]]
    except (ValueError, KeyError, TypeError):
        return JSONResponse({"error": 'needs {"words": [...]}'}, 400)
    if not words:
        return JSONResponse({"error": "no command"}, 400)
    return JSONResponse(await desk.run(words, really=asked.get("really") is True))


def _row_routes(journal: Journal) -> list[BaseRoute]:
    run = secrets.token_hex(4)  # the numbers of another run mean other rows

    def head(rows: list[tuple[int, Entry]]) -> dict[str, Any]:
        return {"run": run, "first": journal.first, "last": journal.last, "rows": [_short(*row) for row in rows]}

    async def rows(request: Request) -> Response:
        stay, after = request.query_params.get("stay"), _number(request.query_params.get("after", ""))
        found = journal.after(after)
        return JSONResponse(head([row for row in found if stay is None or stay in row[1].get("stays", ())]))

    async def row(request: Request) -> Response:
        found = journal.after(request.path_params["number"] - 1)[:1]
        if not found or found[0][0] != request.path_params["number"]:
            return JSONResponse({"error": "This row has left the journal."}, 404)
        return JSONResponse(found[0][1] | {"n": found[0][0]})

    async def clear(_: Request) -> Response:
        journal.clear()
        return JSONResponse({})

    async def stream(request: Request) -> Response:
        known, _, seen = request.headers.get("last-event-id", "").partition("-")
        after = _number(seen if known else request.query_params.get("after", ""))
        return StreamingResponse(
            events(after if known in ("", run) else 0),
            media_type="text/event-stream",
            headers={"x-accel-buffering": "no"},
        )

    async def events(after: int) -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        async for fresh in journal.follow(after):
            number = fresh[-1][0] if fresh else journal.last
            data = json.dumps(head(fresh), ensure_ascii=False, default=str)
            yield f"id: {run}-{number}\ndata: {data}\n\n"

    return [
        Route("/console/rows", rows, methods=["GET"]),
        Route("/console/rows", clear, methods=["DELETE"]),
        Route("/console/rows/{number:int}", row, methods=["GET"]),
        Route("/console/stream", stream, methods=["GET"]),
    ]


def _mail_routes(mailbox: Mailbox) -> list[BaseRoute]:
    async def mails(_: Request) -> Response:
        return JSONResponse([_mail(each) for each in reversed(mailbox.mail)])

    async def body(request: Request) -> Response:
        wanted = request.path_params["id"]
        html = next((each["html"] or each["text"] for each in mailbox.mail if each["id"] == wanted), None)
        if html is None:
            return PlainTextResponse("This mail is gone.", 404)
        return HTMLResponse(html, headers={"content-security-policy": _MAIL_POLICY})

    return [Route("/console/mails", mails), Route("/console/mails/{id}", body)]


def _mail(mail: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in mail.items() if name != "html"}
    calendars = [each for each in mail["attachments"] if each["type"] == "text/calendar" and "content" in each]
    return shown | {"calendar": [line for each in calendars for line in words_of(each["content"])]}


def _short(number: int, entry: Entry) -> dict[str, Any]:
    return {"n": number} | {name: value for name, value in entry.items() if name != "detail"}


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
