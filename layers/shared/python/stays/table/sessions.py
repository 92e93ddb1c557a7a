"""Payment sessions, their bookings and nights: opening, deciding, reading."""

import json
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import date, datetime

from pydantic import ValidationError

from stays.aws.store import Condition, Conflicted, Item, Store, any_of, both, differences
from stays.domain.award import PAYABLE, Award, AwardStatus
from stays.domain.booking import Booking
from stays.domain.decision import NO_OBSTACLES, AwardState, Decision, Evidence, Nights, Obstacles, award_state, decide
from stays.domain.erasure import is_erased
from stays.domain.errors import Busy, NotFound, Refused
from stays.domain.payment import MOST_OPENED, QUERY_INTERVAL, Fulfilment, PaymentSession, Status
from stays.domain.second_chances import end, unsold_nights, withdraw
from stays.domain.values import timestamp
from stays.table.keys import (
    COUNTER_KEPT,
    award_key,
    due_again,
    notes_key,
    opened_key,
    refused_item,
    stay_key,
    transaction_key,
    until,
)
from stays.table.operations import (
    FREED,
    NIGHT,
    OWN,
    OperationBuilder,
    Operations,
    ahead,
    night_of,
    nights_in,
    session_key,
    unchanged,
)

Decider = Callable[[PaymentSession, Obstacles], Decision | None]

_ATTEMPTS = 8
_NOTES = {"queriedAt": "queried_at", "toldAt": "told_at"}
_LIVE_OFFERS = (AwardStatus.WAITING, AwardStatus.ACCEPTED)


class NightsTaken(Exception):
    """A night is held or booked already. The fields name the stay and the user."""

    def __init__(self, night: date, stay_id: str, user_id: str) -> None:
        super().__init__("a night is taken")
        self.night = night
        self.stay_id = stay_id
        self.user_id = user_id


class Changed(Exception):
    """The award, or the session to replace, has changed since it was read. Read again."""


class Unsettled(Busy):
    """The session changed during every attempt to decide. Bring the evidence again."""


