"""The whole backend in one process: events come in as AWS sends them, and effects are read where they are stored."""

import json
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from types import ModuleType
from typing import Any, NamedTuple

import boto3

from infra.local.events import Request, http_answer, http_event
from infra.local.filters import matches
from infra.local.routing import route_for, route_key
from infra.topology import CONSUMERS, ROUTES, SCHEDULES, TABLES
from stays.aws.attributes import from_attributes
from stays.aws.client import DynamoDB, JsonClient
from stays.table.keys import MAIL_ITEMS
from tests.conftest import client_of, create_table
from tests.integration.browser import Socket
from tests.integration.described import check
from tests.integration.messages import AGENT, HOME, MAI, NIGHTS, PRICE, auction_result, second_chance
from tests.integration.outside import Neighbour, ZaloPay
from tests.integration.product import Context


class AwsClients(NamedTuple):
    """The tests' own clients for the tables, the stream and the mail."""

    dynamodb: DynamoDB
    streams: JsonClient
    mail: Any


class Streams(JsonClient):
    """The API of DynamoDB's streams."""

    host = "streams.dynamodb"
    variable = "AWS_ENDPOINT_URL_DYNAMODB_STREAMS"
    target = "DynamoDBStreams_20120810"
    kind = "x-amz-json-1.0"


def aws_clients() -> AwsClients:
    """Clients for moto."""
    return AwsClients(DynamoDB(), Streams(), boto3.client("sesv2"))


