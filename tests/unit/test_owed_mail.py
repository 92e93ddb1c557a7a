"""Each fact owes one mail; the table of facts, the time of a reminder, and what overtakes a mail."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.topology import MAILS
from stays.domain.award import Award, AwardStatus
from stays.domain.booking import cancel
from stays.domain.decision import Outcome, decide, supersede
from stays.domain.mail import MAIL_KINDS, MailState, StayMail, new_mail
from stays.domain.manual import end, give_back, paid_back
from stays.domain.owed_mail import (
    Attempts,
    award_mails,
    has_other_attempt,
    is_award_mail_overtaken,
    is_stay_mail_overtaken,
    reminder_after,
    reminder_at,
    stay_mails,
)
from stays.domain.payment import Fulfilment, PaymentSession, Reason, Status
from stays.domain.refund import RefundEvidence, RefundOutcome, decide_refund, request_refund
from stays.domain.values import VIETNAM
from tests.samples import (
    APP_ID,
    NOW,
    OTHER_STAY,
    POLICY,
    STAY,
    booked,
    mails,
    money,
    offer,
    opened,
    pending,
    refund_due,
    refunding,
    reserved,
    said,
    under_review,
    win,
)

LATER = NOW + timedelta(minutes=20)
REVIEWED = under_review()
EXPIRED = pending().but(status=Status.EXPIRED, reason=Reason.EXPIRED)
UNRESOLVED = EXPIRED.but(unresolved="PROCESSING")
REFUNDING = refunding()
REFUNDED = REFUNDING.but(fulfilment=Fulfilment.REFUNDED)


DECISIONS = {
    "expired": (pending(), lambda s: decide(s, said(Outcome.EXPIRED), LATER), ["failed"]),
    "cancelled at ZaloPay": (pending(), lambda s: decide(s, said(Outcome.CANCELLED), LATER), ["failed"]),
    "not made": (opened(), lambda s: decide(s, said(Outcome.REFUSED), LATER), ["failed"]),
    "nobody knows": (pending(), lambda s: decide(s, said(Outcome.UNKNOWN), NOW + timedelta(days=3)), ["review"]),
    "moves": (pending(), lambda s: decide(s, said(Outcome.PROCESSING), NOW), []),
    "another amount": (pending(), lambda s: decide(s, money(amount=1), NOW), ["review"]),
    "another amount, later": (EXPIRED, lambda s: decide(s, money(amount=1), NOW), ["review"]),
    "known at last": (UNRESOLVED, lambda s: end(s, said(Outcome.NOT_FOUND), LATER), ["failed"]),
    "paid": (pending(), lambda s: decide(s, money(), NOW), ["confirmation", "host_confirmation"]),
    "given up by its user": (reserved(), lambda s: cancel(s, POLICY, NOW), []),
    "cancelled": (booked(), lambda s: cancel(s, POLICY, NOW), ["cancellation", "host_cancellation"]),
    "given back after review": (REVIEWED, lambda s: give_back(s, 1, 1, NOW), ["refund"]),
    "asked for": (refund_due(), lambda s: request_refund(s, APP_ID, NOW), []),
    "arrived": (
        REFUNDING,
        lambda s: decide_refund(s, s.refund, RefundEvidence(RefundOutcome.DONE, 1), NOW),
        ["refunded"],
    ),
    "refused": (REFUNDING, lambda s: decide_refund(s, s.refund, RefundEvidence(RefundOutcome.REFUSED, -3), NOW), []),
    "by hand": (REFUNDING.but(fulfilment=Fulfilment.REFUND_MANUAL), lambda s: paid_back(s, NOW), ["refunded"]),
    "ordered again": (
        REFUNDING.but(fulfilment=Fulfilment.REFUND_MANUAL),
        lambda s: give_back(s, 1, 900_000, NOW),
        [],
    ),
}


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_owes_the_mails_of_its_new_facts(name: str) -> None:
    before, decision, kinds = DECISIONS[name]
    assert mails(before, decision(before)) == kinds


def test_an_attempt_that_its_user_replaced_owes_nothing() -> None:
    assert stay_mails(pending(), supersede(pending(), NOW), NOW) == []


def test_a_failed_payment_gives_its_user_five_minutes_to_try_again() -> None:
    (mail,) = stay_mails(pending(), EXPIRED, NOW)
    later = NOW + timedelta(minutes=5)
    assert mail == new_mail(STAY, "failed", NOW).but(state=MailState.WAITING, requested_at=later, due_at=later)


def test_a_stage_can_switch_off_each_kind_of_mail() -> None:
    assert set(MAILS) == set(MAIL_KINDS)


ANOTHER = pending().but(id=OTHER_STAY)


@pytest.mark.parametrize(
    ("award", "last", "open_or_paid"),
    [
        (None, None, False),
        (win(), None, False),
        (win(), EXPIRED, False),
        (win(), ANOTHER, True),
        (win(), ANOTHER.but(status=Status.EXPIRED), False),
        (win(), ANOTHER.but(status=Status.FAILED, fulfilment=Fulfilment.REVIEW), True),
        (win(), ANOTHER.but(status=Status.EXPIRED, unresolved="PROCESSING"), True),
        (win(), booked().but(id=OTHER_STAY), True),
        (win(), refund_due().but(id=OTHER_STAY), False),
        (win(status=AwardStatus.PAID), EXPIRED, True),
    ],
)
def test_another_attempt_is_open_under_review_or_paid(
    award: Award | None, last: PaymentSession | None, open_or_paid: bool
) -> None:
    assert has_other_attempt(EXPIRED, Attempts(award, last)) is open_or_paid
    overtaken = is_stay_mail_overtaken(new_mail(STAY, "failed", NOW), EXPIRED, Attempts(award, last))
    assert overtaken is open_or_paid


@pytest.mark.parametrize(
    ("kind", "session", "overtaken"),
    [
        ("failed", booked(), True),
        ("failed", UNRESOLVED, True),
        ("review", REVIEWED, False),
        ("review", UNRESOLVED, False),
        ("review", booked(), True),
        ("confirmation", booked(), False),
        ("confirmation", refund_due(), True),
        ("host_confirmation", booked().but(fulfilment=Fulfilment.NONE), True),
        ("cancellation", REFUNDED, False),
        ("host_cancellation", REFUNDED, False),
        ("refund", REFUNDING, False),
        ("refund", REFUNDED, True),
        ("refunded", REFUNDED, False),
    ],
)
def test_a_mail_is_overtaken_when_its_fact_is_no_longer_so(
    kind: StayMail, session: PaymentSession, overtaken: bool
) -> None:
    assert is_stay_mail_overtaken(new_mail(STAY, kind, NOW), session, Attempts()) is overtaken


@pytest.mark.parametrize("status", [AwardStatus.DECLINED, AwardStatus.WITHDRAWN])
def test_nobody_hears_that_a_payment_failed_for_an_award_that_is_given_up(status: AwardStatus) -> None:
    assert is_stay_mail_overtaken(new_mail(STAY, "failed", NOW), EXPIRED, Attempts(win(status=status)))


# Awards


MINUTE = timedelta(minutes=1)


def test_an_award_owes_one_mail_at_once_and_a_reminder_later() -> None:
    (first,) = award_mails(win(), NOW)
    assert (first.mail_kind, first.state, first.due_at) == ("win", MailState.DUE, NOW + MINUTE)
    quarter = NOW + timedelta(hours=18)  # four in the morning in Viet Nam
    assert first.remind_at == quarter + 180 * MINUTE
    (first,) = award_mails(offer(deadline=NOW + timedelta(hours=2)), NOW)
    assert (first.mail_kind, first.remind_at) == ("offer", NOW + timedelta(minutes=90))
    reminder = reminder_after(first, LATER)
    assert (reminder.mail_kind, reminder.state, reminder.due_at) == ("reminder", MailState.DUE, LATER + MINUTE)
    assert (reminder.about, reminder.remind_at) == (first.about, None)


@pytest.mark.parametrize("status", [AwardStatus.LOST, AwardStatus.PAID, AwardStatus.EXPIRED, AwardStatus.WITHDRAWN])
def test_an_award_that_cannot_be_paid_owes_nothing(status: AwardStatus) -> None:
    assert award_mails(win(status=status), NOW) == []
    assert award_mails(win(), NOW + timedelta(days=1)) == []


def at(text: str) -> datetime:
    """A time in Viet Nam, in November 2026."""
    return datetime.strptime(f"2026-11-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=VIETNAM).astimezone(UTC)


@pytest.mark.parametrize(
    ("begun", "deadline", "reminded"),
    [
        ("22 10:00", "22 12:00", "22 11:30"),  # a quarter of two hours
        ("22 10:00", "22 11:00", "22 10:35"),  # the least time, with time for the delivery
        ("22 10:00", "22 10:50", "22 10:25"),
        ("22 10:00", "22 10:49", None),  # in the first half of the time the first mail is new
        ("22 08:00", "23 08:00", "23 07:00"),  # 02:00 is night, and the deadline leaves an hour of day
        ("22 08:00", "23 07:56", "23 01:57"),  # the deadline comes before the day
        ("22 10:00", "22 22:40", "22 19:30"),
        ("22 20:00", "22 23:20", "22 22:30"),  # the deadline comes before the day
        ("22 12:00", "23 10:00", "23 07:00"),
        ("22 02:00", "22 08:10", "22 07:00"),
    ],
)
def test_the_reminder_comes_when_a_quarter_of_the_time_is_left_and_by_day(
    begun: str, deadline: str, reminded: str | None
) -> None:
    award = win(received_at=at(begun), deadline=at(deadline))
    assert reminder_at(award, at(begun)) == (reminded and at(reminded))


def test_an_accepted_offer_is_reminded_of_by_its_new_deadline() -> None:
    accepted = offer(status=AwardStatus.ACCEPTED, pay_until=NOW + timedelta(hours=3), offer_minutes=120)
    assert reminder_at(accepted, NOW) == NOW + timedelta(hours=2, minutes=30)


@pytest.mark.parametrize(("minutes", "sent"), [(100, 100), (0, 90), (101, None)])
def test_a_reminder_is_decided_anew_when_it_is_due(minutes: int, sent: int | None) -> None:
    award, now = offer(deadline=NOW + timedelta(hours=2)), NOW + timedelta(minutes=minutes)
    assert reminder_at(award, now) == (None if sent is None else NOW + timedelta(minutes=sent))


@pytest.mark.parametrize(
    ("award", "last", "first", "reminder"),
    [
        (None, None, True, True),
        (win(), None, False, False),
        (win(), pending(), False, True),
        (win(), EXPIRED, False, False),
        (win(checkout_id=STAY), EXPIRED, True, False),
        (win(status=AwardStatus.PAID), booked(), True, True),
        (win(status=AwardStatus.DECLINED), None, True, True),
        (offer(status=AwardStatus.ACCEPTED, pay_until=NOW + timedelta(hours=2)), None, True, False),
        (win(deadline=NOW + timedelta(minutes=19), received_at=NOW - timedelta(hours=1)), None, False, True),
    ],
)
def test_a_mail_about_an_award_is_overtaken_when_it_is_answered_paid_for_or_over(
    award: Award | None, last: PaymentSession | None, first: bool, reminder: bool
) -> None:
    attempts = Attempts(award, last)
    (told,) = award_mails(win(), NOW)
    reminded = reminder_after(told, NOW)
    assert is_award_mail_overtaken(told, attempts, NOW) is first
    assert is_award_mail_overtaken(reminded, attempts, NOW) is reminder
