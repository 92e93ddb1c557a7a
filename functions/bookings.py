"""HTTP: a traveller's bookings, and what can be asked for them."""

import json
import os
from datetime import UTC, datetime
from typing import Annotated, Any

import boto3
from aws_lambda_powertools import Logger
from pydantic import BeforeValidator, Field, WithJsonSchema

from stays import http
from stays.domain.award import Quote, quote
from stays.domain.booking import Booking, BookingStatus, booking_of, cancel
from stays.domain.errors import NotFound, Refused
from stays.domain.mailing import Profile, account_of, language_of, read_locale, read_picture
from stays.domain.payment import Contact, PaymentSession, open_session
from stays.domain.values import LONGEST_EMAIL, LONGEST_NAME, MAXIMUM_NIGHTS, Id, Model, Night, new_stay_id
from stays.legacy import Answer, legacy
from stays.metrics import milestone
from stays.table.awards import Awards
from stays.table.effects import Effects
from stays.table.sessions import NightsTaken, Sessions
from stays.table.store import PATIENCE, Store

LEGACY_API_URL = os.environ.get("LEGACY_API_URL", "")
IGNORED = WithJsonSchema({"description": "what cannot be read is ignored, and loses nothing beside it"})
POLICY: list[tuple[int, int]] = [(days, percent) for days, percent in json.loads(os.environ["REFUND_POLICY"])]

store = Store(boto3.client("dynamodb", config=PATIENCE), os.environ["STAYS_TABLE"])
sessions = Sessions(store, milestone)
awards = Awards(store)
effects = Effects(store)
logger = Logger()
app = http.resolver()


class BookingRequest(Model):
    """Nights of an award that the traveller wants kept for a while, to be paid later."""

    auction_id: Id
    selected_nights: Annotated[list[Night], Field(min_length=1, max_length=MAXIMUM_NIGHTS)]


class ProfileRequest(Model):
    """What the identity provider knows of the user."""

    email: Annotated[str, Field(max_length=LONGEST_EMAIL, pattern=r"^[^@\s\ufeff]+@[^@\s\ufeff]+$")] | None = None
    name: Annotated[str, Field(max_length=LONGEST_NAME)] | None = None
    locale: Annotated[str | None, BeforeValidator(read_locale), IGNORED] = None
    picture: Annotated[str | None, BeforeValidator(read_picture), IGNORED] = None


@app.get("/user/bookings")
def mine() -> list[dict[str, Any]]:
    return [booking.dump() for booking in sessions.bookings(http.caller(app).user_id)]


@app.post("/bookings")
def reserve(request: BookingRequest) -> dict[str, Any]:
    now = datetime.now(UTC)
    who = http.caller(app)
    quoted = quote(awards.of(request.auction_id, who.user_id), request.selected_nights, None, now)
    contact = Contact(email=who.email, name=who.name, language=language_of(who.locale))
    session = open_session(new_stay_id(now, os.urandom(10)), quoted, who.user_id, contact, now, reserve=True)
    try:
        sessions.open(session, now)
    except NightsTaken as taken:
        session = standing(taken, quoted, who.user_id)
    return shown(session)


def standing(taken: NightsTaken, quoted: Quote, user_id: str) -> PaymentSession:
    """The caller's own reservation of the very same nights, or a refusal."""
    if taken.user_id == user_id:
        session = sessions.find(taken.stay_id, user_id)
        if session.reserved and session.is_live and session.nights == quoted.nights:
            return session
        raise Refused("INVALID_AUCTION_STATE", "You are paying or have paid for a night.", sessionId=session.id)
    raise Refused("INVALID_AUCTION_STATE", "A night is taken by somebody else.", nights=[taken.night.isoformat()])


def shown(session: PaymentSession) -> dict[str, Any]:
    booking = booking_of(session)
    assert booking, "reserved or paid for"
    return booking.dump()


@app.delete("/bookings/<booking_id>")
def cancel_booking(booking_id: http.PathId) -> dict[str, Any]:
    now = datetime.now(UTC)
    session = sessions.find(booking_id, http.caller(app).user_id)
    if booking_of(session) is None:
        raise NotFound
    settled = sessions.settle(session, lambda current, _: cancel(current, POLICY, now), now)
    logger.info("booking cancelled", extra={"sessionId": settled.id, "fulfilment": settled.fulfilment})
    return shown(settled)


def confirmed(booking_id: str, code: str) -> Booking:
    """A confirmed booking of the caller's, as traveller or as host."""
    booking = sessions.booking(booking_id, http.caller(app).user_id, host=True)
    if booking.status is not BookingStatus.CONFIRMED:
        raise Refused(code, "This booking is not confirmed.", status=booking.status)
    return booking


@app.post("/bookings/<booking_id>/update-calendar")
def update_calendar(booking_id: http.PathId) -> dict[str, Any]:
    """The nights were blocked in the transaction that recorded the payment: nothing is left to do."""
    confirmed(booking_id, "CALENDAR_UPDATE_FAILED")
    return {}


@app.post("/bookings/<booking_id>/conversation")
def open_conversation(booking_id: http.PathId) -> dict[str, str]:
    booking = confirmed(booking_id, "INVALID_AUCTION_STATE")
    return {"threadId": effects.thread(booking, datetime.now(UTC)).thread_id}


@app.post("/bookings/<booking_id>/send-confirmation")
def send_confirmation(booking_id: http.PathId) -> dict[str, Any]:
    booking = confirmed(booking_id, "EMAIL_SENDING_FAILED")
    effects.request(booking.id, "confirmation", datetime.now(UTC))
    return {}


@app.post("/users/auth0-sync")
def save_profile(request: ProfileRequest) -> tuple[dict[str, Any], int]:
    """What the page says counts; what it leaves out, the token's claims may say.

    The legacy backend has users of its own: it hears the call too, and its answer is the one that the page gets.
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
    saved = awards.save_profile(profile)
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
    """Their answer with our id of the user: the page takes it for the one that its messages name."""
    named = "id" in theirs.content or theirs.status < 400
    return theirs.content | ({"id": user_id} if named else {}), theirs.status


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.answer(app, event, context)
