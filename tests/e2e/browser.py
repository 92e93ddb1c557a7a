"""The frontend as users run it: a browser of one user with its calls, its sockets and its two pages."""

import json
import ssl
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State
from websockets.sync.client import connect

from tests.e2e.validator import SHAPES, Message, is_valid

FRONTEND = "http://localhost:3000"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) Journeys/1.0"
CHANNELS = ("auction_results", "payment_status", "second_chance_offers", "booking_confirmations")
POLL = 0.5  # seconds; the real page waits 3
LOOKS = (0, 0.4, 0.6, 0.8, 1.0, 1.2)  # seconds before each read of the booking; the real page waits five times as long
PATIENCE = 15.0  # seconds until a test gives up waiting

_TLS = ssl.create_default_context()  # the slowest part of making a client

Match = Callable[[Message], bool]


def named_in(redirect_url: str) -> str:
    """The session in ZaloPay's redirect."""
    address = urlsplit(redirect_url)
    front, _, session_id = address.path.rpartition("/")
    assert f"{address.scheme}://{address.netloc}{front}" == f"{FRONTEND}/dashboard/payment/zalopay"
    return session_id


class ApiError(Exception):
    """The frontend's error for an answer that it cannot use."""

    def __init__(self, status: int, code: str, details: Any = None) -> None:
        super().__init__(f"{status} {code} {details}")
        self.status = status
        self.code = code
        self.details = details


