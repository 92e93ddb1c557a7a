"""Use case: how an award ends without a payment, by its user's answer or by its deadline, and who is asked next."""

from collections.abc import Callable, Sequence
from datetime import date, datetime

from stays.checkout import give_way
from stays.domain.award import PAYABLE, Award, AwardStatus, check_payable
from stays.domain.booking import under_way
from stays.domain.errors import Refused
from stays.domain.payment import CHECK_INTERVAL, PaymentSession
from stays.domain.second_chances import Passing, accept, end, is_overdue
from stays.settlement import Settlement, Silent
from stays.table.awards import Awards

ATTEMPTS = 4  # at an answer, while the award changes under it


class Answers:
    """Awards and offers, and what their users or the clock make of them. `new_id` makes the ids of offers."""

    def __init__(self, awards: Awards, settlement: Settlement, new_id: Callable[[datetime], str]) -> None:
        self._awards = awards
        self._settlement = settlement
        self._new_id = new_id

    def accept(self, award: Award, selected: Sequence[date], now: datetime) -> None:
        """The user wants it, or some nights of it: it waits for the payment. Raises Refused and Invalid."""

        def accept_it(award: Award) -> bool:
            after = accept(award, selected, now)
            return after == award or self._awards.accept(award, after, now)

        self._answer(award, accept_it)

    def decline(self, award: Award, reason: str | None, now: datetime) -> None:
        """Nobody can pay for it any more, and the next is asked. ZaloPay is asked first about an order that is open.

        Raises Refused where that order is paid or its money moves, and where ZaloPay does not say.
        """
        settlement = self._settlement.of_one_request()

        def decline_it(award: Award) -> bool:
            if award.status is AwardStatus.DECLINED:
                return True
            session = self._find_unpaid(award, settlement, now)
            check_payable(award, now)
            if session and award.correction:
                give_way(settlement, session, now)
                return False
            after = end(award, AwardStatus.DECLINED, now).but(decline_reason=reason or award.decline_reason)
            if not self._awards.end(award, after, now, session):
                return False
            self.pass_on(after, now)
            if session:
                settlement.cancel_at_zalopay(session)
            return True

        self._answer(award, decline_it)

    def expire(self, award: Award, now: datetime) -> Passing | None:
        """What was not paid or answered in time ends, and its unsold nights go to the next; None where nothing went on.

        Not while its user can still pay for it.
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

    def pass_on(self, award: Award, now: datetime) -> Passing | None:
        """Ask the next for what an award that is over has left, or release it; None where another has done so."""
        return self._awards.pass_on(award, now, self._new_id(now))

    def _answer(self, award: Award, answer: Callable[[Award], bool]) -> None:
        """Answer an award as it stands; where it changes meanwhile, look again."""
        for _ in range(ATTEMPTS):
            if answer(award):
                return
            award = self._awards.find(award)
        raise Refused("INVALID_AUCTION_STATE", "It kept changing; please try again.")

    def _find_unpaid(self, award: Award, settlement: Settlement, now: datetime) -> PaymentSession | None:
        """The session that is open for an award, if ZaloPay says that nobody has paid it; else a refusal.

        After the award's deadline ZaloPay is not even asked: what is open then stays payable.
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
