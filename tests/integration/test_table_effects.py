"""Effects in the table: a mail is claimed before it is sent, and a thread is made once."""

from datetime import datetime, timedelta

import pytest

from stays.aws.attributes import to_attributes
from stays.aws.store import Store
from stays.domain.booking import Booking, booking_of
from stays.domain.errors import Refused
from stays.domain.mail import (
    LEAST_ATTEMPTS,
    PERSISTENCE,
    Mail,
    MailState,
    Thread,
    Unsent,
    new_mail,
    requested_again,
)
from stays.domain.payment import Fulfilment, PaymentSession
from stays.table.awards import Awards
from stays.table.effects import Effects, SessionMail
from stays.table.keys import mail_item, shard
from stays.table.sessions import Sessions
from tests.integration.tables import begin, contents, dynamodb, hand_in
from tests.samples import HOST, NOW, STAY, TRAVELLER, booked, money, opened, win

MINUTE = timedelta(minutes=1)
MOMENT = timedelta(milliseconds=1)
KEY = (f"STAY#{STAY}", "MAIL#confirmation")


@pytest.fixture
def effects(aws: None) -> Effects:
    return Effects(Store(dynamodb(), "stays"))


def owed(**changes: object) -> Mail:
    """A stored mail."""
    mail = new_mail(STAY, "confirmation", NOW).but(**changes)
    dynamodb().put_item(TableName="stays", Item=to_attributes(mail_item(mail)))
    return mail


def standing() -> Mail:
    return Mail.model_validate(contents()[KEY])


def ask(effects: Effects, at: datetime) -> None:
    mail = standing() if KEY in contents() else new_mail(STAY, "confirmation", at)
    effects.request(mail, lambda current: requested_again(current, at))


def booking() -> Booking:
    made = booking_of(booked())
    assert made is not None
    return made


def claimed(effects: Effects) -> Mail:
    mail = effects.claim(owed(), NOW)
    assert mail is not None
    return mail


def paid() -> PaymentSession:
    store = Store(dynamodb(), "stays")
    sessions = Sessions(store)
    hand_in(win())
    begin(sessions, opened(), NOW)
    return sessions.record(opened(), money(), NOW)


def test_two_rounds_of_the_clock_owe_one_reminder(effects: Effects) -> None:
    Awards(Store(dynamodb(), "stays")).receive(win(deadline=NOW + timedelta(hours=2)), "event-1")
    (first,) = [Mail.model_validate(item) for item in contents().values() if item.get("letter") == "win"]
    effects.drop(first, Unsent.OFF, NOW)
    first = first.but(state=MailState.UNDELIVERABLE, unsent=Unsent.OFF, due_at=first.remind_at)
    for _ in range(2):
        effects.remind(first, NOW + timedelta(minutes=90))
    (reminder,) = [item for item in contents().values() if item.get("letter") == "reminder"]
    assert (reminder["state"], reminder["attempts"]) == ("DUE", 0)


def test_a_mail_is_written_from_its_session_and_itself_in_one_read(effects: Effects) -> None:
    session = paid()
    assert effects.load_mail(STAY, "confirmation") == SessionMail(session, standing())
    assert effects.load_mail(STAY, "refund") == SessionMail(session, None)
    assert session.fulfilment is Fulfilment.BOOKED


def test_a_mail_that_is_due_is_claimed_and_looked_at_again_if_it_gets_stuck(effects: Effects) -> None:
    mail = owed()
    taken = effects.claim(mail, NOW)
    assert taken == mail.but(state=MailState.SENDING, attempts=1)
    assert standing() == taken


def test_a_mail_is_claimed_by_one(effects: Effects) -> None:
    mail = owed()
    first = effects.claim(mail, NOW)
    assert effects.claim(mail, NOW + MOMENT) is None
    assert standing() == first


@pytest.mark.parametrize("state", [state for state in MailState if state is not MailState.DUE])
def test_only_a_mail_that_is_due_is_claimed(effects: Effects, state: MailState) -> None:
    there = owed(state=state)
    assert effects.claim(there.but(state=MailState.DUE), NOW) is None
    assert standing() == there


def test_a_mail_that_somebody_has_tried_meanwhile_is_not_claimed_from_an_old_reading(effects: Effects) -> None:
    there = owed(attempts=1)
    assert effects.claim(there.but(attempts=0), NOW) is None
    assert standing() == there


def test_a_sent_mail_is_recorded_and_never_due_again(effects: Effects) -> None:
    mail = claimed(effects)
    effects.note_sent(mail, "message-1", NOW + MINUTE)
    assert standing() == mail.but(state=MailState.SENT, sent_at=NOW + MINUTE, message_id="message-1", due_at=None)
    assert "dueAt" not in contents()[KEY]


def test_a_mail_that_cannot_be_delivered_is_recorded_and_never_due_again(effects: Effects) -> None:
    mail = claimed(effects)
    effects.note_undeliverable(mail, Unsent.BAD_ADDRESS)
    assert standing() == mail.but(state=MailState.UNDELIVERABLE, unsent=Unsent.BAD_ADDRESS, due_at=None)


def test_a_failed_attempt_waits_for_the_clock(effects: Effects) -> None:
    mail = claimed(effects)
    effects.note_failure(mail, NOW)
    assert standing() == mail.but(state=MailState.WAITING, due_at=NOW + MINUTE)


