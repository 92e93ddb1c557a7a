"""A stage in moto that can be lost and restored. The CDK's part is played by what its templates say."""

import io
import json
import logging
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3

from infra.aws.stage import ALIAS, CDK_JSON, Stage
from infra.operator.commands import Tools
from infra.restore.cloud import Cloud
from infra.restore.stage_file import StageFile
from infra.restore.steps import Plan, Restore
from infra.topology import FUNCTIONS, RULES, TABLES
from stays.aws.store import Store
from stays.edge.bus import publish
from stays.edge.connections import Connections
from stays.table.due_items import DueItems
from stays.table.effects import Effects
from stays.table.erasures import Erasures
from stays.table.operator_queries import OperatorQueries
from stays.table.sessions import Sessions
from stays.table.strays import Strays
from tests.conftest import client_of, create_table
from tests.integration.outside import AUDIENCE, CALLBACK, Neighbour, ZaloPay
from tests.integration.product import close, load
from tests.integration.tables import dynamodb
from tests.integration.world import AwsClients, World

SLUG = "stays-dev"
ITEMS = list[dict[str, Any]]


class Bus:
    """The event bus and its archive; moto's needs a package more."""

    def __init__(self) -> None:
        self.archive: list[dict[str, Any]] = []
        self.publisher = boto3.client("events")
        self.listen(self.publisher)

    def listen(self, client: Any) -> None:
        """Note what a client puts on the bus."""
        client.meta.events.register("before-call.events.PutEvents", self._note, unique_id="archive")

    def _note(self, params: Any, **_: Any) -> None:
        for each in json.loads(params["body"])["Entries"]:
            self.put(each["Source"], each["DetailType"], json.loads(each["Detail"]))

    def put(self, source: str, kind: str, detail: Any) -> dict[str, Any]:
        event = {"id": str(len(self.archive)), "time": datetime.now(UTC).isoformat(), "source": source}
        self.archive.append(event | {"detail-type": kind, "detail": detail})
        return self.archive[-1]


