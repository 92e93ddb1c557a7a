"""Mail and the host's thread. Each is recorded before it is done, so that none is lost or done twice."""

import re
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from math import ceil
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from stays.domain.errors import Refused
from stays.domain.values import Model, StayId, Timestamp

RESEND_INTERVAL = timedelta(minutes=1)  # a user may ask for another mail at most this often
MOST_WISHES = 5  # mails that the user may ask for, per booking
READDRESS_INTERVAL = timedelta(days=1)  # the address of a booking's mail may change at most this often
STUCK_TIME = timedelta(minutes=10)  # a mail that is SENDING for this long is sent once more
SENDING_TIME = timedelta(seconds=40)  # longer than the function that sends a mail can live
LONGEST_PAUSE = timedelta(minutes=30)  # between two attempts
PERSISTENCE = timedelta(hours=48)  # a mail that SES does not accept is tried for this long
LEAST_ATTEMPTS = 10  # and at least this often, even after an outage of our own
UNSURE_ATTEMPTS = 2  # SES has no idempotency token; no mail goes out more than twice
Language = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)  # mail is written in this order if the user's language is unknown
StayMail = Literal[
    "confirmation",
    "cancellation",
    "refund",
    "refunded",
    "review",
    "failed",
    "host_confirmation",
    "host_cancellation",
]
CameBack = Literal["BOUNCED", "COMPLAINED"]
AwardMail = Literal["win", "offer", "reminder"]
MailKind = StayMail | AwardMail
MAIL_KINDS: tuple[MailKind, ...] = (*get_args(StayMail), *get_args(AwardMail))
HOST_MAILS: frozenset[MailKind] = frozenset({"host_confirmation", "host_cancellation"})
_ADDRESS_OF_PICTURE = r"(?=.{1,500}$)(?i:https?)://[!-~]+"


class MailState(StrEnum):
    """DUE → SENDING → SENT, or UNDELIVERABLE: no usable address, or the mail may have gone out twice.

    WAITING: SES did not accept the mail, and the recipient is not the cause. The next attempt is at `dueAt`; without it
    PERSISTENCE is over. A mail that stays SENDING may have been sent.
    """

    DUE = "DUE"
    SENDING = "SENDING"
    WAITING = "WAITING"
    SENT = "SENT"
    UNDELIVERABLE = "UNDELIVERABLE"


class Unsent(StrEnum):
    """Why a mail is UNDELIVERABLE. Without a word it may have gone out twice, or an earlier release gave it up.

    - OVERTAKEN: later events made it wrong. OFF: the stage does not send this kind. UNWANTED: the user wants none.
    - NO_ADDRESS, BAD_ADDRESS: the user has no address, or one that cannot exist.
    - SUPPRESSED: earlier mail to this address came back, or its reader complained.
    """

    OVERTAKEN = "OVERTAKEN"
    OFF = "OFF"
    UNWANTED = "UNWANTED"
    NO_ADDRESS = "NO_ADDRESS"
    BAD_ADDRESS = "BAD_ADDRESS"
    SUPPRESSED = "SUPPRESSED"


class Mail(Model):
    """One kind of mail for one stay or, before anything is paid, for one award.

    `unsure` counts the attempts that may have gone out, `wishes` the mails that the user asked for. `to` is set when
    the user asks for the mail, or else when it is first claimed. `readdressedAt` is when a user last changed `to`.
    `remindAt` is when to look whether an award needs a reminder; once its first mail is done, it is due then.
    """

    stay_id: StayId | None = None
    auction_id: str | None = None
    user_id: str | None = None
    award_id: str | None = None
    mail_kind: Annotated[MailKind, Field(alias="letter")]
    state: MailState = MailState.DUE
    attempts: int = 0
    requested_at: Timestamp
    due_at: Timestamp | None = None
    asked_at: Timestamp | None = None
    sent_at: Timestamp | None = None
    message_id: str | None = None
    to: str | None = None
    wishes: int = 0
    readdressed_at: Timestamp | None = None
    remind_at: Timestamp | None = None
    unsent: Unsent | None = None
    came_back: CameBack | None = None
    # Items of 1.3.0 and earlier do not count unsure attempts: all but the last count as unsure.
    unsure: int = Field(default_factory=lambda known: max(known["attempts"] - 1, 0))

    @model_validator(mode="after")
    def _is_about_something(self) -> Self:
        if not (self.stay_id or (self.auction_id and self.user_id and self.award_id)):
            raise ValueError("it is about a stay or an award")
        return self

    @property
    def is_done(self) -> bool:
        """Whether it is out, or will not be sent."""
        return self.state in (MailState.SENT, MailState.UNDELIVERABLE)

    @property
    def about(self) -> str:
        """What the mail is about, in characters that a Message-ID may have: the stay, or a hash of the award's key."""
        award = f"{self.auction_id}#{self.user_id}#{self.award_id}"
        return self.stay_id or sha256(award.encode()).hexdigest()[:26]

    @property
    def log_fields(self) -> dict[str, str]:
        """The ids that a log line about it carries."""
        about = {"sessionId": self.stay_id, "auctionId": self.auction_id, "awardId": self.award_id}
        return {name: value for name, value in about.items() if value} | {"letter": self.mail_kind}


class Thread(Model):
    """The conversation of a stay's user with its host."""

    thread_id: str
    stay_id: StayId
    traveller_id: str
    host_id: str
    created_at: Timestamp


