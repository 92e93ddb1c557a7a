"""For each alarm of the stage dev, series of data that must set it off, and series that must not.

The metrics are spelled here as AWS documents them, and not read from the template.
"""

from collections.abc import Mapping
from typing import NamedTuple

from infra.topology import CONSUMERS, FUNCTIONS, RULES, SCHEDULES, TABLES
from tests.infrastructure.cloudwatch import Data, Metric, Samples

_LAMBDA = "docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"
_HTTP = "docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html"
_WEBSOCKET = "docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-logging.html"
_QUEUE = "docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html"
_TABLE = "docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html"

# Each metric of AWS that an alarm may read: its dimensions, and the page that names both.
DOCUMENTED: Mapping[tuple[str, str, tuple[str, ...]], str] = {
    **dict.fromkeys(
        [
            ("AWS/Lambda", name, ("FunctionName", "Resource"))
            for name in ("Errors", "Invocations", "IteratorAge", "Throttles")
        ],
        _LAMBDA,
    ),
    **dict.fromkeys([("AWS/ApiGateway", name, ("ApiId",)) for name in ("5xx", "Count")], _HTTP),
    **dict.fromkeys(
        [("AWS/ApiGateway", name, ("ApiId", "Stage")) for name in ("ExecutionError", "IntegrationError")],
        _WEBSOCKET,
    ),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", ("QueueName",)): _QUEUE,
    **dict.fromkeys(
        [
            ("AWS/DynamoDB", name, dimensions)
            for name in ("ReadThrottleEvents", "WriteThrottleEvents")
            for dimensions in (("TableName",), ("GlobalSecondaryIndexName", "TableName"))
        ],
        _TABLE,
    ),
}


class Case(NamedTuple):
    """Series that set an alarm off, each alone, and series that do not."""

    fires: tuple[Data, ...]
    quiet: tuple[Data, ...]
    within: tuple[int, ...] | None = None  # minutes after the last data in which it must fire, for each series
    running: bool = False  # a heartbeat: judged only while there is data


def ours(name: str) -> Metric:
    return Metric("Stays-dev", name, (("service", "stays"),))


def of(function: str, name: str) -> Metric:
    physical = f"stays-dev-{function.replace('_', '-')}"
    return Metric("AWS/Lambda", name, (("FunctionName", physical), ("Resource", f"{physical}:live")))


def http(name: str) -> Metric:
    return Metric("AWS/ApiGateway", name, (("ApiId", "stays-dev"),))


def websocket(name: str) -> Metric:
    return Metric("AWS/ApiGateway", name, (("ApiId", "stays-dev-messages"), ("Stage", "payment-notifications")))


def queue(edge: str) -> Metric:
    name = f"stays-dev-{edge}-dead-letters"
    return Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", (("QueueName", name),))


def throttles(table: str) -> list[Metric]:
    """What DynamoDB refuses of a table and of each of its indexes."""
    name = ("TableName", "stays-dev" if table == "stays" else f"stays-dev-{table}")
    owners = [(name,), *((("GlobalSecondaryIndexName", index), name) for index in TABLES[table].indexes)]
    return [Metric("AWS/DynamoDB", f"{kind}ThrottleEvents", owner) for owner in owners for kind in ("Read", "Write")]


def once(metric: Metric) -> Case:
    """One is enough."""
    return Case(({metric: [Samples(1)]},), ({metric: [Samples(0, 1, 30)]},))


def twice_in_six_hours(metric: Metric) -> Case:
    return Case(
        ({metric: [Samples(1, 350, 2)]},),
        ({metric: [Samples(1, 380, 3)]}, {metric: [Samples(100)]}, {metric: [Samples(0, 5, 99)]}),
    )


def thrice_in_six_hours(metric: Metric) -> Case:
    return Case(
        ({metric: [Samples(1, 175, 3)]}, {metric: [Samples(1, 72, 20)]}),
        ({metric: [Samples(1, 190, 4)]}, {metric: [Samples(100, 5, 2)]}, {metric: [Samples(0, 5, 99)]}),
    )


def twice_in_an_hour(metrics: list[Metric]) -> Case:
    """Each of the metrics alone is enough."""
    return Case(
        tuple({metric: [Samples(1, 50, 2)]} for metric in metrics),
        tuple({metric: [Samples(1, 75, 3)]} for metric in metrics),
    )


def silent(function: str, cause: str) -> Case:
    """What makes work for a function happens, and the function is not called."""
    calls, work = of(function, "Invocations"), ours(cause)
    return Case(
        ({work: [Samples(1, 170, 2)]}, {work: [Samples(1, 72, 20)]}),
        ({work: [Samples(1, 190, 4)]}, {work: [Samples(1, 60, 12)], calls: [Samples(1, 170, 5)]}),
    )


