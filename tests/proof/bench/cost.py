"""What a million payments cost in AWS, from the counted traffic, the measured CPU time and AWS's price list."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from infra import prices
from tests.proof.bench.programs import share_of
from tests.proof.bench.stays import Act

# What is assumed, because only AWS has it.
TABLE_MS = 4.0  # DynamoDB's answer
ZALOPAY_MS = 120.0  # ZaloPay's answer
LOGGED = 1_000  # bytes of one invocation, with Lambda's own lines
MINUTES = 3  # a socket is open
MESSAGES = 4  # to one socket
POLLS = 20  # of a page that waits for a minute: one every three seconds; every other one asks ZaloPay
EVENTS = 3  # published for a paid stay
MEMORY = 512  # MB

_HTTP = ("create", "session", "callback", "transaction", "booking")
_SOCKET = ("$connect", "SUBSCRIBE", "$disconnect")
_POLL = ("status, asks ZaloPay", "status, from the table")
_ASKS_ZALOPAY = ("create", _POLL[0])
_ONCE = (*_HTTP, "notifier, 3 sockets", "award", "stream before the payment", "stream after the payment")
STAY = (  # without polls and sockets
    "award",
    "create",
    "callback",
    "notifier, 3 sockets",
    "stream before the payment",
    "stream after the payment",
    "transaction",
)


class Part(NamedTuple):
    """USD: of Lambda's time, of requests, messages and logs, and of the table's units."""

    compute: float
    requests: float
    table: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.compute + self.requests + self.table

    def times(self, count: float) -> "Part":
        """Return the cost of so many."""
        return Part(*(each * count for each in self))


def cost(acts: Mapping[str, Sequence[Act]]) -> tuple[Part, Part]:
    """Return USD for a million paid stays with one socket each and no mail, and with the polls of a page that waits."""
    told = Part(
        0,
        prices.WEBSOCKET_MINUTE.dollars * MINUTES
        + prices.WEBSOCKET_MESSAGE.dollars * MESSAGES
        + prices.EVENT.dollars * EVENTS,
        0,
    )
    once = _sum(told, *(_cost(name, acts[name]) for name in (*_ONCE, *_SOCKET)))
    polls = _sum(*(_cost(name, acts[name]).times(POLLS / 2) for name in _POLL))
    return once.times(1e6), _sum(once, polls).times(1e6)


def _sum(*parts: Part) -> Part:
    return Part(*map(sum, zip(*parts, strict=True)))


def write_units(acts: Mapping[str, Sequence[Act]], names: Sequence[str] = STAY) -> float:
    """Return the write units of some acts; those of a paid stay without polls and sockets, by default."""
    return sum(_per_act(acts[name], "write") for name in names)


def billed_ms(name: str, each: Sequence[Act]) -> float:
    """Return the milliseconds that Lambda bills: CPU time with the share of 512 MB, and waiting."""
    calls = median(sum(act.traffic.calls.values()) for act in each)
    waits = calls * TABLE_MS + (ZALOPAY_MS if name in _ASKS_ZALOPAY else 0)
    return median(act.cpu for act in each) / share_of(MEMORY) + waits


def _per_act(each: Sequence[Act], kind: str) -> float:
    return median(act.traffic.total(kind) for act in each)


def _cost(name: str, each: Sequence[Act]) -> Part:
    gateway = (
        prices.HTTP_REQUEST.dollars
        if name in (*_HTTP, *_POLL)
        else prices.WEBSOCKET_MESSAGE.dollars
        if name in _SOCKET
        else 0
    )
    invocations = median(len(act.calls) for act in each)
    return Part(
        compute=billed_ms(name, each) / 1000 * MEMORY / 1024 * prices.LAMBDA_ARM_GB_SECOND.dollars,
        requests=invocations * (prices.LAMBDA_CALL.dollars + LOGGED / 1e9 * prices.LOGS_GB.dollars) + gateway,
        table=_per_act(each, "write") * prices.DYNAMODB_WRITE.dollars
        + _per_act(each, "read") * prices.DYNAMODB_READ.dollars,
    )
