"""What a worker runs: `bootstrap.py <module>.handler <parent> <clock>`."""

import os
import runpy
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def main(handler: str, parent: str, clock: str) -> None:
    """Serve `handler` by the time that the file `clock` tells, for as long as the process `parent` lives."""
    die_with(int(parent))
    set_clock = Clock(Path(clock)).set
    set_clock()
    # Lambda's own client, of which `runtime_client` is the part that is not Python.
    if find_spec("awslambdaric") and find_spec("runtime_client"):
        serve_as_lambda_does(handler, set_clock)
    else:
        own_client = runpy.run_path(str(Path(__file__).with_name("worker.py")))
        own_client["run"](handler, os.environ["AWS_LAMBDA_RUNTIME_API"], set_clock)


def serve_as_lambda_does(handler: str, before_each: Callable[[], None]) -> None:
    """Run Lambda's client, which has no hook of its own between an event's arrival and its handler."""
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient  # noqa: PLC0415 (not on every machine)

    wait = LambdaRuntimeClient.wait_next_invocation

    def wait_and_prepare(client: Any) -> Any:
        request = wait(client)
        before_each()
        return request

    LambdaRuntimeClient.wait_next_invocation = wait_and_prepare
    sys.argv = ["awslambdaric", handler]
    runpy.run_module("awslambdaric", run_name="__main__")


def die_with(parent: int) -> None:
    """Linux kills this process when its parent dies, however it dies; elsewhere the next call to the parent fails."""
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 (not for every start)
    import signal  # noqa: PLC0415

    set_death_signal = 1  # PR_SET_PDEATHSIG of prctl(2)
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
    if os.getppid() != parent:  # it died before it was asked
        sys.exit(1)


class Clock:
    """Every clock of this process that tells a date, kept as many seconds ahead as a file says."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ahead = 0.0
        self._moved: Any = None

    def set(self) -> None:
        """Follow the file; a process whose time is the real one has nothing to import."""
        ahead = float(self._file.read_text())
        if ahead == self._ahead:
            return
        import time  # noqa: PLC0415

        import time_machine  # noqa: PLC0415

        self._ahead = ahead
        self._moved = self._moved or time_machine.travel(time.time(), tick=True).start()
        # By what it took to get here this clock would lag behind those of the other processes.
        self._moved.shift(time_machine.escape_hatch.time.time() + ahead - time.time())


if __name__ == "__main__":
    main(*sys.argv[1:])
