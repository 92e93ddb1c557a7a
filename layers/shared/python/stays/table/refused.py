"""Refused events and callbacks, kept for the operator: `REFUSED`."""

from datetime import datetime

from stays.aws.store import Store
from stays.table.keys import refused_item


class RefusedEvents:
    """Events of the auction system and callbacks of ZaloPay that we could not accept."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, event_id: str, reason: str, raw: str, now: datetime) -> None:
        """Keep one with the reason: one write."""
        self._store.put(refused_item(event_id, reason, raw, now))
