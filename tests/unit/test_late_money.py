"""The table of late money: the outcome for verified money, by the state of its award and of each night."""

from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from stays.domain.award import Award, AwardStatus
from stays.domain.booking import BookingStatus, booking_of
from stays.domain.decision import (
    MONEY,
    AwardState,
    Decision,
    Nights,
    NightState,
    Obstacles,
    Outcome,
    Verdict,
    award_state,
    decide,
    supersede,
    verdicts,
)
from stays.domain.payment import (
    HOLD_MARGIN,
    LATE_CHECKS,
    PAYMENT_TIME,
    Fulfilment,
    PaymentSession,
    Reason,
    Refund,
    Status,
    attempt_order,
)
from tests.samples import (
    NIGHTS,
    NOW,
    OTHER_STAY,
    STRANGER,
    TRANSACTION,
    after,
    booked,
    mails,
    money,
    offer,
    pending,
    priced,
    reserved,
    said,
    win,
)

MOMENT = timedelta(milliseconds=1)
LATER = NOW + timedelta(hours=1)
AFTER_ALL_NIGHTS = datetime(2026, 12, 5, tzinfo=UTC)
OF_OTHERS = offer(user_id=STRANGER)
OWN = reserved(OTHER_STAY)
PAID_BY_ANOTHER = win(status=AwardStatus.PAID, payment_id=OTHER_STAY)
AWARDS: dict[AwardState, Award | None] = {
    AwardState.OPEN: None,
    AwardState.OVER: win(status=AwardStatus.EXPIRED),
    AwardState.PAID: PAID_BY_ANOTHER,
    AwardState.WITHDRAWN: win(status=AwardStatus.WITHDRAWN),
}
STANDING: dict[NightState, dict[str, Any]] = {
    NightState.FREE: {},
    NightState.ON_OFFER: {"offers": (OF_OTHERS,)},
    NightState.OWN: {"own": (OWN,)},
    NightState.TAKEN: {"taken": frozenset(NIGHTS)},
    NightState.PAST: {},
}
CONTRACT = [
    (AwardState.OPEN, NightState.FREE, Verdict.BOOK),
    (AwardState.OPEN, NightState.ON_OFFER, Verdict.BOOK_AND_END_OFFER),
    (AwardState.OPEN, NightState.OWN, Verdict.BOOK_AND_SUPERSEDE),
    (AwardState.OPEN, NightState.TAKEN, Verdict.NIGHTS_TAKEN),
    (AwardState.OPEN, NightState.PAST, Verdict.NIGHTS_PAST),
    (AwardState.OVER, NightState.FREE, Verdict.BOOK),
    (AwardState.OVER, NightState.ON_OFFER, Verdict.BOOK_AND_END_OFFER),
    (AwardState.OVER, NightState.OWN, Verdict.BOOK_AND_SUPERSEDE),
    (AwardState.OVER, NightState.TAKEN, Verdict.NIGHTS_TAKEN),
    (AwardState.OVER, NightState.PAST, Verdict.NIGHTS_PAST),
    (AwardState.PAID, NightState.FREE, Verdict.ALREADY_PAID),
    (AwardState.PAID, NightState.ON_OFFER, Verdict.ALREADY_PAID),
    (AwardState.PAID, NightState.OWN, Verdict.ALREADY_PAID),
    (AwardState.PAID, NightState.TAKEN, Verdict.ALREADY_PAID),
    (AwardState.PAID, NightState.PAST, Verdict.ALREADY_PAID),
    (AwardState.WITHDRAWN, NightState.FREE, Verdict.AWARD_WITHDRAWN),
    (AwardState.WITHDRAWN, NightState.ON_OFFER, Verdict.AWARD_WITHDRAWN),
    (AwardState.WITHDRAWN, NightState.OWN, Verdict.AWARD_WITHDRAWN),
    (AwardState.WITHDRAWN, NightState.TAKEN, Verdict.AWARD_WITHDRAWN),
    (AwardState.WITHDRAWN, NightState.PAST, Verdict.AWARD_WITHDRAWN),
]
ENDINGS = [
    pending().but(status=Status.EXPIRED, reason=Reason.EXPIRED),
    pending().but(status=Status.FAILED, reason=Reason.CREATION_FAILED),
    pending().but(status=Status.CANCELLED, reason=Reason.CANCELLED),
    pending().but(status=Status.EXPIRED, reason=Reason.EXPIRED, unresolved="SILENCE"),
    pending().but(status=Status.EXPIRED, reason=Reason.EXPIRED, unresolved="PROCESSING"),
    supersede(pending(), NOW),
    supersede(attempt_order(reserved(), NOW), NOW),
]


