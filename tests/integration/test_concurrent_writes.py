"""Concurrent writes from many threads to the embedded engine: each later write fails a condition."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from typing import Any, TypeVar

import pytest

from infra.local.database import Database
from stays.aws.client import DynamoDB
from stays.aws.store import Store
from stays.domain.auction import read_event
from stays.domain.award import Award, Correction, Quote
from stays.domain.booking import cancel
from stays.domain.decision import Evidence, Outcome, order_made
from stays.domain.errors import NotFound
from stays.domain.mail import Mail
from stays.domain.payment import Contact, PaymentSession, open_session, read_terms
from stays.domain.refund import request_refund
from stays.domain.values import new_stay_id
from stays.table.awards import Awards
from stays.table.effects import Effects
from stays.table.sessions import Changed, NightsTaken, Sessions

T = TypeVar("T")

NOW = datetime(2027, 3, 1, 3, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=30)  # after the end of every hold
PRICE = 500_000
POLICY = read_terms("[[7, 100]]")


class Engine:
    """The table in the engine, with a new property for each test."""

    def __init__(self, client: Any) -> None:
        self.store = Store(client, "stays")
        self.sessions = Sessions(self.store)
        self.effects = Effects(self.store)
        self.property_id = new_stay_id(NOW, os.urandom(10))
        self.user_id = f"auth0|{self.property_id}"  # a user who has not reached the limit of sessions

    def quote(self, user_id: str, nights: int = 2) -> Quote:
        """The quote for a user who won the first nights of the property."""
        days = [date(2027, 3, 20) + timedelta(days=number) for number in range(nights)]
        detail = {
            "auctionId": self.property_id,
            "userId": user_id,
            "result": "FULL_WIN",
            "property": {"id": self.property_id, "name": "Nhà Trên Đồi", "hostId": "auth0|host"},
            "awardedNights": [{"date": day.isoformat(), "price": PRICE} for day in days],
            "paymentDeadline": "2027-03-10T00:00:00Z",
        }
        award = Awards(self.store).receive(read_event("AuctionResult", detail, NOW), "event-1").award
        assert award
        return Quote(award, tuple(days), award.amount(NOW))

    def new_session(self, user_id: str, now: datetime = NOW) -> PaymentSession:
        stay_id = new_stay_id(now, os.urandom(10))
        return open_session(stay_id, self.quote(user_id), user_id, Contact(), now, reserve=False)

    def pending(self, user_id: str, now: datetime = NOW) -> PaymentSession:
        """A session with an order."""
        session = self.new_session(user_id, now)
        begin(self, session, now)
        return self.sessions.settle(session, lambda current, _: order_made(current, "https://pay", now), now)

    def booked(self, user_id: str) -> PaymentSession:
        session = self.pending(user_id)
        return self.sessions.record(session, paid(session), NOW)

    def story(self, stay_id: str) -> Counter[str]:
        """The number of a stay's items of each kind; events count by their name."""
        items = self.store.query("PK = :stay", {":stay": f"STAY#{stay_id}"}, ConsistentRead=True)
        return Counter(item.get("what", item["kind"]) for item in items)

    def nights(self) -> Counter[tuple[str, str]]:
        """The number of the property's nights by state and user."""
        items = self.store.query("PK = :place", {":place": f"PROPERTY#{self.property_id}"}, ConsistentRead=True)
        return Counter((item["state"], item["stayId"]) for item in items)


def begin(engine: Engine, session: PaymentSession, now: datetime = NOW) -> None:
    """Open a session for its award."""
    engine.sessions.open(session, Awards(engine.store).load_of_session(session), now)


def paid(session: PaymentSession) -> Evidence:
    """PAID evidence with its own transaction."""
    number = str(int.from_bytes(os.urandom(6)))
    return Evidence(source="callback", outcome=Outcome.PAID, transaction_id=number, amount=session.amount)


def at_once(*calls: Callable[[], T]) -> list[T]:
    """Run all calls at the same time, each in its own thread. Returns their results."""
    start = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        start.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    database = Database(tmp_path_factory.mktemp("engine"), keep=False)
    database.create()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(DynamoDB.variable, database.endpoint)
        yield DynamoDB()
    database.stop()


