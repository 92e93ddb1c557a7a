"""One system for all tests of a file; each run begins with an empty system."""

from collections.abc import Iterator

import pytest

from tests.proof.simulation.system import System, simulation


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with simulation() as running:
        yield running