def decided(session: PaymentSession, obstacles: Obstacles, at: datetime) -> Decision:
    decision = decide(session, money(), at, obstacles=obstacles)
    assert decision is not None
    assert decision.evidence == money().but(equation="amount")
    booked = ["confirmation", "host_confirmation"]
    assert mails(session, decision) == (["refund"] if decision.session.refund else booked)
    return decision


def is_given_back(decision: Decision, reason: Reason, at: datetime) -> bool:
    session = decision.session
    expected = Refund(amount=session.amount, status=Fulfilment.REFUND_DUE)
    assert (decision.name, decision.nights) == (f"PAID_{reason.value}", Nights.FREE)
    assert (session.status, session.fulfilment, session.reason) == (Status.PAID, Fulfilment.REFUND_DUE, reason)
    assert (session.refund, session.booked_at, session.due_at) == (expected, None, at)
    return True


def is_booked(decision: Decision, at: datetime) -> bool:
    session = decision.session
    assert (decision.name, decision.nights) == ("PAID_AND_BOOKED", Nights.BOOK)
    assert (session.status, session.fulfilment, session.booked_at) == (Status.PAID, Fulfilment.BOOKED, at)
    assert (session.reason, session.refund, session.due_at, session.unresolved) == (None, None, None, None)
    return True


def test_the_table_has_a_verdict_for_every_award_and_every_night_and_no_other() -> None:
    assert {(award, night): verdict for award, night, verdict in CONTRACT} == MONEY
    assert set(MONEY) == set(product(AwardState, NightState))


@pytest.mark.parametrize("session", [pending(), *ENDINGS], ids=lambda each: f"{each.status}-{each.reason}")
@pytest.mark.parametrize(("award", "night", "verdict"), CONTRACT, ids=str)
def test_each_cell_of_the_table_decides_on_money(
    session: PaymentSession, award: AwardState, night: NightState, verdict: Verdict
) -> None:
    obstacles, at = Obstacles(AWARDS[award], **STANDING[night]), AFTER_ALL_NIGHTS if night is NightState.PAST else LATER
    assert verdicts(session, obstacles, at) == {verdict}
    decision = decided(session, obstacles, at)
    if verdict.name.startswith("BOOK"):
        assert is_booked(decision, at)
    else:
        assert is_given_back(decision, Reason[verdict.name], at)


@pytest.mark.parametrize(
    ("award", "state"),
    [
        (None, AwardState.OPEN),
        (win(), AwardState.OPEN),
        (win(deadline=NOW - MOMENT), AwardState.OPEN),
        (offer(), AwardState.OPEN),
        (offer(status=AwardStatus.ACCEPTED), AwardState.OPEN),
        (win(status=AwardStatus.EXPIRED), AwardState.OVER),
        (win(status=AwardStatus.DECLINED), AwardState.OVER),
        (offer(status=AwardStatus.DECLINED), AwardState.OVER),
        (PAID_BY_ANOTHER, AwardState.PAID),
        (PAID_BY_ANOTHER.but(ended_at=LATER), AwardState.PAID),
        (PAID_BY_ANOTHER.but(nights=priced(*NIGHTS[1:])), AwardState.PAID),
        (win(status=AwardStatus.WITHDRAWN), AwardState.WITHDRAWN),
        (offer(status=AwardStatus.WITHDRAWN), AwardState.WITHDRAWN),
    ],
)
def test_an_award_is_open_over_paid_or_withdrawn(award: Award | None, state: AwardState) -> None:
    assert award_state(pending(), award) is state


