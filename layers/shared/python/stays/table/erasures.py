"""Erasure of a person: the record of it, everything that is stored by the user's id, and its removal.

Each write is conditional or harmless when repeated. The index `by_user` leads to an item until the item itself is
erased, so an erasure that stopped goes on where it was.
"""

import hmac
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import chain
from typing import NamedTuple

from stays.aws.store import Condition, Conflicted, Item, Key, Store, both
from stays.domain.award import Award
from stays.domain.decision import Decision
from stays.domain.erasure import Stored, erased_award, erased_session, is_named, without
from stays.domain.mail import Mail
from stays.domain.payment import PaymentSession
from stays.domain.stray import Stray
from stays.domain.values import timestamp
from stays.table.keys import (
    MAIL_ITEMS,
    award_item,
    award_key,
    night_key,
    profile_key,
    reference_item,
    stay_key,
    transaction_key,
    until,
)
from stays.table.operations import OperationBuilder, unchanged
from stays.table.strays import read_stray

RECORD_KEPT = timedelta(days=730)
_AWARDS = ("AWARD", "OFFER")


class Person(NamedTuple):
    """Everything that is stored about a user. `others` are awards of other users that name the user.

    `deleted` are whole items: profile, addresses, counters, mail about awards, marks of withdrawals, refused events.
    """

    user_id: str
    sessions: tuple[PaymentSession, ...]
    awards: tuple[Award, ...]
    others: tuple[Award, ...]
    stays: Mapping[str, tuple[Item, ...]]  # all items of each session's stay
    strays: tuple[Stray, ...]
    deleted: tuple[Item, ...]

    @property
    def stored(self) -> tuple[Stored, ...]:
        """The items that may be unfinished."""
        items = chain(self.deleted, *self.stays.values())
        mails = (Mail.model_validate(item) for item in items if item["kind"] in MAIL_ITEMS)
        return (*self.sessions, *self.awards, *mails, *self.strays)


