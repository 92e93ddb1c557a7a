"""What measured functions call: DynamoDB in memory, secrets, posts to browsers, and the address of ZaloPay's callbacks.

It counts the calls and the capacity units of each function. It lives in a thread of this process, so that the CPU time
of a measured function is its own.
"""

import asyncio
import json
import re
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from botocore import xform_name

from infra.local.database import SECRETS
from infra.topology import TABLES
from stays.aws.client import AwsError
from tests.proof.bench.units import read_units, write_units
from tests.proof.simulation.attribute_values import Item
from tests.proof.simulation.dynamodb import Database

# Each request names its operation and (from AWS_SDK_UA_APP_ID) the function.
_CALLER = re.compile(rb"user-agent: [^\r\n]*\bapp/(\w+)", re.IGNORECASE)
_TARGET = re.compile(rb"x-amz-target: (\w+)\.(\w+)", re.IGNORECASE)
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_WRITES = {"PutItem": "Put", "UpdateItem": "Update", "DeleteItem": "Delete"}


class Traffic(NamedTuple):
    """What functions asked for so far: calls by table, and units by kind ("read" or "write"), each of (function, …)."""

    calls: Counter[tuple[str, str]]
    units: Counter[tuple[str, str]]

    def since(self, before: "Traffic") -> "Traffic":
        """Return the difference."""
        return Traffic(self.calls - before.calls, self.units - before.units)

    def total(self, kind: str) -> float:
        """Return the units of one kind."""
        return sum(count for (_, each), count in self.units.items() if each == kind)

    def calls_of(self, *tables: str) -> int:
        """Return the calls on some tables. A transaction counts for the table of its first item."""
        return sum(count for (_, table), count in self.calls.items() if table in tables)


class Surroundings:
    """`database` has all items; `posts` counts messages to browsers; `callbacks` has ZaloPay's reports as they came."""

    def __init__(self) -> None:
        self.database = Database()
        self.callbacks: list[str] = []
        self.posts = 0
        self.seconds_of_a_post = 0.0
        self._traffic = Traffic(Counter(), Counter())
        loop = asyncio.new_event_loop()
        server = loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        threading.Thread(target=loop.run_forever, daemon=True).start()

    def traffic(self) -> Traffic:
        """Return what was counted so far."""
        return Traffic(Counter(self._traffic.calls), Counter(self._traffic.units))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                if b"expect: 100-continue" in head.lower():
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                status, answer = await self._answer(head, body)
                said = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n"
                writer.write(said.encode() + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        if b"/@connections/" in head:
            self.posts += 1
            await asyncio.sleep(self.seconds_of_a_post)
            return 200, b""
        target = _TARGET.search(head)
        if target is None:
            self.callbacks.append(body.decode())
            return 200, b'{"return_code": 1, "return_message": "success"}'
        caller, request = _CALLER.search(head), json.loads(body)
        if target[1] == b"secretsmanager":
            name = request["SecretId"]
            return 200, json.dumps({"Name": name, "SecretString": json.dumps(SECRETS[name])}).encode()
        status, said = self._ask(caller[1].decode() if caller else "?", target[2].decode(), request)
        return status, json.dumps(said).encode()

    def _ask(self, caller: str, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        writes = _writes(operation, request)
        before = [self._item(kind, each) for kind, each in writes]
        status, answer = self._tried(operation, request)
        self._traffic.calls[caller, _table(request)] += 1
        if not writes:
            self._traffic.units[caller, "read"] += _read(operation, request, answer)  # type: ignore[assignment]
        for (kind, each), old in zip(writes, before, strict=True):
            units = write_units(old, self._item(kind, each), TABLES[each["TableName"]], transactional=len(writes) > 1)
            self._traffic.units[caller, "write"] += units
        return status, answer

    def _tried(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        try:
            return 200, getattr(self.database, xform_name(operation))(**request)
        except AwsError as error:
            return error.status, {"__type": f"com.amazonaws.dynamodb.v20120810#{error.code}", **error.answer}

    def _item(self, kind: str, request: Mapping[str, Any]) -> Item | None:
        key = request["Item" if kind == "Put" else "Key"]
        return self.database.find(key["PK"]["S"], key["SK"]["S"], request["TableName"])


def _writes(operation: str, request: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the single writes of a request. A condition check of a transaction costs as much as a write."""
    if operation == "TransactWriteItems":
        return [item for each in request["TransactItems"] for item in each.items()]
    return [(_WRITES[operation], request)] if operation in _WRITES else []


def _table(request: Mapping[str, Any]) -> str:
    if "TransactItems" in request:
        return str(next(iter(request["TransactItems"][0].values()))["TableName"])
    return str(request.get("TableName") or next(iter(request["RequestItems"])))


def _read(operation: str, request: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    if operation == "BatchGetItem":
        asked = request["RequestItems"].items()
        return sum(
            read_units(answer["Responses"][name], consistent=each.get("ConsistentRead", False), together=False)
            for name, each in asked
        )
    items = answer["Items"] if "Items" in answer else [answer["Item"]] if "Item" in answer else []
    return read_units(items, consistent=request.get("ConsistentRead", False), together=operation == "Query")
