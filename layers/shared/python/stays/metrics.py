"""Metrics for the dashboard and the alarms, in CloudWatch's embedded format."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

logger = Logger()

# The metrics of each decision that is counted, by the name of the decision.
_BY_DECISION = {
    "ORDER_MADE": ("OrdersCreated",),
    "PAID_AND_BOOKED": ("PaymentsRecorded", "Booked"),
    **dict.fromkeys(
        ("PAID_NIGHTS_TAKEN", "PAID_NIGHTS_PAST", "PAID_ALREADY_PAID", "PAID_AWARD_WITHDRAWN"),
        ("PaymentsRecorded", "PaidWithoutBooking"),
    ),
    "AMOUNT_MISMATCH": ("PaidWithoutBooking",),
    "TRANSACTION_KNOWN": ("PaidWithoutBooking",),
    "SECOND_TRANSACTION": ("StrayMoney",),
    "UNRESOLVED": ("Unresolved",),
    "BOOKING_CANCELLED": ("Cancelled",),
    "REFUNDED": ("RefundsDone",),
    "REFUND_MANUAL": ("RefundManual",),
}


def count(name: str, value: float = 1, unit: MetricUnit = MetricUnit.Count) -> None:
    """Write one line to standard output. CloudWatch reads it as a metric of the whole system."""
    with single_metric(name=name, unit=unit, value=value) as metric:
        metric.add_dimension(name="service", value="stays")


def count_decision(decision: str) -> None:
    """Count a written decision by its name, if it has a metric."""
    for name in _BY_DECISION.get(decision, ()):
        count(name)


def count_unreadable(item: str) -> None:
    """Count and log an item that cannot be read. Its page or message leaves it out."""
    count("UnreadableItems")
    logger.error("item not readable", extra={"item": item})


def count_put_aside(record: str) -> None:
    """Count and log a record of the stream that was put aside. It waits for the operator."""
    count("RecordsPutAside")
    logger.error("put aside", extra={"record": record})


def count_failed_presence(why: str) -> None:
    """Count and log that a user's call was not recorded. The user's next socket then needs a token of its own."""
    count("PresenceNotNoted")
    logger.warning("presence not noted", extra={"error": why})
