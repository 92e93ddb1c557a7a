"""Awards, refused events and profiles in the table."""

from datetime import timedelta

import pytest

from stays.domain.award import AwardStatus
from stays.domain.mailing import Profile
from stays.table.awards import Awards
from stays.table.keys import shard
from stays.table.store import Store
from tests.integration.tables import contents, dynamodb
from tests.samples import AUCTION, NOW, STRANGER, TRAVELLER, offer, win


@pytest.fixture
def awards(aws: None) -> Awards:
    return Awards(Store(dynamodb(), "stays"))


def test_a_win_is_written_under_its_auction_and_user(awards: Awards) -> None:
    assert awards.receive(win()) == win()
    key = {"PK": "AUCTION#1001", "SK": f"AWARD#{TRAVELLER}#WIN"}
    index = {"kind": "AWARD", "userSort": "AWARD#2026-11-23T03:00:00.000Z#WIN", "dueShard": shard(AUCTION)}
    assert contents() == {("AUCTION#1001", f"AWARD#{TRAVELLER}#WIN"): win().dump() | key | index}


def test_an_offer_is_written_beside_the_win_under_its_own_id(awards: Awards) -> None:
    awards.receive(offer())
    item = contents()["AUCTION#1001", f"AWARD#{TRAVELLER}#offer-7"]
    assert (item["kind"], item["userSort"]) == ("OFFER", "AWARD#2026-11-23T03:00:00.000Z#offer-7")


def test_a_users_awards_in_an_auction_are_one_read_and_only_theirs(awards: Awards) -> None:
    mine = [win(), offer(), offer(award_id="offer-8")]
    theirs = [win(user_id=STRANGER), win(user_id=TRAVELLER + "2"), win(auction_id="1002"), win(auction_id="10011")]
    for award in [*mine, *theirs]:
        awards.receive(award)
    assert sorted(awards.of(AUCTION, TRAVELLER), key=lambda award: award.award_id) == mine
    assert awards.of("unknown", TRAVELLER) == []


def test_an_award_is_written_once_and_the_first_one_said_stands(awards: Awards) -> None:
    paid = win(status=AwardStatus.PAID, payment_id="the-session")
    awards.receive(paid)
    before = contents()
    assert awards.receive(win(guest_count=3, received_at=NOW + timedelta(days=1))) == paid
    assert contents() == before


def test_a_refused_event_is_kept_with_its_reason_and_not_without_end(awards: Awards) -> None:
    awards.refuse("event-1", "no such field", "x" * 100_001, NOW)
    key = ("REFUSED", "2026-11-22T03:00:00.000Z#event-1")
    assert contents() == {
        key: {"PK": key[0], "SK": key[1], "kind": "REFUSED", "reason": "no such field", "raw": "x" * 100_000}
    }


def test_of_a_profile_the_last_word_counts_and_the_rest_stays(awards: Awards) -> None:
    first = Profile(user_id=TRAVELLER, email="an@example.com", name="An", language="vi", updated_at=NOW)
    last = Profile(user_id=TRAVELLER, email="an@example.org", updated_at=NOW + timedelta(days=1))
    assert awards.profile(TRAVELLER) is None
    awards.save_profile(first)
    assert awards.profile(TRAVELLER) == first
    awards.save_profile(last)
    assert awards.profile(TRAVELLER) == first.but(email=last.email, updated_at=last.updated_at)
    assert awards.profile(STRANGER) is None
    assert contents()[f"USER#{TRAVELLER}", "PROFILE"]["kind"] == "PROFILE"
