"""Checks from outside, after a deployment: the API answers the calls that the frontend and ZaloPay make."""

import json
import socket
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from infra.doctor.finding import Finding, bad, good, unseen
from infra.topology import WEBSOCKET_STAGE

PREFIX = "/api/v1"
_STRANGER = "https://stranger.invalid"
_PATIENCE = 10  # seconds


def resolves(name: str) -> bool:
    """Say whether a name leads to an address."""
    try:
        return bool(socket.getaddrinfo(name, 443))
    except OSError:
        return False


def check_api(web: httpx.Client, api: str) -> Iterator[Finding]:
    """Check that the API answers, and that it refuses a call without a token."""
    if not api.endswith(PREFIX):
        yield bad(
            f"{api} does not end in {PREFIX}.",
            f"The frontend needs the address with {PREFIX} and without a slash at the end.",
        )
    try:
        alive, closed = web.get(f"{api}/health"), web.get(f"{api}/user/bookings")
    except httpx.HTTPError as error:
        yield bad(
            f"{api} does not answer: {type(error).__name__}.",
            "Check that it is deployed and that the address is right.",
        )
        return
    if alive.status_code == httpx.codes.OK:
        yield good(f"{api}/health answers: {_short(alive.text)}")
    else:
        log = "Run: aws logs tail /stays/<stage>/payments"
        yield bad(f"{api}/health answers {alive.status_code}: {_short(alive.text)}", log)
    if closed.status_code == httpx.codes.UNAUTHORIZED:
        yield good("Calls without a token are refused.")
    else:
        yield bad(
            f"Without a token, /bookings answers {closed.status_code}.", "The authorizer is missing: deploy again."
        )


def check_origins(web: httpx.Client, api: str, origins: Iterable[str]) -> Iterator[Finding]:
    """Check CORS: browsers at the frontend's addresses may call with credentials, and browsers elsewhere may not."""
    for origin in origins:
        allowed = _preflight(web, api, origin)
        if allowed == origin:
            yield good(f"{origin} may call.")
        else:
            yield bad(f"{origin} may not call.", "Add it to the stage's frontends in cdk.json, and deploy.")
    if _preflight(web, api, _STRANGER) is not None:
        yield bad("Any origin may call.", "Name the frontends in cdk.json, never *, and deploy.")


def _preflight(web: httpx.Client, api: str, origin: str) -> str | None:
    headers = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    try:
        answer = web.options(f"{api}/payment/zalopay/create", headers=headers)
    except httpx.HTTPError:
        return None
    permitted = answer.headers.get("access-control-allow-credentials") == "true" and answer.is_success
    return answer.headers.get("access-control-allow-origin") if permitted else None


def check_callback(web: httpx.Client, callback: str) -> Iterator[Finding]:
    """Check that ZaloPay can call without a token, and that an invalid callback is refused in ZaloPay's format."""
    if urlsplit(callback).scheme != "https" and urlsplit(callback).hostname not in ("localhost", "127.0.0.1"):
        yield bad(f"The callback {callback} is not https.", "ZaloPay calls https addresses only.")
    try:
        answer = web.post(callback, json={})
        code = answer.json()["return_code"] if answer.is_success else answer.status_code
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        code = None
    if code == -1:
        yield good(f"{callback} refuses callbacks that ZaloPay did not sign.")
    else:
        yield bad(
            f"{callback} answers {code} to an unsigned callback, not -1.",
            "Run: aws logs tail /stays/<stage>/zalopay-callback",
        )


def check_websocket(websocket: str, origin: str | None = None) -> Iterator[Finding]:
    """Check that the WebSocket opens at the address with the stage that the frontend appends, and answers a PING."""
    if websocket.rstrip("/").endswith(WEBSOCKET_STAGE):
        yield bad(
            f"{websocket} already contains the stage's name.",
            f"The frontend appends /{WEBSOCKET_STAGE} itself, so leave it out.",
        )
        return
    address = f"{websocket.rstrip('/')}/{WEBSOCKET_STAGE}"
    try:
        with connect(address, origin=origin, open_timeout=_PATIENCE) as socket:  # type: ignore[arg-type]
            socket.send(json.dumps({"type": "PING"}))
            said = socket.recv(timeout=_PATIENCE)
    except (WebSocketException, OSError, ValueError) as error:
        yield bad(f"{address} does not open: {error}.", "Check the address, and that the stage is deployed.")
        return
    if json.loads(said).get("type") == "PONG":
        yield good(f"{address} answers a PING.")
    else:
        yield bad(f"{address} answers a PING with {_short(str(said))}", "Run: aws logs tail /stays/<stage>/connections")


def leads_to_edge(web: httpx.Client, api: str) -> bool:
    """Say whether the API is answered by CloudFront."""
    try:
        return "x-amz-cf-id" in web.get(f"{api}/health").headers
    except httpx.HTTPError:
        return False


def check_direct(web: httpx.Client, api: str, websocket: str) -> Iterator[Finding]:
    """Check that nothing is served at the APIs' own addresses, behind the edge."""
    do = "Deploy again; then read the setting EDGE_SECRET of the functions."
    try:
        status = web.get(f"{api}/health").status_code
    except httpx.HTTPError as error:
        yield unseen(f"{api} was called around the edge, and did not answer: {type(error).__name__}.", "Try again.")
    else:
        refused = status == httpx.codes.FORBIDDEN
        what = f"{api} answers {status} to a call around the edge"
        yield good(f"{what}: refused.") if refused else bad(f"{what}, not 403.", do)
    address = f"{websocket}/{WEBSOCKET_STAGE}"
    try:
        with connect(address, open_timeout=_PATIENCE):
            yield bad(f"{address} opens around the edge.", do)
    except (WebSocketException, OSError):
        yield good(f"{address} does not open around the edge.")


def _short(text: str) -> str:
    return text.strip()[:200]
