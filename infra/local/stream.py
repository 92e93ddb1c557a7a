"""Reads the stream of a table, passes its records to the consumers, and keeps the rest for the next start."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from infra.local.database import Database, EngineError
from infra.local.event_source import EventSource, Record

log = logging.getLogger(__name__)

_API = "DynamoDBStreams_20120810"
_IDLE = 0.05  # seconds between two reads of a quiet stream; one read costs 0.7 ms


class TableStream:
    """Reads the change records of a table in order, from the oldest one that the engine still has."""

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        description = database.call("DynamoDB_20120810.DescribeTable", {"TableName": table})
        self._arn: str = description["Table"]["LatestStreamArn"]
        self._iterators: dict[str, str | None] = {}
        self._last: dict[str, str] = {}

    def read(self) -> list[Record]:
        """Return the records since the last call, as Lambda passes them to a function."""
        if not any(self._iterators.values()):
            self._discover()
        records = []
        for shard, iterator in self._iterators.items():
            if iterator:
                records += self._read_shard(shard, iterator)
        return records

    def _discover(self) -> None:
        description = self._call("DescribeStream", StreamArn=self._arn)["StreamDescription"]
        for shard in description["Shards"]:
            name = shard["ShardId"]
            self._iterators.setdefault(name, self._iterator(name))

    def _read_shard(self, shard: str, iterator: str) -> list[Record]:
        try:
            page = self._call("GetRecords", ShardIterator=iterator)
        except EngineError as error:
            # The iterator expires if the machine sleeps for a quarter of an hour.
            if error.code not in ("ExpiredIteratorException", "TrimmedDataAccessException"):
                raise
            self._iterators[shard] = self._iterator(shard)
            return []
        self._iterators[shard] = page.get("NextShardIterator")
        records = [record | {"eventSourceARN": self._arn} for record in page["Records"]]
        if records:
            self._last[shard] = records[-1]["dynamodb"]["SequenceNumber"]
        return records

    def _iterator(self, shard: str) -> str:
        where = {"StreamArn": self._arn, "ShardId": shard}
        if last := self._last.get(shard):
            with contextlib.suppress(EngineError):
                return self._new_iterator(where, "AFTER_SEQUENCE_NUMBER", SequenceNumber=last)
        return self._new_iterator(where, "TRIM_HORIZON")

    def _new_iterator(self, where: dict[str, str], kind: str, **more: str) -> str:
        answer = self._call("GetShardIterator", **where, ShardIteratorType=kind, **more)
        return str(answer["ShardIterator"])

    def _call(self, operation: str, **payload: Any) -> Any:
        return self._database.call(f"{_API}.{operation}", payload)


def _unheard(_: Record) -> None:
    """Do nothing with a record."""


class Poller:
    """Carries records from a table's stream to its consumers."""

    def __init__(
        self,
        stream: TableStream,
        sources: Sequence[EventSource],
        rest: Path | None = None,
        changed: Callable[[Record], None] = _unheard,
    ) -> None:
        """Load the records that the last run kept in `rest`, because the engine forgets its stream when it stops.

        `changed` hears every record once, before the consumers get it.
        """
        self._changed = changed
        self._stream = stream
        self._sources = sources
        self._rest = rest
        self._wakeup = asyncio.Event()
        for function, records in _kept(rest).items():
            for source in sources:
                if source.consumer.function == function:
                    for record in records:
                        source.put(record)

    def wake(self) -> None:
        """Read the stream at once: a function has probably written."""
        self._wakeup.set()

    async def run(self) -> None:
        """Read and deliver until cancelled."""
        await asyncio.gather(self._poll(), *(source.run() for source in self._sources))

    def settle(self) -> None:
        """After the run, read the rest of the stream and save every undelivered record."""
        if not self._rest:
            return
        # If the engine died, there is no stream left to read.
        with contextlib.suppress(EngineError):
            while records := self._stream.read():
                self._hand_out(records)
        waiting = {source.consumer.function: source.undelivered() for source in self._sources}
        self._rest.write_text(json.dumps(waiting))

    async def _poll(self) -> None:
        while True:
            self._wakeup.clear()
            if not await self._read():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wakeup.wait(), _IDLE)

    async def _read(self) -> bool:
        reading = asyncio.ensure_future(asyncio.to_thread(self._stream.read))
        try:
            records = await asyncio.shield(reading)
        except asyncio.CancelledError:
            # The thread cannot be stopped, and the stream will not return these records again.
            self._hand_out(await reading)
            raise
        self._hand_out(records)
        return bool(records)

    def _hand_out(self, records: list[Record]) -> None:
        for record in records:
            self._changed(record)
            for source in self._sources:
                source.put(record)


def _kept(rest: Path | None) -> dict[str, list[Record]]:
    if not rest or not rest.exists():
        return {}
    waiting: dict[str, list[Record]] = json.loads(rest.read_text())
    return waiting
