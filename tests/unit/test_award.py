"""Awards: what an event has to say, and which nights can be paid for which amount."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from stays.domain.auction import read_event
from stays.domain.award import AWARD_SOURCES, PAYABLE, Award, AwardStatus, Quote, Result, RunnerUp, being_paid, quote
from stays.domain.errors import Invalid, NotFound, Refused
from tests.samples import FIRST, HOUSE, NIGHTS, NOW, TRAVELLER, offer, priced, win

RESULT = {
    "auctionId": 1001,
    "userId": TRAVELLER,
    "property": {"id": 501, "name": "  Nhà Gỗ Đà Lạt ", "hostId": "auth0|host", "city": "Đà Lạt", "maxGuests": 4},
    "result": "FULL_WIN",
    "awardedNights": [{"date": "2026-12-02", "price": 300_000}, {"date": "2026-12-01", "price": 200_000}],
    "guestCount": 2,
    "bidAmount": 500_000,
    "paymentDeadline": "2026-11-23T10:00:00+07:00",
    "somethingNew": None,
}
NEXT_NIGHTS = RESULT["awardedNights"]
OFFER = {
    **{name: RESULT[name] for name in ("auctionId", "userId", "property")},
    "offerId": 7,
    "originalBidId": 8,
    "offeredNights": [{"date": "2026-12-01", "price": 200_000}],
    "responseDeadline": "2026-11-23T03:00:00Z",
}


def changed(event: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The event with one value replaced, or removed where it is `...`."""
    first, _, rest = path.partition(".")
    if rest:
        return event | {first: changed(event[first], rest, value)}
    return {name: each for name, each in (event | {path: value}).items() if each is not ...}


def test_a_result_becomes_a_win_with_its_nights_in_order() -> None:
    award = read_event("AuctionResult", RESULT, NOW)
    assert award == win(
        place=HOUSE,
        nights=(*priced(FIRST, price=200_000), *priced(date(2026, 12, 2))),
        bid_amount=500_000,
        deadline=NOW + timedelta(days=1),
    )
    assert (award.auction_id, award.amount) == ("1001", 500_000)


def test_a_loss_is_recorded_and_pays_nothing() -> None:
    award = read_event("AuctionResult", RESULT | {"result": "LOST", "awardedNights": []}, NOW)
    assert (award.status, award.result, award.nights, award.bid_amount) == (AwardStatus.LOST, Result.LOST, (), 500_000)
    assert (award.due_at, award.amount) == (None, 0)


def test_an_offer_waits_under_its_own_id() -> None:
    award = read_event("SecondChanceOffer", OFFER, NOW)
    assert award == offer(
        award_id="7", original_bid_id="8", nights=priced(FIRST, price=200_000), place=HOUSE, guest_count=1
    )


SECOND = {"userId": "auth0|binh", "bidId": 9, "nights": [{"date": "2026-12-01", "price": 150_000}], "guestCount": 3}
THIRD = {"userId": "auth0|chi", "nights": [{"date": "2026-12-02", "price": 1}, {"date": "2026-12-01", "price": 2}]}


def test_an_event_names_who_comes_next_in_order_and_how_long_they_have() -> None:
    for kind, event in (("AuctionResult", RESULT), ("SecondChanceOffer", OFFER | {"offeredNights": NEXT_NIGHTS})):
        award = read_event(kind, event | {"runnersUp": [SECOND, THIRD], "offerMinutes": 45}, NOW)
        assert award.runners_up == (
            RunnerUp(user_id="auth0|binh", bid_id="9", nights=priced(FIRST, price=150_000), guest_count=3),
            RunnerUp(user_id="auth0|chi", nights=(*priced(FIRST, price=2), *priced(date(2026, 12, 2), price=1))),
        )
        assert award.offer_minutes == 45
        silent = read_event(kind, event, NOW)
        assert (silent.runners_up, silent.offer_minutes) == ((), 120)
        assert not silent.says_the_same(award)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"runnersUp": [SECOND | {"userId": TRAVELLER}]}, "nobody is asked twice"),
        ({"runnersUp": [SECOND, SECOND]}, "nobody is asked twice"),
        (
            {"runnersUp": [SECOND | {"nights": [{"date": "2026-12-05", "price": 1}]}]},
            "a runner-up is only offered nights that were awarded",
        ),
        ({"runnersUp": [SECOND | {"nights": []}]}, "runnersUp.0.nights"),
        ({"runnersUp": [SECOND | {"nights": [{"date": "2026-12-01", "price": 0}]}]}, "runnersUp.0.nights.0.price"),
        ({"runnersUp": [SECOND | {"userId": f"auth0|{number}"} for number in range(21)]}, "runnersUp"),
        ({"offerMinutes": 0}, "offerMinutes"),
        ({"offerMinutes": 10_081}, "offerMinutes"),
        ({"offerMinutes": "60"}, "offerMinutes"),
    ],
)
def test_who_comes_next_is_somebody_else_who_bid_for_nights_at_stake(changes: dict[str, Any], message: str) -> None:
    for kind, event in (("AuctionResult", RESULT), ("SecondChanceOffer", OFFER | {"offeredNights": NEXT_NIGHTS})):
        with pytest.raises(ValidationError, match=message):
            read_event(kind, event | changes, NOW)


