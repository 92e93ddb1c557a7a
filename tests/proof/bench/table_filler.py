"""Fills the table with copies of one stay, to show the costs that grow with the table."""

import json
import time
from typing import Any

import boto3
from botocore.config import Config

from infra.local.database import CREDENTIALS, REGION

_BATCH = 25  # items per write
_PAUSES = (0.1, 0.2, 0.4, 0.8)  # seconds before each retry of the unprocessed items


def fill(endpoint: str, stays: int) -> None:
    """Copy the oldest booked stay with all its items. Each copy gets its own id and property."""
    client = _client(endpoint)
    model = _story(client)
    copies = (item for number in range(stays) for item in _copy(model, number))
    batch: list[dict[str, Any]] = []
    for item in copies:
        batch.append({"PutRequest": {"Item": item}})
        if len(batch) == _BATCH:
            _write(client, batch)
            batch = []
    if batch:
        _write(client, batch)


def _write(client: Any, batch: list[dict[str, Any]]) -> None:
    """Write all items, and retry the unprocessed ones. Raises RuntimeError if some stay unprocessed."""
    left = {"stays": batch}
    for pause in (*_PAUSES, 0):
        left = client.batch_write_item(RequestItems=left).get("UnprocessedItems", {})
        if not left:
            return
        time.sleep(pause)
    raise RuntimeError("the table still refuses items after all retries")


def _client(endpoint: str) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"mode": "standard"}),
    )


def _story(client: Any) -> list[dict[str, Any]]:
    """Return all items of one booked stay: its own partition, its nights and its transaction."""
    items = client.scan(TableName="stays")["Items"]
    booking = next(item for item in items if item["SK"]["S"] == "BOOKING")
    stay = booking["id"]["S"]
    return [item for item in items if stay in json.dumps(item)]


def _copy(model: list[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    booking = next(item for item in model if item["SK"]["S"] == "BOOKING")
    stay, property_id, user = booking["id"]["S"], booking["propertyId"]["S"], booking["userId"]["S"]
    transaction = next(item["transactionId"]["S"] for item in model if "transactionId" in item)
    text = json.dumps(model)
    text = text.replace(stay, f"{stay[:-5]}{number:05d}").replace(property_id, f"{property_id}-{number}")
    text = text.replace(user, f"{user}-{number}").replace(transaction, f"{transaction}{number:05d}")
    copies: list[dict[str, Any]] = json.loads(text)
    return [{name: value for name, value in item.items() if name != "dueAt"} for item in copies]
