"""A list that can be kept: entries in memory and, if the state is kept, one JSON line each on disk."""

import json
from pathlib import Path
from typing import Any

from infra.local.runtime_api import FunctionError


def reason(error: Exception) -> str:
    """Describe a function's failure in words for the journal."""
    if isinstance(error, FunctionError):
        return f"{error.type}: {error.message}"
    return f"{type(error).__name__}: {error}"


class Journal:
    """The entries so far, oldest first. Without a path it lives as long as the process."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        lines = path.read_text().splitlines() if path and path.exists() else []
        self.entries: list[dict[str, Any]] = [json.loads(line) for line in lines]

    def add(self, entry: dict[str, Any]) -> None:
        """Add one entry."""
        self.entries.append(entry)
        if self._path:
            with self._path.open("a") as file:
                file.write(json.dumps(entry, default=str) + "\n")

    def clear(self) -> None:
        """Delete all entries, also on disk."""
        self.entries.clear()
        if self._path:
            self._path.unlink(missing_ok=True)
