"""A browser's WebSocket, by the events that API Gateway sends for it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from infra.local.events import Client, connect_event, disconnect_event, message_event, selected_route
from infra.topology import WEBSOCKET_ROUTES, WEBSOCKET_SELECTION, WEBSOCKET_STAGE
from tests.integration.described import check_message
from tests.integration.messages import AGENT, HOME, MAI
from tests.integration.outside import Neighbour
from tests.integration.product import Context


class Socket:
    """A browser's WebSocket."""

    def __init__(
        self,
        function: ModuleType,
        neighbour: Neighbour,
        connection_id: str,
        *,
        query: str = "",
        cookie: str | None = None,
        cookies: Sequence[str] = (),
        origin: str | None = "http://localhost:3000",
        address: str = HOME,
        agent: str = AGENT,
    ):
        self.id = connection_id
        self._function = function
        self._neighbour = neighbour
        now = datetime.now(UTC)
        self._client = Client(connection_id, now, address, agent, "localhost:8080", WEBSOCKET_STAGE)
        sent = {"Host": "localhost:8080", "User-Agent": agent, "Cookie": cookie, "Origin": origin}
        headers = tuple((name, value) for name, value in sent.items() if value is not None)
        headers += tuple(("Cookie", each) for each in cookies)
        event = connect_event(self._client, headers, query, request_id="request-2", now=now)
        self.connected: int = self._invoke(event)
        if self.connected == 200:
            neighbour.frames[connection_id] = []

    def _invoke(self, event: dict[str, Any]) -> int:
        return self._function.handler(event, Context())["statusCode"]

    def send(self, frame: Any) -> list[Any]:
        """Send a frame, text as it is and other values as JSON. Returns the frames that came back."""
        body = frame if isinstance(frame, str) else json.dumps(frame)
        route = selected_route(WEBSOCKET_SELECTION, body, WEBSOCKET_ROUTES)
        assert route
        before = len(self.frames)
        event = message_event(self._client, route, body, request_id="request-3", now=datetime.now(UTC))
        assert self._invoke(event) == 200
        return self.frames[before:]

    def subscribe(self, sub: str = MAI, **more: Any) -> list[Any]:
        """SUBSCRIBE as the frontend sends it."""
        channels = ["auction_results", "payment_status", "second_chance_offers", "booking_confirmations"]
        return self.send({"type": "SUBSCRIBE", "userId": sub, "channels": channels, **more})

    def close(self):
        """The browser disconnects."""
        self._neighbour.frames.pop(self.id, None)
        event = disconnect_event(self._client, 1001, "", request_id="request-4", now=datetime.now(UTC))
        assert self._invoke(event) == 200

    def vanish(self):
        """The browser is gone without $disconnect."""
        del self._neighbour.frames[self.id]

    @property
    def ended(self) -> bool:
        """Whether the backend closed the connection."""
        return self.id in self._neighbour.ended

    @property
    def frames(self) -> list[Any]:
        """All that came, each as the published schema describes it."""
        frames = self._neighbour.frames.get(self.id, [])
        for frame in frames:
            check_message(frame)
        return frames

    def of_type(self, kind: str) -> list[Any]:
        """All received frames of one type."""
        return [frame for frame in self.frames if frame["type"] == kind]
