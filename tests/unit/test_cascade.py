"""Answers, deadlines and second chances: what becomes of an award, and who is offered its nights next."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from stays.domain.award import PAYABLE, AwardStatus, Result, RunnerUp
from stays.domain.cascade import accept, end, is_overdue
from stays.domain.errors import Invalid, Refused
from tests.samples import AUCTION, HOUSE, NIGHTS, NOW, STRANGER, offer, priced, win

MOMENT = timedelta(milliseconds=1)
LATER = NOW + timedelta(hours=1)
SECOND = RunnerUp(user_id=STRANGER, bid_id="88", nights=priced(*NIGHTS[:2], price=250_000), guest_count=3)
THIRD = RunnerUp(user_id="auth0|chi", nights=priced(NIGHTS[2], price=200_000))
PARTIAL = win(result=Result.PARTIAL_WIN)


def test_a_full_win_is_accepted_as_a_whole_whatever_is_selected() -> None:
    for selected in ((), NIGHTS, NIGHTS[:2]):
        assert accept(win(), selected, LATER) == win()


def test_part_of_a_partial_win_is_selected_in_order_and_the_amount_follows() -> None:
    accepted = accept(PARTIAL, [NIGHTS[2], NIGHTS[0], NIGHTS[2]], LATER)
    assert accepted == PARTIAL.but(selected=(NIGHTS[0], NIGHTS[2]), changed_at=LATER)
    assert (accepted.amount, accepted.payment_deadline) == (600_000, PARTIAL.deadline)


def test_a_selection_can_be_repeated_changed_and_taken_back() -> None:
    accepted = accept(PARTIAL, NIGHTS[:1], LATER)
    assert accept(accepted, NIGHTS[:1], LATER + MOMENT) == accepted
    assert accept(accepted, NIGHTS[1:], LATER).selected == NIGHTS[1:]
    assert accept(accepted, NIGHTS, LATER).selected == accept(accepted, (), LATER).selected == ()


def test_an_accepted_offer_can_be_paid_as_long_as_an_offer_waits() -> None:
    until = LATER + timedelta(minutes=45)
    accepted = accept(offer(offer_minutes=45), (), LATER)
    assert accepted == offer(
        offer_minutes=45, status=AwardStatus.ACCEPTED, pay_until=until, due_at=until, changed_at=LATER
    )
    assert (accepted.payment_deadline, accepted.is_payable(until - MOMENT)) == (until, True)
    assert not accepted.is_payable(until)


def test_accepting_an_offer_again_gives_no_more_time() -> None:
    accepted = accept(offer(), NIGHTS[:1], LATER)
    assert accepted.selected == NIGHTS[:1]
    assert accept(accepted, NIGHTS[:1], LATER + MOMENT) == accepted
    again = accept(accepted, (), LATER + MOMENT)
    assert again == accepted.but(selected=(), changed_at=LATER + MOMENT)


def test_nights_that_are_none_of_it_cannot_be_selected() -> None:
    for award in (win(), PARTIAL, offer()):
        with pytest.raises(Invalid) as refused:
            accept(award, [NIGHTS[0], date(2026, 12, 4)], LATER)
        assert refused.value.details["fields"] == [{"field": "selectedNights", "message": "A night was not awarded."}]


@pytest.mark.parametrize(
    ("award", "code"),
    [
        (win(status=AwardStatus.PAID), "INVALID_AUCTION_STATE"),
        (win(status=AwardStatus.DECLINED), "INVALID_AUCTION_STATE"),
        (win(deadline=LATER), "INVALID_AUCTION_STATE"),
        (offer(status=AwardStatus.EXPIRED), "OFFER_EXPIRED"),
        (offer(deadline=LATER), "OFFER_EXPIRED"),
        (offer(status=AwardStatus.ACCEPTED, pay_until=LATER), "OFFER_EXPIRED"),
    ],
)
def test_what_can_be_paid_no_more_cannot_be_accepted(award: Any, code: str) -> None:
    with pytest.raises(Refused) as refused:
        accept(award, (), LATER)
    assert refused.value.code == code


@pytest.mark.parametrize("status", AwardStatus)
def test_what_waits_for_money_or_an_answer_is_overdue_from_its_deadline_on(status: AwardStatus) -> None:
    award = win(status=status)
    assert not is_overdue(award, award.deadline - MOMENT)
    assert is_overdue(award, award.deadline) is (status in PAYABLE)
    assert not is_overdue(award.but(pay_until=award.deadline + MOMENT), award.deadline)


@pytest.mark.parametrize("status", [AwardStatus.DECLINED, AwardStatus.EXPIRED])
def test_what_is_over_goes_to_the_next_with_a_deadline_of_their_own(status: AwardStatus) -> None:
    award = win(runners_up=(SECOND, THIRD), offer_minutes=90)
    ending = end(award, status, NIGHTS, LATER, "offer-9")
    assert ending
    assert ending.award == award.but(status=status, changed_at=LATER, due_at=None)
    assert ending.offer == offer(
        award_id="offer-9",
        user_id=STRANGER,
        auction_id=AUCTION,
        place=HOUSE,
        nights=SECOND.nights,
        guest_count=3,
        original_bid_id="88",
        runners_up=(THIRD,),
        offer_minutes=90,
        at_stake=NIGHTS,
        received_at=LATER,
        changed_at=LATER,
        deadline=LATER + timedelta(minutes=90),
        due_at=LATER + timedelta(minutes=90),
    )


def test_each_in_order_is_offered_what_was_at_stake_and_the_last_refusal_releases_it() -> None:
    award, offered = win(runners_up=(SECOND, THIRD)), []
    for number in range(3):
        ending = end(award, AwardStatus.EXPIRED, NIGHTS, LATER, f"offer-{number}")
        assert ending
        if ending.offer is None:
            break
        offered.append((ending.offer.user_id, ending.offer.nights))
        award = ending.offer
        assert ending.award.released_nights == ()
    assert offered == [(each.user_id, each.nights) for each in (SECOND, THIRD)]
    assert ending.award.released_nights == NIGHTS


@pytest.mark.parametrize("award", [win(), offer(), offer(at_stake=NIGHTS)])
def test_where_nobody_is_left_the_nights_are_released(award: Any) -> None:
    ending = end(award, AwardStatus.DECLINED, NIGHTS, LATER, "offer-9")
    assert ending
    assert (ending.award.released_nights, ending.offer) == (NIGHTS, None)


def test_only_nights_that_are_still_free_are_offered_or_released() -> None:
    award = win(runners_up=(SECOND, THIRD))
    first = end(award, AwardStatus.EXPIRED, NIGHTS[1:], LATER, "offer-9")
    assert first and first.offer
    assert (first.offer.user_id, first.offer.nights) == (STRANGER, SECOND.nights[1:])
    passed_over = end(award, AwardStatus.EXPIRED, NIGHTS[2:], LATER, "offer-9")
    assert passed_over and passed_over.offer
    assert (passed_over.offer.user_id, passed_over.offer.runners_up) == ("auth0|chi", ())
    none = end(award, AwardStatus.EXPIRED, (), LATER, "offer-9")
    assert none
    assert (none.award.released_nights, none.offer) == ((), None)


def test_nights_that_are_over_are_neither_offered_nor_released() -> None:
    second_night = datetime(2026, 12, 2, 3, tzinfo=UTC)
    ending = end(win(runners_up=(SECOND,)), AwardStatus.EXPIRED, NIGHTS, second_night, "offer-9")
    assert ending and ending.offer
    assert ending.offer.nights == SECOND.nights[1:]
    released = end(win(), AwardStatus.EXPIRED, NIGHTS, second_night, "offer-9")
    assert released
    assert released.award.released_nights == NIGHTS[1:]


def test_what_an_offer_that_was_paid_did_not_include_goes_to_the_next() -> None:
    paid = offer(status=AwardStatus.PAID, nights=priced(*NIGHTS[:2]), at_stake=NIGHTS, runners_up=(SECOND, THIRD))
    ending = end(paid, AwardStatus.PAID, NIGHTS, LATER, "offer-9")
    assert ending and ending.offer
    assert ending.award == paid.but(changed_at=LATER, due_at=None)
    assert (ending.offer.user_id, ending.offer.at_stake) == ("auth0|chi", NIGHTS[2:])
    assert [night.date for night in ending.offer.nights] == list(NIGHTS[2:])
    released = end(paid.but(runners_up=()), AwardStatus.PAID, NIGHTS, LATER, "offer-9")
    assert released
    assert (released.award.released_nights, released.offer) == (NIGHTS[2:], None)


@pytest.mark.parametrize("award", [offer(), offer(at_stake=NIGHTS)])
def test_an_offer_of_everything_leaves_nothing_when_it_is_paid(award: Any) -> None:
    paid = award.but(status=AwardStatus.PAID, runners_up=(SECOND,))
    ending = end(paid, AwardStatus.PAID, NIGHTS, LATER, "offer-9")
    assert ending == (paid.but(changed_at=LATER, due_at=None), None)


@pytest.mark.parametrize("status", sorted(frozenset(AwardStatus) - PAYABLE))
def test_what_is_over_ends_once(status: AwardStatus) -> None:
    assert end(win(status=status, runners_up=(SECOND,)), AwardStatus.EXPIRED, NIGHTS, LATER, "offer-9") is None
