"""Refunds: requested once, never more than is owed, and followed until ZaloPay's answer is final."""

from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from stays.domain.decision import DecisionOn
from stays.domain.payment import CHECK_INTERVAL, FULFILMENT_SOURCES, Fulfilment, PaymentSession, Refund
from stays.domain.refund import (
    LOST,
    ONLY_IN_FULL,
    SHOWN_WITHIN,
    SLOWEST_CHECK,
    WRONG_AMOUNT,
    RefundEvidence,
    RefundOutcome,
    asked_at,
    decide_refund,
    may_have_gone,
    next_refund_check,
    refundable,
    repeat_refund,
    request_refund,
    whole,
)
from stays.domain.stray import Stray, StrayStatus
from tests.samples import (
    APP_ID,
    NOW,
    OTHER_TRANSACTION,
    STAY,
    after,
    cancelled,
    refund_due,
    refunding,
    stray,
    stray_due,
    stray_refunding,
)

MOMENT = timedelta(milliseconds=1)
LATER = NOW + timedelta(minutes=5)
SHOWN = NOW + SHOWN_WITHIN
TOMORROW = NOW + timedelta(days=1)
REFUND_ID, STRAY_ID = f"261122_2553_{STAY}", f"261122_2553_S{OTHER_TRANSACTION}"
REFUSED = RefundEvidence(RefundOutcome.REFUSED, 0)
ACCEPTED = RefundEvidence(RefundOutcome.ACCEPTED, 2)
NOT_FOUND = RefundEvidence(RefundOutcome.NOT_FOUND, LOST)
DONE = RefundEvidence(RefundOutcome.DONE, 1)
EVERY_FULFILMENT = [refunding().but(fulfilment=fulfilment) for fulfilment in Fulfilment]
EVERY_STATUS = [stray_refunding().but(status=status) for status in StrayStatus]
OWES = [refund_due(), cancelled(), stray_due()]
UNDER_WAY = [refunding(), stray_refunding()]

Owing = PaymentSession | Stray


def state(owing: Owing) -> str:
    return owing.status if isinstance(owing, Stray) else owing.fulfilment


def refund_of(owing: Owing) -> Refund:
    assert owing.refund is not None
    return owing.refund


def with_refund(owing: Owing, **changes: Any) -> Owing:
    return owing.but(refund=refund_of(owing).but(**changes))


def accepted(owing: Owing) -> Owing:
    """ZaloPay accepted the refund."""
    return after(decide_refund(owing, owing.refund, ACCEPTED, NOW + MOMENT, at_request=True))


def decided(owing: Owing, evidence: RefundEvidence, now: datetime = LATER, **how: Any) -> Any:
    """The decision on evidence about the recorded refund."""
    return decide_refund(owing, owing.refund, evidence, now, **how)


# Asking


@pytest.mark.parametrize("owing", OWES)
def test_the_intent_is_recorded_with_the_id_that_zalopay_will_be_asked_under(owing: Owing) -> None:
    asked = request_refund(owing, APP_ID, LATER)
    assert asked is not None
    refund_id = STRAY_ID if isinstance(owing, Stray) else REFUND_ID
    wanted = Refund(amount=900_000, status=Fulfilment.REFUNDING, id=refund_id, requested_at=LATER)
    assert (asked.session.refund, asked.name) == (wanted, "REFUND_REQUESTED")
    assert (state(asked.session), asked.session.changed_at) == ("REFUNDING", LATER)
    assert asked.session.due_at == LATER + CHECK_INTERVAL


def test_nothing_else_of_what_owes_changes() -> None:
    for owing in OWES:
        asked = after(request_refund(owing, APP_ID, LATER))
        changed = ("refund", "status" if isinstance(owing, Stray) else "fulfilment", "changed_at", "due_at")
        assert asked == owing.but(**{name: getattr(asked, name) for name in changed})
        assert type(asked.but().dump()) is dict


@pytest.mark.parametrize("owing", [*EVERY_FULFILMENT, *EVERY_STATUS])
def test_a_refund_is_asked_for_once(owing: Owing) -> None:
    assert (request_refund(owing, APP_ID, LATER) is not None) is (state(owing) == "REFUND_DUE")


def test_a_refund_of_unknown_amount_cannot_be_requested() -> None:
    with pytest.raises(AssertionError, match="has an amount"):
        request_refund(refund_due().but(refund=None), APP_ID, LATER)


