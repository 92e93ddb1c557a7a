"""The crash sweep: breaks every I/O of every journey in every way, alone and in pairs. Then all must end well."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.proof.simulation.gate import FIVE, Fault, Plan
from tests.proof.simulation.invariants import Invariants
from tests.proof.simulation.journeys import JOURNEYS
from tests.proof.simulation.system import System


@dataclass
class Figures:
    """The numbers of a sweep."""

    points: int = 0
    runs: int = 0
    violations: list[str] = field(default_factory=list)

    def add(self, other: "Figures") -> None:
        """Add the numbers of another sweep."""
        self.points += other.points
        self.runs += other.runs
        self.violations += other.violations


def run(system: System, journey: str, plan: Plan) -> list[str]:
    """Run one journey under a plan until all is at rest. Return its I/Os. Raises Violated."""
    system.reset(plan)
    invariants = Invariants(system)
    JOURNEYS[journey](system)
    system.drain()
    invariants.at_rest()
    return system.gate.passed


def attempt(system: System, journey: str, plan: Plan, figures: Figures) -> int:
    """Run one journey and count it. A violation is noted with the plan that repeats it."""
    figures.runs += 1
    try:
        return len(run(system, journey, plan))
    except Exception as error:  # noqa: BLE001 # the report must have every error
        named = {number: fault.value for number, fault in plan.items()}
        figures.violations.append(f"{journey} {named}: {type(error).__name__}: {error}")
        return len(system.gate.passed)


def sweep(system: System, journeys: Sequence[str] = tuple(JOURNEYS), faults: Sequence[Fault] = FIVE) -> Figures:
    """Depth 1: every I/O, every fault."""
    figures = Figures()
    for journey in journeys:
        points = attempt(system, journey, {}, figures)
        figures.points += points
        for point in range(1, points + 1):
            for fault in faults:
                attempt(system, journey, {point: fault}, figures)
    return figures


def pairs(system: System, journeys: Sequence[str], seed: int, count: int) -> Figures:
    """Depth 2: two faults in one run, drawn from all pairs. The second I/O is one that the first run reached."""
    chance = random.Random(seed)  # noqa: S311  # nothing here is a secret
    figures = Figures()
    lengths = {journey: attempt(system, journey, {}, figures) for journey in journeys}
    for _ in range(count):
        journey = chance.choice(journeys)
        first, second = sorted(chance.sample(range(1, lengths[journey] + 8), 2))
        attempt(system, journey, {first: chance.choice(FIVE), second: chance.choice(FIVE)}, figures)
    return figures
