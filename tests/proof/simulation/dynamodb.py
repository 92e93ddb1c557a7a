"""DynamoDB in memory, with the methods of `stays.aws.client.DynamoDB` and the rules that moto lacks.

It has one thread, no network and no copies: an item is replaced and never changed, here or by a reader. Transactions
are atomic, and a client token is honoured. A write that changes nothing leaves no record in the stream. One thread
alone has no conflicts between transactions: the gate makes them. Answers are boto3's without `ResponseMetadata`. A page
ends by `Limit` only, not by its size.
"""

import marshal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import wraps
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from botocore.exceptions import ParamValidationError

from infra.topology import TABLES
from stays.aws.attributes import from_attributes, to_attributes
from stays.aws.client import AwsError
from tests.proof.simulation.attribute_values import Invalid, Item, Refused, bytes_of, same_items
from tests.proof.simulation.expressions import Compiled, Term, compiled
from tests.proof.simulation.stored import Contents, Key, Stored, Written

TOKEN_TIME = timedelta(minutes=10)
LARGEST_ITEM = 400 * 1024
LONGEST_PARTITION_KEY = 2048
LONGEST_SORT_KEY = 1024
MOST_ITEMS = 100

_EXPRESSIONS = {"ExpressionAttributeNames", "ExpressionAttributeValues"}
_WRITE = {"TableName", "ConditionExpression", "ReturnValuesOnConditionCheckFailure", *_EXPRESSIONS}
_TAKEN = {
    "Put": frozenset({"Item", *_WRITE}),
    "Update": frozenset({"Key", "UpdateExpression", *_WRITE}),
    "Delete": frozenset({"Key", *_WRITE}),
    "ConditionCheck": frozenset({"Key", *_WRITE}),
}
_NEEDED = {
    "Put": frozenset({"TableName", "Item"}),
    "Update": frozenset({"TableName", "Key", "UpdateExpression"}),
    "Delete": frozenset({"TableName", "Key"}),
    "ConditionCheck": frozenset({"TableName", "Key", "ConditionExpression"}),
}
_RETURNED = {
    "Put": ("NONE", "ALL_OLD"),
    "Update": ("NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"),
    "Delete": ("NONE", "ALL_OLD"),
}
_NULL = {"NULL": True}

Method = TypeVar("Method", bound=Callable[..., Any])


def answering(operation: str) -> Callable[[Method], Method]:
    """Return a method of the client that raises refusals as the client does."""

    def decorate(method: Method) -> Method:
        @wraps(method)
        def call(database: "Database", **request: Any) -> Any:
            try:
                return method(database, **request)
            except Refused as refusal:
                raise AwsError(refusal.code, 400, {"message": str(refusal), **refusal.more}) from None

        return call  # type: ignore[return-value]

    return decorate


class Write(NamedTuple):
    """One write, ready to be checked and done."""

    kind: str
    request: Mapping[str, Any]
    table: Stored
    key: Key
    expressions: Compiled
    values: Item
    old: Item | None

    def passes(self) -> bool:
        """Say whether the condition holds."""
        test = self.expressions.condition
        return test is None or test(self.old or {}, self.values)

    def failure(self) -> dict[str, Item]:
        """Return the part of the item that a failed condition shows."""
        shown = self.request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and self.old
        return {"Item": shown} if shown else {}

    def result(self) -> Item | None:
        """Return the item after the write. Raises Invalid for an update that does not fit it."""
        if self.kind == "Put":
            return self.request["Item"]  # type: ignore[no-any-return]
        if self.kind == "Delete":
            return None
        before = self.old or self.request["Key"]
        after = dict(before)
        if self.expressions.update is not None:
            self.expressions.update(before, after, self.values)
            _check_item(self.table, after)
        return after


class Snapshot(NamedTuple):
    """The whole content at one time."""

    tables: dict[str, Contents]
    records: list[dict[str, Any]]
    version: int
    tokens: dict[str, tuple[datetime, Any]]
    read: dict[int, tuple[Item, dict[str, Any]]]