@pytest.mark.parametrize(
    "there", [{"state": MailState.DUE, "attempts": 1}, {"state": MailState.SENDING, "attempts": 2}]
)
def test_an_attempt_that_lost_its_mail_to_another_records_nothing(effects: Effects, there: dict[str, object]) -> None:
    now_there = owed(**there)
    ours = now_there.but(state=MailState.SENDING, attempts=1)
    effects.note_sent(ours, "message-1", NOW)
    effects.note_undeliverable(ours, Unsent.BAD_ADDRESS)
    effects.note_failure(ours, NOW)
    assert standing() == now_there


@pytest.mark.parametrize("state", [MailState.DUE, MailState.SENDING])
def test_the_clock_makes_a_mail_due_once_more(effects: Effects, state: MailState) -> None:
    mail = owed(state=state, attempts=1)
    later = mail.but(state=MailState.DUE, due_at=NOW + MINUTE * 2, unsure=int(state is MailState.SENDING))
    assert effects.retry_or_finish(mail, NOW + MINUTE) == later
    assert standing() == later


@pytest.mark.parametrize(
    ("mail", "rest"),
    [
        ({"state": MailState.SENDING, "attempts": 8, "unsure": 1}, {"state": MailState.UNDELIVERABLE, "unsure": 2}),
        (
            {"state": MailState.WAITING, "attempts": LEAST_ATTEMPTS, "requested_at": NOW - PERSISTENCE},
            {"state": MailState.WAITING},
        ),
    ],
)
def test_after_too_many_attempts_the_clock_gives_a_mail_up(
    effects: Effects, mail: dict[str, object], rest: dict[str, object]
) -> None:
    there = owed(**mail)
    given_up = there.but(**rest, due_at=None)
    assert effects.retry_or_finish(there, NOW + MINUTE) == given_up
    assert standing() == given_up


def test_a_mail_that_has_changed_meanwhile_is_left_alone(effects: Effects) -> None:
    mail = owed()
    taken = effects.claim(mail, NOW)
    assert effects.retry_or_finish(mail, NOW + MINUTE) == mail
    assert standing() == taken


def test_a_first_mail_may_be_asked_for_at_any_time(effects: Effects) -> None:
    ask(effects, NOW)
    assert standing() == new_mail(STAY, "confirmation", NOW).but(asked_at=NOW)
    assert (contents()[KEY]["kind"], contents()[KEY]["dueShard"]) == ("MAIL", shard(STAY))


@pytest.mark.parametrize("asked_at", [None, NOW])
@pytest.mark.parametrize("state", [MailState.SENT, MailState.UNDELIVERABLE])
def test_one_more_mail_may_be_asked_for_after_a_minute(
    effects: Effects, state: MailState, asked_at: datetime | None
) -> None:
    owed(state=state, attempts=3, due_at=None, asked_at=asked_at)
    ask(effects, NOW + MINUTE)
    assert standing() == new_mail(STAY, "confirmation", NOW + MINUTE).but(asked_at=NOW + MINUTE)


@pytest.mark.parametrize(
    ("state", "waited"),
    [
        (MailState.SENT, MINUTE - MOMENT),
        (MailState.UNDELIVERABLE, MINUTE - MOMENT),
        (MailState.DUE, MINUTE * 5),
        (MailState.SENDING, MINUTE * 5),
    ],
)
def test_a_mail_just_sent_or_still_on_its_way_grants_one_wish_a_minute(
    effects: Effects, state: MailState, waited: timedelta
) -> None:
    there, asked_at = owed(state=state), NOW + waited
    ask(effects, asked_at)
    assert standing() == there.but(asked_at=asked_at)
    with pytest.raises(Refused) as refused:
        ask(effects, asked_at + MINUTE - MOMENT if waited > MINUTE else asked_at)
    assert (refused.value.code, refused.value.details) == ("RATE_LIMIT", {"retryAfter": 60})
    assert standing() == there.but(asked_at=asked_at)


def test_a_mail_with_a_time_that_was_written_by_hand_is_asked_for_as_any_other(effects: Effects) -> None:
    there = mail_item(new_mail(STAY, "confirmation", NOW).but(state=MailState.SENT, due_at=None))
    dynamodb().put_item(TableName="stays", Item=to_attributes(there | {"requestedAt": "2026-11-22T03:00:00Z"}))
    ask(effects, NOW + MINUTE)
    assert standing().state is MailState.DUE


def test_of_two_wishes_at_once_one_is_granted(effects: Effects) -> None:
    read = owed(state=MailState.SENT, requested_at=NOW - MINUTE)
    ask(effects, NOW)
    granted = standing()
    with pytest.raises(Refused):
        effects.request(read, lambda current: requested_again(current, NOW))
    assert standing() == granted


def test_a_booking_has_one_thread_however_often_it_is_asked_for(effects: Effects) -> None:
    thread = Thread(thread_id=STAY, stay_id=STAY, traveller_id=TRAVELLER, host_id=HOST, created_at=NOW)
    assert effects.open_thread(booking(), NOW) == thread
    assert effects.open_thread(booking(), NOW + MINUTE) == thread
    assert contents() == {
        (f"STAY#{STAY}", "THREAD"): thread.dump() | {"PK": f"STAY#{STAY}", "SK": "THREAD", "kind": "THREAD"}
    }
