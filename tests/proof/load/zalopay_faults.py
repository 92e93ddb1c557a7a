"""What goes wrong while the travellers pay: ZaloPay fails now and then, hides payments, changes its key."""

import asyncio
from collections.abc import Awaitable, Callable

from infra.zalopay_simulator.settings import SANDBOX_KEY2
from tests.proof.load.system import System

Change = Callable[[System, int], Awaitable[None]]

_SHARE = 0.1  # of ZaloPay's calls that fail
_NEW_KEY = "another key2, of the second half"


async def fail(system: System, seed: int) -> None:
    """One call in ten fails."""
    await system.fault("flaky", share=_SHARE, seed=seed)


async def calm(system: System, _: int) -> None:
    """ZaloPay answers as documented."""
    await system.fault("flaky", on=False)


async def hide(system: System, _: int) -> None:
    """What is paid still reads "processing"."""
    await system.fault("query_processing")


async def show(system: System, _: int) -> None:
    """What is paid reads so."""
    await system.fault("query_processing", on=False)


async def rotate(system: System, _: int) -> None:
    """ZaloPay signs with another key."""
    await system.rotate(SANDBOX_KEY2, _NEW_KEY)


# When, as a part of the time in which travellers come.
FORECAST: tuple[tuple[float, Change], ...] = (
    (0.1, fail),
    (0.2, hide),
    (0.35, show),
    (0.5, calm),
    (0.55, rotate),
    (0.65, fail),
)


async def change(system: System, seconds: float, seed: int) -> None:
    """Let it happen; ZaloPay fails on after the last traveller has come."""
    passed = 0.0
    for moment, happening in FORECAST:
        await asyncio.sleep((moment - passed) * seconds)
        await happening(system, seed)
        passed = moment
