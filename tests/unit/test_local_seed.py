"""The seed data is consistent."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from infra.local.seed import AN, BINH, seed_events

NOW = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
EVENTS = seed_events(NOW)
DETAILS = [event["detail"] for event in EVENTS if "property" in event["detail"]]
STANDING = {(each["auctionId"], each["userId"], each.get("offerId")): each for each in DETAILS}  # the latest of each


def nights(detail: dict[str, Any]) -> list[date]:
    awarded = detail.get("awardedNights", detail.get("offeredNights"))
    assert awarded is not None
    return [date.fromisoformat(night["date"]) for night in awarded]


def amount(detail: dict[str, Any]) -> int:
    return sum(night["price"] for night in detail.get("awardedNights", []))


def test_there_is_one_of_every_kind() -> None:
    kinds = [(event["detail-type"], event["detail"].get("result")) for event in EVENTS]
    assert kinds.count(("AuctionResult", "PARTIAL_WIN")) == 1
    assert kinds.count(("AuctionResult", "LOST")) == 1
    assert kinds.count(("SecondChanceOffer", None)) == 1
    assert kinds.count(("AuctionWithdrawn", None)) == 1
    assert len(DETAILS) - len(STANDING) == 1, "one is corrected"
    assert {detail["userId"] for detail in DETAILS} == {AN.sub, BINH.sub}


def test_a_week_costs_exactly_a_million() -> None:
    assert [amount(each) for each in DETAILS if len(nights(each)) == 7] == [1_000_000]


def test_the_partial_win_has_a_gap() -> None:
    (partial,) = (each for each in DETAILS if each.get("result") == "PARTIAL_WIN")
    assert max(after - before for before, after in pairwise(nights(partial))) == timedelta(days=2)


def test_one_win_has_expired_and_its_nights_are_offered_to_the_other_traveller() -> None:
    now = NOW.isoformat().replace("+00:00", "Z")
    (expired,) = (each for each in DETAILS if each.get("paymentDeadline", "Z") < now)
    (offer,) = (each for each in DETAILS if "offerId" in each)
    assert offer["auctionId"] == expired["auctionId"]
    assert offer["userId"] != expired["userId"]
    assert nights(offer) == nights(expired)


def test_nobody_else_won_the_same_night() -> None:
    won = [each for each in STANDING.values() if "result" in each]
    taken = [(each["property"]["id"], night) for each in won for night in nights(each)]
    assert len(taken) == len(set(taken))


def test_every_night_lies_in_the_future_in_vietnam() -> None:
    # 18:30 in London is tomorrow in Vietnam.
    assert min(night for each in DETAILS for night in nights(each)) > date(2026, 11, 24)


def test_ids_are_strings_of_64_bit_integers() -> None:
    for detail in DETAILS:
        for name in (detail["auctionId"], detail["property"]["id"]):
            assert 2**53 < int(name) < 2**63
