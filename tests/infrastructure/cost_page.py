"""Writes docs/cost.md from the template, the counted calls of a payment and the prices.

`python -m tests.infrastructure.cost_page`
"""

import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from infra import prices
from infra.prices import Price
from infra.topology import ROUTES, SCHEDULES, TABLES
from tests.infrastructure.synthesis import Stack, templates_of, with_edge
from tests.proof.simulation.attribute_values import bytes_of
from tests.proof.simulation.gate import Plan
from tests.proof.simulation.journeys import everyone_has_a_profile, orders, wins
from tests.proof.simulation.outside import Tables
from tests.proof.simulation.system import System, simulation, stay_of

_INDEXES = TABLES["stays"].indexes.values()
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "cost.md"
_MINUTES = 30 * 1440  # of a month
_POLLS = 6
# Assumptions: nothing here can count them.
_MILLISECONDS = 100  # billed for a call, of 512 MB
_LOGGED = 2_000  # bytes for a call: Lambda's three lines, and ours
_ANSWERED = 2_000  # bytes of an answer with its headers
_OPEN = 10  # minutes that a page is connected
_ADDED = 100  # bytes that DynamoDB adds to an item, in the table and in each index


class Line(NamedTuple):
    """One row of the page."""

    what: str
    count: float
    price: Price

    @property
    def dollars(self) -> float:
        return self.count * self.price.dollars


