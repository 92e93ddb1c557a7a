"""Bookings: their state by their session, and the refund of a cancellation."""

from datetime import date, datetime, timedelta

import pytest

from stays.domain.booking import (
    Booking,
    BookingStatus,
    already_paid,
    booking_of,
    cancel,
    check_out,
    reference_number,
    share,
)
from stays.domain.decision import Decision, Nights, Outcome, decide, supersede
from stays.domain.errors import Refused
from stays.domain.payment import Fulfilment, PaymentSession, Reason, Refund, Status, Terms, attempt_order, read_terms
from stays.edge.responses.bookings import ShownBooking
from tests.samples import (
    HOST,
    NIGHTS,
    NOW,
    POLICY,
    STAY,
    TRAVELLER,
    after,
    booked,
    cancelled,
    mails,
    pending,
    refund_due,
    refunding,
    reserved,
    said,
    under_review,
    win,
)

LATER = NOW + timedelta(hours=1)
CHECK_IN = NIGHTS[0]
HALF = read_terms("[[0, 50]]")


def vietnam(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.fromisoformat(f"{day.isoformat()}T{hour:02}:{minute:02}:00+07:00")


def test_a_paid_session_is_a_confirmed_booking_in_the_contracts_shape() -> None:
    assert booking_of(booked()) == Booking(
        id=STAY,
        payment_id=STAY,
        reference_number="6789A-BCDEF",
        user_id=TRAVELLER,
        property_id="501",
        property_name="Nhà Gỗ Đà Lạt",
        host_id=HOST,
        check_in=date(2026, 12, 1),
        check_out=date(2026, 12, 4),
        nights=NIGHTS,
        guest_count=2,
        total_amount=900_000,
        status=BookingStatus.CONFIRMED,
        created_at=NOW,
    )


def test_c16_the_dates_of_a_booking_carry_no_time() -> None:
    booking = booking_of(booked())
    assert booking is not None
    shown = ShownBooking.of(booking, POLICY).dump()
    assert (shown["checkIn"], shown["checkOut"]) == ("2026-12-01", "2026-12-04")
    assert shown["nights"] == ["2026-12-01", "2026-12-02", "2026-12-03"]
    assert shown["createdAt"] == "2026-11-22T03:00:00.000Z"
    assert None not in shown.values()


def test_a_booking_shows_its_refund_without_our_doubts() -> None:
    refund = Refund(amount=300_000, status=Fulfilment.REFUNDING, uncertain=7, repeated_at=NOW)
    booking = booking_of(booked().but(refund=refund))
    assert booking is not None
    assert ShownBooking.of(booking, POLICY).dump()["refund"] == {"amount": 300_000, "status": "REFUNDING"}


def test_nights_that_are_paid_already_are_refused_with_the_session() -> None:
    refused = already_paid(booked())
    assert (refused.code, refused.details) == ("INVALID_AUCTION_STATE", {"sessionId": STAY})


def test_nights_with_gaps_are_one_booking_from_the_first_to_the_morning_after_the_last() -> None:
    gaps = (date(2026, 12, 30), date(2026, 12, 31), date(2027, 1, 5))
    booking = booking_of(booked().but(nights=gaps))
    assert booking is not None
    assert (booking.check_in, booking.check_out, booking.nights) == (date(2026, 12, 30), date(2027, 1, 6), gaps)


def test_one_night_ends_the_next_morning() -> None:
    assert check_out([date(2028, 2, 29)]) == date(2028, 3, 1)


def test_a_reference_is_the_random_end_of_the_id() -> None:
    assert reference_number("01KANX8QG00123456789ABCDEF") == "6789A-BCDEF"


@pytest.mark.parametrize(
    "session", [pending(), under_review(), refund_due(), after(decide(pending(), said(Outcome.EXPIRED), NOW))]
)
def test_what_was_neither_reserved_nor_paid_is_no_booking(session: PaymentSession) -> None:
    assert booking_of(session) is None


@pytest.mark.parametrize(
    ("session", "status"),
    [
        (reserved(), BookingStatus.PENDING),
        (attempt_order(reserved(), NOW), BookingStatus.PENDING),
        (reserved().but(status=Status.PENDING), BookingStatus.PENDING),
        (reserved().but(status=Status.EXPIRED), BookingStatus.CANCELLED),
        (reserved().but(status=Status.FAILED), BookingStatus.CANCELLED),
        (booked(), BookingStatus.CONFIRMED),
        (booked().but(reserved=True), BookingStatus.CONFIRMED),
        (cancelled(), BookingStatus.CANCELLED),
        (cancelled().but(fulfilment=Fulfilment.REFUNDED), BookingStatus.CANCELLED),
        (cancelled().but(fulfilment=Fulfilment.NONE), BookingStatus.CANCELLED),
        (refunding().but(reserved=True), BookingStatus.CANCELLED),
    ],
)
def test_only_money_confirms_a_booking(session: PaymentSession, status: BookingStatus) -> None:
    booking = booking_of(session)
    assert booking is not None
    assert booking.status is status


@pytest.mark.parametrize(
    ("days", "percent"), [(365, 100), (8, 100), (7, 100), (6, 50), (4, 50), (3, 50), (2, 0), (0, 0), (-1, 0)]
)
def test_the_share_changes_on_the_days_of_the_policy(days: int, percent: int) -> None:
    morning, evening = (vietnam(CHECK_IN - timedelta(days=days), hour) for hour in (0, 23))
    assert share(POLICY, CHECK_IN, morning) == share(POLICY, CHECK_IN, evening) == percent


def test_the_days_that_are_left_are_counted_in_vietnam() -> None:
    week_before = CHECK_IN - timedelta(days=7)
    assert share(POLICY, CHECK_IN, vietnam(week_before, 23, 59)) == 100
    assert share(POLICY, CHECK_IN, vietnam(week_before + timedelta(days=1), 0, 0)) == 50


def test_the_order_of_the_policys_rows_does_not_matter_and_none_gives_nothing() -> None:
    shuffled = read_terms("[[0, 0], [7, 100], [3, 50]]")
    assert share(shuffled, CHECK_IN, vietnam(CHECK_IN - timedelta(days=5), 12)) == 50
    assert share((), CHECK_IN, NOW) == 0
    assert share(POLICY[1:2], CHECK_IN, vietnam(CHECK_IN - timedelta(days=2), 12)) == 0


def test_a_cancelled_booking_frees_its_nights_and_owes_the_share() -> None:
    six_days_left = vietnam(CHECK_IN - timedelta(days=6), 12)
    assert cancel(booked(), POLICY, six_days_left) == Decision(
        booked().but(
            fulfilment=Fulfilment.REFUND_DUE,
            reason=Reason.CANCELLED_BY_TRAVELLER,
            refund=Refund(amount=450_000, status=Fulfilment.REFUND_DUE),
            cancelled_at=six_days_left,
            changed_at=six_days_left,
            due_at=six_days_left,
        ),
        "BOOKING_CANCELLED",
        Nights.FREE,
    )


@pytest.mark.parametrize(("days", "refunded"), [(7, 900_000), (6, 900_000), (3, 900_000), (2, None)])
def test_of_an_order_with_a_promotion_any_share_is_the_whole(days: int, refunded: int | None) -> None:
    promoted = booked().but(received=850_000, discount=50_000)
    decision = cancel(promoted, POLICY, vietnam(CHECK_IN - timedelta(days=days), 12))
    assert decision is not None
    assert (decision.session.refund and decision.session.refund.amount) == refunded


def test_a_share_is_rounded_down_to_whole_dong() -> None:
    decision = cancel(booked().but(amount=333_333), HALF, LATER)
    assert decision is not None
    assert decision.session.refund == Refund(amount=166_666, status=Fulfilment.REFUND_DUE)


def test_a_booking_cancelled_too_late_owes_nothing_and_is_not_looked_at_again() -> None:
    decision = cancel(booked(), POLICY, vietnam(CHECK_IN, 12))
    assert decision is not None
    session = decision.session
    assert (session.status, session.fulfilment) == (Status.PAID, Fulfilment.NONE)
    assert (session.refund, session.due_at, session.cancelled_at) == (None, None, vietnam(CHECK_IN, 12))
    assert decision.nights is Nights.FREE
    assert mails(booked(), decision) == ["cancellation", "host_cancellation"]


def test_a_share_of_less_than_one_dong_is_no_refund() -> None:
    decision = cancel(booked().but(amount=1), HALF, LATER)
    assert decision is not None
    assert (decision.session.fulfilment, decision.session.refund) == (Fulfilment.NONE, None)


def test_a_reservation_is_given_back_as_if_it_had_not_been() -> None:
    assert cancel(reserved(), POLICY, LATER) == Decision(
        reserved().but(
            status=Status.CANCELLED,
            reason=Reason.CANCELLED_BY_TRAVELLER,
            cancelled_at=LATER,
            changed_at=LATER,
            due_at=None,
        ),
        "RESERVATION_CANCELLED",
        Nights.FREE,
    )


@pytest.mark.parametrize("session", [attempt_order(reserved(), NOW), attempt_order(reserved(award=win()), LATER)])
def test_whoever_may_still_pay_does_not_lose_the_nights(session: PaymentSession) -> None:
    with pytest.raises(Refused, match="it ends by itself") as refused:
        cancel(session, POLICY, LATER)
    assert refused.value.code == "INVALID_AUCTION_STATE"
    assert refused.value.details == {"sessionId": STAY, "expiresAt": session.dump()["expiresAt"]}


@pytest.mark.parametrize("unpaid", [False, True])
def test_nobody_gives_back_an_order_whose_money_is_moving(*, unpaid: bool) -> None:
    session = attempt_order(reserved(), NOW).but(processing=True)
    with pytest.raises(Refused, match="Money is on its way") as refused:
        cancel(session, POLICY, LATER, unpaid=unpaid)
    assert refused.value.code == "PAYMENT_PROCESSING"
    assert refused.value.details == {"sessionId": STAY, "expiresAt": session.dump()["expiresAt"]}


@pytest.mark.parametrize("session", [attempt_order(reserved(), NOW), reserved().but(status=Status.PENDING)])
def test_an_open_order_of_which_zalopay_says_that_nobody_paid_gives_way(session: PaymentSession) -> None:
    session = session.but(attempted_at=NOW)
    expected = Decision(supersede(session, LATER), "SUPERSEDED", Nights.FREE)
    assert cancel(session, POLICY, LATER, unpaid=True) == expected
    assert cancel(expected.session, POLICY, LATER, unpaid=True) is None


@pytest.mark.parametrize(
    "session",
    [
        pending(),
        under_review(),
        refund_due(),
        cancelled(),
        cancelled().but(fulfilment=Fulfilment.REFUNDING),
        cancelled().but(fulfilment=Fulfilment.REFUNDED),
        cancelled().but(fulfilment=Fulfilment.REFUND_MANUAL),
        cancelled().but(fulfilment=Fulfilment.NONE, refund=None),
        reserved().but(status=Status.EXPIRED),
        after(cancel(reserved(), POLICY, LATER)),
    ],
)
def test_cancelling_what_is_not_booked_or_is_cancelled_already_does_nothing(session: PaymentSession) -> None:
    assert cancel(session, POLICY, LATER) is None


@pytest.mark.parametrize(
    ("own", "stage", "owed"),
    [
        (None, HALF, 450_000),
        (POLICY, HALF, 900_000),
        (HALF, POLICY, 450_000),
        ((), HALF, 0),
        (read_terms("[[0, 0]]"), POLICY, 0),
    ],
)
def test_the_terms_of_a_cancellation_belong_to_the_sale(own: Terms | None, stage: Terms, owed: int) -> None:
    session = booked().but(cancellation_policy=own)
    terms = stage if own is None else own
    assert refunded(cancel(session, stage, LATER)) == owed
    booking = booking_of(session)
    assert booking is not None
    assert ShownBooking.of(booking, stage).dump()["cancellationPolicy"] == [term.dump() for term in terms]


@pytest.mark.parametrize(("days", "owed"), [(7, 900_000), (6, 900_000), (3, 900_000), (2, 0), (0, 0)])
@pytest.mark.parametrize("received", [900_000, 850_000])
def test_an_order_with_a_promotion_is_given_back_whole_or_not_at_all(days: int, owed: int, received: int) -> None:
    session = booked().but(discount=50_000, received=received)
    decision = cancel(session, POLICY, vietnam(CHECK_IN - timedelta(days=days), 12))
    assert decision is not None
    refund = decision.session.refund
    assert (refund.amount if refund else 0) == owed
    assert decision.session.fulfilment is (Fulfilment.REFUND_DUE if owed else Fulfilment.NONE)


def refunded(decision: Decision | None) -> int:
    refund = after(decision).refund
    return refund.amount if refund else 0


def test_a_promotion_of_nothing_is_none() -> None:
    assert refunded(cancel(booked().but(discount=0), HALF, LATER)) == 450_000


def test_a_cancelled_booking_says_when_and_what_goes_back() -> None:
    booking = booking_of(cancelled())
    assert booking is not None
    assert (booking.cancelled_at, booking.refund) == (NOW, Refund(amount=900_000, status=Fulfilment.REFUND_DUE))


def test_a_stay_that_is_over_is_not_cancelled() -> None:
    last_evening, morning = vietnam(NIGHTS[-1], 23, 59), vietnam(NIGHTS[-1] + timedelta(days=1), 0)
    assert cancel(booked(), POLICY, last_evening) is not None
    with pytest.raises(Refused, match="over") as refused:
        cancel(booked(), POLICY, morning)
    assert (refused.value.code, refused.value.details) == ("INVALID_AUCTION_STATE", {"checkOut": "2026-12-04"})
