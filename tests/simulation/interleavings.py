"""Two or three functions at the same time, in every order of their I/Os: each schedule from an empty world on."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from aws_lambda_powertools.event_handler.api_gateway import BaseRouter
from greenlet import getcurrent, greenlet

from tests.integration.messages import BINH, MAI, NIGHTS
from tests.simulation.auctions import CHI, LATER_PRICE, answers, award, begins
from tests.simulation.auctions import presses as presses_for
from tests.simulation.invariants import Invariants
from tests.simulation.journeys import orders, wins
from tests.simulation.moment import keep
from tests.simulation.strangers import partial
from tests.simulation.strangers import wins as hear
from tests.simulation.system import System, stay_of

# What is nobody else's business is no point to switch at: reading a secret, falling asleep, and the further shards of
# the index `due` after the first, as no item ever changes its shard.
ALONE = ("secret get", "sleep")
DUE = "dynamodb query due stays"

Actor = Callable[[System, int], Any]


class Group(NamedTuple):
    """What was there before, and who meets. An actor is told which instance of its function it is."""

    prepare: Callable[[System], None]
    actors: tuple[Actor, ...]


class Choice(NamedTuple):
    """Who went on, of how many that could have."""

    taken: int
    options: int


class Schedule:
    """One order of I/Os: follows a beginning, then lets the first go on for as long as it can."""

    def __init__(self, system: System, actors: tuple[Actor, ...], beginning: list[int]) -> None:
        self._system = system
        self._beginning = beginning
        self._greenlets = [greenlet(lambda n=n, actor=actor: actor(system, n)) for n, actor in enumerate(actors, 1)]
        self._waiting: greenlet | None = None
        self._last: dict[greenlet, str] = {}
        self.trace: list[Choice] = []

    def run(self) -> None:
        """To the end of every actor."""
        self._system.gate.before = self._pause
        try:
            while runnable := [each for each in self._greenlets if not each.dead]:
                able = [each for each in runnable if each is not self._waiting] or runnable
                self._choose(able).switch()
        finally:
            self._system.gate.before = lambda label: None

    def _choose(self, able: list[greenlet]) -> greenlet:
        position = len(self.trace)
        taken = self._beginning[position] if position < len(self._beginning) else 0
        self.trace.append(Choice(taken, len(able)))
        self._waiting = None
        return able[taken]

    def _pause(self, label: str) -> None:
        """Before each I/O the others may go on; whoever sleeps waits for one of them to do so."""
        actor = getcurrent()
        again, self._last[actor] = label == self._last.get(actor) == DUE, label
        if label == "sleep":
            self._waiting = actor
        if again or label in ALONE:
            return
        router = dict(vars(BaseRouter))
        actor.parent.switch()
        for name in ("current_event", "lambda_context"):
            if name in router:
                setattr(BaseRouter, name, router[name])


def following(trace: list[Choice]) -> list[int] | None:
    """The beginning of the next schedule in order; None after the last."""
    while trace and trace[-1].taken == trace[-1].options - 1:
        trace.pop()
    if not trace:
        return None
    return [choice.taken for choice in trace[:-1]] + [trace[-1].taken + 1]


class Explored(NamedTuple):
    """How many schedules a group has, and those that broke a promise."""

    schedules: int
    violations: list[str]


def explore(system: System, name: str, limit: int | None = None, *, stop: bool = False) -> Explored:
    """All schedules of a group, or the first so many, or up to the first that breaks a promise."""
    run, beginning, count, violations = runner(system, GROUPS[name]), [], 0, []
    while beginning is not None and count != limit and not (stop and violations):
        count += 1
        try:
            beginning = following(run(beginning))
        except Failed as failed:
            violations.append(f"{name} {failed.beginning}: {failed.cause!r}")
            beginning = following(failed.trace)
    return Explored(count, violations)


class Failed(Exception):
    """A schedule broke a promise."""

    def __init__(self, trace: list[Choice], cause: Exception) -> None:
        super().__init__(str(cause))
        self.beginning = [choice.taken for choice in trace]
        self.trace = trace
        self.cause = cause


def runner(system: System, group: Group) -> Callable[[list[int]], list[Choice]]:
    """What runs one schedule of a group, then peace and the invariants; it raises Failed.

    What was there before happens once, and is put back for every schedule.
    """
    system.reset({})
    invariants = Invariants(system)
    group.prepare(system)
    put_back = keep(system, invariants)

    def run(beginning: list[int]) -> list[Choice]:
        put_back()
        schedule = Schedule(system, group.actors, beginning)
        try:
            schedule.run()
            system.drain()
            invariants.at_rest()
        except Exception as error:
            raise Failed(schedule.trace, error) from error
        return schedule.trace

    return run


# What was there before


def ordered(system: System) -> None:
    """Mai can pay."""
    wins(system)
    orders(system)
    system.settle()


def paid_unheard(system: System) -> None:
    """Mai has paid, and nobody has heard of it."""
    ordered(system)
    system.pay(system.order(), lost=True)
    system.pass_time(seconds=50)


def listening(system: System) -> None:
    """The same, and her browser listens."""
    wins(system)
    system.listen()
    orders(system)
    system.settle()
    system.pay(system.order(), lost=True)
    system.pass_time(seconds=50)


def connected(system: System) -> None:
    """The same, and her browser is connected and has not subscribed."""
    paid_unheard(system)
    assert system.connect() == "socket-1="


def old_news(system: System) -> None:
    """Her order is made and paid, of neither of which anybody was told, and her browser is connected."""
    wins(system)
    system.settle()
    orders(system)
    assert system.connect() == "socket-1="
    system.pay(system.order(), lost=True)


def recorded(system: System) -> None:
    """Her payment is recorded, and nobody listens yet."""
    paid_unheard(system)
    system.call_back(system.zalopay.callback(first(system)))


def booked(system: System) -> None:
    """Mai's stay is booked."""
    ordered(system)
    system.pay(system.order())
    system.settle()


