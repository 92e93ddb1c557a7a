"""The stack without data, which can be rebuilt: layers, functions, both APIs, their triggers and the monitoring."""

import json
from pathlib import Path

from aws_cdk import Annotations, AssetHashType, CfnOutput, Environment, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ses as ses
from constructs import Construct

from infra.aws.access import Resources, connection_arns, object_arns, statements
from infra.aws.acknowledged import acknowledge, wildcard
from infra.aws.boundary import bound
from infra.aws.budget import limit_cost
from infra.aws.data_stack import DataStack
from infra.aws.distribution import Distribution
from infra.aws.edge_stack import RULES
from infra.aws.events import Events
from infra.aws.function import LiveFunction, Program
from infra.aws.http_api import HttpApi
from infra.aws.layers import Layer, code_layer, dependency_layer, simulator_layer
from infra.aws.monitoring import Monitoring
from infra.aws.simulator_api import SimulatorApi
from infra.aws.stage import ZALOPAY_ENDPOINTS, NamedTable, Stage
from infra.aws.websocket_api import WebSocketApi
from infra.topology import CONSUMERS, EDGE_SECRET, FUNCTIONS, PREFIX, TABLES

_ROOT = Path(__file__).resolve().parents[2]


class BackendStack(Stack):
    """The same functions and the same topology as in the local run."""

    def __init__(self, scope: Construct, stage: Stage, data: DataStack, env: Environment, *, new: bool = False) -> None:
        super().__init__(
            scope,
            f"Stays-{stage.name}-Backend",
            env=env,
            termination_protection=stage.protected and not new,
            tags={"stays:stage": stage.name},
            description=f"Stays {stage.name}: functions, APIs and alarms.",
        )
        self._stage = stage
        self._data = data
        self._tables = data.tables | self._restored_tables()
        for number, doubt in enumerate(stage.doubts()):
            Annotations.of(self).add_warning_v2(f"stays:quota-{number}", f"Stage {stage.name}: {doubt}.")
        self._common = {"POWERTOOLS_METRICS_NAMESPACE": f"Stays-{stage.name}", "LOG_LEVEL": "INFO"}
        self._layers = [self._layer(code_layer()), self._layer(dependency_layer())]
        self.http = HttpApi(self, stage)
        self.websocket = WebSocketApi(self, stage)
        self.events = Events(self, stage)
        self.simulator = SimulatorApi(self, stage) if stage.zalopay == "simulator" else None
        zalopay_keys = self.simulator.secrets if self.simulator else data.secrets
        self.secrets = {**zalopay_keys, "EMAIL_KEY_SECRET": data.email_key}
        self.edge = Distribution(self, stage, self.http.host, self.websocket.host) if stage.edge else None
        if self.edge:
            self.secrets[EDGE_SECRET] = self.edge.secret
        self.functions = self._functions()
        self.http_stage = self.http.serve(self.functions)
        self.websocket_stage = self.websocket.serve(self.functions)
        self.events.serve(self.functions, self._tables, data.bus, data.records)
        self._report_on_mail()
        self._simulate()
        self._watch()
        limit_cost(self, stage)
        bound(self)
        self._add_outputs()

    def _restored_tables(self) -> dict[str, dynamodb.ITableV2]:
        """Return the restored tables by their names.

        An export of the data stack could not change while this stack uses it. So this stack is deployed first.
        """
        return {name: self._restored(name, named) for name, named in self._stage.tables.items()}

    def _restored(self, name: str, named: NamedTable) -> dynamodb.ITableV2:
        arn = self.format_arn(service="dynamodb", resource="table", resource_name=named.name)
        return dynamodb.TableV2.from_table_attributes(
            self,
            f"Restored-{name}",
            table_arn=arn,
            table_stream_arn=f"{arn}/stream/{named.stream}" if named.stream else None,
            global_indexes=list(TABLES[name].indexes),
        )

    def _layer(self, layer: Layer) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            f"Layer-{layer.name}",
            code=lambda_.Code.from_asset(
                str(layer.path), asset_hash=layer.fingerprint, asset_hash_type=AssetHashType.CUSTOM
            ),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )

    def _functions(self) -> dict[str, lambda_.Alias]:
        resources = Resources(
            stack=self,
            tables=self._tables,
            secrets=self.secrets,
            bus=self._data.bus,
            records=self._data.records_name,
            websocket_api_id=self.websocket.api.api_id,
            mail_sender=self._stage.mail_sender,
            mail_configuration=self._stage.slug,
        )
        settings = self._settings()
        why = "Connections exist at run time only; the API, its stage and the methods are named."
        arns = connection_arns(self, resources.websocket_api_id)
        acknowledge(self, {wildcard(self, arn): why for arn in arns})
        kept = "A record's time and number are part of its key; the bucket and the folder are named."
        acknowledge(self, {wildcard(self, arn): kept for arn in object_arns(self, resources.records)})
        return {name: self._function(name, settings, resources) for name in FUNCTIONS}

    def _function(self, name: str, settings: dict[str, str], resources: Resources) -> lambda_.Alias:
        function = FUNCTIONS[name]
        environment = function.choose_settings(settings)
        program = Program(
            code=one_file("functions", f"{name}.py"),
            handler=f"{name}.handler",
            layers=self._layers,
            environment=environment | self._common | {"POWERTOOLS_SERVICE_NAME": name},
        )
        return LiveFunction(
            self,
            name,
            self._stage,
            function,
            program=program,
            allowed=statements(name, function, resources),
            dead_letters=self.events.dead_letters.get(name),
            delivery=self.events.delivery(name),
        ).alias

    def _settings(self) -> dict[str, str]:
        """Return all settings; each function gets those that the topology lists for it."""
        stage, tables = self._stage, self._tables
        return {
            "STAYS_TABLE": tables["stays"].table_name,
            "CONNECTIONS_TABLE": tables["connections"].table_name,
            "FRONTEND_URL": stage.frontends[0],
            "API_URL": self.http.url,
            "CALLBACK_URL": self.http.callback_url,
            "ZALOPAY_ENDPOINT": self.simulator.url if self.simulator else ZALOPAY_ENDPOINTS[stage.zalopay],
            "ZALOPAY_APP_ID": str(stage.zalopay_app_id),
            **{setting: secret.secret_arn for setting, secret in self.secrets.items()},
            "WEBSOCKET_ENDPOINT": self.websocket.endpoint,
            "WEBSOCKET_IDENTITY": stage.websocket_identity,
            "ALLOWED_ORIGINS": ",".join(stage.frontends),
            "JWT_ISSUER": stage.issuer,
            "JWT_AUDIENCE": stage.audience,
            "MAIL_SENDER": stage.mail_sender,
            "MAIL_CONFIGURATION": stage.slug,
            "MAIL_PAGES": json.dumps(stage.mail_pages),
            "MAILS_OFF": json.dumps(stage.mails_off),
            "EVENT_BUS": self._data.bus.event_bus_name,
            "RECORDS_BUCKET": self._data.records_name,
            "REFUND_POLICY": json.dumps(stage.refund_policy),
            **({"LEGACY_API_URL": stage.legacy_api_url} if stage.legacy_api_url else {}),
            "PARTIAL_WIN_PAGE": json.dumps(stage.partial_win_page),
            **({"MAINTENANCE": "true"} if stage.maintenance else {}),
            **stage.peak.rates(stage.request_quota, stage.mails_per_second),
        }

    def _simulate(self) -> None:
        if self.simulator:
            layers = [self._layer(simulator_layer()), self._layers[1]]
            self.simulator.serve(one_file("infra/zalopay_simulator/on_lambda", "handler.py"), layers, self._common)

    def _report_on_mail(self) -> None:
        """Let SES report mail that came back, and complaints, on AWS's own bus: the only one that it can use."""
        made = ses.ConfigurationSet(self, "Mail", configuration_set_name=self._stage.slug)
        made.add_event_destination(
            "Bus",
            destination=ses.EventDestination.event_bus(events.EventBus.from_event_bus_name(self, "AwsBus", "default")),
            events=[ses.EmailSendingEvent.BOUNCE, ses.EmailSendingEvent.COMPLAINT],
        )

    def _watch(self) -> None:
        self.monitoring = Monitoring(
            self,
            "Monitoring",
            name=f"Stays-{self._stage.name}",
            address=self._stage.alarm_address,
            functions=self.functions,
            consumers=[consumer.function for consumer in CONSUMERS],
            http_api=self.http.api,
            websocket_stage=self.websocket_stage,
            dead_letters={**self.events.dead_letters, "stream": self._data.records_queue},
            tables=self._tables,
        )
        if self._stage.edge:
            self.monitoring.dashboard.show_edge(self._stage.slug, RULES)

    def _add_outputs(self) -> None:
        """Add the outputs. Their ids allow only letters and digits, so the descriptions carry the real names."""
        outputs = {
            "NextPublicApiUrl": (self.http.url, "NEXT_PUBLIC_API_URL of the frontend"),
            "NextPublicWsUrl": (self.websocket.url, "NEXT_PUBLIC_WS_URL of the frontend"),
            "ZaloPayCallbackUrl": (self.http.callback_url, "The callback to register with ZaloPay"),
            "AlarmTopic": (self.monitoring.topic.topic_arn, "Where alarms go; its subscription has to be confirmed"),
        }
        target = self.edge.target if self.edge else self.http.domain_target
        if target:
            outputs["DomainTarget"] = (target, "Where the domain's CNAME or alias has to point")
        if self.edge:
            outputs["DirectApiUrl"] = (f"https://{self.http.host}{PREFIX}", "The API behind the edge; it refuses calls")
            outputs["DirectWsUrl"] = (f"wss://{self.websocket.host}", "The WebSocket behind the edge; it refuses calls")
        if self.simulator:
            outputs["SimulatorUrl"] = (self.simulator.url, "Where orders are paid that nobody pays for")
        for name, (value, description) in outputs.items():
            CfnOutput(self, name, value=value, description=description)


def one_file(folder: str, name: str) -> lambda_.Code:
    """Return an asset that holds only this file."""
    return lambda_.Code.from_asset(str(_ROOT / folder), exclude=["*", f"!{name}"])
