"""`make prove`: the long form of the net. Writes docs/reliability.md with every figure and the command beside it.

What every part has to go through at least is done first; what is left of the time goes to more of what is drawn, from
fresh seeds; at the end a crowd has the machine to itself. The seed is printed and written down: with it, everything is
drawn the same way.
"""

import argparse
import multiprocessing
import os
import secrets
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any, NamedTuple

from tests.proof.simulation.parts import DRAWN, PARTS, WHOLE, Result, Work, loaded
from tests.proof.simulation.report import Run, write

AT_ONCE = 2
LOAD_MINUTES = 3.1  # and for what still runs when its time begins


class Task(NamedTuple):
    """A piece of work for one process."""

    part: str
    work: Work
    arguments: tuple[Any, ...]


def least(seed: int) -> Iterator[Task]:
    """What has to be done whatever it takes, the longest first."""
    for part, (work, pieces) in WHOLE.items():
        yield from (Task(part, work, piece) for piece in pieces)
    for part, chances in DRAWN.items():
        for number in range(chances.least // chances.at_once):
            yield Task(part, chances.work, (seed + number, chances.at_once))


def more(seed: int) -> Iterator[Task]:
    """For as long as there is time."""
    while True:
        seed += 1000
        for part, chances in DRAWN.items():
            yield Task(part, chances.work, (seed, chances.at_once))


def run(tasks: Iterator[Task], further: Iterator[Task], until: float) -> list[Result]:
    """All tasks, then further ones until the time is over; two at a time."""
    results: list[Result] = []
    with ProcessPoolExecutor(AT_ONCE, multiprocessing.get_context("spawn")) as pool:
        running: list[tuple[Task, Future[Result]]] = []
        while True:
            while len(running) < AT_ONCE:
                task = next(tasks, None) or (next(further, None) if time.monotonic() < until else None)
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
            results.append(result_of(*done))
            say(results[-1])


def result_of(task: Task, done: Future[Result]) -> Result:
    """What came of it; a piece that broke off has shown nothing, which is a violation."""
    error = done.exception()
    if error is None:
        return done.result()
    name = ", ".join(map(str, task.arguments))
    return Result(task.part, name, 0, [f"{task.part} {name} broke off: {type(error).__name__}: {error}"])


def say(result: Result) -> None:
    """One line for what is done; all of what went wrong."""
    sys.stdout.write(f"{result.part:14} {result.name[:60]:60} {result.count:7}\n")
    for violation in result.violations:
        sys.stdout.write(f"  VIOLATION {violation}\n")
    sys.stdout.flush()


def proved(only: str | None, seed: int, until: float) -> list[Result]:
    """All parts, or one of them. A load comes last and alone, because it takes both cores."""
    chosen = (task for task in least(seed) if only in (None, task.part))
    further = (task for task in more(seed) if only in (None, task.part)) if only in (None, *DRAWN) else iter(())
    results = run(chosen, further, until)
    if only in (None, "load"):
        results.append(loaded(seed))
        say(results[-1])
    return results


def parser() -> argparse.ArgumentParser:
    """What can be typed."""
    typed = argparse.ArgumentParser(prog="python -m tests.proof.simulation.prove", description=__doc__)
    typed.add_argument("--minutes", type=float, default=15, help="of which the load at the end takes about two")
    typed.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    typed.add_argument("--only", choices=PARTS)
    return typed


def main() -> int:
    """The command line."""
    options = parser().parse_args()
    sys.stdout.write(f"seed {options.seed}, {os.cpu_count()} cores\n")
    began = time.monotonic()
    kept = LOAD_MINUTES if options.only is None else 0
    results = proved(options.only, options.seed, began + 60 * (options.minutes - kept))
    violations = sum(len(result.violations) for result in results)
    seconds = time.monotonic() - began
    sys.stdout.write(f"{len(results)} pieces, {violations} violations, {seconds:.0f} s\n")
    if options.only is None:
        write(results, Run(options.seed, options.minutes, seconds, os.cpu_count() or 1))
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
