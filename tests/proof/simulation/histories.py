"""Random histories of the whole system: users, ZaloPay, the clock, browsers and faults in any order."""

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
SOON = 12  # the largest number of I/Os until a fault
SWITCHES = (
    *("create_lost", "create_refused", "query_down", "query_processing", "payment_moving", "cancel_refused"),
    *("refund_processing", "refund_lost", "refund_shown_late", "refund_in_part_refused", "refund_of_share_only"),
)
# Answers that query may give about an order instead of the truth.
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

Award = tuple[str, str, list[str]]  # user, auction, nights


def there_is_an_order(history: "History") -> bool:
    """A precondition: steps with an order need one."""
    return bool(history.system.zalopay.orders)


class History(RuleBasedStateMachine):
    """One history. The runner sets `system`; `lived` counts the events of the history."""

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
        """Two users have won nights of one property, perhaps the same nights. One of them may already be further."""
        self.win(MAI, "1001", mine)
        self.win(BINH, "1002", yours)
        if come == "to an order":
            self.press(0)
        elif come == "to a payment":
            self.buy(0, lost=False)

    def order(self, number: int) -> Order:
        """Return one of the orders."""
        orders = self.system.zalopay.orders
        return orders[number % len(orders)]

    def session(self, order: Order) -> dict[str, Any]:
        """Return the session of an order."""
        (found,) = self.system.database.items(kind="SESSION", id=stay_of(order))
        return found

    def caller(self, order: Order, stranger: bool) -> str:
        """Return the owner of an order, or another user."""
        owner = self.session(order)["userId"]
        return next(sub for sub in PEOPLE if (sub != owner) is stranger)

    # Faults

    @rule(ahead=st.integers(1, SOON), fault=st.sampled_from([*FIVE, Fault.RESENT]))
    def break_soon(self, ahead: int, fault: Fault) -> None:
        """Break one of the next I/Os."""
        gate = self.system.gate
        gate.plan = {**gate.plan, len(gate.passed) + ahead: fault}

    @rule(name=st.sampled_from(SWITCHES), on=st.booleans())
    def switch(self, name: str, on: bool) -> None:
        """Switch a fault of ZaloPay on or off."""
        self.system.zalopay.simulator.switch(name, on, "all")

    @rule(down=st.booleans())
    def zalopay_down(self, down: bool) -> None:
        """ZaloPay becomes unreachable, or comes back."""
        self.system.zalopay.mute = down

    @rule(number=st.integers(0, 3))
    def rotate_key(self, number: int) -> None:
        """Change key2; the earlier key stays valid for a while."""
        keys = self.system.secrets.held["zalopay-key2"]
        fresh = f"{KEY2}-{number}"
        if fresh not in keys.values():
            self.system.secrets.held["zalopay-key2"] = {"current": fresh, "previous": keys["current"]}
            self.system.zalopay.simulator.callbacks.key2 = fresh

    # People

    @rule(sub=people, auction=auctions, chosen=nights, result=results, revision=st.integers(0, 2))
    def win(self, sub: str, auction: str, chosen: list[str], result: str = "FULL_WIN", revision: int = 0) -> None:
        """An auction ends, or the auction system corrects its result."""
        self.awards.append((sub, auction, chosen))
        detail = {"userId": sub, "auctionId": auction, "result": result, "revision": revision}
        self.system.announce(auction_result(nights=chosen, paymentDeadline=far(self.system), **detail))

    @rule(number=numbers, revision=st.integers(0, 2))
    def withdraw(self, number: int, revision: int) -> None:
        """The auction system withdraws an award."""
        sub, auction, _ = self.awards[number % len(self.awards)]
        self.system.announce({"userId": sub, "auctionId": auction, "revision": revision}, "AuctionWithdrawn")

    @rule(
        order=st.permutations(PEOPLE), auction=st.sampled_from(CHAINED), chosen=nights, minutes=st.sampled_from((1, 60))
    )
    def win_with_runners_up(self, order: list[str], auction: str, chosen: list[str], minutes: int) -> None:
        """An auction ends with runners-up. Each auction has one chain, so that nights have a clear owner."""
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
        """A user accepts an award or an offer, perhaps in part, or declines it."""
        self.system.http("POST", f"/auctions/offers/{auction}/{answer}", {"selectedNights": chosen}, sub=sub)

    @rule(sub=people, auction=auctions, chosen=nights, number=st.integers(1, 2))
    def offer(self, sub: str, auction: str, chosen: list[str], number: int) -> None:
        """A user gets a second chance."""
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
        """Press the pay button of an award."""
        self.system.create(*self.awards[number % len(self.awards)])

    @rule(number=numbers, lost=st.booleans())
    def buy(self, number: int, lost: bool) -> None:
        """Press the button, then pay."""
        before = len(self.system.zalopay.orders)
        self.press(number)
        if len(self.system.zalopay.orders) > before:
            self.system.pay(self.system.order(), lost=lost)

    @rule(sub=people, auction=auctions, chosen=nights)
    def press_anything(self, sub: str, auction: str, chosen: list[str]) -> None:
        """Press the pay button with any content a user may send."""
        self.system.create(sub, auction, chosen)

    @rule(number=numbers)
    def reserve(self, number: int) -> None:
        """Make a direct booking of an award."""
        sub, auction, chosen = self.awards[number % len(self.awards)]
        self.system.http("POST", "/bookings", {"auctionId": auction, "selectedNights": chosen}, sub=sub)

    @precondition(there_is_an_order)
    @rule(number=numbers, late=st.booleans(), lost=st.booleans(), promotion=promotions)
    def pay(self, number: int, late: bool, lost: bool, promotion: dict[str, Any]) -> None:
        """Pay in time or late, perhaps with a promotion, with or without a callback."""
        self.system.pay(self.order(number), late=late, lost=lost, **promotion)

    @precondition(there_is_an_order)
    @rule(number=numbers)
    def pay_again(self, number: int) -> None:
        """A second transaction pays a paid order."""
        self.system.pay(self.order(number), again=True)

    @precondition(there_is_an_order)
    @rule(number=numbers, answer=st.sampled_from(ANSWERS))
    def claim(self, number: int, answer: dict[str, Any]) -> None:
        """ZaloPay says something false about an order."""
        order = self.order(number)
        self.system.zalopay.claimed.add(order.app_trans_id)
        self.system.zalopay.simulator.claim(order, answer)

    @rule(number=st.integers(0, 99))
    def spelling(self, number: int) -> None:
        """Change the spelling of callbacks from now on."""
        self.system.spelling = number

    @precondition(there_is_an_order)
    @rule(number=numbers)
    def look(self, number: int) -> None:
        """Load the pages of an order. None of them fails, and none says less than the one before."""
        order = self.order(number)
        session = self.session(order)
        for path in (f"/payment/sessions/{session['id']}", f"/payment/{session['id']}/booking"):
            self.system.http("GET", path, sub=session["userId"])
        if "transactionId" in session:
            self.system.http("GET", f"/payment/transactions/{session['transactionId']}", sub=session["userId"])

    @rule(sub=people)
    def look_around(self, sub: str) -> None:
        """Load the pages of awards and offers."""
        for path in ("/auctions/winners/me", "/auctions/offers/second-chance/me", "/user/bookings"):
            self.system.http("GET", path, sub=sub)

    @rule(sub=people, auction=st.sampled_from((*AUCTIONS, *CHAINED)))
    def report(self, sub: str, auction: str) -> None:
        """A page reports the reason of a decline."""
        self.system.http("POST", "/auctions/analytics/decline", {"offerId": auction, "reason": "far"}, sub=sub)

    @precondition(there_is_an_order)
    @rule(number=numbers)
    def give_up(self, number: int) -> None:
        """The user cancels at ZaloPay."""
        with suppress(NotPossibleError):
            self.system.zalopay.simulator.cancel(self.order(number))

    @precondition(there_is_an_order)
    @rule(number=numbers, stranger=st.booleans())
    def poll(self, number: int, stranger: bool) -> None:
        """A page polls. The page of another user learns nothing."""
        order = self.order(number)
        reply = self.system.poll(order, self.caller(order, stranger))
        assert not stranger or reply.status != 200, "a stranger reads along"

    @precondition(there_is_an_order)
    @rule(number=numbers, stranger=st.booleans())
    def cancel(self, number: int, stranger: bool) -> None:
        """A user gives a booking back. The attempt of another user changes nothing."""
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
        """A browser disconnects."""
        socket, _ = self.sockets.pop(number % len(self.sockets))
        (self.system.disconnect if politely else self.system.vanish)(socket)

    @precondition(lambda self: self.sockets)
    @rule(number=numbers)
    def subscribe_again(self, number: int) -> None:
        """A browser subscribes again."""
        self.system.subscribe(*self.sockets[number % len(self.sockets)])

    # The platform

    @rule()
    def callbacks(self) -> None:
        """ZaloPay sends its callbacks."""
        self.system.deliver_callbacks()

    @precondition(there_is_an_order)
    @rule(number=numbers)
    def callback_again(self, number: int) -> None:
        """ZaloPay sends an old callback again."""
        order = self.order(number)
        if order.ended == "PAID":
            self.system.call_back(self.system.zalopay.callback(order))

    @rule(twice=st.booleans())
    def stream(self, twice: bool) -> None:
        """The functions read the stream; a batch may come twice."""
        before = [list(lane.waiting) for lane in self.system.lanes]
        self.system.deliver_stream()
        if twice:
            for lane, waiting in zip(self.system.lanes, before, strict=True):
                batch = waiting[: lane.consumer.batch_size]
                if batch:
                    self.system.invoke(lane.consumer.function, {"Records": [each.what for each in batch]})

    @rule()
    def events(self) -> None:
        """The bus delivers failed events again."""
        self.system.deliver_events()

    @rule()
    def clock(self) -> None:
        """The clock starts the reconciliation."""
        self.system.tick()

    @rule(minutes=st.sampled_from((0, 1, 5, 14, 16, 21, 60 * 24, 60 * 49)), seconds=st.integers(0, 59))
    def wait(self, minutes: int, seconds: int) -> None:
        """Time passes."""
        self.system.pass_time(minutes=minutes, seconds=seconds)

    def teardown(self) -> None:
        """Every fault ends, an operator redrives the dead letters, and all comes to rest."""
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
        """Count the events of this history."""
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
    """Say whether the system knew that a session waited for moving money."""
    return bool(record["dynamodb"].get("NewImage", {}).get("processing") == {"BOOL": True})


def far(system: System) -> str:
    """Return a deadline that no test waits for."""
    return (system.now + timedelta(days=3)).isoformat().replace("+00:00", "Z")


def histories(system: System, count: int, number: int | None, steps: int = 30) -> Counter[str]:
    """Run this number of histories and return the counts of their events.

    A seed draws them; without a seed they are the same every time.
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
