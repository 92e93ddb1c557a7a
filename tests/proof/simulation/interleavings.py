"""Two or three functions at the same time, in every order of their I/Os. Each schedule begins in an empty world."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from aws_lambda_powertools.event_handler.api_gateway import BaseRouter
from greenlet import getcurrent, greenlet

from tests.integration.messages import BINH, MAI, NIGHTS
from tests.proof.simulation.auctions import CHI, LATER_PRICE, answers, award, begins
from tests.proof.simulation.auctions import presses as presses_for
from tests.proof.simulation.invariants import Invariants
from tests.proof.simulation.journeys import orders, wins
from tests.proof.simulation.snapshot import keep
from tests.proof.simulation.system import System, stay_of
from tests.proof.simulation.unusual_journeys import partial
from tests.proof.simulation.unusual_journeys import wins as hear

# I/Os that affect no other function are no points to switch at. These are: reading a secret, falling asleep, and
# querying a further shard of the index `due`, because no item changes its shard.
ALONE = ("secret get", "sleep")
DUE = "dynamodb query due stays"

Actor = Callable[[System, int], Any]


class Group(NamedTuple):
    """The preparation, and the actors that run at the same time.

    An actor gets the number of its function's instance.
    """

    prepare: Callable[[System], None]
    actors: tuple[Actor, ...]


READS = ("get_item", "batch_get_item", "query")


@dataclass
class Fork:
    """A point of a schedule: the actors that could go on, the one that did, and those that need not.

    An actor is asleep if another schedule already let it go on from an earlier point, and no later I/O conflicts with
    its own. Its result is then known (sleep sets; Godefroid, Partial-Order Methods for the Verification of Concurrent
    Systems). `tried` has the actors that went on from here, each with the one I/O of its step, or None if the step had
    more.
    """

    able: tuple[int, ...]
    asleep: dict[int, str]
    taken: int = -1
    tried: dict[int, str | None] = field(default_factory=dict)

    def take_next(self) -> bool:
        """Choose the next actor that has not gone on from here; False if none is left."""
        left = [each for each in self.able if each not in self.asleep and each not in self.tried]
        self.taken = left[0] if left else -1
        return bool(left)

    def went(self, label: str | None) -> dict[int, str]:
        """Record the step of the chosen actor, and return the actors that are asleep at the next point."""
        others = ((who, what) for who, what in self.tried.items() if who != self.taken)
        seen = self.asleep | {who: what for who, what in others if what is not None}
        self.tried[self.taken] = label
        return {} if label is None else {who: what for who, what in seen.items() if commute(what, label)}


def commute(one: str, other: str) -> bool:
    """Say whether two I/Os of different functions commute: they use different services, or both only read."""
    (here, reads), (there, reads_too) = map(_whereto, (one, other))
    return here != there or (reads and reads_too)


def _whereto(label: str) -> tuple[str, bool]:
    """Return the table or the service of an I/O, and whether it only reads."""
    words = label.split()
    return (words[-1], words[1] in READS) if words[0] == "dynamodb" else (words[0], False)


class Schedule:
    """One order of I/Os: follows a given beginning, then lets the first actor go on for as long as it can.

    Two steps can only be exchanged if each was one I/O and nothing else. The begin or the end of an invocation and a
    pause do not qualify. With `every` no steps are exchanged.
    """

    def __init__(self, system: System, actors: tuple[Actor, ...], path: list[Fork], *, every: bool = False) -> None:
        self._system = system
        self._greenlets = {n: greenlet(lambda n=n, actor=actor: actor(system, n)) for n, actor in enumerate(actors, 1)}
        self._every = every
        self._waiting: int | None = None
        self._next = dict.fromkeys(self._greenlets, "")  # the next I/O of each actor
        self.path = path

    def run(self) -> bool:
        """Run every actor to its end; False if other schedules have already shown the rest."""
        self._system.gate.before = self._pause
        try:
            position, asleep = 0, dict[int, str]()
            while able := self._able():
                if position == len(self.path):
                    self.path.append(Fork(able, asleep))
                    if not self.path[-1].take_next():
                        return False
                fork = self.path[position]
                fork.tried.setdefault(fork.taken, None)  # also if the step raises, or it would be taken for ever
                asleep = fork.went(self._step(fork.taken))
                position += 1
        finally:
            self._system.gate.before = lambda label: None
            for each in self._greenlets.values():
                each.throw()
        return True

    def _able(self) -> tuple[int, ...]:
        alive = tuple(n for n, each in self._greenlets.items() if not each.dead)
        return tuple(n for n in alive if n != self._waiting) or alive

    def _step(self, actor: int) -> str | None:
        """Let one actor go on. Return its I/O if the step was nothing else."""
        self._waiting = None
        label, ends = self._next[actor], self._system.ends
        self._greenlets[actor].switch()
        begins = not label or self._greenlets[actor].dead or self._waiting is not None
        return None if begins or self._every or self._system.ends != ends else label

    def _pause(self, label: str) -> None:
        """Let the other actors go on before each I/O. An actor that sleeps waits until another one has gone on."""
        actor = next(n for n, each in self._greenlets.items() if each is getcurrent())
        again = label == self._next[actor] == DUE
        if label == "sleep":
            self._waiting = actor
        if again or label in ALONE:
            return
        self._next[actor] = label
        router = dict(vars(BaseRouter))
        getcurrent().parent.switch()
        for name in ("current_event", "lambda_context"):
            if name in router:
                setattr(BaseRouter, name, router[name])


def follow(path: list[Fork]) -> bool:
    """Make the beginning of the next schedule from this one; False after the last."""
    while path and not path[-1].take_next():
        path.pop()
    return bool(path)


class Explored(NamedTuple):
    """The number of a group's schedules, and those that broke a promise."""

    schedules: int
    violations: list[str]


