"""The backend under attack: one with a past, which is put back after whatever an attack changed."""

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
    """What an attacker may know: a paid stay and a live one of Mai's, and the address of a host's calendar."""

    paid: str
    live: str
    transaction_id: str
    paid_order: str
    live_order: str
    feed: str


class Reached(NamedTuple):
    """A request's answer, and whether anything was written meanwhile."""

    answer: Answer
    wrote: bool


class Ground:
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
        """What everything is put back to."""
        self.now = self.system.now
        self.before = self.system.database.snapshot()

    @contextmanager
    def trial(self) -> Iterator[System]:
        """The system, of whose changes nothing stays."""
        try:
            yield self.system
        finally:
            self.put_back()

    def invoke(self, function: str, event: dict[str, Any]) -> tuple[Any, bool]:
        """What a function answers, and whether it wrote or ordered anything; nothing stays of it."""
        with self.trial() as system:
            orders = len(system.zalopay.orders)
            answer = system.invoke(function, event)
            return answer, system.database.version != self.before.version or len(system.zalopay.orders) != orders

    def put_back(self) -> None:
        """As it was."""
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
        """A request as the gateway hands it on by this route."""
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
    """A browser's request, below `/api/v1`."""
    sent = (("host", "localhost:8000"), ("user-agent", AGENT), ("content-type", kind), *headers)
    return Request(method, f"{PREFIX}{path}", query, sent, body, HOME)
