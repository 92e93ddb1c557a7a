"""Payment sessions: every status with every piece of evidence, at every time limit."""

from datetime import datetime, timedelta
from itertools import product

import pytest

from stays.domain.award import AwardStatus, Quote
from stays.domain.booking import cancel
from stays.domain.decision import (
    ATTEMPT_TIME,
    ENDING_MARGIN,
    NO_OBSTACLES,
    Decision,
    Evidence,
    Nights,
    Obstacles,
    Outcome,
    decide,
    is_being_made,
    order_given_up,
    order_made,
    supersede,
)
from stays.domain.mail import Profile
from stays.domain.payment import (
    CHECK_INTERVAL,
    FULFILMENT_SOURCES,
    HOLD_MARGIN,
    LATE_CHECKS,
    MOST_OPENED,
    OWING,
    PAYMENT_TIME,
    QUERY_INTERVAL,
    SILENCE_TIME,
    STATUS_SOURCES,
    UNFINISHED,
    Contact,
    Fulfilment,
    PaymentSession,
    Reason,
    Refund,
    Status,
    Term,
    Terms,
    attempt_order,
    next_late_check,
    open_session,
)
from stays.edge.responses.payments import ShownPaymentSession, Verdict
from tests.samples import (
    NIGHTS,
    NOW,
    ORDER_URL,
    OTHER_STAY,
    POLICY,
    STAY,
    TRANSACTION,
    TRAVELLER,
    booked,
    cancelled,
    money,
    offer,
    opened,
    pending,
    quoted,
    refund_due,
    reserved,
    said,
    under_review,
    win,
)

SILENCE = Evidence(source="create", outcome=Outcome.UNKNOWN)
SOON = NOW + timedelta(seconds=10)
MOMENT = timedelta(milliseconds=1)
EVERY_STATE = [
    *(pending().but(status=status) for status in Status if status is not Status.PAID),
    *(under_review().but(status=status) for status in Status if status is not Status.PAID),
    pending().but(processing=True),
    supersede(pending(), NOW),
    reserved(),
    booked(),
    refund_due(),
    cancelled(),
    cancelled().but(fulfilment=Fulfilment.REFUNDING),
    cancelled().but(fulfilment=Fulfilment.REFUNDED),
    cancelled().but(fulfilment=Fulfilment.REFUND_MANUAL),
    cancelled().but(fulfilment=Fulfilment.NONE, refund=None),
]
EVERY_EVIDENCE = [
    money(),
    money(amount=1),
    money(amount=800_000).but(discount=100_000),
    money(transaction_id="999"),
    *(said(outcome) for outcome in Outcome if outcome is not Outcome.PAID),
]
EVERY_TIME = [NOW, SOON, NOW + ATTEMPT_TIME + MOMENT, NOW + PAYMENT_TIME, NOW + PAYMENT_TIME + ENDING_MARGIN]
GONE = Obstacles(taken=frozenset(NIGHTS[:1]))
KNOWN = Obstacles(known=True)
IN_THE_WAY = [
    NO_OBSTACLES,
    GONE,
    KNOWN,
    Obstacles(own=(reserved(OTHER_STAY),)),
    Obstacles(award=win(status=AwardStatus.PAID, payment_id=OTHER_STAY)),
    Obstacles(award=win(status=AwardStatus.WITHDRAWN)),
    Obstacles(award=win(status=AwardStatus.EXPIRED), offers=(offer(),)),
]
EVERYTHING = list(product(EVERY_STATE, EVERY_EVIDENCE, EVERY_TIME, IN_THE_WAY))


def decisions() -> list[tuple[PaymentSession, Evidence, Decision]]:
    met = (
        (session, said, decide(session, said, at, obstacles=obstacles)) for session, said, at, obstacles in EVERYTHING
    )
    return [(session, said, decision) for session, said, decision in met if decision is not None]


def test_every_decision_moves_along_the_two_tables_of_transitions() -> None:
    for before, _, decision in decisions():
        after = decision.session
        assert after.status is before.status or before.status in STATUS_SOURCES[after.status]
        assert after.fulfilment is before.fulfilment or before.fulfilment in FULFILMENT_SOURCES[after.fulfilment]


