"""Moving money and ZaloPay's silence: how long the nights stay held, and how every order ends."""

from datetime import datetime, timedelta

import pytest

from stays.domain.decision import ENDING_MARGIN, Decision, Nights, Outcome, decide
from stays.domain.notification import payment_status
from stays.domain.payment import (
    HOLD_MARGIN,
    LATE_CHECKS,
    MOVING_TIME,
    SILENCE_TIME,
    UNFINISHED,
    Fulfilment,
    PaymentSession,
    Reason,
    Status,
    attempt_order,
    next_check,
    next_late_check,
)
from tests.samples import NOW, after, money, opened, pending, reserved, said

MOMENT = timedelta(milliseconds=1)
SOON = NOW + timedelta(seconds=10)
END = pending().expires_at
MOVING = pending().but(processing=True)
SPOKEN = [Outcome.UNPAID, Outcome.NOT_FOUND]  # FAIL of query is UNPAID here
LIVE = [
    pending(),
    opened(),
    attempt_order(reserved(), NOW),
    pending().but(reserved=True),
]


def test_the_times_of_moving_money_and_of_silence_are_those_that_are_promised() -> None:
    assert (MOVING_TIME, SILENCE_TIME) == (timedelta(hours=24), timedelta(hours=48))


@pytest.mark.parametrize("status", sorted(UNFINISHED))
def test_moving_money_is_shown_once_and_holds_the_nights_that_are_still_ours(status: Status) -> None:
    before, evidence = pending().but(status=status), said(Outcome.PROCESSING)
    moving = before.but(processing=True, changed_at=SOON)
    assert decide(before, evidence, SOON) == Decision(moving, "PROCESSING", Nights.HOLD, evidence=evidence)
    assert decide(moving, evidence, SOON) is None


def test_moving_money_keeps_nights_from_others_as_long_as_its_session_can_last() -> None:
    assert pending().hold_until == pending().late_after == END + HOLD_MARGIN
    assert MOVING.hold_until == END + HOLD_MARGIN + SILENCE_TIME
    assert MOVING.late_after == pending().late_after


@pytest.mark.parametrize("outcome", SPOKEN)
def test_where_zalopay_says_that_nobody_pays_after_all_the_order_is_open_as_before(outcome: Outcome) -> None:
    decision = decide(MOVING, said(outcome), SOON)
    assert decision == Decision(pending().but(changed_at=SOON), "NOT_MOVING", Nights.HOLD, evidence=said(outcome))
    assert payment_status(MOVING).status == "PROCESSING"
    assert payment_status(decision.session).status == "INITIATED"
    assert decision.session.hold_until == END + HOLD_MARGIN
    assert decide(decision.session, said(outcome), SOON) is None


@pytest.mark.parametrize("at", [SOON, END + MOVING_TIME - MOMENT, END + SILENCE_TIME - MOMENT])
def test_silence_is_no_end_of_moving_money(at: datetime) -> None:
    assert decide(MOVING, said(Outcome.UNKNOWN, -500), at) is None


@pytest.mark.parametrize("at", [END + ENDING_MARGIN, END + MOVING_TIME - MOMENT, END + timedelta(hours=30)])
@pytest.mark.parametrize("outcome", SPOKEN)
def test_moving_money_ends_with_the_first_word_that_nobody_paid_after_the_orders_end(
    outcome: Outcome, at: datetime
) -> None:
    ended = after(decide(MOVING, said(outcome), at))
    assert (ended.status, ended.reason, ended.processing) == (Status.EXPIRED, Reason.EXPIRED, False)
    assert ended.unresolved is None


@pytest.mark.parametrize(
    ("outcome", "ending"),
    [
        (Outcome.EXPIRED, Status.EXPIRED),
        (Outcome.CANCELLED, Status.CANCELLED),
        (Outcome.REFUSED, Status.FAILED),
    ],
)
@pytest.mark.parametrize("at", [SOON, END + timedelta(hours=30)])
def test_zalopays_final_word_ends_moving_money_too(outcome: Outcome, ending: Status, at: datetime) -> None:
    decision = decide(MOVING, said(outcome), at)
    assert decision is not None
    assert (decision.session.status, decision.session.processing, decision.nights) == (ending, False, Nights.FREE)
    assert decision.session.unresolved is None


