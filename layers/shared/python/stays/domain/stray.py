"""Stray money: a ZaloPay transaction that no order of ours waited for."""

from enum import StrEnum

from stays.domain.decision import Evidence
from stays.domain.payment import Refund
from stays.domain.values import Model, Timestamp

_LONGEST = 24  # digits: with date, app id and attempt at most 45 characters (docs.zalopay.vn, order-refund)


class StrayStatus(StrEnum):
    """OPEN until the operator decides; then a refund through ZaloPay as of a session, or SETTLED: paid back by hand."""

    OPEN = "OPEN"
    REFUND_DUE = "REFUND_DUE"
    REFUNDING = "REFUNDING"
    REFUNDED = "REFUNDED"
    REFUND_MANUAL = "REFUND_MANUAL"
    SETTLED = "SETTLED"


UNDECIDED = frozenset({StrayStatus.OPEN, StrayStatus.REFUND_MANUAL})


class Stray(Model):
    """One transaction too many, in đồng, with its own refund: the whole amount or nothing.

    `stay_id` names the stay that was paid once too often. Without it the order `app_trans_id` is not ours.
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
        """Its part of a refund's id, like a session's id. Two transaction ids of one day never end alike."""
        return f"S{self.transaction_id[-_LONGEST:]}"

    @property
    def is_settled(self) -> bool:
        """Whether it is paid back."""
        return self.status in (StrayStatus.REFUNDED, StrayStatus.SETTLED)

    @property
    def received(self) -> int:
        """ZaloPay's own amount in đồng. There is no other one."""
        return self.amount

    @property
    def discount(self) -> None:
        """None: without an order there is no promotion."""

    @property
    def meaning(self) -> str:
        """The purpose of the money, in words."""
        if self.stay_id:
            return f"for {self.stay_id}, which has another transaction"
        return f"for the order {self.app_trans_id}, which is not ours"


def stray_of(evidence: Evidence, stay_id: str | None, app_trans_id: str | None) -> Stray:
    """The record of money that no order of ours waited for."""
    assert evidence.transaction_id, "money has a transaction id"
    return Stray(
        transaction_id=evidence.transaction_id,
        amount=evidence.amount or 0,
        stay_id=stay_id,
        app_trans_id=app_trans_id,
        received_at=evidence.paid_at,
        raw=evidence.raw,
    )
