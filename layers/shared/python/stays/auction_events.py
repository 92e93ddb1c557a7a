"""Use case: what the auction system says about awards: results, offers, their corrections and withdrawals."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from stays.domain.auction import AuctionWithdrawn
from stays.domain.award import Award, AwardStatus, Correction
from stays.table.awards import Awards, Received, Reception
from stays.table.calendars import Calendars

FRESH = timedelta(minutes=1)  # an older event may name a user who was erased since then

Erased = Callable[[Iterable[str]], Mapping[str, datetime]]


class AuctionEvents:
    """Takes events of the auction system. Each may come again, late, or before an older one."""

    def __init__(self, awards: Awards, calendars: Calendars, erased: Erased) -> None:
        """`erased` returns when each of some users was erased, for those who were."""
        self._awards = awards
        self._calendars = calendars
        self._erased = erased

    def receive(self, award: Award, event_id: str, sent: datetime) -> Received:
        """Write the award first, so that a refused one changes no host. A repeated event writes the host again.

        The property's details in an event count from the time it was first `sent`, however late it comes again. An
        event from before the erasure of a user does not bring the user back.
        """
        gone = self._gone_since(sent, award)
        if award.user_id in gone:
            return Received(Reception.IGNORED)
        award = award.but(runners_up=tuple(each for each in award.runners_up if each.user_id not in gone))
        earlier = sent if sent < award.received_at else None
        answer = self._awards.receive(award.but(announced_at=earlier), event_id)
        if answer.reception is not Reception.REFUSED and answer.award:
            said = _latest_terms(answer.award)
            self._calendars.save_property(said.rented_property, min(sent, said.announced_at or said.received_at))
        return answer

    def withdraw(self, said: AuctionWithdrawn, event_id: str, now: datetime) -> Received:
        """Withdraw the award, then the offers that follow from it, until none is left: each once, in any order.

        If the award itself is paid, its withdrawal is refused. The offers of its unsold nights are withdrawn all the
        same. The award of an erased user is gone already.
        """
        if self._erased([said.user_id]) and not self._awards.load_for(said.auction_id, said.user_id):
            return Received(Reception.IGNORED)
        correction = Correction(revision=said.revision, event_id=event_id)
        answer = self._awards.take_back(said.auction_id, said.user_id, said.award_id, correction, now)
        gone = answer.award if _is_gone(answer) else None
        while gone and (offers := self._awards.load_chain(gone)):
            for offer in offers:
                last = offer.correction or offer
                after = correction.but(revision=max(said.revision, last.revision))
                self._awards.take_back(offer.auction_id, offer.user_id, offer.award_id, after, now)
        return answer

    def _gone_since(self, sent: datetime, award: Award) -> set[str]:
        """The users of an event that were erased after it was sent. A fresh event needs no read."""
        if award.received_at - sent < FRESH:
            return set()
        erased = self._erased([award.user_id, *(each.user_id for each in award.runners_up)])
        return {user for user, at in erased.items() if sent <= at}


def _latest_terms(award: Award) -> Award:
    """The latest terms of the award: those of a correction that waits for the end of a payment, if there is one."""
    waiting = award.correction.award if award.correction else None
    return waiting or award


def _is_gone(answer: Received) -> bool:
    """Whether none of its nights can be sold any more: it is withdrawn, or paid."""
    withdrawn = answer.award is not None and answer.award.status is AwardStatus.WITHDRAWN
    return withdrawn or answer.reception is Reception.REFUSED
