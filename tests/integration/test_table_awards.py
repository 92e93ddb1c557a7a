"""Awards, refused events and profiles in the table."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from stays.aws.store import Store
from stays.domain.award import Award, AwardStatus, Result, RunnerUp
from stays.domain.errors import Refused
from stays.domain.owed_mail import award_mails
from stays.domain.payment import HOLD_MARGIN, PAYMENT_TIME, PaymentSession
from stays.domain.second_chances import PassedNights, accept, end, pass_on
from stays.domain.values import timestamp
from stays.table.awards import Awards, Received, Reception
from stays.table.keys import award_item, mail_item, shard
from stays.table.sessions import Sessions
from tests.integration.tables import Failing, Noting, Overtaken, begin, contents, dynamodb, hand_in
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
    assert awards.receive(win(), "event-1") == Received(Reception.RECEIVED, win())
    key = {"PK": "AUCTION#1001", "SK": f"AWARD#{TRAVELLER}#WIN"}
    index = {"kind": "AWARD", "userSort": "AWARD#2026-11-23T03:00:00.000Z#WIN", "dueShard": shard(AUCTION)}
    made = contents()
    assert made.pop(("AUCTION#1001", f"AWARD#{TRAVELLER}#WIN")) == win().dump() | key | index
    assert list(made.values()) == [mail_item(mail) for mail in reversed(award_mails(win(), NOW))]


def test_an_offer_is_written_beside_the_win_under_its_own_id(awards: Awards) -> None:
    hand_in(offer())
    item = contents()["AUCTION#1001", f"AWARD#{TRAVELLER}#offer-7"]
    assert (item["kind"], item["userSort"]) == ("OFFER", "AWARD#2026-11-23T03:00:00.000Z#offer-7")


def test_a_users_awards_in_an_auction_are_one_read_and_only_theirs(awards: Awards) -> None:
    mine = [win(), offer(), offer(award_id="offer-8")]
    theirs = [win(user_id=STRANGER), win(user_id=TRAVELLER + "2"), win(auction_id="1002"), win(auction_id="10011")]
    hand_in(*mine, *theirs)
    assert sorted(awards.load_for(AUCTION, TRAVELLER), key=lambda award: award.award_id) == mine
    assert awards.load_for("unknown", TRAVELLER) == []


def test_an_award_is_written_once_and_the_first_one_said_stands(awards: Awards) -> None:
    paid = win(status=AwardStatus.PAID, payment_id="the-session")
    hand_in(paid)
    before = contents()
    again = win(guest_count=3, received_at=NOW + timedelta(days=1))
    assert awards.receive(again, "event-2") == Received(Reception.IGNORED, paid)
    assert contents() == before


def receive_as_before(award: Award) -> None:
    """The award as release 1.1 wrote it: without the attributes for the clock."""
    names = {"award_id", "auction_id", "user_id", "rented_property", "nights", "guest_count", "deadline", "status"}
    terms = award.model_dump(mode="json", by_alias=True, include=names | {"received_at", "result", "bid_amount"})
    keys = {name: award_item(award)[name] for name in ("PK", "SK", "kind", "userSort")}
    Store(dynamodb(), "stays").put(terms | keys)


def test_an_award_of_an_earlier_release_is_answered_and_ended_like_any_other(awards: Awards) -> None:
    award = win(result=Result.PARTIAL_WIN, due_at=None)
    receive_as_before(award)
    assert awards.receive(award, "event-1").award == awards.find(award) == award
    chosen = accept(award, NIGHTS[:1], LATER)
    assert awards.accept(award, chosen, LATER)
    assert not awards.accept(award, accept(award, NIGHTS[1:], LATER + MOMENT), LATER + MOMENT)
    receive_as_before(award)
    assert lose(awards, award, AwardStatus.DECLINED, LATER, "offer-9")
    assert awards.find(award).status is AwardStatus.DECLINED


def test_an_award_of_an_earlier_release_that_has_changed_meanwhile_is_not_ended(awards: Awards) -> None:
    award = win(due_at=None)
    receive_as_before(award)
    sessions = Sessions(Store(dynamodb(), "stays"))
    overtaken = over(Overtaken(lambda: begin(sessions, opened(award=award, now=LATER), LATER)))
    assert lose(overtaken, award, AwardStatus.DECLINED, LATER, "offer-9") is None
    assert of_auction() == {TRAVELLER: "PENDING_PAYMENT"}


def over(client: Any) -> Awards:
    return Awards(Store(client, "stays"))


def lose(awards: Awards, award: Award, status: AwardStatus, now: datetime, offer_id: str) -> PassedNights | None:
    """End the award and pass its nights on. None if a write failed."""
    lost = end(award, status, now)
    return awards.pass_on(lost, now, offer_id) if awards.end(award, lost, now) else None


def hold(nights: Sequence[date], user_id: str = "auth0|dung", now: datetime = NOW) -> PaymentSession:
    """Another user holds these nights for an unpaid session."""
    award = win(auction_id="1002", user_id=user_id, nights=priced(*nights), due_at=None)
    hand_in(award)
    session = opened(OTHER_STAY, award, now)
    begin(Sessions(Store(dynamodb(), "stays")), session, now)
    return session


def book(nights: Sequence[date], user_id: str = "auth0|dung") -> None:
    sessions = Sessions(Store(dynamodb(), "stays"))
    sessions.record(hold(nights, user_id), money(300_000 * len(nights)), NOW)


def of_auction() -> dict[str, Any]:
    """The status of every award and offer of the auction, by its user."""
    found = contents().values()
    return {item["userId"]: item["status"] for item in found if item["PK"] == f"AUCTION#{AUCTION}" and "status" in item}


def test_all_of_a_users_awards_are_listed_by_the_time_that_is_left(awards: Awards) -> None:
    mine = [
        offer(award_id="offer-8", pay_until=NOW + timedelta(days=3)),
        win(auction_id="1002", deadline=NOW + timedelta(days=2)),
        win(),
    ]
    hand_in(*reversed(mine), win(user_id=STRANGER))
    assert awards.load_all_of(TRAVELLER) == mine
    assert awards.load_all_of("nobody") == []


def test_an_offer_is_found_by_its_id_and_a_win_is_not(awards: Awards) -> None:
    hand_in(win(), offer(), offer(award_id="offer-8", user_id=STRANGER))
    assert awards.find_by_id("offer-7", TRAVELLER) == [offer()]
    for name in ("offer-8", "WIN", AUCTION):
        assert awards.find_by_id(name, TRAVELLER) == []


def test_an_answer_is_written_over_what_was_read(awards: Awards) -> None:
    hand_in(offer())
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
        hand_in(changed)
        assert not awards.accept(award, accept(award, answers, LATER), LATER)
        assert awards.find(award) == changed


def test_an_answer_that_is_overtaken_by_the_clock_is_not_written(awards: Awards) -> None:
    hand_in(offer())
    overtaken = over(Overtaken(lambda: lose(awards, offer(), AwardStatus.EXPIRED, NOW, "offer-9")))
    assert not overtaken.accept(offer(), accept(offer(), (), LATER), LATER)
    assert awards.find(offer()).status is AwardStatus.EXPIRED


@pytest.mark.parametrize("take", [hold, book])
def test_an_offer_is_not_accepted_where_a_wanted_night_is_somebody_elses(awards: Awards, take: Take) -> None:
    hand_in(offer())
    take(NIGHTS[2:])
    with pytest.raises(Refused) as refused:
        awards.accept(offer(), accept(offer(), (), LATER), NOW)
    assert (refused.value.code, awards.find(offer())) == ("OFFER_EXPIRED", offer())
    assert awards.accept(offer(), accept(offer(), NIGHTS[:2], LATER), NOW)


def test_an_offer_is_accepted_where_its_user_has_begun_to_pay_or_the_hold_has_run_out(awards: Awards) -> None:
    hand_in(offer())
    hold(NIGHTS, TRAVELLER)
    assert awards.accept(offer(), accept(offer(), (), LATER), NOW)
    out = NOW + PAYMENT_TIME + HOLD_MARGIN
    theirs = offer(user_id=STRANGER)
    hand_in(theirs)
    with pytest.raises(Refused):
        awards.accept(theirs, accept(theirs, (), LATER), out)
    assert awards.accept(theirs, accept(theirs, (), LATER), out + MOMENT)


def test_a_win_is_accepted_without_a_look_at_its_nights(awards: Awards) -> None:
    partial = win(result=Result.PARTIAL_WIN)
    hand_in(partial)
    hold(NIGHTS)
    assert awards.accept(partial, accept(partial, NIGHTS[:1], LATER), NOW)


def test_what_ends_is_unsold_and_due_until_its_nights_have_gone_on_to_the_next(awards: Awards) -> None:
    award = win(runners_up=(SECOND, THIRD))
    hand_in(award)
    lost = end(award, AwardStatus.EXPIRED, LATER)
    assert awards.end(award, lost, LATER)
    kept = contents()["AUCTION#1001", f"AWARD#{TRAVELLER}#WIN"]
    assert (kept["unsold"], kept["dueAt"], kept["endedAt"]) == ([str(n) for n in NIGHTS], *[timestamp(LATER)] * 2)
    passed = awards.pass_on(lost, LATER, "offer-9")
    assert passed == pass_on(lost, NIGHTS, LATER, "offer-9")
    assert passed and passed.offer
    assert awards.find(award) == passed.award
    assert awards.load_for(AUCTION, STRANGER) == [passed.offer]
    item = contents()["AUCTION#1001", f"AWARD#{STRANGER}#offer-9"]
    assert (item["kind"], item["dueShard"], item["atStake"]) == ("OFFER", shard(AUCTION), [str(n) for n in NIGHTS])
    kept = contents()["AUCTION#1001", f"AWARD#{TRAVELLER}#WIN"]
    assert (kept["passedOn"], *({"unsold", "dueAt"} & set(kept))) == (True,)


def test_an_award_ends_and_its_nights_go_on_once_however_often_that_is_tried(awards: Awards) -> None:
    award = win(runners_up=(SECOND, THIRD))
    hand_in(award)
    lost = end(award, AwardStatus.EXPIRED, LATER)
    assert lose(awards, award, AwardStatus.EXPIRED, LATER, "offer-9")
    before = contents()
    for status in (AwardStatus.EXPIRED, AwardStatus.DECLINED):
        assert lose(awards, award, status, LATER, "offer-10") is None
    assert lose(awards, awards.find(award), AwardStatus.DECLINED, LATER, "offer-10") is None
    assert awards.pass_on(lost.but(changed_at=NOW), LATER, "offer-10") is None
    assert contents() == before


def test_an_award_that_has_changed_meanwhile_is_not_ended(awards: Awards) -> None:
    award = win(runners_up=(SECOND,))
    hand_in(award)
    session = opened(award=award, now=LATER)
    overtaken = over(Overtaken(lambda: begin(Sessions(Store(dynamodb(), "stays")), session, LATER)))
    assert lose(overtaken, award, AwardStatus.EXPIRED, LATER, "offer-9") is None
    assert of_auction() == {TRAVELLER: "PENDING_PAYMENT"}
    assert awards.find(award).checkout_id == session.id


HELD_UNTIL = NOW + PAYMENT_TIME + HOLD_MARGIN


@pytest.mark.parametrize("holder", ["auth0|dung", TRAVELLER, STRANGER])
@pytest.mark.parametrize(
    ("at", "again"),
    [
        (NOW, NOW + timedelta(minutes=15)),
        (HELD_UNTIL - timedelta(minutes=2), HELD_UNTIL + timedelta(seconds=1)),
        (HELD_UNTIL, HELD_UNTIL + timedelta(seconds=45)),
    ],
    ids=["long", "soon over", "as good as over"],
)
def test_a_night_that_is_held_when_an_award_ends_keeps_the_others_waiting_for_the_end_of_the_hold(
    awards: Awards, holder: str, at: datetime, again: datetime
) -> None:
    award = win(runners_up=(SECOND, THIRD))
    hand_in(award)
    hold(NIGHTS[1:2], holder)
    assert lose(awards, award, AwardStatus.EXPIRED, at, "offer-9") is None
    waiting = awards.find(award)
    assert (waiting.status, waiting.unsold, waiting.due_at) == (AwardStatus.EXPIRED, NIGHTS, again)
    passed = awards.pass_on(waiting, HELD_UNTIL + MOMENT, "offer-9")
    assert passed and passed.offer and passed.offer.nights == SECOND.nights


def test_nights_that_are_booked_by_others_are_neither_offered_nor_released(awards: Awards) -> None:
    award = win(runners_up=(SECOND, THIRD))
    hand_in(award)
    book(NIGHTS[1:])
    passed = lose(awards, award, AwardStatus.EXPIRED, NOW, "offer-9")
    assert passed and passed.offer
    assert [night.date for night in passed.offer.nights] == [NIGHTS[0]]
    last = lose(awards, passed.offer, AwardStatus.DECLINED, NOW, "offer-10")
    assert last
    assert (last.offer, last.award.releases) == (None, (NIGHTS[:1],))


def test_where_all_nights_are_booked_by_others_nothing_goes_on(awards: Awards) -> None:
    award = win(runners_up=(SECOND,))
    hand_in(award)
    book(NIGHTS)
    passed = lose(awards, award, AwardStatus.EXPIRED, NOW, "offer-9")
    assert passed
    assert (passed.offer, passed.award.releases, awards.find(award).unsold) == (None, (), None)


@pytest.mark.parametrize("holder", ["auth0|dung", STRANGER])
def test_a_night_that_is_booked_between_the_look_and_the_write_is_not_offered(awards: Awards, holder: str) -> None:
    award = win(runners_up=(SECOND, THIRD))
    hand_in(award)
    lost = end(award, AwardStatus.EXPIRED, NOW)
    awards.end(award, lost, NOW)
    passed = over(Overtaken(lambda: book(NIGHTS[:2], holder))).pass_on(lost, NOW, "offer-9")
    assert passed and passed.offer
    assert [night.date for night in passed.offer.nights] == [NIGHTS[2]]
    assert of_auction() == {TRAVELLER: "EXPIRED", STRANGER: "WAITING"}


def test_nights_that_are_taken_at_every_look_stay_due(awards: Awards) -> None:
    award = win(runners_up=(SECOND,))
    hand_in(award)
    lost = end(award, AwardStatus.EXPIRED, NOW)
    awards.end(award, lost, NOW)
    before = contents()
    failing = Failing(*[["ConditionalCheckFailed"]] * 6)
    assert over(failing).pass_on(lost, NOW, "offer-9") is None
    assert (failing.transactions, contents()) == (6, before)
    assert awards.find(award).due_at == NOW


def test_an_award_is_looked_at_again_later_if_it_still_waits_for_the_time_it_was_read_with(awards: Awards) -> None:
    hand_in(win())
    awards.postpone(win(), LATER)
    assert awards.find(win()) == win(due_at=LATER)
    awards.postpone(win(), LATER + MOMENT)
    assert awards.find(win()) == win(due_at=LATER)
    ended = lose(awards, win(due_at=LATER), AwardStatus.DECLINED, LATER, "offer-9")
    assert ended
    awards.postpone(win(due_at=LATER), LATER + MOMENT)
    assert awards.find(win()) == ended.award


def test_why_it_is_not_wanted_is_kept_and_nothing_has_to_wait_for_that(awards: Awards) -> None:
    hand_in(offer())
    awards.note_reason(offer(), "no time")
    assert awards.find(offer()) == offer(decline_reason="no time")
    assert lose(awards, offer(), AwardStatus.DECLINED, LATER, "offer-9")
    assert awards.find(offer()).decline_reason == "no time"
    awards.note_reason(offer(award_id="unknown"), "no time")
    assert of_auction() == {TRAVELLER: "DECLINED"}


def test_awards_of_an_auction_are_read_as_they_are_and_none_of_them_is_left_out(awards: Awards) -> None:
    noting = Noting()
    over(noting).load_for(AUCTION, TRAVELLER)
    over(noting).load_all_of(TRAVELLER)
    assert [query.get("ConsistentRead") for query in noting.queries] == [True, None]
    assert [query.get("Limit") for query in noting.queries] == [None, None]


def test_an_answer_to_what_has_changed_is_too_late_where_a_night_is_gone_too(awards: Awards) -> None:
    hand_in(offer(decline_reason="x", changed_at=NOW + MOMENT))
    book(NIGHTS[2:])
    with pytest.raises(Refused):
        awards.accept(offer(), accept(offer(), (), LATER), NOW)