@pytest.mark.parametrize(
    "corrected",
    [
        *(win(status=status, nights=priced(*NIGHTS[1:])) for status in AwardStatus if status is not AwardStatus.PAID),
        offer(nights=priced(*NIGHTS[:2])),
        win(status=AwardStatus.LOST, nights=()),
    ],
    ids=lambda award: f"{award.status}-{len(award.nights)}",
)
def test_money_for_a_night_that_a_correction_took_back_is_given_back_whole(corrected: Award) -> None:
    assert is_given_back(decided(pending(), Obstacles(corrected), LATER), Reason.AWARD_WITHDRAWN, LATER)


@pytest.mark.parametrize("status", [AwardStatus.PENDING_PAYMENT, AwardStatus.EXPIRED])
def test_money_for_nights_that_a_correction_kept_is_booked_whatever_else_it_changed(status: AwardStatus) -> None:
    more = win(status=status, nights=priced(*NIGHTS, date(2026, 12, 4), price=1), revision=3)
    assert is_booked(decided(pending(), Obstacles(more), LATER), LATER)


TAKEN = frozenset(NIGHTS[2:])
OWN_NIGHT = OWN.but(nights=NIGHTS[:1])
OFFERED_NIGHT = OF_OTHERS.but(nights=priced(NIGHTS[1]))
SECOND_EVENING = datetime(2026, 12, 2, 12, tzinfo=UTC)  # the first night is past


@pytest.mark.parametrize(
    ("obstacles", "at", "reason"),
    [
        (Obstacles(own=(OWN_NIGHT,), offers=(OFFERED_NIGHT,)), LATER, None),
        (Obstacles(own=(OWN_NIGHT,), offers=(OFFERED_NIGHT,), taken=TAKEN), LATER, Reason.NIGHTS_TAKEN),
        (Obstacles(taken=TAKEN), LATER, Reason.NIGHTS_TAKEN),
        (Obstacles(), SECOND_EVENING, Reason.NIGHTS_PAST),
        (Obstacles(own=(OWN_NIGHT,)), SECOND_EVENING, Reason.NIGHTS_PAST),
        (Obstacles(taken=TAKEN), SECOND_EVENING, Reason.NIGHTS_PAST),
        (Obstacles(PAID_BY_ANOTHER, taken=TAKEN), SECOND_EVENING, Reason.ALREADY_PAID),
        (Obstacles(win(status=AwardStatus.WITHDRAWN), taken=TAKEN), SECOND_EVENING, Reason.AWARD_WITHDRAWN),
    ],
)
def test_one_night_that_gives_the_money_back_decides_for_all(
    obstacles: Obstacles, at: datetime, reason: Reason | None
) -> None:
    decision = decided(pending(), obstacles, at)
    assert is_given_back(decision, reason, at) if reason else is_booked(decision, at)


def test_a_night_of_which_nothing_stands_in_the_way_is_free_whatever_stands_elsewhere() -> None:
    elsewhere = (date(2026, 12, 9),)
    obstacles = Obstacles(taken=frozenset(elsewhere), own=(OWN.but(nights=elsewhere),))
    assert verdicts(pending(), obstacles, LATER) == {Verdict.BOOK}


def vietnam(day: int, hour: int, minute: int) -> datetime:
    return datetime.fromisoformat(f"2026-12-{day:02}T{hour:02}:{minute:02}:00+07:00")


