"""Messages to many: one user with a thousand connections, and the night of an auction with a result for each user.

A post takes 20 ms at the server, so that the worker's part shows.
"""

from collections.abc import Iterator
from typing import Any

from infra.topology import CONSUMERS, FUNCTIONS
from tests.proof.bench.local_run import token_of
from tests.proof.bench.programs import PEERS, Program, Quota, quota
from tests.proof.bench.rows import Goal, Row
from tests.proof.bench.stays import SOCKETS, Side, Stay, connecting, new_client, subscribing
from tests.proof.bench.table_filler import copies

_SECONDS = 0.02
_CONNECTIONS = 1000
_SEQUENTIAL = 25  # posts of the peer in each turn; each takes as long as the one before
_AT_ONCE = 64  # posts of the bare limit
(_BATCH,) = (each.batch_size for each in CONSUMERS if each.function == "notifier")

Batches = list[list[dict[str, Any]]]


def messages(sides: tuple[Side, Side], turns: int, results: int) -> list[Row]:
    """Return the rows in messages a second and worker."""
    surroundings = sides[0].surroundings
    surroundings.seconds_of_a_post = _SECONDS
    try:
        return [*_crowd(sides, turns), *_night(sides, turns, results)]
    finally:
        surroundings.seconds_of_a_post = 0


def _crowd(sides: tuple[Side, Side], turns: int) -> list[Row]:
    """Return the rows of one user: messages a second to many connections, and the wall time for three tabs."""
    product, naive = sides
    crowds = _listeners(product, 1, _CONNECTIONS), _listeners(naive, 1, _SEQUENTIAL)
    tabs = _listeners(product, 1, SOCKETS - 1), _listeners(naive, 1, SOCKETS - 1)
    rates, walls, limits = _pair(), _pair(), []
    with product.start("notifier") as one, naive.start("notifier") as other, Program("posting", {}, PEERS) as bare:
        for side, program, crowd in zip(sides, (one, other), crowds, strict=True):
            _rate(side, program, crowd)  # the first invocation opens the connections
        for _ in range(turns):
            for place, (side, program) in enumerate(zip(sides, (one, other), strict=True)):
                rates[place].append(_rate(side, program, crowds[place]))
                walls[place].append(program.call({"Records": tabs[place][0]}).wall / _SECONDS / 1000)
            limits.append(_bare_rate(product, bare))
    goals = (Goal(2000, at_least=True), Goal(48, ratio=True, at_least=True))
    return [
        Row("one user with 1,000 connections, messages a second", *rates, limits, goals),
        Row("one user with three tabs: wall time ÷ time of a post", *walls, [1.0], (Goal(1.25),)),
    ]


def _bare_rate(side: Side, bare: Program) -> float:
    event = {"url": side.surroundings.url, "count": _CONNECTIONS, "atOnce": _AT_ONCE}
    return _CONNECTIONS / bare.call(event).wall * 1000


def _pair() -> tuple[list[float], list[float]]:
    return [], []


def _night(sides: tuple[Side, Side], turns: int, results: int) -> list[Row]:
    product, naive = sides
    each, few = max(1, results // turns), _SEQUENTIAL
    mine, others = _listeners(product, each * turns, 1), _listeners(naive, few, 1)
    memory = FUNCTIONS["notifier"].memory
    name = f"auction night: {results:,} results for as many users, messages a second"
    rows = [_turns(sides, _parts(mine, turns), others, None, Row(name, [], goals=(Goal(1000, at_least=True),)))]
    with quota(memory) as slow:
        row = Row(f"the same with Lambda's CPU for {memory} MB", [], goals=(Goal(500, at_least=True),))
        if slow:
            rows.append(_turns(sides, _parts(mine, turns), others, slow, row))
        else:
            rows.append(row._replace(missing="no control group can be written here"))
    return rows


def _turns(sides: tuple[Side, Side], parts: list[Batches], others: Batches, slow: Quota | None, row: Row) -> Row:
    product, naive = sides
    rates, limits = _pair(), []
    with product.start("notifier") as one, naive.start("notifier") as other, Program("posting", {}, PEERS) as bare:
        for program, batches in ((one, parts[0]), (other, others)):
            program.call({"Records": batches[0]})  # the first invocation opens the connections
        if slow:
            slow.hold(one, other, bare)
        for part in parts:
            rates[0].append(_rate(product, one, part))
            rates[1].append(_rate(naive, other, others))
            limits.append(_bare_rate(product, bare))
    return row._replace(product=rates[0], peer=rates[1], limit=limits)


def _parts(batches: Batches, turns: int) -> list[Batches]:
    size = max(1, len(batches) // turns)
    return [batches[start : start + size] for start in range(0, size * turns, size)]


def _rate(side: Side, program: Program, batches: Batches) -> float:
    before, milliseconds = side.surroundings.posts, 0.0
    for records in batches:
        milliseconds += program.call({"Records": records}).wall
    return (side.surroundings.posts - before) / milliseconds * 1000


def _listeners(side: Side, users: int, connections: int) -> Batches:
    """Make users with connections, and return the stream's batches about their results."""
    database, stay, client = side.surroundings.database, side.award(), new_client()
    side.call("connections", connecting(client, token_of(side.local, stay.user)))
    side.call("connections", subscribing(client, stay.user))
    if side.is_naive:
        database.put_item(TableName="stays", Item=_naive_result(stay))
    name = client.connection_id.rstrip("=")
    copied = [stay.user, stay.auction] if users > 1 else [name]
    side.records_for("notifier")
    for copy in copies(list(_items(side, copied)), [name, *copied], max(users, connections)):
        for table, item in copy:
            database.put_item(TableName=table, Item=item)
    records = side.records_for("notifier") if users > 1 else _about(side, stay)
    return [records[start : start + _BATCH] for start in range(0, len(records), _BATCH)]


def _about(side: Side, stay: Stay) -> list[dict[str, Any]]:
    kinds = ("AWARD", "NAIVE_SESSION")
    found = [each for each in side.surroundings.database.records if stay.user in str(each["dynamodb"].get("NewImage"))]
    return [each for each in found if each["dynamodb"]["NewImage"].get("kind", {}).get("S") in kinds][-1:]


def _items(side: Side, ids: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for table in ("stays", "connections"):
        for item in side.surroundings.database.scan(TableName=table)["Items"]:
            if any(each in str(item) for each in ids):
                yield table, item


def _naive_result(stay: Stay) -> dict[str, Any]:
    words = {"PK": f"NAIVE#{stay.auction}", "SK": "NAIVE_SESSION", "kind": "NAIVE_SESSION", "id": stay.auction}
    words |= {"userId": stay.user, "userSort": stay.night, "status": "PENDING"}
    return {name: {"S": value} for name, value in words.items()}
