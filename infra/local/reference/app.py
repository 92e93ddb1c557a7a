"""Serves the contracts and their pages. The pages' scripts come from packages, and run under a strict policy."""

import json
from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from infra.local.environment import Addresses
from infra.topology import PREFIX

OPENAPI = f"{PREFIX}/openapi.json"
ASYNCAPI = "/docs/asyncapi.json"
PATHS = ("/docs", OPENAPI)

_HERE = Path(__file__).parent
_CONTRACTS = _HERE.parents[2] / "docs"
_PAGES = Environment(loader=FileSystemLoader(_HERE / "pages"), autoescape=True)
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}
_ASSETS = {
    "swagger-ui": ("mkdocs-swagger-ui-tag", "mkdocs_swagger_ui_tag/swagger-ui"),
    "asyncapi-viewer": ("asyncapi-viewer", "asyncapi_viewer/static"),
}


def reference_app(addresses: Addresses, users: Sequence[dict[str, str]]) -> Starlette:
    """Return the app for PATHS. The explorer can log in as one of `users`, or not at all if there are none."""
    assets = [
        Mount(f"/docs/{name}", StaticFiles(directory=str(distribution(package).locate_file(folder))))
        for name, (package, folder) in _ASSETS.items()
    ]
    routes: list[BaseRoute] = [
        Route("/docs", _page("explorer.html", users=users, document=OPENAPI)),
        Route("/docs/async", _page("async.html", document=ASYNCAPI)),
        _document(OPENAPI, _openapi()),
        _document(ASYNCAPI, _asyncapi(addresses)),
        Mount("/docs/static", StaticFiles(directory=_HERE / "static")),
        *assets,
    ]
    return Starlette(routes=routes)


def _page(name: str, **values: Any) -> Any:
    text = _PAGES.get_template(name).render(name=name, **values)

    async def show(_: Request) -> Response:
        return HTMLResponse(text, headers=_HEADERS)

    return show


def _document(path: str, content: Any) -> Route:
    async def show(_: Request) -> Response:
        return JSONResponse(content)

    return Route(path, show)


def _openapi() -> Any:
    """Return the OpenAPI document for this run. Its server is the page's own origin, by whichever name it is called."""
    return _published("openapi.json") | {"servers": [{"url": PREFIX, "description": "this run"}]}


def _asyncapi(addresses: Addresses) -> Any:
    """Return the AsyncAPI document with the addresses of this run."""
    described = _published("asyncapi.json")
    servers = described["servers"]
    servers["local"] |= {"host": addresses.websocket.partition("//")[2], "description": "The WebSocket of this run."}
    return described


def _published(name: str) -> Any:
    return json.loads((_CONTRACTS / name).read_text(encoding="utf-8"))
