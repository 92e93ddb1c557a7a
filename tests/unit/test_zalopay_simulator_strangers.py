"""The simulator as strangers have met ZaloPay: odd answers and dresses, discounts, second payments, late news."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from infra.local.zalopay_simulator.storage import order_of
from tests.unit.shop import KEY2, NOON, ORDER, Shop, codes, signed

DAY = 86_400

pytestmark = pytest.mark.anyio


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
    for name in ("discount", "amount_is", "again"):
        del old[name]
    del old["refunds"][0]["zp_trans_id"]
    found = order_of(json.loads(json.dumps(old)))
    assert (found.first, found.again) == (order.first, [])
    assert found.refunded(found.first) == 20_000


def simulated(shop: Shop) -> Any:
    transport: Any = shop.http._transport
    return transport.app.state.simulator