@pytest.fixture
def engine(client: Any) -> Engine:
    return Engine(client)


def test_of_many_who_open_a_session_for_one_night_exactly_one_gets_it(engine: Engine) -> None:
    sessions = [engine.new_session(f"auth0|user-{number}") for number in range(32)]

    def open_it(session: PaymentSession) -> str:
        try:
            begin(engine, session)
        except NightsTaken as taken:
            return taken.stay_id
        return session.id

    answers = at_once(*(lambda each=each: open_it(each) for each in sessions))
    (winner,) = set(answers)
    assert engine.nights() == {("HELD", winner): 2}
    stories = [engine.story(session.id) for session in sessions]
    assert [story for story in stories if story] == [{"SESSION": 1, "OPENED": 1}]


def test_the_same_evidence_fifty_times_makes_one_booking_each_mail_once_and_one_event(engine: Engine) -> None:
    session = engine.pending("auth0|an")
    evidence = paid(session)
    settled = at_once(*[lambda: engine.sessions.record(session, evidence, NOW)] * 50)
    assert {each.fulfilment for each in settled} == {"BOOKED"}
    kinds = {"SESSION": 1, "BOOKING": 1, "MAIL": 1, "NOTICE": 1, "OPENED": 1, "ORDER_MADE": 1, "PAID_AND_BOOKED": 1}
    assert engine.story(session.id) == kinds
    assert engine.nights() == {("BOOKED", session.id): 2}
    assert evidence.transaction_id
    assert engine.sessions.find_paid_by(evidence.transaction_id, "auth0|an") == engine.sessions.find(session.id)


def test_two_transactions_of_one_order_pay_it_once_and_keep_the_other_for_people(engine: Engine) -> None:
    session = engine.pending("auth0|an")
    both = [paid(session), paid(session)]
    settled = at_once(*[lambda each=each: engine.sessions.record(session, each, NOW) for each in both])
    (winner,) = {each.transaction_id for each in settled}
    (other,) = {each.transaction_id for each in both} - {winner}
    story = engine.story(session.id)
    assert (story["PAID_AND_BOOKED"], story["SECOND_TRANSACTION"]) == (1, 1)
    stray = engine.store.get({"PK": f"TRANSACTION#{other}", "SK": "TRANSACTION"})
    assert stray
    assert (stray["kind"], stray["stayId"], stray["amount"]) == ("STRAY", session.id, session.amount)


@pytest.mark.parametrize("attempt", range(5))
def test_of_sessions_paid_for_one_night_one_is_booked_and_the_others_are_marked_for_refund(
    attempt: int, engine: Engine
) -> None:
    times = [NOW + number * timedelta(minutes=30) for number in range(4)]
    sessions = [engine.pending(f"auth0|user-{number}", now) for number, now in enumerate(times)]
    end = times[-1] + timedelta(minutes=30)
    settled = at_once(*[lambda each=each: engine.sessions.record(each, paid(each), end) for each in sessions])
    assert sorted(each.fulfilment for each in settled) == ["BOOKED", *["REFUND_DUE"] * 3]
    assert {each.status for each in settled} == {"PAID"}
    (booked,) = [each.id for each in settled if each.fulfilment == "BOOKED"]
    assert engine.nights() == {("BOOKED", booked): 2}
    assert [engine.story(each.id)["BOOKING"] for each in settled if each.id != booked] == [0, 0, 0]


@pytest.mark.parametrize("attempt", range(5))
def test_money_and_the_end_of_its_session_leave_a_booking_whoever_is_first(attempt: int, engine: Engine) -> None:
    session = engine.pending("auth0|an")
    evidence, over = paid(session), Evidence(source="schedule", outcome=Outcome.EXPIRED)
    at_once(
        *[lambda: engine.sessions.record(session, over, LATER)] * 4,
        *[lambda: engine.sessions.record(session, evidence, LATER)] * 4,
    )
    found = engine.sessions.find(session.id)
    assert (found.status, found.fulfilment, found.reason) == ("PAID", "BOOKED", None)
    assert engine.nights() == {("BOOKED", session.id): 2}


