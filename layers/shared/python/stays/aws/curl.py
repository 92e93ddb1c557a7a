"""Requests to AWS over libcurl: signed (SigV4) and sent by it, over connections that are kept."""

import os
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from heapq import heappop, heappush
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, TypeVar

import pycurl

# Amazon's own roots only: to load the roots of the whole world takes 5 ms of CPU time for each connection.
ROOTS = str(Path(__file__).with_name("amazon_roots.pem"))
AGENT = f"stays app/{os.environ.get('AWS_SDK_UA_APP_ID', '-')}"
LONGEST_WAIT = 0.1  # seconds for sockets; then libcurl looks at its own timers


class NoAnswer(Exception):
    """No answer came in time. AWS may have received the request, or not."""


class Credentials(NamedTuple):
    """What signs requests. Credentials of limited lifetime, as Lambda's are, have a token."""

    key_id: str
    secret: str
    token: str | None = None


class Request(NamedTuple):
    """One attempt. Headers are whole lines. `connecting` and `whole` are the seconds that it may take."""

    method: str
    url: str
    headers: Sequence[str]
    body: bytes
    connecting: float
    whole: float


class Answer(NamedTuple):
    """An answer as it came."""

    status: int
    headers: bytes
    body: bytes


Result = TypeVar("Result")
# A piece of work: it yields a request and is sent what came of it, or yields the seconds of a pause and is sent None.
Heard = Answer | NoAnswer | None
Work = Generator[Request | float, Heard, Result]


class Curl:
    """Sends the requests to one service. A connection that was closed, also while the process was frozen, is replaced.

    `run` may be called by several threads, `run_all` by one at a time.
    """

    def __init__(self, service: str, region: str, credentials: Credentials) -> None:
        self._signature = f"aws:amz:{region}:{service}"
        self._credentials = credentials
        self._free: deque[pycurl.Curl] = deque()
        self._multi = pycurl.CurlMulti()  # it keeps the connections of its handles, and the roots
        self._free_of_multi: list[pycurl.Curl] = []

    def run(self, work: Work[Result]) -> Result:
        """Do the work, and return or raise as it does."""
        heard: Heard = None
        while True:
            try:
                step = work.send(heard)
            except StopIteration as end:
                result: Result = end.value
                return result
            heard = None
            if isinstance(step, float):
                time.sleep(step)
            else:
                heard = self.send(step)

    def run_all(self, works: Sequence[Work[Result]], at_once: int) -> list[Result]:
        """Do all works, with at most `at_once` requests open. Returns their results in order. No work may raise."""
        results: dict[int, Result] = {}
        ready: deque[tuple[int, Heard]] = deque((number, None) for number in range(len(works)))
        asleep: list[tuple[float, int]] = []
        sent: dict[pycurl.Curl, tuple[int, _Receiving]] = {}
        while len(results) < len(works):
            while asleep and asleep[0][0] <= time.monotonic():
                ready.append((heappop(asleep)[1], None))
            while ready and len(sent) < at_once:
                number, heard = ready.popleft()
                try:
                    step = works[number].send(heard)
                except StopIteration as end:
                    results[number] = end.value
                    continue
                if isinstance(step, float):
                    heappush(asleep, (time.monotonic() + step, number))
                    continue
                handle = self._free_of_multi.pop() if self._free_of_multi else self._new_handle()
                sent[handle] = number, _Receiving(handle, step)
                self._multi.add_handle(handle)
            pause = asleep[0][0] - time.monotonic() if asleep else LONGEST_WAIT * bool(sent)
            for handle, failed in self._wait(bool(sent), max(0.0, pause)):
                self._multi.remove_handle(handle)
                self._free_of_multi.append(handle)
                number, receiving = sent.pop(handle)
                ready.append((number, receiving.result(failed)))
        return [results[number] for number in range(len(works))]

    def send(self, request: Request) -> Answer | NoAnswer:
        """Send one request once. Returns the answer, or NoAnswer."""
        try:
            handle = self._free.pop()
        except IndexError:
            handle = self._new_handle()
        receiving, failed = _Receiving(handle, request), 0
        try:
            handle.perform()
        except pycurl.error as error:
            failed = int(error.args[0])
        answer = receiving.result(failed)
        self._free.append(handle)  # last, because another thread may take it at once
        return answer

    def _wait(self, sending: bool, seconds: float) -> Iterator[tuple[pycurl.Curl, int]]:
        """Let libcurl work for at most `seconds`. Yields the handles that have ended, with their errors (0: none)."""
        if not sending:
            time.sleep(seconds)
            return
        self._multi.perform()
        _, ended, failed = self._multi.info_read()
        if not ended and not failed:
            idle = self._multi.select(min(seconds, LONGEST_WAIT)) < 0
            time.sleep(0.001 if idle else 0)  # there is nothing to wait for yet, as while a name is looked up
        yield from ((handle, 0) for handle in ended)
        yield from ((handle, number) for handle, number, _ in failed)

    def _new_handle(self) -> pycurl.Curl:
        handle = pycurl.Curl()
        key_id, secret, _ = self._credentials
        for option, value in (
            (pycurl.AWS_SIGV4, self._signature),
            (pycurl.USERPWD, f"{key_id}:{secret}"),
            (pycurl.USERAGENT, AGENT),
            (pycurl.CAINFO, os.environ.get("AWS_CA_BUNDLE", ROOTS)),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.NOSIGNAL, 1),  # signals are for the main thread only
            (pycurl.TCP_KEEPALIVE, 1),
        ):
            handle.setopt(option, value)
        return handle


class _Receiving:
    """A handle's answer while it comes."""

    def __init__(self, handle: pycurl.Curl, request: Request) -> None:
        self._handle = handle
        self._headers, self._body = BytesIO(), BytesIO()
        for option, value in (
            (pycurl.CUSTOMREQUEST, request.method),
            (pycurl.URL, request.url),
            (pycurl.HTTPHEADER, request.headers),
            (pycurl.POSTFIELDS, request.body),
            (pycurl.CONNECTTIMEOUT_MS, _milliseconds(request.connecting)),
            (pycurl.TIMEOUT_MS, _milliseconds(request.whole)),
            (pycurl.HEADERFUNCTION, self._headers.write),
            (pycurl.WRITEFUNCTION, self._body.write),
        ):
            handle.setopt(option, value)

    def result(self, failed: int) -> Answer | NoAnswer:
        """The answer; `failed` is libcurl's error, or 0."""
        if failed:
            return NoAnswer(f"libcurl {failed}")  # its text may name addresses
        status = self._handle.getinfo(pycurl.RESPONSE_CODE)
        return Answer(status, self._headers.getvalue(), self._body.getvalue())


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))  # 0 would mean: without an end
