"""Unusual behaviour of the simulator: odd answers and spellings, discounts, second payments, late news."""

import json
import re
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from starlette.types import Message

from infra.zalopay_simulator import Settings, create_app, faults, spellings, wire
from infra.zalopay_simulator.storage import order_of
from tests.unit.shop import KEY1, KEY2, NOON, ORDER, REFUND, Shop, codes, signed

DAY = 86_400
PAGE = (Path(__file__).parents[2] / "docs" / "local.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "answer",
    [
        {"return_code": 2, "sub_return_code": -377, "return_message": "Giao dịch thất bại"},
        {"return_code": 2},
        {"return_code": "2", "sub_return_code": "-54"},
        {"return_code": 2.0, "sub_return_code": -54.5},
        {"return_code": None, "sub_return_code": None},
        {"return_code": True, "is_processing": "false"},
        {"return_code": 3, "sub_return_code": 3, "is_processing": True, "amount": 0, "zp_trans_id": 0},
        {"return_code": 1, "amount": "50000", "zp_trans_id": 250_210_000_000_001.0, "server_time": ""},
        {"sub_return_code": [{"x": [10**30, ""]}], "unknown": "tiếng Việt"},
    ],
)
async def test_query_says_of_an_order_exactly_what_it_was_told_to_say(shop: Shop, answer: dict[str, Any]) -> None:
    await shop.create()
    shown = await shop.act("answer", **answer)
    said = await shop.http.post("/v2/query", json=query_of(ORDER))
    assert said.text == wire.compact(answer)
    assert shown["answer"] == (await shop.ledger())["answer"] == answer
    assert (shown["state"], shown["zp_trans_id"]) == ("OPEN", 0)


def query_of(app_trans_id: str) -> dict[str, Any]:
    return {"app_id": 2553, "app_trans_id": app_trans_id, "mac": signed(KEY1, 2553, app_trans_id, KEY1)}


async def test_the_truth_is_told_again_after_an_empty_answer_or_a_delete(shop: Shop) -> None:
    await shop.paid()
    for take_back in (shop.http.post, shop.http.delete):
        await shop.act("answer", return_code=2, sub_return_code=-54)
        assert codes(await shop.query()) == (2, -54)
        shown = await take_back(f"/simulator/orders/{ORDER}/answer")
        assert (shown.json()["answer"], shown.json()["state"]) == ({}, "PAID")
        assert codes(await shop.query()) == (1, 1)


async def test_an_answer_changes_nothing_but_querys_words(shop: Shop) -> None:
    await shop.create()
    await shop.act("answer", return_code=1, sub_return_code=1, amount=50_000, zp_trans_id=250_210_000_000_001)
    assert codes(await shop.refund("250210000000001", 50_000)) == (2, -101)
    assert shop.received == []
    await shop.act("answer", return_code=2, sub_return_code=-329)
    assert (await shop.act("pay"))["state"] == "PAID"
    assert codes(await shop.query()) == (2, -329)


