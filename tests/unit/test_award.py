"""Awards: the required fields of their events, and until when each night can be bought."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from stays.domain.auction import AuctionWithdrawn, read_event
from stays.domain.award import AWARD_SOURCES, PAYABLE, Award, AwardStatus, Correction, Result, RunnerUp
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
WITHDRAWN = {name: RESULT[name] for name in ("auctionId", "userId")}
EVERY_EVENT = [
    ("AuctionResult", RESULT),
    ("SecondChanceOffer", OFFER),
    ("AuctionWithdrawn", WITHDRAWN),
    ("AuctionWithdrawn", WITHDRAWN | {"offerId": 7}),
]
# The attributes of an award as 1.2.1 wrote it
OF_1_2_1 = {
    *("awardId", "auctionId", "userId", "property", "nights", "guestCount", "deadline", "status", "receivedAt"),
    *("result", "bidAmount", "originalBidId", "paymentId", "selected", "checkoutId", "payUntil", "runnersUp"),
    *("offerMinutes", "atStake", "declineReason", "changedAt", "dueAt"),
}


def changed(event: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The event with one value replaced. `...` removes the value."""
    first, _, rest = path.partition(".")
    if rest:
        return event | {first: changed(event[first], rest, value)}
    return {name: each for name, each in (event | {path: value}).items() if each is not ...}


def test_a_result_becomes_a_win_with_its_nights_in_order() -> None:
    award = read_event("AuctionResult", RESULT, NOW)
    assert award == win(
        rented_property=HOUSE,
        nights=(*priced(FIRST, price=200_000), *priced(date(2026, 12, 2))),
        bid_amount=500_000,
        deadline=NOW + timedelta(days=1),
    )
    assert (award.auction_id, award.amount(NOW), award.revision) == ("1001", 500_000, 0)


def test_a_loss_is_recorded_and_pays_nothing() -> None:
    award = read_event("AuctionResult", RESULT | {"result": "LOST", "awardedNights": []}, NOW)
    assert (award.status, award.result, award.nights, award.bid_amount) == (AwardStatus.LOST, Result.LOST, (), 500_000)
    assert (award.due_at, award.amount(NOW), award.is_win) == (None, 0, False)


