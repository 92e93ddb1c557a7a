"""The JSON schemas of incoming and outgoing events, each with its version and an example."""

import json
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from infra.contracts.event_examples import RECEIVED, examples
from infra.contracts.examples import Undescribed
from infra.contracts.functions import ROOT
from stays.domain.announcement import ANNOUNCEMENTS, Announcement
from stays.domain.auction import EVENTS

FOLDER = ROOT / "docs" / "events"
VERSION = 1  # of the incoming events; an outgoing event carries its own version
_TAKEN = """

What is new is optional, and unknown fields are ignored. What would break a sender comes as another version."""
_ONCE = """

An event may be delivered more than once, and events in any order. What happened once has one `eventId`, however often
it is told: drop what you have had. Amounts are whole đồng. Ignore fields that you do not know; what would break you
comes as another version."""


def schemas() -> dict[str, str]:
    """Return the text of each schema file by detail-type: incoming events, then outgoing ones.

    Raises Undescribed for an event without an example.
    """
    received = {name: _versioned(name, model, VERSION, _TAKEN) for name, model in EVENTS.items()}
    announced = {name: _versioned(name, model, version_of(model), _ONCE) for name, model in ANNOUNCEMENTS.items()}
    example = event_examples()
    return {name: _text(schema | {"examples": [example[name]]}) for name, schema in (received | announced).items()}


def event_examples() -> dict[str, dict[str, Any]]:
    """Return one example of each event, by its detail-type. Raises Undescribed for an event without one."""
    found = RECEIVED | examples()
    for missing in (EVENTS.keys() | ANNOUNCEMENTS.keys()) - found.keys():
        raise Undescribed(f"{missing}: infra.contracts.event_examples has no example of this event")
    return found


def version_of(model: type[Announcement]) -> int:
    """Return the version of an outgoing event."""
    version: int
    (version,) = get_args(model.model_fields["version"].annotation)
    return version


def _versioned(name: str, model: type[BaseModel], version: int, promise: str) -> dict[str, Any]:
    schema: dict[str, Any] = model.model_json_schema(by_alias=True)
    named = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:stays:{name}:v{version}"}
    schema["description"] += promise
    return named | schema


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def schema_file(name: str) -> Path:
    """Return the file in which the schema of an event is published."""
    return FOLDER / f"{name}.schema.json"
