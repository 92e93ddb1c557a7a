"""A pace gives each call its turn: never too many, never later than needed."""

import math
from itertools import accumulate

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stays.aws.pace import Pace

PAUSES = st.lists(st.floats(0, 2), min_size=1, max_size=30)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(st.floats(0.5, 50), st.integers(1, 10), PAUSES)
def test_no_stretch_of_time_has_more_calls_than_the_rate_and_one_burst(rate: float, burst: int, pauses: list[float]):
    pace = Pace(rate, burst)
    turns = [now + (pace.turn(now) or 0) for now in accumulate(pauses)]
    assert turns == sorted(turns)
    for number, first in enumerate(turns):
        for calls, last in enumerate(turns[number:], 1):
            assert calls <= burst + rate * (last - first) + 1e-6


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.floats(0.5, 50), st.integers(1, 10))
def test_a_burst_goes_at_once_and_the_next_call_waits_for_one_interval(rate: float, burst: int):
    pace = Pace(rate, burst)
    assert [pace.turn(5.0) for _ in range(burst)] == pytest.approx([0] * burst, abs=1e-9)
    assert pace.turn(5.0) == pytest.approx(1 / rate)


def test_a_turn_that_comes_too_late_is_not_taken():
    pace = Pace(1)
    assert pace.turn(0.0, last=0.5) == 0
    assert [pace.turn(0.0, last=0.5) for _ in range(3)] == [None] * 3
    assert pace.turn(0.0, last=1.0) == 1


def test_without_a_rate_every_call_goes_at_once_until_it_is_too_late():
    pace = Pace()
    assert [pace.turn(now, math.inf) for now in (0.0, 0.0, 7.5, 7.5)] == [0] * 4
    assert pace.turn(8.0, last=7.9) is None