def test_nothing_but_its_state_and_the_evidence_changes_in_a_session() -> None:
    changeable = {"status", "fulfilment", "processing", "unresolved", "reason", "refund"}
    changeable |= {"transaction_id", "received", "discount"}
    changeable |= {"changed_at", "paid_at", "booked_at", "cancelled_at", "due_at"}
    for before, _, decision in decisions():
        assert decision.session.model_dump(exclude=changeable) == before.model_dump(exclude=changeable)


def test_a_paid_session_is_never_changed_by_any_evidence() -> None:
    for before, evidence, decision in decisions():
        if before.status is Status.PAID:
            assert decision == Decision(before, "SECOND_TRANSACTION", evidence=evidence)


def test_the_right_money_leads_to_paid_from_anywhere_whatever_stands_in_the_way_of_its_nights() -> None:
    for session, at, obstacles in product(EVERY_STATE, EVERY_TIME, [each for each in IN_THE_WAY if each != KNOWN]):
        decision = decide(session, money(), at, obstacles=obstacles)
        settled = decision.session if decision else session
        assert settled.status is Status.PAID
        assert settled.transaction_id == TRANSACTION


def test_no_evidence_but_money_leads_to_paid() -> None:
    assert all(e.outcome is Outcome.PAID for _, e, d in decisions() if d.session.status is Status.PAID)


def test_unknown_says_nothing_in_any_state_until_48_hours_after_the_end() -> None:
    for session, at in product(EVERY_STATE, [*EVERY_TIME, NOW + PAYMENT_TIME + SILENCE_TIME - MOMENT]):
        assert decide(session, said(Outcome.UNKNOWN, -500), at) is None


def test_what_is_not_money_never_changes_a_session_that_has_ended() -> None:
    for before, evidence, _ in decisions():
        assert evidence.outcome is Outcome.PAID or before.status in UNFINISHED


def test_the_same_evidence_twice_is_decided_once() -> None:
    for before, evidence, at, obstacles in EVERYTHING:
        decision = decide(before, evidence, at, obstacles=obstacles)
        if decision is not None and decision.name not in ("SECOND_TRANSACTION", "TRANSACTION_KNOWN"):
            assert decide(decision.session, evidence, at, obstacles=obstacles) is None


def test_nights_are_freed_with_every_end_booked_with_money_only_and_held_otherwise_where_it_moves() -> None:
    for before, _, decision in decisions():
        after = decision.session
        ended = before.is_live and not after.is_live and after.status is not Status.PAID
        booked_now = after.booked_at is not None and before.booked_at is None
        gave_up = after.status is Status.PAID is not before.status and after.booked_at is None
        expected = Nights.BOOK if booked_now else Nights.FREE if ended or gave_up else Nights.KEEP
        if after.is_live and after.processing is not before.processing:
            expected = Nights.HOLD
        assert decision.nights is expected


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.PAID])
@pytest.mark.parametrize("session", [pending(), under_review()], ids=["payable", "in review"])
def test_money_books_the_nights_and_owes_a_confirmation(session: PaymentSession, status: Status) -> None:
    before = session.but(status=status, processing=True, due_at=SOON)
    evidence = money()
    assert decide(before, evidence, SOON) == Decision(
        before.but(
            status=Status.PAID,
            fulfilment=Fulfilment.BOOKED,
            transaction_id=TRANSACTION,
            received=900_000,
            paid_at=NOW,
            booked_at=SOON,
            processing=False,
            changed_at=SOON,
            reason=None,
            due_at=None,
        ),
        "PAID_AND_BOOKED",
        Nights.BOOK,
        evidence=evidence.but(equation="amount"),
    )


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.PAID])
def test_money_for_nights_that_are_gone_is_owed_back_at_once(status: Status) -> None:
    before = pending().but(status=status)
    evidence = money()
    assert decide(before, evidence, SOON, obstacles=GONE) == Decision(
        before.but(
            status=Status.PAID,
            fulfilment=Fulfilment.REFUND_DUE,
            transaction_id=TRANSACTION,
            received=900_000,
            paid_at=NOW,
            changed_at=SOON,
            reason=Reason.NIGHTS_TAKEN,
            refund=Refund(amount=900_000, status=Fulfilment.REFUND_DUE),
            due_at=SOON,
        ),
        "PAID_NIGHTS_TAKEN",
        Nights.FREE,
        evidence=evidence.but(equation="amount"),
    )


def test_money_without_a_time_was_paid_now() -> None:
    decision = decide(pending(), money().but(paid_at=None), SOON)
    assert decision is not None
    assert decision.session.paid_at == SOON