def refund_due(system: System) -> None:
    """Mai has given her booking back."""
    booked(system)
    system.cancel(first(system))
    system.settle()


def two_winners(system: System) -> None:
    """Mai and Binh may both pay for the same nights."""
    wins(system)
    wins(system, BINH, "1002")


def two_paid(system: System) -> None:
    """Both have, one of them late."""
    two_winners(system)
    orders(system)
    system.pass_time(minutes=20)
    system.tick()
    orders(system, BINH, "1002")
    system.pay(system.order(0), late=True, lost=True)
    system.pay(system.order(1), lost=True)
    system.settle()


def hold_over(system: System) -> None:
    """Mai paid in the last moment, her hold is over, and the clock was late."""
    two_winners(system)
    orders(system)
    system.pass_time(minutes=14)
    system.pay(system.order(), lost=True)
    system.pass_time(minutes=6)


def expiring(system: System) -> None:
    """Mai's order is over by a few minutes, and the clock has not looked."""
    ordered(system)
    system.pass_time(minutes=17)


def reserved(system: System) -> None:
    """A direct booking without an order."""
    wins(system)
    system.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)})
    system.settle()


def paid_and_untold(system: System) -> None:
    """The payment is recorded, and the stream has not been read."""
    listening(system)
    system.call_back(system.zalopay.callback(first(system)))


def chained(system: System) -> None:
    """Mai has won, and two come after her."""
    begins(system)
    system.settle()


def just_before(system: System, sub: str) -> None:
    """A few I/Os before the deadline of what somebody has."""
    mine = award(system, sub)
    assert mine
    system.pass_time(seconds=(datetime.fromisoformat(mine["deadline"]) - system.now).total_seconds() - 0.002)


def at_deadline(system: System) -> None:
    """The same, at the deadline."""
    chained(system)
    just_before(system, MAI)


def past_deadline(system: System) -> None:
    """The same, a moment later."""
    at_deadline(system)
    system.pass_time(seconds=1)


def offered(system: System) -> None:
    """Mai has declined, and Binh is asked."""
    chained(system)
    answers(system, MAI, "decline")
    system.settle()


def offer_at_deadline(system: System) -> None:
    """The same, at the end of the time to answer."""
    offered(system)
    just_before(system, BINH)


def contested(system: System) -> None:
    """Mai has won and two come after her, one of whom has won the same nights elsewhere too."""
    chained(system)
    wins(system, CHI, "1002")
    system.settle()


def offered_and_contested(system: System) -> None:
    """The same, and Mai has declined."""
    contested(system)
    answers(system, MAI, "decline")
    system.settle()


# Who meets


def first(system: System) -> Any:
    """The first order."""
    order = system.order(0)
    assert order
    return order


def calls_back(system: System, copy: int) -> None:
    """ZaloPay calls about the first order."""
    system.call_back(system.zalopay.callback(first(system)), copy)


def calls_back_second(system: System, copy: int) -> None:
    """ZaloPay calls about the second order."""
    system.call_back(system.zalopay.callback(system.zalopay.orders[1]), copy)


def pays_late(system: System, copy: int) -> None:
    """Money moves just now, and ZaloPay calls."""
    system.pay(first(system), late=True, lost=True)
    calls_back(system, copy)


