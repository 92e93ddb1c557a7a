"""Warm invocations: the CPU time of each act of a paid stay, its calls and its capacity units, and what it costs."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median

from infra.topology import TABLES
from tests.proof.bench.cost import cost, write_units
from tests.proof.bench.programs import PEERS, Program
from tests.proof.bench.rows import Goal, Row, shown
from tests.proof.bench.stays import Act, Side

Acts = Mapping[str, Sequence[Act]]

_QUICK = (Goal(0.30, ratio=True),)
_TIMES = {  # the rows of CPU time, with their goals
    "callback": _QUICK,
    "callback, again": _QUICK,
    "status, asks ZaloPay": _QUICK,
    "status, from the table": (),
    "session": _QUICK,
    "create": (Goal(0.40, ratio=True),),
    "SUBSCRIBE": (Goal(2.5),),
    "notifier, 3 sockets": (Goal(3),),
    "transaction": (),
    "booking": (),
}
_CALLS = {"SUBSCRIBE": 5, "$disconnect": 2, "create": 3}


def play(sides: tuple[Side, Side], rounds: int) -> tuple[Acts, Acts, list[float]]:
    """Let product and peer take turns. Return their acts by name, and the CPU milliseconds of the bare limit."""
    found: tuple[dict[str, list[Act]], dict[str, list[Act]]] = defaultdict(list), defaultdict(list)
    limit = []
    with Program("bare", {}, PEERS) as bare:
        for turn in range(rounds + 2):  # in the first two, functions start and open connections
            for acts, side in zip(found, sides, strict=True):
                for act in side.play():
                    acts[act.name] += [act] if turn > 1 else []
            limit.append(bare.call({}).cpu)
    return *found, limit


def times(product: Acts, peer: Acts, limit: list[float]) -> list[Row]:
    """Return the rows of CPU milliseconds."""
    return [
        Row(name, [act.cpu for act in product[name]], [act.cpu for act in peer[name]], limit, goals)
        for name, goals in _TIMES.items()
    ]


def sums(product: Acts, peer: Acts) -> list[Row]:
    """Return the rows of calls, units and money."""

    def row(what: str, figure: Callable[[Acts], float], most: float) -> Row:
        return Row(what, [figure(product)], [figure(peer)], goals=(Goal(most),))

    return [
        *(row(f"DynamoDB calls: {name}", partial(_calls, name), most) for name, most in _CALLS.items()),
        row("write units of a paid stay of one night", write_units, 40),
        row("write units of a poll that asks ZaloPay", lambda acts: write_units(acts, ["status, asks ZaloPay"]), 1),
        row("USD for a million payments", lambda acts: cost(acts)[0].total, 60),
        row("USD for a million payments with polls", lambda acts: cost(acts)[1].total, 90),
    ]


def _calls(name: str, acts: Acts) -> float:
    """Count calls. The record of presence is not counted: a call on the other table, at most every five minutes."""
    tables = ("stays",) if name == "create" else tuple(TABLES)
    return median(act.traffic.calls_of(*tables) for act in acts[name])


def traffic_table(product: Acts, peer: Acts) -> str:
    """Return the table of calls and capacity units of each act."""
    lines = ["| act | calls | peer | write units | peer | read units | peer |", "|---|---|---|---|---|---|---|"]
    for name in product:
        cells = [shown(count(acts[name])) for count in (_calls_of, _writes_of, _reads_of) for acts in (product, peer)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", _money(product)])


def _money(product: Acts) -> str:
    once, _ = cost(product)
    parts = f"Lambda's time {shown(once.compute)}, requests, messages and logs {shown(once.requests)}"
    return f"Where the product's USD for a million payments go: {parts}, units of the table {shown(once.table)}."


def _calls_of(acts: Sequence[Act]) -> float:
    return median(sum(act.traffic.calls.values()) for act in acts)


def _writes_of(acts: Sequence[Act]) -> float:
    return median(act.traffic.total("write") for act in acts)


def _reads_of(acts: Sequence[Act]) -> float:
    return median(act.traffic.total("read") for act in acts)
