"""Speaking HTTP to ZaloPay. Only functions that make or ask for orders import this, and httpx with it."""

from collections.abc import Callable
from datetime import datetime
from functools import cache, partial
from typing import Any, Protocol

import httpx

from stays.domain.decision import Evidence
from stays.domain.payment import PaymentSession
from stays.domain.refund import RefundEvidence
from stays.zalopay import (
    Created,
    Form,
    create_request,
    is_unsigned,
    query_refund_request,
    query_request,
    read_created,
    read_query,
    read_refund,
    read_refund_query,
    refund_request,
)
from stays.zalopay.keys import signing_key

TIMEOUT = httpx.Timeout(4.0, connect=2.0)  # seconds; three calls in a row stay under the function's own limit


@cache
def client(endpoint: str, app_id: int, key1_secret: str) -> "Client":
    """The one client of a function, made when it is first needed. Its calls may run in threads."""
    return Client(httpx.Client(base_url=endpoint, timeout=TIMEOUT), app_id, partial(signing_key, key1_secret))


class SigningKey(Protocol):
    """Where the key comes from; `fresh` looks again, for it may have been rotated."""

    def __call__(self, *, fresh: bool = False) -> str:
        """The key that signs."""


class Client:
    """ZaloPay's four calls. None of them raises: silence and nonsense are evidence that says UNKNOWN."""

    def __init__(self, http: httpx.Client, app_id: int, key1: SigningKey) -> None:
        self._http = http
        self.app_id = app_id
        self._key1 = key1

    def create_order(self, session: PaymentSession, redirect_url: str, callback_url: str) -> Created | Evidence:
        """Make the order of a session (docs.zalopay.vn, order-create)."""
        return read_created(
            self._ask("/v2/create", lambda key: create_request(self.app_id, key, session, redirect_url, callback_url))
        )

    def query(self, session: PaymentSession, source: str) -> Evidence:
        """Ask whether the order of a session is paid (docs.zalopay.vn, order-query)."""
        answer = self._ask("/v2/query", lambda key: query_request(self.app_id, key, session.app_trans_id))
        return read_query(answer, source)

    def refund(self, session: PaymentSession, now: datetime) -> RefundEvidence:
        """Ask for the money to go back (docs.zalopay.vn, order-refund)."""
        return read_refund(self._ask("/v2/refund", lambda key: refund_request(self.app_id, key, session, now)))

    def query_refund(self, session: PaymentSession, now: datetime) -> RefundEvidence:
        """Ask how far a refund has come (docs.zalopay.vn, order-query-refund)."""
        answer = self._ask("/v2/query_refund", lambda key: query_refund_request(self.app_id, key, session, now))
        return read_refund_query(answer)

    def _ask(self, path: str, signed: Callable[[str], Form]) -> dict[str, Any]:
        """The answer; asked once more with a fresh key where ZaloPay does not know the one we have."""
        answer = self._post(path, signed(self._key1()))
        return self._post(path, signed(self._key1(fresh=True))) if is_unsigned(answer) else answer

    def _post(self, path: str, form: Form) -> dict[str, Any]:
        """The JSON object of the answer; {} for silence, an error page, or anything else."""
        try:
            answer = self._http.post(path, json=form)
            content = answer.json() if answer.status_code == httpx.codes.OK else {}
        except (httpx.HTTPError, ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}