def test_an_offer_waits_under_its_own_id() -> None:
    award = read_event("SecondChanceOffer", OFFER, NOW)
    assert award == offer(
        award_id="7", original_bid_id="8", nights=priced(FIRST, price=200_000), rented_property=HOUSE, guest_count=1
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
        ("property.maxGuests", "4", ("property", "maxGuests")),
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
    assert read_event("AuctionResult", RESULT | {"awardedNights": nights}, NOW).amount(NOW) == 100_000_000
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


@pytest.mark.parametrize("revision", [0, 1, 1_764_201_600_000, 2**53])
def test_an_event_says_which_revision_of_an_award_it_is(revision: int) -> None:
    for kind, event in EVERY_EVENT:
        assert read_event(kind, event | {"revision": revision}, NOW).revision == revision
        assert read_event(kind, event, NOW).revision == 0


@pytest.mark.parametrize("revision", [-1, 1.5, "1", True, None, 2**53 + 1])
def test_a_revision_is_a_number_that_counts(revision: Any) -> None:
    for kind, event in EVERY_EVENT:
        with pytest.raises(ValidationError, match="revision"):
            read_event(kind, event | {"revision": revision}, NOW)


def test_an_award_is_taken_back_by_the_keys_of_the_event_that_gave_it() -> None:
    for kind, event in EVERY_EVENT:
        said = read_event("AuctionWithdrawn", event, NOW)
        assert isinstance(said, AuctionWithdrawn)
        assert kind == "AuctionWithdrawn" or said.award_id == read_event(kind, event, NOW).award_id
        assert (said.auction_id, said.user_id) == ("1001", TRAVELLER)


@pytest.mark.parametrize(
    ("path", "value"),
    [("auctionId", ...), ("userId", ...), ("userId", ""), ("offerId", "a/b"), ("offerId", "WIN")],
)
def test_a_withdrawal_that_cannot_be_is_refused_by_the_field_that_is_wrong(path: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=path):
        read_event("AuctionWithdrawn", changed(WITHDRAWN, path, value), NOW)


def test_what_waits_on_an_award_is_read_back_from_what_was_written() -> None:
    for corrected in (None, win(revision=2, guest_count=4)):
        award = win(correction=Correction(revision=2, event_id="event-9", award=corrected))
        assert Award.model_validate(award.dump()) == award


@pytest.mark.parametrize("status", AwardStatus)
@pytest.mark.parametrize("due", [None, NOW])
def test_what_an_earlier_release_wrote_was_passed_on_when_it_ended_unless_it_is_due(
    status: AwardStatus, due: datetime | None
) -> None:
    item = {name: value for name, value in win(status=status, due_at=due).dump().items() if name in OF_1_2_1}
    read = Award.model_validate(item)
    assert read.passed_on is not (status in PAYABLE or due is not None)
    assert (read.revision, read.unsold, read.releases, read.chain, read.ended_at) == (0, None, (), None, None)
    released = Award.model_validate(item | {"releasedNights": ["2026-12-01"]})
    assert released.releases == ((FIRST,),)
    assert released.passed_on is (status not in PAYABLE)
    assert Award.model_validate(read.dump()) == read


def test_what_an_earlier_release_saw_paid_asks_nobody_when_it_is_given_back() -> None:
    item = {name: value for name, value in win(status=AwardStatus.PAID).dump().items() if name in OF_1_2_1}
    assert Award.model_validate(item | {"unsold": ["2026-12-01"]}).passed_on is True


@pytest.mark.parametrize("passed_on", [False, True])
def test_what_this_release_wrote_says_itself_whether_it_was_passed_on(*, passed_on: bool) -> None:
    award = win(status=AwardStatus.EXPIRED, due_at=None, passed_on=passed_on, releases=((FIRST,),))
    assert Award.model_validate(award.dump()) == Award.model_validate(award) == award


def test_an_award_without_a_status_cannot_be_read() -> None:
    with pytest.raises(ValidationError, match="status"):
        Award.model_validate(changed(win().dump(), "status", ...))


@pytest.mark.parametrize("status", AwardStatus)
def test_what_waits_for_money_can_be_paid_until_its_deadline(status: AwardStatus) -> None:
    award = win(status=status)
    assert award.is_payable(award.deadline - timedelta(milliseconds=1)) is (status in PAYABLE)
    assert not award.is_payable(award.deadline)


FIRST_MORNING, LAST_MORNING, MORNING_AFTER = (
    datetime.fromisoformat(f"2026-12-{day:02}T00:00:00+07:00") for day in (2, 3, 4)
)
LONG = {"deadline": NOW + timedelta(days=30)}
FULL, PARTIAL, OFFER_OF_LATE = win(**LONG), win(result=Result.PARTIAL_WIN, **LONG), offer(**LONG)
MOMENT = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("award", "at", "nights"),
    [
        *((award, at, NIGHTS) for award in (FULL, PARTIAL, OFFER_OF_LATE) for at in (NOW, FIRST_MORNING - MOMENT)),
        (FULL, FIRST_MORNING, ()),
        *((award, FIRST_MORNING, NIGHTS[1:]) for award in (PARTIAL, OFFER_OF_LATE)),
        *((award, LAST_MORNING, NIGHTS[2:]) for award in (PARTIAL, OFFER_OF_LATE)),
        *((award, MORNING_AFTER, ()) for award in (FULL, PARTIAL, OFFER_OF_LATE)),
    ],
)
def test_after_midnight_only_nights_that_can_still_be_slept_are_sold_and_a_full_win_is_sold_whole(
    award: Award, at: datetime, nights: tuple[date, ...]
) -> None:
    assert tuple(night.date for night in award.sellable(at)) == nights
    assert tuple(night.date for night in award.shown(at)) == (nights or NIGHTS)
    assert award.amount(at) == 300_000 * len(nights or NIGHTS)
    assert award.is_payable(at) is bool(nights)
    assert award.but(status=AwardStatus.PAID).shown(at) == award.nights


