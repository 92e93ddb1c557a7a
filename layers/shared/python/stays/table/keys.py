"""The keys of every item, and those items that only this package reads."""

import hmac
import unicodedata
from datetime import date, datetime, timedelta
from typing import Any
from zlib import crc32

from stays.aws.store import Item, Key
from stays.domain.award import WIN, Award
from stays.domain.booking import reference_number
from stays.domain.mail import Mail
from stays.domain.stray import Stray
from stays.domain.values import encode_key, timestamp

# How long items with an end are kept. DynamoDB deletes them some days later, so no reader relies on it.
COUNTER_KEPT = timedelta(days=1)
EVENT_KEPT = timedelta(days=180)  # refused events, and withdrawals of awards that never came
RAW_KEPT = timedelta(days=730)  # lines of a timeline with ZaloPay's own words

_LONGEST_EVENT = 100_000  # characters that are kept of a refused event
# The shards of the index `due`, so that its writes spread over partitions, and the clock's reads over invocations.
SHARDS = tuple(str(number) for number in range(16))
# Release 1.4 reads the first four only. The release after this one writes to all: docs/deploy.md says both deployments.
_WRITTEN = 4
_KNOWN_MAILS = ("confirmation", "cancellation", "refund")  # Release 1.4 reads a MAIL of these only
MAIL_ITEMS = ("MAIL", "NOTICE")  # the kinds of items that are mail


def stay_key(stay_id: str, sort: str) -> Key:
    """SESSION, NOTES, BOOKING, THREAD, MAIL#kind or EVENT#time#what of a stay."""
    return {"PK": f"STAY#{stay_id}", "SK": sort}


def notes_key(stay_id: str) -> Key:
    """What is noted about a stay and decides nothing. It is in no index, and no consumer of the stream gets it."""
    return stay_key(stay_id, "NOTES")


def mail_key(mail: Mail) -> Key:
    """One kind of mail for a stay or an award. A user's awards are read by a prefix that leaves their mail out."""
    if mail.stay_id:
        return stay_key(mail.stay_id, f"MAIL#{mail.mail_kind}")
    assert mail.auction_id and mail.user_id and mail.award_id, "it is about a stay or an award"
    about = award_key(mail.auction_id, mail.user_id, mail.award_id)
    return {"PK": about["PK"], "SK": about["SK"].replace("AWARD", "MAIL", 1) + f"#{mail.mail_kind}"}


def about_key(mail_key: Key) -> Key:
    """The session or the award that a mail is about."""
    if mail_key["PK"].startswith("STAY#"):
        return mail_key | {"SK": "SESSION"}
    return mail_key | {"SK": mail_key["SK"].replace("MAIL", "AWARD", 1).rpartition("#")[0]}


def transaction_key(transaction_id: str) -> Key:
    """A transaction of ZaloPay."""
    return {"PK": f"TRANSACTION#{transaction_id}", "SK": "TRANSACTION"}


def night_key(property_id: str, night: date) -> Key:
    """One night of a property. The stay that is named in this item owns the night."""
    return {"PK": f"PROPERTY#{property_id}", "SK": f"NIGHT#{night.isoformat()}"}


def calendar_key(property_id: str) -> Key:
    """The host and the feed of a property. A key of its own: access to calendars gives no access to nights."""
    return {"PK": f"CALENDAR#{property_id}", "SK": "CALENDAR"}


def opened_key(user_id: str, now: datetime) -> Key:
    """The number of sessions that a user opened in this hour."""
    return {"PK": f"USER#{encode_key(user_id)}", "SK": f"OPENED#{timestamp(now)[:13]}"}


def award_key(auction_id: str, user_id: str, award_id: str) -> Key:
    """One award or offer of a user in an auction. Ids have no `#`; a user's id is encoded."""
    return {"PK": f"AUCTION#{auction_id}", "SK": f"AWARD#{encode_key(user_id)}#{award_id}"}


