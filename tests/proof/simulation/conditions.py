"""Conditions on items and on keys."""

import operator
from collections.abc import Callable
from typing import NamedTuple

from tests.proof.simulation.attribute_values import Invalid, Item, Value, begins, contains, same, size, stands
from tests.proof.simulation.grammar import Operand, Parser

Test = Callable[[Item, Item], bool]

MOST_OPTIONS = 100

_COMPARISONS: dict[str, Callable[[Value | None, Value | None], bool]] = {
    "=": same,
    "<>": lambda left, right: not same(left, right),
}
_ORDERS: dict[str, Callable[[str, str], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TYPES = frozenset({"S", "SS", "N", "NS", "B", "BS", "BOOL", "NULL", "L", "M"})


class Conditions(Parser):
    """A condition or a filter."""

    _last_group = (0, 0)

    def whole(self) -> Test:
        test = self._all()
        while self._next_is("OR"):
            test = _either(test, self._all())
        return test

    def _all(self) -> Test:
        test = self._one()
        while self._next_is("AND"):
            test = _both(test, self._one())
        return test

    def _one(self) -> Test:
        if self._next_is("NOT"):
            test = self._one()
            return lambda item, values: not test(item, values)
        if self._next_is("("):
            return self._group()
        if self._peek(1) == "(" and self._peek() in _FUNCTIONS:
            return _FUNCTIONS[self._take()](self)
        return self._comparison()

    def _group(self) -> Test:
        begin = self._position
        test = self.whole()
        if self._last_group == (begin + 1, self._position - 1):
            raise Invalid("The expression has redundant parentheses")
        self._last_group = begin, self._position
        self._take(")")
        return test

    def _comparison(self) -> Test:
        left_token = self._peek()
        left = self._operand()
        if self._next_is("BETWEEN"):
            return self._between(left)
        if self._next_is("IN"):
            return self._among(left)
        sign, right_token = self._take(), self._peek()
        right = self._operand()
        if sign in _COMPARISONS:
            compare = _COMPARISONS[sign]
            return lambda item, values: compare(left(item, values), right(item, values))
        if sign not in _ORDERS:
            raise Invalid(f"Syntax error; token: {sign}")
        for token in (left_token, right_token):
            self._require(token, ("S", "N", "B"), sign)
        return lambda item, values: stands(sign, left(item, values), right(item, values))

    def _between(self, operand: Operand) -> Test:
        low_token, low = self._peek(), self._operand()
        self._take("AND")
        high_token, high = self._peek(), self._operand()
        self._bounds(low_token, high_token)

        def test(item: Item, values: Item) -> bool:
            value = operand(item, values)
            return stands(">=", value, low(item, values)) and stands("<=", value, high(item, values))

        return test

    def _among(self, operand: Operand) -> Test:
        self._take("(")
        options = [self._operand()]
        while self._next_is(","):
            options.append(self._operand())
        self._take(")")
        if len(options) > MOST_OPTIONS:
            raise Invalid("Invalid number of operands for IN")

        def test(item: Item, values: Item) -> bool:
            value = operand(item, values)
            return any(same(value, option(item, values)) for option in options)

        return test

    def _operand(self) -> Operand:
        if self._peek().startswith(":"):
            token = self._value()
            return lambda item, values: values[token]
        if self._peek() == "size" and self._peek(1) == "(":
            self._take()
            (path,) = self._arguments(self.path)
            return lambda item, values: size(item.get(path))
        path = self.path()
        return lambda item, values: item.get(path)

    def _exists(self) -> Test:
        (path,) = self._arguments(self.path)
        return lambda item, values: path in item

    def _is_missing(self) -> Test:
        (path,) = self._arguments(self.path)
        return lambda item, values: path not in item

    def _begins(self) -> Test:
        self._require(self._peek(3), ("S", "B"), "begins_with")
        value, prefix = self._arguments(self._operand, self._operand)
        return lambda item, values: begins(value(item, values), prefix(item, values))

    def _contains(self) -> Test:
        value, part = self._arguments(self._operand, self._operand)
        return lambda item, values: contains(value(item, values), part(item, values))

    def _is_of(self) -> Test:
        path, kind = self._arguments(self.path, self._value)

        def check(values: Item) -> None:
            if values[kind].get("S") not in _TYPES:
                raise Invalid("Invalid attribute type name found")

        self._checks.append(check)
        return lambda item, values: path in item and values[kind]["S"] in item[path]


_FUNCTIONS: dict[str, Callable[[Conditions], Test]] = {
    "attribute_exists": Conditions._exists,
    "attribute_not_exists": Conditions._is_missing,
    "attribute_type": Conditions._is_of,
    "begins_with": Conditions._begins,
    "contains": Conditions._contains,
}


def _either(one: Test, other: Test) -> Test:
    return lambda item, values: one(item, values) or other(item, values)


def _both(one: Test, other: Test) -> Test:
    return lambda item, values: one(item, values) and other(item, values)


class Term(NamedTuple):
    """A key condition about one key: its operator, its values, and the test of a key's text."""

    how: str
    value: str
    test: Callable[[str, Item], bool]


class Keys(Parser):
    """The condition of a query."""

    def whole(self) -> dict[str, Term]:
        terms: dict[str, Term] = {}
        while True:
            path, term = self._term()
            if path in terms:
                raise Invalid("KeyConditionExpressions must only contain one condition per key")
            terms[path] = term
            if not self._next_is("AND"):
                return terms

    def _term(self) -> tuple[str, Term]:
        if self._next_is("("):
            found = self._term()
            self._take(")")
            return found
        if self._peek() == "begins_with":
            self._take()
            path, start = self._arguments(self.path, self._key_value)
            return path, Term("begins_with", start, lambda text, values: text.startswith(values[start]["S"]))
        path = self.path()
        if self._next_is("BETWEEN"):
            return path, self._key_between()
        sign, value = self._take(), self._key_value()
        if sign == "=":
            return path, Term("=", value, lambda text, values: text == values[value]["S"])
        if sign not in _ORDERS:
            raise Invalid(f"Invalid operator used in KeyConditionExpression: {sign}")
        compare = _ORDERS[sign]
        return path, Term(sign, value, lambda text, values: compare(text, values[value]["S"]))

    def _key_between(self) -> Term:
        low = self._key_value()
        self._take("AND")
        high = self._key_value()
        self._bounds(low, high)
        return Term("BETWEEN", low, lambda text, values: values[low]["S"] <= text <= values[high]["S"])

    def _key_value(self) -> str:
        token = self._value()

        def check(values: Item) -> None:
            if not values[token].get("S"):
                raise Invalid("One or more parameter values were invalid: a key is a string that is not empty")

        self._checks.append(check)
        return token
