"""The environment that the operator works in: the settings of a deployed stage or of the local run, and no others."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import boto3
import httpx
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws.stage import Stage
from infra.topology import CONSUMERS, RULES, SCHEDULES
from stays.domain.calendar import sent_at

_WRITING = timedelta(minutes=1)  # longer than the time between a decision and its record
_OLDEST = datetime(1970, 1, 1, tzinfo=UTC)
_TOLD = ("payments", "zalopay_callback", "fulfilment")  # together they have every setting that the commands need


class NotThere(Exception):
    """The environment does not run, or the operator may not use it."""


class DeadLetter(NamedTuple):
    """A dead letter: its function, its content, and the earliest time of its event."""

    function: str
    body: Mapping[str, Any]
    since: datetime
    delete: Callable[[], None]


class Environment(NamedTuple):
    """One environment: its settings, its clock, its dead letters, and its bus.

    An event that is published again keeps the time at which it was first received.
    """

    settings: Mapping[str, str]
    now: Callable[[], datetime]
    find_dead_letters: Callable[[], Sequence[DeadLetter]]
    announce: Callable[[Mapping[str, Any]], None]


def local(url: str) -> Environment:
    """Return the local run. Raises NotThere."""
    try:
        settings: dict[str, str] = httpx.get(f"{url}/dev/environment").raise_for_status().json()
        offset = timedelta(seconds=httpx.get(f"{url}/dev/clock").raise_for_status().json()["offset"])
    except (httpx.HTTPError, ValueError, KeyError):
        raise NotThere(f"There is no local run at {url}; `make run` starts one.") from None

    def find() -> list[DeadLetter]:
        lying = httpx.get(f"{url}/dev/dead-letters").raise_for_status().json()
        return [DeadLetter(each["function"], each["event"], _OLDEST, lambda: None) for each in lying]

    def announce(event: Mapping[str, Any]) -> None:
        httpx.post(f"{url}/dev/events", json=event).raise_for_status()

    return Environment(settings, lambda: datetime.now(UTC) + offset, find, announce)


def deployed(stage: Stage, session: boto3.Session) -> Environment:
    """Return a stage in AWS, with the caller's own permissions. Raises NotThere."""
    functions = session.client("lambda")
    settings = {"AWS_DEFAULT_REGION": stage.region}
    try:
        for name in _TOLD:
            deployed_name = f"{stage.slug}-{name.replace('_', '-')}"
            settings |= functions.get_function_configuration(FunctionName=deployed_name)["Environment"]["Variables"]
    except (ClientError, BotoCoreError) as error:
        raise NotThere(f"{stage.name} cannot be read: {error}") from None

    def announce(event: Mapping[str, Any]) -> None:
        entry = {"Source": event["source"], "DetailType": event["detail-type"], "Detail": json.dumps(event["detail"])}
        first = sent_at(event.get("time"), datetime.now(UTC)).replace(microsecond=0)  # the bus knows whole seconds only
        answer = session.client("events").put_events(Entries=[{**entry, "Time": first, "EventBusName": stage.slug}])
        if answer["FailedEntryCount"]:
            raise NotThere(f"The bus refused the event: {answer['Entries'][0].get('ErrorCode')}")

    return Environment(settings, lambda: datetime.now(UTC), lambda: _find(session.client("sqs"), stage), announce)


def _find(sqs: Any, stage: Stage) -> list[DeadLetter]:
    """Return at most ten dead letters of each queue. They stay in the queue until they are deleted."""
    found: list[DeadLetter] = []
    for edge in {each.function: each for each in (*CONSUMERS, *RULES, *SCHEDULES)}.values():
        url = sqs.get_queue_url(QueueName=f"{stage.slug}-{edge.function}-dead-letters")["QueueUrl"]
        for message in _receive(sqs, url):
            body = json.loads(message["Body"])
            since = body.get("DDBStreamBatchInfo", {}).get("approximateArrivalOfFirstRecord")

            def delete(url: str = url, receipt: str = message["ReceiptHandle"]) -> None:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=receipt)

            first = datetime.fromisoformat(since) - _WRITING if since else _OLDEST
            found.append(DeadLetter(edge.function, body.get("requestPayload", body), first, delete))
    return found


def _receive(sqs: Any, url: str) -> list[dict[str, Any]]:
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    found: list[dict[str, Any]] = answer.get("Messages", [])
    return found


def enter(environment: Environment) -> None:
    """Give this process the environment variables of the functions."""
    os.environ.update(environment.settings)
