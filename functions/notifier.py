"""Stream: from changed items to messages for their users."""

import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from stays.aws.client import POSTING, S3, DynamoDB, Management
from stays.aws.pace import Pace
from stays.aws.store import Store
from stays.domain.notification import Message, messages_of
from stays.edge.connections import JOINING, Connection, Connections, Post
from stays.edge.stream import Aside, Record, failures
from stays.metrics import count, count_put_aside, count_unreadable
from stays.table.due_items import DueItems, changed, newly_booked, newly_paid

PAUSE = 0.1  # seconds between two reads of a connection that is joining
SPARE = 5.0  # seconds of an invocation that are left when the last post ends: for connections that are gone
RATE = float(os.environ["POSTS_PER_SECOND"])  # this invocation's share of the account's requests

dynamodb = DynamoDB()
due_items = DueItems(Store(dynamodb, os.environ["STAYS_TABLE"]), count_unreadable)
connections = Connections(Store(dynamodb, os.environ["CONNECTIONS_TABLE"]))
post = Post(Management(os.environ["WEBSOCKET_ENDPOINT"], POSTING, Pace(RATE, RATE / 2)), connections)
aside = Aside(S3(os.environ["RECORDS_BUCKET"]), "notifier", count_put_aside)
logger = Logger()

Records = Mapping[tuple[str, str], Sequence[Record]]  # the records of each item, by its key


def owner(records: Sequence[dict[str, Any]]) -> str:
    """The user of the item. The user never changes, so any image has it."""
    return str(records[0]["dynamodb"]["NewImage"]["userId"]["S"])


def load_messages(records: Records) -> dict[str, list[Message]]:
    """The present state of all changed items, as messages by user."""
    messages: dict[str, list[Message]] = defaultdict(list)
    for key, item in due_items.load_present(records).items():
        booked = any(newly_booked(record) for record in records[key])
        messages[item.user_id] += messages_of(item, datetime.now(UTC), booked=booked)
    return messages


def send_messages(listening: Sequence[Connection], records: Records, last: float) -> list[Connection]:
    """Send connections the present state, read at the last moment. Returns the unreachable ones."""
    users = {each.user_id for each in listening}
    concerning = {key: each for key, each in records.items() if owner(each) in users}
    messages = load_messages(concerning)
    return post.tell([(each, messages[str(each.user_id)]) for each in listening], last)


def send_to_all(records: Records, last: float) -> set[str]:
    """Send the messages to all users of the records. Returns the users with an unreachable connection.

    A message that has not arrived at `last` (time.monotonic) is not lost: its record fails, and the stream repeats it.

    The connections are read first and the state last. So the state is never older than the one that a connection got
    when it joined. A connection that is still joining is read again until it has joined or its time is over. If it is
    joining for longer than this batch waits, it is closed, so that no other user waits: the browser reconnects by
    itself and subscribes again.
    """
    now, give_up = datetime.now(UTC), time.monotonic() + JOINING.total_seconds()
    found = connections.load_of(*set(map(owner, records.values())))
    unreached, joining = send_to_joined(found, records, last)
    while joining and time.monotonic() < give_up:
        time.sleep(PAUSE)
        again, joining = send_to_joined(look_up_again(joining), records, last)
        unreached += again
    staying = post.dismiss(joining)
    post.dismiss([each for each in found if each.is_expired(now)])
    return {str(each.user_id) for each in (*unreached, *staying)}


def send_to_joined(
    listening: Sequence[Connection], records: Records, last: float
) -> tuple[list[Connection], list[Connection]]:
    """Send messages to the connections that have joined. Returns the unreachable ones and those still joining."""
    now = datetime.now(UTC)
    live = [each for each in listening if not each.is_expired(now)]
    joined = [each for each in live if not each.is_joining(now)]
    unreached = send_messages(joined, records, last) if joined else []
    return unreached, [each for each in live if each.is_joining(now)]


def look_up_again(wanted: Sequence[Connection]) -> list[Connection]:
    """The same connections as they are now, without those that are gone."""
    ids = {each.connection_id for each in wanted}
    users = {str(each.user_id) for each in wanted}
    return [each for each in connections.load_of(*users) if each.connection_id in ids]


def measure(records: Sequence[Record], unreached: set[str]) -> None:
    """Measure the seconds from payment to browser, and count the unreachable connections."""
    if unreached:
        count("UnreachedConnections", len(unreached))
    for paid_at in filter(None, map(newly_paid, records)):
        count("CallbackToPush", (datetime.now(UTC) - paid_at).total_seconds(), MetricUnit.Seconds)


def tell(changes: Sequence[Record], last: float) -> Sequence[Record]:
    """Send the messages about all records. Returns those of users with an unreachable connection."""
    records: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in changes:
        key = changed(record)
        if key is not None:
            records[key].append(record)
    unreached = send_to_all(records, last)
    measure(changes, unreached)
    logger.info("told", extra={"items": len(records), "unreached": len(unreached)})
    return [record for each in records.values() if owner(each) in unreached for record in each]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    last = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - SPARE
    return failures(aside.deliver(event["Records"], partial(tell, last=last), datetime.now(UTC)))
