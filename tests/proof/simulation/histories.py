"""Random histories of the whole system: travellers, ZaloPay, the clock, browsers and faults in any order."""

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from infra.zalopay_simulator.ledger import NotPossibleError, Order
from tests.integration.messages import BINH, MAI, PRICE, auction_result, second_chance
from tests.proof.simulation.gate import FIVE, Fault
from tests.proof.simulation.invariants import Invariants
from tests.proof.simulation.outside import KEY2
from tests.proof.simulation.system import System, stay_of

PEOPLE = (MAI, BINH, "auth0|chi")
AUCTIONS, CHAINED = ("1001", "1002"), ("2001", "2002")
DATES = ("2027-03-20", "2027-03-21", "2027-03-22", "2027-03-23")
SOON = 12  # I/Os: how far ahead a fault may lie
SWITCHES = (
    *("create_lost", "create_refused", "query_down", "query_processing", "payment_moving", "cancel_refused"),
    *("refund_processing", "refund_lost", "refund_shown_late", "refund_in_part_refused", "refund_of_share_only"),
)
# What query may say of an order, beside the truth.
ANSWERS: tuple[dict[str, Any], ...] = (
    {},
    {"return_code": 2, "sub_return_code": -377},
    {"return_code": 2},
    {"return_code": "2", "sub_return_code": "-49"},
    {"return_code": 3, "is_processing": True},
    {"return_code": 3, "is_processing": False, "amount": ""},
    {"return_code": 2, "sub_return_code": -54},
    {"return_code": 2, "sub_return_code": -500},
    {"return_code": -429},
    {"return_code": None, "status": "maintenance"},
)

people = st.sampled_from(PEOPLE)
auctions = st.sampled_from(AUCTIONS)
results = st.sampled_from(("FULL_WIN", "PARTIAL_WIN"))
promotions = st.sampled_from(({}, {}, {"discount": 50_000}, {"discount": 50_000, "amount_is": "payer"}))
nights = st.lists(st.sampled_from(DATES), min_size=1, max_size=3, unique=True).map(sorted)
numbers = st.integers(0, 7)

Award = tuple[str, str, list[str]]  # whose, of which auction, for which nights


def there_is_an_order(history: "History") -> bool:
    """What is done with an order needs one."""
    return bool(history.system.zalopay.orders)