class Sessions:
    """All items under STAY#, PROPERTY# and TRANSACTION# that a payment touches."""

    def __init__(
        self,
        store: Store,
        decided: Callable[[str], None] = lambda _: None,
        unreadable: Callable[[str], None] = lambda _: None,
        by: str | None = None,
        told: Collection[tuple[str, str]] = (),
    ) -> None:
        """`decided` is called with every written decision, `unreadable` with every offer that cannot be read.

        `by` names the operator who decides, if an operator does. `told` are mails that no decision owes, because they
        went out before a restore: by stay and kind.
        """
        self._store = store
        self._decided = decided
        self._unreadable = unreadable
        self._builder = OperationBuilder(store, by, told)

    def find(self, stay_id: str, owner: str | None = None) -> PaymentSession:
        """The session, consistent: one read. Raises NotFound for unknown ids and for other users' sessions."""
        return _owned(self._store.get(stay_key(stay_id, "SESSION")), owner)

    def find_with_notes(self, stay_id: str, owner: str | None = None) -> PaymentSession:
        """The same with `queried_at` and `told_at`, consistent: one read of two items."""
        items = {
            item["kind"]: item for item in self._store.get_many([stay_key(stay_id, "SESSION"), notes_key(stay_id)])
        }
        return _noted(_owned(items.get("SESSION"), owner), items.get("NOTES"))

    def find_paid_by(self, transaction_id: str, owner: str) -> PaymentSession:
        """The session that a transaction of ZaloPay paid, consistent: one read, two for a booking. Raises NotFound."""
        session = _owned(self._store.get(transaction_key(transaction_id)), owner)
        return _noted(session, self._store.get(notes_key(session.id))) if session.is_untold else session

    def load_booking(self, stay_id: str, user_id: str, *, host: bool = False) -> Booking:
        """The booking, if the user made it or (with `host`) owns its property. Raises NotFound."""
        item = self._store.get(stay_key(stay_id, "BOOKING"))
        if item is None or user_id not in (item["userId"], item["hostId"] if host else None):
            raise NotFound
        return Booking.model_validate(item)

    def load_bookings(self, user_id: str, limit: int = 100) -> list[Booking]:
        """The user's newest bookings, newest first: one (eventually consistent) read."""
        items = self._store.query(
            "userId = :user AND begins_with(userSort, :kind)",
            {":user": user_id, ":kind": "BOOKING#"},
            IndexName="by_user",
            ScanIndexForward=False,
            Limit=limit,
        )
        return [Booking.model_validate(item) for item in items]

    def open(
        self, session: PaymentSession, award: Award, now: datetime, instead_of: PaymentSession | None = None
    ) -> None:
        """Write a new session for an award as it was read, and hold its nights. If a condition fails, write nothing.

        The award's own unpaid session, if there is one, ends in the same write. Raises NightsTaken, Changed, or Refused
        for too many sessions of one user in an hour.
        """
        lost = frozenset[date]()
        for _ in range(_ATTEMPTS):
            try:
                self._store.transact(self._opening(session, award, instead_of, lost, now))
            except Conflicted as conflict:
                _raise_refusal(conflict.items)
                lost |= nights_in(conflict.items, FREED)
            else:
                return
        raise Changed

    def _opening(
        self,
        session: PaymentSession,
        award: Award,
        instead_of: PaymentSession | None,
        lost: frozenset[date],
        now: datetime,
    ) -> Operations:
        operations = self._builder.hold(session, now, [instead_of.id] if instead_of else [])
        if instead_of:
            operations |= self._builder.supersede(instead_of, session.nights, lost, now)
        checkout = {"checkoutId": session.id, "changedAt": timestamp(now)}
        payable = both(any_of("status", PAYABLE), unchanged(award), _opened_last(award))
        operations |= self._builder.change_award(session, checkout, payable)
        counter = {"kind": "OPENED", **until(now + COUNTER_KEPT)}
        operations["limit"] = self._store.count_operation(opened_key(session.user_id, now), counter, MOST_OPENED)
        return operations | self._builder.open(session, now)

    def attempt(self, before: PaymentSession, session: PaymentSession, now: datetime) -> None:
        """Record that a reservation's order is about to be made. Its nights stay held as long as it can be paid.

        Raises Conflicted if another call did so first, NightsTaken if the hold had ended and another user took a night.
        """
        first = both(any_of("status", [Status.CREATED]), Condition("attribute_not_exists(attemptedAt)"))
        update = self._store.update_operation(session_key(session), differences(before.dump(), session.dump()), first)
        event = self._builder.event(session, "ORDER_ATTEMPTED", now)
        try:
            self._store.transact({**self._builder.hold(session, now), "session": update, **event})
        except Conflicted as conflict:
            _raise_taken(conflict.items)
            raise

    def claim_query(self, session: PaymentSession, now: datetime) -> bool:
        """Whether the caller may ask ZaloPay now: one caller in 5 seconds. One small write, none if it is known."""
        if session.queried_at is not None and now - session.queried_at < QUERY_INTERVAL:
            return False
        seldom = Condition(
            "attribute_not_exists(queriedAt) OR queriedAt <= :before", before=timestamp(now - QUERY_INTERVAL)
        )
        return self._note(session, "queriedAt", now, seldom)

    def claim_check(self, session: PaymentSession, now: datetime, due_at: datetime | None) -> bool:
        """The same for the clock, which then looks at the session again at `due_at` (None: never).

        Only while the session still has the `dueAt` that was read: a session that has finished meanwhile stays
        finished. A clock that dies between its two writes leaves the session due.
        """
        waited = Condition("dueAt = :dueAt", dueAt=session.dump().get("dueAt"))
        later = due_again(session.id, due_at)
        return self.claim_query(session, now) and self._store.update(session_key(session), later, waited).done

    def note_told(self, session: PaymentSession, now: datetime) -> None:
        """Record that the user was answered that it is paid: one small write, harmless when repeated.

        If another write is in the way, nothing is recorded. The page then reads PENDING once more, and asks again.
        """
        with suppress(Busy):
            self._note(session, "toldAt", now, Condition("attribute_not_exists(toldAt)"))

    def _note(self, session: PaymentSession, name: str, now: datetime, condition: Condition) -> bool:
        noted = {"kind": "NOTES", name: timestamp(now)}
        return self._store.update(notes_key(session.id), noted, condition).done

    def record(self, session: PaymentSession, evidence: Evidence, now: datetime) -> PaymentSession:
        """Bring evidence to the one decision. Returns the session as it is afterwards, also if another call decided.

        Of an erased user nothing is kept but the money.
        """
        if is_erased(session.user_id):
            evidence = evidence.but(raw=None)
        return self.settle(session, lambda current, obstacles: decide(current, evidence, now, obstacles=obstacles), now)

    def settle(self, session: PaymentSession, decider: Decider, now: datetime) -> PaymentSession:
        """Decide and write in one transaction. If a condition fails, read again and decide again.

        Obstacles are learnt from failed conditions only. A night counts as taken only if its item names another stay.
        Raises Unsettled if the session changes during every attempt.
        """
        obstacles, lost = NO_OBSTACLES, frozenset[date]()
        for _ in range(_ATTEMPTS):
            decision = decider(session, obstacles)
            if decision is None:
                return session
            try:
                self._store.transact(self._operations(session, decision, obstacles, lost, now))
            except Conflicted as conflict:
                if decision.session is session:
                    return session  # stray money that is recorded already
                obstacles = self._learn(session, decision, conflict.items, obstacles)
                lost |= nights_in(conflict.items, NIGHT, FREED)
                session = self.find(session.id)
            else:
                self._decided(decision.name)
                return decision.session
        raise Unsettled

    def _operations(
        self, before: PaymentSession, decision: Decision, obstacles: Obstacles, lost: frozenset[date], now: datetime
    ) -> Operations:
        after = decision.session
        if after is before:
            assert decision.evidence
            return self._builder.stray(after, decision.evidence, now)
        operations = self._nights(decision, obstacles, lost, now)
        operations |= self._builder.decided(before, decision, now)
        return operations | self._award(before, decision, obstacles, now)

    def _nights(self, decision: Decision, obstacles: Obstacles, lost: frozenset[date], now: datetime) -> Operations:
        after = decision.session
        if decision.nights is Nights.FREE:
            return self._builder.free(after, lost)
        if decision.nights is Nights.HOLD:
            return self._builder.hold_longer(after, lost)
        if decision.nights is Nights.KEEP:
            return {}
        operations: Operations = {}
        for own in obstacles.own:
            operations |= self._builder.supersede(own, after.nights, lost, now)
        return operations | self._builder.book(after, now, [own.id for own in obstacles.own])

    def _award(self, before: PaymentSession, decision: Decision, obstacles: Obstacles, now: datetime) -> Operations:
        """The change to the session's award that a decision needs."""
        after = decision.session
        if decision.nights is Nights.BOOK:
            return self._paid_award(after, obstacles.award, now) | self._ended_offers(obstacles, now)
        if before.is_live and not after.is_live:
            return self._left_award(after, obstacles.award, now)
        if before.fulfilment is Fulfilment.BOOKED and after.fulfilment is not Fulfilment.BOOKED:
            return self._given_back_award(after, obstacles.award, now)
        return {}

    def _paid_award(self, session: PaymentSession, award: Award | None, now: datetime) -> Operations:
        """The award becomes PAID, and its unsold nights are passed on. A waiting correction is refused as too late."""
        if award is None:
            current = Condition("checkoutId = :checkoutId AND attribute_not_exists(correction)", checkoutId=session.id)
            as_opened = both(any_of("status", PAYABLE), current)
            left = session.left
            changes = {
                "status": AwardStatus.PAID.value,
                "paymentId": session.id,
                "changedAt": timestamp(now),
                "passedOn": False,  # items of earlier releases lack this attribute
                "unsold": [night.isoformat() for night in left] if left else None,
                "dueAt": None if left == () else timestamp(now),
            }
            return self._builder.change_award(session, changes, as_opened)
        is_open = award_state(session, award) is AwardState.OPEN
        left = tuple(night for night in award.stake if night not in session.nights) if is_open else award.unsold
        paid = award.but(
            status=AwardStatus.PAID,
            payment_id=session.id,
            changed_at=now,
            ended_at=None,
            correction=None,
            unsold=left or None,
            due_at=now if left else None,
        )
        written = self._builder.move_award(award, paid)
        if award.correction:
            why = "it was paid before this could be applied"
            raw = json.dumps(award.correction.dump(), ensure_ascii=False)
            written["refused"] = self._store.put_operation(refused_item(award.correction.event_id, why, raw, now))
        return written

    def _ended_offers(self, obstacles: Obstacles, now: datetime) -> Operations:
        operations: Operations = {}
        for offer in obstacles.offers:
            name = f"offer {offer.user_id} {offer.award_id}"
            operations |= self._builder.move_award(offer, end(offer, AwardStatus.EXPIRED, now), name)
        return operations

    def _left_award(self, session: PaymentSession, award: Award | None, now: datetime) -> Operations:
        """Another session can pay the award now, on the terms of a correction that waited for this session's end."""
        if award is None or award.correction is None:
            return self._builder.check_award(session, Condition("attribute_not_exists(correction)"))
        if award.correction.award is not None:
            return self._builder.replace_award(award, award.correction.award)
        return self._builder.move_award(award, withdraw(award, award.correction.revision, now))

    def _given_back_award(self, session: PaymentSession, award: Award | None, now: datetime) -> Operations:
        """The user has lost the award. Its nights that are not past become unsold."""
        if award is None:
            idle = Condition("attribute_not_exists(unsold) AND attribute_not_exists(dueAt)")
            unsold = ahead(session.nights, now)
        else:
            idle = unchanged(award)
            unsold = ahead((*unsold_nights(award, session.nights, now), *session.nights), now)
        changes = {
            "endedAt": timestamp(now),
            "unsold": [night.isoformat() for night in unsold] or None,
            "dueAt": timestamp(now) if unsold else None,
            "changedAt": timestamp(now),
        }
        return self._builder.change_award(session, changes, idle)

    # Obstacles

    def _learn(
        self, session: PaymentSession, decision: Decision, items: Mapping[str, Item], obstacles: Obstacles
    ) -> Obstacles:
        if decision.nights is Nights.BOOK:
            obstacles = self._learn_of_nights(session, items, obstacles)
        known = items.get("transaction", {})
        if known.get("kind") in ("TRANSACTION", "STRAY") and known.get("id") != session.id:
            obstacles = obstacles._replace(known=True)
        if any(name == "award" or name.startswith(("offer ", OWN)) for name in items):
            award = self._find_award(session)
            own = {each.id: each for each in (*obstacles.own, *self._find_open(award, session))}
            obstacles = obstacles._replace(
                award=award, own=tuple(own.values()), offers=self._load_offers(session, award)
            )
        return obstacles

    def _find_open(self, award: Award, session: PaymentSession) -> list[PaymentSession]:
        """Another session that is open for the award, with any nights. Once the award is paid, none may stay open."""
        if award.checkout_id in (None, session.id):
            return []
        other = self.find(award.checkout_id)
        return [other] if other.is_live else []

    def _learn_of_nights(self, session: PaymentSession, items: Mapping[str, Item], obstacles: Obstacles) -> Obstacles:
        stays = {name.removeprefix(f"{OWN} ") for name in items if name.startswith(OWN)}
        own = {each.id: each for each in obstacles.own if each.id not in stays}
        taken = set(obstacles.taken)
        for name, item in items.items():
            night = night_of(name, NIGHT)
            if night is None:
                continue
            other = self._find_own(session, item)
            if other:
                own[other.id] = other
            else:
                taken.add(night)
        return obstacles._replace(own=tuple(own.values()), taken=frozenset(taken))

    def _find_own(self, session: PaymentSession, night: Item) -> PaymentSession | None:
        """Another live session of the same user for the same award, if it holds the night."""
        if night["state"] != "HELD" or night["userId"] != session.user_id:
            return None
        other = self.find(night["stayId"])
        same = (other.auction_id, other.award_id) == (session.auction_id, session.award_id)
        return other if same and other.is_live else None

    def _find_award(self, session: PaymentSession) -> Award:
        item = self._store.get(award_key(session.auction_id, session.user_id, session.award_id))
        return Award.model_validate(item)

    def _load_offers(self, session: PaymentSession, award: Award) -> tuple[Award, ...]:
        """The offers to other users that contain nights of the session, if its award is over."""
        if award_state(session, award) is not AwardState.OVER:
            return ()
        items = self._store.query_all(
            "PK = :auction",
            {":auction": award_key(session.auction_id, "", "")["PK"], ":offer": "OFFER"},
            FilterExpression="#kind = :offer",
            ExpressionAttributeNames={"#kind": "kind"},
            ConsistentRead=True,
        )
        offers = filter(None, map(self._read_offer, items))
        return tuple(each for each in offers if _stands_in_the_way(each, session))

    def _read_offer(self, item: Item) -> Award | None:
        """An offer, or None if it cannot be read: an unreadable offer must not stop money from being recorded."""
        try:
            return Award.model_validate(item)
        except ValidationError:
            self._unreadable(f"{item['PK']} {item['SK']}")
            return None


