"""ZaloPay's callback: verified before it is parsed, recorded before it is answered, harmless if repeated."""

import hmac
import json
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode

import boto3
import pytest

from stays.domain.booking import reference_number
from stays.zalopay.callback import MAXIMUM_CALLBACK
from tests.integration.messages import BINH, KEY2, NIGHTS, PRICE, auction_result, order_data, signed
from tests.integration.product import failing, fault
from tests.integration.shapes import TIME
from tests.integration.world import World

OFFICIAL = (
    '{"app_id":2553,"app_trans_id":"200904_2553_1598435687208","app_time":1599189392817,"app_user":"demo",'
    '"amount":10000,"embed_data":"{\\"merchantinfo\\":\\"embeddata123\\",\\"promotioninfo\\":\\"\\"}","item":"[{'
    '\\"itemid\\":\\"knb\\",\\"itemname\\":\\"kim nguyen bao\\",\\"itemprice\\":198400,\\"itemquantity\\":1}]",'
    '"zp_trans_id":200904000000389,"server_time":1599189413498,"channel":38,"merchant_user_id":'
    '"7ZMSl3nEg5sOUJzOLSoUFT8xKNQVaLOLXHB--8Eytqc","user_fee_amount":0,"discount_amount":0}'
)
OFFICIAL_MAC = "d8d33baf449b31d7f9b94fa50d7c942c08cd4d83f28fa185557da21acb104f67"
CAPTURED = (
    '{"app_id":2553,"app_trans_id":"260317_1_762062","app_time":1773749931296,"app_user":"user_1","amount":100000,'
    '"embed_data":"{\\"redirecturl\\":\\"https://fafwebv1.vercel.app/wallet/deposit/result\\"}","item":"[{'
    '\\"itemid\\":\\"FAF_CRED\\",\\"itemname\\":\\"Nạp 100 CRED vào ví FAF\\",\\"itemprice\\":100000,'
    '\\"itemquantity\\":1}]","zp_trans_id":260317000002595,"server_time":1773749951879,"channel":39,'
    '"merchant_user_id":"DXp3vtfyygtb2_XdP8yFeA","zp_user_id":"DXp3vtfyygtb2_XdP8yFeA","user_fee_amount":0,'
    '"discount_amount":0}'
)
CAPTURED_MAC = "d7c84b0bf048144a4b27b731f5a4ee1b3edd23a6d7662a388a78fa1f805adacb"


@pytest.mark.parametrize(
    ("data", "mac"), [(OFFICIAL, OFFICIAL_MAC), (CAPTURED, CAPTURED_MAC)], ids=["official", "captured"]
)
def test_zalopays_own_callbacks_are_genuine_and_kept_as_money_for_an_unknown_order(
    world: World, capsys: pytest.CaptureFixture[str], data: str, mac: str
):
    body = json.dumps({"data": data, "mac": mac, "type": 1}, ensure_ascii=False)
    assert world.call_back(body) == 1
    assert '"CallbackVerified":[1.0]' in capsys.readouterr().out
    (kept,) = world.items()
    told = json.loads(data)
    assert (kept["PK"], kept["kind"], kept["status"]) == (f"TRANSACTION#{told['zp_trans_id']}", "STRAY", "OPEN")
    assert (kept["amount"], kept["appTransId"]) == (told["amount"], told["app_trans_id"])
    assert json.loads(kept["raw"])["mac"] == mac


def test_zalopays_own_callback_is_refused_when_one_letter_differs(world: World, capsys: pytest.CaptureFixture[str]):
    assert world.call_back(json.dumps({"data": OFFICIAL.replace("demo", "dem0"), "mac": OFFICIAL_MAC, "type": 1})) == -1
    assert world.items() == []
    told = capsys.readouterr().out
    assert ('"BadMac":[1.0]' in told, "CallbackVerified" in told) == (True, False)


