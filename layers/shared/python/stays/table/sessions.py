"""Payment sessions, their bookings and nights: opening, deciding, reading."""

from collections.abc import Callable, Collection, Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

from stays.domain.award import PAYABLE, WIN, Award, AwardStatus, check_payable
from stays.domain.booking import Booking, booking_of
from stays.domain.decision import Decision, Evidence, Nights, Taken, decide
from stays.domain.errors import NotFound, Refused
from stays.domain.mailing import new_mailing
from stays.domain.payment import (
    FULFILMENT_SOURCES,
    MOST_OPENED,
    QUERY_INTERVAL,
    STATUS_SOURCES,
    PaymentSession,
    Status,
)
from stays.domain.stray import StrayStatus
from stays.domain.values import timestamp
from stays.table.keys import (
    award_key,
    event_item,
    mail_item,
    night_key,
    opened_key,
    shard,
    stay_key,
    transaction_key,
)
from stays.table.store import Condition, Conflicted, Item, Key, Operation, Store, any_of, both

Decider = Callable[[PaymentSession, Taken], Decision | None]

_ATTEMPTS = 6


class NightsTaken(Exception):
    """A night is held or booked already: by which stay of which user."""

    def __init__(self, night: date, stay_id: str, user_id: str) -> None:
        super().__init__("a night is taken")
        self.night = night
        self.stay_id = stay_id
        self.user_id = user_id


class Unsettled(Exception):
    """The session kept changing under every attempt to decide; whoever brought the evidence comes again."""


class _Failed(NamedTuple):
    """What a decision that was not written ran into: other stays' nights, and what else they have."""

    nights: frozenset[date]
    taken: Taken