async def test_an_answer_belongs_to_one_order_and_outlives_its_two_days_and_a_restart(tmp_path: Path) -> None:
    before = Shop(ledger=tmp_path / "zalopay.sqlite")
    for name in (ORDER, "250210_second"):
        await before.create(app_trans_id=name)
    await before.act("answer", return_code=3, sub_return_code=3, is_processing=True)
    after = Shop(ledger=tmp_path / "zalopay.sqlite")
    after.now += 3 * DAY
    assert (await after.query())["is_processing"] is True
    assert codes(await after.query("250210_second")) == (2, -101)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("250210_nobody/answer", b'{"return_code": 2}', 404),
        (f"{ORDER}/answer", b"[]", 400),
        (f"{ORDER}/answer", b"2", 400),
        (f"{ORDER}/answer", b"null", 400),
        (f"{ORDER}/answer", b"{", 400),
        (f"{ORDER}/answer", b"\xff", 400),
        (f"{ORDER}/answer", b'{"amount": NaN}', 400),
        (f"{ORDER}/answer", b'{"amount": 1e999}', 400),
        (f"{ORDER}/answer", b'{"return_message": "\\ud800"}', 400),
        (f"{ORDER}/answer", b'{"amount": ' + b"[" * 30 + b"]" * 30 + b"}", 400),
        (f"{ORDER}/answer", b"[" * 100_000, 400),
        (f"{ORDER}/pay", b'{"discount": -1}', 400),
        (f"{ORDER}/pay", b'{"discount": 50001}', 400),
        (f"{ORDER}/pay", b'{"discount": true}', 400),
        (f"{ORDER}/pay", b'{"discount": 1000.0}', 400),
        (f"{ORDER}/pay", b'{"discount": 1000, "amount_is": "mine"}', 400),
        (f"{ORDER}/pay", b'{"again": true}', 409),
        (f"{ORDER}/callback", b"{}", 409),
    ],
)
async def test_the_simulators_own_calls_say_what_is_wrong(shop: Shop, path: str, body: bytes, status: int) -> None:
    await shop.create()
    response = await shop.http.post(f"/simulator/orders/{path}", content=body)
    assert response.status_code == status
    assert response.json()["error"]
    assert (await shop.ledger())["state"] == "OPEN"


async def test_taking_back_the_answer_of_an_unknown_order_is_404(shop: Shop) -> None:
    assert (await shop.http.delete("/simulator/orders/250210_nobody/answer")).status_code == 404


@pytest.mark.parametrize("how", ["unpaid", "paid", "cancelled"])
async def test_query_knows_an_order_for_48_hours_and_the_payer_for_longer(shop: Shop, how: str) -> None:
    began = shop.now - 60
    await shop.create(app_time=int(began * 1000))
    if how != "unpaid":
        await shop.act("pay" if how == "paid" else "cancel")
    shop.now = began + 2 * DAY
    known = codes(await shop.query())
    assert known == {"unpaid": (2, -54), "paid": (1, 1), "cancelled": (2, -329)}[how]
    shop.now += 0.001
    assert codes(await shop.query()) == (2, -101)
    if how == "unpaid":
        await shop.act("pay", late=True)
        assert len(shop.received) == 1
        assert codes(await shop.query()) == (2, -101)


async def test_fault_payment_moving_lasts_beyond_the_end_and_the_order_is_paid_or_not(shop: Shop) -> None:
    await shop.create()
    await shop.fault("payment_moving")
    await shop.act("decline")
    for passed in (0, 900, DAY):
        shop.now = NOON + passed
        answer = await shop.query()
        assert (*codes(answer), answer["is_processing"], answer["amount"]) == (3, 3, True, 0)
    assert codes(await shop.cancel()) == (2, -401)
    await shop.fault("payment_moving", on=False)
    assert codes(await shop.query()) == (2, -54)
    await shop.fault("payment_moving", app_trans_id=ORDER)
    await shop.act("pay", late=True)
    assert codes(await shop.query()) == (1, 1)


async def test_fault_payment_moving_does_not_revive_a_cancelled_order(shop: Shop) -> None:
    await shop.fault("payment_moving", next=True)
    await shop.create()
    await shop.act("cancel")
    assert codes(await shop.query()) == (2, -329)


async def test_an_open_order_is_cancelled_once_and_cannot_be_paid_any_more(shop: Shop) -> None:
    await shop.create()
    await shop.act("decline")
    assert codes(await shop.cancel()) == (1, 1)
    assert codes(await shop.query()) == codes(await shop.cancel()) == (2, -329)
    assert await shop.act("pay", late=True) == {"error": "order is CANCELLED"}
    assert (await shop.ledger())["state"] == "CANCELLED"


async def test_cancel_refuses_paid_expired_and_unknown_orders_and_leaves_them_as_they_are(shop: Shop) -> None:
    assert codes(await shop.cancel()) == (2, -101)
    await shop.paid()
    assert codes(await shop.cancel()) == (2, -401)
    assert codes(await shop.query()) == (1, 1)
    await shop.create(app_trans_id="250210_second")
    shop.now += 900
    assert codes(await shop.cancel("250210_second")) == (2, -54)
    assert (await shop.act("pay", "250210_second", late=True))["state"] == "PAID"


