"""One table in memory: its items, by partition and by index."""

from collections.abc import Mapping
from typing import NamedTuple

from infra.topology import Table
from tests.proof.simulation.attribute_values import Item, Value

Key = tuple[str, str]
Partitions = dict[str, dict[Key, Item]]


class Written(NamedTuple):
    """One item before and after a write."""

    table: "Stored"
    key: Key
    old: Item | None
    new: Item | None


class Contents(NamedTuple):
    """The whole content of a table, to be restored."""

    items: dict[Key, Item]
    indexed: dict[str, Partitions]
    unindexed: list[Written]


class Stored:
    """Items are replaced and never changed, so a reader may keep one."""

    def __init__(self, name: str, schema: Table) -> None:
        self.name = name
        self.schema = schema
        self.indexed_names = tuple(dict.fromkeys(name for index in schema.indexes.values() for name in index))
        self.clear()

    def clear(self) -> None:
        """Delete every item."""
        self.items: dict[Key, Item] = {}
        self._partitions: Partitions = {}
        self._indexed: dict[str, Partitions] = {name: {} for name in self.schema.indexes}
        self._unindexed: list[Written] = []

    def contents(self) -> Contents:
        """Return the present items; later writes do not affect them."""
        indexed = {name: _copied(partitions) for name, partitions in self._indexed.items()}
        return Contents(dict(self.items), indexed, list(self._unindexed))

    def put_back(self, contents: Contents) -> None:
        """Restore earlier contents."""
        self.items = dict(contents.items)
        self._partitions = {}
        for key, item in self.items.items():
            self._partitions.setdefault(key[0], {})[key] = item
        self._indexed = {name: _copied(partitions) for name, partitions in contents.indexed.items()}
        self._unindexed = list(contents.unindexed)

    def write(self, written: Written) -> None:
        """Replace one item."""
        key, new = written.key, written.new
        if new is None:
            del self.items[key]
            del self._partitions[key[0]][key]
        else:
            self.items[key] = new
            self._partitions.setdefault(key[0], {})[key] = new
        if self._indexed:
            self._unindexed.append(written)

    def partition(self, value: str) -> Mapping[Key, Item]:
        """Return all items of one partition."""
        return self._partitions.get(value, {})

    def indexed(self, index: str, value: str, lag: int) -> Mapping[Key, Item]:
        """Return the items of one partition of an index, without the latest `lag` writes."""
        ready = len(self._unindexed) - lag
        if ready > 0:
            for written in self._unindexed[:ready]:
                self._show(written)
            del self._unindexed[:ready]
        return self._indexed[index].get(value, {})

    def _show(self, written: Written) -> None:
        key, old, new = written.key, written.old, written.new
        for name, (partition, sort) in self.schema.indexes.items():
            index = self._indexed[name]
            if old is not None and _is_in(old, partition, sort):
                del index[old[partition]["S"]][key]
            if new is not None and _is_in(new, partition, sort):
                index.setdefault(new[partition]["S"], {})[key] = new


def _is_in(item: Mapping[str, Value], partition: str, sort: str) -> bool:
    return partition in item and sort in item


def _copied(partitions: Partitions) -> Partitions:
    return {value: dict(items) for value, items in partitions.items()}
