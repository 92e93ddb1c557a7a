"""CloudWatch's alarms, by their documented rules: windows, metric math, missing data, M of N, data that comes late.

Sources, all below docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring: alarm-evaluation.html,
alarms-and-missing-data.html, using-metric-math.html, alarm-limits.html ("every minute, even if the period is longer").
"""

import ast
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from statistics import quantiles
from typing import Any, NamedTuple

Alarm = Mapping[str, Any]
Point = float | None  # None: the window has no data
# CloudWatch reads more windows than it evaluates. The number is not documented; its examples read two more.
EXTRA = (0, 2)
LATE = (0, 3)  # minutes until data arrives
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, limit: value >= limit,
    "LessThanThreshold": lambda value, limit: value < limit,
}
_CALCULATE: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: lambda left, right: left + right,
    ast.Mult: lambda left, right: left * right,
    ast.GtE: lambda left, right: left >= right,
    ast.Lt: lambda left, right: left < right,
    ast.And: lambda left, right: bool(left) and bool(right),
    ast.Or: lambda left, right: bool(left) or bool(right),
}


class Metric(NamedTuple):
    """One metric as CloudWatch knows it. Another dimension makes another metric."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


class Samples(NamedTuple):
    """The same value, `times` times, every so many minutes."""

    value: float
    every: int = 1
    times: int = 1
    start: int = 0

    def minutes(self) -> Iterator[tuple[int, float]]:
        for number in range(self.times):
            yield self.start + number * self.every, self.value


Data = Mapping[Metric, Sequence[Samples]]


class Evaluation:
    """One alarm of a template over a series of data."""

    def __init__(self, alarm: Alarm, resolve: Callable[[Any], str], data: Data) -> None:
        self.alarm = alarm
        self._windows = int(alarm["EvaluationPeriods"])
        self._over = int(alarm.get("DatapointsToAlarm", self._windows))
        parts = alarm.get("Metrics") or [{"Id": "m", "MetricStat": _stat(alarm), "ReturnData": True}]
        self._metrics = {each["Id"]: each["MetricStat"] for each in parts if "MetricStat" in each}
        self._expressions = {each["Id"]: _parsed(each["Expression"]) for each in parts if "Expression" in each}
        (self._shown,) = [each["Id"] for each in parts if each["ReturnData"]]
        self.period = next(iter(self._metrics.values()))["Period"] // 60
        self._named = {name: metric_of(stat["Metric"], resolve) for name, stat in self._metrics.items()}
        samples = {name: data.get(metric, ()) for name, metric in self._named.items()}
        self._data = {name: sorted(s for each in found for s in each.minutes()) for name, found in samples.items()}
        self.last = max(
            (minute for found in data.values() for each in found for minute, _ in each.minutes()), default=0
        )
        self._breaches: dict[tuple[int, int], bool | None] = {}
        self._formula = cache(lambda *values: self._compared(dict(zip(self._metrics, values, strict=True))))

    def fires(self, late: int, extra: int, first: int = 0, until: int | None = None) -> bool:
        """Whether the alarm is in the state ALARM at some minute."""
        end = self.last + self._windows * self.period + late + 1 if until is None else until
        return any(self._is_over(minute, late, extra) for minute in range(first, end + 1))

    def _is_over(self, now: int, late: int, extra: int) -> bool:
        """The state at a minute. Real data counts first, also from further back; missing data fills the rest."""
        ends = range(now, now - (self._windows + extra) * self.period, -self.period)
        read = [self._breach(end, min(end, now - late)) for end in ends]
        real = [breach for breach in read if breach is not None][: self._windows]
        return sum(real) + (self._windows - len(real)) * self._missing_is_over() >= self._over

    def _breach(self, end: int, known: int) -> bool | None:
        """Whether the window that ends before a minute is over the threshold; data from `known` on is on its way."""
        if (end, known) not in self._breaches:
            values = (self._statistic(name, end, known) for name in self._metrics)
            self._breaches[end, known] = self._formula(*values)
        return self._breaches[end, known]

    def _compared(self, values: Mapping[str, Point]) -> bool | None:
        value = values[self._shown] if self._shown in values else _evaluated(self._expressions[self._shown], values)
        if value is None:
            return None
        return _COMPARE[self.alarm["ComparisonOperator"]](value, self.alarm["Threshold"])

    def _missing_is_over(self) -> bool:
        """Alarms on DynamoDB's metrics ignore missing data, whatever they say (PutMetricAlarm)."""
        ignored = any(metric.namespace == "AWS/DynamoDB" for metric in self._named.values())
        return self.alarm["TreatMissingData"] == "breaching" and not ignored

    def _statistic(self, name: str, end: int, known: int) -> Point:
        data = self._data[name]
        if not data:
            return None
        found = data[bisect_left(data, (end - self.period,)) : bisect_left(data, (known,))]
        return statistic(self._metrics[name].get("Stat", ""), [value for _, value in found])


def statistic(name: str, values: Sequence[float]) -> Point:
    if not values:
        return None
    if name.startswith("p"):
        return quantiles([*values, values[-1]], n=100, method="inclusive")[int(name[1:]) - 1]
    return {"Sum": sum, "Maximum": max, "SampleCount": len}[name](values)


def metric_of(found: Mapping[str, Any], resolve: Callable[[Any], str]) -> Metric:
    dimensions = sorted((each["Name"], resolve(each["Value"])) for each in found.get("Dimensions", []))
    return Metric(found["Namespace"], found["MetricName"], tuple(dimensions))


def metrics_of(alarm: Alarm, resolve: Callable[[Any], str]) -> list[Metric]:
    """The metrics that an alarm reads."""
    stats = (
        [each["MetricStat"] for each in alarm["Metrics"] if "MetricStat" in each]
        if "Metrics" in alarm
        else [_stat(alarm)]
    )
    return [metric_of(each["Metric"], resolve) for each in stats]


def _stat(alarm: Alarm) -> dict[str, Any]:
    """An alarm on one metric, written as a part of a formula is."""
    stat = alarm.get("Statistic") or alarm["ExtendedStatistic"]
    return {"Metric": alarm, "Period": alarm["Period"], "Stat": stat}


@cache
def _parsed(expression: str) -> ast.expr:
    """A formula; its syntax is Python's but for IF, AND and OR."""
    spelled = re.sub(r"\bAND\b", "and", re.sub(r"\bOR\b", "or", expression.replace("IF(", "IF_(")))
    return ast.parse(spelled, mode="eval").body


def _evaluated(node: ast.expr, values: Mapping[str, Point]) -> Point:
    """The value of a formula. Where a metric has no data, the formula has none; FILL gives it some."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return values[name]
        case ast.Call(func=ast.Name(id="FILL"), args=[series, default]):
            value = _evaluated(series, values)
            return _evaluated(default, values) if value is None else value
        case ast.Call(func=ast.Name(id="IF_"), args=[condition, then, otherwise]):
            held = _evaluated(condition, values)
            return None if held is None else _evaluated(then if held else otherwise, values)
        case ast.BinOp(left=left, op=how, right=right) | ast.Compare(left=left, ops=[how], comparators=[right]):
            return _combined(type(how), [left, right], values)
        case ast.BoolOp(op=how, values=parts):
            return _combined(type(how), parts, values)
    raise NotImplementedError(ast.dump(node))


def _combined(how: type, parts: Sequence[ast.expr], values: Mapping[str, Point]) -> Point:
    first, *rest = (_evaluated(part, values) for part in parts)
    for each in rest:
        first = None if first is None or each is None else _CALCULATE[how](first, each)
    return first