class Log(logging.Handler):
    """What the functions log, as CloudWatch would have it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.name, int(record.created * 1000), self.format(record)))


class Started:
    """The functions of a stage, each started when it is first called, once for each of its settings."""

    def __init__(self, simulator: ZaloPay, neighbour: Neighbour) -> None:
        self.log = Log()
        self.bus = Bus()
        self._modules: dict[tuple[str, str, bool], ModuleType] = {}
        self._settings = {
            "ZALOPAY_ENDPOINT": simulator.url,
            "CALLBACK_URL": neighbour.url + CALLBACK,
            "WEBSOCKET_ENDPOINT": neighbour.url,
            "JWT_ISSUER": neighbour.issuer.url,
            "JWT_AUDIENCE": AUDIENCE,
            "EVENT_BUS": SLUG,
        }

    def close(self) -> None:
        for module in self._modules.values():
            if hasattr(module, "zalopay_client"):
                module.zalopay_client._http.close()
            close(module)

    def get(self, name: str, table: str, *, closed: bool) -> ModuleType:
        key = name, table, closed and "MAINTENANCE" in FUNCTIONS[name].optional
        if key not in self._modules:
            own = {"POWERTOOLS_SERVICE_NAME": name, "STAYS_TABLE": table} | ({"MAINTENANCE": "true"} if key[2] else {})
            self._modules[key] = module = load(name, self._settings | own)
            if name == "fulfilment":
                self.bus.listen(module.events)
            self.log.setFormatter(module.logger.registered_formatter)
            if self.log not in logging.getLogger(name).handlers:
                module.logger.addHandler(self.log)
        return self._modules[key]


class _Functions(Mapping[str, ModuleType]):
    """The functions with one table, open or closed."""

    def __init__(self, started: Started, table: str, *, closed: bool) -> None:
        self._get = partial(started.get, table=table, closed=closed)

    def __getitem__(self, name: str) -> ModuleType:
        return self._get(name)

    def __iter__(self) -> Iterator[str]:
        return iter(FUNCTIONS)

    def __len__(self) -> int:
        return len(FUNCTIONS)


class EarlierState(Cloud):
    """What moto lacks: it restores the present state of a table only, and replays no archive here."""

    items: ITEMS
    drill: "Drill"

    def replay(self, rule: str, why: str, since: datetime, until: datetime) -> None:
        name, sqs = rule.rpartition("/")[2], client_of("sqs")
        pattern = json.loads(client_of("events").describe_rule(Name=name, EventBusName=SLUG)["EventPattern"])
        wanted = [each for each in self.drill.archive if all(each[name] in pattern[name] for name in pattern)]
        found = [each for each in wanted if since <= datetime.fromisoformat(each["time"]) < until]
        targets = client_of("events").list_targets_by_rule(Rule=name, EventBusName=SLUG)["Targets"]
        if not targets:
            self.drill.waiting += found
        for queue in (each["Arn"].rpartition(":")[2] for each in targets):
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            for event in found:
                sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))

    def restore(self, source: str, target: str, to: datetime) -> None:
        super().restore(source, target, to)
        known = {(item["PK"]["S"], item["SK"]["S"]): item for item in self.items}
        for item in dynamodb().scan(TableName=target)["Items"]:
            if (item["PK"]["S"], item["SK"]["S"]) not in known:
                dynamodb().delete_item(TableName=target, Key={"PK": item["PK"], "SK": item["SK"]})
        for item in self.items:
            dynamodb().put_item(TableName=target, Item=item)


class Drill(World):
    """The backend of a stage, which `restore` brings back. `while_closed` is called once it refuses orders."""

    table = SLUG

    def __init__(self, started: Started, zalopay: ZaloPay, neighbour: Neighbour, clock: Any, clients: AwsClients):
        create_table(client_of("dynamodb"), SLUG, TABLES["stays"])
        super().__init__(_Functions(started, SLUG, closed=False), zalopay, neighbour, clock, clients)
        self._started = started
        started.log.lines.clear()
        self._bus()
        self._lambda()
        self.while_closed: list[Callable[[], object]] = []
        self.deployed: list[tuple[str, ...]] = []
        self.exit_codes: list[int] = []

    def _bus(self) -> None:
        events = client_of("events")
        events.create_event_bus(Name=SLUG)
        pattern = {"source": ["auctions"], "detail-type": list(RULES[0].detail_types)}
        events.put_rule(Name="awards", EventBusName=SLUG, EventPattern=json.dumps(pattern))
        self.archive, self.waiting = self._started.bus.archive, list[dict[str, Any]]()
        self.archive.clear()

    def _lambda(self) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("payments.py", "")
        role = client_of("iam").create_role(RoleName="role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        client_of("lambda").create_function(
            FunctionName=f"{SLUG}-payments",
            Runtime="python3.13",
            Role=role,
            Handler="payments.handler",
            Code={"ZipFile": packed.getvalue()},
            Environment={"Variables": {"STAYS_TABLE": SLUG}},
        )
        self._alias(client_of("lambda").create_alias)

    def _alias(self, how: Callable[..., object]) -> None:
        name = f"{SLUG}-payments"
        version = client_of("lambda").publish_version(FunctionName=name)["Version"]
        how(FunctionName=name, Name=ALIAS, FunctionVersion=version)

    # The bus, as AWS delivers it

    def announce(self, detail: Any, kind: str = "AuctionResult", number: int = 1, **envelope: Any) -> dict[str, Any]:
        """Put an event on the bus, and let the awards get it."""
        self.waiting.append(self._started.bus.put("auctions", kind, detail))
        return self.hear()[-1]

    def hear(self) -> list[dict[str, Any]]:
        """Let the awards get what their rule lets through."""
        rule = client_of("events").describe_rule(Name="awards", EventBusName=SLUG)
        heard, self.waiting = self.waiting if rule["State"] == "ENABLED" else [], []
        return [self.functions["awards"].handler(each, self.context) for each in heard]

    # The loss and the way back

    def raw(self) -> ITEMS:
        """All items, in DynamoDB's JSON."""
        return list(self.dynamodb.scan(TableName=self.table)["Items"])

    def restore(self, folder: Path, to: datetime, items: ITEMS, **more: Any) -> Restore:
        """A restore with a copy of cdk.json. The lines of the functions are in CloudWatch by now."""
        path = folder / "cdk.json"
        if not path.exists():
            shutil.copy(CDK_JSON, path)
        self._write_logs()
        file = StageFile(path, "dev")
        cloud = EarlierState(boto3.Session(region_name="ap-southeast-1"), file.stage(), pause=lambda _: None, wait=0)
        cloud.items, cloud.drill = items, self
        return Restore(
            Plan(to, "linh", **more),
            file,
            cloud,
            cdk=partial(self._deploy, file),
            open_store=partial(Store, dynamodb()),
            open_tools=self._tools,
        )

    def _write_logs(self) -> None:
        logs = client_of("logs")
        for name in FUNCTIONS:
            group = f"/stays/dev/{name.replace('_', '-')}"
            if logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
                continue
            logs.create_log_group(logGroupName=group)
            logs.create_log_stream(logGroupName=group, logStreamName="1")
            told = sorted((at, text) for of, at, text in self._started.log.lines if of == name)
            lines = [{"timestamp": at, "message": text} for at, text in told]
            if lines:
                logs.put_log_events(logGroupName=group, logStreamName="1", logEvents=lines)

    def _tools(self, table: str) -> Tools:
        store = Store(dynamodb(), table)
        payments = self.functions["payments"]
        return Tools(
            sessions=Sessions(store, by="linh"),
            strays=Strays(store, by="linh"),
            effects=Effects(store),
            due_items=DueItems(store),
            queries=OperatorQueries(store, "linh"),
            erasures=Erasures(store, list, "linh"),
            connections=Connections(Store(dynamodb(), "connections")),
            zalopay=payments.zalopay(),
            keys=list,
            email_keys=list,
            publish=partial(publish, self._started.bus.publisher, SLUG),
        )

    def _deploy(self, file: StageFile, stack: str, *more: str) -> int:
        self.deployed.append((stack, *more))
        if code := self.exit_codes.pop(0) if self.exit_codes else 0:
            return code
        if stack.endswith("Backend"):
            self._point(file.stage())
        return 0

    def _point(self, stage: Stage) -> None:
        """Start the functions with the stage's settings. The clock and the rule stop in a closed stage."""
        closed, table = stage.maintenance, stage.table_name("stays")
        settings = {"STAYS_TABLE": table} | ({"MAINTENANCE": "true"} if closed else {})
        client_of("lambda").update_function_configuration(
            FunctionName=f"{SLUG}-payments", Environment={"Variables": settings}
        )
        self._alias(client_of("lambda").update_alias)
        events = client_of("events")
        (events.disable_rule if closed else events.enable_rule)(Name="awards", EventBusName=SLUG)
        self.functions = _Functions(self._started, table, closed=closed)
        if table != self.table:
            self.table, self._last = table, {}
            self._arn = self._stream()
        while closed and self.while_closed:
            self.while_closed.pop()()


def at_once() -> datetime:
    """The present second: a point in time is one."""
    return datetime.now(UTC).replace(microsecond=0)