def bad(world: World, app_trans_id: str) -> dict[str, str | bytes]:
    """Callbacks for an open order, each with one defect."""
    data = order_data(app_trans_id)
    good = json.loads(signed(data))
    return {
        "another key": signed(data, key="another key"),
        "key1": signed(data, key="PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL"),
        "no mac": json.dumps({"data": good["data"], "type": 1}),
        "empty mac": json.dumps(good | {"mac": ""}),
        "null mac": json.dumps(good | {"mac": None}),
        "short mac": json.dumps(good | {"mac": good["mac"][:63]}),
        "mac with another letter": json.dumps(
            good | {"mac": ("0" if good["mac"][0] != "0" else "1") + good["mac"][1:]}
        ),
        "a space more in the data": json.dumps(good | {"data": good["data"] + " "}),
        "data written anew": json.dumps(good | {"data": json.dumps(data)}),
        "data as an object": json.dumps(good | {"data": data}),
        "agreement by another": signed(data, key="another key", type=2),
        "another app's by another": signed(data | {"app_id": 2554}, key="another key"),
        "no json by another": signed("hello", key="another key"),
        "not json": "hello",
        "a form by another": urlencode(json.loads(signed(data, key="another key"))),
        "a form without a mac": urlencode({"data": good["data"], "type": 1}),
        "a list": "[]",
        "null": "null",
        "empty": "",
        "not utf-8": b'{"data": "\xff"}',
        "too large": json.dumps(good | {"more": "x" * 20_000}),
        "too large with a right mac": signed(data | {"item": "x" * MAXIMUM_CALLBACK}),
        "deeply nested": '{"data":' + "[" * 5000 + "]" * 5000 + "}",
    }


def test_every_bad_callback_is_rejected_and_writes_nothing(world: World):
    made = world.created()
    before = world.items()
    answers = {name: world.call_back(body) for name, body in bad(world, made["appTransId"]).items()}
    assert answers == dict.fromkeys(answers, -1)
    assert world.items() == before


def spelled(data: dict[str, Any]) -> dict[str, tuple[str | bytes, str]]:
    """One callback in unusual spellings that other systems have seen, with its content type."""
    good, json_, form = json.loads(signed(data)), "application/json", "application/x-www-form-urlencoded"
    return {
        "a form": (urlencode(good), form),
        "a form that calls itself JSON": (urlencode(good), json_),
        "JSON that calls itself a form": (json.dumps(good), form),
        "a byte order mark": ("\ufeff" + json.dumps(good), json_),
        "no type": (json.dumps({"data": good["data"], "mac": good["mac"]}), json_),
        "type as text": (signed(data, type="1"), json_),
        "type as a float": (signed(data, type=1.0), json_),
        "mac in capitals, with a space": (json.dumps(good | {"mac": f" {good['mac'].upper()}"}), json_),
        "everything as text": (signed({name: str(value) for name, value in data.items()}), json_),
        "integers as floats": (signed(data | {"amount": 3.0 * PRICE, "app_id": 2553.0, "server_time": 1.8e12}), json_),
        "optional fields empty": (signed(data | {"item": "", "embed_data": None, "discount_amount": ""}), json_),
        "a byte order mark in the data": (signed("\ufeff" + json.dumps(data)), json_),
        "data longer than documented": (signed(data | {"item": "x" * 9_000}), json_),
    }


@pytest.mark.parametrize("spelling", spelled(order_data("")))
def test_a_right_mac_is_paid_and_booked_in_any_spelling(world: World, spelling: str):
    made = world.created()
    body, kind = spelled(order_data(made["appTransId"]))[spelling]
    assert world.call_back(body, kind=kind) == 1
    assert world.standing(made["sessionId"])["status"] == "PAID"
    assert world.nights() == dict.fromkeys(NIGHTS, "BOOKED")


def test_what_zalopay_paid_itself_stands_in_the_evidence(world: World):
    made = world.created()
    assert world.call_back(signed(order_data(made["appTransId"], discount_amount="50000"))) == 1
    assert world.item(what="PAID_AND_BOOKED")["evidence"]["discount"] == 50_000


def not_understood(app_trans_id: str) -> dict[str, str]:
    """Messages of ZaloPay about an open order that have no usable content."""
    data = order_data(app_trans_id)
    return {
        "agreement": signed(data, type=2),
        "another app": signed(data | {"app_id": 2554}),
        "no amount": signed({name: value for name, value in data.items() if name != "amount"}),
        "amount with a fraction": signed(data | {"amount": 3 * PRICE + 0.5}),
        "amount with points": signed(data | {"amount": "1.200.000"}),
        "amount true": signed(data | {"amount": True}),
        "amount zero": signed(data | {"amount": 0}),
        "amount negative": signed(data | {"amount": -3 * PRICE}),
        "transaction id with letters": signed(data | {"zp_trans_id": "abc"}),
        "no transaction id": signed({name: value for name, value in data.items() if name != "zp_trans_id"}),
        "no json": signed("hello"),
        "nothing": signed(""),
        "a list": signed("[]"),
        "deeply nested": signed("[" * 5_000),
        "long": signed("x" * 12_000),
        "a form": urlencode(json.loads(signed("hello"))),
    }


