"""One backend under attack for all tests of a file."""

from collections.abc import Iterator

import pytest

from tests.proof.hostile.attacked import Ground
from tests.proof.simulation.system import simulation


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with simulation() as system:
        yield Ground(system)
