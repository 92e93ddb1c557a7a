"""The legacy backend, for the one call that both backends serve: passed on, for as long as the browser would wait."""

import json
import time
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

if TYPE_CHECKING:
    import httpx

DEADLINE = 5.0  # seconds for the whole call, from connecting to the last byte of the answer
LARGEST_ANSWER = 1_000_000  # bytes
_NOBODY_THERE = frozenset({502, 503, 504})  # a proxy's answers for a backend that does not answer


class Answer(NamedTuple):
    """The legacy backend's answer: always a JSON object."""

    status: int
    content: dict[str, Any]


@cache
def legacy(address: str) -> "Legacy":
    """The one client of a function, made when it is first needed, so that a start does not load httpx."""
    return Legacy(address)


class Legacy:
    """The legacy backend. `address` replaces our own prefix. The client follows no redirect and keeps no cookie."""

    def __init__(self, address: str, deadline: float = DEADLINE) -> None:
        """`deadline` in seconds."""
        import httpx  # noqa: PLC0415  # only where there is a legacy backend

        self._httpx = httpx
        self._url = httpx.URL(address)
        self._deadline = deadline
        # Keep no connection open: the legacy backend may close an idle one just when the next call uses it.
        self._transport = httpx.HTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))

    def post(self, target: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """Send one POST. None if no answer comes in time, or one that is not a JSON object.

        `target` is path and query behind the address. The call runs in a thread: a backend that sends single bytes
        would outlast every time-out of httpx.
        """
        heard: SimpleQueue[Answer | None] = SimpleQueue()
        request = self._httpx.Request(
            "POST",
            self._url,
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            content=body,
            extensions={
                "target": self._url.raw_path.rstrip(b"/") + target.encode(),
                "timeout": self._httpx.Timeout(self._deadline).as_dict(),
            },
        )
        Thread(target=lambda: heard.put(self._exchange(request)), daemon=True).start()
        try:
            return heard.get(timeout=self._deadline)
        except Empty:
            return None

    def _exchange(self, request: "httpx.Request") -> Answer | None:
        end = time.monotonic() + self._deadline
        body = bytearray()
        try:
            with closing(self._transport.handle_request(request)) as response:
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > LARGEST_ANSWER or time.monotonic() > end:
                        return None
        except self._httpx.HTTPError:
            return None
        return read_answer(response.status_code, bytes(body))


def read_answer(status: int, body: bytes) -> Answer | None:
    """The answer; None for a proxy's error, and for a body that is not a JSON object."""
    try:
        content = json.loads(body, parse_constant=_refuse_number)
    except (ValueError, RecursionError):
        return None
    answered = isinstance(content, dict) and status in range(200, 600) and status not in _NOBODY_THERE
    return Answer(status, content) if answered else None


def _refuse_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
