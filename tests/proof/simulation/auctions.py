"""Journeys of winners, runners-up and slow users. Every step copes with a function that dies during it."""

from collections.abc import Callable
from typing import Any

from tests.integration.messages import BINH, MAI, NIGHTS, PRICE, auction_result
from tests.proof.simulation.system import System

CHI = "auth0|chi"
LATER_PRICE = 300_000
TRIES = 3


def priced(*nights: str) -> list[dict[str, Any]]:
    """Return nights at a runner-up's price."""
    return [{"date": night, "price": LATER_PRICE} for night in nights]


def chain(**changes: Any) -> dict[str, Any]:
    """Mai has won. Binh is the first runner-up, for all nights. Chi is the second, for the first two nights."""
    runners_up = [
        {"userId": BINH, "bidId": "88", "nights": priced(*NIGHTS)},
        {"userId": CHI, "bidId": "89", "nights": priced(*NIGHTS[:2])},
    ]
    return auction_result(**{"runnersUp": runners_up, "offerMinutes": 60} | changes)


def begins(system: System, **changes: Any) -> None:
    """The auction system names the winner and the runners-up."""
    system.announce(chain(**changes))
    while system.events:
        system.deliver_events()


def until(system: System, there: Callable[[], bool], step: Callable[[], None]) -> None:
    """Make some steps until the condition holds."""
    for _ in range(TRIES):
        if there():
            return
        step()
        system.settle()
        system.pass_time(seconds=50)


def award(system: System, sub: str, auction_id: str = "1001") -> dict[str, Any] | None:
    """Return the user's award of an auction."""
    found = system.database.items(userId=sub, auctionId=auction_id)
    return next((item for item in found if item["kind"] in ("AWARD", "OFFER")), None)


def is_over(system: System, sub: str) -> bool:
    """Say whether an award can no longer be paid."""
    mine = award(system, sub)
    return mine is not None and mine["status"] in ("EXPIRED", "DECLINED", "PAID")


def lets_it_pass(system: System, sub: str) -> None:
    """Time passes until the deadline of the user's award, and the clock looks."""
    system.pass_time(days=1, seconds=1)
    until(system, lambda: is_over(system, sub), system.tick)


def answers(system: System, sub: str, answer: str, **body: Any) -> int:
    """Accept or decline, and press again if nothing happens. Return the last status."""
    status = 0
    for _ in range(TRIES):
        status = system.http("POST", f"/auctions/offers/1001/{answer}", body, sub=sub).status
        if status not in (0, 429, 500):
            break
        system.pass_time(seconds=2)
    return status


def presses(system: System, sub: str = MAI, auction_id: str = "1001", **wanted: Any) -> None:
    """Press the pay button, again if nothing happens."""
    for _ in range(TRIES):
        if system.create(sub, auction_id, **wanted).status in (200, 409):
            break
        system.pass_time(seconds=2)


def pays(system: System, sub: str, nights: tuple[str, ...], price: int) -> None:
    """Press the pay button, then pay."""
    presses(system, sub, nights=nights, amount=price * len(nights))
    system.pay(system.order())
    system.settle()


def expect(system: System, holds: bool, what: str) -> None:
    """Demand a condition that holds on a day without faults."""
    assert holds or not system.undisturbed, what


def booked(system: System, sub: str) -> bool:
    """Say whether the user has the nights."""
    return bool(system.database.items(kind="BOOKING", userId=sub, status="CONFIRMED"))


def second_runner_up_pays(system: System) -> None:
    """The winner lets the deadline pass. The first runner-up declines. The second accepts, pays and is booked."""
    sockets = {sub: system.connect(sub, seconds=200_000) for sub in (MAI, BINH, CHI)}
    for sub, socket in sockets.items():
        if socket:
            system.subscribe(socket, sub)
    begins(system)
    system.settle()
    lets_it_pass(system, MAI)
    answers(system, BINH, "decline", reason="too far")
    system.settle()
    answers(system, CHI, "accept", selectedNights=list(NIGHTS[:2]))
    pays(system, CHI, NIGHTS[:2], LATER_PRICE)
    expect(system, booked(system, CHI), "the second runner-up is not booked")
    expect(system, not booked(system, MAI) and not booked(system, BINH), "somebody else is booked")
    told = {
        sub: [each["type"] for each in system.browsers.frames.get(str(socket), [])] for sub, socket in sockets.items()
    }
    expect(system, told[MAI] == ["SUBSCRIBED", "AUCTION_RESULT", "AUCTION_RESULT"], f"Mai heard {told[MAI]}")
    expect(system, told[BINH] == ["SUBSCRIBED", "SECOND_CHANCE_OFFER"], f"Binh heard {told[BINH]}")
    paid = ["PAYMENT_STATUS", "PAYMENT_STATUS", "PAYMENT_STATUS", "BOOKING_CONFIRMED"]
    expect(system, told[CHI][:2] == ["SUBSCRIBED", "SECOND_CHANCE_OFFER"], f"Chi heard {told[CHI]}")
    expect(system, set(told[CHI][2:]) == set(paid), f"Chi heard {told[CHI]}")


def everybody_declines(system: System) -> None:
    """All users decline one after the other. The nights become free, and an event says so."""
    begins(system)
    for sub in (MAI, BINH, CHI):
        answers(system, sub, "decline")
        system.settle()
    released = [item["releases"] for item in system.database.items(kind="OFFER", userId=CHI)]
    expect(system, released == [[list(NIGHTS)]], f"released: {released}")


