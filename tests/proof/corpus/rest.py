"""Checks a world of another release after it has come to rest: the invariants, and a plain count."""

from typing import Any

from tests.proof.corpus.differences import UNPROMISED
from tests.proof.corpus.world import RecordedState, load
from tests.proof.simulation.invariants import Invariants, Violated
from tests.proof.simulation.system import System, stay_of

UNRESTING = ("CREATED", "PENDING", "PENDING_PAYMENT", "WAITING", "ACCEPTED", "REFUND_DUE", "REFUNDING", "HELD", "DUE")
OF_THREE_MAILS = ("1.2.1", "1.3.0", "1.4.0")  # the releases that wrote no other kinds of mail
UNREADABLE = ("UnreadableItems", "UnpublishedEvents", "RejectedEvents")


class World:
    """One moment that continues under today's functions."""

    def __init__(self, system: System, kept: RecordedState, *, watched: bool = True) -> None:
        """Without `watched` only the plain count is made, because the invariants do not cover actions by hand."""
        load(system, kept)
        self.system = system
        self._version = kept.version
        self._watched = watched and kept.story["watched"]
        self._invariants = Invariants(system)
        if kept.version in OF_THREE_MAILS:
            self._invariants.learn_of_an_earlier_release()
        else:
            self._invariants.learn()
        for name, frames in system.browsers.frames.items():
            self._invariants._heard[name] = len(frames)
        system.check = self.look

    def look(self) -> None:
        """Check safety after every invocation."""
        self._demand(self._invariants.after_invocation)

    def comes_to_rest(self) -> None:
        """Let the platform and the clock act alone until all is at rest, then check the end."""
        self.system.drain()
        self._demand(self._invariants.at_rest)
        assert not self.system.dead
        assert not self.system.broken
        assert not [name for name in UNREADABLE if self.system.counted[name]]
        self._nothing_waits()
        self._every_night_has_one_booking()
        self._money_is_somewhere()

    def _demand(self, check: Any) -> None:
        if not self._watched:
            return
        try:
            check()
        except Violated as violated:
            known = (each for each in UNPROMISED if each.version == self._version)
            if not any(str(violated).startswith(each.promise) for each in known):
                raise

    def _nothing_waits(self) -> None:
        for item in self.system.database.items():
            states = {item.get(name) for name in ("status", "fulfilment", "state")}
            waiting = states & set(UNRESTING) if item["kind"] != "BOOKING" else ()
            assert not waiting, f"{item['PK']} {item['SK']} is still {waiting}"

    def _every_night_has_one_booking(self) -> None:
        """Count the nights: a night is one item, so two bookings cannot block it."""
        database = self.system.database
        confirmed = database.items(kind="BOOKING", status="CONFIRMED")
        sold = [(each["propertyId"], night, each["id"]) for each in confirmed for night in each["nights"]]
        blocked = [
            (each["PK"].removeprefix("PROPERTY#"), each["SK"].removeprefix("NIGHT#"), each["stayId"])
            for each in database.items(kind="NIGHT")
        ]
        assert sorted(sold) == sorted(blocked)

    def _money_is_somewhere(self) -> None:
        """Check that all paid money is booked, refunded, or waits for people."""
        sessions = {each["id"]: each for each in self.system.database.items(kind="SESSION")}
        for order in self.system.zalopay.orders:
            self.system.zalopay.simulator.settle(order)
            returned = sum(each.amount for each in order.refunds if each.settled and not each.refused)
            assert returned <= order.amount
            session = sessions.get(stay_of(order))
            if order.ended == "PAID" and session is None:
                assert self.system.database.items(kind="STRAY", transactionId=str(order.zp_trans_id))
            elif order.ended == "PAID":
                ended = session["fulfilment"] in ("BOOKED", "REFUNDED", "REVIEW", "REFUND_MANUAL")
                assert ended or "bookedAt" in session, f"{session['id']}: {session['fulfilment']}"
