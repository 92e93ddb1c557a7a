"""Stray money: items under TRANSACTION# that no order of ours waited for, each with its own timeline."""

from collections.abc import Callable
from datetime import datetime

from stays.aws.store import Condition, Conflicted, Item, Store, both
from stays.domain.decision import NO_OBSTACLES, DecisionOn, Obstacles
from stays.domain.stray import Stray
from stays.domain.values import timestamp
from stays.table.keys import due_again, stray_event, stray_item, transaction_key
from stays.table.sessions import Unsettled

_ATTEMPTS = 6
_PREFIX = transaction_key("")["PK"]


class Strays:
    """Reads and changes stray money only. Sessions have copies under keys of the same form; they stay untouched."""

    def __init__(self, store: Store, decided: Callable[[str], None] = lambda _: None, by: str | None = None) -> None:
        """`decided` is called with every written decision. `by` names the operator who decides, if an operator does."""
        self._store = store
        self._decided = decided
        self._by = {"by": by} if by else {}

    def find(self, transaction_id: str) -> Stray | None:
        """The stray money under a transaction, consistent: one read. None for anything else."""
        item = self._store.get(transaction_key(transaction_id))
        return read_stray(item) if item and item["kind"] == "STRAY" else None

    def load_timeline(self, stray: Stray) -> list[Item]:
        """Its timeline, in order: one read."""
        return self._store.query(
            "PK = :transaction AND begins_with(SK, :event)",
            {":transaction": transaction_key(stray.transaction_id)["PK"], ":event": "EVENT#"},
            ConsistentRead=True,
        )

    def keep(self, stray: Stray) -> bool:
        """Record it once. False if the transaction is already recorded for something else."""
        written = self._store.put(stray_item(stray), Condition("attribute_not_exists(PK)"))
        return written.done or _is_of(stray, written.existing)

    def claim_check(self, stray: Stray, now: datetime, due_at: datetime | None) -> bool:
        """Whether this call may ask ZaloPay now: one of the calls that read the item may. Due again at `due_at`."""
        waited = Condition("dueAt = :dueAt AND dueAt <= :now", dueAt=stray.dump().get("dueAt"), now=timestamp(now))
        later = due_again(stray.transaction_id, due_at)
        return self._store.update(transaction_key(stray.transaction_id), later, waited).done

    def settle(
        self, stray: Stray, decider: Callable[[Stray, Obstacles], DecisionOn[Stray] | None], now: datetime
    ) -> Stray:
        """Decide and write in one transaction. If the item has changed meanwhile, decide again on the present one.

        Raises Unsettled if it changes during every attempt, or is no longer stray money.
        """
        for _ in range(_ATTEMPTS):
            decision = decider(stray, NO_OBSTACLES)
            if decision is None:
                return stray
            existing = self._commit(stray, decision, now)
            if existing is None:
                self._decided(decision.name)
                return decision.session
            if existing["kind"] != "STRAY":
                break
            stray = read_stray(existing)
        raise Unsettled

    def _commit(self, before: Stray, decision: DecisionOn[Stray], now: datetime) -> Item | None:
        """None when written; otherwise the item that is there."""
        after = self._store.put_operation(stray_item(decision.session), _unchanged(before))
        event = self._store.put_operation(stray_event(before, decision.name, now, **self._by))
        try:
            self._store.transact({"stray": after, "event": event})
        except Conflicted as conflict:
            return conflict.items["stray"]
        return None


def read_stray(item: Item) -> Stray:
    """Stray money from its item. Release 1.2.1 wrote only the key, the stay and the amount."""
    return Stray.model_validate({"transactionId": item["PK"].removeprefix(_PREFIX), **item})


def _is_of(stray: Stray, existing: Item) -> bool:
    """Whether it is the same money for the same order."""
    return existing["kind"] == "STRAY" and existing.get("appTransId") == stray.app_trans_id


def _unchanged(before: Stray) -> Condition:
    """The condition that it is stray money as it was read. An unchanged item of release 1.2.1 has no `changedAt`."""
    stray = Condition("kind = :kind", kind="STRAY")
    if before.changed_at is None:
        return both(stray, Condition("attribute_not_exists(changedAt)"))
    return both(stray, Condition("changedAt = :changedAt", changedAt=timestamp(before.changed_at)))
