"""`make prove`: the long run of the fault tests. It writes docs/reliability.md with every figure and its command.

First every part does its least amount. The rest of the time goes to more random work with new seeds. At the end the
load test runs alone on the machine. The seed is printed and written down: the same seed draws the same work.
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
LOAD_MINUTES = 3.1  # includes the time of work that still runs when the load is due


class Task(NamedTuple):
    """A piece of work for one process."""

    part: str
    work: Work
    arguments: tuple[Any, ...]


def least(seed: int) -> Iterator[Task]:
    """Return the work that is always done, the longest first."""
    for part, (work, pieces) in WHOLE.items():
        yield from (Task(part, work, piece) for piece in pieces)
    for part, chances in DRAWN.items():
        for number in range(chances.least // chances.at_once):
            yield Task(part, chances.work, (seed + number, chances.at_once))


def more(seed: int) -> Iterator[Task]:
    """Return more work without end, for the remaining time."""
    while True:
        seed += 1000
        for part, chances in DRAWN.items():
            yield Task(part, chances.work, (seed, chances.at_once))


def run(tasks: Iterator[Task], further: Iterator[Task], until: float) -> list[Result]:
    """Run all tasks, then further ones until the time is over; two at a time."""
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
    """Return the result of a piece. A piece that crashed has shown nothing, so it counts as a violation."""
    error = done.exception()
    if error is None:
        return done.result()
    name = ", ".join(map(str, task.arguments))
    return Result(task.part, name, 0, [f"{task.part} {name} failed: {type(error).__name__}: {error}"])


def say(result: Result) -> None:
    """Print one line for a finished piece, and all its violations."""
    sys.stdout.write(f"{result.part:14} {result.name[:60]:60} {result.count:7}\n")
    for violation in result.violations:
        sys.stdout.write(f"  VIOLATION {violation}\n")
    sys.stdout.flush()


def proved(only: str | None, seed: int, until: float) -> list[Result]:
    """Run all parts, or one of them. A load runs last and alone, because it needs both cores."""
    chosen = (task for task in least(seed) if only in (None, task.part))
    further = (task for task in more(seed) if only in (None, task.part)) if only in (None, *DRAWN) else iter(())
    results = run(chosen, further, until)
    if only in (None, "load"):
        results.append(loaded(seed))
        say(results[-1])
    return results


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    typed = argparse.ArgumentParser(prog="python -m tests.proof.simulation.prove", description=__doc__)
    typed.add_argument(
        "--minutes",
        type=float,
        default=15,
        help="minutes for the whole run; the load at the end takes about two of them",
    )
    typed.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    typed.add_argument("--only", choices=PARTS)
    return typed


def main() -> int:
    """Run the command line."""
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
