"""Makes moto faster without changing its answers: work that moto repeats for each item is done once."""

import copy
from contextvars import ContextVar
from functools import cache
from typing import Any

import moto.core.responses
from botocore.loaders import JSONFileLoader
from moto import backend_index
from moto.core.models import RESPONSES_METHODS
from moto.core.serialize import ResponseSerializer
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, LimitedSizeDict
from moto.dynamodb.models.table import Table

NATIVE = ("dynamodb", "dynamodbstreams")
_get_value = ResponseSerializer.get_value
_transact = DynamoDBBackend.transact_write_items
_lex_one_node = ConditionExpressionParser._lex_one_node
_set_attribute = LimitedSizeDict.__setitem__
SMALL = 100_000  # bytes: far from the limit of an item, which moto then measures itself
_before: ContextVar[dict[int, Table]] = ContextVar("how each table was before this transaction")


def get_value(serializer: ResponseSerializer, value: Any, key: str, shape: Any) -> Any:
    """DynamoDB's answers use DynamoDB's own names. For other services moto tries a dozen spellings of each."""
    if isinstance(value, dict) and serializer.operation_model.service_model.service_name in NATIVE:
        return value.get(key)
    return _get_value(serializer, value, key, shape)


def transact(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    """Moto copies the table for each part of a transaction, before it does the first part."""
    outside = _before.set({})
    try:
        _transact(backend, transact_items)
    finally:
        _before.reset(outside)


def copy_table(table: Table, memo: dict[int, Any]) -> Table:
    """The records of the stream never change, so the copy shares them."""
    before = _before.get({})
    if id(table) not in before:
        before[id(table)] = copied = memo[id(table)] = copy.copy(table)
        memo |= {id(record): record for record in (table.stream_shard.items if table.stream_shard else ())}
        vars(copied).update((name, copy.deepcopy(value, memo)) for name, value in vars(table).items())
    return before[id(table)]


def set_attribute(attributes: LimitedSizeDict, name: str, value: Any) -> None:
    """Moto measures every attribute of the item again for each one that is set."""
    known = vars(attributes)
    known["written"] = known.get("written", 0) + len(name) + (value.size() if type(value) is DynamoType else SMALL)
    (_set_attribute if known["written"] > SMALL else dict.__setitem__)(attributes, name, value)


@cache
def first_word(expression: str) -> Any:
    """The first word of a condition depends on the text alone."""
    return _lex_one_node(ConditionExpressionParser(None, None, None), expression)


_read = cache(JSONFileLoader().load_file)


def load_file(_: JSONFileLoader, path: str) -> Any:
    """The description of a service never changes, so it is read once."""
    return _read(path)


ResponseSerializer.get_value = get_value
DynamoDBBackend.transact_write_items = transact
Table.__deepcopy__ = copy_table
LimitedSizeDict.__setitem__ = set_attribute
ConditionExpressionParser._lex_one_node = lambda _, expression: first_word(expression)
backend_index.backend_url_patterns.sort(key=lambda each: each[0] not in NATIVE)  # the first that matches is taken
moto.core.responses.method_names_from_class = cache(moto.core.responses.method_names_from_class)
JSONFileLoader.load_file = load_file  # each test has its own session, and all share the clients
RESPONSES_METHODS.clear()  # no code here calls AWS through `requests`, so no test prepares for it
