"""DynamoDB as this table uses it: items in and out, conditions, transactions with retries."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from random import random
from typing import Any, NamedTuple

from stays.aws.attributes import from_attributes, to_attributes
from stays.aws.client import AwsError
from stays.domain.errors import Busy

Item = dict[str, Any]
Key = dict[str, str]
Operation = dict[str, Any]

_MOST_KEYS = 100  # per BatchGetItem
_PAUSES = (0.02, 0.04, 0.08, 0.16, 0.32)  # seconds at most, between attempts
_PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
_CONFLICT = "TransactionConflictException"  # the code of a single write
_THROTTLED = frozenset(  # the client has already tried three times
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)


class Conflicted(Exception):
    """Conditions of a transaction failed. `items` has the items that were in the way, by the operation's name."""

    def __init__(self, items: Mapping[str, Item]) -> None:
        super().__init__("a condition failed")
        self.items = items


class Condition:
    """A condition with its values. `#name` in the expression stands for the attribute `name`."""

    def __init__(self, expression: str, **values: Any) -> None:
        self.expression = expression
        self.values = values


class Written(NamedTuple):
    """Whether a write was done. If its condition failed, `existing` is the item that is there ({} if there is none)."""

    done: bool
    existing: Item


class Store:
    """One table. Its methods raise AwsError for faults, never for a failed condition.

    A conflict with another write is retried, six attempts in all. All methods raise Busy if the conflict, or DynamoDB's
    throttling, lasts longer.
    """

    def __init__(self, client: Any, table: str, *, closed: bool = False) -> None:
        """`closed`: nothing may be written now, so each write raises Busy."""
        self._client = client
        self._table = table
        self._change = _refuse if closed else _ask

    def get(self, key: Key) -> Item | None:
        """The item, strongly consistent: one read."""
        answer = _ask(self._client.get_item, TableName=self._table, Key=to_attributes(key), ConsistentRead=True)
        return from_attributes(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Sequence[Key]) -> list[Item]:
        """The items that exist, strongly consistent, in no order: one read for 100 keys. No key may come twice.

        Keys that DynamoDB leaves out are asked for again. The pauses grow as long as an answer has no item at all.
        """
        items: list[Item] = []
        pauses = iter(_PAUSES)
        pending: list[dict[str, Any]] = [to_attributes(key) for key in keys]
        while pending:
            now, later = pending[:_MOST_KEYS], pending[_MOST_KEYS:]
            request = {self._table: {"Keys": now, "ConsistentRead": True}}
            answer = _ask(self._client.batch_get_item, RequestItems=request)
            items += map(from_attributes, answer["Responses"].get(self._table, []))
            left = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            pauses = pauses if len(left) == len(now) else iter(_PAUSES)
            if left:
                _wait(pauses)
            pending = [*left, *later]
        return items

    def query(self, expression: str, values: Mapping[str, Any], **options: Any) -> list[Item]:
        """One page of items."""
        answer = _ask(self._client.query, **self._filtered("KeyConditionExpression", expression, values), **options)
        return [from_attributes(item) for item in answer["Items"]]

    def query_many(self, expression: str, values: Sequence[Mapping[str, Any]], **options: Any) -> list[Item]:
        """One page of items for each of the values, read at the same time."""
        requests = [{**self._filtered("KeyConditionExpression", expression, each), **options} for each in values]
        answers = _ask(self._client.query_many, requests=requests)
        return [from_attributes(item) for answer in answers for item in answer["Items"]]

    def query_all(self, expression: str, values: Mapping[str, Any], **options: Any) -> Iterator[Item]:
        """Every item that matches the key condition and the filter, page by page."""
        return _pages(self._client.query, {**self._filtered("KeyConditionExpression", expression, values), **options})

    def scan(self, expression: str, values: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Item]:
        """Every item of the table that matches the filter. It reads, and costs, the whole table."""
        request = self._filtered("FilterExpression", expression, values)
        return _pages(self._client.scan, {**request, "ExpressionAttributeNames": names})

    def _filtered(self, kind: str, expression: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return {"TableName": self._table, kind: expression, "ExpressionAttributeValues": to_attributes(values)}

    def put(self, item: Item, condition: Condition | None = None) -> Written:
        """Write the item. If the condition fails, write nothing."""
        return self._conditional(self._client.put_item, self.put_operation(item, condition)["Put"])

    def update(self, key: Key, changes: Mapping[str, Any], condition: Condition | None = None) -> Written:
        """Set attributes, or remove those with None. If the condition fails, write nothing."""
        return self._conditional(self._client.update_item, self.update_operation(key, changes, condition)["Update"])

    def delete(self, key: Key) -> Item:
        """Delete the item, and return it as it was ({} if there was none): one write."""
        request = {"TableName": self._table, "Key": to_attributes(key), "ReturnValues": "ALL_OLD"}
        return from_attributes(self._change(self._client.delete_item, **request).get("Attributes", {}))

    def merge(self, key: Key, changes: Mapping[str, Any], first: Mapping[str, Any]) -> Item:
        """Set attributes, and those of `first` that are missing. Returns the item after that: one write."""
        update = self.update_operation(key, changes)["Update"]
        names = {f"#f{i}": name for i, name in enumerate(first)}
        values = {f":{name[1:]}": value for name, value in zip(names, first.values(), strict=True)}
        kept = "".join(f", {name} = if_not_exists({name}, :{name[1:]})" for name in names)
        more = {
            "UpdateExpression": update["UpdateExpression"] + kept,
            "ExpressionAttributeNames": update["ExpressionAttributeNames"] | names,
            "ExpressionAttributeValues": update["ExpressionAttributeValues"] | to_attributes(values),
            "ReturnValues": "ALL_NEW",
        }
        answer = self._change(self._client.update_item, **update | more)
        return from_attributes(answer["Attributes"])

    def _conditional(self, call: Any, arguments: Mapping[str, Any]) -> Written:
        try:
            self._change(call, **arguments)
        except AwsError as error:
            if error.code != "ConditionalCheckFailedException":
                raise
            return Written(done=False, existing=from_attributes(error.answer.get("Item", {})))
        return Written(done=True, existing={})

    def put_operation(self, item: Item, condition: Condition | None = None) -> Operation:
        """A put for a transaction."""
        return {"Put": self._with({"Item": to_attributes(item)}, {}, condition)}

    def update_operation(self, key: Key, changes: Mapping[str, Any], condition: Condition | None = None) -> Operation:
        """An update for a transaction: a value of None removes the attribute."""
        names = {f"#c{i}": name for i, name in enumerate(changes)}
        placed = list(zip(names, changes.values(), strict=True))
        sets = ", ".join(f"{name} = :{name[1:]}" for name, value in placed if value is not None)
        removes = ", ".join(name for name, value in placed if value is None)
        expression = " ".join(part for part in (sets and f"SET {sets}", removes and f"REMOVE {removes}") if part)
        request = {
            "Key": to_attributes(key),
            "UpdateExpression": expression,
            "ExpressionAttributeNames": names,
        }
        values = {f":{name[1:]}": value for name, value in placed if value is not None}
        return {"Update": self._with(request, values, condition)}

    def count_operation(self, key: Key, changes: Mapping[str, Any], most: int) -> Operation:
        """Add one to a counter and set attributes, for a transaction, unless the counter has reached `most`."""
        fewer = Condition("attribute_not_exists(times) OR times < :most", most=most)
        counted = self.update_operation(key, changes, fewer)
        update = counted["Update"]
        update["UpdateExpression"] += " ADD times :one"
        update["ExpressionAttributeValues"] |= to_attributes({":one": 1})
        return counted

    def check_operation(self, key: Key, condition: Condition) -> Operation:
        """A condition without a write, for a transaction."""
        return {"ConditionCheck": self._with({"Key": to_attributes(key)}, {}, condition)}

    def delete_operation(self, key: Key, condition: Condition | None = None) -> Operation:
        """A delete for a transaction."""
        return {"Delete": self._with({"Key": to_attributes(key)}, {}, condition)}

    def _with(self, request: dict[str, Any], values: dict[str, Any], condition: Condition | None) -> dict[str, Any]:
        request["TableName"] = self._table
        if condition is not None:
            values = values | {f":{name}": value for name, value in condition.values.items()}
            request["ConditionExpression"] = condition.expression
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
            names = {f"#{name}": name for name in re.findall(r"#([a-zA-Z]+)", condition.expression)}
            request["ExpressionAttributeNames"] = request.get("ExpressionAttributeNames", {}) | names
        if values:
            request["ExpressionAttributeValues"] = to_attributes(values)
        return {name: value for name, value in request.items() if value}

    def transact(self, operations: Mapping[str, Operation]) -> None:
        """Write all operations or none. Raises Conflicted if conditions fail."""
        self._change(self._write, operations=operations)

    def _write(self, operations: Mapping[str, Operation]) -> None:
        try:
            self._client.transact_write_items(TransactItems=list(operations.values()))
        except AwsError as error:
            failed = {
                name: from_attributes(reason.get("Item", {}))
                for name, reason in zip(operations, _reasons(error), strict=False)
                if reason.get("Code") == "ConditionalCheckFailed"
            }
            if failed:
                raise Conflicted(failed) from None
            raise


def _ask(call: Callable[..., Any], **request: Any) -> Any:
    """Ask DynamoDB; retry a conflict with another write. Raises Busy if the conflict or the throttling lasts."""
    pauses = iter(_PAUSES)
    while True:
        try:
            return call(**request)
        except AwsError as error:
            if error.code in _THROTTLED:
                raise Busy from error
            if not _is_conflict(error):
                raise
        _wait(pauses)


def _refuse(*_: Any, **__: Any) -> Any:
    """A write to a closed table."""
    raise Busy


def _pages(call: Callable[..., Any], request: Mapping[str, Any]) -> Iterator[Item]:
    """The items of all pages. A page is read when its first item is wanted."""
    more: Mapping[str, Any] = {}
    while True:
        answer = _ask(call, **request, **more)
        yield from map(from_attributes, answer["Items"])
        if "LastEvaluatedKey" not in answer:
            return
        more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _wait(pauses: Iterator[float]) -> None:
    """Sleep until the next attempt. Raises Busy if no attempt is left."""
    pause = next(pauses, None)
    if pause is None:
        raise Busy
    time.sleep(random() * pause)  # noqa: S311  # jitter is no secret


def _is_conflict(error: AwsError) -> bool:
    """Whether a write or a transaction met another write on its items."""
    return error.code == _CONFLICT or not _PASSING.isdisjoint(reason.get("Code") for reason in _reasons(error))


def _reasons(error: AwsError) -> Sequence[dict[str, Any]]:
    reasons: Sequence[dict[str, Any]] = error.answer.get("CancellationReasons", [])
    return reasons


def any_of(name: str, values: Iterable[str]) -> Condition:
    """`#name` is one of the values."""
    placed = {f"{name}{i}": value for i, value in enumerate(sorted(values))}
    return Condition(f"#{name} IN ({', '.join(f':{key}' for key in placed)})", **placed)


def both(*conditions: Condition) -> Condition:
    """All of the conditions hold."""
    values = {name: value for each in conditions for name, value in each.values.items()}
    return Condition(" AND ".join(f"({each.expression})" for each in conditions), **values)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes to set, or (None) to remove, to turn one item into the other."""
    names = sorted({*before, *after})
    return {name: after.get(name) for name in names if before.get(name) != after.get(name)}
