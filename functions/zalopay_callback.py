"""HTTP, public: ZaloPay reports that an order is paid. The MAC is the authorization."""

import base64
import json
import os
import time
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger

from stays.aws.client import DynamoDB, SecretsManager
from stays.aws.store import Store
from stays.domain.errors import Busy, NotFound, Refused
from stays.domain.stray import stray_of
from stays.domain.values import stay_id_of
from stays.edge.viewer import Edge
from stays.metrics import count, count_decision, count_unreadable
from stays.table.refused import RefusedEvents
from stays.table.sessions import Sessions
from stays.table.strays import Strays
from stays.zalopay.callback import (
    MAXIMUM_CALLBACK,
    BadCallback,
    Callback,
    CallbackAnswer,
    Unreadable,
    Unsigned,
    read_callback,
)
from stays.zalopay.keys import Keys

APP_ID = int(os.environ["ZALOPAY_APP_ID"])
KEY2_SECRET = os.environ["ZALOPAY_KEY2_SECRET"]
CLOSED = bool(os.environ.get("MAINTENANCE"))  # nothing may be written
FORCED_AGE = 60  # seconds between two looks for a new key after a bad MAC

DONE = CallbackAnswer(return_code=1, return_message="success")
AGAIN = CallbackAnswer(return_code=0, return_message="try again")
REJECTED = CallbackAnswer(return_code=-1, return_message="mac not equal")

keys = Keys(SecretsManager())
edge = Edge(keys.readable, os.environ.get("EDGE_SECRET"))
store = Store(DynamoDB(), os.environ["STAYS_TABLE"], closed=CLOSED)
sessions = Sessions(store, count_decision, count_unreadable)
strays = Strays(store)
refusals = RefusedEvents(store)
logger = Logger()
looked_at = {"monotonic": -float(FORCED_AGE)}


def read(body: bytes) -> Callback:
    """The verified callback. After a bad MAC the key is read again, at most once a minute: it may be new."""
    try:
        return read_callback(body, keys.accepted(KEY2_SECRET), APP_ID)
    except Unsigned:
        if time.monotonic() - looked_at["monotonic"] < FORCED_AGE:
            raise
    looked_at["monotonic"] = time.monotonic()
    return read_callback(body, keys.accepted(KEY2_SECRET, fresh=True), APP_ID)


def keep(callback: Callback, now: datetime) -> None:
    """Record money for an order that is not ours, once, so that the operator can refund it."""
    transaction_id = callback.evidence.transaction_id
    if not strays.keep(stray_of(callback.evidence, None, callback.app_trans_id)):
        refusals.keep(f"callback-{transaction_id}", "money for an unknown order", str(callback.evidence.raw), now)
    count("StrayMoney")
    logger.error("money for an unknown order", extra={"transactionId": transaction_id})


def keep_unread(message: Unreadable, now: datetime) -> None:
    """Record a callback that cannot be read, for the operator. The same callback gets the same name each time."""
    refusals.keep(f"callback-{message.mac}", str(message), message.raw, now)
    count("UnreadableCallbacks")
    logger.error("callback cannot be read", extra={"reason": str(message)})


def record(callback: Callback, now: datetime) -> None:
    """Bring the evidence to the decision. If no session of ours fits, record it: it is money."""
    try:
        session = sessions.find(stay_id_of(callback.app_trans_id) or "")
    except NotFound:
        keep(callback, now)
        return
    settled = sessions.record(session, callback.evidence, now)
    logger.info("callback", extra={"sessionId": settled.id, "status": settled.status, "fulfilment": settled.fulfilment})


def read_body(body: str, *, encoded: bool) -> bytes:
    if len(body) > MAXIMUM_CALLBACK * 2:
        raise BadCallback("too large")
    try:
        raw = base64.b64decode(body, validate=True) if encoded else body.encode()
    except ValueError:
        raise BadCallback("not decodable") from None
    if len(raw) > MAXIMUM_CALLBACK:
        raise BadCallback("too large")
    return raw


def settle_callback(body: str, *, encoded: bool) -> CallbackAnswer:
    order, now = None, datetime.now(UTC)
    try:
        try:
            callback = read(read_body(body, encoded=encoded))
        except Unreadable as message:
            keep_unread(message, now)
            return DONE
        order = callback.app_trans_id
        count("CallbackVerified")
        record(callback, now)
    except Unsigned:
        count("BadMac")
        return REJECTED
    except BadCallback as error:
        count("CallbackRejected")
        logger.warning("callback rejected", extra={"reason": str(error)})
        return REJECTED
    except Exception:  # the outermost edge: after any error ZaloPay repeats the callback, and the clock asks ZaloPay
        count("CallbackNotRecorded")
        logger.exception("callback not recorded", extra={"appTransId": order})
        return AGAIN
    return DONE


def answered(status: int, body: str) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": body}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    try:
        edge.admit(event)
    except Refused as refusal:  # in the contract's error shape: this is not ZaloPay
        error = {"code": refusal.code, "message": refusal.message, "details": refusal.details}
        return answered(403, json.dumps({"error": error, "requestId": event["requestContext"]["requestId"]}))
    except Busy:
        return answered(200, AGAIN.model_dump_json())
    answer = settle_callback(event.get("body") or "", encoded=event.get("isBase64Encoded", False))
    return answered(200, answer.model_dump_json())
