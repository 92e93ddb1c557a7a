"""Copy what came later from the old table. A second run copies nothing again, and nothing newer is overwritten."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

from pydantic import ValidationError

from stays.aws.store import Condition, Item, Store, both
from stays.domain.award import Award
from stays.domain.booking import Booking
from stays.domain.mail import Mail, MailState, Profile
from stays.domain.payment import PaymentSession
from stays.table.keys import MAIL_ITEMS
from stays.table.strays import read_stray

_AT_ONCE = 100
_MODELS: Mapping[str, Callable[[Item], object]] = {
    "SESSION": PaymentSession.model_validate,
    "TRANSACTION": PaymentSession.model_validate,
    "BOOKING": Booking.model_validate,
    "AWARD": Award.model_validate,
    "OFFER": Award.model_validate,
    **dict.fromkeys(MAIL_ITEMS, Mail.model_validate),
    "PROFILE": Profile.model_validate,
    "STRAY": read_stray,
}
# The attributes that say how new an item is. Nights and bookings follow from their sessions, timelines never change.
_TIMES = ("changedAt", "receivedAt", "updatedAt", "requestedAt", "askedAt", "queriedAt", "toldAt", "endedAt")
_NUMBERS = ("attempts", "times", "revision")
# The states of a mail within one attempt; a mail that is made due again keeps the number of its attempts.
_STATES = {MailState.SENDING: 1, MailState.WAITING: 2, MailState.SENT: 3, MailState.UNDELIVERABLE: 3}


def copy_later(old: Store, new: Store) -> Iterator[str]:
    """Copy each item that the new table lacks, or has in an older state. Items that cannot be read stay behind."""
    copied, behind = Counter[str](), list[str]()
    found = old.scan("#kind <> :night", {":night": "NIGHT"}, {"#kind": "kind"})
    while items := list(islice(found, _AT_ONCE)):
        present = {_key(item): item for item in new.get_many([_key_of(each) for each in items])}
        for item in items:
            there = present.get(_key(item))
            if not _is_readable(item):
                behind.append(" ".join(_key(item)))
            elif is_later(item, there) and new.put(item, _as_read(there)).done:
                copied[item["kind"]] += 1
    yield f"copied from the old table: {_counts(copied) or 'nothing'}"
    yield from (f"not copied, because it cannot be read: {each}" for each in behind)


def is_later(item: Item, there: Item | None) -> bool:
    """Whether an item of the old table is newer than the same item of the new one."""
    if there is None:
        return True
    if item["kind"] == "CALENDAR":  # a closed feed has no time, so the old table counts
        return item != there and item["toldAt"] >= there["toldAt"]
    return _version(item) > _version(there)


def _version(item: Item) -> tuple[str, tuple[int, ...]]:
    """The time of the last change; then what counts changes within one millisecond, or without a time."""
    times = [item["changedAt"]] if "changedAt" in item else [item[name] for name in _TIMES if name in item]
    numbers = [int(item.get(name, 0)) for name in _NUMBERS]
    return max(map(str, times), default=""), (*numbers, _state(item))


def _state(item: Item) -> int:
    if item["kind"] not in MAIL_ITEMS:
        return 0
    return _STATES.get(item["state"], 2 if item["attempts"] else 0)


def _as_read(there: Item | None) -> Condition:
    """The condition that the item in the new table is as it was read."""
    if there is None:
        return Condition("attribute_not_exists(PK)")
    known = {name: there[name] for name in (*_TIMES, *_NUMBERS, "state", "status", "kind") if name in there}
    return both(*(Condition(f"#{name} = :{name}", **{name: value}) for name, value in known.items()))


def _is_readable(item: Item) -> bool:
    try:
        if read := _MODELS.get(item["kind"]):
            read(item)
        _version(item)
    except (ValidationError, KeyError, TypeError, ValueError):
        return False
    return True


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["PK"], item["SK"]


def _key_of(item: Item) -> dict[str, str]:
    return {"PK": item["PK"], "SK": item["SK"]}


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in sorted(counted.items()))


def read_sessions(store: Store) -> Iterator[PaymentSession]:
    """All sessions that can be read. The nights of the others stay as they are."""
    for item in all_of(store, "SESSION"):
        with suppress(ValidationError):
            yield PaymentSession.model_validate(item)


def all_of(store: Store, *kinds: str) -> Iterable[Item]:
    """All items of these kinds. Reads the whole table."""
    values = {f":k{number}": kind for number, kind in enumerate(kinds)}
    return store.scan(f"#kind IN ({', '.join(values)})", values, {"#kind": "kind"})
