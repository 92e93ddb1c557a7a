"""The running system: starts everything that `make run` needs, in order, and stops it in the opposite order."""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from infra import zalopay_simulator
from infra.local.asgi import Authorize
from infra.local.bus import Bus, Undelivered
from infra.local.clock import FunctionClock, MovedClock
from infra.local.console import Parts as Shown
from infra.local.console import console_app
from infra.local.console.app import PATHS
from infra.local.console.desk import Desk
from infra.local.cors import Cors
from infra.local.database import Database, EngineError
from infra.local.dev import Parts, dev_app
from infra.local.environment import Addresses, environments, issuer_url
from infra.local.event_source import EventSource
from infra.local.http_api import http_api
from infra.local.identity import Authorizer, FetchedKeys, Issuer, own_keys
from infra.local.invoke import Log, Workers
from infra.local.journal import Journal, Told, ignore
from infra.local.legacy import Legacy
from infra.local.mailbox import Mailbox
from infra.local.ports import Sockets, close, listen_for
from infra.local.published import Published
from infra.local.recorder import Recorder
from infra.local.reference.app import PATHS as REFERENCE_PATHS
from infra.local.reference.app import reference_app
from infra.local.schedule import Timer
from infra.local.seed import PROPERTIES, USERS, is_empty, seed
from infra.local.serve import serving
from infra.local.settings import Settings
from infra.local.stream import Poller, TableStream
from infra.local.websocket_api import WebSocketApi
from infra.local.zalopay import recorded, way_back
from infra.topology import (
    CONSUMERS,
    CORS_HEADERS,
    CORS_MAX_AGE,
    CORS_METHODS,
    FUNCTIONS,
    LEGACY_CORS_METHODS,
    ROUTES,
    RULES,
    SCHEDULES,
    WEBSOCKET_ROUTES,
    WEBSOCKET_SELECTION,
    WEBSOCKET_STAGE,
    Schedule,
)

log = logging.getLogger(__name__)

_WORKERS = 2  # at most, per function: enough for two calls at once, and all workers stay under a gigabyte
_ROWS = 3000  # of the journal, at most
_WATCH = 0.5  # seconds between two checks of the engine's process


