"""Writes docs/reliability.md from the results of `make prove`."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.proof.simulation.parts import Result

DOCUMENT = Path(__file__).parents[3] / "docs" / "reliability.md"
HEAD = """# How it is proved that no đồng is lost

Written by `make prove`; do not edit. The promises (I1 to I17 and the rest) are checked by
`tests/proof/simulation/invariants.py`: those on safety after every invocation of every function, the others when all
has come to rest. `docs/decisions/` says how the simulation is built; the end of this page says what it does not show.

Beside I1 to I17: every night that was awarded is past, booked, released after its award ended, or taken back, once all
has come to rest (`nights`); an award has one open order (`one order`), and none is opened for nights for which the same
user's money moves (`moving`); no refund is more than what is owed (I6), and each has a reason of the table of money
(I8); an undisturbed round of the clock leaves no order open 48 hours after its end, nor 30 minutes where ZaloPay says
that nobody paid (L3); what has a right MAC is recorded, kept or alarmed (I12). How a payment stands (`status`,
`sessions`) is answered whenever the stays table answers.

Whether the tests themselves would notice a slip of the pen is counted apart: [mutants.md](mutants.md) (`make mutate`).
"""
NOT_SHOWN = """## What this does not show

- **The simulated DynamoDB is ours.** It is compared with moto by tens of thousands of random requests (above, and at
  every push `tests/proof/simulation/test_dynamodb.py`); where moto is known to be wrong (`test_dynamodb_rules.py`,
  `both.py`) AWS's documentation decides, and nobody has compared with a real table.
- **One process, one clock.** Clocks of different functions do not drift apart here, and time stands still while a
  function computes. ZaloPay's clock is the same one.
- **Conflicts between transactions and throttling are injected**, not born of load: as one item of a transaction, or
  as an error of one call. The SDK's own retries are left out, so that every error reaches the product.
- **Queries read all or nothing of a transaction**; AWS allows a Query to see a part. The indexes do not lag, except in
  the tests of the simulated table.
- **The stream** is one shard in order of commit. A batch comes again as a whole or by what was reported; it is not
  bisected. After the last retry a record is a dead letter, which counts as a violation, unless as many faults were
  injected as it takes.
- **Mail** leaves without its text, which takes longer to write than everything else together;
  `tests/unit/test_mail_content.py` reads the text. Two faults between the claim of a mail and SES's answer end in a
  mail given up or sent twice, as SES knows no idempotency token: then `MailFailed` is counted, and that is what is
  checked.
- **API Gateway, EventBridge, SES, Secrets Manager and ZaloPay are simulators**, ZaloPay's by its documents and captured
  signatures. What its production does beside its documents is unknown to it as to us.
- Faults come one or two at a time in the sweep, any number in the histories. Three faults in one run are not exhausted.
- Schedules interleave I/Os of two or three functions, not of more, and each function runs once in them. That two
  I/Os commute is read off their labels: another table, another service, or both only read.
