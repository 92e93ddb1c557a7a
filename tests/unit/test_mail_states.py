"""The states of a mail: when it is due, repeated and given up."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from infra.topology import FUNCTIONS
from stays.domain.errors import Refused
from stays.domain.mail import (
    SENDING_TIME,
    STUCK_TIME,
    Mail,
    MailState,
    Profile,
    claimed,
    due_or_finished,
    language_of,
    new_mail,
    read_locale,
    read_picture,
    read_switch,
    requested_again,
    requested_by_user,
    retry_at,
)
from stays.edge.responses.accounts import Account
from tests.samples import NOW, STAY, TRAVELLER

MINUTE = timedelta(minutes=1)


def test_a_new_mail_is_due_and_looked_at_again_in_a_minute() -> None:
    assert new_mail(STAY, "refund", NOW) == Mail(
        stay_id=STAY,
        mail_kind="refund",
        state=MailState.DUE,
        attempts=0,
        requested_at=NOW,
        due_at=NOW + MINUTE,
        unsure=0,
    )


TWO_DAYS = timedelta(hours=48)
MOMENT = timedelta(milliseconds=1)


@pytest.mark.parametrize("state", [state for state in MailState if state is not MailState.SENDING])
@pytest.mark.parametrize("waited", [timedelta(), TWO_DAYS - MOMENT])
def test_a_mail_whose_time_has_come_is_due_once_more(state: MailState, waited: timedelta) -> None:
    now = NOW + waited
    mail = new_mail(STAY, "refund", NOW).but(state=state, attempts=99, due_at=now)
    assert due_or_finished(mail, now) == mail.but(state=MailState.DUE, due_at=now + MINUTE)


@pytest.mark.parametrize("taken_before", [0, 3])
def test_a_mail_that_may_have_been_sent_goes_out_once_more_and_no_third_time(taken_before: int) -> None:
    unsure = new_mail(STAY, "refund", NOW).but(state=MailState.SENDING, attempts=taken_before + 1, due_at=NOW)
    assert due_or_finished(unsure, NOW) == unsure.but(state=MailState.DUE, unsure=1, due_at=NOW + MINUTE)
    again = unsure.but(attempts=taken_before + 2, unsure=1)
    assert due_or_finished(again, NOW) == again.but(state=MailState.UNDELIVERABLE, unsure=2, due_at=None)


@pytest.mark.parametrize(("attempts", "state"), [(1, MailState.DUE), (2, MailState.UNDELIVERABLE)])
def test_every_attempt_of_an_earlier_release_may_have_got_through(attempts: int, state: MailState) -> None:
    stored = new_mail(STAY, "refund", NOW).but(state=MailState.SENDING, attempts=attempts).dump()
    del stored["unsure"]
    assert due_or_finished(Mail.model_validate(stored), NOW).state is state
    assert Mail.model_validate(stored | {"attempts": 0}).unsure == 0


@pytest.mark.parametrize("state", [MailState.DUE, MailState.WAITING])
def test_after_48_hours_a_mail_rests_and_is_not_called_undeliverable(state: MailState) -> None:
    mail = new_mail(STAY, "refund", NOW).but(attempts=10, state=state)
    assert due_or_finished(mail, NOW + TWO_DAYS) == mail.but(state=MailState.WAITING, due_at=None)


@pytest.mark.parametrize("attempts", [0, 9])
def test_a_mail_that_nobody_could_try_is_tried_however_late(attempts: int) -> None:
    mail = new_mail(STAY, "refund", NOW).but(attempts=attempts, state=MailState.WAITING)
    assert due_or_finished(mail, NOW + TWO_DAYS).state is MailState.DUE


def test_failed_attempts_are_repeated_after_1_2_4_minutes_and_so_on() -> None:
    attempted = [new_mail(STAY, "refund", NOW).but(attempts=attempts) for attempts in (1, 2, 3, 4, 5, 6, 7, 100)]
    pauses = [retry_at(mail, NOW) - NOW for mail in attempted]
    assert pauses == [MINUTE * minutes for minutes in (1, 2, 4, 8, 16, 30, 30, 30)]


def test_a_claimed_mail_stays_due_when_it_was_unless_the_clock_could_find_it_while_it_is_sent() -> None:
    mail = new_mail(STAY, "confirmation", NOW)
    for late in (timedelta(), MINUTE - SENDING_TIME):
        assert claimed(mail, NOW + late) == mail.but(state=MailState.SENDING, attempts=1)
    for late in (MINUTE - SENDING_TIME + timedelta(milliseconds=1), MINUTE):
        assert claimed(mail, NOW + late).due_at == NOW + late + STUCK_TIME
    assert claimed(mail.but(due_at=None), NOW).due_at == NOW + STUCK_TIME
    assert timedelta(seconds=FUNCTIONS["fulfilment"].timeout) < SENDING_TIME < STUCK_TIME == 10 * MINUTE


SENT = new_mail(STAY, "confirmation", NOW - MINUTE).but(state=MailState.SENT, due_at=None, to="a@x.test")
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("before", "granted"),
    [
        ({}, {"wishes": 1, "to": "b@x.test", "readdressed_at": NOW}),
        ({"to": None}, {"wishes": 1, "to": "b@x.test"}),
        ({"to": "b@x.test", "readdressed_at": NOW - MINUTE}, {"wishes": 1, "to": "b@x.test"}),
        ({"readdressed_at": NOW - DAY, "wishes": 4}, {"wishes": 5, "to": "b@x.test", "readdressed_at": NOW}),
    ],
)
def test_a_wish_is_one_more_mail_to_the_address_of_now(before: dict[str, object], granted: dict[str, object]) -> None:
    mail = SENT.but(**before)
    expected = new_mail(STAY, "confirmation", NOW).but(asked_at=NOW, readdressed_at=mail.readdressed_at)
    assert requested_by_user(mail, "b@x.test", NOW) == expected.but(**granted)


@pytest.mark.parametrize(
    ("before", "to", "wait"),
    [
        ({"wishes": 5}, "a@x.test", 86_400),
        ({"readdressed_at": NOW - DAY + MOMENT}, "b@x.test", 1),
        ({"readdressed_at": NOW}, "b@x.test", 86_400),
        ({"state": MailState.DUE, "asked_at": NOW}, "a@x.test", 60),
        ({"requested_at": NOW, "asked_at": NOW}, "a@x.test", 60),
    ],
)
def test_a_sixth_wish_a_second_new_address_a_day_and_two_wishes_a_minute_are_refused(
    before: dict[str, object], to: str, wait: int
) -> None:
    with pytest.raises(Refused) as refused:
        requested_by_user(SENT.but(**before), to, NOW)
    assert (refused.value.code, refused.value.details) == ("RATE_LIMIT", {"retryAfter": wait})


@pytest.mark.parametrize(
    "on_its_way",
    [{"state": MailState.DUE, "asked_at": NOW - MINUTE}, {"state": MailState.SENDING}, {"requested_at": NOW}],
)
def test_a_mail_on_its_way_grants_a_wish_that_then_counts_for_none(on_its_way: dict[str, object]) -> None:
    mail = SENT.but(wishes=5, **on_its_way)
    assert requested_by_user(mail, "b@x.test", NOW) == mail.but(asked_at=NOW)


def test_what_an_operator_asks_for_is_not_counted_and_goes_to_the_address_of_then() -> None:
    mail = SENT.but(wishes=5, readdressed_at=NOW)
    expected = new_mail(STAY, "confirmation", NOW).but(asked_at=NOW, wishes=5, readdressed_at=NOW)
    assert requested_again(mail, NOW) == expected


@pytest.mark.parametrize(
    ("locale", "language"),
    [("vi", "vi"), ("vi-VN", "vi"), ("en-GB", "en"), ("EN_us", "en"), ("fr", None), ("", None), (None, None)],
)
def test_the_language_is_that_of_the_locale_if_we_write_in_it(locale: str | None, language: str | None) -> None:
    assert language_of(locale) == language


@pytest.mark.parametrize("locale", ["vi", "vi-VN", "en_US", "zh-Hans", "x" * 20])
def test_a_locale_is_letters_with_dashes_between(locale: str) -> None:
    assert read_locale(locale) == locale


@pytest.mark.parametrize(
    "odd", ["", "es-419", "en_US.UTF-8", "vi VN", "vi\n", "x" * 21, "ví", 5, 5.5, True, None, ["vi"], {}]
)
def test_a_locale_that_cannot_be_read_is_none(odd: object) -> None:
    assert read_locale(odd) is None


@pytest.mark.parametrize(
    "url", ["https://s.gravatar.com/avatar/x?s=480&d=%2Fan.png", "HTTP://x/y", "https://" + "x" * 492]
)
def test_a_picture_is_an_address_of_the_web(url: str) -> None:
    assert read_picture(url) == url


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "x",
        "https://",
        "https://x y",
        "https://x\n",
        "javascript:alert(1)",
        "data:image/png;base64,AA",
        "//x/y",
        "https://" + "x" * 493,
        "https://\ud800",
        5,
        None,
        ["https://x"],
        {},
    ],
)
def test_a_picture_that_is_no_address_is_none(odd: object) -> None:
    assert read_picture(odd) is None


def test_c27_an_account_names_its_user_as_the_client_does() -> None:
    profile = Profile(user_id=TRAVELLER, email="an@example.com", name="An", updated_at=NOW)
    assert Account.model_validate(profile).dump() == {
        "id": TRAVELLER,
        "auth0UserId": TRAVELLER,
        "userId": TRAVELLER,
        "email": "an@example.com",
        "name": "An",
        "createdAt": "2026-11-22T03:00:00.000Z",
        "updatedAt": "2026-11-22T03:00:00.000Z",
    }


def test_a_profile_of_before_was_first_saved_when_it_was_saved_last() -> None:
    assert Profile.model_validate({"userId": TRAVELLER, "updatedAt": "2026-11-22T03:00:00.000Z"}).created_at == NOW


@pytest.mark.parametrize(("said", "read"), [(True, True), (False, False), (None, None), (1, None), ("false", None)])
def test_a_switch_is_on_or_off_or_unknown(said: object, read: bool | None) -> None:
    assert read_switch(said) is read


def test_a_mail_about_nothing_cannot_be_read() -> None:
    with pytest.raises(ValidationError, match="it is about a stay or an award"):
        Mail.model_validate(new_mail(STAY, "refund", NOW).dump() | {"stayId": None, "auctionId": "1001"})
