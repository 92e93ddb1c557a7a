"""The page that shows every item, key and index, against what the recorded releases stored, and the topology."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from infra.topology import TABLES
from tests.proof.corpus.world import recorded_states
from tests.proof.corpus.world import stored as items_of
from tests.proof.simulation.auctions import presses
from tests.proof.simulation.journeys import wins
from tests.proof.simulation.paths import table
from tests.proof.simulation.system import simulation

PAGE = (Path(__file__).parents[3] / "docs" / "architecture.md").read_text(encoding="utf-8")
VALUES = {"time": r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)", "date": r"\d{4}-\d\d-\d\d", "hour": r"\d{4}-\d\d-\d\dT\d\d"}


class Row(NamedTuple):
    """One kind of item, as the page has it."""

    item: str
    table: str
    partition: str
    sort: str
    by_user: str
    due: str

    def is_of(self, item: dict[str, Any]) -> bool:
        kind = item["kind"]["S"] if "kind" in item else self.item
        return kind == self.item and fits(self.partition, item["PK"]["S"]) and fits(self.sort, item["SK"]["S"])


def fits(pattern: str, key: str) -> bool:
    parts = re.split(r"<(\w+)>", pattern.strip("`"))
    plain = [VALUES.get(part, "[^#]+") if number % 2 else re.escape(part) for number, part in enumerate(parts)]
    return re.fullmatch("".join(plain), key) is not None


def rows() -> list[Row]:
    found = re.findall(
        r"^\| ([\w ]+) \| (stays|connections) \| (`[^|]+`) \| (`[^|]+`) \| ([^|]+) \| (yes|no) \|", PAGE, re.MULTILINE
    )
    return [Row(*each) for each in found]


def stored() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every item of every recorded moment, and of a payment of this release, with its table."""
    for state in recorded_states():
        yield from ((name, item) for name in TABLES for item in state.items(name))
    with simulation() as system:
        wins(system)
        presses(system)
        order = system.order()
        assert order
        system.poll(order)
        system.pay(order)
        system.deliver_callbacks()
        system.http("POST", "/users/auth0-sync", {"email": "mai@example.com"})
        yield from ((name, item) for name in TABLES for item in items_of(system, name))


def test_every_stored_item_is_in_one_row_of_the_page_and_every_row_is_of_one() -> None:
    met, due, listed = set[Row](), set[Row](), rows()
    for name, item in stored():
        (row,) = [each for each in listed if each.table == name and each.is_of(item)]
        met.add(row)
        in_index = fits(row.by_user, item["userSort"]["S"]) if "userSort" in item else row.by_user == "no"
        assert in_index, item
        due |= {row} if "dueShard" in item else set()
        assert (TABLES[name].ttl or "SK") in item
    assert met == set(listed)
    assert due == {each for each in listed if each.due == "yes"}
    assert len(listed) > 15


def test_the_indexes_are_those_of_the_topology() -> None:
    found = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \|", PAGE, re.MULTILINE)
    assert {(name, *index) for name, index in TABLES["stays"].indexes.items()} == set(found)


def test_the_figures_of_the_page_are_those_of_its_command() -> None:
    assert table() in PAGE
