"""Use case: from a user's choice to an order that can be paid. Opens, resumes, replaces and cancels payments."""

import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import NamedTuple

from aws_lambda_powertools import Logger

from stays import metrics
from stays.aws.store import Conflicted
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
from stays.zalopay import Created

WAITS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 1.0, 1.0, 1.0)  # seconds between reads, while another call makes the same order
ATTEMPTS = 4  # at one choice, if the award or its session changes meanwhile
logger = Logger()


class Choice(NamedTuple):
    """The nights and the amount in đồng that a user chose in an auction. No amount: a reservation."""

    auction_id: str
    user_id: str
    nights: Sequence[date]
    amount: int | None
    contact: Contact


class Pages(NamedTuple):
    """The addresses to which ZaloPay sends the browser and its callback."""

    frontend_url: str
    callback_url: str


class Orders:
    """Makes orders at ZaloPay for recorded sessions."""

    def __init__(self, settlement: Settlement) -> None:
        self._sessions = settlement.sessions
        self._settlement = settlement

    def make(self, session: PaymentSession, pages: Pages) -> PaymentSession:
        """Make the order of a recorded session. The session is payable only with the order's address."""
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
        """Record that the order could not be made. After silence, the user's next click asks ZaloPay at once."""
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
        """After ZaloPay's silence, query the order.

        An order that does not exist is made once more. An unpaid order is given up: its address is lost, so no browser
        can pay it.
        """
        found = self._settlement.ask_zalopay(session, "create")
        if found.outcome is Outcome.NOT_FOUND:
            return self._make(session, pages)
        return found.but(outcome=Outcome.REFUSED) if found.outcome is Outcome.UNPAID else found


class Checkout:
    """Opens, resumes and replaces the one order or reservation that an award can have."""

    def __init__(self, awards: Awards, settlement: Settlement, terms: Terms, new_id: Callable[[datetime], str]) -> None:
        """`terms` are the cancellation terms of every sale that is opened here. `new_id` makes stay ids."""
        self._sessions = settlement.sessions
        self._awards = awards
        self._settlement = settlement
        self._orders = Orders(settlement)
        self._terms = terms
        self._new_id = new_id

    def pay(self, choice: Choice, pages: Pages) -> PaymentSession:
        """A session with an order for the choice: the live session if it is for the same choice, otherwise a new one.

        Raises NotFound, Invalid and Refused, and PAYMENT_CREATION_FAILED if ZaloPay is silent or refuses.
        """
        for _ in range(ATTEMPTS):
            now = self._settlement.clock()
            award, current = self._find_award(choice, now)
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
        """A session without an order; its nights are held for 15 minutes. The same choice gives the same session."""
        for _ in range(ATTEMPTS):
            now = self._settlement.clock()
            award, current = self._find_award(choice, now)
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

    def _find_award(self, choice: Choice, now: datetime) -> tuple[Award, PaymentSession | None]:
        """The award that the choice means, and the session that is open for it.

        An open session of an award past its deadline comes first, if it is for this choice.
        """
        awards = self._awards.load_for(choice.auction_id, choice.user_id)
        for award in (each for each in awards if is_overdue(each, now)):
            current = self._find_open_session(award, now)
            if current and set(choice.nights) <= set(current.nights) and is_for(current, award, choice):
                return award, current
        award = choose_award(awards, choice.nights, choice.amount, now)
        return award, self._find_open_session(award, now)

    def _find_open_session(self, award: Award, now: datetime) -> PaymentSession | None:
        """The session that is open for an award. A reservation whose time is over ends here."""
        current = self._sessions.find(award.checkout_id) if award.checkout_id else None
        if current is not None and current.is_live and current.attempted_at is None and current.expires_at <= now:
            over = Evidence(source="checkout", outcome=Outcome.NOT_FOUND)
            current = self._sessions.record(current, over, now)
        return current if current is not None and current.is_live else None

    def _open(
        self, award: Award, current: PaymentSession | None, choice: Choice, now: datetime
    ) -> PaymentSession | None:
        """A new session, which replaces the current one if there is one. None if something has changed."""
        if current is not None and not award.is_payable(now):
            raise under_way(current)
        check_payable(award, now)
        quoted = quote(award, choice.nights, choice.amount, now)
        if current is not None:
            current = self._settlement.ask_whether_unpaid(current)
            if not current.is_live or self._apply_waiting_correction(award, current, now):
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

    def _apply_waiting_correction(self, award: Award, current: PaymentSession, now: datetime) -> bool:
        """End this session first if a correction waits for its end. The new terms then apply to the next session."""
        if award.correction is None:
            return False
        end_unpaid(self._settlement, current, now)
        return True

    def _resume(self, session: PaymentSession, pages: Pages, now: datetime) -> PaymentSession | None:
        """The live session with its order. None if it turned out to be over, with its nights free."""
        if session.order_url and now < session.expires_at:
            return session
        if session.attempted_at is None:
            return self._make_order_of_reservation(session, pages, now)
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

    def _make_order_of_reservation(self, session: PaymentSession, pages: Pages, now: datetime) -> PaymentSession:
        attempted = attempt_order(session, now)
        try:
            self._sessions.attempt(session, attempted, now)
        except NightsTaken as taken:
            raise nights_taken(taken) from None
        except Conflicted:
            return self._await_order(session)
        return self._orders.make(attempted, pages)

    def _await_order(self, session: PaymentSession) -> PaymentSession:
        """Wait for the order that another call is making, after a double click."""
        for seconds in WAITS:
            time.sleep(seconds)
            session = self._sessions.find(session.id)
            if session.order_url:
                return session
            if not session.is_live or session.given_up_at:
                break
        raise creation_failed(session)

    def _explain(self, taken: NightsTaken, user_id: str) -> Refused:
        """The reason why nights cannot be had: another user has them, or another award of the same user."""
        if taken.user_id != user_id:
            return nights_taken(taken)
        session = self._sessions.find(taken.stay_id, user_id)
        return already_paid(session) if session.status is Status.PAID else under_way(session)


