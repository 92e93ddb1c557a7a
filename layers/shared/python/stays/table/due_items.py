"""Reads of many items: changed ones, recent ones, due ones."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from heapq import merge
from typing import Any, NamedTuple

from pydantic import ValidationError

from stays.aws.attributes import from_attributes
from stays.aws.store import Condition, Item, Key, Store
from stays.domain.award import Award, AwardStatus
from stays.domain.mail import Mail
from stays.domain.payment import PaymentSession, Status
from stays.domain.stray import Stray
from stays.domain.values import timestamp
from stays.table.keys import MAIL_ITEMS, SHARDS, award_key, mail_key, stay_key, transaction_key

RECENT = timedelta(minutes=15)
_MOST_RECENT = 10
_MOST_AWARDS = 50
_DUE_AT_ONCE = 100  # items of a page
_TOLD = ("status", "fulfilment", "processing", "reason", "refund", "revision", "tellAgainAt")

Watched = PaymentSession | Award


class Unreadable(NamedTuple):
    """An item that is due but cannot be read. The operator has to look at it."""

    partition: str
    sort: str
    due_at: str


Due = PaymentSession | Mail | Award | Stray | Unreadable
_DUE_MODELS: dict[str, type[PaymentSession | Mail | Award | Stray]] = {
    **dict.fromkeys(MAIL_ITEMS, Mail),
    "AWARD": Award,
    "OFFER": Award,
    "STRAY": Stray,
}


class DueItems:
    """Reads for the notifier, for SUBSCRIBE and for the clock."""

    def __init__(self, store: Store, unreadable: Callable[[str], None] = lambda _: None) -> None:
        """`unreadable` is called with every item that is left out because it cannot be read."""
        self._store = store
        self._unreadable = unreadable

    def load_present(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Watched]:
        """The items as they are now, by key, consistent: one read. Items that cannot be read are left out."""
        wanted = [{"PK": partition, "SK": sort} for partition, sort in dict.fromkeys(keys)]
        found: dict[tuple[str, str], Watched] = {}
        for item in self._store.get_many(wanted) if wanted else []:
            try:
                found[item["PK"], item["SK"]] = _model(item)
            except ValidationError:
                self._unreadable(f"{item['PK']} {item['SK']}")
        return found

    def load_recent(self, user_id: str, now: datetime) -> list[Watched]:
        """The items that a page has missed because it subscribed late, oldest first.

        The user's sessions that are unfinished or changed in the last 15 minutes, and the results and offers that still
        matter. The index only gives the keys; the items are read consistently: two reads.
        """
        found = self._load_keys_of(user_id, now)
        items = self.load_present((item["PK"], item["SK"]) for item in reversed(found)).values()
        return [item for item in sorted(items, key=_began) if _matters(item, now)]

    def _load_keys_of(self, user_id: str, now: datetime) -> list[Item]:
        """The newest sessions, the wins and offers that can be answered, then recent losses.

        Other awards, however many, cannot hide them. One read goes over all entries of the user from the awards of the
        present to the newest session.
        """
        found = list(
            self._store.query_all(
                "userId = :user AND userSort BETWEEN :from AND :to",
                {
                    ":user": user_id,
                    ":from": f"AWARD#{timestamp(now)}",
                    ":to": "SESSION#~",
                    ":session": "SESSION",
                    ":pending": AwardStatus.PENDING_PAYMENT.value,
                    ":waiting": AwardStatus.WAITING.value,
                    ":lost": AwardStatus.LOST.value,
                    ":recently": timestamp(now - RECENT),
                },
                IndexName="by_user",
                FilterExpression="#kind = :session OR #status IN (:pending, :waiting)"
                " OR (#status = :lost AND receivedAt >= :recently)",
                ProjectionExpression="PK, SK, #kind, #status",
                ExpressionAttributeNames={"#kind": "kind", "#status": "status"},
                ScanIndexForward=False,
            )
        )
        sessions = [item for item in found if item["kind"] == "SESSION"]
        awards = [item for item in found if item["kind"] != "SESSION"]
        awards.sort(key=lambda item: item["status"] == AwardStatus.LOST)
        return [*sessions[:_MOST_RECENT], *awards[:_MOST_AWARDS]]

    def find_due(self, now: datetime, shards: Iterable[str] = SHARDS) -> Iterator[Due]:
        """The items of these shards that are due, those first that have been due longest. Read page by page."""
        found = (self._load_due(each, now) for each in shards)
        yield from map(_due_model, merge(*found, key=lambda item: str(item["dueAt"])))

    def set_aside(self, item: Due, until: datetime) -> None:
        """Make an item that cannot be attended to now due again at `until`, so that it blocks no other in its shard.

        Only if it still has the `dueAt` that was read.
        """
        self._unreadable(" ".join(key_of(item).values()))
        due_at = item.due_at if isinstance(item, Unreadable) else item.dump().get("dueAt")
        waited = Condition("dueAt = :dueAt", dueAt=due_at)
        self._store.update(key_of(item), {"dueAt": timestamp(until)}, waited)

    def _load_due(self, shard: str, now: datetime) -> Iterator[Item]:
        values = {":shard": shard, ":now": timestamp(now)}
        return self._store.query_all("dueShard = :shard AND dueAt <= :now", values, IndexName="due", Limit=_DUE_AT_ONCE)


def key_of(item: Due) -> Key:
    """The key of a due item."""
    match item:
        case PaymentSession():
            return stay_key(item.id, "SESSION")
        case Mail():
            return mail_key(item)
        case Award():
            return award_key(item.auction_id, item.user_id, item.award_id)
        case Stray():
            return transaction_key(item.transaction_id)
    return {"PK": item.partition, "SK": item.sort}


def _began(item: Watched) -> datetime:
    return item.created_at if isinstance(item, PaymentSession) else item.received_at


def _matters(item: Watched, now: datetime) -> bool:
    """Whether a page has to show it: its user can act on it, or has just done so."""
    if isinstance(item, PaymentSession):
        return item.is_live or now - item.changed_at <= RECENT
    if item.status is AwardStatus.LOST:
        return now - item.received_at <= RECENT
    return item.status in (AwardStatus.PENDING_PAYMENT, AwardStatus.WAITING) and now < item.payment_deadline


def _model(item: Item) -> Watched:
    if item.get("kind") == "SESSION":
        return PaymentSession.model_validate(item)
    return Award.model_validate(item)


def _due_model(item: Item) -> Due:
    """An unreadable item does not hold up the others."""
    try:
        return _DUE_MODELS.get(str(item.get("kind")), PaymentSession).model_validate(item)
    except ValidationError:
        return Unreadable(item["PK"], item["SK"], str(item["dueAt"]))


def changed(record: Mapping[str, Any]) -> tuple[str, str] | None:
    """The key in a stream record, if a field that messages tell differs between its images."""
    old, new = _images(record)
    if old and all(old.get(name) == new.get(name) for name in _TOLD):
        return None
    return new["PK"]["S"], new["SK"]["S"]


def before_and_after(record: Mapping[str, Any]) -> tuple[Watched | None, Watched]:
    """The item in a stream record, before (None if it is new) and after. Raises pydantic's ValidationError."""
    old, new = _images(record)
    return _model(from_attributes(old)) if old else None, _model(from_attributes(new))


def newly_paid(record: Mapping[str, Any]) -> datetime | None:
    """The time of the change, if it made a session PAID."""
    old, new = _images(record)
    paid = {"S": Status.PAID.value}
    if new.get("kind") != {"S": "SESSION"} or new["status"] != paid or old.get("status") == paid:
        return None
    return datetime.fromisoformat(new["changedAt"]["S"])


def newly_booked(record: Mapping[str, Any]) -> bool:
    """Whether the record makes a session a booking, or asks to tell of the booking again."""
    old, new = _images(record)
    return "bookedAt" in new and ("bookedAt" not in old or old.get("tellAgainAt") != new.get("tellAgainAt"))


def _images(record: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Before and after in DynamoDB's JSON. A comparison does not need them decoded."""
    images = record["dynamodb"]
    return images.get("OldImage", {}), images.get("NewImage", {})
