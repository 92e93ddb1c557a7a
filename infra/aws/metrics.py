"""Metrics by name: those that the functions write, and AWS's own."""

from collections.abc import Iterable, Mapping

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_

from infra.aws.stage import EDGE_REGION

_FIVE_MINUTES = Duration.minutes(5)


def ours(namespace: str, name: str, statistic: str = "Sum", period: Duration = _FIVE_MINUTES) -> cloudwatch.Metric:
    """Return a metric that the functions write in the embedded format.

    `layers/shared/python/stays/metrics.py` names them.
    """
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map={"service": "stays"},
        statistic=statistic,
        period=period,
    )


def of_function(
    function: lambda_.IFunction, name: str, statistic: str = "Sum", period: Duration = _FIVE_MINUTES
) -> cloudwatch.Metric:
    """Return one of Lambda's metrics, for one function's alias."""
    return function.metric(name, statistic=statistic, period=period)


def filled(formula: str, metrics: Mapping[str, cloudwatch.IMetric], label: str, period: Duration) -> cloudwatch.IMetric:
    """Return a formula over metrics; `{name}` in it is the metric of that name.

    A metric without data counts as zero. Without FILL the formula would have no value where any of its metrics has no
    data: CloudWatch then calculates nothing. An alarm may read ten metrics.
    """
    expression = formula.format_map({name: f"FILL({name}, 0)" for name in metrics})
    return cloudwatch.MathExpression(expression=expression, using_metrics=dict(metrics), label=label, period=period)


def _sum(metrics: Mapping[str, cloudwatch.IMetric], label: str) -> cloudwatch.IMetric:
    return filled(" + ".join(f"{{{name}}}" for name in metrics), metrics, label, _FIVE_MINUTES)


def of_functions(functions: Mapping[str, lambda_.IFunction], name: str) -> cloudwatch.IMetric:
    """Return the sum over all functions."""
    return _sum({f"m{number}": of_function(each, name) for number, each in enumerate(functions.values())}, name)


def of_firewall(acl: str, rule: str) -> cloudwatch.Metric:
    """Return how many requests a rule of an edge's firewall refused. Its metrics are in the edge's region."""
    return cloudwatch.Metric(
        namespace="AWS/WAFV2",
        metric_name="BlockedRequests",
        dimensions_map={"WebACL": acl, "Rule": rule},
        statistic="Sum",
        period=_FIVE_MINUTES,
        label=rule,
        region=EDGE_REGION,
    )


def of_api(api: apigateway.IHttpApi, name: str, statistic: str = "Sum") -> cloudwatch.Metric:
    """Return a metric of the HTTP API: Count, 4xx, 5xx, Latency."""
    return api.metric(name, statistic=statistic, period=_FIVE_MINUTES)


def of_websocket(stage: apigateway.IWebSocketStage, name: str, statistic: str = "Sum") -> cloudwatch.Metric:
    """Return a metric of the WebSocket API: ConnectCount, MessageCount, ClientError, IntegrationError."""
    return stage.metric(name, statistic=statistic, period=_FIVE_MINUTES)


def of_table(name: str, table: dynamodb.ITableV2, indexes: Iterable[str]) -> cloudwatch.IMetric:
    """Return the count of reads and writes that DynamoDB throttled, on the table and on its indexes.

    The metric of a table leaves its indexes out.
    """
    refused = {
        f"{index or name}_{kind.lower()}s": table.metric(
            f"{kind}ThrottleEvents",
            statistic="Sum",
            period=_FIVE_MINUTES,
            dimensions_map={
                "TableName": table.table_name,
                **({"GlobalSecondaryIndexName": index} if index else {}),
            },
        )
        for index in (None, *indexes)
        for kind in ("Read", "Write")
    }
    return _sum(refused, name)
