"""Answers, deadlines and second chances: the end of an award, and the next offer of its nights."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from stays.domain.award import PAYABLE, Award, AwardStatus, Correction, Result, RunnerUp
from stays.domain.errors import Invalid, Refused
from stays.domain.second_chances import (
    PassedNights,
    accept,
    end,
    is_of_chain,
    is_overdue,
    pass_on,
    unsold_nights,
    withdraw,
)
from tests.samples import AUCTION, HOUSE, NIGHTS, NOW, STRANGER, offer, priced, win

MOMENT = timedelta(milliseconds=1)
LATER = NOW + timedelta(hours=1)
SECOND = RunnerUp(user_id=STRANGER, bid_id="88", nights=priced(*NIGHTS[:2], price=250_000), guest_count=3)
THIRD = RunnerUp(user_id="auth0|chi", nights=priced(NIGHTS[2], price=200_000))
PARTIAL = win(result=Result.PARTIAL_WIN)
SECOND_NIGHT = datetime.fromisoformat("2026-12-02T19:00:00+07:00")


def test_a_full_win_is_accepted_as_a_whole_whatever_is_selected() -> None:
    for selected in ((), NIGHTS, NIGHTS[:2]):
        assert accept(win(), selected, LATER) == win()


def test_part_of_a_partial_win_is_selected_in_order_and_the_amount_follows() -> None:
    accepted = accept(PARTIAL, [NIGHTS[2], NIGHTS[0], NIGHTS[2]], LATER)
    assert accepted == PARTIAL.but(selected=(NIGHTS[0], NIGHTS[2]), changed_at=LATER)
    assert (accepted.amount(NOW), accepted.payment_deadline) == (600_000, PARTIAL.deadline)


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
        said = "A night was not awarded, or it is past."
        assert refused.value.details["fields"] == [{"field": "selectedNights", "message": said}]


@pytest.mark.parametrize("award", [PARTIAL, offer()])
def test_after_midnight_only_nights_that_can_still_be_slept_are_accepted(award: Award) -> None:
    late = award.but(deadline=SECOND_NIGHT + timedelta(hours=1))
    assert accept(late, NIGHTS[2:], SECOND_NIGHT).selected == NIGHTS[2:]
    assert accept(late, NIGHTS[1:], SECOND_NIGHT).selected == ()
    with pytest.raises(Invalid):
        accept(late, NIGHTS, SECOND_NIGHT)


def test_a_full_win_with_a_night_past_cannot_be_accepted() -> None:
    with pytest.raises(Refused):
        accept(win(deadline=SECOND_NIGHT + timedelta(hours=1)), (), SECOND_NIGHT)


@pytest.mark.parametrize(
    ("award", "code"),
    [
        (win(status=AwardStatus.PAID), "INVALID_AUCTION_STATE"),
        (win(status=AwardStatus.DECLINED), "INVALID_AUCTION_STATE"),
        (win(status=AwardStatus.WITHDRAWN), "INVALID_AUCTION_STATE"),
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


ENDS = [AwardStatus.DECLINED, AwardStatus.EXPIRED]


def ended(award: Award) -> Award:
    return end(award, AwardStatus.EXPIRED, LATER)


@pytest.mark.parametrize("status", ENDS)
@pytest.mark.parametrize("award", [win(runners_up=(SECOND,)), PARTIAL.but(selected=NIGHTS[:1]), offer(at_stake=NIGHTS)])
def test_what_is_over_marks_its_nights_unsold_and_the_clock_passes_them_on(award: Award, status: AwardStatus) -> None:
    assert end(award, status, LATER) == award.but(
        status=status, unsold=NIGHTS, ended_at=LATER, changed_at=LATER, due_at=LATER
    )


def test_an_offer_that_is_over_leaves_all_that_its_chain_still_has_to_sell() -> None:
    part = offer(nights=priced(*NIGHTS[:1]), at_stake=NIGHTS)
    assert end(part, AwardStatus.DECLINED, LATER).unsold == NIGHTS


@pytest.mark.parametrize("status", ENDS)
def test_unsold_nights_go_to_the_next_with_a_deadline_of_their_own(status: AwardStatus) -> None:
    award = end(win(runners_up=(SECOND, THIRD), offer_minutes=90), status, NOW)
    assert pass_on(award, NIGHTS, LATER, "offer-9") == PassedNights(
        award.but(unsold=None, passed_on=True, changed_at=LATER, due_at=None),
        NIGHTS,
        offer(
            award_id="offer-9",
            user_id=STRANGER,
            auction_id=AUCTION,
            rented_property=HOUSE,
            nights=SECOND.nights,
            guest_count=3,
            original_bid_id="88",
            runners_up=(THIRD,),
            offer_minutes=90,
            at_stake=NIGHTS,
            chain="auth0|an WIN",
            received_at=LATER,
            changed_at=LATER,
            deadline=LATER + timedelta(minutes=90),
            due_at=LATER + timedelta(minutes=90),
        ),
    )


def test_each_in_order_is_offered_what_is_at_stake_and_the_last_refusal_releases_it() -> None:
    award, offered = win(runners_up=(SECOND, THIRD)), []
    for number in range(3):
        passed = pass_on(ended(award), NIGHTS, LATER, f"offer-{number}")
        if passed.offer is None:
            break
        offered.append((passed.offer.user_id, passed.offer.nights, passed.offer.chain))
        award = passed.offer
        assert passed.award.releases == ()
    assert offered == [(each.user_id, each.nights, "auth0|an WIN") for each in (SECOND, THIRD)]
    assert passed.award.releases == (NIGHTS,)


@pytest.mark.parametrize("award", [win(), offer(), offer(at_stake=NIGHTS), win(runners_up=(SECOND,), passed_on=True)])
def test_where_nobody_is_left_or_the_list_was_handed_on_the_nights_are_released(award: Award) -> None:
    over = end(award, AwardStatus.EXPIRED, NOW)
    released = over.but(unsold=None, releases=(NIGHTS,), changed_at=LATER, due_at=None)
    assert pass_on(over, NIGHTS, LATER, "offer-9") == PassedNights(released, NIGHTS)


def test_each_release_of_an_award_is_another_one() -> None:
    award = win(status=AwardStatus.PAID, unsold=NIGHTS[:1])
    first = pass_on(award, NIGHTS[:1], LATER, "offer-9").award
    second = pass_on(first.but(unsold=NIGHTS[1:]), NIGHTS[1:], LATER, "offer-9").award
    assert second.releases == (NIGHTS[:1], NIGHTS[1:])


def test_only_nights_that_are_still_free_are_offered_or_released() -> None:
    award = ended(win(runners_up=(SECOND, THIRD)))
    first = pass_on(award, NIGHTS[1:], LATER, "offer-9")
    assert first.offer
    assert (first.offer.user_id, first.offer.nights, first.offer.at_stake) == (STRANGER, SECOND.nights[1:], NIGHTS[1:])
    passed_over = pass_on(award, NIGHTS[2:], LATER, "offer-9")
    assert passed_over.offer
    assert (passed_over.offer.user_id, passed_over.offer.runners_up) == ("auth0|chi", ())
    none = pass_on(award, (), LATER, "offer-9")
    assert none == PassedNights(award.but(unsold=None, changed_at=LATER, due_at=None))


UNSOLD = [
    (ended(win()), (), NIGHTS),
    (win(status=AwardStatus.PAID, unsold=NIGHTS[1:]), NIGHTS[:1], NIGHTS[1:]),
    (win(status=AwardStatus.PAID, unsold=()), NIGHTS[:1], ()),
    (win(status=AwardStatus.PAID), NIGHTS[:1], NIGHTS[1:]),
    (win(status=AwardStatus.PAID), NIGHTS, ()),
    (offer(status=AwardStatus.PAID, nights=priced(*NIGHTS[:2]), at_stake=NIGHTS), NIGHTS[:2], NIGHTS[2:]),
    (offer(status=AwardStatus.PAID, nights=priced(*NIGHTS[:2]), at_stake=NIGHTS), NIGHTS[:1], NIGHTS[1:]),
]


@pytest.mark.parametrize(("award", "bought", "unsold"), UNSOLD)
def test_what_was_not_bought_is_unsold_unless_it_is_on_record_and_nights_that_are_past_are_not(
    award: Award, bought: tuple[date, ...], unsold: tuple[date, ...]
) -> None:
    assert unsold_nights(award, bought, LATER) == unsold
    ahead = tuple(night for night in unsold if night >= NIGHTS[1])
    assert unsold_nights(award, bought, SECOND_NIGHT) == ahead


def test_what_was_not_chosen_and_cancelled_nights_go_to_those_who_were_not_asked_yet_once() -> None:
    paid = PARTIAL.but(status=AwardStatus.PAID, unsold=NIGHTS[1:], runners_up=(SECOND, THIRD))
    not_chosen = pass_on(paid, NIGHTS[1:], LATER, "offer-9")
    assert not_chosen.offer
    assert (not_chosen.offer.user_id, not_chosen.offer.at_stake) == (STRANGER, NIGHTS[1:])
    cancelled = pass_on(not_chosen.award.but(unsold=NIGHTS[:1]), NIGHTS[:1], LATER, "offer-10")
    assert (cancelled.offer, cancelled.award.releases) == (None, (NIGHTS[:1],))


def test_what_an_offer_that_was_paid_did_not_include_goes_to_the_next_of_its_chain() -> None:
    paid = offer(
        status=AwardStatus.PAID,
        nights=priced(*NIGHTS[:2]),
        at_stake=NIGHTS,
        chain="auth0|an WIN",
        unsold=NIGHTS[2:],
        runners_up=(SECOND, THIRD),
    )
    passed = pass_on(paid, NIGHTS[2:], LATER, "offer-9")
    assert passed.offer
    assert (passed.offer.user_id, passed.offer.at_stake) == ("auth0|chi", NIGHTS[2:])
    assert (passed.offer.nights, passed.offer.chain) == (THIRD.nights, "auth0|an WIN")


@pytest.mark.parametrize(
    "award",
    [
        win(),
        offer(status=AwardStatus.ACCEPTED, pay_until=NOW),
        ended(win()),
        win(correction=Correction(revision=1, event_id="event-9")),
        win(status=AwardStatus.LOST, nights=()),
    ],
)
def test_what_is_taken_back_is_over_and_passes_nothing_on(award: Award) -> None:
    withdrawn = withdraw(award, 7, LATER + MOMENT)
    assert withdrawn == award.but(
        status=AwardStatus.WITHDRAWN,
        revision=7,
        correction=None,
        unsold=None,
        ended_at=award.ended_at or LATER + MOMENT,
        changed_at=LATER + MOMENT,
        due_at=None,
    )
    assert withdrawn.over_at(LATER + timedelta(days=1)) == withdrawn.ended_at


def follower(award: Award, name: str = "offer-9") -> Award:
    passed = pass_on(ended(award.but(runners_up=award.runners_up or (SECOND,))), NIGHTS, LATER, name)
    assert passed.offer
    return passed.offer


OF_AN = win(runners_up=(SECOND, THIRD))
OF_AUCTION = offer(user_id="auth0|dung")
OLD_OFFER = follower(OF_AN).but(chain=None)  # as release 1.2.1 wrote it
ELSEWHERE = HOUSE.but(id="502")


@pytest.mark.parametrize(
    ("made", "award", "follows"),
    [
        (follower(OF_AN), OF_AN, True),
        (follower(follower(OF_AN)), OF_AN, True),
        (follower(follower(OF_AN)), follower(OF_AN), True),
        (follower(OF_AUCTION), OF_AUCTION, True),
        (follower(OF_AUCTION), OF_AN, False),
        (follower(OF_AN), OF_AUCTION, False),
        (follower(OF_AN), win(user_id="auth0|dung"), False),
        (OF_AUCTION, OF_AN, False),
        (OLD_OFFER, OF_AN, True),
        (follower(OLD_OFFER), OF_AN, True),
        (follower(OLD_OFFER), OLD_OFFER, True),
        (follower(OF_AN), OLD_OFFER, False),
        (OLD_OFFER, OF_AN.but(rented_property=ELSEWHERE), False),
        (OLD_OFFER, OF_AN.but(nights=priced(date(2026, 12, 9))), False),
        (OLD_OFFER.but(at_stake=NIGHTS[2:]), OF_AN.but(nights=priced(*NIGHTS[1:])), True),
    ],
)
def test_an_offer_is_of_the_chain_of_the_award_that_began_it(made: Award, award: Award, *, follows: bool) -> None:
    assert is_of_chain(made, award) is follows
