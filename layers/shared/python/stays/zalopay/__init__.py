"""ZaloPay's wire, pure: MACs, requests, answers, code tables. Facts: docs.zalopay.vn/docs/specs."""

import hmac
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from stays.domain.booking import check_out
from stays.domain.decision import Evidence, Outcome
from stays.domain.payment import PAYMENT_TIME, PaymentSession
from stays.domain.refund import RefundEvidence, RefundOutcome
from stays.domain.values import TRANSACTION_ID, app_user

MAXIMUM_CALLBACK = 16_384  # bytes of the whole body; ZaloPay's `data` has 4,096 characters at most
ORDER_TYPE = 1

Form = dict[str, int | str]


class BadCallback(Exception):
    """A callback that is not ZaloPay's, or not for us: nothing may follow from it."""


class Created(NamedTuple):
    """The order exists and can be paid at this address."""

    order_url: str


class Callback(NamedTuple):
    """A verified callback: which order was paid, and the evidence in it."""

    app_trans_id: str
    evidence: Evidence


def sign(key: str, *fields: int | str) -> str:
    """HMAC-SHA256 over the fields joined by `|`, in lower-case hex."""
    return hmac.new(key.encode(), "|".join(map(str, fields)).encode(), sha256).hexdigest()


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def create_request(app_id: int, key1: str, session: PaymentSession, redirect_url: str, callback_url: str) -> Form:
    """The order of a session. `app_time` is the attempt's time, so that both sides expire together."""
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
    """Asking for an order. key1 is also the third segment of the MAC's input."""
    mac = sign(key1, app_id, app_trans_id, key1)
    return {"app_id": app_id, "app_trans_id": app_trans_id, "mac": mac}


def refund_request(app_id: int, key1: str, session: PaymentSession, now: datetime) -> Form:
    """Asking for the money of a session to go back, under the id that is on record."""
    assert session.refund and session.refund.id and session.transaction_id
    timestamp, description = _milliseconds(now), f"Stays {session.id}"
    amount = session.refund.amount
    return {
        "app_id": app_id,
        "m_refund_id": session.refund.id,
        "zp_trans_id": session.transaction_id,
        "amount": amount,
        "timestamp": timestamp,
        "description": description,
        "mac": sign(key1, app_id, session.transaction_id, amount, description, timestamp),
    }


def query_refund_request(app_id: int, key1: str, session: PaymentSession, now: datetime) -> Form:
    """Asking how far the refund on record has come."""
    assert session.refund and session.refund.id
    timestamp, refund_id = _milliseconds(now), session.refund.id
    mac = sign(key1, app_id, refund_id, timestamp)
    return {"app_id": app_id, "m_refund_id": refund_id, "timestamp": timestamp, "mac": mac}


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    data: str = Field(max_length=4096)
    mac: str = Field(pattern=r"^[0-9a-fA-F]{64}$")
    type: int


class _CallbackData(BaseModel):
    model_config = ConfigDict(extra="ignore")

    app_id: StrictInt
    app_trans_id: str = Field(max_length=40)
    amount: StrictInt = Field(gt=0)
    zp_trans_id: StrictInt | str = Field(union_mode="left_to_right")
    server_time: StrictInt | None = None


def is_genuine(data: str, mac: str, keys: Iterable[str]) -> bool:
    """Whether one of the keys signed the text. Constant time, all keys tried."""
    matches = [hmac.compare_digest(sign(key, data), mac.lower()) for key in keys]
    return any(matches)


class Unsigned(BadCallback):
    """No key of ours signed it."""


def open_callback(body: bytes) -> tuple[str, str, int]:
    """`data`, `mac` and `type` of a callback, unverified. Raises BadCallback for any other shape."""
    try:
        envelope = _Envelope.model_validate_json(body)
    except ValidationError:
        raise BadCallback("not a callback") from None
    return envelope.data, envelope.mac, envelope.type


def read_callback(body: bytes, keys: Iterable[str], app_id: int) -> Callback:
    """The evidence in a callback. The MAC over the raw text comes first, then JSON, then type and app.

    Raises Unsigned for a wrong MAC and BadCallback for whatever else is not ours.
    """
    data, mac, kind = open_callback(body)
    if not is_genuine(data, mac, keys):
        raise Unsigned("mac not equal")
    try:
        order = _CallbackData.model_validate_json(data)
    except ValidationError:
        raise BadCallback("the data is not an order's") from None
    if kind != ORDER_TYPE or order.app_id != app_id:
        raise BadCallback("not for this app")
    evidence = Evidence(
        source="callback",
        outcome=Outcome.PAID,
        transaction_id=_transaction_id(order.zp_trans_id),
        amount=order.amount,
        paid_at=_time(order.server_time),
        raw=body.decode(),
    )
    return Callback(order.app_trans_id, evidence)


