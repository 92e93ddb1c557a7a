"""The local run from end to end: one browser pays stay after stay, with more and more stays in the table before."""

import contextlib
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import httpx
from botocore.config import Config
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from infra.local.database import CREDENTIALS, REGION
from infra.local.environment import Addresses
from infra.topology import TABLES
from tests.proof.bench.local_run import local_run, token_of
from tests.proof.bench.rows import Goal, Row, shown
from tests.proof.bench.table_filler import fill_state

HEALTH = "health"
TOLD = "callback to COMPLETED"
_ROUNDS_OF_A_USER = 15  # a user who opens 20 sessions an hour must wait
_STATE = Path("engine") / "data" / "dynamodb.json"
_MEMORY_OF_A_STAY = 80_000  # bytes in the embedded database

Times = Mapping[str, list[float]]


class Browser:
    """One user after the other on a running system. `milliseconds` has the times of each step."""

    def __init__(self, addresses: Addresses) -> None:
        self.api = httpx.Client(base_url=addresses.http, timeout=30, trust_env=False)
        self.simulator = httpx.Client(base_url=addresses.simulator, timeout=30, trust_env=False)
        self.arrived: dict[tuple[str, str], float] = {}
        self.milliseconds: dict[str, list[float]] = defaultdict(list)
        self.ids: list[str] = []
        self._addresses = addresses

    def enter(self) -> None:
        """Log in as a new user and listen."""
        self.user = f"auth0|bench-{time.time_ns()}"
        token = token_of(self._addresses, self.user)
        self.api.headers["authorization"] = f"Bearer {token}"
        socket = connect(f"{self._addresses.websocket}/payment-notifications?token={token}", proxy=None)
        socket.send(json.dumps({"type": "SUBSCRIBE", "userId": self.user}))
        threading.Thread(target=self._listen, args=(socket,), daemon=True).start()

    def rounds(self, count: int) -> Times:
        """Run one stay after the other. Return the milliseconds of each step."""
        for number in range(count):
            if number % _ROUNDS_OF_A_USER == 0:
                self.enter()
            self.round(number)
        return self.milliseconds

    def _listen(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            for frame in socket:
                message = json.loads(frame)
                kind = message.get("status", message["type"])
                self.arrived.setdefault((message.get("paymentId", ""), kind), time.perf_counter())

    def step(self, name: str, call: Callable[[], httpx.Response]) -> Any:
        """Time one request."""
        started = time.perf_counter()
        answer = call()
        self.milliseconds[name].append((time.perf_counter() - started) * 1000)
        return answer.raise_for_status().json()

    def round(self, number: int) -> None:
        """Run one stay from the award to the booking."""
        get = self.api.get
        night, auction = date.today() + timedelta(days=30 + number), f"bench-{time.time_ns()}"  # noqa: DTZ011
        self.award(auction, night)
        wish = {"auctionId": auction, "selectedNights": [night.isoformat()], "amount": 500_000}
        made = self.step("create", lambda: self.api.post("/api/v1/payment/zalopay/create", json=wish))
        stay, order = made["sessionId"], made["appTransId"]
        self.step("session", lambda: get(f"/api/v1/payment/sessions/{stay}"))
        self.step("status, asks ZaloPay", lambda: get(f"/api/v1/payment/zalopay/status/{order}"))
        self.step("status, from the table", lambda: get(f"/api/v1/payment/zalopay/status/{order}"))
        transaction = self.pay(stay, order)
        self.step("transaction", lambda: get(f"/api/v1/payment/transactions/{transaction}"))
        self.step("booking", lambda: get(f"/api/v1/payment/{stay}/booking"))
        self.step("bookings of the user", lambda: get("/api/v1/user/bookings"))
        self.step(HEALTH, lambda: get("/api/v1/health"))
        self.ids = [stay, transaction, auction, self.user]

    def award(self, auction: str, night: date) -> None:
        """Let the user win a night that no user had before."""
        detail = {
            "auctionId": auction,
            "userId": self.user,
            "result": "FULL_WIN",
            "property": {"id": f"property-{auction}", "name": "Bench House", "hostId": "auth0|host"},
            "awardedNights": [{"date": night.isoformat(), "price": 500_000}],
            "paymentDeadline": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
        }
        event = {"detail-type": "AuctionResult", "detail": detail}
        self.api.post("/dev/events", json=event).raise_for_status()

    def pay(self, stay: str, order: str) -> str:
        """Pay while the callback is held back, then release it, so that its time is known."""
        self.simulator.post("/simulator/faults", json={"fault": "callback_lost", "app_trans_id": order})
        paid = self.simulator.post(f"/simulator/orders/{order}/pay", json={}).raise_for_status().json()
        started = time.perf_counter()
        sent = self.simulator.post(f"/simulator/orders/{order}/callback", json={}).raise_for_status().json()
        self.milliseconds["callback"].append(sent["callbacks"][0]["milliseconds"])
        for name, kind in ((TOLD, "COMPLETED"), ("callback to BOOKING_CONFIRMED", "BOOKING_CONFIRMED")):
            self.milliseconds[name].append((self._arrival(stay, kind) - started) * 1000)
        return str(paid["zp_trans_id"])

    def _arrival(self, stay: str, kind: str) -> float:
        until = time.perf_counter() + 10
        while (stay, kind) not in self.arrived:
            if time.perf_counter() > until:
                raise TimeoutError(f"{kind} did not arrive")
            time.sleep(0.0005)
        return self.arrived[stay, kind]


def end_to_end(rounds: int, sizes: Sequence[int]) -> dict[int, Times]:
    """Return the times by the number of stays in the table. A size for which the memory is missing is left out."""
    return {stays: _measured(rounds, stays) for stays in sizes if _has_memory(stays)}


def _has_memory(stays: int) -> bool:
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines() if Path("/proc/meminfo").exists() else []
    free = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    return not free or free[0] > stays * _MEMORY_OF_A_STAY


def _measured(rounds: int, stays: int) -> Times:
    with TemporaryDirectory() as folder:
        with local_run("--state", folder) as addresses:
            model = Browser(addresses)
            model.rounds(1)
            time.sleep(1)  # the stream's consumers write their last items
        fill_state(Path(folder) / _STATE, model.ids, stays)
        with local_run("--state", folder) as addresses:
            _read_indexes(addresses)
            Browser(addresses).rounds(2)  # the cold starts
            return Browser(addresses).rounds(rounds)


def _read_indexes(addresses: Addresses) -> None:
    """Let the embedded database build its indexes."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=addresses.database,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(read_timeout=120),
    )
    for table, schema in TABLES.items():
        for name, index in schema.indexes.items():
            asked = {"KeyConditionExpression": "#k = :k", "ExpressionAttributeNames": {"#k": index.partition}}
            client.query(TableName=table, IndexName=name, ExpressionAttributeValues={":k": {"S": "-"}}, **asked)


def percentile(values: list[float], percent: int) -> float:
    """Return a percentile of two values or more."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def told_rows(found: Mapping[int, Times], sizes: Sequence[int]) -> list[Row]:
    """Return the rows of the goals: from the callback's arrival to the browser's socket, and `health` as the limit."""
    left_out = [
        Row(f"{TOLD}, {stays:,} stays", [], missing="too little memory") for stays in sizes if stays not in found
    ]
    return left_out + [
        Row(
            f"{TOLD}, {stays:,} stays, p{percent}",
            [percentile(times[TOLD], percent)],
            (),
            _health(times, percent),
            goal,
        )
        for stays, times in found.items()
        for percent, goal in ((50, (Goal(25),)), (99, (Goal(45),)))
    ]


def _health(times: Times, percent: int) -> list[float]:
    return [percentile(times[HEALTH], percent)]


def steps_table(found: Mapping[int, Times]) -> str:
    """Return the table of all steps: milliseconds p50 and p99 by the number of stays."""
    sizes = list(found)
    lines = [
        f"| step | {' | '.join(f'{stays:,} stays, p50 (p99)' for stays in sizes)} | p50 ÷ health |",
        f"|---|{'---|' * len(sizes)}---|",
    ]
    for name in found[sizes[0]]:
        cells = [f"{shown(percentile(found[s][name], 50))} ({shown(percentile(found[s][name], 99))})" for s in sizes]
        times = percentile(found[sizes[0]][name], 50) / percentile(found[sizes[0]][HEALTH], 50)
        lines.append(f"| {name} | {' | '.join(cells)} | {shown(times)} |")
    return "\n".join(lines)
