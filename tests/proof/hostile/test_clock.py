"""Due items that cannot be read: the clock goes on with the others, and a metric reports these."""

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.integration.messages import MAI
from tests.proof.hostile.attacked import Backend
from tests.proof.hostile.examples import examples
from tests.proof.simulation.attribute_values import Item

VALUES: tuple[dict[str, Any], ...] = (
    {"N": "1.5"},
    {"N": "-1E+30"},
    {"N": "0"},
    {"S": ""},
    {"S": "a\x00b"},
    {"S": "SESSION"},
    {"S": "é" * 4096},
    {"B": b"\xff"},
    {"BOOL": True},
    {"NULL": True},
    {"SS": ["a", "b"]},
    {"NS": ["1", "2.5"]},
    {"L": []},
    {"M": {}},
    {"M": {"id": {"M": {"id": {"L": [{"N": "0.1"}]}}}}},
)
KEPT = ("PK", "SK", "dueShard", "dueAt")  # an item without these is not due
AWARD = f"AWARD#{MAI}#WIN"
INDEXED = ("userId", "userSort")  # DynamoDB accepts these as texts only


def unreadable(item: Item, random: Random) -> Item:
    """Return a due item with wrong attributes."""
    broken = dict(item)
    for name in random.sample(sorted(item.keys() - KEPT), random.randint(1, 3)):
        if name in INDEXED or random.random() < 0.3:
            del broken[name]
        else:
            broken[name] = random.choice(VALUES)
    return broken | {"dueShard": {"S": "0"}, "dueAt": {"S": "2027-03-01T00:00:00.000Z"}}


@given(st.randoms(use_true_random=False), st.integers(1, 4), st.sampled_from(["SESSION", "MAIL#confirmation", AWARD]))
@examples(150)
def test_no_due_item_stops_the_clock(backend: Backend, random: Random, count: int, sort: str):
    partition = {
        "SESSION": f"STAY#{backend.known.live}",
        "MAIL#confirmation": f"STAY#{backend.known.paid}",
        AWARD: "AUCTION#1003",
    }[sort]
    with backend.trial() as system:
        whole = system.database.find(partition, sort)
        assert whole
        for number in range(count):
            own = {name: {"S": f"{number:026}"} for name in ("id",) if name in whole}  # no two sessions share an id
            key = {"PK": {"S": f"STAY#{number:026}"}, "SK": {"S": sort}}
            system.database.put_item(TableName="stays", Item=unreadable(whole | own, random) | key)
        system.pass_time(minutes=30)
        assert system.tick()["due"] == count + 1
        live = system.database.find(f"STAY#{backend.known.live}", "SESSION")
        assert live
        assert live["status"] == {"S": "EXPIRED"}
