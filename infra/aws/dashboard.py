"""The dashboard: first the business, then the machine."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.aws.metrics import of_api, of_firewall, of_function, of_table, of_websocket, ours
from infra.topology import TABLES

# The graphs of the business, in this order: title, metrics, statistic.
GRAPHS = (
    ("From order to booking", ("OrdersCreated", "PaymentsRecorded", "Booked"), "Sum"),
    ("Paid without booking, or not known", ("PaidWithoutBooking", "StrayMoney", "Unresolved"), "Sum"),
    ("Money back", ("Cancelled", "RefundsDone", "RefundManual"), "Sum"),
    ("Due and overdue", ("Due", "Overdue"), "Maximum"),
    (
        "Callbacks: verified, bad MACs, rejected, not recorded, unreadable",
        ("CallbackVerified", "BadMac", "CallbackRejected", "CallbackNotRecorded", "UnreadableCallbacks"),
        "Sum",
    ),
    ("ZaloPay refusing or silent", ("ZaloPayRefused", "ZaloPaySilent"), "Sum"),
    (
        "Not delivered, not readable, not noted",
        (
            *("UnreachedConnections", "MailFailed", "MailWithoutAddress", "PresenceNotNoted"),
            *("RejectedEvents", "UnpublishedEvents", "UnreadableItems"),
        ),
        "Sum",
    ),
)
TODAY = ("OrdersCreated", "PaymentsRecorded", "Booked", "RefundsDone", "PaidWithoutBooking", "Overdue")
_THIRD = 8  # of the 24 columns


class Dashboard(Construct):
    """One page per stage, three graphs per row."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        alarms: Sequence[cloudwatch.IAlarm],
        functions: Mapping[str, lambda_.IFunction],
        consumers: Sequence[str],
        http_api: apigateway.HttpApi,
        websocket_stage: apigateway.WebSocketStage,
        dead_letters: Mapping[str, sqs.IQueue],
        tables: Mapping[str, dynamodb.ITableV2],
    ) -> None:
        super().__init__(scope, id_)
        self._page = cloudwatch.Dashboard(self, "Page", dashboard_name=name)
        self._page.add_widgets(
            cloudwatch.SingleValueWidget(
                title="In the time shown",
                width=24,
                height=3,
                set_period_to_time_range=True,
                metrics=[ours(name, each, "Maximum" if each == "Overdue" else "Sum") for each in TODAY],
            ),
        )
        self._page.add_widgets(cloudwatch.AlarmStatusWidget(title="Alarms", width=24, height=4, alarms=list(alarms)))
        self._rows([*_business(name), *_apis(http_api, websocket_stage)])
        self._rows([*_functions(functions, consumers), *_stores(dead_letters, tables)])

    def show_edge(self, acl: str, rules: Sequence[str]) -> None:
        """Add what the firewall of the edge refuses, by rule."""
        self._rows([_graph("Edge: refused", [of_firewall(acl, rule) for rule in rules])])

    def _rows(self, graphs: Sequence[cloudwatch.GraphWidget]) -> None:
        for first in range(0, len(graphs), 3):
            self._page.add_widgets(*graphs[first : first + 3])


def _graph(title: str, left: Sequence[cloudwatch.IMetric], **options: Any) -> cloudwatch.GraphWidget:
    axis = cloudwatch.YAxisProps(min=0, show_units=False)
    return cloudwatch.GraphWidget(title=title, width=_THIRD, height=6, left=list(left), left_y_axis=axis, **options)


def _business(name: str) -> list[cloudwatch.GraphWidget]:
    period = Duration.minutes(5)
    graphs = [
        _graph(title, [ours(name, metric, statistic, period) for metric in metrics])
        for title, metrics, statistic in GRAPHS
    ]
    pushes = [ours(name, "CallbackToPush", statistic, period) for statistic in ("p50", "p95", "Maximum")]
    graphs.insert(2, _graph("Seconds from callback to push", pushes))
    return graphs


def _apis(http_api: apigateway.HttpApi, stage: apigateway.WebSocketStage) -> list[cloudwatch.GraphWidget]:
    http = [of_api(http_api, name) for name in ("Count", "4xx", "5xx")]
    latency = [of_api(http_api, "Latency", statistic) for statistic in ("p50", "p95", "p99")]
    websocket = [of_websocket(stage, name) for name in ("ConnectCount", "MessageCount", "IntegrationError")]
    return [
        _graph("HTTP: calls and errors", http),
        _graph("HTTP: milliseconds", latency),
        _graph("WebSocket: connections, messages, errors", websocket),
    ]


def _functions(functions: Mapping[str, lambda_.IFunction], consumers: Sequence[str]) -> list[cloudwatch.GraphWidget]:
    def each(metric: str, statistic: str = "Sum", names: Sequence[str] = tuple(functions)) -> list[cloudwatch.IMetric]:
        return [of_function(functions[name], metric, statistic).with_(label=name) for name in names]

    return [
        _graph("Functions: calls", each("Invocations")),
        _graph("Functions: milliseconds, p95", each("Duration", "p95")),
        _graph("Functions: errors", each("Errors")),
        _graph("Functions: throttled", each("Throttles")),
        _graph("Functions: at once", each("ConcurrentExecutions", "Maximum")),
        _graph("Stream: milliseconds behind", each("IteratorAge", "Maximum", consumers)),
    ]


def _stores(
    dead_letters: Mapping[str, sqs.IQueue], tables: Mapping[str, dynamodb.ITableV2]
) -> list[cloudwatch.GraphWidget]:
    waiting = [
        queue.metric_approximate_number_of_messages_visible(label=edge, statistic="Maximum")
        for edge, queue in dead_letters.items()
    ]
    used = [
        table.metric(f"Consumed{kind}CapacityUnits", label=f"{name}: {kind.lower()}", statistic="Sum")
        for name, table in tables.items()
        for kind in ("Read", "Write")
    ]
    return [
        _graph("Dead letters", waiting),
        _graph("Tables: capacity used", used),
        _graph("Tables: throttled", [of_table(name, table, TABLES[name].indexes) for name, table in tables.items()]),
    ]
