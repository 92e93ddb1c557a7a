"""The environment that the operator works in: the settings of a deployed stage or of the local run, and no others."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import httpx
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws.stage import ALIAS, EDGE_REGION, Stage
from infra.operator.block_list import BlockList
from infra.topology import RULES, SCHEDULES
from stays.domain.calendar import sent_at

# Together they have every setting that the commands need.
_TOLD = ("payments", "bookings", "zalopay_callback", "fulfilment")
RUNNING = Path(__file__).resolve().parents[2] / ".build" / "running.json"  # a local run writes its addresses here


class NotThere(Exception):
    """The environment does not run, or the operator may not use it."""


Event = Mapping[str, Any]


class DeadLetter(NamedTuple):
    """A dead letter: its function, and the event that the function did not handle. Records of the stream are whole."""

    function: str
    body: Event
    delete: Callable[[], None]


class Environment(NamedTuple):
    """One environment: its settings, its clock, its dead letters, its bus, and its functions.

    An event that is published again keeps the time at which it was first received. `replay` calls a function with an
    event, and returns the number of records that it did not handle. `block_list` is the edge's, if there is an edge.
    """

    settings: Mapping[str, str]
    now: Callable[[], datetime]
    find_dead_letters: Callable[[], Sequence[DeadLetter]]
    announce: Callable[[Event], None]
    replay: Callable[[str, Event], int]
    block_list: BlockList | None = None


def find_local(running: Path = RUNNING) -> str:
    """Return the address of the local run: as it wrote it into the file, or else where `make run` listens."""
    try:
        address: str = json.loads(running.read_text())["http"]
    except (OSError, ValueError, KeyError):
        return "http://localhost:8000"
    return address


def local(url: str) -> Environment:
    """Return the local run. Raises NotThere."""
    try:
        settings: dict[str, str] = httpx.get(f"{url}/dev/environment").raise_for_status().json()
        offset = timedelta(seconds=httpx.get(f"{url}/dev/clock").raise_for_status().json()["offset"])
    except (httpx.HTTPError, ValueError, KeyError):
        raise NotThere(f"There is no local run at {url}; `make run` starts one.") from None

    def find() -> list[DeadLetter]:
        lying = httpx.get(f"{url}/dev/dead-letters").raise_for_status().json()
        return [DeadLetter(each["function"], _whole(each["event"]), lambda: None) for each in lying]

    def announce(event: Mapping[str, Any]) -> None:
        httpx.post(f"{url}/dev/events", json=event).raise_for_status()

    def replay(function: str, event: Event) -> int:
        called = httpx.post(f"{url}/dev/functions/{function}", json=event, timeout=60)
        return _unhandled(event, called.json() if called.is_success else None)

    return Environment(settings, lambda: datetime.now(UTC) + offset, find, announce, replay)


def deployed(stage: Stage, session: boto3.Session) -> Environment:
    """Return a stage in AWS, with the caller's own permissions. Raises NotThere."""
    functions = session.client("lambda")
    settings = {"AWS_DEFAULT_REGION": stage.region}
    try:
        for name in _TOLD:
            asked = functions.get_function_configuration(FunctionName=stage.function_name(name))
            settings |= asked["Environment"]["Variables"]
    except (ClientError, BotoCoreError) as error:
        raise NotThere(f"{stage.name} cannot be read: {error}") from None

    def announce(event: Mapping[str, Any]) -> None:
        entry = {"Source": event["source"], "DetailType": event["detail-type"], "Detail": json.dumps(event["detail"])}
        first = sent_at(event.get("time"), datetime.now(UTC)).replace(microsecond=0)  # the bus knows whole seconds only
        answer = session.client("events").put_events(Entries=[{**entry, "Time": first, "EventBusName": stage.slug}])
        if answer["FailedEntryCount"]:
            raise NotThere(f"The bus refused the event: {answer['Entries'][0].get('ErrorCode')}")

    def replay(function: str, event: Event) -> int:
        name = stage.function_name(function)
        called = functions.invoke(FunctionName=name, Qualifier=ALIAS, Payload=json.dumps(event).encode())
        return _unhandled(event, None if "FunctionError" in called else json.loads(called["Payload"].read()))

    def find() -> list[DeadLetter]:
        kept = _find_records(session, stage, settings["RECORDS_BUCKET"])
        return [*_find(session.client("sqs"), stage), *kept]

    listed = BlockList(session.client("wafv2", region_name=EDGE_REGION), stage) if stage.edge else None
    return Environment(settings, lambda: datetime.now(UTC), find, announce, replay, listed)


def _whole(event: Event) -> Event:
    """Return the event of a function for a record of the stream that lies alone."""
    return {"Records": [event]} if "dynamodb" in event else event


def _unhandled(event: Event, answer: Any) -> int:
    if answer is None:
        return len(event.get("Records", [event]))
    return len(answer.get("batchItemFailures", ()))


def _find_records(session: boto3.Session, stage: Stage, bucket: str) -> list[DeadLetter]:
    """Return all records of the stream that functions put aside, or that the mappings gave up (then many in one)."""
    s3, sqs, found = session.client("s3"), session.client("sqs"), []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for each in page.get("Contents", ()):
            content = json.loads(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read())

            def delete(key: str = each["Key"]) -> None:
                s3.delete_object(Bucket=bucket, Key=key)
                if not s3.list_objects_v2(Bucket=bucket, MaxKeys=1)["KeyCount"]:  # ends the alarm
                    sqs.purge_queue(QueueUrl=_url(sqs, stage, "stream"))

            if "payload" in content:  # docs.aws.amazon.com/lambda, services-ddb-errors: the batch, as a text
                function = content["requestContext"]["functionArn"].split(":")[6].removeprefix(f"{stage.slug}-")
                found.append(DeadLetter(function, json.loads(content["payload"]), delete))
            else:
                found.append(DeadLetter(each["Key"].split("/")[1], _whole(content), delete))
    return found


def _find(sqs: Any, stage: Stage) -> list[DeadLetter]:
    """Return at most ten dead letters of each queue. They stay in the queue until they are deleted."""
    found: list[DeadLetter] = []
    for name in dict.fromkeys(each.function for each in (*RULES, *SCHEDULES)):
        url = _url(sqs, stage, name)
        for message in _receive(sqs, url):
            body = json.loads(message["Body"])

            def delete(url: str = url, receipt: str = message["ReceiptHandle"]) -> None:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=receipt)

            found.append(DeadLetter(name, body.get("requestPayload", body), delete))
    return found


def _url(sqs: Any, stage: Stage, edge: str) -> str:
    found: str = sqs.get_queue_url(QueueName=f"{stage.slug}-{edge}-dead-letters")["QueueUrl"]
    return found


def _receive(sqs: Any, url: str) -> list[dict[str, Any]]:
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    found: list[dict[str, Any]] = answer.get("Messages", [])
    return found


def enter(environment: Environment) -> None:
    """Give this process the environment variables of the functions."""
    os.environ.update(environment.settings)