@pytest.mark.parametrize(
    ("session", "outcome", "last_moment", "why"),
    [
        (pending(), Outcome.PROCESSING, END + MOVING_TIME, "PROCESSING"),
        (MOVING, Outcome.PROCESSING, END + MOVING_TIME, "PROCESSING"),
        (MOVING, Outcome.UNKNOWN, END + SILENCE_TIME, "PROCESSING"),
        *((session, Outcome.UNKNOWN, END + SILENCE_TIME, "SILENCE") for session in LIVE),
        *((session, Outcome.PROCESSING, END + MOVING_TIME, "PROCESSING") for session in LIVE),
    ],
)
def test_what_zalopay_never_decides_ends_after_a_day_and_silence_after_two(
    session: PaymentSession, outcome: Outcome, last_moment: datetime, why: str
) -> None:
    before = decide(session, said(outcome), last_moment - MOMENT)
    assert before is None or before.session.is_live
    evidence = said(outcome)
    ended = session.but(
        status=Status.EXPIRED,
        reason=Reason.EXPIRED,
        unresolved=why,
        processing=False,
        changed_at=last_moment,
        due_at=next_late_check(session, last_moment),
    )
    assert decide(session, evidence, last_moment) == Decision(ended, "UNRESOLVED", Nights.FREE, evidence=evidence)


@pytest.mark.parametrize("why", ["PROCESSING", "SILENCE"])
@pytest.mark.parametrize("amount", [900_000, 1])
def test_later_money_counts_for_what_ended_unresolved_and_resolves_it(why: str, amount: int) -> None:
    unresolved = pending().but(status=Status.EXPIRED, reason=Reason.EXPIRED, unresolved=why)
    paid = after(decide(unresolved, money(amount), END + SILENCE_TIME))
    assert paid.unresolved is None
    assert paid.fulfilment is (Fulfilment.BOOKED if amount == 900_000 else Fulfilment.REVIEW)


@pytest.mark.parametrize("session", [*LIVE, *(each.but(processing=True) for each in LIVE)])
@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.PAID])
def test_every_order_ends_whatever_zalopay_answers(session: PaymentSession, outcome: Outcome) -> None:
    """By the clock's questions: within minutes if ZaloPay says unpaid, and otherwise after two days."""
    at = session.expires_at + timedelta(seconds=1)
    while session.is_live:
        decision = decide(session, said(outcome), at)
        session, ended_at = decision.session if decision else session, at
        at = next_check(session, at)
    latest = {Outcome.UNKNOWN: SILENCE_TIME, Outcome.PROCESSING: MOVING_TIME}.get(outcome, timedelta(minutes=2))
    assert ended_at - session.expires_at <= latest
    assert (session.unresolved is not None) is (outcome in (Outcome.UNKNOWN, Outcome.PROCESSING))


@pytest.mark.parametrize("outcome", SPOKEN)
def test_after_long_silence_the_first_word_that_nobody_paid_ends_an_order(outcome: Outcome) -> None:
    for hours in (1, 20, 47):
        at = END + timedelta(hours=hours)
        assert decide(pending(), said(Outcome.UNKNOWN), at) is None
        ended = after(decide(pending(), said(outcome), at))
        assert (ended.status, ended.unresolved) == (Status.EXPIRED, None)


@pytest.mark.parametrize(
    ("since_its_end", "pause"),
    [
        (timedelta(minutes=-15), timedelta(seconds=45)),
        (timedelta(), timedelta(seconds=45)),
        (timedelta(minutes=4) - timedelta(milliseconds=1), timedelta(seconds=45)),
        (timedelta(minutes=4), timedelta(minutes=2)),
        (timedelta(minutes=6), timedelta(minutes=5)),
        (timedelta(minutes=11), timedelta(minutes=10)),
        (timedelta(minutes=21), timedelta(minutes=15)),
        (timedelta(minutes=35), timedelta(minutes=1)),
        (timedelta(hours=23, minutes=51), timedelta(minutes=9)),
        (timedelta(hours=24), timedelta(minutes=6)),
        (timedelta(hours=47, minutes=59), timedelta(minutes=1)),
        (timedelta(hours=48), timedelta(minutes=6)),
    ],
)
@pytest.mark.parametrize("session", [pending(), MOVING])
def test_a_live_order_is_asked_about_every_round_until_late_money_is_late_then_more_rarely_and_after_a_day_and_two(
    session: PaymentSession, since_its_end: timedelta, pause: timedelta
) -> None:
    at = session.expires_at + since_its_end
    assert next_check(session, at) == at + pause


@pytest.mark.parametrize(
    ("since_its_end", "check"),
    [
        (timedelta(minutes=-15), LATE_CHECKS[0]),
        (timedelta(minutes=1), LATE_CHECKS[0]),
        (LATE_CHECKS[0], LATE_CHECKS[1]),
        (MOVING_TIME, timedelta(hours=40)),
        (SILENCE_TIME - timedelta(hours=2), timedelta(hours=47)),
        (SILENCE_TIME, None),
    ],
)
def test_what_is_over_is_asked_about_later_for_as_long_as_zalopay_answers(
    since_its_end: timedelta, check: timedelta | None
) -> None:
    session = pending()
    expected = session.expires_at + check if check else None
    assert next_late_check(session, session.expires_at + since_its_end) == expected
    assert next_late_check(reserved(), NOW) is None
