"""ZaloPay's HTTP client. Only functions that call ZaloPay import this module, because it loads httpx."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any, NamedTuple, Protocol, TypeVar

import httpx
from aws_lambda_powertools import Logger

from stays.domain.decision import Evidence, Outcome
from stays.domain.payment import PaymentSession
from stays.domain.refund import RefundEvidence, RefundOutcome
from stays.zalopay import (
    Created,
    Form,
    Repayable,
    cancel_request,
    create_request,
    is_unsigned,
    query_refund_request,
    query_request,
    read_cancelled,
    read_created,
    read_query,
    read_refund,
    read_refund_query,
    refund_request,
)
from stays.zalopay.deadline import DeadlineTransport, deadline
from stays.zalopay.keys import NoKey
from stays.zalopay.values import whole

TIMEOUT = httpx.Timeout(4.0, connect=2.0)  # seconds to connect, and to the next piece of the answer
LONGEST = 6.0  # seconds of a whole call, including a second attempt with a fresh key
SHORTEST = 0.3  # seconds; with less time left a call is not begun

logger = Logger()


def client(endpoint: str, app_id: int, key1: "SigningKey") -> "Client":
    """The one client of a function. Its calls may run in threads."""
    return Client(httpx.Client(base_url=endpoint, timeout=TIMEOUT, transport=DeadlineTransport()), app_id, key1)


class SigningKey(Protocol):
    """The source of the key. `fresh` reads it again, because it may have been rotated."""

    def __call__(self, *, fresh: bool = False) -> str:
        """The key that signs."""


class _Answer(NamedTuple):
    """ZaloPay's answer: {} for silence, an error page, or anything else that is not a JSON object."""

    content: Mapping[str, Any]
    status: int | None = None
    trouble: str | None = None


Heard = TypeVar("Heard")


class Client:
    """ZaloPay's calls. None of them raises: silence and unreadable answers become UNKNOWN evidence and are logged."""

    def __init__(
        self, http: httpx.Client, app_id: int, key1: SigningKey, *, longest: float = LONGEST, until: float = math.inf
    ) -> None:
        """A call takes at most `longest` seconds. No call goes on after `until` (monotonic clock)."""
        self._http = http
        self.app_id = app_id
        self._key1 = key1
        self._longest = longest
        self._until = until

    def with_time_limit(self, seconds: float) -> "Client":
        """The same client for one request: all its calls together take at most `seconds` from now on.

        A call with too little time left is not sent, and counts as UNKNOWN.
        """
        until = min(self._until, monotonic() + seconds)
        return Client(self._http, self.app_id, self._key1, longest=self._longest, until=until)

    def create_order(self, session: PaymentSession, redirect_url: str, callback_url: str) -> Created | Evidence:
        """Make the order of a session (docs.zalopay.vn, order-create)."""

        def signed(key: str) -> Form:
            return create_request(self.app_id, key, session, redirect_url, callback_url)

        return self._ask("/v2/create", session.app_trans_id, signed, read_created)

    def query(self, session: PaymentSession, source: str) -> Evidence:
        """Ask whether the order of a session is paid (docs.zalopay.vn, order-query)."""
        return self._ask(
            "/v2/query",
            session.app_trans_id,
            lambda key: query_request(self.app_id, key, session.app_trans_id),
            lambda answer: read_query(answer, source),
        )

    def cancel_order(self, session: PaymentSession) -> bool:
        """Make the order of a session unpayable, as a best effort (docs.zalopay.vn, order-cancel).

        Returns whether ZaloPay confirmed it.

        The documents do not name the path; this one is from public code.
        """
        return self._ask(
            "/v2/cancel",
            session.app_trans_id,
            lambda key: cancel_request(self.app_id, key, session.app_trans_id),
            read_cancelled,
        )

    def refund(self, money: Repayable, now: datetime) -> RefundEvidence:
        """Ask ZaloPay to refund the money (docs.zalopay.vn, order-refund)."""
        form = partial(refund_request, self.app_id, money=money, now=now)
        return self._ask("/v2/refund", _refund_id(money), form, read_refund)

    def query_refund(self, money: Repayable, now: datetime) -> RefundEvidence:
        """Ask for the state of a refund (docs.zalopay.vn, order-query-refund)."""
        form = partial(query_refund_request, self.app_id, money=money, now=now)
        return self._ask("/v2/query_refund", _refund_id(money), form, read_refund_query)

    def _ask(
        self,
        path: str,
        reference: str | None,
        signed: Callable[[str], Form],
        read: Callable[[Mapping[str, Any]], Heard],
    ) -> Heard:
        """Ask ZaloPay and read the answer. If ZaloPay refuses our signature, ask once more with a fresh key."""
        end = min(monotonic() + self._longest, self._until)
        answer = self._send(path, signed, end)
        if is_unsigned(answer.content):
            answer = self._send(path, signed, end, fresh=True)
        heard = read(answer.content)
        if heard is False or getattr(heard, "outcome", None) in (Outcome.UNKNOWN, RefundOutcome.UNKNOWN):
            logger.warning("ZaloPay says nothing", extra=_logged(path, reference, answer))
        return heard

    def _send(self, path: str, signed: Callable[[str], Form], end: float, *, fresh: bool = False) -> _Answer:
        try:
            form = signed(self._key1(fresh=fresh))
            if end - monotonic() < SHORTEST:
                return _Answer({}, trouble="no time left")
            with deadline(end):
                answer = self._http.post(path, json=form)
        except (httpx.HTTPError, NoKey) as error:
            return _Answer({}, trouble=type(error).__name__)
        return _content(answer)


def _content(answer: httpx.Response) -> _Answer:
    """The JSON object of an answer."""
    try:
        content = answer.json() if answer.status_code == httpx.codes.OK else {}
    except (ValueError, RecursionError):
        return _Answer({}, answer.status_code, "no JSON")
    return _Answer(content if isinstance(content, dict) else {}, answer.status_code)


def _refund_id(money: Repayable) -> str | None:
    return money.refund.id if money.refund else None


def _logged(path: str, reference: str | None, answer: _Answer) -> dict[str, Any]:
    """The order or the refund, and the codes of the answer. No other part of the answer may be logged."""
    about = {"refundId" if "refund" in path else "appTransId": reference}
    names = {"return_code": "returnCode", "sub_return_code": "subReturnCode"}
    codes = {names[name]: _short(code) for name, code in answer.content.items() if name in names}
    return {"path": path, "httpStatus": answer.status, "trouble": answer.trouble, **about, **codes}


def _short(code: Any) -> int | str:
    number = whole(code)
    if number is not None:
        return number
    return code[:20] if isinstance(code, str) else type(code).__name__
