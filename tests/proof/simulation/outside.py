"""The services around the functions, in this process and behind the gate: tables, ZaloPay, browsers, mail, secrets."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from math import inf
from typing import Any
from urllib.parse import unquote

import httpx
from botocore.exceptions import ClientError, ReadTimeoutError

from infra.zalopay_simulator import Settings, create_app
from infra.zalopay_simulator.ledger import Order
from infra.zalopay_simulator.spellings import spelled
from stays.aws.client import POSTING, AwsError, Management
from stays.aws.curl import Answer, Heard, NoAnswer, Request, Result, Work
from stays.aws.pace import Pace
from tests.proof.simulation.dynamodb import Database
from tests.proof.simulation.gate import Call, Gate, Troubles

KEY1 = Settings().key1
KEY2 = Settings().key2
# Codes about the call or about ZaloPay, not about the order (docs.zalopay.vn, status codes).
OF_THE_CALL = {-2, -53, *range(-405, -400), -429, -500, -999, *range(-35, -31), -43, -88, -135, -301}


def failure(code: str, status: int = 400, **answer: Any) -> AwsError:
    """Return an error as AWS answers it."""
    return AwsError(code, status, answer)


def silence() -> AwsError:
    return AwsError("libcurl 28")


def sdk_failure(code: str) -> ClientError:
    """Return an error as boto3 raises it: mail and events go out by it."""
    return ClientError({"Error": {"Code": code, "Message": "not now"}}, "Operation")


def sdk_silence() -> ReadTimeoutError:
    return ReadTimeoutError(endpoint_url="https://aws")


def refuse(error: Exception, _: Call) -> Any:
    raise error


def twice(call: Call) -> Any:
    """The answer was lost, and the SDK sent the same request again."""
    call()
    return call()


READS = Troubles(
    error=partial(failure, "ProvisionedThroughputExceededException"),
    conflict=lambda call: refuse(failure("ThrottlingException"), call),
    timeout=silence,
    resent=twice,
)
WRITES = Troubles(
    error=partial(failure, "InternalServerError"),
    conflict=lambda call: refuse(failure("TransactionConflictException"), call),
    timeout=silence,
    resent=twice,
)


def transaction_troubles(size: int) -> Troubles:
    """Return the faults of DynamoDB's transactions.

    A conflict names the item. A request that is sent twice with one token counts once.
    """

    def conflict(_: Call) -> Any:
        reasons = [{"Code": "TransactionConflict"}] + [{"Code": "None"}] * (size - 1)
        raise failure("TransactionCanceledException", CancellationReasons=reasons)

    return Troubles(partial(failure, "InternalServerError"), conflict, silence, lambda call: call())


class Tables:
    """DynamoDB's client behind the gate."""

    def __init__(self, database: Database, gate: Gate) -> None:
        self.database = database
        self._gate = gate

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        method = getattr(self.database, operation)
        troubles = READS if operation in ("get_item", "batch_get_item", "query") else WRITES

        def call(**request: Any) -> Any:
            label = " ".join(filter(None, ("dynamodb", operation, request.get("IndexName"), _table(request))))
            return self._gate(label, lambda: method(**request), troubles)

        return call

    def query_many(self, requests: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Answer several queries, one after the other."""
        return [self.query(**each) for each in requests]

    def transact_write_items(self, **request: Any) -> Any:
        troubles = transaction_troubles(len(request["TransactItems"]))
        return self._gate("dynamodb transact stays", lambda: self.database.transact_write_items(**request), troubles)


def _table(request: Mapping[str, Any]) -> str:
    """Return the table of a request."""
    name: str = request.get("TableName") or next(iter(request["RequestItems"]))
    return name


def nonsense(call: Call) -> httpx.Response:
    """The service did its work, and a proxy on the way answered with an HTML page."""
    call()
    return httpx.Response(200, html="<html>502 Bad Gateway</html>")


class ZaloPay:
    """The real simulator without a network. Its ledger is the truth about money."""

    def __init__(self, gate: Gate, clock: Callable[[], float], serving: Callable[[], str]) -> None:
        self.serving = serving
        settings = Settings(clock=clock, callback_url="https://stays.example/callback", refund_seconds=5)
        self.app = create_app(settings)
        self.simulator = self.app.state.simulator
        self.mute = False
        self.deaf = 0  # number of calls that it does not receive
        self.hides_refunds = False  # it answers questions about a refund as if it knew none
        self.asked: list[tuple[str, str, float, str]] = []
        self._gate = gate
        self._troubles = Troubles(
            error=lambda: httpx.ConnectError("nobody there"),
            conflict=nonsense,
            timeout=lambda: httpx.ReadTimeout("no answer"),
            resent=lambda call: call(),
        )

    def forget(self) -> None:
        """Start an empty ZaloPay that never calls back by itself. The platform delivers its callbacks."""
        self.claimed: set[str] = set()  # orders about which query has given a false answer
        self.denied: list[tuple[str, float]] = []  # orders that it has called unpaid, and when
        self.simulator.forget()
        self.simulator.switch("callback_lost", True, "all")
        self.mute = False
        self.deaf = 0  # number of calls that it does not receive
        self.hides_refunds = False
        self.asked: list[tuple[str, str, float, str]] = []

    def post(self, path: str, json: Any) -> httpx.Response:
        """Answer a call of the functions' client."""
        return self._gate(f"zalopay {path}", lambda: self._answer(path, json), self._troubles)

    def _answer(self, path: str, content: Any) -> httpx.Response:
        if self.mute or self.deaf:
            self.deaf = max(0, self.deaf - 1)
            raise httpx.ConnectError("down")
        what = content.get("m_refund_id") or content["app_trans_id"]
        self.asked.append((path, what, self.simulator.settings.clock(), self.serving()))
        if path == "/v2/query_refund" and self.hides_refunds:
            return httpx.Response(200, json={"return_code": 2, "sub_return_code": -101})
        answer = asgi(self.app, path, json.dumps(content).encode())
        if path == "/v2/query" and answer.status_code == 200 and denies(answer.json()):
            self.denied.append((what, self.simulator.settings.clock()))
        return answer

    @property
    def orders(self) -> list[Order]:
        """Return all orders, oldest first."""
        return list(self.simulator.ledger.orders.values())

    def pay(self, order: Order, *, late: bool = False, again: bool = False, **promotion: Any) -> None:
        """Pay as the user; `again` adds a second transaction. Raises NotPossibleError for an order that is over."""
        simulator = self.simulator
        number = simulator._number(simulator.ledger.by_transaction)
        if again:
            order.pay_again(simulator.now(), number, **promotion)
        else:
            order.pay(simulator.now(), number, late=late, **promotion)
        simulator.keep(order)

    def callback(self, order: Order, *, again: bool = False, spelling: int = 0) -> bytes:
        """Return the callback of an order's payment, signed with ZaloPay's present key."""
        callbacks = self.simulator.callbacks
        payment = order.payments[-1] if again else order.first
        if not spelling:
            return json.dumps(callbacks._body(order, payment), separators=(",", ":")).encode()
        return spelled(callbacks._body(order, payment), spelling, callbacks.key2).content


def denies(answer: Mapping[str, Any]) -> bool:
    """Say whether this answer to a query means unpaid: it fails, and the cause is not the call."""
    said, code = answer.get("return_code"), answer.get("sub_return_code")
    return said is not None and int(said) == 2 and (code is None or int(code) not in OF_THE_CALL)


def asgi(app: Any, path: str, body: bytes) -> httpx.Response:
    """Send one request to an ASGI app that waits for nothing."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
    scope |= {"headers": headers, "http_version": "1.1", "scheme": "http", "server": ("zalopay", 80), "root_path": ""}
    running = app(scope, receive, send)
    try:
        running.send(None)
    except StopIteration:
        content = b"".join(message.get("body", b"") for message in sent)
        return httpx.Response(sent[0]["status"], content=content)
    running.close()
    raise RuntimeError("the simulator waits for something")


class Browsers(Management):
    """The functions' own client of the management API; it is also the wire, with the browsers at its other end."""

    def __init__(self, gate: Gate, sleep: Callable[[float], None]) -> None:
        self._gate, self._sleep = gate, sleep
        self._wire, self._unlimited, self.timeouts = self, Pace(), POSTING
        self.service, self._endpoint, self._token = "execute-api", "", ()
        self._troubles = Troubles(
            error=partial(failure, "ForbiddenException", 403),
            conflict=self._nonsense,
            timeout=silence,
            resent=twice,
        )
        self.forget()

    def forget(self) -> None:
        """Close all connections."""
        self.frames: dict[str, list[dict[str, Any]]] = {}
        self.owner: dict[str, str] = {}
        self.until: dict[str, str] = {}  # when the token expires
        self.since: dict[str, datetime] = {}  # when the browser was first told that it is subscribed
        self.gone: set[str] = set()
        self.free_at = datetime.min.replace(tzinfo=UTC)  # when the gateway takes the next message, where it is busy
        self.posts = 0

    @property
    def _pace(self) -> Pace:
        """A pace without a limit. It forgets every turn, because a restored world goes back in time."""
        self._unlimited._next = -inf
        return self._unlimited

    def run_all(self, works: Sequence[Work[Result]], _: int) -> list[Result]:
        """Do works one after the other."""
        return [self.run(each) for each in works]

    def run(self, work: Work[Result]) -> Result:
        """Do one work, as the wire does."""
        heard: Heard = None
        while True:
            try:
                step = work.send(heard)
            except StopIteration as end:
                result: Result = end.value
                return result
            heard = self._sleep(step) if isinstance(step, float) else self._answer(step)

    def _answer(self, request: Request) -> Heard:
        self.request, connection_id = request, unquote(request.url.rpartition("/")[2])
        try:
            if request.method == "DELETE":
                self._gate("browser end", lambda: self.gone.add(connection_id), self._troubles)
            else:
                self._gate("browser post", lambda: self._arrive(connection_id, request.body), self._troubles)
        except AwsError as error:
            code = json.dumps({"__type": error.code}).encode()
            return Answer(error.status, b"", code) if error.status else NoAnswer(error.code)
        return Answer(200, b"", b"")

    def _arrive(self, connection_id: str, data: bytes) -> None:
        if connection_id in self.gone or connection_id not in self.frames:
            raise failure("GoneException", 410)
        frame = json.loads(data)
        self.frames[connection_id].append(frame)
        if frame["type"] == "SUBSCRIBED":
            self.since.setdefault(connection_id, datetime.now(UTC))

    def _nonsense(self, call: Call) -> Any:
        call()
        raise failure("InternalServerError")


class Mail:
    """SES, and every user's mailbox."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._troubles = Troubles(
            error=partial(sdk_failure, "TooManyRequestsException"),
            conflict=lambda call: refuse(sdk_failure("LimitExceededException"), call),
            timeout=sdk_silence,
            resent=lambda call: call(),
        )
        self.forget()

    def forget(self) -> None:
        """Delete all mail."""
        self.sent: list[str] = []
        self.addressed: list[tuple[str, str]] = []  # the same with its address, as far as it was sent in this run
        self.silent = False  # every mail goes out, and no answer arrives
        self.refusing = False  # our sender is not verified
        self.stopped: set[str] = set()  # addresses of which the system knows that mail came back
        self.unwelcome: list[str] = []  # mail that went there all the same

    def send_email(self, **request: Any) -> dict[str, str]:
        """Send a mail."""
        return self._gate("mail send", lambda: self._take(request), self._troubles)

    def _take(self, request: Mapping[str, Any]) -> dict[str, str]:
        if self.refusing:
            raise sdk_failure("MessageRejected")
        raw: bytes = request["Content"]["Raw"]["Data"]
        (to,) = request["Destination"]["ToAddresses"]
        self.sent.append(message_id(raw))
        self.addressed.append((self.sent[-1], to))
        if to in self.stopped:
            self.unwelcome.append(self.sent[-1])
        if self.silent:
            raise sdk_silence()
        return {"MessageId": f"mail-{len(self.sent)}"}


def message_id(raw: bytes) -> str:
    """Return `<stay>.<kind>` of a mail; for an award a hash stands in place of the stay."""
    line = next(each for each in raw.split(b"\n") if each.lower().startswith(b"message-id:"))
    stay, kind, _ = line.decode().split("<")[1].split(".", 2)
    return f"{stay}.{kind}"


class Bus:
    """EventBridge: the published events."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.forget()

    def forget(self) -> None:
        """Delete all published events."""
        self.published: list[dict[str, Any]] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> Any:
        """Publish events."""
        troubles = Troubles(
            error=partial(sdk_failure, "ThrottlingException"),
            conflict=lambda _: self._take_all_but_one(Entries),
            timeout=sdk_silence,
            resent=twice,
        )
        return self._gate("bus put", lambda: self._take(Entries), troubles)

    def _take(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.published += entries
        return {"FailedEntryCount": 0, "Entries": [{"EventId": str(len(self.published))} for _ in entries]}

    def _take_all_but_one(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        """Return an answer that looks normal, but whose details say that one event was left out."""
        taken = self._take(entries[1:])["Entries"]
        return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "-"}, *taken]}


