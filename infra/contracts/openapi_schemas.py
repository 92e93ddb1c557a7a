"""The operations and schemas of the OpenAPI document: from resolvers, models and errors."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic.json_schema import models_json_schema

from infra.topology import Route
from stays.domain.booking import Booking
from stays.domain.calendar import CalendarPage
from stays.domain.mail import Account
from stays.domain.payment import _DOUBTS, _INTERNAL, PaymentSession
from stays.domain.values import MAXIMUM_AMOUNT, TRANSACTION_ID
from stays.edge.http import STATUS
from stays.zalopay.callback import _CallbackData, _Envelope

Schema = dict[str, Any]

SCHEMAS = "#/components/schemas"
_ALWAYS = (400, 413, 429, 500)  # for every route that reads its request with `stays.edge.http`


class Told(NamedTuple):
    """Facts that a route's code does not give: its purpose, its answer, and its other outcomes."""

    summary: str
    answer: Schema
    refusals: tuple[int, ...] = ()
    kind: str = "application/json"


def _named(name: str) -> Schema:
    """Return a reference to a schema."""
    return {"$ref": f"{SCHEMAS}/{name}"}


def _answered(description: str, schema: Schema, kind: str = "application/json") -> Schema:
    """Return a response, in JSON by default."""
    return {"description": description, "content": {kind: {"schema": schema}}}


def _unchanged(told: Told) -> Schema:
    """Return the 304 response: the caller already has this file."""
    return {} if told.kind == "application/json" else {"304": {"description": "The caller's copy is the present one"}}


def _having(*, optional: Mapping[str, Schema] | None = None, **properties: Schema) -> Schema:
    """Return the schema of an object with these required properties, and optional ones if given."""
    return {"type": "object", "properties": {**properties, **(optional or {})}, "required": list(properties)}


