"""Connections of browsers, and messages to them: the table `connections` and API Gateway's management API."""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

from stays.aws.client import AwsError, Management, Timeouts
from stays.aws.store import Condition, Item, Store
from stays.domain.errors import Busy
from stays.domain.notification import CHANNELS, Channel, Message
from stays.domain.values import Model, Timestamp, encode_key, timestamp

LIFETIME = timedelta(hours=2, minutes=10)  # API Gateway ends a connection after two hours
PRESENCE = timedelta(minutes=15)  # how long an authenticated call proves the user of a socket
PRESENCE_WRITES = timedelta(minutes=5)  # at most one write per user and address in this time
PRESENCE_AGAIN = timedelta(minutes=1)  # until the next attempt after a failed write
CLOCKS_DIFFER = timedelta(minutes=1)  # at most; a record from further in the future is wrong
PRESENCE_TIMEOUTS = Timeouts(attempt=1.0, whole=1.5, attempts=2)  # for presence: a page must not wait for it
REMEMBERED = 1000  # users and addresses whose presence was written recently
JOINING = timedelta(seconds=2)  # how long a new subscription may take to receive the messages that it has missed
MOST_CONNECTIONS = 10  # of one user
GONE = 410  # only the status counts: the error may have no type
AT_ONCE = 64  # posts; more than the connections of one user, so that one user cannot block the others


class Connection(Model):
    """A browser that listens. `user_id` is set only by proof, and never changes."""

    connection_id: str
    fingerprint: str
    opened_at: Timestamp
    user_id: str | None = None
    proven_until: Timestamp | None = None
    joining_until: Timestamp | None = None
    waited_at: Timestamp | None = None
    channels: tuple[Channel, ...] = CHANNELS

    def is_expired(self, now: datetime) -> bool:
        """Whether the token that proved its user has expired. It gets no more messages then."""
        return self.proven_until is not None and self.proven_until <= now

    def is_joining(self, now: datetime) -> bool:
        """Whether it is receiving missed messages. New ones wait, so that an older message never comes last."""
        return self.joining_until is not None and now < self.joining_until

    def wants(self, message: Message) -> bool:
        """Whether it subscribed to the channel of the message."""
        return message.channel in self.channels


def surplus(others: Sequence[Connection], now: datetime) -> list[Connection]:
    """The connections to close when one more of the user subscribes: expired ones, and the oldest ones over ten."""
    expired = [each for each in others if each.is_expired(now)]
    live = sorted((each for each in others if not each.is_expired(now)), key=lambda each: each.opened_at)
    return expired + live[: max(0, len(live) + 1 - MOST_CONNECTIONS)]


def fingerprint(address: str, agent: str) -> str:
    """A hash of an address and a user agent: it can be compared, but shows neither."""
    return sha256(f"{address}\n{agent}".encode()).hexdigest()


