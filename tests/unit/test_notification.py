"""Messages, checked by the rules of the frontend's validator: the frontend drops all others."""

import json
import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from stays.domain.award import Award, AwardStatus, Result
from stays.domain.booking import Booking, booking_of
from stays.domain.notification import (
    CHANNELS,
    Message,
    Notification,
    award_told,
    booking_confirmed,
    messages_of,
    payment_status,
)
from stays.domain.payment import Fulfilment, PaymentSession, Status
from tests.samples import (
    NIGHTS,
    NOW,
    STAY,
    TRANSACTION,
    TRAVELLER,
    booked,
    cancelled,
    offer,
    opened,
    pending,
    priced,
    refund_due,
    refunding,
    reserved,
    under_review,
    win,
)

SESSIONS = [
    opened(),
    reserved(),
    pending(),
    pending().but(processing=True),
    *(pending().but(status=status) for status in (Status.FAILED, Status.CANCELLED, Status.EXPIRED)),
    under_review(),
    under_review().but(status=Status.EXPIRED),
    booked(),
    cancelled(),
    refund_due(),
    refunding(),
    *(refunding().but(fulfilment=fulfilment) for fulfilment in (Fulfilment.REFUNDED, Fulfilment.REFUND_MANUAL)),
]
AWARDS = [
    win(),
    win(result=Result.PARTIAL_WIN, nights=priced(*NIGHTS[::2])),
    win(result=Result.LOST, status=AwardStatus.LOST, nights=(), bid_amount=500_000),
    *(win(status=status) for status in (AwardStatus.EXPIRED, AwardStatus.DECLINED, AwardStatus.WITHDRAWN)),
    win(result=Result.LOST, status=AwardStatus.WITHDRAWN, nights=(), bid_amount=500_000),
    offer(),
]
SECOND_EVENING = datetime.fromisoformat("2026-12-02T19:00:00+07:00")
AFTERWARDS = datetime.fromisoformat("2026-12-04T00:00:00+07:00")
TEXT, NUMBER, DAY, DAYS, INSTANT = "text", "number", "day", "days", "instant"
SHAPES: dict[str, dict[str, Any]] = {
    "PAYMENT_STATUS": {
        "paymentId": TEXT,
        "userId": TEXT,
        "status": {"INITIATED", "PROCESSING", "COMPLETED", "FAILED"},
    },
    "BOOKING_CONFIRMED": {
        "bookingId": TEXT,
        "userId": TEXT,
        "propertyName": TEXT,
        "checkIn": DAY,
        "checkOut": DAY,
    },
    "AUCTION_RESULT": {
        "auctionId": TEXT,
        "userId": TEXT,
        "result": {"FULL_WIN", "PARTIAL_WIN", "LOST"},
        "amount": NUMBER,
        "paymentDeadline": INSTANT,
        "propertyName": TEXT,
    },
    "SECOND_CHANCE_OFFER": {
        "offerId": TEXT,
        "auctionId": TEXT,
        "userId": TEXT,
        "offeredNights": DAYS,
        "amount": NUMBER,
        "responseDeadline": INSTANT,
        "propertyName": TEXT,
    },
}
OPTIONAL: dict[str, Any] = {"transactionId": TEXT, "awardedNights": DAYS, "reason": TEXT, "referenceNumber": TEXT}


Shown = dict[str, Any]
KINDS = {model.model_fields["type"].default: model for model in get_args(get_args(Notification)[0])}


def shown(messages: Iterable[Message]) -> list[Shown]:
    return [message.dump() for message in messages]


def status_of(session: PaymentSession) -> Shown:
    return payment_status(session).dump()


def confirmed_of(booking: Booking) -> Shown | None:
    message = booking_confirmed(booking)
    return message and message.dump()


def told_of(award: Award, now: datetime) -> Shown | None:
    message = award_told(award, now)
    return message and message.dump()


def is_day(value: Any) -> bool:
    return isinstance(value, str) and date.fromisoformat(value).isoformat() == value


def fits(value: Any, kind: Any) -> bool:
    if kind == TEXT:
        return isinstance(value, str) and value != ""
    if kind == NUMBER:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == DAY:
        return is_day(value)
    if kind == DAYS:
        return isinstance(value, list) and value != [] and all(map(is_day, value))
    if kind == INSTANT:
        written = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(value))
        return bool(written) and datetime.fromisoformat(value).tzinfo is not None
    return value in kind