@pytest.mark.parametrize("app_id", [1, 2553, 999_999])
@pytest.mark.parametrize("transaction", ["1", OTHER_TRANSACTION, "9" * 64])
def test_an_id_has_at_most_45_characters(app_id: int, transaction: str) -> None:
    owing = with_refund(stray_due().but(transaction_id=transaction), attempt=99)
    refund_id = refund_of(after(request_refund(owing, app_id, NOW))).id
    assert refund_id is not None and len(refund_id) <= 45
    assert refund_id == f"261122_{app_id}_S{transaction[-24:]}99"


# Acceptance, and refunds that ZaloPay does not know


@pytest.mark.parametrize("at_request", [True, False])
@pytest.mark.parametrize("owing", UNDER_WAY)
def test_an_acceptance_is_remembered_once(owing: Owing, at_request: bool) -> None:
    decision = decided(owing, ACCEPTED, at_request=at_request)
    assert decision.name == "REFUND_ACCEPTED"
    assert decision.session == with_refund(owing, accepted_at=LATER).but(
        changed_at=LATER, due_at=next_refund_check(owing, LATER)
    )
    assert decided(decision.session, ACCEPTED, TOMORROW, at_request=at_request) is None


@pytest.mark.parametrize("owing", UNDER_WAY)
def test_what_was_accepted_and_is_not_found_is_waited_for_and_then_left_to_people(owing: Owing) -> None:
    taken = accepted(owing)
    assert decided(taken, NOT_FOUND, SHOWN - MOMENT) is None
    lost = decided(taken, NOT_FOUND, SHOWN)
    assert (lost.name, state(lost.session), lost.session.due_at) == ("REFUND_MANUAL", "REFUND_MANUAL", None)
    assert refund_of(lost.session) == refund_of(taken).but(status=Fulfilment.REFUND_MANUAL, code=-101)


@pytest.mark.parametrize("now", [LATER, SHOWN, TOMORROW, NOW + timedelta(days=30)])
@pytest.mark.parametrize("owing", UNDER_WAY)
def test_what_was_accepted_is_never_asked_for_again(owing: Owing, now: datetime) -> None:
    taken = accepted(owing)
    assert repeat_refund(taken, taken.refund, APP_ID, now) is None


@pytest.mark.parametrize("owing", UNDER_WAY)
def test_after_silence_not_found_counts_from_two_hours_after_the_request(owing: Owing) -> None:
    assert timedelta(hours=2) == SHOWN_WITHIN
    assert repeat_refund(owing, owing.refund, APP_ID, SHOWN - MOMENT) is None
    again = repeat_refund(owing, owing.refund, APP_ID, SHOWN)
    assert again is not None and again.name == "REFUND_REQUESTED"
    assert refund_of(again.session) == refund_of(owing).but(repeated_at=SHOWN)
    assert (again.session.changed_at, again.session.due_at) == (SHOWN, SHOWN + CHECK_INTERVAL)


@pytest.mark.parametrize("evidence", [NOT_FOUND, RefundEvidence(RefundOutcome.UNKNOWN)])
@pytest.mark.parametrize("owing", UNDER_WAY)
def test_silence_and_not_found_end_nothing_by_themselves(owing: Owing, evidence: RefundEvidence) -> None:
    assert decided(owing, evidence, TOMORROW) is None


@pytest.mark.parametrize("owing", UNDER_WAY)
def test_the_two_hours_begin_anew_with_every_request(owing: Owing) -> None:
    again = after(repeat_refund(owing, owing.refund, APP_ID, SHOWN))
    assert repeat_refund(again, again.refund, APP_ID, SHOWN + SHOWN_WITHIN - MOMENT) is None
    third = after(repeat_refund(again, again.refund, APP_ID, SHOWN + SHOWN_WITHIN))
    assert refund_of(third) == refund_of(owing).but(repeated_at=SHOWN + SHOWN_WITHIN)


@pytest.mark.parametrize(
    ("hours", "day"),
    [(2, 22), (13.99, 22), (14, 23), (24, 23), (48, 24)],
    ids=["at noon", "before midnight in Viet Nam", "at midnight", "a day later", "two days later"],
)
@pytest.mark.parametrize("owing", UNDER_WAY)
def test_the_same_id_is_asked_for_as_long_as_its_date_is_todays(owing: Owing, hours: float, day: int) -> None:
    again = after(repeat_refund(owing, owing.refund, APP_ID, NOW + timedelta(hours=hours)))
    assert refund_of(again).id == f"2611{day}{str(refund_of(owing).id)[6:]}"


