"""A service that the functions need is gone or slow: each one during every journey, until all is at rest."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import httpx

from infra.topology import FUNCTIONS
from tests.proof.simulation.gate import Call, Killed
from tests.proof.simulation.invariants import Invariants, demand
from tests.proof.simulation.journeys import JOURNEYS
from tests.proof.simulation.outside import failure, refuse, sdk_failure, silence
from tests.proof.simulation.sweep import Figures
from tests.proof.simulation.system import System

Answer = Callable[[System, Call], Any]

SLOW = 6  # seconds until a call to ZaloPay times out


def refusing(code: str, error: Callable[[str], Exception] = failure) -> Answer:
    """Refuse every call."""
    return lambda _, call: refuse(error(code), call)


def trickling(system: System, call: Call) -> Any:
    """ZaloPay does its work, and its answer comes byte by byte until the function stops waiting."""
    call()
    system.pass_time(seconds=SLOW)
    raise httpx.ReadTimeout("it trickles")


def forgetting(system: System, call: Call) -> Any:
    """The keys exist until there is an order. Then they are gone, and no function remembers them."""
    if not system.zalopay.orders:
        return call()
    system.forget_keys()
    return refuse(failure("ResourceNotFoundException"), call)


def busy(system: System, call: Call) -> Any:
    """API Gateway takes one message a second from the notifier, and answers 429 to all others."""
    if system.running == "notifier":
        if system.now < system.browsers.free_at:
            return refuse(failure("LimitExceededException", 429), call)
        system.browsers.free_at = system.now + timedelta(seconds=1)
    return call()


def hanging(system: System, call: Call) -> Any:
    """Every second message of the notifier hangs for as long as the notifier waits, or until Lambda kills it."""
    system.browsers.posts += system.running == "notifier"
    if system.running != "notifier" or system.browsers.posts % 2:
        return call()
    waits, lives = system.browsers.request.whole, FUNCTIONS["notifier"].timeout
    system.pass_time(seconds=min(waits, lives))
    if waits >= lives:
        raise Killed
    raise silence()


# The missing service, its I/Os, and their answers.
GONE: Mapping[str, tuple[str, Answer]] = {
    "the connections table": (" connections", refusing("ResourceNotFoundException")),
    "the connections table's capacity": (" connections", refusing("ThrottlingException")),
    "the secrets": ("secret get", refusing("ResourceNotFoundException")),
    "the secrets, after the order": ("secret get", forgetting),
    "the bus": ("bus put", refusing("ResourceNotFoundException", sdk_failure)),
    "the mail service": ("mail send", refusing("NotFoundException", sdk_failure)),
    "ZaloPay's pace": ("zalopay /", trickling),
    "the gateway's capacity": ("browser post", busy),
    "the gateway's pace": ("browser post", hanging),
}
# The functions wait until these pass, so that no delivery is given up.
WAITED_FOR = ("the gateway's capacity", "the gateway's pace")
# Only a callback tells of the order in these journeys. Without the key no function can verify that ZaloPay sent it.
UNHEARD = ("unknown_order_given_back", "second_transaction_given_back")


def without(system: System, part: str, journeys: Iterable[str] = JOURNEYS) -> Figures:
    """Run these journeys while a service is gone, and return their figures."""
    figures = Figures()
    for journey in journeys:
        if journey not in UNHEARD or "secrets" not in part:
            attempt(system, part, journey, figures)
    return figures


def attempt(system: System, part: str, journey: str, figures: Figures) -> None:
    """Run a journey while a service is gone, until all must be at rest."""
    label, answer = GONE[part]
    figures.runs += 1
    try:
        system.reset({})
        invariants = Invariants(system)
        system.gate.absent = {label: partial(answer, system)}
        JOURNEYS[journey](system)
        if part in WAITED_FOR:
            system.settle()
            demand(not system.dead, "L4", "dead letters:", len(system.dead))
        system.drain()
        invariants.at_rest()
    except Exception as error:  # noqa: BLE001 # the report must have every error
        figures.violations.append(f"{journey} without {part}: {type(error).__name__}: {error}")
