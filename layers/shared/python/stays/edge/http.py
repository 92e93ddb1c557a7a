"""The HTTP edge: the resolver, the caller, and every error in the one shape of the contract."""

import base64
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, NamedTuple

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic.alias_generators import to_camel

from stays.domain.errors import Invalid, NotFound, StaysError
from stays.domain.values import ID, LONGEST_EMAIL, LONGEST_NAME, STAY_ID, check_user_id

PREFIX = "/api/v1"
LARGEST_BODY = 65_536  # bytes: sixty nights and all other fields take a tenth of it

STATUS = {
    "VALIDATION_ERROR": 400,
    "INVALID_AMOUNT": 400,
    "INVALID_TRANSACTION_ID": 400,
    "AUTH_REQUIRED": 401,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "INVALID_AUCTION_STATE": 409,
    "PAYMENT_PROCESSING": 409,
    "OFFER_EXPIRED": 409,
    "BOOKING_CREATION_FAILED": 409,
    "CALENDAR_UPDATE_FAILED": 409,
    "EMAIL_SENDING_FAILED": 409,
    "PAYLOAD_TOO_LARGE": 413,
    "RATE_LIMIT": 429,
    "INTERNAL_ERROR": 500,
    "PAYMENT_CREATION_FAILED": 502,
}

PathId = Annotated[str, Path(pattern=STAY_ID)]
PropertyId = Annotated[str, Path(pattern=ID)]
logger = Logger()

_NOT_JSON = Invalid.field("body", "The body is not JSON.")


class Caller(NamedTuple):
    """The user who calls, by the verified token, with address and user agent. E-mail and name fit into the table."""

    user_id: str
    email: str | None
    name: str | None
    locale: str | None
    address: str
    agent: str
    picture: str | None = None


class Received(NamedTuple):
    """A request as the browser sent it."""

    query: str
    headers: Mapping[str, str]
    body: bytes


def caller(app: APIGatewayHttpResolver) -> Caller:
    """The caller of the present request. Raises AUTH_REQUIRED if the gateway has verified no user."""
    context = app.current_event.raw_event["requestContext"]
    claims = context.get("authorizer", {}).get("jwt", {}).get("claims", {})
    said = {name: value for name, value in claims.items() if isinstance(value, str) and _is_unicode(value)}
    try:
        user_id = check_user_id(said.get("sub", ""))
    except ValueError:
        raise StaysError("AUTH_REQUIRED", "Sign in first.") from None
    origin, email = context["http"], said.get("email", "")
    return Caller(
        user_id=user_id,
        email=email if 0 < len(email) <= LONGEST_EMAIL else None,
        name=said.get("name", "")[:LONGEST_NAME] or None,
        locale=said.get("locale"),
        address=origin["sourceIp"],
        agent=origin.get("userAgent", ""),
        picture=said.get("picture"),
    )


def received(app: APIGatewayHttpResolver) -> Received:
    """The present request as it came in, to pass on."""
    event = app.current_event.raw_event["received"]
    body = event.get("body") or ""
    content = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    return Received(event.get("rawQueryString", ""), event.get("headers", {}), content)


def resolver() -> APIGatewayHttpResolver:
    """A resolver that validates with pydantic and answers every error in the contract's shape."""
    app = APIGatewayHttpResolver(enable_validation=True, strip_prefixes=[PREFIX], serializer=_json)

    def invalid(error: RequestValidationError) -> Response[str]:
        fields = [
            {"field": _field(each["loc"]), "message": each["msg"].removeprefix("Value error, ")}
            for each in error.errors()
        ]
        return _failure(app, Invalid("VALIDATION_ERROR", "The request is not valid.", fields=fields))

    def broken(error: Exception) -> Response[str]:
        request_id = app.current_event.raw_event["requestContext"]["requestId"]
        logger.error("request failed", exc_info=error, extra={"requestId": request_id})
        return _failure(app, StaysError("INTERNAL_ERROR", "Something went wrong; please try again."))

    app.exception_handler(StaysError)(lambda error: _failure(app, error))
    app.exception_handler(RequestValidationError)(invalid)
    app.exception_handler(RecursionError)(lambda _: _failure(app, _NOT_JSON))  # nested too deeply for our own code
    app.exception_handler(Exception)(broken)
    app.not_found(lambda _: _failure(app, _missing(app)))
    return app


