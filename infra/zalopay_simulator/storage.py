"""Storage of the ledger: a file with one row per order, on disk before any other party learns of a change."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from .ledger import Order, Payment, Refund


class Storage(Protocol):
    """Keeps orders. After `write` returns, the order is there at the next start."""

    def orders(self) -> list[Order]:
        """Return all orders, in the order of their arrival."""

    def write(self, order: Order) -> None:
        """Keep an order in its present state."""

    def clear(self) -> None:
        """Delete every order."""


class LedgerFile:
    """Keeps orders in SQLite; without a path it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def orders(self) -> list[Order]:
        """Return all written orders, in the order of their arrival."""
        with self._open() as database:
            rows = database.execute("SELECT document FROM orders ORDER BY rowid").fetchall() if database else []
        return [order_of(json.loads(document)) for (document,) in rows]

    def write(self, order: Order) -> None:
        """Write the order and return once it is on disk."""
        statement = (
            "INSERT INTO orders (app_trans_id, document) VALUES (?, ?)"
            " ON CONFLICT (app_trans_id) DO UPDATE SET document = excluded.document"
        )
        with self._open() as database:
            if database:
                database.execute(statement, (order.app_trans_id, json.dumps(asdict(order))))

    def clear(self) -> None:
        """Delete every order."""
        with self._open() as database:
            if database:
                database.execute("DELETE FROM orders")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection | None]:
        # One connection per use, because there is no shutdown that could close a lasting one.
        if self.path is None:
            yield None
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS orders (app_trans_id TEXT PRIMARY KEY, document TEXT)")
            yield database


def order_of(document: dict[str, Any]) -> Order:
    """Return an order from its fields, as `asdict` gave them. Older records lack newer fields."""
    refunds = [Refund(**refund) for refund in document["refunds"]]
    again = [Payment(**payment) for payment in document.get("again", [])]
    return Order(**document | {"refunds": refunds, "again": again})
