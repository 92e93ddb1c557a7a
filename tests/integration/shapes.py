"""Texts of which only the form is known."""

import re
from collections.abc import Iterator
from typing import Any


class Like(str):
    """Equal to every text that matches the pattern."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch(str(self), other) is not None

    def __ne__(self, other: object) -> bool:
        return not self == other


TIME = Like(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z")
ID = Like(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
APP_TRANS_ID = Like(r"270301_[0-7][0-9A-HJKMNP-TV-Z]{25}")
TRANSACTION_ID = Like(r"270301[0-9]{9}")
REFERENCE = Like(r"[0-9A-Z]{5}-[0-9A-Z]{5}")
ADDRESS = Like(r"http://127\.0\.0\.1:[0-9]+/openinapp\?order=[A-Za-z0-9+/=]+")
SENTENCE = Like(r"[A-Z].{5,150}")


def leaves(value: Any) -> Iterator[Any]:
    """All scalar values in a JSON document."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value
