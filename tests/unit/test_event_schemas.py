"""The schemas of events: one for each incoming and outgoing event, with a valid example."""

import json
from datetime import UTC, datetime

import pytest
from jsonschema_rs import Draft202012Validator

from infra.contracts.event_examples import ITEMS, RECEIVED, examples
from infra.contracts.event_schemas import FOLDER, schema_file, schemas
from stays.domain.announcement import ANNOUNCEMENTS, facts
from stays.domain.auction import EVENTS, AuctionWithdrawn, read_event

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
EVERY = sorted([*EVENTS, *ANNOUNCEMENTS])


def test_every_event_that_comes_in_or_goes_out_has_a_schema_and_no_other_has_one() -> None:
    assert EVERY == sorted({"AuctionWithdrawn", "AuctionResult", "SecondChanceOffer", *ANNOUNCEMENTS})
    assert sorted(FOLDER.iterdir()) == sorted(map(schema_file, EVERY))
    assert schemas().keys() == EVENTS.keys() | ANNOUNCEMENTS.keys()


@pytest.mark.parametrize("name", EVERY)
def test_a_published_schema_is_that_of_the_code_and_its_example_fits(name: str) -> None:
    text = schema_file(name).read_text(encoding="utf-8")
    assert schemas()[name] == text, "make contracts writes it anew"
    schema = json.loads(text)
    (example,) = schema["examples"]
    assert (schema["$schema"], schema["$id"]) == (DIALECT, f"urn:stays:{name}:v{example.get('version', 1)}")
    assert example == (RECEIVED | examples())[name]
    Draft202012Validator(schema, validate_formats=True).validate(example)


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_example_of_what_comes_in_is_read(name: str) -> None:
    said = read_event(name, RECEIVED[name], NOW)
    assert (said.auction_id, said.user_id) == (RECEIVED[name]["auctionId"], RECEIVED[name]["userId"])
    assert said.revision == RECEIVED[name]["revision"] > 0
    assert isinstance(said, AuctionWithdrawn) is (name == "AuctionWithdrawn")


def test_the_examples_of_what_goes_out_are_facts_of_items_as_they_are_stored() -> None:
    for item in ITEMS:
        assert facts(type(item).model_validate(item.dump())) == facts(item)
    assert examples().keys() == ANNOUNCEMENTS.keys()
