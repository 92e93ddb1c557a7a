"""Translates as API Gateway does: request to HTTP API event 2.0, answer to response, frame to WebSocket event."""

import base64
import binascii
import json
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

ACCOUNT = "000000000000"
API = "local"

Headers = tuple[tuple[str, str], ...]

_TEXT_TYPE = re.compile(r"text/.+|application/(.+\+)?(json|xml)|application/javascript")
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")


class Request(NamedTuple):
    """An HTTP request as it arrived: path and query keep their percent signs."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    source_ip: str
    protocol: str = "HTTP/1.1"


class Answer(NamedTuple):
    """An HTTP response."""

    status: int
    headers: Headers
    body: bytes


class Client(NamedTuple):
    """One end of a WebSocket connection."""

    connection_id: str
    connected_at: datetime
    source_ip: str
    user_agent: str
    domain: str
    stage: str


class BadAnswer(ValueError):
    """A function returned a value that API Gateway cannot turn into a response."""


def http_event(
    request: Request,
    *,
    route_key: str,
    path_parameters: Mapping[str, str],
    claims: Mapping[str, Any] | None,
    request_id: str,
    now: datetime,
) -> dict[str, Any]:
    """Return the event of payload format 2.0; `claims` are those of the token, None on a public route."""
    headers = _joined_headers(request)
    cookies = [c.strip() for name, v in request.headers if name.lower() == "cookie" for c in v.split(";") if c.strip()]
    context = _http_context(request, route_key, headers, request_id, now)
    if claims is not None:
        stated = {name: claim_text(value) for name, value in claims.items()}
        context["authorizer"] = {"jwt": {"claims": stated, "scopes": None}}
    optional = {
        "cookies": cookies,
        "queryStringParameters": _joined(parse_qsl(request.query, keep_blank_values=True)),
        "pathParameters": dict(path_parameters),
    }
    return {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": context["http"]["path"],
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": context,
        **{name: value for name, value in optional.items() if value},
        **_body(request.body, headers),
    }


def claim_text(value: Any) -> str:
    """Return a claim as API Gateway passes it on: every value is a string, and lists and maps use Go's spelling."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{name}:{claim_text(inner)}' for name, inner in value.items())}]"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{' '.join(map(claim_text, value))}]"
    return str(value)


def http_answer(result: Any) -> Answer:
    """Return the response for a function's return value. Raises BadAnswer.

    Without a `statusCode` the whole value is the body.
    """
    if not (isinstance(result, dict) and "statusCode" in result):
        return Answer(200, (("content-type", "application/json"),), json.dumps(result).encode())
    headers = _answered_headers(result.get("headers") or {})
    headers.setdefault("content-type", "text/plain; charset=utf-8")
    cookies = tuple(("set-cookie", _header_value(cookie)) for cookie in result.get("cookies") or ())
    return Answer(status_code(result), (*headers.items(), *cookies), _answered_body(result))


def status_code(result: Any) -> int:
    """Return the `statusCode` of a function's return value. Raises BadAnswer if it has none."""
    code = result.get("statusCode") if isinstance(result, dict) else None
    if isinstance(code, str) and code.isdecimal():
        code = int(code)
    if not isinstance(code, int) or isinstance(code, bool) or code not in range(200, 600):
        raise BadAnswer(f"statusCode is {code!r}")
    return code


def connect_event(client: Client, headers: Headers, query: str, *, request_id: str, now: datetime) -> dict[str, Any]:
    """Return the event of `$connect`, the only WebSocket event with headers and query."""
    parameters = parse_qsl(query, keep_blank_values=True)
    event = {
        "headers": dict(headers),
        "multiValueHeaders": _grouped(headers),
        **_websocket_event(client, "$connect", "CONNECT", request_id, now),
    }
    if parameters:
        event |= {
            "queryStringParameters": dict(parameters),
            "multiValueQueryStringParameters": _grouped(parameters),
        }
    return event


def message_event(client: Client, route_key: str, body: str, *, request_id: str, now: datetime) -> dict[str, Any]:
    """Return the event of a message from a client."""
    event = _websocket_event(client, route_key, "MESSAGE", request_id, now)
    event["requestContext"]["messageId"] = request_id
    return {**event, "body": body}


