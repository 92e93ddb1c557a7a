"""Processes of measured functions, and Lambda's share of a CPU for them."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

ROOT = Path(__file__).parents[3]
PRODUCT = (ROOT / "functions", ROOT / "layers" / "shared" / "python")
PEERS = (Path(__file__).parent / "peers",)
PROBE = Path(__file__).with_name("probe.py")
WHOLE_CPU = 1769  # MB: the memory with which Lambda gives one CPU
_PERIOD = 20_000  # microseconds
_TIMEOUT = 900.0  # seconds, as Lambda's longest


class Call(NamedTuple):
    """One invocation: milliseconds of CPU time and on the wall, and the answer."""

    cpu: float
    wall: float
    answer: Any


class Program:
    """A function in a process of its own. `init` is the CPU time until its handler could be called, in ms."""

    def __init__(
        self,
        module: str,
        environment: Mapping[str, str],
        folders: tuple[Path, ...] = PRODUCT,
        seconds: float = _TIMEOUT,
    ) -> None:
        paths = {"PYTHONPATH": os.pathsep.join(map(str, folders)), "PATH": os.environ["PATH"], "PYTHONUTF8": "1"}
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", str(PROBE), module, str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**environment, **paths},
            text=True,
        )
        self.init = float(self._read()["cpu"])

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    def call(self, event: Mapping[str, Any]) -> Call:
        """Invoke it."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        return Call(**self._read())

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a measured function has ended with {self._process.wait()}")
        said: dict[str, Any] = json.loads(line)
        return said

    def stop(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Quota:
    """A control group that gives its processes the share of a CPU that Lambda gives for this memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def hold(self, *programs: Program) -> None:
        """Slow processes down from now on. They share the CPU, so only one of them may be at work."""
        for program in programs:
            (self._folder / "cgroup.procs").write_text(str(program.pid))


def share_of(memory: int) -> float:
    """Return the share of a CPU for a memory in MB."""
    return min(1.0, memory / WHOLE_CPU)


@contextlib.contextmanager
def quota(memory: int, top: Path = Path("/sys/fs/cgroup")) -> Iterator[Quota | None]:
    """Make the control group, or None where none can be written. Stop its processes before the end."""
    microseconds = round(share_of(memory) * _PERIOD)
    folder = None
    with contextlib.suppress(OSError):
        folder = _made(top, microseconds)
    try:
        yield Quota(folder) if folder else None
    finally:
        if folder:
            folder.rmdir()


def _made(top: Path, microseconds: int) -> Path:
    """Make a group of version 2 or 1. Raises OSError if that is not allowed."""
    settings = {"cpu.max": f"{microseconds} {_PERIOD}"}
    if not (top / "cgroup.controllers").exists():
        top /= "cpu"
        settings = {"cpu.cfs_period_us": str(_PERIOD), "cpu.cfs_quota_us": str(microseconds)}
    folder = top / f"stays-bench-{os.getpid()}-{microseconds}"
    folder.mkdir()
    try:
        for name, value in settings.items():
            (folder / name).write_text(value)
    except OSError:
        folder.rmdir()
        raise
    return folder