@pytest.mark.parametrize("amount", [None, 1, 899_999, 900_001])
@pytest.mark.parametrize("status", [status for status in Status if status is not Status.PAID])
def test_another_amount_is_reviewed_by_people_and_never_paid(status: Status, amount: int | None) -> None:
    before, evidence = pending().but(status=status), money().but(amount=amount)
    expected = before.but(
        status=Status.FAILED if status in UNFINISHED else status,
        fulfilment=Fulfilment.REVIEW,
        reason=Reason.UNDER_REVIEW,
        transaction_id=evidence.transaction_id,
        received=amount,
        changed_at=SOON,
        due_at=None,
    )
    nights = Nights.FREE if status in UNFINISHED else Nights.KEEP
    assert decide(before, evidence, SOON) == Decision(expected, "AMOUNT_MISMATCH", nights, evidence=evidence)
    assert decide(expected, evidence, SOON) is None


@pytest.mark.parametrize("obstacles", [KNOWN, GONE._replace(known=True)])
@pytest.mark.parametrize("status", [status for status in Status if status is not Status.PAID])
def test_a_transaction_that_paid_another_order_is_reviewed_by_people(status: Status, obstacles: Obstacles) -> None:
    before, evidence = pending().but(status=status), money()
    expected = before.but(
        status=Status.FAILED if status in UNFINISHED else status,
        fulfilment=Fulfilment.REVIEW,
        reason=Reason.UNDER_REVIEW,
        received=900_000,
        changed_at=SOON,
        due_at=None,
    )
    nights = Nights.FREE if status in UNFINISHED else Nights.KEEP
    assert decide(before, evidence, SOON, obstacles=obstacles) == Decision(
        expected, "TRANSACTION_KNOWN", nights, evidence=evidence
    )
    again = decide(expected, evidence, SOON, obstacles=obstacles)
    assert again is not None and (again.session, again.name) == (expected, "SECOND_TRANSACTION")


def test_other_money_for_a_session_under_review_is_kept_too() -> None:
    reviewed = decide(pending(), money().but(amount=1), SOON)
    assert reviewed is not None
    other = money(transaction_id="261122000000177", amount=7)
    assert decide(reviewed.session, other, SOON) == Decision(reviewed.session, "SECOND_TRANSACTION", evidence=other)


def test_a_second_transaction_is_kept_beside_the_first() -> None:
    second = money(transaction_id="261122000000176", amount=5)
    assert decide(booked(), second, SOON) == Decision(booked(), "SECOND_TRANSACTION", evidence=second)


@pytest.mark.parametrize("status", sorted(UNFINISHED))
@pytest.mark.parametrize(
    ("outcome", "ending", "reason"),
    [
        (Outcome.EXPIRED, Status.EXPIRED, "PAYMENT_EXPIRED"),
        (Outcome.CANCELLED, Status.CANCELLED, "PAYMENT_CANCELLED"),
        (Outcome.REFUSED, Status.FAILED, "PAYMENT_CREATION_FAILED"),
    ],
)
def test_zalopays_final_word_ends_a_session(status: Status, outcome: Outcome, ending: Status, reason: str) -> None:
    before, evidence = pending().but(status=status, processing=True), said(outcome, -54)
    later = None if outcome is Outcome.REFUSED else before.expires_at + LATE_CHECKS[0]
    after = before.but(status=ending, reason=Reason(reason), processing=False, changed_at=SOON, due_at=later)
    assert decide(before, evidence, SOON) == Decision(after, ending.value, Nights.FREE, evidence=evidence)


@pytest.mark.parametrize("outcome", [Outcome.UNPAID, Outcome.NOT_FOUND])
@pytest.mark.parametrize(
    ("session", "last_moment", "ending"),
    [
        (pending(), NOW + PAYMENT_TIME + ENDING_MARGIN - MOMENT, Status.EXPIRED),
        (opened(), NOW + ATTEMPT_TIME, Status.FAILED),
        (reserved(), NOW + PAYMENT_TIME - MOMENT, Status.EXPIRED),
        (attempt_order(reserved(), SOON), SOON + ATTEMPT_TIME, Status.FAILED),
    ],
    ids=["payable order", "order never made", "reservation", "reservation whose order was never made"],
)
def test_an_unpaid_session_ends_when_nobody_can_pay_it_any_more(
    session: PaymentSession, last_moment: datetime, ending: Status, outcome: Outcome
) -> None:
    assert decide(session, said(outcome), last_moment) is None
    ended = decide(session, said(outcome), last_moment + MOMENT)
    assert ended is not None
    assert (ended.session.status, ended.nights) == (ending, Nights.FREE)
    assert ended.session.due_at == (session.expires_at + LATE_CHECKS[0] if session.attempted_at else None)
    reason = Reason.CREATION_FAILED if ending is Status.FAILED else Reason.EXPIRED
    assert ended.session.reason is reason


