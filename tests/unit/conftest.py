"""The merchant for the tests of the simulator."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.shop import Shop


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    shop = Shop()
    yield shop
    await shop.http.aclose()
