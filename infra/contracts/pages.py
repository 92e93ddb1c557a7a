"""The tables of docs/api.md, docs/messages.md and docs/events.md, from routes and models. The prose is written by hand.

A table stands between the comments `<!-- NAME: make contracts -->` and `<!-- end -->`.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from infra.contracts.examples import Undescribed
from infra.contracts.functions import ROOT
from infra.contracts.messages import CODES, members
from infra.contracts.openapi import document
from infra.contracts.schemas import Schema, first_paragraph, schemas_of, title_of
from stays.domain.announcement import ANNOUNCEMENTS, Announcement
from stays.domain.auction import EVENTS
from stays.domain.notification import Message
from stays.edge.error_details import ERRORS
from stays.edge.frames import FromBrowser, ToBrowser
from stays.edge.http import STATUS

DOCS = ROOT / "docs"
MARKED = re.compile(r"(<!-- ([\w ]+): make contracts -->\n).*?(<!-- end -->)", re.DOTALL)


def pages() -> dict[Path, str]:
    """Return the text of each page with its tables written anew. Raises Undescribed, which names what is missing."""
    tables = {"api.md": _of_api(document()), "messages.md": _of_messages(), "events.md": _of_events()}
    return {DOCS / name: _filled(name, its_tables) for name, its_tables in tables.items()}


def _filled(name: str, tables: Mapping[str, str]) -> str:
    page = (DOCS / name).read_text(encoding="utf-8")
    for missing in tables.keys() - {part[1] for part in MARKED.findall(page)}:
        raise Undescribed(f"docs/{name}: there is no place for the table `{missing}`")
    return MARKED.sub(lambda part: f"{part[1]}\n{tables[part[2]]}\n\n{part[3]}", page)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def fields(schema: Schema) -> str:
    """Return the fields of an object: `{auctionId, reason?}`."""
    required = schema.get("required", ())
    named = (name if name in required else f"{name}?" for name in schema.get("properties", {}))
    return f"`{{{', '.join(named)}}}`"


def _of_api(api: Schema) -> dict[str, str]:
    known = api["components"]["schemas"]
    every = [(method, path, each) for path, methods in api["paths"].items() for method, each in methods.items()]
    found = {
        f"calls of {tag['name']}": table(
            ("call", "does", "answer", "errors"),
            (_call(method, path, each, known) for method, path, each in every if each["tags"] == [tag["name"]]),
        )
        for tag in api["tags"]
    }
    shown = {name for _, _, each in every for name in _named(each["responses"]["200"])}
    while inner := {name for each in shown for name in _named(known[each])} - shown:
        shown |= inner
    found["answers"] = table(
        ("answer", "is", "fields"),
        ((f"`{name}`", known[name]["description"], _values(known[name])) for name in sorted(shown)),
    )
    found["errors"] = table(
        ("status", "code", "means", "details"),
        (
            (str(status), f"`{code}`", ERRORS[code].sentence, _details(code))
            for code, status in sorted(STATUS.items(), key=lambda each: each[1])
        ),
    )
    return found


def _call(method: str, path: str, each: Schema, known: Mapping[str, Schema]) -> Sequence[str]:
    public = " (public)" if "security" in each else ""
    query = ", ".join(f"`{part['name']}?`" for part in each.get("parameters", ()) if part["in"] == "query")
    body = next((fields(known[name]) for name in _named(each.get("requestBody", {}))), "")
    says = f"{each['summary']}. {' '.join(each.get('description', '').split())}".strip()
    content = next(iter(each["responses"]["200"]["content"].items()))
    answer = "".join(f"`{name}`" for name in _named(content[1])) or f"`{content[0]}`"
    listed = "a list of " if content[1]["schema"].get("type") == "array" else ""
    codes = re.findall(r"`([A-Z_]+)`:|responses/([A-Z_]+)", json.dumps(each["responses"]))
    usual = {"VALIDATION_ERROR", "PAYLOAD_TOO_LARGE", "RATE_LIMIT", "INTERNAL_ERROR", "AUTH_REQUIRED"}
    own = [f"`{code}`" for pair in codes for code in pair if code and code not in usual]
    asked = " ".join(part for part in (f"`{method.upper()} {path}`{public}", body, query) if part)
    return asked, says, listed + answer, ", ".join(dict.fromkeys(own))


def _named(part: Any) -> list[str]:
    return list(dict.fromkeys(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(part))))


def _values(schema: Schema) -> str:
    """Return the fields of an answer, with what a name does not tell. An enumeration has its values."""
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    required, lines = schema.get("required", ()), []
    for name, each in schema.get("properties", {}).items():
        values = f" ({', '.join(map(str, each['enum']))})" if "enum" in each else ""
        text = f": {each['description'].rstrip('.')}" if "description" in each else ""
        lines.append(f"`{name}{'' if name in required else '?'}`{values}{text}")
    return "; ".join(lines)


def _details(code: str) -> str:
    model = ERRORS[code].details
    schema = schemas_of({model: "serialization"})[title_of(model)]
    return _values(schema)


def _of_messages() -> dict[str, str]:
    return {
        "messages from the browser": table(
            ("message", "fields", "says"), (_message(model, "validation") for model in members(FromBrowser))
        ),
        "messages to the browser": table(
            ("channel", "message", "fields", "says"),
            ((_channel(model), *_message(model, "serialization")) for model in members(ToBrowser)),
        ),
        "codes of ERROR": table(("code of ERROR", "meaning"), ((f"`{code}`", said) for code, said in CODES.items())),
    }


def _channel(model: type[BaseModel]) -> str:
    channel = model.channel if issubclass(model, Message) else None
    return f"`{channel}`" if channel else ""


def _message(model: type[BaseModel], mode: Literal["validation", "serialization"]) -> Sequence[str]:
    schema = schemas_of({model: mode})[title_of(model)]
    inner = {name: each for name, each in schema["properties"].items() if name != "type"}
    return f"`{schema['properties']['type']['const']}`", _values(schema | {"properties": inner}), first_paragraph(model)


def _of_events() -> dict[str, str]:
    common = set(Announcement.model_json_schema()["properties"])
    return {
        "events that come in": table(
            ("detail-type", "says", "carries"), (_event(name, model, set()) for name, model in EVENTS.items())
        ),
        "events that go out": table(
            ("detail-type", "says", "carries"), (_event(name, model, common) for name, model in ANNOUNCEMENTS.items())
        ),
    }


def _event(name: str, model: type[BaseModel], common: set[str]) -> Sequence[str]:
    schema = model.model_json_schema(by_alias=True)
    own = {each: inner for each, inner in schema["properties"].items() if each not in common}
    return f"[`{name}`](events/{name}.schema.json)", first_paragraph(model), fields(schema | {"properties": own})