class Local:
    """A running system. `failed` gets the exception of a part without which the others cannot work."""

    def __init__(
        self, settings: Settings, folder: Path, database: Database, addresses: Addresses, on_row: Told = ignore
    ) -> None:
        """Call `on_row` with each row of the journal."""
        self.settings = settings
        self.folder = folder
        self.database = database
        self.addresses = addresses
        self.clock = MovedClock()
        self.journal = Journal(most=_ROWS, told=on_row)
        self.recorder = Recorder(self.journal, self.clock, (*settings.frontends, addresses.http))
        self.dead_letters = Journal(self._kept("dead-letters.jsonl"), told=self.recorder.gave_up)
        self.mailbox = Mailbox(self._kept("mail.jsonl"), told=self.recorder.mailed)
        self.pollers: list[Poller] = []
        self.issuer = None if settings.issuer else self._own_issuer()
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self, sockets: Sockets, on_log: Log, stack: AsyncExitStack) -> None:
        """Start workers, stream and clock. Then listen. Then publish the seed data if the table is empty."""
        self.workers = await self._start_workers(on_log, stack)
        self.bus = Bus(self.invoke, RULES, self.dead_letters, self.clock)
        self.published = Published(self.bus, self._kept("events.jsonl"), self.recorder.published)
        self.timer = Timer(self.invoke, self._schedules(), self.clock)
        self.legacy = self._legacy(stack)
        self.websocket = WebSocketApi(
            self.invoke,
            WEBSOCKET_ROUTES,
            stage=WEBSOCKET_STAGE,
            selection=WEBSOCKET_SELECTION,
            clock=self.clock,
            told=self.recorder.told,
        )
        await self._start_stream(stack)
        for part in (*(poller.run() for poller in self.pollers), self.timer.run(), self._watch_engine()):
            await stack.enter_async_context(_background(part, self.failed))
        for app, listening in zip(self._apps(), sockets, strict=True):
            await stack.enter_async_context(serving(app, listening))
        # An open stream of a page would keep the server alive.
        stack.callback(self.journal.end)
        if self.settings.seed and await asyncio.to_thread(is_empty, self.database, "stays"):
            await self._seed()

    async def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Invoke a function, then read the stream at once for the items that it wrote."""
        try:
            return await self.recorder.watch(function, event, self.workers.invoke(function, event))
        finally:
            for poller in self.pollers:
                poller.wake()

    async def _start_workers(self, on_log: Log, stack: AsyncExitStack) -> Workers:
        workers = Workers(
            functions=self.settings.functions,
            layer=self.settings.layer,
            topology_functions=FUNCTIONS,
            clock=FunctionClock(self.folder),
            environment=environments(self.settings, self.addresses),
            limit=_WORKERS,
            log=on_log,
            began=self.recorder.began,
        )
        await workers.start()
        stack.push_async_callback(workers.stop)
        return workers

    async def _start_stream(self, stack: AsyncExitStack) -> None:
        for table in sorted({consumer.table for consumer in CONSUMERS}):
            sources = [
                EventSource(consumer, self.invoke, self.dead_letters)
                for consumer in CONSUMERS
                if consumer.table == table
            ]
            stream = await asyncio.to_thread(TableStream, self.database, table)
            poller = Poller(stream, sources, self._kept(f"{table}-stream.json"), self.recorder.changed)
            stack.callback(poller.settle)
            self.pollers.append(poller)

    def _legacy(self, stack: AsyncExitStack) -> Legacy | None:
        if self.settings.legacy is None:
            return None
        legacy = Legacy(self.settings.legacy)
        stack.push_async_callback(legacy.close)
        return legacy

    def _own_issuer(self) -> Issuer:
        url = issuer_url(self.settings, self.addresses)
        return Issuer(url, self.settings.audience, self._kept("issuer.pem"), self.clock)

    def _environment(self) -> dict[str, str]:
        """Return the variables of all functions together."""
        of_each = environments(self.settings, self.addresses).values()
        return {name: value for each in of_each for name, value in each.items()}

    def _kept(self, name: str) -> Path | None:
        return self.folder / name if self.settings.state else None

    def _schedules(self) -> list[Schedule]:
        chosen = self.settings.schedule
        return [each._replace(every=chosen) if chosen else each for each in SCHEDULES]

    def _apps(self) -> list[ASGIApp]:
        simulator = self._simulator()
        return [self._http(simulator), self.websocket.app, recorded(simulator, self.recorder.asked_zalopay)]

    def _http(self, simulator: ASGIApp) -> ASGIApp:
        dev = dev_app(
            Parts(
                self.database,
                self.bus,
                self.timer,
                self.clock,
                self.mailbox,
                self.published,
                self.dead_letters,
                self.issuer,
                self._environment(),
                self.workers.move_clock,
                self._forget,
                self.invoke,
                self.recorder,
            )
        )
        methods = LEGACY_CORS_METHODS if self.legacy else CORS_METHODS
        cors = Cors(self.settings.frontends, methods, CORS_HEADERS, CORS_MAX_AGE)
        extra: dict[str, ASGIApp] = dict.fromkeys(("/dev", "/.well-known/"), dev)
        reference = reference_app(self.addresses, USERS if self.issuer else ())
        extra |= dict.fromkeys(REFERENCE_PATHS, reference)
        extra |= dict.fromkeys(PATHS, self._console(simulator))
        return http_api(
            self.invoke,
            ROUTES,
            self._authorizer(),
            cors,
            extra=extra,
            legacy=self.legacy,
            clock=self.clock,
            seen=self.recorder.exchanged,
        )

    def _console(self, simulator: ASGIApp) -> ASGIApp:
        settings = {
            "api": f"{self.addresses.http}/api/v1",
            "websocket": self.addresses.websocket,
            "stream": f"{self.addresses.websocket}/{WEBSOCKET_STAGE}",
            "zalopay": self.addresses.simulator,
            "frontend": self.settings.frontends[0],
            "tokens": self.issuer is not None,
            "users": USERS,
            "properties": PROPERTIES,
        }
        at = () if self.addresses.http.endswith(":8000") else ("--at", self.addresses.http)
        shown = Shown(self.journal, self.mailbox, simulator, settings)
        return console_app(Desk(["--local", *at]), "local", parts=shown)

    def _simulator(self) -> ASGIApp:
        return zalopay_simulator.create_app(
            zalopay_simulator.Settings(
                base_url=self.addresses.simulator,
                ledger=self._kept("zalopay.sqlite"),
                clock=self.clock.seconds,
                onward=way_back(self.settings.frontends[0], self.addresses.http),
            )
        )

    def _authorizer(self) -> Authorize:
        issuer = self.issuer
        url = issuer_url(self.settings, self.addresses)
        keys = own_keys(issuer) if issuer else FetchedKeys(url)
        return Authorizer(url, self.settings.audience, keys, self.clock)

    async def _forget(self) -> None:
        """Clear every memory of the old tables: the functions' processes, the pages' connections, the dead letters."""
        await self.workers.retire()
        await self.websocket.hang_up()
        self.dead_letters.clear()

    async def _watch_engine(self) -> None:
        while self.database.running():  # noqa: ASYNC110
            await asyncio.sleep(_WATCH)  # a process has no event to wait for
        raise EngineError("The embedded database has stopped unexpectedly.")

    async def _seed(self) -> None:
        try:
            await seed(self.database, self.bus, self.clock(), self._forget)
        except Undelivered as error:
            log.warning("The seed data could not be published: %s", error)


@asynccontextmanager
async def running(settings: Settings, on_log: Log, on_row: Told = ignore) -> AsyncIterator[Local]:
    """Start everything and yield the system, ready for requests; stop everything afterwards.

    `on_log` hears the functions' log, `on_row` each row of the journal.
    Raises PortTaken. Raises EngineError if the embedded database does not start.
    """
    async with AsyncExitStack() as stack:
        sockets = listen_for(settings)
        for each in sockets:
            stack.callback(close, each)
        folder = _folder(settings, stack)
        database = await _database(settings, folder, stack)
        local = Local(settings, folder, database, _addresses(sockets, database), on_row)
        await local.start(sockets, on_log, stack)
        try:
            yield local
        finally:
            local.failed.cancel()


def _folder(settings: Settings, stack: AsyncExitStack) -> Path:
    if settings.state:
        settings.state.mkdir(parents=True, exist_ok=True)
        return settings.state.resolve()
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stays-")))


async def _database(settings: Settings, folder: Path, stack: AsyncExitStack) -> Database:
    starting = asyncio.create_task(asyncio.to_thread(Database, folder, keep=settings.state is not None))
    try:
        database = await asyncio.shield(starting)
    except asyncio.CancelledError:
        # The engine's process already runs, so it must be stopped even if the start is cancelled.
        await asyncio.to_thread((await starting).stop)
        raise
    stack.push_async_callback(asyncio.to_thread, database.stop)
    await asyncio.to_thread(database.create)
    return database


def _addresses(sockets: Sockets, database: Database) -> Addresses:
    http, websocket, simulator = (listening[0].getsockname()[1] for listening in sockets)
    return Addresses(
        http=f"http://localhost:{http}",
        websocket=f"ws://localhost:{websocket}",
        simulator=f"http://localhost:{simulator}",
        database=database.endpoint,
    )


@asynccontextmanager
async def _background(part: Coroutine[Any, Any, None], failed: asyncio.Future[None]) -> AsyncIterator[None]:
    """Run a part beside everything else; its failure ends the system."""

    def report(done: asyncio.Task[None]) -> None:
        if not done.cancelled() and (error := done.exception()) and not failed.done():
            failed.set_exception(error)

    task = asyncio.create_task(part)
    task.add_done_callback(report)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
