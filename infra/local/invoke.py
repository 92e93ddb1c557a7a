"""Lambda on one machine: each function has its own worker processes, and each process runs one invocation at a time."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.local.clock import FunctionClock
from infra.local.runtime_api import FunctionError, FunctionTimeout
from infra.local.sources import Sources
from infra.local.worker import Log, Worker
from infra.topology import Function

__all__ = ["FunctionError", "FunctionTimeout", "Log", "Workers"]


def _to_log(function: str, line: str) -> None:
    logging.getLogger(f"functions.{function}").info(line)


def _unheard(_function: str, _event: Mapping[str, Any], _cold: bool) -> None:
    """Do nothing with the start of an invocation."""


class Workers:
    """Runs the functions of the topology. Use it from one event loop; `stop` leaves no process behind."""

    def __init__(
        self,
        *,
        functions: Path,  # folder of <name>.py
        layer: Path,  # layers/shared/python
        topology_functions: Mapping[str, Function],
        clock: FunctionClock,
        environment: Mapping[str, Mapping[str, str]],  # function -> all its variables, AWS_* and LOG_LEVEL included
        limit: int = 8,  # workers per function
        idle: float = 300,  # seconds until an unused worker is stopped
        log: Log = _to_log,
        began: Callable[[str, Mapping[str, Any], bool], None] = _unheard,  # (function, event, cold start)
    ) -> None:
        self._folders = (functions, layer)
        self._topology = topology_functions
        self._environment = environment
        self._idle = idle
        self._log = log
        self._began = began
        self._sources = Sources(functions, layer)
        self._slots = {name: asyncio.Semaphore(limit) for name in topology_functions}
        self._free: dict[str, list[Worker]] = {name: [] for name in topology_functions}
        self._all: set[Worker] = set()
        self._clock = clock
        self._stopping: set[asyncio.Task[None]] = set()
        self._reaper: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[Any]] = set()
        self._ended = False

    async def start(self) -> None:
        """Start to stop idle workers from time to time. An invocation starts a worker if none is free."""
        self._reaper = asyncio.create_task(self._stop_idle())

    async def stop(self) -> None:
        """Kill all workers and wait for their end. An invocation that still runs fails."""
        self._ended = True
        if self._reaper:
            self._reaper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reaper
        for worker in list(self._all):
            self._discard(worker)
        await asyncio.gather(*self._running, return_exceptions=True)
        await asyncio.gather(*self._stopping)

    async def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Pass JSON in and return JSON. Wait for a free worker, or start one. Raises FunctionError.

        As in Lambda, the function runs on after the caller gives up.
        """
        running = asyncio.create_task(self._invoke(function, event))
        self._running.add(running)
        running.add_done_callback(self._finished)
        return await asyncio.shield(running)

    async def move_clock(self, offset: float) -> None:
        """Move the functions' clocks `offset` seconds ahead. Return when every invocation that began before has ended.

        Workers keep running and see the time pass, as in Lambda. If the time goes back, the workers end, because they
        remember times that are in the future then.
        """
        back = offset < self._clock.offset
        self._clock.move(offset)
        if back:
            await self.retire()
        else:
            await asyncio.gather(*self._running, return_exceptions=True)

    async def retire(self) -> None:
        """Let every worker finish, so that new ones replace them. Return when the last old worker is gone."""
        old = list(self._all)
        for worker in old:
            worker.stale = True
        for worker in [worker for workers in self._free.values() for worker in workers]:
            self._discard(worker)
        await asyncio.gather(*(worker.gone.wait() for worker in old))

    async def _invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        try:
            async with self._slots[function]:
                worker, cold = await self._take(function)
                self._began(function, event, cold)
                try:
                    return await worker.invoke(event)
                finally:
                    self._give_back(worker)
        except FunctionError as error:
            self._log(function, f"[FAILED] {error.type}: {error.message}")
            raise

    def _finished(self, running: asyncio.Task[Any]) -> None:
        self._running.discard(running)
        if not running.cancelled():
            running.exception()  # mark the error as seen: it is in the log, and the caller may be gone

    async def _take(self, function: str) -> tuple[Worker, bool]:
        """Return a worker, and whether it was started for this invocation."""
        if self._ended:
            raise FunctionError("Runtime.Stopped", "the workers are stopping")
        fingerprint = self._sources.fingerprint()
        while self._free[function]:
            worker = self._free[function].pop()
            if worker.alive and worker.fingerprint == fingerprint:
                return worker, False
            self._discard(worker)
        return await self._start_worker(function, fingerprint), True

    async def _start_worker(self, function: str, fingerprint: int) -> Worker:
        worker = Worker(
            function,
            self._topology[function],
            self._folders,
            self._environment.get(function, {}),
            fingerprint,
            self._clock,
            self._log,
        )
        self._all.add(worker)
        try:
            await worker.start()
        except BaseException:
            self._discard(worker)
            raise
        return worker

    def _give_back(self, worker: Worker) -> None:
        if worker.stale or worker.busy or not worker.alive:
            self._discard(worker)
        else:
            worker.idle_since = asyncio.get_running_loop().time()
            self._free[worker.name].append(worker)

    def _discard(self, worker: Worker) -> None:
        if worker in self._free[worker.name]:
            self._free[worker.name].remove(worker)
        if worker in self._all:
            self._all.remove(worker)
            task = asyncio.create_task(worker.stop())
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)

    async def _stop_idle(self) -> None:
        while True:
            await asyncio.sleep(self._idle / 4)
            oldest = asyncio.get_running_loop().time() - self._idle
            for worker in [worker for workers in self._free.values() for worker in workers]:
                if worker.idle_since < oldest or not worker.alive:
                    self._discard(worker)
