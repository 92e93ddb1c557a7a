"""Announcements: each change makes each event once, and always the same one."""

import json
from datetime import timedelta

import pytest
from pydantic import ValidationError

from stays.domain.announcement import ANNOUNCEMENTS, Announced, announcements, facts
from stays.domain.award import Award, AwardStatus
from stays.domain.booking import cancel
from stays.domain.decision import Obstacles, Outcome, decide, supersede
from stays.domain.manual import accept, give_back, paid_back
from stays.domain.payment import Fulfilment, PaymentSession, Reason, Status
from stays.domain.refund import RefundEvidence, RefundOutcome, decide_refund, request_refund
from stays.domain.second_chances import withdraw
from tests.samples import (
    APP_ID,
    AUCTION,
    FIRST,
    NIGHTS,
    NOW,
    OTHER_STAY,
    POLICY,
    STAY,
    TRANSACTION,
    TRAVELLER,
    after,
    booked,
    cancelled,
    money,
    offer,
    opened,
    pending,
    priced,
    refund_due,
    refunding,
    reserved,
    said,
    under_review,
    win,
)

LATER = NOW + timedelta(hours=1)
DONE = RefundEvidence(RefundOutcome.DONE)
OF_STAY = {"version": 1, "auctionId": AUCTION, "userId": TRAVELLER, "propertyId": "501", "stayId": STAY}
THREE = ["2026-12-01", "2026-12-02", "2026-12-03"]


def expired() -> PaymentSession:
    return after(decide(pending(), said(Outcome.EXPIRED), LATER))


def refunded(session: PaymentSession) -> PaymentSession:
    return after(decide_refund(session, session.refund, DONE, LATER))


def names(before: Announced | None, now: Announced) -> list[str]:
    found = announcements(before, now)
    assert [each.event_id.removesuffix("/2").rpartition("/")[2] for each in found] == [
        type(each).__name__ for each in found
    ]
    return [type(each).__name__ for each in found]


def told(before: Announced | None, now: Announced) -> dict[str, object]:
    (found,) = announcements(before, now)
    return found.dump()


@pytest.mark.parametrize("session", [opened(), reserved(), pending(), pending().but(processing=True)])
def test_what_is_not_over_yet_is_no_event(session: PaymentSession) -> None:
    assert names(None, session) == names(opened(), session) == []


def test_money_that_books_is_a_payment_and_a_booking() -> None:
    paid, confirmed = announcements(pending(), booked())
    assert paid.dump() == OF_STAY | {
        "eventId": f"{STAY}/PaymentCompleted",
        "amount": 900_000,
        "transactionId": TRANSACTION,
        "paidAt": "2026-11-22T03:00:00.000Z",
    }
    assert confirmed.dump() == OF_STAY | {
        "eventId": f"{STAY}/BookingConfirmed",
        "nights": THREE,
        "guestCount": 2,
        "amount": 900_000,
        "bookedAt": "2026-11-22T03:00:00.000Z",
    }


def test_money_that_books_nothing_is_a_payment_and_in_the_end_a_refund() -> None:
    assert names(pending(), refund_due()) == ["PaymentCompleted"]
    assert names(refund_due(), refunding()) == []
    assert told(refunding(), refunded(refunding())) == OF_STAY | {
        "eventId": f"{STAY}/RefundCompleted",
        "refundAmount": 900_000,
        "transactionId": TRANSACTION,
        "reason": "NIGHTS_TAKEN",
        "refundedAt": "2026-11-22T04:00:00.000Z",
    }


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.EXPIRED, "PAYMENT_EXPIRED"),
        (Outcome.CANCELLED, "PAYMENT_CANCELLED"),
        (Outcome.REFUSED, "PAYMENT_CREATION_FAILED"),
    ],
)
def test_an_end_without_money_is_a_failure_with_its_reason(outcome: Outcome, reason: str) -> None:
    assert told(pending(), after(decide(pending(), said(outcome), LATER))) == OF_STAY | {
        "eventId": f"{STAY}/PaymentFailed",
        "nights": THREE,
        "amount": 900_000,
        "reason": reason,
        "failedAt": "2026-11-22T04:00:00.000Z",
    }


def test_a_reservation_that_is_given_up_is_a_failure() -> None:
    given_up = after(cancel(reserved(), POLICY, NOW))
    assert told(reserved(), given_up)["reason"] == "CANCELLED_BY_TRAVELLER"


