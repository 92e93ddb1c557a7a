"""Every I/O of every journey breaks once, in one of the five ways; `make prove` breaks each in all of them."""

import pytest

from tests.proof.simulation.gate import FIVE
from tests.proof.simulation.invariants import Invariants, Violated
from tests.proof.simulation.journeys import JOURNEYS, paid
from tests.proof.simulation.service_failures import GONE, without
from tests.proof.simulation.sweep import Figures, attempt, pairs, run
from tests.proof.simulation.system import System


@pytest.mark.parametrize("journey", JOURNEYS)
def test_every_journey_ends_well_whatever_breaks_in_it(system: System, journey: str) -> None:
    figures = Figures()
    points = attempt(system, journey, {}, figures)
    for point in range(1, points + 1):
        attempt(system, journey, {point: FIVE[point % len(FIVE)]}, figures)
    assert figures.runs == points + 1
    assert not figures.violations


@pytest.mark.parametrize("part", GONE)
def test_journeys_end_well_while_a_part_is_gone(system: System, part: str) -> None:
    """Each journey runs without one service; `make prove` runs each journey without each service."""
    mine = list(JOURNEYS)[list(GONE).index(part) :: len(GONE)]
    assert not without(system, part, mine).violations


def test_two_faults_in_one_run(system: System) -> None:
    figures = pairs(system, ("paid", "paid_too_late"), seed=1, count=200)
    assert not figures.violations


def test_a_run_is_the_same_every_time(system: System) -> None:
    first = run(system, "cancelled", {3: FIVE[1]})
    told = system.database.items()
    assert run(system, "cancelled", {3: FIVE[1]}) == first
    assert len(system.database.items()) == len(told)


def test_the_net_is_awake(system: System) -> None:
    """The final checks really run: they notice a forgotten night."""
    system.reset({})
    promises = Invariants(system)
    paid(system)
    system.drain()
    key = {"PK": {"S": "PROPERTY#777"}, "SK": {"S": "NIGHT#2027-03-20"}}
    system.database.delete_item(TableName="stays", Key=key)
    with pytest.raises(Violated, match="I1"):
        promises.at_rest()
