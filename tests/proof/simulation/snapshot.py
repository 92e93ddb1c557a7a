"""A snapshot of the simulation, to which a test can return, so that the preparation runs only once."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from tests.proof.simulation.invariants import Invariants
from tests.proof.simulation.system import System

Part = tuple[Any, tuple[str, ...]]  # an object and those of its attributes that change


def keep(system: System, invariants: Invariants) -> Callable[[], None]:
    """Keep the present state. The returned function restores it, as often as it is called."""
    parts = list(_parts(system, invariants))
    shared = {id(each): each for each in (*system.history, *system.database.ever_read())}
    kept = deepcopy([{name: getattr(part, name) for name in names} for part, names in parts], dict(shared))
    database, now, memories = system.database.snapshot(), system.now, system.memories()

    def put_back() -> None:
        system.database.restore(database)
        system.go_to(now)
        system.recall(memories)
        for (part, _), values in zip(parts, deepcopy(kept, dict(shared)), strict=True):
            vars(part).update(values)

    return put_back


def _parts(system: System, invariants: Invariants) -> Iterator[Part]:
    """Return all parts except the database, the clock and the functions' memory."""
    simulator = system.zalopay.simulator
    yield system, ("events", "callbacks", "dead", "history", "broken", "payable", "acknowledged", "counted", "handed")
    yield system, ("rounds", "denied", "spelling")
    yield system, ("_sockets",)
    yield from ((lane, ("waiting",)) for lane in system.lanes)
    yield system.gate, ("plan", "passed", "hit")
    yield system.zalopay, ("mute", "deaf", "hides_refunds", "asked", "claimed", "denied")
    yield simulator, ("ledger",)
    yield simulator.callbacks, ("key2",)
    yield simulator.faults, tuple(vars(simulator.faults))
    yield system.browsers, ("frames", "owner", "until", "since", "gone")
    yield system.mail, ("sent", "addressed", "silent", "refusing", "stopped", "unwelcome")
    yield system.bus, ("published",)
    yield system.secrets, ("held",)
    yield system.chance, ("_drawn",)
    yield invariants, ("_read", "_answered", "_rounds", "_denied", "_heard", "_rank", "_confirmed", "_known", "_wanted")
    yield invariants, ("_award_mails", "_never_told")
    yield invariants.chains, ("_nights", "_awards", "_offered")
