"""Compares an earlier answer with today's: every earlier field must still exist."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from infra.local.routing import route_for
from infra.topology import PREFIX, ROUTES
from tests.proof.corpus.differences import ANY, DIFFERENCES, Difference

ABSENT = "absent"


class Changed(NamedTuple):
    """A field with another value than before."""

    route: str
    field: str
    was: Any
    now: Any

    @property
    def named(self) -> Difference | None:
        """Return the difference that allows this change."""
        return next((each for each in DIFFERENCES if self._is(each)), None)

    def _is(self, known: Difference) -> bool:
        place = (known.route, known.field) == (self.route, self.field)
        return place and known.was in (ANY, self.was) and known.now in (ANY, self.now)


def changed(before: Any, after: Any, route: str, field: str = "") -> Iterator[Changed]:
    """Return the fields in which `after` differs from `before`."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            yield from changed(value, after.get(name, ABSENT), route, f"{field}.{name}".lstrip("."))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for one, other in zip(before, after, strict=True):
            yield from changed(one, other, route, f"{field}[]")
    elif before != after:
        yield Changed(route, field, before, after)


def answer_changed(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Changed]:
    """Return the same for an answer and its status. Errors are compared by their code alone."""
    found = route_for(ROUTES, "GET", PREFIX + before["path"])
    assert found
    route = f"GET {found[0].path.removeprefix(PREFIX)}"
    if before["status"] != after["status"]:
        yield Changed(route, "status code", before["status"], after["status"])
    elif before["status"] == 200:
        yield from changed(before["body"], after["body"], route)
    else:
        yield from changed(before["body"]["error"]["code"], after["body"]["error"]["code"], route, "error.code")
