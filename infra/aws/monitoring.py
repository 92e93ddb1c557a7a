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
from infra.aws.alarms import BUSINESS, HEARTBEAT, Alarm
from infra.aws.dashboard import Dashboard
from infra.aws.metrics import of_api, of_function, of_functions, of_table, of_websocket, ours

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
        self._watch_business()
        self._watch_functions(functions, consumers)
        self._watch_apis(http_api, websocket_stage)
        self._watch_dead_letters(dead_letters)
        self._watch_tables(tables)
        Dashboard(
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

    def _watch_business(self) -> None:
        for alarm in BUSINESS:
            self._alarm(
                alarm.name,
                alarm.name,
                alarm.means,
                self._metric(alarm),
                threshold=alarm.threshold,
                periods=alarm.periods,
            )
        self._alarm(
            HEARTBEAT.name,
            HEARTBEAT.name,
            HEARTBEAT.means,
            self._metric(HEARTBEAT),
            threshold=HEARTBEAT.threshold,
            comparison_operator=_BELOW,
            treat_missing_data=_WORRYING,
        )

    def _metric(self, alarm: Alarm) -> cloudwatch.Metric:
        return ours(self._name, alarm.metric, alarm.statistic, Duration.minutes(alarm.minutes))

    def _watch_functions(self, functions: Mapping[str, lambda_.IFunction], consumers: Sequence[str]) -> None:
        for name, function in functions.items():
            means = f"{name} ended without an answer: a crash, a time-out or no memory."
            self._alarm(f"errors-{name}", "errors", means, of_function(function, "Errors"))
        throttled = of_functions(functions, "Throttles")
        self._alarm(
            "throttled", "throttled", "Functions are called more often than they may run.", throttled, periods=2
        )
        for name in consumers:
            means = f"{name} is more than a minute behind the table's stream."
            age = of_function(functions[name], "IteratorAge", "Maximum", Duration.minutes(1))
            self._alarm(f"iterator-age-{name}", "iterator-age", means, age, threshold=60_000, periods=2)

    def _watch_apis(self, http_api: apigateway.HttpApi, websocket_stage: apigateway.WebSocketStage) -> None:
        http = of_api(http_api, "5xx")
        self._alarm("server-errors-http", "server-errors", "The HTTP API answers 5xx.", http, threshold=5)
        websocket = of_websocket(websocket_stage, "IntegrationError")
        self._alarm("server-errors-websocket", "server-errors", "The WebSocket API fails.", websocket, threshold=5)

    def _watch_dead_letters(self, queues: Mapping[str, sqs.IQueue]) -> None:
        for edge, queue in queues.items():
            means = f"Something meant for {edge} was given up after all retries and waits in its queue."
            waiting = queue.metric_approximate_number_of_messages_visible(
                statistic="Maximum", period=Duration.minutes(1)
            )
            self._alarm(f"dead-letters-{edge}", "dead-letters", means, waiting)

    def _watch_tables(self, tables: Mapping[str, dynamodb.ITableV2]) -> None:
        for name, table in tables.items():
            means = f"The table {name} takes no more requests for now."
            self._alarm(f"table-throttled-{name}", "table-throttled", means, of_table(name, table), periods=2)

    def _alarm(
        self,
        name: str,
        section: str,
        means: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: float = 1,
        periods: int = 1,
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
            evaluation_periods=periods,
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
