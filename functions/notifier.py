"""Stream: what changed → who is told."""

import os
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from stays.connections import Connections, Post
from stays.domain.award import Award
from stays.domain.booking import booking_of
from stays.domain.notification import Message, award_received, booking_confirmed, payment_status
from stays.domain.payment import PaymentSession
from stays.metrics import count
from stays.table.store import PATIENCE, Store
from stays.table.watch import Watch, changed, newly_booked, newly_paid

dynamodb = boto3.client("dynamodb", config=PATIENCE)
watch = Watch(Store(dynamodb, os.environ["STAYS_TABLE"]))
connections = Connections(dynamodb, os.environ["CONNECTIONS_TABLE"])
management = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["WEBSOCKET_ENDPOINT"], config=PATIENCE)
post = Post(management, connections)
logger = Logger()

Key = tuple[str, str]


def messages_of(item: PaymentSession | Award, *, booked: bool) -> list[Message]:
    """What the present state of an item is worth telling."""
    if isinstance(item, Award):
        message = award_received(item)
        return [message] if message else []
    booking = booking_of(item) if booked else None
    confirmed = booking_confirmed(booking) if booking else None
    return [payment_status(item), *([confirmed] if confirmed else [])]


def tell(letters: dict[str, list[Message]], now: datetime) -> set[str]:
    """Send each user's messages to all their connections; the users that could not all be reached."""
    addressed = [
        (connection, messages) for user_id, messages in letters.items() for connection in connections.of(user_id, now)
    ]
    unreached = post.tell(addressed)
    return {str(connection.user_id) for connection in unreached}


def measure(records: list[dict[str, Any]], unreached: set[str]) -> None:
    """How long money took to reach the browser, and how many could not be told."""
    if unreached:
        count("UnreachedConnections", len(unreached))
    for paid_at in filter(None, map(newly_paid, records)):
        count("CallbackToPush", (datetime.now(UTC) - paid_at).total_seconds(), MetricUnit.Seconds)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    records: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    for record in event["Records"]:
        key = changed(record)
        if key is not None:
            records[key].append(record)
    present = watch.present(records)
    letters: dict[str, list[Message]] = defaultdict(list)
    for key, item in present.items():
        booked = any(newly_booked(record) for record in records[key])
        letters[item.user_id] += messages_of(item, booked=booked)
    unreached = tell(letters, now)
    late = [record for key, item in present.items() if item.user_id in unreached for record in records[key]]
    measure(event["Records"], unreached)
    logger.info("told", extra={"users": len(letters), "unreached": len(unreached)})
    return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]} for record in late]}