def nobody_answers(system: System) -> None:
    """No user answers, so the clock alone goes through all of them."""
    begins(system)
    system.drain()
    expect(system, len(system.database.items(kind="OFFER", status="EXPIRED")) == 2, "a chain did not come to its end")


def pays_at_the_last_moment(system: System) -> None:
    """An order is open at the deadline. The runner-up gets no offer before the order is over, and the order is paid."""
    begins(system)
    system.pass_time(hours=23, minutes=55)
    presses(system)
    system.pass_time(minutes=7)
    system.tick()
    system.tick()
    expect(system, not system.database.items(kind="OFFER"), "somebody else was asked under an open order")
    system.pay(system.order(), lost=True)
    system.pass_time(minutes=1)
    system.tick()
    expect(system, booked(system, MAI), "the money was not found")


def leaves_an_order_open(system: System) -> None:
    """An order is open at the deadline and is not paid. The runner-up gets the offer when it is over."""
    begins(system)
    system.pass_time(hours=23, minutes=55)
    system.create()
    system.drain()
    expect(system, len(system.database.items(kind="OFFER")) == 2, "nobody else was asked")


def pays_after_others_were_asked(system: System) -> None:
    """Money arrives after the deadline while the nights are free.

    They are booked, and the offer can no longer be accepted.
    """
    begins(system)
    presses(system)
    late = system.order()
    lets_it_pass(system, MAI)
    system.pay(late, late=True)
    system.settle()
    offers = [item["status"] for item in system.database.items(kind="OFFER", userId=BINH)]
    expect(system, offers == ["EXPIRED"], f"what is booked stays on offer: {offers}")
    status = answers(system, BINH, "accept")
    expect(system, booked(system, MAI) and status == 409, f"accepting what is booked was answered {status}")


def some_nights_are_taken(system: System) -> None:
    """Another user has booked one of the nights, so only the others are offered."""
    system.announce(auction_result(userId=BINH, auctionId="1002", nights=NIGHTS[:1]))
    begins(system, runnersUp=[{"userId": CHI, "nights": priced(*NIGHTS)}])
    presses(system, BINH, "1002", nights=NIGHTS[:1])
    system.pay(system.order())
    system.settle()
    answers(system, MAI, "decline")
    offers = [[night["date"] for night in item["nights"]] for item in system.database.items(kind="OFFER")]
    expect(system, offers == [list(NIGHTS[1:])], f"offered: {offers}")


def wants_a_part(system: System) -> None:
    """The user takes two nights of a partial win and pays their price."""
    begins(system, result="PARTIAL_WIN")
    answers(system, MAI, "accept", selectedNights=list(NIGHTS[1:]))
    pays(system, MAI, NIGHTS[1:], PRICE)
    nights = [item["nights"] for item in system.database.items(kind="BOOKING", status="CONFIRMED")]
    expect(system, nights == [list(NIGHTS[1:])], f"booked: {nights}")


def pays_for_an_offer_of_a_part(system: System) -> None:
    """The offer leaves some nights. The next runner-up gets them, and then they are released."""
    runners_up = [
        {"userId": BINH, "nights": priced(NIGHTS[0])},
        {"userId": CHI, "nights": priced(*NIGHTS[:2])},
    ]
    begins(system, runnersUp=runners_up)
    answers(system, MAI, "decline")
    pays(system, BINH, NIGHTS[:1], LATER_PRICE)
    expect(system, booked(system, BINH), "the first runner-up is not booked")
    system.drain()
    found = [(item["nights"], item["releases"]) for item in system.database.items(kind="OFFER", userId=CHI)]
    expect(system, found == [(priced(NIGHTS[1]), [list(NIGHTS[1:])])], f"the second runner-up has {found}")


def declines_while_paying(system: System) -> None:
    """The winner declines with an open order.

    ZaloPay says that it is unpaid, so the runner-up is asked. Then money comes.
    """
    begins(system)
    presses(system)
    order = system.order()
    status = answers(system, MAI, "decline")
    offers = system.database.items(kind="OFFER", status="WAITING")
    expect(system, status == 200 and len(offers) == 1, f"declining an unpaid order was answered {status}")
    system.pay(order, late=True)


def zalopay_is_silent(system: System) -> None:
    """The hold is over and ZaloPay is silent about the payment. The award can be neither declined nor offered on."""
    begins(system)
    presses(system)
    system.zalopay.mute = True
    system.pass_time(minutes=25)
    system.tick()
    status = answers(system, MAI, "decline")
    expect(system, status == 409, f"declining what may be paid was answered {status}")
    system.pass_time(days=1)
    system.tick()
    expect(system, not system.database.items(kind="OFFER"), "somebody else was asked under an order that may be paid")
    system.zalopay.mute = False
    system.pay(system.order(), late=True)


AUCTIONS = (
    second_runner_up_pays,
    everybody_declines,
    nobody_answers,
    pays_at_the_last_moment,
    leaves_an_order_open,
    pays_after_others_were_asked,
    some_nights_are_taken,
    wants_a_part,
    pays_for_an_offer_of_a_part,
    declines_while_paying,
    zalopay_is_silent,
)
