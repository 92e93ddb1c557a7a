"""The clock of a local run: the real time, moved by as much as somebody asked for."""

import time
from datetime import UTC, datetime
from pathlib import Path


class MovedClock:
    """Tells the time. `offset` is in seconds and may be changed at any moment."""

    def __init__(self) -> None:
        self.offset = 0.0

    def __call__(self) -> datetime:
        """Give the present, aware."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def seconds(self) -> float:
        """Give the present as seconds since 1970."""
        return time.time() + self.offset


class FunctionClock:
    """How many seconds the functions live ahead, kept in a file that their processes read before each invocation."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "seconds-ahead"
        self.offset = 0.0
        self.move(0.0)

    def move(self, offset: float) -> None:
        """Change it at once for whatever begins from now on."""
        written = self.file.with_suffix(".new")
        written.write_text(str(offset))
        written.replace(self.file)  # whoever reads meanwhile finds the one or the other
        self.offset = offset
