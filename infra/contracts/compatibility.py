"""Compares the contracts with those of the last release, and names what breaks a client or another system.

What Stays accepts may only widen, and what it sends may only narrow. So each old request must fit its new schema, and
each new answer its old one: both ask whether one schema is part of another. A change that is meant is listed in
accepted.toml with its reason. `make check` runs this; `make corpus` keeps the contracts of a release.
"""

import json
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, NamedTuple

from jsonschema_rs import Draft202012Validator

from infra.topology import RULES

Schema = dict[str, Any]
Way = Literal["in", "out"]

DOCS = Path(__file__).parents[2] / "docs"
RELEASED = DOCS / "contracts" / "released"
FILES = ("openapi.json", "messages.schema.json", "events/*.schema.json")

_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_MISFIT = {"in": "is not accepted any more", "out": "is new"}
_MISSING = {"in": "must be sent now", "out": "may be missing now"}
_LOST = {"in": "is not read any more", "out": "is not sent any more"}


class Part(NamedTuple):
    """A request, an answer, a message or an event, with the document that it stands in."""

    way: Way
    schema: Schema
    document: Schema
    optional: bool = False  # nobody has to send it, or Stays may stop to send it


Contracts = Mapping[tuple[str, str], Part]  # by subject (a route, a message, an event) and part of it


def load_contracts(folder: Path) -> Contracts:
    """Read all contracts in a folder."""
    found = dict(_of_http(_read(folder / "openapi.json")))
    messages = _read(folder / "messages.schema.json")
    ways: dict[str, Way] = {"fromBrowser": "in", "toBrowser": "out"}
    for side, way in ways.items():
        for each in messages["properties"][side]["oneOf"]:
            kind = _resolve(each, messages)["properties"]["type"]["const"]
            found[f"message {kind}", ""] = Part(way, each, messages)
    taken = {name for rule in RULES for name in rule.detail_types}
    for file in folder.glob("events/*.schema.json"):
        name, schema = file.name.partition(".")[0], _read(file)
        found[f"event {name}", ""] = Part("in" if name in taken else "out", schema, schema)
    return found


def _read(file: Path) -> Schema:
    content: Schema = json.loads(file.read_text(encoding="utf-8"))
    return content


