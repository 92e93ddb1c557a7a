"""One user: the calls and sockets of the browser, with all answers and messages."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Any, NamedTuple

from tests.proof.load.listener import Listener
from tests.proof.load.plan import Callback, Plan
from tests.proof.load.system import System

PATIENCE = 8.0  # seconds until a page without news of the end is closed
_POLL = 3.0  # seconds, as on the real page
_LOOK = 0.2  # seconds between two checks of the sockets' messages
_RETRY = 2.0  # seconds until the pay button is pressed again
_PRESSES = 25  # of the pay button, at most
_WAITING = 900.0  # seconds until a page that tries again is closed
_OK = frozenset({HTTPStatus.OK})
_SHOWN = frozenset({"PAID", "PENDING", "FAILED", "CANCELLED"})
_FAULTS = {Callback.LOST: "callback_lost", Callback.TRIPLED: "callback_tripled"}


End = Callable[[dict[str, Any]], bool]


def is_paid(told: dict[str, Any]) -> bool:
    """Say whether a message or a poll reports success."""
    return told.get("status") in ("COMPLETED", "PAID")


def is_over(told: dict[str, Any]) -> bool:
    """Say whether a message or a poll reports the end without success."""
    return told.get("status") in ("FAILED", "CANCELLED")


def is_settled(told: dict[str, Any]) -> bool:
    """Say whether a message or a poll reports the final state of the money."""
    return is_paid(told) or "refund" in told


class Surprised(Exception):
    """A call was answered wrongly, so the user cannot go on."""


class Answer(NamedTuple):
    """The answer to a call."""

    step: str
    status: int
    code: str
    milliseconds: float
    body: Any

    @property
    def details(self) -> dict[str, Any]:
        """The details of an error."""
        return self.body.get("error", {}).get("details") or {}


class Pauses(NamedTuple):
    """Seconds until a page makes a call again: after 429, and after a server error."""

    too_many: float = 10.0
    server_error: float = _RETRY

    def after(self, status: int) -> float | None:
        """Return the pause after a status; None if the call is not made again."""
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return self.too_many
        return self.server_error if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None


class Order(NamedTuple):
    """An order that can be paid."""

    stay: str
    app_trans_id: str


class Traveller:
    """One user. `answers` has all answers, and `surprises` the unexpected ones."""

    def __init__(
        self,
        plan: Plan,
        system: System,
        token: str,
        patience: float,
        pauses: Pauses = Pauses(),  # noqa: B008  # it cannot change
    ) -> None:
        self.plan = plan
        self.answers: list[Answer] = []
        self.refusals: list[Answer] = []  # after which the page tried again
        self.waited: float | None = None  # seconds from the click to the booking
        self.surprises: list[str] = []
        self.listeners: list[Listener] = []
        self.stays: set[str] = set()
        self.order: Order | None = None
        self.transaction: str | None = None
        self._system = system
        self._token = token
        self._pauses = pauses
        self._patience = _WAITING if plan.tries_again else patience

    async def ask(self, step: str, method: str, path: str, body: Any = None, *, good: Collection[int] = _OK) -> Answer:
        """Make a call. Raises Surprised for any status that is not in `good`."""
        answer = await self._ask(step, method, path, body)
        while self.plan.tries_again and len(self.refusals) < _PRESSES:
            if (pause := self._pauses.after(answer.status)) is None:
                break
            self.refusals.append(answer)
            await asyncio.sleep(pause)
            answer = await self._ask(step, method, path, body)
        self.answers.append(answer)
        if answer.status not in good:
            raise Surprised(f"{step} was answered {answer.status} {answer.body}")
        return answer

    async def _ask(self, step: str, method: str, path: str, body: Any) -> Answer:
        headers = {"authorization": f"Bearer {self._token}", "user-agent": self.plan.name}
        url = f"{self._system.addresses['http']}/api/v1{path}"
        async with contextlib.nullcontext() if self.plan.tries_again else self._system.gate:
            began = time.perf_counter()
            response = await self._system.http.request(method, url, json=body, headers=headers)
            took = (time.perf_counter() - began) * 1000
        said = response.json()
        code = said.get("error", {}).get("code", "") if response.is_error else ""
        return Answer(step, response.status_code, code, took, said)

    async def sign_in(self) -> None:
        """Save the profile."""
        await self.ask("sign in", "POST", "/users/auth0-sync", {})

    async def press_pay(self) -> Order | None:
        """Press the pay button until there is an order. Return None if another user has the nights."""
        wish = {"auctionId": self.plan.auction_id, "selectedNights": self.plan.nights, "amount": self.plan.amount}
        for _ in range(_PRESSES):
            made = await self.ask("create", "POST", "/payment/zalopay/create", wish, good=(200, 409, 502))
            if made.status == HTTPStatus.OK:
                return self._ordered(made.body)
            self.stays |= {made.details["sessionId"]} if "sessionId" in made.details else set()
            if made.status == HTTPStatus.CONFLICT:
                self._refused(made)
                return None
            await asyncio.sleep(_RETRY)
        self.surprises.append("the order could not be made at all")
        return None

    def _ordered(self, made: dict[str, Any]) -> Order:
        if made["amount"] != self.plan.amount:
            self.surprises.append(f"{made['amount']} is the amount instead of {self.plan.amount}")
        self.stays.add(made["sessionId"])
        self.order = Order(made["sessionId"], made["appTransId"])
        return self.order

    def _refused(self, answer: Answer) -> None:
        if not self.plan.is_contested or "nights" not in answer.details:
            self.surprises.append(f"the order was refused: {answer.body}")

    async def reserve(self) -> None:
        """Reserve the nights without an order."""
        wish = {"auctionId": self.plan.auction_id, "selectedNights": self.plan.nights}
        made = await self.ask("reserve", "POST", "/bookings", wish)
        self.stays.add(made.body["id"])

    def listen(self) -> None:
        """Open the sockets."""
        websocket = self._system.addresses["websocket"]
        self.listeners += [
            Listener(websocket, self.plan, self._token, proof, self._system.now) for proof in self.plan.proofs
        ]

    async def at_zalopay(self, made: Order, action: str, **how: Any) -> None:
        """Act as the payer at ZaloPay."""
        answer = await self._system.zalopay("POST", f"orders/{made.app_trans_id}/{action}", how)
        if answer.is_error:
            self.surprises.append(f"{action} at ZaloPay was answered {answer.status_code} {answer.text}")

    async def pay(self, order: Order, *, late: bool = False) -> None:
        """Pay; the plan decides the fate of the callback."""
        if fault := _FAULTS.get(self.plan.callback):
            await self._system.fault(fault, app_trans_id=order.app_trans_id)
        sequence = "redirect_first" if self.plan.redirect_first else "callback_first"
        await self.at_zalopay(order, "pay", late=late, order=sequence)

    async def follow(self, order: Order, end: End = is_paid) -> None:
        """Stay on the session page until a message or a poll reports the end."""
        await self.ask("session", "GET", f"/payment/sessions/{order.stay}")
        until, next_poll = time.monotonic() + self._patience, 0.0
        while (self.plan.polls or self.listeners) and time.monotonic() < until:
            told = self._heard(order)
            if self.plan.polls and time.monotonic() >= next_poll:
                next_poll = time.monotonic() + _POLL
                told.append(await self._poll(order))
            if found := next(filter(end, told), None):
                self.transaction = found.get("transactionId")
                return
            await asyncio.sleep(_LOOK)

    def _heard(self, order: Order) -> list[dict[str, Any]]:
        frames = [frame for each in self.listeners for line in each.lines for frame in line.frames]
        return [frame for frame in frames if frame.get("paymentId") == order.stay]

    async def _poll(self, order: Order) -> dict[str, Any]:
        answer = await self.ask("status", "GET", f"/payment/zalopay/status/{order.app_trans_id}")
        told: dict[str, Any] = answer.body
        status = told.get("status")
        if status not in _SHOWN or (status == "PAID" and "transactionId" not in told):
            self.surprises.append(f"status says {told}")
        return told

    async def confirm(self, order: Order) -> None:
        """Load the confirmation page: it gives up unless the payment reads PAID, and looks for the booking."""
        if not self.transaction:
            return
        paid = await self.ask("transaction", "GET", f"/payment/transactions/{self.transaction}")
        if (paid.body.get("id"), paid.body.get("status")) != (order.stay, "PAID"):
            self.surprises.append(f"PAID was announced, but the transaction reads {paid.body}")
        await self.ask("booking", "GET", f"/payment/{order.stay}/booking")
        if self.plan.confirms:
            await self.ask("calendar", "POST", f"/bookings/{order.stay}/update-calendar", {})
            await self.ask("conversation", "POST", f"/bookings/{order.stay}/conversation", {})
            await self.ask("mail", "POST", f"/bookings/{order.stay}/send-confirmation", {}, good=(200, 429))

    async def cancel(self) -> None:
        """Cancel the booking, once the API shows it."""
        if self.order and self.transaction:
            await self.ask("cancel", "DELETE", f"/bookings/{self.order.stay}")

    async def calm(self) -> None:
        """Wait until no socket will drop any more."""
        await asyncio.gather(*(listener.ready() for listener in self.listeners))

    async def leave(self) -> None:
        """Close the sockets."""
        await asyncio.gather(*(listener.close() for listener in self.listeners))
