"""The parameters of each API as a table: names, types, lengths and limits."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

_INT32, _INT64 = 2**31 - 1, 2**63 - 1
_WHOLE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class FieldError(ValueError):
    """A field is missing, has the wrong type, or exceeds its limits."""


class Number(NamedTuple):
    """A whole number. A form sends its digits, and JSON may do so too."""

    low: int = 0
    high: int = _INT64
    required: bool = True

    def read(self, value: object) -> int:
        """Return the number; a float or a bool is refused."""
        text = str(value) if type(value) is int else value
        if not isinstance(text, str) or not _WHOLE.fullmatch(text):
            raise FieldError("must be a whole number")
        if not self.low <= int(text) <= self.high:
            raise FieldError(f"must be from {self.low} to {self.high}")
        return int(text)


class Text(NamedTuple):
    """Text with a maximum length in characters."""

    longest: int
    required: bool = True
    pattern: str = ""

    def read(self, value: object) -> str:
        """Return the text as it was sent; a required text must not be blank."""
        if not isinstance(value, str):
            raise FieldError("must be a string")
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise FieldError("must be valid Unicode")
        if len(value) > self.longest:
            raise FieldError(f"must have at most {self.longest} characters")
        if self.required and not value.strip():
            raise FieldError("must not be blank")
        if value and self.pattern and not re.fullmatch(self.pattern, value, re.ASCII):
            raise FieldError("has the wrong form")
        return value


class JsonText(NamedTuple):
    """A JSON document, sent as a string."""

    longest: int
    shape: type = dict
    required: bool = True

    def read(self, value: object) -> str:
        """Return the text as it was sent, because the MAC is over exactly these characters."""
        text = Text(self.longest, self.required).read(value)
        try:
            fits = isinstance(json.loads(text or "{}"), self.shape)
        except ValueError:
            fits = False
        if not fits:
            raise FieldError("must be a JSON array" if self.shape is list else "must be a JSON object")
        return text


class Url(NamedTuple):
    """An address that can be called."""

    required: bool = False

    def read(self, value: object) -> str:
        """Return the address, if it is http or https and has a host."""
        text = Text(2048, self.required).read(value)
        try:
            parts = urlsplit(text)
        except ValueError as error:
            raise FieldError("must be an address") from error
        if text and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise FieldError("must be an address that starts with http")
        return text


Field = Number | Text | JsonText | Url

_APP_ID, _MAC = Number(1, _INT32), Text(64)

CREATE: dict[str, Field] = {
    "app_id": _APP_ID,
    "app_user": Text(50),
    "app_trans_id": Text(40),
    "app_time": Number(),
    "expire_duration_seconds": Number(300, 2_592_000, required=False),
    "amount": Number(1),
    "description": Text(256),
    "callback_url": Url(),
    "sub_app_id": Text(50, required=False),
    "item": JsonText(2048, list),
    "embed_data": JsonText(1024),
    "bank_code": Text(20, required=False),
    "mac": _MAC,
    "title": Text(256, required=False),
    "device_info": JsonText(256, required=False),
    "currency": Text(3, required=False, pattern="VND"),
    "phone": Text(50, required=False),
    "email": Text(100, required=False),
    "address": Text(1024, required=False),
    "product_code": Text(50, required=False, pattern="AGREEMENT"),
    "redirect_url": Text(2048, required=False),
    "order_type": Text(50, required=False),
}
QUERY: dict[str, Field] = {"app_id": _APP_ID, "app_trans_id": Text(256), "mac": _MAC}
CANCEL = QUERY
REFUND: dict[str, Field] = {
    "app_id": _APP_ID,
    "m_refund_id": Text(45),
    "zp_trans_id": Text(15, pattern="[0-9]+"),
    "amount": Number(1),
    "refund_fee_amount": Number(required=False),
    "timestamp": Number(),
    "description": Text(100),
    "mac": _MAC,
}
QUERY_REFUND: dict[str, Field] = {"app_id": _APP_ID, "m_refund_id": Text(256), "timestamp": Number(), "mac": _MAC}


async def sent_with(request: Request) -> dict[str, object]:
    """Return all parameters of a request, from its query string and its body (JSON or form)."""
    body = await request.body()
    try:
        if "json" in request.headers.get("content-type", ""):
            document = json.loads(body)
        else:
            document = dict(parse_qsl(body.decode(), keep_blank_values=True))
    except ValueError:
        document = {}
    return {**request.query_params, **(document if isinstance(document, dict) else {})}


def read(fields: Mapping[str, Field], sent: Mapping[str, object]) -> dict[str, Any]:
    """Return the known fields in their types and drop unknown ones. Raises FieldError, which names the field."""
    missing = [name for name, field in fields.items() if field.required and name not in sent]
    if missing:
        raise FieldError(f"{', '.join(missing)}: missing")
    return {name: _one(name, field, sent[name]) for name, field in fields.items() if name in sent}


def _one(name: str, field: Field, value: object) -> int | str:
    try:
        return field.read(value)
    except FieldError as error:
        raise FieldError(f"{name}: {error}") from error