def explore(
    system: System, name: str, limit: int | None = None, *, stop: bool = False, every: bool = False
) -> Explored:
    """Run all schedules of a group, or the first `limit` ones, or those up to the first broken promise.

    Of schedules that differ only in the order of commuting I/Os, one runs; with `every`, all run.
    """
    run, path, count, violations = runner(system, GROUPS[name], every=every), [], 0, []
    more = True
    while more and count != limit and not (stop and violations):
        try:
            count += run(path)
        except Exception as error:  # noqa: BLE001 # the report must have every error
            count += 1
            violations.append(f"{name} {[fork.taken for fork in path]}: {error!r}")
        more = follow(path)
    return Explored(count, violations)


def runner(system: System, group: Group, *, every: bool = False) -> Callable[[list[Fork]], bool]:
    """Return a function that runs one schedule of a group, lets all come to rest, and checks the invariants.

    It returns False if the schedule has nothing new to show. The preparation runs once, and each schedule restores its
    result. Each I/O takes some time. If a deadline is near, the order of I/Os therefore matters, so none are exchanged.
    """
    system.reset({})
    invariants = Invariants(system)
    group.prepare(system)
    put_back = keep(system, invariants)
    every = every or group.prepare in TIMED

    def run(path: list[Fork]) -> bool:
        put_back()
        if not Schedule(system, group.actors, path, every=every).run():
            return False
        system.drain()
        invariants.at_rest()
        return True

    return run


# Preparations


def ordered(system: System) -> None:
    """Mai can pay."""
    wins(system)
    orders(system)
    system.settle()


def paid_unheard(system: System) -> None:
    """Mai has paid, and the system does not know it."""
    ordered(system)
    system.pay(system.order(), lost=True)
    system.pass_time(seconds=50)


def listening(system: System) -> None:
    """Mai has paid, the system does not know it, and her browser listens."""
    wins(system)
    system.listen()
    orders(system)
    system.settle()
    system.pay(system.order(), lost=True)
    system.pass_time(seconds=50)


def connected(system: System) -> None:
    """Mai has paid, and her browser is connected but not subscribed."""
    paid_unheard(system)
    assert system.connect() == "socket-1="


def old_news(system: System) -> None:
    """Mai's order is made and paid. No message of it was sent, and her browser is connected."""
    wins(system)
    system.settle()
    orders(system)
    assert system.connect() == "socket-1="
    system.pay(system.order(), lost=True)


