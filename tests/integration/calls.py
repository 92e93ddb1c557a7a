"""What functions really ask of DynamoDB, in the words of a policy."""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from fnmatch import fnmatchcase
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple, Self

from infra.topology import FUNCTIONS
from tests.integration.product import listening


class Call(NamedTuple):
    """One item that was asked for: all that a policy can look at."""

    function: str
    action: str
    table: str
    index: str | None
    key: str


def items(operation: str, request: Mapping[str, Any]) -> Iterator[tuple[str, str, str | None, str]]:
    """Action, table, index and partition key of everything in a request: a transaction is what it is made of."""
    if operation == "TransactWriteItems":
        for each in request["TransactItems"]:
            ((kind, inner),) = each.items()
            yield from items({"ConditionCheck": "ConditionCheckItem"}.get(kind, f"{kind}Item"), inner)
    elif operation == "BatchGetItem":
        for table, asked in request["RequestItems"].items():
            yield from ((operation, table, None, key["PK"]["S"]) for key in asked["Keys"])
    elif operation == "Query":
        placeholder = re.match(r"\w+ = (:\w+)", request["KeyConditionExpression"])
        assert placeholder
        value = request["ExpressionAttributeValues"][placeholder[1]]["S"]
        yield operation, request["TableName"], request.get("IndexName"), value
    else:
        key = (request.get("Key") or request["Item"])["PK"]["S"]
        yield operation, request["TableName"], None, key


class Grant(NamedTuple):
    """One permission on items of a table."""

    function: str
    action: str
    table: str
    index: str | None
    key: str  # a pattern

    def covers(self, call: Call) -> bool:
        return self[:4] == call[:4] and fnmatchcase(call.key, self.key)


def granted_by_topology() -> set[Grant]:
    """What the topology lets functions ask for."""
    return {
        Grant(name, action, access.table, access.through, key)
        for name, function in FUNCTIONS.items()
        for access in function.access
        for action in access.actions
        for key in access.keys or ("*",)
    }


class Recorder:
    """Listens to the clients of functions while it is open."""

    def __init__(self, functions: Mapping[str, ModuleType]):
        self.calls: set[Call] = set()
        self._functions = functions

    def __enter__(self) -> Self:
        self._open = ExitStack()
        for name, module in self._functions.items():
            self._open.enter_context(listening(module, partial(self._note, name)))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _note(self, name: str, operation: str, request: Mapping[str, Any]) -> None:
        self.calls |= {Call(name, *item) for item in items(operation, request)}
