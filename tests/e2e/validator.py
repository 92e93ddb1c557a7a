"""The frontend's validator of messages. The frontend drops every message that is not valid."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

Message = dict[str, Any]
Check = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_time(value: Any) -> bool:
    """A time with a zone, or a date. The frontend would read a time without a zone as local time."""
    if not _is_text(value):
        return False
    try:
        return len(value) == len("2026-01-01") or datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_nights(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(len(night) == len("2026-01-01") for night in value)


def _one_of(*values: str) -> Check:
    return lambda value: value in values


SHAPES: Mapping[str, Mapping[str, Check]] = {
    "PAYMENT_STATUS": {
        "paymentId": _is_text,
        "userId": _is_text,
        "status": _one_of("INITIATED", "PROCESSING", "COMPLETED", "FAILED"),
    },
    "BOOKING_CONFIRMED": {
        "bookingId": _is_text,
        "userId": _is_text,
        "propertyName": _is_text,
        "checkIn": _is_time,
        "checkOut": _is_time,
    },
    "AUCTION_RESULT": {
        "auctionId": _is_text,
        "userId": _is_text,
        "result": _one_of("FULL_WIN", "PARTIAL_WIN", "LOST"),
        "amount": _is_number,
        "paymentDeadline": _is_time,
        "propertyName": _is_text,
    },
    "SECOND_CHANCE_OFFER": {
        "offerId": _is_text,
        "auctionId": _is_text,
        "userId": _is_text,
        "offeredNights": _is_nights,
        "amount": _is_number,
        "responseDeadline": _is_time,
        "propertyName": _is_text,
    },
}
OPTIONAL: Mapping[str, Check] = {"transactionId": _is_text, "awardedNights": _is_nights}


def is_valid(message: Message) -> bool:
    """Whether the frontend accepts a message of a type that it knows."""
    shape = SHAPES[message["type"]]
    complete = all(name in message and check(message[name]) for name, check in shape.items())
    sound = all(check(message[name]) for name, check in OPTIONAL.items() if name in message)
    return complete and sound and None not in message.values() and _is_consistent(message)


def _is_consistent(message: Message) -> bool:
    if message["type"] == "BOOKING_CONFIRMED":
        return bool(message["checkIn"] < message["checkOut"])
    if message.get("result") == "PARTIAL_WIN":
        return "awardedNights" in message
    return message.get("status") != "COMPLETED" or "transactionId" in message
