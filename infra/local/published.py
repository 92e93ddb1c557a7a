"""The events that the functions publish: receives them as EventBridge, passes them to the bus, and shows them."""

import json
import logging
import uuid
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.local.bus import Bus, Undelivered
from infra.local.journal import Journal, Told, ignore

log = logging.getLogger(__name__)

_SHOWN = 1000  # the newest events


class Published:
    """The published events, newest last. `routes` are EventBridge's `PutEvents` and the list for the developer."""

    def __init__(self, bus: Bus, path: Path | None = None, told: Told = ignore) -> None:
        """Keep the events in `path`, if given. `told` hears of every event."""
        self._bus = bus
        self._events = Journal(path, told=told)
        self.routes = [
            Route("/dev/eventbridge", self._put, methods=["POST"]),
            Route("/dev/events", self._list, methods=["GET"]),
            Route("/dev/events", self._empty, methods=["DELETE"]),
        ]

    async def _put(self, request: Request) -> Response:
        """Answer as `events.put_events` expects (AWS, EventBridge API, PutEvents)."""
        results = [await self._take(entry) for entry in (await request.json())["Entries"]]
        answer = {"FailedEntryCount": sum("ErrorCode" in each for each in results), "Entries": results}
        return JSONResponse(answer, media_type="application/x-amz-json-1.1")

    async def _take(self, entry: dict[str, Any]) -> dict[str, str]:
        try:
            detail = json.loads(entry["Detail"])
        except ValueError:
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        event = {"detail-type": entry["DetailType"], "source": entry["Source"], "detail": detail}
        event["id"] = str(uuid.uuid4())
        self._events.add(event)
        try:
            await self._bus.put(event)
        except Undelivered as error:
            log.warning("%s became a dead letter: %s", entry["DetailType"], error)
        return {"EventId": event["id"]}

    async def _list(self, _: Request) -> Response:
        return JSONResponse(self._events.entries[-_SHOWN:])

    async def _empty(self, _: Request) -> Response:
        self._events.clear()
        return JSONResponse({})
