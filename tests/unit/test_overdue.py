"""Overdue items: how long each kind may wait before the operator is alerted."""

from datetime import datetime, timedelta

import pytest

from stays.domain.award import Award, AwardStatus
from stays.domain.mail import Mail, MailState, new_mail
from stays.domain.overdue import UNANSWERED, UNATTENDED, UNREFUNDED, UNSENT, is_late
from stays.domain.payment import PaymentSession, Status
from stays.domain.stray import Stray
from tests.samples import (
    NOW,
    STAY,
    booked,
    pending,
    refund_due,
    refunding,
    stray,
    stray_due,
    stray_refunding,
    under_review,
    win,
)

MOMENT = timedelta(milliseconds=1)
MAIL = new_mail(STAY, "refund", NOW)
LATER = NOW + timedelta(days=7)


Item = PaymentSession | Mail | Award | Stray


@pytest.mark.parametrize("item", [pending(), refund_due(), refunding(), MAIL, win(), stray_due(), stray_refunding()])
def test_what_is_due_is_late_when_the_clock_has_left_it_for_five_minutes(item: Item) -> None:
    assert item.due_at is not None
    assert not is_late(item, item.due_at + UNATTENDED - MOMENT)
    assert is_late(item, item.due_at + UNATTENDED)


def repeated() -> PaymentSession:
    """A refund that is requested again and again, because ZaloPay never receives the request."""
    asked = refunding()
    assert asked.refund is not None
    return asked.but(refund=asked.refund.but(repeated_at=NOW + UNREFUNDED - MOMENT), due_at=LATER)


@pytest.mark.parametrize(
    ("item", "since"),
    [
        (pending().but(due_at=LATER), pending().expires_at + UNANSWERED),
        (refunding().but(due_at=LATER), NOW + UNREFUNDED),
        (repeated(), NOW + UNREFUNDED),
        (stray_refunding().but(due_at=LATER), NOW + UNREFUNDED),
        *((MAIL.but(state=state, due_at=LATER), NOW + UNSENT) for state in ("DUE", "SENDING", "WAITING")),
    ],
    ids=["unpaid", "refund", "repeated refund", "stray money", "mail due", "mail being sent", "mail refused"],
)
def test_what_zalopay_or_ses_does_not_do_is_late_however_often_it_is_asked(item: Item, since: datetime) -> None:
    assert not is_late(item, since - MOMENT)
    assert is_late(item, since)


@pytest.mark.parametrize(
    "item",
    [
        booked(),
        under_review(),
        pending().but(status=Status.EXPIRED, due_at=None),
        refund_due().but(due_at=LATER),
        MAIL.but(state=MailState.SENT, due_at=LATER),  # it only waits for the time of a reminder
        MAIL.but(state="WAITING", due_at=None),
        win(due_at=LATER),
        win(status=AwardStatus.PAID, due_at=None),
        stray(),
        stray_due().but(due_at=LATER),
    ],
)
def test_what_waits_for_nothing_or_for_its_time_is_not_late(item: Item) -> None:
    assert not is_late(item, LATER - MOMENT)


def test_what_is_late_is_late_after_five_ten_or_fifteen_minutes_and_a_day() -> None:
    assert (UNATTENDED, UNANSWERED, UNSENT) == tuple(timedelta(minutes=minutes) for minutes in (5, 10, 15))
    assert timedelta(hours=24) == UNREFUNDED
