"""States that the simulation's journeys do not reach: they need a look, a wait, or work by hand."""

import json
from collections.abc import Callable, Iterable

from infra.operator.commands import Commands
from infra.zalopay_simulator.ledger import Order
from tests.integration.messages import BINH, HOST, MAI, NIGHTS, PRICE, auction_result, second_chance, signed
from tests.proof.simulation.auctions import CHI, LATER_PRICE, answers, begins, lets_it_pass, presses
from tests.proof.simulation.gate import Fault
from tests.proof.simulation.journeys import JOURNEYS, cancelled, gives_back, orders, paid, wins, wrong_amount
from tests.proof.simulation.system import System, stay_of

Story = Callable[[System], None]
OTHER = {"id": "778", "name": "Nhà Dưới Đồi", "hostId": HOST}


def money_is_moving(system: System) -> None:
    """ZaloPay says "processing" for a while. The page polls, and the clock asks."""
    wins(system)
    system.listen()
    orders(system)
    system.zalopay.simulator.switch("query_processing", True, "all")
    system.pay(system.order(), lost=True)
    system.pass_time(seconds=6)
    system.poll(system.order())
    for minutes in (1, 14, 3):
        system.pass_time(minutes=minutes)
        system.tick()
    system.settle()
    system.zalopay.simulator.switch("query_processing", False, "all")


def order_is_refused(system: System) -> None:
    """ZaloPay refuses to make the order."""
    wins(system)
    system.zalopay.simulator.switch("create_refused", True, "next")
    system.create()


def order_is_lost(system: System) -> None:
    """ZaloPay answers neither create nor the question. The session stays CREATED."""
    wins(system)
    system.zalopay.mute = True
    system.create()
    system.zalopay.mute = False


def order_is_lost_for_good(system: System) -> None:
    """The same, until the clock gives the order up."""
    order_is_lost(system)
    system.pass_time(minutes=2)
    system.tick()


def reservation_is_given_back(system: System) -> None:
    """A user cancels an unpaid direct booking."""
    wins(system)
    reply = system.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)})
    system.http("DELETE", f"/bookings/{reply.body['id']}")


def reservation_is_being_paid(system: System) -> None:
    """A direct booking has an open order."""
    wins(system)
    system.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)})
    system.pass_time(minutes=5)
    orders(system)
    system.settle()


def two_sessions_of_one_win(system: System) -> None:
    """A user buys nights of a partial win one by one. Two orders are open, and one is paid first."""
    begins(system, result="PARTIAL_WIN")
    presses(system, nights=NIGHTS[:1], amount=PRICE)
    presses(system, nights=NIGHTS[1:], amount=2 * PRICE)
    system.settle()
    system.pay(system.order(0))
    system.settle()
    system.pass_time(days=1)
    system.tick()


def night_of_a_full_win(system: System) -> None:
    """A user pays the cheapest night of a full win alone."""
    wins(system)
    presses(system, nights=NIGHTS[:1], amount=PRICE)
    system.pay(system.order())
    system.settle()


def offer_in_part(system: System) -> None:
    """A user accepts a part of an offer and pays it. The remaining nights wait for their time."""
    begins(system)
    answers(system, MAI, "decline", reason="too far")
    answers(system, BINH, "accept", selectedNights=list(NIGHTS[:2]))
    system.settle()
    presses(system, BINH, nights=NIGHTS[:1], amount=LATER_PRICE)
    system.pay(system.order())
    system.settle()
    lets_it_pass(system, CHI)


def win_in_part(system: System) -> None:
    """A user accepts two nights of a partial win, and has not paid yet."""
    begins(system, result="PARTIAL_WIN")
    answers(system, MAI, "accept", selectedNights=list(NIGHTS[1:]))
    system.settle()
    lets_it_pass(system, MAI)


def lost(system: System) -> None:
    """Binh lost the auction and gets an offer later. A browser listens to both."""
    system.listen(BINH)
    system.announce(auction_result(userId=BINH, result="LOST", nights=(), bidAmount=1))
    system.announce(second_chance(offerId="5002", auctionId="1002"), "SecondChanceOffer")
    system.settle()


