"""The figures of a run: each row has the product, the peer and the limit, taken in turns, and its goal."""

from collections.abc import Sequence
from statistics import median, quantiles
from typing import NamedTuple

Values = Sequence[float]


class Goal(NamedTuple):
    """At most (or `at_least`) this limit, of the product's value or of its `ratio` to the peer."""

    limit: float
    ratio: bool = False
    at_least: bool = False

    def is_met(self, reached: float) -> bool:
        """Say whether a figure reaches it."""
        return reached >= self.limit if self.at_least else reached <= self.limit

    def __str__(self) -> str:
        """Return it as the page shows it."""
        return f"{'≥' if self.at_least else '≤'} {shown(self.limit)}{' ÷ peer' if self.ratio else ''}"


class Row(NamedTuple):
    """One figure. The values of product and peer were taken in turns, so they are compared pair by pair."""

    what: str
    product: Values
    peer: Values = ()
    limit: Values = ()
    goals: tuple[Goal, ...] = ()
    missing: str = ""  # why there is no figure

    @property
    def value(self) -> float:
        """The median of the product's values."""
        return median(self.product)

    @property
    def ratios(self) -> list[float]:
        """Product ÷ peer, pair by pair."""
        return [mine / other for mine, other in zip(self.product, self.peer, strict=False)]

    def reached(self, goal: Goal) -> float:
        """Return the figure that a goal is about."""
        return median(self.ratios) if goal.ratio else self.value

    @property
    def missed(self) -> list[Goal]:
        """The goals that are not reached. A row without a figure reaches none and misses none."""
        return [] if self.missing else [goal for goal in self.goals if not goal.is_met(self.reached(goal))]

    def __str__(self) -> str:
        """Return the row of the table."""
        if self.missing:
            return f"| {self.what} | {self.missing} | | | | {_listed(self.goals)} | - |"
        ratio = f"{shown(median(self.ratios))}{spread(self.ratios)}" if self.peer else "-"
        cells = (middle(self.product), middle(self.peer), middle(self.limit), ratio, _listed(self.goals))
        verdict = "-" if not self.goals else "**no**" if self.missed else "yes"
        return f"| {self.what} | {' | '.join(cells)} | {verdict} |"


HEAD = "| what | product | peer | bare limit | ÷ peer (middle half) | goal | met |\n|---|---|---|---|---|---|---|"


def table(rows: Sequence[Row]) -> str:
    """Return the table of some rows."""
    return "\n".join([HEAD, *map(str, rows)])


def _listed(goals: Sequence[Goal]) -> str:
    return ", ".join(map(str, goals)) or "-"


def middle(values: Values) -> str:
    """Return the median as text."""
    return shown(median(values)) if values else "-"


def spread(values: Values) -> str:
    """Return the quartiles of several values as text."""
    if len(values) < 2:
        return ""
    low, _, high = quantiles(values, n=4, method="inclusive")
    return f" ({shown(low)} to {shown(high)})"


def shown(value: float) -> str:
    """Return a figure with about three digits."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10 or value == 0:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.1g}"