def test_an_order_that_is_over_is_asked_about_ever_more_rarely_as_long_as_zalopay_knows_it() -> None:
    session, asked = pending(), []
    at: datetime | None = session.expires_at
    while at := next_late_check(session, at):
        asked.append(at - session.expires_at)
    assert asked == [timedelta(minutes=10), *(timedelta(hours=hours) for hours in (1, 6, 24, 40, 47))]
    assert session.expires_at + asked[-1] - session.created_at < timedelta(hours=48)
    assert next_late_check(reserved(), NOW) is None


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.PAID])
def test_a_session_under_review_is_for_people_and_the_clock_leaves_it_alone(outcome: Outcome) -> None:
    reviewed = decide(pending(), money().but(amount=1), SOON)
    assert reviewed is not None
    assert decide(reviewed.session, said(outcome), NOW + timedelta(days=2)) is None
    assert reviewed.session.client_status is Status.PENDING


def test_a_new_session_is_to_be_paid_in_15_minutes_and_looked_at_every_round() -> None:
    session = opened()
    assert (session.status, session.fulfilment) == (Status.CREATED, Fulfilment.NONE)
    assert session.app_trans_id == f"261122_{STAY}"
    assert session.expires_at == NOW + timedelta(minutes=15)
    assert session.hold_until == session.expires_at + HOLD_MARGIN > session.expires_at + ENDING_MARGIN
    assert (session.attempted_at, session.due_at) == (NOW, NOW + CHECK_INTERVAL)
    assert (session.amount, session.nights, session.user_id) == (900_000, NIGHTS, TRAVELLER)
    assert CHECK_INTERVAL < timedelta(minutes=1)


def test_a_reservation_waits_for_its_end_only() -> None:
    session = open_session(STAY, quoted(win()), TRAVELLER, Contact(), NOW, reserve=True)
    assert (session.reserved, session.attempted_at, session.due_at) == (True, None, NOW + PAYMENT_TIME)


def test_a_reservations_order_begins_a_new_quarter_of_an_hour_and_a_new_date() -> None:
    tomorrow = NOW + timedelta(hours=15)
    attempted = attempt_order(reserved(), tomorrow)
    assert attempted == reserved().but(
        app_trans_id=f"261123_{STAY}",
        attempted_at=tomorrow,
        changed_at=tomorrow,
        expires_at=tomorrow + PAYMENT_TIME,
        due_at=tomorrow + CHECK_INTERVAL,
    )


def test_c5_a_session_is_pending_from_the_moment_its_order_url_exists() -> None:
    begun = order_made(opened(), ORDER_URL, SOON)
    assert begun == Decision(
        opened().but(status=Status.PENDING, order_url=ORDER_URL, changed_at=SOON),
        "ORDER_MADE",
    )


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.CREATED])
def test_an_order_url_that_comes_late_changes_nothing_and_neither_does_giving_up(status: Status) -> None:
    assert order_made(opened().but(status=status), ORDER_URL, SOON) is None
    assert order_given_up(opened().but(status=status), SILENCE, SOON) is None


def test_an_order_that_zalopay_was_silent_about_is_given_up_with_the_evidence() -> None:
    given_up = order_given_up(opened(), SILENCE, SOON)
    assert given_up == Decision(opened().but(given_up_at=SOON, changed_at=SOON), "ORDER_GIVEN_UP", evidence=SILENCE)


def test_an_order_is_being_made_for_half_a_minute_unless_it_is_there_or_given_up() -> None:
    attempted = opened().but(attempted_at=NOW, order_url=None, given_up_at=None)
    assert is_being_made(attempted, NOW + ATTEMPT_TIME)
    assert not is_being_made(attempted, NOW + ATTEMPT_TIME + timedelta(milliseconds=1))
    assert not is_being_made(attempted.but(order_url=ORDER_URL), NOW)
    assert not is_being_made(attempted.but(given_up_at=NOW), NOW)
    assert not is_being_made(attempted.but(attempted_at=None), NOW)