def test_late_money_follows_a_failure() -> None:
    late = after(decide(expired(), money(), LATER))
    assert names(expired(), late) == ["PaymentCompleted", "BookingConfirmed"]


def test_money_under_review_is_undecided_until_people_have_decided() -> None:
    review = under_review()
    assert names(pending(), review) == []
    assert names(expired(), after(decide(expired(), money(amount=1), LATER))) == []
    assert names(review, after(accept(review, 1, LATER))) == ["PaymentCompleted", "BookingConfirmed"]
    owed = give_back(review, 1, 1, LATER).session
    assert names(review, owed) == []
    by_hand = owed.but(fulfilment=Fulfilment.REFUND_MANUAL)
    assert names(by_hand, paid_back(by_hand, LATER).session) == ["RefundCompleted"]


def test_a_cancelled_booking_says_which_nights_and_how_much_goes_back() -> None:
    assert told(booked(), cancelled()) == OF_STAY | {
        "eventId": f"{STAY}/BookingCancelled",
        "nights": THREE,
        "refundAmount": 900_000,
        "reason": "CANCELLED_BY_TRAVELLER",
        "cancelledAt": "2026-11-22T03:00:00.000Z",
    }
    nothing_back = after(cancel(booked(), (), NOW))
    assert told(booked(), nothing_back)["refundAmount"] == 0


def test_a_booking_that_an_operator_ends_is_a_cancelled_one() -> None:
    ended = give_back(booked(), 900_000, 900_000, NOW, end_booking=True).session
    assert told(booked(), ended)["reason"] == Reason.CANCELLED_BY_OPERATOR


@pytest.mark.parametrize("session", [booked(), cancelled(), expired(), refunded(refunding())])
def test_the_same_state_again_is_no_event(session: PaymentSession) -> None:
    assert names(session, session.but(queried_at=LATER, changed_at=LATER)) == []


def test_a_record_without_an_image_before_tells_all_that_the_item_is_evidence_of() -> None:
    assert announcements(None, cancelled()) == facts(cancelled())
    assert names(None, cancelled()) == ["PaymentCompleted", "BookingConfirmed", "BookingCancelled"]


def test_a_fact_is_told_later_in_the_same_words() -> None:
    states = [pending(), booked(), cancelled(), after(cancel(booked(), POLICY, NOW)).but(changed_at=LATER)]
    heard: dict[str, object] = {}
    for state in states:
        for each in facts(state):
            assert heard.setdefault(each.event_id, each) == each


def test_an_offer_that_nobody_paid_for_in_time_has_expired() -> None:
    assert told(offer(), offer(status=AwardStatus.EXPIRED)) == {
        "version": 1,
        "eventId": f"{AUCTION}/{TRAVELLER}/offer-7/OfferExpired",
        "auctionId": AUCTION,
        "userId": TRAVELLER,
        "propertyId": "501",
        "offerId": "offer-7",
        "nights": THREE,
        "responseDeadline": "2026-11-23T03:00:00.000Z",
    }


@pytest.mark.parametrize("status", [AwardStatus.ACCEPTED, AwardStatus.DECLINED, AwardStatus.PAID])
def test_an_offer_that_ends_otherwise_has_not_expired(status: AwardStatus) -> None:
    assert names(offer(), offer(status=status)) == []


def test_a_win_that_expires_is_no_expired_offer() -> None:
    assert names(win(), win(status=AwardStatus.EXPIRED)) == []


@pytest.mark.parametrize("status", [AwardStatus.EXPIRED, AwardStatus.DECLINED])
def test_nights_that_nobody_is_left_to_be_offered_are_released(status: AwardStatus) -> None:
    assert told(win(), win(status=status, releases=((FIRST,),))) == {
        "version": 1,
        "eventId": f"{AUCTION}/{TRAVELLER}/WIN/NightsReleased",
        "auctionId": AUCTION,
        "userId": TRAVELLER,
        "propertyId": "501",
        "awardId": "WIN",
        "releasedNights": ["2026-12-01"],
    }


def test_nights_that_an_offer_leaves_are_released_when_it_expires_and_not_when_it_is_paid() -> None:
    over = offer(status=AwardStatus.EXPIRED, releases=(NIGHTS,))
    assert names(offer(), over) == ["OfferExpired", "NightsReleased"]
    assert names(over, over.but(status=AwardStatus.PAID)) == []


