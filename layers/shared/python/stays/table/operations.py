"""The operations of a transaction about a stay, each under a name by which a failed condition is asked for.

`night 2027-03-20`, `session`, `transaction`, `booking`, `event`, `mail`, `award`, `limit`, `earlier`; `own …` and
`freed 2027-03-20` of a session that gives way, `offer …` of an offer that does.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from stays.domain.award import AWARD_SOURCES, Award
from stays.domain.booking import booking_of
from stays.domain.decision import Decision, Evidence, supersede
from stays.domain.mailing import new_mailing
from stays.domain.payment import FULFILMENT_SOURCES, STATUS_SOURCES, PaymentSession
from stays.domain.stray import Stray, StrayStatus, stray_of
from stays.domain.values import timestamp, today
from stays.table.keys import (
    award_item,
    award_key,
    event_item,
    mail_item,
    night_key,
    shard,
    stay_key,
    stray_item,
    transaction_key,
)
from stays.table.store import Condition, Item, Key, Operation, Store, any_of, both, differences

Operations = dict[str, Operation]
NIGHT, FREED, OWN = "night ", "freed ", "own"


class Writing:
    """Builds operations; writes nothing. `by` names who decides, if that is a person."""

    def __init__(self, store: Store, by: str | None = None) -> None:
        self._store = store
        self._by = {"by": by} if by else {}

    # Nights

    def hold(self, session: PaymentSession, now: datetime, instead_of: Collection[str] = ()) -> Operations:
        """Keep all its nights from others, those of the sessions that it replaces included."""
        return {_name(night): self._held(session, night, _free(session, now, instead_of)) for night in session.nights}

    def hold_longer(self, session: PaymentSession, lost: Collection[date]) -> Operations:
        """Keep the nights that are still its own until another time."""
        ours = Condition("stayId = :stayId", stayId=session.id)
        return {_name(night): self._held(session, night, ours) for night in session.nights if night not in lost}

    def _held(self, session: PaymentSession, night: date, condition: Condition) -> Operation:
        until = {"heldUntil": timestamp(session.hold_until)}
        return self._store.putting(_night_item(session, night, "HELD") | until, condition)

    def book(self, session: PaymentSession, now: datetime, instead_of: Collection[str] = ()) -> Operations:
        """Take all its nights for good."""
        free = _free(session, now, instead_of)
        return {
            _name(night): self._store.putting(_night_item(session, night, "BOOKED"), free) for night in session.nights
        }

    def free(self, session: PaymentSession, but: Collection[date] = (), name: str = NIGHT) -> Operations:
        """Let its nights go."""
        ours = Condition("attribute_not_exists(PK) OR stayId = :stayId", stayId=session.id)
        return {
            f"{name}{night}": self._store.deleting(night_key(session.property_id, night), ours)
            for night in session.nights
            if night not in but
        }

    # The session and what goes with it

    def open(self, session: PaymentSession, now: datetime) -> Operations:
        """A new session."""
        new = Condition("attribute_not_exists(PK)")
        written = {"session": self._store.putting(_session_item(session), new)}
        return written | self._booking(session, None) | self.event(session, "OPENED", now)

    def move(self, before: PaymentSession, after: PaymentSession, name: str = "session") -> Operations:
        """A session that changes, and its booking with it."""
        changes = differences(before.dump(), after.dump())
        moved = {name: self._store.updating(session_key(after), changes, _moving(before, after))}
        return moved | self._booking(after, before)

    def give_way(
        self, before: PaymentSession, nights: Collection[date], lost: Collection[date], now: datetime
    ) -> Operations:
        """Another session of the same user ends for one that takes `nights`; of its others some may be lost."""
        after = supersede(before, now)
        ended = self.move(before, after, OWN) | self.event(after, "SUPERSEDED", now)
        named = {f"{name} {after.id}": one for name, one in ended.items()}
        return named | self.free(before, {*nights, *lost}, FREED)

    def decided(self, before: PaymentSession, decision: Decision, now: datetime) -> Operations:
        """The session as a decision wants it, with its booking, transaction, mail and line of the timeline."""
        after = decision.session
        operations = self.move(before, after) | self._transaction(before, after)
        operations |= self.event(after, decision.what, now, decision.evidence)
        if decision.letter:
            operations["mail"] = self._store.putting(mail_item(new_mailing(after.id, decision.letter, now)))
        return operations

    def _transaction(self, before: PaymentSession, after: PaymentSession) -> Operations:
        """The session again under its transaction's id, so that finding it by that id is one read."""
        if after.transaction_id is None:
            return {}
        key = transaction_key(after.transaction_id)
        if before.transaction_id == after.transaction_id:
            return {"transaction": self._store.updating(key, differences(before.dump(), after.dump()))}
        item = after.dump() | key | {"kind": "TRANSACTION"}
        written = {"transaction": self._store.putting(item, _unclaimed(after))}
        if before.transaction_id is not None:
            earlier = Stray(
                transaction_id=before.transaction_id,
                amount=before.received or 0,
                stay_id=before.id,
                app_trans_id=before.app_trans_id,
                received_at=before.changed_at,
            )
            written["earlier"] = self._store.putting(stray_item(earlier))
        return written

    def stray(self, session: PaymentSession, evidence: Evidence, now: datetime) -> Operations:
        """Money beyond what was owed: kept once under its own id, for people to look at."""
        item = stray_item(stray_of(evidence, session.id, session.app_trans_id))
        kept = {"transaction": self._store.putting(item, Condition("attribute_not_exists(PK)"))}
        return kept | self.event(session, "SECOND_TRANSACTION", now, evidence)

    def _booking(self, session: PaymentSession, before: PaymentSession | None) -> Operations:
        booking = booking_of(session)
        if booking is None or (before and booking_of(before) == booking):
            return {}
        created = timestamp(booking.created_at)
        keys = stay_key(session.id, "BOOKING") | {"kind": "BOOKING", "userSort": f"BOOKING#{created}"}
        return {"booking": self._store.putting(booking.dump() | keys)}

    def event(self, session: PaymentSession, what: str, now: datetime, evidence: Evidence | None = None) -> Operations:
        """One line of the timeline."""
        said = {"evidence": evidence.dump()} if evidence else {}
        return {"event": self._store.putting(event_item(session.id, what, now, **self._by, **said))}

    # Awards

    def move_award(self, before: Award, after: Award, name: str = "award") -> Operations:
        """An award that changes: written over what was read and nothing newer, where its state allows it.

        What had to be done by a time is done once, also where both changes have the same millisecond.
        """
        sources = AWARD_SOURCES[after.status] if after.status is not before.status else {before.status}
        conditions = [any_of("status", sources), unchanged(before)]
        if before.due_at is not None and after.due_at != before.due_at:
            conditions.append(Condition("dueAt = :dueAt", dueAt=timestamp(before.due_at)))
        changes = differences(award_item(before), award_item(after)) | {"passedOn": after.passed_on}
        return {name: self._store.updating(_key_of(before), changes, both(*conditions))}

    def replace_award(self, before: Award, after: Award) -> Operations:
        """Other terms in the place of an award as it was read."""
        return {"award": self._store.putting(award_item(after), unchanged(before))}

    def change_award(self, session: PaymentSession, changes: Mapping[str, Any], condition: Condition) -> Operations:
        """The award of a session, without looking at it before."""
        return {"award": self._store.updating(_award_key(session), changes, condition)}

    def check_award(self, session: PaymentSession, condition: Condition) -> Operations:
        """Nothing but a condition on the award of a session."""
        return {"award": self._store.checking(_award_key(session), condition)}


