"""The parts of `make prove`, in pieces of work for one process each, and their results."""

from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from io import StringIO
from typing import Any, NamedTuple

from tests.proof.hostile.callbacks import flip_bits, forge
from tests.proof.hostile.requests import bad_requests
from tests.proof.load import load
from tests.proof.simulation.controls import caught
from tests.proof.simulation.defects import DEFECTS
from tests.proof.simulation.differential import compare, moto
from tests.proof.simulation.histories import histories
from tests.proof.simulation.interleavings import GROUPS, explore
from tests.proof.simulation.journeys import CORE, JOURNEYS
from tests.proof.simulation.service_failures import GONE, without
from tests.proof.simulation.sweep import pairs, sweep
from tests.proof.simulation.system import simulation

TRAVELLERS, SECONDS = 200, 60  # users of the load, and the time in which they arrive


class Result(NamedTuple):
    """The numbers of one piece of work, and its violations."""

    part: str
    name: str
    count: int
    violations: list[str]
    more: Mapping[str, Any] = {}


Work = Callable[..., Result]


class Chances(NamedTuple):
    """A random part: the least amount, and the amount per piece. Its work takes a seed and a number."""

    work: Work
    least: int
    at_once: int


def first_failure(seed: int | str, work: Callable[[], Any]) -> tuple[list[str], Any]:
    """Return no violation and the result of the work, or the first violation with the whole output."""
    said = StringIO()
    try:
        with redirect_stdout(said):
            return [], work()
    except Exception as error:  # noqa: BLE001 # the report must have every error
        notes = "\n".join(getattr(error, "__notes__", ()))
        return [f"seed {seed}: {type(error).__name__}: {error}\n{notes}{said.getvalue()}"], None


def swept(journey: str) -> Result:
    """Break every I/O of a journey in every way."""
    with simulation() as system:
        figures = sweep(system, (journey,))
    return Result("sweep", journey, figures.runs, figures.violations, {"points": figures.points})


def without_service(part: str) -> Result:
    """Run every journey while a service is gone or slow."""
    with simulation() as system:
        figures = without(system, part)
    return Result("gone", part, figures.runs, figures.violations)


def explored(group: str) -> Result:
    """Run every schedule of a group."""
    with simulation() as system:
        found = explore(system, group)
    return Result("interleavings", group, found.schedules, found.violations)


def controlled(number: int) -> Result:
    """Remove one defence. It is a violation if no test notices."""
    found = caught(DEFECTS[number])
    unnoticed = found.technique in ("", "its start")
    violations = [f"{found.what}: {found.technique or 'nothing noticed'} {found.violation}"] if unnoticed else []
    return Result("controls", found.what, 1, violations, {"technique": found.technique, "by": found.violation})


def flipped() -> Result:
    """Flip every bit of every callback."""
    violations, found = first_failure("none", flip_bits)
    return Result("flips", "", found.flips if found else 0, violations, found._asdict() if found else {})


def paired(seed: int, count: int) -> Result:
    """Run pairs of faults."""
    with simulation() as system:
        figures = pairs(system, CORE, seed, count)
    return Result("pairs", str(seed), figures.runs, figures.violations)


def lived(seed: int, count: int) -> Result:
    """Run random histories. The first one that breaks a promise is shown as short as possible."""
    with simulation() as system:
        violations, found = first_failure(seed, lambda: histories(system, count, seed))
    return Result("histories", str(seed), found["histories"] if found else 0, violations, found or {})


def forged(seed: int, count: int) -> Result:
    """Send callbacks with a MAC that was made without the key."""
    violations, found = first_failure(seed, lambda: forge(count, seed))
    return Result("forgeries", str(seed), found.refused if found else 0, violations)


def attacked(seed: int, count: int) -> Result:
    """Send faulty requests, and count those that were refused."""
    violations, found = first_failure(seed, lambda: bad_requests(count, seed))
    statuses = found.statuses if found else {}
    refused = sum(times for status, times in statuses.items() if status >= 400)
    return Result("requests", str(seed), refused, violations, {str(status): n for status, n in statuses.items()})


def compared(seed: int, count: int) -> Result:
    """Compare the simulated database with moto."""
    with moto():
        found = compare(count, seed)
    return Result("differential", str(seed), found.requests, found.differences, {"histories": count})


def loaded(seed: int) -> Result:
    """Let many users pay on the running system; it needs both cores."""
    violations, found = first_failure(seed, lambda: load(TRAVELLERS, SECONDS, seed))
    if found is None:
        return Result("load", str(seed), 0, violations)
    more = {**found.counts, **{f"đồng {name.replace('_', ' ')}": sum_ for name, sum_ in found.money._asdict().items()}}
    return Result("load", str(seed), found.travellers, list(found.violations), more)


WHOLE: Mapping[str, tuple[Work, tuple[tuple[Any, ...], ...]]] = {
    "interleavings": (explored, tuple((group,) for group in GROUPS)),
    "sweep": (swept, tuple((journey,) for journey in JOURNEYS)),
    "gone": (without_service, tuple((part,) for part in GONE)),
    "controls": (controlled, tuple((number,) for number in range(len(DEFECTS)))),
    "flips": (flipped, ((),)),
}
DRAWN: Mapping[str, Chances] = {
    "pairs": Chances(paired, 50_000, 2_500),
    "histories": Chances(lived, 5_000, 500),
    "forgeries": Chances(forged, 1_000_000, 100_000),
    "requests": Chances(attacked, 120_000, 10_000),
    "differential": Chances(compared, 500, 50),
}
PARTS = (*WHOLE, *DRAWN, "load")
