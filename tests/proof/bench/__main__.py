"""`make bench`: measures each step of the flow on a running system, the start of each function, and many messages.

The times depend on the machine. Read them as ratios: to the step `health`, one invocation that does nothing, or to a
peer.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.proof.bench.counting import CountingProxy
from tests.proof.bench.fan_out import fan_out
from tests.proof.bench.starts import starts
from tests.proof.bench.table_filler import fill

_ROUNDS_OF_A_USER = 15  # a user who opens 20 sessions an hour must wait
_READY = 60  # seconds
_CALLERS = {"bookings of the user": "bookings"}


class Bench:
    """One system, used by one user's browser after the other. Every step is timed, and its calls are counted."""

    def __init__(self, addresses: dict[str, Any], proxy: CountingProxy) -> None:
        self.proxy = proxy
        self.api = httpx.Client(base_url=addresses["http"], timeout=30)
        self.simulator = httpx.Client(base_url=addresses["simulator"], timeout=30)
        self.arrived: dict[tuple[str, str], float] = {}
        self.milliseconds: dict[str, list[float]] = defaultdict(list)
        self.calls: dict[str, Counter[str]] = defaultdict(Counter)
        self._socket_url = f"{addresses['websocket']}/payment-notifications"

    def enter(self) -> None:
        """Log in as a new user and listen."""
        self.user = f"auth0|bench-{time.time_ns()}"
        claims = {"sub": self.user, "email": "bench@stays.example"}
        token = self.api.get("/dev/token", params=claims).json()["token"]
        self.api.headers["authorization"] = f"Bearer {token}"
        socket = connect(f"{self._socket_url}?token={token}")
        socket.send(json.dumps({"type": "SUBSCRIBE", "userId": self.user}))
        threading.Thread(target=self._listen, args=(socket,), daemon=True).start()

    def rounds(self, numbers: range) -> None:
        """Run one stay after the other."""
        for count, number in enumerate(numbers):
            if count % _ROUNDS_OF_A_USER == 0:
                self.enter()
            self.round(number)

    def _listen(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            for frame in socket:
                message = json.loads(frame)
                kind = message.get("status", message["type"])
                self.arrived.setdefault((message.get("paymentId", ""), kind), time.perf_counter())

    def step(self, name: str, call: Callable[[], httpx.Response]) -> Any:
        """Time one request. Keep the highest number of calls that it ever needed."""
        function = _CALLERS.get(name, "payments")
        before, started = self.proxy.of(function), time.perf_counter()
        answer = call()
        self.milliseconds[name].append((time.perf_counter() - started) * 1000)
        answer.raise_for_status()
        self.calls[name] |= self.proxy.of(function) - before
        return answer.json()

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
        self.step("health", lambda: get("/api/v1/health"))

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
        before, started = self.proxy.of("zalopay_callback"), time.perf_counter()
        sent = self.simulator.post(f"/simulator/orders/{order}/callback", json={}).raise_for_status().json()
        self.milliseconds["callback"].append(sent["callbacks"][0]["milliseconds"])
        self.calls["callback"] |= self.proxy.of("zalopay_callback") - before
        for name, kind in (
            ("callback to COMPLETED", "COMPLETED"),
            ("callback to BOOKING_CONFIRMED", "BOOKING_CONFIRMED"),
        ):
            self.milliseconds[name].append((self._arrival(stay, kind) - started) * 1000)
        return str(paid["zp_trans_id"])

    def _arrival(self, stay: str, kind: str) -> float:
        until = time.perf_counter() + 10
        while (stay, kind) not in self.arrived:
            if time.perf_counter() > until:
                raise TimeoutError(f"{kind} did not arrive")
            time.sleep(0.0005)
        return self.arrived[stay, kind]

    def report(self, title: str) -> str:
        """Return the table of this run."""
        unit = _percentile(self.milliseconds["health"], 50)
        lines = [f"\n{title}\n", "| step | p50 ms | p99 ms | p50 ÷ health | DynamoDB calls |", "|---|---|---|---|---|"]
        for name, times in self.milliseconds.items():
            middle = _percentile(times, 50)
            called = Counter(self.calls[name])
            presence = called.pop("PutItem", 0)
            shown = " + ".join(f"{count} {operation}" for operation, count in sorted(called.items())) or "none"
            shown += f" (+ {presence} presence)" if presence else ""
            lines.append(f"| {name} | {middle:.1f} | {_percentile(times, 99):.1f} | {middle / unit:.1f} | {shown} |")
        return "\n".join(lines)


def _percentile(values: list[float], percent: int) -> float:
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def _start(folder: Path, proxy: CountingProxy) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    addresses = folder / "addresses.json"
    ports = [part for name in ("http", "websocket", "simulator") for part in (f"--{name}-port", "0")]
    options = ["--no-seed", "--quiet", "--through", proxy.url, "--addresses", str(addresses)]
    system = subprocess.Popen([sys.executable, "-m", "infra.local", *ports, *options], stdout=subprocess.DEVNULL)  # noqa: S603
    until = time.monotonic() + _READY
    while not addresses.exists():
        if time.monotonic() > until or system.poll() is not None:
            raise TimeoutError("the system did not start")
        time.sleep(0.05)
    return system, json.loads(addresses.read_text())


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    typed = argparse.ArgumentParser(prog="python -m tests.proof.bench.__main__", description=__doc__)
    typed.add_argument("--rounds", type=int, default=100, help="how many stays are paid, one after the other")
    typed.add_argument(
        "--stays", type=int, default=5000, help="how many stays to write into the table before the second half"
    )
    typed.add_argument("--starts", type=int, default=5, help="how often each function is started")
    return typed


def main() -> None:
    """Run the flow again and again, on an empty table and on a full one."""
    chosen = parser().parse_args()
    proxy = CountingProxy()
    with tempfile.TemporaryDirectory() as folder:
        system, addresses = _start(Path(folder), proxy)
        proxy.forward_to(addresses["database"])
        try:
            _measure(addresses, proxy, chosen.rounds, chosen.stays)
        finally:
            system.terminate()
            system.wait()
    print(starts(chosen.starts))
    print(fan_out())


def _measure(addresses: dict[str, Any], proxy: CountingProxy, rounds: int, stays: int) -> None:
    Bench(addresses, proxy).rounds(range(1))  # the cold starts
    for filled in sorted({0, stays}):
        if filled:
            fill(addresses["database"], filled)
            Bench(addresses, proxy).rounds(range(1))  # the consumers must first read the records of the filled-in items
        bench = Bench(addresses, proxy)
        bench.rounds(range(1, 1 + rounds))
        print(bench.report(f"{rounds} stays, one after the other, with {filled} in the table before"))


if __name__ == "__main__":
    main()