def disconnect_event(client: Client, code: int, reason: str, *, request_id: str, now: datetime) -> dict[str, Any]:
    """Return the event of `$disconnect`, for a connection that is gone."""
    event = _websocket_event(client, "$disconnect", "DISCONNECT", request_id, now)
    event["requestContext"] |= {"disconnectStatusCode": code, "disconnectReason": reason}
    headers = {"Host": client.domain, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
    return {"headers": headers, "multiValueHeaders": _grouped(headers.items()), **event}


def selected_route(selection: str, body: str, routes: Container[str]) -> str | None:
    """Return the route that `selection` (`$request.body.type`) finds for a message, else `$default`, else None."""
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    for name in selection.removeprefix("$request.body.").split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, str) and value in routes and not value.startswith("$"):
        return value
    return "$default" if "$default" in routes else None


def _http_context(
    request: Request, route_key: str, headers: Mapping[str, str], request_id: str, now: datetime
) -> dict[str, Any]:
    domain = headers.get("host", "localhost")
    return {
        "accountId": ACCOUNT,
        "apiId": API,
        "domainName": domain,
        "domainPrefix": domain.split(".")[0].split(":")[0],
        "http": {
            "method": request.method,
            # Unlike a REST API or a function URL, an HTTP API passes the path on decoded.
            "path": unquote(request.path),
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": route_key,
        "stage": "$default",
        "time": _common_log_time(now),
        "timeEpoch": _milliseconds(now),
    }


def _joined_headers(request: Request) -> dict[str, str]:
    kept = [(n.lower(), v) for n, v in request.headers if n.lower() not in HOP_BY_HOP and n.lower() != "cookie"]
    headers = _joined(kept)
    if request.body:
        headers["content-length"] = str(len(request.body))
    hops = (headers.get("x-forwarded-for"), request.source_ip)
    headers["x-forwarded-for"] = ", ".join(filter(None, hops))
    headers["x-forwarded-port"] = headers.get("host", "").rpartition("]")[2].partition(":")[2] or "80"
    headers["x-forwarded-proto"] = "http"
    return headers


def _body(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    if not body:
        return {"isBase64Encoded": False}
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if _TEXT_TYPE.fullmatch(kind) and "content-encoding" not in headers:
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass  # other text cannot go into JSON, so it goes as base64
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def _answered_headers(headers: Any) -> dict[str, str]:
    if not isinstance(headers, dict):
        raise BadAnswer("headers are no map")
    named = {name.lower(): _header_value(value) for name, value in headers.items()}
    if bad := [name for name in named if not _HEADER_NAME.fullmatch(name)]:
        raise BadAnswer(f"header names {bad}")
    return {name: value for name, value in named.items() if name not in HOP_BY_HOP | {"content-length"}}


def _header_value(value: Any) -> str:
    if not isinstance(value, str | int | float):
        raise BadAnswer(f"header value {value!r}")
    text = claim_text(value)
    if not _HEADER_VALUE.fullmatch(text):
        raise BadAnswer(f"header value {text!r}")
    return text


def _answered_body(result: Mapping[str, Any]) -> bytes:
    body = result.get("body")
    if not isinstance(body, str | None):
        raise BadAnswer("body is no string")
    if not result.get("isBase64Encoded"):
        return (body or "").encode()
    try:
        return base64.b64decode(body or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadAnswer("body is not base64") from error


def _websocket_event(client: Client, route_key: str, kind: str, request_id: str, now: datetime) -> dict[str, Any]:
    return {
        "requestContext": {
            "routeKey": route_key,
            "eventType": kind,
            "extendedRequestId": request_id,
            "requestTime": _common_log_time(now),
            "messageDirection": "IN",
            "stage": client.stage,
            "connectedAt": _milliseconds(client.connected_at),
            "requestTimeEpoch": _milliseconds(now),
            "identity": {"sourceIp": client.source_ip, "userAgent": client.user_agent},
            "requestId": request_id,
            "domainName": client.domain,
            "connectionId": client.connection_id,
            "apiId": API,
        },
        "isBase64Encoded": False,
    }


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, value in pairs:
        groups.setdefault(name, []).append(value)
    return groups


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: ",".join(values) for name, values in _grouped(pairs).items()}


def _common_log_time(now: datetime) -> str:
    # strftime's %b would depend on the locale
    month = "JanFebMarAprMayJunJulAugSepOctNovDec"[3 * now.month - 3 : 3 * now.month]
    return f"{now:%d}/{month}/{now:%Y:%H:%M:%S} +0000"


def _milliseconds(now: datetime) -> int:
    return int(now.timestamp() * 1000)
