"""Unusual spellings of a callback, pure: the same facts under a valid MAC, as seen in other systems.

Two digits of a number choose a spelling: the last one how `data` is written, the one before it the text around `data`.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from . import wire

AS_DOCUMENTED = "as documented"
_BYTE_ORDER_MARK = "\ufeff"
# The fields without which a callback is useless: the order, the transaction and the amount.
_NEEDED = ("app_id", "app_trans_id", "amount", "zp_trans_id")

Document = dict[str, Any]


class SpelledCallback(NamedTuple):
    """A callback as it is sent. `body` has its fields by name; the MAC is over the exact text of `body["data"]`."""

    name: str
    body: Document
    content: bytes
    content_type: str = "application/json"


def _numbers(kind: Callable[[int], object]) -> Callable[[Document], str]:
    return lambda data: wire.compact({name: kind(it) if type(it) is int else it for name, it in data.items()})


def _optional(value: object) -> Callable[[Document], str]:
    """Return the optional fields, each with this value. A discount keeps its own, because it concerns the money."""
    return lambda data: wire.compact({name: it if _is_kept(name, it) else value for name, it in data.items()})


def _is_kept(name: str, value: object) -> bool:
    return name in _NEEDED or (name == "discount_amount" and bool(value))


def _needed_only(data: Document) -> str:
    return wire.compact({name: it for name, it in data.items() if _is_kept(name, it)})


_UNKNOWN = {"bank_code": "", "promotion": {"campaign": None, "lots": [1, 2.5]}, "ghi_chú": "Khuyến mãi"}

DATA: tuple[tuple[str, Callable[[Document], str]], ...] = (
    (AS_DOCUMENTED, wire.compact),
    ("numbers as text", _numbers(str)),
    ("numbers as integral floats", _numbers(float)),
    ("optional fields empty", _optional("")),
    ("optional fields null", _optional(None)),
    ("optional fields missing", _needed_only),
    ("unknown fields in data", lambda data: wire.compact(data | _UNKNOWN)),
    ("byte order mark before data", lambda data: _BYTE_ORDER_MARK + wire.compact(data)),
    ("white space in data", lambda data: json.dumps(data, indent=2, ensure_ascii=False) + "\r\n"),
    ("letters of data escaped", json.dumps),
)


def _same(body: Document) -> Document:
    return body


def _json(body: Document) -> bytes:
    return wire.compact(body).encode()


def _marked(body: Document) -> bytes:
    return _BYTE_ORDER_MARK.encode() + _json(body)


def _form(body: Document) -> bytes:
    return urlencode(body).encode()


def _spaced(body: Document) -> bytes:
    return ("\r\n" + json.dumps(body, indent="\t", ensure_ascii=False) + "\r\n").encode()


AROUND: tuple[tuple[str, Callable[[Document], Document], Callable[[Document], bytes]], ...] = (
    (AS_DOCUMENTED, _same, _json),
    ("type missing", lambda body: {name: it for name, it in body.items() if name != "type"}, _json),
    ("type as text", lambda body: body | {"type": "1"}, _json),
    ("type as a float", lambda body: body | {"type": 1.0}, _json),
    ("type empty", lambda body: body | {"type": ""}, _json),
    ("byte order mark before the body", _same, _marked),
    ("form body", _same, _form),
    ("MAC in capitals", lambda body: body | {"mac": body["mac"].upper()}, _json),
    ("unknown fields in the body", lambda body: body | _UNKNOWN, _json),
    ("white space in the body", _same, _spaced),
)
SPELLINGS = len(DATA) * len(AROUND)  # 0 is the documented one


def names() -> dict[str, list[str]]:
    """Return the meanings of the last digit of a number and of the digit before it."""
    return {"data": [each[0] for each in DATA], "around": [each[0] for each in AROUND]}


def name_of(number: int) -> str:
    """Name the unusual part of this spelling."""
    both = DATA[number % len(DATA)][0], AROUND[number // len(DATA) % len(AROUND)][0]
    return ", ".join(name for name in both if name != AS_DOCUMENTED)


def spelled(body: Mapping[str, Any], number: int, key2: str) -> SpelledCallback:
    """Return a callback's `data`, `mac` and `type` in the spelling of this number, signed again."""
    _, spell = DATA[number % len(DATA)]
    _, change, write = AROUND[number // len(DATA) % len(AROUND)]
    data = spell(json.loads(body["data"]))
    changed = change({**body, "data": data, "mac": wire.callback_mac(key2, data)})
    kind = "application/x-www-form-urlencoded" if write is _form else "application/json"
    return SpelledCallback(name_of(number), changed, write(changed), kind)
