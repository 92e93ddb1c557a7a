"""Event filtering: the cases of Lambda's documentation."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from infra.local.filters import matches
from infra.topology import CONSUMERS
from stays.aws.attributes import to_attributes
from stays.domain.award import AWARD_SOURCES, Award, AwardStatus
from stays.domain.mail import Mail, MailState, new_mail
from stays.domain.notification import award_told, payment_status
from stays.domain.payment import (
    FULFILMENT_SOURCES,
    OWING,
    STATUS_SOURCES,
    UNFINISHED,
    Fulfilment,
    PaymentSession,
    Refund,
    Status,
)
from stays.table.keys import award_item, mail_item
from tests.samples import NOW, STAY, booked, offer, opened, pending, win

LATER = NOW + timedelta(minutes=1)
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


def consumers_of(after: Any, before: Any = None, **more: Any) -> set[str]:
    """The consumers that get the change of an item, stored with more attributes."""
    images = {
        name: _item(item) | to_attributes(more) for name, item in (("NewImage", after), ("OldImage", before)) if item
    }
    record = {"eventName": "MODIFY" if before else "INSERT", "dynamodb": images}
    return {each.function for each in CONSUMERS if any(matches(pattern, record) for pattern in each.filters)}


def _item(item: PaymentSession | Award | Mail) -> Any:
    if isinstance(item, PaymentSession):
        return to_attributes(item.dump() | {"kind": "SESSION"})
    return to_attributes(award_item(item) if isinstance(item, Award) else mail_item(item))


MAIL = new_mail(STAY, "confirmation", NOW)
MARKED = win(checkout_id=STAY)
PAID_AWARD = MARKED.but(status=AwardStatus.PAID, payment_id=STAY)


@pytest.mark.parametrize(
    ("after", "before", "wanted"),
    [
        (opened(), None, {"notifier"}),
        (pending(), opened(), set()),
        (pending().but(due_at=LATER), pending(), set()),
        (booked(), pending(), {"notifier", "fulfilment"}),
        (booked().but(told_at=LATER), booked(), {"fulfilment"}),
        (win(), None, {"notifier"}),
        (offer(), None, {"notifier"}),
        (MARKED, win(), set()),
        (PAID_AWARD, MARKED, {"fulfilment"}),
        (PAID_AWARD.but(due_at=LATER), PAID_AWARD, {"fulfilment"}),
        (win(revision=2), MARKED, {"notifier"}),
        (MAIL, None, {"fulfilment"}),
        (MAIL.but(state=MailState.SENDING), MAIL, set()),
    ],
)
def test_each_consumer_of_the_topology_gets_its_records(after: Any, before: Any, wanted: set[str]) -> None:
    assert consumers_of(after, before) == wanted


def test_no_consumer_gets_a_night_or_a_note() -> None:
    for kind in ("NIGHT", "NOTES"):
        record = {"eventName": "INSERT", "dynamodb": {"NewImage": {"kind": {"S": kind}}}}
        assert not any(matches(pattern, record) for each in CONSUMERS for pattern in each.filters)


def test_a_record_of_a_deleted_item_reaches_nobody() -> None:
    by_itself = {"userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}}
    record = {"eventName": "REMOVE", "dynamodb": {"OldImage": _item(booked())}, **by_itself}
    assert not any(matches(pattern, record) for each in CONSUMERS for pattern in each.filters)


def sessions() -> list[PaymentSession]:
    """A session in every state that the domain can reach, and in many that it cannot."""
    owed = Refund(amount=1, status=Fulfilment.REFUND_DUE)
    return [
        pending().but(
            status=status,
            fulfilment=fulfilment,
            processing=processing and status in UNFINISHED,
            booked_at=NOW if fulfilment is Fulfilment.BOOKED else None,
            refund=owed if fulfilment in OWING else None,
        )
        for status, fulfilment, processing in product(Status, Fulfilment, (False, True))
    ]


def reachable(after: PaymentSession, before: PaymentSession) -> bool:
    """Whether the tables of transitions allow this change."""
    status = after.status is before.status or before.status in STATUS_SOURCES.get(after.status, ())
    sources = FULFILMENT_SOURCES.get(after.fulfilment, ())
    return status and (after.fulfilment is before.fulfilment or before.fulfilment in sources)


def test_the_notifier_gets_every_change_of_a_session_that_its_browser_is_told_of() -> None:
    told = silent = 0
    for before, after in product(sessions(), sessions()):
        if not reachable(after, before) or payment_status(after) == payment_status(before):
            continue
        told += 1
        assert "notifier" in consumers_of(after, before), (before, after)
    for before in sessions():
        silent += "notifier" not in consumers_of(before.but(due_at=LATER), before)
        assert "notifier" in consumers_of(before, before, tellAgainAt="2027-03-01T03:00:00.000Z")
    assert told > 100
    assert silent > 10


def test_the_notifier_gets_every_change_of_an_award_that_its_browser_is_told_of() -> None:
    told = 0
    for award, checkout in product((win(), offer()), (None, STAY)):
        states = [award.but(status=status, checkout_id=checkout) for status in AwardStatus]
        for before, after in product(states, states):
            allowed = before.status in AWARD_SOURCES.get(after.status, ())
            if not allowed or award_told(after, NOW) in (None, award_told(before, NOW)):
                continue
            told += 1
            assert "notifier" in consumers_of(after, before), (before, after)
    assert told > 10
