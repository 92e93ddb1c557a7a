"""The ledger in DynamoDB, for simulators without a disk that answer at the same time.

One partition has everything: an item per order, one per sent callback, one for the switches. A write of an order
succeeds only if the order is unchanged since it was read. So an order is never paid twice, and no money is refunded
twice. The id of a refund is an item of its own, so no second refund can take it.
"""

import json
import secrets
import time
from dataclasses import asdict
from typing import Any

from botocore.exceptions import ClientError

from .ledger import Order
from .storage import order_of

KEPT = 7 * 24 * 3600  # seconds after which an item may be deleted
_LEDGER, _REFUNDS, _SWITCHES = "LEDGER", "REFUNDS", "SWITCHES"
_AT_MOST = 100  # actions in one transaction
_CONFLICTS = ("ConditionalCheckFailedException", "TransactionCanceledException", "TransactionConflictException")

Item = dict[str, Any]


class Overtaken(Exception):
    """Another request changed the order since it was read: start again."""


class LedgerTable:
    """The reads and writes of one request. `overtaken` says afterwards whether the request must start again."""

    def __init__(self, client: Any, table: str) -> None:
        """Read everything, with boto3's DynamoDB client."""
        self.overtaken = False
        self.switches: dict[str, Any] | None = None
        self._client, self._table = client, table
        self._documents: dict[str, tuple[int, str]] = {}  # as they are in the table: version and text
        self._refunds: set[str] = set()
        self._sent: dict[str, int] = {}
        self._orders = self._load()

    def orders(self) -> list[Order]:
        """Return all orders as they were read, in the order of their arrival."""
        return self._orders

    def write(self, order: Order) -> None:
        """Write the changes of an order. Raises Overtaken."""
        if changes := self._changes(order):
            self._transact(changes)
        version, _ = self._documents.get(order.app_trans_id, (0, ""))
        if changes:
            self._documents[order.app_trans_id] = (version + 1, _text(order))
            self._refunds |= {refund.m_refund_id for refund in order.refunds}
        for callback in order.callbacks[self._sent.get(order.app_trans_id, 0) :]:
            self._record(order.app_trans_id, callback)
        self._sent[order.app_trans_id] = len(order.callbacks)

    def clear(self) -> None:
        """Delete every order, refund and switch."""
        keys = [{"PK": item["PK"], "SK": item["SK"]} for part in (_LEDGER, _REFUNDS) for item in self._items(part)]
        for begin in range(0, len(keys), _AT_MOST):
            actions = [{"Delete": {"TableName": self._table, "Key": key}} for key in keys[begin : begin + _AT_MOST]]
            self._transact(actions)

    def turn(self, switches: dict[str, Any]) -> None:
        """Write the switches."""
        item = _item(_LEDGER, _SWITCHES, document={"S": json.dumps(switches)})
        self._client.put_item(TableName=self._table, Item=item)

    def _load(self) -> list[Order]:
        callbacks: dict[str, list[dict[str, Any]]] = {}
        for item in self._items(_LEDGER):
            name, _, callback = item["SK"]["S"].partition("#")
            document = item["document"]["S"]
            if name == _SWITCHES:
                self.switches = json.loads(document)
            elif callback:
                callbacks.setdefault(name, []).append(json.loads(document))
            else:
                self._documents[name] = (int(item["version"]["N"]), document)
        self._sent = {name: len(callbacks.get(name, ())) for name in self._documents}
        documents = [json.loads(document) for _, document in self._documents.values()]
        self._refunds = {refund["m_refund_id"] for document in documents for refund in document["refunds"]}
        orders = [order_of(each | {"callbacks": callbacks.get(each["app_trans_id"], [])}) for each in documents]
        return sorted(orders, key=lambda order: order.app_time)

    def _items(self, partition: str) -> list[Item]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="PK = :partition",
            ExpressionAttributeValues={":partition": {"S": partition}},
            ConsistentRead=True,
        )
        return [item for page in pages for item in page["Items"]]

    def _changes(self, order: Order) -> list[dict[str, Any]]:
        version, before = self._documents.get(order.app_trans_id, (0, ""))
        document = _text(order)
        if document == before:
            return []
        item = _item(_LEDGER, order.app_trans_id, document={"S": document}, version={"N": str(version + 1)})
        unchanged = self._put(item, "version = :version", {":version": {"N": str(version)}})
        claims = [
            self._put(_item(_REFUNDS, refund.m_refund_id), "attribute_not_exists(PK)")
            for refund in order.refunds
            if refund.m_refund_id not in self._refunds
        ]
        return [unchanged if version else self._put(item, "attribute_not_exists(PK)"), *claims]

    def _put(self, item: Item, condition: str, values: Item | None = None) -> dict[str, Any]:
        named = {"ExpressionAttributeValues": values} if values else {}
        return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": condition, **named}}

    def _transact(self, actions: list[dict[str, Any]]) -> None:
        try:
            self._client.transact_write_items(TransactItems=actions)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _CONFLICTS:
                raise
            self.overtaken = True
            raise Overtaken from error

    def _record(self, app_trans_id: str, callback: dict[str, Any]) -> None:
        """Record a sent callback. It conflicts with no other change, because it was sent in any case."""
        name = f"{app_trans_id}#{callback['at']:013d}#{secrets.token_hex(4)}"
        item = _item(_LEDGER, name, document={"S": json.dumps(callback)})
        self._client.put_item(TableName=self._table, Item=item)


def _text(order: Order) -> str:
    document = asdict(order)
    del document["callbacks"]
    return json.dumps(document)


def _item(partition: str, sort: str, **attributes: Any) -> Item:
    expiry = {"N": str(int(time.time()) + KEPT)}
    return {"PK": {"S": partition}, "SK": {"S": sort}, "expiresAt": expiry, **attributes}
