"""`python -m infra.local`: starts everything, prints the addresses, and stops with Ctrl-C."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from infra.local.database import EngineError
from infra.local.journal import Entry
from infra.local.ports import PortTaken
from infra.local.settings import Settings, read_settings
from infra.local.system import Local, running
from infra.local.terminal import banner, log_line, request_line, tokens


async def serve(settings: Settings) -> None:
    """Run until a signal arrives. Raises PortTaken or EngineError if the system cannot start."""
    stop = asyncio.Event()
    _on_signal(stop)
    starting = asyncio.create_task(_run(settings, stop))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
    stopping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await starting


async def _run(settings: Settings, stop: asyncio.Event) -> None:
    def show(text: str | None) -> None:
        # After Ctrl-C the last log lines of the workers are noise.
        if text and not settings.quiet and not stop.is_set():
            print(text, flush=True)  # noqa: T201

    def on_log(function: str, line: str) -> None:
        show(log_line(function, line, everything=settings.verbose))

    def on_row(row: Entry) -> None:
        show(request_line(row))

    async with running(settings, on_log, on_row) as local:
        print(banner(local.addresses, local.issuer, settings.legacy), flush=True)  # noqa: T201
        with _written(settings.addresses, local):
            await local.failed


def _on_signal(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        # The event loop of Windows has no signal handlers; there Ctrl-C interrupts `main`.
        except NotImplementedError:
            return


@contextlib.contextmanager
def _written(path: Path | None, local: Local) -> Iterator[None]:
    """Keep the addresses in a file while the system runs. A later run may have replaced the file by its own."""
    if path is None:
        yield
        return
    made = {"pid": os.getpid(), "tokens": tokens(local.issuer) if local.issuer else {}}
    content = json.dumps(local.addresses._asdict() | made)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_text(content)
    unfinished.replace(path)
    try:
        yield
    finally:
        if path.exists() and path.read_text() == content:
            path.unlink()


def main() -> int:
    """Return the exit code: 1 if the system cannot run, with the reason on standard error."""
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    settings = read_settings(sys.argv[1:], os.environ)
    try:
        asyncio.run(serve(settings))
    except (PortTaken, EngineError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
