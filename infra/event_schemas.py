"""The JSON schemas of the events that the auction system sends: `python -m infra.event_schemas` writes them anew."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "events"


def schemas() -> dict[str, str]:
    """The text of each schema by the event's detail-type, as it stands in its file."""
    sys.path.insert(0, str(ROOT / "layers" / "shared" / "python"))
    from stays.domain.auction import EVENTS  # noqa: PLC0415  # the layer's path is known only now

    found = {name: model.model_json_schema(by_alias=True) for name, model in EVENTS.items()}
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in found.items()}


def schema_file(name: str) -> Path:
    """Where the schema of an event is published."""
    return FOLDER / f"{name}.schema.json"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for event, text in schemas().items():
        schema_file(event).write_text(text, encoding="utf-8")
