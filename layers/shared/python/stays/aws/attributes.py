"""DynamoDB's JSON for items, `{"S": "…"}`, for our types: text, whole number, boolean, null, list, map.

Written by hand: boto3's own converters are two to three times slower, and every item passes through here.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

Attributes = Mapping[str, Any]


def to_attributes(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item in DynamoDB's JSON. Raises TypeError for a value of another type."""
    return {name: _to_attribute(value) for name, value in item.items()}


def from_attributes(attributes: Attributes) -> dict[str, Any]:
    """An item from DynamoDB's JSON. Numbers that are not whole, and other types, pass; the models refuse them."""
    return {name: _from_attribute(attribute) for name, attribute in attributes.items()}


def _to_attribute(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": value}
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, Mapping):
        return {"M": to_attributes(value)}
    if isinstance(value, list | tuple):
        return {"L": [_to_attribute(each) for each in value]}
    raise TypeError(f"no item has a {type(value).__name__}")


def _from_attribute(attribute: Attributes) -> Any:
    ((kind, value),) = attribute.items()
    read = _READ.get(kind)
    return read(value) if read else value


def _number(value: str) -> int | Decimal:
    return int(value) if value.lstrip("-").isdigit() else Decimal(value)


_READ: Mapping[str, Callable[[Any], Any]] = {
    "N": _number,
    "NULL": lambda _: None,
    "M": from_attributes,
    "L": lambda values: [_from_attribute(each) for each in values],
}
