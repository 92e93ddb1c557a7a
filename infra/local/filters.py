"""Filters events as Lambda does: a pattern says which records a consumer gets."""

from collections.abc import Callable, Mapping
from typing import Any

_ABSENT = object()


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Say whether the record satisfies every field of the pattern; `$or` needs one of several patterns.

    Both values are parsed JSON. Raises ValueError for a comparison that Lambda does not know.
    """
    for name, rule in pattern.items():  # noqa: SIM110  # this and the next run for every record: loops are twice as fast
        if not _field(name, rule, event):
            return False
    return True


def _field(name: str, rule: Any, event: Mapping[str, Any]) -> bool:
    if name == "$or":
        return any(matches(choice, event) for choice in rule)
    value = event.get(name, _ABSENT)
    for each in value if isinstance(value, list) and value else (value,):
        if isinstance(rule, dict):
            if matches(rule, each if isinstance(each, dict) else {}):
                return True
            continue
        for comparison in rule:
            if _compare(comparison, each):
                return True
    return False


def _compare(comparison: Any, value: Any) -> bool:
    if not isinstance(comparison, dict):
        return _equal(comparison, value)
    ((operator, operand),) = comparison.items()
    try:
        return _OPERATORS[operator](operand, value)
    except KeyError:
        raise ValueError(f"a filter cannot compare with {operator!r}") from None


def _equal(wanted: Any, value: Any) -> bool:
    # Python counts True as equal to 1; a filter does not.
    return bool(wanted == value) and isinstance(wanted, bool) == isinstance(value, bool)


def _anything_but(operand: Any, value: Any) -> bool:
    if value is _ABSENT:
        return False
    unwanted = operand if isinstance(operand, list) else [operand]
    return not any(_compare(each, value) for each in unwanted)


def _exists(operand: Any, value: Any) -> bool:
    # Only a leaf can exist: an object at this key counts as absent.
    return bool(operand) == (value is not _ABSENT and not isinstance(value, dict))


def _numeric(operand: Any, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    pairs = zip(operand[::2], operand[1::2], strict=True)
    return all(_NUMERIC[operator](value, bound) for operator, bound in pairs)


def _text(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda operand, value: isinstance(value, str) and test(value, operand)


_NUMERIC: dict[str, Callable[[float, float], bool]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "prefix": _text(str.startswith),
    "suffix": _text(str.endswith),
    "equals-ignore-case": _text(lambda value, wanted: value.lower() == wanted.lower()),
    "anything-but": _anything_but,
    "exists": _exists,
    "numeric": _numeric,
}
