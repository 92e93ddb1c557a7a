"""Orders and refunds, pure: the allowed changes and their times."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from . import codes

State = Literal["OPEN", "PAID", "CANCELLED", "EXPIRED"]
AmountIs = Literal["order", "payer"]  # ZaloPay's `amount` of an order with a discount: the whole or the payer's share
DEFAULT_EXPIRY = 900  # seconds; docs.zalopay.vn, order-query


class NotPossibleError(Exception):
    """The order's state forbids this change."""


@dataclass
class Payment:
    """One transaction that paid an order. ZaloPay's promotion paid the `discount`, and the payer paid the rest."""

    zp_trans_id: int
    paid_at: int
    discount: int = 0
    amount_is: AmountIs = "order"


@dataclass
class Refund:
    """A refund. `outcome` counts once it is settled: 1, or the sub code of the refusal."""

    m_refund_id: str
    refund_id: int
    amount: int
    fee: int
    description: str
    requested_at: int
    due_at: int
    outcome: int = codes.SUCCESS
    settled: bool = False
    zp_trans_id: int = 0  # the refunded transaction; 0 (from older ledgers with one payment) means the first

    @property
    def refused(self) -> bool:
        """Whether ZaloPay refused it and kept the money."""
        return self.settled and self.outcome != codes.SUCCESS


@dataclass
class Order:
    """One order with all its events. Amounts are in đồng, times in ms since 1970.

    `zp_trans_id`, `paid_at`, `discount` and `amount_is` belong to the first payment, which query names. `again` has the
    other payments. `answer`, if not empty, replaces the truth in query's answer.
    """

    app_trans_id: str
    app_user: str
    amount: int
    app_time: int
    expires_at: int
    description: str
    embed_data: str
    item: str
    callback_url: str
    return_url: str
    token: str
    ended: Literal["", "PAID", "CANCELLED"] = ""
    zp_trans_id: int = 0
    paid_at: int = 0
    attempts: list[dict[str, int]] = field(default_factory=list)
    callbacks: list[dict[str, Any]] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    discount: int = 0
    amount_is: AmountIs = "order"
    again: list[Payment] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)

    def state(self, now: int) -> State:
        """Return the first event that ended the order. An open order expires by itself."""
        return self.ended or ("EXPIRED" if now >= self.expires_at else "OPEN")

    @property
    def first(self) -> Payment:
        """Return the payment that query names."""
        return Payment(self.zp_trans_id, self.paid_at, self.discount, self.amount_is)

    @property
    def payments(self) -> list[Payment]:
        """Return all payments, the first one first."""
        return [self.first, *self.again] if self.zp_trans_id else []

    def payment(self, zp_trans_id: int) -> Payment | None:
        """Return the payment with this transaction id."""
        return next((each for each in self.payments if each.zp_trans_id == zp_trans_id), None)

    def amount_of(self, payment: Payment) -> int:
        """Return the `amount` that callback and query give for a payment."""
        return self.amount - payment.discount if payment.amount_is == "payer" else self.amount

    def pay(
        self, now: int, zp_trans_id: int, *, late: bool = False, discount: int = 0, amount_is: AmountIs = "order"
    ) -> Payment:
        """Take the money, once. An expired order can only be paid with `late`."""
        if self.state(now) not in (("OPEN", "EXPIRED") if late else ("OPEN",)):
            raise NotPossibleError(f"order is {self.state(now)}")
        self.ended, self.zp_trans_id, self.paid_at = "PAID", zp_trans_id, now
        self.discount, self.amount_is = discount, amount_is
        return self.first

    def pay_again(self, now: int, zp_trans_id: int, *, discount: int = 0, amount_is: AmountIs = "order") -> Payment:
        """Take the money of a paid order again, by another transaction."""
        if self.ended != "PAID":
            raise NotPossibleError("order is not paid")
        self.again.append(Payment(zp_trans_id, now, discount, amount_is))
        return self.again[-1]

    def decline(self, now: int, sub_return_code: int) -> None:
        """Fail one attempt; the order stays payable until it expires."""
        self._demand_open(now)
        self.attempts.append({"at": now, "sub_return_code": sub_return_code})

    def cancel(self, now: int) -> None:
        """Cancel the order; it can no longer be paid."""
        self._demand_open(now)
        self.ended = "CANCELLED"

    def _demand_open(self, now: int) -> None:
        if self.state(now) != "OPEN":
            raise NotPossibleError(f"order is {self.state(now)}")

    def refunded(self, payment: Payment) -> int:
        """Return the refunded amount of a payment, including refunds under way: all that were not refused."""
        number = payment.zp_trans_id
        ours = [each for each in self.refunds if (each.zp_trans_id or self.zp_trans_id) == number]
        return sum(refund.amount for refund in ours if not refund.refused)


class Ledger:
    """All orders, by each of their names."""

    def __init__(self, orders: Iterable[Order] = ()) -> None:
        self.orders: dict[str, Order] = {}
        self.by_token: dict[str, Order] = {}
        self.by_transaction: dict[int, Order] = {}
        self.by_refund: dict[str, tuple[Order, Refund]] = {}
        for order in orders:
            self.index(order)

    def index(self, order: Order) -> None:
        """Make an order findable by every name that it has so far."""
        self.orders[order.app_trans_id] = order
        self.by_token[order.token] = order
        for payment in order.payments:
            self.by_transaction[payment.zp_trans_id] = order
        for refund in order.refunds:
            self.by_refund[refund.m_refund_id] = order, refund
