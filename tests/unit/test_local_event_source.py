"""Delivery of stream records: order, batches, retries by age, giving up."""

import asyncio
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import pytest

from infra.local.event_source import Batch, EventSource, Lane, Record, after_failure, first_failed
from infra.local.journal import Journal
from infra.topology import Consumer

CONSUMER = Consumer("notifier", "stays", ({"eventName": ["INSERT"]},), 3, 4, max_age=60)


def record(number: int, key: str = "A", event: str = "INSERT") -> Record:
    """A stream record with `number` as its sequence number."""
    return {"eventName": event, "dynamodb": {"SequenceNumber": str(number), "Keys": {"PK": {"S": key}}}}


class Function:
    """Replaces a function: records its events, and returns or raises the given values."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.got: list[list[str]] = []

    async def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        self.got.append([each["dynamodb"]["SequenceNumber"] for each in event["Records"]])
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


def failed(*numbers: int) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": str(number)} for number in numbers]}


async def run_lane(function: Function, numbers: int, letters: Journal, consumer: Consumer = CONSUMER) -> Lane:
    lane = Lane(consumer, function.invoke, letters)
    for number in range(numbers):
        lane.put(record(number))
    running = asyncio.create_task(lane.run())
    async with asyncio.timeout(5):
        while lane.undelivered():
            await asyncio.sleep(0.005)
    running.cancel()
    return lane


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, "text"])
def test_an_answer_without_failures_is_success(answer: Any) -> None:
    assert first_failed(answer, (record(1),)) is None


def test_the_lowest_failed_record_counts() -> None:
    assert first_failed(failed(3, 2), (record(1), record(2), record(3))) == 1


@pytest.mark.parametrize("name", ["9", "", None])
def test_an_answer_that_names_no_record_of_the_batch_fails_all_of_it(name: str | None) -> None:
    answer = {"batchItemFailures": [{"itemIdentifier": name}]}
    assert first_failed(answer, (record(1), record(2))) == 0


def test_what_follows_the_failed_record_is_tried_again_with_it() -> None:
    batch = Batch((record(1), record(2), record(3)), since=5.0, attempts=1)
    assert after_failure(batch, 1) == [Batch((record(2), record(3)), 5.0, 1)]


def test_the_same_first_record_failing_again_counts_up() -> None:
    batch = Batch((record(1), record(2)), since=5.0, attempts=1)
    assert after_failure(batch, 0) == [batch._replace(attempts=2)]


def test_a_batch_that_failed_as_a_whole_is_halved() -> None:
    batch = Batch((record(1), record(2), record(3)), since=5.0)
    assert after_failure(batch, None) == [Batch((record(1),), 5.0), Batch((record(2), record(3)), 5.0)]


def test_batches_are_full_and_in_order() -> None:
    function = Function()
    asyncio.run(run_lane(function, 7, Journal()))
    assert function.got == [["0", "1", "2"], ["3", "4", "5"], ["6"]]


def test_a_partial_failure_is_retried_from_the_failed_record_on() -> None:
    function, letters = Function(failed(1)), Journal()
    asyncio.run(run_lane(function, 3, letters))
    assert function.got == [["0", "1", "2"], ["1", "2"]]
    assert letters.entries == []


def test_a_record_that_always_fails_is_found_by_halving_and_given_up_and_the_others_go_on() -> None:
    class Poisoned(Function):
        async def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
            await super().invoke(function, event)
            if record(1) in event["Records"]:
                raise RuntimeError("boom")

    function, letters = Poisoned(), Journal()
    asyncio.run(run_lane(function, 4, letters, CONSUMER._replace(max_age=0.2)))
    assert [batch for batch, _ in groupby(function.got)] == [["0", "1", "2"], ["0"], ["1", "2"], ["1"], ["2"], ["3"]]
    assert function.got.count(["1"]) >= 3
    assert [letter["event"] for letter in letters.entries] == [record(1)]
    assert letters.entries[0]["error"] == "RuntimeError: boom"


def test_a_record_that_is_too_old_is_not_tried_again() -> None:
    function, letters = Function(failed(0)), Journal()
    asyncio.run(run_lane(function, 2, letters, CONSUMER._replace(max_age=-1)))
    assert function.got == [["0", "1"], ["1"]]
    assert len(letters.entries) == 1


def test_a_cancelled_invocation_leaves_its_records_undelivered() -> None:
    async def never(function: str, event: Mapping[str, Any]) -> Any:
        await asyncio.Event().wait()

    async def scenario() -> list[Record]:
        lane = Lane(CONSUMER, never, Journal())
        for number in range(4):
            lane.put(record(number))
        running = asyncio.create_task(lane.run())
        await asyncio.sleep(0.01)
        running.cancel()
        return lane.undelivered()

    assert asyncio.run(scenario()) == [record(number) for number in range(4)]


def test_records_of_one_item_share_a_lane_and_unwanted_ones_get_none() -> None:
    async def scenario() -> EventSource:
        source = EventSource(CONSUMER, Function().invoke, Journal())
        for number in range(40):
            source.put(record(number, key=str(number % 5)))
        source.put(record(99, event="REMOVE"))
        return source

    source = asyncio.run(scenario())
    numbers = [int(each["dynamodb"]["SequenceNumber"]) for each in source.undelivered()]
    assert sorted(numbers) == list(range(40))
    for item in range(5):
        own = [number for number in numbers if number % 5 == item]
        assert own == sorted(own)