def offer_with_an_order(system: System) -> None:
    """An offer's order is open when the time to answer ends."""
    system.announce(second_chance(), "SecondChanceOffer")
    system.pass_time(hours=23, minutes=55)
    presses(system, BINH)
    system.pass_time(minutes=7)
    system.tick()


def gaps(system: System) -> None:
    """Nights with a gap between them are booked."""
    nights = (NIGHTS[0], NIGHTS[2])
    system.announce(auction_result(result="PARTIAL_WIN", nights=nights))
    presses(system, nights=nights)
    system.pay(system.order())
    system.settle()


def host_looks(system: System) -> None:
    """A host opens a feed, and an event names another host. Users send every request about a booking."""
    wins(system)
    system.http("POST", "/properties/777/calendar/feed", sub=HOST)
    system.http("POST", "/users/auth0-sync", {"name": "Mai", "locale": "vi-VN"})
    orders(system)
    system.pay(system.order())
    system.settle()
    for what in ("conversation", "update-calendar"):
        system.http("POST", f"/bookings/{stay_of(only_order(system))}/{what}", {})
    system.announce(auction_result(auctionId="1005", property={"id": "777", "name": "Nhà", "hostId": "auth0|other"}))


def feed_is_closed(system: System) -> None:
    """A host opens a feed and closes it again."""
    wins(system)
    system.http("POST", "/properties/777/calendar/feed", sub=HOST)
    system.http("DELETE", "/properties/777/calendar/feed", sub=HOST)


def bad_events(system: System) -> None:
    """Events that have a wrong shape, or contradict earlier ones."""
    wins(system)
    system.announce({"auctionId": "1001"})
    system.announce(auction_result(auctionId="1002", result="LOST"))
    system.announce({}, "AuctionCancelled")
    system.announce(auction_result(bidAmount=1))


def breaks(system: System, label: str, fault: Fault) -> None:
    """Break the next I/O with this name."""

    def before(passing: str) -> None:
        if passing == label:
            system.gate.plan = {len(system.gate.passed) + 1: fault}
            system.gate.before = lambda _: None

    system.gate.before = before


def browser_joins(system: System) -> None:
    """A browser is listed as joining and gets no further."""
    orders_are_open(system)
    breaks(system, "browser post", Fault.KILLED_BEFORE)
    system.listen()


def orders_are_open(system: System) -> None:
    """A win and an order."""
    wins(system)
    orders(system)
    system.settle()


def mail_is_stuck(system: System) -> None:
    """SES has never answered, so the mail may have gone out."""
    system.mail.silent = True
    paid(system)


def mail_has_to_wait(system: System) -> None:
    """SES could not take the mail, so it did not go out."""
    breaks(system, "mail send", Fault.ERROR)
    paid(system)


def outdated_mail(system: System) -> None:
    """The booking is cancelled before its confirmation was written."""
    wins(system)
    orders(system)
    system.pay(system.order())
    system.deliver_callbacks()
    gives_back(system)
    system.settle()


def cancelled_for_nothing(system: System) -> None:
    """A booking is cancelled on the day before check-in: no refund is owed."""
    wins(system)
    orders(system)
    system.pay(system.order())
    system.settle()
    system.pass_time(days=18)
    gives_back(system)
    system.settle()


def refund_takes_days(system: System) -> None:
    """ZaloPay never finishes a refund."""
    system.zalopay.simulator.switch("refund_processing", True, "all")
    cancelled(system)
    for _ in range(3):
        system.settle()
        system.tick()
        system.pass_time(hours=9)
    system.zalopay.simulator.switch("refund_processing", False, "all")


def refund_is_unanswered(system: System) -> None:
    """ZaloPay accepted a refund and its answer was lost."""
    system.zalopay.simulator.switch("refund_lost", True, "all")
    cancelled(system)
    system.settle()
    system.tick()


