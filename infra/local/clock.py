"""The clock of a local run: the real time plus the offset that the developer chose."""

import time
from datetime import UTC, datetime
from pathlib import Path


class MovedClock:
    """Tells the time. `offset` is in seconds and may change at any moment."""

    def __init__(self) -> None:
        self.offset = 0.0

    def __call__(self) -> datetime:
        """Return the current time, with a time zone."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def seconds(self) -> float:
        """Return the current time as seconds since 1970."""
        return time.time() + self.offset


class FunctionClock:
    """The seconds by which the functions' clocks run ahead.

    A file keeps the number, and the functions' processes read it before each invocation.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / "seconds-ahead"
        self.offset = 0.0
        self.move(0.0)

    def move(self, offset: float) -> None:
        """Change the offset at once, for every invocation that starts from now on."""
        written = self.file.with_suffix(".new")
        written.write_text(str(offset))
        written.replace(self.file)  # atomic: a reader finds the old file or the new one
        self.offset = offset
