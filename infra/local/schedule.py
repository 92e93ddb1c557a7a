"""The clock that starts functions: at a fixed interval, and at once on request."""

import asyncio
import logging
import uuid
from collections.abc import Sequence
from typing import Any

from infra.local.asgi import Clock, Invoke
from infra.local.database import REGION
from infra.local.journal import reason
from infra.topology import Schedule

log = logging.getLogger(__name__)


class Timer:
    """Runs the schedules of the topology. The clock never starts a schedule twice at the same time."""

    def __init__(self, invoke: Invoke, schedules: Sequence[Schedule], clock: Clock) -> None:
        self._invoke = invoke
        self._schedules = schedules
        self._clock = clock
        self._under_way: set[asyncio.Future[Any]] = set()

    async def run(self) -> None:
        """Start the functions until cancelled."""
        await asyncio.gather(*(self._repeat(schedule) for schedule in self._schedules))

    async def fire(self) -> dict[str, Any]:
        """Call every scheduled function now and return the answers by function. Raises what a function raises."""
        return {each.function: await self._call(each) for each in self._schedules}

    async def wait_until_idle(self) -> None:
        """Wait until no call runs, so that no call begins at one time and ends at another."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _repeat(self, schedule: Schedule) -> None:
        while True:
            await asyncio.sleep(schedule.every)
            try:
                await self._call(schedule)
            # The outermost edge: after any failure of a function the next round tries again.
            except Exception as error:  # noqa: BLE001
                log.warning("%s failed: %s", schedule.function, reason(error).partition("\n")[0])

    async def _call(self, schedule: Schedule) -> Any:
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": "000000000000",
            "time": self._clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": [f"arn:aws:scheduler:{REGION}:000000000000:schedule/{schedule.function}"],
            "detail": {},
        }
        call = asyncio.ensure_future(self._invoke(schedule.function, event))
        self._under_way.add(call)
        call.add_done_callback(self._under_way.discard)
        return await call
