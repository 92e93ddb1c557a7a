"""The ZaloPay simulator: its signatures, every answer of its calls, its callbacks, its faults, its pages."""

import json
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.zalopay_simulator import wire
from infra.zalopay_simulator.faults import Failure, Fault, Faults
from tests.unit.shop import KEY1, KEY2, NOON, ORDER, REFUND, SIGNED, Shop, codes, signed

pytestmark = pytest.mark.anyio


OFFICIAL_DATA = (
    r'{"app_id":2553,"app_trans_id":"200904_2553_1598435687208","app_time":1599189392817,"app_user":"demo",'
    r'"amount":10000,"embed_data":"{\"merchantinfo\":\"embeddata123\",\"promotioninfo\":\"\"}",'
    r'"item":"[{\"itemid\":\"knb\",\"itemname\":\"kim nguyen bao\",\"itemprice\":198400,\"itemquantity\":1}]",'
    r'"zp_trans_id":200904000000389,"server_time":1599189413498,"channel":38,'
    r'"merchant_user_id":"7ZMSl3nEg5sOUJzOLSoUFT8xKNQVaLOLXHB--8Eytqc","user_fee_amount":0,"discount_amount":0}'
)
CAPTURED_DATA = (
    r'{"app_id":2553,"app_trans_id":"260317_1_762062","app_time":1773749931296,"app_user":"user_1","amount":100000,'
    r'"embed_data":"{\"redirecturl\":\"https://fafwebv1.vercel.app/wallet/deposit/result\"}",'
    r'"item":"[{\"itemid\":\"FAF_CRED\",\"itemname\":\"Nạp 100 CRED vào ví FAF\",\"itemprice\":100000,'
    r'\"itemquantity\":1}]","zp_trans_id":260317000002595,"server_time":1773749951879,"channel":39,'
    r'"merchant_user_id":"DXp3vtfyygtb2_XdP8yFeA","zp_user_id":"DXp3vtfyygtb2_XdP8yFeA","user_fee_amount":0,'
    r'"discount_amount":0}'
)


@pytest.mark.parametrize(
    ("data", "mac"),
    [
        (OFFICIAL_DATA, "d8d33baf449b31d7f9b94fa50d7c942c08cd4d83f28fa185557da21acb104f67"),
        (CAPTURED_DATA, "d7c84b0bf048144a4b27b731f5a4ee1b3edd23a6d7662a388a78fa1f805adacb"),
    ],
)
def test_callback_macs_are_those_of_the_published_and_the_captured_callback(data: str, mac: str) -> None:
    assert wire.callback_mac(KEY2, data) == mac
    assert wire.compact(json.loads(data)) == data
    assert wire.callback_mac(KEY2, json.dumps(json.loads(data))) != mac


@pytest.mark.parametrize(
    ("text", "checksum"),
    [
        ("2553|241128_64687|0||50000|0|-49", "6434e2f3d5f971c9024a97a0e34344ad64a9d759966a8508b46a5e396d642e03"),
        ("2553|220713_695232|38||323123|0|1", "bb1ee529210b36f63221938bb50a4e1a9fa5566ef294ca4aa70731cd963de033"),
        ("2553|080724_152303|39|SBIS|119000|0|1", "1af1a1ded63af3ef9ed1a26f2aa5ba034e2fde65642b237ce081b4aae508d044"),
        (
            "2554|240115_4933404831340|38||100000|0|1",
            "c0e0349e4335743ec7b52c7dbf2da18a2e3e57d1efecf6efba30e91b813ebc50",
        ),
    ],
)
def test_redirect_checksums_are_those_of_captured_redirects(text: str, checksum: str) -> None:
    names = "appid", "apptransid", "pmcid", "bankcode", "amount", "discountamount", "status"
    key2 = KEY2 if text.startswith("2553") else "trMrHtvjo6myautxDUiAcYsVtaeQ8nhf"
    assert wire.redirect_checksum(key2, dict(zip(names, text.split("|"), strict=True))) == checksum


def test_macs_of_the_calls_follow_the_documented_formulas() -> None:
    order = {
        "app_id": 2553, "app_trans_id": "250210_ORDER0001", "app_user": "demo", "amount": 50000,
        "app_time": 1739160000000, "embed_data": "{}", "item": "[]",
    }  # fmt: skip
    refund = {
        "app_id": 2553, "zp_trans_id": "240331000000175", "amount": 50000,
        "description": "Refund ORDER0001", "timestamp": 1739160000000,
    }  # fmt: skip
    query_refund = {"app_id": 2553, "m_refund_id": "250210_2553_0000000001", "timestamp": 1739160000000}
    assert wire.create_mac(KEY1, order) == "f3385ed23325c6e706ccff1aeb38198b87c8bbbb378f78736a63b682432747b6"
    assert wire.query_mac(KEY1, order) == "0f0c6cf0e3b9a8e588ad413398f6e9bf4f2da2f0da1a60dbd634cd321676dd92"
    assert wire.refund_mac(KEY1, refund) == "1e29972ded398f2b479da9810b14005c764e11aaa9de8cd607493f6453834f49"
    assert wire.query_refund_mac(KEY1, query_refund) == (
        "f5ff0cebbb40e58e1d08744da96b49454ec2a6611655b0ab7fd6d4f4d1eec73b"
    )