def test_an_id_that_exists_already_was_accepted() -> None:
    """The table of codes reads -23 at a repetition as ACCEPTED."""
    again = after(repeat_refund(refunding(), refunding().refund, APP_ID, SHOWN))
    exists = RefundEvidence(RefundOutcome.ACCEPTED, -23)
    known = after(decided(again, exists, SHOWN + MOMENT, at_request=True))
    assert refund_of(known).accepted_at == SHOWN + MOMENT
    assert decided(known, NOT_FOUND, SHOWN + SHOWN_WITHIN - MOMENT) is None
    assert state(after(decided(known, NOT_FOUND, SHOWN + SHOWN_WITHIN))) == "REFUND_MANUAL"


@pytest.mark.parametrize("owing", [*EVERY_FULFILMENT, *EVERY_STATUS])
def test_only_a_refund_under_way_is_repeated(owing: Owing) -> None:
    repeated = repeat_refund(owing, owing.refund, APP_ID, TOMORROW) is not None
    assert repeated is (state(owing) == "REFUNDING")


@pytest.mark.parametrize("owing", UNDER_WAY)
def test_a_refund_that_nobody_asked_about_or_that_was_replaced_is_not_repeated(owing: Owing) -> None:
    another = refund_of(owing).but(id="261122_2553_another")
    for asked in (None, another):
        assert repeat_refund(owing, asked, APP_ID, TOMORROW) is None
        assert all(decide_refund(owing, asked, RefundEvidence(each), TOMORROW) is None for each in RefundOutcome)
    nothing = owing.but(refund=None)
    assert repeat_refund(nothing, another, APP_ID, TOMORROW) is None
    assert decide_refund(nothing, another, DONE, TOMORROW) is None


def test_a_refund_of_which_no_time_is_known_is_not_found_by_time() -> None:
    timeless = with_refund(refunding(), requested_at=None)
    assert repeat_refund(timeless, timeless.refund, APP_ID, TOMORROW) is None


# Final words


@pytest.mark.parametrize(
    ("outcome", "fulfilment", "refunded_at"),
    [
        (RefundOutcome.DONE, Fulfilment.REFUNDED, LATER),
        (RefundOutcome.REFUSED, Fulfilment.REFUND_MANUAL, None),
    ],
)
@pytest.mark.parametrize("owing", [*UNDER_WAY, *map(accepted, UNDER_WAY)])
def test_zalopays_final_word_ends_a_refund(
    owing: Owing, outcome: RefundOutcome, fulfilment: Fulfilment, refunded_at: datetime | None
) -> None:
    ended = decided(owing, RefundEvidence(outcome, -14))
    assert (ended.name, state(ended.session)) == (fulfilment.value, fulfilment)
    assert refund_of(ended.session) == refund_of(owing).but(status=fulfilment, refunded_at=refunded_at, code=-14)
    assert (ended.session.changed_at, ended.session.due_at) == (LATER, None)


@pytest.mark.parametrize("owing", [*EVERY_FULFILMENT, *EVERY_STATUS])
def test_money_that_arrived_ends_a_refund_that_was_left_to_people_too(owing: Owing) -> None:
    arrived = decided(owing, DONE)
    assert (arrived is not None) is (state(owing) in ("REFUNDING", "REFUND_MANUAL"))
    assert arrived is None or state(arrived.session) == "REFUNDED"


@pytest.mark.parametrize("evidence", [ACCEPTED, NOT_FOUND, REFUSED, RefundEvidence(RefundOutcome.UNKNOWN)])
@pytest.mark.parametrize("owing", [*EVERY_FULFILMENT, *EVERY_STATUS])
def test_nothing_else_moves_what_is_not_under_way(owing: Owing, evidence: RefundEvidence) -> None:
    if state(owing) != "REFUNDING":
        assert decided(with_refund(owing, accepted_at=NOW), evidence, TOMORROW) is None


@pytest.mark.parametrize("outcome", RefundOutcome)
def test_an_answer_to_a_request_never_ends_what_was_accepted(outcome: RefundOutcome) -> None:
    if outcome is not RefundOutcome.DONE:  # no answer to a request
        for owing, code in product(UNDER_WAY, (None, -14, -32, -101)):
            assert decided(accepted(owing), RefundEvidence(outcome, code), SHOWN, at_request=True) is None