def test_what_was_chosen_is_chosen_as_long_as_it_can_be_slept() -> None:
    chosen = OFFER_OF_LATE.but(selected=NIGHTS[:2])
    dates = [[night.date for night in chosen.chosen(at)] for at in (NOW, FIRST_MORNING, LAST_MORNING)]
    assert dates == [list(NIGHTS[:2]), [NIGHTS[1]], [NIGHTS[2]]]
    assert chosen.amount(FIRST_MORNING) == 300_000


@pytest.mark.parametrize(
    ("award", "at", "over_at"),
    [
        (win(), NOW, None),
        (win(), win().deadline, win().deadline),
        (win(), FIRST_MORNING, win().deadline),
        (offer(status=AwardStatus.ACCEPTED, pay_until=NOW + MOMENT), NOW, None),
        (offer(status=AwardStatus.ACCEPTED, pay_until=NOW + MOMENT), FIRST_MORNING, NOW + MOMENT),
        (FULL, FIRST_MORNING - MOMENT, None),
        (FULL, LAST_MORNING, FIRST_MORNING),
        (PARTIAL, MORNING_AFTER - MOMENT, None),
        (PARTIAL, MORNING_AFTER, MORNING_AFTER),
        (win(status=AwardStatus.PAID), MORNING_AFTER, None),
        (win(status=AwardStatus.PAID, ended_at=LAST_MORNING), MORNING_AFTER, LAST_MORNING),
        *(
            (win(status=status, changed_at=LAST_MORNING), MORNING_AFTER, LAST_MORNING)
            for status in (AwardStatus.EXPIRED, AwardStatus.DECLINED, AwardStatus.WITHDRAWN)
        ),
        (win(status=AwardStatus.EXPIRED, ended_at=NOW, changed_at=LAST_MORNING), MORNING_AFTER, NOW),
        (win(status=AwardStatus.EXPIRED, ended_at=LAST_MORNING), NOW, NOW),
        (win(status=AwardStatus.EXPIRED, changed_at=LAST_MORNING), NOW, NOW),
    ],
)
def test_an_award_is_over_since_its_user_lost_it_and_never_in_time_to_come(
    award: Award, at: datetime, over_at: datetime | None
) -> None:
    assert award.over_at(at) == over_at


def test_a_loss_that_was_taken_back_is_no_win() -> None:
    assert win(status=AwardStatus.WITHDRAWN).is_win
    assert not win(status=AwardStatus.WITHDRAWN, result=Result.LOST, nights=()).is_win


def test_a_status_of_an_award_is_entered_from_these_and_from_no_other() -> None:
    payable = {"PENDING_PAYMENT", "WAITING", "ACCEPTED"}
    ended = {"DECLINED", "EXPIRED", "LOST"}
    assert {
        "ACCEPTED": {"WAITING"},
        "DECLINED": payable,
        "EXPIRED": payable,
        "PAID": payable | {"DECLINED", "EXPIRED"},
        "WITHDRAWN": payable | ended,
    } == AWARD_SOURCES


def test_no_offer_bears_the_name_of_a_win() -> None:
    with pytest.raises(ValidationError):
        read_event("SecondChanceOffer", OFFER | {"offerId": "WIN"}, NOW)


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
def test_an_event_at_its_limits_is_accepted(path: str, value: Any) -> None:
    assert read_event("AuctionResult", changed(RESULT, path, value), NOW).status is AwardStatus.PENDING_PAYMENT