@pytest.mark.parametrize("attempt", range(5))
def test_cancelling_while_the_money_is_recorded_again_leaves_it_cancelled_once(attempt: int, engine: Engine) -> None:
    session = engine.pending("auth0|an")
    evidence = paid(session)
    booked = engine.sessions.record(session, evidence, NOW)
    at_once(
        *[lambda: engine.sessions.settle(booked, lambda current, _: cancel(current, POLICY, NOW), NOW)] * 4,
        *[lambda: engine.sessions.record(session, evidence, NOW)] * 4,
    )
    found = engine.sessions.find(session.id)
    assert (found.status, found.fulfilment) == ("PAID", "REFUND_DUE")
    story = engine.story(session.id)
    assert (story["PAID_AND_BOOKED"], story["BOOKING_CANCELLED"], story["MAIL"], story["NOTICE"]) == (1, 1, 2, 2)
    assert engine.nights() == {}


def test_nights_that_are_given_back_go_to_one_of_those_who_wait(engine: Engine) -> None:
    booked = engine.booked("auth0|an")
    waiting = [engine.new_session(f"auth0|user-{number}") for number in range(15)]

    def open_it(session: PaymentSession) -> str:
        for _ in range(100):
            try:
                begin(engine, session)
            except NightsTaken as taken:
                if taken.stay_id != booked.id:
                    return taken.stay_id
                continue
            return session.id
        return booked.id

    def give_back() -> str:
        engine.sessions.settle(booked, lambda current, _: cancel(current, POLICY, NOW), NOW)
        return ""

    answers = at_once(give_back, *(lambda each=each: open_it(each) for each in waiting))
    (winner,) = set(answers) - {""}
    assert engine.nights() == {("HELD", winner): 2}


def another(engine: Engine, award: Award, night: int, now: datetime = NOW) -> PaymentSession:
    """A session for one night of an award."""
    nights = (award.nights[night].date,)
    quote = Quote(award, nights, PRICE)
    return open_session(new_stay_id(now, os.urandom(10)), quote, award.user_id, Contact(), now, reserve=False)


def test_of_many_choices_for_one_award_one_is_open(engine: Engine) -> None:
    award = engine.quote(engine.user_id).award
    choices = [another(engine, award, number % 2) for number in range(16)]

    def open_it(session: PaymentSession) -> str | None:
        try:
            engine.sessions.open(session, award, NOW)
        except (Changed, NightsTaken):
            return None
        return session.id

    (winner,) = {each for each in at_once(*(lambda each=each: open_it(each) for each in choices)) if each}
    assert engine.nights() == {("HELD", winner): 1}
    assert Awards(engine.store).find(award).checkout_id == winner


def test_of_many_choices_that_replace_one_order_one_does(engine: Engine) -> None:
    old = engine.pending(engine.user_id)
    award = Awards(engine.store).load_of_session(old)
    choices = [another(engine, award, number % 2) for number in range(16)]

    def replace(session: PaymentSession) -> str | None:
        try:
            engine.sessions.open(session, award, NOW, old)
        except (Changed, NightsTaken):
            return None
        return session.id

    (winner,) = {each for each in at_once(*(lambda each=each: replace(each) for each in choices)) if each}
    assert engine.nights() == {("HELD", winner): 1}
    assert engine.story(old.id)["SUPERSEDED"] == 1


@pytest.mark.parametrize("attempt", range(5))
def test_money_and_another_choice_at_the_same_time_leave_the_booking_and_nothing_open(
    attempt: int, engine: Engine
) -> None:
    old = engine.pending(engine.user_id)
    award, evidence = Awards(engine.store).load_of_session(old), paid(old)
    new = another(engine, award, attempt % 2)

    def replace() -> None:
        with suppress(Changed, NightsTaken):
            engine.sessions.open(new, award, NOW, old)

    at_once(replace, *[lambda: engine.sessions.record(old, evidence, NOW)] * 4)
    assert engine.sessions.find(old.id).fulfilment == "BOOKED"
    assert engine.nights() == {("BOOKED", old.id): 2}
    with suppress(NotFound):
        assert engine.sessions.find(new.id).reason == "SUPERSEDED"