class Socket:
    """A WebSocket that subscribes when it opens, and sorts its messages as the frontend does."""

    def __init__(
        self, url: str, subscription: Message | None, agent: str = AGENT, origin: str = FRONTEND, **headers: str
    ) -> None:
        self._open = ExitStack()
        self._connection = self._open.enter_context(
            connect(
                url, user_agent_header=agent, origin=origin, additional_headers=headers, proxy=None, close_timeout=2
            )
        )
        self._user_id = (subscription or {}).get("userId")
        self.accepted: list[Message] = []
        self.dropped: list[Message] = []
        self.unknown: list[Message] = []
        self._looked = 0
        if subscription:
            self.send(json.dumps(subscription))

    def send(self, text: str) -> None:
        self._connection.send(text)

    def close(self) -> None:
        self._open.close()

    def is_open(self) -> bool:
        return self._connection.state is State.OPEN

    def closed_with(self) -> int | None:
        """Wait for the end. Returns the close code of the server."""
        try:
            self._connection.recv(timeout=PATIENCE)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None
        return None

    def hear(self, seconds: float) -> Message | None:
        """The next message of any type, or None after the time limit."""
        try:
            message: Message = json.loads(self._connection.recv(timeout=max(seconds, 0)))
        except (TimeoutError, ConnectionClosed):
            return None
        if message.get("type") not in SHAPES:
            self.unknown.append(message)
        elif is_valid(message) and message["userId"] == self._user_id:
            self.accepted.append(message)
        else:
            self.dropped.append(message)
        return message

    def find(self, match: Match, seconds: float) -> Message | None:
        """Wait for the first accepted message that matches and was not returned before."""
        deadline = time.monotonic() + seconds
        while True:
            for position in range(self._looked, len(self.accepted)):
                if match(self.accepted[position]):
                    self._looked = position + 1
                    return self.accepted[position]
            self._looked = len(self.accepted)
            if self.hear(deadline - time.monotonic()) is None and time.monotonic() >= deadline:
                return None

    def expect(self, kind: str, **fields: Any) -> Message:
        """Wait for the message of this type with these fields. Fails if it does not come."""
        found = self.find(lambda each: each["type"] == kind and fields.items() <= each.items(), PATIENCE)
        assert found, f"no {kind} {fields} among {self.accepted}; dropped {self.dropped}; unknown {self.unknown}"
        return found

    def expect_unknown(self, kind: str) -> Message:
        """Wait for a message of a type that the frontend ignores. Fails if it does not come."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for message in self.unknown:
                if message.get("type") == kind:
                    self.unknown.remove(message)
                    return message
            self.hear(deadline - time.monotonic())
        raise AssertionError(f"no {kind} among {self.unknown}; accepted {self.accepted}")

    def ping(self) -> None:
        """Receive everything that was sent until now."""
        self.send('{"type": "PING"}')
        self.expect_unknown("PONG")


class Outcome(NamedTuple):
    """The end of the session page. With a transaction it opens the confirmation page."""

    by: str
    status: str
    transaction_id: str | None
    reason: str | None = None

    @property
    def is_paid(self) -> bool:
        """Whether the page opens the confirmation page, after a message or a poll."""
        return (self.by, self.status) in (("socket", "COMPLETED"), ("poll", "PAID")) and bool(self.transaction_id)


class SessionPage:
    """`/dashboard/payment/zalopay/{sessionId}`: subscribes, reads the session, polls only what is PENDING."""

    def __init__(self, browser: "Browser", session_id: str) -> None:
        self._browser = browser
        self.socket = browser.open_socket()
        self.session = browser.get(f"/payment/sessions/{session_id}")
        self.polls: list[str] = []

    def follow(self) -> Outcome:
        """Wait for the end by message or by poll."""
        deadline, next_poll = time.monotonic() + PATIENCE, time.monotonic()
        while time.monotonic() < deadline:
            if self.session["status"] == "PENDING" and time.monotonic() >= next_poll:
                next_poll = time.monotonic() + POLL
                if outcome := self._poll():
                    return outcome
            if message := self.socket.find(self._is_end, POLL):
                status, transaction_id = message["status"], message.get("transactionId")
                return Outcome("socket", status, transaction_id, message.get("reason"))
        raise AssertionError(f"the page reads {self.session['status']} and does not move: {self.polls}")

    def _is_end(self, message: Message) -> bool:
        ends = message.get("status") in ("COMPLETED", "FAILED")
        return message["type"] == "PAYMENT_STATUS" and message["paymentId"] == self.session["id"] and ends

    def _poll(self) -> Outcome | None:
        answer = self._browser.get(f"/payment/zalopay/status/{self.session['appTransId']}")
        self.polls.append(answer["status"])
        assert answer["status"] in ("PAID", "PENDING", "FAILED", "CANCELLED")
        if answer["status"] == "PENDING":
            return None
        return Outcome("poll", answer["status"], answer.get("transactionId"), answer.get("reason"))


class SilentPage:
    """The same page without a working socket: it reads the session, and polls only what is PENDING."""

    def __init__(self, browser: "Browser", session_id: str) -> None:
        self._browser = browser
        self._address = f"/payment/sessions/{session_id}"
        self.reload()

    def reload(self) -> None:
        self.session = self._browser.get(self._address)

    def poll(self) -> Outcome:
        """Ask once. Returns the page's reading of the answer."""
        assert self.session["status"] == "PENDING", f"the page reads {self.session['status']} and does not ask"
        answer = self._browser.get(f"/payment/zalopay/status/{self.session['appTransId']}")
        return Outcome("poll", answer["status"], answer.get("transactionId"), answer.get("reason"))

    def follow(self) -> Outcome:
        """Poll to the end."""
        deadline = time.monotonic() + PATIENCE
        while (outcome := self.poll()).status == "PENDING":
            assert time.monotonic() < deadline, "the page polls without end"
            time.sleep(POLL)
        return outcome


class Award(NamedTuple):
    """An award: the values for the pay button."""

    auction_id: str
    property_id: str
    nights: list[str]
    amount: int


class Confirmation(NamedTuple):
    """The contents of the confirmation page, and the number of its reads."""

    payment: dict[str, Any]
    booking: dict[str, Any]
    looks: int


