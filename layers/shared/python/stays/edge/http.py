"""The HTTP edge: routes whose handlers take and return models, the caller, and every error in the contract's shape."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Any, NamedTuple, TypeAlias, TypeVar, get_type_hints

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from pydantic import Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from stays.domain.errors import Invalid, NotFound, StaysError
from stays.domain.values import ID, LONGEST_EMAIL, LONGEST_NAME, Model, check_user_id

PREFIX = "/api/v1"
LARGEST_BODY = 65_536  # bytes: sixty nights and all other fields take a tenth of it

STATUS = {
    "VALIDATION_ERROR": 400,
    "INVALID_AMOUNT": 400,
    "INVALID_TRANSACTION_ID": 400,
    "AUTH_REQUIRED": 401,
    "INSUFFICIENT_PERMISSIONS": 403,
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

PathId = Annotated[str, Field(pattern=ID)]  # an id of another system of the company, in a path
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


class PassedOn(NamedTuple):
    """Another backend's answer, which the caller gets as it is."""

    status: int
    content: Mapping[str, Any]


class Nothing(Model):
    """An empty object: the request was carried out."""


Admit: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
Answer: TypeAlias = Model | Sequence[Model] | PassedOn | str
Handler = TypeVar("Handler", bound=Callable[..., Answer])


class Operation(NamedTuple):
    """One route: its handler, and what the handler's signature does not tell a stranger.

    `errors` are the codes that this route can answer, beside those of every route. `kind` is the content type of the
    answer; a handler that returns a text returns a file of this type.
    """

    method: str
    path: str
    summary: str
    errors: tuple[str, ...]
    kind: str
    handler: Callable[..., object]


class Api(APIGatewayHttpResolver):
    """The routes of one function. Every error is answered in the contract's shape.

    `admit` returns each event as the routes get it, or raises a StaysError.
    """

    def __init__(self, admit: Admit = lambda event: event) -> None:
        super().__init__(strip_prefixes=[PREFIX])
        self.admit = admit
        self.operations: list[Operation] = []
        self.exception_handler(StaysError)(self._fail)
        self.exception_handler(Exception)(self._break)
        self.not_found(lambda _: self._fail(_missing(self)))

    def operation(
        self, route: str, summary: str, errors: tuple[str, ...] = (), kind: str = content_types.APPLICATION_JSON
    ) -> Callable[[Handler], Handler]:
        """Serve a route, such as `GET /bookings/<booking_id>`, with the facts of an `Operation`.

        The handler's arguments are read and validated by their types. A name of the path is a text. A model is the
        query of a GET, and otherwise the body. A request that does not fit is answered with VALIDATION_ERROR, which
        names every wrong field. The handler returns a model, a list of models, or the text of a file.
        """
        method, path = route.split(" ")

        def serve(handler: Handler) -> Handler:
            self.operations.append(Operation(method, path, summary, errors, kind, handler))
            hints = get_type_hints(handler, include_extras=True)
            arguments = {name: TypeAdapter(hint) for name, hint in hints.items() if name != "return"}

            def call(**path_values: str) -> Response[str]:
                said = handler(**self._read(arguments, path_values))
                return self._file(said, kind) if isinstance(said, str) else _written(said)

            self.route(path, method)(call)
            return handler

        return serve

    def _read(self, arguments: Mapping[str, TypeAdapter[Any]], path_values: Mapping[str, str]) -> dict[str, Any]:
        """The handler's arguments. Raises Invalid with every field that does not fit."""
        event, values, wrong = self.current_event.raw_event, dict[str, Any](), list[dict[str, str]]()
        is_get = event["requestContext"]["http"]["method"] == "GET"
        model = event.get("queryStringParameters", {}) if is_get else event["content"]
        for name, adapter in arguments.items():
            try:
                values[name] = adapter.validate_python(path_values.get(name, model))
            except ValidationError as error:
                wrong += [_wrong_field(name, each["loc"], each["msg"]) for each in error.errors()]
        if wrong:
            raise Invalid("VALIDATION_ERROR", "The request is not valid.", fields=wrong)
        return values

    def _file(self, content: str, kind: str) -> Response[str]:
        """A file, or 304 if the caller has this version. Private cache only; the caller revalidates it every time."""
        tag = f'"{sha256(content.encode()).hexdigest()[:32]}"'
        headers = {"etag": tag, "cache-control": "private, no-cache"}
        known = (self.current_event.headers.get("if-none-match") or "").split(",")
        if {tag, "*"} & {each.strip().removeprefix("W/") for each in known}:
            return Response(304, kind, "", headers)
        return Response(200, kind, content, headers)

    def _fail(self, error: StaysError) -> Response[str]:
        request_id = self.current_event.raw_event["requestContext"]["requestId"]
        return Response(STATUS[error.code], content_types.APPLICATION_JSON, _body(error, request_id))

    def _break(self, error: Exception) -> Response[str]:
        request_id = self.current_event.raw_event["requestContext"]["requestId"]
        logger.error("request failed", exc_info=error, extra={"requestId": request_id})
        return self._fail(StaysError("INTERNAL_ERROR", "Something went wrong; please try again."))


