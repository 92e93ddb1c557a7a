"""HTTP: creating a payment, and reading how it stands."""

import os
import re
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import Field

from stays import __version__, http
from stays.connections import Connections, Presence, fingerprint
from stays.domain.award import Quote, quote
from stays.domain.booking import booking_of
from stays.domain.decision import ATTEMPT_TIME, Evidence, Outcome, order_made
from stays.domain.errors import Invalid, NotFound, Refused, StaysError
from stays.domain.mailing import language_of
from stays.domain.payment import Contact, PaymentSession, Status, attempt_order, open_session
from stays.domain.values import (
    APP_TRANS_ID,
    MAXIMUM_NIGHTS,
    TRANSACTION_ID,
    Amount,
    Id,
    Model,
    Night,
    new_stay_id,
    stay_id_of,
)
from stays.metrics import count, milestone
from stays.table.awards import Awards
from stays.table.sessions import NightsTaken, Sessions
from stays.table.store import PATIENCE, Conflicted, Store
from stays.zalopay import Created
from stays.zalopay.client import Client, client

FRONTEND_URL = os.environ["FRONTEND_URL"].rstrip("/")
CALLBACK_URL = os.environ["CALLBACK_URL"]
ENDPOINT = os.environ["ZALOPAY_ENDPOINT"]
APP_ID = int(os.environ["ZALOPAY_APP_ID"])
KEY1_SECRET = os.environ["ZALOPAY_KEY1_SECRET"]
WAITS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 1.0, 1.0, 1.0)  # seconds, while another call makes the same order
VERDICT = ("transactionId", "amount", "paidAt", "reason", "refund")

dynamodb = boto3.client("dynamodb", config=PATIENCE)
store = Store(dynamodb, os.environ["STAYS_TABLE"])
sessions = Sessions(store, milestone)
awards = Awards(store)
presence = Presence(Connections(dynamodb, os.environ["CONNECTIONS_TABLE"]))
logger = Logger()
app = http.resolver()


class CreateRequest(Model):
    """What the pay button sends. The text for the order is ours, so `orderInfo` is only bounded."""

    auction_id: Id
    selected_nights: Annotated[list[Night], Field(min_length=1, max_length=MAXIMUM_NIGHTS)]
    amount: Amount
    order_info: Annotated[str, Field(max_length=1000)] | None = None


def zalopay() -> Client:
    return client(ENDPOINT, APP_ID, KEY1_SECRET)


def caller(now: datetime) -> http.Caller:
    """Who calls. That they called from here is remembered: it vouches for the socket that follows."""
    who = http.caller(app)
    presence.note(who.user_id, fingerprint(who.address, who.agent), now)
    return who


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok", "version": __version__}


@app.post("/payment/zalopay/create")
def create(request: CreateRequest) -> dict[str, Any]:
    now = datetime.now(UTC)
    who = caller(now)
    won = awards.of(request.auction_id, who.user_id)
    quoted = quote(won, request.selected_nights, request.amount, now)
    session = payable(quoted, who, now)
    logger.info("order ready", extra={"sessionId": session.id, "amount": session.amount})
    return {
        "orderUrl": session.order_url,
        "appTransId": session.app_trans_id,
        "amount": session.amount,
        "sessionId": session.id,
        "paymentId": session.id,
        "expiresAt": session.dump()["expiresAt"],
    }


def payable(quoted: Quote, who: http.Caller, now: datetime) -> PaymentSession:
    """A session with an order for these nights: the live one if there is one, else a new one."""
    contact = Contact(email=who.email, name=who.name, language=language_of(who.locale))
    for _ in range(2):
        stay_id = new_stay_id(now, os.urandom(10))
        session = open_session(stay_id, quoted, who.user_id, contact, now, reserve=False)
        try:
            sessions.open(session, now)
            return order(session)
        except NightsTaken as taken:
            resumed = resume(standing(taken, quoted, who.user_id), now)
        if resumed is not None:
            return resumed
    raise creation_failed()


def standing(taken: NightsTaken, quoted: Quote, user_id: str) -> PaymentSession:
    """The caller's own live session for the very same nights, or a refusal."""
    if taken.user_id != user_id:
        raise nights_taken(taken)
    session = sessions.find(taken.stay_id, user_id)
    if session.status is Status.PAID:
        raise already_paid(session)
    if (session.auction_id, session.nights, session.amount) != (quoted.award.auction_id, quoted.nights, quoted.amount):
        raise Refused(
            "INVALID_AUCTION_STATE",
            "Another payment for one of these nights is under way.",
            sessionId=session.id,
            expiresAt=session.dump()["expiresAt"],
        )
    return session


def resume(session: PaymentSession, now: datetime) -> PaymentSession | None:
    """The live session with its order; None if it turned out to be over and its nights are free."""
    if not session.is_live:
        return None
    if session.order_url and now < session.expires_at:
        return session
    if session.attempted_at is None:
        return order_of_reservation(session, now)
    if session.order_url is None and now - session.attempted_at < ATTEMPT_TIME:
        return await_order(session)
    settled = asked(session, "create", now)
    if settled.status is Status.PAID:
        raise already_paid(settled)
    if settled.is_live:
        raise creation_failed(session)
    return None


