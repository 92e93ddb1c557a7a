"""The options of the local run; environment variables also set the ports and the legacy backend's address."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

AUDIENCE = "stays"
_LAST_PORT = 65_535
_PORTS = {"http": 80, "https": 443}
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Settings:
    """The chosen options. Port 0 means any free port; without `state` no data outlive the run."""

    http_port: int = 8000
    websocket_port: int = 8080
    simulator_port: int = 8001
    identity: str = "bound"
    frontends: tuple[str, ...] = ("http://localhost:3000",)
    issuer: str | None = None
    audience: str = AUDIENCE
    legacy: str | None = None
    schedule: int | None = None
    state: Path | None = None
    seed: bool = True
    quiet: bool = False
    verbose: bool = False
    partial_win_page: bool = False
    addresses: Path | None = None
    functions: Path = _ROOT / "functions"
    layer: Path = _ROOT / "layers" / "shared" / "python"


def read_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read the command line. Wrong options end the program with argparse's usage message."""
    parser = argparse.ArgumentParser(prog="python -m infra.local", description=__doc__)
    _add_ports(parser, environment)
    _add_identity(parser)
    _add_legacy(parser, environment)
    _add_behaviour(parser)
    settings = Settings(**_tidy(vars(parser.parse_args(arguments))))
    if settings.legacy and _is_here(settings.legacy, settings.http_port):
        parser.error(f"--legacy {settings.legacy} is the address of this run; choose another port with HTTP_PORT")
    return settings


def _add_ports(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    defaults = {"http": 8000, "websocket": 8080, "simulator": 8001}
    for name, port in defaults.items():
        variable = f"{name.upper()}_PORT"
        parser.add_argument(
            f"--{name}-port",
            type=_port,
            default=environment.get(variable) or port,
            metavar="PORT",
            help=f"default {port}, or {variable}; 0 takes any free port",
        )


def _add_identity(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--identity",
        choices=("bound", "strict", "open"),
        default="bound",
        help="how a WebSocket connection proves its user",
    )
    add("--issuer", type=_with_slash, metavar="URL", help="a real token issuer; the local run then makes no tokens")
    add("--audience", default=AUDIENCE, help=f"the audience of tokens (default {AUDIENCE})")
    add(
        "--frontend",
        action="append",
        type=_without_slash,
        dest="frontends",
        metavar="URL",
        help="the frontend's address (default http://localhost:3000); the first one gets the redirects",
    )
    add("--partial-win-page", action="store_true", help="the frontend has a page for partial wins")


def _add_legacy(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    parser.add_argument(
        "--legacy",
        type=_base,
        default=environment.get("LEGACY_API_URL") or None,
        metavar="URL",
        help="the backend that gets every other path under /api/v1; its address stands for /api/v1 (LEGACY_API_URL)",
    )


def _add_behaviour(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--schedule",
        type=_seconds,
        metavar="SECONDS",
        help="seconds between two rounds of the clock (default: as deployed)",
    )
    add("--state", type=Path, metavar="DIR", help="keep all data in this folder for the next run")
    add("--no-seed", action="store_false", dest="seed", help="start with empty tables")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("-q", "--quiet", action="store_true", help="show no requests and no log")
    shown.add_argument("-v", "--verbose", action="store_true", help="show everything that the functions log, too")
    add("--addresses", type=Path, metavar="FILE", help="write the addresses to this file as JSON when the run is ready")


def _tidy(chosen: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in chosen.items() if value is not None}
    if "frontends" in given:
        given["frontends"] = tuple(given["frontends"])
    return given


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{port} is no port")
    return port


def _seconds(text: str) -> int:
    seconds = int(text)
    if seconds < 1:
        raise argparse.ArgumentTypeError("at least one second between two rounds of the clock")
    return seconds


def _base(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(f"{url} is no address of a backend, as http://localhost:9999/api/v1 is")
    return _without_slash(url)


def _is_here(url: str, port: int) -> bool:
    parts = urlsplit(url)
    return parts.hostname in ("localhost", "127.0.0.1", "::1") and (parts.port or _PORTS[parts.scheme]) == port


def _with_slash(url: str) -> str:
    return url.rstrip("/") + "/"


def _without_slash(url: str) -> str:
    return url.rstrip("/")
