"""docs/reliability.md, from what a run of `make prove` found."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
HEAD = """# How it is proved that no đồng is lost

Written by `make prove`; do not edit. The promises (I1 to I17 and the rest) are checked by
`tests/simulation/invariants.py`: those on safety after every invocation of every function, the others when all has come
to rest. `docs/decisions.md` says how the simulation is built; the end of this page says what it does not show.
"""
NOT_SHOWN = """## What this does not show

- **The simulated DynamoDB is ours.** It is compared with moto by thousands of random operations
  (`tests/simulation/test_dynamodb.py`); where moto is known to be wrong (`test_dynamodb_rules.py`) AWS's documentation
  decides, and nobody has compared with a real table.
- **One process, one clock.** Clocks of different functions do not drift apart here, and time stands still while a
  function computes. ZaloPay's clock is the same one.
- **Conflicts between transactions and throttling are injected**, not born of load: as one item of a transaction, or
  as an error of one call. The SDK's own retries are left out, so that every error reaches the product.
- **Queries read all or nothing of a transaction**; AWS allows a Query to see a part. The indexes do not lag, except in
  the tests of the simulated table.
- **The stream** is one shard in order of commit. A batch comes again as a whole or by what was reported; it is not
  bisected. After the last retry a record is a dead letter, which counts as a violation.
- **Mail** leaves without its text, which takes longer to write than everything else together;
  `tests/unit/test_mail.py` reads the text.
- **API Gateway, EventBridge, SES, Secrets Manager and ZaloPay are simulators**, ZaloPay's by its documents and captured
  signatures. What its production does beside its documents is unknown to it as to us.
- Faults come one or two at a time in the sweep, any number in the histories. Three faults in one run are not exhausted.
- Schedules interleave I/Os of two or three functions, not of more, and each function runs once in them.
"""


class Result(NamedTuple):
    """What one piece of the work went through, and what it found."""

    part: str
    name: str
    count: int
    violations: list[str]
    more: Mapping[str, Any]


def write(results: Iterable[Result], seed: int, seconds: float) -> None:
    """The whole page."""
    of: dict[str, list[Result]] = {}
    for result in results:
        of.setdefault(result.part, []).append(result)
    parts = [HEAD, _figures(of, seed, seconds), _schedules(of["interleavings"]), _controls(of["controls"]), NOT_SHOWN]
    DOCUMENT.write_text("\n".join(parts), encoding="utf-8")


def _figures(of: Mapping[str, list[Result]], seed: int, seconds: float) -> str:
    points = sum(result.more["points"] for result in of["sweep"])
    rows = [
        ("Crash sweep: I/Os of all journeys, each broken in five ways", f"{points:,} points", of["sweep"], "sweep"),
        ("Crash sweep: two faults in one run, core journeys", "", of["pairs"], "pairs"),
        (
            "Interleavings: every schedule of every group",
            f"{len(of['interleavings'])} groups",
            of["interleavings"],
            "interleavings",
        ),
        ("Random histories of 30 steps", "", of["histories"], "histories"),
        ("Negative controls: defences taken out", "", of["controls"], "controls"),
    ]
    lines = ["| what | size | runs | violations | again |", "|---|---|---|---|---|"]
    for what, size, results, part in rows:
        runs, bad = sum(each.count for each in results), sum(len(each.violations) for each in results)
        command = f'`make prove ARGS="--only {part} --seed {seed}"`'
        lines.append(f"| {what} | {size} | {runs:,} | {bad} | {command} |")
    said = f"Seed {seed}, {seconds / 60:.0f} minutes. For the controls a violation is a defect that nothing noticed."
    return "\n".join([*lines, "", said, ""])


def _schedules(results: Iterable[Result]) -> str:
    lines = ["## Functions at the same time", "", "| who meets | schedules |", "|---|---|"]
    lines += [f"| {result.name} | {result.count:,} |" for result in sorted(results, key=lambda each: each.name)]
    return "\n".join([*lines, ""])


def _controls(results: Iterable[Result]) -> str:
    lines = ["## Defences taken out, and what noticed", "", "| the defect | noticed by | as |", "|---|---|---|"]
    for result in sorted(results, key=lambda each: each.name):
        found = _shortened(result.more["by"])
        lines.append(f"| {result.name} | {result.more['technique'] or '**nothing**'} | {found} |")
    return "\n".join([*lines, ""])


def _shortened(violation: str) -> str:
    """Which promise was broken where: without the numbers of one run."""
    where, _, what = violation.partition(": ")
    text = f"{where.split(' [')[0].split(' {')[0]}: {what.removeprefix('AssertionError: ').removeprefix('Violated: ')}"
    return text.replace("|", "‖")[:110]
