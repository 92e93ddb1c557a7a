"""Identifiers, times, nights and money: accepted values, and how they are written."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from stays.domain.values import (
    APP_TRANS_ID,
    ID,
    LONGEST_EMAIL,
    LONGEST_NAME,
    LONGEST_USER_KEY,
    MAXIMUM_AMOUNT,
    MAXIMUM_NIGHTS,
    STAY_ID,
    Amount,
    AppTransId,
    Id,
    Model,
    Night,
    SoldNight,
    StayId,
    Timestamp,
    UserId,
    app_trans_id,
    app_user,
    check_user_id,
    encode_key,
    m_refund_id,
    made_at,
    new_stay_id,
    on_one_line,
    stay_id_of,
    timestamp,
    today,
)
from tests.samples import NOW, STAY


class Sample(Model):
    some_night: Night | None = None
    some_time: Timestamp | None = None
    some_id: Id | None = None
    stay_id: StayId | None = None
    amount: Amount | None = None
    user_id: UserId | None = None


def test_a_stay_id_is_a_ulid_of_the_time_and_the_random_bytes() -> None:
    at = datetime(2016, 7, 30, 23, 54, 10, 259_000, UTC)  # the example of github.com/ulid/spec: 01ARZ3NDEK
    assert new_stay_id(at, b"\x00" * 10) == "01ARZ3NDEK0000000000000000"
    assert new_stay_id(at, b"\xff" * 10) == "01ARZ3NDEKZZZZZZZZZZZZZZZZ"
    assert new_stay_id(at, bytes(range(10))) == "01ARZ3NDEK000G40R40M30E209"


def test_stay_ids_sort_as_their_times_do_and_have_the_shape_that_is_checked() -> None:
    ids = [new_stay_id(NOW + timedelta(milliseconds=n), b"\xff" * 10) for n in range(0, 5000, 7)]
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(STAY_ID, each) for each in ids)


def test_only_the_first_ten_random_bytes_count() -> None:
    assert new_stay_id(NOW, b"\x01" * 10 + b"\x02") == new_stay_id(NOW, b"\x01" * 10)


@pytest.mark.parametrize(
    ("utc", "prefix"),
    [
        (datetime(2026, 11, 22, 16, 59, 59, tzinfo=UTC), "261122"),
        (datetime(2026, 11, 22, 17, 0, 0, tzinfo=UTC), "261123"),
        (datetime(2026, 12, 31, 17, 0, 0, tzinfo=UTC), "270101"),
    ],
)
def test_order_and_refund_ids_are_dated_in_vietnam(utc: datetime, prefix: str) -> None:
    assert app_trans_id(STAY, utc) == f"{prefix}_{STAY}"
    assert m_refund_id(2553, STAY, None, utc) == f"{prefix}_2553_{STAY}"
    assert m_refund_id(2553, STAY, 1, utc) == f"{prefix}_2553_{STAY}1"
    assert today(utc) == datetime.strptime(prefix, "%y%m%d").replace(tzinfo=UTC).date()


def test_order_and_refund_ids_are_short_enough_for_zalopay() -> None:
    assert len(app_trans_id(STAY, NOW)) == 33 <= 40
    assert len(m_refund_id(99_999_999, STAY, 9, NOW)) <= 45


def test_the_stay_is_read_back_from_its_order_id() -> None:
    assert re.fullmatch(APP_TRANS_ID, app_trans_id(STAY, NOW))
    assert stay_id_of(app_trans_id(STAY, NOW)) == STAY


@pytest.mark.parametrize(
    "text",
    ["", STAY, f"261122_{STAY}\n", f"26112_{STAY}", f"261122_{STAY.lower()}", f"261122_8{STAY[1:]}", f"x261122_{STAY}"],
)
def test_an_order_id_that_is_none_of_ours_names_no_stay(text: str) -> None:
    assert stay_id_of(text) is None


def test_the_id_of_an_order_at_zalopay_has_our_form() -> None:
    order = f"261122_{new_stay_id(datetime(2026, 11, 22, tzinfo=UTC), bytes(10))}"
    assert TypeAdapter(AppTransId).validate_python(order) == order
    with pytest.raises(ValidationError):
        TypeAdapter(AppTransId).validate_python("1")


def test_a_user_is_opaque_to_zalopay() -> None:
    name = app_user("auth0|an")
    assert re.fullmatch(r"[0-9a-f]{40}", name)
    assert name == app_user("auth0|an") != app_user("auth0|bình")


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05.000Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 6789, tzinfo=UTC), "2026-01-02T03:04:05.006Z"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=7))), "2026-01-01T20:04:05.000Z"),
    ],
)
def test_a_time_is_written_in_utc_with_milliseconds_and_a_z(at: datetime, text: str) -> None:
    assert timestamp(at) == text
    assert Sample(some_time=at).dump() == {"someTime": text}
    for mode in ("validation", "serialization"):
        assert TypeAdapter(Timestamp).json_schema(mode=mode) == {"type": "string", "format": "date-time"}


def test_a_time_read_back_is_the_time_that_was_written() -> None:
    sample = Sample(some_time=datetime(2026, 1, 2, 3, 4, 5, 6789, tzinfo=timezone(timedelta(hours=7))))
    assert Sample.model_validate(sample.dump()) == sample


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_time_that_no_calendar_has_in_utc_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="before or after all years"):
        Sample(some_time=text)


@pytest.mark.parametrize(
    "value",
    [
        "2026-12-1",
        "2026-13-01",
        "2026-02-29",
        "2026-12-01T00:00:00Z",
        " 2026-12-01",
        "20261201",
        "",
        0,
        1,
        86_400,
        1.5,
        True,
        [],
    ],
)
def test_a_night_is_a_real_date_written_in_one_way(value: Any) -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate({"someNight": value})


def test_a_night_is_written_as_it_is_read() -> None:
    assert Sample.model_validate({"someNight": "2028-02-29"}).some_night == date(2028, 2, 29)
    assert Sample(some_night=date(2028, 2, 29)).dump() == {"someNight": "2028-02-29"}


@pytest.mark.parametrize("value", [0, -1, MAXIMUM_AMOUNT + 1, 50_000.5, "50000", True, 1e400, 1e9, -0.0])
def test_an_amount_is_a_whole_number_of_dong_within_the_clients_limits(value: Any) -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate({"amount": value})


@pytest.mark.parametrize("value", [1, MAXIMUM_AMOUNT])
def test_the_smallest_and_the_largest_amount_are_accepted(value: int) -> None:
    assert Sample.model_validate({"amount": value}).amount == value


@pytest.mark.parametrize("text", ["500000", "500000.0", "5e5", "5.0E+5"])
def test_a_whole_number_is_the_same_amount_however_json_writes_it(text: str) -> None:
    found = Sample.model_validate_json(f'{{"amount": {text}}}').amount
    assert (found, type(found)) == (500_000, int)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (9_007_199_254_740_993, "9007199254740993"),
        ("auth0|an", "auth0|an"),
        (1001.0, "1001"),
        (2.0**53 - 1, "9007199254740991"),
        (-5.0, "-5"),
    ],
)
def test_an_id_is_a_text_even_if_it_came_as_a_number(value: float | str, text: str) -> None:
    found = Sample.model_validate({"someId": value, "userId": value})
    assert (found.some_id, found.user_id) == (text, text)


@pytest.mark.parametrize(
    "value", ["", "a" * 129, "a#b", "a b", "a\n", "ạ", True, 1.5, 2.0**53, -(2.0**53), 1e400, ["a"]]
)
def test_an_id_of_another_shape_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate({"someId": value})


ODD_USERS = [
    "auth0|an+tag@example.com",
    "a b",
    " ",
    "a/b",
    "a=b",
    "a\\b",
    "a#b",
    "%41",
    "a%20b",
    "~'\"<>;&?",
    "Nguyễn Văn An",
    "阮文安" * 14,
    "🙂" * 42,
    "x" * 128,
    "#" * 128,
]


@pytest.mark.parametrize("user_id", ODD_USERS)
def test_a_users_id_is_any_text(user_id: str) -> None:
    assert Sample.model_validate({"userId": user_id}).user_id == user_id
    assert re.fullmatch(r"[A-Za-z0-9_.:|@%\-]{1,512}", encode_key(user_id))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x" * 129,
        "#" * 129,
        "阮文安" * 19 + "x",
        "🙂" * 43,
        "a\n",
        "a\x00",
        "\x7f",
        "a\x85b",
        "\ud800",
        True,
        1.5,
        None,
        ["a"],
    ],
)
def test_a_users_id_that_is_empty_too_long_or_has_a_control_character_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate({"userId": value if value is not None else {}})


def test_the_longest_key_of_a_user_is_as_long_as_is_said() -> None:
    longest = "阮" * 56 + "x" * 8
    assert len(encode_key(longest)) == LONGEST_USER_KEY == 512
    assert check_user_id(longest) == longest
    with pytest.raises(ValueError, match="512 bytes"):
        check_user_id(f"{longest}x")


@given(st.from_regex(ID, fullmatch=True))
def test_what_was_an_id_before_keeps_its_key(user_id: str) -> None:
    assert encode_key(user_id) == user_id


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_two_users_never_share_a_key_and_no_key_contains_a_separator(one: str, other: str) -> None:
    assert (encode_key(one) == encode_key(other)) is (one == other)
    assert not set(encode_key(one)) & set("#/ =\\+\n")


def test_an_id_that_is_another_one_encoded_is_another_user() -> None:
    assert [encode_key(each) for each in ("a b", "a%20b", "a+b")] == ["a%20b", "a%2520b", "a%2Bb"]


@pytest.mark.parametrize("value", [STAY[:-1], STAY + "0", STAY.lower(), "8" + STAY[1:], STAY[:-1] + "U", 1])
def test_a_stay_id_of_another_shape_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate({"stayId": value})


def test_what_is_absent_is_left_out_and_what_is_unknown_is_ignored() -> None:
    assert Sample.model_validate({"redirectParams": 1, "amount": 5}).dump() == {"amount": 5}


def test_a_model_is_never_changed_only_replaced() -> None:
    sample = Sample(amount=5)
    with pytest.raises(ValidationError):
        sample.amount = 6  # type: ignore[misc]
    assert (sample.but(amount=6).amount, sample.amount) == (6, 5)


def test_the_limits_are_those_of_the_client_of_a_transaction_and_of_mail() -> None:
    assert (MAXIMUM_AMOUNT, MAXIMUM_NIGHTS, LONGEST_EMAIL, LONGEST_NAME) == (100_000_000, 60, 320, 200)


def test_a_time_is_kept_to_the_millisecond_and_never_rounded_up() -> None:
    assert Sample(some_time=NOW.replace(microsecond=999_999)).some_time == NOW.replace(microsecond=999_000)


def test_the_time_of_a_stay_is_read_back_from_its_id_to_the_millisecond() -> None:
    for at in (datetime(2016, 7, 30, 23, 54, 10, 259_000, UTC), NOW, NOW.replace(microsecond=999_000)):
        assert made_at(new_stay_id(at, b"\xff" * 10)) == at


def test_what_a_person_typed_is_in_no_error() -> None:
    with pytest.raises(ValidationError) as refused:
        Sample(some_id="a secret")
    assert "secret" not in str(refused.value)


def test_one_line_text_has_no_line_break_and_no_hidden_or_reversing_character() -> None:
    assert on_one_line(" Nha\u0300\tTrên\r\nĐồi\u202e\u200b\x07\ud800 ") == "Nhà Trên Đồi"


@pytest.mark.parametrize(
    ("night", "is_sold"),
    [("1969-12-31", False), ("1970-01-01", True), ("2027-03-20", True), ("9998-12-31", True), ("9999-01-01", False)],
)
def test_a_sold_night_has_a_day_before_and_a_day_after_it(night: str, is_sold: bool) -> None:
    read = TypeAdapter(SoldNight).validate_python
    if is_sold:
        assert read(night) == date.fromisoformat(night)
    else:
        with pytest.raises(ValidationError, match="between 1970 and 9998"):
            read(night)
