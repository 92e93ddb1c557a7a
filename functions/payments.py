"""HTTP: creating payments and reading their state."""

import os
import re
from datetime import UTC, datetime
from typing import Annotated, Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import Field

from stays import __version__
from stays.checkout import Checkout, Choice, Pages
from stays.domain.booking import booking_of
from stays.domain.errors import Invalid, NotFound, Refused
from stays.domain.mail import language_of
from stays.domain.payment import Contact, PaymentSession, read_terms
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
from stays.edge import http
from stays.edge.connections import Connections, Presence, fingerprint
from stays.metrics import milestone, pass_over, presence_failed
from stays.settlement import Settlement
from stays.table.awards import Awards
from stays.table.sessions import Sessions
from stays.table.store import PATIENCE, Store
from stays.zalopay.client import Client, client

PAGES = Pages(os.environ["FRONTEND_URL"].rstrip("/"), os.environ["CALLBACK_URL"])
ENDPOINT = os.environ["ZALOPAY_ENDPOINT"]
APP_ID = int(os.environ["ZALOPAY_APP_ID"])
KEY1_SECRET = os.environ["ZALOPAY_KEY1_SECRET"]
TERMS = read_terms(os.environ["REFUND_POLICY"])
VERDICT = ("transactionId", "amount", "paidAt", "reason", "refund")


class CreateRequest(Model):
    """The pay button's request. Our own text describes the order, so `orderInfo` only has a limit."""

    auction_id: Id
    selected_nights: Annotated[list[Night], Field(min_length=1, max_length=MAXIMUM_NIGHTS)]
    amount: Amount
    order_info: Annotated[str, Field(max_length=1000)] | None = None


def clock() -> datetime:
    return datetime.now(UTC)


def new_id(now: datetime) -> str:
    return new_stay_id(now, os.urandom(10))


def zalopay() -> Client:
    return client(ENDPOINT, APP_ID, KEY1_SECRET)


dynamodb = boto3.client("dynamodb", config=PATIENCE)
store = Store(dynamodb, os.environ["STAYS_TABLE"])
sessions = Sessions(store, milestone, pass_over)
settlement = Settlement(sessions, zalopay, clock)
awards = Awards(store, pass_over)
presence = Presence(Connections(dynamodb, os.environ["CONNECTIONS_TABLE"]), presence_failed)
logger = Logger()
app = http.resolver()


def note_caller(now: datetime) -> http.Caller:
    """The calling user. The call is recorded by address: it proves the user of the socket that follows."""
    who = http.caller(app)
    presence.note(who.user_id, fingerprint(who.address, who.agent), now)
    return who


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok", "version": __version__}


@app.post("/payment/zalopay/create")
def create(request: CreateRequest) -> dict[str, Any]:
    who = note_caller(clock())
    contact = Contact(email=who.email, name=who.name, language=language_of(who.locale))
    choice = Choice(request.auction_id, who.user_id, request.selected_nights, request.amount, contact)
    session = Checkout(awards, settlement.of_one_request(), TERMS, new_id).pay(choice, PAGES)
    logger.info("order ready", extra={"sessionId": session.id, "amount": session.amount})
    return {
        "orderUrl": session.order_url,
        "appTransId": session.app_trans_id,
        "amount": session.amount,
        "sessionId": session.id,
        "paymentId": session.id,
        "expiresAt": session.dump()["expiresAt"],
    }


@app.get("/payment/zalopay/status/<app_trans_id>")
def status(app_trans_id: Annotated[str, Path(pattern=APP_TRANS_ID)]) -> dict[str, Any]:
    now = clock()
    who = note_caller(now)
    session = sessions.find(str(stay_id_of(app_trans_id)), who.user_id)
    if session.app_trans_id != app_trans_id:
        raise NotFound
    shown = settlement.ask(session, "poll", now).to_client(TERMS)
    verdict = {"CREATED": "PENDING", "EXPIRED": "CANCELLED"}.get(shown["status"], shown["status"])
    return {"status": verdict, **{name: shown[name] for name in VERDICT if name in shown}}


@app.get("/payment/sessions/<session_id>")
def session(session_id: http.PathId) -> dict[str, Any]:
    """The only route that says PENDING until another route has told the user that it is paid: its page polls then."""
    now = clock()
    found = sessions.find(session_id, note_caller(now).user_id)
    overdue = now > found.expires_at
    return (settlement.ask(found, "read", now) if overdue else found).to_session_page(TERMS)


@app.get("/payment/transactions/<transaction_id>")
def transaction(transaction_id: str) -> dict[str, Any]:
    now = clock()
    who = note_caller(now)
    if not re.fullmatch(TRANSACTION_ID, transaction_id):
        raise Invalid(
            "INVALID_TRANSACTION_ID",
            "This is not a transaction id.",
            fields=[{"field": "transactionId", "message": "It consists of digits."}],
        )
    return note_told(sessions.find_paid_by(transaction_id, who.user_id), now).to_client(TERMS)


def note_told(session: PaymentSession, now: datetime) -> PaymentSession:
    """The session. The first answer that says it is paid is recorded. HEAD has no answer to record."""
    if session.is_untold and not http.is_head(app):
        sessions.note_told(session, now)
    return session


@app.post("/payment/<payment_id>/booking")
def confirm_booking(payment_id: http.PathId) -> dict[str, Any]:
    now = clock()
    found = settlement.ask(sessions.find(payment_id, note_caller(now).user_id), "booking", now)
    booking = booking_of(found)
    if booking is None or found.booked_at is None:
        state = found.client_status
        raise Refused("BOOKING_CREATION_FAILED", "Only a payment makes a booking.", status=state, reason=found.reason)
    note_told(found, now)
    return booking.to_client(TERMS)


@app.get("/payment/<payment_id>/booking")
def booking(payment_id: http.PathId) -> dict[str, Any]:
    now = clock()
    found = sessions.find(payment_id, note_caller(now).user_id)
    booking = booking_of(found)
    if booking is None:
        raise NotFound
    note_told(found, now)
    return booking.to_client(TERMS)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.answer(app, event, context)
