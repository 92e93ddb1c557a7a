"""ZaloPay's wire: every published vector, every code, and everything a callback must not be."""

import hmac
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from stays.domain.decision import Evidence, Outcome
from stays.domain.payment import attempt_order
from stays.domain.refund import RefundEvidence, RefundOutcome
from stays.domain.values import app_user
from stays.zalopay import (
    MAXIMUM_CALLBACK,
    BadCallback,
    Callback,
    Created,
    Unsigned,
    create_request,
    is_unsigned,
    query_refund_request,
    query_request,
    read_callback,
    read_created,
    read_query,
    read_refund,
    read_refund_query,
    refund_request,
    sign,
)
from tests.samples import APP_ID, NOW, ORDER_URL, STAY, TRANSACTION, TRAVELLER, opened, refund_due, refunding, reserved

# ZaloPay's public sandbox keys, as its documents print them.
KEY1 = "PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL"
KEY2 = "kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz"
KEY2_OF_2554 = "trMrHtvjo6myautxDUiAcYsVtaeQ8nhf"

OFFICIAL = (
    r'{"app_id":2553,"app_trans_id":"200904_2553_1598435687208","app_time":1599189392817,"app_user":"demo",'
    r'"amount":10000,"embed_data":"{\"merchantinfo\":\"embeddata123\",\"promotioninfo\":\"\"}",'
    r'"item":"[{\"itemid\":\"knb\",\"itemname\":\"kim nguyen bao\",\"itemprice\":198400,\"itemquantity\":1}]",'
    r'"zp_trans_id":200904000000389,"server_time":1599189413498,"channel":38,'
    r'"merchant_user_id":"7ZMSl3nEg5sOUJzOLSoUFT8xKNQVaLOLXHB--8Eytqc","user_fee_amount":0,"discount_amount":0}'
)
OFFICIAL_MAC = "d8d33baf449b31d7f9b94fa50d7c942c08cd4d83f28fa185557da21acb104f67"
VIETNAMESE = (
    r'{"app_id":2553,"app_trans_id":"260317_1_762062","app_time":1773749931296,"app_user":"user_1","amount":100000,'
    r'"embed_data":"{\"redirecturl\":\"https://fafwebv1.vercel.app/wallet/deposit/result\"}",'
    r'"item":"[{\"itemid\":\"FAF_CRED\",\"itemname\":\"Nạp 100 CRED vào ví FAF\",\"itemprice\":100000,'
    r'\"itemquantity\":1}]","zp_trans_id":260317000002595,"server_time":1773749951879,"channel":39,'
    r'"merchant_user_id":"DXp3vtfyygtb2_XdP8yFeA","zp_user_id":"DXp3vtfyygtb2_XdP8yFeA","user_fee_amount":0,'
    r'"discount_amount":0}'
)
VIETNAMESE_MAC = "d7c84b0bf048144a4b27b731f5a4ee1b3edd23a6d7662a388a78fa1f805adacb"
VECTORS = [(OFFICIAL, OFFICIAL_MAC), (VIETNAMESE, VIETNAMESE_MAC)]


def body(data: Any, mac: Any, kind: Any = 1, **more: Any) -> bytes:
    return json.dumps({"data": data, "mac": mac, "type": kind} | more, ensure_ascii=False).encode()


def signed(data: str, key: str = KEY2, **changes: Any) -> bytes:
    mac = hmac.new(key.encode(), data.encode(), sha256).hexdigest()
    return body(data, mac, **changes)


def order(**changes: Any) -> str:
    return json.dumps(json.loads(OFFICIAL) | changes)


def refused(callback: bytes, keys: list[str] | None = None) -> type[BadCallback]:
    with pytest.raises(BadCallback) as failed:
        read_callback(callback, keys or [KEY2], APP_ID)
    return failed.type


