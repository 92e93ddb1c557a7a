"""The actions of the users: each story has three acts, and nights and orders expire between them."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from tests.proof.load.plan import Story
from tests.proof.load.traveller import Traveller, is_over, is_settled

Act = Callable[[Traveller], Awaitable[None]]


async def nothing(_: Traveller) -> None:
    """Do nothing."""


async def order(traveller: Traveller) -> None:
    """Press the pay button and wait."""
    if await traveller.press_pay():
        traveller.listen()


async def buy(traveller: Traveller) -> None:
    """Order, pay, return, and see the booking."""
    if made := await traveller.press_pay():
        traveller.listen()
        await traveller.pay(made)
        await traveller.follow(made)
        await traveller.confirm(made)


async def win(traveller: Traveller) -> None:
    """Buy at an auction's end, and note how long it takes until the booking is seen."""
    began = time.monotonic()
    await buy(traveller)
    traveller.waited = time.monotonic() - began


async def buy_impatiently(traveller: Traveller) -> None:
    """Double-click: both answers name one order."""
    first, second = await asyncio.gather(traveller.press_pay(), traveller.press_pay())
    if first != second:
        traveller.surprises.append(f"a double click made two orders: {first}, {second}")
    await buy(traveller)


async def reserve_and_buy(traveller: Traveller) -> None:
    """Reserve the nights first, and pay later."""
    await traveller.reserve()
    await buy(traveller)


async def buy_at_the_second_attempt(traveller: Traveller) -> None:
    """The first attempt fails for lack of money."""
    if made := await traveller.press_pay():
        await traveller.at_zalopay(made, "decline")
        await buy(traveller)


async def buy_and_cancel(traveller: Traveller) -> None:
    """Buy and then cancel."""
    await buy(traveller)
    await traveller.cancel()


async def cancel(traveller: Traveller) -> None:
    """Cancel again. The booking may only be known now, and a second cancellation is harmless."""
    if traveller.order:
        await traveller.follow(traveller.order)
        await traveller.cancel()


async def leave(traveller: Traveller) -> None:
    """Cancel the order."""
    if made := await traveller.press_pay():
        traveller.listen()
        await traveller.at_zalopay(made, "cancel")
        await traveller.follow(made, is_over)


async def pay_late(traveller: Traveller) -> None:
    """Pay an order after its end."""
    if traveller.order:
        await traveller.pay(traveller.order, late=True)
        await traveller.follow(traveller.order, is_settled)


ACTS: dict[Story, tuple[Act, Act, Act]] = {
    Story.PAYS: (buy, nothing, nothing),
    Story.CLICKS_TWICE: (buy_impatiently, nothing, nothing),
    Story.RESERVES: (reserve_and_buy, nothing, nothing),
    Story.DECLINED: (buy_at_the_second_attempt, nothing, nothing),
    Story.CANCELS: (buy_and_cancel, cancel, nothing),
    Story.LEAVES: (leave, nothing, nothing),
    Story.FORGETS: (order, nothing, nothing),
    Story.FIGHTS: (buy, nothing, nothing),
    Story.LATE: (order, pay_late, nothing),
    Story.OVERTAKEN: (order, nothing, pay_late),
    Story.OVERTAKES: (nothing, buy, nothing),
    Story.HEAT_FIRST: (order, nothing, pay_late),
    Story.HEAT_SECOND: (nothing, order, pay_late),
    Story.WINS: (win, nothing, nothing),
}
