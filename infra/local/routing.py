"""Finds the route of an HTTP API for a request."""

from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from infra.topology import Route

_LITERAL, _PARAMETER, _GREEDY = range(3)


def route_for(routes: Iterable[Route], method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
    """Return the most specific route for `path` as it was sent, with its path parameters decoded."""
    found = [
        (route, parameters)
        for route in routes
        if route.method in (method, "ANY") and (parameters := _parameters(route.path, path)) is not None
    ]
    return min(found, key=lambda match: _generality(match[0]), default=None)


def route_key(route: Route) -> str:
    """Return the route as an event names it."""
    return route.path if route.path == "$default" else f"{route.method} {route.path}"


def _parameters(pattern: str, path: str) -> dict[str, str] | None:
    if pattern == "$default":
        return {}
    names, values = pattern.split("/"), path.split("/")
    if _kind(names[-1]) == _GREEDY and len(values) >= len(names):
        values[len(names) - 1 :] = ["/".join(values[len(names) - 1 :])]
    if len(names) != len(values):
        return None
    parameters = {}
    for name, value in zip(names, values, strict=True):
        if _kind(name) == _LITERAL:
            if name != unquote(value):
                return None
        elif not value:
            return None
        else:
            parameters[name.strip("{+}")] = unquote(value)
    return parameters


def _kind(segment: str) -> int:
    if segment.startswith("{"):
        return _GREEDY if segment.endswith("+}") else _PARAMETER
    return _LITERAL


def _generality(route: Route) -> tuple[bool, list[int], bool]:
    return (
        route.path == "$default",
        [_kind(segment) for segment in route.path.split("/")],
        route.method == "ANY",
    )
