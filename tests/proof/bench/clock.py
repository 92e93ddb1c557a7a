"""The clock: how many due items the invocations of one minute attend to."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.topology import FUNCTIONS, SCHEDULES
from tests.proof.bench.programs import Call, Program, quota
from tests.proof.bench.rows import Goal, Row
from tests.proof.bench.stays import Side
from tests.proof.bench.table_filler import Items, copies

CLOCK = "reconciliation"
GOAL = 20_000  # items a minute
_SHARDS = next(each.keys for each in FUNCTIONS[CLOCK].access if each.through == "due")


def rounds() -> list[dict[str, Any]]:
    """Return the event of each invocation that the clock starts in a minute: one for each input of its schedule."""
    event: dict[str, Any] = {"detail-type": "Scheduled Event", "detail": {}}
    inputs: list[dict[str, Any]] = []
    for each in SCHEDULES:
        inputs += each.inputs if each.function == CLOCK else ()
    return [event | given for given in inputs]


def clock(product: Side, turns: int, due: int) -> list[Row]:
    """Return the row: items that the clock attends to in a minute, by one invocation with the CPU of its memory.

    The items are unpaid sessions. ZaloPay is asked about each.
    """
    function, invocations = FUNCTIONS[CLOCK], len(rounds())
    name = f"items a minute, by {invocations} invocations of {function.memory} MB"
    row = Row(name, [], goals=(Goal(GOAL, at_least=True),))
    with quota(function.memory) as slow:
        if slow is None:
            return [row._replace(missing="no control group can be written here")]
        model, ids = _live_session(product)
        with Program(CLOCK, product.variables[CLOCK], seconds=function.timeout) as program:
            program.call(rounds()[0])
            slow.hold(program)
            return [row._replace(product=[_turn(product, program, model, ids, due) for _ in range(turns)])]


def _turn(product: Side, program: Program, model: Items, ids: list[str], due: int) -> float:
    database = product.surroundings.database
    for number, copy in enumerate(copies(model, ids, due)):
        for table, item in copy:
            shard = {"dueShard": {"S": _SHARDS[number % len(_SHARDS)]}} if "dueAt" in item else {}
            database.put_item(TableName=table, Item=item | shard)
    asked: dict[str, Any] = {
        "KeyConditionExpression": "dueShard = :s",
        "ExpressionAttributeValues": {":s": {"S": _SHARDS[0]}},
    }
    database.query(TableName="stays", IndexName="due", Limit=1, **asked)  # writes all copies into the index
    return items_a_minute(program.call(rounds()[0]), due / len(rounds())) * len(rounds())


def items_a_minute(round_: Call, share: float) -> float:
    """Return the items that one invocation attends to in a minute.

    If it ended before its share was done, it takes no more in a minute than what it took.
    """
    attended: int = round_.answer["attended"]
    return float(attended) if attended < 0.9 * share else attended / round_.wall * 60_000


def _live_session(product: Side) -> tuple[Items, list[str]]:
    """Make an order. Return its session's items, due a second ago, with the ids that a copy changes."""
    stay, database = product.award(), product.surroundings.database
    made = json.loads(product.call(*product.create(stay)).answer["body"])
    past, session = (datetime.now(UTC) - timedelta(seconds=1)).isoformat(), made["sessionId"]
    found = [each for each in database.scan(TableName="stays")["Items"] if session in str(each)]
    due = [each for each in found if "dueAt" in each and session in each["PK"]["S"]]
    items = [("stays", each | {"dueAt": {"S": past}} if each in due else each) for each in found]
    return items, [session, stay.user, stay.auction]
