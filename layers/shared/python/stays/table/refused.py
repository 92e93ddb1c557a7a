"""What could not be accepted, kept for people to look at: `REFUSED`."""

from datetime import datetime

from stays.table.keys import refused_item
from stays.table.store import Store


class RefusedEvents:
    """Events of the auction system and callbacks of ZaloPay that fit nothing of ours."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, event_id: str, reason: str, raw: str, now: datetime) -> None:
        """Keep one with the reason: one write."""
        self._store.put(refused_item(event_id, reason, raw, now))
