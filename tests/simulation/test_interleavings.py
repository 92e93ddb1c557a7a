"""The first schedules of every group of functions that meet; `make prove` goes through all of them."""

import pytest

from tests.simulation.interleavings import GROUPS, Choice, explore, following
from tests.simulation.system import System

FIRST = 40


@pytest.mark.parametrize("group", GROUPS)
def test_no_schedule_breaks_a_promise(system: System, group: str) -> None:
    explored = explore(system, group, FIRST)
    assert explored.schedules > 1
    assert not explored.violations


def test_schedules_are_counted_through_to_the_last() -> None:
    assert following([Choice(0, 2), Choice(0, 2)]) == [0, 1]
    assert following([Choice(0, 2), Choice(1, 2)]) == [1]
    assert following([Choice(1, 2), Choice(0, 1)]) is None


def test_two_callbacks_have_all_their_orders(system: System) -> None:
    assert explore(system, "cancel ‖ callback").schedules == 10
