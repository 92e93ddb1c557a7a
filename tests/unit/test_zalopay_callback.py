"""ZaloPay's callback: without a right MAC it is refused, and with a right MAC it is never lost."""

import hmac
import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stays.domain.decision import Evidence, Outcome
from stays.zalopay.callback import MAXIMUM_CALLBACK, BadCallback, Callback, Unreadable, Unsigned, read_callback
from tests.proof.hostile.examples import examples
from tests.samples import APP_ID

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


def mac_of(data: str, key: str = KEY2) -> str:
    return hmac.new(key.encode(), data.encode(), sha256).hexdigest()


def signed(data: str, key: str = KEY2, **changes: Any) -> bytes:
    return body(data, mac_of(data, key), **changes)


def order(**changes: Any) -> str:
    return json.dumps(json.loads(OFFICIAL) | changes)


def without(*names: str) -> str:
    return json.dumps({name: value for name, value in json.loads(OFFICIAL).items() if name not in names})


def read(callback: bytes) -> Callback:
    """The accepted callback, without its raw text."""
    app_trans_id, evidence = read_callback(callback, [KEY2], APP_ID)
    return Callback(app_trans_id, evidence.but(raw=None))


def refused(callback: bytes, keys: list[str] | None = None) -> type[BadCallback]:
    with pytest.raises(BadCallback) as failed:
        read_callback(callback, keys or [KEY2], APP_ID)
    return failed.type


def understood(callback: bytes) -> str:
    """PAID, or the reason why it is kept."""
    try:
        return read(callback).evidence.outcome
    except Unreadable as kept:
        return kept.mac


TRUTH = read(body(OFFICIAL, OFFICIAL_MAC))


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


SPELLINGS = {
    "as documented": body(OFFICIAL, OFFICIAL_MAC),
    "mac in capitals": body(OFFICIAL, OFFICIAL_MAC.upper()),
    "mac with white space": body(OFFICIAL, f" {OFFICIAL_MAC}\r\n"),
    "byte order mark": b"\xef\xbb\xbf" + body(OFFICIAL, OFFICIAL_MAC),
    "white space": b"\r\n " + body(OFFICIAL, OFFICIAL_MAC) + b"\n",
    "type missing": json.dumps({"data": OFFICIAL, "mac": OFFICIAL_MAC}).encode(),
    "type null": body(OFFICIAL, OFFICIAL_MAC, None),
    "type blank": body(OFFICIAL, OFFICIAL_MAC, " "),
    "type a text": body(OFFICIAL, OFFICIAL_MAC, "1"),
    "type a float": body(OFFICIAL, OFFICIAL_MAC, 1.0),
    "type a text of a float": body(OFFICIAL, OFFICIAL_MAC, "1.0"),
    "type a word": body(OFFICIAL, OFFICIAL_MAC, "ORDER"),
    "a field more": body(OFFICIAL, OFFICIAL_MAC, version=[2]),
    "a form": urlencode({"data": OFFICIAL, "mac": OFFICIAL_MAC, "type": 1}).encode(),
    "a form with %20": urlencode({"data": OFFICIAL, "mac": OFFICIAL_MAC, "type": 1}, quote_via=quote).encode(),
    "a form without type": urlencode({"mac": OFFICIAL_MAC.upper(), "data": OFFICIAL}).encode(),
    "a form with blanks": urlencode({"mac": f"{OFFICIAL_MAC} ", "data": OFFICIAL, "type": "", "x": ""}).encode()
    + b"\n",
    "a form after a byte order mark": "\ufeff".encode() + urlencode({"data": OFFICIAL, "mac": OFFICIAL_MAC}).encode(),
}


@pytest.mark.parametrize("callback", SPELLINGS.values(), ids=SPELLINGS)
def test_the_envelope_may_be_of_any_spelling(callback: bytes) -> None:
    assert read(callback) == TRUTH


def test_the_letters_of_vietnam_come_in_a_form_as_well() -> None:
    form = urlencode({"data": VIETNAMESE, "mac": VIETNAMESE_MAC, "type": "1"}).encode()
    assert read(form) == read(body(VIETNAMESE, VIETNAMESE_MAC))


WRITTEN = {
    "amount a text": order(amount="10000"),
    "amount a float": order(amount=10_000.0),
    "amount a text of a float": order(amount="10000.0"),
    "amount with white space": order(amount=" 10000 "),
    "app a text": order(app_id="2553"),
    "app a float": order(app_id=2553.0),
    "transaction a text": order(zp_trans_id="200904000000389"),
    "transaction a float": order(zp_trans_id=200904000000389.0),
    "transaction a text of a float": order(zp_trans_id="200904000000389.0"),
    "transaction with white space": order(zp_trans_id="200904000000389\n"),
    "time a text": order(server_time="1599189413498"),
    "time a float": order(server_time=1599189413498.0),
    "order with white space": order(app_trans_id=" 200904_2553_1598435687208"),
    "discount left out": without("discount_amount"),
    "discount null": order(discount_amount=None),
    "discount blank": order(discount_amount=""),
    "discount nonsense": order(discount_amount="none"),
    "discount negative": order(discount_amount=-5),
    "empty optional fields": order(embed_data="", item=None, channel="", merchant_user_id=None, user_fee_amount=""),
    "nothing optional": without("embed_data", "item", "channel", "merchant_user_id", "user_fee_amount", "app_time"),
    "fields more": order(zp_user_id="x", what={"else": [1, {"there": None}]}, infinite=float("inf")),
    "half a letter elsewhere": order(app_user="\ud83d"),
    "byte order mark": "\ufeff" + OFFICIAL,
    "white space": f"\n{OFFICIAL}\r\n",
    "longer than documented": order(embed_data="x" * 10_000),
}