def test_every_decision_on_a_refund_moves_along_the_table_of_transitions() -> None:
    for session, outcome in product(EVERY_FULFILMENT, RefundOutcome):
        decision = decided(session, RefundEvidence(outcome))
        if decision is not None and decision.session.fulfilment is not session.fulfilment:
            assert session.fulfilment in FULFILMENT_SOURCES[decision.session.fulfilment]


# How much


def part(owing: Owing, amount: int = 450_000) -> Owing:
    """A requested refund of half the price."""
    return with_refund(owing, amount=amount)


def test_minus_32_is_what_zalopay_says_where_it_gives_back_the_whole_or_nothing() -> None:
    assert RefundEvidence(RefundOutcome.REFUSED, -32) == ONLY_IN_FULL
    assert RefundEvidence(RefundOutcome.REFUSED, -14) == WRONG_AMOUNT


@pytest.mark.parametrize("at_request", [True, False])
def test_where_zalopay_refunds_in_full_only_the_whole_amount_is_owed_under_another_id(at_request: bool) -> None:
    before = with_refund(part(refunding()), uncertain=5)
    replaced = Refund(amount=900_000, status=Fulfilment.REFUND_DUE, attempt=1, uncertain=5)
    owed = before.but(fulfilment=Fulfilment.REFUND_DUE, refund=replaced, changed_at=LATER, due_at=LATER)
    assert decided(before, ONLY_IN_FULL, at_request=at_request) == DecisionOn(owed, "REFUND_IN_FULL")
    asked = refund_of(after(request_refund(owed, APP_ID, LATER)))
    assert (asked.id, asked.amount) == (f"{REFUND_ID}1", 900_000)


def test_a_part_that_was_accepted_is_replaced_only_when_a_query_says_that_it_failed() -> None:
    taken = accepted(part(refunding()))
    assert decided(taken, ONLY_IN_FULL, at_request=True) is None
    assert after(decided(taken, ONLY_IN_FULL)).refund.attempt == 1


def test_another_refusal_of_a_part_or_of_the_whole_is_for_people() -> None:
    for before, evidence in [(refunding(), ONLY_IN_FULL), (part(refunding()), WRONG_AMOUNT)]:
        assert state(after(decided(before, evidence))) == "REFUND_MANUAL"


def test_stray_money_is_given_back_whole_or_by_people() -> None:
    for evidence in (ONLY_IN_FULL, WRONG_AMOUNT, REFUSED):
        assert state(after(decided(stray_refunding(), evidence))) == "REFUND_MANUAL"


def test_another_refusal_in_part_after_the_first_has_another_number() -> None:
    assert refund_of(after(decided(with_refund(part(refunding()), attempt=1), ONLY_IN_FULL))).attempt == 2


PAID_IN_FULL = {"received": 900_000}
BY_PROMOTION = {"received": 850_000, "discount": 50_000}
REPORTED_BESIDE = {"received": 900_000, "discount": 50_000}


@pytest.mark.parametrize(
    ("money", "expected"),
    [
        ({}, 900_000),
        (PAID_IN_FULL, 900_000),
        (BY_PROMOTION, 900_000),
        (REPORTED_BESIDE, 900_000),
        ({"received": 700_000}, 700_000),
        ({"received": 899_999}, 899_999),
        ({"received": 900_001}, 900_001),
        ({"received": 1_000_000}, 1_000_000),
        ({"received": 700_000, "discount": 50_000}, 700_000),
    ],
)
def test_the_whole_is_the_orders_amount_only_if_that_was_paid(money: dict[str, int], expected: int) -> None:
    assert whole(refunding().but(**money)) == expected


def test_of_an_amount_under_review_that_is_refunded_in_full_only_what_came_goes_back() -> None:
    before = part(refunding().but(received=700_000))
    assert refund_of(after(decided(before, ONLY_IN_FULL))).amount == 700_000


@pytest.mark.parametrize("money", [BY_PROMOTION, REPORTED_BESIDE])
@pytest.mark.parametrize(("share", "expected"), [(0, 0), (1, 900_000), (450_000, 900_000), (900_000, 900_000)])
def test_an_order_with_a_promotion_goes_back_whole_or_not_at_all(
    money: dict[str, int], share: int, expected: int
) -> None:
    assert refundable(refund_due().but(**money), share) == expected
    assert refundable(refund_due(), share) == share
    assert refundable(refund_due().but(received=900_000, discount=0), share) == share


