"""ZaloPay's protocol: every published example, every code, and every spelling."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from stays.domain.decision import Evidence, Outcome
from stays.domain.payment import attempt_order
from stays.domain.refund import RefundEvidence, RefundOutcome
from stays.domain.values import app_user
from stays.zalopay import (
    Created,
    cancel_request,
    create_request,
    is_unsigned,
    query_refund_request,
    query_request,
    read_cancelled,
    read_created,
    read_query,
    read_refund,
    read_refund_query,
    refund_request,
)
from stays.zalopay.signing import sign
from tests.samples import APP_ID, NOW, ORDER_URL, STAY, TRANSACTION, TRAVELLER, opened, refund_due, refunding, reserved

# ZaloPay's public sandbox keys, as its documents print them.
KEY1 = "PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL"
KEY2 = "kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz"
KEY2_OF_2554 = "trMrHtvjo6myautxDUiAcYsVtaeQ8nhf"


@pytest.mark.parametrize(
    ("key", "fields", "checksum"),
    [
        (
            KEY2,
            (2553, "241128_64687", 0, "", 50000, 0, -49),
            "6434e2f3d5f971c9024a97a0e34344ad64a9d759966a8508b46a5e396d642e03",
        ),
        (
            KEY2,
            (2553, "220713_695232", 38, "", 323123, 0, 1),
            "bb1ee529210b36f63221938bb50a4e1a9fa5566ef294ca4aa70731cd963de033",
        ),
        (
            KEY2,
            (2553, "080724_152303", 39, "SBIS", 119000, 0, 1),
            "1af1a1ded63af3ef9ed1a26f2aa5ba034e2fde65642b237ce081b4aae508d044",
        ),
        (
            KEY2_OF_2554,
            (2554, "240115_4933404831340", 38, "", 100000, 0, 1),
            "c0e0349e4335743ec7b52c7dbf2da18a2e3e57d1efecf6efba30e91b813ebc50",
        ),
        (
            KEY1,
            (2553, "250210_ORDER0001", "demo", 50000, 1739160000000, "{}", "[]"),
            "f3385ed23325c6e706ccff1aeb38198b87c8bbbb378f78736a63b682432747b6",
        ),
        (
            KEY1,
            (2553, "240331000000175", 50000, "Refund ORDER0001", 1739160000000),
            "1e29972ded398f2b479da9810b14005c764e11aaa9de8cd607493f6453834f49",
        ),
    ],
)
def test_macs_are_zalopays(key: str, fields: tuple[int | str, ...], checksum: str) -> None:
    assert sign(key, *fields) == checksum


def test_an_order_is_asked_for_with_every_field_and_its_mac() -> None:
    redirect, callback = f"http://localhost:3000/dashboard/payment/zalopay/{STAY}", "http://localhost:8000/callback"
    embed_data = f'{{"redirecturl":"{redirect}"}}'
    form = create_request(APP_ID, KEY1, opened(), redirect, callback)
    assert form == {
        "app_id": 2553,
        "app_user": app_user(TRAVELLER),
        "app_trans_id": f"261122_{STAY}",
        "app_time": 1795316400000,
        "expire_duration_seconds": 900,
        "amount": 900_000,
        "description": "Stays: Nhà Gỗ Đà Lạt (2026-12-01 - 2026-12-04)",
        "callback_url": callback,
        "item": "[]",
        "embed_data": embed_data,
        "bank_code": "",
        "mac": sign(KEY1, f"2553|261122_{STAY}|{app_user(TRAVELLER)}|900000|1795316400000|{embed_data}|[]"),
    }


def test_an_order_expires_on_both_sides_together_also_for_a_reservation_paid_later() -> None:
    later = NOW + timedelta(minutes=10)
    form = create_request(APP_ID, KEY1, attempt_order(reserved(), later), "r", "c")
    assert form["app_time"] == 1795316400000 + 600_000
    assert create_request(APP_ID, KEY1, reserved(), "r", "c")["app_time"] == 1795316400000


def test_an_order_keeps_zalopays_limits_of_length() -> None:
    session = opened().but(property_name="Đ" * 500, user_id="u" * 128)
    form = create_request(APP_ID, KEY1, session, "https://stays.example/" + "x" * 200, "c")
    assert len(str(form["description"])) <= 256
    assert str(form["description"]).count("Đ") == 200
    assert len(str(form["app_user"])) <= 50
    assert len(str(form["embed_data"])) <= 1024


def test_a_query_has_the_documented_mac() -> None:
    assert query_request(APP_ID, KEY1, "250210_ORDER0001") == {
        "app_id": 2553,
        "app_trans_id": "250210_ORDER0001",
        "mac": "0f0c6cf0e3b9a8e588ad413398f6e9bf4f2da2f0da1a60dbd634cd321676dd92",
    }


def test_cancelling_is_signed_as_a_query_is() -> None:
    assert cancel_request(APP_ID, KEY1, "250210_ORDER0001") == {
        "app_id": 2553,
        "app_trans_id": "250210_ORDER0001",
        "mac": sign(KEY1, f"2553|250210_ORDER0001|{KEY1}"),
    }


def test_only_success_says_that_an_order_is_cancelled() -> None:
    assert read_cancelled({"return_code": 1, "sub_return_code": 1})
    assert read_cancelled({"return_code": "1"})
    others = ({}, {"return_code": None}, {"return_code": 2}, {"return_code": 3}, {"return_code": -1}, {"status": 1})
    assert [answer for answer in others if read_cancelled(answer)] == []


def test_a_query_of_a_refund_has_the_documented_mac() -> None:
    session, at = refunding(), datetime.fromtimestamp(1739160000, UTC)
    assert session.refund is not None
    session = session.but(refund=session.refund.but(id="250210_2553_0000000001"))
    assert query_refund_request(APP_ID, KEY1, session, at) == {
        "app_id": 2553,
        "m_refund_id": "250210_2553_0000000001",
        "timestamp": 1739160000000,
        "mac": "f5ff0cebbb40e58e1d08744da96b49454ec2a6611655b0ab7fd6d4f4d1eec73b",
    }


def test_a_refund_is_asked_for_under_the_id_on_record() -> None:
    assert refund_request(APP_ID, KEY1, refunding(), NOW) == {
        "app_id": 2553,
        "m_refund_id": f"261122_2553_{STAY}",
        "zp_trans_id": TRANSACTION,
        "amount": 900_000,
        "timestamp": 1795316400000,
        "description": f"Stays {STAY}",
        "mac": sign(KEY1, f"2553|{TRANSACTION}|900000|Stays {STAY}|1795316400000"),
    }


class Asked(NamedTuple):
    """The refund of money without a session."""

    id: str | None
    amount: int


class Money(NamedTuple):
    """Money that belongs to no session."""

    id: str
    transaction_id: str | None
    refund: Asked | None


def test_money_without_a_session_is_asked_back_like_any_other() -> None:
    money = Money("270301000000123", "270301000000123", Asked("261122_2553_270301000000123", 20_000))
    assert refund_request(APP_ID, KEY1, money, NOW) == {
        "app_id": 2553,
        "m_refund_id": "261122_2553_270301000000123",
        "zp_trans_id": "270301000000123",
        "amount": 20_000,
        "timestamp": 1795316400000,
        "description": "Stays 270301000000123",
        "mac": sign(KEY1, "2553|270301000000123|20000|Stays 270301000000123|1795316400000"),
    }
    assert query_refund_request(APP_ID, KEY1, money, NOW)["m_refund_id"] == "261122_2553_270301000000123"


def test_a_refund_without_an_id_on_record_is_never_asked_for() -> None:
    with pytest.raises(AssertionError):
        refund_request(APP_ID, KEY1, refund_due(), NOW)
    with pytest.raises(AssertionError):
        query_refund_request(APP_ID, KEY1, refund_due(), NOW)


CODES = {*range(-1400, 3), 9999}
CREATE_REFUSALS = {-2, -53, -54, -401, -402, -403, -405}
QUERY_CODES = {
    -54: Outcome.EXPIRED,
    -329: Outcome.CANCELLED,
    -101: Outcome.NOT_FOUND,
    **dict.fromkeys((-63, -217, -332, -333), Outcome.UNPAID),
    **dict.fromkeys((-1330, -1331, -1332, -1333, -1340, -1341, -1342, -1343), Outcome.UNPAID),
}
OF_THE_CALL = {-2, -53, *range(-405, -400), -429, -500, -999, *range(-35, -31), -43, -88, -135, -301}
REFUND_CODES = {
    -23: RefundOutcome.ACCEPTED,
    **dict.fromkeys((-24, -25, -26), RefundOutcome.NOT_FOUND),
    **dict.fromkeys((-13, -14, -32, -101), RefundOutcome.REFUSED),
}
REFUND_QUERY_CODES = {
    -101: RefundOutcome.NOT_FOUND,
    **dict.fromkeys((0, -13, -14, -32), RefundOutcome.REFUSED),
}


def failures(code: int) -> list[dict[str, Any]]:
    """A failure with its code in `sub_return_code` and, for an error, in `return_code`."""
    return [{"return_code": 2, "sub_return_code": code}, *([{"return_code": code}] if code < 0 else [])]


@pytest.mark.parametrize("changes", [{"return_code": "1"}, {"return_code": 1.0}, {"order_url": f" {ORDER_URL}\n"}])
def test_a_created_order_is_its_address_however_that_is_written(changes: dict[str, Any]) -> None:
    assert read_created({"return_code": 1, "order_url": ORDER_URL} | changes) == Created(ORDER_URL)


def test_a_created_order_is_its_address() -> None:
    answer = {"return_code": 1, "sub_return_code": 1, "order_url": ORDER_URL, "zp_trans_token": "x", "qr_code": "y"}
    assert read_created(answer) == Created(ORDER_URL)


def test_only_zalopays_no_refuses_an_order_and_any_other_failure_is_unknown() -> None:
    for code in CODES:
        outcome = Outcome.REFUSED if code in CREATE_REFUSALS else Outcome.UNKNOWN
        for answer in failures(code):
            assert read_created(answer) == Evidence(source="create", outcome=outcome, code=code)


@pytest.mark.parametrize(
    "answer",
    [
        {"return_code": 1, "sub_return_code": 1},
        {"return_code": 1, "sub_return_code": 1, "order_url": ""},
        {"return_code": 1, "sub_return_code": 1, "order_url": 1},
        {"return_code": 3, "sub_return_code": 3},
        {"return_code": 2, "sub_return_code": -68},
    ],
)
def test_success_without_an_address_and_a_duplicate_can_only_be_resolved_by_a_query(answer: dict[str, Any]) -> None:
    assert read_created(answer) == Evidence(source="create", outcome=Outcome.UNKNOWN, code=answer["sub_return_code"])


PAID_ANSWER = {
    "return_code": 1,
    "return_message": "Giao dịch thành công",
    "sub_return_code": 1,
    "sub_return_message": "Giao dịch thành công",
    "is_processing": False,
    "amount": 50000,
    "zp_trans_id": 240331000000175,
    "server_time": 1711857138483,
    "discount_amount": 0,
}


def test_a_paid_order_is_money() -> None:
    assert read_query(PAID_ANSWER, "poll") == Evidence(
        source="poll",
        outcome=Outcome.PAID,
        code=1,
        transaction_id="240331000000175",
        amount=50_000,
        paid_at=datetime(2024, 3, 31, 3, 52, 18, 483_000, UTC),
    )


def test_a_paid_order_without_a_time_is_money_all_the_same() -> None:
    without = {name: value for name, value in PAID_ANSWER.items() if name != "server_time"}
    assert read_query(without, "poll") == read_query(PAID_ANSWER, "poll").but(paid_at=None)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 0},
        {"amount": -1},
        {"zp_trans_id": ""},
        {"zp_trans_id": "x"},
        {"zp_trans_id": -1},
        {"zp_trans_id": "²"},
        {"amount": 1.5},
        {"amount": "50.000"},
        {"amount": "50,000"},
        {"amount": True},
        {"amount": None},
        {"amount": ""},
        {"amount": 10**20},
        {"zp_trans_id": 0},
        {"zp_trans_id": "0"},
        {"zp_trans_id": 1.5},
        {"zp_trans_id": True},
        {"zp_trans_id": 1e30},
        {"zp_trans_id": "1" * 65},
    ],
)
def test_success_without_money_or_its_transaction_is_unknown(changes: dict[str, Any]) -> None:
    assert read_query(PAID_ANSWER | changes, "poll").outcome is Outcome.UNKNOWN


ALIKE = [  # the ways to write one answer
    {"amount": "50000"},
    {"amount": 50000.0},
    {"amount": "50000.0"},
    {"amount": " 50000 "},
    {"zp_trans_id": "240331000000175"},
    {"zp_trans_id": 240331000000175.0},
    {"zp_trans_id": "240331000000175.0"},
    {"server_time": "1711857138483"},
    {"server_time": 1711857138483.0},
    {"return_code": "1"},
    {"return_code": 1.0},
    {"return_code": "\ufeff1"},
    {"sub_return_code": "1"},
    {"is_processing": "false"},
    {"is_processing": 0},
    {"is_processing": ""},
    {"is_processing": None},
    {"is_processing": "perhaps"},
    {"discount_amount": ""},
    {"discount_amount": None},
    {"discount_amount": "0"},
    {"discount_amount": -1},
    {"discount_amount": "none"},
    {"order_url": ""},
    {"order_url": 1},
    {"what else": {"there": [None]}},
]


@pytest.mark.parametrize("changes", ALIKE)
def test_a_paid_order_is_money_however_it_is_written(changes: dict[str, Any]) -> None:
    assert read_query(PAID_ANSWER | changes, "poll") == read_query(PAID_ANSWER, "poll")


@pytest.mark.parametrize("written", [20_000, "20000", 20_000.0, "20000.00"])
def test_what_zalopay_pays_itself_is_evidence_too(written: Any) -> None:
    assert read_query(PAID_ANSWER | {"discount_amount": written}, "poll").discount == 20_000


@pytest.mark.parametrize("server_time", ["", None, "yesterday", 0, -1, 1711857138, 10**18, 2**63, 10**400, 1e300])
def test_a_time_that_is_none_does_not_lose_the_money_of_a_query(server_time: Any) -> None:
    assert read_query(PAID_ANSWER | {"server_time": server_time}, "poll") == read_query(PAID_ANSWER, "poll").but(
        paid_at=None
    )


@pytest.mark.parametrize("code", sorted(QUERY_CODES))
def test_success_with_an_errors_code_is_unknown(code: int) -> None:
    answer = {"return_code": 1, "sub_return_code": code}
    assert read_query(answer, "poll") == Evidence(source="poll", outcome=Outcome.UNKNOWN, code=code)


@pytest.mark.parametrize(
    ("moving", "outcome"),
    [
        *((yes, Outcome.PROCESSING) for yes in (True, "true", "True", 1, "1", 1.0)),
        *((no, Outcome.UNPAID) for no in (False, "false", 0, "0", "", None)),
        *((what, Outcome.UNKNOWN) for what in ("perhaps", 2, -1, [], {})),
    ],
)
def test_an_order_that_is_not_paid_yet_says_whether_money_moves(moving: Any, outcome: Outcome) -> None:
    answer = {"return_code": 3, "sub_return_code": 3, "is_processing": moving}
    assert read_query(answer, "poll") == Evidence(source="poll", outcome=outcome, code=3)


def test_a_query_that_fails_says_unpaid_whatever_its_code_unless_that_is_about_the_call() -> None:
    for code in CODES:
        outcome = QUERY_CODES.get(code, Outcome.UNKNOWN if code in OF_THE_CALL else Outcome.UNPAID)
        answer = {"return_code": 2, "sub_return_code": code}
        assert read_query(answer, "poll") == Evidence(source="poll", outcome=outcome, code=code)


@pytest.mark.parametrize("code", [None, "", "E401", "ORDER_FAILED", -54.5, [], {}, True, 10**30])
def test_a_query_that_fails_without_a_readable_code_says_unpaid(code: Any) -> None:
    for answer in ({"return_code": 2}, {"return_code": "2", "sub_return_code": code}):
        assert read_query(answer, "poll") == Evidence(source="poll", outcome=Outcome.UNPAID)


def test_an_error_instead_of_a_return_code_is_read_where_it_is_known_and_unknown_is_never_failed() -> None:
    for code in (code for code in CODES if code < 0):
        outcome = QUERY_CODES.get(code, Outcome.UNKNOWN)
        assert read_query({"return_code": code}, "poll") == Evidence(source="poll", outcome=outcome, code=code)


@pytest.mark.parametrize("return_code", [0, 4, 406, 999])
@pytest.mark.parametrize("code", [None, 1, -54, -63, -101, -329, -377])
def test_a_return_code_that_no_document_knows_says_nothing(return_code: int, code: int | None) -> None:
    answer = {"return_code": return_code, "sub_return_code": code}
    assert read_query(answer, "poll") == Evidence(source="poll", outcome=Outcome.UNKNOWN, code=code)


@pytest.mark.parametrize("return_code", [1, 3, "1", "3", 3.0])
def test_an_accepted_refund_is_not_yet_money(return_code: Any) -> None:
    answer = {"return_code": return_code, "sub_return_code": 2, "refund_id": 251024000115043}
    assert read_refund(answer) == RefundEvidence(RefundOutcome.ACCEPTED, 2)


def test_the_codes_of_a_refund_are_its_own_and_unknown_is_never_refused() -> None:
    for code in CODES:
        for answer in failures(code):
            assert read_refund(answer) == RefundEvidence(REFUND_CODES.get(code, RefundOutcome.UNKNOWN), code)


def test_only_a_query_says_that_a_refund_is_done() -> None:
    for one in (1, "1", 1.0):
        assert read_refund_query({"return_code": one, "sub_return_code": one}) == RefundEvidence(RefundOutcome.DONE, 1)


@pytest.mark.parametrize("code", [-1, 2])
def test_a_refund_that_is_processed_or_pending_is_asked_about_again(code: int) -> None:
    answer = {"return_code": 3, "sub_return_code": code}
    assert read_refund_query(answer) == RefundEvidence(RefundOutcome.ACCEPTED, code)


def test_the_codes_of_a_refunds_query_are_its_own_and_unknown_is_never_refused() -> None:
    for code in CODES:
        for answer in failures(code):
            outcome = REFUND_QUERY_CODES.get(code, RefundOutcome.UNKNOWN)
            assert read_refund_query(answer) == RefundEvidence(outcome, code)


def test_a_failure_of_a_refund_without_a_code_says_nothing() -> None:
    for answer in ({"return_code": 2}, {"return_code": 2, "sub_return_code": "E401"}):
        assert read_refund(answer) == RefundEvidence(RefundOutcome.UNKNOWN)
        assert read_refund_query(answer) == RefundEvidence(RefundOutcome.UNKNOWN)
        assert read_created(answer) == Evidence(source="create", outcome=Outcome.UNKNOWN)


def test_a_null_is_as_good_as_nothing() -> None:
    assert read_query(PAID_ANSWER | {"sub_return_code": None}, "poll").outcome is Outcome.PAID
    assert read_query(PAID_ANSWER | {"sub_return_code": {}}, "poll").outcome is Outcome.PAID
    assert read_query(PAID_ANSWER | {"zp_trans_id": None}, "poll").outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"return_code": None},
        {"return_code": "one"},
        {"return_code": 1.5},
        {"return_code": [1]},
        {"return_code": float("inf")},
        {"return_code": float("nan")},
        {"return_code": True},
        {"return_code": "2 or so"},
        {"return_code": ""},
        {"return_code": 10**400},
    ],
)
def test_a_malformed_answer_says_nothing(answer: dict[str, Any]) -> None:
    assert read_created(answer) == Evidence(source="create", outcome=Outcome.UNKNOWN)
    assert read_query(answer, "poll") == Evidence(source="poll", outcome=Outcome.UNKNOWN)
    assert read_refund(answer) == RefundEvidence(RefundOutcome.UNKNOWN)
    assert read_refund_query(answer) == RefundEvidence(RefundOutcome.UNKNOWN)


def test_success_that_names_no_amount_is_no_money() -> None:
    answer = {"return_code": 1, "sub_return_code": 1, "zp_trans_id": int(TRANSACTION)}
    assert read_query(answer, "poll").outcome is Outcome.UNKNOWN


def test_an_order_of_which_nobody_says_that_money_moves_is_unpaid() -> None:
    assert read_query({"return_code": 3}, "poll").outcome is Outcome.UNPAID


def test_only_minus_402_says_that_our_signature_is_not_known() -> None:
    codes = [code for code in range(-500, 10) if is_unsigned({"return_code": 2, "sub_return_code": code})]
    assert codes == [-402]
    assert is_unsigned({"return_code": -402})
    assert is_unsigned({"return_code": 0, "sub_return_code": -402})


def test_an_address_with_letters_of_vietnam_is_sent_as_it_is() -> None:
    sent = create_request(APP_ID, KEY1, opened(), "https://stays.example/nhà", "https://stays.example/callback")
    assert sent["embed_data"] == '{"redirecturl":"https://stays.example/nhà"}'


def test_one_dong_is_money() -> None:
    assert read_query(PAID_ANSWER | {"amount": 1}, "poll").amount == 1


def test_a_null_in_an_answer_does_not_lose_the_money() -> None:
    assert read_query(PAID_ANSWER | {"order_url": None, "server_time": None}, "poll").outcome is Outcome.PAID
