"""Metrics: each is one line in CloudWatch's embedded format."""

import json
from typing import Any

import pytest
from aws_lambda_powertools.metrics import MetricUnit

from stays.metrics import count, count_decision


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_number_is_one_metric_of_the_whole_system(capsys: pytest.CaptureFixture[str]) -> None:
    count("CallbackToMessage", 12.5, MetricUnit.Milliseconds)
    (line,) = written(capsys)
    (metric,) = line["_aws"]["CloudWatchMetrics"]
    assert (line["CallbackToMessage"], line["service"]) == ([12.5], "stays")
    assert metric == {
        "Namespace": "Stays",
        "Dimensions": [["service"]],
        "Metrics": [{"Name": "CallbackToMessage", "Unit": "Milliseconds"}],
    }


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("ORDER_MADE", ["OrdersCreated"]),
        ("PAID_AND_BOOKED", ["PaymentsRecorded", "Booked"]),
        ("PAID_NIGHTS_TAKEN", ["PaymentsRecorded", "PaidWithoutBooking"]),
        ("PAID_NIGHTS_PAST", ["PaymentsRecorded", "PaidWithoutBooking"]),
        ("PAID_ALREADY_PAID", ["PaymentsRecorded", "PaidWithoutBooking"]),
        ("PAID_AWARD_WITHDRAWN", ["PaymentsRecorded", "PaidWithoutBooking"]),
        ("AMOUNT_MISMATCH", ["PaidWithoutBooking"]),
        ("TRANSACTION_KNOWN", ["PaidWithoutBooking"]),
        ("UNRESOLVED", ["Unresolved"]),
        ("SECOND_TRANSACTION", ["StrayMoney"]),
        ("BOOKING_CANCELLED", ["Cancelled"]),
        ("REFUNDED", ["RefundsDone"]),
        ("REFUND_MANUAL", ["RefundManual"]),
        ("PROCESSING", []),
        ("NOT_MOVING", []),
        ("SUPERSEDED", []),
        ("EXPIRED", []),
    ],
)
def test_a_decision_counts_as_what_it_means(capsys: pytest.CaptureFixture[str], what: str, names: list[str]) -> None:
    count_decision(what)
    counted = [line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0] for line in written(capsys)]
    assert counted == [{"Name": name, "Unit": "Count"} for name in names]
