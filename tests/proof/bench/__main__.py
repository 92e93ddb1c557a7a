"""`make bench`: measures the product beside a naive peer and the bare limit, in turns, and writes docs/performance.md.

Times depend on the machine: read the ratios. With `--rounds` it is short, and writes nothing.
"""

import argparse
import sys
import time
from typing import NamedTuple

from tests.proof.bench import capacity, cost
from tests.proof.bench.clock import clock
from tests.proof.bench.end_to_end import Times, end_to_end, steps_table, told_rows
from tests.proof.bench.fan_out import messages
from tests.proof.bench.local_run import local_run
from tests.proof.bench.page import Section, page, write
from tests.proof.bench.rows import Row
from tests.proof.bench.starts import cold_starts, inits, parts_of_a_start
from tests.proof.bench.stays import Side, variables
from tests.proof.bench.surroundings import Surroundings
from tests.proof.bench.warm import Acts, play, sums, times, traffic_table


class Size(NamedTuple):
    """How much is measured."""

    rounds: int  # stays that are paid one after the other, for each size of the table
    warm: int  # stays of product and peer in turns
    turns: int  # of starts, messages and the clock
    results: int  # of the auction night
    due: int  # items of the clock
    stays: tuple[int, ...]  # in the table before


FULL = Size(rounds=100, warm=40, turns=7, results=10_000, due=25_000, stays=(100, 10_000, 100_000))
_DAY = 86_400


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    typed = argparse.ArgumentParser(prog="python -m tests.proof.bench.__main__", description=__doc__)
    typed.add_argument("--gate", action="store_true", help="end with 1 if a goal is missed")
    typed.add_argument("--rounds", type=int, help="a short run with so many stays; it writes no page")
    return typed


def size_of(rounds: int | None) -> Size:
    """Return the size of a run."""
    if rounds is None:
        return FULL
    return Size(rounds=max(2, rounds), warm=rounds, turns=1, results=100, due=400, stays=(10,))


class Found(NamedTuple):
    """All figures of a run."""

    sections: list[Section]
    pictures: dict[str, dict[str, float]]
    latency: dict[int, Times]

    @property
    def rows(self) -> list[Row]:
        """All rows."""
        return [row for section in self.sections for row in section.rows]


def measure(size: Size) -> Found:
    """Measure everything."""
    surroundings = Surroundings()
    with local_run("--schedule", str(_DAY)) as local:
        sides = Side("product", local, surroundings), Side("naive", local, surroundings)
        try:
            found = variables(local, surroundings)
            product, peer, limit = play(sides, size.warm)
            starts = [*inits(found, size.turns)]
            cold = cold_starts(sides, size.turns)
            sent = messages(sides, size.turns, size.results)
            attended = clock(sides[0], max(1, size.turns // 2), size.due)
            parts = parts_of_a_start(found)
        finally:
            for side in sides:
                side.stop()
    latency = end_to_end(size.rounds, size.stays)
    sections = [
        Section("INIT of each function, CPU ms", starts),
        Section("Cold starts", cold),
        Section("Warm invocations, CPU ms", times(product, peer, limit)),
        Section("Calls, units and money", sums(product, peer), traffic_table(product, peer)),
        Section("Messages", sent),
        Section("Clock", attended),
        Section("End to end on the local run, ms", told_rows(latency, size.stays), steps_table(latency)),
        Section("What breaks first", [], _capacity(product, sent, attended)),
    ]
    return Found(sections, parts, latency)


def _capacity(product: Acts, sent: list[Row], attended: list[Row]) -> str:
    night = next(row for row in reversed(sent) if not row.missing)
    billed = {name: cost.billed_ms(name, each) for name, each in product.items()}
    measured = capacity.Measured(
        messages=night.value,
        clock=None if attended[0].missing else attended[0].value,
        write_units=cost.write_units(product),
        stay_ms=sum(billed.values()),
    )
    return f"{capacity.breaks_first(measured)}\n\n{capacity.capacity_table(measured)}"


def main() -> int:
    """Return the exit code."""
    chosen, began = parser().parse_args(), time.monotonic()
    found = measure(size_of(chosen.rounds))
    text = page(found.sections, time.monotonic() - began)
    print(text)
    if chosen.rounds is None:
        write(text, found.pictures, found.latency)
    missed = [row for row in found.rows if row.missed]
    print(
        f"{len(missed)} goals are missed." if missed else "Every goal is met.", *(row.what for row in missed), sep="\n"
    )
    return 1 if chosen.gate and missed else 0


if __name__ == "__main__":
    sys.exit(main())
