"""The gate through which every I/O of every function passes: counted, timed, and broken as a plan says."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple


class Killed(BaseException):
    """The function is killed during its work. No `except Exception` may catch this."""


class Fault(StrEnum):
    """The faults around one I/O."""

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
    """How each fault looks to the function, for one kind of I/O.

    `conflict` gets the call, because some services do the work and then return nonsense.
    """

    error: Callable[[], Exception]
    conflict: Callable[[Call], Any]
    timeout: Callable[[], Exception]
    resent: Callable[[Call], Any]


class Gate:
    """Lets the I/Os pass one after the other. `passed` names all of them, in order; `hit` names the broken ones.

    An I/O whose label contains a key of `absent` only gets the answer given there.
    """

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick
        self.before: Callable[[str], None] = lambda label: None
        self.reset({})

    def reset(self, plan: Plan) -> None:
        """Start a new run with this plan and without history."""
        self.plan = plan
        self.passed: list[str] = []
        self.hit: list[str] = []
        self.absent: Mapping[str, Callable[[Call], Any]] = {}

    def __call__(self, label: str, call: Call, troubles: Troubles) -> Any:
        self.before(label)
        self.passed.append(label)
        self._tick()
        fault = self.plan.get(len(self.passed))
        absent = next((answer for name, answer in self.absent.items() if name in label), None)
        if fault is None and absent is None:
            return call()
        self.hit.append(label)
        return absent(call) if absent else _broken(fault, call, troubles)

    @property
    def broken(self) -> int:
        """Return the number of broken I/Os."""
        return len(self.hit)


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