def test_an_unknown_kind_of_event_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        read_event("AuctionBegan", RESULT, NOW)


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("auctionId", ..., ("auctionId",)),
        ("auctionId", "a#b", ("auctionId",)),
        ("userId", "", ("userId",)),
        ("property", ..., ("property",)),
        ("property.name", " ", ("property", "name")),
        ("property.name", "x" * 201, ("property", "name")),
        ("property.hostId", ..., ("property", "hostId")),
        ("property.maxGuests", 0, ("property", "maxGuests")),
        ("property.images", ["x" * 501], ("property", "images", 0)),
        ("property.images", ["x"] * 21, ("property", "images")),
        ("result", "WON", ("result",)),
        ("awardedNights", [], ()),
        ("awardedNights", [{"date": "2026-12-01", "price": 1}] * 2, ("awardedNights",)),
        ("awardedNights", [{"date": "2026-12-01", "price": 0}], ("awardedNights", 0, "price")),
        ("awardedNights", [{"date": "2026-12-01", "price": 1.5}], ("awardedNights", 0, "price")),
        ("awardedNights", [{"date": "2026-12-1", "price": 1}], ("awardedNights", 0, "date")),
        ("guestCount", 0, ("guestCount",)),
        ("guestCount", 101, ("guestCount",)),
        ("guestCount", "2", ("guestCount",)),
        ("bidAmount", -1, ("bidAmount",)),
        ("paymentDeadline", "2026-11-23T10:00:00", ("paymentDeadline",)),
        ("paymentDeadline", ..., ("paymentDeadline",)),
    ],
)
def test_a_result_that_cannot_be_is_refused_by_the_field_that_is_wrong(
    path: str, value: Any, field: tuple[Any, ...]
) -> None:
    with pytest.raises(ValidationError) as refused:
        read_event("AuctionResult", changed(RESULT, path, value), NOW)
    assert [each["loc"] for each in refused.value.errors()] == [field]


def test_a_loss_that_names_nights_is_refused() -> None:
    with pytest.raises(ValidationError, match="a win names its nights, a loss names none"):
        read_event("AuctionResult", RESULT | {"result": "LOST"}, NOW)


def test_nights_that_cost_more_than_can_be_paid_are_refused() -> None:
    nights = [{"date": f"2026-12-{day:02}", "price": 50_000_000} for day in (1, 2)]
    assert read_event("AuctionResult", RESULT | {"awardedNights": nights}, NOW).amount == 100_000_000
    one_more = [*nights, {"date": "2026-12-03", "price": 1}]
    with pytest.raises(ValidationError, match="the nights cost more than 100000000 together"):
        read_event("AuctionResult", RESULT | {"awardedNights": one_more}, NOW)


@pytest.mark.parametrize("count", [60, 61])
def test_no_more_nights_are_awarded_than_one_transaction_holds(count: int) -> None:
    nights = [{"date": (FIRST + timedelta(days=n)).isoformat(), "price": 1} for n in range(count)]
    for kind, event, name in (
        ("AuctionResult", RESULT, "awardedNights"),
        ("SecondChanceOffer", OFFER, "offeredNights"),
    ):
        if count == 60:
            assert len(read_event(kind, event | {name: nights}, NOW).nights) == 60
        else:
            with pytest.raises(ValidationError, match=name):
                read_event(kind, event | {name: nights}, NOW)


