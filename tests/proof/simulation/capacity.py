"""Counts write units as DynamoDB charges them: for the item, and for its copies in the indexes.

docs.aws.amazon.com, read-write-operations: a write costs one unit for each KB of the item, of its larger image if it is
replaced, and twice as much in a transaction. A failed condition costs as much. GSI: a copy costs only if an attribute
that the index has changes. A changed key of the index costs a deletion and a new copy.
"""

from collections.abc import Mapping
from math import ceil

from infra.topology import Index
from tests.proof.simulation.attribute_values import Item, bytes_of
from tests.proof.simulation.stored import Written

_KB = 1024


def write_units(written: Written, *, in_transaction: bool) -> int:
    """Return the units of one write, also of one that changes nothing."""
    old, new = written.old, written.new
    whole = max(_units(old), _units(new), 1) * (2 if in_transaction else 1)
    indexes = written.table.schema.indexes.values()
    return whole + sum(_copy_units(_copied(old, index), _copied(new, index), index) for index in indexes)


def _copied(item: Item | None, index: Index) -> Item | None:
    """Return an item's copy in an index; None if the index does not have it."""
    return item if item is not None and index.partition in item and index.sort in item else None


def _copy_units(old: Item | None, new: Item | None, index: Index) -> int:
    if old == new:
        return 0
    if old is None or new is None or _key(old, index) != _key(new, index):
        return _units(old) + _units(new)
    return max(_units(old), _units(new))


def _key(item: Item, index: Index) -> tuple[Mapping[str, object], Mapping[str, object]]:
    return item[index.partition], item[index.sort]


def _units(item: Item | None) -> int:
    return 0 if item is None else ceil(bytes_of(item) / _KB)
