"""WebSocket: $connect, SUBSCRIBE, PING, $default, $disconnect."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

import jwt
from aws_lambda_powertools import Logger
from pydantic import ValidationError

from stays.aws.client import DynamoDB, Management
from stays.aws.store import Store
from stays.domain.errors import Busy
from stays.domain.notification import Message, messages_of
from stays.domain.values import check_user_id
from stays.edge.connections import JOINING, Connection, Connections, Post, Unreachable, fingerprint, surplus
from stays.edge.frames import ErrorCode, FrameError, Identity, Pong, SocketEvent, Subscribe, Subscribed
from stays.metrics import pass_over
from stays.table.due_items import DueItems

IDENTITY = os.environ["WEBSOCKET_IDENTITY"]
ISSUER = os.environ["JWT_ISSUER"]
AUDIENCE = os.environ["JWT_AUDIENCE"]
ORIGINS = frozenset(os.environ["ALLOWED_ORIGINS"].split(","))
LARGEST_FRAME = 8192  # characters; a token takes up to four thousand
LEEWAY = 30  # seconds between two clocks
AGAIN = (0.5,)  # seconds before each further attempt to send the missed messages
NOT_PROVEN = (jwt.PyJWTError, ValueError)  # ValueError: the issuer sent no keys, or the token names no user
LOOKS = (0.3, 0.7)  # seconds before each further look for a call from the same address

dynamodb = DynamoDB()
connections = Connections(Store(dynamodb, os.environ["CONNECTIONS_TABLE"]))
due_items = DueItems(Store(dynamodb, os.environ["STAYS_TABLE"]), pass_over)
post = Post(Management(os.environ["WEBSOCKET_ENDPOINT"]), connections)
logger = Logger()


class Proof(NamedTuple):
    """The user that a token proves, and the end of the proof."""

    user_id: str
    until: datetime


class FrameRefused(Exception):
    """A frame that is answered with ERROR. The connection stays, unless its token has expired: then it is in `over`."""

    def __init__(self, code: ErrorCode, message: str, over: Connection | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.over = over


@cache
def key_set() -> jwt.PyJWKClient:
    return jwt.PyJWKClient(f"{ISSUER}.well-known/jwks.json", cache_keys=True, lifespan=3600, timeout=3)


def prove(token: str) -> Proof:
    """The user of an access token. Raises one of NOT_PROVEN for any other token."""
    claims = jwt.decode(
        token,
        key_set().get_signing_key_from_jwt(token),
        algorithms=["RS256"],
        issuer=ISSUER,
        audience=AUDIENCE,
        leeway=LEEWAY,
        options={"require": ["exp", "sub"]},
    )
    return Proof(check_user_id(claims["sub"]), datetime.fromtimestamp(claims["exp"], UTC))


def header(event: SocketEvent, wanted: str) -> str | None:
    headers = event.get("headers") or {}
    return next((value for name, value in headers.items() if name.lower() == wanted), None)


def cookie(event: SocketEvent, wanted: str) -> str | None:
    """The first cookie of this name, after any other text: every site of the domain can set cookies of any form.

    Browsers separate cookies only by `;` (RFC 6265, 5.4). A token contains no quotes.
    """
    lists = {name.lower(): values for name, values in (event.get("multiValueHeaders") or {}).items()}
    lines = lists.get("cookie") or [header(event, "cookie") or ""]
    pairs = (pair.partition("=") for line in lines for pair in line.split(";"))
    return next((value.strip().strip('"') for name, equals, value in pairs if equals and name.strip() == wanted), None)


def carried_token(event: SocketEvent) -> tuple[str | None, bool]:
    """The token on $connect, and whether the page sent it on purpose (the browser sends cookies by itself)."""
    query = event.get("queryStringParameters") or {}
    token = query.get("token") or query.get("access_token")
    return (token, True) if token else (cookie(event, "auth_token"), False)


def connect(event: SocketEvent, now: datetime) -> int:
    context = event["requestContext"]
    if header(event, "origin") not in (None, *ORIGINS):
        return 403  # another site's page; a client without an origin is no browser and must prove itself too
    token, on_purpose = carried_token(event)
    try:
        proof = prove(token) if token else None
    except NOT_PROVEN:
        if on_purpose:
            return 401
        proof = None
    connections.open(
        Connection(
            connection_id=context["connectionId"],
            fingerprint=mark(context["identity"]),
            opened_at=now,
            user_id=proof.user_id if proof else None,
            proven_until=proof.until if proof else None,
        )
    )
    return 200


def mark(identity: Identity) -> str:
    return fingerprint(identity["sourceIp"], identity.get("userAgent") or "")


def subscribe(event: SocketEvent, now: datetime) -> int:
    connection_id = event["requestContext"]["connectionId"]
    frame = read_frame(event)
    connection = connections.find(connection_id)
    if connection is None:
        raise FrameRefused("FORBIDDEN", "Connect again.")
    proven = identify(connection, frame, now).but(channels=tuple(dict.fromkeys(frame.channels)))
    join(proven, connection)
    post.dismiss(
        surplus([each for each in connections.load_of(frame.user_id) if each.connection_id != connection_id], now)
    )
    return 200


def join(connection: Connection, found: Connection) -> None:
    """Send the connection the messages that it has missed, then let it get changes.

    If that was not done in time, or the table was busy, it is tried again. If it fails for good, the connection is
    closed: the browser reconnects by itself and subscribes again.
    """
    try:
        for seconds in AGAIN:
            with suppress(Unreachable, Busy):
                return join_once(connection, found)
            time.sleep(seconds)
        join_once(connection, found)
    except Exception:
        post.end(connection.connection_id)
        raise


def join_once(connection: Connection, found: Connection) -> None:
    """List the connection, send it the messages that it has missed, then let it get changes. Raises Unreachable."""
    joining = connection.but(joining_until=datetime.now(UTC) + JOINING)
    connections.subscribe(joining, found)
    joined = send_state(joining)
    if joined:
        connections.move(joined, connection)


def send_state(joining: Connection) -> Connection | None:
    """Send SUBSCRIBED and the present state. Returns the connection as it is listed then, or None if it is gone.

    Raises Unreachable, also if a message went out so late that a newer one may have come before it.
    """
    greeting = Subscribed(channels=joining.channels)
    missed = load_messages(str(joining.user_id), datetime.now(UTC))
    for message in [greeting, *filter(joining.wants, missed)]:
        longer = prolong(joining)
        if longer is None or not post.reply(longer.connection_id, message, longer.user_id):
            return None
        joining = longer
    return prolong(joining)


def prolong(joining: Connection) -> Connection | None:
    """The connection with time for one more step. None if it was deleted, or subscribed again."""
    until = joining.joining_until
    assert until is not None
    if until - datetime.now(UTC) > JOINING / 2:
        return joining
    longer = joining.but(joining_until=datetime.now(UTC) + JOINING)
    moved = connections.move(joining, longer)
    if datetime.now(UTC) >= until:
        raise Unreachable("too late: changes may have been told meanwhile")
    return longer if moved else None


def read_frame(event: SocketEvent) -> Subscribe:
    body = event.get("body") or ""
    if len(body) > LARGEST_FRAME:
        raise FrameRefused("INVALID_MESSAGE", "The frame is too large.")
    try:
        return Subscribe.model_validate_json(body)
    except ValidationError:
        raise FrameRefused("INVALID_MESSAGE", "SUBSCRIBE names a userId and channels.") from None


def identify(connection: Connection, frame: Subscribe, now: datetime) -> Connection:
    """The connection with its user, proven in one of the ways of the mode. Raises FrameRefused."""
    if frame.token is not None:
        proof = prove_token(frame.token)
        connection = check_owner(connection, proof.user_id).but(user_id=proof.user_id, proven_until=proof.until)
    connection = check_owner(connection, frame.user_id)
    if connection.user_id is None and not wait_for_proof(connection, frame.user_id, now):
        raise FrameRefused("FORBIDDEN", "Prove who you are: send a token.")
    if connection.is_expired(now):
        raise FrameRefused("TOKEN_EXPIRED", "The token has run out; connect again.", over=connection)
    return connection.but(user_id=frame.user_id)


def prove_token(token: str) -> Proof:
    try:
        return prove(token)
    except NOT_PROVEN:
        raise FrameRefused("FORBIDDEN", "The token is not valid.") from None


def check_owner(connection: Connection, user_id: str) -> Connection:
    """The connection, if it has no other user: its user never changes. Raises FrameRefused."""
    if connection.user_id not in (None, user_id):
        raise FrameRefused("FORBIDDEN", "This is not you.")
    return connection


def wait_for_proof(connection: Connection, user_id: str, now: datetime) -> bool:
    """Whether a user without a token is believed, by mode. `bound`: after a call from the same address.

    It looks again a moment later, because a page that returns from ZaloPay may subscribe before its first call arrives.
    A connection may wait only once, for any user. After that it is refused at the first look.
    """
    if IDENTITY != "bound":
        return IDENTITY == "open"
    if connections.was_seen(user_id, connection.fingerprint, now):
        return True
    return connections.may_wait(connection, now) and wait_until_seen(user_id, connection.fingerprint, now)


def wait_until_seen(user_id: str, seen_from: str, now: datetime) -> bool:
    for seconds in LOOKS:
        time.sleep(seconds)
        if connections.was_seen(user_id, seen_from, now):
            return True
    return False


def load_messages(user_id: str, now: datetime) -> list[Message]:
    """The messages that a page has missed because it subscribed late."""
    return [message for item in due_items.load_recent(user_id, now) for message in messages_of(item, now)]


def ping(event: SocketEvent, now: datetime) -> int:
    post.reply(event["requestContext"]["connectionId"], Pong())
    return 200


def unknown(event: SocketEvent, now: datetime) -> int:
    raise FrameRefused("INVALID_MESSAGE", "Send JSON with a type: SUBSCRIBE or PING.")


def disconnect(event: SocketEvent, now: datetime) -> int:
    connections.forget(event["requestContext"]["connectionId"])
    return 200


ROUTES: dict[str, Callable[[SocketEvent, datetime], int]] = {
    "$connect": connect,
    "$disconnect": disconnect,
    "$default": unknown,
    "SUBSCRIBE": subscribe,
    "PING": ping,
}


def handler(event: SocketEvent, context: Any) -> dict[str, Any]:
    route = event["requestContext"]["routeKey"]
    try:
        return {"statusCode": ROUTES[route](event, datetime.now(UTC))}
    except FrameRefused as refusal:
        logger.info("frame refused", extra={"code": refusal.code, "route": route})
        error = FrameError(code=refusal.code, message=refusal.message)
        post.reply(event["requestContext"]["connectionId"], error)
        post.dismiss([refusal.over] if refusal.over else [])
        return {"statusCode": 200}
