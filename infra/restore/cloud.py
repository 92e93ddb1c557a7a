"""Every call of AWS that a restore makes, but those of the CDK and of the operator's tool."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from time import sleep
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import ClientError

from infra.aws.stage import ALIAS, Stage
from infra.topology import RULES, Table

_RECOVERY = 35  # days; as in the data stack
_EMPTY = 2  # looks into a queue without a message, before it counts as empty


class NotRestored(Exception):
    """A step could not be done. One sentence says why; the next run goes on there."""


class Live(NamedTuple):
    """The table that the functions use, and whether they refuse new orders."""

    table: str
    closed: bool


class Said(NamedTuple):
    """A line of a function's log."""

    at: datetime
    function: str
    fields: Mapping[str, Any]


class Cloud:
    """One stage in AWS."""

    def __init__(
        self, session: boto3.Session, stage: Stage, pause: Callable[[float], object] = sleep, wait: int = 5
    ) -> None:
        """`pause` waits between two looks. A look into a queue waits for messages for `wait` seconds."""
        self._stage = stage
        self._pause = pause
        self._wait = wait
        names = ("dynamodb", "lambda", "logs", "events", "sqs")
        self._dynamodb, self._functions, self._logs, self._events, self._sqs = map(session.client, names)

    def live(self) -> Live:
        """Return how the functions are set now."""
        name = self._stage.function_name("payments")
        asked = self._functions.get_function_configuration(FunctionName=name, Qualifier=ALIAS)
        settings = asked["Environment"]["Variables"]
        return Live(settings["STAYS_TABLE"], "MAINTENANCE" in settings)

    # The table

    def describe(self, name: str) -> Mapping[str, Any] | None:
        """Return DynamoDB's description of a table, or None if it does not exist."""
        try:
            found: Mapping[str, Any] = self._dynamodb.describe_table(TableName=name)["Table"]
        except self._dynamodb.exceptions.ResourceNotFoundException:
            return None
        return found

    def is_active(self, name: str) -> bool:
        """Return whether a table and its indexes can be used."""
        found = self.describe(name)
        if found is None:
            return False
        states = [found["TableStatus"], *(each["IndexStatus"] for each in found.get("GlobalSecondaryIndexes", ()))]
        return set(states) == {"ACTIVE"}

    def is_readable(self, name: str) -> bool:
        """Return whether the items of a table can be read."""
        with suppress(ClientError):
            self._dynamodb.scan(TableName=name, Limit=1)
            return True
        return False

    def source_of(self, name: str) -> str:
        """Return the name of the table from which a table was restored."""
        found = self.describe(name) or {}
        arn: str = found.get("RestoreSummary", {}).get("SourceTableArn", "")
        if not arn:
            raise NotRestored(f"{name} was not made by a restore: choose another time.")
        return arn.rpartition("/")[2]

    def restore(self, source: str, target: str, to: datetime) -> None:
        """Begin to restore a table under a new name. A table that was deleted comes as it was at its end."""
        if self.describe(target):
            return
        if self.describe(source):
            self._dynamodb.restore_table_to_point_in_time(
                SourceTableName=source, TargetTableName=target, RestoreDateTime=to
            )
            return
        found = self._dynamodb.list_backups(TableName=source, BackupType="ALL")["BackupSummaries"]
        ours = [each for each in found if each["BackupName"] == f"{source}$DeletedTableBackup"]
        if not ours:
            raise NotRestored(f"The table {source} is gone, and DynamoDB has no backup of its end.")
        newest = max(ours, key=lambda each: each["BackupCreationDateTime"])
        self._dynamodb.restore_table_from_backup(TargetTableName=target, BackupArn=newest["BackupArn"])

    def wait_for(self, name: str) -> None:
        """Wait until a table can be used. DynamoDB takes from 20 minutes to some hours for a restore."""
        while not self.is_active(name):
            self._pause(15)

    def missing(self, name: str, table: Table) -> dict[str, Callable[[], object]]:
        """Return what a restored table lacks, each with the call that sets it."""
        found = self.describe(name) or {}
        arn = found["TableArn"]
        change, is_on = self._dynamodb.update_table, {"Enabled": True, "AttributeName": table.ttl}
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        recovery = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": _RECOVERY}
        tags = [{"Key": "stays:stage", "Value": self._stage.name}]
        lacking: dict[str, Callable[[], object]] = {}
        if table.stream and not found.get("StreamSpecification", {}).get("StreamEnabled"):
            lacking["stream"] = lambda: change(TableName=name, StreamSpecification=stream)
        if table.ttl and self._ttl(name) != table.ttl:
            lacking["TTL"] = lambda: self._dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=is_on)
        if self._recovery(name) != _RECOVERY:
            lacking["point-in-time recovery"] = lambda: self._dynamodb.update_continuous_backups(
                TableName=name, PointInTimeRecoverySpecification=recovery
            )
        if not found.get("DeletionProtectionEnabled"):
            lacking["deletion protection"] = lambda: change(TableName=name, DeletionProtectionEnabled=True)
        if not _includes(self._dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"], tags):
            lacking["tags"] = lambda: self._dynamodb.tag_resource(ResourceArn=arn, Tags=tags)
        return lacking

    def _ttl(self, name: str) -> str | None:
        described = self._dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        attribute: str | None = described.get("AttributeName")
        return attribute

    def _recovery(self, name: str) -> int | None:
        asked = self._dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        recovery = asked.get("PointInTimeRecoveryDescription", {})
        days: int | None = recovery.get("RecoveryPeriodInDays")
        return days if recovery.get("PointInTimeRecoveryStatus") == "ENABLED" else None

    def stream_of(self, name: str) -> str:
        """Return the label of a table's stream."""
        label: str = (self.describe(name) or {})["LatestStreamLabel"]
        return label

    # Logs and the archive of the bus

    def lines(self, functions: Iterable[str], since: datetime) -> Iterator[Said]:
        """Return what these functions logged about stays and orders since then."""
        for function in functions:
            group = f"/stays/{self._stage.name}/{function.replace('_', '-')}"
            for name in ("sessionId", "appTransId"):
                pages = self._logs.get_paginator("filter_log_events").paginate(
                    logGroupName=group, startTime=int(since.timestamp() * 1000), filterPattern=f'"{name}"'
                )
                for event in (each for page in pages for each in page["events"]):
                    with suppress(ValueError):
                        at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                        yield Said(at, function, json.loads(event["message"]))

    def archived(self, kinds: Sequence[str], since: datetime, until: datetime) -> list[Mapping[str, Any]]:
        """Return the archived events of these kinds. They are replayed into a queue that exists only meanwhile."""
        # SQS gives the name of a deleted queue again only after a minute.
        name, bus = f"{self._stage.slug}-restore-{datetime.now(UTC):%H%M%S}", self._stage.slug
        url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        queue = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        pattern = json.dumps({"source": ["stays"], "detail-type": list(kinds)})
        rule = self._events.put_rule(Name=name, EventBusName=bus, EventPattern=pattern)["RuleArn"]
        self._sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": _may_send(queue, rule)})
        self._events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": queue}])
        self.replay(rule, "read", since, until)
        found = list(self._receive(url))
        self._events.remove_targets(Rule=name, EventBusName=bus, Ids=["queue"])
        self._events.delete_rule(Name=name, EventBusName=bus)
        self._sqs.delete_queue(QueueUrl=url)
        return found

    def _receive(self, url: str) -> Iterator[Mapping[str, Any]]:
        empty = 0
        while empty < _EMPTY:
            answer = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=self._wait)
            messages = answer.get("Messages", [])
            empty = 0 if messages else empty + 1
            for each in messages:
                yield json.loads(each["Body"])
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])

    def wait_for_archive(self) -> None:
        """Wait until the archive has what was on the bus by now (AWS: ten minutes)."""
        self._pause(660)

    def replay(self, rule: str, why: str, since: datetime, until: datetime) -> None:
        """Replay the archive of the bus to one rule, and wait for the end. Raises NotRestored."""
        name = f"{self._stage.slug}-{why}-{since:%Y%m%dT%H%M%S}-{datetime.now(UTC):%Y%m%dT%H%M%S}"
        self._events.start_replay(
            ReplayName=name,
            EventSourceArn=self._events.describe_archive(ArchiveName=self._stage.slug)["ArchiveArn"],
            EventStartTime=since,
            EventEndTime=until,
            Destination={"Arn": self._events.describe_event_bus(Name=self._stage.slug)["Arn"], "FilterArns": [rule]},
        )
        while (state := self._events.describe_replay(ReplayName=name)["State"]) != "COMPLETED":
            if state in ("FAILED", "CANCELLED"):
                raise NotRestored(f"The replay {name} of the bus is {state}.")
            self._pause(15)

    def open_rule(self) -> str:
        """Let the auction system's events through again. Return the ARN of their rule. Raises NotRestored."""
        (edge,) = [each for each in RULES if not each.configuration]
        bus = self._stage.slug
        for rule in self._events.list_rules(EventBusName=bus)["Rules"]:
            if json.loads(rule.get("EventPattern", "{}")).get("detail-type") == list(edge.detail_types):
                self._events.enable_rule(Name=rule["Name"], EventBusName=bus)
                arn: str = rule["Arn"]
                return arn
        raise NotRestored(f"The bus {bus} has no rule for {edge.function}.")


def _includes(tags: Sequence[Mapping[str, str]], wanted: Sequence[Mapping[str, str]]) -> bool:
    return all(each in tags for each in wanted)


def _may_send(queue: str, rule: str) -> str:
    """Return the policy that lets one rule put events into the queue."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