async def test_cancel_is_accepted_as_form_and_refuses_bad_data_and_bad_macs(shop: Shop) -> None:
    await shop.create()
    without_key = signed(KEY1, 2553, ORDER)
    for changed in ({"mac": without_key}, {"mac": signed(KEY2, 2553, ORDER, KEY1)}, {"app_id": 2554}):
        assert codes(await shop.cancel(**changed)) == (2, -402)
    assert codes(await shop.cancel(app_trans_id="")) == codes(await shop.cancel(app_id="x")) == (2, -401)
    assert codes((await shop.http.post("/v2/cancel", data=query_of(ORDER))).json()) == (1, 1)


@pytest.mark.parametrize(("told", "code"), [({}, -401), ({"sub_return_code": -500}, -500)])
async def test_fault_cancel_refused(shop: Shop, told: dict[str, int], code: int) -> None:
    await shop.create()
    await shop.fault("cancel_refused", **told)
    assert codes(await shop.cancel()) == (2, code)
    assert (await shop.act("pay"))["state"] == "PAID"


@pytest.mark.parametrize(
    ("how", "amount", "discount"),
    [
        ({}, 50_000, 0),
        ({"discount": 0, "amount_is": "payer"}, 50_000, 0),
        ({"discount": 20_000}, 50_000, 20_000),
        ({"discount": 20_000, "amount_is": "order"}, 50_000, 20_000),
        ({"discount": 20_000, "amount_is": "payer"}, 30_000, 20_000),
        ({"discount": 50_000, "amount_is": "payer"}, 0, 50_000),
    ],
)
async def test_callback_query_and_redirect_tell_the_discount(
    shop: Shop, how: dict[str, Any], amount: int, discount: int
) -> None:
    await shop.create()
    paid = await shop.act("pay", **how)
    data, answer = json.loads(shop.received[0]["data"]), await shop.query()
    query = dict(parse_qsl(urlsplit(paid["redirect_url"]).query, keep_blank_values=True))
    assert (data["amount"], data["discount_amount"]) == (amount, discount)
    assert (answer["amount"], answer["discount_amount"]) == (amount, discount)
    assert (query["amount"], query["discountamount"]) == (str(amount), str(discount))
    assert query["checksum"] == signed(KEY2, 2553, ORDER, 38, "", amount, discount, 1)
    assert (paid["amount"], paid["discount"]) == (50_000, discount)


@pytest.mark.parametrize("amount_is", ["order", "payer"])
async def test_an_order_paid_with_a_discount_is_given_back_only_as_a_whole(shop: Shop, amount_is: str) -> None:
    zp_trans_id = await shop.paid(how={"discount": 20_000, "amount_is": amount_is})
    assert codes(await shop.refund(zp_trans_id, 30_000)) == (2, -32)
    assert codes(await shop.refund(zp_trans_id, 49_999)) == (2, -32)
    assert codes(await shop.refund(zp_trans_id, 50_001)) == (2, -14)
    assert codes(await shop.refund(zp_trans_id, 50_000)) == (3, 2)
    assert codes(await shop.refund(zp_trans_id, 1, "250210_2553_2")) == (2, -14)


@pytest.mark.parametrize("amount_is", ["order", "payer"])
async def test_fault_refund_of_share_only_gives_back_the_payers_share_as_a_whole(shop: Shop, amount_is: str) -> None:
    zp_trans_id = await shop.paid(how={"discount": 20_000, "amount_is": amount_is})
    await shop.fault("refund_of_share_only")
    await shop.fault("refund_in_part_refused")
    assert codes(await shop.refund(zp_trans_id, 50_000)) == (2, -14)
    assert codes(await shop.refund(zp_trans_id, 29_999)) == (2, -32)
    assert codes(await shop.refund(zp_trans_id, 30_000)) == (3, 2)
    shop.now += 5
    await shop.fault("refund_of_share_only", on=False)
    assert codes(await shop.refund(zp_trans_id, 50_000, "250210_2553_2")) == (2, -14)