def test_a_part_of_an_order_with_a_promotion_is_asked_for_as_the_whole() -> None:
    owing = part(refund_due()).but(**BY_PROMOTION)
    assert refund_of(after(request_refund(owing, APP_ID, LATER))).amount == 900_000


def test_where_the_orders_amount_is_a_wrong_one_zalopays_own_is_asked_for_once_and_then_people_are() -> None:
    before = accepted(refunding().but(**BY_PROMOTION))
    owed = decided(before, WRONG_AMOUNT)
    assert (owed.name, state(owed.session), owed.session.due_at) == ("REFUND_AS_RECEIVED", "REFUND_DUE", LATER)
    assert refund_of(owed.session) == Refund(amount=850_000, status=Fulfilment.REFUND_DUE, attempt=1)
    asked = after(request_refund(owed.session, APP_ID, LATER))
    assert (refund_of(asked).id, refund_of(asked).amount) == (f"{REFUND_ID}1", 850_000)
    for evidence in (WRONG_AMOUNT, ONLY_IN_FULL, REFUSED):
        assert state(after(decided(asked, evidence))) == "REFUND_MANUAL"


@pytest.mark.parametrize("money", [{}, PAID_IN_FULL, REPORTED_BESIDE, {"discount": 50_000}])
def test_where_zalopays_own_amount_is_no_other_a_wrong_amount_is_for_people(money: dict[str, int]) -> None:
    assert state(after(decided(refunding().but(**money), WRONG_AMOUNT))) == "REFUND_MANUAL"


# Refunds that may have been made already


@pytest.mark.parametrize(
    ("changes", "heard", "gone"),
    [
        ({"code": -14}, None, 0),
        ({"code": LOST}, None, 0),
        ({"accepted_at": NOW, "code": 0}, None, 0),
        ({"accepted_at": NOW, "code": LOST}, None, 900_000),
        ({"accepted_at": NOW, "code": LOST}, NOT_FOUND, 900_000),
        ({"accepted_at": NOW, "code": LOST}, RefundEvidence(RefundOutcome.UNKNOWN), 900_000),
        ({"accepted_at": NOW, "code": LOST}, REFUSED, 0),
        ({"accepted_at": NOW, "code": LOST, "uncertain": 7}, NOT_FOUND, 900_007),
        ({"accepted_at": NOW, "code": LOST, "uncertain": 7}, REFUSED, 7),
        ({"code": -14, "uncertain": 7}, None, 7),
    ],
)
def test_what_was_accepted_and_lost_may_have_gone_back(
    changes: dict[str, Any], heard: RefundEvidence | None, gone: int
) -> None:
    assert may_have_gone(refund_of(refunding()).but(**changes), heard) == gone


def test_where_nothing_was_asked_for_nothing_has_gone() -> None:
    assert may_have_gone(None, None) == 0


# When


@pytest.mark.parametrize(
    ("waited", "pause"),
    [
        (timedelta(), CHECK_INTERVAL),
        (timedelta(seconds=89), CHECK_INTERVAL),
        (timedelta(minutes=10), timedelta(minutes=5)),
        (timedelta(minutes=90), timedelta(minutes=30)),
        (timedelta(minutes=119), timedelta(minutes=1)),
        (timedelta(hours=2), timedelta(hours=1)),
        (timedelta(days=5), timedelta(hours=1)),
    ],
)
@pytest.mark.parametrize("owing", UNDER_WAY)
def test_zalopay_is_asked_ever_more_rarely_at_least_every_hour_and_when_silence_counts(
    owing: Owing, waited: timedelta, pause: timedelta
) -> None:
    assert next_refund_check(owing, NOW + waited) == NOW + waited + pause
    assert timedelta(hours=1) == SLOWEST_CHECK


def test_the_pauses_begin_anew_with_a_repetition() -> None:
    again = after(repeat_refund(refunding(), refunding().refund, APP_ID, SHOWN))
    assert asked_at(refund_of(again)) == SHOWN
    assert next_refund_check(again, SHOWN + timedelta(minutes=10)) == SHOWN + timedelta(minutes=15)


@pytest.mark.parametrize("owing", [refund_due(), refund_due().but(refund=None), stray()])
def test_what_was_never_asked_for_is_looked_at_soon(owing: Owing) -> None:
    assert next_refund_check(owing, LATER) == LATER + CHECK_INTERVAL
