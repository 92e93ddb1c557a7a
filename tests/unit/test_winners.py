"""The answers for the winners and offers pages, compared as a whole."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from stays.domain.award import Award, AwardStatus, Property, Result
from stays.domain.winners import is_offer, is_winner
from stays.edge.responses.auctions import Offer, Winner
from tests.samples import HOUSE, NIGHTS, NOW, TRAVELLER, offer, priced, win

HOUSE_SHOWN = {
    "id": "501",
    "title": "Nhà Gỗ Đà Lạt",
    "city": "Đà Lạt",
    "location": {"city": "Đà Lạt"},
    "images": [],
    "max_guests": 4,
}
ACCEPTED = offer(status=AwardStatus.ACCEPTED, pay_until=NOW + timedelta(days=2))


def night(number: int, *, selected: bool = True, run: int = 1) -> dict[str, Any]:
    return {
        "date": NIGHTS[number].isoformat(),
        "pricePerNight": 300_000,
        "isSelected": selected,
        "rangeId": f"range-{run}",
    }


def test_a_win_is_shown_with_all_that_the_page_needs() -> None:
    assert Winner.of(win(), NOW).dump() == {
        "id": "1001",
        "auctionId": "1001",
        "property": HOUSE_SHOWN,
        "bidAmount": 900_000,
        "checkIn": "2026-12-01",
        "checkOut": "2026-12-04",
        "isPartialWin": False,
        "awardedNights": [night(0), night(1), night(2)],
        "status": "PENDING_PAYMENT",
        "paymentDeadline": "2026-11-23T03:00:00.000Z",
        "guestCount": 2,
    }


def test_a_partial_win_shows_its_ranges_and_what_was_selected() -> None:
    partial = win(result=Result.PARTIAL_WIN, nights=priced(*NIGHTS[::2]), selected=NIGHTS[2:])
    shown = Winner.of(partial, NOW, partial_page=True).dump()
    assert (shown["isPartialWin"], shown["bidAmount"]) == (True, 300_000)
    assert (shown["checkIn"], shown["checkOut"]) == ("2026-12-01", "2026-12-04")
    assert shown["awardedNights"] == [night(0, selected=False), night(2, run=2)]


@pytest.mark.parametrize(
    ("award", "partial"),
    [
        (win(result=Result.PARTIAL_WIN), True),
        (ACCEPTED, False),
        (ACCEPTED.but(selected=NIGHTS[:2]), True),
        (ACCEPTED.but(nights=priced(*NIGHTS[::2])), True),
    ],
)
def test_what_is_not_every_night_from_check_in_to_check_out_is_a_partial_win(award: Award, *, partial: bool) -> None:
    assert Winner.of(award, NOW, partial_page=True).dump()["isPartialWin"] is partial
    assert Winner.of(award, NOW).dump()["isPartialWin"] is False


@pytest.mark.parametrize(
    ("award", "status"),
    [
        (win(), "PENDING_PAYMENT"),
        (win(status=AwardStatus.PAID), "PAID"),
        (win(status=AwardStatus.EXPIRED), "EXPIRED"),
        (win(status=AwardStatus.DECLINED), "EXPIRED"),
        (win(status=AwardStatus.WITHDRAWN), "EXPIRED"),
        (win(status=AwardStatus.PAID, ended_at=NOW), "EXPIRED"),
        (win(deadline=NOW), "EXPIRED"),
        (ACCEPTED, "PENDING_PAYMENT"),
        (ACCEPTED.but(status=AwardStatus.PAID), "PAID"),
    ],
)
def test_the_status_of_a_win_is_one_of_three(award: Award, status: str) -> None:
    assert Winner.of(award, NOW).dump()["status"] == status


def test_a_paid_win_names_its_payment() -> None:
    assert Winner.of(win(status=AwardStatus.PAID, payment_id="the-session"), NOW).dump()["paymentId"] == "the-session"


def test_an_accepted_offer_is_a_win_under_its_own_id_and_deadline() -> None:
    shown = Winner.of(ACCEPTED, NOW).dump()
    assert (shown["id"], shown["auctionId"]) == ("offer-7", "1001")
    assert shown["paymentDeadline"] == "2026-11-24T03:00:00.000Z"


@pytest.mark.parametrize(
    ("award", "on_winners", "on_offers"),
    [
        (win(), True, False),
        (win(status=AwardStatus.EXPIRED), True, False),
        (win(status=AwardStatus.LOST), False, False),
        (win(status=AwardStatus.WITHDRAWN), True, False),
        (win(status=AwardStatus.WITHDRAWN, nights=()), False, False),
        (offer(), False, True),
        (offer(status=AwardStatus.DECLINED), False, True),
        (offer(status=AwardStatus.WITHDRAWN), False, True),
        (ACCEPTED.but(status=AwardStatus.WITHDRAWN), True, True),
        (ACCEPTED, True, True),
        (ACCEPTED.but(status=AwardStatus.EXPIRED), True, True),
        (offer(status=AwardStatus.PAID), True, True),
    ],
)
def test_each_page_shows_what_belongs_there(award: Award, *, on_winners: bool, on_offers: bool) -> None:
    assert (is_winner(award), is_offer(award)) == (on_winners, on_offers)


def test_an_offer_is_shown_with_all_that_the_page_needs() -> None:
    assert Offer.of(offer(original_bid_id="88"), NOW).dump() == {
        "id": "offer-7",
        "originalBidId": "88",
        "userId": TRAVELLER,
        "auctionId": "1001",
        "property": HOUSE_SHOWN,
        "propertyName": "Nhà Gỗ Đà Lạt",
        "offeredNights": ["2026-12-01", "2026-12-02", "2026-12-03"],
        "amount": 900_000,
        "responseDeadline": "2026-11-23T03:00:00.000Z",
        "status": "WAITING",
    }


def test_an_accepted_offer_shows_until_when_it_can_be_paid() -> None:
    shown = Offer.of(ACCEPTED, NOW).dump()
    assert "originalBidId" not in shown
    assert (shown["status"], shown["responseDeadline"]) == ("ACCEPTED", "2026-11-23T03:00:00.000Z")
    assert shown["paymentDeadline"] == "2026-11-24T03:00:00.000Z"


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (AwardStatus.WAITING, "WAITING"),
        (AwardStatus.ACCEPTED, "ACCEPTED"),
        (AwardStatus.PAID, "ACCEPTED"),
        (AwardStatus.DECLINED, "DECLINED"),
        (AwardStatus.EXPIRED, "EXPIRED"),
        (AwardStatus.WITHDRAWN, "EXPIRED"),
    ],
)
def test_the_status_of_an_offer_is_one_of_four(status: AwardStatus, shown: str) -> None:
    assert Offer.of(offer(status=status), NOW).dump()["status"] == shown


def test_of_a_property_what_is_known_is_shown_and_nothing_is_null() -> None:
    bare = Property(id="7", name="Lều", host_id="auth0|host")
    assert Winner.of(win(rented_property=bare), NOW).dump()["property"] == {
        "id": "7",
        "title": "Lều",
        "location": {},
        "images": [],
    }
    whole = HOUSE.but(state="Lâm Đồng", address_line1="12 Hoa Mai", images=("https://stays.example/1.jpg",))
    assert Winner.of(win(rented_property=whole), NOW).dump()["property"] == HOUSE_SHOWN | {
        "state": "Lâm Đồng",
        "location": {"address_line1": "12 Hoa Mai", "city": "Đà Lạt", "state": "Lâm Đồng"},
        "images": [{"image_url": "https://stays.example/1.jpg"}],
    }


DAY = timedelta(days=1)
NOON_OF_CHECK_OUT = "2026-12-04T05:00:00.000Z"  # in Vietnam
YESTERDAY, TODAY = "2026-11-21T03:00:00.000Z", "2026-11-22T03:00:00.000Z"
LOST_YESTERDAY = {"ended_at": NOW - DAY, "deadline": NOW + DAY}


@pytest.mark.parametrize(
    ("award", "status", "deadline"),
    [
        (win(status=AwardStatus.PAID), "PAID", NOON_OF_CHECK_OUT),
        (win(status=AwardStatus.PAID, deadline=NOW - DAY), "PAID", NOON_OF_CHECK_OUT),
        (win(status=AwardStatus.PAID, nights=priced(*NIGHTS[::2])), "PAID", NOON_OF_CHECK_OUT),
        (win(status=AwardStatus.PAID, nights=priced(NIGHTS[0])), "PAID", "2026-12-02T05:00:00.000Z"),
        (ACCEPTED.but(status=AwardStatus.PAID), "PAID", NOON_OF_CHECK_OUT),
        *(
            (award.but(status=status, **LOST_YESTERDAY), "EXPIRED", YESTERDAY)
            for award in (win(), ACCEPTED)
            for status in (AwardStatus.EXPIRED, AwardStatus.DECLINED, AwardStatus.WITHDRAWN, AwardStatus.PAID)
        ),
        (win(status=AwardStatus.DECLINED, changed_at=NOW - DAY), "EXPIRED", YESTERDAY),
        (win(status=AwardStatus.EXPIRED, ended_at=NOW + DAY), "EXPIRED", TODAY),
        (win(status=AwardStatus.EXPIRED, changed_at=NOW + DAY), "EXPIRED", TODAY),
        (win(deadline=NOW - DAY), "EXPIRED", YESTERDAY),
        (ACCEPTED.but(pay_until=NOW - DAY), "EXPIRED", YESTERDAY),
    ],
)
def test_c25_the_deadline_fits_the_status_and_is_never_in_the_future_of_what_is_over(
    award: Award, status: str, deadline: str
) -> None:
    shown = Winner.of(award, NOW).dump()
    assert (shown["status"], shown["paymentDeadline"]) == (status, deadline)


@pytest.mark.parametrize(
    ("award", "open_until", "deadline"),
    [
        (win(), NOW + timedelta(hours=1), "2026-11-23T03:00:00.000Z"),
        (win(), NOW + 2 * DAY, "2026-11-24T03:00:00.000Z"),
        (win(deadline=NOW - DAY), NOW + DAY, "2026-11-23T03:00:00.000Z"),
        (win(deadline=NOW - DAY), NOW - timedelta(hours=1), "2026-11-22T02:00:00.000Z"),
        (ACCEPTED, NOW + 3 * DAY, "2026-11-25T03:00:00.000Z"),
        (ACCEPTED, NOW, "2026-11-24T03:00:00.000Z"),
    ],
)
def test_c25_while_an_order_or_a_reservation_is_open_the_later_of_both_times_is_the_deadline(
    award: Award, open_until: datetime, deadline: str
) -> None:
    shown = Winner.of(award, NOW, open_until).dump()
    assert (shown["status"], shown["paymentDeadline"]) == ("PENDING_PAYMENT", deadline)


@pytest.mark.parametrize("status", [AwardStatus.PAID, AwardStatus.EXPIRED, AwardStatus.DECLINED, AwardStatus.WITHDRAWN])
def test_c25_what_is_decided_has_no_order_that_is_open(status: AwardStatus) -> None:
    award = win(status=status)
    assert Winner.of(award, NOW, NOW + DAY).dump() == Winner.of(award, NOW).dump()


SECOND_EVENING = datetime.fromisoformat("2026-12-02T19:00:00+07:00")
AFTERWARDS = datetime.fromisoformat("2026-12-04T00:00:00+07:00")


@pytest.mark.parametrize("award", [win(result=Result.PARTIAL_WIN), ACCEPTED], ids=["partial win", "accepted offer"])
def test_after_midnight_a_winner_sees_and_pays_only_nights_that_can_still_be_slept(award: Award) -> None:
    until = {"pay_until" if award.pay_until else "deadline": AFTERWARDS + DAY}
    shown = Winner.of(award.but(**until), SECOND_EVENING).dump()
    assert (shown["checkIn"], shown["bidAmount"]) == ("2026-12-02", 600_000)
    assert shown["awardedNights"] == [night(1), night(2)]
    assert shown["status"] == "PENDING_PAYMENT"
    over = Winner.of(award.but(**until), AFTERWARDS).dump()
    assert (over["status"], over["paymentDeadline"]) == ("EXPIRED", "2026-12-03T17:00:00.000Z")


def test_after_midnight_a_full_win_with_a_night_past_is_over_since_then() -> None:
    shown = Winner.of(win(deadline=AFTERWARDS), SECOND_EVENING).dump()
    assert (shown["status"], shown["paymentDeadline"]) == ("EXPIRED", "2026-12-01T17:00:00.000Z")
    assert shown["awardedNights"] == [night(0), night(1), night(2)]


@pytest.mark.parametrize("status", [AwardStatus.WAITING, AwardStatus.ACCEPTED])
def test_after_midnight_an_offer_shows_what_is_left_of_it_and_is_over_with_its_last_night(status: AwardStatus) -> None:
    late = offer(status=status, deadline=AFTERWARDS + DAY)
    shown = Offer.of(late, SECOND_EVENING).dump()
    assert (shown["offeredNights"], shown["amount"]) == (["2026-12-02", "2026-12-03"], 600_000)
    assert shown["status"] == status.value
    assert Offer.of(late, AFTERWARDS).dump()["status"] == "EXPIRED"