def test_a_refund_fee_is_signed_even_when_it_is_0() -> None:
    refund = {"app_id": 1, "zp_trans_id": "2", "amount": 3, "description": "d", "timestamp": 5}
    assert wire.refund_mac("k", refund | {"refund_fee_amount": 0}) == signed("k", 1, 2, 3, 0, "d", 5)


async def test_create_answers_everything_the_documents_show(shop: Shop) -> None:
    answer = await shop.create()
    assert codes(answer) == (1, 1)
    assert answer["order_token"] == answer["zp_trans_token"]
    assert answer["qr_code"].startswith("000201")
    assert answer["order_url"].startswith("http://localhost:8001/openinapp?order=")
    assert wire.token_of(answer["order_url"].partition("order=")[2]) == answer["zp_trans_token"]


async def test_create_is_accepted_as_json_as_form_and_as_query_string(shop: Shop) -> None:
    as_form = await shop.http.post("/v2/create", data=shop.order(app_trans_id="250210_form"))
    as_query = await shop.http.post("/v2/create", params=shop.order(app_trans_id="250210_query"))
    assert codes(await shop.create(app_trans_id="250210_json")) == (1, 1)
    assert codes(as_form.json()) == codes(as_query.json()) == (1, 1)
    assert (await shop.ledger("250210_query"))["description"] == "Biển Xanh, 2 đêm"


@pytest.mark.parametrize(
    "changed",
    [
        {"app_user": " "},
        {"app_user": "x" * 51},
        {"app_user": 7},
        {"app_trans_id": "250210_" + "x" * 34},
        {"app_trans_id": "250209_yesterday"},
        {"app_trans_id": "ORDER0001"},
        {"app_time": int(NOON)},
        {"app_time": int(NOON * 1000) - 901_000},
        {"app_time": int(NOON * 1000) + 901_000},
        {"expire_duration_seconds": 299},
        {"expire_duration_seconds": 2_592_001},
        {"amount": 0},
        {"amount": -1},
        {"amount": 50_000.0},
        {"amount": "50000.0"},
        {"amount": True},
        {"amount": 2**63},
        {"amount": None},
        {"description": "x" * 257},
        {"description": ""},
        {"callback_url": "shop/callback"},
        {"callback_url": "http://[shop"},
        {"item": ""},
        {"item": "{}"},
        {"item": []},
        {"item": json.dumps(["x" * 2048])},
        {"embed_data": ""},
        {"embed_data": "[]"},
        {"embed_data": "{"},
        {"embed_data": json.dumps({"x": "x" * 1024})},
        {"bank_code": "x" * 21},
        {"sub_app_id": "x" * 51},
        {"currency": "USD"},
        {"app_id": 2**31},
    ],
)
async def test_create_refuses_a_field_that_is_not_as_documented(shop: Shop, changed: dict[str, Any]) -> None:
    answer = await shop.create(**changed)
    assert codes(answer) == (2, -401)
    assert next(iter(changed)) in answer["sub_return_message"]
    assert (await shop.http.get("/simulator/orders")).json() == {"orders": []}


@pytest.mark.parametrize("name", [*SIGNED, "description", "mac"])
async def test_create_refuses_a_missing_field_by_name(shop: Shop, name: str) -> None:
    sent = {key: value for key, value in shop.order().items() if key != name}
    answer = (await shop.http.post("/v2/create", json=sent)).json()
    assert codes(answer) == (2, -401)
    assert f"{name}: missing" in answer["sub_return_message"]


