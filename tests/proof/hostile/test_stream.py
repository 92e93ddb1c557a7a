"""Records that no function can read: they are given up, and the other records no longer wait for them."""

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.topology import CONSUMERS
from tests.integration.messages import BINH, MAI, auction_result, second_chance
from tests.proof.hostile.damage import damaged
from tests.proof.hostile.examples import examples
from tests.proof.hostile.stream import Delivered, Record, deliver
from tests.proof.simulation.attribute_values import Item
from tests.proof.simulation.system import System, simulation

MOST_CALLS = 40  # of one consumer for one small story with one bad record


class Story:
    """Mai and Binh listen. Mai has paid, Binh has an offer, and no consumer has read any of it yet."""

    def __init__(self, system: System) -> None:
        self.system = system
        system.reset({})
        self.sockets = [system.listen(MAI), system.listen(BINH)]
        system.announce(auction_result())
        system.announce(second_chance(auctionId="1004", nights=["2027-06-01"]), "SecondChanceOffer")
        system.create()
        system.pay(system.order())
        system.deliver_callbacks()
        self.records = list(system.history)
        self.before = system.database.snapshot()
        self.now = system.now
        self.expected, self.delivered = self.told(self.records)

    def told(self, records: list[Record], *items: Item) -> tuple[dict[str, Any], list[Delivered]]:
        """Return the effects of delivering these records, with more items in the table, and the calls it took."""
        system = self.system
        system.database.restore(self.before)
        for item in items:
            system.database.put_item(TableName="stays", Item=item)
        system._traveller.move_to(self.now, tick=False)
        system.mail.forget()
        system.bus.forget()
        for frames in system.browsers.frames.values():
            frames.clear()
        delivered = [deliver(system, consumer, records) for consumer in CONSUMERS]
        frames = {name: {_text(each) for each in frames} for name, frames in system.browsers.frames.items()}
        items = {(item["PK"], item["SK"]): item for item in system.database.items()}
        events = {entry["Detail"] for entry in system.bus.published}
        return {"frames": frames, "mail": sorted(system.mail.sent), "events": events, "items": items}, delivered


def _text(frame: dict[str, Any]) -> str:
    return repr(sorted(frame.items()))


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    with simulation() as system:
        yield Story(system)


def bad_record(record: Record, random: Random) -> Record:
    """Return a record of its own item with an error in it. Its kind stays, so that it is delivered."""
    whole = copy.deepcopy(record["dynamodb"])
    for image in ("NewImage", "OldImage", "Keys"):
        if image in whole:
            whole[image] |= {"PK": {"S": "STAY#broken"}}
    changed = {name: whole[name] for name in ("NewImage", "OldImage", "Keys") if name in whole}
    broken = damaged({"change": changed}, random).get("change")
    bad = copy.deepcopy(record)
    bad["dynamodb"] |= broken if isinstance(broken, dict) else {"NewImage": broken}
    bad["dynamodb"]["SequenceNumber"] = "0" * 20 + "x"
    image = bad["dynamodb"].get("NewImage")
    if isinstance(image, dict):
        image |= {name: whole["NewImage"][name] for name in ("kind", "state") if name in whole.get("NewImage", {})}
    return bad


def test_without_a_bad_record_all_are_told_and_nothing_is_given_up(story: Story):
    assert [each.given_up for each in story.delivered] == [[], []]
    assert all(story.expected["frames"].values())
    assert len(story.expected["mail"]) == 1
    assert len(story.expected["events"]) == 2


@given(st.randoms(use_true_random=False))
@examples(150)
def test_a_record_that_makes_no_sense_holds_up_nobody_for_long(story: Story, random: Random):
    expected = story.expected
    bad = bad_record(random.choice(story.records), random)
    at = random.randrange(len(story.records) + 1)
    seen, delivered = story.told([*story.records[:at], bad, *story.records[at:]])
    for name, frames in expected["frames"].items():
        assert frames <= seen["frames"][name]
    assert seen["mail"] == expected["mail"]
    assert expected["events"] <= seen["events"]
    assert seen["items"].keys() == expected["items"].keys()
    for consumed in delivered:
        assert consumed.given_up in ([], [bad])
        assert consumed.calls <= MOST_CALLS


BROKEN_ITEMS: list[dict[str, Any]] = [
    {},
    {"kind": {"S": "SESSION"}},
    {"kind": {"S": "OFFER"}, "amount": {"N": "1.5"}},
    {"kind": {"N": "1"}},
]


@pytest.mark.parametrize("content", BROKEN_ITEMS, ids=str)
def test_an_item_that_nobody_can_read_holds_up_nobody_for_long(story: Story, content: dict[str, Any]):
    keys = {"PK": {"S": "STAY#broken"}, "SK": {"S": "SESSION"}}
    bad = copy.deepcopy(next(each for each in story.records if each["dynamodb"]["Keys"]["SK"] == {"S": "SESSION"}))
    bad["dynamodb"] |= {"Keys": keys, "SequenceNumber": "x", "NewImage": bad["dynamodb"]["NewImage"] | keys}
    seen, (notified, _) = story.told([bad, *story.records], keys | content)
    assert notified.given_up == []
    for name, frames in story.expected["frames"].items():
        assert frames <= seen["frames"][name]
    assert seen["mail"] == story.expected["mail"]
    assert story.expected["events"] <= seen["events"]
