"""The WebSocket's messages in both directions, and API Gateway's event around them."""

from typing import Annotated, Literal, NotRequired, TypeAlias, TypedDict

from pydantic import Field

from stays.domain.notification import CHANNELS, Channel, Message, Notification
from stays.domain.values import Model, UserId

Token = Annotated[str, Field(max_length=4096)]
ErrorCode = Literal["INVALID_MESSAGE", "FORBIDDEN", "TOKEN_EXPIRED"]


class Subscribe(Model):
    """Get the messages of a user from now on. The answer is SUBSCRIBED, then the present state."""

    type: Literal["SUBSCRIBE"] = "SUBSCRIBE"
    user_id: Annotated[UserId, Field(description="The `sub` of the token.")]
    channels: Annotated[
        tuple[Channel, ...], Field(min_length=1, max_length=20, description="All channels by default.")
    ] = CHANNELS
    token: Annotated[Token | None, Field(description="An access token, to prove the user.")] = None


class Ping(Model):
    """Keep the connection open. The answer is PONG."""

    type: Literal["PING"] = "PING"


class Subscribed(Message):
    """The answer to a good SUBSCRIBE. The present state follows: recent payments and bookings, open wins and offers."""

    type: Literal["SUBSCRIBED"] = "SUBSCRIBED"
    channels: tuple[Channel, ...]


class Pong(Message):
    """The answer to PING."""

    type: Literal["PONG"] = "PONG"


class FrameError(Message):
    """The answer to a message that cannot be read or is refused. The connection stays, except after TOKEN_EXPIRED."""

    type: Literal["ERROR"] = "ERROR"
    code: ErrorCode
    message: str


FromBrowser: TypeAlias = Annotated[Subscribe | Ping, Field(discriminator="type")]
ToBrowser: TypeAlias = Annotated[Notification | Subscribed | Pong | FrameError, Field(discriminator="type")]


class Identity(TypedDict):
    """The address and the user agent of a connection, as the gateway saw them."""

    sourceIp: str
    userAgent: NotRequired[str | None]


class SocketContext(TypedDict):
    """The connection and the route of an event."""

    connectionId: str
    routeKey: str
    identity: Identity


class SocketEvent(TypedDict):
    """API Gateway's event (AWS, WebSocket APIs): a connection that opens or closes, or a message on it."""

    requestContext: SocketContext
    body: NotRequired[str | None]
    headers: NotRequired[dict[str, str] | None]
    multiValueHeaders: NotRequired[dict[str, list[str]] | None]
    queryStringParameters: NotRequired[dict[str, str] | None]
