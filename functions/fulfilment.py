"""Stream: the effects of a decision about a stay: the host's thread, mail, the company's events."""

import json
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
from stays.aws.store import Key, Store
from stays.domain.announcement import Announcement, announcements
from stays.domain.booking import booking_of
from stays.domain.errors import Busy, NotFound
from stays.domain.mail import Mail, Profile, Unsent
from stays.domain.owed_mail import is_award_mail_overtaken, is_stay_mail_overtaken, reminder_at
from stays.domain.payment import read_terms
from stays.edge.bus import TIMEOUTS, NotTaken, publish
from stays.edge.mail import MailContent, MailRefused, MailUnavailable, MailUnsure, render, send
from stays.edge.mail.composing import Letterhead, award_content, stay_content
from stays.edge.mail.feedback import read_feedback
from stays.edge.stream import Aside, Record, failures
from stays.metrics import count, count_put_aside
from stays.table.due_items import before_and_after
from stays.table.effects import Effects, OwedMail
from stays.table.keys import MAIL_ITEMS
from stays.table.profiles import Profiles
from stays.table.suppressions import Suppressions

SENDER = os.environ["MAIL_SENDER"]
FRONTEND_URL = os.environ["FRONTEND_URL"].rstrip("/")
PAGES = json.loads(os.environ["MAIL_PAGES"])
TERMS = read_terms(os.environ["REFUND_POLICY"])
CONFIGURATION = os.environ["MAIL_CONFIGURATION"]  # if it is empty, SES does not report what comes back
MAILS_OFF = frozenset(json.loads(os.environ["MAILS_OFF"]))
EVENT_BUS = os.environ["EVENT_BUS"]
AT_ONCE = 10  # mails
LONGEST = 15.0  # seconds that one mail may take: a mail whose turn leaves less time comes with the next invocation

pace = Pace(float(os.environ["MAILS_PER_SECOND"]))  # this invocation's share of SES's rate
store = Store(DynamoDB(), os.environ["STAYS_TABLE"])
effects = Effects(store)
suppressions = Suppressions(Store(DynamoDB(), os.environ["CONNECTIONS_TABLE"]))
profiles = Profiles(store)
# No SDK retries here: a lost response would send the mail twice.
ses = boto3.client("sesv2", config=Config(connect_timeout=1, read_timeout=8, retries={"total_max_attempts": 1}))
events = boto3.client("events", config=TIMEOUTS)
records_bucket = S3(os.environ["RECORDS_BUCKET"])
# The bus may fail while mail goes out, and the other way round.
mails_aside = Aside(records_bucket, "fulfilment", count_put_aside)
changes_aside = Aside(records_bucket, "fulfilment", count_put_aside)
logger = Logger()


def why_not(owed: OwedMail, profile: Profile | None, now: datetime) -> Unsent | None:
    """Why a mail that is due must not be sent; None if it may."""
    if is_overtaken(owed, now):
        return Unsent.OVERTAKEN
    if owed.mail.mail_kind in MAILS_OFF:
        return Unsent.OFF
    if owed.mail.mail_kind == "reminder" and profile and profile.reminders is False:
        return Unsent.UNWANTED
    address = owed.address(profile)
    if not address:
        return Unsent.NO_ADDRESS
    return Unsent.SUPPRESSED if suppressions.is_suppressed(address, now) else None


def is_overtaken(owed: OwedMail, now: datetime) -> bool:
    if owed.session is None:
        return is_award_mail_overtaken(owed.mail, owed.attempts, now)
    return is_stay_mail_overtaken(owed.mail, owed.session, owed.attempts)


def content_of(owed: OwedMail, claimed: Mail, profile: Profile | None, now: datetime) -> MailContent:
    """The mail with the present details of the stay or the award."""
    letterhead, award = Letterhead(FRONTEND_URL, PAGES, TERMS, now), owed.attempts.award
    if owed.session is not None:
        return stay_content(claimed, owed.session, award, profile, letterhead)
    assert award, "a mail about an award that is gone is overtaken"
    return award_content(claimed, award, profile, letterhead)


def hand_over(content: MailContent, mail: Mail, now: datetime) -> None:
    """Send the mail. Only a bad recipient makes it undeliverable; after any other refusal of SES it is tried again."""
    try:
        tags = {"letter": mail.mail_kind} | ({"stay": mail.stay_id} if mail.stay_id else {})
        message = render(content, SENDER, now)
        message_id = send(ses, message, SENDER, tags=tags, configuration=CONFIGURATION)
    except MailRefused as refusal:
        note_failure(mail, refusal)
        effects.note_undeliverable(mail, Unsent.BAD_ADDRESS)
    except MailUnavailable as fault:
        note_failure(mail, fault)
        effects.note_failure(mail, now)
    except MailUnsure as fault:
        note_failure(mail, fault)  # it stays SENDING until the clock finds it
    else:
        effects.note_sent(mail, message_id, now)


