"""The bare limit of posts: the same bytes over kept connections, without signature, items or retries."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

_REQUEST = b"POST /stage/@connections/bare HTTP/1.1\r\nHost: bare\r\nContent-Length: 15\r\n\r\n" + b'{"type":"PONG"}'


async def post_all(url: str, count: int, at_once: int) -> None:
    """Post so many times, over so many connections."""
    left = iter(range(count))

    async def work() -> None:
        reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
        for _ in left:
            writer.write(_REQUEST)
            await reader.readuntil(b"\r\n\r\n")
        writer.close()

    await asyncio.gather(*(work() for _ in range(at_once)))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Post as the event says."""
    asyncio.run(post_all(event["url"], event["count"], event["atOnce"]))
    return {"statusCode": 200}
