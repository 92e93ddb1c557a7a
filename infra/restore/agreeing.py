"""Make nights and bookings agree: both follow from the sessions. A point in time may cut a transaction in two."""

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from pydantic import ValidationError

from infra.restore.copying import all_of, read_sessions
from stays.aws.attributes import from_attributes
from stays.aws.store import Condition, Conflicted, Item, Operation, Store
from stays.domain.award import PAYABLE, Award, AwardStatus
from stays.domain.payment import Fulfilment, PaymentSession
from stays.table.keys import award_key, night_key, transaction_key
from stays.table.operations import NIGHT, OperationBuilder, session_item

BOOKED, HELD = "BOOKED", "HELD"
_TORN = timedelta(minutes=1)  # a transaction that the restored time cut in two is not older


class _Right(NamedTuple):
    """A session's right to its nights: BOOKED, HELD, or none."""

    state: str | None
    nights: tuple[date, ...]


class Agreement:
    """One run. A second run finds nothing to change. `since` is the restored time: older sessions are whole."""

    def __init__(self, store: Store, by: str, since: datetime, now: datetime) -> None:
        self._store = store
        self._builder = OperationBuilder(store, by)
        self._since = since - _TORN
        self._now = now

    def run(self) -> Iterator[str]:
        """Free the nights that belong to no session that may have them, then write what each session proves."""
        sessions = list(read_sessions(self._store))
        rights = {each.id: _Right(_state(each), each.nights) for each in sessions}
        for night in list(all_of(self._store, "NIGHT")):
            yield from self._check_night(night, rights)
        for session in sessions:
            if session.changed_at >= self._since:
                yield from self._write_missing(session)

    def _write_missing(self, session: PaymentSession) -> Iterator[str]:
        booked = _state(session) == BOOKED
        if booked or (session.is_live and self._now < session.hold_until):
            yield from self._take_nights(session, BOOKED if booked else HELD)
        for name, operation in self._builder.booking(session, None).items():
            yield from self._put_again(session, name, operation)
        if session.transaction_id is not None:
            yield from self._copy_transaction(session, session.transaction_id)
        if booked:
            yield from self._pay_award(session)

    def _take_nights(self, session: PaymentSession, state: str) -> Iterator[str]:
        build = self._builder.book if state == BOOKED else self._builder.hold
        items = self._store.get_many([night_key(session.property_id, night) for night in session.nights])
        right = {item["SK"] for item in items if (item["stayId"], item["state"]) == (session.id, state)}
        for name, operation in build(session, self._now).items():
            night = name.removeprefix(NIGHT)
            if f"NIGHT#{night}" in right:
                continue
            try:
                self._store.transact({name: operation})
            except Conflicted as conflict:
                other = conflict.items[name]
                yield f"{session.id}: LOOK: {night} is {other['state']} by {other['stayId']}"
            else:
                yield f"{session.id}: {night} is {state} again"

    def _put_again(self, session: PaymentSession, name: str, operation: Operation) -> Iterator[str]:
        wanted = from_attributes(operation["Put"]["Item"])
        if self._store.get({"PK": wanted["PK"], "SK": wanted["SK"]}) != wanted:
            self._store.transact({name: operation})
            yield f"{session.id}: its {name} is written again"

    def _copy_transaction(self, session: PaymentSession, transaction_id: str) -> Iterator[str]:
        copied = session.dump() | transaction_key(transaction_id) | {"kind": "TRANSACTION"}
        older = Condition(
            "attribute_not_exists(PK) OR (#kind = :kind AND id = :id AND changedAt <> :changedAt)",
            kind="TRANSACTION",
            id=session.id,
            changedAt=copied["changedAt"],
        )
        if self._store.put(copied, older).done:
            yield f"{session.id}: its transaction is written again"

    def _pay_award(self, session: PaymentSession) -> Iterator[str]:
        item = self._store.get(award_key(session.auction_id, session.user_id, session.award_id))
        if item is None:
            yield f"{session.id}: LOOK: its award is lost"
            return
        award = Award.model_validate(item)
        if award.status not in PAYABLE or award.payment_id is not None:
            return
        left = tuple(night for night in award.stake if night not in session.nights)
        paid = award.but(
            status=AwardStatus.PAID,
            payment_id=session.id,
            changed_at=self._now,
            unsold=left or None,
            due_at=self._now if left else None,
        )
        self._store.transact(self._builder.move_award(award, paid))
        yield f"{session.id}: its award is PAID again"

    def _check_night(self, night: Item, rights: Mapping[str, _Right]) -> Iterator[str]:
        owner, day = night["stayId"], night["SK"].removeprefix("NIGHT#")
        right = rights.get(owner)
        if right is None:
            if night["state"] == BOOKED:
                yield f"{owner}: LOOK: {day} stays blocked, and its session is lost"
        elif right.state is None or not _has(right.nights, day):
            key = {"PK": night["PK"], "SK": night["SK"]}
            same = Condition("stayId = :stayId AND #state = :state", stayId=owner, state=night["state"])
            self._store.transact({"night": self._store.delete_operation(key, same)})
            yield f"{owner}: {day} is free"


def write_from_copies(store: Store) -> Iterator[str]:
    """Write sessions that are lost, or older than the copy under their transaction, from that copy."""
    for item in list(all_of(store, "TRANSACTION")):
        try:
            copied = PaymentSession.model_validate(item)
        except ValidationError:
            yield f"{item['PK']}: LOOK: it cannot be read"
            continue
        older = Condition("attribute_not_exists(PK) OR changedAt < :changedAt", changedAt=item["changedAt"])
        if store.put(session_item(copied), older).done:
            yield f"{copied.id}: its session is written again, {copied.status}, {copied.fulfilment}"


def _state(session: PaymentSession) -> str | None:
    if session.fulfilment is Fulfilment.BOOKED:
        return BOOKED
    return HELD if session.is_live else None


def _has(nights: Collection[date], day: str) -> bool:
    return date.fromisoformat(day) in nights
