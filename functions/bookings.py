"""HTTP: a user's bookings, and the requests about them."""

import os
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from pydantic import BeforeValidator, Field, WithJsonSchema

from stays.answers import Answers
from stays.aws.client import DynamoDB, SecretsManager
from stays.aws.store import Store
from stays.checkout import Checkout, Choice, cancel_booking, creation_failed
from stays.domain.booking import Booking, BookingStatus, booking_of
from stays.domain.errors import NotFound, Refused
from stays.domain.mail import (
    Profile,
    language_of,
    new_mail,
    read_locale,
    read_picture,
    read_switch,
    requested_by_user,
)
from stays.domain.payment import Contact, PaymentSession, read_terms
from stays.domain.values import LONGEST_EMAIL, LONGEST_NAME, MAXIMUM_NIGHTS, Id, Model, Night, StayId, new_stay_id
from stays.edge import http
from stays.edge.legacy import Answer, legacy
from stays.edge.responses.accounts import Account
from stays.edge.responses.bookings import ShownBooking, Thread
from stays.edge.viewer import Edge
from stays.metrics import count_decision, count_unreadable
from stays.settlement import Settlement
from stays.table.awards import Awards
from stays.table.effects import Effects
from stays.table.profiles import Profiles
from stays.table.sessions import Sessions
from stays.zalopay.client import Client, client
from stays.zalopay.keys import Keys, NoKey

ENDPOINT = os.environ["ZALOPAY_ENDPOINT"]
APP_ID = int(os.environ["ZALOPAY_APP_ID"])
KEY1_SECRET = os.environ["ZALOPAY_KEY1_SECRET"]
EMAIL_KEY_SECRET = os.environ["EMAIL_KEY_SECRET"]
TERMS = read_terms(os.environ["REFUND_POLICY"])
LEGACY_API_URL = os.environ.get("LEGACY_API_URL", "")
CLOSED = bool(os.environ.get("MAINTENANCE"))  # nothing may be written
IGNORED = WithJsonSchema({"description": "A value that cannot be read is ignored."})


def clock() -> datetime:
    return datetime.now(UTC)


def new_id(now: datetime) -> str:
    return new_stay_id(now, os.urandom(10))


def zalopay() -> Client:
    return zalopay_client


keys = Keys(SecretsManager())
zalopay_client = client(ENDPOINT, APP_ID, partial(keys.signing, KEY1_SECRET))
store = Store(DynamoDB(), os.environ["STAYS_TABLE"], closed=CLOSED)
sessions = Sessions(store, count_decision, count_unreadable)
awards = Awards(store, count_unreadable)
settlement = Settlement(sessions, zalopay, clock)
answers = Answers(awards, settlement, new_id)
effects = Effects(store)
profiles = Profiles(store)
logger = Logger()
edge = Edge(keys.readable, os.environ.get("EDGE_SECRET"))
app = http.Api(edge.admit)


class BookingRequest(Model):
    """Nights of an award that the user reserves for a while, to pay later."""

    auction_id: Id
    selected_nights: Annotated[list[Night], Field(min_length=1, max_length=MAXIMUM_NIGHTS)]


class ProfileRequest(Model):
    """The user's details from the identity provider. Empty means unknown."""

    email: Annotated[str, Field(max_length=LONGEST_EMAIL, pattern=r"^([^@\s\ufeff]+@[^@\s\ufeff]+)?$")] | None = None
    name: Annotated[str, Field(max_length=LONGEST_NAME)] | None = None
    locale: Annotated[str | None, BeforeValidator(read_locale), IGNORED] = None
    picture: Annotated[str | None, BeforeValidator(read_picture), IGNORED] = None
    reminders: Annotated[bool | None, BeforeValidator(read_switch), IGNORED] = None


@app.operation("GET /user/bookings", "The caller's bookings, newest first")
def mine() -> list[ShownBooking]:
    return [ShownBooking.of(booking, TERMS) for booking in sessions.load_bookings(http.caller(app).user_id)]


@app.operation(
    "POST /bookings",
    "Hold awarded nights for fifteen minutes",
    errors=("NOT_FOUND", "INVALID_AUCTION_STATE", "OFFER_EXPIRED", "PAYMENT_PROCESSING", "PAYMENT_CREATION_FAILED"),
)
def reserve(request: BookingRequest) -> ShownBooking:
    """The booking is PENDING until it is paid. A full win is held whole."""
    if CLOSED:
        raise creation_failed()
    who = http.caller(app)
    contact = Contact(email=who.email, name=who.name, language=language_of(who.locale))
    choice = Choice(request.auction_id, who.user_id, request.selected_nights, None, contact)
    return shown(Checkout(awards, settlement.of_one_request(), TERMS, new_id).reserve(choice))


