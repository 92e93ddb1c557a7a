"""The stream's edge: which records of a batch come again, and which are put aside so that no shard waits for them."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger

from stays.aws.client import S3, AwsError

PATIENCE = timedelta(minutes=10)  # for so long a failing record may hold up the records behind it

Record = dict[str, Any]

logger = Logger()


class Aside:
    """Puts the hopeless records of one kind of work aside, whole, in S3. `make operator ARGS="… redrive"` replays them.

    A record is hopeless if this process has seen it fail for ten minutes while others succeed. If none succeeds, it is
    an outage: all records come again until the stream's mapping gives them up. A record's age does not count: after an
    outage all are old, and a first failure means little.
    """

    def __init__(self, s3: S3, function: str, note: Callable[[str], None]) -> None:
        """`note` is told the key of each record that is put aside."""
        self._s3 = s3
        self._function = function
        self._note = note
        self.succeeded: list[datetime] = []  # the last time at which this process did such work
        self.failing: dict[str, datetime] = {}  # records by their numbers, and when each one failed first

    def deliver(
        self, records: Sequence[Record], attempt: Callable[[Sequence[Record]], Sequence[Record]], now: datetime
    ) -> list[Record]:
        """Attempt the records; `attempt` returns the failed ones. Returns those that have to come again.

        What `attempt` raises is raised, except for a hopeless record alone: the mapping halves a batch until it is.
        """
        if not records:
            return []
        try:
            failed = attempt(records)
        except Exception:
            if len(records) > 1 or not self._is_hopeless(records[0], now):
                raise
            logger.exception("record not handled")
            failed = records
        for number in {*map(_number, records)} - {*map(_number, failed)}:
            self.succeeded[:] = [now]
            self.failing.pop(number, None)
        return [record for record in failed if not (self._is_hopeless(record, now) and self._put(record, now))]

    def _is_hopeless(self, record: Record, now: datetime) -> bool:
        patient = now - self.failing.setdefault(_number(record), now) < PATIENCE
        return not patient and any(now - each < PATIENCE for each in self.succeeded)

    def _put(self, record: Record, now: datetime) -> bool:
        """Keep the record. Returns whether it is kept. A repetition keeps it twice, which harms as little as a replay.

        Each time has a key of its own: a replay that fails must not be deleted with the object that was replayed.
        """
        created = datetime.fromtimestamp(record["dynamodb"]["ApproximateCreationDateTime"], UTC)
        name = f"{created:%Y-%m-%dT%H.%M.%S}-{_number(record)}-{now.timestamp():.0f}.json"
        key = f"aside/{self._function}/{name}"
        try:
            self._s3.put(key, json.dumps(record).encode())
        except AwsError as error:
            logger.warning("not put aside", extra={"record": key, "error": error.code})
            return False
        self._note(key)
        return True


def _number(record: Record) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def failures(records: Sequence[Record]) -> dict[str, Any]:
    """The answer that names the records that have to come again."""
    return {"batchItemFailures": [{"itemIdentifier": _number(record)} for record in records]}
