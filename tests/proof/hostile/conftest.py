"""One backend under attack for all tests of a file."""

from collections.abc import Iterator

import pytest

from tests.proof.hostile.attacked import Backend
from tests.proof.simulation.system import simulation


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with simulation() as system:
        yield Backend(system)
