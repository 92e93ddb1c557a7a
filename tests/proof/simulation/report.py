"""Writes docs/reliability.md from the results of `make prove`."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.proof.simulation.parts import Result

DOCUMENT = Path(__file__).parents[3] / "docs" / "reliability.md"
HEAD = """# How it is proved that no đồng is lost

Written by `make prove`; do not edit. `tests/proof/simulation/invariants.py` checks the promises (I1 to I17 and others).
It checks safety after every invocation of every function, and the rest when all has come to rest. `docs/decisions/`
says how the simulation is built. The end of this page says what it does not show.

The promises beside I1 to I17:

- When all has come to rest, every awarded night is past, booked, released after its award ended, or withdrawn
  (`nights`).
- An award has at most one open order (`one order`). No order is opened for nights for which the same user's money moves
  (`moving`).
- No refund is more than what is owed (I6), and each has a reason of the table of money (I8).
- An undisturbed round of the clock leaves no order open 48 hours after its end, or 30 minutes after it if ZaloPay says
  unpaid (L3).
- A callback with a right MAC is recorded, kept or alarmed (I12).
- `status` and `sessions` answer whenever the table `stays` answers.

[mutants.md](mutants.md) shows whether the tests notice small errors in the code (`make mutate`).
"""
NOT_SHOWN = """## What this does not show

- **The simulated DynamoDB is our own.** Tens of thousands of random requests compare it with moto (above, and
  `tests/proof/simulation/test_dynamodb.py` at every push). Where moto is known to be wrong (`test_dynamodb_rules.py`,
  `compared_databases.py`), AWS's documentation decides. It was never compared with a real table.
- **One process, one clock.** The clocks of functions do not drift apart, and time stands still while a function
  computes. ZaloPay has the same clock.
- **Conflicts between transactions and throttling are injected**, not caused by load: as one item of a transaction, or
  as an error of one call. The SDK's own retries are off, so that every error reaches the product.
- **A Query reads all or nothing of a transaction.** In AWS it may see a part. The indexes do not lag, except in the
  tests of the simulated table.
- **The stream** is one shard in the order of commits. A failed batch comes again as a whole, or from the reported
  record on. It is not bisected. After the last retry a record becomes a dead letter. That counts as a violation,
  unless enough faults were injected to explain it.
- **Mail** is sent without its text, because rendering takes longer than all the rest.
  `tests/unit/test_mail_content.py` checks the text. After two faults between the claim of a mail and SES's answer the
  mail is given up or sent twice, because SES has no idempotency token. The check is then that `MailFailed` is counted.
- **API Gateway, EventBridge, SES, Secrets Manager and ZaloPay are simulators.** ZaloPay's follows its documents and
  captured signatures. It cannot know undocumented behaviour of ZaloPay's production.
- The sweep injects one or two faults per run, the histories any number. Runs with three faults are not exhausted.
- Schedules interleave the I/Os of two or three functions, and each function runs once in them. Two I/Os commute by
  their labels: another table, another service, or two reads.
- **Money without any callback** is found if it arrived before the last question (47 hours after the order's end) and
  the clock ran in the hour after it, while ZaloPay still answers (48 hours from the order's beginning). Later silent
  money, or money that arrives while the clock stands still, is only visible in ZaloPay's merchant portal.
- **The load runs on one machine**, with two workers per function and the embedded database. It shows that nothing is
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
    same = "mean the same: another case of a hex digit, or other white space"
    return f"{known['refused']:,} refused, {known['tolerated']:,} {same}"


def statuses(results: Sequence[Result]) -> str:
    """Describe the answers to the requests."""
    known = sorted(total(results).items())
    answered = ", ".join(f"{status}: {count:,}" for status, count in known)
    return f"no 5xx, nothing written for refused ones ({answered}; requests with 200 have no relevant defect)"


ROWS: Mapping[str, Row] = {
    "sweep": Row(
        "Crash sweep: I/Os of all journeys, each broken in five ways",
        lambda results: f"{total(results)['points']:,} points",
    ),
    "pairs": Row("Crash sweep: two faults in one run, core journeys", lambda _: ""),
    "gone": Row(
        "Journeys while a service is missing or slow", lambda results: ", ".join(each.name for each in results)
    ),
    "interleavings": Row(
        "Interleavings: every schedule of every group; of schedules that differ only by I/Os that commute, one",
        lambda results: f"{len(results)} groups",
    ),
    "histories": Row("Random histories of 30 steps", shares),
    "controls": Row("Negative controls: removed defences", lambda results: f"{len(results)} defects"),
    "flips": Row("Flipped bits of signed callbacks", turned),
    "forgeries": Row("MACs forged without the key", lambda _: "none accepted"),
    "requests": Row("Bad requests to every route", statuses),
    "differential": Row(
        "Requests to the simulated DynamoDB and to moto",
        lambda results: f"{total(results)['histories']:,} histories",
    ),
    "load": Row("Users at the same time on the running system, while ZaloPay fails one call in ten", lambda _: "below"),
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
    lines = ["| part | size | runs | violations | command |", "|---|---|---|---|---|"]
    for part, row in ROWS.items():
        runs, bad = sum(each.count for each in of[part]), sum(len(each.violations) for each in of[part])
        command = f'`make prove ARGS="--only {part} --seed {run.seed} --minutes 0"`'
        lines.append(f"| {row.what} | {row.size(of[part])} | {runs:,} | {bad} | {command} |")
    said = (
        f"Seed {run.seed}; given {run.minutes:g} minutes, took {run.seconds / 60:.1f} on {run.cores} cores."
        " The rest of the time goes to more random runs; with `--minutes 0` there is none."
        " For the controls a violation is a defect that no test noticed."
    )
    return "\n".join([*lines, "", said, ""])


def schedules(results: Iterable[Result]) -> str:
    """Return the number of schedules of each group."""
    lines = ["## Functions at the same time", "", "| functions | schedules |", "|---|---|"]
    lines += [f"| {result.name} | {result.count:,} |" for result in sorted(results, key=lambda each: each.name)]
    return "\n".join([*lines, ""])


def controls(results: Iterable[Result]) -> str:
    """Return the technique that noticed each defect."""
    lines = [
        "## Removed defences, and the tests that noticed",
        "",
        "| defect | noticed by | violation |",
        "|---|---|---|",
    ]
    for result in sorted(results, key=lambda each: each.name):
        found = _shortened(result.more["by"])
        lines.append(f"| {result.name} | {result.more['technique'] or '**nothing**'} | {found} |")
    return "\n".join([*lines, ""])


def crowd(results: Iterable[Result]) -> str:
    """Describe the load test."""
    lines = ["## The load test", "", "| count | value |", "|---|---|"]
    lines += [f"| {name} | {count:,} |" for result in results for name, count in result.more.items()]
    return "\n".join([*lines, ""])


def _shortened(violation: str) -> str:
    """Return the broken promise and its test, without the numbers of one run."""
    where, _, what = violation.partition(": ")
    text = f"{where.split(' [')[0].split(' {')[0]}: {what.removeprefix('AssertionError: ').removeprefix('Violated: ')}"
    return text.replace("|", "‖")[:110]
