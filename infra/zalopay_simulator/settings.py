"""The settings of a simulator."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

SANDBOX_APP_ID = 2553
# ZaloPay publishes both keys in its documentation for trials, so they protect nothing.
SANDBOX_KEY1 = "PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL"
SANDBOX_KEY2 = "kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz"


async def _unchanged(url: str) -> str:
    return url


@dataclass(frozen=True)
class Settings:
    """One merchant's app at ZaloPay, and the waiting times of this ZaloPay. Times are in seconds."""

    app_id: int = SANDBOX_APP_ID
    key1: str = field(default=SANDBOX_KEY1, repr=False)
    key2: str = field(default=SANDBOX_KEY2, repr=False)
    base_url: str = "http://localhost:8001"
    callback_url: str | None = None  # registered for the app: used by orders without one
    redirect_url: str | None = None  # the same
    ledger: Path | None = None  # None: the orders last as long as the process
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    client: httpx.AsyncClient | None = None  # the client that sends callbacks
    onward: Callable[[str], Awaitable[str]] = _unchanged  # where the pay page leads, given the shop's address
    callback_spacing: float = 2.0
    callback_timeout: float = 10.0
    callback_after_redirect: float = 1.0
    refund_seconds: float = 5.0
