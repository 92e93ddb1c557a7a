"""Stray money: a transaction of ZaloPay that no order of ours was waiting for."""

from enum import StrEnum

from stays.domain.decision import Evidence
from stays.domain.payment import Refund
from stays.domain.values import Model, Timestamp

_LONGEST = 24  # digits: with date, app and number of the attempt at most 45 characters (docs.zalopay.vn, order-refund)


class StrayStatus(StrEnum):
    """What became of it: nothing yet, a refund through ZaloPay as a session's, or it was paid back by hand."""

    OPEN = "OPEN"
    REFUND_DUE = "REFUND_DUE"
    REFUNDING = "REFUNDING"
    REFUNDED = "REFUNDED"
    REFUND_MANUAL = "REFUND_MANUAL"
    SETTLED = "SETTLED"


UNDECIDED = frozenset({StrayStatus.OPEN, StrayStatus.REFUND_MANUAL})


class Stray(Model):
    """One transaction beyond what was owed, with the refund of its own: đồng, whole or not at all.

    `stay_id` names the stay that was paid once too often; without it the order `app_trans_id` is not ours.
    """

    transaction_id: str
    amount: int
    status: StrayStatus = StrayStatus.OPEN
    stay_id: str | None = None
    app_trans_id: str | None = None
    refund: Refund | None = None
    received_at: Timestamp | None = None
    changed_at: Timestamp | None = None
    due_at: Timestamp | None = None
    raw: str | None = None

    @property
    def id(self) -> str:
        """What stands in a refund's id, as a session's id does. No two ids of one day have the same end."""
        return f"S{self.transaction_id[-_LONGEST:]}"

    @property
    def received(self) -> int:
        """ZaloPay's own amount, which is the only one there is."""
        return self.amount

    @property
    def discount(self) -> None:
        """No order, no promotion."""

    @property
    def meaning(self) -> str:
        """In words, what it was paid for."""
        if self.stay_id:
            return f"for {self.stay_id}, which has another transaction"
        return f"for the order {self.app_trans_id}, which is not ours"


def stray_of(evidence: Evidence, stay_id: str | None, app_trans_id: str | None) -> Stray:
    """What is kept of money that nobody had asked for."""
    assert evidence.transaction_id, "money has a name"
    return Stray(
        transaction_id=evidence.transaction_id,
        amount=evidence.amount or 0,
        stay_id=stay_id,
        app_trans_id=app_trans_id,
        received_at=evidence.paid_at,
        raw=evidence.raw,
    )