@pytest.mark.parametrize("kind", not_understood(""))
def test_a_right_mac_that_cannot_be_read_is_kept_counted_and_answered_with_1(
    world: World, capsys: pytest.CaptureFixture[str], kind: str
):
    made = world.created()
    before = world.items()
    body = not_understood(made["appTransId"])[kind]
    capsys.readouterr()
    assert world.call_back(body) == 1
    assert '"UnreadableCallbacks":[1.0]' in capsys.readouterr().out
    (kept,) = [item for item in world.items() if item not in before]
    assert (kept["PK"], kept["kind"], kept["raw"]) == ("REFUSED", "REFUSED", body)
    assert kept["SK"].endswith(f"#callback-{mac_in(body)}")
    assert kept["reason"]


def mac_in(body: str) -> str:
    return str(json.loads(body)["mac"] if body.startswith("{") else dict(parse_qsl(body))["mac"])


def test_a_message_that_comes_again_is_kept_under_the_same_name(world: World):
    body = signed("hello")
    for _ in range(2):
        assert world.call_back(body) == 1
        world.clock.shift(60)
    names = [item["SK"].partition("#")[2] for item in world.items(PK="REFUSED")]
    assert names == [f"callback-{mac_in(body)}"] * 2


def test_what_cannot_be_kept_either_is_answered_with_0(world: World):
    with failing(world.functions["zalopay_callback"], "PutItem", fault()):
        assert world.call_back(signed("hello")) == 0
    assert world.items() == []
    assert world.call_back(signed("hello")) == 1


def test_a_new_key_is_looked_for_also_for_what_cannot_be_read(world: World):
    world.functions["zalopay_callback"].looked_at["monotonic"] = float("-inf")
    keep_keys(current="the-new-key", previous=KEY2)
    assert world.call_back(signed("hello", key="the-new-key")) == 1
    assert len(world.items(PK="REFUSED")) == 1


def test_a_rejection_says_nothing_about_why(world: World):
    made = world.created()
    bodies = (signed(order_data(made["appTransId"]), key="wrong"), "{}")
    replies = [world.http("POST", "/payment/zalopay/callback", raw=body.encode()) for body in bodies]
    assert [reply.body for reply in replies] == [{"return_code": -1, "return_message": "mac not equal"}] * 2


def test_a_callback_pays_books_and_writes_the_timeline_in_one_go(world: World):
    made = world.created()
    assert world.call_back(signed(order_data(made["appTransId"]))) == 1
    stay = f"STAY#{made['sessionId']}"
    assert sorted((item["PK"], item["SK"].split("#")[0], item["kind"]) for item in world.items()) == sorted(
        [
            ("AUCTION#1001", "AWARD", "AWARD"),
            ("CALENDAR#777", "CALENDAR", "CALENDAR"),
            *[("PROPERTY#777", "NIGHT", "NIGHT")] * 3,
            *[(stay, "EVENT", "EVENT")] * 3,
            (stay, "BOOKING", "BOOKING"),
            (stay, "MAIL", "MAIL"),
            (stay, "MAIL", "NOTICE"),
            (stay, "SESSION", "SESSION"),
            (f"REFERENCE#{reference_number(made['sessionId'])}", "STAY", "REFERENCE"),
            ("TRANSACTION#270301000000123", "TRANSACTION", "TRANSACTION"),
            ("USER#auth0|mai", "OPENED", "OPENED"),
        ]
    )
    event = world.item(what="PAID_AND_BOOKED")
    assert event["evidence"]["source"] == "callback"
    assert json.loads(event["evidence"]["raw"])["type"] == 1
    award = world.item(kind="AWARD")
    assert (award["status"], award["paymentId"]) == ("PAID", made["sessionId"])


def test_the_same_callback_again_at_any_time_changes_nothing(world: World):
    made = world.created()
    body = signed(order_data(made["appTransId"]))
    assert world.call_back(body) == 1
    after = world.items()
    for pause in (0, 60, 86_400 * 90):
        world.clock.shift(pause)
        assert world.call_back(body) == 1
    assert world.items() == after


def test_three_callbacks_at_once_make_one_booking(world: World):
    made = world.created()
    world.zalopay.fault("callback_tripled")
    tries = world.zalopay.pay(made["appTransId"])["callbacks"]
    assert [each["answer"] for each in tries] == [{"return_code": 1, "return_message": "success"}] * 3
    assert len(world.items(kind="BOOKING")) == 1
    assert world.told(made["sessionId"]) == ["OPENED", "ORDER_MADE", "PAID_AND_BOOKED"]


