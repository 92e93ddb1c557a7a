"""Looks for one violation in the product at hand: `python -m tests.proof.simulation.search SCENT`.

The hunt begins at the scent and goes on with everything else. The first printed line names the technique that found a
violation, and the second line the violation. Both are empty if it found none.
"""

import contextlib
import io
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from tests.proof.simulation.gate import FIVE
from tests.proof.simulation.histories import histories
from tests.proof.simulation.interleavings import GROUPS, explore
from tests.proof.simulation.journeys import JOURNEYS
from tests.proof.simulation.service_failures import GONE, without
from tests.proof.simulation.sweep import Figures, attempt
from tests.proof.simulation.system import System, simulation

SWEPT = ("paid", "nobody_looks", "paid_too_late", "cancelled", "create_unanswered")
HISTORIES = 300
SCHEDULES = 150  # per group, unless the scent names it

Technique = Callable[[System], Iterator[str]]


def on_good_days(system: System) -> Iterator[str]:
    """Run every journey without faults."""
    for journey in JOURNEYS:
        figures = Figures()
        attempt(system, journey, {}, figures)
        yield from figures.violations


def crashes(system: System, journeys: Iterable[str] = SWEPT) -> Iterator[str]:
    """Break every I/O of some journeys in every way."""
    for journey in journeys:
        figures = Figures()
        points = attempt(system, journey, {}, figures)
        for point in range(1, points + 1):
            for fault in FIVE:
                attempt(system, journey, {point: fault}, figures)
                yield from figures.violations


def bereft(system: System) -> Iterator[str]:
    """Run every journey while a service is gone."""
    for part in GONE:
        yield from without(system, part).violations


def schedules(system: System, groups: Iterable[str] = tuple(GROUPS), limit: int | None = SCHEDULES) -> Iterator[str]:
    """Run the schedules of some groups."""
    for name in groups:
        yield from explore(system, name, limit, stop=True).violations


def random_histories(system: System) -> Iterator[str]:
    """Run some histories."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            histories(system, HISTORIES, None)
    except Exception as error:  # noqa: BLE001 # every error is a find
        yield f"{type(error).__name__}: {error}"


TECHNIQUES: dict[str, Technique] = {
    "journeys": on_good_days,
    "histories": random_histories,
    "gone": bereft,
    "crash sweep": crashes,
    "interleavings": schedules,
}


def beginning(scent: str) -> tuple[str, Technique]:
    """Return the technique that a scent names, limited to its part."""
    if scent in GROUPS:
        return "interleavings", partial(schedules, groups=(scent,), limit=None)
    if scent.startswith("sweep "):
        return "crash sweep", partial(crashes, journeys=(scent.removeprefix("sweep "),))
    return scent, TECHNIQUES[scent]


def hunt(system: System, scent: str) -> tuple[str, str]:
    """Return the technique that found a violation, and the violation; two empty texts if none did."""
    for name, technique in (beginning(scent), *TECHNIQUES.items()):
        found = next(technique(system), None)
        if found is not None:
            return name, found
    return "", ""


def main() -> None:
    """Print the result of the hunt."""
    with simulation() as system:
        technique, violation = hunt(system, sys.argv[1])
    sys.stdout.write(f"{technique}\n{violation}\n")


if __name__ == "__main__":
    main()
