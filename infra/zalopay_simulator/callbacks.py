"""Sends callbacks to the shop: signed, as often as ZaloPay would, with every try on record."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from . import wire
from .faults import Faults
from .ledger import Order, Payment
from .settings import Settings
from .spellings import SPELLINGS, SpelledCallback, spelled

RESENDS = 3  # "at most 3 times" (docs.zalopay.vn, callback-api); the spacing is not documented
ACCEPTED, AGAIN, REFUSED, LOST = "accepted", "again", "refused", "lost"
WALLET_CHANNEL = 38

Step = Callable[..., Awaitable[None]]


class Callbacks:
    """Sends callbacks of paid orders; `keep` runs after each change of an order."""

    def __init__(self, settings: Settings, faults: Faults, keep: Callable[[Order], None]) -> None:
        self.key2 = settings.key2
        self._settings, self._faults, self._keep = settings, faults, keep
        # No connection outlives its request, so different event loops may use this client one after the other.
        self._client = settings.client or httpx.AsyncClient(
            timeout=settings.callback_timeout, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )
        self._later: set[asyncio.Task[None]] = set()

    async def deliver(self, order: Order, payment: Payment) -> None:
        """Send a payment's callback with the order's faults. Return when the first try is over."""
        delay = self._faults.find("callback_delayed", order.app_trans_id)
        if self._faults.find("callback_lost", order.app_trans_id):
            self._record(order, {"at": self._now(), "verdict": LOST})
        elif delay:
            self.after(delay.seconds, self._first, order, payment)
        else:
            await self._first(order, payment)

    def after(self, seconds: float, step: Step, *arguments: Any) -> None:
        """Run a step later in the background. A restart before that time drops it."""
        task = asyncio.create_task(self._wait(seconds, step, *arguments))
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def forget(self) -> None:
        """Cancel every callback that is still to be sent."""
        for task in self._later:
            task.cancel()

    async def finish(self, seconds: float) -> None:
        """Wait for all pending callbacks, up to a limit in seconds, and cancel the rest."""
        end = time.monotonic() + seconds
        while (waiting := {task for task in self._later if not task.done()}) and time.monotonic() < end:
            await asyncio.wait(waiting, timeout=end - time.monotonic())
        self.forget()
        await asyncio.gather(*self._later, return_exceptions=True)

    async def send(self, order: Order, payment: Payment, times: int, *, at_once: bool) -> list[dict[str, Any]]:
        """Send several callbacks, together or one by one, and return the outcome of each."""
        numbers = range(len(order.callbacks), len(order.callbacks) + times)
        if at_once:
            return list(await asyncio.gather(*(self._try(order, payment, number) for number in numbers)))
        return [await self._try(order, payment, number) for number in numbers]

    def message(self, order: Order, payment: Payment | None = None, number: int = 0) -> SpelledCallback:
        """Return the callback of a payment (by default the first) with the order's faults.

        `number` counts the callbacks of an order. With `callback_dressed` for all spellings, each callback has another
        spelling.
        """
        paid = payment or order.first
        body, fault = self._body(order, paid), self._faults.find("callback_dressed", order.app_trans_id)
        # The transaction's number is random, so different orders start with different spellings.
        turn = 1 + (paid.zp_trans_id + number) % (SPELLINGS - 1)
        return spelled(body, (fault.seed or turn) if fault else 0, self._key(order))

    async def _wait(self, seconds: float, step: Step, *arguments: Any) -> None:
        await self._settings.sleep(seconds)
        await step(*arguments)

    async def _first(self, order: Order, payment: Payment) -> None:
        copies = 3 if self._faults.find("callback_tripled", order.app_trans_id) else 1
        tries = await self.send(order, payment, copies, at_once=True)
        if all(one["verdict"] == AGAIN for one in tries):
            self.after(self._settings.callback_spacing, self._resend, order, payment, RESENDS)

    async def _resend(self, order: Order, payment: Payment, left: int) -> None:
        (outcome,) = await self.send(order, payment, 1, at_once=False)
        if outcome["verdict"] == AGAIN and left > 1:
            self.after(self._settings.callback_spacing, self._resend, order, payment, left - 1)

    async def _try(self, order: Order, payment: Payment, number: int) -> dict[str, Any]:
        message = self.message(order, payment, number)
        entry: dict[str, Any] = {"at": self._now(), "url": order.callback_url, **message.body}
        entry |= {"dress": message.name} if message.name else {}
        began = time.perf_counter()
        try:
            response = await self._client.post(
                order.callback_url,
                content=message.content,
                headers={"content-type": message.content_type},
            )
            entry |= {"http_status": response.status_code, "answer": _answer(response)}
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            entry |= {"answer": None, "error": f"{type(error).__name__}: {error}"}
        entry |= {"milliseconds": round((time.perf_counter() - began) * 1000), "verdict": _verdict(entry["answer"])}
        return self._record(order, entry)

    def _body(self, order: Order, payment: Payment | None = None) -> dict[str, Any]:
        paid = payment or order.first
        wrong_amount = self._faults.find("callback_wrong_amount", order.app_trans_id)
        amount = order.amount_of(paid) + (1000 if wrong_amount else 0)
        data = wire.compact(self._data(order, paid, amount))
        return {"data": data, "mac": wire.callback_mac(self._key(order), data), "type": 1}

    def _key(self, order: Order) -> str:
        bad_mac = self._faults.find("callback_bad_mac", order.app_trans_id)
        return "a key that nobody agreed upon" if bad_mac else self.key2

    def _data(self, order: Order, payment: Payment, amount: int) -> dict[str, Any]:
        return {
            "app_id": self._settings.app_id,
            "app_trans_id": order.app_trans_id,
            "app_time": order.app_time,
            "app_user": order.app_user,
            "amount": amount,
            "embed_data": order.embed_data,
            "item": order.item,
            "zp_trans_id": payment.zp_trans_id,
            "server_time": payment.paid_at,
            "channel": WALLET_CHANNEL,
            "merchant_user_id": f"simulated-{order.app_user}",
            "zp_user_id": f"simulated-{order.app_user}",
            "user_fee_amount": 0,
            "discount_amount": payment.discount,
        }

    def _record(self, order: Order, entry: dict[str, Any]) -> dict[str, Any]:
        order.callbacks.append(entry)
        self._keep(order)
        return entry

    def _now(self) -> int:
        return round(self._settings.clock() * 1000)


def _answer(response: httpx.Response) -> dict[str, Any] | None:
    if response.status_code != 200:
        return None
    try:
        answer = response.json()
    except ValueError:
        return None
    return answer if isinstance(answer, dict) and type(answer.get("return_code")) is int else None


def _verdict(answer: dict[str, Any] | None) -> str:
    if answer is None or answer["return_code"] == 0:
        return AGAIN
    return ACCEPTED if answer["return_code"] == 1 else REFUSED
