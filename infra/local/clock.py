"""The clock of a local run: the real time, moved by as much as somebody asked for."""

import time
from datetime import UTC, datetime


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