CASES: Mapping[str, Case] = {
    **{
        name: once(ours(metric))
        for name, metric in {
            "paid-without-booking": "PaidWithoutBooking",
            "stray-money": "StrayMoney",
            "unreadable-callbacks": "UnreadableCallbacks",
            "unresolved": "Unresolved",
            "refund-by-hand": "RefundManual",
            "overdue": "Overdue",
            "rejected-events": "RejectedEvents",
            "unpublished-events": "UnpublishedEvents",
            "unreadable-items": "UnreadableItems",
        }.items()
    },
    "callback-not-recorded": twice_in_six_hours(ours("CallbackNotRecorded")),
    "zalopay-refusing": twice_in_six_hours(ours("ZaloPayRefused")),
    "bad-mac": thrice_in_six_hours(ours("BadMac")),
    "mail-failed": thrice_in_six_hours(ours("MailFailed")),
    "slow-push": Case(
        ({ours("CallbackToPush"): [Samples(10, 110, 2)]},),
        (
            {ours("CallbackToPush"): [Samples(9.9, 20, 20)]},
            {ours("CallbackToPush"): [Samples(0.5, 20, 18), Samples(900, start=100)]},
        ),
    ),
    "zalopay-silent": Case(
        (
            {ours("ZaloPaySilent"): [Samples(1, 175, 3)]},
            {ours("ZaloPaySilent"): [Samples(5, 10, 3)], ours("OrdersCreated"): [Samples(3, 1, 25)]},
        ),
        (
            {ours("ZaloPaySilent"): [Samples(1, 190, 4)]},
            {ours("ZaloPaySilent"): [Samples(4, 10, 12)], ours("OrdersCreated"): [Samples(1, 5, 24)]},
            {ours("ZaloPaySilent"): [Samples(0, 5, 99)]},
        ),
    ),
    "callbacks-missing": Case(
        (
            {ours("PaymentsRecorded"): [Samples(1, 170, 3)]},
            {ours("PaymentsRecorded"): [Samples(1, 72, 20)]},
            {ours("PaymentsRecorded"): [Samples(7)], ours("CallbackVerified"): [Samples(3)]},
        ),
        (
            {ours("PaymentsRecorded"): [Samples(1, 190, 4)]},
            {ours("PaymentsRecorded"): [Samples(8)], ours("CallbackVerified"): [Samples(4)]},
        ),
    ),
    "silent-notifier": silent("notifier", "OrdersCreated"),
    "silent-fulfilment": silent("fulfilment", "Booked"),
    "silent-awards": Case(
        ({ours("OrdersCreated"): [Samples(1, 700, 5)]},),
        (
            {ours("OrdersCreated"): [Samples(1, 1450, 4)]},
            {ours("OrdersCreated"): [Samples(1, 300, 15)], of("awards", "Invocations"): [Samples(1, 1500, 4)]},
        ),
    ),
    "clock-stopped": Case(
        (
            {ours("Overdue"): [Samples(0, 1, 30)] * 16},
            {ours("Overdue"): [*[Samples(0, 1, 45)] * 15, Samples(0, 1, 30)]},
        ),
        ({ours("Overdue"): [*[Samples(0, 1, 30)] * 15, Samples(0, 4, 8)]},),
        within=(8, 0),
        running=True,
    ),
    **{f"errors-{name}": once(of(name, "Errors")) for name in FUNCTIONS},
    "throttled": twice_in_an_hour([of(name, "Throttles") for name in FUNCTIONS]),
    **{
        f"iterator-age-{each.function}": Case(
            ({of(each.function, "IteratorAge"): [Samples(60_000, 9, 2)]},),
            (
                {of(each.function, "IteratorAge"): [Samples(59_999, 1, 40)]},
                {of(each.function, "IteratorAge"): [Samples(900_000, 30, 3)]},
            ),
        )
        for each in CONSUMERS
    },
    "server-errors-http": Case(
        (
            {http("5xx"): [Samples(1, 350, 2)], http("Count"): [Samples(50, 350, 2)]},
            {http("5xx"): [Samples(5, 10, 2)], http("Count"): [Samples(9_000, 10, 2)]},
        ),
        (
            {http("5xx"): [Samples(1, 10, 9)], http("Count"): [Samples(51, 10, 9)]},
            {http("5xx"): [Samples(4, 10, 9)], http("Count"): [Samples(9_000, 10, 9)]},
            {http("5xx"): [Samples(1, 380, 3)]},
            {http("5xx"): [Samples(0, 5, 99)]},
        ),
    ),
    "server-errors-websocket": Case(
        (
            {websocket("ExecutionError"): [Samples(1, 350, 2)]},
            {websocket("IntegrationError"): [Samples(5, 10, 2)]},
        ),
        (
            {websocket("IntegrationError"): [Samples(4, 10, 9)]},
            {websocket("ExecutionError"): [Samples(1, 380, 3)]},
            {websocket("ExecutionError"): [Samples(0, 5, 99)]},
        ),
    ),
    **{
        f"dead-letters-{name}": once(queue(name))
        for name in ("stream", *(each.function for each in (*RULES, *SCHEDULES)))
    },
    **{f"table-throttled-{name}": twice_in_an_hour(throttles(name)) for name in TABLES},
}
