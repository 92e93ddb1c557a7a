"""Metrics by name: those that the functions write, and AWS's own."""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_

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


def of_functions(functions: Mapping[str, lambda_.IFunction], name: str) -> cloudwatch.IMetric:
    """Return the sum over all functions; one alarm may add up ten metrics."""
    metrics = {f"m{number}": of_function(function, name) for number, function in enumerate(functions.values())}
    total = "+".join(metrics)
    return cloudwatch.MathExpression(expression=total, using_metrics=metrics, label=name, period=_FIVE_MINUTES)


def of_api(api: apigateway.IHttpApi, name: str, statistic: str = "Sum") -> cloudwatch.Metric:
    """Return a metric of the HTTP API: Count, 4xx, 5xx, Latency."""
    return api.metric(name, statistic=statistic, period=_FIVE_MINUTES)


def of_websocket(stage: apigateway.IWebSocketStage, name: str, statistic: str = "Sum") -> cloudwatch.Metric:
    """Return a metric of the WebSocket API: ConnectCount, MessageCount, ClientError, IntegrationError."""
    return stage.metric(name, statistic=statistic, period=_FIVE_MINUTES)


def of_table(name: str, table: dynamodb.ITableV2) -> cloudwatch.IMetric:
    """Return the count of reads and writes that DynamoDB throttled."""
    refused = {
        f"{name}_{kind.lower()}s": table.metric(f"{kind}ThrottleEvents", statistic="Sum", period=_FIVE_MINUTES)
        for kind in ("Read", "Write")
    }
    total = "+".join(refused)
    return cloudwatch.MathExpression(expression=total, using_metrics=refused, label=name, period=_FIVE_MINUTES)
