"""Events and schedules: the calls of functions, and the handling of failures."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.local.bus import Bus, Undelivered
from infra.local.journal import Journal
from infra.local.schedule import Timer
from infra.topology import Rule, Schedule

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
RULES = (Rule("awards", ("AuctionResult",)), Rule("audit", ("AuctionResult", "Other")), Rule("none", ()))


class Function:
    """Replaces all functions: records their events, fails the given number of times, then returns its name."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.got: list[tuple[str, Mapping[str, Any]]] = []

    async def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        self.got.append((function, event))
        if self.failures:
            self.failures -= 1
            raise RuntimeError("boom")
        return {"from": function}


def put(function: Function, event: dict[str, Any], letters: Journal | None = None) -> Any:
    bus = Bus(function.invoke, RULES, letters or Journal(), lambda: NOW, pause=0)
    return asyncio.run(bus.put(event))


def test_an_event_that_goes_back_to_the_bus_keeps_its_time() -> None:
    function = Function()
    for time in ({"time": "2026-11-01T00:00:00Z"}, {"time": None}, {}):
        put(function, {"detail-type": "Other", "detail": {}, **time})
    assert [event["time"] for _, event in function.got] == ["2026-11-01T00:00:00Z", *["2026-11-23T09:00:00Z"] * 2]


def test_a_function_gets_eventbridges_envelope() -> None:
    function = Function()
    answer = put(function, {"detail-type": "Other", "detail": {"a": 1}, "source": "test", "id": "e1"})
    assert answer == {"from": "audit"}
    assert function.got == [
        (
            "audit",
            {
                "version": "0",
                "id": "e1",
                "detail-type": "Other",
                "source": "test",
                "account": "000000000000",
                "time": "2026-11-23T09:00:00Z",
                "region": "ap-southeast-1",
                "resources": [],
                "detail": {"a": 1},
            },
        )
    ]


@pytest.mark.parametrize("time", ["2026-11-01T00:00:00Z", "yesterday"])
def test_an_event_that_is_sent_again_keeps_the_time_of_its_envelope(time: str) -> None:
    function = Function()
    put(function, {"detail-type": "Other", "detail": {}, "time": time})
    assert function.got[0][1]["time"] == time


@pytest.mark.parametrize("time", ["", None])
def test_an_event_without_a_time_gets_the_bus_s_own(time: str | None) -> None:
    function = Function()
    put(function, {"detail-type": "Other", "detail": {}, "time": time})
    assert function.got[0][1]["time"] == "2026-11-23T09:00:00Z"


def test_every_matching_rule_answers() -> None:
    answer = put(Function(), {"detail-type": "AuctionResult", "detail": {}})
    assert answer == [{"from": "awards"}, {"from": "audit"}]


def test_an_event_that_no_rule_wants_reaches_nobody() -> None:
    function = Function()
    assert put(function, {"detail-type": "Strange", "detail": {}}) == {"matched": False}
    assert function.got == []


@pytest.mark.parametrize("missing", ["detail-type", "detail"])
def test_an_event_without_its_parts_is_an_error(missing: str) -> None:
    event = {"detail-type": "Other", "detail": {}}
    del event[missing]
    with pytest.raises(KeyError, match=missing):
        put(Function(), event)


def test_a_failure_is_retried_twice() -> None:
    function = Function(failures=2)
    assert put(function, {"detail-type": "Other", "detail": {}}) == {"from": "audit"}
    assert len(function.got) == 3


def test_an_event_that_keeps_failing_becomes_a_dead_letter() -> None:
    letters = Journal()
    with pytest.raises(Undelivered, match="boom"):
        put(Function(failures=3), {"detail-type": "Other", "detail": {"a": 1}}, letters)
    assert [(each["function"], each["event"]["detail"]) for each in letters.entries] == [("audit", {"a": 1})]


def test_a_schedule_fires_when_asked_and_brings_the_answer() -> None:
    function = Function()
    timer = Timer(function.invoke, (Schedule("reconciliation", 60),), lambda: NOW)
    assert asyncio.run(timer.fire()) == {"reconciliation": {"from": "reconciliation"}}
    ((_, event),) = function.got
    assert (event["detail-type"], event["time"]) == ("Scheduled Event", "2026-11-23T09:00:00Z")


def test_whoever_moves_the_clock_waits_for_what_is_under_way() -> None:
    ended: list[str] = []

    async def slow(name: str, _: Mapping[str, Any]) -> None:
        await asyncio.sleep(0.02)
        ended.append(name)
        raise ValueError(name)

    async def scenario() -> list[str]:
        timer = Timer(slow, (Schedule("reconciliation", 60),), lambda: NOW)
        await timer.wait_until_idle()
        fired = [asyncio.create_task(timer.fire()) for _ in range(2)]
        await asyncio.sleep(0)
        await timer.wait_until_idle()
        before = list(ended)
        await asyncio.gather(*fired, return_exceptions=True)
        return before

    assert asyncio.run(asyncio.wait_for(scenario(), 5)) == ["reconciliation"] * 2


def test_the_clock_alone_never_runs_a_schedule_twice_at_once_and_survives_failures() -> None:
    function, running = Function(failures=1), []

    async def slow(name: str, event: Mapping[str, Any]) -> Any:
        running.append(name)
        assert len(running) == 1
        await asyncio.sleep(0.02)
        running.pop()
        return await function.invoke(name, event)

    async def scenario() -> None:
        timer = asyncio.create_task(Timer(slow, (Schedule("reconciliation", 0),), lambda: NOW).run())
        while len(function.got) < 3:
            await asyncio.sleep(0.01)
        timer.cancel()

    asyncio.run(asyncio.wait_for(scenario(), 5))
