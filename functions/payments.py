"""HTTP: creating payments and reading their state."""

import os
import re
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from pydantic import Field, WithJsonSchema

from stays import __version__
from stays.aws.client import DynamoDB, SecretsManager
from stays.aws.store import Store
from stays.checkout import Checkout, Choice, Pages, creation_failed
from stays.domain.booking import booking_of
from stays.domain.errors import Invalid, NotFound, Refused
from stays.domain.mail import language_of
from stays.domain.payment import Contact, PaymentSession, read_terms
from stays.domain.values import (
    MAXIMUM_NIGHTS,
    TRANSACTION_ID,
    Amount,
    AppTransId,
    Id,
    Model,
    Night,
    StayId,
    new_stay_id,
    stay_id_of,
)
from stays.edge import http
from stays.edge.connections import PRESENCE_TIMEOUTS, Connections, Presence, fingerprint
from stays.edge.responses.bookings import ShownBooking
from stays.edge.responses.payments import Health, Order, ShownPaymentSession, Verdict
from stays.edge.viewer import Edge
from stays.metrics import count_decision, count_failed_presence, count_unreadable
from stays.settlement import Settlement
from stays.table.awards import Awards
from stays.table.sessions import Sessions
from stays.zalopay.client import Client, client
from stays.zalopay.keys import Keys

PAGES = Pages(os.environ["FRONTEND_URL"].rstrip("/"), os.environ["CALLBACK_URL"])
ENDPOINT = os.environ["ZALOPAY_ENDPOINT"]
APP_ID = int(os.environ["ZALOPAY_APP_ID"])
KEY1_SECRET = os.environ["ZALOPAY_KEY1_SECRET"]
TERMS = read_terms(os.environ["REFUND_POLICY"])
CLOSED = bool(os.environ.get("MAINTENANCE"))  # nothing may be written
TransactionId = Annotated[str, WithJsonSchema({"type": "string", "pattern": TRANSACTION_ID})]


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
    return zalopay_client


keys = Keys(SecretsManager())
zalopay_client = client(ENDPOINT, APP_ID, partial(keys.signing, KEY1_SECRET))
dynamodb = DynamoDB()
store = Store(dynamodb, os.environ["STAYS_TABLE"], closed=CLOSED)
sessions = Sessions(store, count_decision, count_unreadable)
settlement = Settlement(sessions, zalopay, clock)
awards = Awards(store, count_unreadable)
presence_store = Store(dynamodb.with_timeouts(PRESENCE_TIMEOUTS), os.environ["CONNECTIONS_TABLE"])
presence = Presence(Connections(presence_store), count_failed_presence)
logger = Logger()
edge = Edge(keys.readable, os.environ.get("EDGE_SECRET"))
app = http.Api(edge.admit)


def note_caller(now: datetime) -> http.Caller:
    """The calling user. The call is recorded by address: it proves the user of the socket that follows."""
    who = http.caller(app)
    presence.note(who.user_id, fingerprint(who.address, who.agent), now)
    return who


@app.operation("GET /health", "Whether the API is up")
def health() -> Health:
    return Health(status="ok", version=__version__)


@app.operation(
    "POST /payment/zalopay/create",
    "Begin to pay for awarded nights",
    errors=(
        "INVALID_AMOUNT",
        "NOT_FOUND",
        "INVALID_AUCTION_STATE",
        "OFFER_EXPIRED",
        "PAYMENT_PROCESSING",
        "PAYMENT_CREATION_FAILED",
    ),
)
def create(request: CreateRequest) -> Order:
    """A double click gets the same answer again. Other nights of the same award replace an order that is not paid."""
    if CLOSED:
        raise creation_failed()
    who = note_caller(clock())
    contact = Contact(email=who.email, name=who.name, language=language_of(who.locale))
    choice = Choice(request.auction_id, who.user_id, request.selected_nights, request.amount, contact)
    session = Checkout(awards, settlement.of_one_request(), TERMS, new_id).pay(choice, PAGES)
    order = {"sessionId": session.id, "appTransId": session.app_trans_id, "amount": session.amount}
    logger.info("order ready", extra=order)
    return Order.model_validate(session)


@app.operation("GET /payment/zalopay/status/<app_trans_id>", "The state of a payment", errors=("NOT_FOUND",))
def status(app_trans_id: AppTransId) -> Verdict:
    """ZaloPay is asked at most every five seconds."""
    now = clock()
    who = note_caller(now)
    session = sessions.find_with_notes(str(stay_id_of(app_trans_id)), who.user_id)
    if session.app_trans_id != app_trans_id:
        raise NotFound
    return Verdict.of(settlement.ask(session, "poll", now))


@app.operation("GET /payment/sessions/<session_id>", "A payment session", errors=("NOT_FOUND",))
def session(session_id: StayId) -> ShownPaymentSession:
    """Reads PENDING until another route has told the user that it is paid: the page polls while it reads PENDING."""
    now = clock()
    found = sessions.find_with_notes(session_id, note_caller(now).user_id)
    overdue = now > found.expires_at
    known = settlement.ask(found, "read", now) if overdue else found
    return ShownPaymentSession.of(known.untold, TERMS)


@app.operation(
    "GET /payment/transactions/<transaction_id>",
    "A payment session by ZaloPay's transaction",
    errors=("INVALID_TRANSACTION_ID", "NOT_FOUND"),
)
def transaction(transaction_id: TransactionId) -> ShownPaymentSession:
    now = clock()
    who = note_caller(now)
    if not re.fullmatch(TRANSACTION_ID, transaction_id):
        raise Invalid(
            "INVALID_TRANSACTION_ID",
            "This is not a transaction id.",
            fields=[{"field": "transactionId", "message": "It consists of digits."}],
        )
    return ShownPaymentSession.of(note_told(sessions.find_paid_by(transaction_id, who.user_id), now), TERMS)


def note_told(session: PaymentSession, now: datetime) -> PaymentSession:
    """The session. The first answer that says it is paid is recorded. HEAD has no answer to record."""
    if session.is_untold and not http.is_head(app):
        sessions.note_told(session, now)
    return session


@app.operation(
    "POST /payment/<payment_id>/booking",
    "The one booking of a paid session",
    errors=("NOT_FOUND", "BOOKING_CREATION_FAILED"),
)
def confirm_booking(payment_id: StayId) -> ShownBooking:
    now = clock()
    found = settlement.ask(sessions.find_with_notes(payment_id, note_caller(now).user_id), "booking", now)
    booking = booking_of(found)
    if booking is None or found.booked_at is None:
        state = found.client_status
        raise Refused("BOOKING_CREATION_FAILED", "Only a payment makes a booking.", status=state, reason=found.reason)
    note_told(found, now)
    return ShownBooking.of(booking, TERMS)


@app.operation(
    "GET /payment/<payment_id>/booking", "The booking of a payment, once there is one", errors=("NOT_FOUND",)
)
def booking(payment_id: StayId) -> ShownBooking:
    now = clock()
    found = sessions.find_with_notes(payment_id, note_caller(now).user_id)
    booking = booking_of(found)
    if booking is None:
        raise NotFound
    note_told(found, now)
    return ShownBooking.of(booking, TERMS)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.answer(app, event, context)