def test_a_users_id_cannot_break_the_id_of_an_event() -> None:
    over = offer(status=AwardStatus.EXPIRED, user_id="a/b #%41")
    (event,) = announcements(offer(user_id="a/b #%41"), over)
    assert (event.user_id, event.event_id) == ("a/b #%41", f"{AUCTION}/a%2Fb%20%23%2541/offer-7/OfferExpired")


def test_nights_beside_an_offer_that_was_paid_are_released() -> None:
    paid = offer(status=AwardStatus.PAID, nights=priced(*NIGHTS[:2]), at_stake=NIGHTS)
    assert names(offer(), paid) == []
    assert names(paid, paid.but(releases=(NIGHTS[2:],))) == ["NightsReleased"]


def test_each_release_of_an_award_is_an_event_of_its_own() -> None:
    first = win(status=AwardStatus.PAID, releases=(NIGHTS[2:],))
    second = first.but(releases=(NIGHTS[2:], NIGHTS[:2]))
    once, again = told(win(status=AwardStatus.PAID), first), told(first, second)
    assert again == once | {"eventId": f"{once['eventId']}/2", "releasedNights": ["2026-12-01", "2026-12-02"]}
    third = second.but(releases=(*second.releases, NIGHTS[:1]))
    assert told(second, third)["eventId"] == f"{once['eventId']}/3"
    assert facts(third)[:2] == facts(second)
    assert names(second, second.but(ended_at=LATER, changed_at=LATER)) == []


def test_what_an_earlier_release_wrote_says_the_same_of_its_nights() -> None:
    new = win(status=AwardStatus.EXPIRED, releases=(NIGHTS,))
    old = {name: value for name, value in new.dump().items() if name not in ("releases", "passedOn")}
    assert facts(Award.model_validate(old | {"releasedNights": THREE})) == facts(new)


@pytest.mark.parametrize(
    "award", [win(), offer(), offer(status=AwardStatus.ACCEPTED), offer(status=AwardStatus.EXPIRED)]
)
def test_what_the_auction_system_takes_back_is_no_event(award: Award) -> None:
    assert announcements(award, withdraw(award, 1, LATER)) == []
    assert announcements(None, withdraw(award, 1, LATER)) == []


@pytest.mark.parametrize("unresolved", ["PROCESSING", "SILENCE"])
def test_an_order_of_which_zalopay_never_spoke_is_a_failure_until_its_money_comes(unresolved: str) -> None:
    ended = expired().but(unresolved=unresolved)
    assert names(pending(), ended) == ["PaymentFailed"]
    assert names(ended, after(decide(ended, money(), LATER))) == ["PaymentCompleted", "BookingConfirmed"]


def test_an_order_that_gave_way_is_a_failure_and_its_late_money_no_cancelled_booking() -> None:
    gone = supersede(pending(), NOW)
    assert told(pending(), gone)["reason"] == "SUPERSEDED"
    assert names(gone, after(decide(gone, money(), LATER))) == ["PaymentCompleted", "BookingConfirmed"]


@pytest.mark.parametrize(
    ("obstacles", "reason"),
    [
        (Obstacles(win(status=AwardStatus.PAID, payment_id=OTHER_STAY)), "ALREADY_PAID"),
        (Obstacles(win(status=AwardStatus.WITHDRAWN)), "AWARD_WITHDRAWN"),
    ],
)
def test_a_refund_says_why_late_money_bought_nothing(obstacles: Obstacles, reason: str) -> None:
    owed = after(decide(expired(), money(), LATER, obstacles=obstacles))
    assert names(expired(), owed) == ["PaymentCompleted"]
    asked = after(request_refund(owed, APP_ID, LATER))
    assert told(asked, refunded(asked))["reason"] == reason


def test_an_item_that_is_not_whole_is_no_fact() -> None:
    with pytest.raises(ValidationError):
        facts(pending().but(status=Status.PAID))


def test_no_event_names_a_person_and_each_names_its_kind() -> None:
    items = [cancelled(), expired(), refunded(refunding()), offer(status=AwardStatus.EXPIRED, releases=(NIGHTS,))]
    every = [each for item in items for each in facts(item)]
    assert {type(each).__name__ for each in every} == set(ANNOUNCEMENTS)
    text = json.dumps([each.dump() for each in every])
    assert "example.com" not in text
    assert '"An"' not in text
