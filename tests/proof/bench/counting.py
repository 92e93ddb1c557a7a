"""A proxy in front of DynamoDB that counts the calls of each function in the traffic."""

import asyncio
import re
import threading
from collections import Counter
from urllib.parse import urlsplit

# Each request of botocore names its operation and (from AWS_SDK_UA_APP_ID) the function.
_CALL = re.compile(rb"x-amz-target: DynamoDB_20120810\.(\w+)", re.IGNORECASE)
_CALLER = re.compile(rb"user-agent: [^\r\n]*\bapp/(\w+)", re.IGNORECASE)
_CHUNK = 65_536


class CountingProxy:
    """Forwards bytes unchanged, in its own thread; `calls` counts (function, operation)."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.target = ("127.0.0.1", 0)
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def forward_to(self, url: str) -> None:
        """Set the address of the database. Before that no call gets through."""
        parts = urlsplit(url)
        self.target = (str(parts.hostname), int(parts.port or 80))

    def of(self, function: str) -> Counter[str]:
        """Return how often a function has called each operation so far."""
        seen = list(self.calls.items())
        return Counter({operation: count for (caller, operation), count in seen if caller == function})

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(*self.target)
        await asyncio.gather(
            self._pump(reader, upstream_writer, counted=True),
            self._pump(upstream_reader, writer, counted=False),
        )

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, counted: bool) -> None:
        try:
            while chunk := await source.read(_CHUNK):
                if counted:
                    self._count(chunk)
                sink.write(chunk)
                await sink.drain()
        except ConnectionError:
            pass
        finally:
            sink.close()

    def _count(self, chunk: bytes) -> None:
        """A request's head is sent in one piece, so one chunk contains all of it."""
        call = _CALL.search(chunk)
        if call:
            caller = _CALLER.search(chunk)
            self.calls[caller[1].decode() if caller else "?", call[1].decode()] += 1
