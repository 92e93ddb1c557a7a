"""Looks for one violation in the product at hand: `python -m tests.proof.simulation.search TECHNIQUE`.

The search begins with the named technique and goes on with all others. The first printed line names the technique that
found a violation, and the second line the violation. Both are empty if it found none.
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
SCHEDULES = 150  # per group, unless its name is given

Technique = Callable[[System], Iterator[str]]


def run_journeys(system: System) -> Iterator[str]:
    """Run every journey without faults."""
    for journey in JOURNEYS:
        figures = Figures()
        attempt(system, journey, {}, figures)
        yield from figures.violations


def break_calls(system: System, journeys: Iterable[str] = SWEPT) -> Iterator[str]:
    """Break every I/O of some journeys in every way."""
    for journey in journeys:
        figures = Figures()
        points = attempt(system, journey, {}, figures)
        for point in range(1, points + 1):
            for fault in FIVE:
                attempt(system, journey, {point: fault}, figures)
                yield from figures.violations


def without_services(system: System, parts: Iterable[str] = tuple(GONE)) -> Iterator[str]:
    """Run every journey while a service is gone."""
    for part in parts:
        yield from without(system, part).violations


def run_schedules(
    system: System, groups: Iterable[str] = tuple(GROUPS), limit: int | None = SCHEDULES
) -> Iterator[str]:
    """Run the schedules of some groups."""
    for name in groups:
        yield from explore(system, name, limit, stop=True).violations


def run_histories(system: System) -> Iterator[str]:
    """Run some histories."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            histories(system, HISTORIES, None)
    except Exception as error:  # noqa: BLE001 # every error is a violation
        yield f"{type(error).__name__}: {error}"


TECHNIQUES: dict[str, Technique] = {
    "journeys": run_journeys,
    "histories": run_histories,
    "gone": without_services,
    "crash sweep": break_calls,
    "interleavings": run_schedules,
}


def first_technique(technique_name: str) -> tuple[str, Technique]:
    """Return the technique of this name. A group, a journey or a service limits it to that part."""
    if technique_name in GROUPS:
        return "interleavings", partial(run_schedules, groups=(technique_name,), limit=None)
    if technique_name.startswith("without "):
        return "gone", partial(without_services, parts=(technique_name.removeprefix("without "),))
    if technique_name.startswith("sweep "):
        return "crash sweep", partial(break_calls, journeys=(technique_name.removeprefix("sweep "),))
    return technique_name, TECHNIQUES[technique_name]


def search(system: System, technique_name: str) -> tuple[str, str]:
    """Return the technique that found a violation, and the violation; two empty texts if none did."""
    for name, technique in (first_technique(technique_name), *TECHNIQUES.items()):
        found = next(technique(system), None)
        if found is not None:
            return name, found
    return "", ""


def main() -> None:
    """Print the result of the search."""
    with simulation() as system:
        technique, violation = search(system, sys.argv[1])
    sys.stdout.write(f"{technique}\n{violation}\n")


if __name__ == "__main__":
    main()
