"""The whole backend in one process with one thread and one clock: real functions, all else simulated.

This module keeps AWS's promises: the retries after a failure, the order of delivery, and the lost memory of a killed
instance. It does nothing that AWS merely might do: no delivery comes twice unless a test says so.
"""

import json
import os
import secrets
import time as real_time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from email.headerregistry import HeaderRegistry
from email.message import EmailMessage
from email.policy import EmailPolicy
from functools import cache, lru_cache, partial
from random import Random
from types import ModuleType
from typing import Any, NamedTuple, Self

import jwt
import time_machine
from botocore.client import BaseClient

import infra.zalopay_simulator.simulator
import stays.aws.client
import stays.aws.store
import stays.checkout
import stays.edge.connections
import stays.metrics
import stays.settlement
import stays.subscription
import stays.zalopay.client
from infra.local.events import Answer, Request, connect_event, disconnect_event, http_answer, http_event, message_event
from infra.local.events import Client as Visitor
from infra.local.filters import matches
from infra.local.identity import Issuer
from infra.local.routing import route_for, route_key
from infra.operator.commands import Commands, Tools
from infra.operator.environment import Environment
from infra.topology import CONSUMERS, MAIL_PAGES, ROUTES, WEBSOCKET_STAGE, Consumer, Route
from infra.zalopay_simulator.ledger import NotPossibleError, Order
from stays.aws.pace import Pace
from stays.domain.errors import StaysError
from stays.domain.values import timestamp
from stays.edge.calendar_feed import CONTENT_TYPE
from stays.edge.mail import MailContent
from stays.edge.stream import Aside
from stays.table.due_items import DueItems
from stays.table.effects import Effects
from stays.table.erasures import Erasures
from stays.table.operator_queries import OperatorQueries
from stays.table.sessions import Sessions
from stays.table.strays import Strays
from stays.zalopay.client import Client
from stays.zalopay.keys import Keys
from tests.integration.messages import AGENT, HOME, MAI, NIGHTS, PRICE, START
from tests.integration.product import Context, load
from tests.proof.simulation.dynamodb import Database
from tests.proof.simulation.gate import Gate, Killed, Plan
from tests.proof.simulation.outside import Browsers, Bus, Mail, Records, Secrets, Tables, ZaloPay

SETTINGS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "ap-southeast-1",
    "STAYS_TABLE": "stays",
    "CONNECTIONS_TABLE": "connections",
    "FRONTEND_URL": "http://localhost:3000",
    "ALLOWED_ORIGINS": "http://localhost:3000",
    "API_URL": "https://stays.example/api/v1",
    "CALLBACK_URL": "https://stays.example/callback",
    "ZALOPAY_APP_ID": "2553",
    "ZALOPAY_KEY1_SECRET": "zalopay-key1",
    "ZALOPAY_KEY2_SECRET": "zalopay-key2",
    "EMAIL_KEY_SECRET": "email-key",
    "MAIL_SENDER": "Stays <booking@stays.example>",
    "MAIL_PAGES": json.dumps(MAIL_PAGES),
    "MAIL_CONFIGURATION": "",
    "MAILS_OFF": "[]",
    "REFUND_POLICY": "[[7, 100], [3, 50], [0, 0]]",
    "PARTIAL_WIN_PAGE": "false",
    "EVENT_BUS": "stays",
    "POSTS_PER_SECOND": "1000",
    "MAILS_PER_SECOND": "1000",
    "RECORDS_BUCKET": "records",
    "ZALOPAY_ENDPOINT": "https://zalopay.example",
    "WEBSOCKET_ENDPOINT": "https://browsers.example",
    "WEBSOCKET_IDENTITY": "strict",
    "JWT_ISSUER": "https://issuer.example/",
    "JWT_AUDIENCE": "stays-api",
    "POWERTOOLS_SERVICE_NAME": "simulation",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
}
SERVING: ContextVar[str] = ContextVar("serving", default="")  # the request that is being answered
CALLBACK = "/payment/zalopay/callback"
CALLBACK_TRIES = 4  # ZaloPay's first and three more
EVENT_TRIES = 3  # the bus's first and two more
STREAM_TRIES = 6  # stands for twelve hours of tries: no fault of a plan lasts that long
ROUNDS = 200  # rounds of the clock, after which all must be at rest

