"""Random histories: the same ones at every push; `make prove` draws new ones."""

from tests.proof.simulation.histories import histories
from tests.proof.simulation.system import System

COUNT = 300


def test_random_histories_keep_every_promise(system: System) -> None:
    histories(system, COUNT, None)
