"""The last release can read what this one stores: a deployment may go back at any time."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.proof.corpus.models import MODELS, Item, kind_of, last_schemas
from tests.proof.corpus.record import Recording
from tests.proof.corpus.stories import STORIES, UNWATCHED
from tests.proof.simulation.journeys import JOURNEYS
from tests.proof.simulation.system import simulation

SCHEMAS = {kind: Draft202012Validator(schema) for kind, schema in last_schemas().items()}


def document_of(item: Item) -> Any:
    """What is read of an item, as JSON."""
    return json.loads(json.dumps(MODELS[kind_of(item)].document(item), default=int))


class Stored(Recording):
    """A system that keeps every item as it is after each step."""

    def begin(self) -> None:
        super().begin()
        self.stored: dict[str, Item] = {}

    def look(self) -> None:
        for table in ("stays", "connections"):
            self.stored |= {json.dumps(item, default=str): item for item in self.database.items(table)}


@pytest.fixture(scope="module")
def items() -> list[Item]:
    """Every item that this release stores in any story."""

    def live() -> Iterator[Item]:
        with simulation(Stored) as system:
            for story in (*STORIES.values(), *JOURNEYS.values(), *UNWATCHED.values()):
                system.begin()
                story(system)
                system.drain()
                system.end()
                yield from system.stored.values()

    return list(live())


def test_every_item_fits_the_schema_of_the_last_release(items: list[Item]) -> None:
    wrong = [
        f"{kind_of(item)} {item['PK']} {item['SK']}: {problem.json_path} {problem.message}"
        for item in items
        if kind_of(item) in SCHEMAS  # the last release never asks for a kind that it does not know
        for problem in SCHEMAS[kind_of(item)].iter_errors(document_of(item))
    ]
    assert wrong == []


def test_every_kind_of_item_is_stored_in_some_story(items: list[Item]) -> None:
    assert {kind_of(item) for item in items} == set(MODELS)


@pytest.mark.parametrize(
    ("kind", "changed"),
    [("SESSION", {"status": "SETTLED"}), ("AWARD", {"revision": "two"}), ("MAIL", {"state": None}), ("OPENED", None)],
)
def test_an_item_that_the_last_release_cannot_read_is_found(items: list[Item], kind: str, changed: Any) -> None:
    item = next(each for each in items if kind_of(each) == kind)
    broken = {} if changed is None else document_of(item) | changed
    assert not SCHEMAS[kind].is_valid(broken)
    assert SCHEMAS[kind].is_valid(document_of(item))
