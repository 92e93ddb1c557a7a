"""The operations of a transaction about a stay. Each has a name; a failed condition is looked up by it.

`night 2027-03-20`, `session`, `transaction`, `booking`, `reference`, `event`, `mail confirmation`, `award`, `limit`,
`earlier`; `own …` and `freed 2027-03-20` for a session that is replaced, `offer …` for an offer that ends.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from stays.aws.store import Condition, Item, Key, Operation, Store, any_of, both, differences
from stays.domain.award import AWARD_SOURCES, Award
from stays.domain.booking import booking_of
from stays.domain.decision import Decision, Evidence, supersede
from stays.domain.mail import Mail
from stays.domain.owed_mail import award_mails, stay_mails
from stays.domain.payment import FULFILMENT_SOURCES, STATUS_SOURCES, PaymentSession
from stays.domain.stray import Stray, StrayStatus, stray_of
from stays.domain.values import timestamp, today
from stays.table.keys import (
    RAW_KEPT,
    award_item,
    award_key,
    due_again,
    event_item,
    mail_item,
    night_key,
    reference_item,
    shard,
    stay_key,
    stray_item,
    transaction_key,
    until,
)

Operations = dict[str, Operation]
NIGHT, FREED, OWN = "night ", "freed ", "own"


class OperationBuilder:
    """Builds operations; writes nothing.

    `by` names the operator who decides, if an operator does. `told` are mails that are out, by stay and kind.
    """

    def __init__(self, store: Store, by: str | None = None, told: Collection[tuple[str, str]] = ()) -> None:
        self._store = store
        self._by = {"by": by} if by else {}
        self._told = told

    # Nights

    def hold(self, session: PaymentSession, now: datetime, instead_of: Collection[str] = ()) -> Operations:
        """Hold all nights of the session. The nights may be free, or held by the sessions that it replaces."""
        return {_name(night): self._held(session, night, _free(session, now, instead_of)) for night in session.nights}

    def hold_longer(self, session: PaymentSession, lost: Collection[date]) -> Operations:
        """Hold the nights that are still its own until the session's present `hold_until`."""
        ours = Condition("stayId = :stayId", stayId=session.id)
        return {_name(night): self._held(session, night, ours) for night in session.nights if night not in lost}

    def _held(self, session: PaymentSession, night: date, condition: Condition) -> Operation:
        until = {"heldUntil": timestamp(session.hold_until)}
        return self._store.put_operation(_night_item(session, night, "HELD") | until, condition)

    def book(self, session: PaymentSession, now: datetime, instead_of: Collection[str] = ()) -> Operations:
        """Book all nights of the session."""
        free = _free(session, now, instead_of)
        return {
            _name(night): self._store.put_operation(_night_item(session, night, "BOOKED"), free)
            for night in session.nights
        }

    def free(self, session: PaymentSession, but: Collection[date] = (), name: str = NIGHT) -> Operations:
        """Free the session's nights, without those in `but`."""
        ours = Condition("attribute_not_exists(PK) OR stayId = :stayId", stayId=session.id)
        return {
            f"{name}{night}": self._store.delete_operation(night_key(session.property_id, night), ours)
            for night in session.nights
            if night not in but
        }

    # The session, and the items that change with it

    def open(self, session: PaymentSession, now: datetime) -> Operations:
        """A new session."""
        new = Condition("attribute_not_exists(PK)")
        written = {"session": self._store.put_operation(session_item(session), new)}
        return written | self.booking(session, None) | self.event(session, "OPENED", now)

    def move(self, before: PaymentSession, after: PaymentSession, name: str = "session") -> Operations:
        """The change of a session and of its booking."""
        changes = differences(before.dump(), after.dump())
        moved = {name: self._store.update_operation(session_key(after), changes, _moving(before, after))}
        return moved | self.booking(after, before)

    def supersede(
        self, before: PaymentSession, nights: Collection[date], lost: Collection[date], now: datetime
    ) -> Operations:
        """End another session of the same user, for one that takes `nights`. The nights in `lost` are lost already."""
        after = supersede(before, now)
        ended = self.move(before, after, OWN) | self.event(after, "SUPERSEDED", now)
        named = {f"{name} {after.id}": one for name, one in ended.items()}
        return named | self.free(before, {*nights, *lost}, FREED)

    def decided(self, before: PaymentSession, decision: Decision, now: datetime) -> Operations:
        """The session after a decision, with its booking, transaction, mail and line of the timeline."""
        after = decision.session
        operations = self.move(before, after) | self._transaction(before, after)
        operations |= self.event(after, decision.name, now, decision.evidence)
        return operations | self._mails(
            mail for mail in stay_mails(before, after, now) if (after.id, mail.mail_kind) not in self._told
        )

    def _mails(self, owed: Iterable[Mail]) -> Operations:
        """Mail that is owed, to be sent now or at its time."""
        return {f"mail {mail.mail_kind}": self._store.put_operation(mail_item(mail)) for mail in owed}

    def _transaction(self, before: PaymentSession, after: PaymentSession) -> Operations:
        """A copy of the session under its transaction's id, so that one read finds it by that id."""
        if after.transaction_id is None:
            return {}
        key = transaction_key(after.transaction_id)
        if before.transaction_id == after.transaction_id:
            return {"transaction": self._store.update_operation(key, differences(before.dump(), after.dump()))}
        item = after.dump() | key | {"kind": "TRANSACTION"}
        written = {"transaction": self._store.put_operation(item, _unclaimed(after))}
        if before.transaction_id is not None:
            earlier = Stray(
                transaction_id=before.transaction_id,
                amount=before.received or 0,
                stay_id=before.id,
                app_trans_id=before.app_trans_id,
                received_at=before.changed_at,
            )
            written["earlier"] = self._store.put_operation(stray_item(earlier))
        return written

    def stray(self, session: PaymentSession, evidence: Evidence, now: datetime) -> Operations:
        """Money beyond the amount owed: recorded once under its own id, for the operator."""
        item = stray_item(stray_of(evidence, session.id, session.app_trans_id))
        kept = {"transaction": self._store.put_operation(item, Condition("attribute_not_exists(PK)"))}
        return kept | self.event(session, "SECOND_TRANSACTION", now, evidence)

    def booking(self, session: PaymentSession, before: PaymentSession | None) -> Operations:
        """The booking that a session makes, if it differs from the one before."""
        booking = booking_of(session)
        earlier = before and booking_of(before)
        if booking is None or earlier == booking:
            return {}
        created = timestamp(booking.created_at)
        keys = stay_key(session.id, "BOOKING") | {"kind": "BOOKING", "userSort": f"BOOKING#{created}"}
        written = {"booking": self._store.put_operation(booking.dump() | keys)}
        if earlier is None:
            written["reference"] = self._store.put_operation(reference_item(session.id))
        return written

    def event(self, session: PaymentSession, name: str, now: datetime, evidence: Evidence | None = None) -> Operations:
        """One line of the timeline. A line with ZaloPay's own words has an end."""
        said = {"evidence": evidence.dump()} if evidence else {}
        if evidence and evidence.raw:
            said |= until(now + RAW_KEPT)
        return {"event": self._store.put_operation(event_item(session.id, name, now, **self._by, **said))}

    # Awards

    def make_award(self, award: Award, now: datetime, name: str = "award") -> Operations:
        """A new award, with the mail that tells of it."""
        made = self._store.put_operation(award_item(award), Condition("attribute_not_exists(PK)"))
        return {name: made} | self._mails(award_mails(award, now))

    def move_award(self, before: Award, after: Award, name: str = "award") -> Operations:
        """The change of an award, if it is as it was read and its status allows the change.

        A due task is done only once, even if both changes have the same millisecond: `dueAt` must be as it was read.
        """
        sources = AWARD_SOURCES[after.status] if after.status is not before.status else {before.status}
        conditions = [any_of("status", sources), unchanged(before)]
        if before.due_at is not None and after.due_at != before.due_at:
            conditions.append(Condition("dueAt = :dueAt", dueAt=timestamp(before.due_at)))
        kept = {"passedOn": after.passed_on, **due_again(after.auction_id, after.due_at)}
        changes = differences(award_item(before), award_item(after)) | kept
        return {name: self._store.update_operation(_key_of(before), changes, both(*conditions))}

    def replace_award(self, before: Award, after: Award) -> Operations:
        """Replace an award as it was read by other terms. Mail tells of it only if none told of the award before."""
        replaced = {"award": self._store.put_operation(award_item(after), unchanged(before))}
        is_told = bool(award_mails(before, before.received_at))
        return replaced | ({} if is_told else self._mails(award_mails(after, after.received_at)))

    def change_award(self, session: PaymentSession, changes: Mapping[str, Any], condition: Condition) -> Operations:
        """Change the award of a session without reading it first."""
        return {"award": self._store.update_operation(_award_key(session), changes, condition)}

    def check_award(self, session: PaymentSession, condition: Condition) -> Operations:
        """A condition on the award of a session, without a write."""
        return {"award": self._store.check_operation(_award_key(session), condition)}


