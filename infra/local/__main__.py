"""`python -m infra.local`: starts everything, prints the addresses, and stops with Ctrl-C."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from pathlib import Path

from infra.local.database import EngineError
from infra.local.serve import PortTaken
from infra.local.settings import Settings, read_settings
from infra.local.system import Local, running
from infra.local.terminal import banner, readable, tokens


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
    def show(function: str, line: str) -> None:
        # After Ctrl-C the last log lines of the workers are noise.
        if not settings.quiet and not stop.is_set() and (text := readable(line)):
            print(f"{function:>16} | {text}", flush=True)  # noqa: T201

    async with running(settings, show) as local:
        print(banner(local.addresses, local.issuer, settings.legacy), flush=True)  # noqa: T201
        if settings.addresses:
            _write(settings.addresses, local)
        await local.failed


def _on_signal(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        # The event loop of Windows has no signal handlers; there Ctrl-C interrupts `main`.
        except NotImplementedError:
            return


def _write(path: Path, local: Local) -> None:
    content = local.addresses._asdict() | {"tokens": tokens(local.issuer) if local.issuer else {}}
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_text(json.dumps(content))
    unfinished.replace(path)


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
