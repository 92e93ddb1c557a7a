"""The report of a day: its sums, and each planted difference under its order."""

import csv
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from infra.operator.report import DoesNotAddUp
from stays.aws.store import Store
from stays.domain.decision import Evidence, Outcome
from stays.table.keys import stay_key, transaction_key
from stays.table.sessions import Sessions
from tests.integration.tables import dynamodb
from tests.integration.test_operator import OperatorCommands, given_back, lost, reviewed, said, second
from tests.integration.world import World

DAY = date(2027, 3, 1)


@pytest.fixture
def operator(world: World) -> OperatorCommands:
    return OperatorCommands(world)


def tell(operator: OperatorCommands, lines: list[Any]) -> None:
    """Keep the lines of the report until it raises."""
    lines.extend(operator.dry.report(DAY))


def refunding(world: World) -> dict[str, Any]:
    paid = world.paid()
    world.http("DELETE", f"/bookings/{paid['id']}")
    world.tick()
    return paid


def change(world: World, stay_id: str, kind: str = "SESSION", **changes: Any) -> None:
    """Plant a difference: change an item behind the functions' backs."""
    Store(dynamodb(), "stays").update(stay_key(stay_id, kind), changes)


def test_a_day_that_adds_up_says_so_and_its_sums_are_zalopays(world: World, operator: OperatorCommands) -> None:
    refunding(world)
    world.after(minutes=2)
    (_, booked, waiting) = world.apart("2027-05-01", "2027-05-02", "2027-05-03")
    world.zalopay.pay(booked)
    told = said(operator.dry.report(DAY))
    assert told.startswith(
        "2027-03-01: 4 orders, 4 checked with ZaloPay, 0 with the record only; none with a difference"
    )
    sums = {line.fields["total"]: line.fields["amount"] for line in operator.dry.report(DAY) if "total" in line.fields}
    at_zalopay = [order["amount"] for order in world.zalopay.orders() if order["state"] != "OPEN"]
    assert (sums["paid"], sums["refunded"]) == (sum(at_zalopay), sum(given_back(world).values()))
    assert sums["paid"] == sums["booked"] + sums["refunded"]
    assert "still to be paid: 2 orders" in told and waiting in told
    assert said(operator.dry.report(DAY + timedelta(days=1))).startswith("2027-03-02: 0 orders")


def unheard(world: World) -> str:
    return str(lost(world)["appTransId"])


def made_up(world: World) -> str:
    made = world.created()
    store = Store(dynamodb(), "stays")
    session = Sessions(store).find(made["sessionId"])
    evidence = Evidence(source="callback", outcome=Outcome.PAID, transaction_id="270301000000999", amount=1_200_000)
    Sessions(store).record(session, evidence, datetime.now(UTC))
    return str(made["appTransId"])


def other_amount(world: World) -> str:
    paid = world.paid()
    change(world, paid["id"], received=1_100_000, amount=1_100_000)
    return str(paid["appTransId"])


def other_transaction(world: World) -> str:
    paid = world.paid()
    change(world, paid["id"], transactionId="270301000000998")
    return str(paid["appTransId"])


def no_copy(world: World) -> str:
    paid = world.paid()
    Store(dynamodb(), "stays").delete(transaction_key(paid["transactionId"]))
    return str(paid["appTransId"])


def no_booking(world: World) -> str:
    paid = world.paid()
    Store(dynamodb(), "stays").delete(stay_key(paid["id"], "BOOKING"))
    return str(paid["appTransId"])


def cancelled_in_one_place(world: World) -> str:
    paid = refunding(world)
    change(world, paid["id"], "BOOKING", status="CONFIRMED")
    return str(paid["appTransId"])


def arrived_unnoticed(world: World) -> str:
    paid = refunding(world)
    world.clock.shift(timedelta(minutes=2))
    return str(paid["appTransId"])


def more_than_came(world: World) -> str:
    paid = refunding(world)
    change(world, paid["id"], refund=world.session(paid["id"])["refund"] | {"amount": 1_300_000})
    return str(paid["appTransId"])


def silent(world: World) -> str:
    paid = world.paid()
    world.zalopay.fault("query_down")
    return str(paid["appTransId"])


PLANTED: dict[Callable[[World], str], str] = {
    unheard: "ZaloPay has 1.200.000 ₫ under .*, the record has nothing paid",
    made_up: "ZaloPay says UNPAID, the record has 1.200.000 ₫ paid",
    other_amount: "the timeline has 1.200.000 ₫ paid, the session 1.100.000 ₫",
    other_transaction: "ZaloPay has the transaction .*, the record 270301000000998",
    no_copy: "the transaction .* does not lead to this stay",
    no_booking: "the session is BOOKED, its booking is not confirmed",
    cancelled_in_one_place: "the session is REFUNDING, its booking is confirmed",
    arrived_unnoticed: "ZaloPay says DONE of the refund, the record says REFUNDING",
    more_than_came: "100.000 ₫ more go back than came",
    silent: "ZaloPay does not answer about the order",
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda each: each.__name__)
def test_a_difference_is_found_and_stands_on_top(
    world: World, operator: OperatorCommands, plant: Callable[[World], str]
) -> None:
    world.apart("2027-06-01")
    order, lines = plant(world), list[str]()
    with pytest.raises(DoesNotAddUp, match="of 2 orders"):
        tell(operator, lines)
    count = next(number for number, line in enumerate(lines) if not line.startswith("DOES NOT ADD UP  "))
    (found,) = [line for line in lines[:count] if line.startswith(f"DOES NOT ADD UP  {order}: ")]
    assert re.search(PLANTED[plant], found), found


def test_old_orders_are_compared_with_the_record_and_marked_so(world: World, operator: OperatorCommands) -> None:
    order = no_booking(world)
    world.clock.shift(timedelta(hours=49))
    lines: list[str] = []
    with pytest.raises(DoesNotAddUp):
        tell(operator, lines)
    assert lines[0] == f"DOES NOT ADD UP  {order}: the session is BOOKED, its booking is not confirmed"
    assert "0 checked with ZaloPay, 1 with the record only" in lines[1]


def test_money_under_review_and_stray_money_are_sums_of_their_own(world: World, operator: OperatorCommands) -> None:
    made = reviewed(world)
    world.zalopay.fault("callback_wrong_amount", on=False)
    lines: list[Any] = []
    with pytest.raises(DoesNotAddUp):  # ZaloPay has the price, and its callback named another amount
        tell(operator, lines)
    (row,) = [line.fields for line in lines if line.startswith("  ") and "order" in line.fields]
    assert (row["order"], row["paid"], row["review"]) == (made["appTransId"], 1_201_000, 1_201_000)


def test_a_second_transaction_is_a_row_until_it_is_paid_back(world: World, operator: OperatorCommands) -> None:
    _, transaction = second(world)
    world.clock.shift(timedelta(seconds=1))

    def row() -> dict[str, str]:
        head, *rows = csv.reader(operator.dry.report(DAY, as_csv=True))
        (found,) = [each for row in rows if (each := dict(zip(head, row, strict=True)))["state"].startswith("STRAY")]
        assert found["transaction"] == transaction
        return found

    assert (row()["review"], row()["paid"], row()["checked"]) == ("500000", "500000", "the record only")
    said(operator.really.refund(transaction, None))
    assert row()["open"] == "500000"
    world.tick()
    world.after(minutes=2)
    assert (row()["refunded"], row()["checked"], row()["difference"]) == ("500000", "ZaloPay", "")