_BOOKING, _SESSION = _named("Booking"), _named("PaymentSession")
_WINNER, _OFFER = _named("Winner"), _named("Offer")
_NOTHING = {"type": "object", "maxProperties": 0}
_TOLD = {
    ("GET", "/health"): Told("Whether the API is up", _named("Health")),
    ("POST", "/payment/zalopay/create"): Told("Begin to pay for awarded nights", _named("Order"), (404, 409, 502)),
    ("GET", "/payment/zalopay/status/{appTransId}"): Told("How a payment stands", _named("Verdict"), (404,)),
    ("GET", "/payment/sessions/{sessionId}"): Told("A payment session", _SESSION, (404,)),
    ("GET", "/payment/transactions/{transactionId}"): Told("A payment by ZaloPay's transaction", _SESSION, (404,)),
    ("POST", "/payment/{paymentId}/booking"): Told("The one booking of a paid session", _BOOKING, (404, 409)),
    ("GET", "/payment/{paymentId}/booking"): Told("The booking of a payment, once there is one", _BOOKING, (404,)),
    ("POST", "/bookings"): Told("Keep awarded nights for fifteen minutes", _BOOKING, (404, 409)),
    ("GET", "/user/bookings"): Told("The caller's bookings, newest first", {"type": "array", "items": _BOOKING}),
    ("DELETE", "/bookings/{bookingId}"): Told("Give a booking back", _BOOKING, (404, 409)),
    ("POST", "/bookings/{bookingId}/update-calendar"): Told("Repeat what is done already", _NOTHING, (404, 409)),
    ("POST", "/bookings/{bookingId}/conversation"): Told("The thread with the host", _named("Thread"), (404, 409)),
    ("POST", "/bookings/{bookingId}/send-confirmation"): Told("Send the mail once more", _NOTHING, (404, 409)),
    ("GET", "/auctions/winners/me"): Told("What the caller won", {"type": "array", "items": _WINNER}),
    ("GET", "/auctions/winners/{auctionId}"): Told("What the caller won at an auction", _WINNER, (404,)),
    ("POST", "/auctions/winners/{auctionId}/accept"): Told("Want a win, or nights of it", _NOTHING, (404, 409)),
    ("POST", "/auctions/winners/{auctionId}/decline"): Told("Not want a win: the next is asked", _NOTHING, (404, 409)),
    ("GET", "/auctions/offers/second-chance/me"): Told("The caller's offers", {"type": "array", "items": _OFFER}),
    ("GET", "/auctions/offers/second-chance/{offerId}"): Told("A second-chance offer", _OFFER, (404,)),
    ("POST", "/auctions/offers/second-chance/{offerId}/accept"): Told("Accept an offer", _NOTHING, (404, 409)),
    ("POST", "/auctions/offers/second-chance/{offerId}/decline"): Told("Decline an offer", _NOTHING, (404, 409)),
    ("POST", "/auctions/offers/{offerId}/accept"): Told("Accept an offer or a win", _NOTHING, (404, 409)),
    ("POST", "/auctions/offers/{offerId}/decline"): Told("Decline an offer or a win", _NOTHING, (404, 409)),
    ("POST", "/auctions/analytics/decline"): Told("Say why something was declined", _NOTHING, (404,)),
    ("POST", "/users/auth0-sync"): Told(
        "Remember how to write to the caller; where there is a legacy backend, its status and its answer",
        _named("Account"),
    ),
    ("GET", "/properties/{propertyId}/calendar"): Told(
        "The nights of the caller's property that are held or booked", _named("CalendarPage"), (404,)
    ),
    ("POST", "/properties/{propertyId}/calendar/feed"): Told(
        "A new address for calendar programs, in place of the one before", _named("FeedAddress"), (404,)
    ),
    ("DELETE", "/properties/{propertyId}/calendar/feed"): Told("No address any more", _NOTHING, (404,)),
    ("GET", "/calendars/{feed}"): Told(
        "A property's bookings as an iCalendar file (RFC 5545)", {"type": "string"}, (404,), "text/calendar"
    ),
}
_CALLBACK: Schema = {
    "summary": "ZaloPay says that an order is paid; its MAC is the authorization",
    "requestBody": {"required": True, "content": {"application/json": {"schema": _named("Callback")}}},
    "responses": {
        "200": _answered("1: on record, or kept for people. 0: come again. -1: not ZaloPay's", _named("CallbackAnswer"))
    },
}
_PARAMETERS: dict[str, Schema] = {"transactionId": {"type": "string", "pattern": TRANSACTION_ID}}

