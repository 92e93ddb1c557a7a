"""The event bus: it sends each event, in EventBridge's envelope, to the functions whose rule names its type."""

import asyncio
import logging
import uuid
from collections.abc import Sequence
from typing import Any

from infra.local.asgi import Clock, Invoke
from infra.local.database import REGION
from infra.local.journal import Journal, reason
from infra.topology import Rule

log = logging.getLogger(__name__)

_RETRIES = 2  # Lambda's default for asynchronous invocations


class Undelivered(Exception):
    """A function failed on an event at every try. The event is now a dead letter."""


class Bus:
    """Delivers events by the rules of the topology. Unlike EventBridge, it returns the functions' answers."""

    def __init__(
        self, invoke: Invoke, rules: Sequence[Rule], dead_letters: Journal, clock: Clock, pause: float = 0.2
    ) -> None:
        """Wait `pause` seconds before the first retry of a failed invocation; AWS waits a minute."""
        self._invoke = invoke
        self._rules = rules
        self._dead_letters = dead_letters
        self._clock = clock
        self._pause = pause

    async def put(self, event: dict[str, Any]) -> Any:
        """Return the function's answer, a list of answers if several rules match, or {"matched": False}.

        An event that names its time keeps it, as when a dead letter goes back to the bus. Raises KeyError for an event
        without "detail-type" or "detail". Raises Undelivered when a function fails.
        """
        envelope = self._envelope(event)
        wanted = [rule.function for rule in self._rules if envelope["detail-type"] in rule.detail_types]
        if not wanted:
            return {"matched": False}
        answers = [await self._deliver(function, envelope) for function in wanted]
        return answers[0] if len(answers) == 1 else answers

    async def _deliver(self, function: str, envelope: dict[str, Any]) -> Any:
        for attempt in range(_RETRIES + 1):
            try:
                return await self._invoke(function, envelope)
            # The outermost edge: any failure of a function becomes a retry.
            except Exception as error:  # noqa: BLE001
                why = reason(error)
                log.warning("%s failed on %s: %s", function, envelope["detail-type"], why.partition("\n")[0])
                await asyncio.sleep(self._pause * (attempt + 1))
        self._dead_letters.add({"function": function, "error": why, "event": envelope})
        raise Undelivered(f"{function}: {why}")

    def _envelope(self, event: dict[str, Any]) -> dict[str, Any]:
        return {
            "version": "0",
            "id": event.get("id") or str(uuid.uuid4()),
            "detail-type": event["detail-type"],
            "source": event.get("source", "auctions"),
            "account": "000000000000",
            "time": event.get("time") or self._clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": [],
            "detail": event["detail"],
        }