def is_for(session: PaymentSession, award: Award, choice: Choice) -> bool:
    """Whether a live session is for this choice, by the nights that could be bought when it was opened."""
    try:
        quoted: Quote = quote(award, choice.nights, choice.amount, session.created_at)
    except StaysError:
        return False
    return (session.nights, session.amount) == (quoted.nights, quoted.amount)


def end_unpaid(settlement: Settlement, session: PaymentSession, now: datetime) -> None:
    """End an unpaid session for another choice, and apply the correction that waited for its end."""

    def superseded(current: PaymentSession, _: object) -> Decision | None:
        unpaid = current.is_live and not current.processing
        return Decision(supersede(current, now), "SUPERSEDED", Nights.FREE) if unpaid else None

    settled = settlement.sessions.settle(session, superseded, now)
    if settled.status is Status.CANCELLED:
        settlement.cancel_at_zalopay(settled)


def cancel_booking(settlement: Settlement, session: PaymentSession, terms: Terms, now: datetime) -> PaymentSession:
    """Give a booking or a reservation back. If a reservation has an open order, ZaloPay is asked first.

    Raises Refused if the order is paid, if its money moves, or if ZaloPay does not answer.
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
    """The error when no order could be made. The frontend tries again."""
    details = {"sessionId": session.id} if session else {}
    return StaysError("PAYMENT_CREATION_FAILED", "The order could not be made; please try again.", **details)


def try_again() -> Refused:
    """The error when the award changed during every attempt."""
    return Refused("INVALID_AUCTION_STATE", "It kept changing; please try again.")


def nights_taken(taken: NightsTaken) -> Refused:
    """The error when another user has a night."""
    return Refused("INVALID_AUCTION_STATE", "A night is taken by somebody else.", nights=[taken.night.isoformat()])
