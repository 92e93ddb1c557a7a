"""What a worker runs: `bootstrap.py <module>.handler <parent> <seconds ahead>`."""

import os
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path


def main(handler: str, parent: str, ahead: str) -> None:
    """Serve `handler`, `ahead` seconds in the future, for as long as the process `parent` lives."""
    die_with(int(parent))
    if float(ahead):
        shift_clock(float(ahead))
    sys.argv = ["awslambdaric", handler]
    # Lambda's own client, of which `runtime_client` is the part that is not Python.
    if find_spec("awslambdaric") and find_spec("runtime_client"):
        runpy.run_module("awslambdaric", run_name="__main__")
    else:
        runpy.run_path(str(Path(__file__).with_name("worker.py")), run_name="__main__")


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


def shift_clock(seconds: float) -> None:
    """Let every clock of this process that tells a date run `seconds` ahead."""
    import time  # noqa: PLC0415

    import time_machine  # noqa: PLC0415

    traveller = time_machine.travel(time.time() + seconds, tick=True).start()
    # The first start takes a while, by which this clock would lag behind those of the other processes.
    traveller.shift(time_machine.escape_hatch.time.time() + seconds - time.time())


if __name__ == "__main__":
    main(*sys.argv[1:])
