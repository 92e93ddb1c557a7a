"""The possible errors in a document, drawn from a `random.Random` or from hypothesis's, which shrinks."""

import copy
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

NESTED = "[" * 40 + "]" * 40
ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    -0.0,
    10**19,
    10**30,
    -(10**400),
    float("nan"),
    float("inf"),
    "",
    " ",
    "0",
    "null",
    "a\x00b",
    "\u202eabc",
    "\ud800",
    "\ufeff",
    "\uff11\uff12\uff13",
    "\u0663",
    "é" * 4096,
    "a" * 4096,
    "../../etc",
    "a#b",
    "STAY#x",
    "'; --",
    "{{7*7}}",
    "<script>",
    "a@b\r\nBcc: c@d",
    "2027-02-30",
    "2027-03-20T00:00:00+07:00",
    "9999-12-31",
    "0001-01-01",
    "inf",
    [],
    {},
    [[]],
    {"S": "x"},
    {"$ref": "#"},
    ["a"] * 101,
    json.loads(NESTED),
)

Place = tuple[Any, Any]  # a dict or a list, and the key or index in it


def places(document: Any) -> Iterator[Place]:
    """Return every position that holds a value."""
    within = document.items() if isinstance(document, dict) else enumerate(document)
    for name, value in list(within):
        yield document, name
        if isinstance(value, dict | list):
            yield from places(value)


def _odd(random: Random) -> Any:
    return copy.deepcopy(random.choice(ODD))  # a copy, because a change to the original would affect later draws


def _remove(within: Any, name: Any, random: Random) -> None:
    del within[name]


def _replace(within: Any, name: Any, random: Random) -> None:
    within[name] = _odd(random)


def _rename(within: Any, name: Any, random: Random) -> None:
    if isinstance(within, dict):
        spelled = random.choice([name.upper(), name.lower(), f"{name} ", f"{name}\x00", "__proto__", "PK", "id"])
        within[spelled] = within.pop(name)


def _retype(within: Any, name: Any, random: Random) -> None:
    value = within[name]
    within[name] = random.choice([str(value), [value], {"value": value}, json.dumps(value), f"{value}\n", [value] * 70])


def _repeat(within: Any, name: Any, random: Random) -> None:
    if isinstance(within, list):
        within.insert(name, within[name])


def _add(within: Any, name: Any, random: Random) -> None:
    if isinstance(within, dict):
        within[random.choice(["status", "userId", "PK", "kind", "amount", "id", "\ud800", ""])] = _odd(random)


def _swap(within: Any, name: Any, random: Random) -> None:
    other = random.choice(list(within) if isinstance(within, dict) else range(len(within)))
    within[name], within[other] = within[other], within[name]


_WAYS: tuple[Callable[[Any, Any, Random], None], ...] = (
    _remove,
    _replace,
    _replace,
    _rename,
    _retype,
    _repeat,
    _add,
    _swap,
)


def damaged(document: Any, random: Random) -> Any:
    """Return a copy with one to three errors. An error may turn out to be harmless."""
    broken = copy.deepcopy(document)
    for _ in range(random.randint(1, 3)):
        found = list(places(broken))
        if not found:
            break
        within, name = random.choice(found)
        random.choice(_WAYS)(within, name, random)
    return broken


def _flip(text: bytes, at: int, random: Random) -> bytes:
    return text[:at] + bytes([text[at] ^ (1 << random.randrange(8))]) + text[at + 1 :]


def _insert(text: bytes, at: int, random: Random) -> bytes:
    wrong = random.choice(
        [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\x00", b"\xef\xbb\xbf", b'"', b"}", b"\\u", b"//", b"NaN"]
    )
    return text[:at] + wrong + text[at:]


def _cut(text: bytes, at: int, random: Random) -> bytes:
    return text[:at]


def _nest(text: bytes, at: int, random: Random) -> bytes:
    depth = random.choice([100, 900, 990, 5_000, 30_000])
    opening, closing = random.choice([(b"[", b"]"), (b'{"a":', b"}")])
    return b'{"auctionId":' + opening * depth + (b"1" if opening != b"[" else b"") + closing * depth + b"}"


def _recode(text: bytes, at: int, random: Random) -> bytes:
    return text.decode().encode(random.choice(["utf-16", "utf-32", "utf-7"]))


def _twice(text: bytes, at: int, random: Random) -> bytes:
    return text + text


def _number(text: bytes, at: int, random: Random) -> bytes:
    return random.choice(
        [b"1" * 5000, b"1e999", b"-", b"0x10", b"01", b"Infinity", b"null", b"true", b'"text"', b"[]", b" "]
    )


_TEXTS: tuple[Callable[[bytes, int, Random], bytes], ...] = (_flip, _insert, _cut, _nest, _recode, _twice, _number)


def damaged_text(text: bytes, random: Random) -> bytes:
    """Return a JSON text with an error in its letters."""
    return random.choice(_TEXTS)(text, random.randrange(len(text)), random) if text else b"{"
