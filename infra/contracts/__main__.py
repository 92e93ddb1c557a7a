"""`make contracts` writes every file that is generated from routes and models."""

from collections.abc import Mapping
from pathlib import Path

from infra.contracts import asyncapi, event_schemas, messages, openapi, pages


def files() -> Mapping[Path, str]:
    """Return the text of each generated file."""
    schemas = {event_schemas.schema_file(name): text for name, text in event_schemas.schemas().items()}
    described = {
        openapi.DOCUMENT: openapi.text(),
        messages.DOCUMENT: messages.text(),
        asyncapi.DOCUMENT: asyncapi.text(),
    }
    return described | schemas | pages.pages()


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
