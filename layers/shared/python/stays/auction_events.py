"""Use case: what the auction system says about awards: results, offers, their corrections and withdrawals."""

from datetime import datetime

from stays.domain.auction import AuctionWithdrawn
from stays.domain.award import Award, AwardStatus, Correction
from stays.table.awards import Awards, Received, Reception
from stays.table.calendars import Calendars


class AuctionEvents:
    """Takes events of the auction system. Each may come again, late, or before an older one."""

    def __init__(self, awards: Awards, calendars: Calendars) -> None:
        self._awards = awards
        self._calendars = calendars

    def receive(self, award: Award, event_id: str, sent: datetime) -> Received:
        """Write the award first, so that a refused one changes no host. A repeated event writes the host again.

        The property's details in an event count from the time it was first `sent`, however late it comes again.
        """
        earlier = sent if sent < award.received_at else None
        answer = self._awards.receive(award.but(announced_at=earlier), event_id)
        if answer.reception is not Reception.REFUSED and answer.award:
            said = _latest_terms(answer.award)
            self._calendars.save_property(said.rented_property, min(sent, said.announced_at or said.received_at))
        return answer

    def withdraw(self, said: AuctionWithdrawn, event_id: str, now: datetime) -> Received:
        """Withdraw the award, then the offers that follow from it, until none is left: each once, in any order.

        If the award itself is paid, its withdrawal is refused. The offers of its unsold nights are withdrawn all the
        same.
        """
        correction = Correction(revision=said.revision, event_id=event_id)
        answer = self._awards.take_back(said.auction_id, said.user_id, said.award_id, correction, now)
        gone = answer.award if _is_gone(answer) else None
        while gone and (offers := self._awards.load_chain(gone)):
            for offer in offers:
                last = offer.correction or offer
                after = correction.but(revision=max(said.revision, last.revision))
                self._awards.take_back(offer.auction_id, offer.user_id, offer.award_id, after, now)
        return answer


def _latest_terms(award: Award) -> Award:
    """The latest terms of the award: those of a correction that waits for the end of a payment, if there is one."""
    waiting = award.correction.award if award.correction else None
    return waiting or award


def _is_gone(answer: Received) -> bool:
    """Whether none of its nights can be sold any more: it is withdrawn, or paid."""
    withdrawn = answer.award is not None and answer.award.status is AwardStatus.WITHDRAWN
    return withdrawn or answer.reception is Reception.REFUSED
