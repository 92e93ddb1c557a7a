"""Awards and offers: receiving, changing, passing on."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, TypeVar

from pydantic import ValidationError

from stays.aws.store import Condition, Conflicted, Item, Operation, Store, any_of
from stays.domain.award import PAYABLE, WIN, Award, AwardStatus, Correction, over
from stays.domain.payment import CHECK_INTERVAL, SLOWEST_CHECK, UNFINISHED, PaymentSession
from stays.domain.second_chances import PassedNights, is_of_chain, pass_on, unsold_nights, withdraw
from stays.domain.values import timestamp
from stays.table.keys import EVENT_KEPT, award_item, award_key, due_again, night_key, stay_key, until
from stays.table.operations import FREED, NIGHT, OWN, OperationBuilder, Operations, nights_in

M = TypeVar("M", Award, PaymentSession)

_ATTEMPTS = 6
_REPLACEABLE = PAYABLE | {AwardStatus.LOST}


class Reception(StrEnum):
    """The outcome for an event of the auction system. KEPT: it waits for the end of the open payment."""

    RECEIVED = "RECEIVED"
    KEPT = "KEPT"
    IGNORED = "IGNORED"
    REFUSED = "REFUSED"


class Received(NamedTuple):
    """The award after the event, or None if only its withdrawal is known; and the reason of a refusal."""

    reception: Reception
    award: Award | None = None
    reason: str | None = None


class AwardKeepsChanging(Exception):
    """An award changed during every attempt to write it. The event has to be delivered again."""


class Awards:
    """All items under AUCTION#."""

    def __init__(self, store: Store, unreadable: Callable[[str], None] = lambda _: None) -> None:
        """`unreadable` is called with every award that is left out because it cannot be read."""
        self._store = store
        self._unreadable = unreadable
        self._builder = OperationBuilder(store)

    # Reading

    def load_for(self, auction_id: str, user_id: str) -> list[Award]:
        """All awards and offers of a user in an auction, consistent: one read."""
        key = award_key(auction_id, user_id, "")
        items = self._store.query_all(
            "PK = :auction AND begins_with(SK, :user)",
            {":auction": key["PK"], ":user": key["SK"]},
            ConsistentRead=True,
        )
        return self._read_awards(items)

    def find_by_id(self, offer_id: str, user_id: str) -> list[Award]:
        """The user's offers with this id, usually one at most. An index finds them; each is then read consistently."""
        return [self.find(award) for award in self.load_all_of(user_id) if award.award_id == offer_id != WIN]

    def load_all_of(self, user_id: str) -> list[Award]:
        """All wins and offers of the user, latest deadline first: an (eventually consistent) read.

        Auctions that the user lost are left out, and so are items that cannot be read.
        """
        items = self._store.query_all(
            "userId = :user AND begins_with(userSort, :kind)",
            {":user": user_id, ":kind": "AWARD#", ":lost": AwardStatus.LOST.value},
            IndexName="by_user",
            FilterExpression="#status <> :lost",
            ExpressionAttributeNames={"#status": "status"},
            ScanIndexForward=False,
        )
        return self._read_awards(items)

    def _read_awards(self, items: Iterable[Item]) -> list[Award]:
        return self._read_all(Award, (item for item in items if item.get("kind") != "WITHDRAWN"))

    def _read_all(self, kind: type[M], items: Iterable[Item]) -> list[M]:
        found = []
        for item in items:
            try:
                found.append(kind.model_validate(item))
            except ValidationError:
                self._unreadable(f"{item['PK']} {item['SK']}")
        return found

    def find(self, award: Award) -> Award:
        """The same award as it is now, consistent: one read."""
        return Award.model_validate(self._store.get(_key_of(award)))

    def load_of_session(self, session: PaymentSession) -> Award:
        """The award that a session was opened for, consistent: one read."""
        return Award.model_validate(self._store.get(award_key(session.auction_id, session.user_id, session.award_id)))

    def load_deadlines(self, awards: Iterable[Award]) -> dict[str, datetime]:
        """The end of the open order or reservation of each of these awards, by session id: one consistent read."""
        ids = {each.checkout_id for each in awards if each.status in PAYABLE and each.checkout_id}
        items = self._store.get_many([stay_key(stay_id, "SESSION") for stay_id in sorted(ids)]) if ids else []
        sessions = self._read_all(PaymentSession, items)
        return {each.id: each.expires_at for each in sessions if each.is_live}

    # Events of the auction system

    def receive(self, award: Award, event_id: str) -> Received:
        """Write an award, or replace the one that is there by a higher revision.

        While an order or reservation is open, the correction waits on the award for its end.
        """
        for _ in range(_ATTEMPTS):
            existing = self._make(award)
            if existing is None:
                return Received(Reception.RECEIVED, award)
            correction = Correction(revision=award.revision, event_id=event_id, award=award)
            received = self._revise(existing, correction, award)
            if received is not None:
                return received
        raise AwardKeepsChanging

    def _make(self, award: Award) -> Item | None:
        """Write a new award with its mail. The item that is there already, or None if it was written."""
        if award.status is AwardStatus.LOST:  # nobody is told: the item alone costs half
            written = self._store.put(award_item(award), Condition("attribute_not_exists(PK)"))
            return None if written.done else written.existing
        try:
            self._store.transact(self._builder.make_award(award, award.received_at))
        except Conflicted as conflict:
            return conflict.items["award"]
        return None

    def _revise(self, existing: Item, correction: Correction, award: Award) -> Received | None:
        """The outcome of a correction; None if the award has changed meanwhile."""
        if existing["kind"] == "WITHDRAWN":
            if award.revision <= existing["revision"]:
                return Received(Reception.IGNORED)
            return Received(Reception.REFUSED, None, "this award was withdrawn")
        current = Award.model_validate(existing)
        if award.revision <= _last_revision(current):
            again = current.correction and current.correction.event_id == correction.event_id
            return Received(Reception.KEPT if again else Reception.IGNORED, current)
        if current.status not in _REPLACEABLE:
            return Received(Reception.REFUSED, current, f"this award is {current.status} already")
        if current.correction and current.correction.award is None:
            return Received(Reception.REFUSED, current, "this award is withdrawn once its payment has ended")
        at_once = self._builder.replace_award(current, award)
        return self._apply(current, correction, at_once, award, award.received_at)

    def take_back(
        self, auction_id: str, user_id: str, award_id: str, correction: Correction, now: datetime
    ) -> Received:
        """Withdraw an award, even one that we never received. An open order or reservation ends first."""
        key = award_key(auction_id, user_id, award_id)
        mark = {"kind": "WITHDRAWN", "revision": correction.revision, "userId": user_id}
        mark["userSort"] = f"WITHDRAWN#{auction_id}"  # an erasure finds it, though there is no award
        unheard = key | mark | until(now + EVENT_KEPT)
        for _ in range(_ATTEMPTS):
            older = Condition(
                "attribute_not_exists(PK) OR (#kind = :kind AND revision < :mine)",
                kind="WITHDRAWN",
                mine=correction.revision,
            )
            written = self._store.put(unheard, older)
            if written.done:
                return Received(Reception.RECEIVED)
            received = self._withdraw(written.existing, correction, now)
            if received is not None:
                return received
        raise AwardKeepsChanging

    def _withdraw(self, existing: Item, correction: Correction, now: datetime) -> Received | None:
        if existing["kind"] == "WITHDRAWN":
            return Received(Reception.IGNORED)
        current = Award.model_validate(existing)
        if current.status is AwardStatus.WITHDRAWN or correction.revision < _last_revision(current):
            return Received(Reception.IGNORED, current)
        if current.status is AwardStatus.PAID:
            return Received(Reception.REFUSED, current, "this award is paid already")
        if current.correction == correction:
            return Received(Reception.KEPT, current)
        withdrawn = withdraw(current, correction.revision, now)
        return self._apply(current, correction, self._builder.move_award(current, withdrawn), withdrawn, now)

    def _apply(
        self, current: Award, correction: Correction, at_once: Operations, after: Award, now: datetime
    ) -> Received | None:
        """Apply a correction now, or keep it on the award while a session is open. None if something has changed.

        Keeping it changes the award. An answer or an order that is under way therefore fails its condition and reads
        again.
        """
        session = self._load_session_of(current)
        try:
            if session is None or not session.is_live:
                self._store.transact(at_once)
                return Received(Reception.RECEIVED, after)
            still_open = self._store.check_operation(stay_key(session.id, "SESSION"), any_of("status", UNFINISHED))
            kept = current.but(correction=correction, changed_at=now)
            self._store.transact(self._builder.move_award(current, kept) | {"session": still_open})
        except Conflicted:
            return None
        return Received(Reception.KEPT, kept)

    def _load_session_of(self, award: Award) -> PaymentSession | None:
        item = self._store.get(stay_key(award.checkout_id, "SESSION")) if award.checkout_id else None
        return PaymentSession.model_validate(item) if item else None

    def load_chain(self, award: Award) -> list[Award]:
        """The offers of an award's chain that can still be paid, or that have nights to pass on.

        An open offer whose withdrawal already waits for its payment is left out. Reads all offers of the auction.
        """
        items = self._store.query_all(
            "PK = :auction",
            {":auction": _key_of(award)["PK"], ":offer": "OFFER"},
            FilterExpression="#kind = :offer",
            ExpressionAttributeNames={"#kind": "kind"},
            ConsistentRead=True,
        )
        offers = self._read_awards(items)
        return [each for each in offers if is_of_chain(each, award) and _is_on_sale(each)]

    # Answers, ends and unsold nights

    def accept(self, before: Award, after: Award, now: datetime) -> bool:
        """Write an answer if nothing has changed; False if something has.

        Raises Refused if another user has an offered night by now.
        """
        nights = after.chosen(now) if before.status is AwardStatus.WAITING else ()
        checks = {f"{NIGHT}{night.date}": self._still_free(after, night.date, now, mine=True) for night in nights}
        try:
            self._store.transact(checks | self._builder.move_award(before, after))
        except Conflicted as conflict:
            if nights_in(conflict.items, NIGHT):
                raise over(before) from None
            return False
        return True

    def end(self, before: Award, after: Award, now: datetime, instead_of: PaymentSession | None = None) -> bool:
        """Write the end of an award and of its unpaid session in one write. False if one of them has changed."""
        lost = frozenset[date]()
        for _ in range(_ATTEMPTS):
            gone = self._builder.supersede(instead_of, (), lost, now) if instead_of else {}
            try:
                self._store.transact(gone | self._builder.move_award(before, after))
            except Conflicted as conflict:
                if "award" in conflict.items or any(name.startswith(OWN) for name in conflict.items):
                    return False
                lost |= nights_in(conflict.items, FREED)
            else:
                return True
        return False

    def pass_on(self, award: Award, now: datetime, offer_id: str) -> PassedNights | None:
        """Offer the unsold nights of an award to the next runner-up, or release them, in one transaction.

        None if the award has changed meanwhile, or while a night is held; then the clock looks at it again. A night
        that is taken between the read and the write is not passed on.
        """
        bought = self._load_bought_nights(award)
        for _ in range(_ATTEMPTS):
            nights = unsold_nights(award, bought, now)
            found = (
                self._store.get_many([night_key(award.rented_property.id, night) for night in nights]) if nights else []
            )
            held = [item["heldUntil"] for item in found if _is_held(item, now)]
            if held:
                self.postpone(award, _next_look(datetime.fromisoformat(min(held)), now))
                return None
            booked = {
                date.fromisoformat(item["SK"].removeprefix("NIGHT#")) for item in found if item["state"] != "HELD"
            }
            passed = pass_on(award, [night for night in nights if night not in booked], now, offer_id)
            if self._write_passed(award, passed, now):
                return passed
            if self.find(award).changed_at != award.changed_at:
                return None
        return None

    def _load_bought_nights(self, award: Award) -> Sequence[date]:
        """The nights that the award's payment bought, if its unsold nights are not recorded."""
        if award.unsold is not None or award.payment_id is None:
            return ()
        return PaymentSession.model_validate(self._store.get(stay_key(award.payment_id, "SESSION"))).nights

    def _write_passed(self, award: Award, passed: PassedNights, now: datetime) -> bool:
        operations = {f"{NIGHT}{night}": self._still_free(award, night, now) for night in passed.nights}
        operations |= self._builder.move_award(award, passed.award)
        if passed.offer:
            operations |= self._builder.make_award(passed.offer, now, "offer")
        try:
            self._store.transact(operations)
        except Conflicted:
            return False
        return True

    def postpone(self, award: Award, until: datetime) -> None:
        """Look at it again later, if it still has the `dueAt` that was read."""
        waited = Condition("dueAt = :dueAt", dueAt=award.dump().get("dueAt"))
        self._store.update(_key_of(award), due_again(award.auction_id, until), waited)

    def note_reason(self, award: Award, reason: str) -> None:
        """Keep the user's reason for declining. `changedAt` stays the same, so that no other write fails by it."""
        self._store.update(_key_of(award), {"declineReason": reason}, Condition("attribute_exists(PK)"))

    def _still_free(self, award: Award, night: date, now: datetime, *, mine: bool = False) -> Operation:
        own = "userId = :userId OR " if mine else ""
        values = {"userId": award.user_id} if mine else {}
        free = Condition(
            f"attribute_not_exists(PK) OR {own}(#state = :held AND heldUntil < :now)",
            held="HELD",
            now=timestamp(now),
            **values,
        )
        return self._store.check_operation(night_key(award.rented_property.id, night), free)


def _key_of(award: Award) -> dict[str, str]:
    return award_key(award.auction_id, award.user_id, award.award_id)


def _last_revision(award: Award) -> int:
    return max(award.revision, award.correction.revision if award.correction else 0)


def _is_on_sale(offer: Award) -> bool:
    """Whether it can be paid and no withdrawal waits for its payment, or whether it has nights to pass on."""
    stopped = offer.correction is not None and offer.correction.award is None
    return (offer.status in PAYABLE and not stopped) or (offer.status is not AwardStatus.PAID and bool(offer.unsold))


def _is_held(night: Item, now: datetime) -> bool:
    """Whether another payment may still come for a night."""
    return bool(night["state"] == "HELD" and night["heldUntil"] >= timestamp(now))


def _next_look(until: datetime, now: datetime) -> datetime:
    """When to look again at an award that waits for another payment: at its end, and every 15 minutes until then."""
    return now + min(max(until - now + timedelta(seconds=1), CHECK_INTERVAL), SLOWEST_CHECK)
