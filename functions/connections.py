"""WebSocket: $connect, SUBSCRIBE, PING, $default, $disconnect."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger
from pydantic import ValidationError

from stays.aws.client import DynamoDB, Management, SecretsManager
from stays.aws.store import Store
from stays.domain.errors import Busy, Refused
from stays.edge.connections import Connection, Connections, Post, fingerprint
from stays.edge.frames import FrameError, Identity, Pong, SocketEvent, Subscribe
from stays.edge.tokens import NotProven, Tokens
from stays.edge.viewer import Edge
from stays.metrics import count_unreadable
from stays.subscription import FrameRefused, Subscriptions
from stays.table.due_items import DueItems
from stays.zalopay.keys import Keys

IDENTITY = os.environ["WEBSOCKET_IDENTITY"]
ORIGINS = frozenset(os.environ["ALLOWED_ORIGINS"].split(","))
LARGEST_FRAME = 8192  # characters; a token takes up to four thousand


def clock() -> datetime:
    return datetime.now(UTC)


dynamodb = DynamoDB()
tokens = Tokens(os.environ["JWT_ISSUER"], os.environ["JWT_AUDIENCE"])
connections = Connections(Store(dynamodb, os.environ["CONNECTIONS_TABLE"]))
due_items = DueItems(Store(dynamodb, os.environ["STAYS_TABLE"]), count_unreadable)
post = Post(Management(os.environ["WEBSOCKET_ENDPOINT"]), connections)
subscriptions = Subscriptions(tokens, connections, post, due_items, identity=IDENTITY, clock=clock)
keys = Keys(SecretsManager())
edge = Edge(keys.readable, os.environ.get("EDGE_SECRET"))
logger = Logger()


def header(event: SocketEvent, wanted: str) -> str | None:
    headers = event.get("headers") or {}
    return next((value for name, value in headers.items() if name.lower() == wanted), None)


def cookie(event: SocketEvent, wanted: str) -> str | None:
    """The value of the first cookie with this name. Quotes around it are dropped, because a token contains none.

    Browsers separate cookies only by `;` (RFC 6265, 5.4). Between them any text may stand, because every site of the
    domain can set cookies of any form.
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


def admit(event: SocketEvent, now: datetime) -> int:
    """$connect. What it binds stays bound: later frames carry no headers, and come on this connection only."""
    try:
        return connect(edge.admit(event), now)
    except Refused:
        return 403
    except Busy:
        return 429


def connect(event: SocketEvent, now: datetime) -> int:
    context = event["requestContext"]
    if header(event, "origin") not in (None, *ORIGINS):
        return 403  # another site's page; a client without an origin is no browser and must prove itself too
    token, on_purpose = carried_token(event)
    try:
        proof = tokens.prove(token) if token else None
    except NotProven:
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
    subscriptions.subscribe(event["requestContext"]["connectionId"], read_frame(event))
    return 200


def read_frame(event: SocketEvent) -> Subscribe:
    body = event.get("body") or ""
    if len(body) > LARGEST_FRAME:
        raise FrameRefused("INVALID_MESSAGE", "The frame is too large.")
    try:
        return Subscribe.model_validate_json(body)
    except ValidationError:
        raise FrameRefused("INVALID_MESSAGE", "SUBSCRIBE names a userId and channels.") from None


def ping(event: SocketEvent, now: datetime) -> int:
    post.reply(event["requestContext"]["connectionId"], Pong())
    return 200


def unknown(event: SocketEvent, now: datetime) -> int:
    raise FrameRefused("INVALID_MESSAGE", "Send JSON with a type: SUBSCRIBE or PING.")


def disconnect(event: SocketEvent, now: datetime) -> int:
    connections.forget(event["requestContext"]["connectionId"])
    return 200


ROUTES: dict[str, Callable[[SocketEvent, datetime], int]] = {
    "$connect": admit,
    "$disconnect": disconnect,
    "$default": unknown,
    "SUBSCRIBE": subscribe,
    "PING": ping,
}


def handler(event: SocketEvent, context: Any) -> dict[str, Any]:
    route = event["requestContext"]["routeKey"]
    try:
        return {"statusCode": ROUTES[route](event, clock())}
    except FrameRefused as refusal:
        logger.info("frame refused", extra={"code": refusal.code, "route": route})
        error = FrameError(code=refusal.code, message=refusal.message)
        post.reply(event["requestContext"]["connectionId"], error)
        post.dismiss([refusal.over] if refusal.over else [])
        return {"statusCode": 200}
