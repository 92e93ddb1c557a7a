"""The faults while the users pay: ZaloPay sometimes fails, hides payments, and changes its key."""

import asyncio
from collections.abc import Awaitable, Callable

from infra.zalopay_simulator.settings import SANDBOX_KEY2
from tests.proof.load.system import System

Change = Callable[[System, int], Awaitable[None]]

_SHARE = 0.1  # the share of ZaloPay's calls that fail
_NEW_KEY = "another key2, of the second half"


async def fail(system: System, seed: int) -> None:
    """One call in ten fails."""
    await system.fault("flaky", share=_SHARE, seed=seed)


async def calm(system: System, _: int) -> None:
    """ZaloPay answers as documented."""
    await system.fault("flaky", on=False)


async def hide(system: System, _: int) -> None:
    """A paid order still reads "processing"."""
    await system.fault("query_processing")


async def show(system: System, _: int) -> None:
    """A paid order reads paid again."""
    await system.fault("query_processing", on=False)


async def rotate(system: System, _: int) -> None:
    """ZaloPay signs with another key."""
    await system.rotate(SANDBOX_KEY2, _NEW_KEY)


# The times of the changes, as fractions of the time in which users arrive.
FORECAST: tuple[tuple[float, Change], ...] = (
    (0.1, fail),
    (0.2, hide),
    (0.35, show),
    (0.5, calm),
    (0.55, rotate),
    (0.65, fail),
)


async def change(system: System, seconds: float, seed: int) -> None:
    """Apply each change at its time. ZaloPay still fails after the last user has arrived."""
    passed = 0.0
    for moment, happening in FORECAST:
        await asyncio.sleep((moment - passed) * seconds)
        await happening(system, seed)
        passed = moment
