"""The embedded database and its stream: records arrive in order, and survive a restart."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.local.database import Database, EngineError
from infra.local.event_source import EventSource
from infra.local.journal import Journal
from infra.local.stream import Poller, TableStream
from infra.topology import Consumer

CONSUMER = Consumer("notifier", "stays", ({"dynamodb": {"NewImage": {"kind": {"S": ["SESSION"]}}}},), 25, 4, 3600)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    engine = Database(tmp_path_factory.mktemp("engine"), keep=False)
    engine.create()
    yield engine
    engine.stop()


def write(database: Database, key: str, version: int, kind: str = "SESSION") -> None:
    item = {"PK": {"S": key}, "SK": {"S": "X"}, "kind": {"S": kind}, "version": {"N": str(version)}}
    database.call("DynamoDB_20120810.PutItem", {"TableName": "stays", "Item": item})


class Function:
    """Replaces a consumer: records its events, and fails the given number of times."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.got: list[tuple[str, int]] = []

    async def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("boom")
        images = [record["dynamodb"]["NewImage"] for record in event["Records"]]
        self.got += [(image["PK"]["S"], int(image["version"]["N"])) for image in images]
        return {"batchItemFailures": []}

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.got) < count:
                await asyncio.sleep(0.01)


def poller(database: Database, function: Function, rest: Path | None = None) -> Poller:
    stream = TableStream(database, "stays")
    while stream.read():
        pass
    return Poller(stream, [EventSource(CONSUMER, function.invoke, Journal())], rest)


def test_tables_are_made_as_the_topology_says_and_only_once(database: Database) -> None:
    database.create()
    table = database.call("DynamoDB_20120810.DescribeTable", {"TableName": "stays"})["Table"]
    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == {"by_user", "due"}
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    ttl = database.call("DynamoDB_20120810.DescribeTimeToLive", {"TableName": "connections"})
    assert ttl["TimeToLiveDescription"]["AttributeName"] == "expiresAt"


def test_the_engine_names_what_it_refuses(database: Database) -> None:
    with pytest.raises(EngineError) as refusal:
        database.call("DynamoDB_20120810.DescribeTable", {"TableName": "nowhere"})
    assert refusal.value.code == "ResourceNotFoundException"


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux lists sockets there")
def test_the_engine_listens_on_loopback_alone(database: Database) -> None:
    port = f":{int(database.endpoint.rpartition(':')[2]):04X}"
    files = (Path("/proc/net", name) for name in ("tcp", "tcp6"))
    lines = [line.split() for file in files for line in file.read_text().splitlines()]
    listening = {line[1] for line in lines if line[1].endswith(port) and line[3] == "0A"}
    assert listening == {f"0100007F{port}"}


@pytest.mark.parametrize("failures", [0, 3])
def test_wanted_records_arrive_each_items_in_order(database: Database, failures: int) -> None:
    async def scenario() -> Function:
        function = Function(failures)
        running = asyncio.create_task(poller(database, function).run())
        await asyncio.sleep(0.1)
        for version in range(20):
            for key in ("A", "B", "C"):
                await asyncio.to_thread(write, database, f"{key}{failures}", version)
            await asyncio.to_thread(write, database, "D", version, "NIGHT")
        await function.until(60)
        running.cancel()
        return function

    got = asyncio.run(scenario()).got
    for key in (f"A{failures}", f"B{failures}", f"C{failures}"):
        assert [version for name, version in got if name == key] == list(range(20))
    assert len(got) == 60


def test_a_record_has_the_shape_that_lambda_hands_over(database: Database) -> None:
    stream = TableStream(database, "stays")
    while stream.read():
        pass
    write(database, "SHAPE", 1)
    (record,) = stream.read()
    assert record["eventName"] == "INSERT"
    assert record["eventSource"] == "aws:dynamodb"
    assert ":table/stays/stream/" in record["eventSourceARN"]
    assert record["dynamodb"]["Keys"] == {"PK": {"S": "SHAPE"}, "SK": {"S": "X"}}
    assert record["dynamodb"]["NewImage"]["version"] == {"N": "1"}


def test_data_and_undelivered_records_survive_a_restart(tmp_path: Path) -> None:
    rest = tmp_path / "stream.json"

    async def first(database: Database) -> None:
        waiting = poller(database, Function(failures=1000), rest)
        running = asyncio.create_task(waiting.run())
        await asyncio.to_thread(write, database, "A", 1)
        await asyncio.sleep(0.2)
        running.cancel()
        await asyncio.wait({running})
        write(database, "B", 2)
        waiting.settle()

    async def second(database: Database) -> Function:
        function = Function()
        running = asyncio.create_task(poller(database, function, rest).run())
        await function.until(2)
        running.cancel()
        return function

    engine = Database(tmp_path, keep=True)
    engine.create()
    asyncio.run(first(engine))
    engine.stop()
    engine = Database(tmp_path, keep=True)
    engine.create()
    function = asyncio.run(second(engine))
    key = {"PK": {"S": "A"}, "SK": {"S": "X"}}
    kept = engine.call("DynamoDB_20120810.GetItem", {"TableName": "stays", "Key": key})
    engine.stop()
    assert sorted(function.got) == [("A", 1), ("B", 2)]
    assert kept["Item"]["version"] == {"N": "1"}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal on Windows")
def test_the_engine_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys, time; from infra.local.database import Database; "
        "print(Database(pathlib.Path(sys.argv[1]), keep=False).pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE) as parent:  # noqa: S603
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 10
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A dead orphan stays listed on machines where no process reaps it.
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")
