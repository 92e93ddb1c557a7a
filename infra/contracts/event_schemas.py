"""The JSON schemas of incoming and outgoing events; `python -m infra.contracts.event_schemas` writes them."""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "events"
_ONCE = """

An event may be delivered more than once, and events in any order. What happened once has one `eventId`, however often
it is told: drop what you have had. Amounts are whole đồng. Ignore fields that you do not know; what would break you
comes as another version."""


def schemas() -> dict[str, str]:
    """Return the text of each schema file for incoming events, with an example, by detail-type."""
    sys.path.insert(0, str(ROOT / "layers" / "shared" / "python"))
    from infra.contracts.event_examples import RECEIVED  # noqa: PLC0415 # the path of the layer is set only now
    from stays.domain.auction import EVENTS  # noqa: PLC0415  # as above

    found = {name: model.model_json_schema(by_alias=True) for name, model in EVENTS.items()}
    return {name: _text(schema | {"examples": [RECEIVED[name]]}) for name, schema in found.items()}


def announced() -> dict[str, str]:
    """Return the same for outgoing events, each with its version and an example."""
    sys.path.insert(0, str(ROOT / "layers" / "shared" / "python"))
    from infra.contracts.event_examples import examples  # noqa: PLC0415  # as above
    from stays.domain.announcement import ANNOUNCEMENTS  # noqa: PLC0415  # as above

    example = examples()
    return {
        name: _text(_versioned(model, name) | {"examples": [example[name]]}) for name, model in ANNOUNCEMENTS.items()
    }


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


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for event, text in (schemas() | announced()).items():
        schema_file(event).write_text(text, encoding="utf-8")
