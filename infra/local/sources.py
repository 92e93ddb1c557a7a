"""Tells whether the code of the functions has changed since a worker loaded it."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

_FRESH = 0.3  # seconds for which the last fingerprint stays valid


class Sources:
    """The Python files under some folders."""

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._looked_at = float("-inf")
        self._fingerprint = 0

    def fingerprint(self) -> int:
        """Return a number that changes when a file is changed, added or removed."""
        if time.monotonic() - self._looked_at > _FRESH:
            self._fingerprint = hash(frozenset(self._marks()))
            self._looked_at = time.monotonic()
        return self._fingerprint

    def _marks(self) -> Iterator[tuple[str, int, int]]:
        for folder in self._folders:
            for path in folder.rglob("*.py"):
                with contextlib.suppress(FileNotFoundError):  # an editor may be replacing the file right now
                    stat = path.stat()
                    yield str(path), stat.st_mtime_ns, stat.st_size