class Reply(NamedTuple):
    """An answer as the browser gets it."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        return self.body["error"]["code"]

    @property
    def details(self) -> dict[str, Any]:
        return self.body["error"]["details"]

    @property
    def fields(self) -> list[str]:
        return [each["field"] for each in self.details["fields"]]


class World:
    """The backend of one test. `clock` moves its time, which also goes on by itself."""

    table = "stays"

    def __init__(
        self,
        functions: Mapping[str, ModuleType],
        zalopay: ZaloPay,
        neighbour: Neighbour,
        clock: Any,
        aws_clients: AwsClients,
    ):
        self.functions = functions
        self.zalopay = zalopay
        self.neighbour = neighbour
        self.clock = clock
        self.context = Context()
        self.keeps_award_mail = False  # otherwise the mail about an announced award counts as sent long ago
        self.dynamodb, self._streams, self.mail = aws_clients
        self.mail.create_email_identity(EmailIdentity="stays.example")
        self._arn = self._stream()
        self._last: dict[str, str] = {}
        self._told: list[dict[str, dict[str, str]]] = []  # keys of mails that count as sent before the test
        self._sockets = count(1)

    def _stream(self) -> str:
        return self.dynamodb.ask("DescribeTable", {"TableName": self.table})["Table"]["LatestStreamArn"]

    def begin_anew(self):
        """Begin with an empty table. moto copies the whole table and its stream for each transaction."""
        self.dynamodb.ask("DeleteTable", {"TableName": "stays"})
        create_table(client_of("dynamodb"), "stays", TABLES["stays"])
        self._arn, self._last = self._stream(), {}

    # HTTP

    def http(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        sub: str | None = MAI,
        raw: bytes | None = None,
        address: str = HOME,
        agent: str = AGENT,
        kind: str = "application/json",
        query: str = "",
        header: tuple[str, str] | None = None,
        **claims: Any,
    ) -> Reply:
        """Send a request through the gateway's routes to its function. `raw` is sent as it is."""
        content = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
        headers = (("host", "localhost:8000"), ("user-agent", agent), ("content-type", kind))
        headers += (header,) if header else ()
        request = Request(method, f"/api/v1{path}", query, headers, content, address)
        found = route_for(ROUTES, method, request.path)
        assert found
        event = http_event(
            request,
            route_key=route_key(found[0]),
            path_parameters=found[1],
            claims=None if sub is None or found[0].public else {"sub": sub, **claims},
            request_id="request-1",
            now=datetime.now(UTC),
        )
        function = self.functions[found[0].function]
        answer = http_answer(function.handler(event, self.context))
        named = dict(answer.headers)
        is_json = named["content-type"] == "application/json"
        body = json.loads(answer.body) if is_json and answer.body else answer.body.decode()
        if is_json and answer.body and not getattr(function, "LEGACY_API_URL", ""):  # its answers are passed on
            check(found[0], answer.status, body)
        return Reply(answer.status, body, named)

    def create(self, nights: Iterable[str] = NIGHTS, amount: int | None = None, **how: Any) -> Reply:
        """Press the pay button."""
        nights = list(nights)
        auction_id = how.pop("auction_id", "1001")
        request = {
            "auctionId": auction_id,
            "selectedNights": nights,
            "amount": PRICE * len(nights) if amount is None else amount,
            "orderInfo": "Booking for a house",
        }
        return self.http("POST", "/payment/zalopay/create", request, **how)

    def buy(self, nights: Iterable[str] = NIGHTS, amount: int | None = None, **how: Any) -> dict[str, Any]:
        """Press the pay button and pay. Returns the order; ZaloPay's callback has arrived."""
        made = self.create(nights, amount, **how).body
        self.zalopay.pay(made["appTransId"])
        return made

    def created(self, **how: Any) -> dict[str, Any]:
        """Announce an award, and press the pay button as Mai. Returns the answer."""
        self.announce(auction_result())
        reply = self.create(**how)
        assert reply.status == 200, reply.body
        return reply.body

    def apart(self, *nights: str) -> list[str]:
        """Announce an award for each night, of an auction with the night as id, and open orders. Returns the orders."""
        for night in nights:
            self.announce(auction_result(auctionId=night, nights=[night]))
        return [self.create([night], auction_id=night).body["appTransId"] for night in nights]

    def paid(self) -> dict[str, Any]:
        """Announce an award and pay; the browser has read the booking. Returns the session as its owner reads it."""
        self.announce(auction_result())
        made = self.buy(email="mai@example.com", name="Mai")
        assert self.http("GET", f"/payment/{made['sessionId']}/booking").status == 200
        return self.session(made["sessionId"])

    def session(self, session_id: str, **how: Any) -> dict[str, Any]:
        """The session as its owner reads it."""
        reply = self.http("GET", f"/payment/sessions/{session_id}", **how)
        assert reply.status == 200, reply.body
        return reply.body

    def status(self, app_trans_id: str, **how: Any) -> dict[str, Any]:
        """The status as the page polls it."""
        reply = self.http("GET", f"/payment/zalopay/status/{app_trans_id}", **how)
        assert reply.status == 200, reply.body
        return reply.body

    def call_back(self, body: str | bytes, **how: Any) -> int:
        """Send a callback with this body. Returns the `return_code`."""
        raw = body.encode() if isinstance(body, str) else body
        reply = self.http("POST", "/payment/zalopay/callback", raw=raw, **how)
        assert reply.status == 200
        return reply.body["return_code"]

    # The bus, the clock, the stream

    def announce(self, detail: Any, kind: str = "AuctionResult", number: int = 1, **envelope: Any) -> dict[str, Any]:
        """Publish an event. A repeated event has the same number."""
        event = {
            "version": "0",
            "id": f"0b1e7d62-0000-4000-8000-{number:012}",
            "detail-type": kind,
            "source": "auctions",
            "account": "000000000000",
            "time": "2027-03-01T03:00:00Z",
            "region": "ap-southeast-1",
            "resources": [],
            "detail": detail,
            **envelope,
        }
        answer = self.functions["awards"].handler(event, self.context)
        for mail in () if self.keeps_award_mail else self.mails(awardId=answer.get("awardId", "")):
            key = {name: {"S": mail[name]} for name in ("PK", "SK")}
            self.dynamodb.delete_item(TableName="stays", Key=key)
            self._told.append(key)
        return answer

    def offer(self, **changes: Any) -> dict[str, Any]:
        """Publish a second-chance offer."""
        return self.announce(second_chance(**changes), "SecondChanceOffer")

    def tick(self, context: Context | None = None) -> dict[str, int]:
        """Run a round of the clock."""
        event = {"version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "scheduler", "time": "-"}
        return self.functions[SCHEDULES[0].function].handler(event, context or self.context)

    def after(self, **duration: float) -> dict[str, int]:
        """Move the time, then run a round of the clock."""
        self.clock.shift(timedelta(**duration))
        return self.tick()

    def records(self) -> list[dict[str, Any]]:
        """The records of the stream of `stays` since the last call."""
        found = []
        for shard in self._streams.ask("DescribeStream", {"StreamArn": self._arn})["StreamDescription"]["Shards"]:
            where = {"StreamArn": self._arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            if last := self._last.get(shard["ShardId"]):
                where |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": last}
            iterator = self._streams.ask("GetShardIterator", where)["ShardIterator"]
            fresh = self._streams.ask("GetRecords", {"ShardIterator": iterator})["Records"]
            if fresh:
                self._last[shard["ShardId"]] = fresh[-1]["dynamodb"]["SequenceNumber"]
            found += fresh
        found = [each for each in found if each["dynamodb"]["Keys"] not in self._told]
        for record in found:
            record["eventSourceARN"] = self._arn
            record["dynamodb"]["ApproximateCreationDateTime"] = int(time.time())
        return found

    def deliver(self, records: list[dict[str, Any]] | None = None) -> dict[str, list[str]]:
        """Deliver records to the consumers in batches. Returns the records to retry, by function."""
        records = self.records() if records is None else records
        failed: dict[str, list[str]] = {}
        for consumer in CONSUMERS:
            wanted = [each for each in records if any(matches(pattern, each) for pattern in consumer.filters)]
            failed[consumer.function] = []
            for begin in range(0, len(wanted), consumer.batch_size):
                event = {"Records": wanted[begin : begin + consumer.batch_size]}
                answer = self.functions[consumer.function].handler(event, self.context)
                failed[consumer.function] += [each["itemIdentifier"] for each in answer["batchItemFailures"]]
        return failed

    # Stored items

    def items(self, table: str | None = None, **wanted: Any) -> list[dict[str, Any]]:
        """All items of a table with these attributes."""
        found = map(from_attributes, self.dynamodb.scan(TableName=table or self.table, ConsistentRead=True)["Items"])
        shown = [each for each in found if all(each.get(name) == value for name, value in wanted.items())]
        return sorted(shown, key=lambda item: (item["PK"], item["SK"]))

    def item(self, **wanted: Any) -> dict[str, Any]:
        """The one item with these attributes."""
        (found,) = self.items(**wanted)
        return found

    def mails(self, **wanted: Any) -> list[dict[str, Any]]:
        """All mails with these attributes."""
        return [item for kind in MAIL_ITEMS for item in self.items(kind=kind, **wanted)]

    def nights(self) -> dict[str, str]:
        """The taken nights, with their state."""
        return {item["SK"].removeprefix("NIGHT#"): item["state"] for item in self.items(kind="NIGHT")}

    def standing(self, stay_id: str) -> dict[str, Any]:
        """A session as it is stored, also before its owner was told."""
        return self.item(kind="SESSION", id=stay_id)

    def told(self, stay_id: str) -> list[str]:
        """The names of the events in a stay's timeline."""
        return [item["what"] for item in self.items(kind="EVENT", PK=f"STAY#{stay_id}")]

    def statuses(self) -> dict[str, str]:
        """The status of every award and offer, by its user."""
        return {item["userId"]: item["status"] for item in self.items() if item["kind"] in ("AWARD", "OFFER")}

    # Sockets

    def token(self, sub: str = MAI, **changes: Any) -> str:
        """Make a token of the issuer."""
        return self.neighbour.issuer.token(sub, **changes)

    def socket(self, mode: str = "bound", **how: Any) -> Socket:
        """Connect as a browser."""
        return Socket(self.functions[f"connections_{mode}"], self.neighbour, f"socket-{next(self._sockets)}=", **how)
