"""Delivers a stream as Lambda does: in batches, again after a failure, and in halves if a whole batch fails.

docs.aws.amazon.com, services-ddb-params: the records from the first reported one on come again. With
BisectBatchOnFunctionError a failing batch is first split, which costs no attempt. At the last failure Lambda gives a
record up.
"""

from typing import Any, NamedTuple

from infra.local.filters import matches
from infra.topology import Consumer
from tests.proof.simulation.system import STREAM_TRIES, System

Record = dict[str, Any]


class Delivered(NamedTuple):
    """The fate of a consumer's records: the number of calls, and the records that it never accepted."""

    calls: int
    given_up: list[Record]


def deliver(system: System, consumer: Consumer, records: list[Record]) -> Delivered:
    """Deliver all records, in order, until each is accepted or given up."""
    wanted = [each for each in records if any(matches(pattern, each) for pattern in consumer.filters)]
    size = consumer.batch_size
    batches = [wanted[begin : begin + size] for begin in range(0, len(wanted), size)]
    parts = [_delivered(system, consumer, batch, STREAM_TRIES - 1) for batch in batches]
    return Delivered(sum(part.calls for part in parts), [each for part in parts for each in part.given_up])


def _delivered(system: System, consumer: Consumer, batch: list[Record], retries: int) -> Delivered:
    rest = _rest(system, consumer, batch)
    if not rest:
        return Delivered(1, [])
    if len(rest) == 1:
        if not retries:
            return Delivered(1, rest)
        again = _delivered(system, consumer, rest, retries - 1)
        return Delivered(1 + again.calls, again.given_up)
    middle = len(rest) // 2
    parts = [_delivered(system, consumer, half, retries) for half in (rest[:middle], rest[middle:])]
    return Delivered(1 + sum(part.calls for part in parts), [each for part in parts for each in part.given_up])


def _rest(system: System, consumer: Consumer, batch: list[Record]) -> list[Record]:
    """Return the records to repeat: all after an exception, otherwise those from the first reported one on."""
    try:
        answer = system.invoke(consumer.function, {"Records": batch})
    except Exception:  # noqa: BLE001 # after any error the batch comes again
        return batch
    reported = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
    numbers = [each["dynamodb"]["SequenceNumber"] for each in batch]
    first = min((numbers.index(each) for each in reported), default=len(batch))
    return batch[first:]
