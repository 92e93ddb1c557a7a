"""Use case: money on its way back, of a session or stray, from the intent until ZaloPay says that it arrived."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from stays.domain.decision import DecisionOn, Found
from stays.domain.payment import Fulfilment
from stays.domain.refund import (
    Owing,
    RefundEvidence,
    RefundOutcome,
    asked_at,
    decide_refund,
    next_refund_check,
    repeat_refund,
    request_refund,
)
from stays.zalopay.client import Client


class Records(Protocol[Owing]):
    """Where sessions, or stray money, stand and are moved."""

    def settle(
        self, owing: Owing, decider: Callable[[Owing, Found], DecisionOn[Owing] | None], now: datetime, /
    ) -> Owing:
        """Decide and write; what stands there afterwards."""

    def claim_check(self, owing: Owing, now: datetime, due_at: datetime | None, /) -> bool:
        """Whether ZaloPay may be asked now; it is looked at again at `due_at`."""


def follow_refund(
    records: Records[Owing], owing: Owing, zalopay: Client, now: datetime, clock: Callable[[], datetime]
) -> tuple[Owing, RefundEvidence | None]:
    """Bring a refund one step further: as it stands afterwards, and what ZaloPay said, if it was asked.

    The intent goes on record first, so that however often this runs, one refund is made.
    """
    asked = owing.refund
    if asked is not None and asked.status is Fulfilment.REFUND_DUE:
        wanted = records.settle(owing, lambda current, _: request_refund(current, zalopay.app_id, now), now)
        return _ask_for(records, wanted, zalopay, now, clock)
    if not records.claim_check(owing, now, next_refund_check(owing, now)):
        return owing, None
    evidence = zalopay.query_refund(owing, now)
    if evidence.outcome is RefundOutcome.NOT_FOUND:
        wanted = records.settle(owing, lambda current, _: repeat_refund(current, asked, zalopay.app_id, now), now)
        if wanted is not owing:
            return _ask_for(records, wanted, zalopay, now, clock)
    later = clock()
    return records.settle(owing, lambda current, _: decide_refund(current, asked, evidence, later), later), evidence


def _ask_for(
    records: Records[Owing], wanted: Owing, zalopay: Client, now: datetime, clock: Callable[[], datetime]
) -> tuple[Owing, RefundEvidence | None]:
    """Ask for the refund, if it was this round that put it on record."""
    asked = wanted.refund
    if asked is None or asked_at(asked) != now:
        return wanted, None
    evidence = zalopay.refund(wanted, now)
    later = clock()
    settled = records.settle(
        wanted, lambda current, _: decide_refund(current, asked, evidence, later, at_request=True), later
    )
    return settled, evidence
