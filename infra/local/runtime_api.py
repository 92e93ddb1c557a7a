"""Lambda's Runtime API on loopback, one per worker: the worker asks for its next invocation and posts the result."""

import asyncio
import json
import socket
from collections.abc import Mapping
from typing import Any, NamedTuple

VERSION = "/2018-06-01/runtime"
RESPONSE_LIMIT = 6 * 1024 * 1024  # bytes that a function may return
_HEAD_LIMIT = 2 * 1024 * 1024  # the runtime client puts a stack trace of up to 1 MB into a header
Reply = tuple[int, Mapping[str, str], bytes]
_ACCEPTED: Reply = (202, {}, b'{"status":"OK"}')


class FunctionError(Exception):
    """The handler raised, its module could not be imported, or its process died."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(kind, message)
        self.type = kind
        self.message = message


class FunctionTimeout(FunctionError):
    """The handler ran out of time and was killed."""


class Invocation(NamedTuple):
    """One event for a worker; `answer` gets the handler's return value or a FunctionError."""

    id: str
    headers: Mapping[str, str]
    event: bytes
    answer: asyncio.Future[Any]


class RuntimeApi:
    """The API that one worker calls.

    Each worker has its own port, because the client sends no name. The port tells which worker calls `next`.
    """

    def __init__(self) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting: asyncio.Queue[Invocation] = asyncio.Queue()
        self._running: Invocation | None = None
        self._conversations: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> str:
        """Listen, and return the address for AWS_LAMBDA_RUNTIME_API."""
        self._server = await asyncio.start_server(self._converse, "127.0.0.1", 0, limit=_HEAD_LIMIT)
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def close(self) -> None:
        """Stop listening and hang up."""
        for conversation in self._conversations:
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    def submit(self, invocation: Invocation) -> None:
        """Give an invocation to the worker, at once or when it asks."""
        self._running = invocation
        self._waiting.put_nowait(invocation)

    def fail(self, error: FunctionError) -> None:
        """Report to all waiting callers that the worker will not answer."""
        for awaited in (self.ready, self._running and self._running.answer):
            if awaited and not awaited.done():
                awaited.set_exception(error)
                awaited.exception()  # mark the error as seen: the caller may be gone

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._conversations.add(task)
        try:
            while True:
                writer.write(_spelled(await self._reply(*await _read(reader, writer))))
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            pass  # the worker is gone, or is about to be
        finally:
            self._conversations.discard(task)
            writer.close()

    async def _reply(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if (method, path) == ("GET", f"{VERSION}/invocation/next"):
            return await self._next()
        if (method, path) == ("POST", f"{VERSION}/init/error"):
            self.fail(_reported(headers, body))
            return _ACCEPTED
        running = self._running
        if running and method == "POST" and path == f"{VERSION}/invocation/{running.id}/response":
            return self._responded(running, body)
        if running and method == "POST" and path == f"{VERSION}/invocation/{running.id}/error":
            self.fail(_reported(headers, body))
            return _ACCEPTED
        return 400, {}, b'{"errorType":"InvalidRequestID","errorMessage":"no such invocation"}'

    async def _next(self) -> Reply:
        if not self.ready.done():
            self.ready.set_result(None)
        invocation = await self._waiting.get()
        return 200, invocation.headers, invocation.event

    def _responded(self, running: Invocation, body: bytes) -> Reply:
        if len(body) > RESPONSE_LIMIT:
            self.fail(FunctionError("Function.ResponseSizeTooLarge", f"the response has {len(body)} bytes"))
            return 413, {}, b'{"errorType":"RequestEntityTooLarge","errorMessage":"more than 6 MB"}'
        if not running.answer.done():
            running.answer.set_result(json.loads(body or b"null"))
        return _ACCEPTED


async def _read(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[str, str, Mapping[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    request, *lines = head.rstrip().split("\r\n")
    method, path, _ = request.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    _acknowledge_at_once(writer)
    return method, path, headers, await reader.readexactly(int(headers.get("content-length", 0)))


def _acknowledge_at_once(writer: asyncio.StreamWriter) -> None:
    # The runtime client sends head and body separately. It waits until the kernel acknowledges the head, which by
    # default takes 40 ms. The kernel resets this option, so it is set for each request.
    quick = getattr(socket, "TCP_QUICKACK", None)
    if quick is not None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, quick, 1)


def _spelled(reply: Reply) -> bytes:
    status, headers, body = reply
    lines = [
        f"HTTP/1.1 {status} -",
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join((*lines, "", "")).encode() + body


def _reported(headers: Mapping[str, str], body: bytes) -> FunctionError:
    try:
        report = json.loads(body)
        return FunctionError(report["errorType"], report["errorMessage"])
    except (ValueError, LookupError, TypeError):
        return FunctionError(headers.get("lambda-runtime-function-error-type", "Runtime.Unknown"), "")