def award_item(award: Award) -> Item:
    """An award or an offer. `userSort` sorts a user's awards by the deadline for payment or answer."""
    return award.dump() | {
        **award_key(award.auction_id, award.user_id, award.award_id),
        "kind": "AWARD" if award.award_id == WIN else "OFFER",
        "userSort": f"AWARD#{timestamp(award.payment_deadline)}#{award.award_id}",
        "dueShard": shard(award.auction_id),
    }


def profile_key(user_id: str) -> Key:
    """The profile of a user."""
    return {"PK": f"USER#{encode_key(user_id)}", "SK": "PROFILE"}


def email_partition(email: str, secret: str) -> str:
    """The partition of an e-mail address: its keyed hash, so that no key holds the address. Case does not count."""
    spelled = unicodedata.normalize("NFC", email.strip()).casefold()
    return f"EMAIL#{hmac.new(secret.encode(), spelled.encode(), 'sha256').hexdigest()}"


def email_item(email: str, user_id: str, secret: str) -> Item:
    """It leads the operator from an address to its user. The index `by_user` leads back, to delete it."""
    partition = email_partition(email, secret)
    key = {"PK": partition, "SK": f"USER#{encode_key(user_id)}"}
    return key | {"kind": "EMAIL", "userId": user_id, "userSort": f"USER#{partition}"}


def reference_item(stay_id: str) -> Item:
    """It leads the operator from a reference number to its stay."""
    return {"PK": f"REFERENCE#{reference_number(stay_id)}", "SK": f"STAY#{stay_id}", "kind": "REFERENCE"}


def refused_item(event_id: str, reason: str, raw: str, now: datetime) -> Item:
    """An event or callback that was refused, with the reason, for the operator. Broken characters are escaped."""
    whole = raw.encode(errors="backslashreplace").decode()
    return {
        "PK": "REFUSED",
        "SK": f"{timestamp(now)}#{event_id}",
        "kind": "REFUSED",
        "reason": reason,
        "raw": whole[:_LONGEST_EVENT],
        **until(now + EVENT_KEPT),
    }


def until(end: datetime) -> Item:
    """The attribute of an item that DynamoDB deletes by itself, some days after this end: seconds since 1970."""
    return {"keptUntil": int(end.timestamp())}


def shard(name: str) -> str:
    """The partition of the index `due` for a stay, an auction or a transaction."""
    return SHARDS[crc32(name.encode()) % _WRITTEN]


def _new_shard(name: str) -> str:
    """The same, among the shards that release 1.4 does not read."""
    return SHARDS[_WRITTEN + crc32(name.encode()) % (len(SHARDS) - _WRITTEN)]


def due_again(name: str, at: datetime | None) -> Item:
    """The attributes of an item that the clock looks at again at this time (None: never).

    They also move an item that another release stored to its present shard.
    """
    return {"dueAt": at and timestamp(at), "dueShard": shard(name)}


def event_item(stay_id: str, name: str, now: datetime, **more: Any) -> Item:
    """One line of a stay's timeline."""
    key = stay_key(stay_id, f"EVENT#{now.isoformat(timespec='microseconds')}#{name}")
    return {**key, "kind": "EVENT", "what": name, "at": timestamp(now), **more}


def mail_item(mail: Mail) -> Item:
    """A mail to send. The stream's filter looks at its state.

    Release 1.4 passes over a NOTICE, and its clock does not read the shard: a deployment may go back to it.
    """
    if mail.mail_kind in _KNOWN_MAILS:
        return mail.dump() | mail_key(mail) | {"kind": "MAIL", "dueShard": shard(mail.about)}
    return mail.dump() | mail_key(mail) | {"kind": "NOTICE", "dueShard": _new_shard(mail.about)}


def stray_item(stray: Stray) -> Item:
    """Stray money, under its transaction like any other money. ZaloPay's own words stay until it is paid back."""
    key = transaction_key(stray.transaction_id)
    stray = stray.but(raw=None) if stray.is_settled else stray
    return stray.dump() | key | {"kind": "STRAY", "dueShard": shard(stray.transaction_id)}


def stray_event(stray: Stray, name: str, now: datetime, **more: Any) -> Item:
    """One line of the timeline of stray money."""
    return event_item(stray.id, name, now, **more) | {"PK": transaction_key(stray.transaction_id)["PK"]}
