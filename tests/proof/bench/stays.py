"""One paid stay, act by act, on the functions of the product or of the naive peer. Both get the same events."""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import httpx

from infra.local.environment import Addresses, environments
from infra.local.events import Client, Request, connect_event, disconnect_event, http_event, message_event
from infra.local.filters import matches
from infra.local.routing import route_for, route_key
from infra.local.settings import Settings
from infra.topology import CONSUMERS, PREFIX, SERVED, WEBSOCKET_STAGE
from tests.proof.bench.local_run import token_of
from tests.proof.bench.programs import PEERS, Call, Program
from tests.proof.bench.surroundings import Surroundings, Traffic

AMOUNT = 500_000  # đồng
SOCKETS = 3
_PATIENCE = 10.0  # seconds
_BROWSER = ("203.0.113.9", "Mozilla/5.0 (bench)")
_FILTERS: Mapping[str, tuple[dict[str, Any], ...]] = {each.function: each.filters for each in CONSUMERS}
_NAIVE_FILTERS = {"notifier": ({"dynamodb": {"NewImage": {"kind": {"S": ["NAIVE_SESSION"]}}}},)}
_NAIVE = {"connections": "sample", "notifier": "sample"}  # every other function of the peer is one application

Variables = Mapping[str, Mapping[str, str]]


def variables(local: Addresses, surroundings: Surroundings) -> Variables:
    """Return the environment of each function and of the peers. ZaloPay, tokens and mail are those of the local run."""
    of_all = environments(Settings(), local._replace(database=surroundings.url))
    ours = {
        "CALLBACK_URL": f"{surroundings.url}/callback",
        "WEBSOCKET_ENDPOINT": f"{surroundings.url}/{WEBSOCKET_STAGE}",
    }
    found = {
        name: {each: ours.get(each, value) for each, value in variable.items()} for name, variable in of_all.items()
    }
    everything = {each: value for one in found.values() for each, value in one.items()}
    return found | {name: everything | {"AWS_SDK_UA_APP_ID": name} for name in ("naive", "sample", "bare")}


class Act(NamedTuple):
    """One act of a stay: its name, its invocations and their traffic."""

    name: str
    calls: list[Call]
    traffic: Traffic

    @property
    def cpu(self) -> float:
        """The milliseconds of CPU time of all its invocations."""
        return sum(call.cpu for call in self.calls)


class Stay(NamedTuple):
    """A stay to be paid: its traveller, and the award."""

    user: str
    auction: str
    night: str

    def http(self, method: str, path: str, body: Any = None, *, public: bool = False) -> tuple[str, dict[str, Any]]:
        """Return the function of a request, and its event."""
        text = body if isinstance(body, str) else json.dumps(body)
        headers = (("user-agent", _BROWSER[1]), ("content-type", "application/json"))
        content = b"" if body is None else text.encode()
        request = Request(method, PREFIX + path, "", headers, content, _BROWSER[0])
        found = route_for(SERVED, method, request.path)
        assert found
        route, parameters = found
        claims = None if public else {"sub": self.user, "email": "bench@stays.example"}
        event = http_event(
            request,
            route_key=route_key(route),
            path_parameters=parameters,
            claims=claims,
            request_id=uuid.uuid4().hex,
            now=datetime.now(UTC),
        )
        return route.function, event


