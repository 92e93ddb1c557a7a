"""The one gate through which every I/O of every function passes: counted, timed, and broken as a plan says."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple


class Killed(BaseException):
    """The function is gone in the middle of its work. No `except Exception` may survive this."""


class Fault(StrEnum):
    """What can happen around one I/O."""

    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    ERROR = "error before"
    CONFLICT = "conflict"
    TIMEOUT = "timeout after commit"
    RESENT = "sent twice"


FIVE = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.ERROR, Fault.CONFLICT, Fault.TIMEOUT)

Plan = Mapping[int, Fault]
Call = Callable[[], Any]


class Troubles(NamedTuple):
    """What each fault looks like to the function, for one kind of I/O.

    `conflict` gets the call: some other sides do the work and then answer nonsense.
    """

    error: Callable[[], Exception]
    conflict: Callable[[Call], Any]
    timeout: Callable[[], Exception]
    resent: Callable[[Call], Any]


class Gate:
    """Lets one I/O after the other through. `passed` names all of them, in order."""

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick
        self.before: Callable[[str], None] = lambda label: None
        self.reset({})

    def reset(self, plan: Plan) -> None:
        """Nothing has passed yet, and the next run goes by this plan."""
        self.plan = plan
        self.passed: list[str] = []
        self.broken = 0

    def __call__(self, label: str, call: Call, troubles: Troubles) -> Any:
        self.before(label)
        self.passed.append(label)
        self._tick()
        fault = self.plan.get(len(self.passed))
        if fault is None:
            return call()
        self.broken += 1
        return _broken(fault, call, troubles)


def _broken(fault: Fault, call: Call, troubles: Troubles) -> Any:
    if fault is Fault.KILLED_BEFORE:
        raise Killed
    if fault is Fault.ERROR:
        raise troubles.error()
    if fault is Fault.CONFLICT:
        return troubles.conflict(call)
    if fault is Fault.RESENT:
        return troubles.resent(call)
    call()
    raise Killed if fault is Fault.KILLED_AFTER else troubles.timeout()
