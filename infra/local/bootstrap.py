"""The program of a worker process: `bootstrap.py <module>.handler <parent> <clock>`."""

import os
import runpy
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def main(handler: str, parent: str, clock: str) -> None:
    """Serve `handler` while the process `parent` lives. The file `clock` moves the time."""
    die_with(int(parent))
    set_clock = Clock(Path(clock)).set
    set_clock()
    # Lambda's own client needs `runtime_client`, its compiled part.
    if find_spec("awslambdaric") and find_spec("runtime_client"):
        serve_as_lambda_does(handler, set_clock)
    else:
        own_client = runpy.run_path(str(Path(__file__).with_name("portable_client.py")))
        own_client["run"](handler, os.environ["AWS_LAMBDA_RUNTIME_API"], set_clock)


def serve_as_lambda_does(handler: str, before_each: Callable[[], None]) -> None:
    """Run Lambda's client and call `before_each` before each event.

    The client has no hook for it, so a method is replaced.
    """
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
    """Ask Linux to kill this process when its parent dies for any reason.

    On other systems the next call to the parent fails and ends the process.
    """
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 (not for every start)
    import signal  # noqa: PLC0415

    set_death_signal = 1  # PR_SET_PDEATHSIG of prctl(2)
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
    if os.getppid() != parent:  # the parent died before the request was made
        sys.exit(1)


class Clock:
    """Moves every clock of this process that gives a date by the number of seconds in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ahead = 0.0
        self._moved: Any = None

    def set(self) -> None:
        """Read the file and move the clock. A process with the real time imports nothing."""
        ahead = float(self._file.read_text())
        if ahead == self._ahead:
            return
        import time  # noqa: PLC0415

        import time_machine  # noqa: PLC0415

        self._ahead = ahead
        self._moved = self._moved or time_machine.travel(time.time(), tick=True).start()
        # Start from the real time. Otherwise this clock would lag behind the others by the time this call took.
        self._moved.shift(time_machine.escape_hatch.time.time() + ahead - time.time())


if __name__ == "__main__":
    main(*sys.argv[1:])
