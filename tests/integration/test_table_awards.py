"""Awards, refused events and profiles in the table."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from stays.domain.award import Award, AwardStatus, Result, RunnerUp
from stays.domain.cascade import accept, end
from stays.domain.errors import Refused
from stays.domain.mailing import Profile
from stays.domain.payment import HOLD_MARGIN, PAYMENT_TIME, PaymentSession
from stays.domain.values import timestamp
from stays.table.awards import Awards
from stays.table.keys import award_item, shard
from stays.table.sessions import Sessions
from stays.table.store import Store
from tests.integration.tables import Failing, Noting, Overtaken, contents, dynamodb
from tests.samples import (
    AUCTION,
    NIGHTS,
    NOW,
    OTHER_STAY,
    STRANGER,
    TRAVELLER,
    money,
    offer,
    opened,
    priced,
    win,
)

LATER = NOW + timedelta(hours=1)
MOMENT = timedelta(milliseconds=1)
Take = Callable[[Sequence[date]], object]
SECOND = RunnerUp(user_id=STRANGER, nights=priced(*NIGHTS))
THIRD = RunnerUp(user_id="auth0|chi", nights=priced(NIGHTS[2]))


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


def receive_as_before(award: Award) -> None:
    """The award as release 1.1 wrote it: with its terms, and nothing for the clock."""
    names = {"award_id", "auction_id", "user_id", "place", "nights", "guest_count", "deadline", "status"}
    terms = award.model_dump(mode="json", by_alias=True, include=names | {"received_at", "result", "bid_amount"})
    keys = {name: award_item(award)[name] for name in ("PK", "SK", "kind", "userSort")}
    Store(dynamodb(), "stays").put(terms | keys)


def test_an_award_of_an_earlier_release_is_answered_and_ended_like_any_other(awards: Awards) -> None:
    award = win(result=Result.PARTIAL_WIN, due_at=None)
    receive_as_before(award)
    assert awards.receive(award) == awards.find(award) == award
    chosen = accept(award, NIGHTS[:1], LATER)
    assert awards.accept(award, chosen, LATER)
    assert not awards.accept(award, accept(award, NIGHTS[1:], LATER + MOMENT), LATER + MOMENT)
    receive_as_before(award)
    assert awards.end(award, AwardStatus.DECLINED, LATER, "offer-9")
    assert awards.find(award).status is AwardStatus.DECLINED


def test_an_award_of_an_earlier_release_that_has_changed_meanwhile_is_not_ended(awards: Awards) -> None:
    award = win(due_at=None)
    receive_as_before(award)
    sessions = Sessions(Store(dynamodb(), "stays"))
    overtaken = over(Overtaken(lambda: sessions.open(opened(award=award, now=LATER), LATER)))
    assert overtaken.end(award, AwardStatus.DECLINED, LATER, "offer-9") is None
    assert of_auction() == {TRAVELLER: "PENDING_PAYMENT"}


def over(client: Any) -> Awards:
    return Awards(Store(client, "stays"))


def hold(nights: Sequence[date], user_id: str = "auth0|dung", now: datetime = NOW) -> PaymentSession:
    """Somebody has begun to pay for these nights, which they won at another auction."""
    award = win(auction_id="1002", user_id=user_id, nights=priced(*nights), due_at=None)
    Awards(Store(dynamodb(), "stays")).receive(award)
    session = opened(OTHER_STAY, award, now)
    Sessions(Store(dynamodb(), "stays")).open(session, now)
    return session


def book(nights: Sequence[date], user_id: str = "auth0|dung") -> None:
    sessions = Sessions(Store(dynamodb(), "stays"))
    sessions.record(hold(nights, user_id), money(300_000 * len(nights)), NOW)


def of_auction() -> dict[str, Any]:
    """The status of every award and offer of the auction, by its user."""
    found = contents().values()
    return {item["userId"]: item["status"] for item in found if item["PK"] == f"AUCTION#{AUCTION}"}


def test_all_of_a_users_awards_are_listed_by_the_time_that_is_left(awards: Awards) -> None:
    mine = [
        offer(award_id="offer-8", pay_until=NOW + timedelta(days=3)),
        win(auction_id="1002", deadline=NOW + timedelta(days=2)),
        win(),
    ]
    for award in [*reversed(mine), win(user_id=STRANGER)]:
        awards.receive(award)
    assert awards.all_of(TRAVELLER) == mine
    assert awards.all_of("nobody") == []


def test_an_offer_is_found_by_its_id_and_a_win_is_not(awards: Awards) -> None:
    for award in (win(), offer(), offer(award_id="offer-8", user_id=STRANGER)):
        awards.receive(award)
    assert awards.with_id("offer-7", TRAVELLER) == [offer()]
    for name in ("offer-8", "WIN", AUCTION):
        assert awards.with_id(name, TRAVELLER) == []


def test_an_answer_is_written_over_what_was_read(awards: Awards) -> None:
    awards.receive(offer())
    accepted = accept(offer(), NIGHTS[:1], LATER)
    assert awards.accept(offer(), accepted, LATER)
    assert awards.find(offer()) == accepted
    item = contents()["AUCTION#1001", f"AWARD#{TRAVELLER}#offer-7"]
    until = timestamp(LATER + timedelta(minutes=120))
    assert (item["userSort"], item["dueAt"]) == (f"AWARD#{until}#offer-7", until)
    again = accept(accepted, (), LATER + MOMENT)
    assert awards.accept(accepted, again, LATER + MOMENT)
    assert awards.find(offer()) == again


def test_an_answer_to_what_has_changed_meanwhile_is_not_written(awards: Awards) -> None:
    partial = win(result=Result.PARTIAL_WIN)
    for award, answers in ((partial, NIGHTS[:1]), (offer(), ())):
        changed = award.but(decline_reason="x", changed_at=NOW + MOMENT)
        awards.receive(changed)
        assert not awards.accept(award, accept(award, answers, LATER), LATER)
        assert awards.find(award) == changed


def test_an_answer_that_is_overtaken_by_the_clock_is_not_written(awards: Awards) -> None:
    awards.receive(offer())
    overtaken = over(Overtaken(lambda: awards.end(offer(), AwardStatus.EXPIRED, NOW, "offer-9")))
    assert not overtaken.accept(offer(), accept(offer(), (), LATER), LATER)
    assert awards.find(offer()).status is AwardStatus.EXPIRED


@pytest.mark.parametrize("take", [hold, book])
def test_an_offer_is_not_accepted_where_a_wanted_night_is_somebody_elses(awards: Awards, take: Take) -> None:
    awards.receive(offer())
    take(NIGHTS[2:])
    with pytest.raises(Refused) as refused:
        awards.accept(offer(), accept(offer(), (), LATER), NOW)
    assert (refused.value.code, awards.find(offer())) == ("OFFER_EXPIRED", offer())
    assert awards.accept(offer(), accept(offer(), NIGHTS[:2], LATER), NOW)


def test_an_offer_is_accepted_where_its_user_has_begun_to_pay_or_the_hold_has_run_out(awards: Awards) -> None:
    awards.receive(offer())
    hold(NIGHTS, TRAVELLER)
    assert awards.accept(offer(), accept(offer(), (), LATER), NOW)
    out = NOW + PAYMENT_TIME + HOLD_MARGIN
    theirs = offer(user_id=STRANGER)
    awards.receive(theirs)
    with pytest.raises(Refused):
        awards.accept(theirs, accept(theirs, (), LATER), out)
    assert awards.accept(theirs, accept(theirs, (), LATER), out + MOMENT)


def test_a_win_is_accepted_without_a_look_at_its_nights(awards: Awards) -> None:
    partial = win(result=Result.PARTIAL_WIN)
    awards.receive(partial)
    hold(NIGHTS)
    assert awards.accept(partial, accept(partial, NIGHTS[:1], LATER), NOW)


def test_what_ends_and_the_offer_that_follows_are_one_transaction(awards: Awards) -> None:
    award = win(runners_up=(SECOND, THIRD))
    awards.receive(award)
    ending = awards.end(award, AwardStatus.EXPIRED, LATER, "offer-9")
    assert ending == end(award, AwardStatus.EXPIRED, NIGHTS, LATER, "offer-9")
    assert ending and ending.offer
    assert awards.find(award) == ending.award
    assert awards.of(AUCTION, STRANGER) == [ending.offer]
    item = contents()["AUCTION#1001", f"AWARD#{STRANGER}#offer-9"]
    assert (item["kind"], item["dueShard"], item["atStake"]) == ("OFFER", shard(AUCTION), [str(n) for n in NIGHTS])
    assert "dueAt" not in contents()["AUCTION#1001", f"AWARD#{TRAVELLER}#WIN"]


def test_an_award_ends_once_however_often_it_is_ended(awards: Awards) -> None:
    award = win(runners_up=(SECOND, THIRD))
    awards.receive(award)
    assert awards.end(award, AwardStatus.EXPIRED, LATER, "offer-9")
    before = contents()
    for status in (AwardStatus.EXPIRED, AwardStatus.DECLINED):
        assert awards.end(award, status, LATER, "offer-10") is None
        assert awards.end(awards.find(award), status, LATER, "offer-10") is None
    assert contents() == before


def test_an_award_that_has_changed_meanwhile_is_not_ended(awards: Awards) -> None:
    award = win(runners_up=(SECOND,))
    awards.receive(award)
    session = opened(award=award, now=LATER)
    overtaken = over(Overtaken(lambda: Sessions(Store(dynamodb(), "stays")).open(session, LATER)))
    assert overtaken.end(award, AwardStatus.EXPIRED, LATER, "offer-9") is None
    assert of_auction() == {TRAVELLER: "PENDING_PAYMENT"}
    assert awards.find(award).checkout_id == session.id


def test_nothing_ends_while_a_night_is_held_for_its_own_user(awards: Awards) -> None:
    award = win(runners_up=(SECOND,))
    awards.receive(award)
    session = hold(NIGHTS[:1], TRAVELLER)
    before, out = contents(), NOW + PAYMENT_TIME + HOLD_MARGIN
    with pytest.raises(Refused) as refused:
        awards.end(award, AwardStatus.DECLINED, out, "offer-9")
    assert (refused.value.code, refused.value.details) == ("INVALID_AUCTION_STATE", {"sessionId": session.id})
    assert contents() == before
    assert awards.end(award, AwardStatus.DECLINED, out + MOMENT, "offer-9")


@pytest.mark.parametrize("take", [hold, book])
def test_nights_that_are_somebody_elses_are_neither_offered_nor_released(awards: Awards, take: Take) -> None:
    award = win(runners_up=(SECOND, THIRD))
    awards.receive(award)
    take(NIGHTS[1:])
    ending = awards.end(award, AwardStatus.EXPIRED, NOW, "offer-9")
    assert ending and ending.offer
    assert [night.date for night in ending.offer.nights] == [NIGHTS[0]]
    last = awards.end(ending.offer, AwardStatus.DECLINED, NOW, "offer-10")
    assert last
    assert (last.offer, last.award.released_nights) == (None, NIGHTS[:1])


def test_nights_whose_hold_has_run_out_are_offered(awards: Awards) -> None:
    award = win(runners_up=(SECOND,))
    awards.receive(award)
    hold(NIGHTS)
    out = NOW + PAYMENT_TIME + HOLD_MARGIN
    ending = awards.end(award, AwardStatus.EXPIRED, out + MOMENT, "offer-9")
    assert ending and ending.offer and ending.offer.nights == SECOND.nights


@pytest.mark.parametrize("holder", ["auth0|dung", STRANGER])
def test_a_night_that_is_taken_between_the_look_and_the_write_is_not_offered(awards: Awards, holder: str) -> None:
    award = win(runners_up=(SECOND, THIRD))
    awards.receive(award)
    overtaken = over(Overtaken(lambda: hold(NIGHTS[:2], holder)))
    ending = overtaken.end(award, AwardStatus.EXPIRED, NOW, "offer-9")
    assert ending and ending.offer
    assert [night.date for night in ending.offer.nights] == [NIGHTS[2]]
    assert of_auction() == {TRAVELLER: "EXPIRED", STRANGER: "WAITING"}


def test_nights_that_are_taken_at_every_look_leave_the_award_as_it_is(awards: Awards) -> None:
    award = win(runners_up=(SECOND,))
    awards.receive(award)
    before = contents()
    failing = Failing(*[["ConditionalCheckFailed"]] * 6)
    assert over(failing).end(award, AwardStatus.EXPIRED, NOW, "offer-9") is None
    assert (failing.transactions, contents()) == (6, before)


def test_an_award_is_looked_at_again_later_if_it_still_waits_for_the_time_it_was_read_with(awards: Awards) -> None:
    awards.receive(win())
    awards.postpone(win(), LATER)
    assert awards.find(win()) == win(due_at=LATER)
    awards.postpone(win(), LATER + MOMENT)
    assert awards.find(win()) == win(due_at=LATER)
    ended = awards.end(win(due_at=LATER), AwardStatus.DECLINED, LATER, "offer-9")
    assert ended
    awards.postpone(win(due_at=LATER), LATER + MOMENT)
    assert awards.find(win()) == ended.award


def test_why_it_is_not_wanted_is_kept_and_an_answer_on_its_way_looks_again(awards: Awards) -> None:
    awards.receive(offer())
    awards.note_reason(offer(), "no time", LATER)
    noted = offer(decline_reason="no time", changed_at=LATER)
    assert awards.find(offer()) == noted
    assert awards.end(offer(), AwardStatus.DECLINED, LATER, "offer-9") is None
    ending = awards.end(noted, AwardStatus.DECLINED, LATER, "offer-9")
    assert ending and ending.award.decline_reason == "no time"
    awards.note_reason(offer(award_id="unknown"), "no time", LATER)
    assert of_auction() == {TRAVELLER: "DECLINED"}


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
    assert awards.save_profile(first) == awards.profile(TRAVELLER) == first
    both = first.but(email=last.email, updated_at=last.updated_at)
    assert awards.save_profile(last) == awards.profile(TRAVELLER) == both
    assert both.created_at == NOW
    assert awards.profile(STRANGER) is None
    assert contents()[f"USER#{TRAVELLER}", "PROFILE"]["kind"] == "PROFILE"


def test_awards_of_an_auction_are_read_as_they_are_and_a_page_of_them_is_a_hundred(awards: Awards) -> None:
    noting = Noting()
    over(noting).of(AUCTION, TRAVELLER)
    over(noting).all_of(TRAVELLER)
    assert [query.get("ConsistentRead") for query in noting.queries] == [True, None]
    assert [query.get("Limit") for query in noting.queries] == [None, 100]


def test_an_answer_to_what_has_changed_is_too_late_where_a_night_is_gone_too(awards: Awards) -> None:
    awards.receive(offer(decline_reason="x", changed_at=NOW + MOMENT))
    book(NIGHTS[2:])
    with pytest.raises(Refused):
        awards.accept(offer(), accept(offer(), (), LATER), NOW)