class Sessions:
    """Everything under STAY#, PROPERTY# and TRANSACTION# that a payment touches."""

    def __init__(self, store: Store, decided: Callable[[str], None] = lambda _: None, by: str | None = None) -> None:
        """`decided` hears of every decision that is written; `by` names who decides, if that is a person."""
        self._store = store
        self._decided = decided
        self._by = {"by": by} if by else {}

    def find(self, stay_id: str, owner: str | None = None) -> PaymentSession:
        """The session, consistent: one read. Raises NotFound for unknown ids and for other people's."""
        return _owned(self._store.get(stay_key(stay_id, "SESSION")), owner)

    def paid_by(self, transaction_id: str, owner: str) -> PaymentSession:
        """The session that a transaction of ZaloPay paid, consistent: one read. Raises NotFound."""
        return _owned(self._store.get(transaction_key(transaction_id)), owner)

    def booking(self, stay_id: str, user_id: str, *, host: bool = False) -> Booking:
        """The booking, if the user made it or (with `host`) owns its property. Raises NotFound."""
        item = self._store.get(stay_key(stay_id, "BOOKING"))
        if item is None or user_id not in (item["userId"], item["hostId"] if host else None):
            raise NotFound
        return Booking.model_validate(item)

    def bookings(self, user_id: str, limit: int = 100) -> list[Booking]:
        """The user's newest bookings, newest first: one (eventually consistent) read."""
        items = self._store.query(
            "userId = :user AND begins_with(userSort, :kind)",
            {":user": user_id, ":kind": "BOOKING#"},
            IndexName="by_user",
            ScanIndexForward=False,
            Limit=limit,
        )
        return [Booking.model_validate(item) for item in items]

    def open(self, session: PaymentSession, now: datetime) -> None:
        """Write a new session for an award that can still be paid, and hold its nights; else write nothing.

        Raises NightsTaken, or Refused: for a user who opens one session after the other, for an award that is over.
        """
        nights = [self._hold(session, night, now) for night in session.nights]
        counted = self._store.counting(opened_key(session.user_id, now), "OPENED", MOST_OPENED)
        written = self._store.putting(_session_item(session), Condition("attribute_not_exists(PK)"))
        checkout = {"checkoutId": session.id, "changedAt": timestamp(now)}
        payable = self._store.updating(_award_key(session), checkout, any_of("status", PAYABLE))
        rest = [counted, payable, written, *self._booking(session, None), self._event(session, "OPENED", now)]
        try:
            self._write_nights(session, nights, rest)
        except Conflicted as conflict:
            if len(nights) in conflict.items:
                raise Refused("RATE_LIMIT", "That was often; please wait a while.", retryAfter=3600) from None
            if len(nights) + 1 in conflict.items:
                check_payable(Award.model_validate(conflict.items[len(nights) + 1]), now)
            raise

    def attempt(self, before: PaymentSession, session: PaymentSession, now: datetime) -> None:
        """A reservation's order is about to be made; its nights stay held as long as it can be paid.

        Raises Conflicted for whoever comes second, NightsTaken where the hold had run out and somebody else came.
        """
        condition = both(any_of("status", [Status.CREATED]), Condition("attribute_not_exists(attemptedAt)"))
        nights = [self._hold(session, night, now) for night in session.nights]
        changes = _changes(before, session)
        update = self._store.updating(stay_key(session.id, "SESSION"), changes, condition)
        self._write_nights(session, nights, [update, self._event(session, "ORDER_ATTEMPTED", now)])

    def _write_nights(self, session: PaymentSession, nights: list[Operation], rest: list[Operation]) -> None:
        try:
            self._store.transact([*nights, *rest])
        except Conflicted as conflict:
            for position, item in conflict.items.items():
                if position < len(nights):
                    raise NightsTaken(session.nights[position], item["stayId"], item["userId"]) from None
            raise

    def claim_query(self, session: PaymentSession, now: datetime) -> bool:
        """Whether the caller may ask ZaloPay now: one in 5 seconds may, all others read the table."""
        return self._claim(session, now, {}, Condition("attribute_exists(PK)"))

    def claim_check(self, session: PaymentSession, now: datetime, due_at: datetime | None) -> bool:
        """The same for the clock, which looks at the session again then (None: no more).

        Only if it still waits for the time it was read with: what has come to rest meanwhile is not woken up.
        """
        waited = Condition("dueAt = :dueAt", dueAt=session.dump().get("dueAt"))
        return self._claim(session, now, {"dueAt": due_at and timestamp(due_at)}, waited)

    def _claim(self, session: PaymentSession, now: datetime, changes: Item, condition: Condition) -> bool:
        if session.queried_at is not None and now - session.queried_at < QUERY_INTERVAL:
            return False
        seldom = Condition(
            "attribute_not_exists(queriedAt) OR queriedAt <= :before", before=timestamp(now - QUERY_INTERVAL)
        )
        asked = {"queriedAt": timestamp(now), **changes}
        return self._store.update(stay_key(session.id, "SESSION"), asked, both(condition, seldom)) is None

    def record(self, session: PaymentSession, evidence: Evidence, now: datetime) -> PaymentSession:
        """Bring evidence to the one decision; the session as it is afterwards, whoever decided."""
        return self.settle(session, lambda current, taken: decide(current, evidence, now, taken=taken), now)

    def settle(self, session: PaymentSession, decider: Decider, now: datetime) -> PaymentSession:
        """Decide and write in one transaction; where the world has moved, read again and decide anew.

        A night counts as taken only when a condition failed and its item names another stay.
        Raises Unsettled if it does not come to rest.
        """
        taken, lost = Taken.NOTHING, frozenset[date]()
        for _ in range(_ATTEMPTS):
            decision = decider(session, taken)
            if decision is None:
                return session
            failed = self._commit(session, decision, lost, now)
            if failed is None:
                self._decided(decision.what)
                return decision.session
            if decision.session is session:
                return session  # a stray that is kept already
            taken |= failed.taken
            lost |= failed.nights
            session = self.find(session.id)
        raise Unsettled

    def _commit(
        self, before: PaymentSession, decision: Decision, lost: frozenset[date], now: datetime
    ) -> "_Failed | None":
        """None when written; else what is another stay's."""
        after = decision.session
        freed = [night for night in after.nights if night not in lost]
        nights = {Nights.KEEP: (), Nights.BOOK: after.nights, Nights.FREE: freed}[decision.nights]
        operations = [self._night(decision, night, now) for night in nights]
        operations += self._around(before, decision, now)
        try:
            self._store.transact(operations)
        except Conflicted as conflict:
            others = frozenset(nights[position] for position in conflict.items if position < len(nights))
            return _Failed(others, _taken(after, others, conflict.items.values()))
        return None

    def _around(self, before: PaymentSession, decision: Decision, now: datetime) -> list[Operation]:
        after = decision.session
        if after is before:
            return self._stray(decision, now)
        changes = _changes(before, after)
        operations = [self._store.updating(stay_key(after.id, "SESSION"), changes, _moving(before, after))]
        operations += self._transaction(before, after, changes)
        operations += self._booking(after, before)
        operations.append(self._event(after, decision.what, now, decision.evidence))
        if decision.letter:
            operations.append(self._store.putting(mail_item(new_mailing(after.id, decision.letter, now))))
        if decision.nights is Nights.BOOK:
            paid: Item = {"status": AwardStatus.PAID.value, "paymentId": after.id, "changedAt": timestamp(now)}
            if after.award_id == WIN:  # of an offer, the clock still looks at what it left over
                paid["dueAt"] = None
            operations.append(self._store.updating(_award_key(after), paid))
        return operations

    def _stray(self, decision: Decision, now: datetime) -> list[Operation]:
        """Money beyond what was owed: kept once under its own id, for people to look at."""
        evidence = decision.evidence
        assert evidence and evidence.transaction_id
        item = {
            **transaction_key(evidence.transaction_id),
            "kind": "STRAY",
            "stayId": decision.session.id,
            "amount": evidence.amount,
        }
        first = Condition("attribute_not_exists(PK)")
        return [self._store.putting(item, first), self._event(decision.session, decision.what, now, evidence)]

    def _transaction(self, before: PaymentSession, after: PaymentSession, changes: Item) -> list[Operation]:
        """The session again under its transaction's id, so that finding it by that id is one read."""
        if after.transaction_id is None:
            return []
        key = transaction_key(after.transaction_id)
        if before.transaction_id != after.transaction_id:
            item = after.dump() | key | {"kind": "TRANSACTION"}
            return [self._store.putting(item, _unclaimed(after))]
        return [self._store.updating(key, changes)]

    def _booking(self, session: PaymentSession, before: PaymentSession | None) -> list[Operation]:
        booking = booking_of(session)
        if booking is None or (before and booking_of(before) == booking):
            return []
        created = timestamp(booking.created_at)
        keys = stay_key(session.id, "BOOKING") | {"kind": "BOOKING", "userSort": f"BOOKING#{created}"}
        return [self._store.putting(booking.dump() | keys)]

    def _event(self, session: PaymentSession, what: str, now: datetime, evidence: Evidence | None = None) -> Operation:
        said = {"evidence": evidence.dump()} if evidence else {}
        return self._store.putting(event_item(session.id, what, now, **self._by, **said))

    def _hold(self, session: PaymentSession, night: date, now: datetime) -> Operation:
        until = timestamp(session.hold_until)
        return self._store.putting(_night_item(session, night, "HELD") | {"heldUntil": until}, _free(session, now))

    def _night(self, decision: Decision, night: date, now: datetime) -> Operation:
        session = decision.session
        if decision.nights is Nights.BOOK:
            return self._store.putting(_night_item(session, night, "BOOKED"), _free(session, now))
        ours = Condition("attribute_not_exists(PK) OR stayId = :stayId", stayId=session.id)
        return self._store.deleting(night_key(session.property_id, night), ours)


