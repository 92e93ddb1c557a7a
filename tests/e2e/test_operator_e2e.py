"""The operator's commands on the command line, against the local run."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from stays.zalopay import create_request
from tests.conftest import KEY1
from tests.samples import APP_ID, opened

Operate = Callable[..., str]


def test_a_lost_callback_is_found_asked_about_and_told_of(
    local: Any, zalopay: Any, traveller: Any, operate: Operate
) -> None:
    local.dev("DELETE", "/dead-letters")  # left over from the tests of the seed data
    an = traveller()
    award = local.award(an)
    zalopay.switch("callback_lost", next=True)
    made = an.press_pay(award)
    zalopay.pay(made["appTransId"])
    assert made["sessionId"] in operate("due")
    *shown, does = operate("ask", made["appTransId"]).splitlines()
    assert "would become PAID / BOOKED" in "".join(shown)
    assert does == f'  make operator ARGS="--local --at {local.http_url} ask {made["appTransId"]} --as linh --yes"'
    assert "is now PAID / BOOKED" in operate(*does.removesuffix('"').split('="')[1].split()[3:])
    story = operate("show", made["sessionId"])
    assert "paid, and the nights are booked (operator said PAID" in story and "by linh" in story
    assert operate("redrive") == "Nothing waits: there is no dead letter.\n"
    first, *_ = map(json.loads, operate("--json", "show", made["sessionId"]).splitlines())
    assert (first["id"], first["status"], "userId" in first) == (made["sessionId"], "PAID", False)
    assert operate("find", made["sessionId"]).startswith(f"{made['sessionId']}  ")
    assert f"{made['sessionId']}/BookingConfirmed is published" in operate("publish", "--since", "2026-01-01", "--yes")
    assert operate("show", "1", ends=3) == "There is nothing here.\n"
    assert "--end-booking" in operate("refund", made["sessionId"], "--yes", ends=1)
    assert "PAID / REFUND_DUE" in operate("refund", made["sessionId"], "--end-booking")
    assert "BOOKING_CANCELLED" not in local.events(made["sessionId"])


def elsewhere(local: Any, zalopay: Any) -> Mapping[str, Any]:
    """An unknown order at ZaloPay that is paid, and its callback."""
    session = opened(now=local.now())
    asked = create_request(
        APP_ID, KEY1, session, "http://localhost", f"{local.http_url}/api/v1/payment/zalopay/callback"
    )
    httpx.post(f"{zalopay.url}/v2/create", json=asked, trust_env=False).raise_for_status()
    zalopay.pay(session.app_trans_id)
    order: Mapping[str, Any] = zalopay.order(session.app_trans_id)
    return order


def test_stray_money_is_listed_and_given_back_by_its_transaction(local: Any, zalopay: Any, operate: Operate) -> None:
    order = elsewhere(local, zalopay)
    transaction = str(order["zp_trans_id"])
    line = f"900.000 ₫ under {transaction} for the order {order['app_trans_id']}, which is not ours"
    assert line in operate("review")
    assert "Stray money: 900.000 ₫" in operate("show", transaction)
    assert "OPEN would become REFUND_DUE" in operate("refund", transaction)
    assert "OPEN is now REFUND_DUE" in operate("refund", transaction, "--yes")
    assert line not in operate("review")
    for _ in range(3):
        local.round(after=60)
    assert [each["amount"] for each in zalopay.order(order["app_trans_id"])["refunds"]] == [900_000]
    assert "REFUNDED" in operate("show", transaction)
    assert "or there already" in operate("settle-stray", transaction, "--yes", ends=1)


def test_a_session_is_ended_by_hand(local: Any, traveller: Any, operate: Operate) -> None:
    an = traveller()
    award = local.award(an)
    made = an.press_pay(award)
    assert "PENDING / NONE would become CANCELLED / NONE" in operate("end", made["sessionId"])
    assert "PENDING / NONE is now CANCELLED / NONE" in operate("--yes", "end", made["sessionId"])
    assert local.events(made["sessionId"])[-1] == "ENDED_BY_OPERATOR"
    assert "over already" in operate("end", made["sessionId"], "--yes", ends=1)