def _time(milliseconds: int | None) -> datetime | None:
    """ZaloPay's clock, or None where it is no time at all."""
    if not milliseconds:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _transaction_id(value: int | str) -> str:
    text = str(value)
    if not re.fullmatch(TRANSACTION_ID, text):
        raise BadCallback("not a transaction id")
    return text


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")

    return_code: int
    sub_return_code: int | None = None
    is_processing: bool = False
    amount: int = 0
    zp_trans_id: int | str = ""
    server_time: int = 0
    order_url: str = ""


_BAD_SIGNATURE = -402
_SUCCESS, _PROCESSING = 1, 3

# Codes mean different things at different endpoints, so each has a table of its own.
# A code that is in no table says nothing.
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
_REFUND_CODES: dict[int | None, RefundOutcome] = {
    -23: RefundOutcome.ACCEPTED,
    **dict.fromkeys((-24, -25, -26), RefundOutcome.NOT_FOUND),  # the id's day is over: a new one is due
    **dict.fromkeys((-13, -14, -32, -101), RefundOutcome.REFUSED),
}
_QUERY_REFUND_CODES: dict[int | None, RefundOutcome] = {
    -101: RefundOutcome.NOT_FOUND,
    **dict.fromkeys((0, -13, -14, -32), RefundOutcome.REFUSED),
}


def _read(answer: Mapping[str, Any]) -> _Answer | None:
    try:
        return _Answer.model_validate({name: value for name, value in answer.items() if value is not None})
    except ValidationError:
        return None


def _code(answer: _Answer) -> int | None:
    """Some documents put an error straight into `return_code`."""
    return answer.return_code if answer.return_code < 0 else answer.sub_return_code


def is_unsigned(answer: Mapping[str, Any]) -> bool:
    """Whether ZaloPay did not know our signature: the key may have been rotated."""
    read = _read(answer)
    return read is not None and _code(read) == _BAD_SIGNATURE


def read_created(answer: Mapping[str, Any]) -> Created | Evidence:
    """The order's address; else REFUSED where ZaloPay said no, UNKNOWN where only a query can tell."""
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
    """What ZaloPay says of an order. Unknown is never failed."""
    read = _read(answer)
    if read is None:
        return Evidence(source=source, outcome=Outcome.UNKNOWN)
    code = _code(read)
    if read.return_code == _SUCCESS and re.fullmatch(TRANSACTION_ID, str(read.zp_trans_id)) and read.amount > 0:
        return Evidence(
            source=source,
            outcome=Outcome.PAID,
            code=code,
            transaction_id=str(read.zp_trans_id),
            amount=read.amount,
            paid_at=_time(read.server_time),
        )
    if read.return_code == _PROCESSING:
        return Evidence(source=source, outcome=Outcome.PROCESSING if read.is_processing else Outcome.UNPAID, code=code)
    known = _QUERY_CODES.get(code, Outcome.UNKNOWN) if read.return_code != _SUCCESS else Outcome.UNKNOWN
    return Evidence(source=source, outcome=known, code=code)


def read_refund(answer: Mapping[str, Any]) -> RefundEvidence:
    """The answer to a refund: accepted (1 and 3 alike), refused, or unknown. Never done."""
    read = _read(answer)
    if read is None:
        return RefundEvidence(RefundOutcome.UNKNOWN)
    if read.return_code in (_SUCCESS, _PROCESSING):
        return RefundEvidence(RefundOutcome.ACCEPTED, read.sub_return_code)
    return RefundEvidence(_REFUND_CODES.get(_code(read), RefundOutcome.UNKNOWN), _code(read))


def read_refund_query(answer: Mapping[str, Any]) -> RefundEvidence:
    """How far a refund has come."""
    read = _read(answer)
    if read is None:
        return RefundEvidence(RefundOutcome.UNKNOWN)
    if read.return_code == _SUCCESS:
        return RefundEvidence(RefundOutcome.DONE, read.sub_return_code)
    if read.return_code == _PROCESSING:
        return RefundEvidence(RefundOutcome.ACCEPTED, read.sub_return_code)
    return RefundEvidence(_QUERY_REFUND_CODES.get(_code(read), RefundOutcome.UNKNOWN), _code(read))
