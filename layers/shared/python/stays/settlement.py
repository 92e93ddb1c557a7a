"""Use case: ask ZaloPay about orders, and bring its answers to the decision. For a page, the clock or a change.

All evidence goes into the same decision and the same transaction. A callback needs no question: see `Sessions.record`.
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

SECONDS_PER_REQUEST = 20  # for all calls to ZaloPay that one HTTP request makes
logger = Logger()

Clock = Callable[[], datetime]


class Silent(Exception):
    """ZaloPay did not say whether an open order is paid, so no other order may replace it."""

    def __init__(self, session: PaymentSession) -> None:
        super().__init__("ZaloPay is silent")
        self.session = session


class Settlement:
    """Payment sessions, and ZaloPay's answers about their orders."""

    def __init__(self, sessions: Sessions, zalopay: Callable[[], Client], clock: Clock) -> None:
        self.sessions = sessions
        self.zalopay = zalopay
        self.clock = clock

    def of_one_request(self) -> "Settlement":
        """The same for one request: all its calls to ZaloPay take at most 20 seconds, so the gateway gets an answer."""
        return Settlement(self.sessions, cache(lambda: self.zalopay().with_time_limit(SECONDS_PER_REQUEST)), self.clock)

    def ask(self, session: PaymentSession, source: str, now: datetime) -> PaymentSession:
        """The session, after asking ZaloPay about its live order if no call asked in the last five seconds.

        If other writes keep the session busy, it is returned as it was read.
        """
        try:
            if session.is_live and session.attempted_at and self.sessions.claim_query(session, now):
                return self.sessions.record(session, self.ask_zalopay(session, source), now)
        except Busy:
            logger.warning("answered as it was read", extra={"sessionId": session.id})
        return session

    def check(self, session: PaymentSession, now: datetime) -> PaymentSession:
        """The session after the clock's check. The clock asks ZaloPay before it ends a session, and later again.

        A session without an order needs no question.
        """
        if session.attempted_at is None:
            return self.sessions.record(session, Evidence(source="schedule", outcome=Outcome.NOT_FOUND), now)
        later = next_check(session, now) if session.is_live else next_late_check(session, now)
        if self.sessions.claim_check(session, now, later):
            return self.sessions.record(session, self.ask_zalopay(session, "schedule"), now)
        return session

    def ask_zalopay(self, session: PaymentSession, source: str) -> Evidence:
        """ZaloPay's evidence about an order. Its silence is counted."""
        found = self.zalopay().query(session, source)
        if found.outcome is Outcome.UNKNOWN:
            metrics.count("ZaloPaySilent")
        return found

    def ask_whether_unpaid(self, session: PaymentSession) -> PaymentSession:
        """The session after ZaloPay has said that it is unpaid: still open, or ended by that answer.

        Waits up to five seconds if another call has just asked. Raises Refused for money that moves or has arrived,
        Silent if ZaloPay does not answer.
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
        """The session five seconds after another call has asked about it."""
        asked_at = self.sessions.find_with_notes(session.id).queried_at or now
        _wait_until(asked_at + QUERY_INTERVAL, now)
        return self.sessions.find(session.id)

    def cancel_at_zalopay(self, session: PaymentSession) -> None:
        """Cancel a replaced order, so that no browser can pay it. Best effort: late money for it is still handled."""
        if session.attempted_at is not None:
            cancelled = self.zalopay().cancel_order(session)
            logger.info("order given up", extra={"sessionId": session.id, "cancelled": cancelled})


def _wait_until(at: datetime, now: datetime) -> None:
    time.sleep(max(at - now, timedelta()).total_seconds())