def keep_keys(**versions: str):
    secrets = boto3.client("secretsmanager")
    secrets.put_secret_value(SecretId="zalopay-key2", SecretString=json.dumps(versions))


def test_while_a_key_is_rotated_both_are_accepted(world: World):
    made = world.created()
    keep_keys(current="the-new-key", previous=KEY2)
    assert world.call_back(signed(order_data(made["appTransId"]))) == 1
    assert world.call_back(signed(order_data(made["appTransId"]), key="the-new-key")) == 1


def test_a_new_key_is_looked_for_when_a_mac_is_bad(world: World):
    made = world.created()
    assert world.call_back(signed(order_data(made["appTransId"]), key="the-new-key")) == -1
    world.functions["zalopay_callback"].looked_at["monotonic"] = float("-inf")
    keep_keys(current="the-new-key", previous=KEY2)
    world.zalopay.sign_with("the-new-key")
    (answer,) = world.zalopay.pay(made["appTransId"])["callbacks"]
    assert answer["verdict"] == "accepted"
    assert world.standing(made["sessionId"])["status"] == "PAID"


def test_a_flood_of_bad_macs_reads_the_secret_once_a_minute(world: World):
    made = world.created()
    assert world.call_back(signed(order_data(made["appTransId"]), key="unknown")) == -1
    keep_keys(current="the-new-key")
    assert world.call_back(signed(order_data(made["appTransId"]), key="the-new-key")) == -1
    world.functions["zalopay_callback"].keys.known.clear()
    assert world.call_back(signed(order_data(made["appTransId"]), key="the-new-key")) == 1


def test_a_wrong_amount_is_kept_for_review_and_never_booked(world: World):
    made = world.created()
    world.zalopay.fault("callback_wrong_amount")
    (answer,) = world.zalopay.pay(made["appTransId"])["callbacks"]
    assert answer["answer"]["return_code"] == 1
    session = world.session(made["sessionId"])
    assert (session["status"], session["fulfilment"], session["reason"]) == (
        "PENDING",
        "REVIEW",
        "PAYMENT_UNDER_REVIEW",
    )
    assert world.nights() == {}
    event = world.item(what="AMOUNT_MISMATCH")
    assert event["evidence"]["amount"] == 3 * PRICE + 1000
    assert world.items(kind="BOOKING") == []


def test_a_second_transaction_for_a_paid_order_is_kept_once_and_changes_nothing_else(world: World):
    made = world.created()
    assert world.call_back(signed(order_data(made["appTransId"]))) == 1
    before = world.items()
    second = signed(order_data(made["appTransId"], zp_trans_id=270301000000999))
    assert [world.call_back(second), world.call_back(second)] == [1, 1]
    new = [item for item in world.items() if item not in before]
    assert [(item["kind"], item.get("what"), item.get("amount")) for item in new] == [
        ("EVENT", "SECOND_TRANSACTION", None),
        ("STRAY", None, 3 * PRICE),
    ]
    assert world.http("GET", "/payment/transactions/270301000000999").status == 404


def test_right_money_after_a_wrong_amount_books_and_keeps_the_wrong_one_as_stray_money(world: World):
    made = world.created()
    wrong, right = 270301000000111, 270301000000999
    assert world.call_back(signed(order_data(made["appTransId"], amount=PRICE, zp_trans_id=wrong))) == 1
    assert world.call_back(signed(order_data(made["appTransId"], zp_trans_id=right))) == 1
    assert (world.standing(made["sessionId"])["status"], list(world.nights().values())) == ("PAID", ["BOOKED"] * 3)
    stray = world.item(kind="STRAY")
    assert (stray["transactionId"], stray["amount"], stray["stayId"], stray["status"]) == (
        str(wrong),
        PRICE,
        made["sessionId"],
        "OPEN",
    )
    assert world.item(kind="TRANSACTION")["transactionId"] == str(right)


UNKNOWN = "270301_01MFZGFMWRBDQ204A12RVMHVS6"


@pytest.mark.parametrize("order", [UNKNOWN, "270301_another_system", "x"])
def test_money_for_an_order_that_we_do_not_know_is_kept_once_as_stray_money(world: World, order: str):
    callback = signed(order_data(order))
    assert [world.call_back(callback), world.call_back(callback)] == [1, 1]
    (kept,) = world.items()
    assert kept == {
        "PK": "TRANSACTION#270301000000123",
        "SK": "TRANSACTION",
        "kind": "STRAY",
        "dueShard": kept["dueShard"],
        "transactionId": "270301000000123",
        "amount": 3 * PRICE,
        "status": "OPEN",
        "appTransId": order,
        "receivedAt": TIME,
        "raw": callback,
    }