def _stands_in_the_way(offer: Award, session: PaymentSession) -> bool:
    offered = {night.date for night in offer.nights}
    elsewhere = offer.rented_property.id != session.property_id or offer.user_id == session.user_id
    return offer.status in _LIVE_OFFERS and not elsewhere and not offered.isdisjoint(session.nights)


def _opened_last(award: Award) -> Condition:
    """The condition that the award's last session is the one that was read, even if both have the same millisecond."""
    if award.checkout_id is None:
        return Condition("attribute_not_exists(checkoutId)")
    return Condition("checkoutId = :checkoutId", checkoutId=award.checkout_id)


def _raise_refusal(items: Mapping[str, Item]) -> None:
    """Raise the reason why a session could not be opened. Lost nights of the replaced session are no reason."""
    if "limit" in items:
        raise Refused("RATE_LIMIT", "That was often; please wait a while.", retryAfter=3600) from None
    if "award" in items or any(name.startswith(OWN) for name in items):
        raise Changed from None
    _raise_taken(items)


def _raise_taken(items: Mapping[str, Item]) -> None:
    for name, item in items.items():
        night = night_of(name, NIGHT)
        if night:
            raise NightsTaken(night, item["stayId"], item["userId"]) from None


def _owned(item: Item | None, owner: str | None) -> PaymentSession:
    if item is None or item["kind"] == "STRAY" or (owner is not None and item["userId"] != owner):
        raise NotFound
    return PaymentSession.model_validate(item)


def _noted(session: PaymentSession, notes: Item | None) -> PaymentSession:
    """The session with its notes. Release 1.4 and earlier ones noted in the session itself."""
    found = {_NOTES[name]: datetime.fromisoformat(at) for name, at in (notes or {}).items() if name in _NOTES}
    return session.but(**found)
