"""Runs the load: three acts, then rounds of the clock until all is at rest, then the collection of evidence."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone

import httpx

from tests.proof.load.evidence import Account, Evidence
from tests.proof.load.figures import Figures, figures
from tests.proof.load.plan import Plan, plans, winners
from tests.proof.load.stories import ACTS
from tests.proof.load.system import System, started
from tests.proof.load.traveller import PATIENCE, Surprised, Traveller
from tests.proof.load.zalopay_faults import calm, change

_VIETNAM = timezone(timedelta(hours=7))
_SCHEDULE = 10  # seconds between two rounds, so that some rounds fall into the acts
_OVER = 20 * 60  # seconds; after these no order can be paid and no night is held
_MINUTE = 61  # seconds after which an item that was asked about is due again
_HOUR = 60 * 60 + 1  # the longest interval for an item that has waited long
_ROUNDS = 15  # the maximum until all is at rest
_QUIET = 1.5  # seconds without any arrival
_PATIENCE = 40.0
_HEARTBEAT = 0.5  # seconds between two calls that do nothing and serve for comparison


def load(travellers: int, seconds: int, seed: int) -> Figures:
    """Let this many users arrive within these seconds. Return the figures and the violations."""
    return asyncio.run(_load(plans(travellers, seconds, seed, _today()), seconds, seed))


def auction_end(count: int, seconds: int, seed: int) -> Figures:
    """Let so many winners pay at once, while ZaloPay fails for these seconds. Return the figures and the violations."""
    return asyncio.run(_load(winners(count, seed, _today()), seconds, seed))


def _today() -> date:
    return datetime.now(_VIETNAM).date()


async def _load(expected: list[Plan], seconds: int, seed: int) -> Figures:
    took: dict[str, float] = {}
    async with started(_SCHEDULE) as system:
        crowd = await _invite(system, expected, min(PATIENCE, seconds))
        try:
            with _timed(took, "with travellers"):
                health = await _play(system, crowd, seconds, seed)
            with _timed(took, "until all was at rest"):
                troubles = await _settle(system, crowd, seed)
            with _timed(took, "collection of the results"):
                evidence = await _look(system, crowd, troubles)
            return figures(seed, evidence, took, health)
        finally:
            await asyncio.gather(*(traveller.leave() for traveller in crowd))


@contextmanager
def _timed(took: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    took[name] = time.perf_counter() - began


async def _invite(system: System, expected: list[Plan], patience: float) -> list[Traveller]:
    """Let everyone sign in, so that mail about an award has an address; then the auctions end."""
    crowd = [Traveller(plan, system, await system.token(plan), patience) for plan in expected]
    for each in crowd:
        await each.sign_in()
    await system.announce(expected)
    return crowd


async def _play(system: System, crowd: list[Traveller], seconds: int, seed: int) -> list[float]:
    """Run the three acts, with the end of every order between them. Return the times of the calls that do nothing."""
    health: list[float] = []
    async with asyncio.TaskGroup() as beside:
        beating = beside.create_task(_beat(system, health))
        weather = beside.create_task(change(system, seconds, seed))
        for number in range(3):
            if number:
                await system.later(_OVER)
                await system.round()
            await asyncio.gather(*(_act(traveller, number) for traveller in crowd))
            await weather
        beating.cancel()
    return health


async def _act(traveller: Traveller, number: int) -> None:
    if number == 0:
        await asyncio.sleep(traveller.plan.begins)
    with _noted(traveller):
        await ACTS[traveller.plan.story][number](traveller)
    await traveller.calm()


@contextmanager
def _noted(traveller: Traveller) -> Iterator[None]:
    try:
        yield
    except (Surprised, httpx.HTTPError) as error:
        traveller.surprises.append(f"{type(error).__name__}: {error}")


async def _beat(system: System, health: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await system.http.get(f"{system.addresses['http']}/api/v1/health")
        health.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(_HEARTBEAT)


async def _settle(system: System, crowd: list[Traveller], seed: int) -> list[str]:
    """Run rounds until no item is due, now or an hour later. Return the parts that did not come to rest."""
    troubles = []
    await system.later(_MINUTE)
    due = await system.round()
    await calm(system, seed)
    for _ in range(_ROUNDS):
        waited = _MINUTE if due else _HOUR
        await system.later(waited)
        due = await system.round()
        if not due and waited == _HOUR:
            break
    else:
        troubles.append(f"something is still due after {_ROUNDS} rounds")
    if not await _silence(system, crowd):
        troubles.append(f"mails and messages still arrive after {_PATIENCE} seconds")
    return troubles


async def _silence(system: System, crowd: list[Traveller]) -> bool:
    """Say whether arrivals have stopped."""
    until, before = time.monotonic() + _PATIENCE, -1
    while time.monotonic() < until:
        frames = sum(len(line.frames) for each in crowd for listener in each.listeners for line in listener.lines)
        arrived = frames + len(await system.mail())
        if arrived == before:
            return True
        before = arrived
        await asyncio.sleep(_QUIET)
    return False


async def _look(system: System, crowd: list[Traveller], troubles: list[str]) -> Evidence:
    accounts = await asyncio.gather(*(_account(traveller, crowd[place - 1]) for place, traveller in enumerate(crowd)))
    orders = await system.orders()
    days = {datetime.strptime(order["app_trans_id"][:6], "%y%m%d").replace(tzinfo=_VIETNAM).date() for order in orders}
    return Evidence(
        accounts=accounts,
        orders=orders,
        mail=await system.mail(),
        report=await system.report(days),
        dead_letters=await system.dead_letters(),
        log=system.log(),
        troubles=troubles,
    )


async def _account(traveller: Traveller, stranger: Traveller) -> Account:
    """Collect one user's side.

    All bookings are read first, so that no session waits for that. Another user must find nothing.
    """
    bookings = (await traveller.ask("bookings", "GET", "/user/bookings")).body
    stays = traveller.stays | {booking["id"] for booking in bookings}
    for booking in bookings:
        await traveller.ask("booking", "GET", f"/payment/{booking['id']}/booking")
    sessions = {stay: (await traveller.ask("session", "GET", f"/payment/sessions/{stay}")).body for stay in stays}
    with _noted(stranger):
        for stay in stays:
            await stranger.ask("session of another", "GET", f"/payment/sessions/{stay}", good=(404,))
            await stranger.ask("booking of another", "GET", f"/payment/{stay}/booking", good=(404,))
    return Account(
        plan=traveller.plan,
        answers=traveller.answers,
        surprises=[*traveller.surprises, *(each for listener in traveller.listeners for each in listener.troubles)],
        lines=[line for listener in traveller.listeners for line in listener.lines],
        sessions=sessions,
        bookings=bookings,
        refusals=tuple(traveller.refusals),
        waited=traveller.waited,
    )
