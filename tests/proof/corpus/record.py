"""`make corpus`: records the items, their schemas and the answers of this release, for every later release to read.

All journeys and stories run. Whenever an item gets a new shape, the world at that moment is kept. So the corpus has
every kind of item in every state, with all related items.
"""

import gzip
import json
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

from infra.topology import PREFIX
from stays import __version__
from tests.proof.corpus.models import write_schemas
from tests.proof.corpus.reading import questions, said, users
from tests.proof.corpus.stories import STORIES, UNWATCHED
from tests.proof.corpus.world import GROWING, RecordedState, grown, keep, load, path_of, text
from tests.proof.simulation.journeys import JOURNEYS
from tests.proof.simulation.system import Reply, System, simulation, stay_of

STEPS = (
    *("http", "create", "pay", "announce", "tick", "connect", "subscribe", "disconnect"),
    *("deliver_events", "deliver_callbacks", "deliver_stream"),
)
TELLING = ("status", "fulfilment", "processing", "reserved", "reason", "result", "state", "letter", "attempts", "what")
SALE = ("auctionId", "userId", "awardId")

Shape = tuple[Any, ...]


def looking(step: Callable[..., Any]) -> Callable[..., Any]:
    """Return a step that looks at the world after it, unless it is part of another step."""

    @wraps(step)
    def taken(system: "Recording", *arguments: Any, **more: Any) -> Any:
        system.depth += 1
        answer = step(system, *arguments, **more)
        system.depth -= 1
        if system.depth == 0:
            system.look()
        return answer

    return taken


class Recording(System):
    """A system that keeps each moment with a new shape."""

    def __init__(self, traveller: Any) -> None:
        self.depth = 1
        self.seen: set[Shape] = set()
        self.feeds: list[str] = []
        self.states: list[dict[str, Any]] = []
        super().__init__(traveller)

    def begin(self) -> None:
        """Begin a new story."""
        self.reset({})
        self.depth, self.states, self.feeds = 0, [], []

    def end(self) -> None:
        """Stop keeping moments."""
        self.depth = 1

    def look(self) -> None:
        """Keep the world if it has a new shape."""
        new = sorted(set(shapes(self)) - self.seen, key=str)
        if not new:
            return
        self.seen.update(new)
        name = f"{len(self.states) + 1} {named(new[0])}"
        self.states.append({"name": name, **keep(self), "feeds": list(self.feeds)})

    def http(self, *arguments: Any, **more: Any) -> Reply:
        """Send a request. The address of a feed is noted, because it is answered once and never stored."""
        reply = super().http(*arguments, **more)
        if isinstance(reply.body, dict) and "/calendars/" in reply.body.get("url", ""):
            self.feeds.append(reply.body["url"].partition(PREFIX)[2])
        return reply


for _name in STEPS:
    setattr(Recording, _name, looking(getattr(Recording, _name)))


def shapes(system: System) -> Iterator[Shape]:
    """Return each item's attributes and states, then the states of items that belong together."""
    database = system.database
    for table in ("stays", "connections"):
        for item in database.items(table):
            states = tuple(str(item[name]) for name in TELLING if name in item)
            kind = item.get("kind", item["SK"].partition("#")[0])
            inner = tuple(tuple(value) for value in item.values() if isinstance(value, dict))
            yield kind, *states, tuple(sorted(item)), inner, item.get("refund", {}).get("status")
    sessions = {item["id"]: item for item in database.items(kind="SESSION")}
    for order in system.zalopay.orders:
        session = sessions.get(stay_of(order), {})  # empty if only ZaloPay knows the order
        refunds = tuple((each.settled, each.outcome) for each in order.refunds)
        states = (session.get(name) for name in ("status", "fulfilment"))
        yield "ORDER", order.state(system.zalopay.simulator.now()), refunds, *states
    for award in (*database.items(kind="AWARD"), *database.items(kind="OFFER")):
        mine = [each for each in sessions.values() if all(each[name] == award[name] for name in SALE)]
        live = sum(each["status"] in ("CREATED", "PENDING") for each in mine)
        states = sorted({(each["status"], each["fulfilment"], each["nights"] == nights_of(award)) for each in mine})
        yield "SALE", award["kind"], award["status"], live, tuple(states)


def nights_of(award: Any) -> list[str]:
    """Return all nights of an award."""
    return [night["date"] for night in award["nights"]]


def named(shape: Shape) -> str:
    """Describe a shape in a few words."""
    return " ".join(each for each in shape if isinstance(each, str))


def story(system: Recording, name: str, live: Callable[[System], None], *, watched: bool) -> dict[str, Any]:
    """Return one story with all its new moments, and the reads at each of them."""
    system.begin()
    live(system)
    system.drain()
    system.end()
    grew = json.loads(json.dumps(grown(system)))
    found: dict[str, Any] = {"name": name, "watched": watched, **grew, "moments": system.states}
    for state in system.states:
        kept = RecordedState(__version__, found, state)
        load(system, kept)
        feeds = [(None, feed) for feed in state.pop("feeds")]
        state.update(said(system, kept, [*questions(system), *feeds], users(system)))
    last = {name: max((each["grown"][name] for each in system.states), default=0) for name in GROWING}
    return found | {name: found[name][: last[name]] for name in GROWING}


def corpus() -> dict[str, Any]:
    """Return all stories of this release."""
    with simulation(Recording) as system:
        lived = {**STORIES, **JOURNEYS}
        found = [story(system, name, live, watched=True) for name, live in lived.items()]
        found += [story(system, name, live, watched=False) for name, live in UNWATCHED.items()]
    return {"version": __version__, "stories": [each for each in found if each["moments"]]}


def write(content: dict[str, Any], path: Path) -> None:
    """Write a corpus. The same corpus gives the same bytes."""
    path.write_bytes(gzip.compress(text(content).encode(), mtime=0))


def main() -> int:
    """Run the command line."""
    path = path_of(__version__)
    if path.exists():
        sys.stdout.write(f"{path.name} exists. Each release is recorded once; delete the file to record it again.\n")
        return 1
    content = corpus()
    write(content, path)
    write_schemas(__version__)
    count = sum(len(each["moments"]) for each in content["stories"])
    sys.stdout.write(f"{count} states of {len(content['stories'])} stories, {path.stat().st_size // 1000} kB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
