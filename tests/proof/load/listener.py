"""One socket of a user: it subscribes, records every frame, disconnects and comes back."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from tests.proof.load.plan import Plan, Proof

Frame = dict[str, Any]

_FRONTEND = "http://localhost:3000"
_PAUSE = 0.3  # seconds before it comes back
_PATIENCE = 30.0  # seconds


@dataclass
class Line:
    """One connection: its frames, and its beginning by the system's clock."""

    frames: list[Frame] = field(default_factory=list)
    subscribed_at: datetime | None = None
    is_open: bool = True


class Listener:
    """A page with a socket. `lines` are its connections, one after the other."""

    def __init__(self, websocket: str, plan: Plan, token: str, proof: Proof, now: Callable[[], datetime]) -> None:
        self._now = now
        self.lines: list[Line] = []
        self.troubles: list[str] = []
        said = {"type": "SUBSCRIBE", "userId": plan.user_id}
        self._subscription = json.dumps(said | ({"token": token} if proof is Proof.FRAME else {}))
        self._url = f"{websocket}/payment-notifications{f'?token={token}' if proof is Proof.ADDRESS else ''}"
        self._agent = plan.name
        self._drops = list(plan.drops)
        self._task = asyncio.create_task(self._run())

    async def ready(self) -> None:
        """Wait, up to a limit, for a confirmed subscription on a connection that will not drop."""
        until = time.monotonic() + _PATIENCE
        while (self._drops or not self._listens()) and time.monotonic() < until:
            await asyncio.sleep(0.05)  # no event tells that a connection will last

    def _listens(self) -> bool:
        return bool(self.lines and self.lines[-1].is_open and self.lines[-1].subscribed_at)

    async def close(self) -> None:
        """Close the socket."""
        self._task.cancel()
        await asyncio.wait({self._task})
        if not self._task.cancelled() and (error := self._task.exception()):
            self.troubles.append(f"{type(error).__name__}: {error}")

    async def _run(self) -> None:
        while True:
            try:
                async with self._connect() as connection:
                    await self._listen(connection)
            except (InvalidStatus, OSError) as refusal:
                self.troubles.append(f"connection refused: {refusal}")
            await asyncio.sleep(_PAUSE)

    def _connect(self) -> connect:
        return connect(self._url, user_agent_header=self._agent, origin=Origin(_FRONTEND), proxy=None)

    async def _listen(self, connection: ClientConnection) -> None:
        line = Line()
        self.lines.append(line)
        drop = self._drops[0] if self._drops else None
        try:
            async with asyncio.timeout(drop):
                await connection.send(self._subscription)
                async for text in connection:
                    self._take(line, json.loads(text))
        except TimeoutError:
            connection.transport.abort()
            self._drops.pop(0)
            return
        except ConnectionClosed:
            pass
        finally:
            line.is_open = False
        self.troubles.append(f"connection closed: {connection.close_code}")

    def _take(self, line: Line, frame: Frame) -> None:
        line.frames.append(frame)
        if frame.get("type") == "SUBSCRIBED":
            line.subscribed_at = self._now()