@pytest.mark.parametrize("name", ["offerId", "offeredNights", "responseDeadline"])
def test_an_offer_names_its_id_nights_and_deadline(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        read_event("SecondChanceOffer", changed(OFFER, name, ...), NOW)
    with pytest.raises(ValidationError, match=name):
        read_event("SecondChanceOffer", changed(OFFER, name, []), NOW)


def test_an_award_is_read_back_from_what_was_written() -> None:
    award = read_event("AuctionResult", RESULT, NOW)
    assert Award.model_validate(award.dump()) == award


def test_two_announcements_say_the_same_whatever_has_become_of_the_award() -> None:
    later = win(status=AwardStatus.PAID, payment_id="x", received_at=NOW + timedelta(days=1))
    assert win().says_the_same(later)
    assert not win().says_the_same(win(guest_count=3))


@pytest.mark.parametrize("status", AwardStatus)
def test_what_waits_for_money_can_be_paid_until_its_deadline(status: AwardStatus) -> None:
    award = win(status=status)
    assert award.is_payable(award.deadline - timedelta(milliseconds=1)) is (status in PAYABLE)
    assert not award.is_payable(award.deadline)


def test_the_price_of_the_selected_nights_buys_them_in_order() -> None:
    award = win()
    assert quote([award], [NIGHTS[2], NIGHTS[0]], 600_000, NOW) == Quote(award, (NIGHTS[0], NIGHTS[2]), 600_000)


def test_without_an_amount_the_price_is_ours() -> None:
    award = win()
    assert quote([award], [NIGHTS[1]], None, NOW) == Quote(award, (NIGHTS[1],), 300_000)


@pytest.mark.parametrize("selected", [NIGHTS, NIGHTS[:2], NIGHTS[1:], NIGHTS[1:2]])
def test_c18_the_full_amount_books_all_awarded_nights(selected: tuple[date, ...]) -> None:
    award = win()
    assert quote([award], selected, 900_000, NOW) == Quote(award, NIGHTS, 900_000)


@pytest.mark.parametrize("selected", [NIGHTS, NIGHTS[:2], NIGHTS[1:2]])
def test_the_price_of_what_was_chosen_of_it_books_what_was_chosen(selected: tuple[date, ...]) -> None:
    award = win(result=Result.PARTIAL_WIN, nights=(*priced(FIRST, price=200_000), *priced(*NIGHTS[1:])))
    chosen = award.but(selected=NIGHTS[:2])
    assert chosen.amount == 500_000
    assert quote([chosen], selected, 500_000, NOW) == Quote(chosen, NIGHTS[:2], 500_000)
    assert quote([chosen], selected, 800_000, NOW) == Quote(chosen, NIGHTS, 800_000)


def test_what_was_chosen_is_no_obstacle_to_choose_again_at_the_till() -> None:
    chosen = win(result=Result.PARTIAL_WIN, selected=NIGHTS[:1])
    assert quote([chosen], NIGHTS[1:], 600_000, NOW) == Quote(chosen, NIGHTS[1:], 600_000)
    assert quote([chosen], NIGHTS[1:], None, NOW) == Quote(chosen, NIGHTS[1:], 600_000)


def test_the_price_of_what_was_chosen_buys_no_night_that_is_over() -> None:
    chosen = win(result=Result.PARTIAL_WIN, selected=NIGHTS[:2], deadline=NOW + timedelta(days=30))
    later = datetime.combine(NIGHTS[1], time(12), UTC)
    with pytest.raises(Invalid) as refused:
        quote([chosen], NIGHTS[1:2], 600_000, later)
    assert refused.value.details == {"expectedAmount": 300_000}


def test_no_offer_bears_the_name_of_a_win() -> None:
    with pytest.raises(ValidationError):
        read_event("SecondChanceOffer", OFFER | {"offerId": "WIN"}, NOW)


def test_the_full_amount_buys_no_night_that_is_over() -> None:
    award = win(nights=priced(*NIGHTS), deadline=NOW + timedelta(days=30))
    later = datetime.combine(NIGHTS[1], time(12), UTC)
    with pytest.raises(Invalid) as refused:
        quote([award], NIGHTS[1:], 900_000, later)
    assert refused.value.details == {"expectedAmount": 600_000}


@pytest.mark.parametrize("amount", [1, 599_999, 600_001])
def test_any_other_amount_is_refused_with_the_one_that_is_expected(amount: int) -> None:
    with pytest.raises(Invalid) as refused:
        quote([win()], NIGHTS[:2], amount, NOW)
    assert (refused.value.code, refused.value.details) == ("INVALID_AMOUNT", {"expectedAmount": 600_000})


@pytest.mark.parametrize("awards", [[], [win(status=AwardStatus.LOST)]])
def test_without_an_award_there_is_nothing_to_pay(awards: list[Award]) -> None:
    with pytest.raises(NotFound):
        quote(awards, NIGHTS, 900_000, NOW)


@pytest.mark.parametrize(
    ("selected", "message"),
    [
        ([*NIGHTS, date(2026, 12, 4)], "A night was not awarded."),
        ([NIGHTS[0], NIGHTS[0]], "A night is named twice."),
        ([date(2026, 11, 21), *NIGHTS], "A night is in the past."),
    ],
)
def test_nights_that_cannot_be_selected_are_refused_by_name(selected: list[date], message: str) -> None:
    with pytest.raises(Invalid) as refused:
        quote([win()], selected, 900_000, NOW)
    assert refused.value.code == "VALIDATION_ERROR"
    assert refused.value.details == {"fields": [{"field": "selectedNights", "message": message}]}


def test_tonight_can_still_be_paid_by_the_date_in_vietnam() -> None:
    tonight = win(nights=priced(date(2026, 11, 22)))
    assert quote([tonight], [date(2026, 11, 22)], 300_000, NOW).nights == (date(2026, 11, 22),)
    after_midnight_there = NOW.replace(hour=17)
    with pytest.raises(Invalid, match="not valid"):
        quote([tonight], [date(2026, 11, 22)], 300_000, after_midnight_there)


@pytest.mark.parametrize(
    ("award", "code"),
    [
        (win(deadline=NOW), "INVALID_AUCTION_STATE"),
        (win(status=AwardStatus.EXPIRED), "INVALID_AUCTION_STATE"),
        (offer(deadline=NOW), "OFFER_EXPIRED"),
        (offer(status=AwardStatus.DECLINED), "OFFER_EXPIRED"),
    ],
)
def test_an_award_whose_time_is_over_is_refused_with_its_deadline(award: Award, code: str) -> None:
    with pytest.raises(Refused) as refused:
        quote([award], NIGHTS, 900_000, NOW)
    assert (refused.value.code, refused.value.details) == (code, {"deadline": award.dump()["deadline"]})


def test_an_award_that_is_paid_names_the_session_that_paid_it() -> None:
    with pytest.raises(Refused) as refused:
        quote([win(status=AwardStatus.PAID, payment_id="the-session")], NIGHTS, 900_000, NOW)
    assert (refused.value.code, refused.value.details) == ("INVALID_AUCTION_STATE", {"sessionId": "the-session"})


def test_of_several_awards_the_one_with_most_of_the_nights_is_meant() -> None:
    two, three = offer(nights=priced(*NIGHTS[:2])), win()
    assert quote([two, three], NIGHTS, None, NOW).award is three
    assert quote([three, two], NIGHTS, None, NOW).award is three


def test_of_equal_awards_the_one_that_can_be_paid_is_meant() -> None:
    over, alive = win(deadline=NOW), offer()
    assert quote([over, alive], NIGHTS, None, NOW).award is alive
    assert quote([alive, over], NIGHTS, None, NOW).award is alive


def test_what_an_event_leaves_out_is_one_guest_and_no_bid() -> None:
    silent = {name: value for name, value in RESULT.items() if name not in ("guestCount", "bidAmount")}
    award = read_event("AuctionResult", silent | {"runnersUp": [THIRD]}, NOW)
    assert (award.guest_count, award.bid_amount, award.runners_up[0].guest_count) == (1, 0, 1)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("property.name", "x"),
        ("property.name", "x" * 200),
        ("guestCount", 1),
        ("guestCount", 100),
        ("offerMinutes", 1),
        ("offerMinutes", 10_080),
        ("runnersUp", [SECOND | {"userId": f"auth0|{number}"} for number in range(20)]),
    ],
)
def test_the_limits_of_an_event_are_within_them(path: str, value: Any) -> None:
    assert read_event("AuctionResult", changed(RESULT, path, value), NOW).status is AwardStatus.PENDING_PAYMENT


def test_the_full_amount_buys_tonight_too() -> None:
    tonight = datetime.combine(FIRST, time(12), UTC)
    award = win(deadline=tonight + timedelta(days=1))
    assert quote([award], NIGHTS[1:], 900_000, tonight) == Quote(award, NIGHTS, 900_000)


def test_an_award_that_is_being_paid_names_the_session_that_pays_it() -> None:
    refused = being_paid("the session")
    assert (refused.code, refused.details) == ("INVALID_AUCTION_STATE", {"sessionId": "the session"})


def test_what_is_not_known_is_no_detail() -> None:
    with pytest.raises(Refused) as refused:
        quote([win(status=AwardStatus.PAID)], NIGHTS, None, NOW)
    assert refused.value.details == {}


def test_an_award_ends_from_these_and_from_no_other() -> None:
    payable = {"PENDING_PAYMENT", "WAITING", "ACCEPTED"}
    assert {"ACCEPTED": {"WAITING"}, "DECLINED": payable, "EXPIRED": payable} == AWARD_SOURCES
