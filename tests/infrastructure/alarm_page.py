"""Judges the alarms of a stage, and writes docs/alarms.md: `python -m tests.infrastructure.alarm_page`."""

import copy
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.infrastructure.alarm_series import CASES, DOCUMENTED, Case
from tests.infrastructure.cloudwatch import EXTRA, LATE, Alarm, Data, Evaluation, Metric, Samples, metrics_of
from tests.infrastructure.physical import Physical
from tests.infrastructure.synthesis import Stack, templates_of

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "alarms.md"
_FILLED = re.compile(r"FILL\((\w+), 0\)")
_WAYS = [(late, extra) for late in LATE for extra in EXTRA]
_HEAD = """# Alarms

Written by `python -m tests.infrastructure.alarm_page` from the template of the stage `dev`; a test compares. The other
stages have the same alarms under their own names. What to do is in the [runbook](runbook.md).

A test evaluates each alarm over the series below, by CloudWatch's documented rules: windows that end at every minute,
formulas, missing data, and data that comes three minutes late. Each series in the third column sets the alarm off by
itself. No series in the fourth column does. The test also changes each threshold, each number in a formula, each metric
and each dimension, and leaves out each `FILL`. Each such change is noticed.

`1 every 72 min, 20 times` is a stage with twenty payments a day where each goes wrong.

| alarm | goes off | these series set it off | these do not |
|---|---|---|---|
"""
_METRICS = """
## The metrics of AWS

Names and dimensions are those of AWS's documentation. An alarm on another name or dimension would hear nothing. Our own
metrics have the namespace `Stays-<stage>` and the dimension `service=stays`. In each formula above, a metric without
data counts as zero (`FILL`).

| namespace | metric | dimensions | documented at |
|---|---|---|---|
"""


def alarms(stack: Stack) -> dict[str, Alarm]:
    """The alarms by their names without the stage's."""
    return {each["AlarmName"].split("-", 2)[2]: each for each in stack.properties("AWS::CloudWatch::Alarm")}


def faults(alarm: Alarm, resolve: Callable[[Any], str], case: Case) -> Iterator[str]:
    """What an alarm does wrong over its series, and what it leaves out of FILL."""
    for part in alarm.get("Metrics", []):
        bare = re.findall(r"\b[a-z]\w*", _FILLED.sub("", part.get("Expression", "")))
        yield from (f"{name} stands outside of FILL" for name in bare)
    ends = case.within or [None] * len(case.fires)
    for data, within in zip(case.fires, ends, strict=True):
        if not _fires(alarm, resolve, data, within, running=case.running):
            yield f"stays quiet: {shown(data)}"
    yield from (f"goes off: {shown(data)}" for data in case.quiet if _goes_off(alarm, resolve, case, data))


def _fires(alarm: Alarm, resolve: Callable[[Any], str], data: Data, within: int | None, *, running: bool) -> bool:
    tried = Evaluation(alarm, resolve, data)
    until = None if within is None else tried.last + within
    return all(tried.fires(late, extra, until=until, first=_first(tried, running=running)) for late, extra in _WAYS)


def _goes_off(alarm: Alarm, resolve: Callable[[Any], str], case: Case, data: Data) -> bool:
    tried = Evaluation(alarm, resolve, data)
    until = tried.last if case.running else None
    return any(
        tried.fires(late, extra, until=until, first=_first(tried, running=case.running)) for late, extra in _WAYS
    )


def _first(tried: Evaluation, *, running: bool) -> int:
    return (int(tried.alarm["EvaluationPeriods"]) + max(EXTRA)) * tried.period + max(LATE) if running else 0