class Connections:
    """The table of connections. One item is found by user, one by connection id."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open(self, connection: Connection) -> None:
        """Record that a browser has connected: one write, and another one if its user is proven.

        The user's list then has it without channels: it gets no message before it subscribes.
        """
        self._store.put(_own_item(connection))
        if connection.user_id is not None:
            self._store.put(_listed_item(connection.but(channels=())))

    def find(self, connection_id: str) -> Connection | None:
        """The connection, consistent: one read."""
        item = self._store.get(_own_key(connection_id))
        return Connection.model_validate(item) if item else None

    def claim_wait(self, connection: Connection, now: datetime) -> bool:
        """Record that an unproven connection waits for its user's call. False if it has waited before."""
        if connection.waited_at is not None:
            return False
        first = "attribute_exists(PK) AND attribute_not_exists(waitedAt) AND attribute_not_exists(userId)"
        return self._store.put(_own_item(connection.but(waited_at=now)), Condition(first)).done

    def subscribe(self, connection: Connection, found: Connection | None = None) -> None:
        """List the connection for its user, so that it gets messages as soon as it is no longer joining.

        One write, and another one unless the connection was `found` with the same user and proof. Only the list has the
        channels.
        """
        listed = _listed_item(connection)
        if found is None or _own(connection) != _own(found):
            self._store.put(_own_item(_own(connection)))
        self._store.put(listed)

    def move(self, before: Connection, after: Connection) -> bool:
        """Replace a joining connection in the list. False if it was forgotten, or subscribed again, meanwhile."""
        same = Condition("joiningUntil = :before", before=before.dump()["joiningUntil"])
        return self._store.put(_listed_item(after), same).done

    def load_of(self, *user_ids: str) -> list[Connection]:
        """All connections of the users, consistent: one read each, at the same time.

        One page is enough, because it holds hundreds, and a user has ten.
        """
        listed = "PK = :user AND begins_with(SK, :kind)"
        values = [{":user": _partition(user_id), ":kind": "CONNECTION#"} for user_id in user_ids]
        return [Connection.model_validate(item) for item in self._store.query_many(listed, values, ConsistentRead=True)]

    def forget(self, connection_id: str, user_id: str | None = None) -> None:
        """Delete the connection, also from the list of its user. Harmless when repeated: at most two writes.

        Without `user_id` the deleted item names the user.
        """
        found = self._store.delete(_own_key(connection_id))
        listed_by = user_id or found.get("userId")
        if listed_by is not None:
            self._store.delete(_listed_key(listed_by, connection_id))

    def load_all_of(self, user_id: str) -> list[Item]:
        """All items of a user, consistent: connections, and calls from any place."""
        partition = {":user": _partition(user_id)}
        return list(self._store.query_all("PK = :user", partition, ConsistentRead=True))

    def forget_all_of(self, user_id: str) -> None:
        """Delete all items of a user. Harmless when repeated."""
        for item in self.load_all_of(user_id):
            if "connectionId" in item:
                self.forget(item["connectionId"], user_id)
            else:
                self._store.delete({"PK": item["PK"], "SK": item["SK"]})

    def note_call(self, user_id: str, mark: str, now: datetime) -> datetime:
        """Record an authenticated call of the user from here. Returns the recorded time, at most 5 minutes ago."""
        item = _presence_key(user_id, mark) | {"seenAt": timestamp(now)} | _until(now + PRESENCE)
        lately = Condition(
            "attribute_not_exists(PK) OR seenAt < :before OR seenAt > :after",
            before=timestamp(now - PRESENCE_WRITES),
            after=timestamp(now + CLOCKS_DIFFER),
        )
        written = self._store.put(item, lately)
        return now if written.done else datetime.fromisoformat(written.existing["seenAt"])

    def find_call(self, user_id: str, mark: str, now: datetime) -> bool:
        """Whether the user made an authenticated call from here in the last 15 minutes: one read."""
        seen = (self._store.get(_presence_key(user_id, mark)) or {}).get("seenAt", "")
        return bool(timestamp(now - PRESENCE) < seen <= timestamp(now + CLOCKS_DIFFER))


def _own_key(connection_id: str) -> dict[str, str]:
    return {"PK": f"CONNECTION#{connection_id}", "SK": "CONNECTION"}


def _own(connection: Connection) -> Connection:
    """The connection without what only the list has."""
    return connection.but(joining_until=None, channels=CHANNELS)


def _own_item(connection: Connection) -> dict[str, Any]:
    return _own_key(connection.connection_id) | connection.dump() | _until(connection.opened_at + LIFETIME)


def _partition(user_id: str) -> str:
    return f"USER#{encode_key(user_id)}"


def _listed_key(user_id: str, connection_id: str) -> dict[str, str]:
    return {"PK": _partition(user_id), "SK": f"CONNECTION#{connection_id}"}


def _listed_item(connection: Connection) -> dict[str, Any]:
    assert connection.user_id is not None, "only a proven user subscribes"
    key = _listed_key(connection.user_id, connection.connection_id)
    return key | connection.dump() | _until(connection.opened_at + LIFETIME)


def _presence_key(user_id: str, mark: str) -> dict[str, str]:
    return {"PK": _partition(user_id), "SK": f"PRESENCE#{mark}"}


