"""The first schedules of every group of functions that meet; `make prove` goes through all of them."""

import re
from typing import Any

import pytest

from tests.proof.simulation.interleavings import GROUPS, Fork, Schedule, commute, explore, follow, runner
from tests.proof.simulation.invariants import Invariants
from tests.proof.simulation.system import System

FIRST = 40
ID, TIME, REFERENCE = "[0-7][0-9A-HJKMNP-TV-Z]{25}", r"[0-9T:.-]{23,}(Z|\+00:00)", "[0-9A-Z]{5}-[0-9A-Z]{5}"


@pytest.mark.parametrize("group", GROUPS)
def test_no_schedule_breaks_a_promise(system: System, group: str) -> None:
    explored = explore(system, group, FIRST)
    assert explored.schedules > 1
    assert not explored.violations


def everything(system: System) -> tuple[Any, ...]:
    """Return the whole state and its outcome."""
    inside = system.history, system.database.items(), system.gate.passed, system.counted, system.now
    return *inside, system.zalopay.asked, system.zalopay.orders, system.browsers.frames, system.mail.sent


@pytest.mark.parametrize("group", GROUPS)
def test_what_was_put_back_goes_on_as_if_it_had_just_happened(system: System, group: str) -> None:
    prepare, actors = GROUPS[group]
    system.reset({})
    invariants = Invariants(system)
    prepare(system)
    Schedule(system, actors, []).run()
    system.drain()
    invariants.at_rest()
    expected = everything(system)
    run, path = runner(system, GROUPS[group]), list[Fork]()
    run(path)
    follow(path)
    run(path)
    run([])
    assert everything(system) == expected


def test_of_each_fork_everybody_goes_on_who_is_not_asleep() -> None:
    path, taken = [Fork((1, 2), {}, 1), Fork((1, 2, 3), {2: "bus put"}, 1)], []
    more = True
    while more:
        taken.append([fork.taken for fork in path])
        path[-1].went(None)
        more = follow(path)
    assert taken == [[1, 1], [1, 3], [1], [2]]


def test_after_a_step_that_raises_the_next_schedule_is_another_one(system: System) -> None:
    def fails(*_: Any) -> None:
        raise AssertionError("a promise is broken")

    system.reset({})
    path = list[Fork]()
    for _ in range(2):
        with pytest.raises(AssertionError):
            Schedule(system, (fails, fails), path).run()
        more = follow(path)
    assert not more


def test_who_met_nobody_sleeps_on() -> None:
    fork = Fork((1, 2), {}, 1)
    assert fork.went("mail send") == {}
    assert fork.take_next()
    assert fork.taken == 2
    assert fork.went("bus put") == {1: "mail send"}
    assert Fork((1, 2), {1: "mail send"}, 2).went("mail send") == Fork((1, 2), {1: "mail send"}, 2).went(None) == {}


@pytest.mark.parametrize(
    ("one", "other", "exchanged"),
    [
        ("dynamodb get_item stays", "dynamodb query due stays", True),
        ("dynamodb get_item stays", "dynamodb put_item stays", False),
        ("dynamodb transact stays", "dynamodb update_item stays", False),
        ("dynamodb transact stays", "dynamodb put_item connections", True),
        ("browser post", "browser end", False),
        ("browser post", "mail send", True),
        ("zalopay /v2/query", "zalopay /v2/query", False),
    ],
)
def test_only_what_goes_elsewhere_or_only_reads_is_exchanged(one: str, other: str, exchanged: bool) -> None:
    assert commute(one, other) == commute(other, one) == exchanged


@pytest.mark.parametrize("group", ["callback ‖ booking asked for", "late money ‖ expiry", "stream: notifier twice"])
def test_schedules_that_are_left_out_lead_nowhere_else(system: System, group: str) -> None:
    few, all_ = outcomes(system, group, every=False), outcomes(system, group, every=True)
    assert set(few) == set(all_)
    assert len(few) < len(all_)


def outcomes(system: System, group: str, *, every: bool) -> list[Any]:
    """Return the outcomes of a group's schedules: items without times and ids, and the answers to pages."""
    run, path, found = runner(system, GROUPS[group], every=every), list[Fork](), []
    more = True
    while more:
        if run(path):
            found.append(outcome(system))
        more = follow(path)
    return found


def outcome(system: System) -> str:
    told = [(page, [frame["type"] for frame in frames]) for page, frames in system.browsers.frames.items()]
    items = sorted(repr(sorted((item | {"dueShard": ""}).items())) for item in system.database.items())
    return re.sub(f"{ID}|{TIME}|{REFERENCE}", "…", repr((told, items, len(system.mail.sent))))
