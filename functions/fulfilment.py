"""Stream: what follows a decision about a stay: the host's thread, the traveller's mail, the company's events."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from stays.domain.announcement import Announcement, announcements
from stays.domain.booking import booking_of, check_out, reference_number
from stays.domain.errors import Busy
from stays.domain.mailing import LANGUAGES, Mailing, MailState, Profile
from stays.domain.payment import Contact, Fulfilment, PaymentSession
from stays.edge.bus import NotTaken, publish
from stays.edge.mail import Language, Letter, MailRefused, MailUnavailable, MailUnsure, render, send
from stays.metrics import count
from stays.table.due_items import before_and_after
from stays.table.effects import Effects
from stays.table.profiles import Profiles
from stays.table.store import PATIENCE, Store

SENDER = os.environ["MAIL_SENDER"]
FRONTEND_URL = os.environ["FRONTEND_URL"].rstrip("/")
EVENT_BUS = os.environ["EVENT_BUS"]

store = Store(boto3.client("dynamodb", config=PATIENCE), os.environ["STAYS_TABLE"])
effects = Effects(store)
profiles = Profiles(store)
# Once: an answer that got lost must not become a second mail behind our back.
ses = boto3.client("sesv2", config=Config(connect_timeout=1, read_timeout=8, retries={"total_max_attempts": 1}))
events = boto3.client("events", config=PATIENCE)
logger = Logger()

Record = dict[str, Any]


def languages(profile: Profile | None, contact: Contact) -> tuple[Language, ...]:
    """The profile's language, else that of the token with which the payment began; all where nobody said."""
    language = (profile and profile.language) or contact.language
    return tuple(each for each in LANGUAGES if language in (each, None))


def is_outdated(session: PaymentSession, mailing: Mailing) -> bool:
    """Whether there is nothing (any more) to confirm."""
    return mailing.letter == "confirmation" and session.fulfilment is not Fulfilment.BOOKED


def letter_for(session: PaymentSession, mailing: Mailing, profile: Profile | None, to: str) -> Letter:
    """The letter as the stay is now."""
    return Letter(
        kind=mailing.letter,
        to=to,
        name=session.contact.name or (profile.name if profile else None),
        languages=languages(profile, session.contact),
        stay_id=session.id,
        reference=reference_number(session.id),
        property_name=session.property_name,
        city=session.city,
        check_in=session.nights[0],
        check_out=check_out(session.nights),
        nights=session.nights,
        guest_count=session.guest_count,
        amount=session.amount,
        refund_amount=session.refund.amount if session.refund else 0,
        transaction_id=session.transaction_id,
        link=f"{FRONTEND_URL}/dashboard/payment/confirmation?sessionId={session.id}",
        attempt=mailing.attempts,
    )


def deliver(session: PaymentSession, mailing: Mailing, profile: Profile | None, now: datetime) -> None:
    """Send a claimed mail and record what became of it."""
    if is_outdated(session, mailing):
        effects.note_undeliverable(mailing)
    elif not mailing.to:
        count("MailWithoutAddress")
        effects.note_undeliverable(mailing)
    else:
        hand_over(letter_for(session, mailing, profile, mailing.to), mailing, now)


def hand_over(letter: Letter, mailing: Mailing, now: datetime) -> None:
    """Only its recipient makes a mail undeliverable. Whatever else SES does not take is tried again."""
    try:
        message_id = send(ses, render(letter, SENDER, now), SENDER)
    except MailRefused as refusal:
        not_sent(mailing, refusal)
        effects.note_undeliverable(mailing)
    except MailUnavailable as fault:
        not_sent(mailing, fault)
        effects.note_failure(mailing, now)
    except MailUnsure as fault:
        not_sent(mailing, fault)  # it stays "being sent", until the clock finds it
    else:
        effects.note_sent(mailing, message_id, now)


def not_sent(mailing: Mailing, why: Exception) -> None:
    count("MailFailed")
    identity = {"sessionId": mailing.stay_id, "letter": mailing.letter}
    logger.warning("mail not sent", extra={**identity, "attempt": mailing.attempts, "error": str(why)})


def fulfil(stay_id: str, letter: str, now: datetime) -> None:
    """Do what goes with a mail, claim it and send it; nothing if it is not due (any more) or somebody else has it.

    The claim comes last: whatever fails between it and SES looks like a mail that may be out.
    """
    session, mailing = effects.load_story(stay_id, letter)
    if mailing is None or mailing.state is not MailState.DUE:
        return
    booking = booking_of(session)
    if booking is not None and letter == "confirmation":
        effects.open_thread(booking, now)
    profile = profiles.load(session.user_id)
    to = mailing.to or session.contact.address(profile)
    claimed = effects.claim(mailing.but(to=to), now)
    if claimed is None:
        return
    deliver(session, claimed, profile, now)
    logger.info("fulfilled", extra={"sessionId": stay_id, "letter": letter})


def fulfil_all(records: Sequence[Record]) -> Sequence[Record]:
    """Mail, one after the other; the records that shall come again: from the first that fails on."""
    for position, record in enumerate(records):
        image = record["dynamodb"]["NewImage"]
        try:
            fulfil(image["stayId"]["S"], image["letter"]["S"], datetime.now(UTC))
        except (BotoCoreError, ClientError, Busy) as error:
            identity = {"sessionId": image["stayId"]["S"], "error": type(error).__name__}
            logger.warning("to be tried again", extra=identity)
            return records[position:]
    return []


def announced(record: Record) -> list[Announcement]:
    """What a change amounts to. One that cannot be read would not get better by waiting: it is left to people."""
    try:
        return announcements(*before_and_after(record))
    except ValidationError:
        count("UnpublishedEvents")
        logger.exception("change not readable", extra={"item": record["dynamodb"]["NewImage"]["PK"]["S"]})
        return []


def announce_all(records: Sequence[Record]) -> Sequence[Record]:
    """What happened goes to the bus, all together; the records that shall come again.

    The images decide, not the present state: an event says what changed, and that stays true.
    """
    told = [(record, announced(record)) for record in records]
    happened = [each for _, found in told for each in found]
    try:
        publish(events, EVENT_BUS, happened)
    except NotTaken as failure:
        logger.warning("to be published again", extra={"events": len(failure.announcements), "error": str(failure)})
        late = {each.event_id for each in failure.announcements}
        return [record for record, found in told if late & {each.event_id for each in found}]
    for each in happened:
        logger.info("published", extra={"event": type(each).__name__, "about": each.event_id.partition("/")[0]})
    return []


def is_mail(record: Record) -> bool:
    """Whether a record is about a mail that is owed; any other is about a session or an award."""
    return bool(record["dynamodb"]["NewImage"]["kind"] == {"S": "MAIL"})


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Neither waits for the other; from the first record on that failed, the batch comes again."""
    mails = [record for record in event["Records"] if is_mail(record)]
    changes = [record for record in event["Records"] if not is_mail(record)]
    again = [*announce_all(changes), *fulfil_all(mails)]
    return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]} for record in again]}
