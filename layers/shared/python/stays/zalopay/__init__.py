"""ZaloPay's protocol, pure: MACs, requests, answers, code tables. Facts: docs.zalopay.vn/docs/specs."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, NamedTuple, Protocol

from pydantic import BaseModel, BeforeValidator, ValidationError

from stays.domain.booking import check_out
from stays.domain.decision import Evidence, Outcome
from stays.domain.payment import PAYMENT_TIME, PaymentSession
from stays.domain.refund import RefundEvidence, RefundOutcome
from stays.domain.values import app_user
from stays.zalopay.signing import sign
from stays.zalopay.values import DongOrNone, Whole, WholeOrNone, given, line, time_of, transaction, truth

Form = dict[str, int | str]


class Created(NamedTuple):
    """The order exists and can be paid at this address."""

    order_url: str


class _Sum(Protocol):
    """An amount in đồng, with the id of its refund."""

    @property
    def id(self) -> str | None:
        """ZaloPay's `m_refund_id`, once it is recorded."""

    @property
    def amount(self) -> int:
        """The amount to refund, in đồng."""


class Repayable(Protocol):
    """The money of one transaction to refund: of a session, or stray money."""

    @property
    def id(self) -> str:
        """Its name in the description of the refund."""

    @property
    def transaction_id(self) -> str | None:
        """ZaloPay's id of the transaction that paid."""

    @property
    def refund(self) -> _Sum | None:
        """The amount to refund and its id."""


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def create_request(app_id: int, key1: str, session: PaymentSession, redirect_url: str, callback_url: str) -> Form:
    """The request for a session's order. `app_time` is the time of the attempt, so that both sides expire together."""
    app_time = _milliseconds(session.attempted_at or session.created_at)
    embed_data, item = _compact({"redirecturl": redirect_url}), "[]"
    user = app_user(session.user_id)
    return {
        "app_id": app_id,
        "app_user": user,
        "app_trans_id": session.app_trans_id,
        "app_time": app_time,
        "expire_duration_seconds": int(PAYMENT_TIME.total_seconds()),
        "amount": session.amount,
        "description": f"Stays: {session.property_name[:200]} ({session.nights[0]} - {check_out(session.nights)})",
        "callback_url": callback_url,
        "item": item,
        "embed_data": embed_data,
        "bank_code": "",
        "mac": sign(key1, app_id, session.app_trans_id, user, session.amount, app_time, embed_data, item),
    }


def query_request(app_id: int, key1: str, app_trans_id: str) -> Form:
    """The request for an order's state. key1 is also the third segment of the MAC's input."""
    mac = sign(key1, app_id, app_trans_id, key1)
    return {"app_id": app_id, "app_trans_id": app_trans_id, "mac": mac}


def cancel_request(app_id: int, key1: str, app_trans_id: str) -> Form:
    """The request to make an unpaid order unpayable. It is signed like a query (docs.zalopay.vn, order-cancel)."""
    return query_request(app_id, key1, app_trans_id)


def refund_request(app_id: int, key1: str, money: Repayable, now: datetime) -> Form:
    """The request to refund a transaction, under the id that is recorded."""
    assert money.refund and money.refund.id and money.transaction_id
    timestamp, description = _milliseconds(now), f"Stays {money.id}"
    amount = money.refund.amount
    return {
        "app_id": app_id,
        "m_refund_id": money.refund.id,
        "zp_trans_id": money.transaction_id,
        "amount": amount,
        "timestamp": timestamp,
        "description": description,
        "mac": sign(key1, app_id, money.transaction_id, amount, description, timestamp),
    }


def query_refund_request(app_id: int, key1: str, money: Repayable, now: datetime) -> Form:
    """The request for the state of the recorded refund."""
    assert money.refund and money.refund.id
    timestamp, refund_id = _milliseconds(now), money.refund.id
    mac = sign(key1, app_id, refund_id, timestamp)
    return {"app_id": app_id, "m_refund_id": refund_id, "timestamp": timestamp, "mac": mac}


class _Answer(BaseModel):
    return_code: Whole
    sub_return_code: WholeOrNone = None
    is_processing: Annotated[bool | None, BeforeValidator(truth)] = False
    amount: DongOrNone = None
    discount_amount: DongOrNone = None
    zp_trans_id: Annotated[str | None, BeforeValidator(transaction)] = None
    server_time: WholeOrNone = None
    order_url: Annotated[str | None, BeforeValidator(line)] = None


_BAD_SIGNATURE = -402
_SUCCESS, _FAIL, _PROCESSING = 1, 2, 3