def shown(session: PaymentSession) -> ShownBooking:
    booking = booking_of(session)
    assert booking, "reserved or paid for"
    return ShownBooking.of(booking, TERMS)


@app.operation(
    "DELETE /bookings/<booking_id>",
    "Cancel a booking or a reservation",
    errors=("NOT_FOUND", "INVALID_AUCTION_STATE", "PAYMENT_PROCESSING"),
)
def give_back(booking_id: StayId) -> ShownBooking:
    """The sale's `cancellationPolicy` decides the refund. The nights go to the runners-up or are released."""
    now = clock()
    session = sessions.find(booking_id, http.caller(app).user_id)
    if booking_of(session) is None:
        raise NotFound
    settled = cancel_booking(settlement.of_one_request(), session, TERMS, now)
    answers.pass_on_unsold(settled, clock())
    logger.info("booking cancelled", extra={"sessionId": settled.id, "fulfilment": settled.fulfilment})
    return shown(settled)


def load_confirmed(booking_id: str, code: str) -> Booking:
    """A confirmed booking of the caller, as its user or as its host."""
    booking = sessions.load_booking(booking_id, http.caller(app).user_id, host=True)
    if booking.status is not BookingStatus.CONFIRMED:
        raise Refused(code, "This booking is not confirmed.", status=booking.status)
    return booking


@app.operation(
    "POST /bookings/<booking_id>/update-calendar",
    "Block the nights of a booking",
    errors=("NOT_FOUND", "CALENDAR_UPDATE_FAILED"),
)
def update_calendar(booking_id: StayId) -> http.Nothing:
    """Answers only: the transaction that recorded the payment has already blocked the nights."""
    load_confirmed(booking_id, "CALENDAR_UPDATE_FAILED")
    return http.Nothing()


@app.operation(
    "POST /bookings/<booking_id>/conversation",
    "The thread with the host",
    errors=("NOT_FOUND", "INVALID_AUCTION_STATE"),
)
def open_conversation(booking_id: StayId) -> Thread:
    """The same thread at every call."""
    booking = load_confirmed(booking_id, "INVALID_AUCTION_STATE")
    return Thread.model_validate(effects.open_thread(booking, datetime.now(UTC)))


@app.operation(
    "POST /bookings/<booking_id>/send-confirmation",
    "Send the confirmation mail once more",
    errors=("NOT_FOUND", "EMAIL_SENDING_FAILED"),
)
def send_confirmation(booking_id: StayId) -> http.Nothing:
    """The mail goes to the user's present address.

    At most one mail a minute, five mails for a booking, and one new address a day: more is RATE_LIMIT.
    """
    booking, now = load_confirmed(booking_id, "EMAIL_SENDING_FAILED"), clock()
    session, mail = effects.load_mail(booking.id, "confirmation")
    profile = None if session.contact.email else profiles.load(session.user_id)
    to = session.contact.address(profile)
    owed = mail or new_mail(booking.id, "confirmation", now)
    effects.request(owed, lambda current: requested_by_user(current, to, now))
    return http.Nothing()


@app.operation("POST /users/auth0-sync", "Keep the caller's details, for mail")
def save_profile(request: ProfileRequest) -> Account | http.PassedOn:
    """Details on the page count first; the token's claims fill the gaps.

    The legacy backend has its own users. It gets the call too, and the page gets its answer.
    """
    who = http.caller(app)
    profile = Profile(
        user_id=who.user_id,
        email=request.email or who.email,
        name=request.name or who.name,
        language=language_of(request.locale) or language_of(who.locale),
        picture=request.picture or read_picture(who.picture),
        reminders=request.reminders,
        updated_at=datetime.now(UTC),
    )
    saved = profiles.save(profile, email_key())
    theirs = sync_with_legacy() if LEGACY_API_URL else None
    return as_ours(theirs, who.user_id) if theirs else Account.model_validate(saved)


def email_key() -> str | None:
    """The key of the addresses' hashes. Without it, an operator finds the user by the address after the next login."""
    try:
        return keys.signing(EMAIL_KEY_SECRET)
    except NoKey:
        logger.warning("address not indexed: its key cannot be read")
        return None


def sync_with_legacy() -> Answer | None:
    sent = http.received(app)
    headers = {name: sent.headers[name] for name in ("authorization", "content-type") if name in sent.headers}
    query = f"?{sent.query}" if sent.query else ""
    answer = legacy(LEGACY_API_URL).post(f"/users/auth0-sync{query}", headers, sent.body)
    logger.info("passed on", extra={"status": answer.status if answer else None})
    return answer


def as_ours(theirs: Answer, user_id: str) -> http.PassedOn:
    """Their answer with our user id, because the page compares this id with the ids in our messages."""
    named = "id" in theirs.content or theirs.status < 400
    return http.PassedOn(theirs.status, theirs.content | ({"id": user_id} if named else {}))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.answer(app, event, context)
