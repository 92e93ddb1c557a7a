"""The JSON schemas of incoming and outgoing events, with an example each."""

import json
from pathlib import Path
from typing import Any

from infra.contracts.event_examples import RECEIVED, examples
from infra.contracts.examples import Undescribed
from infra.contracts.functions import ROOT
from stays.domain.announcement import ANNOUNCEMENTS
from stays.domain.auction import EVENTS

FOLDER = ROOT / "docs" / "events"
_ONCE = """

An event may be delivered more than once, and events in any order. What happened once has one `eventId`, however often
it is told: drop what you have had. Amounts are whole đồng. Ignore fields that you do not know; what would break you
comes as another version."""


def schemas() -> dict[str, str]:
    """Return the text of each schema file by detail-type: incoming events, then outgoing ones with their version.

    Raises Undescribed for an event without an example.
    """
    received = {name: model.model_json_schema(by_alias=True) for name, model in EVENTS.items()}
    announced = {name: _versioned(model, name) for name, model in ANNOUNCEMENTS.items()}
    example = RECEIVED | examples()
    for missing in (received | announced).keys() - example.keys():
        raise Undescribed(f"{missing}: infra.contracts.event_examples has no example of this event")
    return {name: _text(schema | {"examples": [example[name]]}) for name, schema in (received | announced).items()}


def _versioned(model: Any, name: str) -> dict[str, Any]:
    schema: dict[str, Any] = model.model_json_schema(by_alias=True)
    version = schema["properties"]["version"]["const"]
    named = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:stays:{name}:v{version}"}
    schema["description"] += _ONCE
    return named | schema


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def schema_file(name: str) -> Path:
    """Return the file in which the schema of an event is published."""
    return FOLDER / f"{name}.schema.json"