class Profile(Model):
    """The details that a user gave us, for tokens that lack them."""

    user_id: str
    email: str | None = None
    name: str | None = None
    language: Language | None = None
    picture: str | None = None
    reminders: bool | None = None
    updated_at: Timestamp
    created_at: Timestamp = Field(default_factory=lambda known: known["updated_at"])


def read_locale(said: object) -> str | None:
    """A locale such as `vi-VN` or `en_US`; None for any other value."""
    return said if isinstance(said, str) and re.fullmatch(r"[A-Za-z_-]{1,20}", said) else None


def read_picture(said: object) -> str | None:
    """The address of a picture, a text of at most 500 characters; None for any other value."""
    return said if isinstance(said, str) and re.fullmatch(_ADDRESS_OF_PICTURE, said) else None


def read_switch(said: object) -> bool | None:
    """True or False; None for any other value."""
    return said if isinstance(said, bool) else None


def language_of(locale: str | None) -> Language | None:
    """The language of our mail for this locale; None if the locale has neither language."""
    return next((each for each in LANGUAGES if (locale or "").lower().startswith(each)), None)


def new_mail(stay_id: str, kind: MailKind, now: datetime) -> Mail:
    """A mail that is due now. If the stream does not bring it, the clock looks at it a minute later."""
    return Mail(stay_id=stay_id, mail_kind=kind, requested_at=now, due_at=now + RESEND_INTERVAL)


def put_off(mail: Mail, until: datetime) -> Mail:
    """The mail that waits for its time. The clock then makes it due; it counts as owed from then on."""
    return mail.but(state=MailState.WAITING, requested_at=until, due_at=until)


def done(mail: Mail, state: MailState, now: datetime, **said: object) -> Mail:
    """The mail when it is out, or will not be sent. The time of a reminder counts only if it is still ahead."""
    later = mail.remind_at if mail.remind_at is not None and mail.remind_at > now else None
    return mail.but(state=state, due_at=later, remind_at=later, **said)


def claimed(mail: Mail, now: datetime) -> Mail:
    """The mail while one call sends it. If it gets stuck, the clock finds it: when it is due already, or later.

    The clock must not find it while it may still be sent. A `dueAt` that stays the same costs no write of the index.
    """
    waits = mail.due_at is not None and mail.due_at >= now + SENDING_TIME
    due_at = mail.due_at if waits else now + STUCK_TIME
    return mail.but(state=MailState.SENDING, attempts=mail.attempts + 1, due_at=due_at)


def requested_again(mail: Mail, now: datetime) -> Mail:
    """The mail after a request for one more. A mail that is on its way fulfils the request.

    Raises Refused for a second request within a minute.
    """
    if mail.state not in (MailState.DUE, MailState.SENDING) and mail.requested_at <= now - RESEND_INTERVAL:
        kept = {"wishes": mail.wishes, "readdressed_at": mail.readdressed_at}
        assert mail.stay_id, "nobody asks for mail about an award"
        return new_mail(mail.stay_id, mail.mail_kind, now).but(asked_at=now, **kept)
    if mail.asked_at is None or mail.asked_at <= now - RESEND_INTERVAL:
        return mail.but(asked_at=now)
    raise _too_often("A mail is on its way; another may be asked for in a minute.", RESEND_INTERVAL)


def requested_by_user(mail: Mail, to: str | None, now: datetime) -> Mail:
    """The same for a request of the booking's user, whose present address is `to`.

    The limits keep a user who changes the address from sending our mail to strangers. Raises Refused also for a sixth
    mail, and for a second new address within a day.
    """
    after = requested_again(mail, now)
    if after.requested_at == mail.requested_at:
        return after
    if mail.wishes >= MOST_WISHES:
        raise _too_often(f"{MOST_WISHES} mails were asked for, and no more go out.", READDRESS_INTERVAL)
    granted = after.but(to=to, wishes=mail.wishes + 1)
    if mail.to in (None, to):
        return granted
    since = now - mail.readdressed_at if mail.readdressed_at else READDRESS_INTERVAL
    if since < READDRESS_INTERVAL:
        raise _too_often("Mail went to a new address within a day.", READDRESS_INTERVAL - since)
    return granted.but(readdressed_at=now)


def _too_often(message: str, wait: timedelta) -> Refused:
    return Refused("RATE_LIMIT", message, retryAfter=ceil(wait.total_seconds()))


def due_or_finished(mail: Mail, now: datetime) -> Mail:
    """The mail after an attempt that did not succeed: due once more, or finished, which means without `dueAt`.

    It is finished after two attempts that may have gone out. It is also finished after LEAST_ATTEMPTS attempts, once
    PERSISTENCE is over.
    """
    unsure = mail.unsure + (mail.state is MailState.SENDING)
    if unsure >= UNSURE_ATTEMPTS:
        return mail.but(state=MailState.UNDELIVERABLE, unsure=unsure, due_at=None)
    if mail.attempts >= LEAST_ATTEMPTS and mail.requested_at <= now - PERSISTENCE:
        return mail.but(state=MailState.WAITING, due_at=None)
    return mail.but(state=MailState.DUE, unsure=unsure, due_at=now + RESEND_INTERVAL)


def retry_at(mail: Mail, now: datetime) -> datetime:
    """When a failed attempt is repeated: after 1, 2, 4 … minutes, then every LONGEST_PAUSE."""
    return now + RESEND_INTERVAL * min(1 << (mail.attempts - 1), LONGEST_PAUSE // RESEND_INTERVAL)