class Erasures:
    """The records of erasures, and the erasure itself."""

    def __init__(self, store: Store, keys: Callable[[], list[str]], by: str | None = None) -> None:
        """`keys` are those of the hashes, the current one first. `by` names the operator."""
        self._store = store
        self._keys = keys
        self._by = by
        self._builder = OperationBuilder(store, by)

    # The record

    def find(self, user_ids: Iterable[str]) -> dict[str, datetime]:
        """When each of these users was erased last, consistent: one read. Users who never were are left out."""
        users = {_record_key(user, key)["PK"]: user for user in set(user_ids) for key in self._keys()}
        items = self._store.get_many([{"PK": each, "SK": "ERASED"} for each in users])
        found: dict[str, datetime] = {}
        for item in items:
            user, at = users[item["PK"]], datetime.fromisoformat(item["at"])
            found[user] = max(at, found.get(user, at))
        return found

    def begin(self, user_id: str, name: str, now: datetime) -> str:
        """Put the erasure on record, under a keyed hash of the user's id. Returns the alias to use.

        It is the alias of the erasure that stopped, if one did; otherwise `name`.
        """
        key = _record_key(user_id, self._keys()[0])
        said = {"kind": "ERASED", "at": timestamp(now), "by": self._by, "alias": name, **until(now + RECORD_KEPT)}
        written = self._store.put(key | said, Condition("attribute_not_exists(#alias)"))
        return name if written.done else str(written.existing["alias"])

    def finish(self, user_id: str, now: datetime) -> None:
        """Take the alias out of the record: nothing leads from the person to the books any more."""
        self._store.update(_record_key(user_id, self._keys()[0]), {"alias": None, "at": timestamp(now)})

    def is_begun(self, user_id: str) -> bool:
        """Whether an erasure of the user stopped on its way."""
        item = self._store.get(_record_key(user_id, self._keys()[0]))
        return item is not None and "alias" in item

    # What is stored

    def load(self, user_id: str) -> Person:
        """Everything about a user. The index `by_user` leads to it; what it leads to is read consistently.

        Reads the user's stays and auctions and the refused events, never the whole table.
        """
        listed = list(self._store.query_all("userId = :user", {":user": user_id}, IndexName="by_user"))
        sessions = [PaymentSession.model_validate(each) for each in self._again(listed, "SESSION")]
        own = self._again(listed, *_AWARDS)
        awards = [Award.model_validate(each) for each in own]
        stays = {each.id: tuple(self._partition(stay_key(each.id, "")["PK"])) for each in sessions}
        auctions = sorted({each.auction_id for each in sessions} | {each.auction_id for each in awards})
        told = [item for auction in auctions for item in self._partition(award_key(auction, "", "")["PK"])]
        kept = (
            *self._partition(profile_key(user_id)["PK"]),
            *(item for item in told if item["kind"] in ("NOTICE", "WITHDRAWN") and item["userId"] == user_id),
            # The marks of releases up to 1.4 are not in the index.
            *(
                item
                for item in listed
                if item["kind"] == "WITHDRAWN" and item["PK"] not in {each["PK"] for each in told}
            ),
            *(item for item in listed if item["kind"] == "EMAIL"),
            *(item for item in self._partition("REFUSED") if is_named(str(item["raw"]), user_id)),
        )
        others = [Award.model_validate(item) for item in told if item["kind"] in _AWARDS and item["userId"] != user_id]
        return Person(
            user_id=user_id,
            sessions=tuple(sessions),
            awards=tuple(awards),
            others=tuple(each for each in others if without(each, user_id, "") != each),
            stays=stays,
            strays=tuple(self._strays(sessions, stays)),
            deleted=kept,
        )

    def _again(self, listed: Iterable[Item], *kinds: str) -> list[Item]:
        keys = [_key_of(item) for item in listed if item["kind"] in kinds]
        return self._store.get_many(keys) if keys else []

    def _partition(self, partition: str) -> Iterable[Item]:
        return self._store.query_all("PK = :partition", {":partition": partition}, ConsistentRead=True)

    def _strays(self, sessions: Iterable[PaymentSession], stays: Mapping[str, Iterable[Item]]) -> Iterable[Stray]:
        """The money under other transactions of these stays: their timelines name it."""
        said = {item["evidence"].get("transactionId") for item in chain(*stays.values()) if "evidence" in item}
        wanted = sorted(said - {None} - {each.transaction_id for each in sessions})
        found = self._store.get_many([transaction_key(each) for each in wanted]) if wanted else []
        return [read_stray(item) for item in found if item["kind"] == "STRAY" and item.get("stayId") in stays]

    # The removal

    def erase(self, person: Person, name: str, now: datetime) -> None:
        """Take the person out of all of it. Raises Conflicted if an item has changed since it was read.

        An award has its new place before its sessions have, and the old place goes last. So money that comes meanwhile
        always finds the award of its session, and the rest of an auction is found until it is done.
        """
        for award in person.awards:
            self._store.put(award_item(erased_award(award, name, now)), Condition("attribute_not_exists(PK)"))
        for stray in person.strays:  # its session leads to it
            self._store.update(transaction_key(stray.transaction_id), {"raw": None}, Condition("kind = :s", s="STRAY"))
        for session in person.sessions:
            self._erase_stay(session, person.stays[session.id], name, now)
        for award in person.others:
            after = without(award, person.user_id, name).but(changed_at=now)
            self._store.transact(self._builder.move_award(award, after))
        for item in person.deleted:
            self._store.delete(_key_of(item))
        for award in person.awards:
            gone = award_key(award.auction_id, award.user_id, award.award_id)
            self._store.transact({"award": self._store.delete_operation(gone, unchanged(award))})

    def _erase_stay(self, session: PaymentSession, items: Iterable[Item], name: str, now: datetime) -> None:
        """The session goes last, with its booking and transaction: it leads to the rest."""
        for item in items:
            changes = _changes(item, name)
            if changes and not self._store.update(_key_of(item), changes, _as_read(item)).done:
                raise Conflicted({"mail": item})
        self._store.delete(_key_of(reference_item(session.id)))
        for night in session.nights:
            ours = Condition("stayId = :stayId", stayId=session.id)
            self._store.update(night_key(session.property_id, night), {"userId": name}, ours)
        erased = Decision(erased_session(session, name, now), "ERASED")
        self._store.transact(self._builder.decided(session, erased, now))


def _changes(item: Item, name: str) -> Item:
    """What is erased of an item of a stay that is not the session's own: mail, thread, ZaloPay's own words."""
    match item:
        case {"kind": "MAIL" | "NOTICE"}:
            return {"to": None, "messageId": None}
        case {"kind": "THREAD"}:
            return {"travellerId": name}
        case {"kind": "EVENT", "evidence": {"raw": _, **said}}:
            return {"evidence": said, "keptUntil": None}
    return {}


def _as_read(item: Item) -> Condition:
    """The condition that a mail has not moved on since it was read; any other item must only be there."""
    same = {name: item[name] for name in ("state", "attempts", "requestedAt") if item["kind"] in MAIL_ITEMS}
    parts = [Condition(f"#{name} = :{name}", **{name: value}) for name, value in same.items()]
    return both(Condition("attribute_exists(PK)"), *parts)


def _key_of(item: Item) -> Key:
    return {"PK": item["PK"], "SK": item["SK"]}


def _record_key(user_id: str, secret: str) -> Key:
    """The key of the record of a user's erasure: a keyed hash, so that no key holds the user's id."""
    hashed = hmac.new(secret.encode(), f"erased {user_id}".encode(), "sha256").hexdigest()
    return {"PK": f"ERASED#{hashed}", "SK": "ERASED"}
