"""Measures messages to many connections: the time of a post is the server's, 20 ms, so that the client's part shows.

The peer sends one post after the other over a kept connection, as AWS's sample of a chat does.
"""

import asyncio
import os
import threading
import time
from collections.abc import Sequence

from stays.aws.client import Management
from stays.edge.connections import AT_ONCE

_SECONDS = 0.02
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def fan_out(connections: int = 1000, sequential: int = 50) -> str:
    """Return the table: messages a second, and the ratio to the peer."""
    os.environ.update(AWS_DEFAULT_REGION="ap-southeast-1", AWS_ACCESS_KEY_ID="-", AWS_SECRET_ACCESS_KEY="-")
    management, frame = Management(_serve()), b'{"type":"PONG"}'
    queues = [(f"connection-{number}=", [frame]) for number in range(connections)]
    management.post_all(queues[:100], AT_ONCE)  # the connections to the server
    lines = [
        "\nMessages to many connections, each post takes 20 ms\n",
        "| posts at once | messages a second | ÷ peer |",
    ]
    lines.append("|---|---|---|")
    peer = _rate(management, queues[:sequential], 1)
    lines.append(f"| 1 (peer) | {peer:.0f} | 1 |")
    for at_once in (16, AT_ONCE):
        rate = _rate(management, queues, at_once)
        lines.append(f"| {at_once} | {rate:.0f} | {rate / peer:.0f} |")
    return "\n".join(lines)


def _rate(management: Management, queues: Sequence[tuple[str, Sequence[bytes]]], at_once: int) -> float:
    started = time.perf_counter()
    management.post_all(queues, at_once)
    return len(queues) / (time.perf_counter() - started)


def _serve() -> str:
    """Start a server in a thread, and return its address."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(_answer, "127.0.0.1", 0))
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.split(b":")[1]))
            await asyncio.sleep(_SECONDS)
            writer.write(_ANSWER)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