def test_a_transaction_that_is_known_otherwise_is_kept_among_what_was_refused(world: World):
    made = world.created()
    for order in (made["appTransId"], UNKNOWN):
        assert world.call_back(signed(order_data(order))) == 1
    assert world.item(kind="TRANSACTION")["id"] == made["sessionId"]
    refused = world.item(kind="REFUSED")
    assert (refused["reason"], refused["SK"].partition("#")[2]) == (
        "money for an unknown order",
        "callback-270301000000123",
    )


def test_stray_money_of_one_unknown_order_is_not_taken_for_anothers(world: World):
    for order in (UNKNOWN, "270301_another_system"):
        assert world.call_back(signed(order_data(order))) == 1
    assert world.item(kind="STRAY")["appTransId"] == UNKNOWN
    assert len(world.items(kind="REFUSED")) == 1


def late_payment(world: World) -> dict[str, Any]:
    """Mai's session has expired, the clock has ended it, and then she pays."""
    made = world.created()
    world.after(minutes=17)
    assert world.session(made["sessionId"])["status"] == "EXPIRED"
    assert world.nights() == {}
    return made


def test_a_late_payment_is_honoured_while_the_nights_are_free(world: World):
    made = late_payment(world)
    world.zalopay.pay(made["appTransId"], late=True)
    session = world.standing(made["sessionId"])
    assert (session["status"], session["fulfilment"], "reason" in session) == ("PAID", "BOOKED", False)
    assert world.nights() == dict.fromkeys(NIGHTS, "BOOKED")


def test_a_late_payment_for_nights_that_are_gone_is_refunded(world: World):
    made = late_payment(world)
    world.announce(auction_result(userId=BINH, auctionId="1002", nights=NIGHTS[1:2]))
    world.create(NIGHTS[1:2], sub=BINH, auction_id="1002")
    (answer,) = world.zalopay.pay(made["appTransId"], late=True)["callbacks"]
    assert answer["verdict"] == "accepted"
    session = world.session(made["sessionId"])
    assert (session["status"], session["fulfilment"], session["reason"]) == ("FAILED", "REFUND_DUE", "NIGHTS_TAKEN")
    assert session["refund"] == {"amount": 3 * PRICE, "status": "REFUND_DUE"}
    assert world.nights() == {NIGHTS[1]: "HELD"}
    assert world.items(kind="BOOKING") == []


@pytest.mark.parametrize("operation", ["GetItem", "TransactWriteItems"])
def test_a_database_that_fails_is_answered_0_and_zalopay_comes_again(world: World, operation: str):
    made = world.created()
    before = world.items()
    with failing(world.functions["zalopay_callback"], operation, fault()):
        assert world.call_back(signed(order_data(made["appTransId"]))) == 0
    assert world.items() == before
    assert world.call_back(signed(order_data(made["appTransId"]))) == 1


def test_a_body_in_base64_is_read_as_what_it_stands_for(world: World):
    made = world.created()
    body = signed(order_data(made["appTransId"], embed_data='{"note":"Nhà Trên Đồi"}')).encode()
    assert world.call_back(body, kind="application/octet-stream") == 1
    assert world.standing(made["sessionId"])["status"] == "PAID"
    event = {"body": "%%%", "isBase64Encoded": True, "requestContext": {"requestId": "r"}}
    answer = world.functions["zalopay_callback"].handler(event, world.context)
    assert json.loads(answer["body"])["return_code"] == -1


def test_a_mac_in_capital_letters_is_the_same_mac(world: World):
    made = world.created()
    body = json.loads(signed(order_data(made["appTransId"])))
    assert body["mac"] == hmac.new(KEY2.encode(), body["data"].encode(), sha256).hexdigest()
    assert world.call_back(json.dumps(body | {"mac": body["mac"].upper()})) == 1


def test_a_transaction_id_that_comes_as_text_is_taken(world: World):
    made = world.created()
    world.clock.shift(timedelta(seconds=3))
    assert world.call_back(signed(order_data(made["appTransId"], zp_trans_id="270301000000124"))) == 1
    assert world.standing(made["sessionId"])["transactionId"] == "270301000000124"


def test_a_body_that_no_callback_can_have_is_not_even_decoded(world: World):
    assert world.call_back("0" * (2 * MAXIMUM_CALLBACK + 1)) == -1
