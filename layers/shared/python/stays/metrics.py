"""Metrics for the dashboard and the alarms, in CloudWatch's embedded format."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

logger = Logger()

# The metrics that count each written decision.
_MILESTONES = {
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


def milestone(what: str) -> None:
    """Count a decision by its name, if it is one of the counted ones."""
    for name in _MILESTONES.get(what, ()):
        count(name)


def pass_over(item: str) -> None:
    """Count and log an item that cannot be read. Its page or message leaves it out."""
    count("UnreadableItems")
    logger.error("item not readable", extra={"item": item})


def presence_failed(why: str) -> None:
    """Count and log that a user's call could not be noted. Only the socket that follows then needs its own token."""
    count("PresenceNotNoted")
    logger.warning("presence not noted", extra={"error": why})
