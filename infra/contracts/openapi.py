"""The whole HTTP API as one OpenAPI document, read from the functions; `make openapi` writes it."""

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from infra.topology import FUNCTIONS, PREFIX, SERVED

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "openapi.json"

Schema = dict[str, Any]

_INTRODUCTION = """\
Turns a won auction into a paid, booked stay.

Every error of ours has the one shape `Error`. What is absent is left out, never null; fields that are not known are
to be ignored. Any other path answers 404 (or is the legacy backend's, where there is one) and a wrong method on a path
of ours 405, in the same shape. The gateway itself answers 401 without a valid token, 429 above its throttle and 503
when a function takes too long, as `{"message"}`.
"""
_SERVERS = [
    {"url": f"http://localhost:8000{PREFIX}", "description": "`make run`"},
    {
        "url": f"https://{{api}}{PREFIX}",
        "description": "a stage; `make env` prints its address",
        "variables": {"api": {"default": "api.stays.example"}},
    },
]


def document() -> Schema:
    """Return the document: every route that is served, in the order of the topology."""
    sys.path.insert(0, str(ROOT / "layers" / "shared" / "python"))
    from infra.contracts.openapi_schemas import operation, refusals, schemas, untitled, used  # noqa: PLC0415  # needs the layer
    from stays import __version__  # noqa: PLC0415

    resolved = dict(_resolved())
    paths: dict[str, Schema] = {}
    for route in SERVED:
        own = resolved.get(route.function, {})
        path = route.path.removeprefix(PREFIX)
        paths.setdefault(path, {})[route.method.lower()] = operation(route, path, own)
    known = [untitled(each.get("components", {}).get("schemas", {})) for each in resolved.values()]
    every = {name: schema for each in (*known, schemas()) for name, schema in each.items()}
    refused = refusals()
    return {
        "openapi": "3.1.0",
        "info": {"title": "Stays", "version": __version__, "description": _INTRODUCTION},
        "servers": _SERVERS,
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "responses": refused,
            "schemas": used([paths, refused], every),
        },
    }


def text() -> str:
    """Return the document as the text of its file."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _resolved() -> Iterator[tuple[str, Schema]]:
    """Return the OpenAPI document of each function that has a resolver."""
    for name in dict.fromkeys(route.function for route in SERVED):
        app = getattr(_started(name), "app", None)
        if app is not None:
            yield name, json.loads(app.get_openapi_schema().model_dump_json(by_alias=True, exclude_none=True))


def _started(name: str) -> ModuleType:
    """Import a function with placeholder settings, which it does not use until it is called."""
    spec = importlib.util.spec_from_file_location(f"described_{name}", ROOT / "functions" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    before = dict(os.environ)
    nowhere = dict.fromkeys(FUNCTIONS[name].environment, "0")
    os.environ.update(nowhere, REFUND_POLICY="[]", AWS_DEFAULT_REGION="ap-southeast-1")
    try:
        spec.loader.exec_module(module)
    finally:
        os.environ.clear()
        os.environ.update(before)
    return module


if __name__ == "__main__":
    DOCUMENT.write_text(text(), encoding="utf-8")