def answer(app: APIGatewayHttpResolver, event: dict[str, Any], context: Any) -> dict[str, Any]:
    """One request: limits and JSON first, then the routes. Every answer carries the request's id.

    HEAD is answered like GET, without the body (RFC 9110, 9.3.2).
    """
    request = event["requestContext"]["http"]
    if request["method"] != "HEAD":
        return _answer(app, event, context)
    as_get = event["requestContext"] | {"http": request | {"method": "GET"}}
    return _answer(app, event | {"requestContext": as_get, "isHead": True}, context) | {"body": ""}


def is_head(app: APIGatewayHttpResolver) -> bool:
    """Whether the answer to the present request has no body."""
    return bool(app.current_event.raw_event.get("isHead"))


def _answer(app: APIGatewayHttpResolver, event: dict[str, Any], context: Any) -> dict[str, Any]:
    request_id = event["requestContext"]["requestId"]
    try:
        body = _checked_body(event)
    except StaysError as error:
        reply: dict[str, Any] = {
            "statusCode": STATUS[error.code],
            "headers": {"Content-Type": content_types.APPLICATION_JSON},
            "body": _body(error, request_id),
        }
    else:
        headers = event.get("headers", {}) | {"content-type": content_types.APPLICATION_JSON}
        read = {"headers": headers, "body": body, "isBase64Encoded": False, "received": event}
        reply = app.resolve(event | read, context)
    reply["headers"] = {"cache-control": "no-store"} | reply["headers"] | {"x-request-id": request_id}
    return reply


def file(app: APIGatewayHttpResolver, content: str, kind: str) -> Response[str]:
    """A file, or 304 if the caller has this version. Private cache only; the caller revalidates it every time."""
    tag = f'"{sha256(content.encode()).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    known = (app.current_event.headers.get("if-none-match") or "").split(",")
    if {tag, "*"} & {each.strip().removeprefix("W/") for each in known}:
        return Response(304, kind, "", headers)
    return Response(200, kind, content, headers)


def _checked_body(event: Mapping[str, Any]) -> str:
    """The body must be a JSON object of limited size with that content type. No body counts as an empty object."""
    body = event.get("body") or ""
    kind = event.get("headers", {}).get("content-type") or content_types.APPLICATION_JSON
    if len(body) > LARGEST_BODY:
        raise Invalid("PAYLOAD_TOO_LARGE", "The body is too large.", limit=LARGEST_BODY)
    if body and not kind.lower().startswith(content_types.APPLICATION_JSON):
        raise _NOT_JSON
    try:
        text = base64.b64decode(body, validate=True).decode() if event.get("isBase64Encoded") else body
        content = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        raise _NOT_JSON from None
    if not isinstance(content, dict):
        raise Invalid.field("body", "The body has to be a JSON object.")
    return text if content else "{}"


def _missing(app: APIGatewayHttpResolver) -> StaysError:
    """405 if the path has another method, otherwise 404."""
    path = app.current_event.path.removeprefix(PREFIX)
    allowed = {route.method for route in app._static_routes + app._dynamic_routes if route.rule.match(path)}  # noqa: SLF001
    if not allowed:
        return NotFound()
    allowed |= {"HEAD"} if "GET" in allowed else set()
    return StaysError("METHOD_NOT_ALLOWED", "This method is not served here.", allowed=sorted(allowed))


def _failure(app: APIGatewayHttpResolver, error: StaysError) -> Response[str]:
    request_id = app.current_event.raw_event["requestContext"]["requestId"]
    return Response(STATUS[error.code], content_types.APPLICATION_JSON, _body(error, request_id))


def _body(error: StaysError, request_id: str) -> str:
    shown = {"code": error.code, "message": error.message, "details": error.details}
    return _json({"error": shown, "requestId": request_id})


def _is_unicode(text: str) -> bool:
    """Whether the text can be stored: JSON texts may contain halves of characters."""
    return text.encode(errors="ignore").decode() == text


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str)


def _field(location: tuple[Any, ...]) -> str:
    """`selectedNights.3`, without the framework's prefix."""
    return ".".join(to_camel(str(part)) for part in location if part not in ("body", "path", "query")) or "body"
