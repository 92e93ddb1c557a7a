"""`python -m infra.local.ports`: says, before anything is installed, if a port of the local run is taken.

It needs no package, so that it runs before the packages are there.
"""

import errno
import os
import socket
import sys
from collections.abc import Sequence

from infra.local.settings import Settings, read_settings

Sockets = list[list[socket.socket]]


class PortTaken(Exception):
    """Another program listens on the port. The message names the port and the setting that changes it."""


def listen_for(settings: Settings) -> Sockets:
    """Return the sockets of the HTTP API, the WebSocket API and the simulator. Raises PortTaken."""
    wanted = (
        (settings.http_port, "HTTP_PORT"),
        (settings.websocket_port, "WEBSOCKET_PORT"),
        (settings.simulator_port, "SIMULATOR_PORT"),
    )
    found: Sockets = []
    try:
        for port, setting in wanted:
            found.append(listen(port, setting))
    except PortTaken:
        for sockets in found:
            close(sockets)
        raise
    return found


def listen(port: int, setting: str) -> list[socket.socket]:
    """Return sockets bound to `port` of 127.0.0.1 and, if the machine has IPv6, of ::1. Port 0 finds a free port.

    A browser may resolve `localhost` to either address, so both are bound. Raises PortTaken.
    """
    sockets: list[socket.socket] = []
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            sockets.append(_bound(family, host, port or (sockets[0].getsockname()[1] if sockets else 0)))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                close(sockets)
                advice = f"stop the program that uses it, or choose another port with {setting}"
                raise PortTaken(f"port {port} of {host} is in use: {advice}") from error
            if not sockets:
                raise
    return sockets


def close(sockets: Sequence[socket.socket]) -> None:
    """Close the sockets."""
    for one in sockets:
        one.close()


def _bound(family: int, host: str, port: int) -> socket.socket:
    # Without the protocol, asyncio does not see that this is TCP and delays the small second write of a response.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((host, port))
        bound.listen(2048)
    except OSError:
        bound.close()
        raise
    return bound


def main() -> int:
    """Return the exit code: 1 if a port is taken, with the reason on standard error."""
    try:
        taken = listen_for(read_settings(sys.argv[1:], os.environ))
    except PortTaken as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    for sockets in taken:
        close(sockets)
    return 0


if __name__ == "__main__":
    sys.exit(main())
