"""`python -m infra.local.console`: the operator's page over a stage, with the operator's own rights, for reading.

It listens on loopback only. The address that it prints has a token, without which the page shows nothing.
"""

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import sys
from collections.abc import Sequence

from infra.local.console.app import console_app
from infra.local.console.desk import Desk
from infra.local.ports import PortTaken, listen
from infra.local.serve import serving


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    typed = argparse.ArgumentParser(prog="python -m infra.local.console", description=__doc__)
    typed.add_argument("--stage", required=True, help="a stage in AWS")
    port = int(os.environ.get("CONSOLE_PORT") or 8020)
    typed.add_argument("--port", type=int, default=port, help="default 8020, or CONSOLE_PORT; 0 takes any free port")
    return typed


async def serve(stage: str, port: int) -> None:
    """Serve the page until a signal arrives. Raises PortTaken."""
    stop, token = asyncio.Event(), secrets.token_urlsafe(24)
    for number in (signal.SIGINT, signal.SIGTERM):
        # The event loop of Windows has no signal handlers; there Ctrl-C interrupts `main`.
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    app = console_app(Desk(["--stage", stage], reads_only=True), stage, token=token)
    async with serving(app, listen(port, "CONSOLE_PORT")) as at:
        print(f"Open http://localhost:{at}/help?token={token}\nCtrl-C stops it.", flush=True)  # noqa: T201
        await stop.wait()


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 1 if the port is taken, with the reason on standard error."""
    chosen = parser().parse_args(arguments)
    try:
        asyncio.run(serve(chosen.stage, chosen.port))
    except PortTaken as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
