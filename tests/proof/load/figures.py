"""The results in numbers."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from statistics import quantiles
from typing import NamedTuple

from tests.proof.load.checks import Money, money, violations
from tests.proof.load.evidence import Evidence

HEALTH = "health"


class Step(NamedTuple):
    """One kind of call: its number, and its times as multiples of the median `health`."""

    calls: int
    middle: float
    slowest: float  # the slowest of a hundred


class Figures(NamedTuple):
    """The result of one load. `violations` is empty if every promise was kept."""

    seed: int
    travellers: int
    counts: Mapping[str, int]
    money: Money
    seconds: Mapping[str, float]
    steps: Mapping[str, Step]
    violations: tuple[str, ...]


def figures(seed: int, evidence: Evidence, seconds: Mapping[str, float], health: list[float]) -> Figures:
    """Count and check the evidence; `health` is in milliseconds."""
    return Figures(
        seed=seed,
        travellers=len(evidence.accounts),
        counts=_counts(evidence),
        money=money(evidence),
        seconds={**seconds, **_waits(evidence)},
        steps=_steps(evidence, health),
        violations=tuple(violations(evidence)),
    )


def _counts(evidence: Evidence) -> dict[str, int]:
    answers = [answer for account in evidence.accounts for answer in account.answers]
    refusals = [answer for account in evidence.accounts for answer in account.refusals]
    lines = [line for account in evidence.accounts for line in account.lines]
    bookings = Counter(booking["status"] for account in evidence.accounts for booking in account.bookings)
    verdicts = Counter(sent["verdict"] for order in evidence.orders for sent in order["callbacks"])
    return {
        "orders": len(evidence.orders),
        "orders paid": sum(bool(order["zp_trans_id"]) for order in evidence.orders),
        "bookings confirmed": bookings["CONFIRMED"],
        "bookings cancelled": bookings["CANCELLED"],
        "refunds": sum(len(order["refunds"]) for order in evidence.orders),
        **{f"callbacks {verdict}": count for verdict, count in sorted(verdicts.items())},
        "calls": len(answers),
        "calls made again (429)": sum(refusal.status == 429 for refusal in refusals),
        "calls made again (5xx)": sum(refusal.status >= 500 for refusal in refusals),
        "calls refused (409)": sum(answer.status == 409 for answer in answers),
        "orders that failed (502)": sum(answer.status == 502 for answer in answers),
        "sockets": len(lines),
        "frames": sum(len(line.frames) for line in lines),
        "mails": len(evidence.mail),
        "dead letters": len(evidence.dead_letters),
        "warnings in the log": sum("WARNING" in line for line in evidence.log),
    }


def _waits(evidence: Evidence) -> dict[str, float]:
    waits = [account.waited for account in evidence.accounts if account.waited is not None]
    names = {"until half of the winners saw their booking": 50, "until all but one in a hundred did": 99}
    return {name: _percentile(waits, percent) for name, percent in names.items() if waits}


def _steps(evidence: Evidence, health: list[float]) -> dict[str, Step]:
    times = defaultdict(list, {HEALTH: health})
    for account in evidence.accounts:
        for answer in account.answers:
            times[answer.step].append(answer.milliseconds)
    unit = _percentile(health, 50)
    return {
        name: Step(len(each), _percentile(each, 50) / unit, _percentile(each, 99) / unit)
        for name, each in sorted(times.items())
    }


def _percentile(values: list[float], percent: int) -> float:
    # each value twice, because quantiles need more than one value
    return quantiles([*values, *values], n=100, method="inclusive")[percent - 1]


def table(found: Figures) -> str:
    """Return all figures as text, violations last."""
    lines = [f"\n{found.travellers} users, seed {found.seed}\n", "| count | value |", "|---|---|"]
    lines += [f"| {name} | {count} |" for name, count in found.counts.items()]
    lines += [f"| đồng {name.replace('_', ' ')} | {amount:,} |" for name, amount in found.money._asdict().items()]
    lines += [f"| seconds {name} | {seconds:.1f} |" for name, seconds in found.seconds.items()]
    lines += ["", "| call | times | p50 ÷ health | p99 ÷ health |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {step.calls} | {step.middle:.1f} | {step.slowest:.1f} |" for name, step in found.steps.items()
    ]
    lines += ["", *(found.violations or ("Everything holds.",))]
    return "\n".join(lines)
