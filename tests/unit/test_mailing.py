"""Mail as a promise: when it is due, repeated and given up."""

from datetime import timedelta

import pytest

from stays.domain.mailing import (
    STUCK_TIME,
    Mailing,
    MailState,
    Profile,
    account_of,
    language_of,
    new_mailing,
    read_locale,
    read_picture,
    rearmed,
    retry_at,
)
from tests.samples import NOW, STAY, TRAVELLER

MINUTE = timedelta(minutes=1)


def test_a_new_mail_is_due_and_looked_at_again_in_a_minute() -> None:
    assert new_mailing(STAY, "refund", NOW) == Mailing(
        stay_id=STAY, letter="refund", state=MailState.DUE, attempts=0, requested_at=NOW, due_at=NOW + MINUTE
    )


@pytest.mark.parametrize("state", [state for state in MailState if state is not MailState.SENDING])
def test_a_mail_whose_time_has_come_is_due_once_more(state: MailState) -> None:
    mailing = new_mailing(STAY, "refund", NOW).but(state=state, attempts=7, due_at=NOW)
    assert rearmed(mailing, NOW) == mailing.but(state=MailState.DUE, due_at=NOW + MINUTE)


def test_a_mail_that_may_have_been_sent_goes_out_once_more_and_no_third_time() -> None:
    unsure = new_mailing(STAY, "refund", NOW).but(state=MailState.SENDING, attempts=1, due_at=NOW)
    assert rearmed(unsure, NOW) == unsure.but(state=MailState.DUE, due_at=NOW + MINUTE)
    again = unsure.but(attempts=2)
    assert rearmed(again, NOW) == again.but(state=MailState.UNDELIVERABLE, due_at=None)


def test_after_eight_attempts_a_mail_is_given_up() -> None:
    mailing = new_mailing(STAY, "refund", NOW).but(attempts=8)
    assert rearmed(mailing, NOW) == mailing.but(state=MailState.UNDELIVERABLE, due_at=None)


def test_failed_attempts_are_repeated_after_1_2_4_minutes_and_so_on() -> None:
    pauses = [retry_at(new_mailing(STAY, "refund", NOW).but(attempts=attempts), NOW) - NOW for attempts in range(1, 9)]
    assert pauses == [MINUTE * minutes for minutes in (1, 2, 4, 8, 16, 32, 64, 128)]


def test_a_mail_is_stuck_after_ten_minutes() -> None:
    assert STUCK_TIME == 10 * MINUTE


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
    assert account_of(profile).dump() == {
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