def recorded(system: System) -> None:
    """Her payment is recorded, and her browser does not listen yet."""
    paid_unheard(system)
    system.call_back(system.zalopay.callback(first(system)))


def booked(system: System) -> None:
    """Mai's stay is booked."""
    ordered(system)
    system.pay(system.order())
    system.settle()


def refund_due(system: System) -> None:
    """Mai has cancelled her booking."""
    booked(system)
    system.cancel(first(system))
    system.settle()


def two_winners(system: System) -> None:
    """Mai and Binh may both pay for the same nights."""
    wins(system)
    wins(system, BINH, "1002")


def two_paid(system: System) -> None:
    """Both have paid, one of them late."""
    two_winners(system)
    orders(system)
    system.pass_time(minutes=20)
    system.tick()
    orders(system, BINH, "1002")
    system.pay(system.order(0), late=True, lost=True)
    system.pay(system.order(1), lost=True)
    system.settle()


def hold_over(system: System) -> None:
    """Mai paid at the last moment, her hold is over, and the clock was late."""
    two_winners(system)
    orders(system)
    system.pass_time(minutes=14)
    system.pay(system.order(), lost=True)
    system.pass_time(minutes=6)


def expiring(system: System) -> None:
    """Mai's order ended some minutes ago, and the clock has not looked yet."""
    ordered(system)
    system.pass_time(minutes=17)


def reserved(system: System) -> None:
    """A direct booking without an order."""
    wins(system)
    system.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)})
    system.settle()


def paid_and_untold(system: System) -> None:
    """The payment is recorded, and the consumers have not read the stream."""
    listening(system)
    system.call_back(system.zalopay.callback(first(system)))


def chained(system: System) -> None:
    """Mai has won, and two runners-up follow."""
    begins(system)
    system.settle()


def just_before(system: System, sub: str) -> None:
    """The time is some I/Os before the deadline of an award."""
    mine = award(system, sub)
    assert mine
    system.pass_time(seconds=(datetime.fromisoformat(mine["deadline"]) - system.now).total_seconds() - 0.002)


def at_deadline(system: System) -> None:
    """The time is the deadline."""
    chained(system)
    just_before(system, MAI)


def past_deadline(system: System) -> None:
    """The time is just after the deadline."""
    at_deadline(system)
    system.pass_time(seconds=1)


def offered(system: System) -> None:
    """Mai has declined, and Binh has the offer."""
    chained(system)
    answers(system, MAI, "decline")
    system.settle()


def offer_at_deadline(system: System) -> None:
    """Binh has the offer, and the time to answer ends."""
    offered(system)
    just_before(system, BINH)


def contested(system: System) -> None:
    """Mai has won and two runners-up follow. One of them has also won the same nights elsewhere."""
    chained(system)
    wins(system, CHI, "1002")
    system.settle()


def offered_and_contested(system: System) -> None:
    """The same, and Mai has declined."""
    contested(system)
    answers(system, MAI, "decline")
    system.settle()


# Actors


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
    """Money moves at this moment, and ZaloPay calls."""
    system.pay(first(system), late=True, lost=True)
    calls_back(system, copy)


def polls(system: System, copy: int) -> None:
    """The page polls."""
    system.poll(first(system), copy=copy)


def ticks(system: System, copy: int) -> None:
    """The clock starts the reconciliation."""
    system.tick(copy)


def cancels(system: System, copy: int) -> None:
    """Mai cancels her booking."""
    system.cancel(first(system), copy=copy)


def gives_back_reservation(system: System, copy: int) -> None:
    """Mai cancels the direct booking."""
    stay = next(item["id"] for item in system.database.items(kind="SESSION"))
    system.http("DELETE", f"/bookings/{stay}", copy=copy)


def presses(system: System, copy: int) -> None:
    """Mai presses the pay button."""
    system.create(copy=copy)


def binh_presses(system: System, copy: int) -> None:
    """Binh presses the pay button."""
    system.create(BINH, "1002", copy=copy)


def subscribes(system: System, copy: int) -> None:
    """Mai's browser subscribes."""
    system.subscribe("socket-1=", copy=copy)


def changes(system: System, copy: int) -> None:
    """The payment is recorded, and the notifier gets its record."""
    calls_back(system, copy)
    system.deliver_stream("notifier", copy)


