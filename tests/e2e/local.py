"""The local run in its own process, with its developer routes and its simulator."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar

import boto3
import httpx

from tests.e2e.browser import Award, Browser

ROOT = Path(__file__).resolve().parents[2]
START = 60.0  # seconds; slow on a machine without compiled files
VIETNAM = timezone(timedelta(hours=7))

T = TypeVar("T")


def eventually(look: Callable[[], T], seconds: float = 15.0) -> T:
    """Call `look` until its result is true. Returns the result."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"still {found!r} after {seconds} seconds"
        time.sleep(0.03)
    return found


class ZaloPay:
    """The simulator's admin API: the actions of payers, and faults."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=f"{url}/simulator", trust_env=False, timeout=60)

    def close(self) -> None:
        self._http.close()

    def order(self, app_trans_id: str) -> dict[str, Any]:
        return self._asked(self._http.get(f"/orders/{app_trans_id}"))

    def orders(self) -> list[dict[str, Any]]:
        return self._asked(self._http.get("/orders"))["orders"]  # type: ignore[no-any-return]

    def pay(self, app_trans_id: str, **how: Any) -> str:
        """Pay. Returns ZaloPay's redirect for the browser."""
        return self._do(app_trans_id, "pay", how)["redirect_url"]  # type: ignore[no-any-return]

    def decline(self, app_trans_id: str) -> str:
        return self._do(app_trans_id, "decline", {})["redirect_url"]  # type: ignore[no-any-return]

    def cancel(self, app_trans_id: str) -> str:
        return self._do(app_trans_id, "cancel", {})["redirect_url"]  # type: ignore[no-any-return]

    def call_back(self, app_trans_id: str, **how: Any) -> list[int]:
        """Send the callback again. Returns the answered codes."""
        tries = self._do(app_trans_id, "callback", how)["callbacks"]
        return [each["answer"]["return_code"] for each in tries]

    def answer(self, app_trans_id: str, **said: Any) -> None:
        """Set query's answer about the order."""
        self._do(app_trans_id, "answer", said)

    def switch(self, fault: str, **how: Any) -> None:
        self._asked(self._http.post("/faults", json={"fault": fault, **how}))

    def mend(self) -> None:
        """Switch every fault off."""
        for fault in self._asked(self._http.get("/faults"))["faults"]:
            scope = {} if fault["for"] == "all" else {"app_trans_id": fault["for"]}
            self.switch(fault["fault"], on=False, **({"next": True} if fault["for"] == "next" else scope))

    def _do(self, app_trans_id: str, what: str, how: dict[str, Any]) -> dict[str, Any]:
        return self._asked(self._http.post(f"/orders/{app_trans_id}/{what}", json=how))

    def _asked(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said


class Local:
    """A running system. `stop` ends it by SIGTERM."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._addresses = folder / "addresses.json"
        self._addresses.unlink(missing_ok=True)
        self.log = folder / "log.txt"
        with self.log.open("ab") as log:
            ports = ("--http-port", "0", "--websocket-port", "0", "--simulator-port", "0")
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "infra.local", *ports, "--addresses", str(self._addresses), *options],
                cwd=ROOT,
                env=os.environ | {"PYTHONWARNINGS": "error"},
                stdout=log,
                stderr=log,
            )
        try:
            self._wait()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    def _wait(self) -> None:
        deadline = time.monotonic() + START
        while not self._addresses.exists():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)
        found = json.loads(self._addresses.read_text())
        self.http_url, self.websocket_url = found["http"], found["websocket"]
        self.zalopay = ZaloPay(found["simulator"])
        self._http = httpx.Client(base_url=self.http_url, trust_env=False, timeout=60)
        self._table = boto3.client(
            "dynamodb",
            endpoint_url=found["database"],
            region_name="ap-southeast-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def stop(self) -> int:
        """Stop it. Returns its exit code."""
        self.zalopay.close()
        self._http.close()
        self._table.close()
        self._process.terminate()
        return self._process.wait(timeout=30)

    def dev(self, method: str, path: str, content: Any = None, **asked: str) -> Any:
        """Call a developer route."""
        answer = self._http.request(method, f"/dev{path}", json=content, params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def token(self, sub: str, **claims: str) -> str:
        return self.dev("GET", "/token", sub=sub, **claims)["token"]  # type: ignore[no-any-return]

    def browser(self, name: str) -> Browser:
        """A browser of a new user."""
        return self.browser_of(f"{name}-{uuid.uuid4().hex[:12]}")

    def browser_of(self, name: str) -> Browser:
        """A browser of the user with this name."""
        return self.browser_as(f"auth0|{name}", f"{name}@stays.example", name.title())

    def browser_as(self, user_id: str, email: str, name: str) -> Browser:
        """A browser of the user with this id."""
        token = self.token(user_id, email=email, name=name)
        return Browser(self.http_url, self.websocket_url, user_id, token, email)

    def again(self, browser: Browser) -> Browser:
        """The same user after a new login: a token lasts a day."""
        browser.close()
        return self.browser_as(browser.user_id, browser.email, "again")

    def now(self) -> datetime:
        return datetime.fromisoformat(self.dev("GET", "/clock")["now"])

    def in_seconds(self, seconds: int) -> str:
        """The time this many seconds from now, as in events."""
        return (self.now() + timedelta(seconds=seconds)).astimezone(UTC).isoformat()

    def nights(self, first: int, count: int) -> list[str]:
        """`count` nights in a row, the first of them `first` days from now."""
        day: date = self.now().astimezone(VIETNAM).date() + timedelta(days=first)
        return [(day + timedelta(days=more)).isoformat() for more in range(count)]

    def announce(self, kind: str, detail: dict[str, Any]) -> Any:
        return self.dev("POST", "/events", {"detail-type": kind, "detail": detail})

    def award(
        self,
        winner: Browser,
        nights: list[str] | None = None,
        price: int = 500_000,
        property_id: str | None = None,
        **more: Any,
    ) -> Award:
        """Announce a win. Without `property_id` the property is a new one."""
        auction_id, place = new_number(), property_id or new_number()
        nights = nights or self.nights(10, 2)
        detail = {
            "auctionId": auction_id,
            "userId": winner.user_id,
            "result": "FULL_WIN",
            "property": {"id": place, "name": "Nhà gỗ Đồi Thông", "hostId": "auth0|host-lan", "city": "Đà Lạt"},
            "awardedNights": [{"date": night, "price": price} for night in nights],
            "guestCount": 2,
            "bidAmount": price * len(nights),
            "paymentDeadline": self.in_seconds(2 * 86_400),
            **more,
        }
        assert self.announce("AuctionResult", detail)["accepted"]
        return Award(auction_id, place, nights, price * len(nights))

    def partial_win(self, winner: Browser, count: int = 4, **more: Any) -> Award:
        """A partial win of this many nights."""
        return self.award(winner, self.nights(30, count), result="PARTIAL_WIN", **more)

    def withdraw(self, winner: Browser, award: Award, **more: Any) -> Any:
        """Announce the withdrawal of an award."""
        return self.announce("AuctionWithdrawn", {"auctionId": award.auction_id, "userId": winner.user_id, **more})

    def later(self, seconds: int) -> None:
        """Move the clock on."""
        self.dev("POST", "/clock", {"advance": seconds})

    def round(self, after: int = 0) -> dict[str, int]:
        """Run a round of the schedule, `after` seconds from now."""
        if after:
            self.later(after)
        return self.dev("POST", "/schedule")["reconciliation"]  # type: ignore[no-any-return]

    def mail(self, email: str) -> list[dict[str, Any]]:
        """The mails to an address, newest first."""
        return [each for each in self.dev("GET", "/mail") if each["to"] == [email]]

    def wait_for_mails(self, email: str, count: int) -> list[dict[str, Any]]:
        """Wait for this many mails to an address, and return them."""
        return eventually(lambda: mails if len(mails := self.mail(email)) >= count else [])

    def published(self, stay_id: str) -> list[str]:
        """The names of the published events about a stay, in order."""
        return [each["detail-type"] for each in self.dev("GET", "/events") if each["detail"].get("stayId") == stay_id]

    def published_of(self, auction_id: str, name: str) -> list[dict[str, Any]]:
        """The details of the published events of this name that concern an auction."""
        said = [each["detail"] for each in self.dev("GET", "/events") if each["detail-type"] == name]
        return [each for each in said if each["auctionId"] == auction_id]

    def story(self, stay_id: str) -> dict[str, list[dict[str, Any]]]:
        """All items of a stay, by kind."""
        asked = {
            "TableName": "stays",
            "KeyConditionExpression": "PK = :stay",
            "ExpressionAttributeValues": {":stay": {"S": f"STAY#{stay_id}"}},
            "ConsistentRead": True,
        }
        told: dict[str, list[dict[str, Any]]] = {}
        for item in self._table.query(**asked)["Items"]:
            plain = {name: next(iter(value.values())) for name, value in item.items()}
            told.setdefault(plain["kind"], []).append(plain)
        return told

    def spoil(self, partition: str, sort: str, **attributes: str) -> None:
        """Overwrite attributes of an item with values that no release writes."""
        key = {"PK": {"S": partition}, "SK": {"S": sort}}
        values = {name: {"Value": {"S": value}} for name, value in attributes.items()}
        self._table.update_item(TableName="stays", Key=key, AttributeUpdates=values)

    def events(self, stay_id: str) -> list[str]:
        """The names of the events in a stay's timeline, in order."""
        return [event["what"] for event in self.story(stay_id)["EVENT"]]


def new_number() -> str:
    """A new id."""
    return str(uuid.uuid4().int >> 66)
