"""From a traveller's choice to an order that can be paid: what opens, resumes, replaces and gives up payments."""

import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import NamedTuple

from aws_lambda_powertools import Logger

from stays import metrics
from stays.domain.award import Award, Quote, check_payable, choose_award, quote
from stays.domain.booking import already_paid, cancel, under_way
from stays.domain.decision import (
    Decision,
    Evidence,
    Nights,
    Outcome,
    is_being_made,
    order_given_up,
    order_made,
    supersede,
)
from stays.domain.errors import Refused, StaysError
from stays.domain.payment import (
    Contact,
    PaymentSession,
    Status,
    Terms,
    attempt_order,
    open_session,
)
from stays.domain.second_chances import is_overdue
from stays.settlement import Settlement, Silent
from stays.table.awards import Awards
from stays.table.sessions import Changed, NightsTaken
from stays.table.store import Conflicted
from stays.zalopay import Created

WAITS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 1.0, 1.0, 1.0)  # seconds, while another call makes the same order
ATTEMPTS = 4  # at a choice, while the award or its session changes under it
logger = Logger()


class Choice(NamedTuple):
    """What a user wants of what they won in an auction: the amount is None for a reservation."""

    auction_id: str
    user_id: str
    nights: Sequence[date]
    amount: int | None
    contact: Contact


class Pages(NamedTuple):
    """Where ZaloPay sends the browser and its callback."""

    frontend_url: str
    callback_url: str


class Orders:
    """Orders, made at ZaloPay for sessions that are on record."""

    def __init__(self, settlement: Settlement) -> None:
        self._sessions = settlement.sessions
        self._settlement = settlement

    def make(self, session: PaymentSession, pages: Pages) -> PaymentSession:
        """Make the order of a session that is on record. Only an address makes it payable."""
        made = self._make(session, pages)
        if not isinstance(made, Created) and made.outcome is not Outcome.REFUSED:
            made = self._resolve_silence(session, pages)
        if not isinstance(made, Created):
            logger.warning("no order", extra={"sessionId": session.id, "outcome": made.outcome, "code": made.code})
            settled = self._record_failure(session, made, self._settlement.clock())
            raise already_paid(settled) if settled.status is Status.PAID else creation_failed(session)
        url, now = made.order_url, self._settlement.clock()
        begun = self._sessions.settle(session, lambda current, _: order_made(current, url, now), now)
        if begun.status not in (Status.PENDING, Status.PAID):
            raise creation_failed(session)
        return begun.but(order_url=url)

    def _record_failure(self, session: PaymentSession, evidence: Evidence, now: datetime) -> PaymentSession:
        """The session after its order could not be made; after silence the next click asks at once."""
        if evidence.outcome is Outcome.UNKNOWN:
            return self._sessions.settle(session, lambda current, _: order_given_up(current, evidence, now), now)
        return self._sessions.record(session, evidence, now)

    def _make(self, session: PaymentSession, pages: Pages) -> Created | Evidence:
        redirect_url = f"{pages.frontend_url}/dashboard/payment/zalopay/{session.id}"
        made = self._settlement.zalopay().create_order(session, redirect_url, pages.callback_url)
        if not isinstance(made, Created):
            metrics.count("ZaloPayRefused" if made.outcome is Outcome.REFUSED else "ZaloPaySilent")
        return made

    def _resolve_silence(self, session: PaymentSession, pages: Pages) -> Created | Evidence:
        """Silence is resolved by a query.

        An order that is not there is made once more; one whose address was lost can be paid by nobody and is given up.
        """
        found = self._settlement.ask_zalopay(session, "create")
        if found.outcome is Outcome.NOT_FOUND:
            return self._make(session, pages)
        return found.but(outcome=Outcome.REFUSED) if found.outcome is Outcome.UNPAID else found