ISSUER = Issuer(SETTINGS["JWT_ISSUER"], SETTINGS["JWT_AUDIENCE"])
STRANGER = Issuer(SETTINGS["JWT_ISSUER"], SETTINGS["JWT_AUDIENCE"])
VERIFYING = {key["kid"]: jwt.PyJWK(key) for key in ISSUER.jwks()["keys"]}


Memories = Mapping[tuple[str, int], list[Any]]  # by function and copy


class Reply(NamedTuple):
    """The answer that a browser gets; status 0 if the function died during the request."""

    status: int
    body: Any


class Verifying:
    """A client with the issuer's keys, without a network."""

    def get_signing_key_from_jwt(self, token: str) -> jwt.PyJWK:
        """Return the key that a token names."""
        jwt.get_unverified_header(token)
        return next(iter(VERIFYING.values()))


class Inline:
    """A thread pool that runs everything in the caller's thread, one after the other."""

    def __init__(self, *_: Any) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, function: Callable[..., Any], *arguments: Iterable[Any]) -> list[Any]:
        """Call the function for each value in turn."""
        return list(map(function, *arguments))


class Clock:
    """The functions' `time` module: sleeping passes simulated time."""

    def __init__(self, traveller: Any, gate: Callable[[], Gate]) -> None:
        self._traveller = traveller
        self._gate = gate

    def monotonic(self) -> float:
        """Return seconds."""
        return real_time.time()

    def sleep(self, seconds: float) -> None:
        """Pass the time; other actors may go on meanwhile."""
        self._gate().before("sleep")
        self._traveller.shift(timedelta(seconds=seconds))


class Chance:
    """The `os` and `secrets` modules of the functions and ZaloPay: random values are the same in every run."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start the sequence again."""
        self._drawn = Random(0)  # noqa: S311  # nothing here is a secret

    def urandom(self, size: int) -> bytes:
        """Return this number of bytes."""
        return self._drawn.randbytes(size)

    def token_hex(self, size: int) -> str:
        """Return this number of bytes as hex digits."""
        return self.urandom(size).hex()

    def randbelow(self, end: int) -> int:
        """Return a number from 0 up to the limit."""
        return self._drawn.randrange(end)


def middle() -> float:
    """Return the middle of all random numbers, so that pauses are the same in every run."""
    return 0.5


class Instance:
    """One function as Lambda starts it, with its clients behind the gate."""

    def __init__(self, name: str, clients: Mapping[str, Any], clock: Clock, chance: Chance, zalopay: ZaloPay) -> None:
        self.name = name
        self.module = load(name, SETTINGS)
        self._wire(self.module, clients, {real_time: clock, os: chance, ThreadPoolExecutor: Inline}, zalopay)
        kept = [value for key, value in vars(self.module).items() if key.islower() and not key.startswith("_")]
        kept += [value.seen for value in kept if isinstance(value, stays.edge.connections.Presence)]
        kept += [value.known for value in kept if isinstance(value, Keys)]
        kept += [vars(value) for value in kept if isinstance(value, Pace)]
        kept += [each for value in kept if isinstance(value, Aside) for each in (value.succeeded, value.failing)]
        self._memory = [(value, value.copy()) for value in kept if isinstance(value, dict | list | set)]

    def _wire(
        self, module: ModuleType, clients: Mapping[str, Any], instead: Mapping[Any, Any], zalopay: ZaloPay
    ) -> None:
        for name, value in list(vars(module).items()):
            if isinstance(value, BaseClient | stays.aws.client.Client):
                setattr(module, name, clients[service_of(value)])
            elif isinstance(value, Hashable) and value in instead:
                setattr(module, name, instead[value])
            elif type(value).__module__.startswith("stays."):
                rewire(value, clients)
        if hasattr(module, "count"):
            module.count = stays.metrics.count
        if hasattr(module, "zalopay"):
            module.zalopay_client = Client(zalopay, module.APP_ID, partial(module.keys.signing, module.KEY1_SECRET))
        if hasattr(module, "render"):
            module.render = envelope
        if hasattr(module, "tokens"):
            module.tokens.keys = Verifying()

    def forget(self) -> None:
        """Make the instance a new one."""
        self.recall([begun for _, begun in self._memory])

    def memory(self) -> list[Any]:
        """Return the memory that it keeps between invocations."""
        return [value.copy() for value, _ in self._memory]

    def recall(self, memory: list[Any]) -> None:
        """Set its memory, and nothing else."""
        for (value, _), kept in zip(self._memory, memory, strict=True):
            value.clear()
            value.extend(kept) if isinstance(value, list) else value.update(kept)


