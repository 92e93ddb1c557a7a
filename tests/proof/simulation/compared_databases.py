"""Sends the same requests to the database of the simulation and to moto.

If moto and AWS differ, AWS's documentation decides. This module then changes moto's answer to AWS's, and
test_dynamodb_rules has a test that states AWS's rule.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from stays.aws.client import AwsError
from tests.conftest import client_of
from tests.proof.simulation.dynamodb import Database
from tests.proof.simulation.random_requests import Request

METERED = ("ResponseMetadata", "ConsumedCapacity", "ItemCollectionMetrics")


def answered(client: Any, operation: str, request: Request) -> Any:
    """Return the answer, or the parts of the error, in a form that can be compared."""
    try:
        answer = getattr(client, operation)(**request)
    except ParamValidationError:
        return "ParamValidationError"
    except ClientError as error:
        return error_of(error.response["Error"]["Code"], error.response)
    except AwsError as error:
        return error_of(error.code, error.answer)
    return levelled({name: value for name, value in answer.items() if name not in METERED})


def error_of(code: str, answer: Any) -> Any:
    """Return code, reasons and item of an error."""
    reasons = [(each["Code"], levelled(each.get("Item"))) for each in answer.get("CancellationReasons", [])]
    return code, reasons, levelled(answer.get("Item"))


def levelled(value: Any) -> Any:
    """Return values in one form: sets have no order, and moto leaves trailing zeros at numbers."""
    if isinstance(value, dict):
        return {
            name: sorted(each) if name in ("SS", "NS") and isinstance(each, list) else _worth(name, each)
            for name, each in value.items()
        }
    return [levelled(each) for each in value] if isinstance(value, list) else value


def _worth(name: str, value: Any) -> Any:
    return Decimal(value) if name == "N" and isinstance(value, str) else levelled(value)


def unordered(items: list[Any]) -> list[Any]:
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True, default=str))


def as_aws(operation: str, request: Request, answer: Any, ours: Any) -> Any:
    """Return moto's answer as AWS documents it."""
    if operation == "update_item" and request.get("ReturnValues", "").startswith("UPDATED"):
        return with_all_updated(without_key(answer), ours)
    if operation == "query" and "LastEvaluatedKey" not in answer and "LastEvaluatedKey" in ours:
        # A query stops at its limit. Unlike moto, it does not check whether more items follow.
        return answer | {"LastEvaluatedKey": ours["LastEvaluatedKey"]} if isinstance(answer, dict) else answer
    if operation == "transact_write_items" and answer == ("ValidationException", [], None):
        # An update that does not fit its item cancels the transaction with the reason ValidationError.
        return ours if isinstance(ours, tuple) and ("ValidationError", None) in ours[1] else answer
    return answer


def without_key(answer: Any) -> Any:
    """Remove the key of a new item: moto counts it among the updated attributes."""
    if not isinstance(answer, dict) or "Attributes" not in answer:
        return answer
    shown = {name: value for name, value in answer["Attributes"].items() if name not in ("PK", "SK")}
    return {"Attributes": shown} if shown else {}


def with_all_updated(answer: Any, ours: Any) -> Any:
    """Add the attributes, and parts of a map, that were set to their old value: moto omits them."""
    if not isinstance(answer, dict) or not isinstance(ours, dict) or "Attributes" not in ours:
        return answer
    shown = answer.get("Attributes", {})
    maps = {name: {"M": ours["Attributes"][name]["M"] | shown[name]["M"]} for name in shown if "M" in shown[name]}
    return {"Attributes": ours["Attributes"] | shown | maps}


def in_order(operation: str, answer: Any) -> Any:
    """Sort values that have no order."""
    if operation == "batch_get_item" and isinstance(answer, dict):
        return {name: unordered(items) for name, items in answer["Responses"].items()}
    if operation == "scan" and isinstance(answer, dict):
        return answer | {"Items": unordered(answer["Items"])}
    return answer


class Both:
    """Sends each request to both databases. The test fails if the answers differ."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.moto = client_of("dynamodb")
        for table in self._moto_tables().values():
            table.items.clear()
            if table.stream_shard:
                table.stream_shard.items.clear()

    def _moto_tables(self) -> dict[str, Any]:
        return dict(dynamodb_backends[DEFAULT_ACCOUNT_ID]["ap-southeast-1"].tables)

    def ask(self, operation: str, request: Request) -> None:
        ours = answered(self.database, operation, request)
        motos = as_aws(operation, request, answered(self.moto, operation, request), ours)
        assert in_order(operation, ours) == in_order(operation, motos), f"{operation} {request}"
        if isinstance(ours, dict) and "LastEvaluatedKey" in ours:
            self.ask(operation, request | {"ExclusiveStartKey": ours["LastEvaluatedKey"]})

    def compare_tables(self) -> None:
        for name in self._moto_tables():
            self.ask("scan", {"TableName": name})

    def compare_records(self) -> None:
        shard = self._moto_tables()["stays"].stream_shard
        ours = [told(record) for record in self.database.records]
        assert ours == counting([told(record.to_json()) for record in shard.items])


Told = tuple[str, dict[str, Any]]


def told(record: Mapping[str, Any]) -> Told:
    """Return the content of a record without its number and its time."""
    change = record["dynamodb"]
    parts = {name: change[name] for name in ("Keys", "OldImage", "NewImage", "StreamViewType") if name in change}
    return record["eventName"], levelled(parts)


def counting(records: list[Told]) -> list[Told]:
    """Return moto's records as AWS counts them.

    Records of writes that changed nothing are dropped. An update that made an item leaves one record. Moto first writes
    an INSERT of the item's key.
    """
    kept: list[Told] = []
    for number, (name, parts) in enumerate(records):
        if parts.get("OldImage") != parts.get("NewImage") and (name, parts["Keys"]) != _next(records, number):
            kept.append((name, parts))
    return kept


def _next(records: list[Told], number: int) -> Any:
    """When moto inserts an item, its second record follows at once."""
    if records[number][0] != "INSERT" or number + 1 == len(records):
        return None
    name, parts = records[number + 1]
    return name, parts["Keys"]
