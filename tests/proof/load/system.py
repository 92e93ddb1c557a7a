"""The system under load: its own process, and the calls that control it from outside."""

import asyncio
import json
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx

from infra.local.database import CREDENTIALS, KEY2_SECRET, REGION
from infra.operator.__main__ import CODES
from infra.operator.report import DoesNotAddUp
from tests.proof.load.plan import Plan

_ROOT = Path(__file__).resolve().parents[3]
_READY = 60  # seconds; a machine without compiled files is slow
_END = 30
_AWARDS = 50  # in one request, so that it is answered in time
_AT_ONCE = 12  # requests of all users together: two workers per function serve them within the gateway's 30 s

Document = dict[str, Any]


class System:
    """The developer's routes, the simulator's own calls, and one HTTP client for all users."""

    def __init__(self, addresses: dict[str, str], log: Path, http: httpx.AsyncClient) -> None:
        self.addresses = addresses
        self.http = http
        self.gate = asyncio.Semaphore(_AT_ONCE)
        self._log = log
        self._moved = timedelta()

    def log(self) -> list[str]:
        """Return its output so far."""
        return self._log.read_text(errors="replace").splitlines()

    async def token(self, plan: Plan) -> str:
        """Return a token of this user, valid for a day."""
        claims = {"sub": plan.user_id, "email": plan.email, "name": plan.name}
        return str((await self._dev("GET", "token", params=claims))["token"])

    async def announce(self, plans: list[Plan]) -> None:
        """Publish the results of auctions on the bus."""
        deadline = (self.now() + timedelta(days=2)).isoformat()
        for first in range(0, len(plans), _AWARDS):
            events = [_event(plan, deadline) for plan in plans[first : first + _AWARDS]]
            answers = await self._dev("POST", "events", json=events)
            if not all(answer["accepted"] for answer in answers):
                raise ValueError("an award was not accepted")

    def now(self) -> datetime:
        """Return its time: ours, plus the offset."""
        return datetime.now(UTC) + self._moved

    async def later(self, seconds: int) -> None:
        """Move its clock forward."""
        await self._dev("POST", "clock", json={"advance": seconds})
        self._moved += timedelta(seconds=seconds)

    async def round(self) -> int:
        """Run a round of the schedule now, and return the number of due items."""
        return int((await self._dev("POST", "schedule"))["reconciliation"]["due"])

    async def mail(self) -> list[Document]:
        """Return all mail, newest first."""
        return list(await self._dev("GET", "mail"))

    async def report(self, days: set[date]) -> list[Document]:
        """Return the rows of the operator's report of these days. Raises ValueError if there is no report."""
        rows: list[Document] = []
        for day in sorted(days):
            command = ["-m", "infra.operator", "--local", "--at", self.addresses["http"], "--json"]
            running = await asyncio.create_subprocess_exec(
                sys.executable, *command, "report", "--day", str(day), cwd=_ROOT, stdout=PIPE, stderr=PIPE
            )
            said, complaint = await running.communicate()
            if running.returncode not in (0, CODES[DoesNotAddUp]):
                raise ValueError(f"no report of {day}: {complaint.decode()}")
            rows += [row for line in said.splitlines() if "order" in (row := json.loads(line))]
        return rows

    async def dead_letters(self) -> list[Document]:
        """Return the dead letters."""
        return list(await self._dev("GET", "dead-letters"))

    async def orders(self) -> list[Document]:
        """Return ZaloPay's ledger."""
        return list((await self.zalopay("GET", "orders")).json()["orders"])

    async def fault(self, name: str, *, on: bool = True, **how: Any) -> None:
        """Switch a fault of the simulator."""
        (await self.zalopay("POST", "faults", {"fault": name, "on": on, **how})).raise_for_status()

    async def zalopay(self, method: str, path: str, body: Document | None = None) -> httpx.Response:
        """Make one of the simulator's own calls."""
        return await self.http.request(method, f"{self.addresses['simulator']}/simulator/{path}", json=body)

    async def rotate(self, before: str, key2: str) -> None:
        """Rotate key2 as the runbook says: the functions accept both keys before ZaloPay signs with the new one."""
        keys = json.dumps({"current": key2, "previous": before})
        await asyncio.to_thread(self._secrets().put_secret_value, SecretId=KEY2_SECRET, SecretString=keys)
        (await self.zalopay("POST", "keys", {"key2": key2})).raise_for_status()

    def _secrets(self) -> Any:
        return boto3.client(
            "secretsmanager",
            endpoint_url=self.addresses["database"],
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    async def _dev(self, method: str, path: str, **more: Any) -> Any:
        answer = await self.http.request(method, f"{self.addresses['http']}/dev/{path}", **more)
        return answer.raise_for_status().json()


def _event(plan: Plan, deadline: str) -> Document:
    nights = [{"date": night, "price": price} for night, price in zip(plan.nights, plan.prices, strict=True)]
    detail = {
        "auctionId": plan.auction_id,
        "userId": plan.user_id,
        "result": "FULL_WIN",
        "property": {"id": plan.property_id, "name": "Nhà Đèn Lồng", "hostId": "auth0|host-lan"},
        "awardedNights": nights,
        "paymentDeadline": deadline,
    }
    return {"detail-type": "AuctionResult", "detail": detail}


@asynccontextmanager
async def started(schedule: int) -> AsyncIterator[System]:
    """Start a separate system on free ports, with this interval of the clock. Stop it in order afterwards."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
    with tempfile.TemporaryDirectory(prefix="stays-load-") as name:
        folder = Path(name)
        process = await _start(folder, schedule)
        try:
            addresses = await _addresses(folder, process)
            async with httpx.AsyncClient(timeout=60, trust_env=False, limits=limits) as http:
                yield System(addresses, folder / "log.txt", http)
        finally:
            await _stop(process)


async def _start(folder: Path, schedule: int) -> Process:
    ports = [part for name in ("http", "websocket", "simulator") for part in (f"--{name}-port", "0")]
    options = ["--no-seed", "--schedule", str(schedule), "--addresses", str(folder / "addresses.json")]
    with (folder / "log.txt").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "infra.local", *ports, *options, cwd=_ROOT, stdout=log, stderr=STDOUT
        )


async def _addresses(folder: Path, process: Process) -> dict[str, str]:
    until, file = time.monotonic() + _READY, folder / "addresses.json"
    while not file.exists():
        if process.returncode is not None or time.monotonic() > until:
            raise TimeoutError(f"the system did not start\n{(folder / 'log.txt').read_text()}")
        await asyncio.sleep(0.05)
    found: dict[str, str] = json.loads(file.read_text())
    return found


async def _stop(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _END)
    except TimeoutError:
        process.kill()
        await process.wait()