class Meter:
    """DynamoDB's client that counts read and write units, as AWS bills them on demand."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.units: Counter[str] = Counter()

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = getattr(self._tables, operation)

        def metered(**request: Any) -> Any:
            if operation == "transact_write_items":
                for each in request["TransactItems"]:
                    ((_, inner),) = each.items()
                    self._write(inner, 2)
            elif operation in ("put_item", "update_item", "delete_item"):
                self._write(request, 1)
            answer = call(**request)
            self._read(operation, request, answer)
            return answer

        return metered

    def query_many(self, requests: list[dict[str, Any]]) -> list[Any]:
        return [self.query(**each) for each in requests]

    def _write(self, request: Mapping[str, Any], times: int) -> None:
        """A unit for each kilobyte of the larger item, before or after; twice in a transaction; and for each index."""
        table = request["TableName"]
        key = request.get("Key") or {name: request["Item"][name] for name in ("PK", "SK")}
        stored = self._tables.database.get_item(TableName=table, Key=key).get("Item", {})
        item = request.get("Item") or {**stored, **key, **request.get("ExpressionAttributeValues", {})}
        kilobytes = max(ceil(bytes_of(item) / 1_024), 1)
        indexes = [each for each in TABLES[table_name(table)].indexes.values() if each.partition in {*item, *stored}]
        self.units["write"] += kilobytes * (times + len(indexes))

    def _read(self, operation: str, request: Mapping[str, Any], answer: Any) -> None:
        if operation == "get_item":
            self._add([[answer.get("Item", {})]], consistent=request.get("ConsistentRead", False))
        elif operation == "query":
            self._add([answer["Items"]], consistent=request.get("ConsistentRead", False))
        elif operation == "batch_get_item":
            for table, asked in request["RequestItems"].items():
                found = [[item] for item in answer["Responses"].get(table, [])]
                missing: list[list[Any]] = [[]] * (len(asked["Keys"]) - len(found))
                self._add([*found, *missing], consistent=asked.get("ConsistentRead", False))

    def _add(self, groups: list[list[Any]], *, consistent: bool) -> None:
        """A unit for each four kilobytes that are read together, half of it if the read may be old."""
        units = sum(max(ceil(sum(map(bytes_of, group)) / 4_096), 1) for group in groups)
        self.units["read"] += units if consistent else units / 2


def table_name(physical: str) -> str:
    return next(name for name in TABLES if physical.endswith(name))


class Metered(System):
    """A backend whose invocations and table units are counted."""

    def __init__(self, traveller: Any) -> None:
        self.calls: Counter[str] = Counter()
        super().__init__(traveller)
        self.meter = Meter(self._clients["dynamodb"])
        self._clients["dynamodb"] = self.meter

    def reset(self, plan: Plan) -> None:
        super().reset(plan)
        self.calls.clear()

    def invoke(self, name: str, event: dict[str, Any], copy: int | None = None) -> Any:
        self.calls[name] += 1
        return super().invoke(name, event, copy)


class Used(NamedTuple):
    """What a payment uses, and what a round of the clock over one shard in which nothing is due."""

    calls: Counter[str]
    units: Counter[str]
    frames: int
    mails: int
    events: int
    stored: int  # bytes left in the table
    indexed: int  # bytes left in its indexes
    idle: Counter[str]


def used() -> Used:
    """Count a payment: an award, a page that listens and polls, the order, the callback, the booking, the mails."""
    with simulation(Metered) as system:
        assert isinstance(system, Metered)
        idle = _units(system, system.tick)
        system.reset({})
        everyone_has_a_profile(system)
        system.calls.clear()
        before = _left(system)
        units = _units(system, lambda: _pay(system))
        frames = sum(map(len, system.browsers.frames.values()))
        mails, events = len(system.mail.sent), len(system.bus.published)
        left = (after - earlier for after, earlier in zip(_left(system), before, strict=True))
        return Used(Counter(system.calls), units, frames, mails, events, *left, idle)


def _left(system: System) -> tuple[int, int]:
    """The bytes of the items that a payment leaves, in the table and in its indexes."""
    items = system.database.snapshot().tables["stays"].items.values()
    sizes = [(bytes_of(item) + _ADDED, sum(each.partition in item for each in _INDEXES)) for item in items]
    return sum(size for size, _ in sizes), sum(size * copies for size, copies in sizes)


def _units(system: Metered, story: Callable[[], Any]) -> Counter[str]:
    system.meter.units.clear()
    story()
    return Counter(system.meter.units)


def _pay(system: System) -> None:
    wins(system)
    system.listen()
    system.settle()
    orders(system)
    system.settle()
    order = system.order()
    assert order
    for _ in range(_POLLS):
        system.pass_time(seconds=5)
        system.poll(order)
    system.pay(order)
    system.settle()
    for path in ("zalopay/status/{0}", "sessions/{1}", "{1}/booking"):
        system.http("GET", "/payment/" + path.format(order.app_trans_id, stay_of(order)))


def idle(stack: Stack, data: Stack, found: Used) -> Iterator[Line]:
    """What a month costs in which nobody pays."""
    alarms = [each.get("Metrics", [{"MetricStat": each}]) for each in stack.properties("AWS::CloudWatch::Alarm")]
    text = json.dumps(stack.template).replace("\\", "")
    readers = sum("secretsmanager:GetSecretValue" in str(role) for role in stack.properties("AWS::IAM::Role"))
    rounds = sum(_MINUTES * 60 / each.every * len(each.inputs) for each in SCHEDULES)
    yield Line(
        "metrics that alarms read", sum("MetricStat" in p for parts in alarms for p in parts), prices.ALARM_METRIC_MONTH
    )
    yield Line("metrics of our own", len(set(re.findall(r'\["Stays-dev","(\w+)"', text))), prices.METRIC_MONTH)
    yield Line("dashboards", len(stack.properties("AWS::CloudWatch::Dashboard")), prices.DASHBOARD_MONTH)
    yield Line("secrets", len(data.properties("AWS::SecretsManager::Secret")), prices.SECRET_MONTH)
    yield Line(
        "readings of secrets, by each function with a key, every five minutes",
        readers * _MINUTES / 5,
        prices.SECRET_READ,
    )
    yield Line("rounds of the clock, each over its shard", rounds, prices.SCHEDULED_CALL)
    yield from _lambda(rounds)
    yield Line("read units of the rounds", rounds * found.idle["read"], prices.DYNAMODB_READ)


def busy(found: Used) -> Iterator[Line]:
    """What a million payments cost."""
    calls, million = sum(found.calls.values()), 1_000_000
    requests, frames = _requests(found), _frames(found)
    yield Line("HTTP requests", requests * million, prices.HTTP_REQUEST)
    yield Line("WebSocket messages", frames * million, prices.WEBSOCKET_MESSAGE)
    yield Line("minutes of connections", _OPEN * million, prices.WEBSOCKET_MINUTE)
    yield from _lambda(calls * million)
    yield Line("write units", found.units["write"] * million, prices.DYNAMODB_WRITE)
    yield Line("read units", found.units["read"] * million, prices.DYNAMODB_READ)
    kept = (found.stored + found.indexed) * million / 1e9
    yield Line("GB in the table and its indexes, each month", kept, prices.DYNAMODB_GB_MONTH)
    yield Line(
        "GB of the table's recovery, each month", found.stored * million / 1e9, prices.DYNAMODB_RECOVERY_GB_MONTH
    )
    yield Line("events on the bus", (found.events + found.calls["awards"]) * million, prices.EVENT)
    yield Line("mails", found.mails * million, prices.MAIL)
    yield Line("GB to the internet", (requests + frames) * _ANSWERED * million / 1e9, prices.TRAFFIC_GB)


def edge(firewall: Stack, behind: Stack) -> Iterator[Line]:
    """What an edge adds to a month in which nobody pays."""
    (acl,) = firewall.properties("AWS::WAFv2::WebACL")
    functions = behind.properties("AWS::Lambda::Function")
    readers = sum("EDGE_SECRET" in each["Environment"]["Variables"] for each in functions)
    yield Line("web ACL", 1, prices.WAF_ACL_MONTH)
    yield Line("rules of the web ACL", len(acl["Rules"]), prices.WAF_RULE_MONTH)
    yield Line("secret of the edge", 1, prices.SECRET_MONTH)
    yield Line("readings of it, at most: six functions that never rest", readers * _MINUTES / 5, prices.SECRET_READ)


def busy_edge(found: Used) -> Iterator[Line]:
    """What an edge adds to a million payments. It sees the handshake of a WebSocket, and no frames."""
    requests = (_requests(found) + 1) * 1_000_000
    traffic = (_requests(found) + _frames(found)) * _ANSWERED * 1_000_000 / 1e9
    yield Line("requests that the firewall inspects", requests, prices.WAF_REQUEST)
    yield Line("requests to CloudFront", requests, prices.CLOUDFRONT_REQUEST)
    yield Line("calls that write the viewer's address", requests, prices.CLOUDFRONT_CALL)
    yield Line("GB to viewers, instead of GB to the internet", traffic, prices.CLOUDFRONT_GB)


def _requests(found: Used) -> int:
    return sum(found.calls[route] for route in {each.function for each in ROUTES})


def _frames(found: Used) -> int:
    return found.frames + found.calls["connections"]


def _lambda(calls: float) -> Iterator[Line]:
    yield Line("calls of functions", calls, prices.LAMBDA_CALL)
    yield Line("GB-seconds of functions", calls * _MILLISECONDS / 1_000 / 2, prices.LAMBDA_ARM_GB_SECOND)
    yield Line("GB written to logs", calls * _LOGGED / 1e9, prices.LOGS_GB)


def page(stack: Stack, data: Stack, edged: Mapping[str, Stack]) -> str:
    """The whole document. `edged` has the stacks of a stage with an edge."""
    found = used()
    quoted = sorted({each.read for each in vars(prices).values() if isinstance(each, Price)})
    calls = ", ".join(f"{name} {count}" for name, count in sorted(found.calls.items()))
    return _PAGE.format(
        region=prices.REGION,
        oldest=quoted[0],
        newest=quoted[-1],
        idle=_table(idle(stack, data, found)),
        busy=_table(busy(found)),
        edge=_table(edge(edged["Stays-dev-Edge"], edged["Stays-dev-Backend"])),
        busy_edge=_table(busy_edge(found)),
        calls=calls,
        polls=_POLLS,
        milliseconds=_MILLISECONDS,
        logged=_LOGGED,
        answered=_ANSWERED,
        open=_OPEN,
    )


def _table(lines: Iterator[Line]) -> str:
    found = list(lines)
    rows = [f"| {each.what} | {_number(each.count)} | {each.price.unit} | {each.dollars:,.2f} |" for each in found]
    total = sum(each.dollars for each in found)
    return "\n".join([_COLUMNS, *rows, f"| **all** | | | **{total:,.2f}** |"])


def _number(count: float) -> str:
    return f"{count:,.0f}" if count >= 1 else f"{count:.2f}"


_COLUMNS = "| item | number | unit of the price | US dollars |\n|---|---|---|---|"
_PAGE = """# What a stage costs

