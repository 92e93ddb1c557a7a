"""What the functions lean on is gone or slow: each part of it during every journey, until all comes to rest."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import httpx

from tests.proof.simulation.gate import Call
from tests.proof.simulation.invariants import Invariants
from tests.proof.simulation.journeys import JOURNEYS
from tests.proof.simulation.outside import failure, refuse
from tests.proof.simulation.sweep import Figures
from tests.proof.simulation.system import System

Answer = Callable[[System, Call], Any]

SLOW = 6  # seconds, after which a call to ZaloPay is over


def refusing(code: str) -> Answer:
    """Whoever asks is told so."""
    return lambda _, call: refuse(failure(code), call)


def trickling(system: System, call: Call) -> Any:
    """ZaloPay does what it was asked to, and its answer comes byte by byte until nobody waits any more."""
    call()
    system.pass_time(seconds=SLOW)
    raise httpx.ReadTimeout("it trickles")


def forgetting(system: System, call: Call) -> Any:
    """The keys are there until there is an order; then they are not, and no function remembers them."""
    if not system.zalopay.orders:
        return call()
    system.secrets.clear_cache()
    return refuse(failure("ResourceNotFoundException"), call)


# What is gone, which I/Os meet that, and what they are told.
GONE: Mapping[str, tuple[str, Answer]] = {
    "the connections table": (" connections", refusing("ResourceNotFoundException")),
    "the connections table's capacity": (" connections", refusing("ThrottlingException")),
    "the secrets": ("secret get", refusing("ResourceNotFoundException")),
    "the secrets, after the order": ("secret get", forgetting),
    "the bus": ("bus put", refusing("ResourceNotFoundException")),
    "the mail service": ("mail send", refusing("NotFoundException")),
    "ZaloPay's pace": ("zalopay /", trickling),
}
# Here only a callback tells of an order, and without the key nobody can say whether ZaloPay sent it.
UNHEARD = ("unknown_order_given_back", "second_transaction_given_back")


def without(system: System, part: str, journeys: Iterable[str] = JOURNEYS) -> Figures:
    """Journeys while a part is gone."""
    figures = Figures()
    for journey in journeys:
        if journey not in UNHEARD or "secrets" not in part:
            attempt(system, part, journey, figures)
    return figures


def attempt(system: System, part: str, journey: str, figures: Figures) -> None:
    """A journey while a part is gone, until all has to come to rest."""
    label, answer = GONE[part]
    figures.runs += 1
    try:
        system.reset({})
        invariants = Invariants(system)
        system.gate.absent = {label: partial(answer, system)}
        JOURNEYS[journey](system)
        system.drain()
        invariants.at_rest()
    except Exception as error:  # noqa: BLE001  # whatever it is, it belongs into the report
        figures.violations.append(f"{journey} without {part}: {type(error).__name__}: {error}")