def unchanged(award: Award) -> Condition:
    """Nobody has changed it since it was read. Before release 1.2 an award that never changed had no such time."""
    return Condition("attribute_not_exists(changedAt) OR changedAt = :changedAt", changedAt=timestamp(award.changed_at))


def ahead(nights: Iterable[date], now: datetime) -> tuple[date, ...]:
    """The nights that can still be slept, earliest first, each once."""
    return tuple(sorted({night for night in nights if night >= today(now)}))


def session_key(session: PaymentSession) -> Key:
    """Where a session stands."""
    return stay_key(session.id, "SESSION")


def night_of(name: str, *kinds: str) -> date | None:
    """The night that an operation of these kinds is about, if it is about one."""
    return date.fromisoformat(name[len(NIGHT) :]) if name.startswith(kinds) else None


def nights_in(names: Iterable[str], *kinds: str) -> frozenset[date]:
    """The nights that operations of these kinds are about."""
    return frozenset(night for name in names if (night := night_of(name, *kinds)))


def _name(night: date) -> str:
    return f"{NIGHT}{night.isoformat()}"


def _free(session: PaymentSession, now: datetime, instead_of: Collection[str]) -> Condition:
    """Nobody's, ours or of a session that gives way, or held for somebody whose time to pay is over."""
    ours = {f"stay{number}": stay_id for number, stay_id in enumerate((session.id, *instead_of))}
    return Condition(
        f"attribute_not_exists(PK) OR stayId IN ({', '.join(f':{name}' for name in ours)})"
        " OR (#state = :held AND heldUntil < :now)",
        held="HELD",
        now=timestamp(now),
        **ours,
    )


def _moving(before: PaymentSession, after: PaymentSession) -> Condition:
    """Condition: the status allows this transition, and `changedAt` is as it was read.

    Only differences from `before` are written, so it has to be what stands there.
    """
    sources = STATUS_SOURCES[after.status] if after.status is not before.status else {before.status}
    since = Condition("changedAt = :changedAt", changedAt=timestamp(before.changed_at))
    conditions = [any_of("status", sources), since]
    if after.fulfilment is not before.fulfilment:
        conditions.append(any_of("fulfilment", FULFILMENT_SOURCES[after.fulfilment]))
    return both(*conditions)


def _session_item(session: PaymentSession) -> Item:
    return session.dump() | {
        **session_key(session),
        "kind": "SESSION",
        "userSort": f"SESSION#{timestamp(session.created_at)}",
        "dueShard": shard(session.id),
    }


def _unclaimed(session: PaymentSession) -> Condition:
    """Under this transaction there is nothing, or this order's own money, which came while the order was unknown."""
    return Condition(
        "attribute_not_exists(PK) OR (kind = :stray AND #status = :open AND appTransId = :order"
        " AND attribute_not_exists(stayId))",
        stray="STRAY",
        open=StrayStatus.OPEN.value,
        order=session.app_trans_id,
    )


def _award_key(session: PaymentSession) -> Key:
    return award_key(session.auction_id, session.user_id, session.award_id)


def _key_of(award: Award) -> Key:
    return award_key(award.auction_id, award.user_id, award.award_id)


def _night_item(session: PaymentSession, night: date, state: str) -> Item:
    return night_key(session.property_id, night) | {
        "kind": "NIGHT",
        "state": state,
        "stayId": session.id,
        "userId": session.user_id,
    }
