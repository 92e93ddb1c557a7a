"""The backend under attack: it has a history, and every change of an attack is undone."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from infra.local.events import Answer, Request, http_answer, http_event
from infra.local.routing import route_key
from infra.topology import PREFIX, Route
from tests.integration.messages import AGENT, BINH, HOME, HOST, MAI, PROPERTY, auction_result, second_chance
from tests.proof.simulation.system import System, stay_of

LATER, LATEST, LAST = ("2027-04-01", "2027-04-02"), ("2027-05-01",), ("2027-06-01", "2027-06-03")
Claims = Mapping[str, Any]
Found = tuple[Route, Mapping[str, str]]


class Known(NamedTuple):
    """The facts that an attacker may know: Mai's paid stay and her open one, and the address of a host's calendar."""

    paid: str
    live: str
    transaction_id: str
    paid_order: str
    live_order: str
    feed: str


class Reached(NamedTuple):
    """The answer to a request, and whether the request wrote anything."""

    answer: Answer
    wrote: bool


class Backend:
    """Mai has paid for one auction, is about to pay for another, has won a third and is offered a fourth.

    Binh has called once.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        system.reset({})
        for number, nights in (("1002", LATER), ("1003", LATEST)):
            system.announce(auction_result(auctionId=number, nights=nights))
        system.announce(second_chance(userId=MAI, auctionId="1004", nights=LAST), "SecondChanceOffer")
        system.announce(auction_result())
        system.create()
        paid = system.order()
        assert paid
        system.pay(paid)
        system.create(auction_id="1002", nights=LATER)
        live = system.order()
        assert live
        system.settle()
        for sub in (MAI, BINH, HOST):
            system.http("GET", f"/payment/{stay_of(paid)}/booking", sub=sub)
        url = system.http("POST", f"/properties/{PROPERTY['id']}/calendar/feed", sub=HOST).body["url"]
        feed = url.rpartition("/")[2]
        self.known = Known(
            stay_of(paid), stay_of(live), str(paid.zp_trans_id), paid.app_trans_id, live.app_trans_id, feed
        )
        self.remember()

    def remember(self) -> None:
        """Remember the present state, for `put_back`."""
        self.now = self.system.now
        self.before = self.system.database.snapshot()

    @contextmanager
    def trial(self) -> Iterator[System]:
        """Yield the system, and undo its changes afterwards."""
        try:
            yield self.system
        finally:
            self.put_back()

    def invoke(self, function: str, event: dict[str, Any]) -> tuple[Any, bool]:
        """Return the function's answer, and whether it wrote or ordered anything. All changes are undone."""
        with self.trial() as system:
            orders = len(system.zalopay.orders)
            answer = system.invoke(function, event)
            return answer, system.database.version != self.before.version or len(system.zalopay.orders) != orders

    def put_back(self) -> None:
        """Restore the remembered state."""
        system = self.system
        if system.database.version != self.before.version:
            system.database.restore(self.before)
            for lane in system.lanes:
                lane.waiting.clear()
            system.history.clear()
        if system.gate.passed:
            system.gate.reset({})
            system._traveller.move_to(self.now, tick=False)

    def http(self, request: Request, route: Found, claims: Claims | None) -> Reached:
        """Send a request as the gateway passes it on by this route."""
        event = http_event(
            request,
            route_key=route_key(route[0]),
            path_parameters=route[1],
            claims=None if route[0].public else claims,
            request_id="request-1",
            now=self.now,
        )
        answer, wrote = self.invoke(route[0].function, event)
        return Reached(http_answer(answer), wrote)


def request(
    method: str,
    path: str,
    body: bytes = b"",
    kind: str = "application/json",
    headers: tuple[tuple[str, str], ...] = (),
    *,
    query: str = "",
) -> Request:
    """Send a browser's request, below `/api/v1`."""
    sent = (("host", "localhost:8000"), ("user-agent", AGENT), ("content-type", kind), *headers)
    return Request(method, f"{PREFIX}{path}", query, sent, body, HOME)
