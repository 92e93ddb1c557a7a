"""The examples: of answers as a test recorded them; of requests, errors and messages by the names of their fields."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

# tests/proof/hostile/answers.py records them from the running functions, and a test compares their fields.
ANSWERS = Path(__file__).with_name("answers.json")

STAY = "01KAT3XEY8QZ4M7V2N9W5R6T1C"
BY_NAME: dict[str, Any] = {
    "allowed": ["GET", "HEAD"],
    "amount": 2_400_000,
    "appTransId": f"261124_{STAY}",
    "attempt": 2,
    "auctionId": "7203451890374592001",
    "bookingId": STAY,
    "channels": ["payment_status", "booking_confirmations"],
    "code": 1,
    "data": '{"app_id":2553,"app_trans_id":"261124_01KAT3XEY8QZ4M7V2N9W5R6T1C","amount":2400000,"zp_trans_id":1}',
    "email": "an@example.com",
    "expectedAmount": 2_400_000,
    "feed": "Qm9va2luZ3MgYW5kIG5vdGhpbmcgZWxzZQNzIwMzQ1MTg5MDM3NDU5MTAwMQ.ics",
    "field": "selectedNights.0",
    "id": STAY,
    "limit": 65_536,
    "locale": "vi-VN",
    "mac": "8d36e9ba0a0ec9d7a0b0f9a8f2a2e39a2ac6ab1f2b0ce1ef0c2f9f2a4ce0a1b3",
    "message": "A sentence in English.",
    "name": "An",
    "offerId": "7203451890374593001",
    "orderInfo": "Nhà gỗ Đồi Thông",
    "paymentId": STAY,
    "picture": "https://images.stays.example/an.jpg",
    "reminders": False,
    "propertyId": "7203451890374591001",
    "propertyName": "Nhà gỗ Đồi Thông",
    "reason": "CANCELLED_BY_TRAVELLER",
    "referenceNumber": "7V2N9-W5R6T",
    "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
    "retryAfter": 60,
    "return_message": "success",
    "selectedNights": ["2026-12-20", "2026-12-21"],
    "sessionId": STAY,
    "token": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhdXRoMHx0cmF2ZWxsZXItYW4ifQ.c2lnbmF0dXJl",
    "transactionId": "261124000000175",
    "userId": "auth0|traveller-an",
}


class Undescribed(Exception):
    """A route, a code or a field that a stranger cannot use, because a part of its description is missing."""


_BY_FORMAT = {"date": "2026-12-20", "date-time": "2026-11-24T03:04:10.000Z"}
_BY_TYPE = {"boolean": True, "object": {}}


def example(schema: Schema, known: Mapping[str, Schema], name: str = "") -> Any:
    """Return an example. `known` are the components; `name` is that of the field. Raises Undescribed."""
    if "$ref" in schema:
        return example(known[schema["$ref"].rpartition("/")[2]], known, name)
    if "properties" in schema:
        return {each: example(inner, known, each) for each, inner in schema["properties"].items()}
    options = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if options:
        return BY_NAME[name] if BY_NAME.get(name) in options else options[0]
    if name not in BY_NAME and "items" in schema:
        return [example(schema["items"], known, name)]
    found = BY_NAME.get(name, _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE.get(schema.get("type", ""))))
    if found is None:
        raise Undescribed(f"{name}: infra.contracts.examples has no example of this field")
    return found


@cache
def recorded_answers() -> dict[str, Any]:
    """Return an answer of each route that answers JSON."""
    answers: dict[str, Any] = json.loads(ANSWERS.read_text(encoding="utf-8"))
    return answers


def answer_of(route: str) -> Any:
    """Return the recorded answer of a route, such as `GET /health`. Raises Undescribed."""
    if route not in recorded_answers():
        raise Undescribed(f"{route}: no answer is recorded; tests/proof/hostile/answers.py has to ask for it")
    return recorded_answers()[route]
