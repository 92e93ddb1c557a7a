"""Erasure: what is still open, what is left of an item, and whether a text names a person."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stays.domain.award import AwardStatus, Correction, RunnerUp
from stays.domain.erasure import (
    Stored,
    alias,
    erased_award,
    erased_session,
    is_erased,
    is_named,
    open_matter,
    without,
)
from stays.domain.mail import MailState, new_mail
from stays.domain.payment import Fulfilment, Status
from stays.domain.stray import Stray, StrayStatus
from stays.domain.values import app_user
from tests.samples import (
    NOW,
    OTHER_TRANSACTION,
    STAY,
    STRANGER,
    TRAVELLER,
    booked,
    offer,
    opened,
    priced,
    refund_due,
    under_review,
    win,
)

NAME = alias(STAY)
LONG_AFTER = datetime(2027, 1, 1, tzinfo=UTC)
DONE = {"status": AwardStatus.EXPIRED, "due_at": None}
OVER = {"status": Status.EXPIRED, "due_at": None}
STRAY = Stray(transaction_id=OTHER_TRANSACTION, amount=1, raw="{}")
MAIL = new_mail(STAY, "confirmation", NOW)


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (opened(), "the payment"),
        (refund_due(), "a refund of"),
        (under_review(), "waits for an operator"),
        (opened(unresolved="SILENCE", **OVER), "waits for an operator"),
        (booked().but(fulfilment=Fulfilment.REFUND_MANUAL), "waits for an operator"),
        (opened(status=Status.EXPIRED, due_at=NOW + timedelta(hours=47)), "money may still come"),
        (win(), "can be paid or answered"),
        (win(status=AwardStatus.DECLINED, due_at=NOW), "are being passed on"),
        (win(**DONE, correction=Correction(revision=1, event_id="e")), "are being passed on"),
        (MAIL, "the confirmation of"),
        (STRAY, "the stray money"),
        (STRAY.but(status=StrayStatus.REFUND_MANUAL), "the stray money"),
    ],
)
def test_nothing_is_erased_while_something_is_open(item: Stored, why: str) -> None:
    assert why in (open_matter(item, LONG_AFTER) or "")


def test_a_stay_lies_ahead_until_its_last_morning_is_over() -> None:
    assert "lies ahead, until 2026-12-04" in (open_matter(booked(), datetime(2026, 12, 4, 16, tzinfo=UTC)) or "")
    assert open_matter(booked(), datetime(2026, 12, 4, 17, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    "item",
    [
        opened(**OVER),
        win(**DONE),
        win(status=AwardStatus.LOST, due_at=None),
        MAIL.but(state=MailState.SENT, due_at=LONG_AFTER),  # the time of a reminder
        MAIL.but(state=MailState.WAITING, due_at=None),  # given up
        STRAY.but(status=StrayStatus.SETTLED),
        STRAY.but(status=StrayStatus.REFUNDED),
    ],
)
def test_what_is_at_rest_is_in_no_ones_way(item: Stored) -> None:
    assert open_matter(item, LONG_AFTER) is None


def test_a_session_keeps_its_money_and_loses_its_person() -> None:
    left = erased_session(booked(), NAME, LONG_AFTER)
    changed = {"userId": NAME, "contact": {}, "changedAt": "2027-01-01T00:00:00.000Z"}
    kept = {name: each for name, each in booked().dump().items() if name != "orderUrl"}
    assert left.dump() == kept | changed


def test_an_award_is_withdrawn_under_the_alias() -> None:
    said = {"original_bid_id": "88", "decline_reason": "no", "ended_at": NOW}
    left = erased_award(offer(**DONE, **said), NAME, LONG_AFTER)
    assert (left.user_id, left.status, left.ended_at) == (NAME, AwardStatus.WITHDRAWN, NOW)
    assert (left.original_bid_id, left.decline_reason) == (None, None)
    assert erased_award(offer(**DONE), NAME, LONG_AFTER).ended_at == LONG_AFTER


def test_the_awards_of_others_no_longer_name_the_person() -> None:
    runners_up = tuple(RunnerUp(user_id=user, nights=priced(NOW.date())) for user in (TRAVELLER, STRANGER))
    other = offer(user_id=STRANGER, runners_up=runners_up, chain=f"{TRAVELLER} WIN")
    left = without(other.but(correction=Correction(revision=2, event_id="e", award=other)), TRAVELLER, NAME)
    assert left.correction is not None and left.correction.award is not None
    for award in (left, left.correction.award):
        assert ([each.user_id for each in award.runners_up], award.chain) == ([STRANGER], f"{NAME} WIN")
    for same in (win(), offer(chain=f"{TRAVELLER}2 WIN"), win(correction=Correction(revision=2, event_id="e"))):
        assert without(same, TRAVELLER, NAME) == same


@pytest.mark.parametrize("user_id", [TRAVELLER, "erased:", "erased:x", f"x{NAME}", f"{NAME}0"])
def test_no_users_id_is_an_alias(user_id: str) -> None:
    assert is_erased(NAME)
    assert not is_erased(user_id)


@pytest.mark.parametrize(
    ("text", "user_id", "named"),
    [
        ('{"userId": "auth0|an"}', TRAVELLER, True),
        ('{"userId": "auth0|an2"}', TRAVELLER, False),
        ('{"userId": "auth0|k\\u1ebb"}', "auth0|kẻ", True),
        ('{"userId": "auth0|kẻ"}', "auth0|kẻ", True),
        ('{"userId": 71, "x": "a71"}', "71", True),
        ('{"userId": 710, "price": 1.71, "x": 71.5, "y": -71, "z": "a-71b"}', "71", False),
        (f'{{"data": "{{\\"app_user\\": \\"{app_user(TRAVELLER)}\\"}}"', TRAVELLER, True),
    ],
)
def test_a_text_names_a_user_or_not(text: str, user_id: str, named: Any) -> None:
    assert is_named(text, user_id) is named
