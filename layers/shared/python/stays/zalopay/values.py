"""ZaloPay's values in every form that occurs: numbers, texts of numbers, integral floats, or empty."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from stays.domain.values import TRANSACTION_ID

_LARGEST = 2**63 - 1  # ZaloPay's integers have 64 bits (docs.zalopay.vn)
_EXACT = 2**53  # above this, a float stands for more than one integer
_WHOLE = r"[+-]?[0-9]{1,19}(\.0{1,2})?"  # not "500.000": in Vietnam this is half a million
_FIRST_TIME = 10**12  # milliseconds: September 2001, before ZaloPay existed
_AROUND = " \t\r\n\ufeff"  # white space and byte order marks


def bare(text: str) -> str:
    """The text without white space and byte order marks at its ends."""
    return text.strip(_AROUND)


def whole(value: Any) -> int | None:
    """The value as an integer of at most 64 bits, or None."""
    if isinstance(value, str):
        text = bare(value)
        value = int(text.partition(".")[0]) if re.fullmatch(_WHOLE, text) else None
    elif isinstance(value, float):
        value = int(value) if value.is_integer() and abs(value) < _EXACT else None
    return value if type(value) is int and abs(value) <= _LARGEST else None


def truth(value: Any) -> bool | None:
    """The value as true or false, or None."""
    words = {"true": True, "false": False}
    if isinstance(value, str) and bare(value).lower() in words:
        return words[bare(value).lower()]
    number = int(value) if isinstance(value, bool) else whole(value)
    return bool(number) if number in (0, 1) else None


def line(value: Any) -> str | None:
    """The text without white space at its ends; None for other types."""
    return bare(value) if isinstance(value, str) else None


def name(value: Any) -> str | None:
    """An id as a text, also if it came as a number; None for other types."""
    number = None if isinstance(value, str) else whole(value)
    return line(value) if number is None else str(number)


def transaction(value: Any) -> str | None:
    """The id of a transaction as a text of digits, or None."""
    text = re.sub(r"\.0{1,2}$", "", name(value) or "")
    return text if re.fullmatch(TRANSACTION_ID, text) and int(text) else None


def dong(value: Any) -> int | None:
    """An amount in đồng above zero, or None."""
    number = whole(value)
    return number if number is not None and number > 0 else None


def time_of(milliseconds: int | None) -> datetime | None:
    """The time on ZaloPay's clock, or None if the number is no time."""
    if not milliseconds or milliseconds < _FIRST_TIME:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have a value. Null and blank texts count as absent."""
    return {key: value for key, value in fields.items() if value is not None and line(value) != ""}


Whole = Annotated[int, BeforeValidator(whole)]
Dong = Annotated[int, BeforeValidator(dong)]
# In a model, these read an unreadable value as None. The others refuse it.
WholeOrNone = Annotated[int | None, BeforeValidator(whole)]
DongOrNone = Annotated[int | None, BeforeValidator(dong)]
TransactionId = Annotated[
    str,
    BeforeValidator(transaction),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": TRANSACTION_ID}]}),
]