class Headers(HeaderRegistry):
    """The headers of mails, each made once: few users get few kinds of mail."""

    __call__ = lru_cache(4096)(HeaderRegistry.__call__)


HEADERS = EmailPolicy(header_factory=Headers())


def envelope(content: MailContent, sender: str, now: datetime) -> EmailMessage:
    """Return a mail without its text, because writing the text takes longer than everything else together."""
    message = EmailMessage(HEADERS)
    message["From"], message["To"] = sender, content.to
    message["Message-ID"] = f"<{content.about}.{content.kind}.{content.attempt}@stays.example>"
    return message


def service_of(client: BaseClient | stays.aws.client.Client) -> str:
    """Return the name of a client's service."""
    return client.meta.service_model.service_name if isinstance(client, BaseClient) else client.service


def rewire(thing: Any, clients: Mapping[str, Any]) -> None:
    """Replace the clients in an object of `stays` and in the objects that it holds."""
    for name, value in list(getattr(thing, "__dict__", {}).items()):
        if isinstance(value, BaseClient | stays.aws.client.Client):
            setattr(thing, name, clients[service_of(value)])
        elif type(value).__module__.startswith("stays."):
            rewire(value, clients)


class Pending(NamedTuple):
    """A delivery that the platform repeats until it is accepted."""

    what: Any
    left: int


class Lane:
    """The records that wait for one consumer of the stream."""

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer
        self.waiting: list[Pending] = []

    def add(self, records: Iterable[dict[str, Any]]) -> None:
        """Add the records that match the consumer's filters."""
        wanted = (each for each in records if self._wants(each))
        self.waiting += [Pending(record, STREAM_TRIES) for record in wanted]

    def _wants(self, record: dict[str, Any]) -> bool:
        return any(matches(pattern, record) for pattern in self.consumer.filters)