_TEXT, _FLAG = {"type": "string"}, {"type": "boolean"}
_DAY, _INSTANT = {"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}
_DONG = {"type": "integer", "minimum": 1, "maximum": MAXIMUM_AMOUNT}
_BY_HAND: dict[str, Schema] = {
    "Health": {"type": "object", "properties": {"status": {"const": "ok"}, "version": _TEXT}, "required": ["status"]},
    "FeedAddress": {
        "type": "object",
        "properties": {"url": {"type": "string", "format": "uri"}},
        "required": ["url"],
    },
    "Thread": {"type": "object", "properties": {"threadId": _TEXT}, "required": ["threadId"]},
    "CallbackAnswer": {
        "type": "object",
        "properties": {"return_code": {"enum": [1, 0, -1]}, "return_message": _TEXT},
        "required": ["return_code", "return_message"],
    },
    "Winner": _having(
        id=_TEXT,
        auctionId=_TEXT,
        property=_named("Place"),
        bidAmount=_DONG | {"description": "what the selected nights cost"},
        checkIn=_DAY,
        checkOut=_DAY,
        isPartialWin=_FLAG | {"description": "there are nights to select, or not every night from first to last"},
        awardedNights={"type": "array", "items": _named("AwardedNight")},
        status={"enum": ["PENDING_PAYMENT", "PAID", "EXPIRED"]},
        paymentDeadline=_INSTANT,
        guestCount={"type": "integer"},
        optional={"paymentId": _TEXT},
    ),
    "AwardedNight": _having(date=_DAY, pricePerNight=_DONG, isSelected=_FLAG, rangeId=_TEXT),
    "Offer": _having(
        id=_TEXT,
        userId=_TEXT,
        auctionId=_TEXT,
        property=_named("Place"),
        propertyName=_TEXT,
        offeredNights={"type": "array", "items": _DAY},
        amount=_DONG,
        responseDeadline=_INSTANT,
        status={"enum": ["WAITING", "ACCEPTED", "DECLINED", "EXPIRED"]},
        optional={"originalBidId": _TEXT, "paymentDeadline": _INSTANT | {"description": "once it is accepted"}},
    ),
    "Place": _having(
        id=_TEXT,
        title=_TEXT,
        location={"type": "object", "properties": {"address_line1": _TEXT, "city": _TEXT, "state": _TEXT}},
        images={"type": "array", "items": _having(image_url=_TEXT)},
        optional={"city": _TEXT, "state": _TEXT, "max_guests": {"type": "integer"}},
    ),
    "GatewayRefusal": {"type": "object", "properties": {"message": _TEXT}, "required": ["message"]},
    "Error": {
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "code": _TEXT,
                    "message": _TEXT,
                    "details": {
                        "type": "object",
                        "description": "what else helps, by code: `fields` names what was wrong with a request",
                        "properties": {"fields": {"type": "array", "items": _named("WrongField")}},
                    },
                },
                "required": ["code", "message", "details"],
            },
            "requestId": _TEXT,
        },
        "required": ["error", "requestId"],
    },
    "WrongField": {
        "type": "object",
        "properties": {"field": _TEXT, "message": _TEXT},
        "required": ["field", "message"],
    },
}


def operation(route: Route, path: str, resolved: Mapping[str, Any]) -> Schema:
    """Return the operation of one route, as its function reads it.

    The callback has no resolver, because it reads its body itself.
    """
    words = re.findall(r"[A-Za-z0-9]+", f"{route.method.lower()} {path}")
    described: Schema = {"operationId": to_camel("_".join(words)), "tags": [route.function]}
    if route.public:
        described["security"] = []
    if not resolved:
        return described | _CALLBACK
    own = next(each[route.method.lower()] for own_path, each in resolved["paths"].items() if _camel(own_path) == path)
    by_itself = own["responses"]["200"]["content"]["application/json"]["schema"]
    told = _TOLD.get((route.method, path)) or Told(own["summary"], untitled(by_itself))
    described["summary"] = told.summary
    if parameters := own.get("parameters"):
        described["parameters"] = [_parameter(each) for each in parameters]
    if body := own.get("requestBody"):
        described["requestBody"] = {**untitled(body), "required": _requires(body, resolved["components"]["schemas"])}
    statuses = sorted({*_ALWAYS, *told.refusals, *(() if route.public else (401,))})
    refused = {str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses}
    answered = {"200": _answered("Done", told.answer, told.kind), **_unchanged(told)}
    return described | {"responses": answered | refused}


