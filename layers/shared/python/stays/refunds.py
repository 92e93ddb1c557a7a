"""Use case: refunds of sessions and stray money, from the request until ZaloPay says that the money arrived."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from stays.domain.decision import DecisionOn, Obstacles
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
    """The records of sessions, or of stray money."""

    def settle(
        self, owing: Owing, decider: Callable[[Owing, Obstacles], DecisionOn[Owing] | None], now: datetime, /
    ) -> Owing:
        """Decide and write. Returns the record after that."""

    def claim_check(self, owing: Owing, now: datetime, due_at: datetime | None, /) -> bool:
        """Whether this call may ask ZaloPay now. The record is due again at `due_at`."""


def follow_refund(
    records: Records[Owing], owing: Owing, zalopay: Client, now: datetime, clock: Callable[[], datetime]
) -> tuple[Owing, RefundEvidence | None]:
    """Take a refund one step further. Returns the record after that, and ZaloPay's answer if it was asked.

    The request is recorded before ZaloPay is asked, so that any number of runs makes one refund.
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
    """Ask for the refund, if this round recorded the request."""
    asked = wanted.refund
    if asked is None or asked_at(asked) != now:
        return wanted, None
    evidence = zalopay.refund(wanted, now)
    later = clock()
    settled = records.settle(
        wanted, lambda current, _: decide_refund(current, asked, evidence, later, at_request=True), later
    )
    return settled, evidence
