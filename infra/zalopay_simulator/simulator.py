"""ZaloPay's work on an order: opens it, takes the money or not, calls the shop, and refunds."""

import json
import re
import secrets
from collections.abc import Container
from typing import Any, Literal

from . import codes, wire
from .callbacks import WALLET_CHANNEL, Callbacks
from .codes import Refusal
from .faults import ALL, Failure, Fault, Faults
from .ledger import DEFAULT_EXPIRY, AmountIs, Ledger, Order, Payment, Refund
from .settings import Settings
from .storage import LedgerFile, Storage

Sequence = Literal["callback_first", "redirect_first"]
TOLERANCE = 15 * 60 * 1000  # ms by which a request's clock may be wrong
REMEMBERED = 48 * 3600 * 1000  # ms after its app_time during which query knows an order (docs.zalopay.vn, order-query)

# `status` in the browser's redirect: 1 is documented, the other two were seen in captured redirects.
PAID, DECLINED, CANCELLED = 1, -59, -49


class Simulator:
    """One merchant's ZaloPay: its orders, faults and callbacks."""

    def __init__(self, settings: Settings, storage: Storage | None = None) -> None:
        self.settings = settings
        self.faults = Faults()
        self.callbacks = Callbacks(settings, self.faults, self.keep)
        self._storage = storage or LedgerFile(settings.ledger)
        self.ledger = Ledger(self._storage.orders())

    def now(self) -> int:
        """Return ZaloPay's time, in ms since 1970."""
        return round(self.settings.clock() * 1000)

    def keep(self, order: Order) -> None:
        """Store an order. No other party learns of the change before this returns."""
        # A callback may return after `forget`; its order then stays deleted.
        if self.ledger.orders.get(order.app_trans_id) is order:
            self.ledger.index(order)
            self._storage.write(order)

    def forget(self) -> None:
        """Delete all orders and faults, and go back to the first key."""
        self.callbacks.forget()
        self.callbacks.key2 = self.settings.key2
        self.faults.clear()
        self.ledger = Ledger()
        self._storage.clear()

    def switches(self) -> dict[str, Any]:
        """Return the changes since the start: faults, and another key."""
        rotated = self.callbacks.key2 if self.callbacks.key2 != self.settings.key2 else None
        return {"faults": self.faults.listing(), "key2": rotated}

    def turn(self, switches: dict[str, Any]) -> None:
        """Restore everything as `switches` returned it."""
        self.faults.restore(switches["faults"])
        self.callbacks.key2 = switches["key2"] or self.settings.key2

    def switch(self, fault: str, on: bool, scope: str, **how: Any) -> None:
        """Switch a fault. Refunds that are due by now end before it takes effect."""
        for order in self.ledger.orders.values():
            self.settle(order)
        self.faults.switch(fault, on, scope, **how)

    async def failure(self, api: str, sent: dict[str, Any]) -> Failure | None:
        """Return how this call fails, or None. A slow call has already waited when this returns."""
        if api == "create":
            self.faults.adopt(sent["app_trans_id"])
        order = self._meant(api, sent)
        fault = self.faults.find("flaky", order)
        failure = fault.draw(api, order, self.now()) if fault else None
        if fault and failure is Failure.SLOW:
            await self.settings.sleep(fault.seconds)
        return failure

    def trickle(self, api: str, sent: dict[str, Any]) -> Fault | None:
        """Return how slowly the answer to this call is sent, or None if it is sent at once."""
        return self.faults.find("trickle", self._meant(api, sent))

    def moves(self, order: Order) -> bool:
        """Say whether money for this order is still moving."""
        unpaid = order.state(self.now()) in ("OPEN", "EXPIRED")
        return unpaid and self.faults.find("payment_moving", order.app_trans_id) is not None

    def remembers(self, order: Order) -> bool:
        """Say whether query still knows this order."""
        return self.now() - order.app_time <= REMEMBERED

    def _meant(self, api: str, sent: dict[str, Any]) -> str:
        """Return the order of a call, by any of its names; ALL if it is unknown."""
        if api in ("create", "query", "cancel"):
            return str(sent["app_trans_id"])
        if api == "refund":
            order = self.ledger.by_transaction.get(int(sent["zp_trans_id"]))
        else:
            order, _ = self.ledger.by_refund.get(sent["m_refund_id"], (None, None))
        return order.app_trans_id if order else ALL

    def open(self, sent: dict[str, Any]) -> Order | Refusal:
        """Make the requested order, unless its time or its id forbids it."""
        if abs(self.now() - sent["app_time"]) > TOLERANCE:
            return Refusal(codes.BAD_DATA, "app_time: more than 15 minutes off")
        if not sent["app_trans_id"].startswith(wire.vietnam_date(self.now())):
            return Refusal(codes.BAD_DATA, "app_trans_id: must begin with today's date in Vietnam")
        if sent["app_trans_id"] in self.ledger.orders:
            return Refusal(codes.DUPLICATE_ORDER)
        order = Order(
            **{name: sent[name] for name in ("app_trans_id", "app_user", "amount", "app_time")},
            **{name: sent[name] for name in ("description", "embed_data", "item")},
            expires_at=sent["app_time"] + sent.get("expire_duration_seconds", DEFAULT_EXPIRY) * 1000,
            callback_url=sent.get("callback_url") or self.settings.callback_url or "",
            return_url=self._return_url(sent),
            token=secrets.token_hex(16),
        )
        self.ledger.index(order)
        self.keep(order)
        return order

    async def pay(
        self,
        order: Order,
        sequence: Sequence = "callback_first",
        *,
        late: bool = False,
        again: bool = False,
        discount: int = 0,
        amount_is: AmountIs = "order",
    ) -> str:
        """Take the money and call the shop. Return the browser's next address. Raises NotPossibleError."""
        number = self._number(self.ledger.by_transaction)
        if again:
            payment = order.pay_again(self.now(), number, discount=discount, amount_is=amount_is)
        else:
            payment = order.pay(self.now(), number, late=late, discount=discount, amount_is=amount_is)
        self.keep(order)
        if sequence == "callback_first":
            await self.callbacks.deliver(order, payment)
        else:
            self.callbacks.after(self.settings.callback_after_redirect, self.callbacks.deliver, order, payment)
        return self.way_back(order, PAID)

    def claim(self, order: Order, answer: dict[str, Any]) -> None:
        """Let query give this answer about an order from now on, true or not; an empty one restores the truth."""
        order.answer = answer
        self.keep(order)

    def decline(self, order: Order, sub_return_code: int = codes.BALANCE_NOT_ENOUGH) -> str:
        """Fail one attempt and return the browser's next address. Raises NotPossibleError."""
        order.decline(self.now(), sub_return_code)
        self.keep(order)
        return self.way_back(order, DECLINED)

    def cancel(self, order: Order) -> str:
        """Cancel as the user and return the browser's next address. Raises NotPossibleError."""
        order.cancel(self.now())
        self.keep(order)
        return self.way_back(order, CANCELLED)

    def way_back(self, order: Order, status: int) -> str:
        """Return the shop's page with the signed outcome; empty if the shop gave no page."""
        paid = order.payments[-1] if order.payments else order.first
        query = {
            "amount": order.amount_of(paid),
            "appid": self.settings.app_id,
            "apptransid": order.app_trans_id,
            "bankcode": "",
            "discountamount": paid.discount,
            "pmcid": 0 if status == CANCELLED else WALLET_CHANNEL,
            "status": status,
        }
        return wire.redirect(order.return_url, self.callbacks.key2, query) if order.return_url else ""

    def refund(self, sent: dict[str, Any]) -> Refund | Refusal:
        """Accept a refund, unless it is known, not ours, too high, or a part of a discounted order."""
        refusal = self._refund_refusal(sent)
        order = self.ledger.by_transaction.get(int(sent["zp_trans_id"]))
        payment = order.payment(int(sent["zp_trans_id"])) if order else None
        if refusal or not order or not payment:
            return refusal or Refusal(codes.NOT_FOUND)
        self.settle(order)
        if refusal := self._amount_refusal(order, payment, sent["amount"]):
            return refusal
        refund = Refund(
            sent["m_refund_id"],
            self._number(),
            sent["amount"],
            sent.get("refund_fee_amount", 0),
            sent["description"],
            self.now(),
            self.now() + round(self.settings.refund_seconds * 1000),
            zp_trans_id=payment.zp_trans_id,
        )
        order.refunds.append(refund)
        self.settle(order)
        return refund

    def settle(self, order: Order) -> None:
        """End the refunds of an order whose time has come. A refund that has ended never changes."""
        if running := [refund for refund in order.refunds if not refund.settled]:
            for refund in running:
                self._settle(order, refund)
            self.keep(order)

    def shows(self, order: Order, refund: Refund) -> bool:
        """Say whether query_refund knows a refund by now."""
        late = self.faults.find("refund_shown_late", order.app_trans_id)
        return not late or self.now() - refund.requested_at >= late.seconds * 1000

    def _settle(self, order: Order, refund: Refund) -> None:
        fault = self.faults.find("refund_refused", order.app_trans_id)
        payment = order.payment(refund.zp_trans_id) or order.first
        if refund.amount < self._whole(order, payment):
            fault = fault or self.faults.find("refund_in_part_refused", order.app_trans_id)
        if fault and refund.outcome == codes.SUCCESS:
            refund.outcome = fault.sub_return_code
            refund.due_at = self.now() + round(fault.seconds * 1000)
        held = refund.outcome == codes.SUCCESS and self.faults.find("refund_processing", order.app_trans_id)
        refund.settled = not held and self.now() >= refund.due_at

    def _whole(self, order: Order, payment: Payment) -> int:
        share_only = self.faults.find("refund_of_share_only", order.app_trans_id)
        return order.amount - payment.discount if share_only else order.amount

    def _amount_refusal(self, order: Order, payment: Payment, amount: int) -> Refusal | None:
        whole = self._whole(order, payment)
        left = whole - order.refunded(payment)
        if amount > left:
            return Refusal(codes.REFUND_AMOUNT, f"{left} left")
        if payment.discount and amount < whole:
            return Refusal(codes.NOT_REFUNDABLE, "paid with a promotion: only as a whole")
        return None

    def _refund_refusal(self, sent: dict[str, Any]) -> Refusal | None:
        today, _, rest = sent["m_refund_id"].partition("_")
        app_id, _, own = rest.partition("_")
        rules = (
            (abs(self.now() - sent["timestamp"]) > TOLERANCE, codes.REFUND_TIME),
            (sent["m_refund_id"] in self.ledger.by_refund, codes.DUPLICATE_REFUND),
            (not (re.fullmatch("[0-9]{6}", today) and app_id.isdecimal() and own), codes.REFUND_ID_FORMAT),
            (today != wire.vietnam_date(self.now()), codes.REFUND_ID_DATE),
            (app_id != str(self.settings.app_id), codes.REFUND_ID_APP),
            (sent.get("refund_fee_amount", 0) > sent["amount"], codes.REFUND_AMOUNT),
        )
        return next((Refusal(code) for broken, code in rules if broken), None)

    def _return_url(self, sent: dict[str, Any]) -> str:
        embedded = json.loads(sent["embed_data"]).get("redirecturl")
        named = embedded if isinstance(embedded, str) else ""
        return named or sent.get("redirect_url") or self.settings.redirect_url or ""

    def _number(self, taken: Container[int] = ()) -> int:
        # The numbers do not count up from 1: the shop may still have those from before the ledger was emptied.
        while (number := int(f"{wire.vietnam_date(self.now())}{secrets.randbelow(10**9):09d}")) in taken:
            pass
        return number