def _taken(session: PaymentSession, nights: Collection[date], standing: Iterable[Item]) -> Taken:
    """What stood in the way of a decision and is another stay's."""
    paid = (item for item in standing if item.get("kind") in ("TRANSACTION", "STRAY"))
    transaction = any(item.get("id") != session.id for item in paid)
    return (Taken.NIGHT if nights else Taken.NOTHING) | (Taken.TRANSACTION if transaction else Taken.NOTHING)


def _free(session: PaymentSession, now: datetime) -> Condition:
    """Nobody's, ours, or held for somebody whose time to pay is over."""
    return Condition(
        "attribute_not_exists(PK) OR stayId = :stayId OR (#state = :held AND heldUntil < :now)",
        stayId=session.id,
        held="HELD",
        now=timestamp(now),
    )


def _unclaimed(session: PaymentSession) -> Condition:
    """Under this transaction there is nothing, or this order's own money, which came while the order was unknown."""
    return Condition(
        "attribute_not_exists(PK) OR (kind = :stray AND #status = :open AND appTransId = :order"
        " AND attribute_not_exists(stayId))",
        stray="STRAY",
        open=StrayStatus.OPEN.value,
        order=session.app_trans_id,
    )


def _moving(before: PaymentSession, after: PaymentSession) -> Condition:
    """The inverse of the tables of transitions, as a condition; and nobody has decided anything meanwhile.

    Only differences from `before` are written, so it has to be what stands there.
    """
    sources = STATUS_SOURCES[after.status] if after.status is not before.status else {before.status}
    unchanged = Condition("changedAt = :changedAt", changedAt=timestamp(before.changed_at))
    conditions = [any_of("status", sources), unchanged]
    if after.fulfilment is not before.fulfilment:
        conditions.append(any_of("fulfilment", FULFILMENT_SOURCES[after.fulfilment]))
    return both(*conditions)


def _changes(before: PaymentSession, after: PaymentSession) -> dict[str, Any]:
    old, new = before.dump(), after.dump()
    return {name: new.get(name) for name in sorted(old | new) if old.get(name) != new.get(name)}


def _owned(item: Item | None, owner: str | None) -> PaymentSession:
    if item is None or item["kind"] == "STRAY" or (owner is not None and item["userId"] != owner):
        raise NotFound
    return PaymentSession.model_validate(item)


def _session_item(session: PaymentSession) -> Item:
    return session.dump() | {
        **stay_key(session.id, "SESSION"),
        "kind": "SESSION",
        "userSort": f"SESSION#{timestamp(session.created_at)}",
        "dueShard": shard(session.id),
    }


def _award_key(session: PaymentSession) -> Key:
    return award_key(session.auction_id, session.user_id, session.award_id)


def _night_item(session: PaymentSession, night: date, state: str) -> Item:
    return night_key(session.property_id, night) | {
        "kind": "NIGHT",
        "state": state,
        "stayId": session.id,
        "userId": session.user_id,
    }