def changes(alarm: Alarm) -> Iterator[tuple[str, Alarm]]:
    """The alarm with one thing wrong at a time: threshold, metric, dimension, a number of its formula, a FILL."""
    for step in (-1, 1):
        yield (
            f"threshold {step:+}",
            {**alarm, "Threshold": alarm["Threshold"] + step * max(1, alarm["Threshold"] // 100)},
        )
    for number, stat in enumerate(_stats(alarm)):
        named = f"metric {number}, {stat['MetricName']}"
        yield f"{named}: other name", _with(alarm, number, MetricName=stat["MetricName"] + "s")
        yield f"{named}: other namespace", _with(alarm, number, Namespace=stat["Namespace"] + "s")
        for left_out in range(len(stat["Dimensions"])):
            fewer = [each for place, each in enumerate(stat["Dimensions"]) if place != left_out]
            wrong = [*fewer, {**stat["Dimensions"][left_out], "Value": "other"}]
            yield f"{named}: without dimension {left_out}", _with(alarm, number, Dimensions=fewer)
            yield f"{named}: other dimension {left_out}", _with(alarm, number, Dimensions=wrong)
    for part in alarm.get("Metrics", []):
        for words, formula in _formulas(part.get("Expression", "")):
            changed = copy.deepcopy(dict(alarm))
            next(each for each in changed["Metrics"] if "Expression" in each)["Expression"] = formula
            yield words, changed


def _stats(alarm: Alarm) -> list[dict[str, Any]]:
    if "Metrics" not in alarm:
        return [dict(alarm)]
    return [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]


def _with(alarm: Alarm, number: int, **changed: Any) -> Alarm:
    made = copy.deepcopy(dict(alarm))
    (made if "Metrics" not in made else _stats(made)[number]).update(changed)
    return made


def _formulas(formula: str) -> Iterator[tuple[str, str]]:
    for found in _FILLED.finditer(formula):
        yield f"{found[1]} without FILL", formula[: found.start()] + found[1] + formula[found.end() :]
    for found in re.finditer(r"(?<=>= )\d+|(?<=< )\d+|(?<=\* )\d+", formula):
        for step in (-1, 1):
            yield f"{found[0]} {step:+}", formula[: found.start()] + str(int(found[0]) + step) + formula[found.end() :]


def shown(data: Data) -> str:
    return "; ".join(f"{named(metric)} {_spelled_all(found)}" for metric, found in data.items())


def named(metric: Metric) -> str:
    of = {
        "FunctionName": f" of {dict(metric.dimensions).get('FunctionName', '').removeprefix('stays-dev-')}",
        "QueueName": "",
        "GlobalSecondaryIndexName": f" of index {dict(metric.dimensions).get('GlobalSecondaryIndexName')}",
    }
    return f"`{metric.name}`" + next((of[name] for name, _ in metric.dimensions if name in of), "")


def _spelled(samples: Samples) -> str:
    value = f"{samples.value:g}".replace("+", "") if samples.value < 1_000 else f"{samples.value:,}"
    return f"{value} once" if samples.times == 1 else f"{value} every {samples.every} min, {samples.times} times"


def page(backend: Stack, data: Stack) -> str:
    """The whole document."""
    resolve = Physical(backend, data).name
    rows = [_row(name, alarm, resolve) for name, alarm in sorted(alarms(backend).items())]
    pages = [
        f"| {namespace} | {name} | {', '.join(dimensions)} | {where} |"
        for (namespace, name, dimensions), where in DOCUMENTED.items()
    ]
    return _HEAD + "\n".join(rows) + "\n" + _METRICS + "\n".join(pages) + "\n"


def _row(name: str, alarm: Alarm, resolve: Callable[[Any], str]) -> str:
    case = CASES[name]
    stops = ", then none" if case.running else ""
    return f"| {name} | {_rule(alarm, resolve)} | {_listed(case.fires)}{stops} | {_listed(case.quiet)} |"


def _listed(series: tuple[Data, ...]) -> str:
    """The series; those that differ only in the metric stand together."""
    alike: dict[str, list[str]] = {}
    for data in series:
        (metric, found), *others = data.items()
        rest = "; ".join([_spelled_all(found), *(shown({key: each}) for key, each in others)])
        alike.setdefault(rest, []).append(named(metric))
    return "<br>".join(f"{_any(metrics)} {rest}" for rest, metrics in alike.items())


def _spelled_all(found: Sequence[Samples]) -> str:
    alike = Counter(map(_spelled, found))
    return ", then ".join(f"{count} times {each}" if count > 1 else each for each, count in alike.items())


def _any(metrics: list[str]) -> str:
    return " or ".join(metrics) if len(metrics) < 3 else f"any one of the {len(metrics)}"


def _rule(alarm: Alarm, resolve: Callable[[Any], str]) -> str:
    """In words: what is read, its limit, and in how many windows."""
    parts = [each for each in alarm.get("Metrics", []) if "MetricStat" in each]
    stat = parts[0]["MetricStat"] if parts else {"Period": alarm["Period"], "Stat": alarm.get("Statistic", "p95")}
    names = [named(metric) for metric in metrics_of(alarm, resolve)]
    (formula,) = [each["Expression"] for each in alarm.get("Metrics", []) if "Expression" in each] or ["FILL(m, 0)"]
    what = _FILLED.sub(lambda found: found[1], formula)
    for part, name in zip([each["Id"] for each in parts] or ["m"], names, strict=True):
        what = re.sub(rf"(?<!`)\b{part}\b(?!`)", name, what)
    compared = re.fullmatch(r"IF\((.*), 1, 0\)", what)
    sign = "≥" if "Greater" in alarm["ComparisonOperator"] else "<"
    holds = compared[1] if compared else f"{stat['Stat']} of {what} {sign} {alarm['Threshold']:,}"
    windows, over, minutes = alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"], stat["Period"] // 60
    return f"{holds} in " + (f"{minutes} min" if windows == 1 else f"{over} of {windows} windows of {minutes} min")


def main() -> None:
    """Write the document."""
    with tempfile.TemporaryDirectory() as folder:
        found = templates_of(Path(folder), stage="dev")
    DOCUMENT.write_text(page(Stack(found["Stays-dev-Backend"]), Stack(found["Stays-dev-Data"])))


if __name__ == "__main__":
    main()