@pytest.mark.parametrize("processing", [False, True])
def test_a_night_is_past_only_for_money_known_more_than_four_minutes_after_the_orders_end(*, processing: bool) -> None:
    session = pending(now=vietnam(1, 23, 50)).but(processing=processing)
    last_moment = vietnam(2, 0, 9)
    assert last_moment == session.expires_at + HOLD_MARGIN
    assert is_booked(decided(session, Obstacles(), last_moment), last_moment)
    assert is_given_back(decided(session, Obstacles(), last_moment + MOMENT), Reason.NIGHTS_PAST, last_moment + MOMENT)


def test_a_night_is_past_only_when_its_date_is_over_in_vietnam() -> None:
    session, midnight = pending(now=vietnam(1, 23, 30)), vietnam(2, 0, 0)
    assert session.expires_at + HOLD_MARGIN < midnight - MOMENT
    assert is_booked(decided(session, Obstacles(), midnight - MOMENT), midnight - MOMENT)
    assert is_given_back(decided(session, Obstacles(), midnight), Reason.NIGHTS_PAST, midnight)


@pytest.mark.parametrize(
    "other",
    [
        OWN,
        attempt_order(OWN, NOW),
        pending(OTHER_STAY),
        pending(OTHER_STAY).but(processing=True),
    ],
    ids=["reservation", "reservation being paid", "order", "moving money"],
)
def test_the_users_own_other_order_gives_way_and_what_still_comes_for_it_is_given_back(other: PaymentSession) -> None:
    late = ENDINGS[0]
    assert is_booked(decided(late, Obstacles(own=(other,)), LATER), LATER)
    paid_by_the_late = win(status=AwardStatus.PAID, payment_id=late.id)
    assert is_given_back(
        decided(supersede(other, LATER), Obstacles(paid_by_the_late), LATER), Reason.ALREADY_PAID, LATER
    )


def test_what_gives_way_is_cancelled_as_superseded_and_asked_about_later() -> None:
    session = pending().but(processing=True)
    assert supersede(session, LATER) == session.but(
        status=Status.CANCELLED,
        reason=Reason.SUPERSEDED,
        processing=False,
        cancelled_at=LATER,
        changed_at=LATER,
        due_at=session.expires_at + LATE_CHECKS[1],
    )
    assert supersede(reserved(), NOW).due_at is None


@pytest.mark.parametrize("session", ENDINGS[-2:])
def test_what_gave_way_and_is_paid_late_is_no_cancelled_booking(session: PaymentSession) -> None:
    paid = after(decide(session, money(), LATER))
    booking = booking_of(paid)
    assert booking is not None
    assert (booking.status, booking.cancelled_at, paid.cancelled_at) == (BookingStatus.CONFIRMED, None, None)


GIVEN_BACK = [
    pending().but(status=status, fulfilment=fulfilment, transaction_id=TRANSACTION)
    for status, fulfilment in product(
        (Status.FAILED, Status.EXPIRED),
        (Fulfilment.REFUND_DUE, Fulfilment.REFUNDING, Fulfilment.REFUNDED, Fulfilment.REFUND_MANUAL),
    )
]


@pytest.mark.parametrize("session", [*GIVEN_BACK, booked()], ids=lambda each: f"{each.status}-{each.fulfilment}")
@pytest.mark.parametrize("amount", [900_000, 1])
def test_money_after_people_gave_it_back_is_stray_and_never_a_second_booking(
    session: PaymentSession, amount: int
) -> None:
    second = money(amount, "261122000000176")
    for at in (NOW, LATER, AFTER_ALL_NIGHTS):
        assert decide(session, second, at) == Decision(session, "SECOND_TRANSACTION", evidence=second)
        assert decide(session, money(amount), at) is None


def test_an_order_that_is_over_is_paid_all_the_same_however_it_ended() -> None:
    for session in ENDINGS:
        for outcome in (Outcome.UNPAID, Outcome.PROCESSING, Outcome.UNKNOWN, Outcome.NOT_FOUND, Outcome.EXPIRED):
            assert decide(session, said(outcome), LATER) is None
        assert is_booked(
            decided(session, Obstacles(), session.expires_at + PAYMENT_TIME), session.expires_at + PAYMENT_TIME
        )
