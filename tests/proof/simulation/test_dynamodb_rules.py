"""DynamoDB's refusals, and its rules that moto lacks, by AWS's documentation."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from tests.proof.simulation.attribute_values import bytes_of
from tests.proof.simulation.compared_databases import Both, answered
from tests.proof.simulation.dynamodb import Database
from tests.proof.simulation.random_requests import Request

KEY = {"PK": {"S": "a"}, "SK": {"S": "b"}}
ONE, TEXT, EMPTY = {"N": "1"}, {"S": "a"}, {"S": ""}


def putting(**request: Any) -> tuple[str, Request]:
    return "put_item", {"TableName": "stays", "Item": KEY} | request


def storing(**attributes: Any) -> tuple[str, Request]:
    return putting(Item=KEY | attributes)


def requiring(condition: str, **values: Any) -> tuple[str, Request]:
    placed = {f":{name}": value for name, value in values.items()}
    return putting(ConditionExpression=condition, **({"ExpressionAttributeValues": placed} if placed else {}))


def updating(expression: str, **values: Any) -> tuple[str, Request]:
    placed = {f":{name}": value for name, value in values.items()}
    request = {"TableName": "stays", "Key": KEY, "UpdateExpression": expression}
    return "update_item", request | ({"ExpressionAttributeValues": placed} if placed else {})


def reading(key: dict[str, Any]) -> Request:
    return {"TableName": "stays", "Key": key}


def getting(**request: Any) -> tuple[str, Request]:
    return "get_item", {"TableName": "stays", "Key": KEY} | request


def asking(condition: str, values: dict[str, Any], **request: Any) -> tuple[str, Request]:
    given = {"TableName": "stays", "KeyConditionExpression": condition, "ExpressionAttributeValues": values}
    return "query", given | request


def together(*operations: dict[str, Any]) -> tuple[str, Request]:
    return "transact_write_items", {"TransactItems": list(operations)}


def many(count: int) -> list[dict[str, Any]]:
    return [KEY | {"SK": {"S": str(number)}} for number in range(count)]


PUT = {"Put": {"TableName": "stays", "Item": KEY}}
BY_USER = {":a": TEXT}
LARGE = {"S": "a" * (400 * 1024)}

REFUSED_BY_BOTH = {
    "a table that is not there": getting(TableName="nights"),
    "a table that is not there, in a batch": ("batch_get_item", {"RequestItems": {"nights": {"Keys": [KEY]}}}),
    "a table that is not there, in a transaction": together({"Put": {"TableName": "nights", "Item": KEY}}),
    "a consistent read of an index": asking("userId = :a", BY_USER, IndexName="by_user", ConsistentRead=True),
    "a name that nothing uses": putting(
        ConditionExpression="attribute_exists(PK)", ExpressionAttributeNames={"#a": "a"}
    ),
    "a value that nothing uses": updating("SET a = :a", a=TEXT, b=TEXT),
    "a value that is missing": updating("SET a = :a"),
    "names without an expression": getting(ExpressionAttributeNames={"#a": "a"}),
    "no values at all": putting(ConditionExpression="attribute_exists(PK)", ExpressionAttributeValues={}),
    "an empty partition key": storing(PK=EMPTY),
    "an empty sort key": storing(SK=EMPTY),
    "an empty key to read": getting(Key=KEY | {"PK": EMPTY}),
    "an empty key in a transaction": together({"Put": {"TableName": "stays", "Item": KEY | {"SK": EMPTY}}}),
    "an empty key in a query": asking("PK = :a", {":a": EMPTY}),
    "an empty key of an index": storing(userId=EMPTY),
    "an empty key of an index in an update": updating("SET userId = :a", a=EMPTY),
    "a number as a key of an index in an update": updating("SET userId = :a", a=ONE),
    "a number as a key": storing(PK=ONE),
    "half a key": getting(Key={"PK": TEXT}),
    "half a key in an item": putting(Item={"PK": TEXT}),
    "more than a key": getting(Key=KEY | {"more": TEXT}),
    "a long partition key": storing(PK={"S": "a" * 2049}),
    "a long sort key": storing(SK={"S": "đ" * 513}),
    "101 operations": together(*({"Put": {"TableName": "stays", "Item": key}} for key in many(101))),
    "no operation": together(),
    "101 keys": ("batch_get_item", {"RequestItems": {"stays": {"Keys": many(101)}}}),
    "101 reads": (
        "transact_get_items",
        {"TransactItems": [{"Get": {"TableName": "stays", "Key": key}} for key in many(101)]},
    ),
    "a key twice in a batch": ("batch_get_item", {"RequestItems": {"stays": {"Keys": [KEY, KEY]}}}),
    "an item twice in a transaction": together(PUT, {"Delete": {"TableName": "stays", "Key": KEY}}),
    "two operations in one": together(PUT | {"Delete": {"TableName": "stays", "Key": KEY}}),
    "a large item": storing(large=LARGE),
    "a large item in a transaction": together({"Put": {"TableName": "stays", "Item": KEY | {"large": LARGE}}}),
    "an update to a large item": updating("SET large = :a", a=LARGE),
    "an update of a key": updating("SET PK = :a", a=TEXT),
    "an update that removes a key": updating("REMOVE SK"),
    "a reserved word in a condition": requiring("attribute_exists(status)"),
    "a reserved word in an update": updating("SET state = :a", a=TEXT),
    "a reserved word in a projection": getting(ProjectionExpression="state"),
    "a function that is not there": requiring("exists(PK)"),
    "redundant parentheses": requiring("((attribute_exists(PK)))"),
    "nonsense in an update": updating("SET a = :a b = :a", a=TEXT),
    "two SETs": updating("SET a = :a SET b = :a", a=TEXT),
    "an attribute written twice": updating("SET a = :a REMOVE a", a=TEXT),
    "a sum with nothing": updating("SET a = a + :a", a=ONE),
    "a sum with a text": updating("SET a = if_not_exists(a, :b) + :a", a=ONE, b=TEXT),
    "ADD of a text": updating("ADD a :a", a=TEXT),
    "DELETE of a number": updating("DELETE a :a", a=ONE),
    "a query without a partition": asking("SK = :a", {":a": TEXT}),
    "a query of many partitions": asking("PK < :a", {":a": TEXT}),
    "a query by what is no key": asking("PK = :a AND more = :a", {":a": TEXT}),
    "a page of nothing": asking("PK = :a", {":a": TEXT}, Limit=0),
    "an answer that a put does not have": putting(ReturnValues="ALL_NEW"),
    "an unknown parameter": putting(Condition="attribute_exists(PK)"),
    "a missing parameter": ("put_item", {"TableName": "stays"}),
    "an update in a transaction that changes nothing": together({"Update": {"TableName": "stays", "Key": KEY}}),
    "a check without a condition": together({"ConditionCheck": {"TableName": "stays", "Key": KEY}}),
}

# Moto carries these requests out, or crashes on them.
REFUSED_BY_AWS = {
    "an index that is not there": asking("userId = :a", BY_USER, IndexName="by_nobody"),
    "an index of another table": asking("userId = :a", BY_USER, TableName="connections", IndexName="by_user"),
    "a value that nothing uses": requiring("attribute_exists(PK)", a=TEXT),
    "a value that nothing uses, in a query": asking("PK = :a", {":a": TEXT, ":b": TEXT}),
    "a value that is missing": requiring("a = :a"),
    "a name that is missing": requiring("#a = :a", a=TEXT),
    "no names at all": putting(ConditionExpression="attribute_exists(PK)", ExpressionAttributeNames={}),
    "an empty key in an update": (
        "update_item",
        {"TableName": "stays", "Key": KEY | {"PK": EMPTY}, "UpdateExpression": "REMOVE a"},
    ),
    "an empty key to delete": ("delete_item", reading(KEY | {"SK": EMPTY})),
    "a number as a key of an index": storing(userId=ONE),
    "a number as a key to read": getting(Key=KEY | {"PK": ONE}),
    "a number as a key in a query": asking("PK = :a", {":a": ONE}),
    "an open parenthesis": requiring("attribute_exists(PK"),
    "two signs": requiring("a == :a", a=TEXT),
    "an unknown sign": requiring("a ! :a", a=TEXT),
    "a sign that compares nothing": requiring("a + :a", a=TEXT),
    "an empty expression": requiring(""),
    "an argument too many": requiring("attribute_exists(PK, SK)"),
    "bounds the wrong way round": asking("PK = :a AND SK BETWEEN :b AND :a", {":a": TEXT, ":b": {"S": "b"}}),
    "bounds the wrong way round in a condition": requiring("a BETWEEN :b AND :a", a=TEXT, b={"S": "b"}),
    "an order without values": requiring("a ="),
    "an order of what has none": requiring("a < :a", a={"BOOL": True}),
    "a number as a beginning": requiring("begins_with(a, :a)", a=ONE),
    "a type that is not there": requiring("attribute_type(a, :a)", a={"S": "X"}),
    "a key that is not so": asking("PK = :a AND SK <> :a", {":a": TEXT}),
    "one key or the other": asking("PK = :a OR SK = :a", {":a": TEXT}),
    "two conditions of one key": asking("PK = :a AND SK > :a AND SK < :a", {":a": TEXT}),
    "half a beginning of a page": asking("PK = :a", {":a": TEXT}, ExclusiveStartKey={"PK": TEXT}),
    "a page that begins elsewhere": asking("PK = :a", {":a": TEXT}, ExclusiveStartKey=KEY | {"PK": {"S": "b"}}),
    "an expression over 4 KB": requiring(" OR ".join(["attribute_exists(PK)"] * 300)),
    "a number as a name": requiring("attribute_exists(1)"),
    "IN with over 100 values": requiring(
        f"a IN ({', '.join(f':a{number}' for number in range(101))})", **{f"a{number}": TEXT for number in range(101)}
    ),
    "an attribute twice in a projection": getting(ProjectionExpression="a, a"),
}


@pytest.mark.parametrize("case", REFUSED_BY_BOTH)
def test_refuses_as_moto_does(aws: None, case: str) -> None:
    both = Both(Database())
    operation, request = REFUSED_BY_BOTH[case]
    ours = answered(both.database, operation, request)
    assert ours == answered(both.moto, operation, request)
    assert ours[0] in ("ValidationException", "ResourceNotFoundException") or ours == "ParamValidationError"
    assert both.database.version == 0


@pytest.mark.parametrize("case", REFUSED_BY_AWS)
def test_refuses_what_moto_does_not(case: str) -> None:
    database = Database()
    assert answered(database, *REFUSED_BY_AWS[case])[0] == "ValidationException"
    assert database.version == 0


# AWS's rules that differ from moto's


def put(database: Database, sort: str = "b", **attributes: Any) -> Any:
    return database.put_item(TableName="stays", Item=KEY | {"SK": {"S": sort}} | attributes)


def add_one(token: str | None = None, key: Mapping[str, Any] = KEY) -> Request:
    _, request = updating("ADD times :a", a=ONE)
    request = {"TransactItems": [{"Update": request | {"Key": key}}]}
    return request | ({"ClientRequestToken": token} if token else {})


def times(database: Database) -> int:
    return int(database.items()[0]["times"])


def test_a_token_counts_once_for_ten_minutes() -> None:
    database = Database()
    with time_machine.travel(datetime(2027, 3, 1, tzinfo=UTC), tick=False) as clock:
        database.transact_write_items(**add_one("token"))
        clock.shift(timedelta(minutes=9, seconds=59))
        assert database.transact_write_items(**add_one("token")) == {}
        assert times(database) == 1
        clock.shift(timedelta(seconds=1))
        database.transact_write_items(**add_one("token"))
    assert times(database) == 2
    assert len(database.records) == 2


def test_a_token_with_another_content_is_refused() -> None:
    database = Database()
    database.transact_write_items(**add_one("token"))
    other = add_one("token", KEY | {"SK": {"S": "other"}})
    assert answered(database, "transact_write_items", other) == ("IdempotentParameterMismatchException", [], None)
    assert len(database.items()) == 1


def test_without_a_token_the_same_is_done_twice() -> None:
    database = Database()
    database.transact_write_items(**add_one())
    database.transact_write_items(**add_one())
    assert times(database) == 2


def test_a_transaction_that_failed_may_be_tried_again_under_its_token() -> None:
    database = Database()
    request = add_one("token")
    request["TransactItems"].append(
        {"ConditionCheck": {"TableName": "stays", "Key": many(1)[0], "ConditionExpression": "attribute_exists(PK)"}}
    )
    assert answered(database, "transact_write_items", request)[1] == [("None", None), ("ConditionalCheckFailed", None)]
    put(database, "0")
    database.transact_write_items(**request)
    assert int(database.items(SK="b")[0]["times"]) == 1


def test_a_write_that_changes_nothing_leaves_no_record() -> None:
    database = Database()
    put(database, tags={"SS": ["x", "y"]}, times=ONE)
    put(database, tags={"SS": ["y", "x"]}, times={"N": "1.0"})
    database.update_item(**updating("SET times = :a", a=ONE)[1])
    database.delete_item(TableName="stays", Key=many(1)[0])
    assert (len(database.records), database.version) == (1, 1)


def test_an_update_that_does_not_fit_cancels_the_transaction() -> None:
    database = Database()
    _, misfit = updating("SET times = times + :a", a=ONE)
    request = {"TransactItems": [{"Put": {"TableName": "stays", "Item": many(1)[0]}}, {"Update": misfit}]}
    expected = ("TransactionCanceledException", [("None", None), ("ValidationError", None)], None)
    assert answered(database, "transact_write_items", request) == expected
    assert database.items() == []


def test_an_item_may_have_400_kilobytes() -> None:
    database = Database()
    rest = 400 * 1024 - len("PKaSKblarge")
    assert answered(database, *storing(large={"S": "a" * (rest + 1)}))[0] == "ValidationException"
    assert answered(database, *storing(large={"S": "a" * rest})) == {}


def test_what_an_item_counts() -> None:
    scalars = {"a": {"S": "đ"}, "b": {"N": "-250000"}, "c": {"BOOL": True}, "d": {"NULL": True}, "e": {"B": b"xyz"}}
    assert bytes_of(scalars) == 5 + 2 + 5 + 1 + 1 + 3
    nested = {"a": {"L": [{"S": "x"}]}, "b": {"M": {"k": {"S": "x"}}}, "c": {"SS": ["x", "yz"]}}
    assert bytes_of(nested) == 3 + (3 + 2) + (3 + 3) + 3


def test_an_update_says_what_it_set_even_to_the_same() -> None:
    database = Database()
    put(database, note=TEXT)
    _, request = updating("SET note = :a", a=TEXT)
    for returned in ("UPDATED_OLD", "UPDATED_NEW"):
        assert database.update_item(**request, ReturnValues=returned) == {"Attributes": {"note": TEXT}}


def test_a_page_that_is_full_names_where_the_next_begins() -> None:
    database = Database()
    put(database)
    _, request = asking("PK = :a", {":a": TEXT}, Limit=1)
    page = database.query(**request)
    assert page["LastEvaluatedKey"] == KEY
    assert database.query(**request, ExclusiveStartKey=KEY) == {"Items": [], "Count": 0, "ScannedCount": 0}


def test_values_of_different_types_are_unequal_and_in_no_order() -> None:
    database = Database()
    put(database, times=ONE, note={"S": "1"})
    for condition, holds in (
        ("times = note", False),
        ("times <> note", True),
        ("times < note", False),
        ("times BETWEEN note AND times", False),
    ):
        answer = answered(database, *requiring(condition))
        assert (answer == {}) is holds
        put(database, times=ONE, note={"S": "1"})


STORED = {
    "times": ONE,
    "numbers": {"NS": ["1", "2.50"]},
    "bytes": {"B": b"xyz"},
    "nested": {"L": [{"M": {"a": {"N": "2.0"}}}]},
}
FIVE_HALVES, XY = {"N": "2.5"}, {"B": b"xy"}


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        ("contains(numbers, :a)", FIVE_HALVES, True),
        ("contains(numbers, :a)", {"S": "1"}, False),
        ("contains(times, :a)", ONE, False),
        ("begins_with(bytes, :a)", XY, True),
        ("contains(bytes, :a)", XY, True),
        ("size(bytes) > :a", {"N": "2"}, True),
        ("size(times) > :a", {"N": "0"}, False),
        ("numbers = :a", {"NS": ["2.5", "1.0"]}, True),
        ("nested = :a", {"L": [{"M": {"a": {"N": "2"}}}]}, True),
        ("nested = :a", {"L": [{"M": {"b": {"N": "2"}}}]}, False),
        ("nested = :a", {"L": [{"M": {}}]}, False),
    ],
)
def test_values_are_compared_by_what_they_are_worth(condition: str, value: Any, holds: bool) -> None:
    database = Database()
    put(database, **STORED)
    assert (answered(database, *requiring(condition, a=value)) == {}) is holds


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("SET nested = list_append(nested, :a)", ONE),
        ("ADD numbers :a", ONE),
        ("DELETE numbers :a", {"SS": ["1"]}),
    ],
)
def test_an_update_does_not_change_the_type(expression: str, value: Any) -> None:
    database = Database()
    put(database, **STORED)
    assert answered(database, *updating(expression, a=value))[0] == "ValidationException"


def test_numbers_in_sets_are_themselves_however_written() -> None:
    database = Database()
    put(database, **STORED)
    database.update_item(**updating("ADD numbers :a", a={"NS": ["2.5", "3"]})[1])
    assert database.find("a", "b")["numbers"] == {"NS": ["1", "2.50", "3"]}
    database.update_item(**updating("DELETE numbers :a", a={"NS": ["2.5", "1", "3.0"]})[1])
    assert "numbers" not in database.find("a", "b")


def test_a_key_condition_may_have_parentheses() -> None:
    database = Database()
    put(database)
    _, request = asking("(PK = :a) AND (SK = :b)", {":a": TEXT, ":b": {"S": "b"}})
    assert database.query(**request)["Items"] == [KEY]


# Other needs of the simulation


def shown(database: Database) -> list[str]:
    _, request = asking("userId = :a", BY_USER, IndexName="by_user")
    return [item["SK"]["S"] for item in database.query(**request)["Items"]]


def test_indexes_lag_by_so_many_writes() -> None:
    database = Database()
    database.index_lag = 2
    for number in range(4):
        put(database, str(number), userId=TEXT, userSort={"S": str(number)})
    assert shown(database) == ["0", "1"]
    database.delete_item(TableName="stays", Key=many(1)[0])
    assert shown(database) == ["0", "1", "2"]
    database.index_lag = 0
    assert shown(database) == ["1", "2", "3"]


def test_what_was_is_put_back_as_often_as_wanted() -> None:
    database = Database()
    database.index_lag = 1
    put(database, "0", userId=TEXT, userSort=TEXT)
    database.transact_write_items(**add_one("token"))
    before = database.snapshot()
    for _ in range(2):
        put(database, "1", userId=TEXT, userSort=TEXT)
        database.delete_item(TableName="stays", Key=many(1)[0])
        database.records.clear()
        database.clear()
        database.restore(before)
        assert (database.version, len(database.records), len(database.items())) == (2, 2, 2)
        assert shown(database) == ["0"]
        database.transact_write_items(**add_one("token"))
        assert database.version == 2


def test_items_are_found_by_their_attributes() -> None:
    database = Database()
    put(database, times=ONE)
    put(database, "c", times={"N": "2"}, note=TEXT)
    assert database.items(times=2) == [{"PK": "a", "SK": "c", "times": 2, "note": "a"}]
    assert [item["SK"] for item in database.items(note=None)] == ["b"]
    assert database.find("a", "b") == KEY | {"times": ONE}
    assert database.find("a", "d") is None
    assert database.items("connections") == []


def test_a_time_is_due_where_the_index_has_it() -> None:
    database = Database()
    put(database, "c", dueAt=TEXT)
    put(database, "d", dueAt={"S": "b"}, dueShard=TEXT)
    assert database.due_times() == ["b"]


def test_records_are_what_lambda_gets() -> None:
    database = Database()
    with time_machine.travel(datetime(2027, 3, 1, tzinfo=UTC), tick=False):
        put(database, times=ONE)
        database.transact_write_items(**add_one())
        database.delete_item(TableName="stays", Key=KEY)
    assert [record["eventName"] for record in database.records] == ["INSERT", "MODIFY", "REMOVE"]
    numbers = [record["dynamodb"]["SequenceNumber"] for record in database.records]
    assert numbers == sorted(set(numbers))
    assert len({record["eventID"] for record in database.records}) == 3
    assert database.records[1]["dynamodb"] == {
        "ApproximateCreationDateTime": 1803859200,
        "Keys": KEY,
        "OldImage": KEY | {"times": ONE},
        "NewImage": KEY | {"times": {"N": "2"}},
        "SequenceNumber": numbers[1],
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    database.put_item(TableName="connections", Item=KEY)
    assert len(database.records) == 3