@pytest.mark.parametrize(
    ("vector", "app_trans_id", "transaction_id", "amount", "paid_at"),
    [
        (
            VECTORS[0],
            "200904_2553_1598435687208",
            "200904000000389",
            10_000,
            datetime(2020, 9, 4, 3, 16, 53, 498_000, UTC),
        ),
        (VECTORS[1], "260317_1_762062", "260317000002595", 100_000, datetime(2026, 3, 17, 12, 19, 11, 879_000, UTC)),
    ],
    ids=["official sample", "sandbox, Vietnamese"],
)
def test_the_published_callbacks_are_read(
    vector: tuple[str, str], app_trans_id: str, transaction_id: str, amount: int, paid_at: datetime
) -> None:
    raw = body(*vector)
    money = Evidence(
        source="callback",
        outcome=Outcome.PAID,
        transaction_id=transaction_id,
        amount=amount,
        paid_at=paid_at,
        raw=raw.decode(),
    )
    assert read_callback(raw, [KEY2], APP_ID) == Callback(app_trans_id, money)


@pytest.mark.parametrize(("data", "mac"), VECTORS)
def test_a_callback_escaped_to_ascii_in_its_envelope_is_the_same(data: str, mac: str) -> None:
    escaped = json.dumps({"type": 1, "mac": mac, "data": data, "unknown": None}).encode()
    assert read_callback(escaped, [KEY2], APP_ID).evidence.transaction_id


@pytest.mark.parametrize(("data", "mac"), VECTORS)
def test_any_flipped_bit_of_a_callback_is_noticed(data: str, mac: str) -> None:
    for place in range(len(data)):
        flipped = data[:place] + chr(ord(data[place]) ^ 1) + data[place + 1 :]
        assert refused(body(flipped, mac)) is Unsigned


@pytest.mark.parametrize(("data", "mac"), VECTORS)
def test_any_flipped_bit_of_a_mac_is_noticed(data: str, mac: str) -> None:
    for digit, bit in ((digit, bit) for digit in range(64) for bit in range(4)):
        flipped = f"{int(mac, 16) ^ 1 << digit * 4 + bit:064x}"
        assert refused(body(data, flipped)) is Unsigned


@pytest.mark.parametrize(("data", "mac"), VECTORS)
def test_a_callback_whose_text_was_written_anew_is_not_genuine(data: str, mac: str) -> None:
    assert refused(body(json.dumps(json.loads(data), ensure_ascii=False), mac)) is Unsigned
    compact = json.dumps(json.loads(data), ensure_ascii=False, separators=(",", ":"))
    assert compact == data
    if not data.isascii():
        assert refused(body(json.dumps(json.loads(data), separators=(",", ":")), mac)) is Unsigned


@pytest.mark.parametrize("keys", [["new", KEY2], [KEY2, "old"]])
def test_two_keys_are_accepted_while_one_is_being_rotated(keys: list[str]) -> None:
    assert read_callback(body(OFFICIAL, OFFICIAL_MAC), keys, APP_ID).app_trans_id == "200904_2553_1598435687208"


@pytest.mark.parametrize("keys", [["new", "old"], [KEY1], [KEY2_OF_2554], []])
def test_no_other_key_is_accepted(keys: list[str]) -> None:
    with pytest.raises(Unsigned):
        read_callback(body(OFFICIAL, OFFICIAL_MAC), keys, APP_ID)


def test_a_mac_in_capitals_is_the_same_number() -> None:
    assert read_callback(body(OFFICIAL, OFFICIAL_MAC.upper()), [KEY2], APP_ID).app_trans_id


