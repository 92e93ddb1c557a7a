"""A moment of the simulated world as JSON: what is stored, what is on its way, and what ZaloPay and browsers know.

History, events published, mails sent and questions asked only grow, so a story keeps them once: a moment knows how
many of each there were.
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


class Moment(NamedTuple):
    """One moment of one story that one release lived through."""

    version: str
    story: dict[str, Any]
    moment: dict[str, Any]

    @property
    def name(self) -> str:
        """What a test is called that begins there."""
        return f"{self.version} {self.story['name']}: {self.moment['name']}"

    def items(self, table: str = "stays") -> list[Item]:
        """All items of a table, as DynamoDB has them."""
        return self.moment["items"][table]

    def grown(self, what: str) -> list[Any]:
        """The history, or what else has grown, up to this moment."""
        return self.story[what][: self.moment["grown"][what]]


@cache
def corpora() -> dict[str, dict[str, Any]]:
    """What every release has recorded, by its version."""
    return {path.name.removesuffix(SUFFIX): json.loads(text_of(path)) for path in sorted(HERE.glob(f"*{SUFFIX}"))}


def path_of(version: str) -> Path:
    """Where a release's recording is."""
    return HERE / f"{version}{SUFFIX}"


def text_of(path: Path) -> str:
    """One recording as it was written."""
    return decompress(path.read_bytes()).decode()


def text(corpus: dict[str, Any]) -> str:
    """A corpus as it is written."""
    return json.dumps(corpus, ensure_ascii=False, separators=(",", ":"))


def moments() -> Iterator[Moment]:
    """All that were ever recorded."""
    for version, corpus in corpora().items():
        for story in corpus["stories"]:
            yield from (Moment(version, story, moment) for moment in story["moments"])


def grown(system: System) -> dict[str, list[Any]]:
    """All that only grows."""
    return {
        "history": system.history,
        "published": system.bus.published,
        "mails": system.mail.sent,
        "asked": [list(each) for each in system.zalopay.asked],
    }


def keep(system: System) -> dict[str, Any]:
    """The world as it is between two steps, and nothing of it is shared with the system."""
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
    """All items of a table, as DynamoDB has them."""
    found = (system.database.find(item["PK"], item["SK"], table) for item in system.database.items(table))
    return [item for item in found if item is not None]


def _key(item: Item) -> tuple[str, str]:
    return item["PK"]["S"], item["SK"]["S"]


def load(system: System, kept: Moment) -> None:
    """The world stands there again, under functions that have just been deployed: they remember nothing."""
    system.check = lambda: None
    system.reset({})
    moment = kept.moment
    system.go_to(datetime.fromisoformat(moment["at"]))
    _store(system, moment)
    _deliver(system, kept)
    _know(system, kept)
    _listen(system, moment)


def _store(system: System, moment: dict[str, Any]) -> None:
    """The tables. What is written from now on comes later in the stream than all that was."""
    for table, items in moment["items"].items():
        for item in items:
            system.database.put_item(TableName=table, Item=item)
    version = max(system.database.version, moment["grown"]["history"]) + 10_000
    system.database.restore(system.database.snapshot()._replace(records=[], version=version))


def _deliver(system: System, kept: Moment) -> None:
    """What the platform has still to bring, as far as consumers want it today."""
    system.history = list(kept.grown("history"))
    for lane in system.lanes:
        waiting = set(kept.moment["waiting"].get(lane.consumer.function, ()))
        lane.add(each for each in system.history if each["dynamodb"]["SequenceNumber"] in waiting)
    system.events = [Pending(event, left) for event, left in kept.moment["events"]]
    system.handed = Counter(kept.moment["handed"])
    system.bus.published = list(kept.grown("published"))
    system.mail.sent = list(kept.grown("mails"))
    system.gate.hit = ["once"] * kept.moment["broken"]


def _know(system: System, kept: Moment) -> None:
    """ZaloPay: its orders, and the callbacks that it still owes. None of its faults goes on."""
    simulator, moment = system.zalopay.simulator, kept.moment
    simulator.ledger = Ledger(order_of(document) for document in json.loads(json.dumps(moment["orders"])))
    orders = simulator.ledger.orders
    for order in reversed(orders.values()):
        simulator.ledger.index(order)  # of two orders with one transaction the first one has it
    system.callbacks = [Pending((orders[name], any(again)), left) for name, *again, left in moment["callbacks"]]
    system.zalopay.asked = [tuple(each) for each in kept.grown("asked")]
    system.secrets.held["zalopay-key2"] = dict(moment["keys"])
    simulator.callbacks.key2 = moment["keys"]["current"]
    reachable = {item["appTransId"] for item in system.database.items(kind="SESSION") if "orderUrl" in item}
    system.payable = reachable & orders.keys()


def _listen(system: System, moment: dict[str, Any]) -> None:
    """Browsers keep their connections over a deployment."""
    browsers = system.browsers
    for name, known in moment["browsers"].items():
        browsers.owner[name], browsers.until[name] = known["owner"], known["until"]
        browsers.frames[name] = list(known["frames"])
        if known["since"]:
            browsers.since[name] = datetime.fromisoformat(known["since"])
        if known["gone"]:
            browsers.gone.add(name)
    system._sockets = 1000