def caller(app: Api) -> Caller:
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


def received(app: Api) -> Received:
    """The present request as it came in, to pass on."""
    event = app.current_event.raw_event
    body = event.get("body") or ""
    content = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    return Received(event.get("rawQueryString", ""), event.get("headers", {}), content)


def answer(app: Api, event: dict[str, Any], context: Any) -> dict[str, Any]:
    """One request: the edge, limits and JSON first, then the routes. Every answer carries the request's id.

    HEAD is answered like GET, without the body (RFC 9110, 9.3.2).
    """
    request = event["requestContext"]["http"]
    if request["method"] != "HEAD":
        return _answer(app, event, context)
    as_get = event["requestContext"] | {"http": request | {"method": "GET"}}
    return _answer(app, event | {"requestContext": as_get, "isHead": True}, context) | {"body": ""}


def is_head(app: Api) -> bool:
    """Whether the answer to the present request has no body."""
    return bool(app.current_event.raw_event.get("isHead"))


def _answer(app: Api, event: dict[str, Any], context: Any) -> dict[str, Any]:
    request_id = event["requestContext"]["requestId"]
    try:
        admitted = app.admit(event)
        content = _read_body(admitted)
    except StaysError as error:
        reply: dict[str, Any] = {
            "statusCode": STATUS[error.code],
            "headers": {"Content-Type": content_types.APPLICATION_JSON},
            "body": _body(error, request_id),
        }
    else:
        reply = app.resolve(admitted | {"content": content}, context)
    reply["headers"] = {"cache-control": "no-store"} | reply["headers"] | {"x-request-id": request_id}
    return reply


def _read_body(event: Mapping[str, Any]) -> dict[str, Any]:
    """The body: a JSON object of limited size with that content type. No body counts as an empty object."""
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
    return content


def _missing(app: Api) -> StaysError:
    """405 if the path has another method, otherwise 404."""
    path = app.current_event.path.removeprefix(PREFIX)
    allowed = {route.method for route in app._static_routes + app._dynamic_routes if route.rule.match(path)}  # noqa: SLF001
    if not allowed:
        return NotFound()
    allowed |= {"HEAD"} if "GET" in allowed else set()
    return StaysError("METHOD_NOT_ALLOWED", "This method is not served here.", allowed=sorted(allowed))


def _written(said: Model | Sequence[Model] | PassedOn) -> Response[str]:
    """The answer as JSON. Absent fields are left out, never null."""
    if isinstance(said, PassedOn):
        return Response(said.status, content_types.APPLICATION_JSON, _json(said.content))
    shown = said.dump() if isinstance(said, Model) else [each.dump() for each in said]
    return Response(200, content_types.APPLICATION_JSON, _json(shown))


def _body(error: StaysError, request_id: str) -> str:
    shown = {"code": error.code, "message": error.message, "details": error.details}
    return _json({"error": shown, "requestId": request_id})


def _is_unicode(text: str) -> bool:
    """Whether the text can be stored: JSON texts may contain halves of characters."""
    return text.encode(errors="ignore").decode() == text


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str)


def _wrong_field(argument: str, location: Sequence[int | str], message: str) -> dict[str, str]:
    """`selectedNights.3`, and the reason. An argument of the path has no location inside it."""
    name = ".".join(to_camel(str(part)) for part in location or (argument,))
    return {"field": name, "message": message.removeprefix("Value error, ")}