class Checkout:
    """Opens, resumes and replaces the one order or reservation that an award can have."""

    def __init__(self, awards: Awards, settlement: Settlement, terms: Terms, new_id: Callable[[datetime], str]) -> None:
        """`terms` are those of a cancellation, and belong to every sale that is opened; `new_id` makes stay ids."""
        self._sessions = settlement.sessions
        self._awards = awards
        self._settlement = settlement
        self._orders = Orders(settlement)
        self._terms = terms
        self._new_id = new_id

    def pay(self, choice: Choice, pages: Pages) -> PaymentSession:
        """A session with an order for what was chosen: the live one if it is for that, else a new one.

        Raises NotFound, Invalid and Refused, and PAYMENT_CREATION_FAILED where ZaloPay is silent or refuses.
        """
        for _ in range(ATTEMPTS):
            now = self._settlement.clock()
            award, current = self._look(choice, now)
            try:
                session = self._resume_or_open(award, current, choice, pages, now)
            except Silent as silent:
                raise creation_failed(silent.session) from None
            if session is not None:
                return session
        raise creation_failed()

    def _resume_or_open(
        self, award: Award, current: PaymentSession | None, choice: Choice, pages: Pages, now: datetime
    ) -> PaymentSession | None:
        if current is not None and is_for(current, award, choice):
            return self._resume(current, pages, now)
        session = self._open(award, current, choice, now)
        return session and self._orders.make(session, pages)

    def reserve(self, choice: Choice) -> PaymentSession:
        """A session without an order, whose nights are held for 15 minutes; the same one again for the same choice."""
        for _ in range(ATTEMPTS):
            now = self._settlement.clock()
            award, current = self._look(choice, now)
            if current is not None and is_for(current, award, choice):
                if current.reserved and now < current.expires_at:
                    return current
                raise under_way(current)
            try:
                session = self._open(award, current, choice, now)
            except Silent as silent:
                raise under_way(silent.session) from None
            if session is not None:
                return session
        raise try_again()

    def _look(self, choice: Choice, now: datetime) -> tuple[Award, PaymentSession | None]:
        """The award that is meant, and the session that is open for it.

        What is open beyond the deadline of its award is meant before anything that can still be begun.
        """
        awards = self._awards.load_for(choice.auction_id, choice.user_id)
        for award in (each for each in awards if is_overdue(each, now)):
            current = self._current(award, now)
            if current and set(choice.nights) <= set(current.nights) and is_for(current, award, choice):
                return award, current
        award = choose_award(awards, choice.nights, choice.amount, now)
        return award, self._current(award, now)

    def _current(self, award: Award, now: datetime) -> PaymentSession | None:
        """The session that is open for an award; a reservation whose time is over ends here."""
        current = self._sessions.find(award.checkout_id) if award.checkout_id else None
        if current is not None and current.is_live and current.attempted_at is None and current.expires_at <= now:
            over = Evidence(source="checkout", outcome=Outcome.NOT_FOUND)
            current = self._sessions.record(current, over, now)
        return current if current is not None and current.is_live else None

    def _open(
        self, award: Award, current: PaymentSession | None, choice: Choice, now: datetime
    ) -> PaymentSession | None:
        """A new session in the place of the current one, if there is one; None where everything has changed."""
        if current is not None and not award.is_payable(now):
            raise under_way(current)
        check_payable(award, now)
        quoted = quote(award, choice.nights, choice.amount, now)
        if current is not None:
            current = self._settlement.ask_whether_unpaid(current)
            if not current.is_live or self._corrected(award, current, now):
                return None
        reserve = choice.amount is None
        session = open_session(
            self._new_id(now), quoted, choice.user_id, choice.contact, now, reserve=reserve, terms=self._terms
        )
        try:
            self._sessions.open(session, award, now, current)
        except Changed:
            return None
        except NightsTaken as taken:
            raise self._explain(taken, choice.user_id) from None
        if current is not None:
            self._settlement.cancel_at_zalopay(current)
        return session

    def _corrected(self, award: Award, current: PaymentSession, now: datetime) -> bool:
        """Other terms wait for the end of this session: it ends first, so that they hold for what comes."""
        if award.correction is None:
            return False
        give_way(self._settlement, current, now)
        return True

    def _resume(self, session: PaymentSession, pages: Pages, now: datetime) -> PaymentSession | None:
        """The live session with its order; None if it turned out to be over and its nights are free."""
        if session.order_url and now < session.expires_at:
            return session
        if session.attempted_at is None:
            return self._order_of_reservation(session, pages, now)
        if is_being_made(session, now):
            return self._await_order(session)
        settled = self._settlement.ask(session, "create", now)
        if settled.status is Status.PAID:
            raise already_paid(settled)
        if settled.processing:
            raise under_way(settled)
        if settled.is_live:
            raise creation_failed(session)
        return None

    def _order_of_reservation(self, session: PaymentSession, pages: Pages, now: datetime) -> PaymentSession:
        attempted = attempt_order(session, now)
        try:
            self._sessions.attempt(session, attempted, now)
        except NightsTaken as taken:
            raise nights_taken(taken) from None
        except Conflicted:
            return self._await_order(session)
        return self._orders.make(attempted, pages)

    def _await_order(self, session: PaymentSession) -> PaymentSession:
        """Another call is making the order right now: a double click."""
        for seconds in WAITS:
            time.sleep(seconds)
            session = self._sessions.find(session.id)
            if session.order_url:
                return session
            if not session.is_live or session.given_up_at:
                break
        raise creation_failed(session)

    def _explain(self, taken: NightsTaken, user_id: str) -> Refused:
        """Why the nights cannot be had: another user's, or for another award of the same user."""
        if taken.user_id != user_id:
            return nights_taken(taken)
        session = self._sessions.find(taken.stay_id, user_id)
        return already_paid(session) if session.status is Status.PAID else under_way(session)