async def test_fault_refund_of_share_only_leaves_orders_without_a_discount_alone(shop: Shop) -> None:
    await shop.fault("refund_of_share_only")
    zp_trans_id = await shop.paid()
    assert codes(await shop.refund(zp_trans_id, 20_000)) == (3, 2)
    assert codes(await shop.refund(zp_trans_id, 30_000, "250210_2553_2")) == (3, 2)


async def test_an_order_is_paid_again_by_another_transaction_with_its_own_callback(shop: Shop) -> None:
    first = await shop.paid()
    shop.now += 3 * DAY
    paid = await shop.act("pay", again=True, discount=5_000, amount_is="payer")
    (second,) = paid["again"]
    assert second["zp_trans_id"] not in (0, int(first))
    assert (second["paid_at"], second["discount"]) == (int(shop.now * 1000), 5_000)
    assert (paid["zp_trans_id"], paid["state"]) == (int(first), "PAID")
    data = [json.loads(each["data"]) for each in shop.received]
    assert [each["zp_trans_id"] for each in data] == [int(first), second["zp_trans_id"]]
    assert [each["amount"] for each in data] == [50_000, 45_000]
    assert [each["server_time"] for each in data] == [NOON * 1000, second["paid_at"]]
    assert len((await shop.act("pay", again=True))["again"]) == 2


async def test_query_names_the_first_payment_and_each_is_given_back_on_its_own(shop: Shop) -> None:
    first = await shop.paid()
    second = str((await shop.act("pay", again=True))["again"][0]["zp_trans_id"])
    assert (await shop.query())["zp_trans_id"] == int(first)
    assert codes(await shop.refund(second, 50_000)) == (3, 2)
    assert codes(await shop.refund(second, 1, "250210_2553_2")) == (2, -14)
    assert codes(await shop.refund(first, 20_000, "250210_2553_3")) == (3, 2)
    refunds = (await shop.ledger())["refunds"]
    assert [(each["zp_trans_id"], each["amount"]) for each in refunds] == [(int(second), 50_000), (int(first), 20_000)]


async def test_the_callback_of_either_payment_is_sent_again_by_its_number(shop: Shop) -> None:
    await shop.fault("callback_lost")
    first = int(await shop.paid())
    second = (await shop.act("pay", again=True))["again"][0]["zp_trans_id"]
    for named, meant in (({}, first), ({"zp_trans_id": second}, second), ({"zp_trans_id": first}, first)):
        await shop.act("callback", **named)
        assert json.loads(shop.received[-1]["data"])["zp_trans_id"] == meant
    assert "zp_trans_id" in (await shop.act("callback", zp_trans_id=7))["error"]


@pytest.mark.parametrize("end", ["open", "cancelled", "expired"])
async def test_only_a_paid_order_is_paid_again(shop: Shop, end: str) -> None:
    await shop.create()
    if end == "cancelled":
        await shop.act("cancel")
    shop.now += 900 if end == "expired" else 0
    assert await shop.act("pay", again=True, late=True) == {"error": "order is not paid"}


async def test_discounts_and_second_payments_survive_a_restart(tmp_path: Path) -> None:
    before = Shop(ledger=tmp_path / "zalopay.sqlite")
    await before.paid(how={"discount": 20_000, "amount_is": "payer"})
    second = str((await before.act("pay", again=True))["again"][0]["zp_trans_id"])
    after = Shop(ledger=tmp_path / "zalopay.sqlite")
    assert await after.ledger() == await before.ledger()
    assert (await after.query())["discount_amount"] == 20_000
    assert codes(await after.refund(second, 20_000)) == (3, 2)