class Browser:
    """A browser of one user. Answers that the real frontend cannot use raise ApiError."""

    def __init__(self, http: str, websocket: str, user_id: str, token: str, email: str) -> None:
        self.user_id = user_id
        self.token = token
        self.email = email
        self._websocket = websocket
        self._http = httpx.Client(
            base_url=f"{http}/api/v1",
            headers={"user-agent": AGENT, "origin": FRONTEND},
            trust_env=False,
            timeout=40,
            verify=_TLS,
        )
        self._allowed: set[tuple[str, str]] = set()
        self._sockets: list[Socket] = []

    def close(self) -> None:
        for socket in self._sockets:
            socket.close()
        self._http.close()

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def post(self, path: str, body: Any) -> Any:
        return self.call("POST", path, body)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a preflight, then the call. Returns the JSON of a good answer."""
        self._preflight(method, path)
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        content = None if body is None else json.dumps(body)
        answer = self._http.request(method, path, content=content, headers=headers)
        if answer.headers.get("access-control-allow-origin") != FRONTEND:
            raise ApiError(0, "NETWORK_ERROR", "no CORS")
        if answer.status_code == HTTPStatus.NO_CONTENT or not answer.content:
            raise ApiError(answer.status_code, "NETWORK_ERROR", "nothing to parse")
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            raise ApiError(401, "AUTH_REQUIRED")
        said = answer.json()
        if answer.is_error:
            error = said.get("error", said)
            raise ApiError(answer.status_code, error.get("code", f"HTTP_{answer.status_code}"), error.get("details"))
        return said

    def _preflight(self, method: str, path: str) -> None:
        if (method, path) in self._allowed:
            return
        wish = {
            "access-control-request-method": method,
            "access-control-request-headers": "authorization,content-type",
        }
        answer = self._http.options(path, headers=wish).headers
        granted = answer.get("access-control-allow-methods", "").split(",")
        if answer.get("access-control-allow-credentials") != "true" or method not in granted:
            raise ApiError(0, "NETWORK_ERROR", "preflight")
        self._allowed.add((method, path))

    def open_socket(self, *, query: str = "", user_id: str | None = None, **more: Any) -> Socket:
        """Connect and subscribe, as every page does."""
        said = {"type": "SUBSCRIBE", "userId": user_id or self.user_id, "channels": list(CHANNELS), **more}
        socket = Socket(f"{self._websocket}/payment-notifications{query}", said)
        self._sockets.append(socket)
        return socket

    def listen(self) -> Socket:
        """Open a socket and wait until it has subscribed."""
        socket = self.open_socket()
        socket.expect_unknown("SUBSCRIBED")
        return socket

    def create_payment(self, auction_id: str, nights: list[str], amount: int) -> dict[str, Any]:
        """Press the pay button."""
        order = {
            "auctionId": auction_id,
            "selectedNights": nights,
            "amount": amount,
            "orderInfo": f"Booking for a property ({nights[0]} - {nights[-1]})",
            "redirectParams": {},
        }
        answer: dict[str, Any] = self.post("/payment/zalopay/create", order)
        return answer

    def press_pay(self, award: Award, first: int = 0, end: int | None = None) -> dict[str, Any]:
        """Press the pay button for nights of an award that all have the same price."""
        nights = award.nights[first:end]
        return self.create_payment(award.auction_id, nights, award.amount * len(nights) // len(award.nights))

    def pay_as_shown(self, name: str) -> dict[str, Any]:
        """Press the button of the page for full wins: every night from check-in to check-out, and the whole price."""
        won = self.get(f"/auctions/winners/{name}")
        assert won["isPartialWin"] is False, "the page for partial wins never finishes loading"
        first, end = date.fromisoformat(won["checkIn"]), date.fromisoformat(won["checkOut"])
        nights = [(first + timedelta(days=number)).isoformat() for number in range((end - first).days)]
        return self.create_payment(won["auctionId"], nights, won["bidAmount"])

    def return_from(self, redirect_url: str) -> SessionPage:
        """Follow ZaloPay's redirect to the session page."""
        return SessionPage(self, named_in(redirect_url))

    def confirmation_page(self, outcome: Outcome, socket: Socket | None = None) -> Confirmation:
        """`/dashboard/payment/confirmation`: read the payment once, then look for the booking."""
        payment = self.get(f"/payment/transactions/{outcome.transaction_id}")
        assert payment["status"] == "PAID", "the page gives up"
        for looks, wait in enumerate(LOOKS, 1):
            if wait and socket:
                socket.find(lambda each: each["type"] == "BOOKING_CONFIRMED", wait)
            elif wait:
                time.sleep(wait)
            try:
                booking = self.get(f"/payment/{payment['id']}/booking")
            except ApiError as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
            else:
                return Confirmation(payment, booking, looks)
        raise AssertionError("the page has stopped looking for the booking")