def is_for(session: PaymentSession, award: Award, choice: Choice) -> bool:
    """Whether a live session is for what is chosen now, by what could be bought when it was opened."""
    try:
        quoted: Quote = quote(award, choice.nights, choice.amount, session.created_at)
    except StaysError:
        return False
    return (session.nights, session.amount) == (quoted.nights, quoted.amount)


def give_way(settlement: Settlement, session: PaymentSession, now: datetime) -> None:
    """End an unpaid session for the sake of another choice, and apply what has waited for its end."""

    def superseded(current: PaymentSession, _: object) -> Decision | None:
        unpaid = current.is_live and not current.processing
        return Decision(supersede(current, now), "SUPERSEDED", Nights.FREE) if unpaid else None

    settled = settlement.sessions.settle(session, superseded, now)
    if settled.status is Status.CANCELLED:
        settlement.cancel_at_zalopay(settled)


def cancel_booking(settlement: Settlement, session: PaymentSession, terms: Terms, now: datetime) -> PaymentSession:
    """Give a booking or a reservation back; of a reservation whose order is open ZaloPay is asked first.

    Raises Refused where that order is paid or its money moves, and where ZaloPay does not say.
    """
    unpaid = session.is_live and session.attempted_at is not None
    if unpaid:
        try:
            session = settlement.ask_whether_unpaid(session)
        except Silent as silent:
            raise under_way(silent.session) from None
    settled = settlement.sessions.settle(session, lambda current, _: cancel(current, terms, now, unpaid=unpaid), now)
    if unpaid and settled.status is Status.CANCELLED:
        settlement.cancel_at_zalopay(settled)
    return settled


def creation_failed(session: PaymentSession | None = None) -> StaysError:
    """No order could be made; the client tries again."""
    details = {"sessionId": session.id} if session else {}
    return StaysError("PAYMENT_CREATION_FAILED", "The order could not be made; please try again.", **details)


def try_again() -> Refused:
    """Everything changed under every attempt."""
    return Refused("INVALID_AUCTION_STATE", "It kept changing; please try again.")


def nights_taken(taken: NightsTaken) -> Refused:
    """A night is another user's."""
    return Refused("INVALID_AUCTION_STATE", "A night is taken by somebody else.", nights=[taken.night.isoformat()])
