"""What a later release answers otherwise than an earlier one did, by route and field, each with its reason.

A field is a path into the answer, `[]` for every place in a list; `status code` is the answer's own. `SUBSCRIBE` is
a route like the others. Whatever is not named here has to be there with the same value; more than that may be there.
"""

from typing import Any, NamedTuple

ANY: Any = object()  # any value, or none


class Difference(NamedTuple):
    """One field of one route. `was` and `now` narrow it down to these values."""

    route: str
    field: str
    reason: str
    was: Any = ANY
    now: Any = ANY


class Unpromised(NamedTuple):
    """A promise that worlds of an earlier release cannot keep: what an invariant says begins so."""

    version: str
    promise: str
    reason: str


DIFFERENCES: tuple[Difference, ...] = ()
UNPROMISED: tuple[Unpromised, ...] = ()
