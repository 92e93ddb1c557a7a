"""Mail as a promise: when it is due, repeated and given up."""

from datetime import timedelta

import pytest

from stays.domain.mailing import STUCK_TIME, Mailing, MailState, language_of, new_mailing, rearmed, retry_at
from tests.samples import NOW, STAY

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