@pytest.mark.parametrize("data", WRITTEN.values(), ids=WRITTEN)
def test_what_a_right_mac_covers_is_read_however_it_is_written(data: str) -> None:
    assert read(signed(data)) == TRUTH


def test_the_mac_covers_the_text_as_it_was_sent_with_its_byte_order_mark() -> None:
    assert refused(body("\ufeff" + OFFICIAL, OFFICIAL_MAC)) is Unsigned
    assert refused(body(OFFICIAL, mac_of("\ufeff" + OFFICIAL))) is Unsigned


def test_an_order_that_is_named_by_a_number_is_named_by_its_digits() -> None:
    assert read(signed(order(app_trans_id=250210000001))).app_trans_id == "250210000001"
    assert read(signed(order(app_trans_id="0250210"))).app_trans_id == "0250210"


@pytest.mark.parametrize("written", [2_000, "2000", 2_000.0, "2000.00"])
def test_what_zalopay_pays_itself_stands_beside_the_amount(written: Any) -> None:
    evidence = read(signed(order(amount=8_000, discount_amount=written))).evidence
    assert (evidence.amount, evidence.discount) == (8_000, 2_000)


@pytest.mark.parametrize(
    "server_time", [None, "", "soon", 0, -5, 1599189413, 10**12 - 1, 10**15, 10**18, -(10**18), 10**400, 1e300]
)
def test_a_time_that_is_none_does_not_lose_the_money(server_time: Any) -> None:
    assert read(signed(order(server_time=server_time))) == TRUTH._replace(evidence=TRUTH.evidence.but(paid_at=None))


@pytest.mark.parametrize(
    "callback",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"data=x&mac=y",
        b"&".join([b"data=x"] * 200),
        b"data=%ff&mac=" + OFFICIAL_MAC.encode(),
        b"\xff\xfe",
        b"\xff\xfe" + body(OFFICIAL, OFFICIAL_MAC).decode().encode("utf-16-le"),
        b"[" * 10_000,
        OFFICIAL.encode(),
        body(OFFICIAL, OFFICIAL_MAC)[:-1],
        body(OFFICIAL, OFFICIAL_MAC[:-1]),
        body(OFFICIAL, OFFICIAL_MAC + "0"),
        body(OFFICIAL, OFFICIAL_MAC[:-1] + "g"),
        body(OFFICIAL, OFFICIAL_MAC[:-1] + "٣"),
        body(OFFICIAL, OFFICIAL_MAC + "\0"),
        body(OFFICIAL, " "),
        body(OFFICIAL, None),
        body(OFFICIAL, [OFFICIAL_MAC]),
        body(OFFICIAL, int(OFFICIAL_MAC, 16)),
        body(json.loads(OFFICIAL), OFFICIAL_MAC),
        body([OFFICIAL], OFFICIAL_MAC),
        body(1, OFFICIAL_MAC),
        body(None, OFFICIAL_MAC),
        json.dumps([{"data": OFFICIAL, "mac": OFFICIAL_MAC, "type": 1}]).encode(),
        b'{"data":"\\ud800","mac":"' + OFFICIAL_MAC.encode() + b'","type":1}',
    ],
)
def test_a_body_without_a_readable_data_and_mac_is_refused_before_any_key_is_tried(callback: bytes) -> None:
    assert refused(callback) is BadCallback