def _of_http(document: Schema) -> Iterator[tuple[tuple[str, str], Part]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            route = f"{method.upper()} {path}"
            for name, part in (*_of_request(operation, document), *_of_answers(operation, document)):
                yield (route, f" {name}"), part


def _of_request(operation: Schema, document: Schema) -> Iterator[tuple[str, Part]]:
    yield "token", Part("in", {}, document, optional=not operation.get("security", document["security"]))
    for each in operation.get("parameters", ()):
        optional = not each.get("required", False)
        yield f"{each['in']} {each['name']}", Part("in", each["schema"], document, optional)
    body = operation.get("requestBody", {})
    for name, schema in _contents("body", body):
        yield name, Part("in", schema, document, optional=not body.get("required", False))


def _of_answers(operation: Schema, document: Schema) -> Iterator[tuple[str, Part]]:
    for status, answer in operation["responses"].items():
        for name, schema in _contents(status, _resolve(answer, document)):
            yield name, Part("out", schema, document, optional=status != "200")


def _contents(name: str, holder: Schema) -> list[tuple[str, Schema]]:
    """Return the schemas of a body by its name, to which a kind of content other than JSON is added."""
    contents = holder.get("content", {"application/json": {"schema": {}}} if "description" in holder else {})
    return [(f"{name} {kind}".removesuffix(" application/json"), each["schema"]) for kind, each in contents.items()]


def breaking_changes(old: Contracts, new: Contracts) -> list[str]:
    """Return each change that may break a client or another system, beginning with the place of the change."""
    before, now = ({subject for subject, _ in contracts} for contracts in (old, new))
    found = {f"{subject} is gone" for subject in before - now}
    for subject, part in {*old, *new}:
        if subject in before & now:
            found |= {subject + part + said for said in _changes(old.get((subject, part)), new.get((subject, part)))}
    return sorted(found)


def _changes(old: Part | None, new: Part | None) -> Iterator[str]:
    if old is None or new is None:
        yield from _appeared_or_gone(old, new)
        return
    if old.optional and not new.optional and new.way == "in":
        yield " must be sent now"
    narrow, wide = (old, new) if new.way == "in" else (new, old)
    yield from _misfits(narrow, wide, "")
    lost = {*_fields(old, "")} - {*_fields(new, "")}
    yield from (f"{path} {_LOST[new.way]}" for path in lost if path.rpartition(".")[0].removesuffix("[]") not in lost)


def _appeared_or_gone(old: Part | None, new: Part | None) -> Iterator[str]:
    if new and (new.way == "out" or not new.optional):
        yield " is new"
    if old and (old.way == "in" or not old.optional):
        yield " is gone"


def _misfits(narrow: Part, wide: Part, path: str) -> Iterator[str]:
    """Yield the places at which a value of the narrow schema does not fit the wide one."""
    options = [*_options(wide)]
    for each in _options(narrow):
        yield from min(([*_differences(each, option, path)] for option in options), key=len)


def _differences(narrow: Part, wide: Part, path: str) -> Iterator[str]:
    a, b, misfit = narrow.schema, wide.schema, _MISFIT[narrow.way]
    values = _values(a)
    if values:
        fits = Draft202012Validator({name: each for name, each in b.items() if name != "properties"}).is_valid
        yield from (f"{path} {json.dumps(value)} {misfit}" for value in values if not fits(value))
        return
    if _values(b) or a.get("type") not in {
        b.get("type", a.get("type")),
        "integer" if b.get("type") == "number" else "",
    }:
        yield f"{path} {a.get('type', 'any type')} {misfit}"
        return
    for name in ("pattern", "format"):
        if name in b and a.get(name) != b[name]:
            yield f"{path} {name} {a.get(name, 'of any kind')} {misfit}"
    for names, sign in ((_UPPER, 1), (_LOWER, -1)):
        for name in names:
            if name in b and (name not in a or sign * a[name] > sign * b[name]):
                yield f"{path} {name} {a.get(name, 'of any size')} {misfit}"
    yield from (f"{path}.{name} {_MISSING[narrow.way]}" for name in {*b.get("required", ())} - {*a.get("required", ())})
    for name in a.get("properties", {}).keys() & b.get("properties", {}).keys():
        yield from _misfits(_inner(narrow, "properties", name), _inner(wide, "properties", name), f"{path}.{name}")
    if "items" in b:
        yield from _misfits(narrow._replace(schema=a.get("items", {})), _inner(wide, "items"), f"{path}[]")


def _values(schema: Schema) -> list[Any]:
    values: list[Any] = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return values


def _inner(part: Part, *names: str) -> Part:
    schema = part.schema
    for name in names:
        schema = schema[name]
    return part._replace(schema=schema)


def _options(part: Part) -> Iterator[Part]:
    """Yield the alternatives of a schema, each without references and combinations."""
    schema = _resolve(part.schema, part.document)
    for name in ("anyOf", "oneOf"):
        if name in schema:
            rest = {each: value for each, value in schema.items() if each != name}
            for option in schema[name]:
                yield from _options(part._replace(schema=_joined(rest, _resolve(option, part.document))))
            return
    yield part._replace(schema=schema)


def _resolve(schema: Schema, document: Schema) -> Schema:
    """Follow references, and join what `allOf` combines."""
    plain = {name: each for name, each in schema.items() if name not in {"$ref", "allOf"}}
    for each in schema.get("allOf", ()):
        plain = _joined(plain, _resolve(each, document))
    if "$ref" not in schema:
        return plain
    target: Any = document
    for name in schema["$ref"].removeprefix("#/").split("/"):
        target = target[name]
    return _joined(plain, _resolve(target, document))


def _joined(a: Schema, b: Schema) -> Schema:
    """Return the schema of what fits both, as far as our documents combine schemas."""
    joined = a | b
    if "properties" in a and "properties" in b:
        both = {
            name: {"allOf": [a["properties"][name], b["properties"][name]]}
            for name in {*a["properties"]} & {*b["properties"]}
        }
        joined["properties"] = a["properties"] | b["properties"] | both
    if "required" in a and "required" in b:
        joined["required"] = [*a["required"], *b["required"]]
    return joined


def _fields(part: Part, path: str) -> Iterator[str]:
    """Yield the path of each field, of all alternatives together."""
    for option in _options(part):
        for name in option.schema.get("properties", {}):
            yield f"{path}.{name}"
            yield from _fields(_inner(option, "properties", name), f"{path}.{name}")
        if "items" in option.schema:
            yield from _fields(_inner(option, "items"), f"{path}[]")


def unaccepted(changes: list[str], accepted: Mapping[str, str]) -> list[str]:
    """Return the changes that nobody has accepted, and the entries of the list that match no change."""
    new = [change for change in changes if not any(fnmatchcase(change, pattern) for pattern in accepted)]
    idle = [pattern for pattern in accepted if not any(fnmatchcase(change, pattern) for change in changes)]
    return new + [f"accepted.toml names a change that there is not: {pattern}" for pattern in idle]


def accepted_changes(folder: Path) -> dict[str, str]:
    """Return the changes since the last release that are meant, each with its reason."""
    accepted: dict[str, str] = tomllib.loads((folder / "accepted.toml").read_text(encoding="utf-8"))["accepted"]
    return accepted


def keep_release(folder: Path) -> None:
    """Keep the present contracts as those of the last release, from which nothing differs yet."""
    shutil.rmtree(folder)
    for pattern in FILES:
        for file in DOCS.glob(pattern):
            kept = folder / file.relative_to(DOCS)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, kept)
    (folder / "accepted.toml").write_text("[accepted]\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["keep"]:
        keep_release(RELEASED)
    elif found := unaccepted(
        breaking_changes(load_contracts(RELEASED), load_contracts(DOCS)), accepted_changes(RELEASED)
    ):
        sys.exit("\n".join(["The contracts differ from those of the last release:", *found]))