class Database:
    """All tables of the topology. `records` is the stream; `version` grows with every change.

    The indexes do not show the latest `index_lag` writes yet. `meter` hears of each write, also of a refused one, and
    whether it was part of a transaction; of a refused transaction it hears nothing.
    """

    def __init__(self) -> None:
        self.meter: Callable[[Written, bool], None] = lambda *_: None
        self._tables = {name: Stored(name, schema) for name, schema in TABLES.items()}
        self.index_lag = 0
        self.clear()

    def clear(self) -> None:
        """Empty the tables and the stream."""
        for table in self._tables.values():
            table.clear()
        self.records: list[dict[str, Any]] = []
        self.version = 0
        self._tokens: dict[str, tuple[datetime, Any]] = {}
        self._read: dict[int, tuple[Item, dict[str, Any]]] = {}

    def snapshot(self) -> Snapshot:
        """Return the present content, which can be restored any number of times."""
        tables = {name: table.contents() for name, table in self._tables.items()}
        return Snapshot(tables, list(self.records), self.version, dict(self._tokens), dict(self._read))

    def restore(self, snapshot: Snapshot) -> None:
        """Restore a snapshot."""
        for name, contents in snapshot.tables.items():
            self._tables[name].put_back(contents)
        self.records, self.version = list(snapshot.records), snapshot.version
        self._tokens, self._read = dict(snapshot.tokens), dict(snapshot.read)

    def find(self, partition: str, sort: str, table: str = "stays") -> Item | None:
        """Return one item as it is stored."""
        return self._tables[table].items.get((partition, sort))

    def plain(self, item: Item | None) -> dict[str, Any]:
        """Return a present or past item in Python's types. The result is cached, so the caller must not change it."""
        if item is None:
            return {}
        read = self._read.get(id(item))
        if read is None:
            read = self._read[id(item)] = item, from_attributes(item)
        return read[1]

    def ever_read(self) -> Iterator[dict[str, Any]]:
        """Return all items that `plain` has read: as stored, and in Python's types."""
        return chain.from_iterable(self._read.values())

    def due_times(self) -> list[str]:
        """Return the due times of the items in the index `due`."""
        items = self._tables["stays"].items.values()
        return [item["dueAt"]["S"] for item in items if "dueAt" in item and "dueShard" in item]

    def items(self, table: str = "stays", **attributes: Any) -> list[dict[str, Any]]:
        """Return all items with these attributes, in Python's types."""
        wanted = to_attributes(attributes).items()
        found = self._tables[table].items.values()
        return [self.plain(item) for item in found if all(item.get(name, _NULL) == each for name, each in wanted)]

    def due_shards(self) -> list[str]:
        """Return the shards of the index `due` that have items."""
        items = self._tables["stays"].items.values()
        return sorted({item["dueShard"]["S"] for item in items if "dueAt" in item and "dueShard" in item})

    # Reading

    @answering("GetItem")
    def get_item(self, **request: Any) -> dict[str, Any]:
        """Works like boto3's method."""
        return self._got(request)

    def _got(self, request: Mapping[str, Any]) -> dict[str, Any]:
        wanted = {"TableName", "Key", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"}
        _check_parameters(request, {"TableName", "Key"}, wanted)
        item = self._table(request["TableName"]).items.get(_key(request["Key"]))
        shown = _projection(request)
        return {} if item is None else {"Item": _projected(item, shown)}

    @answering("TransactGetItems")
    def transact_get_items(self, *, TransactItems: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Works like boto3's method."""
        _check_count(TransactItems)
        return {"Responses": [self._got(each["Get"]) for each in TransactItems]}

    @answering("BatchGetItem")
    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:
        """Works like boto3's method. It leaves no key unprocessed."""
        _check_count([key for wanted in RequestItems.values() for key in wanted["Keys"]])
        found = {name: self._batch(self._table(name), wanted) for name, wanted in RequestItems.items()}
        return {"Responses": found, "UnprocessedKeys": {}}

    def _batch(self, table: Stored, wanted: Mapping[str, Any]) -> list[Item]:
        keys = [_key(key) for key in wanted["Keys"]]
        if len(set(keys)) != len(keys):
            raise Invalid("Provided list of item keys contains duplicates")
        shown = _projection(wanted)
        return [_projected(table.items[key], shown) for key in keys if key in table.items]

    @answering("Query")
    def query(
        self,
        *,
        TableName: str,
        KeyConditionExpression: str,
        ExpressionAttributeValues: Item,
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        FilterExpression: str | None = None,
        ProjectionExpression: str | None = None,
        IndexName: str | None = None,
        ConsistentRead: bool = False,
        ScanIndexForward: bool = True,
        Limit: int | None = None,
        ExclusiveStartKey: Item | None = None,
    ) -> dict[str, Any]:
        """Works like boto3's method."""
        table, values = self._table(TableName), ExpressionAttributeValues
        partition, sort = _schema(table, IndexName, consistent=ConsistentRead)
        expressions = compiled(
            _names(ExpressionAttributeNames),
            tuple(values),
            FilterExpression,
            key=KeyConditionExpression,
            projection=ProjectionExpression,
        )
        _check_values(expressions, values)
        term, of_sort = _terms(expressions.key, partition, sort)
        value = values[term.value]["S"]
        items = table.partition(value) if IndexName is None else table.indexed(IndexName, value, self.index_lag)
        found = [(item[sort]["S"], key, item) for key, item in items.items()]
        if of_sort is not None:
            test = of_sort.test
            found = [each for each in found if test(each[0], values)]
        found.sort(reverse=not ScanIndexForward)
        if ExclusiveStartKey is not None:
            start = _start(ExclusiveStartKey, (partition, sort), value)
            found = [each for each in found if (each[:2] > start if ScanIndexForward else each[:2] < start)]
        return _page([item for *_, item in found], (partition, sort), Limit, expressions, values)

    @answering("Scan")
    def scan(
        self,
        *,
        TableName: str,
        ExpressionAttributeValues: Item | None = None,
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        FilterExpression: str | None = None,
        ProjectionExpression: str | None = None,
        ConsistentRead: bool = False,
        Limit: int | None = None,
        ExclusiveStartKey: Item | None = None,
    ) -> dict[str, Any]:
        """Works like boto3's method, for a table. The result is sorted by key, which DynamoDB does not promise."""
        expressions = compiled(
            _names(ExpressionAttributeNames),
            None if ExpressionAttributeValues is None else tuple(ExpressionAttributeValues),
            FilterExpression,
            projection=ProjectionExpression,
        )
        values = ExpressionAttributeValues or {}
        _check_values(expressions, values)
        start = ("", "") if ExclusiveStartKey is None else _key(ExclusiveStartKey)
        found = sorted((key, item) for key, item in self._table(TableName).items.items() if key > start)
        return _page([item for _, item in found], ("PK", "SK"), Limit, expressions, values)

    # Writing

    @answering("PutItem")
    def put_item(self, **request: Any) -> dict[str, Any]:
        """Works like boto3's method."""
        return self._written("Put", request)

    @answering("UpdateItem")
    def update_item(self, **request: Any) -> dict[str, Any]:
        """Works like boto3's method."""
        return self._written("Update", {"UpdateExpression": None, **request})

    @answering("DeleteItem")
    def delete_item(self, **request: Any) -> dict[str, Any]:
        """Works like boto3's method."""
        return self._written("Delete", request)

    def _written(self, kind: str, request: dict[str, Any]) -> dict[str, Any]:
        returned = request.pop("ReturnValues", "NONE")
        if returned not in _RETURNED[kind]:
            raise Invalid("Return values set to invalid value")
        write = self._prepared(kind, request)
        if not write.passes():
            self.meter(Written(write.table, write.key, write.old, write.old), False)
            raise Refused("ConditionalCheckFailedException", "The conditional request failed", **write.failure())
        new = write.result()
        self.meter(Written(write.table, write.key, write.old, new), False)
        self._commit([Written(write.table, write.key, write.old, new)])
        shown = _returned(returned, write, new)
        return {"Attributes": shown} if shown else {}

    @answering("TransactWriteItems")
    def transact_write_items(
        self, *, TransactItems: Sequence[Mapping[str, Any]], ClientRequestToken: str | None = None
    ) -> dict[str, Any]:
        """Works like boto3's method, but adds no token: a repetition without a token is done twice."""
        _check_count(TransactItems)
        if ClientRequestToken is not None and self._is_repeated(ClientRequestToken, TransactItems):
            return {}
        writes = [self._prepared(*_operation(each)) for each in TransactItems]
        if len({(write.table.name, write.key) for write in writes}) != len(writes):
            raise Invalid("Transaction request cannot include multiple operations on one item")
        written = _all_or_none(writes)
        for each in written:
            self.meter(each, True)
        self._commit(written)
        if ClientRequestToken is not None:
            self._tokens[ClientRequestToken] = datetime.now(UTC), TransactItems
        return {}

    def _is_repeated(self, token: str, operations: Sequence[Mapping[str, Any]]) -> bool:
        at, before = self._tokens.get(token, (None, None))
        if at is None or datetime.now(UTC) - at >= TOKEN_TIME:
            return False
        if before != operations:
            raise Refused("IdempotentParameterMismatchException", "The token was used with another content")
        return True

    def _prepared(self, kind: str, request: Mapping[str, Any]) -> Write:
        _check_parameters(request, _NEEDED[kind], _TAKEN[kind])
        table = self._table(request["TableName"])
        values = request.get("ExpressionAttributeValues")
        expressions = compiled(
            _names(request.get("ExpressionAttributeNames")),
            None if values is None else tuple(values),
            request.get("ConditionExpression"),
            update=request.get("UpdateExpression"),
        )
        _check_values(expressions, values or {})
        if "PK" in expressions.written or "SK" in expressions.written:
            raise Invalid("Cannot update attribute PK or SK. This attribute is part of the key")
        if kind == "Put":
            key = _key(request["Item"], whole=False)
            _check_item(table, request["Item"])
        else:
            key = _key(request["Key"])
        return Write(kind, request, table, key, expressions, values or {}, table.items.get(key))

    def _commit(self, writes: Iterable[Written]) -> None:
        now = int(datetime.now(UTC).timestamp())
        for each in writes:
            old, new = each.old, each.new
            if old is new or (old is not None and new is not None and same_items(old, new)):
                continue
            each.table.write(each)
            self.version += 1
            if each.table.schema.stream:
                self.records.append(_record(each, self.version, now))

    def _table(self, name: str) -> Stored:
        table = self._tables.get(name)
        if table is None:
            raise Refused("ResourceNotFoundException", "Requested resource not found")
        return table


def _check_parameters(request: Mapping[str, Any], needed: Iterable[str], taken: Iterable[str]) -> None:
    """Refuse parameters that boto3 does not send, and those that this database does not simulate."""
    if not (request.keys() >= needed and request.keys() <= taken):
        raise ParamValidationError(
            report=f"{sorted(request)}, where {sorted(needed)} are needed, {sorted(taken)} taken"
        )


def _check_count(entries: Sequence[Any]) -> None:
    if not entries:
        raise ParamValidationError(report="at least one is needed")
    if len(entries) > MOST_ITEMS:
        raise Invalid(f"Member must have length less than or equal to {MOST_ITEMS}")


def _operation(entry: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    if len(entry) != 1:
        raise Invalid("TransactItems can only contain one of Check, Put, Update or Delete")
    return next(iter(entry.items()))


def _names(names: Mapping[str, str] | None) -> tuple[tuple[str, str], ...] | None:
    return None if names is None else tuple(names.items())


def _check_values(expressions: Compiled, values: Item) -> None:
    for check in expressions.checks:
        check(values)


def _key(item: Item, *, whole: bool = True) -> Key:
    """Return the key in an item; with `whole` the item may have nothing else."""
    try:
        partition, sort = item["PK"]["S"], item["SK"]["S"]
    except KeyError:
        raise Invalid("The provided key element does not match the schema") from None
    if whole and len(item) != 2:
        raise Invalid("The provided key element does not match the schema")
    _check_length(partition, LONGEST_PARTITION_KEY)
    _check_length(sort, LONGEST_SORT_KEY)
    return partition, sort


def _check_length(key: str, longest: int) -> None:
    if not key:
        raise Invalid("One or more parameter values are not valid: an empty string is no key")
    if len(key) * 4 > longest and len(key.encode()) > longest:
        raise Invalid(f"One or more parameter values were invalid: a key has exceeded {longest} bytes")


def _check_item(table: Stored, item: Item) -> None:
    for name in table.indexed_names:
        if name in item:
            text = item[name].get("S")
            if text is None:
                raise Invalid(f"One or more parameter values were invalid: Type mismatch for Index Key {name}")
            _check_length(text, LONGEST_SORT_KEY)
    if len(marshal.dumps(item)) > LARGEST_ITEM and bytes_of(item) > LARGEST_ITEM:
        raise Invalid("Item size has exceeded the maximum allowed size")


def _schema(table: Stored, index: str | None, *, consistent: bool) -> tuple[str, str]:
    """Return the names of the partition key and the sort key."""
    if index is None:
        return "PK", "SK"
    if index not in table.schema.indexes:
        raise Invalid(f"The table does not have the specified index: {index}")
    if consistent:
        raise Invalid("Consistent reads are not supported on global secondary indexes")
    return table.schema.indexes[index]


def _terms(terms: Mapping[str, Term], partition: str, sort: str) -> tuple[Term, Term | None]:
    if partition not in terms or terms[partition].how != "=":
        raise Invalid(f"Query condition missed key schema element: {partition}")
    if not terms.keys() <= {partition, sort}:
        raise Invalid(f"Query condition missed key schema element: {sort}")
    return terms[partition], terms.get(sort)


def _start(key: Item, schema: tuple[str, str], partition: str) -> tuple[str, Key]:
    """Return the position at which a page begins."""
    if key.keys() != {"PK", "SK", *schema}:
        raise Invalid("The provided starting key is invalid")
    if key[schema[0]]["S"] != partition:
        raise Invalid("The provided starting key is outside query boundaries based on provided conditions")
    return key[schema[1]]["S"], (key["PK"]["S"], key["SK"]["S"])


def _page(
    found: list[Item], schema: tuple[str, str], limit: int | None, expressions: Compiled, values: Item
) -> dict[str, Any]:
    if limit is not None and limit < 1:
        raise ParamValidationError(report="Limit is at least 1")
    looked_at = found[:limit]
    chosen = expressions.condition
    items = [_projected(item, expressions.projection) for item in looked_at if chosen is None or chosen(item, values)]
    answer: dict[str, Any] = {"Items": items, "Count": len(items), "ScannedCount": len(looked_at)}
    if len(looked_at) == limit:
        last = looked_at[-1]
        answer["LastEvaluatedKey"] = {name: last[name] for name in dict.fromkeys(("PK", "SK", *schema))}
    return answer


def _projection(request: Mapping[str, Any]) -> tuple[str, ...]:
    if "ProjectionExpression" not in request and "ExpressionAttributeNames" not in request:
        return ()
    names = _names(request.get("ExpressionAttributeNames"))
    return compiled(names, None, None, projection=request.get("ProjectionExpression")).projection


def _projected(item: Item, names: tuple[str, ...]) -> Item:
    return {name: item[name] for name in names if name in item} if names else item


def _returned(returned: str, write: Write, new: Item | None) -> Item | None:
    shown = new if returned.endswith("NEW") else write.old
    if returned == "NONE" or shown is None:
        return None
    if returned.startswith("ALL"):
        return shown
    return {name: shown[name] for name in write.expressions.written if name in shown}


def _all_or_none(writes: Sequence[Write]) -> list[Written]:
    """Return the results of a transaction's writes, or none if one of them fails."""
    written: list[Written] = []
    reasons: list[dict[str, Any]] = []
    for write in writes:
        if not write.passes():
            reasons.append(
                {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed", **write.failure()}
            )
            continue
        try:
            new = write.old if write.kind == "ConditionCheck" else write.result()
        except Invalid as error:
            reasons.append({"Code": "ValidationError", "Message": str(error)})
            continue
        reasons.append({"Code": "None"})
        written.append(Written(write.table, write.key, write.old, new))
    if len(written) < len(writes):
        codes = ", ".join(reason["Code"] for reason in reasons)
        message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
        raise Refused("TransactionCanceledException", message, CancellationReasons=reasons)
    return written


def _record(written: Written, number: int, now: int) -> dict[str, Any]:
    old, new = written.old, written.new
    partition, sort = written.key
    change: dict[str, Any] = {
        "ApproximateCreationDateTime": now,
        "Keys": {"PK": {"S": partition}, "SK": {"S": sort}},
        "SequenceNumber": f"{number:021}",
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    if old is not None:
        change["OldImage"] = old
    if new is not None:
        change["NewImage"] = new
    return {
        "eventID": f"{number:032x}",
        "eventName": "INSERT" if old is None else "REMOVE" if new is None else "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "ap-southeast-1",
        "eventSourceARN": f"arn:aws:dynamodb:ap-southeast-1:000000000000:table/{written.table.name}/stream/1",
        "dynamodb": change,
    }
