"""Event filtering: the cases of Lambda's documentation."""

from typing import Any

import pytest

from infra.local.filters import matches
from infra.topology import CONSUMERS

RECORD = {
    "eventName": "MODIFY",
    "dynamodb": {"NewImage": {"kind": {"S": "SESSION"}, "tags": {"L": [{"S": "a"}]}}, "SizeBytes": 300},
    "empty": "",
    "none": None,
    "flag": True,
    "list": ["x", "y"],
}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({}, True),
        ({"eventName": ["INSERT", "MODIFY"]}, True),
        ({"eventName": ["INSERT"]}, False),
        ({"eventName": ["MODIFY"], "flag": [False]}, False),
        ({"none": [None]}, True),
        ({"flag": [1]}, False),
        ({"list": ["y"]}, True),
        ({"missing": ["x"]}, False),
        ({"empty": [""]}, True),
        ({"dynamodb": {"NewImage": {"kind": {"S": ["SESSION"]}}}}, True),
        ({"dynamodb": {"NewImage": {"kind": {"S": ["BOOKING"]}}}}, False),
        ({"dynamodb": {"OldImage": {"kind": {"S": ["SESSION"]}}}}, False),
        ({"dynamodb": {"NewImage": {"tags": {"L": {"S": ["a"]}}}}}, True),
        ({"eventName": {"deeper": ["x"]}}, False),
        ({"eventName": [{"prefix": "MOD"}]}, True),
        ({"eventName": [{"prefix": "mod"}]}, False),
        ({"dynamodb": {"SizeBytes": [{"prefix": "3"}]}}, False),
        ({"eventName": [{"suffix": "IFY"}]}, True),
        ({"eventName": [{"equals-ignore-case": "modify"}]}, True),
        ({"eventName": [{"anything-but": ["INSERT"]}]}, True),
        ({"eventName": [{"anything-but": "MODIFY"}]}, False),
        ({"eventName": [{"anything-but": {"prefix": "MOD"}}]}, False),
        ({"missing": [{"anything-but": ["x"]}]}, False),
        ({"eventName": [{"exists": True}]}, True),
        ({"missing": [{"exists": True}]}, False),
        ({"missing": [{"exists": False}]}, True),
        ({"eventName": [{"exists": False}]}, False),
        ({"dynamodb": {"OldImage": {"kind": {"S": [{"exists": False}]}}}}, True),
        ({"dynamodb": [{"exists": True}]}, False),
        ({"dynamodb": {"SizeBytes": [{"numeric": ["=", 300]}]}}, True),
        ({"dynamodb": {"SizeBytes": [{"numeric": [">", 0, "<=", 300]}]}}, True),
        ({"dynamodb": {"SizeBytes": [{"numeric": [">=", 301]}]}}, False),
        ({"dynamodb": {"SizeBytes": [{"numeric": ["<", 300]}]}}, False),
        ({"flag": [{"numeric": ["=", 1]}]}, False),
        ({"eventName": [{"numeric": ["=", 1]}]}, False),
        ({"$or": [{"eventName": ["INSERT"]}, {"flag": [True]}]}, True),
        ({"$or": [{"eventName": ["INSERT"]}, {"flag": [False]}]}, False),
    ],
)
def test_a_record_matches_when_every_field_does(pattern: dict[str, Any], expected: bool) -> None:
    assert matches(pattern, RECORD) is expected


def test_a_comparison_that_lambda_does_not_know_is_an_error() -> None:
    with pytest.raises(ValueError, match="wildcard"):
        matches({"eventName": [{"wildcard": "M*"}]}, RECORD)


@pytest.mark.parametrize(
    ("kind", "event", "wanted"),
    [
        ("SESSION", "MODIFY", {"notifier"}),
        ("OFFER", "INSERT", {"notifier"}),
        ("MAIL", "INSERT", {"fulfilment"}),
        ("SESSION", "REMOVE", set()),
        ("NIGHT", "INSERT", set()),
    ],
)
def test_each_consumer_of_the_topology_gets_its_records(kind: str, event: str, wanted: set[str]) -> None:
    record = {"eventName": event, "dynamodb": {"NewImage": {"kind": {"S": kind}, "state": {"S": "DUE"}}}}
    got = {each.function for each in CONSUMERS if any(matches(pattern, record) for pattern in each.filters)}
    assert got == wanted