def polls(system: System, copy: int) -> None:
    """The page asks."""
    system.poll(first(system), copy=copy)


def ticks(system: System, copy: int) -> None:
    """The schedule fires."""
    system.tick(copy)


def cancels(system: System, copy: int) -> None:
    """Mai gives her booking back."""
    system.cancel(first(system), copy=copy)


def gives_back_reservation(system: System, copy: int) -> None:
    """Mai gives the direct booking back."""
    stay = next(item["id"] for item in system.database.items(kind="SESSION"))
    system.http("DELETE", f"/bookings/{stay}", copy=copy)


def presses(system: System, copy: int) -> None:
    """Mai presses the button."""
    system.create(copy=copy)


def binh_presses(system: System, copy: int) -> None:
    """Binh presses the button."""
    system.create(BINH, "1002", copy=copy)


def subscribes(system: System, copy: int) -> None:
    """Mai's browser subscribes."""
    system.subscribe("socket-1=", copy=copy)


def changes(system: System, copy: int) -> None:
    """The payment is recorded, and the notifier hears of it."""
    calls_back(system, copy)
    system.deliver_stream("notifier", copy)


def changes_and_subscribes(system: System, copy: int) -> None:
    """The payment is recorded, and then her browser subscribes."""
    calls_back(system, copy)
    subscribes(system, copy)


def again(function: str) -> Actor:
    """The stream brings the same records once more to another instance."""

    def actor(system: System, copy: int) -> None:
        lane = next(each for each in system.lanes if each.consumer.function == function)
        records = [each.what for each in lane.waiting]
        system.invoke(function, {"Records": records}, copy)

    return actor


def listens(system: System, copy: int) -> None:
    """Another browser of Mai's connects and subscribes."""
    connection_id = system.connect(copy=copy)
    if connection_id:
        system.subscribe(connection_id, copy=copy)


def reserves(system: System, copy: int) -> None:
    """Mai asks for a direct booking."""
    system.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)}, copy=copy)


def asks_for_mail(system: System, copy: int) -> None:
    """Mai wants the confirmation once more."""
    system.http("POST", f"/bookings/{stay_of(first(system))}/send-confirmation", copy=copy)


def syncs(system: System, copy: int) -> None:
    """The payment page wants the booking confirmed."""
    system.http("POST", f"/payment/{stay_of(first(system))}/booking", copy=copy)


def mai_declines(system: System, copy: int) -> None:
    """Mai does not want it."""
    system.http("POST", "/auctions/winners/1001/decline", {}, copy=copy)


def binh_accepts(system: System, copy: int) -> None:
    """Binh wants what he is offered."""
    system.http("POST", "/auctions/offers/1001/accept", {}, sub=BINH, copy=copy)


def binh_declines(system: System, copy: int) -> None:
    """Binh does not."""
    system.http("POST", "/auctions/offers/1001/decline", {}, sub=BINH, copy=copy)


def binh_pays(system: System, copy: int) -> None:
    """Binh presses the button for what he is offered."""
    system.create(BINH, amount=LATER_PRICE * len(NIGHTS), copy=copy)


def chi_presses(system: System, copy: int) -> None:
    """Chi presses the button for what she has won elsewhere."""
    system.create(CHI, "1002", copy=copy)


def part_ordered(system: System) -> None:
    """Mai has won in part, and can pay for one night of it."""
    hear(system, partial())
    presses_for(system, nights=NIGHTS[:1])
    system.settle()
    system.pass_time(seconds=6)


def chain_ordered(system: System) -> None:
    """Mai can pay, and Binh and Chi come after her."""
    begins(system)
    presses_for(system)
    system.settle()
    system.pass_time(seconds=6)


def ran_out(system: System) -> None:
    """The same, and both her order and her time are over; nobody was asked yet."""
    chain_ordered(system)
    system.pass_time(minutes=17)
    system.tick()
    system.settle()
    system.pass_time(days=1)


def chooses_again(system: System, copy: int) -> Any:
    """Mai wants the other nights."""
    return system.create(nights=NIGHTS[1:], copy=copy)


def pays_in_time(system: System, copy: int) -> Any:
    """Mai's first order is paid, and called back at once."""
    order = system.order(0)
    if order is None:
        return None
    system.pay(order, lost=True)
    return system.call_back(system.zalopay.callback(order), copy) if order.ended == "PAID" else None


def is_corrected(system: System, copy: int) -> Any:
    """The auction system says that it was another night."""
    return system.invoke("awards", event(partial(nights=NIGHTS[2:], revision=1), "AuctionResult"), copy)


