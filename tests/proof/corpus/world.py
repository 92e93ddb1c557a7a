"""A moment of the simulated world as JSON: the items, pending deliveries, ZaloPay's knowledge and the browsers'.

The history, published events, sent mails and asked questions only grow. So a story keeps each of them once, and a
moment keeps their numbers.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from functools import cache
from gzip import decompress
from pathlib import Path
from typing import Any, NamedTuple

from infra.topology import TABLES
from infra.zalopay_simulator.ledger import Ledger
from infra.zalopay_simulator.storage import order_of
from stays.domain.values import timestamp
from tests.proof.simulation.system import Pending, System

HERE = Path(__file__).parent
SUFFIX = ".json.gz"
GROWING = ("history", "published", "mails", "asked")

Item = dict[str, Any]


class RecordedState(NamedTuple):
    """One moment of one story, as one release recorded it."""

    version: str
    story: dict[str, Any]
    state: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of the test that begins at this moment."""
        return f"{self.version} {self.story['name']}: {self.state['name']}"

    def items(self, table: str = "stays") -> list[Item]:
        """Return all items of a table, as DynamoDB has them."""
        return self.state["items"][table]

    def grown(self, what: str) -> list[Any]:
        """Return the history, or another growing list, up to this moment."""
        return self.story[what][: self.state["grown"][what]]


@cache
def corpora() -> dict[str, dict[str, Any]]:
    """Return the recordings of every release, by version."""
    return {path.name.removesuffix(SUFFIX): json.loads(text_of(path)) for path in sorted(HERE.glob(f"*{SUFFIX}"))}


def path_of(version: str) -> Path:
    """Return the path of a release's recording."""
    return HERE / f"{version}{SUFFIX}"


def text_of(path: Path) -> str:
    """Return one recording as text."""
    return decompress(path.read_bytes()).decode()


def text(corpus: dict[str, Any]) -> str:
    """Return a corpus as the text of its file."""
    return json.dumps(corpus, ensure_ascii=False, separators=(",", ":"))


def recorded_states() -> Iterator[RecordedState]:
    """Return all recorded moments."""
    for version, corpus in corpora().items():
        for story in corpus["stories"]:
            yield from (RecordedState(version, story, state) for state in story["moments"])


def grown(system: System) -> dict[str, list[Any]]:
    """Return the lists that only grow."""
    return {
        "history": system.history,
        "published": system.bus.published,
        "mails": system.mail.sent,
        "asked": [list(each) for each in system.zalopay.asked],
    }


def keep(system: System) -> dict[str, Any]:
    """Return the world between two steps. It shares no object with the system."""
    kept = {
        "at": timestamp(system.now),
        "items": {name: sorted(stored(system, name), key=_key) for name in TABLES},
        "grown": {name: len(values) for name, values in grown(system).items()},
        "waiting": {
            lane.consumer.function: [each.what["dynamodb"]["SequenceNumber"] for each in lane.waiting]
            for lane in system.lanes
        },
        "handed": dict(sorted(system.handed.items())),
        "events": [[event, left] for event, left in system.events],
        "orders": [asdict(order) for order in system.zalopay.orders],
        "callbacks": [[order.app_trans_id, again, left] for (order, again), left in system.callbacks],
        "broken": system.gate.broken + system.mail.silent,
        "keys": system.secrets.held["zalopay-key2"],
        "browsers": {
            name: {
                "owner": owner,
                "until": system.browsers.until[name],
                "since": timestamp(system.browsers.since[name]) if name in system.browsers.since else None,
                "gone": name in system.browsers.gone,
                "frames": system.browsers.frames[name],
            }
            for name, owner in system.browsers.owner.items()
        },
    }
    return json.loads(json.dumps(kept))


def stored(system: System, table: str) -> list[Item]:
    """Return all items of a table, as DynamoDB has them."""
    found = (system.database.find(item["PK"], item["SK"], table) for item in system.database.items(table))
    return [item for item in found if item is not None]


def _key(item: Item) -> tuple[str, str]:
    return item["PK"]["S"], item["SK"]["S"]


def load(system: System, kept: RecordedState) -> None:
    """Restore the world under newly deployed functions, which remember nothing."""
    system.check = lambda: None
    system.reset({})
    state = kept.state
    system.go_to(datetime.fromisoformat(state["at"]))
    _store(system, state)
    _deliver(system, kept)
    _know(system, kept)
    _listen(system, state)


def _store(system: System, state: dict[str, Any]) -> None:
    """Restore the tables. Later writes come after the old records in the stream."""
    for table, items in state["items"].items():
        for item in items:
            system.database.put_item(TableName=table, Item=item)
    version = max(system.database.version, state["grown"]["history"]) + 10_000
    system.database.restore(system.database.snapshot()._replace(records=[], version=version))


def _deliver(system: System, kept: RecordedState) -> None:
    """Restore the platform's pending deliveries that match today's filters."""
    system.history = list(kept.grown("history"))
    for lane in system.lanes:
        waiting = set(kept.state["waiting"].get(lane.consumer.function, ()))
        lane.add(each for each in system.history if each["dynamodb"]["SequenceNumber"] in waiting)
    system.events = [Pending(event, left) for event, left in kept.state["events"]]
    system.handed = Counter(kept.state["handed"])
    system.bus.published = list(kept.grown("published"))
    system.mail.sent = list(kept.grown("mails"))
    system.gate.hit = ["once"] * kept.state["broken"]


def _know(system: System, kept: RecordedState) -> None:
    """Restore ZaloPay: its orders, and its pending callbacks. None of its faults continues."""
    simulator, state = system.zalopay.simulator, kept.state
    simulator.ledger = Ledger(order_of(document) for document in json.loads(json.dumps(state["orders"])))
    orders = simulator.ledger.orders
    for order in reversed(orders.values()):
        simulator.ledger.index(order)  # if two orders have one transaction, the first order keeps it
    system.callbacks = [Pending((orders[name], any(again)), left) for name, *again, left in state["callbacks"]]
    system.zalopay.asked = [tuple(each) for each in kept.grown("asked")]
    system.secrets.held["zalopay-key2"] = dict(state["keys"])
    simulator.callbacks.key2 = state["keys"]["current"]
    reachable = {item["appTransId"] for item in system.database.items(kind="SESSION") if "orderUrl" in item}
    system.payable = reachable & orders.keys()


def _listen(system: System, state: dict[str, Any]) -> None:
    """Restore the browsers, which keep their connections during a deployment."""
    browsers = system.browsers
    for name, known in state["browsers"].items():
        browsers.owner[name], browsers.until[name] = known["owner"], known["until"]
        browsers.frames[name] = list(known["frames"])
        if known["since"]:
            browsers.since[name] = datetime.fromisoformat(known["since"])
        if known["gone"]:
            browsers.gone.add(name)
    system._sockets = 1000