async def test_orders_that_were_kept_before_there_were_discounts_are_still_read_and_given_back(shop: Shop) -> None:
    await shop.refund(await shop.paid(), 20_000)
    (order,) = simulated(shop).ledger.orders.values()
    old = asdict(order)
    for name in ("discount", "amount_is", "again", "answer"):
        del old[name]
    del old["refunds"][0]["zp_trans_id"]
    found = order_of(json.loads(json.dumps(old)))
    assert (found.first, found.again, found.answer) == (order.first, [], {})
    assert found.refunded(found.first) == 20_000


def simulated(shop: Shop) -> Any:
    transport: Any = shop.http._transport
    return transport.app.state.simulator


@pytest.mark.parametrize(("told", "seconds"), [({}, 3600), ({"seconds": 90}, 90)])
async def test_fault_refund_shown_late(shop: Shop, told: dict[str, int], seconds: int) -> None:
    await shop.fault("refund_shown_late", **told)
    assert codes(await shop.refund(await shop.paid(), 50_000)) == (3, 2)
    shop.now += seconds - 1
    assert codes(await shop.query_refund()) == (2, -101)
    assert codes(await shop.refund(str((await shop.ledger())["zp_trans_id"]), 50_000)) == (2, -23)
    shop.now += 1
    assert codes(await shop.query_refund()) == (1, 1)
    assert [each["m_refund_id"] for each in (await shop.ledger())["refunds"]] == [REFUND]


async def test_fault_refund_shown_late_ends_with_the_fault(shop: Shop) -> None:
    await shop.fault("refund_shown_late", app_trans_id=ORDER)
    await shop.refund(await shop.paid(), 50_000)
    assert codes(await shop.query_refund()) == (2, -101)
    await shop.fault("refund_shown_late", on=False, app_trans_id=ORDER)
    assert codes(await shop.query_refund()) == (3, 2)


async def callbacks_of(shop: Shop, times: int) -> list[dict[str, Any]]:
    return (await shop.act("callback", times=times))["callbacks"]  # type: ignore[no-any-return]


def understood(content_type: str, content: bytes) -> dict[str, Any]:
    """A callback as a tolerant merchant reads it: `data`, `mac` and their fields."""
    text = content.decode("utf-8-sig")
    form = content_type == "application/x-www-form-urlencoded"
    body = dict(parse_qsl(text, keep_blank_values=True)) if form else json.loads(text)
    assert body["mac"].lower() == signed(KEY2, body["data"])
    found: dict[str, Any] = json.loads(body["data"].removeprefix("\ufeff"))
    assert found["app_trans_id"] == ORDER
    return found


def seen(content_type: str, content: bytes) -> tuple[int, int, int]:
    data = understood(content_type, content)
    return int(float(data["amount"])), int(float(data["zp_trans_id"])), int(float(data.get("discount_amount") or 0))


@pytest.mark.parametrize("number", range(spellings.SPELLINGS))
async def test_every_spelling_says_the_same_under_a_right_mac(shop: Shop, number: int) -> None:
    zp_trans_id = await shop.paid(how={"discount": 20_000}, item='[{"itemname":"Nhà gỗ"}]')
    spelling = spellings.spelled(shop.received[0], number, KEY2)
    assert seen(spelling.content_type, spelling.content) == (50_000, int(zp_trans_id), 20_000)
    assert (spelling.content == shop.heard[0][1]) == (number == 0)


async def test_no_two_spellings_are_alike_and_the_number_goes_round(shop: Shop) -> None:
    await shop.paid(item='[{"itemname":"Nhà gỗ"}]')
    (body,) = shop.received
    all_of_them = [spellings.spelled(body, number, KEY2) for number in range(spellings.SPELLINGS)]
    assert (
        len({each.content for each in all_of_them}) == len({each.name for each in all_of_them}) == spellings.SPELLINGS
    )
    assert spellings.spelled(body, spellings.SPELLINGS + 7, KEY2) == all_of_them[7]
    assert spellings.spelled(body, -1, KEY2) == all_of_them[-1]


