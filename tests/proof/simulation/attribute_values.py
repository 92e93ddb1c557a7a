"""DynamoDB's rules for its values, {"S": …} and the others: equality, order, size, sums, and refusals.

Numbers keep their written form.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

Value = Mapping[str, Any]
Item = Mapping[str, Value]

SETS = frozenset({"SS", "NS", "BS"})
_ORDERED = frozenset({"S", "N", "B"})
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Refused(Exception):
    """DynamoDB refuses the request. The error has the code and the other fields of boto3's error."""

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.code = code
        self.more = more


class Invalid(Refused):
    """DynamoDB rejects the request as invalid."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


def only(value: Value) -> tuple[str, Any]:
    """Return the type and the content."""
    return next(iter(value.items()))


def same(left: Value | None, right: Value | None) -> bool:
    """Say whether two values are equal in type and content.

    Numbers compare by value, sets in any order. A missing value equals nothing.
    """
    if left is None or right is None:
        return False
    if left == right:
        return True
    (kind, content), (other, other_content) = only(left), only(right)
    compare = _SAME.get(kind)
    return kind == other and compare is not None and compare(content, other_content)


def same_items(left: Item, right: Item) -> bool:
    """Say whether two items are equal in every attribute."""
    if len(left) != len(right):
        return False
    for name, value in left.items():
        other = right.get(name)
        if value != other and not same(value, other):
            return False
    return True


def same_lists(left: Sequence[Value], right: Sequence[Value]) -> bool:
    """Say whether two lists are equal at every position."""
    return len(left) == len(right) and all(map(same, left, right))


def same_numbers(left: str, right: str) -> bool:
    """Say whether two numbers have the same value."""
    return Decimal(left) == Decimal(right)


def members(kind: str, content: Any) -> frozenset[Any]:
    """Return the members of a set in comparable form."""
    return frozenset(map(Decimal, content) if kind == "NS" else content)


# Contents that can be equal although they are written differently.
_SAME: dict[str, Callable[[Any, Any], bool]] = {
    "N": same_numbers,
    "M": same_items,
    "L": same_lists,
    "SS": lambda left, right: members("SS", left) == members("SS", right),
    "NS": lambda left, right: members("NS", left) == members("NS", right),
    "BS": lambda left, right: members("BS", left) == members("BS", right),
}


def stands(order: str, left: Value | None, right: Value | None) -> bool:
    """Say whether the left value is <, <=, > or >= the right one. Strings compare by code points, as in UTF-8."""
    if left is None or right is None:
        return False
    (kind, content), (other, other_content) = only(left), only(right)
    if kind != other or kind not in _ORDERED:
        return False
    if kind == "N":
        return _ORDERS[order](Decimal(content), Decimal(other_content))
    return _ORDERS[order](content, other_content)


def begins(value: Value | None, prefix: Value | None) -> bool:
    """Say whether a string or bytes begin with a prefix."""
    if value is None or prefix is None:
        return False
    (kind, content), (other, start) = only(value), only(prefix)
    return kind == other and kind in ("S", "B") and content.startswith(start)


def contains(value: Value | None, part: Value | None) -> bool:
    """Say whether a string or bytes contain a part, or a set or a list contains a member."""
    if value is None or part is None:
        return False
    (kind, content), (other, wanted) = only(value), only(part)
    if kind == "L":
        return any(same(each, part) for each in content)
    if kind in SETS:
        return kind[0] == other and members(kind, [wanted]) <= members(kind, content)
    return kind == other and kind in ("S", "B") and wanted in content


def size(value: Value | None) -> Value | None:
    """Return the number of characters, bytes or members. Other values have no size."""
    if value is None or "N" in value or "BOOL" in value or "NULL" in value:
        return None
    return {"N": str(len(only(value)[1]))}


def calculated(left: Value, sign: str, right: Value) -> Value:
    """Return the sum or the difference of two numbers."""
    if "N" not in left or "N" not in right:
        raise Invalid("An operand in the update expression has an incorrect data type")
    number = Decimal(left["N"]) + (1 if sign == "+" else -1) * Decimal(right["N"])
    return {"N": f"{number.normalize():f}"}


def appended(first: Value, second: Value) -> Value:
    """Return the first list with the second one appended."""
    if "L" not in first or "L" not in second:
        raise Invalid("An operand in the update expression has an incorrect data type")
    return {"L": [*first["L"], *second["L"]]}


def added(before: Value | None, more: Value) -> Value:
    """ADD: a number grows, and a set gets members. A missing value starts empty."""
    if before is None:
        return more
    kind, content = only(more)
    if kind not in before:
        raise Invalid("An operand in the update expression has an incorrect data type")
    if kind == "N":
        return calculated(before, "+", more)
    there = members(kind, before[kind])
    return {kind: [*before[kind], *(each for each in content if not members(kind, [each]) <= there)]}


def without(before: Value | None, less: Value) -> Value | None:
    """DELETE: a set loses members. An empty set disappears."""
    if before is None:
        return None
    kind, content = only(less)
    if kind not in before:
        raise Invalid("An operand in the update expression has an incorrect data type")
    gone = members(kind, content)
    left = [each for each in before[kind] if not members(kind, [each]) <= gone]
    return {kind: left} if left else None


def bytes_of(item: Item) -> int:
    """Return the size of an item: names and contents, and some bytes for each container."""
    return sum(len(name.encode()) + _bytes(value) for name, value in item.items())


def _bytes(value: Value) -> int:
    kind, content = only(value)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _bytes(each) for name, each in content.items())
    if kind == "L":
        return 3 + sum(1 + _bytes(each) for each in content)
    if kind in SETS:
        return sum(_bytes({kind[0]: each}) for each in content)
    if kind == "N":
        return len(content.lstrip("-0").replace(".", "")) // 2 + 2
    return len(content.encode() if kind == "S" else content) if kind in ("S", "B") else 1