def note_failure(mail: Mail, why: Exception) -> None:
    count("MailFailed")
    logger.warning("mail not sent", extra={**mail.log_fields, "attempt": mail.attempts, "error": str(why)})


def fulfil(mail_key: Key, now: datetime) -> None:
    """Send one mail, if it is due and events have not overtaken it. Open the thread before a confirmation.

    The claim comes last: every failure between the claim and SES looks like a mail that may be out.
    """
    owed = effects.load_owed(mail_key)
    if owed is None:
        return
    open_thread(owed, now)
    profile = profiles.load(owed.recipient)
    why = why_not(owed, profile, now)
    if why is not None:
        drop(owed.mail, why, now)
    elif not put_off(owed, now):
        deliver(owed, profile, now)


def open_thread(owed: OwedMail, now: datetime) -> None:
    """Open the host's thread with the confirmation."""
    booking = booking_of(owed.session) if owed.session and owed.mail.mail_kind == "confirmation" else None
    if booking is not None:
        effects.open_thread(booking, now)


def drop(mail: Mail, why: Unsent, now: datetime) -> None:
    """Finish a mail that is not sent. An address that is missing is counted apart, and alarms nobody."""
    if why is Unsent.NO_ADDRESS:
        count("MailWithoutAddress")
    effects.drop(mail, why, now)
    logger.info("mail dropped", extra={**mail.log_fields, "why": why})


def put_off(owed: OwedMail, now: datetime) -> bool:
    """Let a reminder wait whose deadline has moved, or whose time would be in the night."""
    award = owed.attempts.award if owed.mail.mail_kind == "reminder" else None
    until = reminder_at(award, now) if award else None
    if until is None or until <= now:
        return False
    effects.put_off(owed.mail, until)
    return True


def deliver(owed: OwedMail, profile: Profile | None, now: datetime) -> None:
    """Claim the mail and send it, unless another call has it."""
    claimed = effects.claim(owed.mail.but(to=owed.address(profile)), now)
    if claimed is not None:
        hand_over(content_of(owed, claimed, profile, now), claimed, now)
        logger.info("fulfilled", extra=claimed.log_fields)


def fulfil_in_turn(record: Record, last: float, postponed: list[Record]) -> bool:
    """Send the mail of a record when it is its turn, or postpone the record. False if it failed."""
    turn = pace.turn(time.monotonic(), last)
    if turn is None:
        postponed.append(record)
        return True
    time.sleep(turn)
    image = record["dynamodb"]["NewImage"]
    try:
        fulfil({name: image[name]["S"] for name in ("PK", "SK")}, datetime.now(UTC))
    except NotFound:
        logger.warning("stay is gone", extra={"sessionId": image["stayId"]["S"]})
    except (AwsError, Busy, ValidationError) as error:
        identity = {"mail": f"{image['PK']['S']} {image['letter']['S']}", "error": type(error).__name__}
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


def take_feedback(detail: dict[str, Any], now: datetime) -> None:
    """Send no more mail to addresses that do not exist, or whose readers complained. Show it on the stay."""
    feedback = read_feedback(detail)
    if feedback is None:
        return
    for address in feedback.addresses:
        suppressions.suppress(address, feedback.word, now)
    stay_id, kind = feedback.tags.get("stay"), feedback.tags.get("letter", "")
    if stay_id:
        effects.note_came_back(stay_id, kind, feedback.word)
    logger.info("mail came back", extra={"sessionId": stay_id, "letter": kind, "as": feedback.word})


def is_mail(record: Record) -> bool:
    """Whether a record is a mail. Any other record is a session or an award."""
    return record["dynamodb"]["NewImage"]["kind"]["S"] in MAIL_ITEMS


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Mail and events do not wait for each other. The stream repeats the batch from the first failed record.

    SES's own events come by the bus.
    """
    if "Records" not in event:
        take_feedback(event["detail"], datetime.now(UTC))
        return {}
    last = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - LONGEST
    mails = [record for record in event["Records"] if is_mail(record)]
    changes = [record for record in event["Records"] if not is_mail(record)]
    now, postponed = datetime.now(UTC), list[Record]()
    send_mails = partial(fulfil_all, last=last, postponed=postponed)
    again = [*changes_aside.deliver(changes, announce_all, now), *mails_aside.deliver(mails, send_mails, now)]
    return failures([*again, *postponed])