# Each endpoint has its own table, because codes mean different things at different endpoints. A code without an entry
# proves nothing. Only a FAIL of a query means "not paid", unless its code is about the call.
_CREATE_REFUSALS: frozenset[int | None] = frozenset({-2, -53, -54, -401, -402, -403, -405})
_QUERY_CODES: dict[int | None, Outcome] = {
    -54: Outcome.EXPIRED,
    -329: Outcome.CANCELLED,
    -101: Outcome.NOT_FOUND,
    -63: Outcome.UNPAID,
    -217: Outcome.UNPAID,
    -332: Outcome.UNPAID,
    -333: Outcome.UNPAID,
    **dict.fromkeys((-1330, -1331, -1332, -1333, -1340, -1341, -1342, -1343), Outcome.UNPAID),
}
_OF_THE_CALL: frozenset[int | None] = frozenset(
    {-2, -53, -401, -402, -403, -404, -405, -429, -500, -999}  # about the request itself, or too many requests
    | {-32, -33, -34, -35, -43, -88, -135, -301}  # failures and maintenance at ZaloPay, a bank or a channel
)
_REFUND_CODES: dict[int | None, RefundOutcome] = {
    -23: RefundOutcome.ACCEPTED,
    **dict.fromkeys((-24, -25, -26), RefundOutcome.NOT_FOUND),  # the id has another day's date: a new id is needed
    **dict.fromkeys((-13, -14, -32, -101), RefundOutcome.REFUSED),
}
_QUERY_REFUND_CODES: dict[int | None, RefundOutcome] = {
    -101: RefundOutcome.NOT_FOUND,
    **dict.fromkeys((0, -13, -14, -32), RefundOutcome.REFUSED),
}


def _read(answer: Mapping[str, Any]) -> _Answer | None:
    try:
        return _Answer.model_validate(given(answer))
    except ValidationError:
        return None


def _code(answer: _Answer) -> int | None:
    """The error code. Some documents show it in `return_code` itself."""
    return answer.return_code if answer.return_code < 0 else answer.sub_return_code


def is_unsigned(answer: Mapping[str, Any]) -> bool:
    """Whether ZaloPay refused our signature: the key may have been rotated."""
    read = _read(answer)
    return read is not None and _code(read) == _BAD_SIGNATURE


def read_created(answer: Mapping[str, Any]) -> Created | Evidence:
    """The order's address, or evidence: REFUSED if ZaloPay refused, UNKNOWN if only a query can tell."""
    read = _read(answer)
    if read is None:
        return Evidence(source="create", outcome=Outcome.UNKNOWN)
    if read.return_code == _SUCCESS and read.order_url:
        return Created(read.order_url)
    code = _code(read)
    return Evidence(
        source="create", outcome=Outcome.REFUSED if code in _CREATE_REFUSALS else Outcome.UNKNOWN, code=code
    )


def read_query(answer: Mapping[str, Any], source: str) -> Evidence:
    """The evidence in ZaloPay's answer about an order. FAIL means "not paid", unless its code is about the call."""
    read = _read(answer)
    if read is None:
        return Evidence(source=source, outcome=Outcome.UNKNOWN)
    if read.return_code == _SUCCESS and read.zp_trans_id and read.amount:
        return Evidence(
            source=source,
            outcome=Outcome.PAID,
            code=_code(read),
            transaction_id=read.zp_trans_id,
            amount=read.amount,
            discount=read.discount_amount,
            paid_at=time_of(read.server_time),
        )
    return Evidence(source=source, outcome=_without_money(read), code=_code(read))


def _without_money(read: _Answer) -> Outcome:
    code = _code(read)
    if read.return_code == _PROCESSING:
        return {True: Outcome.PROCESSING, False: Outcome.UNPAID, None: Outcome.UNKNOWN}[read.is_processing]
    if read.return_code == _FAIL and code not in _OF_THE_CALL:
        return _QUERY_CODES.get(code, Outcome.UNPAID)
    return _QUERY_CODES.get(read.return_code, Outcome.UNKNOWN)


def read_cancelled(answer: Mapping[str, Any]) -> bool:
    """Whether ZaloPay says that the order can no longer be paid. Any other answer changes nothing."""
    read = _read(answer)
    return read is not None and read.return_code == _SUCCESS


def read_refund(answer: Mapping[str, Any]) -> RefundEvidence:
    """The answer to a refund request: accepted (1 and 3 alike), refused or unknown. It is never "done"."""
    read = _read(answer)
    if read is None:
        return RefundEvidence(RefundOutcome.UNKNOWN)
    if read.return_code in (_SUCCESS, _PROCESSING):
        return RefundEvidence(RefundOutcome.ACCEPTED, read.sub_return_code)
    return RefundEvidence(_REFUND_CODES.get(_code(read), RefundOutcome.UNKNOWN), _code(read))


def read_refund_query(answer: Mapping[str, Any]) -> RefundEvidence:
    """The state of a refund in ZaloPay's answer."""
    read = _read(answer)
    if read is None:
        return RefundEvidence(RefundOutcome.UNKNOWN)
    if read.return_code == _SUCCESS:
        return RefundEvidence(RefundOutcome.DONE, read.sub_return_code)
    if read.return_code == _PROCESSING:
        return RefundEvidence(RefundOutcome.ACCEPTED, read.sub_return_code)
    return RefundEvidence(_QUERY_REFUND_CODES.get(_code(read), RefundOutcome.UNKNOWN), _code(read))
