"""Stream: the effects of a decision about a stay: the host's thread, the user's mail, the company's events."""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config
from pydantic import ValidationError

from stays.aws.client import S3, AwsError, DynamoDB
from stays.aws.pace import Pace
from stays.aws.store import Store
from stays.domain.announcement import Announcement, announcements
from stays.domain.booking import booking_of, check_out, reference_number
from stays.domain.errors import Busy, NotFound
from stays.domain.mail import LANGUAGES, Mail, MailState, Profile
from stays.domain.payment import Contact, Fulfilment, PaymentSession
from stays.edge.bus import TIMEOUTS, NotTaken, publish
from stays.edge.mail import Language, MailContent, MailRefused, MailUnavailable, MailUnsure, render, send
from stays.edge.stream import Aside, Record, failures
from stays.metrics import count, count_put_aside
from stays.table.due_items import before_and_after
from stays.table.effects import Effects
from stays.table.profiles import Profiles

SENDER = os.environ["MAIL_SENDER"]
FRONTEND_URL = os.environ["FRONTEND_URL"].rstrip("/")
EVENT_BUS = os.environ["EVENT_BUS"]
AT_ONCE = 10  # mails
LONGEST = 15.0  # seconds that one mail may take: a mail whose turn leaves less time comes with the next invocation

pace = Pace(float(os.environ["MAILS_PER_SECOND"]))  # this invocation's share of SES's rate
store = Store(DynamoDB(), os.environ["STAYS_TABLE"])
effects = Effects(store)
profiles = Profiles(store)
# No SDK retries here: a lost response would send the mail twice.
ses = boto3.client("sesv2", config=Config(connect_timeout=1, read_timeout=8, retries={"total_max_attempts": 1}))
events = boto3.client("events", config=TIMEOUTS)
records_bucket = S3(os.environ["RECORDS_BUCKET"])
# The bus may fail while mail goes out, and the other way round.
mails_aside = Aside(records_bucket, "fulfilment", count_put_aside)
changes_aside = Aside(records_bucket, "fulfilment", count_put_aside)
logger = Logger()


def languages(profile: Profile | None, contact: Contact) -> tuple[Language, ...]:
    """The profile's language, or else the token's at the start of the payment. All languages if neither is known."""
    language = (profile and profile.language) or contact.language
    return tuple(each for each in LANGUAGES if language in (each, None))


def is_outdated(session: PaymentSession, mail: Mail) -> bool:
    """Whether the confirmation has become wrong, because the stay is not booked (any more)."""
    return mail.mail_kind == "confirmation" and session.fulfilment is not Fulfilment.BOOKED


def content_of(session: PaymentSession, mail: Mail, profile: Profile | None, to: str) -> MailContent:
    """The mail with the stay's present details."""
    return MailContent(
        kind=mail.mail_kind,
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
        attempt=mail.attempts,
    )


def deliver(session: PaymentSession, mail: Mail, profile: Profile | None, now: datetime) -> None:
    """Send a claimed mail and record the outcome."""
    if is_outdated(session, mail):
        effects.note_undeliverable(mail)
    elif not mail.to:
        count("MailWithoutAddress")
        effects.note_undeliverable(mail)
    else:
        hand_over(content_of(session, mail, profile, mail.to), mail, now)


def hand_over(content: MailContent, mail: Mail, now: datetime) -> None:
    """Send the mail. Only a bad recipient makes it undeliverable; after any other refusal of SES it is tried again."""
    try:
        message_id = send(ses, render(content, SENDER, now), SENDER)
    except MailRefused as refusal:
        note_failure(mail, refusal)
        effects.note_undeliverable(mail)
    except MailUnavailable as fault:
        note_failure(mail, fault)
        effects.note_failure(mail, now)
    except MailUnsure as fault:
        note_failure(mail, fault)  # it stays SENDING until the clock finds it
    else:
        effects.note_sent(mail, message_id, now)