def changes_and_subscribes(system: System, copy: int) -> None:
    """The payment is recorded, and then Mai's browser subscribes."""
    calls_back(system, copy)
    subscribes(system, copy)


def again(function: str) -> Actor:
    """The stream delivers the same records again, to another instance."""

    def actor(system: System, copy: int) -> None:
        lane = next(each for each in system.lanes if each.consumer.function == function)
        records = [each.what for each in lane.waiting]
        system.invoke(function, {"Records": records}, copy)

    return actor


def listens(system: System, copy: int) -> None:
    """Another browser of Mai connects and subscribes."""
    connection_id = system.connect(copy=copy)
    if connection_id:
        system.subscribe(connection_id, copy=copy)


def reserves(system: System, copy: int) -> None:
    """Mai asks for a direct booking."""
    system.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)}, copy=copy)


def asks_for_mail(system: System, copy: int) -> None:
    """Mai asks for the confirmation again."""
    system.http("POST", f"/bookings/{stay_of(first(system))}/send-confirmation", copy=copy)


def syncs(system: System, copy: int) -> None:
    """The payment page asks whether the booking is confirmed."""
    system.http("POST", f"/payment/{stay_of(first(system))}/booking", copy=copy)


def mai_declines(system: System, copy: int) -> None:
    """Mai declines."""
    system.http("POST", "/auctions/winners/1001/decline", {}, copy=copy)


def binh_accepts(system: System, copy: int) -> None:
    """Binh accepts his offer."""
    system.http("POST", "/auctions/offers/1001/accept", {}, sub=BINH, copy=copy)


def binh_declines(system: System, copy: int) -> None:
    """Binh declines his offer."""
    system.http("POST", "/auctions/offers/1001/decline", {}, sub=BINH, copy=copy)


def binh_pays(system: System, copy: int) -> None:
    """Binh presses the pay button of his offer."""
    system.create(BINH, amount=LATER_PRICE * len(NIGHTS), copy=copy)


def chi_presses(system: System, copy: int) -> None:
    """Chi presses the pay button of her win elsewhere."""
    system.create(CHI, "1002", copy=copy)


def part_ordered(system: System) -> None:
    """Mai has a partial win, and an order for one night of it."""
    hear(system, partial())
    presses_for(system, nights=NIGHTS[:1])
    system.settle()
    system.pass_time(seconds=6)


def chain_ordered(system: System) -> None:
    """Mai has an order, and Binh and Chi follow as runners-up."""
    begins(system)
    presses_for(system)
    system.settle()
    system.pass_time(seconds=6)


def ran_out(system: System) -> None:
    """Mai's order and her time to pay are over, and no runner-up was asked yet."""
    chain_ordered(system)
    system.pass_time(minutes=17)
    system.tick()
    system.settle()
    system.pass_time(days=1)


def chooses_again(system: System, copy: int) -> Any:
    """Mai chooses the other nights."""
    return system.create(nights=NIGHTS[1:], copy=copy)


def pays_in_time(system: System, copy: int) -> Any:
    """Mai's first order is paid, and ZaloPay calls at once."""
    order = system.order(0)
    if order is None:
        return None
    system.pay(order, lost=True)
    return system.call_back(system.zalopay.callback(order), copy) if order.ended == "PAID" else None


def is_corrected(system: System, copy: int) -> Any:
    """The auction system corrects the award to another night."""
    return system.invoke("awards", event(partial(nights=NIGHTS[2:], revision=1), "AuctionResult"), copy)


def is_withdrawn(system: System, copy: int) -> Any:
    """The auction system withdraws the award."""
    said = {"auctionId": "1001", "userId": MAI, "revision": 1}
    return system.invoke("awards", event(said, "AuctionWithdrawn"), copy)


def event(detail: dict[str, Any], kind: str) -> dict[str, Any]:
    """An event as the bus passes it on."""
    return {"id": "event-1", "detail-type": kind, "source": "auctions", "detail": detail}


TIMED = (at_deadline, past_deadline, offer_at_deadline)

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
    # All three at once have more orders than fit into a night, because a cancellation passes nights on.
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