def second_refund(system: System) -> None:
    """ZaloPay refused half of the price. All of it is refunded under a second id."""
    JOURNEYS["cancelled_for_all_or_nothing"](system)
    for _ in range(3):
        system.settle()
        system.pass_time(minutes=2)
        system.tick()


def mail_is_sent_again(system: System) -> None:
    """A user asks for the confirmation again."""
    paid(system)
    system.pass_time(minutes=2)
    system.http("POST", f"/bookings/{stay_of(only_order(system))}/send-confirmation", {})


def only_order(system: System) -> Order:
    order = system.order()
    assert order
    return order


def by_hand(system: System, command: Callable[[Commands, str], Iterable[str]]) -> None:
    """Run an operator's command about the only order."""
    stay = stay_of(only_order(system))
    assert system.operate(lambda commands: command(commands, stay))
    system.deliver_callbacks()
    system.tick()


def booking_is_ended_by_hand(system: System) -> None:
    """An operator refunds a booking."""
    paid(system)
    by_hand(system, lambda commands, stay: commands.refund(stay, None, end_booking=True))


def amount_is_accepted_by_hand(system: System) -> None:
    """An operator accepts another amount as the price."""
    wrong_amount(system)
    by_hand(system, Commands.accept)


def amount_is_given_back_by_hand(system: System) -> None:
    """An operator refunds another amount than the order's."""
    wrong_amount(system)
    by_hand(system, lambda commands, stay: commands.refund(stay, None))


def refund_is_settled_by_hand(system: System) -> None:
    """ZaloPay refused a refund, and an operator paid it back by hand."""
    refund_is_refused(system)
    by_hand(system, Commands.settled)


def refund_is_refused(system: System) -> None:
    """ZaloPay refuses a refund for good."""
    JOURNEYS["refund_refused"](system)
    for _ in range(3):
        system.settle()
        system.pass_time(minutes=2)
        system.tick()


def refund_is_ordered_again(system: System) -> None:
    """The same, and an operator orders the refund again."""
    refund_is_refused(system)
    system.zalopay.simulator.switch("refund_refused", False, "all")
    by_hand(system, lambda commands, stay: commands.refund(stay, None))


STORIES: dict[str, Story] = {
    story.__name__: story
    for story in (
        money_is_moving,
        order_is_refused,
        order_is_lost,
        order_is_lost_for_good,
        reservation_is_given_back,
        reservation_is_being_paid,
        two_sessions_of_one_win,
        night_of_a_full_win,
        offer_in_part,
        win_in_part,
        lost,
        offer_with_an_order,
        gaps,
        host_looks,
        feed_is_closed,
        bad_events,
        browser_joins,
        mail_is_stuck,
        mail_has_to_wait,
        outdated_mail,
        cancelled_for_nothing,
        refund_takes_days,
        refund_is_unanswered,
        second_refund,
        refund_is_refused,
    )
}


# Actions of users and operators that the invariants do not cover.
def person_is_erased(system: System) -> None:
    """A user is erased after the stay. Then the callback comes again, money under another transaction, and the win."""
    paid(system)
    system.http("POST", "/users/auth0-sync", {"email": "mai@example.com"})
    system.pass_time(days=60)
    system.drain()
    assert system.operate(lambda commands: commands.erase(MAI))
    assert not system.database.items(userId=MAI)
    order = system.order()
    again = system.zalopay.callback(order, again=True)
    more = json.loads(json.loads(again)["data"]) | {"zp_trans_id": 270301000000999}
    assert system.call_back(again) == system.call_back(signed(more).encode()) == 1
    system.announce(auction_result(), time="2027-03-01T03:00:00Z")
    system.settle()
    assert not system.database.items(userId=MAI)


UNWATCHED: dict[str, Story] = {
    story.__name__: story
    for story in (
        person_is_erased,
        mail_is_sent_again,
        booking_is_ended_by_hand,
        amount_is_accepted_by_hand,
        amount_is_given_back_by_hand,
        refund_is_settled_by_hand,
        refund_is_ordered_again,
    )
}
