"""The terminal output: the banner, a line for each request, and the log lines of the functions."""

import json
from collections.abc import Mapping
from typing import Any

from infra.local.environment import Addresses
from infra.local.identity import Issuer
from infra.local.seed import AN, BINH
from infra.topology import WEBSOCKET_STAGE

# Powertools adds these fields to every line, and they only repeat.
_NOISE = frozenset(
    {
        "level",
        "location",
        "message",
        "timestamp",
        "service",
        "cold_start",
        "function_name",
        "function_memory_size",
        "function_arn",
        "function_request_id",
        "xray_trace_id",
    }
)

_CALM = frozenset({"DEBUG", "INFO"})


def banner(addresses: Addresses, issuer: Issuer | None, legacy: str | None = None) -> str:
    """Return the text that says that the system is ready, with its addresses."""
    lines = [
        "",
        "Stays is ready.",
        f"  HTTP API    {addresses.http}/api/v1",
        *([f"  Legacy      {legacy}  (every other path under /api/v1)"] if legacy else []),
        f"  WebSocket   {addresses.websocket}/{WEBSOCKET_STAGE}",
        f"  ZaloPay     {addresses.simulator}  (simulator)",
        f"  Console     {addresses.http}/",
        f"  Developer   {addresses.http}/dev  (mail, events, clock, tokens)",
        f"  Database    {addresses.database}",
    ]
    if issuer:
        for name, token in tokens(issuer).items():
            lines += ["", f"Token of {name}, valid for a day:", token]
    return "\n".join([*lines, "", f"Open {addresses.http}/ to play, see, bend and help. Ctrl-C stops it.", ""])


def tokens(issuer: Issuer) -> dict[str, str]:
    """Sign a token for each user of the seed data, by name."""
    return {each.name: issuer.token(each.sub, email=each.email, name=each.name) for each in (AN, BINH)}


def request_line(row: Mapping[str, Any]) -> str | None:
    """Describe a request to the HTTP API: status, time, method and path without query, function, request id.

    None for a row of another kind.
    """
    if "request" not in row:
        return None
    cold = ", cold" if row.get("cold") else ""
    where = f"{row.get('function') or 'gateway'}{cold}"
    why = f"  {row['why']}" if row.get("why") else ""
    return f"{row['status']} {row['ms']:6.0f} ms  {row['request']}  ({where}, {row['request_id']}){why}"


def log_line(function: str, line: str, *, everything: bool) -> str | None:
    """Shorten a log line of a function. None for a line that needs no attention, unless `everything` is wanted."""
    text = readable(line)
    if text is None or (not everything and text.partition(" ")[0] in _CALM):
        return None
    return f"{function:>16} | {text}"


def readable(line: str) -> str | None:
    """Shorten a log line of a function; None for a line that only a machine reads."""
    entry = _parsed(line)
    if entry is None:
        return line
    if "_aws" in entry:
        return None
    fields = [f"{name}={value}" for name, value in entry.items() if name not in _NOISE and value is not None]
    return " ".join([str(entry.get("level", "")), str(entry.get("message", "")), *fields]).strip()


def _parsed(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        entry: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return entry