def nulls(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is None or any(map(nulls, inner))


def accepted(message: Shown) -> bool:
    """The client's own rules: C7, C9, C15 and C16 of the contract."""
    received = json.loads(json.dumps(message))
    shape = SHAPES[received["type"]]
    fields = all(name in received and fits(received[name], kind) for name, kind in shape.items())
    extras = all(fits(received[name], kind) for name, kind in OPTIONAL.items() if name in received)
    completed = received.get("status") != "COMPLETED" or "transactionId" in received
    partial = received.get("result") != "PARTIAL_WIN" or "awardedNights" in received
    stay = received["type"] != "BOOKING_CONFIRMED" or received["checkIn"] < received["checkOut"]
    return fields and extras and completed and partial and stay and not nulls(received)


def test_c9_c15_every_state_of_a_payment_makes_a_message_that_the_client_accepts() -> None:
    assert [session for session in SESSIONS if not accepted(status_of(session))] == []


def test_c15_c16_every_award_makes_a_message_that_the_client_accepts() -> None:
    messages = [told_of(award, NOW) for award in AWARDS]
    assert [message for message in messages if message is None or not accepted(message)] == []


def test_c15_c16_a_booking_makes_a_message_that_the_client_accepts_also_for_one_night() -> None:
    for nights in (NIGHTS, NIGHTS[:1], NIGHTS[::2]):
        booking = booking_of(booked().but(nights=nights))
        message = booking and confirmed_of(booking)
        assert message
        assert accepted(message)


@pytest.mark.parametrize(
    ("session", "status"),
    [
        (opened(), "INITIATED"),
        (reserved(), "INITIATED"),
        (pending(), "INITIATED"),
        (pending().but(processing=True), "PROCESSING"),
        (under_review(), "PROCESSING"),
        (under_review().but(status=Status.EXPIRED), "PROCESSING"),
        (booked(), "COMPLETED"),
        (cancelled(), "COMPLETED"),
        (refund_due(), "FAILED"),
        (refunding(), "FAILED"),
        (pending().but(status=Status.FAILED), "FAILED"),
        (pending().but(status=Status.CANCELLED), "FAILED"),
        (pending().but(status=Status.EXPIRED), "FAILED"),
    ],
)
def test_the_state_of_a_payment_is_told_in_the_clients_words(session: PaymentSession, status: str) -> None:
    assert status_of(session)["status"] == status


def test_c7_a_message_names_the_user_and_the_session_by_their_ids() -> None:
    assert status_of(booked()) == {
        "type": "PAYMENT_STATUS",
        "paymentId": STAY,
        "userId": TRAVELLER,
        "status": "COMPLETED",
        "transactionId": TRANSACTION,
    }


def test_money_that_bought_nothing_is_a_failure_with_its_reason_and_its_refund() -> None:
    assert status_of(refund_due()) == {
        "type": "PAYMENT_STATUS",
        "paymentId": STAY,
        "userId": TRAVELLER,
        "status": "FAILED",
        "transactionId": TRANSACTION,
        "reason": "NIGHTS_TAKEN",
        "refund": {"amount": 900_000, "status": "REFUND_DUE"},
    }


def test_a_confirmed_booking_is_told_with_its_days() -> None:
    booking = booking_of(booked())
    assert booking is not None
    assert confirmed_of(booking) == {
        "type": "BOOKING_CONFIRMED",
        "bookingId": STAY,
        "paymentId": STAY,
        "userId": TRAVELLER,
        "propertyName": "Nhà Gỗ Đà Lạt",
        "referenceNumber": "6789A-BCDEF",
        "checkIn": "2026-12-01",
        "checkOut": "2026-12-04",
    }


@pytest.mark.parametrize("session", [reserved(), cancelled(), reserved().but(status=Status.EXPIRED)])
def test_a_booking_that_is_not_confirmed_is_not_told(session: PaymentSession) -> None:
    booking = booking_of(session)
    assert booking is not None
    assert confirmed_of(booking) is None


def test_a_win_is_told_with_its_nights_price_and_deadline() -> None:
    assert told_of(win(), NOW) == {
        "type": "AUCTION_RESULT",
        "auctionId": "1001",
        "userId": TRAVELLER,
        "result": "FULL_WIN",
        "awardedNights": ["2026-12-01", "2026-12-02", "2026-12-03"],
        "amount": 900_000,
        "paymentDeadline": "2026-11-23T03:00:00.000Z",
        "propertyName": "Nhà Gỗ Đà Lạt",
    }


def test_a_loss_is_told_with_the_bid_and_without_nights() -> None:
    lost = told_of(win(result=Result.LOST, status=AwardStatus.LOST, nights=(), bid_amount=500_000), NOW)
    assert lost == {
        "type": "AUCTION_RESULT",
        "auctionId": "1001",
        "userId": TRAVELLER,
        "result": "LOST",
        "amount": 500_000,
        "paymentDeadline": "2026-11-23T03:00:00.000Z",
        "propertyName": "Nhà Gỗ Đà Lạt",
    }


def test_an_offer_that_waits_is_told() -> None:
    assert told_of(offer(), NOW) == {
        "type": "SECOND_CHANCE_OFFER",
        "offerId": "offer-7",
        "auctionId": "1001",
        "userId": TRAVELLER,
        "offeredNights": ["2026-12-01", "2026-12-02", "2026-12-03"],
        "amount": 900_000,
        "responseDeadline": "2026-11-23T03:00:00.000Z",
        "propertyName": "Nhà Gỗ Đà Lạt",
    }


TOLD_OF_AN_OFFER = {AwardStatus.WAITING, AwardStatus.EXPIRED, AwardStatus.WITHDRAWN}


@pytest.mark.parametrize(
    "award",
    [
        *(offer(status=status) for status in AwardStatus if status not in TOLD_OF_AN_OFFER),
        win(status=AwardStatus.PAID),
    ],
)
def test_an_award_that_was_answered_or_paid_is_not_announced_again(award: Award) -> None:
    assert told_of(award, NOW) is None


@pytest.mark.parametrize("status", [AwardStatus.EXPIRED, AwardStatus.DECLINED, AwardStatus.WITHDRAWN])
def test_a_win_that_was_not_paid_in_time_or_declined_or_taken_back_is_told_as_lost(status: AwardStatus) -> None:
    assert told_of(win(status=status), NOW) == {
        "type": "AUCTION_RESULT",
        "auctionId": "1001",
        "userId": TRAVELLER,
        "result": "LOST",
        "amount": 900_000,
        "paymentDeadline": "2026-11-23T03:00:00.000Z",
        "propertyName": "Nhà Gỗ Đà Lạt",
        "status": status.value,
    }


@pytest.mark.parametrize(
    ("award", "at"),
    [
        (offer(status=AwardStatus.EXPIRED), NOW),
        (offer(status=AwardStatus.WITHDRAWN), NOW),
        (offer(deadline=AFTERWARDS + timedelta(days=1)), AFTERWARDS),
    ],
    ids=["expired", "withdrawn", "no night left"],
)
def test_an_offer_that_can_be_had_no_more_is_told_in_a_word_that_the_client_ignores(award: Award, at: datetime) -> None:
    assert told_of(award, at) == {
        "type": "OFFER_EXPIRED",
        "offerId": "offer-7",
        "auctionId": "1001",
        "userId": TRAVELLER,
        "propertyName": "Nhà Gỗ Đà Lạt",
    }


@pytest.mark.parametrize(
    ("award", "name"),
    [(offer(), "offeredNights"), (win(result=Result.PARTIAL_WIN), "awardedNights")],
)
def test_after_midnight_nights_that_can_still_be_slept_are_told_with_their_price(award: Award, name: str) -> None:
    told = told_of(award.but(deadline=AFTERWARDS), SECOND_EVENING)
    assert told is not None
    assert (told[name], told["amount"]) == (["2026-12-02", "2026-12-03"], 600_000)


def test_a_page_that_comes_late_is_told_of_a_session_and_its_booking_and_of_an_award() -> None:
    confirmed = booking_of(booked())
    assert confirmed
    assert shown(messages_of(booked(), NOW)) == [status_of(booked()), confirmed_of(confirmed)]
    assert shown(messages_of(booked(), NOW, booked=False)) == [status_of(booked())]
    assert shown(messages_of(pending(), NOW)) == [status_of(pending())]
    assert shown(messages_of(win(), NOW)) == [told_of(win(), NOW)]
    assert shown(messages_of(win(status=AwardStatus.PAID), NOW)) == []


def test_every_message_travels_on_one_channel_and_every_channel_has_one() -> None:
    assert {each.channel for each in KINDS.values()} == set(CHANNELS)
    assert KINDS.keys() == SHAPES.keys() | {"OFFER_EXPIRED"}


def test_every_kind_of_message_is_made_of_some_state_and_is_read_back() -> None:
    states: list[PaymentSession | Award] = [*SESSIONS, *AWARDS, offer(status=AwardStatus.EXPIRED)]
    made = [message for state in states for message in messages_of(state, NOW)]
    assert {message.dump()["type"] for message in made} == KINDS.keys()
    told = TypeAdapter[Message](Notification)
    assert told.json_schema()["discriminator"]["propertyName"] == "type"
    assert [told.validate_python(message.dump()) for message in made] == made


def test_every_status_and_fulfilment_that_can_meet_has_a_message() -> None:
    for status, fulfilment in product(Status, Fulfilment):
        session = booked().but(status=status, fulfilment=fulfilment)
        assert status_of(session)["status"] in SHAPES["PAYMENT_STATUS"]["status"]