@pytest.mark.parametrize(
    "callback",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"data=x&mac=y",
        b"\xff\xfe",
        b"[" * 10_000,
        OFFICIAL.encode(),
        body(OFFICIAL, OFFICIAL_MAC)[:-1],
        body(OFFICIAL, OFFICIAL_MAC[:-1]),
        body(OFFICIAL, OFFICIAL_MAC + "0"),
        body(OFFICIAL, OFFICIAL_MAC[:-1] + "g"),
        body(OFFICIAL, OFFICIAL_MAC[:-1] + "٣"),
        body(OFFICIAL, OFFICIAL_MAC + "\n"),
        body(OFFICIAL, None),
        body(OFFICIAL, int(OFFICIAL_MAC, 16)),
        body(json.loads(OFFICIAL), OFFICIAL_MAC),
        body(None, OFFICIAL_MAC),
        body(OFFICIAL, OFFICIAL_MAC, "1"),
        body(OFFICIAL, OFFICIAL_MAC, 1.5),
        body(OFFICIAL, OFFICIAL_MAC, kind=True),
        body(OFFICIAL, OFFICIAL_MAC, None),
        b'{"data":"\\ud800","mac":"' + OFFICIAL_MAC.encode() + b'","type":1}',
    ],
)
def test_what_is_no_callback_at_all_is_refused_before_any_key_is_tried(callback: bytes) -> None:
    assert refused(callback) is BadCallback


def test_data_is_no_longer_than_4096_characters() -> None:
    longest = order(embed_data="x" * (4096 - len(order(embed_data=""))))
    assert len(longest) == 4096
    assert read_callback(signed(longest), [KEY2], APP_ID).app_trans_id
    assert refused(signed(longest + " ")) is BadCallback


@pytest.mark.parametrize("kind", [0, 2, -1])
def test_a_callback_about_something_else_than_an_order_is_refused(kind: int) -> None:
    assert refused(body(OFFICIAL, OFFICIAL_MAC, kind)) is BadCallback


def test_a_genuine_callback_for_another_app_is_refused() -> None:
    assert refused(signed(order(app_id=2554))) is BadCallback


@pytest.mark.parametrize(
    "data",
    [
        "",
        "x",
        "[]",
        order(app_id="2553"),
        order(app_id=True),
        order(amount=True),
        order(amount=10_000.0),
        order(amount="10000"),
        order(amount=None),
        order(amount=0),
        order(amount=-10_000),
        order(app_trans_id=1),
        order(app_trans_id="x" * 41),
        order(server_time="1599189413498"),
        order(zp_trans_id=None),
        order(zp_trans_id=True),
        order(zp_trans_id=1.5),
        order(zp_trans_id=-5),
        order(zp_trans_id=""),
        order(zp_trans_id="20090400000038x"),
        order(zp_trans_id="٢٠٠٩٠٤"),
        order(zp_trans_id=10**64),
        json.dumps({name: value for name, value in json.loads(OFFICIAL).items() if name != "amount"}),
    ],
)
def test_signed_data_that_is_no_order_is_refused(data: str) -> None:
    assert refused(signed(data)) is BadCallback


@pytest.mark.parametrize("zp_trans_id", [200904000000389, "200904000000389"])
def test_a_transaction_id_is_a_text_however_it_comes(zp_trans_id: int | str) -> None:
    evidence = read_callback(signed(order(zp_trans_id=zp_trans_id)), [KEY2], APP_ID).evidence
    assert evidence.transaction_id == "200904000000389"


@pytest.mark.parametrize("server_time", [10**15, 10**18, -(10**18), 10**400])
def test_a_time_that_is_none_does_not_lose_the_money(server_time: int) -> None:
    evidence = read_callback(signed(order(server_time=server_time)), [KEY2], APP_ID).evidence
    assert (evidence.outcome, evidence.amount, evidence.paid_at) == (Outcome.PAID, 10_000, None)


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
    """A failure's code where it belongs and, if it is an error, in `return_code` itself."""
    return [{"return_code": 2, "sub_return_code": code}, *([{"return_code": code}] if code < 0 else [])]


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
    ],
)
def test_success_without_money_or_its_transaction_is_unknown(changes: dict[str, Any]) -> None:
    assert read_query(PAID_ANSWER | changes, "poll").outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("code", sorted(QUERY_CODES))