def _until(end: datetime) -> dict[str, int]:
    return {"expiresAt": int(end.timestamp())}


class Presence:
    """A user's calls, recorded by address: they prove the user of the next socket. Written seldom, and cached here.

    Best effort: if the write fails, the call goes on, and only the socket needs its own token.
    """

    def __init__(self, connections: Connections, failed: Callable[[str], None] = lambda _: None) -> None:
        """`failed` is called with the reason of every failed write."""
        self._connections = connections
        self._failed = failed
        self.seen: OrderedDict[tuple[str, str], datetime] = OrderedDict()

    def note(self, user_id: str, mark: str, now: datetime) -> None:
        """Record an authenticated call of the user from here. Afterwards a record of the last 5 minutes exists.

        A failed write is tried again after a minute.
        """
        last = self.seen.pop((user_id, mark), None)
        if last is None or not last - CLOCKS_DIFFER <= now < last + PRESENCE_WRITES:
            last = self._write(user_id, mark, now)
        self.seen[user_id, mark] = last
        if len(self.seen) > REMEMBERED:
            self.seen.popitem(last=False)

    def _write(self, user_id: str, mark: str, now: datetime) -> datetime:
        try:
            return self._connections.note_call(user_id, mark, now)
        except (AwsError, Busy) as error:
            self._failed(str(error))
            return now - PRESENCE_WRITES + PRESENCE_AGAIN


class Unreachable(Exception):
    """A message could not be sent, but the connection is not gone. Send it again."""


class Post:
    """Messages to connections. A slow connection delays no other one; a connection that is gone is deleted."""

    def __init__(self, management: Management, connections: Connections) -> None:
        self._management = management
        self._connections = connections

    def tell(
        self, queues: Iterable[tuple[Connection, Sequence[Message]]], last: float | None = None
    ) -> list[Connection]:
        """Send each connection the messages of its channels, in order. Returns the unreachable ones.

        A gateway that is too busy is waited for until `last` (time.monotonic).
        """
        wanted = [(each, list(map(_frame, filter(each.wants, messages)))) for each, messages in queues]
        errors = self._management.post_all([(each.connection_id, frames) for each, frames in wanted], AT_ONCE, last)
        stopped = [(each, error) for (each, _), error in zip(wanted, errors, strict=True) if error is not None]
        self._forget_all([each for each, error in stopped if error.status == GONE])
        return [each for each, error in stopped if error.status != GONE]

    def reply(self, connection_id: str, message: Message, user_id: str | None = None) -> bool:
        """Answer a frame on its own connection, subscribed or not. False if the connection is gone.

        Raises Unreachable.
        """
        there = _reaches(partial(self._management.post, connection_id, _frame(message)))
        if not there:
            self._connections.forget(connection_id, user_id)
        return there

    def end(self, connection_id: str) -> bool:
        """Close the connection; False if that failed. The gateway then calls $disconnect."""
        try:
            _reaches(partial(self._management.delete, connection_id))
        except Unreachable:
            return False
        return True

    def dismiss(self, unwanted: Sequence[Connection]) -> list[Connection]:
        """Close connections, then delete them. Returns those that could not be closed; they stay listed for a retry."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            ended = list(pool.map(self.end, [each.connection_id for each in unwanted]))
        self._forget_all([each for each, gone in zip(unwanted, ended, strict=True) if gone])
        return [each for each, gone in zip(unwanted, ended, strict=True) if not gone]

    def _forget_all(self, gone: Sequence[Connection]) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda each: self._connections.forget(each.connection_id, each.user_id), gone))


def _frame(message: Message) -> bytes:
    return json.dumps(message.dump(), ensure_ascii=False, separators=(",", ":")).encode()


def _reaches(call: Callable[[], None]) -> bool:
    """Whether a call reached its connection; False if the connection is gone. Raises Unreachable."""
    try:
        call()
    except AwsError as error:
        if error.status == GONE:
            return False
        raise Unreachable(error.code) from None
    return True
