"""A numbered list that can be bounded, followed and, if the state is kept, stored: one JSON line for each entry."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from infra.local.runtime_api import FunctionError

Entry = dict[str, Any]
Told = Callable[[Entry], None]

_SILENCE = 15.0  # seconds after which a follower hears that nothing happened, so that it notices a reader who left


def reason(error: Exception) -> str:
    """Describe a function's failure in words for the journal."""
    if isinstance(error, FunctionError):
        return f"{error.type}: {error.message}"
    return f"{type(error).__name__}: {error}"


def ignore(_: Entry) -> None:
    """Do nothing with an entry."""


class Journal:
    """The entries so far, oldest first. They are numbered from 1, and no number comes twice in a run.

    Without a path it lives as long as the process. With `most`, the oldest entries leave. `told` hears every new entry.
    """

    def __init__(self, path: Path | None = None, most: int | None = None, told: Told = ignore) -> None:
        self._path = path
        self._most = most
        self._told = told
        lines = path.read_text().splitlines() if path and path.exists() else []
        self.entries: list[Entry] = [json.loads(line) for line in lines]
        self.last = len(self.entries)
        self._changed = asyncio.Event()
        self._ended = False

    @property
    def first(self) -> int:
        """The number of the oldest entry that is still here; `last + 1` if there is none."""
        return self.last - len(self.entries) + 1

    def add(self, entry: Entry) -> None:
        """Add one entry."""
        self.entries.append(entry)
        self.last += 1
        if self._most and len(self.entries) > self._most:
            del self.entries[0]
        if self._path:
            with self._path.open("a") as file:
                file.write(json.dumps(entry, default=str) + "\n")
        self._told(entry)
        self._wake()

    def clear(self) -> None:
        """Delete all entries, also on disk. The numbers go on."""
        self.entries.clear()
        if self._path:
            self._path.unlink(missing_ok=True)
        self._wake()

    def after(self, number: int) -> list[tuple[int, Entry]]:
        """Return the entries with a higher number, each with its number."""
        first = self.first
        return list(enumerate(self.entries[max(0, number + 1 - first) :], max(first, number + 1)))

    async def follow(self, number: int) -> AsyncIterator[list[tuple[int, Entry]]]:
        """Yield the entries after `number` as they come, until `end`; no entries after `clear` and in silence."""
        while not self._ended:
            changed = self._changed
            fresh = self.after(number)
            if fresh:
                number = fresh[-1][0]
                yield fresh
                continue
            try:
                async with asyncio.timeout(_SILENCE):
                    await changed.wait()
            except TimeoutError:
                yield []
            else:
                if not self.entries:
                    yield []

    def end(self) -> None:
        """End every `follow`."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