@pytest.mark.parametrize("attempt", range(5))
def test_of_two_orders_of_one_award_that_are_paid_at_the_same_time_one_is_booked_and_one_given_back(
    attempt: int, engine: Engine
) -> None:
    old = engine.pending(engine.user_id)
    new = another(engine, Awards(engine.store).load_of_session(old), attempt % 2)
    engine.sessions.open(new, Awards(engine.store).load_of_session(old), NOW, old)
    money = {each.id: paid(each) for each in (old, new)}
    at_once(*[lambda each=each: engine.sessions.record(each, money[each.id], NOW) for each in (old, new)] * 2)
    found = [engine.sessions.find(each.id) for each in (old, new)]
    assert sorted(each.fulfilment for each in found) == ["BOOKED", "REFUND_DUE"]
    (booked,) = [each for each in found if each.fulfilment == "BOOKED"]
    assert engine.nights() == {("BOOKED", booked.id): len(booked.nights)}


@pytest.mark.parametrize("attempt", range(5))
def test_a_withdrawal_and_the_end_of_the_session_leave_it_withdrawn_and_with_money_booked(
    attempt: int, engine: Engine
) -> None:
    session, pays = engine.pending(engine.user_id), attempt % 2 == 1
    award, awards = Awards(engine.store).load_of_session(session), Awards(engine.store)
    word = paid(session) if pays else Evidence(source="schedule", outcome=Outcome.EXPIRED)
    event = Correction(revision=1, event_id="event-2")
    at_once(
        lambda: awards.take_back(award.auction_id, award.user_id, award.award_id, event, LATER),
        *[lambda: engine.sessions.record(session, word, LATER)] * 3,
    )
    assert engine.sessions.find(session.id).status == ("PAID" if pays else "EXPIRED")
    assert awards.find(award).status == ("PAID" if pays else "WITHDRAWN")


def test_one_of_many_may_ask_zalopay(engine: Engine) -> None:
    session = engine.pending("auth0|an")
    assert at_once(*[lambda: engine.sessions.claim_query(session, NOW)] * 32).count(True) == 1
    soon = NOW + timedelta(seconds=5)
    assert at_once(*[lambda: engine.sessions.claim_query(session, soon)] * 32).count(True) == 1


def test_one_of_many_takes_a_mail_that_is_due(engine: Engine) -> None:
    booked = engine.booked("auth0|an")
    mail = engine.effects.load_mail(booked.id, "confirmation").mail
    assert mail
    claims = at_once(*[lambda: engine.effects.claim(mail, NOW)] * 32)
    (claimed,) = [claim for claim in claims if isinstance(claim, Mail)]
    assert (claimed.state, claimed.attempts) == ("SENDING", 1)


def test_a_refund_is_requested_once(engine: Engine) -> None:
    booked = engine.booked("auth0|an")
    owing = engine.sessions.settle(booked, lambda current, _: cancel(current, POLICY, NOW), NOW)
    settled = at_once(
        *[lambda: engine.sessions.settle(owing, lambda current, _: request_refund(current, 2553, NOW), NOW)] * 32
    )
    (refund_id,) = {each.refund.id for each in settled if each.refund}
    assert engine.story(booked.id)["REFUND_REQUESTED"] == 1
    found = engine.sessions.find(booked.id)
    assert found.refund
    assert (found.fulfilment, found.refund.id) == ("REFUNDING", refund_id)


def test_one_thread_is_opened_however_many_ask(engine: Engine) -> None:
    booked = engine.booked("auth0|an")
    booking = engine.sessions.load_booking(booked.id, "auth0|an")
    moments = [NOW + timedelta(seconds=number) for number in range(16)]
    threads = at_once(*[lambda now=now: engine.effects.open_thread(booking, now) for now in moments])
    assert len({(thread.thread_id, thread.created_at) for thread in threads}) == 1
