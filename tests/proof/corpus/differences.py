"""The answers in which a later release differs from an earlier one, by route and field, each with its reason.

A field is a path into the answer. `[]` stands for every element of a list, and `status code` for the answer's own.
`SUBSCRIBE` is a route like the others. A field that is not listed here must exist with the same value. An answer may
have more fields.
"""

from typing import Any, NamedTuple

ANY: Any = object()  # any value, or none


class Difference(NamedTuple):
    """One field of one route. `was` and `now` limit the difference to these values."""

    route: str
    field: str
    reason: str
    was: Any = ANY
    now: Any = ANY


class Unpromised(NamedTuple):
    """A promise that the items of an earlier release cannot keep. The invariant's message begins with it."""

    version: str
    promise: str
    reason: str


_SESSION_PAGE = "GET /payment/sessions/{sessionId}"
_UNTOLD = "this page reads PENDING until another route has told its owner that it is paid"
_DEADLINE = "the page looks at the deadline before the status, so it fits the status"
_WINNERS = ("GET /auctions/winners/me", "GET /auctions/winners/{auctionId}")

DIFFERENCES: tuple[Difference, ...] = (
    Difference(_SESSION_PAGE, "status", _UNTOLD, "PAID", "PENDING"),
    Difference(_SESSION_PAGE, "fulfilment", _UNTOLD, "BOOKED", "NONE"),
    *(Difference(_SESSION_PAGE, name, _UNTOLD) for name in ("transactionId", "paidAt", "bookedAt")),
    *(
        difference
        for route, place in zip(_WINNERS, ("[].", ""), strict=True)
        for difference in (
            Difference(route, f"{place}paymentDeadline", _DEADLINE),
            Difference(route, f"{place}isPartialWin", "the page for partial wins never finishes loading", True, False),
        )
    ),
)
UNPROMISED: tuple[Unpromised, ...] = (
    Unpromised("1.2.1", "nights:", "it lost nights of cancelled bookings, and what a full win or an offer left unpaid"),
)
