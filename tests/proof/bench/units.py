"""Capacity units of DynamoDB, counted from a request and the items before and after it. Pure.

docs.aws.amazon.com, "DynamoDB read and write operations": a write costs one unit for each KB begun, in a transaction
two; each index that the write changes costs one for each KB begun of its entry. A strongly consistent read costs one
for each 4 KB begun, an eventually consistent one half.
"""

from collections.abc import Iterable
from math import ceil

from infra.topology import Index, Table
from tests.proof.simulation.attribute_values import Item, bytes_of

_WRITTEN = 1024
_READ = 4096


def write_units(old: Item | None, new: Item | None, table: Table, *, transactional: bool) -> int:
    """Return the units of one write with the indexes of its table. A write that changes nothing costs its item."""
    of_item = _kilobytes(old, new) * (2 if transactional else 1)
    return of_item + sum(_index_units(old, new, index) for index in table.indexes.values())


def read_units(items: Iterable[Item], *, consistent: bool, together: bool) -> float:
    """Return the units of a read; a query reads its items `together`."""
    sizes = [bytes_of(item) for item in items]
    blocks = ceil(sum(sizes) / _READ) if together else sum(ceil(size / _READ) for size in sizes)
    return max(1, blocks) * (1 if consistent else 0.5)


def _kilobytes(*items: Item | None) -> int:
    return max([1, *(ceil(bytes_of(item) / _WRITTEN) for item in items if item)])


def _entry(item: Item | None, index: Index) -> Item | None:
    """Return an item's copy in an index; None if the index does not have it."""
    return item if item is not None and index.partition in item and index.sort in item else None


def _index_units(before: Item | None, after: Item | None, index: Index) -> int:
    old, new = _entry(before, index), _entry(after, index)
    if old == new:
        return 0
    moved = old and new and any(old[name] != new[name] for name in (index.partition, index.sort))
    return _kilobytes(old) + _kilobytes(new) if moved else _kilobytes(old, new)