class Side:
    """One of the two systems that are compared: starts their functions when they are first called."""

    def __init__(self, name: str, local: Addresses, surroundings: Surroundings) -> None:
        self.name = name
        self.is_naive = name == "naive"
        self.local = local
        self.surroundings = surroundings
        self.variables = variables(local, surroundings)
        self._programs: dict[str, Program] = {}
        self._read = dict.fromkeys(_FILTERS, 0)
        self._calls: list[Call] = []

    def program_of(self, function: str) -> str:
        """Return the module that does the work of a function."""
        return _NAIVE.get(function, "naive") if self.is_naive else function

    def start(self, function: str) -> Program:
        """Start a process for a function. The caller stops it."""
        module = self.program_of(function)
        return (
            Program(module, self.variables[module], PEERS) if self.is_naive else Program(module, self.variables[module])
        )

    def call(self, function: str, event: Mapping[str, Any]) -> Call:
        """Invoke the function in its one process."""
        module = self.program_of(function)
        if module not in self._programs:
            self._programs[module] = self.start(function)
        call = self._programs[module].call(event)
        self._calls.append(call)
        return call

    def stop(self) -> None:
        """End all processes."""
        for program in self._programs.values():
            program.stop()

    def records_for(self, function: str) -> list[dict[str, Any]]:
        """Return the records of the stream that the function gets, since the last time."""
        records, filters = self.surroundings.database.records, (_NAIVE_FILTERS if self.is_naive else _FILTERS)
        new, self._read[function] = records[self._read[function] :], len(records)
        return [each for each in new if any(matches(one, each) for one in filters.get(function, ()))]

    def drain(self) -> None:
        """Let every consumer of the stream come to rest."""
        while sum(self._deliver(function) for function in _FILTERS):
            pass

    def _deliver(self, function: str) -> bool:
        records = self.records_for(function)
        if records:
            self.call(function, {"Records": records})
        return bool(records)

    # The acts

    def award(self) -> Stay:
        """Let a new user win a night."""
        user, auction = f"auth0|bench-{uuid.uuid4().hex[:12]}", f"bench-{uuid.uuid4().hex[:12]}"
        night = (date.today() + timedelta(days=30)).isoformat()  # noqa: DTZ011
        if self.is_naive:
            key = {"PK": {"S": f"NAIVE-AUCTION#{auction}"}, "SK": {"S": user}}
            item = key | {"amount": {"N": str(AMOUNT)}, "propertyId": {"S": f"property-{auction}"}}
            self.surroundings.database.put_item(TableName="stays", Item=item)
        else:
            self.call("awards", auction_result(auction, user, night))
        return Stay(user, auction, night)

    def create(self, stay: Stay) -> tuple[str, dict[str, Any]]:
        """Return the event of the pay button."""
        wish = {"auctionId": stay.auction, "selectedNights": [stay.night], "amount": AMOUNT}
        return stay.http("POST", "/payment/zalopay/create", wish)

    def pay(self, stay: Stay, order: str) -> tuple[str, dict[str, Any], str]:
        """Pay at ZaloPay. Return the function and the event of its callback, and the transaction."""
        before = len(self.surroundings.callbacks)
        url = f"{self.local.simulator}/simulator/orders/{order}/pay"
        paid = httpx.post(url, json={}, timeout=30, trust_env=False).raise_for_status().json()
        until = time.monotonic() + _PATIENCE
        while len(self.surroundings.callbacks) == before:
            if time.monotonic() > until:
                raise TimeoutError("ZaloPay's callback did not come")
            time.sleep(0.001)
        body = self.surroundings.callbacks[-1]
        return *stay.http("POST", "/payment/zalopay/callback", body, public=True), str(paid["zp_trans_id"])

    def play(self) -> Iterator[Act]:
        """Run one stay from the award to the booking, with its sockets and its stream."""
        self._calls.clear()
        mark = self.surroundings.traffic()

        def act(name: str) -> Act:
            nonlocal mark
            before, mark = mark, self.surroundings.traffic()
            calls = self._calls.copy()
            self._calls.clear()
            bad = [call.answer for call in calls if (call.answer or {}).get("statusCode", 200) != 200]
            assert not bad, (self.name, name, bad)
            return Act(name, calls, mark.since(before))

        stay = self.award()
        yield act("award")
        order = json.loads(self.call(*self.create(stay)).answer["body"])
        yield act("create")
        self.call(*stay.http("GET", f"/payment/sessions/{order['sessionId']}"))
        yield act("session")
        self.call(*stay.http("GET", f"/payment/zalopay/status/{order['appTransId']}"))
        yield act("status, asks ZaloPay")
        self.call(*stay.http("GET", f"/payment/zalopay/status/{order['appTransId']}"))
        yield act("status, from the table")
        self.drain()
        yield act("stream before the payment")
        token, clients = token_of(self.local, stay.user), [new_client() for _ in range(SOCKETS)]
        for client in clients:
            self.call("connections", connecting(client, token))
            yield act("$connect")
            self.call("connections", subscribing(client, stay.user))
            yield act("SUBSCRIBE")
        function, event, transaction = self.pay(stay, order["appTransId"])
        self.call(function, event)
        yield act("callback")
        self.call("notifier", {"Records": self.records_for("notifier")})
        yield act("notifier, 3 sockets")
        self.call(function, event)
        yield act("callback, again")
        self.drain()
        yield act("stream after the payment")
        self.call(*stay.http("GET", f"/payment/transactions/{transaction}"))
        yield act("transaction")
        self.call(*stay.http("GET", f"/payment/{order['sessionId']}/booking"))
        yield act("booking")
        self.call("connections", leaving(clients[0]))
        yield act("$disconnect")


def auction_result(auction: str, user: str, night: str) -> dict[str, Any]:
    """Return the event of a win."""
    now = datetime.now(UTC)
    detail = {
        "auctionId": auction,
        "userId": user,
        "result": "FULL_WIN",
        "property": {"id": f"property-{auction}", "name": "Bench House", "hostId": "auth0|host"},
        "awardedNights": [{"date": night, "price": AMOUNT}],
        "paymentDeadline": (now + timedelta(days=1)).isoformat(),
    }
    envelope = {"id": uuid.uuid4().hex, "source": "auctions", "time": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return envelope | {"detail-type": "AuctionResult", "detail": detail}


def new_client() -> Client:
    """Return one end of a new connection."""
    name = f"{uuid.uuid4().hex[:15]}="
    return Client(name, datetime.now(UTC), *_BROWSER, domain="localhost", stage=WEBSOCKET_STAGE)


def connecting(client: Client, token: str) -> dict[str, Any]:
    """Return the event of a new connection with a token in its address."""
    headers = (("User-Agent", client.user_agent),)
    return connect_event(client, headers, f"token={token}", request_id=uuid.uuid4().hex, now=datetime.now(UTC))


def subscribing(client: Client, user: str) -> dict[str, Any]:
    """Return the event of SUBSCRIBE."""
    frame = json.dumps({"type": "SUBSCRIBE", "userId": user})
    return message_event(client, "SUBSCRIBE", frame, request_id=uuid.uuid4().hex, now=datetime.now(UTC))


def leaving(client: Client) -> dict[str, Any]:
    """Return the event of a connection that is gone."""
    return disconnect_event(client, 1001, "", request_id=uuid.uuid4().hex, now=datetime.now(UTC))
