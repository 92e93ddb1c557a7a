"""Use case: what ZaloPay says about orders is asked for and brought to the decision, for a page, the clock or a change.

However it is known, evidence ends in the same decision and the same transaction. A callback needs no question: see
`Sessions.record`.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache

from aws_lambda_powertools import Logger

from stays import metrics
from stays.domain.booking import already_paid, under_way
from stays.domain.decision import Evidence, Outcome
from stays.domain.errors import Busy
from stays.domain.payment import QUERY_INTERVAL, PaymentSession, Status, next_check, next_late_check
from stays.table.sessions import Sessions
from stays.zalopay.client import Client

TOGETHER = 20  # seconds for all calls to ZaloPay of one request
logger = Logger()

Clock = Callable[[], datetime]


class Silent(Exception):
    """ZaloPay did not say whether an open order is paid, so nothing may take its place."""

    def __init__(self, session: PaymentSession) -> None:
        super().__init__("ZaloPay is silent")
        self.session = session


class Settlement:
    """Payment sessions, and ZaloPay who is asked about their orders."""

    def __init__(self, sessions: Sessions, zalopay: Callable[[], Client], clock: Clock) -> None:
        self.sessions = sessions
        self.zalopay = zalopay
        self.clock = clock

    def of_one_request(self) -> "Settlement":
        """The same, whose calls to ZaloPay take 20 seconds together at most, so that the gateway gets its answer."""
        return Settlement(self.sessions, cache(lambda: self.zalopay().within(TOGETHER)), self.clock)

    def ask(self, session: PaymentSession, source: str, now: datetime) -> PaymentSession:
        """The session after asking ZaloPay, where that is open and nobody asked in the last five seconds.

        As it was read where others are writing it all the time.
        """
        try:
            if session.is_live and session.attempted_at and self.sessions.claim_query(session, now):
                return self.sessions.record(session, self.ask_zalopay(session, source), now)
        except Busy:
            logger.warning("answered as it was read", extra={"sessionId": session.id})
        return session

    def check(self, session: PaymentSession, now: datetime) -> PaymentSession:
        """The session after the clock has looked at it: the clock asks ZaloPay before it gives anything up, and later.

        A session that never had an order needs no question.
        """
        if session.attempted_at is None:
            return self.sessions.record(session, Evidence(source="schedule", outcome=Outcome.NOT_FOUND), now)
        later = next_check(session, now) if session.is_live else next_late_check(session, now)
        if self.sessions.claim_check(session, now, later):
            return self.sessions.record(session, self.ask_zalopay(session, "schedule"), now)
        return session

    def ask_zalopay(self, session: PaymentSession, source: str) -> Evidence:
        """What ZaloPay says about an order; its silence is counted."""
        found = self.zalopay().query(session, source)
        if found.outcome is Outcome.UNKNOWN:
            metrics.count("ZaloPaySilent")
        return found

    def ask_whether_unpaid(self, session: PaymentSession) -> PaymentSession:
        """The session after ZaloPay has said that nobody paid for it: still open, or ended by that answer.

        Waits for up to five seconds where somebody has just asked. Raises Refused for money that moves or has arrived,
        Silent where ZaloPay does not say.
        """
        waited = False
        while session.is_live and session.attempted_at is not None:
            now = self.clock()
            if self.sessions.claim_query(session, now):
                session = self._ask_for_replacing(session, now)
                break
            if waited:
                raise Silent(session)
            session, waited = self._await_turn(session, now), True
        if session.status is Status.PAID:
            raise already_paid(session)
        if session.processing:
            raise under_way(session)
        return session

    def _ask_for_replacing(self, session: PaymentSession, now: datetime) -> PaymentSession:
        evidence = self.ask_zalopay(session, "replaced")
        settled = self.sessions.record(session, evidence, now)
        if evidence.outcome is Outcome.UNKNOWN and settled.is_live:
            raise Silent(settled)
        return settled

    def _await_turn(self, session: PaymentSession, now: datetime) -> PaymentSession:
        """The session as it is five seconds after another call has asked about it."""
        asked_at = self.sessions.find(session.id).queried_at or now
        _wait_until(asked_at + QUERY_INTERVAL, now)
        return self.sessions.find(session.id)

    def cancel_at_zalopay(self, session: PaymentSession) -> None:
        """Nobody shall pay for an order that gave way. Best effort: money that comes all the same is looked after."""
        if session.attempted_at is not None:
            cancelled = self.zalopay().cancel_order(session)
            logger.info("order given up", extra={"sessionId": session.id, "cancelled": cancelled})


def _wait_until(moment: datetime, now: datetime) -> None:
    time.sleep(max(moment - now, timedelta()).total_seconds())
