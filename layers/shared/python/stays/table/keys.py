"""The keys of every item, and the items whose only reader is this package."""

from datetime import date, datetime
from typing import Any
from zlib import crc32

from stays.domain.award import WIN, Award
from stays.domain.mailing import Mailing
from stays.domain.stray import Stray
from stays.domain.values import encode_key, timestamp
from stays.table.store import Item, Key

_LONGEST_EVENT = 100_000  # characters of a refused event that are kept
SHARDS = 4  # of the index `due`, so that no one partition takes every write


def stay_key(stay_id: str, sort: str) -> Key:
    """SESSION, BOOKING, THREAD, MAIL#kind or EVENT#time#what of a stay."""
    return {"PK": f"STAY#{stay_id}", "SK": sort}


def mail_key(stay_id: str, letter: str) -> Key:
    """One kind of mail for a stay."""
    return stay_key(stay_id, f"MAIL#{letter}")


def transaction_key(transaction_id: str) -> Key:
    """A transaction of ZaloPay."""
    return {"PK": f"TRANSACTION#{transaction_id}", "SK": "TRANSACTION"}


def night_key(property_id: str, night: date) -> Key:
    """One night of a property: whoever owns this item owns the night."""
    return {"PK": f"PROPERTY#{property_id}", "SK": f"NIGHT#{night.isoformat()}"}


def calendar_key(property_id: str) -> Key:
    """Whose a property is, and its feed: apart from its nights, so that whoever may write here may not write there."""
    return {"PK": f"CALENDAR#{property_id}", "SK": "CALENDAR"}


def opened_key(user_id: str, now: datetime) -> Key:
    """How many sessions a user opened in this hour."""
    return {"PK": f"USER#{encode_key(user_id)}", "SK": f"OPENED#{timestamp(now)[:13]}"}


def award_key(auction_id: str, user_id: str, award_id: str) -> Key:
    """One award or offer of a user in an auction. No id has a `#`, once a user's is encoded."""
    return {"PK": f"AUCTION#{auction_id}", "SK": f"AWARD#{encode_key(user_id)}#{award_id}"}


def award_item(award: Award) -> Item:
    """An award or an offer. `userSort` finds a user's by the time that is left to pay or to answer."""
    return award.dump() | {
        **award_key(award.auction_id, award.user_id, award.award_id),
        "kind": "AWARD" if award.award_id == WIN else "OFFER",
        "userSort": f"AWARD#{timestamp(award.payment_deadline)}#{award.award_id}",
        "dueShard": shard(award.auction_id),
    }


def profile_key(user_id: str) -> Key:
    """What a user told us."""
    return {"PK": f"USER#{encode_key(user_id)}", "SK": "PROFILE"}


def refused_item(event_id: str, reason: str, raw: str, now: datetime) -> Item:
    """Something that could not be accepted, with the reason, for people to look at. Half a character is written out."""
    whole = raw.encode(errors="backslashreplace").decode()
    return {
        "PK": "REFUSED",
        "SK": f"{timestamp(now)}#{event_id}",
        "kind": "REFUSED",
        "reason": reason,
        "raw": whole[:_LONGEST_EVENT],
    }


def shard(name: str) -> str:
    """The partition of the index `due` that the time of a stay or an auction stands in."""
    return str(crc32(name.encode()) % SHARDS)


def event_item(stay_id: str, what: str, now: datetime, **more: Any) -> Item:
    """One line of a stay's timeline."""
    key = stay_key(stay_id, f"EVENT#{now.isoformat(timespec='microseconds')}#{what}")
    return {**key, "kind": "EVENT", "what": what, "at": timestamp(now), **more}


def mail_item(mailing: Mailing) -> Item:
    """A mail that is owed. Its state is what the stream's filter looks at."""
    key = mail_key(mailing.stay_id, mailing.letter)
    return mailing.dump() | key | {"kind": "MAIL", "dueShard": shard(mailing.stay_id)}


def stray_item(stray: Stray) -> Item:
    """Stray money, under its transaction as any other."""
    key = transaction_key(stray.transaction_id)
    return stray.dump() | key | {"kind": "STRAY", "dueShard": shard(stray.transaction_id)}


def stray_event(stray: Stray, what: str, now: datetime, **more: Any) -> Item:
    """One line of the timeline that stray money has of its own."""
    return event_item(stray.id, what, now, **more) | {"PK": transaction_key(stray.transaction_id)["PK"]}