class Records:
    """S3: each record that a function puts aside."""

    def __init__(self, gate: Gate, keep: Callable[[dict[str, Any]], object]) -> None:
        self._gate = gate
        self._keep = keep

    def put(self, key: str, content: bytes) -> None:
        """Keep a record. It waits for the operator, like a dead letter."""
        troubles = Troubles(
            error=partial(failure, "InternalError"),
            conflict=lambda call: refuse(failure("SlowDown"), call),
            timeout=silence,
            resent=lambda call: call(),
        )
        self._gate("s3 put", lambda: self._keep(json.loads(content)), troubles)


class Secrets:
    """Secrets Manager."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._troubles = Troubles(
            error=partial(failure, "InternalServiceError"),
            conflict=lambda call: refuse(failure("ThrottlingException"), call),
            timeout=silence,
            resent=lambda call: call(),
        )
        self.forget()

    def forget(self) -> None:
        """Go back to the first keys."""
        self.held = {
            "zalopay-key1": {"current": KEY1},
            "zalopay-key2": {"current": KEY2},
            "email-key": {"current": "of the addresses"},
        }

    def get_secret_value(self, SecretId: str) -> dict[str, str]:
        """Read a secret."""
        return self._gate("secret get", lambda: {"SecretString": json.dumps(self.held[SecretId])}, self._troubles)