@pytest.mark.parametrize(
    ("session", "shown"),
    [
        *((pending().but(status=status), status) for status in Status if status is not Status.PAID),
        *((under_review().but(status=status), Status.PENDING) for status in Status if status is not Status.PAID),
        (booked(), Status.PAID),
        (cancelled(), Status.PAID),
        (refund_due(), Status.FAILED),
        (refund_due().but(fulfilment=Fulfilment.REFUNDED), Status.FAILED),
    ],
)
def test_the_client_sees_what_its_money_bought(session: PaymentSession, shown: Status) -> None:
    assert session.client_status is shown
    assert ShownPaymentSession.of(session, POLICY).dump()["status"] == shown.value


def test_the_client_sees_the_contracts_shape_and_nothing_of_our_own() -> None:
    shown = cancel(booked(), POLICY, SOON)
    assert shown is not None
    assert ShownPaymentSession.of(shown.session, POLICY).dump() == {
        "id": STAY,
        "paymentId": STAY,
        "auctionId": "1001",
        "userId": TRAVELLER,
        "propertyId": "501",
        "propertyName": "Nhà Gỗ Đà Lạt",
        "hostId": "auth0|host",
        "city": "Đà Lạt",
        "guestCount": 2,
        "nights": ["2026-12-01", "2026-12-02", "2026-12-03"],
        "amount": 900_000,
        "currency": "VND",
        "cancellationPolicy": [
            {"daysBefore": 7, "percent": 100},
            {"daysBefore": 3, "percent": 50},
            {"daysBefore": 0, "percent": 0},
        ],
        "status": "PAID",
        "fulfilment": "REFUND_DUE",
        "appTransId": f"261122_{STAY}",
        "orderUrl": ORDER_URL,
        "transactionId": TRANSACTION,
        "reason": "CANCELLED_BY_TRAVELLER",
        "refund": {"amount": 900_000, "status": "REFUND_DUE"},
        "createdAt": "2026-11-22T03:00:00.000Z",
        "expiresAt": "2026-11-22T03:15:00.000Z",
        "paidAt": "2026-11-22T03:00:00.000Z",
        "bookedAt": "2026-11-22T03:00:00.000Z",
        "cancelledAt": "2026-11-22T03:00:10.000Z",
    }


@pytest.mark.parametrize(
    ("session", "verdict"),
    [
        (opened(), "PENDING"),
        (pending(), "PENDING"),
        (booked(), "PAID"),
        (refund_due(), "FAILED"),
        *((pending().but(status=Status(verdict)), verdict) for verdict in ("FAILED", "CANCELLED")),
        (pending().but(status=Status.EXPIRED), "CANCELLED"),
    ],
)
def test_c8_the_status_route_says_one_of_four_words(session: PaymentSession, verdict: str) -> None:
    shown = Verdict.of(session).dump()
    whole = ShownPaymentSession.of(session, POLICY).dump()
    more = ("transactionId", "amount", "paidAt", "reason", "refund")
    assert shown == {"status": verdict} | {name: whole[name] for name in more if name in whole}


def test_c24_a_page_that_loads_reads_pending_until_its_owner_was_told_that_it_is_paid() -> None:
    shown = ShownPaymentSession.of(booked(), POLICY).dump()
    untold = {name: value for name, value in shown.items() if name not in ("transactionId", "paidAt", "bookedAt")}
    assert ShownPaymentSession.of(booked().untold, POLICY).dump() == untold | {
        "status": "PENDING",
        "fulfilment": "NONE",
    }
    assert (shown["status"], shown["fulfilment"], shown["transactionId"]) == ("PAID", "BOOKED", TRANSACTION)
    told = booked().but(told_at=SOON)
    assert told.untold == told


@pytest.mark.parametrize("session", EVERY_STATE, ids=lambda each: f"{each.status}-{each.fulfilment}")
def test_c24_only_what_is_paid_and_not_given_back_has_to_be_told(session: PaymentSession) -> None:
    assert session.is_untold is (session.fulfilment is Fulfilment.BOOKED)
    assert not session.but(told_at=NOW).is_untold
    if not session.is_untold:
        assert session.untold == session


