"""Use case: a browser subscribes. It proves who it is, gets the messages that it has missed, then every change."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from stays.domain.errors import Busy
from stays.domain.notification import Message, messages_of
from stays.edge.connections import JOINING, Connection, Connections, Post, Unreachable, surplus
from stays.edge.frames import ErrorCode, Subscribe, Subscribed
from stays.edge.tokens import NotProven, Proof, Tokens
from stays.table.due_items import DueItems

AGAIN = (0.5,)  # seconds before each further attempt to send the missed messages
LOOKS = (0.3, 0.7)  # seconds before each further look for a call from the same address


class FrameRefused(Exception):
    """A frame that is answered with ERROR. The connection stays, unless its token has expired: then it is in `over`."""

    def __init__(self, code: ErrorCode, message: str, over: Connection | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.over = over


class Subscriptions:
    """Subscriptions of browsers. `identity` says how a user without a token is believed: strict, bound or open."""

    def __init__(
        self,
        tokens: Tokens,
        connections: Connections,
        post: Post,
        due_items: DueItems,
        *,
        identity: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._tokens = tokens
        self._connections = connections
        self._post = post
        self._due_items = due_items
        self._identity = identity
        self._clock = clock

    def subscribe(self, connection_id: str, frame: Subscribe) -> None:
        """Subscribe a connection, and end its user's surplus ones. Raises FrameRefused and Unreachable."""
        listed = self._connections.load_of(frame.user_id)
        mine = next((each for each in listed if each.connection_id == connection_id), None)
        found = mine or self._connections.find(connection_id)
        if found is None:
            raise FrameRefused("FORBIDDEN", "Connect again.")
        now = self._clock()
        self._join(self._identify(found, frame, now).but(channels=tuple(dict.fromkeys(frame.channels))), found)
        if mine is None:  # two that come at the same time must not overlook each other
            listed = self._connections.load_of(frame.user_id)
        self._post.dismiss(surplus([each for each in listed if each.connection_id != connection_id], now))

    def _join(self, connection: Connection, found: Connection) -> None:
        """Send the connection the messages that it has missed, then let it get changes.

        If that was not done in time, or the table was busy, it is tried again. If it fails for good, the connection is
        closed: the browser reconnects by itself and subscribes again.
        """
        try:
            for seconds in AGAIN:
                with suppress(Unreachable, Busy):
                    return self._join_once(connection, found)
                time.sleep(seconds)
            self._join_once(connection, found)
        except Exception:
            self._post.end(connection.connection_id)
            raise

    def _join_once(self, connection: Connection, found: Connection) -> None:
        """List the connection, send it the messages that it has missed, then let it get changes. Raises Unreachable."""
        joining = connection.but(joining_until=self._clock() + JOINING)
        self._connections.subscribe(joining, found)
        joined = self._send_state(joining)
        if joined:
            self._connections.move(joined, connection)

    def _send_state(self, joining: Connection) -> Connection | None:
        """Send SUBSCRIBED and the present state. Returns the connection as it is listed then, or None if it is gone.

        Raises Unreachable, also if a message went out so late that a newer one may have come before it.
        """
        greeting = Subscribed(channels=joining.channels)
        missed = self._load_messages(str(joining.user_id))
        for message in [greeting, *filter(joining.wants, missed)]:
            longer = self._prolong(joining)
            if longer is None or not self._post.reply(longer.connection_id, message, longer.user_id):
                return None
            joining = longer
        return self._prolong(joining)

    def _prolong(self, joining: Connection) -> Connection | None:
        """The connection with time for one more step. None if it was deleted, or subscribed again."""
        until = joining.joining_until
        assert until is not None
        if until - self._clock() > JOINING / 2:
            return joining
        longer = joining.but(joining_until=self._clock() + JOINING)
        moved = self._connections.move(joining, longer)
        if self._clock() >= until:
            raise Unreachable("too late: changes may have been told meanwhile")
        return longer if moved else None

    def _load_messages(self, user_id: str) -> list[Message]:
        """The messages that a page has missed because it subscribed late."""
        now = self._clock()
        return [message for item in self._due_items.load_recent(user_id, now) for message in messages_of(item, now)]

    def _identify(self, connection: Connection, frame: Subscribe, now: datetime) -> Connection:
        """The connection with its user, proven in one of the ways of the mode. Raises FrameRefused."""
        if frame.token is not None:
            proof = self._prove(frame.token)
            connection = _check_owner(connection, proof.user_id).but(user_id=proof.user_id, proven_until=proof.until)
        connection = _check_owner(connection, frame.user_id)
        if connection.user_id is None and not self._wait_for_proof(connection, frame.user_id, now):
            raise FrameRefused("FORBIDDEN", "Prove who you are: send a token.")
        if connection.is_expired(now):
            raise FrameRefused("TOKEN_EXPIRED", "The token has run out; connect again.", over=connection)
        return connection.but(user_id=frame.user_id)

    def _prove(self, token: str) -> Proof:
        try:
            return self._tokens.prove(token)
        except NotProven:
            raise FrameRefused("FORBIDDEN", "The token is not valid.") from None

    def _wait_for_proof(self, connection: Connection, user_id: str, now: datetime) -> bool:
        """Whether a user without a token is believed, by mode. `bound`: after a call from the same address.

        It looks again a moment later, because a page that returns from ZaloPay may subscribe before its first call
        arrives. A connection may wait only once, for any user. After that it is refused at the first look.
        """
        if self._identity != "bound":
            return self._identity == "open"
        if self._connections.find_call(user_id, connection.fingerprint, now):
            return True
        return self._connections.claim_wait(connection, now) and self._wait_for_call(user_id, connection, now)

    def _wait_for_call(self, user_id: str, connection: Connection, now: datetime) -> bool:
        for seconds in LOOKS:
            time.sleep(seconds)
            if self._connections.find_call(user_id, connection.fingerprint, now):
                return True
        return False


def _check_owner(connection: Connection, user_id: str) -> Connection:
    """The connection, if it has no other user: its user never changes. Raises FrameRefused."""
    if connection.user_id not in (None, user_id):
        raise FrameRefused("FORBIDDEN", "This is not you.")
    return connection
