"""HTTP: a user's bookings, and the requests about them."""

import os
from datetime import UTC, datetime
from typing import Annotated, Any

import boto3
from aws_lambda_powertools import Logger
from pydantic import BeforeValidator, Field, WithJsonSchema

from stays.checkout import Checkout, Choice, cancel_booking
from stays.domain.booking import Booking, BookingStatus, booking_of
from stays.domain.errors import NotFound, Refused
from stays.domain.mail import (
    Profile,
    account_of,
    language_of,
    new_mail,
    read_locale,
    read_picture,
    wished_for,
)
from stays.domain.payment import Contact, PaymentSession, read_terms
from stays.domain.values import LONGEST_EMAIL, LONGEST_NAME, MAXIMUM_NIGHTS, Id, Model, Night, new_stay_id
from stays.edge import http
from stays.edge.legacy import Answer, legacy
from stays.metrics import milestone, pass_over
from stays.settlement import Settlement
from stays.table.awards import Awards
from stays.table.effects import Effects
from stays.table.profiles import Profiles
from stays.table.sessions import Sessions
from stays.table.store import PATIENCE, Store
from stays.zalopay.client import Client, client

ENDPOINT = os.environ["ZALOPAY_ENDPOINT"]
APP_ID = int(os.environ["ZALOPAY_APP_ID"])
KEY1_SECRET = os.environ["ZALOPAY_KEY1_SECRET"]
TERMS = read_terms(os.environ["REFUND_POLICY"])
LEGACY_API_URL = os.environ.get("LEGACY_API_URL", "")
IGNORED = WithJsonSchema({"description": "what cannot be read is ignored, and loses nothing beside it"})


def clock() -> datetime:
    return datetime.now(UTC)


def new_id(now: datetime) -> str:
    return new_stay_id(now, os.urandom(10))


def zalopay() -> Client:
    return client(ENDPOINT, APP_ID, KEY1_SECRET)


store = Store(boto3.client("dynamodb", config=PATIENCE), os.environ["STAYS_TABLE"])
sessions = Sessions(store, milestone, pass_over)
awards = Awards(store, pass_over)
settlement = Settlement(sessions, zalopay, clock)
effects = Effects(store)
profiles = Profiles(store)
logger = Logger()
app = http.resolver()


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


@app.get("/user/bookings")
def mine() -> list[dict[str, Any]]:
    return [booking.to_client(TERMS) for booking in sessions.load_bookings(http.caller(app).user_id)]


@app.post("/bookings")
def reserve(request: BookingRequest) -> dict[str, Any]:
    who = http.caller(app)
    contact = Contact(email=who.email, name=who.name, language=language_of(who.locale))
    choice = Choice(request.auction_id, who.user_id, request.selected_nights, None, contact)
    return shown(Checkout(awards, settlement.of_one_request(), TERMS, new_id).reserve(choice))


def shown(session: PaymentSession) -> dict[str, Any]:
    booking = booking_of(session)
    assert booking, "reserved or paid for"
    return booking.to_client(TERMS)


@app.delete("/bookings/<booking_id>")
def give_back(booking_id: http.PathId) -> dict[str, Any]:
    now = clock()
    session = sessions.find(booking_id, http.caller(app).user_id)
    if booking_of(session) is None:
        raise NotFound
    settled = cancel_booking(settlement.of_one_request(), session, TERMS, now)
    award = awards.load_of_session(settled)
    if award.unsold:
        awards.pass_on(award, clock(), new_id(now))
    logger.info("booking cancelled", extra={"sessionId": settled.id, "fulfilment": settled.fulfilment})
    return shown(settled)


def load_confirmed(booking_id: str, code: str) -> Booking:
    """A confirmed booking of the caller, as its user or as its host."""
    booking = sessions.load_booking(booking_id, http.caller(app).user_id, host=True)
    if booking.status is not BookingStatus.CONFIRMED:
        raise Refused(code, "This booking is not confirmed.", status=booking.status)
    return booking


@app.post("/bookings/<booking_id>/update-calendar")
def update_calendar(booking_id: http.PathId) -> dict[str, Any]:
    """Answers only: the transaction that recorded the payment has already blocked the nights."""
    load_confirmed(booking_id, "CALENDAR_UPDATE_FAILED")
    return {}


@app.post("/bookings/<booking_id>/conversation")
def open_conversation(booking_id: http.PathId) -> dict[str, str]:
    booking = load_confirmed(booking_id, "INVALID_AUCTION_STATE")
    return {"threadId": effects.open_thread(booking, datetime.now(UTC)).thread_id}


@app.post("/bookings/<booking_id>/send-confirmation")
def send_confirmation(booking_id: http.PathId) -> dict[str, Any]:
    """Send the confirmation to the user's present address, and keep that address in the mail."""
    booking, now = load_confirmed(booking_id, "EMAIL_SENDING_FAILED"), clock()
    session, mail = effects.load_mail(booking.id, "confirmation")
    profile = None if session.contact.email else profiles.load(session.user_id)
    to = session.contact.address(profile)
    owed = mail or new_mail(booking.id, "confirmation", now)
    effects.request(owed, lambda current: wished_for(current, to, now))
    return {}


@app.post("/users/auth0-sync")
def save_profile(request: ProfileRequest) -> tuple[dict[str, Any], int]:
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
        updated_at=datetime.now(UTC),
    )
    saved = profiles.save(profile)
    theirs = sync_with_legacy() if LEGACY_API_URL else None
    return as_ours(theirs, who.user_id) if theirs else (account_of(saved).dump(), 200)


def sync_with_legacy() -> Answer | None:
    sent = http.received(app)
    headers = {name: sent.headers[name] for name in ("authorization", "content-type") if name in sent.headers}
    query = f"?{sent.query}" if sent.query else ""
    answer = legacy(LEGACY_API_URL).post(f"/users/auth0-sync{query}", headers, sent.body)
    logger.info("passed on", extra={"status": answer.status if answer else None})
    return answer


def as_ours(theirs: Answer, user_id: str) -> tuple[dict[str, Any], int]:
    """Their answer with our user id, because the page compares this id with the ids in our messages."""
    named = "id" in theirs.content or theirs.status < 400
    return theirs.content | ({"id": user_id} if named else {}), theirs.status


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.answer(app, event, context)