UNREADABLE = {
    "empty": ("", "Expecting value"),
    "no JSON": ("x", "Expecting value"),
    "JSON and more": (OFFICIAL + "}", "Extra data"),
    "nested": ("[" * 10_000, "recursion"),
    "a number of too many digits": (order().replace("10000", "1" * 5_000), "Exceeds the limit"),
    "a list": ("[]", "amount, app_id, app_trans_id, zp_trans_id"),
    "a list of orders": (f"[{OFFICIAL}]", "amount, app_id"),
    "a text": (json.dumps(OFFICIAL), "amount, app_id"),
    "nested in a field": (json.dumps({"order": json.loads(OFFICIAL)}), "amount, app_id"),
    "no app": (without("app_id"), ": app_id"),
    "another app": (order(app_id=2554), "app_id is another app's"),
    "another app as a text": (order(app_id="2554"), "app_id is another app's"),
    "app true": (order(app_id=True), ": app_id"),
    "no amount": (without("amount"), ": amount"),
    "amount null": (order(amount=None), ": amount"),
    "amount blank": (order(amount=""), ": amount"),
    "amount true": (order(amount=True), ": amount"),
    "amount zero": (order(amount=0), ": amount"),
    "amount zero as a text": (order(amount="0"), ": amount"),
    "amount negative": (order(amount=-10_000), ": amount"),
    "amount with a fraction": (order(amount=10_000.5), ": amount"),
    "amount with points": (order(amount="10.000"), ": amount"),
    "amount with commas": (order(amount="10,000"), ": amount"),
    "amount with a currency": (order(amount="10000 VND"), ": amount"),
    "amount in another script": (order(amount="\u0661\u0660\u0660\u0660\u0660"), ": amount"),
    "amount in a list": (order(amount=[10_000]), ": amount"),
    "amount beyond 64 bits": (order(amount=2**63), ": amount"),
    "amount beyond what a float can count": (order(amount=float(2**53)), ": amount"),
    "amount not a number": (order(amount=float("nan")), ": amount"),
    "no order": (without("app_trans_id"), ": app_trans_id"),
    "order blank": (order(app_trans_id=" "), ": app_trans_id"),
    "order true": (order(app_trans_id=True), ": app_trans_id"),
    "order too long": (order(app_trans_id="x" * 41), ": app_trans_id"),
    "half a letter in the order": (order(app_trans_id="\ud800"), ": app_trans_id"),
    "no transaction": (without("zp_trans_id"), ": zp_trans_id"),
    "transaction null": (order(zp_trans_id=None), ": zp_trans_id"),
    "transaction blank": (order(zp_trans_id=""), ": zp_trans_id"),
    "transaction zero": (order(zp_trans_id=0), ": zp_trans_id"),
    "transaction true": (order(zp_trans_id=True), ": zp_trans_id"),
    "transaction with a fraction": (order(zp_trans_id=1.5), ": zp_trans_id"),
    "transaction negative": (order(zp_trans_id=-5), ": zp_trans_id"),
    "transaction with letters": (order(zp_trans_id="20090400000038x"), ": zp_trans_id"),
    "transaction in another script": (order(zp_trans_id="٢٠٠٩٠٤"), ": zp_trans_id"),
    "transaction too long": (order(zp_trans_id="1" * 65), ": zp_trans_id"),
    "two at once": (order(zp_trans_id="x", amount="y"), "cannot be read: amount, zp_trans_id"),
}


@pytest.mark.parametrize(("data", "why"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_a_right_mac_covers_and_cannot_be_read_is_handed_on_whole(data: str, why: str) -> None:
    for spelled in (signed(data), urlencode({"data": data, "mac": mac_of(data).upper()}).encode()):
        with pytest.raises(Unreadable, match=why) as found:
            read_callback(spelled, [KEY2], APP_ID)
        assert (found.value.mac, found.value.raw) == (mac_of(data), spelled.decode())


@pytest.mark.parametrize("kind", [0, 2, -1, 1.5, "2", "Agreement", True, False, [1], {"type": 1}, 10**30])
def test_a_right_mac_about_something_else_than_an_order_is_handed_on_whole(kind: Any) -> None:
    with pytest.raises(Unreadable, match="type"):
        read_callback(signed(OFFICIAL, kind=kind), [KEY2], APP_ID)


@pytest.mark.parametrize("data", [data for data, _ in UNREADABLE.values()])
def test_what_cannot_be_read_is_not_zalopays_without_its_mac(data: str) -> None:
    assert refused(signed(data, key=KEY1)) is Unsigned


def test_a_reason_says_nothing_of_the_message() -> None:
    with pytest.raises(Unreadable) as found:
        read_callback(signed(order(amount="secret", app_user="secret", zp_trans_id="secret")), [KEY2], APP_ID)
    assert "secret" not in str(found.value)


def test_a_callback_at_its_limits_is_accepted() -> None:
    assert MAXIMUM_CALLBACK == 16_384
    found = read(signed(order(app_trans_id="1" * 40, amount=1, zp_trans_id="9" * 64)))
    assert (found.app_trans_id, found.evidence.amount, found.evidence.transaction_id) == ("1" * 40, 1, "9" * 64)
    assert read(signed(order(amount=2**63 - 1))).evidence.amount == 2**63 - 1
    assert read(signed(order(amount=float(2**53 - 1)))).evidence.amount == 2**53 - 1
    assert read(signed(order(server_time=10**12))).evidence.paid_at == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)
    assert read(signed(order(discount_amount=1))).evidence.discount == 1


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists), st.data())
@examples(100)
def test_a_right_mac_is_read_or_handed_on_whatever_it_covers(value: Any, data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(sorted(json.loads(OFFICIAL))))
    kind = data.draw(st.sampled_from([1, value]))
    text = order(**{field: value})
    assert understood(signed(text, kind=kind)) in ("PAID", mac_of(text))


@given(st.text())
@examples(100)
def test_any_text_with_a_right_mac_is_handed_on(text: str) -> None:
    assert understood(signed(text)) == mac_of(text)