class History(RuleBasedStateMachine):
    """One history. `system` is put there by whoever runs it, and `lived` counts what came about."""

    system: System
    lived: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.system.reset({})
        self.promises = Invariants(self.system)
        self.sockets: list[tuple[str, str]] = []
        self.chains: dict[str, list[str]] = {}
        self.awards: list[Award] = []

    @initialize(mine=nights, yours=nights, come=st.sampled_from(("nowhere", "to an order", "to a payment")))
    def begin(self, mine: list[str], yours: list[str], come: str) -> None:
        """Two have won nights of one property, which may be the same; one of them may have come further."""
        self.win(MAI, "1001", mine)
        self.win(BINH, "1002", yours)
        if come == "to an order":
            self.press(0)
        elif come == "to a payment":
            self.buy(0, lost=False)

    def order(self, number: int) -> Order:
        """One of those that were made."""
        orders = self.system.zalopay.orders
        return orders[number % len(orders)]

    def session(self, order: Order) -> dict[str, Any]:
        """What it pays for."""
        (found,) = self.system.database.items(kind="SESSION", id=stay_of(order))
        return found

    def caller(self, order: Order, stranger: bool) -> str:
        """Whose it is, or somebody else."""
        owner = self.session(order)["userId"]
        return next(sub for sub in PEOPLE if (sub != owner) is stranger)

    # Faults

    @rule(ahead=st.integers(1, SOON), fault=st.sampled_from([*FIVE, Fault.RESENT]))
    def break_soon(self, ahead: int, fault: Fault) -> None:
        """One of the next I/Os breaks."""
        gate = self.system.gate
        gate.plan = {**gate.plan, len(gate.passed) + ahead: fault}

    @rule(name=st.sampled_from(SWITCHES), on=st.booleans())
    def switch(self, name: str, on: bool) -> None:
        """ZaloPay misbehaves, or recovers."""
        self.system.zalopay.simulator.switch(name, on, "all")

    @rule(down=st.booleans())
    def zalopay_down(self, down: bool) -> None:
        """ZaloPay is away, or back."""
        self.system.zalopay.mute = down

    @rule(number=st.integers(0, 3))
    def rotate_key(self, number: int) -> None:
        """key2 changes; the one before stays good for a while."""
        keys = self.system.secrets.held["zalopay-key2"]
        fresh = f"{KEY2}-{number}"
        if fresh not in keys.values():
            self.system.secrets.held["zalopay-key2"] = {"current": fresh, "previous": keys["current"]}
            self.system.zalopay.simulator.callbacks.key2 = fresh

    # People

    @rule(sub=people, auction=auctions, chosen=nights, result=results, revision=st.integers(0, 2))
    def win(self, sub: str, auction: str, chosen: list[str], result: str = "FULL_WIN", revision: int = 0) -> None:
        """An auction ends, or is said to have ended otherwise."""
        self.awards.append((sub, auction, chosen))
        detail = {"userId": sub, "auctionId": auction, "result": result, "revision": revision}
        self.system.announce(auction_result(nights=chosen, paymentDeadline=far(self.system), **detail))

    @rule(number=numbers, revision=st.integers(0, 2))
    def withdraw(self, number: int, revision: int) -> None:
        """The auction system takes something back."""
        sub, auction, _ = self.awards[number % len(self.awards)]
        self.system.announce({"userId": sub, "auctionId": auction, "revision": revision}, "AuctionWithdrawn")

    @rule(
        order=st.permutations(PEOPLE), auction=st.sampled_from(CHAINED), chosen=nights, minutes=st.sampled_from((1, 60))
    )
    def win_with_runners_up(self, order: list[str], auction: str, chosen: list[str], minutes: int) -> None:
        """An auction ends, and others come after the winner: one chain an auction, to tell whose is whose."""
        first, *others = self.chains.setdefault(auction, order)
        nights = [{"date": night, "price": PRICE} for night in chosen]
        detail = auction_result(userId=first, auctionId=auction, nights=chosen, paymentDeadline=far(self.system))
        detail |= {"runnersUp": [{"userId": sub, "nights": nights} for sub in others], "offerMinutes": minutes}
        self.awards += [(sub, auction, chosen) for sub in (first, *others)]
        self.system.announce(detail)

    @rule(
        sub=people,
        auction=st.sampled_from((*AUCTIONS, *CHAINED)),
        answer=st.sampled_from(("accept", "decline")),
        chosen=st.one_of(st.just([]), nights),
    )
    def answer(self, sub: str, auction: str, answer: str, chosen: list[str]) -> None:
        """What was won or offered is accepted, in part perhaps, or declined."""
        self.system.http("POST", f"/auctions/offers/{auction}/{answer}", {"selectedNights": chosen}, sub=sub)

    @rule(sub=people, auction=auctions, chosen=nights, number=st.integers(1, 2))
    def offer(self, sub: str, auction: str, chosen: list[str], number: int) -> None:
        """Somebody gets a second chance."""
        self.awards.append((sub, auction, chosen))
        detail = second_chance(
            userId=sub,
            auctionId=auction,
            nights=chosen,
            offerId=f"{auction}-{number}",
            responseDeadline=far(self.system),
        )
        self.system.announce(detail, "SecondChanceOffer")

    @rule(number=numbers)
    def press(self, number: int) -> None:
        """The pay button of an award."""
        self.system.create(*self.awards[number % len(self.awards)])

    @rule(number=numbers, lost=st.booleans())
    def buy(self, number: int, lost: bool) -> None:
        """The button, and then the money."""
        before = len(self.system.zalopay.orders)
        self.press(number)
        if len(self.system.zalopay.orders) > before:
            self.system.pay(self.system.order(), lost=lost)

    @rule(sub=people, auction=auctions, chosen=nights)
    def press_anything(self, sub: str, auction: str, chosen: list[str]) -> None:
        """The pay button, for whatever somebody may think of."""
        self.system.create(sub, auction, chosen)

    @rule(number=numbers)
    def reserve(self, number: int) -> None:
        """A direct booking of an award."""
        sub, auction, chosen = self.awards[number % len(self.awards)]
        self.system.http("POST", "/bookings", {"auctionId": auction, "selectedNights": chosen}, sub=sub)

    @precondition(there_is_an_order)
    @rule(number=numbers, late=st.booleans(), lost=st.booleans(), promotion=promotions)
    def pay(self, number: int, late: bool, lost: bool, promotion: dict[str, Any]) -> None:
        """Money moves, in time or late, with a promotion perhaps, and is heard of or not."""
        self.system.pay(self.order(number), late=late, lost=lost, **promotion)

    @precondition(there_is_an_order)
    @rule(number=numbers)
    def pay_again(self, number: int) -> None:
        """An order that is paid is paid by a second transaction."""
        self.system.pay(self.order(number), again=True)

    @precondition(there_is_an_order)
    @rule(number=numbers, answer=st.sampled_from(ANSWERS))
    def claim(self, number: int, answer: dict[str, Any]) -> None:
        """ZaloPay says something else of an order than what is so."""
        order = self.order(number)
        self.system.zalopay.claimed.add(order.app_trans_id)
        self.system.zalopay.simulator.claim(order, answer)

    @rule(number=st.integers(0, 99))
    def dress(self, number: int) -> None:
        """Callbacks are spelt otherwise from now on."""
        self.system.dress = number

    @precondition(there_is_an_order)
    @rule(number=numbers)
    def look(self, number: int) -> None:
        """The pages of an order: none of them breaks, and none says less than the one before."""
        order = self.order(number)
        session = self.session(order)
        for path in (f"/payment/sessions/{session['id']}", f"/payment/{session['id']}/booking"):
            self.system.http("GET", path, sub=session["userId"])
        if "transactionId" in session:
            self.system.http("GET", f"/payment/transactions/{session['transactionId']}", sub=session["userId"])

    @rule(sub=people)
    def look_around(self, sub: str) -> None:
        """The pages of what was won and offered."""
        for path in ("/auctions/winners/me", "/auctions/offers/second-chance/me", "/user/bookings"):
            self.system.http("GET", path, sub=sub)

    @rule(sub=people, auction=st.sampled_from((*AUCTIONS, *CHAINED)))
    def report(self, sub: str, auction: str) -> None:
        """A page tells why something was declined."""
        self.system.http("POST", "/auctions/analytics/decline", {"offerId": auction, "reason": "far"}, sub=sub)

    @precondition(there_is_an_order)
    @rule(number=numbers)
    def give_up(self, number: int) -> None:
        """The traveller cancels at ZaloPay."""
        with suppress(NotPossibleError):
            self.system.zalopay.simulator.cancel(self.order(number))

    @precondition(there_is_an_order)
    @rule(number=numbers, stranger=st.booleans())
    def poll(self, number: int, stranger: bool) -> None:
        """A page asks; a stranger's learns nothing."""
        order = self.order(number)
        reply = self.system.poll(order, self.caller(order, stranger))
        assert not stranger or reply.status != 200, "a stranger reads along"

    @precondition(there_is_an_order)
    @rule(number=numbers, stranger=st.booleans())
    def cancel(self, number: int, stranger: bool) -> None:
        """A booking is given back; a stranger's attempt does nothing."""
        order = self.order(number)
        reply = self.system.cancel(order, self.caller(order, stranger))
        assert not stranger or reply.status != 200, "a stranger cancels"

    # Browsers

    @rule(sub=people)
    def listen(self, sub: str) -> None:
        """A browser connects and subscribes."""
        socket = self.system.listen(sub)
        if socket:
            self.sockets.append((socket, sub))

    @precondition(lambda self: self.sockets)
    @rule(number=numbers, politely=st.booleans())
    def leave(self, number: int, politely: bool) -> None:
        """A browser goes."""
        socket, _ = self.sockets.pop(number % len(self.sockets))
        (self.system.disconnect if politely else self.system.vanish)(socket)

    @precondition(lambda self: self.sockets)
    @rule(number=numbers)
    def subscribe_again(self, number: int) -> None:
        """A browser subscribes once more."""
        self.system.subscribe(*self.sockets[number % len(self.sockets)])

    # The platform

    @rule()
    def callbacks(self) -> None:
        """ZaloPay calls back."""
        self.system.deliver_callbacks()

    @precondition(there_is_an_order)
    @rule(number=numbers)
    def callback_again(self, number: int) -> None:
        """An old callback once more."""
        order = self.order(number)
        if order.ended == "PAID":
            self.system.call_back(self.system.zalopay.callback(order))

    @rule(twice=st.booleans())
    def stream(self, twice: bool) -> None:
        """The stream is read; a batch may come twice."""
        before = [list(lane.waiting) for lane in self.system.lanes]
        self.system.deliver_stream()
        if twice:
            for lane, waiting in zip(self.system.lanes, before, strict=True):
                batch = waiting[: lane.consumer.batch_size]
                if batch:
                    self.system.invoke(lane.consumer.function, {"Records": [each.what for each in batch]})

    @rule()
    def events(self) -> None:
        """The bus brings again what failed."""
        self.system.deliver_events()

    @rule()
    def clock(self) -> None:
        """The schedule fires."""
        self.system.tick()

    @rule(minutes=st.sampled_from((0, 1, 5, 14, 16, 21, 60 * 24, 60 * 49)), seconds=st.integers(0, 59))
    def wait(self, minutes: int, seconds: int) -> None:
        """Time goes by."""
        self.system.pass_time(minutes=minutes, seconds=seconds)

    def teardown(self) -> None:
        """Everything recovers, what died of too many faults is brought again, and all comes to rest."""
        gate, simulator = self.system.gate, self.system.zalopay.simulator
        gate.plan = {}
        self.system.zalopay.mute = False
        for name in SWITCHES:
            simulator.switch(name, False, "all")
        for order in self.system.zalopay.orders:
            simulator.claim(order, {})
        self.system.redrive()
        self.system.drain()
        self.promises.at_rest()
        self.count()

    def count(self) -> None:
        """What this history was about."""
        sessions = self.system.database.items(kind="SESSION")
        seen = {
            "histories": True,
            "with an order": there_is_an_order(self),
            "with a payment": any(session["status"] == "PAID" for session in sessions),
            "with a booking": any("bookedAt" in session for session in sessions),
            "with a refund": any("refund" in session for session in sessions),
            "with a promotion": any("discount" in session for session in sessions),
            "with moving money": any(record_of_moving(each) for each in self.system.history),
            "with a correction": any("revision" in item and item["revision"] for item in self.system.database.items()),
            "with a fault": self.system.gate.broken > 0,
            "with a listener": any(len(frames) > 1 for frames in self.system.browsers.frames.values()),
        }
        self.lived.update(name for name, so in seen.items() if so)


def record_of_moving(record: dict[str, Any]) -> bool:
    """Whether a session was known to wait for money that moves."""
    return bool(record["dynamodb"].get("NewImage", {}).get("processing") == {"BOOL": True})


def far(system: System) -> str:
    """A deadline that nobody waits for."""
    return (system.now + timedelta(days=3)).isoformat().replace("+00:00", "Z")


def histories(system: System, count: int, number: int | None, steps: int = 30) -> Counter[str]:
    """Run so many histories and tell what they were about.

    With a number they are drawn from it, else they are the same every time.
    """

    class Bound(History):
        pass

    Bound.system, Bound.lived = system, Counter()
    chosen = settings(
        max_examples=count,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=number is None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    machine = Bound if number is None else seed(number)(Bound)
    run_state_machine_as_test(machine, settings=chosen)
    return Bound.lived
