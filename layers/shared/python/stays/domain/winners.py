"""The state of awards on the winners page and on the page of offers."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal, NamedTuple

from stays.domain.award import PAYABLE, WIN, Award, AwardStatus, Result
from stays.domain.values import VIETNAM

WinnerStatus = Literal["PENDING_PAYMENT", "PAID", "EXPIRED"]
OfferStatus = Literal["WAITING", "ACCEPTED", "DECLINED", "EXPIRED"]

_OFFER_STATUS: dict[AwardStatus, OfferStatus] = {
    AwardStatus.WAITING: "WAITING",
    AwardStatus.ACCEPTED: "ACCEPTED",
    AwardStatus.PAID: "ACCEPTED",
    AwardStatus.DECLINED: "DECLINED",
}
_CHECK_OUT = time(12, tzinfo=VIETNAM)


def is_winner(award: Award) -> bool:
    """Whether the winners page shows it: a win at the auction, or an offer that was accepted or paid."""
    return award.is_win or award.pay_until is not None or award.status is AwardStatus.PAID


def is_offer(award: Award) -> bool:
    """Whether the page of offers shows it."""
    return award.award_id != WIN


class WinState(NamedTuple):
    """The status of a win, and the deadline that fits it (contract C25): the page looks at the deadline first."""

    status: WinnerStatus
    deadline: datetime


def win_state(award: Award, now: datetime, open_until: datetime | None) -> WinState:
    """The state of a win. `open_until` is the end of an open order or reservation for it."""
    over_at = award.over_at(now)
    if award.status in PAYABLE and open_until is not None:
        return WinState("PENDING_PAYMENT", max(award.payment_deadline, open_until))
    if over_at is not None:
        return WinState("EXPIRED", over_at)
    if award.status is AwardStatus.PAID:
        return WinState("PAID", datetime.combine(award.nights[-1].date + timedelta(days=1), _CHECK_OUT))
    return WinState("PENDING_PAYMENT", award.payment_deadline)


def is_partial(award: Award, now: datetime) -> bool:
    """Whether there are nights to select, or not every night from the first to the last."""
    nights = [night.date for night in award.shown(now)]
    chosen = award.chosen(now)
    return award.result is Result.PARTIAL_WIN or len(chosen) < len(nights) or len(set(ranges(nights).values())) > 1


def offer_status(award: Award, now: datetime) -> OfferStatus:
    """The status of an offer. It is over when none of its nights can be bought any more."""
    if award.status in PAYABLE and not award.sellable(now):
        return "EXPIRED"
    return _OFFER_STATUS.get(award.status, "EXPIRED")


def ranges(nights: Sequence[date]) -> dict[date, str]:
    """The name of the run of consecutive nights that each night belongs to."""
    number, found = 1, {nights[0]: "range-1"}
    for before, night in pairwise(nights):
        number += night - before != timedelta(days=1)
        found[night] = f"range-{number}"
    return found