@pytest.mark.parametrize(
    ("number", "name", "shown"),
    [
        (1, "numbers as text", b'\\"amount\\":\\"50000\\"'),
        (2, "numbers as integral floats", b'\\"amount\\":50000.0,'),
        (3, "optional fields empty", b'\\"server_time\\":\\"\\"'),
        (4, "optional fields null", b'\\"server_time\\":null'),
        (6, "unknown fields in data", b'\\"promotion\\"'),
        (7, "byte order mark before data", b'"data":"\xef\xbb\xbf{'),
        (8, "white space in data", b'\\n  \\"amount\\": 50000'),
        (9, "letters of data escaped", b"Nh\\\\u00e0"),
        (20, "type as text", b',"type":"1"}'),
        (30, "type as a float", b',"type":1.0}'),
        (40, "type empty", b',"type":""}'),
        (50, "byte order mark before the body", b'\xef\xbb\xbf{"data":'),
        (60, "form body", b"data=%7B%22app_id%22"),
        (61, "numbers as text, form body", b"%22amount%22%3A%2250000%22"),
    ],
)
async def test_a_seed_of_callback_dressed_is_the_number_of_a_spelling(
    shop: Shop, number: int, name: str, shown: bytes
) -> None:
    shop.deaf = True
    await shop.fault("callback_dressed", seed=number)
    await shop.paid(item='[{"itemname":"Nhà gỗ"}]')
    ((kind, content),) = shop.heard
    assert shown in content
    assert kind == ("application/x-www-form-urlencoded" if number // 10 == 6 else "application/json")
    (entry,) = (await shop.ledger())["callbacks"]
    assert (entry["dress"], entry["verdict"]) == (name, "accepted")
    assert entry["mac"] == signed(KEY2, entry["data"])


@pytest.mark.parametrize(
    ("number", "missing", "level"), [(10, "type", "body"), (5, "channel", "data"), (5, "server_time", "data")]
)
async def test_a_spelling_may_leave_something_out(shop: Shop, number: int, missing: str, level: str) -> None:
    await shop.fault("callback_dressed", seed=number)
    await shop.paid()
    (body,) = shop.received
    assert missing not in (body if level == "body" else json.loads(body["data"]))


async def test_without_a_seed_an_order_uses_one_spelling_after_the_other(shop: Shop) -> None:
    shop.deaf = True
    await shop.paid()
    await shop.fault("callback_dressed")
    names = [each["dress"] for each in await callbacks_of(shop, spellings.SPELLINGS - 1)]
    assert len(set(names)) == spellings.SPELLINGS - 1
    at_once = await shop.act("callback", times=9, at_once=True)
    assert len({each["dress"] for each in at_once["callbacks"]}) == 9
    assert all(left != right for left, right in pairwise(content for _, content in shop.heard[1:]))


async def test_a_spelled_callback_is_sent_again_when_it_was_not_taken(shop: Shop) -> None:
    shop.deaf, shop.answers = True, [0, 0, 1]
    await shop.fault("callback_dressed")
    await shop.paid()
    await shop.calm()
    assert len({content for _, content in shop.heard}) == 3


async def test_a_wrong_key_or_amount_stays_wrong_in_any_spelling(shop: Shop) -> None:
    shop.deaf = True
    await shop.fault("callback_dressed", seed=61)
    await shop.fault("callback_wrong_amount")
    await shop.paid()
    assert understood(*shop.heard[0])["amount"] == "51000"
    await shop.fault("callback_bad_mac")
    (entry,) = await callbacks_of(shop, 1)
    assert entry["mac"] != signed(KEY2, entry["data"])


async def test_key2_of_the_moment_signs_a_spelled_callback(shop: Shop) -> None:
    await shop.fault("callback_dressed", seed=7)
    await shop.http.post("/simulator/keys", json={"key2": "the next key"})
    await shop.paid()
    assert shop.received[0]["mac"] == signed("the next key", shop.received[0]["data"])


async def test_the_faults_say_which_spellings_there_are(shop: Shop) -> None:
    shown = (await shop.http.get("/simulator/faults")).json()["dresses"]
    assert (shown["data"][2], shown["around"][6]) == ("numbers as integral floats", "form body")
    assert len(shown["data"]) * len(shown["around"]) == spellings.SPELLINGS


@pytest.mark.parametrize("call", ["create", "query", "cancel", "refund", "query_refund"])
async def test_fault_trickle_sends_the_same_answer_byte_by_byte(shop: Shop, call: str) -> None:
    zp_trans_id = await shop.paid()
    await shop.fault("trickle", seconds=0.25)
    ask: dict[str, Any] = {
        "create": lambda: shop.create(app_trans_id="250210_second"),
        "query": shop.query,
        "cancel": shop.cancel,
        "refund": lambda: shop.refund(zp_trans_id, 50_000),
        "query_refund": shop.query_refund,
    }
    answer = await ask[call]()
    assert answer["return_code"] in (1, 2, 3)
    assert shop.naps == [0.25] * (len(wire.compact(answer).encode()) - 1)


async def test_fault_trickle_is_for_the_orders_it_is_on_for(shop: Shop) -> None:
    for name in (ORDER, "250210_second"):
        await shop.create(app_trans_id=name)
    await shop.fault("trickle", app_trans_id=ORDER)
    await shop.query("250210_second")
    assert shop.naps == []
    await shop.act("answer", return_code=2)
    assert await shop.query() == {"return_code": 2}
    assert shop.naps == [1.0] * 16


def test_a_trickling_answer_comes_at_once_where_no_client_is_connected() -> None:
    app = create_app(Settings(clock=lambda: NOON))
    app.state.simulator.switch("trickle", True, faults.ALL)
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": json.dumps(query_of(ORDER)).encode(), "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v2/query", "raw_path": b"/v2/query", "query_string": b""}
    scope |= {"headers": [(b"content-type", b"application/json")], "root_path": ""}
    with pytest.raises(StopIteration):
        app(scope, receive, send).send(None)
    assert json.loads(sent[1]["body"])["sub_return_code"] == -101


async def test_every_fault_stands_in_the_documents_and_on_the_front_page(shop: Shop) -> None:
    page = (await shop.http.get("/")).text
    for name in faults.KNOWN:
        assert f"`{name}`" in PAGE, name
        assert f"<option>{name}</option>" in page
        assert f"<code>{name}</code>" in page


async def test_every_call_that_the_documents_show_is_answered(shop: Shop) -> None:
    shop.deaf = True
    calls = re.findall(r"^\| `(GET|POST|DELETE) (/simulator\S*)(?: (\{.*?\}))?`", PAGE, re.MULTILINE)
    assert len(calls) == 9
    await shop.create()
    for method, path, body in calls:
        answer = await shop.http.request(method, path.replace("$order", ORDER), content=body)
        assert answer.status_code == 200, answer.text


async def test_the_pages_show_discounts_second_payments_spellings_and_what_query_says(shop: Shop) -> None:
    token = (await shop.create())["zp_trans_token"]
    await shop.act("pay", discount=20_000)
    second = str((await shop.act("pay", again=True))["again"][0]["zp_trans_id"])
    await shop.act("answer", return_code="2", note="<b>")
    await shop.http.post("/", data={"fault": "callback_dressed", "on": "on", "seed": "43"})
    await shop.http.post("/", data={"fault": "callback_dressed", "on": "on", "for": ORDER})
    front, pay = [(await shop.http.get(path)).text for path in ("/", f"/pay/{token}")]
    for page in (front, pay):
        assert "20.000 ₫" in page
        assert second in page
        assert "{&#34;return_code&#34;:&#34;2&#34;,&#34;note&#34;:&#34;&lt;b&gt;&#34;}" in page
    assert "for all orders, optional fields empty, type empty</span>" in front
    assert "all spellings in turn</span>" in front


async def test_a_call_in_process_and_one_over_http_are_spelled_alike(shop: Shop) -> None:
    await shop.fault("callback_dressed", seed=57)
    await shop.paid()
    (order,) = simulated(shop).ledger.orders.values()
    message = simulated(shop).callbacks.message(order)
    assert (message.content_type, message.content) == shop.heard[0]