def test_success_with_an_errors_code_is_unknown(code: int) -> None:
    answer = {"return_code": 1, "sub_return_code": code}
    assert read_query(answer, "poll") == Evidence(source="poll", outcome=Outcome.UNKNOWN, code=code)


@pytest.mark.parametrize(("moving", "outcome"), [(True, Outcome.PROCESSING), (False, Outcome.UNPAID)])
def test_an_order_that_is_not_paid_yet_says_whether_money_moves(moving: bool, outcome: Outcome) -> None:
    answer = {"return_code": 3, "sub_return_code": 3, "is_processing": moving}
    assert read_query(answer, "poll") == Evidence(source="poll", outcome=outcome, code=3)


def test_the_codes_of_a_query_are_its_own_and_unknown_is_never_failed() -> None:
    for code in CODES:
        for answer in failures(code):
            outcome = QUERY_CODES.get(code, Outcome.UNKNOWN)
            assert read_query(answer, "poll") == Evidence(source="poll", outcome=outcome, code=code)


@pytest.mark.parametrize("return_code", [1, 3])
def test_an_accepted_refund_is_not_yet_money(return_code: int) -> None:
    answer = {"return_code": return_code, "sub_return_code": 2, "refund_id": 251024000115043}
    assert read_refund(answer) == RefundEvidence(RefundOutcome.ACCEPTED, 2)


def test_the_codes_of_a_refund_are_its_own_and_unknown_is_never_refused() -> None:
    for code in CODES:
        for answer in failures(code):
            assert read_refund(answer) == RefundEvidence(REFUND_CODES.get(code, RefundOutcome.UNKNOWN), code)


def test_only_a_query_says_that_a_refund_is_done() -> None:
    assert read_refund_query({"return_code": 1, "sub_return_code": 1}) == RefundEvidence(RefundOutcome.DONE, 1)


@pytest.mark.parametrize("code", [-1, 2])
def test_a_refund_that_is_processed_or_pending_is_asked_about_again(code: int) -> None:
    answer = {"return_code": 3, "sub_return_code": code}
    assert read_refund_query(answer) == RefundEvidence(RefundOutcome.ACCEPTED, code)


def test_the_codes_of_a_refunds_query_are_its_own_and_unknown_is_never_refused() -> None:
    for code in CODES:
        for answer in failures(code):
            outcome = REFUND_QUERY_CODES.get(code, RefundOutcome.UNKNOWN)
            assert read_refund_query(answer) == RefundEvidence(outcome, code)


def test_a_failure_without_a_code_says_nothing() -> None:
    assert read_refund_query({"return_code": 2}) == RefundEvidence(RefundOutcome.UNKNOWN)
    assert read_query({"return_code": 2}, "poll").outcome is Outcome.UNKNOWN


def test_a_null_is_as_good_as_nothing() -> None:
    assert read_query(PAID_ANSWER | {"sub_return_code": None}, "poll").outcome is Outcome.PAID
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
        PAID_ANSWER | {"order_url": 1, "return_code": 1},
        PAID_ANSWER | {"sub_return_code": {}},
    ],
)
def test_a_malformed_answer_says_nothing(answer: dict[str, Any]) -> None:
    assert read_created(answer) == Evidence(source="create", outcome=Outcome.UNKNOWN)
    assert read_query(answer, "poll") == Evidence(source="poll", outcome=Outcome.UNKNOWN)
    assert read_refund(answer) == RefundEvidence(RefundOutcome.UNKNOWN)
    assert read_refund_query(answer) == RefundEvidence(RefundOutcome.UNKNOWN)


def test_the_limits_of_a_callback_are_within_them() -> None:
    assert MAXIMUM_CALLBACK == 16_384
    read = read_callback(signed(order(app_trans_id="1" * 40, amount=1)), [KEY2], APP_ID)
    assert (read.app_trans_id, read.evidence.amount) == ("1" * 40, 1)


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
