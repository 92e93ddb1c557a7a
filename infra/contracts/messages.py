"""The schemas of the WebSocket's messages, in both directions; `make contracts` writes them."""

import json
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from infra.contracts.functions import ROOT
from infra.contracts.schemas import SCHEMAS, Schema, schemas_of, title_of
from stays.edge.frames import ErrorCode, FromBrowser, ToBrowser

DOCUMENT = ROOT / "docs" / "messages.schema.json"
WAYS: Mapping[str, tuple[Any, Literal["validation", "serialization"]]] = {
    "fromBrowser": (FromBrowser, "validation"),
    "toBrowser": (ToBrowser, "serialization"),
}
CODES: Mapping[ErrorCode, str] = {
    "INVALID_MESSAGE": "The message cannot be read, or is longer than 8,192 characters.",
    "FORBIDDEN": "The user is not proven, or the connection belongs to another user.",
    "TOKEN_EXPIRED": "The token has expired: connect again with a new one.",
}


def members(union: Any) -> list[type[BaseModel]]:
    """Return the models of a discriminated union, also of unions inside it."""
    if isinstance(union, type):
        return [union]
    inner = get_args(union)[:1] if get_origin(union) is None or hasattr(union, "__metadata__") else get_args(union)
    return [model for each in inner for model in members(each)]


def type_of(model: type[BaseModel]) -> str:
    """Return the `type` of a message."""
    kind: str = model.model_fields["type"].default
    return kind


def message_schemas() -> dict[str, Schema]:
    """Return the schemas of all messages and of what they name. `type` is always there."""
    known: dict[str, Schema] = {}
    for union, mode in WAYS.values():
        known |= schemas_of(dict.fromkeys(members(union), mode))
        for model in members(union):
            known[title_of(model)]["required"] = ["type", *known[title_of(model)].get("required", ())]
    return dict(sorted(known.items()))


def text() -> str:
    """Return the text of docs/messages.schema.json."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:stays:messages",
        "description": "The messages of the WebSocket: what the browser sends and gets, by `type`.",
        "properties": {
            name: {"oneOf": [{"$ref": f"#/$defs/{title_of(model)}"} for model in members(union)]}
            for name, (union, _) in WAYS.items()
        },
        "$defs": message_schemas(),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False).replace(SCHEMAS, "#/$defs/") + "\n"