Written by `python -m tests.infrastructure.cost_page`; a test compares. Prices are those of {region} without free tiers,
read from copies of AWS's pages of {oldest} to {newest} (`infra/prices.py` has each page). Other regions differ: look
them up before you rely on an amount.

## A month in which nobody pays

From the template of the stage `dev`. The other stages have the same.

{idle}

## A million payments

Counted in the simulation over one payment: an award, a page that listens and polls {polls} times, the order, the
callback, three more pages, the booking and its mails to user and host. Calls: {calls}.

{busy}

## With an edge

A stage with an edge costs this more ([deploy.md](deploy.md#an-edge)), each month:

{edge}

And for a million payments:

{busy_edge}

The firewall also bills what it refuses: an attack of a hundred million requests costs 60 dollars. CloudFront bills no
request that the firewall refuses.

## What is assumed, and what is not in it

- A call is billed {milliseconds} ms of 512 MB. `make bench` measures calls on your machine.
- A call writes {logged:,} bytes to the log. An answer has {answered:,} bytes.
- A page is connected for {open} minutes.
- Stream reads by functions, a thousand SNS mails and the budget are free. A queue of dead letters costs nothing while
  it is empty.
- Logs that are kept, the deployment's bucket, taxes and support are not in it.

Detailed metrics of routes, event counts of stream mappings and traces are off
([0180](decisions/0180-bill-is-generated.md)). Each stage has a budget (`monthlyBudget` in `cdk.json`).
"""


def main() -> None:
    """Write the document."""
    with tempfile.TemporaryDirectory() as folder:
        found = templates_of(Path(folder), stage="dev")
    with tempfile.TemporaryDirectory() as folder:
        edged = {name: Stack(each) for name, each in templates_of(Path(folder), **with_edge()).items()}
    DOCUMENT.write_text(page(Stack(found["Stays-dev-Backend"]), Stack(found["Stays-dev-Data"]), edged))


if __name__ == "__main__":
    main()
