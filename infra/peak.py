"""What an auction's end asks of a stage: throttles, reserved concurrency and rates, all from its `expectedPeak`."""

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

from infra.topology import (
    CONSUMERS,
    FUNCTIONS,
    HTTP_CALLS,
    PREFIX,
    ROUTES,
    WEBSOCKET_CALLS,
    WEBSOCKET_ROUTE_CALLS,
    Throttle,
)

RUSH = 3  # the busiest second of the minute has three times the mean
WRITES = 70  # write units of a paid stay with its indexes
PARTITION = 1000  # write units a second that one partition of a table takes; each partition has its own shard
SHARDS = 4  # of the stream of a table on demand, at least
UNRESERVED = 100  # concurrent invocations that Lambda keeps for functions without a reservation
CROWD = 0.2  # the share of the winners who may come from one address: carriers put many phones behind one
SPARE = 2  # an address may call twice as often as that, for reloads and second tries
MESSAGES = 0.5  # the share of the account's requests to its APIs that may be messages to browsers


class Peak(NamedTuple):
    """The number of winners who pay within one minute, and what follows from it."""

    winners: int

    def each_second(self, calls: float) -> int:
        """How many calls come in the busiest second, if each winner makes so many."""
        return ceil(self.winners * RUSH * calls / 60)

    def throttle(self, calls: float) -> Throttle:
        """The throttle for so many calls of each winner. The burst is what two such seconds bring."""
        rate = self.each_second(calls)
        return Throttle(rate, 2 * rate)

    def throttles(self) -> dict[str, Throttle]:
        """The throttles of the routes that have their own, of GET and HEAD and of frames, by route key."""
        routes = {f"{route.method} {route.path}": route.calls for route in ROUTES if route.calls}
        return {key: self.throttle(calls) for key, calls in (routes | WEBSOCKET_ROUTE_CALLS).items()}

    def reservations(self, quota: int) -> tuple[dict[str, int], Sequence[str]]:
        """The concurrency to reserve for functions, and the functions for which the account's quota is too small.

        A reservation also caps its function, so that no flood on it takes the concurrency of the others. The smallest
        comes first: the callback's.
        """
        wanted = {name: self.each_second(function.busy) for name, function in FUNCTIONS.items() if function.busy}
        fitting: dict[str, int] = {}
        for name in sorted(wanted, key=lambda each: wanted[each]):
            if sum(fitting.values()) + wanted[name] <= quota - UNRESERVED:
                fitting[name] = wanted[name]
        return fitting, [name for name in wanted if name not in fitting]

    def invocations(self, name: str) -> int:
        """How many invocations of a stream's consumer may run at once: its lanes on each shard."""
        (consumer,) = [each for each in CONSUMERS if each.function == name]
        return max(SHARDS, ceil(self.each_second(WRITES) / PARTITION)) * consumer.parallelization

    def rates(self, requests: float, mails: float) -> dict[str, str]:
        """The settings of the functions that post messages and send mail: the share of each parallel invocation.

        `requests` and `mails` are the account's quotas a second.
        """
        shares = {
            "POSTS_PER_SECOND": requests * MESSAGES / self.invocations("notifier"),
            "MAILS_PER_SECOND": mails / self.invocations("fulfilment"),
        }
        return {name: f"{share:.4g}" for name, share in shares.items()}

    def address_limits(self) -> dict[str, int]:
        """How often one address may call in a minute: create, the callback, and everything else.

        ZaloPay calls back from few addresses, so one of them may bring all callbacks of the peak.
        """
        create, callback = self._calls("/payment/zalopay/create"), self._calls("/payment/zalopay/callback")
        return {
            "create": ceil(self.winners * CROWD * SPARE * create),
            "callback": self.winners * SPARE * callback,
            "other": ceil(self.winners * CROWD * SPARE * HTTP_CALLS),
        }

    def _calls(self, path: str) -> int:
        (route,) = [each for each in ROUTES if each.method == "POST" and each.path == PREFIX + path]
        return route.calls

    def requests(self) -> int:
        """How many requests a second the throttles of both APIs let through."""
        return self.each_second(HTTP_CALLS) + self.each_second(WEBSOCKET_CALLS)
