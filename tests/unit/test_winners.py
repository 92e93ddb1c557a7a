"""What the winners and offers pages show, compared whole."""

from datetime import timedelta
from typing import Any

import pytest

from stays.domain.award import Award, AwardStatus, Property, Result
from stays.domain.winners import is_offer, is_winner, offer_of, winner_of
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
    assert winner_of(win()) == {
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
    shown = winner_of(partial)
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
    assert winner_of(award)["isPartialWin"] is partial


@pytest.mark.parametrize(
    ("award", "status"),
    [
        (win(), "PENDING_PAYMENT"),
        (win(status=AwardStatus.PAID), "PAID"),
        (win(status=AwardStatus.EXPIRED), "EXPIRED"),
        (win(status=AwardStatus.DECLINED), "EXPIRED"),
        (ACCEPTED, "PENDING_PAYMENT"),
        (ACCEPTED.but(status=AwardStatus.PAID), "PAID"),
    ],
)
def test_the_status_of_a_win_is_one_of_three(award: Award, status: str) -> None:
    assert winner_of(award)["status"] == status


def test_a_paid_win_names_its_payment() -> None:
    assert winner_of(win(status=AwardStatus.PAID, payment_id="the-session"))["paymentId"] == "the-session"


def test_an_accepted_offer_is_a_win_under_its_own_id_and_deadline() -> None:
    shown = winner_of(ACCEPTED)
    assert (shown["id"], shown["auctionId"]) == ("offer-7", "1001")
    assert shown["paymentDeadline"] == "2026-11-24T03:00:00.000Z"


@pytest.mark.parametrize(
    ("award", "on_winners", "on_offers"),
    [
        (win(), True, False),
        (win(status=AwardStatus.EXPIRED), True, False),
        (win(status=AwardStatus.LOST), False, False),
        (offer(), False, True),
        (offer(status=AwardStatus.DECLINED), False, True),
        (ACCEPTED, True, True),
        (ACCEPTED.but(status=AwardStatus.EXPIRED), True, True),
        (offer(status=AwardStatus.PAID), True, True),
    ],
)
def test_each_page_shows_what_belongs_there(award: Award, *, on_winners: bool, on_offers: bool) -> None:
    assert (is_winner(award), is_offer(award)) == (on_winners, on_offers)


def test_an_offer_is_shown_with_all_that_the_page_needs() -> None:
    assert offer_of(offer(original_bid_id="88")) == {
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
    shown = offer_of(ACCEPTED)
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
    ],
)
def test_the_status_of_an_offer_is_one_of_four(status: AwardStatus, shown: str) -> None:
    assert offer_of(offer(status=status))["status"] == shown


def test_of_a_property_what_is_known_is_shown_and_nothing_is_null() -> None:
    bare = Property(id="7", name="Lều", host_id="auth0|host")
    assert winner_of(win(place=bare))["property"] == {"id": "7", "title": "Lều", "location": {}, "images": []}
    whole = HOUSE.but(state="Lâm Đồng", address_line1="12 Hoa Mai", images=("https://stays.example/1.jpg",))
    assert winner_of(win(place=whole))["property"] == HOUSE_SHOWN | {
        "state": "Lâm Đồng",
        "location": {"address_line1": "12 Hoa Mai", "city": "Đà Lạt", "state": "Lâm Đồng"},
        "images": [{"image_url": "https://stays.example/1.jpg"}],
    }
