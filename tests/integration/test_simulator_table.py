"""The simulator's ledger in DynamoDB: each request reads the latest state, and none overwrites another."""

from dataclasses import asdict
from typing import Any

import pytest

from infra.topology import Table
from infra.zalopay_simulator.ledger import Order, Payment, Refund
from infra.zalopay_simulator.table import LedgerTable, Overtaken
from tests.conftest import client_of, create_table

ORDER = "250210_ORDER0001"
CALLBACK = {"at": 1_739_163_600_000, "verdict": "accepted"}


def an_order(app_trans_id: str = ORDER, **changes: Any) -> Order:
    texts = {name: name for name in ("app_user", "description", "embed_data", "item", "callback_url", "return_url")}
    return Order(
        app_trans_id, amount=50_000, app_time=1, expires_at=2, token=f"token-{app_trans_id}", **texts | changes
    )


def a_refund(m_refund_id: str = "250210_2553_1") -> Refund:
    return Refund(m_refund_id, 7, 20_000, 0, "Khách hủy", 1, 2)


@pytest.fixture
def orders(aws: None) -> Any:
    """Returns a function that reads the table as the next request does."""
    client = client_of("dynamodb")
    create_table(client, "simulator", Table({}, False, None))
    return lambda: LedgerTable(client, "simulator")


def test_an_order_is_read_as_it_was_written(orders: Any):
    order = an_order(refunds=[a_refund()], callbacks=[CALLBACK], attempts=[{"at": 1, "sub_return_code": -63}])
    orders().write(order)
    assert orders().orders() == [order]


def test_discounts_second_payments_and_what_query_says_are_kept(orders: Any):
    order = an_order(answer={"return_code": 2.0, "sub_return_code": None, "unknown": ["tiếng Việt"]})
    order.pay(1, 111, discount=20_000, amount_is="payer")
    order.pay_again(2, 222, discount=5_000)
    order.refunds.append(a_refund())
    orders().write(order)
    (found,) = orders().orders()
    assert (found, found.again) == (order, [Payment(222, 2, 5_000)])
    found.answer = {}
    request = orders()
    request.write(found)
    assert orders().orders() == [found]


def test_orders_come_in_the_order_of_their_time(orders: Any):
    for name, at in (("250210_b", 5), ("250210_a", 9), ("250210_c", 7)):
        order = an_order(name)
        order.app_time = at
        orders().write(order)
    assert [order.app_trans_id for order in orders().orders()] == ["250210_b", "250210_c", "250210_a"]


def test_of_two_that_change_an_order_at_the_same_time_the_second_begins_again(orders: Any):
    orders().write(an_order())
    first, second = orders(), orders()
    for request, number in ((first, 111), (second, 222)):
        request.orders()[0].pay(1, number)
    first.write(first.orders()[0])
    with pytest.raises(Overtaken):
        second.write(second.orders()[0])
    assert (first.overtaken, second.overtaken) == (False, True)
    assert orders().orders()[0].zp_trans_id == 111


def test_of_two_orders_with_one_id_the_second_begins_again(orders: Any):
    first, second = orders(), orders()
    first.write(an_order())
    with pytest.raises(Overtaken):
        second.write(an_order(description="another"))


def test_an_id_of_a_refund_belongs_to_one_order(orders: Any):
    first, second = orders(), orders()
    first.write(an_order("250210_a", refunds=[a_refund()]))
    with pytest.raises(Overtaken):
        second.write(an_order("250210_b", refunds=[a_refund()]))
    assert [order.app_trans_id for order in orders().orders()] == ["250210_a"]


def test_a_callback_is_kept_whatever_happens_to_the_order_meanwhile(orders: Any):
    orders().write(an_order())
    calling, refunding = orders(), orders()
    (order,) = refunding.orders()
    order.refunds.append(a_refund())
    refunding.write(order)
    (order,) = calling.orders()
    order.callbacks.append(CALLBACK)
    calling.write(order)
    (found,) = orders().orders()
    assert (found.refunds, found.callbacks) == ([a_refund()], [CALLBACK])


def test_an_order_as_it_was_is_not_written_again(orders: Any):
    orders().write(an_order())
    first, second = orders(), orders()
    for request in (first, second):
        request.write(request.orders()[0])
    assert [asdict(order) for order in orders().orders()] == [asdict(an_order())]


def test_an_order_can_change_twice_in_one_request(orders: Any):
    request, order = orders(), an_order()
    request.write(order)
    order.pay(1, 111)
    request.write(order)
    order.refunds.append(a_refund())
    request.write(order)
    assert orders().orders() == [order]


def test_switches_are_found_by_the_next_request(orders: Any):
    assert orders().switches is None
    orders().turn({"faults": [], "key2": "another"})
    assert orders().switches == {"faults": [], "key2": "another"}


def test_what_is_forgotten_is_gone(orders: Any):
    for number in range(60):
        orders().write(an_order(f"250210_{number}", refunds=[a_refund(str(number))], callbacks=[CALLBACK]))
    orders().turn({"faults": [], "key2": "another"})
    orders().clear()
    assert (orders().orders(), orders().switches) == ([], None)
    orders().write(an_order(refunds=[a_refund("1")]))


def test_everything_goes_by_itself_after_a_while(orders: Any):
    orders().write(an_order(refunds=[a_refund()], callbacks=[CALLBACK]))
    orders().turn({"faults": [], "key2": None})
    items = client_of("dynamodb").scan(TableName="simulator")["Items"]
    assert len(items) == 4
    assert all("expiresAt" in item for item in items)
