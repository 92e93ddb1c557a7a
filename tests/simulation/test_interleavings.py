"""The first schedules of every group of functions that meet; `make prove` goes through all of them."""

from typing import Any

import pytest

from tests.simulation.interleavings import GROUPS, Choice, Schedule, explore, following, runner
from tests.simulation.invariants import Invariants
from tests.simulation.system import System

FIRST = 40


@pytest.mark.parametrize("group", GROUPS)
def test_no_schedule_breaks_a_promise(system: System, group: str) -> None:
    explored = explore(system, group, FIRST)
    assert explored.schedules > 1
    assert not explored.violations


def everything(system: System) -> tuple[Any, ...]:
    """What came to pass, and where it led."""
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
    run = runner(system, GROUPS[group])
    for beginning in ([], [1], []):
        run(beginning)
    assert everything(system) == expected


def test_schedules_are_counted_through_to_the_last() -> None:
    assert following([Choice(0, 2), Choice(0, 2)]) == [0, 1]
    assert following([Choice(0, 2), Choice(1, 2)]) == [1]
    assert following([Choice(1, 2), Choice(0, 1)]) is None


def test_two_callbacks_have_all_their_orders(system: System) -> None:
    assert explore(system, "cancel ‖ callback").schedules == 28