def is_withdrawn(system: System, copy: int) -> Any:
    """The auction system takes it back."""
    said = {"auctionId": "1001", "userId": MAI, "revision": 1}
    return system.invoke("awards", event(said, "AuctionWithdrawn"), copy)


def event(detail: dict[str, Any], kind: str) -> dict[str, Any]:
    """As the bus hands it on."""
    return {"id": "event-1", "detail-type": kind, "source": "auctions", "detail": detail}


GROUPS: dict[str, Group] = {
    "subscribe ‖ change": Group(connected, (subscribes, changes)),
    "callback ‖ callback": Group(paid_unheard, (calls_back, calls_back)),
    "callback ‖ callback ‖ callback": Group(paid_unheard, (calls_back, calls_back, calls_back)),
    "callback ‖ poll": Group(paid_unheard, (calls_back, polls)),
    "callback ‖ clock": Group(paid_unheard, (calls_back, ticks)),
    "late money ‖ expiry": Group(expiring, (pays_late, ticks)),
    "expiry ‖ expiry": Group(expiring, (ticks, ticks)),
    "poll ‖ poll": Group(paid_unheard, (polls, polls)),
    "two payers press": Group(two_winners, (presses, binh_presses)),
    "two payers are called back": Group(two_paid, (calls_back, calls_back_second)),
    "double click": Group(wins, (presses, presses)),
    "hold expires ‖ payment": Group(hold_over, (binh_presses, calls_back)),
    "cancel ‖ callback": Group(booked, (cancels, calls_back)),
    "cancel ‖ cancel": Group(booked, (cancels, cancels)),
    # All three of them at once have more orders than a night has time for, since a cancellation passes nights on.
    "cancel ‖ clock": Group(booked, (cancels, ticks)),
    "cancel once more ‖ clock": Group(refund_due, (cancels, ticks)),
    "refund ‖ refund": Group(refund_due, (ticks, ticks)),
    "refund ‖ refund ‖ callback": Group(refund_due, (ticks, ticks, calls_back)),
    "reservation: cancel ‖ pay": Group(reserved, (gives_back_reservation, presses)),
    "reservation: pay ‖ pay": Group(reserved, (presses, presses)),
    "reserve ‖ pay": Group(wins, (reserves, presses)),
    "connect and subscribe ‖ notifier": Group(recorded, (listens, again("notifier"))),
    "change, then subscribe ‖ notifier with old news": Group(old_news, (again("notifier"), changes_and_subscribes)),
    "stream: notifier twice": Group(paid_and_untold, (again("notifier"), again("notifier"))),
    "stream: fulfilment twice": Group(paid_and_untold, (again("fulfilment"), again("fulfilment"))),
    "fulfilment ‖ cancel": Group(paid_and_untold, (again("fulfilment"), cancels)),
    "fulfilment ‖ asked for mail": Group(paid_and_untold, (again("fulfilment"), asks_for_mail)),
    "callback ‖ booking asked for": Group(paid_unheard, (calls_back, syncs)),
    "decline ‖ pay": Group(chained, (mai_declines, presses)),
    "decline ‖ decline": Group(chained, (mai_declines, mai_declines)),
    "decline ‖ pay elsewhere": Group(contested, (mai_declines, chi_presses)),
    "deadline ‖ pay": Group(at_deadline, (ticks, presses)),
    "deadline ‖ deadline": Group(past_deadline, (ticks, ticks)),
    "deadline ‖ decline": Group(at_deadline, (ticks, mai_declines)),
    "deadline ‖ accept": Group(offer_at_deadline, (ticks, binh_accepts)),
    "accept ‖ decline": Group(offered, (binh_accepts, binh_declines)),
    "accept ‖ pay": Group(offered, (binh_accepts, binh_pays)),
    "decline ‖ pay an offer": Group(offered, (binh_declines, binh_pays)),
    "accept ‖ pay elsewhere": Group(offered_and_contested, (binh_accepts, chi_presses)),
    "another choice ‖ payment": Group(part_ordered, (chooses_again, pays_in_time)),
    "another choice ‖ expiry": Group(part_ordered, (chooses_again, ticks)),
    "decline ‖ payment": Group(chain_ordered, (mai_declines, pays_in_time)),
    "late money ‖ deadline": Group(ran_out, (pays_late, ticks)),
    "correction ‖ pay": Group(wins, (is_corrected, presses)),
    "correction ‖ payment": Group(chain_ordered, (is_corrected, pays_in_time)),
    "withdrawal ‖ payment": Group(chain_ordered, (is_withdrawn, pays_in_time)),
    "withdrawal ‖ deadline": Group(ran_out, (is_withdrawn, ticks)),
}
