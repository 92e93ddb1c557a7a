"""Measures the notifier at an auction's end, under the CPU that Lambda gives to several sizes of memory.

`python -m tests.proof.bench.notifier_memory` needs a cgroup (version 1) whose CPU quota it may write. A server in a
process of its own stands for the table and the browsers: a read takes 4 ms, a post 20 ms. Prices are those of Lambda on
arm64 in ap-southeast-1.
"""

import asyncio
import importlib
import json
import multiprocessing
import os
import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from infra.topology import FUNCTIONS
from stays.aws.attributes import to_attributes

_SIZES = (128, 256, 512, 1024, 1769)  # MB
_ONE_CORE = 1769  # MB at which Lambda gives one core
_SECOND, _REQUEST = 0.0000133334, 0.0000002  # USD for a GB-second, and for an invocation
_PERIOD = 20_000  # microseconds of the CPU quota
_GROUP = Path("/sys/fs/cgroup/cpu/stays-bench")
_RECORDS, _BATCH = 2000, 100
_READ, _POST = 0.004, 0.020  # seconds


def _award(number: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    user, until = f"auth0|winner-{number}", (now + timedelta(days=1)).isoformat()
    item = {
        "PK": f"AUCTION#{number}",
        "SK": "AWARD#user#WIN",
        "kind": "AWARD",
        "awardId": "WIN",
        "auctionId": str(number),
        "userId": user,
        "property": {"id": "1", "name": "Nhà Trên Đồi", "hostId": "host", "city": "Đà Lạt"},
        "nights": [{"date": (now + timedelta(days=30)).date().isoformat(), "price": 400_000}],
        "guestCount": 2,
        "deadline": until,
        "status": "PENDING_PAYMENT",
        "receivedAt": now.isoformat(),
        "changedAt": now.isoformat(),
        "result": "FULL_WIN",
        "bidAmount": 400_000,
    }
    return to_attributes(item)


def _answer(target: str, body: bytes) -> dict[str, Any]:
    """Return what the tables answer: a connection for each user, and every award."""
    asked = json.loads(body)
    if target.endswith("Query"):
        user = asked["ExpressionAttributeValues"][":user"]["S"].removeprefix("USER#").replace("%7C", "|")
        now = datetime.now(UTC).isoformat()
        listed = {"connectionId": f"{user[-12:]}=", "fingerprint": "f", "openedAt": now, "userId": user}
        return {"Items": [to_attributes(listed)]}
    keys = asked["RequestItems"]["stays"]["Keys"]
    return {"Responses": {"stays": [_award(int(key["PK"]["S"].partition("#")[2])) for key in keys]}}


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            named = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
            body = await reader.readexactly(int(named[b"content-length"]))
            target = named.get(b"x-amz-target", b"").decode()
            await asyncio.sleep(_READ if target else _POST)
            content = json.dumps(_answer(target.title(), body)).encode() if target else b""
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def _serve(told: Any) -> None:
    async def serve() -> None:
        server = await asyncio.start_server(_converse, "127.0.0.1", 0)
        told.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


class _Context:
    def get_remaining_time_in_millis(self) -> int:
        return 600_000


def _work(port: int, memory: int, told: Any) -> None:
    """Run the notifier in this process, under the CPU of this memory, and tell seconds and CPU seconds of a record."""
    address = f"http://127.0.0.1:{port}"
    os.environ |= dict.fromkeys(FUNCTIONS["notifier"].environment, "stays") | {
        "WEBSOCKET_ENDPOINT": address,
        "POSTS_PER_SECOND": "100000",
        "AWS_ENDPOINT_URL_DYNAMODB": address,
        "AWS_DEFAULT_REGION": "ap-southeast-1",
        "AWS_ACCESS_KEY_ID": "-",
        "AWS_SECRET_ACCESS_KEY": "-",
        "POWERTOOLS_SERVICE_NAME": "bench",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    }
    notifier = importlib.import_module("notifier")
    records = [
        {
            "eventName": "INSERT",
            "dynamodb": {
                "SequenceNumber": str(number),
                "Keys": {name: _award(number)[name] for name in ("PK", "SK")},
                "NewImage": _award(number),
            },
        }
        for number in range(_RECORDS)
    ]
    notifier.handler({"Records": records[:_BATCH]}, _Context())  # the connections to the server
    _GROUP.mkdir(exist_ok=True)
    (_GROUP / "cpu.cfs_period_us").write_text(str(_PERIOD))
    (_GROUP / "cpu.cfs_quota_us").write_text(str(max(1000, _PERIOD * memory // _ONE_CORE)))
    (_GROUP / "cgroup.procs").write_text(str(os.getpid()))
    figures = []
    for size in (_BATCH, 1):
        count = _RECORDS if size > 1 else 100
        began, used = time.perf_counter(), time.process_time()
        for first in range(0, count, size):
            failed = notifier.handler({"Records": records[first : first + size]}, _Context())["batchItemFailures"]
            assert not failed
        figures.append(((time.perf_counter() - began) / count, (time.process_time() - used) / count))
    told.put((*figures, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def main() -> None:
    """Print the table: for each memory, messages a second and the price of a million messages."""
    told: Any = multiprocessing.Queue()
    server = multiprocessing.Process(target=_serve, args=(told,), daemon=True)
    server.start()
    port = told.get()
    lines = [
        (
            "| memory, MB | messages a second in batches of 100 | CPU ms each | USD a million "
            "| a message alone, ms | CPU ms | USD a million | memory used, MB |"
        ),
        "|---|---|---|---|---|---|---|---|",
    ]
    for memory in _SIZES:
        worker = multiprocessing.Process(target=_work, args=(port, memory, told))
        worker.start()
        many, alone, used = told.get()
        worker.join()
        prices = [
            1e6 * (_SECOND * seconds * memory / 1024 + _REQUEST / size)
            for (seconds, _), size in ((many, _BATCH), (alone, 1))
        ]
        lines.append(
            f"| {memory} | {1 / many[0]:.0f} | {1000 * many[1]:.2f} | {prices[0]:.2f} | {1000 * alone[0]:.0f} | "
            f"{1000 * alone[1]:.1f} | {prices[1]:.2f} | {used:.0f} |"
        )
    _GROUP.rmdir()
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