- **Money of which no callback ever arrives** is found if it came by the last question (47 hours after the order's
  end) and the clock ran in the hour after that, while ZaloPay still answers (48 hours from the order's beginning).
  What comes later and silently, or while the clock stands still, only ZaloPay's merchant portal knows.
- **The load runs on one machine**, with two workers a function and the embedded database: it shows that nothing is
  lost, not how fast AWS would be.
"""


class Run(NamedTuple):
    """One run: its seed, the given and the used time, and the machine."""

    seed: int
    minutes: float
    seconds: float
    cores: int


class Row(NamedTuple):
    """One part in the table of figures."""

    what: str
    size: Callable[[Sequence[Result]], str]


def total(results: Iterable[Result]) -> Counter[str]:
    """Add up the numbers of all pieces of a part."""
    return sum((Counter(each.more) for each in results), Counter[str]())


def shares(results: Sequence[Result]) -> str:
    """Describe the events of the histories."""
    known = total(results)
    lived = known.pop("histories", 0)
    return ", ".join(f"{100 * count // lived} % {name}" for name, count in sorted(known.items())) if lived else ""


def turned(results: Sequence[Result]) -> str:
    """Describe the results of the flipped bits."""
    known = total(results)
    same = "say the very same: the case of a hex digit, one white space for another"
    return f"{known['refused']:,} refused, {known['tolerated']:,} {same}"


def statuses(results: Sequence[Result]) -> str:
    """Describe the answers to the requests."""
    known = sorted(total(results).items())
    answered = ", ".join(f"{status}: {count:,}" for status, count in known)
    return f"no 5xx, nothing written for those refused ({answered}; what got 200 has nothing wrong that matters)"


ROWS: Mapping[str, Row] = {
    "sweep": Row(
        "Crash sweep: I/Os of all journeys, each broken in five ways",
        lambda results: f"{total(results)['points']:,} points",
    ),
    "pairs": Row("Crash sweep: two faults in one run, core journeys", lambda _: ""),
    "gone": Row("Journeys while a part is gone or slow", lambda results: ", ".join(each.name for each in results)),
    "interleavings": Row(
        "Interleavings: every schedule of every group; of those that differ by I/Os that commute, one",
        lambda results: f"{len(results)} groups",
    ),
    "histories": Row("Random histories of 30 steps", shares),
    "controls": Row("Negative controls: defences taken out", lambda results: f"{len(results)} defects"),
    "flips": Row("Bits of signed callbacks turned over", turned),
    "forgeries": Row("MACs forged without the key", lambda _: "none believed"),
    "requests": Row("Bad requests that were refused, every route", statuses),
    "differential": Row(
        "Requests to the simulated DynamoDB and to moto",
        lambda results: f"{total(results)['histories']:,} histories",
    ),
    "load": Row("Travellers at once on the running system, ZaloPay failing one call in ten", lambda _: "below"),
}


def write(results: Iterable[Result], run: Run) -> None:
    """Write the whole page."""
    DOCUMENT.write_text(page(results, run), encoding="utf-8")


def page(results: Iterable[Result], run: Run) -> str:
    """Return the document."""
    of: dict[str, list[Result]] = {}
    for result in results:
        of.setdefault(result.part, []).append(result)
    sections = [figures(of, run), schedules(of["interleavings"]), controls(of["controls"]), crowd(of["load"])]
    return "\n".join([HEAD, *sections, NOT_SHOWN])


def figures(of: Mapping[str, list[Result]], run: Run) -> str:
    """Return one row for each part, with the command that repeats it."""
    lines = ["| what | size | runs | violations | again |", "|---|---|---|---|---|"]
    for part, row in ROWS.items():
        runs, bad = sum(each.count for each in of[part]), sum(len(each.violations) for each in of[part])
        command = f'`make prove ARGS="--only {part} --seed {run.seed} --minutes 0"`'
        lines.append(f"| {row.what} | {row.size(of[part])} | {runs:,} | {bad} | {command} |")
    said = (
        f"Seed {run.seed}; given {run.minutes:g} minutes, took {run.seconds / 60:.1f} on {run.cores} cores."
        " What is left of the time goes to more of what is drawn; with `--minutes 0` nothing is left."
        " For the controls a violation is a defect that nothing noticed."
    )
    return "\n".join([*lines, "", said, ""])


def schedules(results: Iterable[Result]) -> str:
    """Return the number of schedules of each group."""
    lines = ["## Functions at the same time", "", "| who meets | schedules |", "|---|---|"]
    lines += [f"| {result.name} | {result.count:,} |" for result in sorted(results, key=lambda each: each.name)]
    return "\n".join([*lines, ""])


def controls(results: Iterable[Result]) -> str:
    """Return the technique that noticed each defect."""
    lines = ["## Defences taken out, and what noticed", "", "| the defect | noticed by | as |", "|---|---|---|"]
    for result in sorted(results, key=lambda each: each.name):
        found = _shortened(result.more["by"])
        lines.append(f"| {result.name} | {result.more['technique'] or '**nothing**'} | {found} |")
    return "\n".join([*lines, ""])


def crowd(results: Iterable[Result]) -> str:
    """Describe the load test."""
    lines = ["## A crowd, while ZaloPay fails", "", "| what | how much |", "|---|---|"]
    lines += [f"| {name} | {count:,} |" for result in results for name, count in result.more.items()]
    return "\n".join([*lines, ""])


def _shortened(violation: str) -> str:
    """Return the broken promise and its test, without the numbers of one run."""
    where, _, what = violation.partition(": ")
    text = f"{where.split(' [')[0].split(' {')[0]}: {what.removeprefix('AssertionError: ').removeprefix('Violated: ')}"
    return text.replace("|", "‖")[:110]
