"""The database of the simulation against moto: the same requests, the same answers, the same tables and records."""

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulation.both import Both
from tests.simulation.random_requests import request_of

HISTORIES = st.lists(st.integers(0, 10**9), min_size=30, max_size=60)
TIMES = float(os.environ.get("SIMULATION_EXAMPLES", "1"))


@settings(
    max_examples=int(25 * TIMES),
    deadline=None,
    database=None,
    derandomize=TIMES == 1,  # the same every day; asked for more, others
    suppress_health_check=list(HealthCheck),  # each history empties the tables itself
)
@given(numbers=HISTORIES)
def test_answers_as_moto_does(aws: None, numbers: list[int]) -> None:
    both = Both()
    for number in numbers:
        both.ask(*request_of(number))
    both.compare_tables()
    both.compare_records()
