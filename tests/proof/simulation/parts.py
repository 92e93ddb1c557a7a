"""The parts of the long form, in pieces of work for one process each, and what came of them."""

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
from tests.proof.simulation.gone import GONE, without
from tests.proof.simulation.histories import histories
from tests.proof.simulation.interleavings import GROUPS, explore
from tests.proof.simulation.journeys import CORE, JOURNEYS
from tests.proof.simulation.sweep import pairs, sweep
from tests.proof.simulation.system import simulation

TRAVELLERS, SECONDS = 200, 60  # of the load, and how long they keep coming


class Result(NamedTuple):
    """What one piece went through, and what it found."""

    part: str
    name: str
    count: int
    violations: list[str]
    more: Mapping[str, Any] = {}


Work = Callable[..., Result]


class Chances(NamedTuple):
    """A part that is drawn: how much of it has to be, how much is at a time. Its work takes a seed and a number."""

    work: Work
    least: int
    at_once: int


def first_failure(seed: int | str, work: Callable[[], Any]) -> tuple[list[str], Any]:
    """Nothing and what the work answers; or the first thing that went wrong in it, with all that was said."""
    said = StringIO()
    try:
        with redirect_stdout(said):
            return [], work()
    except Exception as error:  # noqa: BLE001  # whatever it is, it belongs into the report
        notes = "\n".join(getattr(error, "__notes__", ()))
        return [f"seed {seed}: {type(error).__name__}: {error}\n{notes}{said.getvalue()}"], None


def swept(journey: str) -> Result:
    """Every I/O of a journey, broken in every way."""
    with simulation() as system:
        figures = sweep(system, (journey,))
    return Result("sweep", journey, figures.runs, figures.violations, {"points": figures.points})


def bereft(part: str) -> Result:
    """Every journey while something that the functions lean on is gone or slow."""
    with simulation() as system:
        figures = without(system, part)
    return Result("gone", part, figures.runs, figures.violations)


def explored(group: str) -> Result:
    """Every schedule of a group."""
    with simulation() as system:
        found = explore(system, group)
    return Result("interleavings", group, found.schedules, found.violations)


def controlled(number: int) -> Result:
    """One defence taken out: it is a violation if nobody notices."""
    found = caught(DEFECTS[number])
    unnoticed = found.technique in ("", "its start")
    violations = [f"{found.what}: {found.technique or 'nothing noticed'} {found.violation}"] if unnoticed else []
    return Result("controls", found.what, 1, violations, {"technique": found.technique, "by": found.violation})


def flipped() -> Result:
    """Every bit of every callback, turned over."""
    violations, found = first_failure("none", flip_bits)
    return Result("flips", "", found.flips if found else 0, violations, found._asdict() if found else {})


def paired(seed: int, count: int) -> Result:
    """Two faults in one run."""
    with simulation() as system:
        figures = pairs(system, CORE, seed, count)
    return Result("pairs", str(seed), figures.runs, figures.violations)


def lived(seed: int, count: int) -> Result:
    """Random histories; the first that breaks a promise is shown as short as it can be made."""
    with simulation() as system:
        violations, found = first_failure(seed, lambda: histories(system, count, seed))
    return Result("histories", str(seed), found["histories"] if found else 0, violations, found or {})


def forged(seed: int, count: int) -> Result:
    """Callbacks with a MAC that nobody could make."""
    violations, found = first_failure(seed, lambda: forge(count, seed))
    return Result("forgeries", str(seed), found.refused if found else 0, violations)


def attacked(seed: int, count: int) -> Result:
    """Requests with something wrong; counted are those that were refused."""
    violations, found = first_failure(seed, lambda: bad_requests(count, seed))
    statuses = found.statuses if found else {}
    refused = sum(times for status, times in statuses.items() if status >= 400)
    return Result("requests", str(seed), refused, violations, {str(status): n for status, n in statuses.items()})


def compared(seed: int, count: int) -> Result:
    """The simulated database beside moto."""
    with moto():
        found = compare(count, seed)
    return Result("differential", str(seed), found.requests, found.differences, {"histories": count})


def loaded(seed: int) -> Result:
    """A crowd on the running system; it takes both cores."""
    violations, found = first_failure(seed, lambda: load(TRAVELLERS, SECONDS, seed))
    if found is None:
        return Result("load", str(seed), 0, violations)
    more = {**found.counts, **{f"đồng {name.replace('_', ' ')}": sum_ for name, sum_ in found.money._asdict().items()}}
    return Result("load", str(seed), found.travellers, list(found.violations), more)


WHOLE: Mapping[str, tuple[Work, tuple[tuple[Any, ...], ...]]] = {
    "interleavings": (explored, tuple((group,) for group in GROUPS)),
    "sweep": (swept, tuple((journey,) for journey in JOURNEYS)),
    "gone": (bereft, tuple((part,) for part in GONE)),
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
