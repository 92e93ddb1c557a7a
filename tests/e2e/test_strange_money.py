"""Late, moving, discounted and double money, unusual answers, and the operator's decisions."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from stays.zalopay.signing import sign
from tests.conftest import KEY2
from tests.e2e.browser import ApiError, Browser, Outcome, SilentPage
from tests.e2e.local import VIETNAM, Award, Local, ZaloPay

Travel = Callable[..., Browser]
Order = dict[str, Any]
MINUTES = 60
HOURS = 3600
OVER = 20 * MINUTES  # every order and every hold has ended


def standing(browser: Browser, order: Order) -> tuple[str, str | None, int | None]:
    """Status, reason and refund, as `/status` answers."""
    told = browser.get(f"/payment/zalopay/status/{order['appTransId']}")
    return told["status"], told.get("reason"), told.get("refund", {}).get("amount")


def is_booked(browser: Browser, order: Order) -> bool:
    assert standing(browser, order)[0] == "PAID"
    booking = browser.get(f"/payment/{order['sessionId']}/booking")
    return (booking["status"], booking["totalAmount"]) == ("CONFIRMED", order["amount"])


def refunds(local: Local, zalopay: ZaloPay, *orders: Order) -> list[list[int]]:
    """The refunds of each order, after enough rounds of the clock."""
    local.round()
    local.round(after=2 * MINUTES)
    return given_back(zalopay, *orders)


def given_back(zalopay: ZaloPay, *orders: Order) -> list[list[int]]:
    return [[each["amount"] for each in zalopay.order(order["appTransId"])["refunds"]] for order in orders]


def seconds_to(local: Local, hour: int, minute: int) -> int:
    """Seconds until the next time it is this late in Vietnam."""
    now = local.now().astimezone(VIETNAM)
    then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return int((then + timedelta(days=then <= now) - now).total_seconds())


# 2.1: the table of late money


def test_late_money_by_what_became_of_the_award(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an, binh = traveller("an"), traveller("binh")
    soon = local.in_seconds(5 * MINUTES)
    line = [{"userId": binh.user_id, "nights": [{"date": night, "price": 400_000} for night in local.nights(30, 4)]}]
    opened, declined, withdrawn = (local.partial_win(an) for _ in range(3))
    expired = local.partial_win(an, paymentDeadline=soon)
    offered, accepted = (local.partial_win(an, paymentDeadline=soon, runnersUp=line) for _ in range(2))
    retried, retried_and_paid, reserved, moving = (local.partial_win(an) for _ in range(4))
    whole = (opened, declined, withdrawn, expired, offered, accepted)
    orders = {award.auction_id: an.press_pay(award, 0, 4) for award in whole}
    half = (retried, retried_and_paid, reserved, moving)
    orders |= {award.auction_id: an.press_pay(award, 0, 2) for award in half}
    local.round(after=OVER)
    local.round(after=2 * MINUTES)  # an award is checked again after the end of its order
    an.post(f"/auctions/winners/{declined.auction_id}/decline", {})
    assert local.withdraw(an, withdrawn)["as"] == "RECEIVED"
    assert binh.post(f"/auctions/offers/{accepted.auction_id}/accept", {}) == {}
    paid_again = an.press_pay(retried_and_paid, 2, 4)
    zalopay.pay(paid_again["appTransId"])
    again = an.press_pay(retried, 0, 3)
    kept = an.post("/bookings", {"auctionId": reserved.auction_id, "selectedNights": reserved.nights[1:]})
    also = an.press_pay(moving, 1, 4)
    zalopay.switch("payment_moving", app_trans_id=also["appTransId"])
    assert standing(an, also)[0] == "PENDING"

    for order in orders.values():
        zalopay.pay(order["appTransId"], late=True)
    for award in (opened, declined, expired, offered, accepted, retried, reserved, moving):
        assert is_booked(an, orders[award.auction_id]), award
    assert standing(an, orders[withdrawn.auction_id]) == ("FAILED", "AWARD_WITHDRAWN", withdrawn.amount)
    assert standing(an, orders[retried_and_paid.auction_id]) == ("FAILED", "ALREADY_PAID", 1_000_000)
    assert is_booked(an, paid_again)

    offers = {each["auctionId"]: each["status"] for each in binh.get("/auctions/offers/second-chance/me")}
    assert {offers[award.auction_id] for award in (offered, accepted)} == {"EXPIRED"}
    for award in (offered, accepted):
        with pytest.raises(ApiError, match="409 OFFER_EXPIRED"):
            binh.create_payment(award.auction_id, award.nights, 1_600_000)
        assert local.published_of(award.auction_id, "NightsReleased") == []
    for gone in (again["sessionId"], kept["id"], also["sessionId"]):
        shown = an.get(f"/payment/sessions/{gone}")
        assert (shown["status"], shown["reason"]) == ("CANCELLED", "SUPERSEDED")
    zalopay.switch("payment_moving", app_trans_id=also["appTransId"], on=False)
    zalopay.pay(also["appTransId"], late=True)
    assert standing(an, also) == ("FAILED", "ALREADY_PAID", 1_500_000)
    paid = [*(orders[award.auction_id] for award in (withdrawn, retried_and_paid, opened)), also, paid_again]
    assert refunds(local, zalopay, *paid) == [[2_000_000], [1_000_000], [], [1_500_000], []]


def test_money_for_a_night_that_is_past_goes_back_unless_it_came_in_time(
    local: Local, zalopay: ZaloPay, traveller: Travel
) -> None:
    local.later(seconds_to(local, 23, 50))
    an, nights, later = traveller(), local.nights(0, 3), local.in_seconds(30 * HOURS)
    whole, part, over, ahead = (
        local.award(an, which, result="PARTIAL_WIN", paymentDeadline=later)
        for which in (nights, nights, nights[:1], nights[1:])
    )
    orders = [an.press_pay(award, 0, len(award.nights)) for award in (whole, part, over, ahead)]
    local.later(17 * MINUTES)  # past midnight, and past the order's end, but not by more than four minutes
    zalopay.pay(orders[0]["appTransId"], late=True)
    assert is_booked(an, orders[0])
    local.later(5 * MINUTES)
    for order in orders[1:]:
        zalopay.pay(order["appTransId"], late=True)
    assert standing(an, orders[1]) == ("FAILED", "NIGHTS_PAST", 1_500_000)
    assert standing(an, orders[2]) == ("FAILED", "NIGHTS_PAST", 500_000)
    assert is_booked(an, orders[3])
    assert refunds(local, zalopay, *orders) == [[], [1_500_000], [500_000], []]


# 2.2 and 2.3: moving money, unusual codes and silence


ODD = [
    {"return_code": 2, "sub_return_code": -377},
    {"return_code": 2},
    {"return_code": "2", "sub_return_code": ""},
    {"return_code": 2.0, "sub_return_code": "-49"},
    {"return_code": 2, "sub_return_code": 0},
    {"return_code": 2, "sub_return_code": -101},
    {"return_code": 2, "sub_return_code": -92, "is_processing": "maybe"},
    {"return_code": 2, "sub_return_code": 10**15, "amount": "", "zp_trans_id": 0},
    {"return_code": 2, "sub_return_code": "ORDER_FAILED", "amount": []},
]
SILENT = [
    {"return_code": 2, "sub_return_code": -500},
    {"return_code": -429},
    {"return_code": 2, "sub_return_code": "-53"},
    {"return_code": 7},
    {"hello": "world"},
]


def test_every_order_ends_whatever_zalopay_answers(
    local: Local, zalopay: ZaloPay, traveller: Travel, operate: Callable[..., str]
) -> None:
    an, binh = traveller("an"), traveller("binh")
    awards = [local.partial_win(an, paymentDeadline=local.in_seconds(10 * 24 * HOURS)) for _ in (*ODD, *SILENT)]
    orders = [an.press_pay(award, 0, 4) for award in awards]
    moving = local.partial_win(an, paymentDeadline=local.in_seconds(10 * 24 * HOURS))
    moves, stops = an.press_pay(moving, 0, 2), an.press_pay(local.partial_win(an), 0, 2)
    for order, answer in zip(orders, [*ODD, *SILENT], strict=True):
        zalopay.answer(order["appTransId"], **answer)
    for order in (moves, stops):
        zalopay.switch("payment_moving", app_trans_id=order["appTransId"])
        assert standing(an, order)[0] == "PENDING"
    socket = an.listen()
    socket.expect("PAYMENT_STATUS", paymentId=moves["sessionId"], status="PROCESSING")
    socket.close()

    zalopay.switch("payment_moving", app_trans_id=stops["appTransId"], on=False)
    local.round(after=22 * MINUTES)
    assert [standing(an, order)[0] for order in orders] == ["CANCELLED"] * len(ODD) + ["PENDING"] * len(SILENT)
    assert standing(an, stops) == ("CANCELLED", "PAYMENT_EXPIRED", None)
    theirs = local.award(binh, moving.nights[:2], property_id=moving.property_id)
    for browser, wish in ((an, moving), (an, moving), (binh, theirs)):
        with pytest.raises(ApiError, match="409 PAYMENT_PROCESSING" if browser is an else "409 INVALID_AUCTION_STATE"):
            browser.create_payment(wish.auction_id, wish.nights[:2], 1_000_000)

    local.round(after=24 * HOURS)
    an, binh = local.again(an), local.again(binh)
    assert standing(an, moves) == ("CANCELLED", "PAYMENT_EXPIRED", None)
    assert {standing(an, order)[0] for order in orders[len(ODD) :]} == {"PENDING"}
    local.round(after=24 * HOURS)
    an, binh = local.again(an), local.again(binh)
    assert {standing(an, order)[0] for order in orders} == {"CANCELLED"}
    review = operate("review")
    assert f"UNRESOLVED  {moves['sessionId']}" in review
    assert [order["sessionId"] in review for order in orders] == [False] * len(ODD) + [True] * len(SILENT)

    zalopay.pay(moves["appTransId"], late=True)
    zalopay.pay(orders[-1]["appTransId"], late=True)
    assert is_booked(an, moves)
    assert is_booked(an, orders[-1])
    an.close()
    binh.close()


# 2.4 and 2.5: callbacks in any spelling, discounts, another amount


def test_a_callback_counts_in_every_spelling(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an = traveller()
    for seed in (*range(1, 10), *range(10, 100, 10)):
        order = an.pay_as_shown(local.award(an, local.nights(20, 1)).auction_id)
        zalopay.switch("callback_dressed", app_trans_id=order["appTransId"], seed=seed)
        zalopay.pay(order["appTransId"], **({"discount": 50_000, "amount_is": "payer"} if seed % 2 else {}))
        (callback,) = zalopay.order(order["appTransId"])["callbacks"]
        assert callback["verdict"] == "accepted", callback
        assert is_booked(an, order), callback


def test_a_signed_callback_that_cannot_be_read_is_kept_for_the_operator(
    local: Local, operate: Callable[..., str]
) -> None:
    genuine = {"app_id": 2553, "app_trans_id": "270101_1", "amount": 10_000, "zp_trans_id": 270101000000001}
    unreadable: list[Any] = ["", "paid!", [], None, genuine | {"amount": "much"}, genuine | {"app_id": 2554}, {}]
    signed = [each if isinstance(each, str) else json.dumps(each) for each in unreadable]
    bodies = [{"data": data, "mac": sign(KEY2, data), "type": 1} for data in signed]
    bodies.append({"data": json.dumps(genuine), "mac": sign(KEY2, json.dumps(genuine)), "type": 2})
    for body in bodies:
        assert call_back(local, body) == 1, body
        assert call_back(local, body | {"mac": "0" * 64}) == -1
    review = operate("review")
    assert [body["mac"] in review for body in bodies] == [True] * len(bodies)


def call_back(local: Local, body: dict[str, Any]) -> int:
    address = f"{local.http_url}/api/v1/payment/zalopay/callback"
    return httpx.post(address, json=body, trust_env=False, timeout=30).json()["return_code"]  # type: ignore[no-any-return]


def test_a_wrong_amount_stays_on_record_when_the_right_one_comes(
    local: Local, zalopay: ZaloPay, traveller: Travel, operate: Callable[..., str]
) -> None:
    an = traveller()
    corrected, paid_twice = (an.pay_as_shown(local.award(an).auction_id) for _ in range(2))
    for order in (corrected, paid_twice):
        zalopay.switch("callback_wrong_amount", app_trans_id=order["appTransId"])
        zalopay.pay(order["appTransId"])
        assert standing(an, order)[0] == "PENDING"
        assert an.get(f"/payment/sessions/{order['sessionId']}")["status"] == "PENDING"
        zalopay.switch("callback_wrong_amount", app_trans_id=order["appTransId"], on=False)
    review = operate("review")
    assert all(
        f"{order['sessionId']}  1.001.000 ₫ received, 1.000.000 ₫ expected" in review
        for order in (corrected, paid_twice)
    )
    assert zalopay.call_back(corrected["appTransId"]) == [1]
    first = str(zalopay.order(paid_twice["appTransId"])["zp_trans_id"])
    zalopay.pay(paid_twice["appTransId"], again=True)
    assert is_booked(an, corrected)
    assert is_booked(an, paid_twice)
    strays = [line for line in operate("review").splitlines() if "STRAY" in line]
    assert [first in line for line in strays if paid_twice["sessionId"] in line] == [True]
    assert [line for line in strays if corrected["sessionId"] in line] == []


# 2.5 to 2.7: refunds


def pay(zalopay: ZaloPay, browser: Browser, award: Award, **how: Any) -> Order:
    order = browser.pay_as_shown(award.auction_id)
    zalopay.pay(order["appTransId"], **how)
    return order


def test_a_refund_is_made_once_and_whole(
    local: Local, zalopay: ZaloPay, traveller: Travel, operate: Callable[..., str]
) -> None:
    an = traveller()
    near, far = local.nights(4, 2), local.nights(40, 2)  # refunds of half the price, and of all of it
    discounted = [
        pay(zalopay, an, local.award(an, nights), discount=20_000, amount_is=amount_is)
        for nights, amount_is in ((near, "payer"), (near, "order"), (far, "payer"))
    ]
    odd = [pay(zalopay, an, local.award(an, far)) for _ in range(3)]
    twice = [pay(zalopay, an, local.award(an)) for _ in range(2)]
    assert {is_booked(an, order) for order in (*discounted, *odd, *twice)} == {True}

    zalopay.switch("refund_of_share_only", app_trans_id=discounted[0]["appTransId"])
    for order, fault in zip(odd, ("refund_shown_late", "refund_lost", "refund_processing"), strict=True):
        zalopay.switch(fault, app_trans_id=order["appTransId"])
    for order in (*discounted, *odd):
        assert an.call("DELETE", f"/bookings/{order['sessionId']}")["refund"]["amount"] == order["amount"]
    for order in twice:
        zalopay.pay(order["appTransId"], again=True)
    second, by_hand = (str(zalopay.order(order["appTransId"])["again"][0]["zp_trans_id"]) for order in twice)
    assert "REFUND_DUE" in operate("refund", second, "--yes")
    assert "SETTLED" in operate("settle-stray", by_hand, "--yes")

    amounts = [[980_000], *[[1_000_000]] * 6, []]
    assert refunds(local, zalopay, *discounted, *odd, *twice) == amounts
    zalopay.mend()
    local.round(after=3 * HOURS)
    assert given_back(zalopay, *discounted, *odd, *twice) == amounts
    standings = [local.story(order["sessionId"])["SESSION"][0]["fulfilment"] for order in (*discounted, *odd)]
    assert standings == ["REFUNDED"] * 6
    (refund,) = zalopay.order(twice[0]["appTransId"])["refunds"]
    assert str(refund["zp_trans_id"]) == second
    assert {is_booked(an, order) for order in twice} == {True}
    assert second not in (review := operate("review"))
    assert by_hand not in review


def test_a_discount_that_only_query_tells_of_pays_the_price(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an = traveller()
    for amount_is in ("payer", "order"):
        order = an.pay_as_shown(local.award(an).auction_id)
        zalopay.switch("callback_lost", app_trans_id=order["appTransId"])
        zalopay.pay(order["appTransId"], discount=20_000, amount_is=amount_is)
        assert an.confirmation_page(SilentPage(an, order["sessionId"]).follow()).booking["totalAmount"] == 1_000_000


def test_the_terms_of_a_sale_are_shown_from_the_start(local: Local, zalopay: ZaloPay, traveller: Travel) -> None:
    an = traveller()
    award = local.award(an)
    terms = [{"daysBefore": days, "percent": percent} for days, percent in ((7, 100), (3, 50), (0, 0))]
    reserved = an.post("/bookings", {"auctionId": award.auction_id, "selectedNights": award.nights})
    order = an.pay_as_shown(award.auction_id)
    shown = [reserved, an.get(f"/payment/sessions/{order['sessionId']}")]
    zalopay.pay(order["appTransId"])
    outcome: Outcome = SilentPage(an, order["sessionId"]).follow()
    shown += [an.get(f"/payment/transactions/{outcome.transaction_id}"), *an.get("/user/bookings")]
    assert [each["cancellationPolicy"] for each in shown] == [terms] * 4