class System:
    """One backend. `plan` names the I/Os to break; `check` runs after every invocation."""

    def __init__(self, traveller: Any) -> None:
        self._traveller = traveller
        self.gate = Gate(partial(traveller.shift, timedelta(milliseconds=1)))
        self.database = Database()
        self.zalopay = ZaloPay(self.gate, real_time.time, SERVING.get)
        self.clock = Clock(traveller, lambda: self.gate)
        self.browsers = Browsers(self.gate, self.clock.sleep)
        self.mail = Mail(self.gate)
        self.bus = Bus(self.gate)
        self.secrets = Secrets(self.gate)
        self.chance = Chance()
        self._clients = {
            "dynamodb": Tables(self.database, self.gate),
            "execute-api": self.browsers,
            "secretsmanager": self.secrets,
            "sesv2": self.mail,
            "events": self.bus,
            "s3": Records(self.gate, self._put_aside),
        }
        self._instances: dict[tuple[str, int], Instance] = {}
        self._context = Context()
        self.copy = 0
        self.check: Callable[[], None] = lambda: None
        self.reset({})

    def reset(self, plan: Plan) -> None:
        """Start an empty backend on a March morning."""
        for part in (self.zalopay, self.browsers, self.mail, self.bus, self.secrets, self.chance):
            part.forget()
        self.database.clear()
        for instance in self._instances.values():
            instance.forget()
        self.go_to(START)
        self.gate.reset(plan)
        self.lanes = [Lane(consumer) for consumer in CONSUMERS]
        self.events: list[Pending] = []
        self.callbacks: list[Pending] = []
        self.dead: list[Any] = []
        self.history: list[dict[str, Any]] = []
        self.broken: list[str] = []
        self.payable: set[str] = set()
        self.acknowledged: list[tuple[str, str]] = []  # orders and their transactions
        self.spelling = 0  # the spelling of callbacks
        self.rounds: list[int] = []  # times of the clock's undisturbed rounds, in ms
        self.denied: list[tuple[str, float]] = []  # orders that ZaloPay called unpaid in such a round, and when
        self.counted: Counter[str] = Counter()
        self.handed: Counter[str] = Counter()  # deliveries of each record to fulfilment
        self.ends = 0  # number of ended invocations
        self.kills = 0  # number of those that were killed
        self._sockets = 0

    def _put_aside(self, record: dict[str, Any]) -> None:
        self.dead.append(record)

    def memories(self) -> Memories:
        """Return the memory of every instance."""
        return {name: instance.memory() for name, instance in self._instances.items()}

    def forget_keys(self) -> None:
        """Make every instance forget ZaloPay's keys."""
        for instance in self._instances.values():
            if hasattr(instance.module, "keys"):
                instance.module.keys.known.clear()

    def recall(self, memories: Memories) -> None:
        """Restore the memory of every instance. An instance without one becomes new."""
        for name, instance in self._instances.items():
            instance.recall(memories[name]) if name in memories else instance.forget()

    # Time

    @property
    def now(self) -> datetime:
        """Return the time of the only clock."""
        return datetime.now(UTC)

    @property
    def undisturbed(self) -> bool:
        """Say whether no I/O has been broken so far."""
        return not self.gate.broken

    def go_to(self, moment: datetime) -> None:
        """Set the clock without any other effect."""
        self._traveller.move_to(moment, tick=False)

    def pass_time(self, **duration: float) -> None:
        """Let time pass without any other effect."""
        self._traveller.shift(timedelta(**duration))

    def count(self, name: str, value: float = 1, *_: Any) -> None:
        """Count a metric, as the dashboard and the alarms do."""
        self.counted[name] += value

    # Invocations

    def invoke(self, name: str, event: dict[str, Any], copy: int | None = None) -> Any:
        """Return the function's answer; None if it was killed or raised."""
        number = self.copy if copy is None else copy
        instance = self._instances.get((name, number))
        if instance is None:
            instance = self._instances[name, number] = Instance(
                name, self._clients, self.clock, self.chance, self.zalopay
            )
        self.running = name
        if name == "fulfilment":
            self.handed.update(each["dynamodb"]["SequenceNumber"] for each in event.get("Records", ()))
        try:
            answer = instance.module.handler(event, self._context)
        except Killed:
            instance.forget()
            self.kills += 1
            answer = None
        except Exception as error:
            if not self.gate.broken and not self.zalopay.mute:
                raise
            self.broken.append(f"{name}: {error!r}")
            answer = None
        self._collect()
        self.check()
        self.ends += 1
        return answer

    def _collect(self) -> None:
        if self.database.records:
            records, self.database.records = self.database.records, []
            self.history += records
            for lane in self.lanes:
                lane.add(records)

    # HTTP

    def http(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        sub: str | None = MAI,
        raw: bytes | None = None,
        copy: int | None = None,
    ) -> Reply:
        """Send a request as the gateway passes it on."""
        content = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
        headers = (("host", "localhost:8000"), ("user-agent", AGENT), ("content-type", "application/json"))
        request = Request(method, f"/api/v1{path}", "", headers, content, HOME)
        found = _route_for(method, request.path)
        assert found
        claims = None if sub is None or found[0].public else {"sub": sub, "email": f"{sub[6:]}@example.com"}
        event = http_event(
            request,
            route_key=route_key(found[0]),
            path_parameters=found[1],
            claims=claims,
            request_id="request-1",
            now=self.now,
        )
        served, hit = SERVING.set(f"{method} {path}"), len(self.gate.hit)
        answered = self.invoke(found[0].function, event, copy)
        SERVING.reset(served)
        if answered is None:
            return Reply(0, {})
        answer = http_answer(answered)
        if answer.status == 500 and not self._may_fail(path, self.gate.hit[hit:]):
            raise AssertionError(f"{method} {path} answered 500")
        return Reply(answer.status, content_of(answer))

    def _may_fail(self, path: str, hit: list[str]) -> bool:
        """Say whether a 500 is allowed.

        The payment's status must be answered whenever the stays table answers. Every route must be answered if only the
        connections table fails.
        """
        if path.startswith(("/payment/zalopay/status/", "/payment/sessions/")):
            return any(label.endswith(" stays") for label in hit)
        return self.zalopay.mute or not all(label.endswith(" connections") for label in self.gate.hit)

    def create(
        self,
        sub: str = MAI,
        auction_id: str = "1001",
        nights: Iterable[str] = NIGHTS,
        amount: int | None = None,
        copy: int | None = None,
    ) -> Reply:
        """Press the pay button."""
        chosen = list(nights)
        wanted = {"auctionId": auction_id, "selectedNights": chosen, "amount": amount or PRICE * len(chosen)}
        reply = self.http("POST", "/payment/zalopay/create", wanted, sub=sub, copy=copy)
        if reply.status == 200:
            self.payable.add(reply.body["appTransId"])
            self.check()
        return reply

    def poll(self, order: Order, sub: str = MAI, copy: int | None = None) -> Reply:
        """Poll the status, as the page does."""
        return self.http("GET", f"/payment/zalopay/status/{order.app_trans_id}", sub=sub, copy=copy)

    def cancel(self, order: Order, sub: str = MAI, copy: int | None = None) -> Reply:
        """Cancel the booking as its user."""
        return self.http("DELETE", f"/bookings/{stay_of(order)}", sub=sub, copy=copy)

    # ZaloPay

    def order(self, number: int = -1) -> Order | None:
        """Return one of the orders at ZaloPay: the newest one, or the n-th."""
        orders = self.zalopay.orders
        return orders[number] if -len(orders) <= number < len(orders) else None

    def pay(
        self, order: Order | None, *, late: bool = False, lost: bool = False, again: bool = False, **promotion: Any
    ) -> None:
        """Pay as the user, if possible. A callback is then on its way, unless it is lost.

        An order whose address never reached a browser is unknown to the user. If it is paid all the same, its callback
        is never lost.
        """
        if order is None:
            return
        try:
            self.zalopay.pay(order, late=late, again=again, **promotion)
        except NotPossibleError:
            return
        if not lost or order.app_trans_id not in self.payable:
            self.callbacks.append(Pending((order, again), CALLBACK_TRIES))

    def call_back(self, body: bytes, copy: int | None = None) -> int | None:
        """Send one callback as documented, and return its `return_code`."""
        data = json.loads(json.loads(body)["data"]) if b'"data"' in body else {}
        return self._call_back(body, str(data.get("app_trans_id")), str(data.get("zp_trans_id")), copy)

    def _call_back(self, body: bytes, trans_id: str, transaction: str, copy: int | None = None) -> int | None:
        code = self.http("POST", CALLBACK, raw=body, sub=None, copy=copy).body.get("return_code")
        if code == 1:
            self.acknowledged.append((trans_id, transaction))
            self.check()
        return code

    def deliver_callbacks(self) -> None:
        """Send each of ZaloPay's pending callbacks once. ZaloPay sends a refused one again later."""
        waiting, self.callbacks = self.callbacks, []
        for (order, again), left in waiting:
            body = self.zalopay.callback(order, again=again, spelling=self.spelling)
            number = (order.payments[-1] if again else order.first).zp_trans_id
            code = self._call_back(body, order.app_trans_id, str(number))
            if code not in (1, -1) and left > 1:
                self.callbacks.append(Pending((order, again), left - 1))

    # The bus, the clock, the stream

    def announce(self, detail: Any, kind: str = "AuctionResult", **envelope: Any) -> None:
        """Put an event on the bus."""
        event = {"version": "0", "id": f"event-{len(self.history)}", "detail-type": kind, "source": "auctions"}
        self.events.append(Pending(event | {"detail": detail} | envelope, EVENT_TRIES))
        self.deliver_events()

    def send_back(self, to: str) -> None:
        """Let SES report that the last mail to this address came back. SES has written the address in capitals."""
        name = next(name for name, address in reversed(self.mail.addressed) if address == to)
        about, letter = name.split(".")
        tags = {"letter": [letter]} | ({"stay": [about]} if self.database.find(f"STAY#{about}", "SESSION") else {})
        bounce = {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": to.upper()}]}
        detail = {"eventType": "Bounce", "mail": {"destination": [to], "tags": tags}, "bounce": bounce}
        event = {"detail-type": "Email Bounced", "source": "aws.ses", "detail": detail}
        self.events.append(Pending(event, EVENT_TRIES))
        self.deliver_events()

    def deliver_events(self) -> None:
        """Deliver the waiting events. A failed one comes again."""
        waiting, self.events = self.events, []
        for event, left in waiting:
            if self.invoke("fulfilment" if event["source"] == "aws.ses" else "awards", event) is not None:
                if event["source"] == "aws.ses":
                    self.mail.stopped.add(event["detail"]["mail"]["destination"][0])
                continue
            if left > 1:
                self.events.append(Pending(event, left - 1))
            else:
                self.dead.append(event)

    def tick(self, copy: int | None = None) -> dict[str, int] | None:
        """Start the reconciliation by its schedule, for the shards that have items. The others would read nothing."""
        broken, known = self.gate.broken, len(self.zalopay.denied)
        answer = self.invoke("reconciliation", {"shards": self.database.due_shards() or ["0"]}, copy)
        if self.gate.broken == broken and not self.zalopay.mute:
            self.rounds.append(round(self.now.timestamp() * 1000))
            self.denied += self.zalopay.denied[known:]
        return answer

    def deliver_stream(self, function: str | None = None, copy: int | None = None) -> None:
        """Give each consumer its next batch. The reported records come again, or all of them if it died."""
        for lane in self.lanes:
            if function in (None, lane.consumer.function) and lane.waiting:
                self._deliver_batch(lane, copy)

    def _deliver_batch(self, lane: Lane, copy: int | None) -> None:
        size = lane.consumer.batch_size
        batch, lane.waiting = lane.waiting[:size], lane.waiting[size:]
        answer = self.invoke(lane.consumer.function, {"Records": [each.what for each in batch]}, copy)
        failed = [each for each in batch if answer is None or reported(answer, each.what)]
        again = [Pending(record, left - 1) for record, left in failed if left > 1]
        self.dead += [record for record, left in failed if left <= 1]
        lane.waiting = again + lane.waiting

    @property
    def pending(self) -> bool:
        """Say whether the platform still has something to deliver."""
        return bool(self.events or self.callbacks or any(lane.waiting for lane in self.lanes))

    def settle(self) -> None:
        """Deliver everything that waits, until nothing is left."""
        while self.pending:
            self.deliver_events()
            self.deliver_callbacks()
            self.deliver_stream()

    def operate(self, command: Callable[[Commands], Iterable[str]]) -> bool:
        """Run an operator's command. Return whether it ran, without a refusal or a crash."""
        store = stays.aws.store.Store(self._clients["dynamodb"], SETTINGS["STAYS_TABLE"])
        keys = Keys(self.secrets)
        tools = Tools(
            sessions=Sessions(store, by="linh"),
            strays=Strays(store, by="linh"),
            effects=Effects(store),
            due_items=DueItems(store),
            queries=OperatorQueries(store, "linh"),
            erasures=Erasures(store, partial(keys.accepted, "email-key"), "linh"),
            connections=stays.edge.connections.Connections(
                stays.aws.store.Store(self._clients["dynamodb"], SETTINGS["CONNECTIONS_TABLE"])
            ),
            zalopay=Client(self.zalopay, int(SETTINGS["ZALOPAY_APP_ID"]), partial(keys.signing, "zalopay-key1")),
            keys=partial(keys.accepted, "zalopay-key2"),
            email_keys=partial(keys.accepted, "email-key"),
            publish=lambda _: None,
        )
        environment = Environment({}, lambda: self.now, tuple, lambda _: None, lambda *_: 0)
        try:
            list(command(Commands(tools, environment, really=True)))
        except (Killed, stays.aws.client.AwsError, StaysError):
            return False
        finally:
            self._collect()
        self.check()
        return True

    def redrive(self) -> None:
        """Put the dead letters back, as an operator does."""
        dead, self.dead = self.dead, []
        self.events += [Pending(event, EVENT_TRIES) for event in dead if "detail-type" in event]
        for lane in self.lanes:
            lane.add(record for record in dead if "dynamodb" in record)

    def next_due(self) -> datetime | None:
        """Return the next time at which an item is due."""
        times = self.database.due_times()
        return datetime.fromisoformat(min(times)) if times else None

    def drain(self) -> None:
        """End all faults and let only the platform and the clock act, until all is at rest."""
        if self.gate.absent:
            self.gate.absent = {}
            self.redrive()
        for _ in range(ROUNDS):
            self.settle()
            due = self.next_due()
            if due is None:
                return
            self.go_to(max(due, self.now) + timedelta(seconds=1))
            self.tick()
        raise AssertionError("it does not come to rest")

    # Sockets

    def connect(
        self,
        sub: str = MAI,
        *,
        seconds: int = 7200,
        forged: bool = False,
        origin: str = SETTINGS["ALLOWED_ORIGINS"],
        copy: int | None = None,
        **claims: Any,
    ) -> str | None:
        """Connect a browser with a token. Return its connection id, if it was accepted."""
        self._sockets += 1
        connection_id = f"socket-{self._sockets}="
        presented = (STRANGER if forged else ISSUER).token(sub, **claims) if forged or claims else None
        presented = presented or token(sub, self.now, seconds)
        event = connect_event(
            self.visitor(connection_id),
            (("Host", "localhost"), ("User-Agent", AGENT), ("Origin", origin)),
            f"token={presented}",
            request_id="request-2",
            now=self.now,
        )
        answer = self.invoke("connections", event, copy)
        if answer is None or answer["statusCode"] != 200:
            return None
        self.browsers.frames[connection_id] = []
        self.browsers.owner[connection_id] = sub
        self.browsers.until[connection_id] = timestamp(self.now.replace(second=0) + timedelta(seconds=seconds))
        return connection_id

    def visitor(self, connection_id: str) -> Visitor:
        """Return the browser as the gateway describes it."""
        return Visitor(connection_id, self.now, HOME, AGENT, "localhost:8080", WEBSOCKET_STAGE)

    def send(self, connection_id: str, frame: Any, route: str, copy: int | None = None) -> Any:
        """Send a frame from a browser.

        If its function is killed, the gateway tells the page so. A page whose first SUBSCRIBE ended like that does not
        count as one that listens: nothing is sure to come before the next change, and it polls.
        """
        event = message_event(
            self.visitor(connection_id), route, json.dumps(frame), request_id="request-3", now=self.now
        )
        kills, listens = self.kills, connection_id in self.browsers.since
        answer = self.invoke("connections", event, copy)
        if self.kills > kills and not listens:
            self.browsers.since.pop(connection_id, None)
        return answer

    def subscribe(self, connection_id: str, sub: str = MAI, copy: int | None = None) -> Any:
        """Send SUBSCRIBE for everything."""
        channels = ["auction_results", "payment_status", "second_chance_offers", "booking_confirmations"]
        frame = {"type": "SUBSCRIBE", "userId": sub, "channels": channels}
        return self.send(connection_id, frame, "SUBSCRIBE", copy)

    def listen(self, sub: str = MAI) -> str | None:
        """Connect a browser and subscribe."""
        connection_id = self.connect(sub)
        if connection_id is not None:
            self.subscribe(connection_id, sub)
        return connection_id

    def disconnect(self, connection_id: str) -> None:
        """Disconnect the browser; the gateway reports it."""
        self.browsers.gone.add(connection_id)
        event = disconnect_event(self.visitor(connection_id), 1001, "", request_id="request-4", now=self.now)
        self.invoke("connections", event)

    def vanish(self, connection_id: str) -> None:
        """Drop the browser; the gateway reports nothing."""
        self.browsers.gone.add(connection_id)


def content_of(answer: Answer) -> Any:
    """Return the content of an answer: text for a calendar feed, JSON for all else."""
    is_feed = ("content-type", CONTENT_TYPE) in answer.headers
    return answer.body.decode() if is_feed else json.loads(answer.body)


def reported(answer: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Say whether a consumer reported this record as failed."""
    failures = answer["batchItemFailures"]
    return any(each["itemIdentifier"] == record["dynamodb"]["SequenceNumber"] for each in failures)


def stay_of(order: Order) -> str:
    """Return the stay of an order."""
    return order.app_trans_id[7:]


@lru_cache(4096)
def _route_for(method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
    return route_for(ROUTES, method, path)


@cache
def _token(sub: str, begins: int, seconds: int) -> str:
    return ISSUER.token(sub, iat=begins, exp=begins + seconds)


def token(sub: str, now: datetime, seconds: int) -> str:
    """Return a token of the issuer. Signing is slow, so one token serves a whole minute."""
    return _token(sub, int(now.timestamp()) // 60 * 60, seconds)


@contextmanager
def simulation(kind: type[System] = System) -> Iterator[System]:
    """Yield a system whose clock is the process's clock inside the block."""
    with time_machine.travel(START, tick=False) as traveller:
        system = kind(traveller)
        stays.edge.connections.ThreadPoolExecutor = Inline
        stays.aws.store.time = stays.checkout.time = stays.settlement.time = system.clock
        random, stays.aws.client.random = stays.aws.client.random, middle
        stays.aws.client.time = system.clock
        stays.subscription.time = system.clock
        infra.zalopay_simulator.simulator.secrets = system.chance
        count, stays.metrics.count = stays.metrics.count, system.count
        level = stays.zalopay.client.logger.log_level
        stays.zalopay.client.logger.setLevel(SETTINGS["POWERTOOLS_LOG_LEVEL"])
        try:
            yield system
        finally:
            stays.zalopay.client.logger.setLevel(level)
            stays.edge.connections.ThreadPoolExecutor = ThreadPoolExecutor
            stays.aws.client.time, stays.aws.client.random = real_time, random
            stays.aws.store.time = stays.checkout.time = stays.settlement.time = real_time
            stays.subscription.time = real_time
            infra.zalopay_simulator.simulator.secrets = secrets
            stays.metrics.count = count
