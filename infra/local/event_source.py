"""Delivers stream records as Lambda's event source mapping does: lanes, batches, retries by age, dead letters."""

import asyncio
import json
import logging
import time
import zlib
from collections import deque
from typing import Any, NamedTuple

from infra.local.asgi import Invoke
from infra.local.filters import matches
from infra.local.journal import Journal, reason
from infra.topology import Consumer

Record = dict[str, Any]

log = logging.getLogger(__name__)

_FIRST_PAUSE = 0.1  # seconds before the first retry; each further pause is twice as long
_LONGEST_PAUSE = 5.0


class Batch(NamedTuple):
    """Records of one lane, in order; `attempts` counts the failures of the first record."""

    records: tuple[Record, ...]
    since: float
    attempts: int = 0


def first_failed(answer: Any, records: tuple[Record, ...]) -> int | None:
    """Return the index of the first record that the function's answer reports as failed, or None for success.

    An answer that names no record of this batch fails the whole batch, as in Lambda.
    """
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    if not failures:
        return None
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    named = [failure.get("itemIdentifier") for failure in failures]
    return min((numbers.index(number) if number in numbers else 0 for number in named), default=0)


def after_failure(batch: Batch, failed: int | None) -> list[Batch]:
    """Return the work that is left: the records from the failed one on, or two halves if the function named none."""
    if failed is None and len(batch.records) > 1:
        middle = len(batch.records) // 2
        return [batch._replace(records=batch.records[:middle]), Batch(batch.records[middle:], batch.since)]
    rest = batch.records[failed or 0 :]
    return [Batch(rest, batch.since, 1 if failed else batch.attempts + 1)]


class Lane:
    """One sequence of invocations: the next batch starts when the last one is done."""

    def __init__(self, consumer: Consumer, invoke: Invoke, dead_letters: Journal) -> None:
        self._consumer = consumer
        self._invoke = invoke
        self._dead_letters = dead_letters
        self._fresh: deque[Record] = deque()
        self._work: deque[Batch] = deque()
        self._arrived = asyncio.Event()

    def put(self, record: Record) -> None:
        """Add a record to the queue."""
        self._fresh.append(record)
        self._arrived.set()

    def undelivered(self) -> list[Record]:
        """List, in order, the records that no invocation has settled yet."""
        return [*(record for batch in self._work for record in batch.records), *self._fresh]

    async def run(self) -> None:
        """Deliver until cancelled. The records of a cancelled invocation stay undelivered."""
        while True:
            if not self._work:
                await self._collect()
            await self._attempt(self._work[0])

    async def _collect(self) -> None:
        while not self._fresh:
            self._arrived.clear()
            await self._arrived.wait()
        size = min(self._consumer.batch_size, len(self._fresh))
        records = tuple(self._fresh.popleft() for _ in range(size))
        self._work.append(Batch(records, time.monotonic()))

    async def _attempt(self, batch: Batch) -> None:
        try:
            answer = await self._invoke(self._consumer.function, {"Records": list(batch.records)})
            failed = first_failed(answer, batch.records)
        # The outermost edge: any failure of a function becomes a retry.
        except Exception as error:  # noqa: BLE001
            await self._retry(batch, None, reason(error))
            return
        if failed is None:
            self._work.popleft()
        else:
            await self._retry(batch, failed, "reported in batchItemFailures")

    async def _retry(self, batch: Batch, failed: int | None, why: str) -> None:
        self._work.popleft()
        first, *others = after_failure(batch, failed)
        self._work.extendleft(reversed([first, *others]))
        if not first.attempts:
            return
        log.warning("%s failed on a record (%d): %s", self._consumer.function, first.attempts, why.partition("\n")[0])
        too_old = time.monotonic() - first.since > self._consumer.max_age
        if too_old:
            self._give_up(why)
        else:
            await asyncio.sleep(min(_FIRST_PAUSE * 2 ** (first.attempts - 1), _LONGEST_PAUSE))

    def _give_up(self, why: str) -> None:
        batch = self._work.popleft()
        letter = {"function": self._consumer.function, "error": why, "event": batch.records[0]}
        self._dead_letters.add(letter)
        log.error("%s failed on a record until it was too old: see /dev/dead-letters", self._consumer.function)
        if batch.records[1:]:
            self._work.appendleft(Batch(batch.records[1:], batch.since))


class EventSource:
    """One consumer of a stream: its filters, and one lane for each share of the items."""

    def __init__(self, consumer: Consumer, invoke: Invoke, dead_letters: Journal) -> None:
        self.consumer = consumer
        self._lanes = [Lane(consumer, invoke, dead_letters) for _ in range(consumer.parallelization)]

    def put(self, record: Record) -> None:
        """Add the record to a lane if a filter matches. Records of one item share a lane, so they stay in order."""
        if self.consumer.filters and not any(matches(each, record) for each in self.consumer.filters):
            return
        keys = json.dumps(record["dynamodb"]["Keys"], sort_keys=True)
        self._lanes[zlib.crc32(keys.encode()) % len(self._lanes)].put(record)

    def undelivered(self) -> list[Record]:
        """List the records that wait or are on their way. The records of each item are in order."""
        return [record for lane in self._lanes for record in lane.undelivered()]

    async def run(self) -> None:
        """Deliver on all lanes until cancelled."""
        await asyncio.gather(*(lane.run() for lane in self._lanes))
