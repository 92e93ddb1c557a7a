"""The choice of a user's award for a request (contract C26), and of its nights for an amount (C18)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest

from stays.domain.award import Award, AwardStatus, Quote, Result, check_payable, choose_award, quote
from stays.domain.errors import Invalid, NotFound, Refused
from tests.samples import FIRST, NIGHTS, NOW, offer, priced, win

D1, D2, D3, D4, D5, D6 = DAYS = tuple(FIRST + timedelta(days=number) for number in range(6))
YESTERDAY = date(2026, 11, 21)
LONG = {"deadline": NOW + timedelta(days=30)}
FULL = win(**LONG)
PARTIAL = win(result=Result.PARTIAL_WIN, nights=(*priced(D1, price=200_000), *priced(D2, D3)), **LONG)
OFFER = offer(nights=PARTIAL.nights, **LONG)
IN_PARTS = [PARTIAL, OFFER, OFFER.but(status=AwardStatus.ACCEPTED, pay_until=LONG["deadline"])]
SECOND_EVENING = datetime.fromisoformat("2026-12-02T19:00:00+07:00")  # the first night is past
TONIGHT = datetime.fromisoformat("2026-12-01T23:59:00+07:00")
AFTERWARDS = datetime.fromisoformat("2026-12-04T00:00:00+07:00")

Selected = Sequence[date]
in_parts = pytest.mark.parametrize("award", IN_PARTS, ids=lambda award: award.status.value)


def refusal(award: Award, selected: Selected, amount: int | None, at: datetime = NOW) -> Invalid:
    with pytest.raises(Invalid) as refused:
        quote(award, selected, amount, at)
    return refused.value


@pytest.mark.parametrize(
    "selected", [NIGHTS, NIGHTS[:2], NIGHTS[1:2], NIGHTS[::2], DAYS, (D5,), (YESTERDAY, D1), (D1, D1), (D3, D1, D2)]
)
@pytest.mark.parametrize("at", [NOW, TONIGHT])
def test_c18_c26_the_full_amount_buys_all_nights_of_an_award_whatever_nights_are_named(
    selected: Selected, at: datetime
) -> None:
    assert quote(FULL, selected, 900_000, at) == Quote(FULL, NIGHTS, 900_000)
    for award in IN_PARTS:
        assert quote(award, selected, 800_000, at) == Quote(award, NIGHTS, 800_000)


@pytest.mark.parametrize("selected", [NIGHTS, NIGHTS[:1], (D5,)])
def test_a_full_win_is_reserved_whole(selected: Selected) -> None:
    assert quote(FULL, selected, None, NOW) == Quote(FULL, NIGHTS, 900_000)


@pytest.mark.parametrize("selected", [NIGHTS, NIGHTS[:2], NIGHTS[:1], (D5,)])
@pytest.mark.parametrize("amount", [1, 300_000, 600_000, 899_999, 900_001])
def test_a_full_win_is_sold_for_no_other_amount_than_its_price(selected: Selected, amount: int) -> None:
    refused = refusal(FULL, selected, amount)
    assert (refused.code, refused.details) == ("INVALID_AMOUNT", {"expectedAmount": 900_000})


@pytest.mark.parametrize("amount", [None, 300_000, 600_000, 900_000])
@pytest.mark.parametrize("selected", [NIGHTS, NIGHTS[1:]])
def test_a_full_win_with_a_night_past_is_sold_no_more(selected: Selected, amount: int | None) -> None:
    for check in (lambda: quote(FULL, selected, amount, SECOND_EVENING), lambda: check_payable(FULL, SECOND_EVENING)):
        with pytest.raises(Refused) as refused:
            check()
        assert refused.value.code == "INVALID_AUCTION_STATE"
        assert refused.value.details == {"deadline": FULL.dump()["deadline"]}


@in_parts
@pytest.mark.parametrize(
    ("selected", "amount", "nights"),
    [
        ((D3, D1), 500_000, (D1, D3)),
        ((D2,), 300_000, (D2,)),
        ((D3,), 300_000, (D3,)),
        (NIGHTS, 800_000, NIGHTS),
    ],
)
def test_of_a_partial_win_or_an_offer_the_price_of_the_named_nights_buys_them(
    award: Award, selected: Selected, amount: int, nights: Selected
) -> None:
    expected = Quote(award, tuple(nights), amount)
    assert quote(award, selected, amount, NOW) == quote(award, selected, None, NOW) == expected
    assert expected.left == tuple(night for night in NIGHTS if night not in nights)


@in_parts
@pytest.mark.parametrize("selected", [NIGHTS, NIGHTS[1:], (D1, D1), (D5,), (YESTERDAY,)])
def test_the_price_of_what_was_chosen_before_buys_that_whatever_nights_are_named(
    award: Award, selected: Selected
) -> None:
    chosen = award.but(selected=(D1, D3))
    assert quote(chosen, selected, 500_000, NOW) == Quote(chosen, (D1, D3), 500_000)
    assert quote(chosen, selected, 800_000, NOW) == Quote(chosen, NIGHTS, 800_000)


@in_parts
def test_where_what_was_named_costs_as_much_as_what_was_chosen_the_named_nights_are_bought(award: Award) -> None:
    chosen = award.but(selected=(D2,))
    assert quote(chosen, (D3,), 300_000, NOW).nights == (D3,)
    assert quote(chosen, (D3, D5), 300_000, NOW).nights == (D2,)


@in_parts
def test_what_was_chosen_is_no_obstacle_to_choose_again_at_the_till(award: Award) -> None:
    chosen = award.but(selected=(D1,))
    for amount in (600_000, None):
        assert quote(chosen, NIGHTS[1:], amount, NOW) == Quote(chosen, NIGHTS[1:], 600_000)


@in_parts
@pytest.mark.parametrize("selected", [NIGHTS, NIGHTS[:1], DAYS])
def test_after_midnight_the_full_amount_of_a_part_is_that_of_what_can_still_be_slept(
    award: Award, selected: Selected
) -> None:
    assert quote(award, selected, 600_000, SECOND_EVENING) == Quote(award, NIGHTS[1:], 600_000)
    assert quote(award, (D3,), 300_000, SECOND_EVENING).nights == (D3,)
    chosen = award.but(selected=(D1, D2))
    assert quote(chosen, selected, 300_000, SECOND_EVENING).nights == (D2,)
    assert refusal(award, NIGHTS[1:], 800_000, SECOND_EVENING).details == {"expectedAmount": 600_000}


@in_parts
def test_what_has_no_night_left_is_sold_no_more(award: Award) -> None:
    with pytest.raises(Refused) as refused:
        quote(award, NIGHTS, 800_000, AFTERWARDS)
    assert refused.value.code == ("INVALID_AUCTION_STATE" if award is PARTIAL else "OFFER_EXPIRED")


@in_parts
@pytest.mark.parametrize(
    ("selected", "at", "message"),
    [
        ((*NIGHTS, D4), NOW, "A night was not awarded."),
        ((D4,), NOW, "A night was not awarded."),
        ((D2, D2), NOW, "A night is named twice."),
        ((YESTERDAY, D1), NOW, "A night is in the past."),
        ((D1, D2), SECOND_EVENING, "A night is in the past."),
    ],
)
@pytest.mark.parametrize("amount", [None, 299_999])
def test_nights_that_cannot_be_selected_are_refused_by_name(
    award: Award, selected: Selected, at: datetime, message: str, amount: int | None
) -> None:
    refused = refusal(award, selected, amount, at)
    assert refused.code == "VALIDATION_ERROR"
    assert refused.details == {"fields": [{"field": "selectedNights", "message": message}]}


@in_parts
@pytest.mark.parametrize("amount", [1, 499_999, 500_001, 700_000])
def test_any_other_amount_is_refused_with_the_one_that_is_expected(award: Award, amount: int) -> None:
    refused = refusal(award, (D1, D3), amount)
    assert (refused.code, refused.details) == ("INVALID_AMOUNT", {"expectedAmount": 500_000})


def test_what_an_order_leaves_of_a_chain_is_what_is_at_stake_beside_it() -> None:
    beside = OFFER.but(at_stake=(*NIGHTS, D4))
    assert quote(beside, NIGHTS[:1], 200_000, NOW).left == (D2, D3, D4)


def test_tonight_can_still_be_paid_by_the_date_in_vietnam() -> None:
    tonight = win(nights=priced(date(2026, 11, 22)))
    check_payable(tonight, NOW)
    assert quote(tonight, [date(2026, 11, 22)], 300_000, NOW).nights == (date(2026, 11, 22),)
    after_midnight_there = NOW.replace(hour=17)
    with pytest.raises(Refused):
        quote(tonight, [date(2026, 11, 22)], 300_000, after_midnight_there)


@pytest.mark.parametrize(
    ("award", "code"),
    [
        (win(deadline=NOW), "INVALID_AUCTION_STATE"),
        (win(status=AwardStatus.EXPIRED), "INVALID_AUCTION_STATE"),
        (win(status=AwardStatus.WITHDRAWN), "INVALID_AUCTION_STATE"),
        (offer(deadline=NOW), "OFFER_EXPIRED"),
        (offer(status=AwardStatus.DECLINED), "OFFER_EXPIRED"),
    ],
)
def test_an_award_whose_time_is_over_is_refused_with_its_deadline(award: Award, code: str) -> None:
    with pytest.raises(Refused) as refused:
        check_payable(award, NOW)
    assert (refused.value.code, refused.value.details) == (code, {"deadline": award.dump()["deadline"]})


@pytest.mark.parametrize("session_id", ["the-session", None])
def test_an_award_that_is_paid_names_the_session_that_paid_it_where_that_is_known(session_id: str | None) -> None:
    with pytest.raises(Refused) as refused:
        check_payable(win(status=AwardStatus.PAID, payment_id=session_id), NOW)
    assert refused.value.code == "INVALID_AUCTION_STATE"
    assert refused.value.details == ({"sessionId": session_id} if session_id else {})


GAPS = win(result=Result.PARTIAL_WIN, nights=priced(D1, D3))  # 600,000
CHEAP = offer(award_id="cheap", nights=priced(D1, D2, D3, price=200_000))  # 600,000, too
LATE = offer(award_id="late", nights=priced(D5, D6, price=250_000))  # 500,000
CHOSEN = LATE.but(selected=(D5,))
WIDE = offer(award_id="wide", nights=priced(D1, D6, price=1))
PAID = win(status=AwardStatus.PAID, payment_id="the-session")
OVER = win(status=AwardStatus.EXPIRED)


@pytest.mark.parametrize(
    ("selected", "amount", "meant", "other"),
    [
        # it has all named nights, and its full, its chosen or the named nights cost the amount
        ((D1, D2, D3), 600_000, CHEAP, GAPS),
        ((D2,), 600_000, CHEAP, GAPS),
        ((D1, D3), 400_000, CHEAP, GAPS),
        ((D1, D3), 600_000, GAPS, WIDE),
        ((D1,), 300_000, GAPS, CHEAP),
        ((D5, D6), 250_000, CHOSEN, GAPS),
        ((D6,), 250_000, LATE, GAPS),
        ((D1, D2), None, CHEAP, GAPS),
        ((D5,), None, LATE, GAPS),
        # its full or chosen price is the amount
        (DAYS, 500_000, LATE, GAPS),
        (DAYS, 250_000, CHOSEN, GAPS),
        (DAYS, 500_000, CHOSEN, GAPS),
        ((D4,), 500_000, LATE, GAPS),
        ((D5, D6), 600_000, GAPS, LATE),
        ((YESTERDAY, D5, D6), 500_000, LATE, GAPS),
        # its first and last night are named
        ((D5, D6), 123, LATE, GAPS),
        ((D4, D5, D6), 123, LATE, GAPS),
        ((D1, D2, D3), 123, CHEAP, LATE),
        (DAYS, 123, WIDE, GAPS),
        ((D4, D5, D6), None, LATE, GAPS),
        # it is the win
        ((D2,), 123, GAPS, LATE),
        ((D1, D3), 600_000, GAPS, CHEAP),
        ((D1, D3), None, GAPS, CHEAP),
        ((D4,), None, GAPS, LATE),
        # it can be paid
        (NIGHTS, 900_000, offer(), OVER),
        (NIGHTS, 900_000, offer(), PAID),
        (NIGHTS, 900_000, offer(), win(deadline=NOW)),
        (NIGHTS, 123, CHEAP, OVER),
        (NIGHTS, 600_000, CHEAP, OVER),
        (NIGHTS, None, offer(), OVER),
        # if none of those is payable, the error is that of the award which would have been chosen
        (NIGHTS, 900_000, PAID, LATE),
        (NIGHTS, 900_000, PAID, CHEAP),
        (DAYS, 900_000, PAID, LATE),
        (NIGHTS, 900_000, OVER, LATE),
        (NIGHTS, None, PAID, LATE),
    ],
)
def test_c26_of_several_awards_in_one_auction_one_is_meant(
    selected: Selected, amount: int | None, meant: Award, other: Award
) -> None:
    assert choose_award([meant, other], selected, amount, NOW) == meant
    assert choose_award([other, meant], selected, amount, NOW) == meant


def test_c26_after_midnight_the_amount_of_what_can_still_be_slept_tells_which_is_meant() -> None:
    assert choose_award([LATE.but(**LONG), OFFER], NIGHTS, 600_000, SECOND_EVENING) == OFFER
    assert choose_award([LATE.but(**LONG), OFFER], (D2,), 300_000, SECOND_EVENING) == OFFER


@pytest.mark.parametrize(
    "awards",
    [[], [win(status=AwardStatus.LOST)], [win(status=AwardStatus.WITHDRAWN, result=Result.LOST, nights=())]],
)
def test_without_an_award_there_is_nothing_to_pay(awards: list[Award]) -> None:
    with pytest.raises(NotFound):
        choose_award(awards, NIGHTS, 900_000, NOW)
    assert choose_award([*awards, GAPS], NIGHTS, 900_000, NOW) == GAPS
