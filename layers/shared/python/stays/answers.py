"""Use case: how an award ends without payment, by an answer or by its deadline, and who gets the next offer."""

from collections.abc import Callable, Sequence
from datetime import date, datetime

from stays.checkout import end_unpaid
from stays.domain.award import PAYABLE, Award, AwardStatus, check_payable
from stays.domain.booking import under_way
from stays.domain.errors import Refused
from stays.domain.payment import CHECK_INTERVAL, PaymentSession
from stays.domain.second_chances import PassedNights, accept, end, is_overdue
from stays.settlement import Settlement, Silent
from stays.table.awards import Awards

ATTEMPTS = 4  # at one answer, if the award changes meanwhile


class Answers:
    """Answers to awards and offers, and their end by the clock. `new_id` makes the ids of offers."""

    def __init__(self, awards: Awards, settlement: Settlement, new_id: Callable[[datetime], str]) -> None:
        self._awards = awards
        self._settlement = settlement
        self._new_id = new_id

    def accept(self, award: Award, selected: Sequence[date], now: datetime) -> None:
        """The user accepts the award, or some of its nights. It then waits for payment. Raises Refused and Invalid."""

        def accept_it(award: Award) -> bool:
            after = accept(award, selected, now)
            return after == award or self._awards.accept(award, after, now)

        self._answer(award, accept_it)

    def decline(self, award: Award, reason: str | None, now: datetime) -> None:
        """The user declines the award: it cannot be paid any more, and its nights are offered to the next runner-up.

        If an order is open, ZaloPay is asked first. Raises Refused if the order is paid, if its money moves, or if
        ZaloPay does not answer.
        """
        settlement = self._settlement.of_one_request()

        def decline_it(award: Award) -> bool:
            if award.status is AwardStatus.DECLINED:
                return True
            session = self._find_unpaid(award, settlement, now)
            check_payable(award, now)
            if session and award.correction:
                end_unpaid(settlement, session, now)
                return False
            after = end(award, AwardStatus.DECLINED, now).but(decline_reason=reason or award.decline_reason)
            if not self._awards.end(award, after, now, session):
                return False
            self.pass_on(after, now)
            if session:
                settlement.cancel_at_zalopay(session)
            return True

        self._answer(award, decline_it)

    def expire(self, award: Award, now: datetime) -> PassedNights | None:
        """End an award that was not paid or answered in time, and pass its unsold nights on. None if none went on.

        An award whose user can still pay stays open.
        """
        if award.checkout_id and award.status in PAYABLE:
            session = self._settlement.sessions.find(award.checkout_id)
            if session.is_live and self._settlement.check(session, now).is_live:
                self._awards.postpone(award, now + CHECK_INTERVAL)
                return None
            award = self._awards.find(award)  # the end of its session may have changed it
        if award.status in PAYABLE:
            over = end(award, AwardStatus.EXPIRED, now)
            if not is_overdue(award, now) or not self._awards.end(award, over, now):
                return None
            award = over
        return self.pass_on(award, now) if award.due_at is not None else None

    def pass_on_unsold(self, session: PaymentSession, now: datetime) -> None:
        """Offer the nights that a cancelled booking has given back to the next runner-up, or release them."""
        award = self._awards.load_of_session(session)
        if award.unsold:
            self.pass_on(award, now)

    def pass_on(self, award: Award, now: datetime) -> PassedNights | None:
        """Offer the nights of an ended award to the next runner-up, or release them. None if nothing was written."""
        return self._awards.pass_on(award, now, self._new_id(now))

    def _answer(self, award: Award, answer: Callable[[Award], bool]) -> None:
        """Apply an answer to the award. If the award changes meanwhile, read it again."""
        for _ in range(ATTEMPTS):
            if answer(award):
                return
            award = self._awards.find(award)
        raise Refused("INVALID_AUCTION_STATE", "It kept changing; please try again.")

    def _find_unpaid(self, award: Award, settlement: Settlement, now: datetime) -> PaymentSession | None:
        """The session that is open for an award, if ZaloPay says that it is unpaid. Otherwise raises Refused.

        After the award's deadline ZaloPay is not asked: an open session then stays payable.
        """
        session = settlement.sessions.find(award.checkout_id) if award.checkout_id else None
        if session is None or not session.is_live:
            return None
        if not award.is_payable(now):
            raise under_way(session)
        try:
            session = settlement.ask_whether_unpaid(session)
        except Silent as silent:
            raise under_way(silent.session) from None
        return session if session.is_live else None
