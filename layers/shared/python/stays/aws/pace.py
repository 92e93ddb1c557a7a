"""How fast calls may begin: a token bucket that gives each call its turn."""

import math
from threading import Lock


class Pace:
    """At most `rate` calls a second begin, and at most `burst` at once. Threads may share it. It never waits itself."""

    def __init__(self, rate: float = math.inf, burst: float = 1.0) -> None:
        self._interval = 1 / rate
        self._ahead = (burst - 1) * self._interval
        self._next = -math.inf
        self._lock = Lock()

    def turn(self, now: float, last: float = math.inf) -> float | None:
        """Take one turn, and return the seconds until it. None if it would come after `last`: then none is taken."""
        with self._lock:
            planned = max(self._next, now)
            turn = max(now, planned - self._ahead)
            if turn > last:
                return None
            self._next = planned + self._interval
            return turn - now