async def test_half_a_surrogate_pair_is_bad_data(shop: Shop) -> None:
    body = json.dumps(shop.order(mac="0" * 64, description="x")).replace('"x"', '"\\ud800"')
    answer = await shop.http.post("/v2/create", content=body, headers={"content-type": "application/json"})
    assert codes(answer.json()) == (2, -401)
    assert "Unicode" in answer.json()["sub_return_message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
async def test_a_body_that_cannot_be_read_is_bad_data(shop: Shop, body: bytes) -> None:
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        answer = await shop.http.post("/v2/create", content=body, headers={"content-type": kind})
        assert (answer.status_code, codes(answer.json())) == (200, (2, -401))


async def test_create_refuses_a_wrong_mac_and_a_foreign_app(shop: Shop) -> None:
    with_key2 = signed(KEY2, *(shop.order()[name] for name in SIGNED))
    assert codes(await shop.create(mac=with_key2)) == (2, -402)
    assert codes(await shop.create(mac="é")) == (2, -402)
    assert codes(await shop.create(app_id=2554)) == (2, -402)


async def test_the_date_of_an_order_is_the_date_in_vietnam(shop: Shop) -> None:
    shop.now = 1739206800.0  # 17:00 UTC: midnight in Vietnam
    assert codes(await shop.create(app_trans_id="250210_late")) == (2, -401)
    assert codes(await shop.create(app_trans_id="250211_early")) == (1, 1)


async def test_an_order_id_is_used_once(shop: Shop) -> None:
    await shop.create()
    assert codes(await shop.create(amount=60_000)) == (2, -68)
    assert (await shop.ledger())["amount"] == 50_000


async def test_query_tells_an_unpaid_order_from_an_unknown_one(shop: Shop) -> None:
    assert codes(await shop.query()) == (2, -101)
    assert codes(await shop.query("ORDER0001")) == (2, -92)
    await shop.create()
    answer = await shop.query()
    assert (answer["return_code"], answer["is_processing"], answer["amount"]) == (3, False, 0)


@pytest.mark.parametrize("mac", ["0" * 64, signed(KEY1, 2553, ORDER)])
async def test_query_refuses_a_mac_without_the_key_as_third_segment(shop: Shop, mac: str) -> None:
    assert codes(await shop.query(mac=mac)) == (2, -402)


async def test_query_tells_a_paid_order_with_amount_and_transaction(shop: Shop) -> None:
    zp_trans_id = await shop.paid()
    answer = await shop.query()
    assert codes(answer) == (1, 1)
    assert answer["zp_trans_id"] == int(zp_trans_id)
    assert zp_trans_id.startswith("250210")
    assert len(zp_trans_id) == 15
    assert (answer["amount"], answer["discount_amount"], answer["is_processing"]) == (50_000, 0, False)
    assert answer["server_time"] == NOON * 1000


async def test_an_order_expires_by_its_own_duration_after_its_app_time(shop: Shop) -> None:
    await shop.create(expire_duration_seconds=300, app_time=int(NOON * 1000) - 60_000)
    shop.now += 239
    assert codes(await shop.query())[0] == 3
    shop.now += 1
    assert codes(await shop.query()) == (2, -54)
    assert await shop.act("pay") == {"error": "order is EXPIRED"}
    assert shop.received == []


async def test_an_expired_order_is_paid_only_when_asked_to_be_late(shop: Shop) -> None:
    await shop.create()
    shop.now += 900
    assert (await shop.act("pay", late=True))["state"] == "PAID"
    assert codes(await shop.query()) == (1, 1)
    assert len(shop.received) == 1


async def test_a_declined_attempt_leaves_the_order_payable(shop: Shop) -> None:
    await shop.create()
    answer = await shop.act("decline", sub_return_code=-217)
    assert dict(parse_qsl(urlsplit(answer["redirect_url"]).query))["status"] == "-59"
    assert codes(await shop.query()) == (2, -217)
    await shop.act("decline")
    assert codes(await shop.query()) == (2, -63)
    await shop.act("pay")
    assert codes(await shop.query()) == (1, 1)


async def test_a_cancelled_order_is_final_and_calls_nobody_back(shop: Shop) -> None:
    await shop.create()
    query = dict(parse_qsl(urlsplit((await shop.act("cancel"))["redirect_url"]).query))
    assert (query["status"], query["pmcid"]) == ("-49", "0")
    assert codes(await shop.query()) == (2, -329)
    for action in ("pay", "decline", "cancel"):
        assert await shop.act(action, late=True) == {"error": "order is CANCELLED"}
    assert shop.received == []


async def test_the_callback_carries_the_order_and_is_signed_with_key2(shop: Shop) -> None:
    zp_trans_id = await shop.paid(item='[{"itemname":"Nhà gỗ"}]')
    (sent,) = shop.received
    data = json.loads(sent["data"])
    assert sent["type"] == 1
    assert sent["mac"] == signed(KEY2, sent["data"])
    assert "Nhà gỗ" in sent["data"]
    assert (data["app_id"], data["app_trans_id"], data["amount"]) == (2553, ORDER, 50_000)
    assert (data["zp_trans_id"], data["server_time"]) == (int(zp_trans_id), NOON * 1000)
    assert (await shop.ledger())["callbacks"][0]["verdict"] == "accepted"


async def test_the_redirect_keeps_the_shops_own_query_and_is_signed_with_key2(shop: Shop) -> None:
    await shop.create()
    answer = await shop.act("pay")
    query = dict(parse_qsl(urlsplit(answer["redirect_url"]).query, keep_blank_values=True))
    assert answer["redirect_url"].startswith("http://shop/done?lang=vi&")
    assert query["checksum"] == signed(KEY2, 2553, ORDER, 38, "", 50_000, 0, 1)
    assert (query["status"], query["bankcode"]) == ("1", "")


async def test_the_callback_is_answered_before_the_redirect_or_sent_after_it(shop: Shop) -> None:
    await shop.create()
    await shop.create(app_trans_id="250210_second")
    assert len((await shop.act("pay"))["callbacks"]) == 1
    shop.awake.clear()
    assert (await shop.act("pay", "250210_second", order="redirect_first"))["callbacks"] == []
    shop.awake.set()
    await shop.calm()
    assert len((await shop.ledger("250210_second"))["callbacks"]) == 1


@pytest.mark.parametrize("body", [b"thanks", b"[1]", b'{"return_code": "1"}', b'{"return_code": true}'])
async def test_an_answer_that_is_not_as_documented_is_no_answer(body: bytes) -> None:
    async def answer(_request: Request) -> Response:
        return Response(body)

    merchant = httpx.ASGITransport(Starlette(routes=[Route("/callback", answer, methods=["POST"])]))
    shop = Shop(client=httpx.AsyncClient(transport=merchant))
    await shop.paid()
    await shop.calm()
    assert [one["verdict"] for one in (await shop.ledger())["callbacks"]] == ["again"] * 4


@pytest.mark.parametrize(
    ("answers", "tries"),
    [([1], 1), ([0, 1], 2), (["down", 0, 1], 3), ([0, 0, 0, 0, 0], 4), ([-1], 1), ([2], 1)],
)
async def test_a_callback_is_sent_again_at_most_3_times_unless_it_was_answered(
    shop: Shop, answers: list[int | str], tries: int
) -> None:
    shop.answers = answers
    await shop.paid()
    await shop.calm()
    assert len(shop.received) == len((await shop.ledger())["callbacks"]) == tries
    assert shop.naps == [2.0] * (tries - 1)


class Unreachable(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody there", request=request)


async def test_a_shop_that_cannot_be_reached_is_tried_again_and_put_on_record() -> None:
    shop = Shop(client=httpx.AsyncClient(transport=Unreachable()))
    await shop.paid()
    await shop.calm()
    callbacks = (await shop.ledger())["callbacks"]
    assert [one["error"] for one in callbacks] == ["ConnectError: nobody there"] * 4


async def test_an_order_without_addresses_uses_those_registered_for_the_app() -> None:
    shop = Shop(callback_url="http://shop/callback", redirect_url="http://shop/home")
    order = shop.order(embed_data="{}")
    del order["callback_url"]
    await shop.http.post("/v2/create", json=order)
    assert (await shop.act("pay"))["redirect_url"].startswith("http://shop/home?amount=")
    assert len(shop.received) == 1


async def test_a_callback_can_be_sent_again_many_times_at_once(shop: Shop) -> None:
    await shop.create()
    assert await shop.act("callback") == {"error": "order is not paid"}
    await shop.act("pay")
    answer = await shop.act("callback", times=50, at_once=True)
    assert [one["answer"]["return_code"] for one in answer["callbacks"]] == [1] * 50
    assert len({one["data"] for one in shop.received}) == 1
    assert len((await shop.act("callback", times=2))["callbacks"]) == 2
    assert "error" in await shop.act("callback", times=0)


async def test_key2_can_be_rotated(shop: Shop) -> None:
    await shop.create()
    await shop.http.post("/simulator/keys", json={"key2": "the next key"})
    answer = await shop.act("pay")
    query = dict(parse_qsl(urlsplit(answer["redirect_url"]).query))
    assert shop.received[0]["mac"] == signed("the next key", shop.received[0]["data"])
    assert query["checksum"] == signed("the next key", 2553, ORDER, 38, "", 50_000, 0, 1)
    await shop.http.delete("/simulator")
    await shop.paid()
    assert shop.received[1]["mac"] == signed(KEY2, shop.received[1]["data"])


async def test_a_refund_is_running_first_and_done_after_a_while(shop: Shop) -> None:
    answer = await shop.refund(await shop.paid(), 50_000)
    assert codes(answer) == codes(await shop.query_refund()) == (3, 2)
    assert isinstance(answer["refund_id"], int)
    shop.now += 5
    assert codes(await shop.query_refund()) == (1, 1)


async def test_refunds_together_never_exceed_the_amount(shop: Shop) -> None:
    zp_trans_id = await shop.paid()
    assert codes(await shop.refund(zp_trans_id, 50_001)) == (2, -14)
    assert codes(await shop.refund(zp_trans_id, 30_000)) == (3, 2)
    assert codes(await shop.refund(zp_trans_id, 20_001, "250210_2553_2")) == (2, -14)
    assert codes(await shop.refund(zp_trans_id, 20_000, "250210_2553_3")) == (3, 2)
    assert codes(await shop.refund(zp_trans_id, 1, "250210_2553_4")) == (2, -14)


async def test_a_refund_id_is_used_once_even_on_another_day(shop: Shop) -> None:
    zp_trans_id = await shop.paid()
    await shop.refund(zp_trans_id, 10_000)
    assert codes(await shop.refund(zp_trans_id, 10_000)) == (2, -23)
    shop.now += 86_400
    assert codes(await shop.refund(zp_trans_id, 10_000)) == (2, -23)
    assert len((await shop.ledger())["refunds"]) == 1


@pytest.mark.parametrize(
    ("changed", "sub_return_code"),
    [
        ({"m_refund_id": "refund-1"}, -24),
        ({"m_refund_id": "250210_2553_"}, -24),
        ({"m_refund_id": "250209_2553_1"}, -25),
        ({"m_refund_id": "250210_2554_1"}, -26),
        ({"m_refund_id": "250210_2553_" + "x" * 34}, -401),
        ({"timestamp": int(NOON * 1000) - 901_000}, -13),
        ({"timestamp": int(NOON * 1000) + 901_000}, -13),
        ({"zp_trans_id": "250210000000000"}, -101),
        ({"zp_trans_id": 250210000000000}, -401),
        ({"amount": 0}, -401),
        ({"description": "x" * 101}, -401),
        ({"refund_fee_amount": 50_001}, -14),
        ({"mac": "0" * 64}, -402),
    ],
)
async def test_refund_refuses_what_breaks_a_rule(shop: Shop, changed: dict[str, Any], sub_return_code: int) -> None:
    sent: dict[str, Any] = {"zp_trans_id": await shop.paid(), "amount": 50_000, "m_refund_id": REFUND} | changed
    assert codes(await shop.refund(**sent)) == (2, sub_return_code)
    assert (await shop.ledger())["refunds"] == []


async def test_a_refund_with_a_fee_is_taken(shop: Shop) -> None:
    assert codes(await shop.refund(await shop.paid(), 50_000, refund_fee_amount=1000)) == (3, 2)
    assert (await shop.ledger())["refunds"][0]["fee"] == 1000


async def test_query_refund_refuses_unknown_ids_old_timestamps_and_wrong_macs(shop: Shop) -> None:
    assert codes(await shop.query_refund()) == (2, -101)
    assert codes(await shop.query_refund(timestamp=int(NOON * 1000) - 901_000)) == (2, -13)
    assert codes(await shop.query_refund(mac="0" * 64)) == (2, -402)


async def test_fault_callback_lost(shop: Shop) -> None:
    await shop.fault("callback_lost")
    await shop.paid()
    await shop.calm()
    assert shop.received == []
    assert [one["verdict"] for one in (await shop.ledger())["callbacks"]] == ["lost"]
    assert (await shop.act("callback"))["callbacks"][0]["verdict"] == "accepted"


async def test_fault_callback_delayed(shop: Shop) -> None:
    await shop.fault("callback_delayed", seconds=40)
    shop.awake.clear()
    await shop.paid()
    assert shop.received == []
    shop.awake.set()
    await shop.calm()
    assert (len(shop.received), shop.naps) == (1, [40])


async def test_fault_callback_tripled(shop: Shop) -> None:
    await shop.fault("callback_tripled")
    await shop.paid()
    await shop.calm()
    assert len(shop.received) == 3
    assert shop.received[0] == shop.received[1] == shop.received[2]


async def test_fault_callback_bad_mac(shop: Shop) -> None:
    await shop.fault("callback_bad_mac")
    await shop.paid()
    assert shop.received[0]["mac"] != signed(KEY2, shop.received[0]["data"])


async def test_fault_callback_wrong_amount(shop: Shop) -> None:
    await shop.fault("callback_wrong_amount")
    await shop.paid()
    assert json.loads(shop.received[0]["data"])["amount"] == 51_000
    assert shop.received[0]["mac"] == signed(KEY2, shop.received[0]["data"])
    assert (await shop.query())["amount"] == 50_000


async def test_fault_callback_before_create(shop: Shop) -> None:
    await shop.fault("callback_before_create")
    assert codes(await shop.create()) == (1, 1)
    assert len(shop.received) == 1
    assert codes(await shop.query()) == (1, 1)


async def test_fault_create_slow(shop: Shop) -> None:
    await shop.fault("create_slow", seconds=7)
    assert codes(await shop.create()) == (1, 1)
    assert shop.naps == [7]


async def test_fault_create_refused_for_the_next_order_only(shop: Shop) -> None:
    await shop.fault("create_refused", next=True, sub_return_code=-500)
    assert codes(await shop.create()) == (2, -500)
    assert codes(await shop.create(app_trans_id="250210_second")) == (1, 1)
    assert codes(await shop.query()) == (2, -101)


async def test_fault_create_lost_leaves_an_order_behind(shop: Shop) -> None:
    await shop.fault("create_lost", next=True)
    lost = await shop.http.post("/v2/create", json=shop.order())
    assert (lost.status_code, lost.headers["content-type"]) == (504, "text/html; charset=utf-8")
    assert codes(await shop.create()) == (2, -68)
    assert codes(await shop.query())[0] == 3


async def test_fault_query_down_for_one_order(shop: Shop) -> None:
    await shop.fault("query_down", app_trans_id=ORDER)
    await shop.create(app_trans_id="250210_second")
    form = {"app_id": 2553, "app_trans_id": ORDER, "mac": signed(KEY1, 2553, ORDER, KEY1)}
    down = await shop.http.post("/v2/query", data=form)
    assert (down.status_code, down.text[:6]) == (503, "<html>")
    assert codes(await shop.query("250210_second"))[0] == 3


async def test_fault_query_processing_hides_a_payment_until_it_is_off(shop: Shop) -> None:
    await shop.fault("query_processing")
    await shop.paid()
    answer = await shop.query()
    assert (answer["return_code"], answer["is_processing"]) == (3, True)
    await shop.fault("query_processing", on=False)
    assert codes(await shop.query()) == (1, 1)


async def test_fault_refund_processing_lasts_until_it_is_off(shop: Shop) -> None:
    await shop.fault("refund_processing", sub_return_code=-1)
    await shop.refund(await shop.paid(), 50_000)
    shop.now += 3600
    assert codes(await shop.query_refund()) == (3, -1)
    await shop.fault("refund_processing", on=False)
    assert codes(await shop.query_refund()) == (1, 1)
    await shop.fault("refund_processing")
    assert codes(await shop.query_refund()) == (1, 1)


async def test_fault_refund_refused_at_once(shop: Shop) -> None:
    await shop.fault("refund_refused")
    zp_trans_id = await shop.paid()
    assert codes(await shop.refund(zp_trans_id, 50_000)) == (2, -32)
    assert codes(await shop.query_refund()) == (2, -32)
    await shop.fault("refund_refused", on=False)
    assert codes(await shop.refund(zp_trans_id, 50_000, "250210_2553_2")) == (3, 2)


async def test_fault_refund_refused_later(shop: Shop) -> None:
    zp_trans_id = await shop.paid()
    await shop.fault("refund_refused", seconds=3)
    assert codes(await shop.refund(zp_trans_id, 20_000)) == (3, 2)
    shop.now += 3
    assert codes(await shop.query_refund()) == (2, -32)


async def test_a_running_refund_can_still_be_refused_but_a_done_one_stays_done(shop: Shop) -> None:
    zp_trans_id = await shop.paid()
    await shop.refund(zp_trans_id, 20_000, "250210_2553_done")
    shop.now += 5
    await shop.refund(zp_trans_id, 20_000, "250210_2553_running")
    await shop.fault("refund_refused")
    assert codes(await shop.query_refund("250210_2553_done")) == (1, 1)
    assert codes(await shop.query_refund("250210_2553_running")) == (2, -32)


async def test_fault_refund_lost_leaves_a_refund_behind(shop: Shop) -> None:
    zp_trans_id = await shop.paid()
    await shop.fault("refund_lost")
    lost = await shop.http.post("/v2/refund", json=shop.refund_request(zp_trans_id, 50_000, REFUND))
    assert lost.status_code == 504
    assert codes(await shop.query_refund()) == (3, 2)
    assert codes(await shop.refund(zp_trans_id, 50_000)) == (2, -23)


def drawn(share: float, seed: int) -> list[Failure | None]:
    fault = Fault(seconds=0, sub_return_code=0, share=share, seed=seed)
    return [fault.draw("query", ORDER, moment) for moment in range(9000)]


def test_a_flaky_call_fails_as_often_as_its_share_says_in_three_ways_alike() -> None:
    found = Counter(drawn(0.1, seed=1))
    assert found[None] == pytest.approx(8100, rel=0.02)
    assert [found[way] for way in Failure] == pytest.approx([300] * 3, rel=0.2)
    assert set(drawn(0.0, seed=1)) == {None}
    assert None not in drawn(1.0, seed=1)


def test_a_seed_always_draws_the_same_lots_and_another_one_others() -> None:
    assert drawn(0.5, seed=1) == drawn(0.5, seed=1)
    assert drawn(0.5, seed=1) != drawn(0.5, seed=2)


def seed_of(failure: Failure, api: str, order: str = ORDER) -> int:
    """The first seed with which this call fails in this way, at noon."""
    fault = Fault(seconds=5, sub_return_code=0, share=1.0)
    return next(seed for seed in count() if fault._replace(seed=seed).draw(api, order, int(NOON * 1000)) is failure)


@pytest.mark.parametrize(
    ("failure", "status", "naps", "made"),
    [(Failure.UNAVAILABLE, 503, [], []), (Failure.LOST, 504, [], [ORDER]), (Failure.SLOW, 200, [5.0], [ORDER])],
)
async def test_fault_flaky_fails_before_the_order_is_made_or_after_it_or_is_late(
    shop: Shop, failure: Failure, status: int, naps: list[float], made: list[str]
) -> None:
    await shop.fault("flaky", share=1, seed=seed_of(failure, "create"))
    answer = await shop.http.post("/v2/create", json=shop.order())
    orders = (await shop.http.get("/simulator/orders")).json()["orders"]
    assert (answer.status_code, shop.naps, [order["app_trans_id"] for order in orders]) == (status, naps, made)


async def test_fault_flaky_is_for_every_call_and_a_lost_refund_is_taken_once(shop: Shop) -> None:
    zp_trans_id = await shop.paid()
    form = {"app_id": 2553, "app_trans_id": ORDER, "mac": signed(KEY1, 2553, ORDER, KEY1)}
    await shop.fault("flaky", share=1, seed=seed_of(Failure.UNAVAILABLE, "query"))
    assert (await shop.http.post("/v2/query", data=form)).status_code == 503
    await shop.fault("flaky", share=1, seed=seed_of(Failure.UNAVAILABLE, "cancel"))
    assert (await shop.http.post("/v2/cancel", data=form)).status_code == 503
    await shop.fault("flaky", share=1, seed=seed_of(Failure.LOST, "refund"))
    sent = shop.refund_request(zp_trans_id, 50_000, REFUND)
    assert (await shop.http.post("/v2/refund", json=sent)).status_code == 504
    await shop.fault("flaky", share=1, seed=seed_of(Failure.LOST, "query_refund"))
    with pytest.raises(ValueError, match="Expecting value"):
        await shop.query_refund()
    await shop.fault("flaky", on=False)
    assert codes(await shop.query_refund()) == (3, 2)
    assert len((await shop.ledger())["refunds"]) == 1


async def test_fault_flaky_is_for_the_next_order_and_for_refunds_that_nobody_knows(shop: Shop) -> None:
    await shop.fault("flaky", share=1, next=True, seed=seed_of(Failure.UNAVAILABLE, "create"))
    assert (await shop.http.post("/v2/create", json=shop.order())).status_code == 503
    assert codes(await shop.create(app_trans_id="250210_second")) == (1, 1)
    await shop.fault("flaky", share=1, seed=seed_of(Failure.SLOW, "query_refund", "all"))
    assert codes(await shop.query_refund()) == (2, -101)
    assert shop.naps == [5.0]


def test_switches_that_were_kept_before_there_were_shares_are_still_read() -> None:
    faults = Faults()
    faults.restore([{"fault": "create_slow", "for": "all", "seconds": 3.0, "sub_return_code": 0}])
    assert faults.find("create_slow", ORDER) == Fault(3.0, 0)


async def test_faults_are_shown_with_what_they_are_on_for(shop: Shop) -> None:
    await shop.fault("callback_lost", app_trans_id=ORDER)
    await shop.fault("create_slow")
    await shop.fault("flaky", share=0.25, seed=7)
    shown = (await shop.http.get("/simulator/faults")).json()
    assert shown["faults"] == [
        {"fault": "callback_lost", "for": ORDER, "seconds": 0.0, "sub_return_code": 0, "share": 0.0, "seed": 0},
        {"fault": "create_slow", "for": "all", "seconds": 10.0, "sub_return_code": 0, "share": 0.0, "seed": 0},
        {"fault": "flaky", "for": "all", "seconds": 5.0, "sub_return_code": 0, "share": 0.25, "seed": 7},
    ]
    assert "refund_lost" in shown["known"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/simulator/faults", b'{"fault": "gremlins"}', 400),
        ("/simulator/faults", b'{"fault": "create_slow", "seconds": "long"}', 400),
        ("/simulator/faults", b'{"fault": "flaky", "share": "half"}', 400),
        ("/simulator/faults", b'{"fault": "flaky", "seed": 0.5}', 400),
        ("/simulator/faults", b"[]", 400),
        ("/simulator/faults", b"{", 400),
        ("/simulator/keys", b"{}", 400),
        ("/simulator/orders/250210_nobody/pay", b"", 404),
        (f"/simulator/orders/{ORDER}/pay", b'{"order": "both"}', 400),
        (f"/simulator/orders/{ORDER}/decline", b'{"sub_return_code": 1}', 400),
    ],
)
async def test_the_simulators_own_calls_say_what_is_wrong(shop: Shop, path: str, body: bytes, status: int) -> None:
    await shop.create()
    response = await shop.http.post(path, content=body)
    assert response.status_code == status
    assert response.json()["error"]


async def test_an_order_is_paid_once(shop: Shop) -> None:
    zp_trans_id = await shop.paid()
    assert await shop.act("pay", late=True) == {"error": "order is PAID"}
    assert (await shop.ledger())["zp_trans_id"] == int(zp_trans_id)
    assert len(shop.received) == 1


async def test_forgetting_ends_orders_faults_and_what_was_still_to_be_sent(shop: Shop) -> None:
    await shop.fault("callback_delayed")
    shop.awake.clear()
    await shop.paid()
    await shop.calm()
    await shop.http.delete("/simulator")
    shop.awake.set()
    await shop.calm()
    assert shop.received == []
    assert (await shop.http.get("/simulator/orders")).json() == {"orders": []}
    assert (await shop.http.get("/simulator/faults")).json()["faults"] == []
    assert codes(await shop.create()) == (1, 1)


async def test_a_callback_that_comes_home_after_everything_was_forgotten_changes_nothing(tmp_path: Path) -> None:
    async def forget(_request: Request) -> Response:
        await forgetful.http.delete("/simulator")
        return JSONResponse({"return_code": 1, "return_message": ""})

    merchant = httpx.ASGITransport(Starlette(routes=[Route("/callback", forget, methods=["POST"])]))
    forgetful = Shop(client=httpx.AsyncClient(transport=merchant), ledger=tmp_path / "zalopay.sqlite")
    await forgetful.paid()
    assert (await forgetful.http.get("/simulator/orders")).json() == {"orders": []}
    assert codes(await Shop(ledger=tmp_path / "zalopay.sqlite").query()) == (2, -101)


async def test_the_ledger_survives_a_restart_with_callbacks_and_refunds(tmp_path: Path) -> None:
    before = Shop(ledger=tmp_path / "state" / "zalopay.sqlite")
    zp_trans_id = await before.paid()
    await before.refund(zp_trans_id, 20_000)
    after = Shop(ledger=tmp_path / "state" / "zalopay.sqlite")
    assert await after.ledger() == await before.ledger()
    assert codes(await after.create()) == (2, -68)
    assert codes(await after.refund(zp_trans_id, 30_001, "250210_2553_2")) == (2, -14)
    assert codes(await after.query_refund()) == (3, 2)
    await after.http.delete("/simulator")
    assert codes(await Shop(ledger=tmp_path / "state" / "zalopay.sqlite").query()) == (2, -101)


async def test_a_person_follows_the_order_link_and_pays(shop: Shop) -> None:
    order_url = (await shop.create())["order_url"]
    link = await shop.http.get(order_url)
    page = await shop.http.get(link.headers["location"])
    assert (link.status_code, page.status_code) == (302, 200)
    for shown in ("50.000 ₫", "Biển Xanh, 2 đêm", ORDER, 'value="pay"', 'value="decline"', 'value="cancel"'):
        assert shown in page.text
    paid = await shop.http.post(link.headers["location"], data={"action": "pay", "order": "callback_first"})
    assert paid.status_code == 303
    assert paid.headers["location"].startswith("http://shop/done?lang=vi&amount=50000")
    assert len(shop.received) == 1


async def test_a_person_declines_and_then_cancels(shop: Shop) -> None:
    token = (await shop.create())["zp_trans_token"]
    declined = await shop.http.post(f"/pay/{token}", data={"action": "decline", "reason": "-217"})
    assert "status=-59" in declined.headers["location"]
    assert "still be paid" in (await shop.http.get(f"/pay/{token}")).text
    cancelled = await shop.http.post(f"/pay/{token}", data={"action": "cancel"})
    assert "status=-49" in cancelled.headers["location"]
    for action in ("pay", "decline", "cancel", "steal"):
        assert (await shop.http.post(f"/pay/{token}", data={"action": action})).status_code == 409


async def test_the_pay_page_refuses_an_expired_order_and_an_unknown_one(shop: Shop) -> None:
    token = (await shop.create())["zp_trans_token"]
    shop.now += 900
    page = await shop.http.get(f"/pay/{token}")
    assert "time to pay is over" in page.text
    assert 'value="pay"' not in page.text
    assert (await shop.http.post(f"/pay/{token}", data={"action": "pay"})).status_code == 409
    assert (await shop.http.get("/pay/unknown")).status_code == 404
    assert (await shop.http.post("/pay/unknown")).status_code == 404
    for order in ("", "bm8=", "eyJ6cHRyYW5zdG9rZW4iOjF9", "ë"):
        assert (await shop.http.get("/openinapp", params={"order": order})).status_code == 404


async def test_pages_escape_what_the_shop_sends_and_load_nothing_from_elsewhere(shop: Shop) -> None:
    token = (await shop.create(description="<script>alert(1)</script>"))["zp_trans_token"]
    for path in ("/", f"/pay/{token}"):
        page = (await shop.http.get(path)).text
        assert "&lt;script&gt;" in page
        assert "<script" not in page
        assert "src=" not in page


async def test_an_order_without_a_way_back_ends_on_its_own_page(shop: Shop) -> None:
    token = (await shop.create(embed_data="{}"))["zp_trans_token"]
    paid = await shop.http.post(f"/pay/{token}", data={"action": "pay"})
    assert paid.headers["location"] == f"/pay/{token}"
    assert "Thank you" in (await shop.http.get(f"/pay/{token}")).text


async def test_faults_are_switched_on_the_front_page(shop: Shop) -> None:
    form = {"fault": "callback_delayed", "on": "on", "for": "all", "seconds": "2.5", "sub_return_code": ""}
    body = urlencode(form)
    assert (await shop.http.post("/", content=body)).headers["location"] == "/"
    assert "2.5 s" in (await shop.http.get("/")).text
    await shop.http.post("/", data={"fault": "callback_delayed", "for": "all"})
    assert (await shop.http.get("/simulator/faults")).json()["faults"] == []
    assert (await shop.http.post("/", data={"fault": "gremlins", "on": "on"})).status_code == 400
    await shop.http.post("/", data={"fault": "flaky", "on": "on", "percent": "12.5", "seed": "7"})
    assert "flaky</b> for all orders, 5.0 s, 12.5 % by seed 7" in (await shop.http.get("/")).text
