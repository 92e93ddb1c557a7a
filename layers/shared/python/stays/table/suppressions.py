"""Addresses that get no more mail for a while: `ADDRESS#…` in the table of connections, where items expire."""

from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256

import idna

from stays.aws.store import Key, Store

SUPPRESSED_FOR = timedelta(days=180)  # an address may work again, and a reader may change their mind


class Suppressions:
    """Addresses from which mail came back, or whose readers complained."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def suppress(self, address: str, why: str, now: datetime) -> None:
        """Send no more mail to this address for SUPPRESSED_FOR: one write, harmless when repeated."""
        until = int((now + SUPPRESSED_FOR).timestamp())
        self._store.put(_key(address) | {"why": why, "expiresAt": until})

    def is_suppressed(self, address: str, now: datetime) -> bool:
        """Whether mail to this address is stopped, consistent: one read."""
        item = self._store.get(_key(address))
        return item is not None and item["expiresAt"] > now.timestamp()


def _key(address: str) -> Key:
    """No key holds an address. SES names its domain as the mail had it, in punycode; both spellings have one key.

    Upper and lower case are one mailbox nearly everywhere.
    """
    user, _, domain = address.lower().rpartition("@")
    with suppress(UnicodeError):
        domain = idna.encode(domain, uts46=True).decode()
    return {"PK": f"ADDRESS#{sha256(f'{user}@{domain}'.encode()).hexdigest()}", "SK": "SUPPRESSED"}
