"""What ZaloPay does with an order: opens it, takes the money or not, tells the shop, gives money back."""

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
TOLERANCE = 15 * 60 * 1000  # ms that a request's clock may be off
REMEMBERED = 48 * 3600 * 1000  # ms after its app_time in which query knows an order (docs.zalopay.vn, order-query)

# `status` of the browser's way back: 1 is documented, the other two were seen in captured redirects.
PAID, DECLINED, CANCELLED = 1, -59, -49


class Simulator:
    """One merchant's ZaloPay: its orders, its faults, its callbacks."""

    def __init__(self, settings: Settings, storage: Storage | None = None) -> None:
        self.settings = settings
        self.faults = Faults()
        self.callbacks = Callbacks(settings, self.faults, self.keep)
        self._storage = storage or LedgerFile(settings.ledger)
        self.ledger = Ledger(self._storage.orders())

    def now(self) -> int:
        """ZaloPay's clock, in ms since 1970."""
        return round(self.settings.clock() * 1000)

    def keep(self, order: Order) -> None:
        """Puts an order on record; before this returns, nobody has heard of the change."""
        # A callback may come back after everything was forgotten: that order stays forgotten.
        if self.ledger.orders.get(order.app_trans_id) is order:
            self.ledger.index(order)
            self._storage.write(order)

    def forget(self) -> None:
        """An empty ZaloPay, as if just founded: no orders, no faults, the first key."""
        self.callbacks.forget()
        self.callbacks.key2 = self.settings.key2
        self.faults.clear()
        self.ledger = Ledger()
        self._storage.clear()

    def switches(self) -> dict[str, Any]:
        """What is not as it was at the start: faults, and another key."""
        rotated = self.callbacks.key2 if self.callbacks.key2 != self.settings.key2 else None
        return {"faults": self.faults.listing(), "key2": rotated}

    def turn(self, switches: dict[str, Any]) -> None:
        """Puts everything as `switches` had it."""
        self.faults.restore(switches["faults"])
        self.callbacks.key2 = switches["key2"] or self.settings.key2

    def switch(self, fault: str, on: bool, scope: str, **how: Any) -> None:
        """Switches a fault; refunds that are due by now have ended before it counts."""
        for order in self.ledger.orders.values():
            self.settle(order)
        self.faults.switch(fault, on, scope, **how)

    async def failure(self, api: str, sent: dict[str, Any]) -> Failure | None:
        """How this call fails, if it does; one that is slow has waited when this returns."""
        if api == "create":
            self.faults.adopt(sent["app_trans_id"])
        order = self._meant(api, sent)
        fault = self.faults.find("flaky", order)
        failure = fault.draw(api, order, self.now()) if fault else None
        if fault and failure is Failure.SLOW:
            await self.settings.sleep(fault.seconds)
        return failure

    def trickle(self, api: str, sent: dict[str, Any]) -> Fault | None:
        """How slowly the answer to this call comes, if it does not come at once."""
        return self.faults.find("trickle", self._meant(api, sent))

    def moves(self, order: Order) -> bool:
        """Whether money for this order is on its way and has not arrived."""
        unpaid = order.state(self.now()) in ("OPEN", "EXPIRED")
        return unpaid and self.faults.find("payment_moving", order.app_trans_id) is not None

    def remembers(self, order: Order) -> bool:
        """Whether query still knows this order."""
        return self.now() - order.app_time <= REMEMBERED

    def _meant(self, api: str, sent: dict[str, Any]) -> str:
        """The order that a call is about, by whichever name it gives; ALL where it is unknown."""
        if api in ("create", "query", "cancel"):
            return str(sent["app_trans_id"])
        if api == "refund":
            order = self.ledger.by_transaction.get(int(sent["zp_trans_id"]))
        else:
            order, _ = self.ledger.by_refund.get(sent["m_refund_id"], (None, None))
        return order.app_trans_id if order else ALL

    def open(self, sent: dict[str, Any]) -> Order | Refusal:
        """Makes the order that was asked for, unless its time or its id forbids it."""
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
        """Takes the money and tells the shop; answers where the browser goes. Raises NotPossibleError."""
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
        """Query says this of an order from now on, whatever is true; the truth again where it is empty."""
        order.answer = answer
        self.keep(order)

    def decline(self, order: Order, sub_return_code: int = codes.BALANCE_NOT_ENOUGH) -> str:
        """An attempt that fails; answers where the browser goes. Raises NotPossibleError."""
        order.decline(self.now(), sub_return_code)
        self.keep(order)
        return self.way_back(order, DECLINED)

    def cancel(self, order: Order) -> str:
        """The user gives up; answers where the browser goes. Raises NotPossibleError."""
        order.cancel(self.now())
        self.keep(order)
        return self.way_back(order, CANCELLED)

    def way_back(self, order: Order, status: int) -> str:
        """The shop's page with the signed outcome; empty when the shop named none."""
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
        """Takes a refund on, unless it is known, not ours, more than is left, or a part of a discounted order."""
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
        """Ends the refunds of an order whose time has come; an end once reached stays."""
        if running := [refund for refund in order.refunds if not refund.settled]:
            for refund in running:
                self._settle(order, refund)
            self.keep(order)

    def shows(self, order: Order, refund: Refund) -> bool:
        """Whether query_refund knows a refund by now."""
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
        # Not counted up from 1: the shop may remember numbers from before this ledger was emptied.
        while (number := int(f"{wire.vietnam_date(self.now())}{secrets.randbelow(10**9):09d}")) in taken:
            pass
        return number
