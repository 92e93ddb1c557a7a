"""What waits how long: the stations of a payment with their measured or documented rates, under three loads. Pure.

`make bench` writes its table into docs/performance.md.
"""

from collections.abc import Iterable
from typing import NamedTuple

from infra.peak import Peak
from infra.topology import FUNCTIONS, HTTP_CALLS, SERVED, WEBSOCKET_CALLS
from tests.proof.bench.rows import shown

# Default quotas of AWS (docs.aws.amazon.com, service quotas), and what a payment asks of each station.
PEAK = Peak(100_000)  # `expectedPeak` of the stage, from which its throttles and reservations follow
GATEWAY = 10_000  # requests a second of an account: HTTP, WebSocket and posts together
CONCURRENCY = 1000  # invocations of an account at once
TABLE_WRITES = 40_000  # write units a second of a table
PARTITION_WRITES = 1000  # write units a second of a partition
SES_RATE = 14  # mails a second
MAILS = 2  # host and traveller
REQUESTS = 5 + 10  # of the HTTP API: create, session, callback, transaction, booking; ten polls
SOCKET_CALLS = 3  # $connect, SUBSCRIBE, $disconnect
MESSAGES = 4  # posts to one socket
ASKED = 2  # times that the clock looks at a session
DUE_WRITES = 5  # write units of a session in the index of due items: in, moved twice, out
PEAK_HOUR = 0.2  # share of a day's payments in its busiest hour


class Measured(NamedTuple):
    """What `make bench` has measured."""

    messages: float  # a second and worker, with Lambda's share of CPU
    clock: float | None  # items a minute; None where it could not be measured
    write_units: float  # of a paid stay
    stay_ms: float  # billed, all invocations of a paid stay


class Station(NamedTuple):
    """A place where payments may wait, and the payments a second that it takes."""

    name: str
    rate: float
    basis: str
    refuses: bool = False  # instead of keeping a queue: the client tries again


class Load(NamedTuple):
    """Payments that come evenly for some seconds."""

    name: str
    payments: float
    seconds: float


LOADS = (
    Load("10⁵ a day, busiest hour", 1e5 * PEAK_HOUR, 3600),
    Load("10⁷ a day, busiest hour", 1e7 * PEAK_HOUR, 3600),
    Load("10⁵ winners in a minute", 1e5, 60),
)


def stations(measured: Measured) -> list[Station]:
    """Return all stations, the one that breaks first at the top."""
    return sorted((*_throttles(), *_workers(measured), *_tables(measured)), key=lambda each: each.rate)


def _throttles() -> Iterable[Station]:
    """Return the throttles of the topology, as payments a second."""
    calls = {route.path.rpartition("/")[2]: (route.calls, 1) for route in SERVED if route.method == "POST"}
    calls |= {"the HTTP API": (HTTP_CALLS, REQUESTS), "the WebSocket API": (WEBSOCKET_CALLS, SOCKET_CALLS)}
    for name, (allowed, made) in calls.items():
        if allowed:
            rate = PEAK.throttle(allowed).rate
            yield Station(f"throttle of {name}", rate / made, f"{rate:,} requests/s, {made} each", refuses=True)


def _workers(measured: Measured) -> Iterable[Station]:
    basis = f"{CONCURRENCY:,} at once, {shown(measured.stay_ms)} ms a stay"
    yield Station("concurrency of the account", CONCURRENCY / measured.stay_ms * 1000, basis, refuses=True)
    whole = REQUESTS + SOCKET_CALLS + MESSAGES
    yield Station("the account's gateway quota", GATEWAY / whole, f"{GATEWAY:,}/s, {whole} each", refuses=True)
    lanes = PEAK.invocations("notifier")
    basis = f"{lanes} workers, {shown(measured.messages)} posts/s each, {MESSAGES} a stay"
    yield Station("messages to browsers", measured.messages * lanes / MESSAGES, basis)
    if measured.clock is not None:
        yield Station("clock", measured.clock / 60 / ASKED, f"{shown(measured.clock)} items a minute, {ASKED} a stay")
    yield Station("mail", SES_RATE / MAILS, f"SES sends {SES_RATE}/s until the quota is raised")


def _tables(measured: Measured) -> Iterable[Station]:
    rate = TABLE_WRITES / measured.write_units
    yield Station("writes of the table", rate, f"quota of {TABLE_WRITES:,} units/s, {measured.write_units:.0f} each")
    shards = len(next(each.keys for each in FUNCTIONS["reconciliation"].access if each.through == "due"))
    yield Station("partitions of the index `due`", shards * PARTITION_WRITES / DUE_WRITES, f"{shards} partitions")


def wait(station: Station, load: Load) -> float:
    """Return the seconds until the last payment of a load is served; 0 if the station keeps up."""
    return max(0.0, load.payments / station.rate - load.seconds)


def capacity_table(measured: Measured) -> str:
    """Return the table: how long the last payment waits at each station."""
    lines = [f"| station | payments a second | because | {' | '.join(each.name for each in LOADS)} |", "|---" * 6 + "|"]
    for station in stations(measured):
        waits = " | ".join(_told(station, load) for load in LOADS)
        lines.append(f"| {station.name} | {shown(station.rate)} | {station.basis} | {waits} |")
    return "\n".join(lines)


def breaks_first(measured: Measured) -> str:
    """Return a sentence for each load."""
    found = stations(measured)
    lines = []
    for load in LOADS:
        late = [each.name for each in found if wait(each, load)]
        told = f"{', then '.join(late)}" if late else "nothing"
        lines.append(f"- {load.name} ({shown(load.payments / load.seconds)} payments a second): {told}.")
    return "\n".join(lines)


def _told(station: Station, load: Load) -> str:
    seconds = wait(station, load)
    if not seconds:
        return f"{load.payments / load.seconds / station.rate:.0%} busy"
    return f"{'refused, last in' if station.refuses else 'last waits'} {_duration(seconds)}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