def unchanged(award: Award) -> Condition:
    """The condition that it has not changed since it was read.

    Before release 1.2 an award that never changed had no `changedAt`.
    """
    return Condition("attribute_not_exists(changedAt) OR changedAt = :changedAt", changedAt=timestamp(award.changed_at))


def ahead(nights: Iterable[date], now: datetime) -> tuple[date, ...]:
    """The nights that are not past, earliest first, each once."""
    return tuple(sorted({night for night in nights if night >= today(now)}))


def session_key(session: PaymentSession) -> Key:
    """The key of a session."""
    return stay_key(session.id, "SESSION")


def session_item(session: PaymentSession) -> Item:
    """A session. The index `due` has it while it has `dueAt`."""
    return session.dump() | {
        **session_key(session),
        "kind": "SESSION",
        "userSort": f"SESSION#{timestamp(session.created_at)}",
        "dueShard": shard(session.id),
    }


def night_of(name: str, *kinds: str) -> date | None:
    """The night in an operation's name, if the operation is of these kinds."""
    return date.fromisoformat(name[len(NIGHT) :]) if name.startswith(kinds) else None


def nights_in(names: Iterable[str], *kinds: str) -> frozenset[date]:
    """The nights in the names of operations of these kinds."""
    return frozenset(night for name in names if (night := night_of(name, *kinds)))


def _name(night: date) -> str:
    return f"{NIGHT}{night.isoformat()}"


def _free(session: PaymentSession, now: datetime, instead_of: Collection[str]) -> Condition:
    """Free, held by this session or one that it replaces, or held by a stay whose time to pay is over."""
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

    Only the differences from `before` are written, so the item must still be equal to `before`.
    """
    sources = STATUS_SOURCES[after.status] if after.status is not before.status else {before.status}
    since = Condition("changedAt = :changedAt", changedAt=timestamp(before.changed_at))
    conditions = [any_of("status", sources), since]
    if after.fulfilment is not before.fulfilment:
        conditions.append(any_of("fulfilment", FULFILMENT_SOURCES[after.fulfilment]))
    return both(*conditions)


def _unclaimed(session: PaymentSession) -> Condition:
    """The transaction has no item, or has this order's own money, which came while the order was unknown."""
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
