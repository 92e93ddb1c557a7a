"""The grammar of DynamoDB's expressions: tokens, names, values and placeholders.

Only top-level attributes can be named, because these tables need no others.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from tests.proof.simulation.attribute_values import Invalid, Item, Value, only, stands

Names = tuple[tuple[str, str], ...]
Operand = Callable[[Item, Item], Value | None]
Check = Callable[[Item], None]

LONGEST = 4096

_TOKEN = re.compile(r"\s*([#:]?\w+|<>|<=|>=|[()=<>,+\-])")
_NAME = re.compile(r"[A-Za-z_]\w*\Z")


@cache
def reserved() -> frozenset[str]:
    """Return the words that are names only through a placeholder."""
    return frozenset(ReservedKeywords.get_reserved_keywords())


def _tokens(text: str) -> list[str]:
    if not text.strip() or len(text.encode()) > LONGEST:
        raise Invalid("Invalid expression: it is empty, or its size has exceeded the maximum allowed size")
    found, position, text = [], 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise Invalid(f"Syntax error; token: {text[position:]!r}")
        found.append(match[1])
        position = match.end()
    return found


class Placeholders:
    """The placeholders for names and values, and the used ones among them."""

    def __init__(self, names: Names | None, values: tuple[str, ...] | None) -> None:
        self._given = names is not None, values is not None
        self.names = dict(names or ())
        self.values = frozenset(values or ())
        self.used: set[str] = set()

    def name(self, token: str) -> str:
        if token not in self.names:
            raise Invalid(f"An expression attribute name used in expression is not defined; attribute name: {token}")
        self.used.add(token)
        return self.names[token]

    def value(self, token: str) -> str:
        if token not in self.values:
            raise Invalid(f"An expression attribute value used in expression is not defined; attribute value: {token}")
        self.used.add(token)
        return token

    def check(self) -> None:
        """Refuse placeholders that no expression uses."""
        for given, there, what in zip(self._given, (self.names, self.values), ("Names", "Values"), strict=True):
            if given and not there:
                raise Invalid(f"ExpressionAttribute{what} must not be empty")
            if not self.used.issuperset(there):
                unused = ", ".join(sorted(set(there) - self.used))
                raise Invalid(f"Value provided in ExpressionAttribute{what} unused in expressions: keys: {{{unused}}}")


class Parser:
    """A recursive descent over one expression; `checks` collects the checks of the values of every request."""

    def __init__(self, text: str, placeholders: Placeholders, checks: list[Check]) -> None:
        self._tokens = _tokens(text)
        self._position = 0
        self._placeholders = placeholders
        self._checks = checks

    def _peek(self, ahead: int = 0) -> str:
        position = self._position + ahead
        return self._tokens[position] if position < len(self._tokens) else ""

    def _word(self) -> str:
        return self._peek().upper()

    def _take(self, expected: str = "") -> str:
        token = self._peek()
        if not token or (expected and token.upper() != expected):
            raise Invalid(f"Syntax error; token: {token or '<EOF>'}, expected: {expected}")
        self._position += 1
        return token

    def _next_is(self, word: str) -> bool:
        """Take the next token if it is the expected one, and say whether it was."""
        if self._word() != word:
            return False
        self._position += 1
        return True

    def read(self) -> Any:
        """Return the result of the whole text. Raises Invalid."""
        found = self.whole()
        if self._peek():
            raise Invalid(f"Syntax error; token: {self._peek()}")
        return found

    def whole(self) -> Any:
        """Parse one expression of its kind."""
        raise NotImplementedError

    def path(self) -> str:
        token = self._take()
        if token.startswith("#"):
            return self._placeholders.name(token)
        if not _NAME.match(token):
            raise Invalid(f"Syntax error; token: {token}")
        if token.upper() in reserved():
            raise Invalid(f"Attribute name is a reserved keyword; reserved keyword: {token}")
        return token

    def _value(self) -> str:
        return self._placeholders.value(self._take())

    def _require(self, operand: str, kinds: Iterable[str], where: str) -> None:
        """A given value must have one of these types, for all items."""
        if not operand.startswith(":"):
            return
        allowed = frozenset(kinds)

        def check(values: Item) -> None:
            kind, _ = only(values[operand])
            if kind not in allowed:
                raise Invalid(f"Incorrect operand type for operator or function; operator: {where}, type: {kind}")

        self._checks.append(check)

    def _bounds(self, low: str, high: str) -> None:
        if not (low.startswith(":") and high.startswith(":")):
            return

        def check(values: Item) -> None:
            if not stands("<=", values[low], values[high]):
                raise Invalid("The BETWEEN operator requires upper bound to be greater than or equal to lower bound")

        self._checks.append(check)

    def _arguments(self, *parts: Callable[[], Any]) -> list[Any]:
        """Parse the arguments of the function whose name was taken."""
        self._take("(")
        found = []
        for number, part in enumerate(parts):
            if number:
                self._take(",")
            found.append(part())
        self._take(")")
        return found
