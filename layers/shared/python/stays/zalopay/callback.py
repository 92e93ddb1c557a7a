"""ZaloPay's callback: strict about its MAC, tolerant about everything that the MAC covers.

BadCallback        nothing may follow from it
├── Unsigned       no key of ours signed it
└── Unreadable     the MAC is right, so ZaloPay sent it, but we cannot read it: keep it for the operator
"""

import json
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import parse_qsl

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, WithJsonSchema

from stays.domain.decision import Evidence, Outcome
from stays.zalopay.signing import is_genuine
from stays.zalopay.values import (
    Dong,
    DongOrNone,
    TransactionId,
    Whole,
    WholeOrNone,
    bare,
    given,
    line,
    name,
    time_of,
    whole,
)

MAXIMUM_CALLBACK = 16_384  # bytes of the whole body; the documents allow at most 4,096 characters of `data`
ORDER_TYPE = 1


class BadCallback(Exception):
    """A callback that must change nothing."""


class Unsigned(BadCallback):
    """No key of ours signed it."""


class Unreadable(BadCallback):
    """A callback whose MAC is right, but whose content cannot be read."""

    def __init__(self, why: str, mac: str, raw: str) -> None:
        super().__init__(why)
        self.mac = mac  # the same for every repetition
        self.raw = raw


class Callback(NamedTuple):
    """A verified callback: the paid order, and the evidence."""

    app_trans_id: str
    evidence: Evidence


class CallbackRequest(BaseModel):
    """ZaloPay's report (docs.zalopay.vn, order-callback)."""

    data: Annotated[str, Field(description="The order as a JSON text. The MAC covers exactly this text.")]
    mac: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$"), BeforeValidator(line)]
    type: Annotated[Any, WithJsonSchema({"const": ORDER_TYPE})] = None


class CallbackAnswer(BaseModel):
    """1: recorded, or kept for the operator. 0: send it again. -1: not from ZaloPay."""

    return_code: Literal[1, 0, -1]
    return_message: str


class _CallbackData(BaseModel):
    app_id: Whole
    app_trans_id: Annotated[str, Field(max_length=40), BeforeValidator(name)]
    amount: Dong
    zp_trans_id: TransactionId
    server_time: WholeOrNone = None
    discount_amount: DongOrNone = None


def read_callback(body: bytes, keys: Iterable[str], app_id: int) -> Callback:
    """The evidence in a callback. The MAC over the raw text is checked first, everything else after it.

    Raises Unsigned for a wrong MAC. Raises Unreadable for signed content that cannot be read or is not for this app.
    Raises BadCallback for a body without a readable `data` and `mac`.
    """
    envelope = _open(body)
    if not is_genuine(envelope.data, envelope.mac, keys):
        raise Unsigned("mac not equal")
    try:
        order = _order(envelope, app_id)
    except (ValueError, RecursionError) as error:
        raise Unreadable(_reason(error), envelope.mac.lower(), body.decode()) from None
    evidence = Evidence(
        source="callback",
        outcome=Outcome.PAID,
        transaction_id=order.zp_trans_id,
        amount=order.amount,
        discount=order.discount_amount,
        paid_at=time_of(order.server_time),
        raw=body.decode(),
    )
    return Callback(order.app_trans_id, evidence)


def _open(body: bytes) -> CallbackRequest:
    """`data`, `mac` and `type` of a callback, unverified. Raises BadCallback for any other body."""
    try:
        envelope = CallbackRequest.model_validate(_fields(bare(body.decode())))
        envelope.data.encode()  # half a character cannot be encoded, so no MAC can cover it
    except ValueError:
        raise BadCallback("not a callback") from None
    return envelope


def _fields(text: str) -> Any:
    """The content of a JSON text, or else the fields of a form. Raises ValueError for other texts."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict"))


def _order(envelope: CallbackRequest, app_id: int) -> _CallbackData:
    """The order in the signed text. Raises ValueError if the text is not about an order of this app."""
    content = json.loads(bare(envelope.data))
    order = _CallbackData.model_validate(given(content) if isinstance(content, dict) else {})
    if order.app_id != app_id:
        raise ValueError("app_id is another app's")
    if not _is_about_an_order(envelope.type):
        raise ValueError("type is not an order's")
    return order


def _is_about_an_order(kind: Any) -> bool:
    """The MAC does not cover `type`. A callback without it is about an order."""
    word = line(kind)
    return kind is None or whole(kind) == ORDER_TYPE or (word is not None and word.lower() in {"", "order"})


def _reason(error: Exception) -> str:
    """The error, without any text from the callback."""
    if not isinstance(error, ValidationError):
        return str(error)
    fields = {str(part) for each in error.errors() for part in each["loc"]}
    return f"cannot be read: {', '.join(sorted(fields))}"
