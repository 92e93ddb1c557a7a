"""`make prove`: the long form of the net. Writes docs/reliability.md with every figure and the command beside it.

What every part has to go through at least is done first; what is left of the time goes to more histories and more
pairs of faults, from fresh seeds. The seed is printed and written down: with it, everything is drawn the same way.
"""

import argparse
import multiprocessing
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from tests.simulation.controls import caught
from tests.simulation.defects import DEFECTS
from tests.simulation.histories import histories
from tests.simulation.interleavings import GROUPS, explore
from tests.simulation.journeys import CORE, JOURNEYS
from tests.simulation.report import Result, write
from tests.simulation.sweep import Figures, pairs, sweep
from tests.simulation.system import simulation

PAIRS, PAIRS_AT_ONCE = 50_000, 2_500
HISTORIES, HISTORIES_AT_ONCE = 5_000, 500
AT_ONCE = 2


@dataclass
class Task:
    """A piece of work for one process: which part it belongs to, and what it adds to it."""

    part: str
    name: str
    work: Callable[..., Result]
    arguments: tuple[Any, ...] = field(default=())


def swept(journey: str) -> Result:
    """Every I/O of a journey, broken in every way."""
    with simulation() as system:
        figures = sweep(system, (journey,))
    return Result("sweep", journey, figures.runs, figures.violations, {"points": figures.points})


def paired(seed: int, count: int) -> Result:
    """Two faults in one run."""
    with simulation() as system:
        figures: Figures = pairs(system, CORE, seed, count)
    return Result("pairs", str(seed), figures.runs, figures.violations, {})


def explored(group: str) -> Result:
    """Every schedule of a group."""
    with simulation() as system:
        found = explore(system, group)
    return Result("interleavings", group, found.schedules, found.violations, {})


def lived(seed: int, count: int) -> Result:
    """Random histories; the first that breaks a promise is shown as short as it can be made."""
    said, violations = StringIO(), []
    with simulation() as system:
        try:
            with redirect_stdout(said):
                histories(system, count, seed)
        except Exception as error:  # noqa: BLE001  # whatever it is, it belongs into the report
            violations.append(f"seed {seed}: {type(error).__name__}: {error}\n{said.getvalue()}")
    return Result("histories", str(seed), count, violations, {})


def controlled(number: int) -> Result:
    """One defence taken out: it is a violation if nobody notices."""
    found = caught(DEFECTS[number])
    unnoticed = found.technique in ("", "its start")
    violations = [f"{found.what}: {found.technique or 'nothing noticed'} {found.violation}"] if unnoticed else []
    return Result("controls", found.what, 1, violations, {"technique": found.technique, "by": found.violation})


def least(seed: int) -> Iterator[Task]:
    """What has to be done whatever it takes, the longest first."""
    for group in GROUPS:
        yield Task("interleavings", group, explored, (group,))
    for journey in JOURNEYS:
        yield Task("sweep", journey, swept, (journey,))
    for number in range(len(DEFECTS)):
        yield Task("controls", DEFECTS[number].what, controlled, (number,))
    for chunk in range(PAIRS // PAIRS_AT_ONCE):
        yield Task("pairs", str(seed + chunk), paired, (seed + chunk, PAIRS_AT_ONCE))
    for chunk in range(HISTORIES // HISTORIES_AT_ONCE):
        yield Task("histories", str(seed + chunk), lived, (seed + chunk, HISTORIES_AT_ONCE))


def more(seed: int) -> Iterator[Task]:
    """For as long as there is time."""
    while True:
        seed += 1000
        yield Task("histories", str(seed), lived, (seed, HISTORIES_AT_ONCE))
        yield Task("pairs", str(seed), paired, (seed, PAIRS_AT_ONCE))


def run(tasks: Iterator[Task], further: Iterator[Task], until: float) -> list[Result]:
    """All tasks, then further ones until the time is over; two at a time."""
    results: list[Result] = []
    with ProcessPoolExecutor(AT_ONCE, multiprocessing.get_context("spawn")) as pool:
        running: list[tuple[Task, Future[Result]]] = []
        while True:
            while len(running) < AT_ONCE:
                task = next(tasks, None) or (next(further) if time.monotonic() < until else None)
                if task is None:
                    break
                running.append((task, pool.submit(task.work, *task.arguments)))
            if not running:
                return results
            done = next((each for each in running if each[1].done()), None)
            if done is None:
                time.sleep(0.05)
                continue
            running.remove(done)
            results.append(done[1].result())
            say(results[-1])


def say(result: Result) -> None:
    """One line for what is done; all of what went wrong."""
    sys.stdout.write(f"{result.part:14} {result.name[:60]:60} {result.count:7}\n")
    for violation in result.violations:
        sys.stdout.write(f"  VIOLATION {violation}\n")
    sys.stdout.flush()


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.prove", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--only", choices=("interleavings", "sweep", "controls", "pairs", "histories"))
    options = parser.parse_args()
    sys.stdout.write(f"seed {options.seed}, {os.cpu_count()} cores\n")
    began = time.monotonic()
    chosen = (task for task in least(options.seed) if options.only in (None, task.part))
    further = (task for task in more(options.seed) if options.only in (None, task.part))
    until = began + 60 * options.minutes if options.only in (None, "pairs", "histories") else began
    results = run(chosen, further, until)
    violations = sum(len(result.violations) for result in results)
    sys.stdout.write(f"{len(results)} parts, {violations} violations, {time.monotonic() - began:.0f} s\n")
    if options.only is None:
        write(results, options.seed, time.monotonic() - began)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
