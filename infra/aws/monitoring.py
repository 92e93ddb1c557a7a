"""The monitoring of the backend: one alarm for each condition that needs a person, and the topic that notifies them."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.aws.acknowledged import acknowledge
from infra.aws.alarms import BUSINESS, COMPARISONS, HEARTBEAT
from infra.aws.dashboard import Dashboard
from infra.aws.metrics import filled, of_api, of_function, of_functions, of_table, of_websocket, ours
from infra.topology import TABLES

_AT_OR_ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
_BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
_QUIET = cloudwatch.TreatMissingData.NOT_BREACHING
_WORRYING = cloudwatch.TreatMissingData.BREACHING


class Monitoring(Construct):
    """The dashboard, the alarms and the topic that the alarms notify.

    `name` is the stage's name for all of this and the namespace of the functions' own metrics. `functions` maps the
    topology's names to aliases, not to the functions behind them. `dead_letters` maps each asynchronous trigger to its
    queue.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        address: str | None,
        functions: Mapping[str, lambda_.IFunction],
        consumers: Sequence[str],
        http_api: apigateway.HttpApi,
        websocket_stage: apigateway.WebSocketStage,
        dead_letters: Mapping[str, sqs.IQueue],
        tables: Mapping[str, dynamodb.ITableV2],
    ) -> None:
        super().__init__(scope, id_)
        self._name = name
        # A link, if `runbook` in cdk.json gives the repository's address.
        self._runbook = self.node.try_get_context("runbook") or "docs/runbook.md"
        self.topic = _topic(self, name, address)
        self.alarms: list[cloudwatch.Alarm] = []
        self._watch_business(functions)
        self._watch_functions(functions, consumers)
        self._watch_apis(http_api, websocket_stage)
        self._watch_dead_letters(dead_letters)
        self._watch_tables(tables)
        self.dashboard = Dashboard(
            self,
            "Dashboard",
            name=name,
            alarms=self.alarms,
            functions=functions,
            consumers=consumers,
            http_api=http_api,
            websocket_stage=websocket_stage,
            dead_letters=dead_letters,
            tables=tables,
        )

    def _watch_business(self, functions: Mapping[str, lambda_.IFunction]) -> None:
        for alarm in BUSINESS:
            metric = ours(self._name, alarm.metric, alarm.statistic, Duration.minutes(alarm.minutes))
            self._alarm(
                alarm.name,
                alarm.name,
                alarm.means,
                metric,
                threshold=alarm.threshold,
                windows=alarm.windows,
                over=alarm.over,
            )
        for comparison in COMPARISONS:
            reads = {name: self._named(of, functions) for name, of in comparison.reads.items()}
            compared = filled(comparison.formula, reads, comparison.name, Duration.minutes(comparison.minutes))
            section = comparison.section or comparison.name
            self._alarm(
                comparison.name, section, comparison.means, compared, windows=comparison.windows, over=comparison.over
            )
        self._watch_clock()

    def _named(self, of: str, functions: Mapping[str, lambda_.IFunction]) -> cloudwatch.Metric:
        """Return one of our own metrics, or a metric of a function: `function.Metric`."""
        function, dot, metric = of.partition(".")
        return of_function(functions[function], metric) if dot else ours(self._name, of)

    def _watch_clock(self) -> None:
        """Create the alarm on the heartbeat. FILL lets the minutes without a round count at once.

        CloudWatch would first look at older rounds.
        """
        minute = Duration.minutes(HEARTBEAT.minutes)
        rounds = {"rounds": ours(self._name, HEARTBEAT.metric, HEARTBEAT.statistic, minute)}
        self._alarm(
            HEARTBEAT.name,
            HEARTBEAT.name,
            HEARTBEAT.means,
            filled("{rounds}", rounds, HEARTBEAT.name, minute),
            threshold=HEARTBEAT.threshold,
            windows=HEARTBEAT.windows,
            over=HEARTBEAT.over,
            comparison_operator=_BELOW,
            treat_missing_data=_WORRYING,
        )

    def _watch_functions(self, functions: Mapping[str, lambda_.IFunction], consumers: Sequence[str]) -> None:
        for name, function in functions.items():
            means = f"{name} ended without an answer: a crash, a time-out or no memory."
            self._alarm(f"errors-{name}", "errors", means, of_function(function, "Errors"))
        throttled = of_functions(functions, "Throttles")
        means = "Functions are called more often than they may run."
        self._alarm("throttled", "throttled", means, throttled, windows=12, over=2)
        for name in consumers:
            means = f"{name} is more than a minute behind the table's stream."
            age = of_function(functions[name], "IteratorAge", "Maximum")
            self._alarm(f"iterator-age-{name}", "iterator-age", means, age, threshold=60_000, windows=3, over=2)

    def _watch_apis(self, http_api: apigateway.HttpApi, websocket_stage: apigateway.WebSocketStage) -> None:
        """Create the alarms on failed calls: five in five minutes, or fewer that matter on a quiet stage.

        For HTTP that is a fiftieth of the calls. The WebSocket API counts refused connections as failed, too, which a
        stranger can make: there, only a call that did not reach the function matters.
        """
        http = {"failed": of_api(http_api, "5xx"), "calls": of_api(http_api, "Count")}
        share = "IF({failed} >= 5 OR ({failed} >= 1 AND {failed} * 50 >= {calls}), 1, 0)"
        self._watch_api("http", "The HTTP API answers 5xx.", share, http)
        names = {"failed": "IntegrationError", "broken": "ExecutionError"}
        websocket = {name: of_websocket(websocket_stage, metric) for name, metric in names.items()}
        self._watch_api("websocket", "The WebSocket API fails.", "IF({failed} >= 5 OR {broken} >= 1, 1, 0)", websocket)

    def _watch_api(self, api: str, means: str, formula: str, metrics: Mapping[str, cloudwatch.IMetric]) -> None:
        failing = filled(formula, metrics, api, Duration.minutes(5))
        self._alarm(f"server-errors-{api}", "server-errors", means, failing, windows=72, over=2)

    def _watch_dead_letters(self, queues: Mapping[str, sqs.IQueue]) -> None:
        for edge, queue in queues.items():
            means = f"Something meant for {edge} was given up after all retries and waits in its queue."
            waiting = queue.metric_approximate_number_of_messages_visible(
                statistic="Maximum", period=Duration.minutes(5)
            )
            self._alarm(f"dead-letters-{edge}", "dead-letters", means, waiting)

    def _watch_tables(self, tables: Mapping[str, dynamodb.ITableV2]) -> None:
        for name, table in tables.items():
            means = f"The table {name} takes no more requests for now."
            refused = of_table(name, table, TABLES[name].indexes)
            self._alarm(f"table-throttled-{name}", "table-throttled", means, refused, windows=12, over=2)

    def _alarm(
        self,
        name: str,
        section: str,
        means: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: float = 1,
        windows: int = 1,
        over: int = 1,
        **options: Any,
    ) -> None:
        """Create an alarm. Its text says what it means and where to read on; it also notifies when it is over."""
        chosen = {"comparison_operator": _AT_OR_ABOVE, "treat_missing_data": _QUIET} | options
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{self._name}-{name}",
            alarm_description=f"{means} What to do: {self._runbook}#{section}",
            metric=metric,
            threshold=threshold,
            evaluation_periods=windows,
            datapoints_to_alarm=over,
            **chosen,
        )
        action = actions.SnsAction(self.topic)
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)
        self.alarms.append(alarm)


def _topic(scope: Construct, name: str, address: str | None) -> sns.Topic:
    """Create the topic for alarms.

    Our own policy removes the topic's default permissions, so it must allow CloudWatch to publish.
    """
    topic = sns.Topic(scope, "Alarms", display_name=f"{name} alarms", enforce_ssl=True)
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            sid="AlarmsSpeak",
            actions=["sns:Publish"],
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            resources=[topic.topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}},
        )
    )
    if address:
        topic.add_subscription(subscriptions.EmailSubscription(address))
        undelivered = "A queue for alarms that found nobody would need an alarm itself; the dashboard shows them too."
        acknowledge(topic, {"Serverless::Serverless-SNSRedrivePolicy": undelivered})
    return topic