def order_of_reservation(session: PaymentSession, now: datetime) -> PaymentSession:
    attempted = attempt_order(session, now)
    try:
        sessions.attempt(session, attempted, now)
    except NightsTaken as taken:
        raise nights_taken(taken) from None
    except Conflicted:
        return await_order(session)
    return order(attempted)


def await_order(session: PaymentSession) -> PaymentSession:
    """Another call is making the order right now: a double click."""
    for seconds in WAITS:
        time.sleep(seconds)
        session = sessions.find(session.id)
        if session.order_url:
            return session
        if not session.is_live:
            break
    raise creation_failed(session)


def order(session: PaymentSession) -> PaymentSession:
    """Make the order of a session that is on record. Only an address makes it payable."""
    made = make_order(session)
    if not isinstance(made, Created) and made.outcome is not Outcome.REFUSED:
        made = after_silence(session)
    if not isinstance(made, Created):
        logger.warning("no order", extra={"sessionId": session.id, "outcome": made.outcome, "code": made.code})
        settled = sessions.record(session, made, datetime.now(UTC))
        raise already_paid(settled) if settled.status is Status.PAID else creation_failed(session)
    url, now = made.order_url, datetime.now(UTC)
    begun = sessions.settle(session, lambda current, _: order_made(current, url, now), now)
    if begun.status not in (Status.PENDING, Status.PAID):
        raise creation_failed(session)
    return begun.but(order_url=url)


def make_order(session: PaymentSession) -> Created | Evidence:
    redirect_url = f"{FRONTEND_URL}/dashboard/payment/zalopay/{session.id}"
    made = zalopay().create_order(session, redirect_url, CALLBACK_URL)
    if not isinstance(made, Created):
        count("ZaloPayRefused" if made.outcome is Outcome.REFUSED else "ZaloPaySilent")
    return made


def query(session: PaymentSession, source: str) -> Evidence:
    found = zalopay().query(session, source)
    if found.outcome is Outcome.UNKNOWN:
        count("ZaloPaySilent")
    return found


def after_silence(session: PaymentSession) -> Created | Evidence:
    """Silence is resolved by a query.

    An order that is not there is made once more; one whose address was lost can be paid by nobody
    and is given up.
    """
    found = query(session, "create")
    if found.outcome is Outcome.NOT_FOUND:
        return make_order(session)
    return found.but(outcome=Outcome.REFUSED) if found.outcome is Outcome.UNPAID else found


def creation_failed(session: PaymentSession | None = None) -> StaysError:
    details = {"sessionId": session.id} if session else {}
    return StaysError("PAYMENT_CREATION_FAILED", "The order could not be made; please try again.", **details)


def nights_taken(taken: NightsTaken) -> Refused:
    return Refused("INVALID_AUCTION_STATE", "A night is taken by somebody else.", nights=[taken.night.isoformat()])


def already_paid(session: PaymentSession) -> Refused:
    return Refused("INVALID_AUCTION_STATE", "These nights are paid already.", sessionId=session.id)


@app.get("/payment/zalopay/status/<app_trans_id>")
def status(app_trans_id: Annotated[str, Path(pattern=APP_TRANS_ID)]) -> dict[str, Any]:
    now = datetime.now(UTC)
    who = caller(now)
    session = sessions.find(str(stay_id_of(app_trans_id)), who.user_id)
    if session.app_trans_id != app_trans_id:
        raise NotFound
    shown = asked(session, "poll", now).to_client()
    verdict = {"CREATED": "PENDING", "EXPIRED": "CANCELLED"}.get(shown["status"], shown["status"])
    return {"status": verdict, **{name: shown[name] for name in VERDICT if name in shown}}


def asked(session: PaymentSession, source: str, now: datetime) -> PaymentSession:
    """The session after asking ZaloPay, where that is open and nobody asked in the last seconds."""
    if session.is_live and session.attempted_at and sessions.claim_query(session, now):
        return sessions.record(session, query(session, source), now)
    return session


@app.get("/payment/sessions/<session_id>")
def session(session_id: http.PathId) -> dict[str, Any]:
    now = datetime.now(UTC)
    found = sessions.find(session_id, caller(now).user_id)
    overdue = now > found.expires_at
    return (asked(found, "read", now) if overdue else found).to_client()


@app.get("/payment/transactions/<transaction_id>")
def transaction(transaction_id: str) -> dict[str, Any]:
    who = caller(datetime.now(UTC))
    if not re.fullmatch(TRANSACTION_ID, transaction_id):
        raise Invalid(
            "INVALID_TRANSACTION_ID",
            "This is not a transaction id.",
            fields=[{"field": "transactionId", "message": "It consists of digits."}],
        )
    return sessions.paid_by(transaction_id, who.user_id).to_client()


@app.post("/payment/<payment_id>/booking")
def confirm_booking(payment_id: http.PathId) -> dict[str, Any]:
    now = datetime.now(UTC)
    found = asked(sessions.find(payment_id, caller(now).user_id), "booking", now)
    booking = booking_of(found)
    if booking is None or found.booked_at is None:
        state = found.client_status
        raise Refused("BOOKING_CREATION_FAILED", "Only a payment makes a booking.", status=state, reason=found.reason)
    return booking.dump()


@app.get("/payment/<payment_id>/booking")
def booking(payment_id: http.PathId) -> dict[str, Any]:
    who = caller(datetime.now(UTC))
    return sessions.booking(payment_id, who.user_id).dump()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.answer(app, event, context)