def note_failure(mail: Mail, why: Exception) -> None:
    count("MailFailed")
    identity = {"sessionId": mail.stay_id, "letter": mail.mail_kind}
    logger.warning("mail not sent", extra={**identity, "attempt": mail.attempts, "error": str(why)})


def fulfil(stay_id: str, kind: str, now: datetime) -> None:
    """Open the thread, then claim the mail and send it. Does nothing if the mail is not due, or another call has it.

    The claim comes last: every failure between the claim and SES looks like a mail that may be out.
    """
    session, mail = effects.load_mail(stay_id, kind)
    if mail is None or mail.state is not MailState.DUE:
        return
    booking = booking_of(session)
    if booking is not None and kind == "confirmation":
        effects.open_thread(booking, now)
    profile = profiles.load(session.user_id)
    to = mail.to or session.contact.address(profile)
    claimed = effects.claim(mail.but(to=to), now)
    if claimed is None:
        return
    deliver(session, claimed, profile, now)
    logger.info("fulfilled", extra={"sessionId": stay_id, "letter": kind})


def fulfil_in_turn(record: Record, last: float, postponed: list[Record]) -> bool:
    """Send the mail of a record when it is its turn, or postpone the record. False if it failed."""
    turn = pace.turn(time.monotonic(), last)
    if turn is None:
        postponed.append(record)
        return True
    time.sleep(turn)
    image = record["dynamodb"]["NewImage"]
    try:
        fulfil(image["stayId"]["S"], image["letter"]["S"], datetime.now(UTC))
    except NotFound:
        logger.warning("stay is gone", extra={"sessionId": image["stayId"]["S"]})
    except (AwsError, Busy) as error:
        identity = {"sessionId": image["stayId"]["S"], "error": type(error).__name__}
        logger.warning("to be tried again", extra=identity)
        return False
    return True


def fulfil_all(records: Sequence[Record], last: float, postponed: list[Record]) -> Sequence[Record]:
    """Send the mail of the records in parallel; no turn begins after `last`. Returns the records that failed.

    A record without a turn has not failed, however old it is: it joins `postponed`, and comes again.
    """
    attempt = partial(fulfil_in_turn, last=last, postponed=postponed)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(attempt, records))
    return [record for record, succeeded in zip(records, done, strict=True) if not succeeded]


def announcements_of(record: Record) -> list[Announcement]:
    """The events of a change. An unreadable change does not improve with retries, so the operator has to look at it."""
    try:
        return announcements(*before_and_after(record))
    except ValidationError:
        count("UnpublishedEvents")
        logger.exception("change not readable", extra={"item": record["dynamodb"]["NewImage"]["PK"]["S"]})
        return []


def announce_all(records: Sequence[Record]) -> Sequence[Record]:
    """Publish the events of all changes together. Returns the records to retry.

    The stream's images decide, not the present state: an event says what changed, and that stays true.
    """
    by_record = [(record, announcements_of(record)) for record in records]
    happened = [each for _, found in by_record for each in found]
    try:
        publish(events, EVENT_BUS, happened)
    except NotTaken as failure:
        logger.warning("to be published again", extra={"events": len(failure.announcements), "error": str(failure)})
        late = {each.event_id for each in failure.announcements}
        return [record for record, found in by_record if late & {each.event_id for each in found}]
    for each in happened:
        logger.info("published", extra={"event": type(each).__name__, "about": each.event_id.partition("/")[0]})
    return []


def is_mail(record: Record) -> bool:
    """Whether a record is a mail. Any other record is a session or an award."""
    return bool(record["dynamodb"]["NewImage"]["kind"] == {"S": "MAIL"})


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Mail and events do not wait for each other. The stream repeats the batch from the first failed record."""
    last = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - LONGEST
    mails = [record for record in event["Records"] if is_mail(record)]
    changes = [record for record in event["Records"] if not is_mail(record)]
    now, postponed = datetime.now(UTC), list[Record]()
    send_mails = partial(fulfil_all, last=last, postponed=postponed)
    again = [*changes_aside.deliver(changes, announce_all, now), *mails_aside.deliver(mails, send_mails, now)]
    return failures([*again, *postponed])
