"""The expressions of a request, compiled once per text."""

from functools import lru_cache
from typing import Any, NamedTuple

from tests.proof.simulation.attribute_values import Invalid
from tests.proof.simulation.conditions import Conditions, Keys, Term, Test
from tests.proof.simulation.grammar import Check, Names, Parser, Placeholders
from tests.proof.simulation.updates import Change, Updates


class Compiled(NamedTuple):
    """The expressions of one request. `written` names the attributes that the update writes."""

    condition: Test | None
    key: dict[str, Term]
    update: Change | None
    written: tuple[str, ...]
    projection: tuple[str, ...]
    checks: tuple[Check, ...]


class Projections(Parser):
    """The attributes that an answer shows."""

    def whole(self) -> tuple[str, ...]:
        paths = [self.path()]
        while self._next_is(","):
            paths.append(self.path())
        if len(set(paths)) != len(paths):
            raise Invalid("Two document paths overlap with each other; must remove or rewrite one of these paths")
        return tuple(paths)


@lru_cache(8192)
def compiled(
    names: Names | None,
    values: tuple[str, ...] | None,
    condition: str | None,
    *,
    key: str | None = None,
    update: str | None = None,
    projection: str | None = None,
) -> Compiled:
    """Compile the expressions of a request with its placeholders.

    Raises Invalid, also for placeholders that no expression uses.
    """
    placeholders = Placeholders(names, values)
    checks: list[Check] = []

    def read(parser: type[Any], text: str | None, otherwise: Any) -> Any:
        return otherwise if text is None else parser(text, placeholders, checks).read()

    change, written = read(Updates, update, (None, ()))
    result = Compiled(
        condition=read(Conditions, condition, None),
        key=read(Keys, key, {}),
        update=change,
        written=written,
        projection=read(Projections, projection, ()),
        checks=tuple(checks),
    )
    placeholders.check()
    return result