def _requires(body: Schema, known: Mapping[str, Schema]) -> bool:
    """Say whether the body must have a property. A missing body counts as an empty object."""
    name = body["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    return "required" in known[name]


def _camel(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: f"{{{to_camel(found[1])}}}", path)


def _parameter(own: Schema) -> Schema:
    name = to_camel(own["name"])
    return {**own, "name": name, "schema": _never_null(untitled(_PARAMETERS.get(name, own["schema"])))}


def refusals() -> dict[str, Schema]:
    """Return a response for every status with which a function refuses: each names the contract's codes for it."""
    return {str(status): _refusal(status) for status in sorted(set(STATUS.values()))}


def _refusal(status: int) -> Schema:
    codes = [code for code, its_status in STATUS.items() if its_status == status]
    coded = {"properties": {"error": {"properties": {"code": {"enum": codes}}}}}
    schema: Schema = {"allOf": [_named("Error"), coded]}
    if status == STATUS["AUTH_REQUIRED"]:
        schema = {"anyOf": [schema, _named("GatewayRefusal")]}
    return _answered(", ".join(codes), schema)


def schemas() -> dict[str, Schema]:
    """Return the schemas of all answers, and those of the callback."""
    return _entities() | _callbacks() | _BY_HAND


def used(document: Any, known: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the schemas that a document names, and those that they name in turn."""
    wanted, found = _references(document), set[str]()
    while wanted - found:
        found |= wanted
        wanted |= _references([known[name] for name in wanted])
    return {name: known[name] for name in sorted(found)}


def untitled(value: Any) -> Any:
    """Drop the titles that Pydantic makes from names."""
    if isinstance(value, dict):
        kept = (name for name, each in value.items() if name != "title" or not isinstance(each, str))
        return {name: untitled(value[name]) for name in kept}
    return [untitled(each) for each in value] if isinstance(value, list) else value


def _entities() -> dict[str, Schema]:
    """Return the models that are answers, as clients see them."""
    found = _of_models(PaymentSession, Booking, Account, CalendarPage)
    session, refund = found["PaymentSession"], found["Refund"]
    refund["properties"] = _without(refund["properties"], _DOUBTS)
    shown = _without(session["properties"], _INTERNAL)
    session["properties"] = shown | {"paymentId": shown["id"]}
    required = {*session["required"], "status", "fulfilment", "currency"}
    session["required"] = sorted(required & {*shown} | {"paymentId"})
    verdict = {"status": {"enum": ["PAID", "PENDING", "FAILED", "CANCELLED"]}}
    order = _chosen(shown, ("orderUrl", "appTransId", "amount", "expiresAt"))
    order |= {"sessionId": shown["id"], "paymentId": shown["id"]}
    return found | {
        "Verdict": {
            "type": "object",
            "properties": verdict | _chosen(shown, ("transactionId", "amount", "paidAt", "reason", "refund")),
            "required": ["status"],
        },
        "Order": {"type": "object", "properties": order, "required": sorted(order)},
    }


def _without(schemas: Mapping[str, Schema], hidden: Iterable[str]) -> dict[str, Schema]:
    return {name: schema for name, schema in schemas.items() if name not in map(to_camel, hidden)}


def _chosen(schemas: Mapping[str, Schema], names: Iterable[str]) -> dict[str, Schema]:
    return {name: schemas[name] for name in names}


def _of_models(*models: type[BaseModel]) -> dict[str, Schema]:
    modes: list[Any] = [(model, "serialization") for model in models]
    _, found = models_json_schema(modes, by_alias=True, ref_template=f"{SCHEMAS}/{{model}}")
    return {name: _never_null(untitled(_published(schema))) for name, schema in found["$defs"].items()}


def _published(schema: Schema) -> Schema:
    """Keep the first paragraph of a docstring for clients. The others describe what clients do not get."""
    return schema | {"description": schema["description"].partition("\n\n")[0]}


def _never_null(value: Any) -> Any:
    """Describe the written form: absent values are left out."""
    if isinstance(value, list):
        return [_never_null(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _never_null(each) for name, each in value.items() if name != "default"}
    something = [each for each in kept.get("anyOf", []) if each != {"type": "null"}]
    if len(something) == 1:
        del kept["anyOf"]
        return something[0] | kept
    return kept


def _callbacks() -> dict[str, Schema]:
    """Return the schemas of ZaloPay's callback: an envelope with the text of an order."""
    envelope, order = (untitled(model.model_json_schema()) for model in (_Envelope, _CallbackData))
    envelope["properties"]["data"] |= {"contentMediaType": "application/json", "contentSchema": _named("CallbackData")}
    envelope["properties"]["type"] = {"const": 1}
    return {"Callback": envelope, "CallbackData": order}


def _references(value: Any) -> set[str]:
    return set(re.findall(rf'"{SCHEMAS}/(\w+)"', json.dumps(value)))