def test_a_session_keeps_the_terms_of_its_sale_and_the_nights_that_it_leaves_unsold() -> None:
    part = Quote(win(), NIGHTS[:1], 300_000)
    session = open_session(STAY, part, TRAVELLER, Contact(), NOW, reserve=False, terms=POLICY[:1])
    assert (session.nights, session.left, session.cancellation_policy) == (NIGHTS[:1], NIGHTS[1:], POLICY[:1])
    assert ShownPaymentSession.of(session, POLICY).dump()["cancellationPolicy"] == [{"daysBefore": 7, "percent": 100}]
    assert opened().left == ()


@pytest.mark.parametrize(("own", "shown"), [(None, list(POLICY)), ((), []), (POLICY[1:2], list(POLICY[1:2]))])
def test_what_an_earlier_release_opened_has_the_terms_of_its_stage(own: Terms | None, shown: list[Term]) -> None:
    session = PaymentSession.model_validate(opened(cancellation_policy=own).dump())
    assert ShownPaymentSession.of(session, POLICY).dump()["cancellationPolicy"] == [term.dump() for term in shown]


def test_a_session_is_read_back_from_what_was_written() -> None:
    for session in EVERY_STATE:
        assert PaymentSession.model_validate(session.dump()) == session


def test_the_times_of_a_payment_are_those_that_are_promised() -> None:
    assert (PAYMENT_TIME, HOLD_MARGIN, ENDING_MARGIN) == tuple(timedelta(minutes=minutes) for minutes in (15, 4, 1))
    assert (QUERY_INTERVAL, CHECK_INTERVAL, ATTEMPT_TIME) == tuple(timedelta(seconds=each) for each in (5, 45, 30))
    assert MOST_OPENED == 20


def test_a_status_is_entered_from_these_and_from_no_other() -> None:
    unpaid = {"CREATED", "PENDING", "FAILED", "CANCELLED", "EXPIRED"}
    live = {"CREATED", "PENDING"}
    assert {
        "PENDING": {"CREATED"},
        "PAID": unpaid,
        "FAILED": live,
        "CANCELLED": live,
        "EXPIRED": live,
    } == STATUS_SOURCES


def test_a_fulfilment_is_entered_from_these_and_from_no_other() -> None:
    assert {
        "BOOKED": {"NONE", "REVIEW"},
        "REVIEW": {"NONE"},
        "NONE": {"BOOKED"},
        "REFUND_DUE": {"NONE", "BOOKED", "REFUNDING", "REFUND_MANUAL", "REVIEW"},
        "REFUNDING": {"REFUND_DUE"},
        "REFUNDED": {"REFUNDING", "REFUND_MANUAL"},
        "REFUND_MANUAL": {"REFUND_DUE", "REFUNDING"},
    } == FULFILMENT_SOURCES
    assert {"REFUND_DUE", "REFUNDING"} == OWING


def test_money_under_review_no_longer_counts_as_moving() -> None:
    decision = decide(pending().but(processing=True), money(amount=1), NOW)
    assert decision is not None
    assert (decision.session.fulfilment, decision.session.processing) == (Fulfilment.REVIEW, False)


def test_a_session_keeps_whom_to_write_to_and_is_reserved_only_where_that_is_said() -> None:
    assert opened().contact == Contact(email="an@example.com", name="An")
    unsaid = {name: value for name, value in opened().dump().items() if name != "reserved"}
    assert PaymentSession.model_validate(unsaid).reserved is False


def test_a_session_shows_its_refund_without_our_doubts() -> None:
    refund = Refund(amount=300_000, status=Fulfilment.REFUNDING, uncertain=7, repeated_at=NOW)
    shown = ShownPaymentSession.of(pending().but(refund=refund), POLICY).dump()
    assert shown["refund"] == {"amount": 300_000, "status": "REFUNDING"}


@pytest.mark.parametrize(
    ("of_token", "of_profile", "written_to"),
    [("a@example.com", "b@example.com", "a@example.com"), (None, "b@example.com", "b@example.com"), (None, None, None)],
)
def test_the_address_of_the_token_counts_more_than_that_of_the_profile(
    of_token: str | None, of_profile: str | None, written_to: str | None
) -> None:
    profile = Profile(user_id=TRAVELLER, email=of_profile, updated_at=NOW)
    assert Contact(email=of_token).address(profile) == written_to
    assert Contact(email=of_token).address(None) == of_token
