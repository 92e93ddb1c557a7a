"""Journeys of users, ZaloPay and the auction system. Every step copes with a function that dies during it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from infra.zalopay_simulator.ledger import Order
from stays.table.keys import MAIL_ITEMS
from tests.integration.messages import (
    BINH,
    HOST,
    MAI,
    NIGHTS,
    PRICE,
    auction_result,
    order_data,
    second_chance,
    signed,
)
from tests.proof.simulation.auctions import AUCTIONS, CHI, expect, second_runner_up_pays
from tests.proof.simulation.outside import KEY1, KEY2
from tests.proof.simulation.system import CALLBACK, CALLBACK_TRIES, Pending, System, stay_of
from tests.proof.simulation.unusual_journeys import STRANGERS

Journey = Callable[[System], None]
OTHER_KEY2 = "a key that ZaloPay has used since today"
CLICKS = 3
FOUND_WITHIN = timedelta(minutes=2)


def wins(system: System, sub: str = MAI, auction_id: str = "1001") -> None:
    """The auction system names the winner."""
    system.announce(auction_result(userId=sub, auctionId=auction_id))
    while system.events:
        system.deliver_events()


def orders(system: System, sub: str = MAI, auction_id: str = "1001") -> None:
    """Press the pay button, again if nothing happens."""
    for _ in range(CLICKS):
        reply = system.create(sub, auction_id)
        if reply.status in (200, 409):
            return
        system.pass_time(seconds=2)


def paid(system: System) -> None:
    """The journey without trouble: the browser listens, the user pays, ZaloPay calls, messages and mail go out."""
    wins(system)
    system.listen()
    orders(system)
    system.settle()
    system.pay(system.order())
    system.settle()


def callback_lost(system: System) -> None:
    """ZaloPay never calls; the browser polls once and closes."""
    wins(system)
    orders(system)
    order = system.order()
    system.pay(order, lost=True)
    if order:
        system.pass_time(seconds=6)
        system.poll(order)


def nobody_looks(system: System) -> None:
    """ZaloPay never calls, and the browser is gone. The clock alone finds the money within two minutes."""
    wins(system)
    orders(system)
    system.pass_time(minutes=1)
    system.tick()
    system.pay(system.order(), lost=True)
    system.drain()
    for order in system.zalopay.orders:
        paid_at = datetime.fromtimestamp(order.paid_at / 1000, UTC)
        (session,) = system.database.items(kind="SESSION", id=stay_of(order))
        found_at = datetime.fromisoformat(session["bookedAt"]) if "bookedAt" in session else system.now
        expect(system, found_at - paid_at <= FOUND_WITHIN, "the clock took too long")


def never_paid(system: System) -> None:
    """The order expires unpaid."""
    wins(system)
    system.listen()
    orders(system)


def given_up(system: System) -> None:
    """The user cancels at ZaloPay, and the browser polls."""
    wins(system)
    orders(system)
    order = system.order()
    if order and order.state(system.zalopay.simulator.now()) == "OPEN":
        system.zalopay.simulator.cancel(order)
        system.pass_time(seconds=6)
        system.poll(order)


def paid_late(system: System) -> None:
    """The money arrives after the end, and the nights are still free."""
    wins(system)
    orders(system)
    order = system.order()
    system.pass_time(minutes=17)
    system.tick()
    system.pay(order, late=True)


def paid_late_and_silent(system: System) -> None:
    """The money arrives after the end without a callback. The clock also asks about orders that are over."""
    wins(system)
    orders(system)
    order = system.order()
    system.pass_time(minutes=17)
    for _ in range(CLICKS):
        system.tick()
        system.pass_time(seconds=50)
    system.pay(order, late=True, lost=True)


def paid_too_late(system: System) -> None:
    """The money arrives after the end, when another user has the nights."""
    wins(system)
    wins(system, BINH, "1002")
    system.listen()
    orders(system)
    late = system.order()
    system.pass_time(minutes=20)
    system.tick()
    orders(system, BINH, "1002")
    system.pay(system.order())
    system.settle()
    system.pay(late, late=True)


def two_for_one_night(system: System) -> None:
    """Two winners of the same nights press the button one after the other."""
    wins(system)
    wins(system, BINH, "1002")
    orders(system)
    for minutes in (1, 12):
        system.pass_time(minutes=minutes)
        for order in system.zalopay.orders:
            system.poll(order)
        orders(system, BINH, "1002")
    for order in system.zalopay.orders:
        system.pay(order)


def double_click(system: System) -> None:
    """The user presses the same button twice."""
    wins(system)
    orders(system)
    orders(system)
    system.pay(system.order())


def gives_back(system: System) -> None:
    """The user cancels the booking, again if nothing happens."""
    order = system.order()
    for _ in range(CLICKS if order else 0):
        if order and system.cancel(order).status == 200:
            break


def cancelled(system: System) -> None:
    """A booking is cancelled in time for the full price."""
    wins(system)
    orders(system)
    system.pay(system.order())
    system.settle()
    gives_back(system)


def cancelled_for_half(system: System) -> None:
    """A booking is cancelled four days before check-in for half of the price. ZaloPay takes its time."""
    wins(system)
    orders(system)
    order = system.order()
    system.pay(order)
    system.settle()
    system.pass_time(days=15)
    system.zalopay.simulator.switch("refund_processing", True, "all")
    gives_back(system)
    for _ in range(3):
        system.settle()
        system.tick()
        system.pass_time(minutes=2)
    system.zalopay.simulator.switch("refund_processing", False, "all")


def cancelled_for_all_or_nothing(system: System) -> None:
    """The same cancellation, but ZaloPay refunds this order only as a whole."""
    system.zalopay.simulator.switch("refund_in_part_refused", True, "all")
    wins(system)
    orders(system)
    system.pay(system.order())
    system.settle()
    system.pass_time(days=15)
    gives_back(system)


def half_back_before_midnight(system: System) -> None:
    """Half of the price is owed at a quarter to midnight. After midnight a refund's id has another date."""
    wins(system)
    orders(system)
    system.pay(system.order())
    system.settle()
    system.pass_time(days=15, hours=13, minutes=45)
    gives_back(system)
    system.settle()


def rounds(system: System, minutes: int) -> None:
    """The clock looks every ten minutes, and ZaloPay knows no refund."""
    system.zalopay.hides_refunds = True
    for _ in range(minutes // 10):
        system.settle()
        system.tick()
        system.pass_time(minutes=10)
    system.zalopay.hides_refunds = False


def refund_shown_late(system: System) -> None:
    """ZaloPay accepts a refund and its answer is lost. It shows the refund 50 minutes later, on another day."""
    half_back_before_midnight(system)
    system.zalopay.simulator.switch("refund_lost", True, "all")
    rounds(system, minutes=50)
    system.zalopay.simulator.switch("refund_lost", False, "all")


def refund_forgotten(system: System) -> None:
    """ZaloPay accepts a refund and does not know it for three hours. The system asks about silence within the hour."""
    half_back_before_midnight(system)
    system.tick()
    rounds(system, minutes=180 if system.undisturbed else 50)
    system.drain()
    left = system.database.items(kind="SESSION", fulfilment="REFUND_MANUAL")
    expect(system, len(left) == 1, "a refund that was accepted and is not known is not left to people")


def refund_refused(system: System) -> None:
    """A booking is cancelled, and ZaloPay refuses the refund for good: an operator must act."""
    system.zalopay.simulator.switch("refund_refused", True, "all", seconds=30)
    cancelled(system)


def reserved_then_paid(system: System) -> None:
    """A direct booking that is paid later."""
    wins(system)
    system.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)})
    system.pass_time(minutes=5)
    orders(system)
    system.pay(system.order())


def reserved_and_left(system: System) -> None:
    """A direct booking that is never paid."""
    wins(system)
    system.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)})


def create_unanswered(system: System) -> None:
    """ZaloPay makes the order and its answer is lost. The user presses again."""
    wins(system)
    system.zalopay.simulator.switch("create_lost", True, "next")
    orders(system)
    system.pay(system.order())


def create_unheard(system: System) -> None:
    """ZaloPay does not receive the first call. The user notices nothing."""
    wins(system)
    system.zalopay.deaf = 1
    expect(system, system.create().status == 200, "one call that was not heard was one too many")
    system.pay(system.order())


def nothing_heard_of_create(system: System) -> None:
    """ZaloPay receives neither the first call nor the question about it. The next press makes an order."""
    wins(system)
    system.zalopay.deaf = 2
    orders(system)
    expect(system, len(system.zalopay.orders) == 1, "the next press did not make an order")
    system.pay(system.order())


def callback_overtakes(system: System) -> None:
    """The user pays and ZaloPay calls before the answer to create arrives."""
    wins(system)
    system.zalopay.simulator.switch("callback_before_create", True, "all")
    orders(system)
    for order in system.zalopay.orders:
        if order.ended == "PAID":
            system.call_back(system.zalopay.callback(order))


def wrong_amount(system: System) -> None:
    """A callback with a valid MAC names another amount: an operator must act."""
    wins(system)
    system.listen()
    orders(system)
    system.zalopay.simulator.switch("callback_wrong_amount", True, "all")
    system.pay(system.order())
    system.deliver_callbacks()
    booked = system.database.items(kind="SESSION", fulfilment="BOOKED")
    expect(system, not booked, "another amount than the order's was booked")


def known_transaction(system: System) -> None:
    """ZaloPay uses the transaction of one order for another order: an operator must act."""
    wins(system)
    orders(system)
    system.pay(system.order())
    system.settle()
    other = auction_result(auctionId="1003", property={"id": "778", "name": "Nhà Dưới Đồi", "hostId": "auth0|host"})
    system.announce(other)
    orders(system, auction_id="1003")
    first, second = system.order(0), system.order(1)
    if first and second and first.zp_trans_id:
        second.pay(system.zalopay.simulator.now(), first.zp_trans_id)
        system.call_back(system.zalopay.callback(second))


def key_rotated(system: System) -> None:
    """key2 changes between the order and its callback, before the functions have loaded the new one."""
    wins(system)
    orders(system)
    system.call_back(b"{}")
    system.pay(system.order(), lost=True)
    order = system.order()
    system.secrets.held["zalopay-key2"] = {"current": OTHER_KEY2, "previous": KEY2}
    before = order and system.zalopay.callback(order)
    system.zalopay.simulator.callbacks.key2 = OTHER_KEY2
    if order and before:
        expect(system, system.call_back(system.zalopay.callback(order)) == 1, "the new key is not known")
        expect(system, system.call_back(before) == 1, "the key before is not known any more")


def forged(system: System) -> None:
    """A caller without the key claims in many ways that an order is paid."""
    wins(system)
    orders(system)
    order = system.order()
    if order is None:
        return
    for key in ("", "guess", KEY1):
        system.zalopay.simulator.callbacks.key2 = key
        body = system.zalopay.callback(order)
        demand_refused(system, body)
    system.zalopay.simulator.callbacks.key2 = KEY2


def demand_refused(system: System, body: bytes) -> None:
    """Demand that a callback is refused and changes nothing."""
    version = system.database.version
    code = system.call_back(body)
    assert code != 1, "a forged callback was accepted"
    assert system.database.version == version, "a forged callback was written"


def demand_kept(system: System, body: bytes) -> None:
    """Demand that a message of ZaloPay that we do not understand is kept, and only then answered with 1.

    It changes nothing else.
    """
    before = of_ours(system)
    code = system.http("POST", CALLBACK, raw=body, sub=None).body.get("return_code")
    assert code != -1, "ZaloPay's own word was refused"
    assert of_ours(system) == before, "what is not understood was believed"
    kept = [item["raw"] for item in system.database.items(kind="REFUSED")]
    assert code != 1 or body.decode() in kept, "ZaloPay's word was forgotten"


def of_ours(system: System) -> list[dict[str, Any]]:
    """Return all items except those that are kept for people."""
    return [item for item in system.database.items() if item.get("kind") != "REFUSED"]


def not_understood(system: System) -> None:
    """Messages with a valid MAC, but of another app, another kind, or without sense."""
    wins(system)
    orders(system)
    order = system.order()
    if order is None:
        return
    data = json.loads(json.loads(system.zalopay.callback(order))["data"])
    for changes in ({"app_id": 999}, {"amount": True}, {"amount": "1.200.000"}, {"amount": 0}, {"zp_trans_id": "x"}):
        demand_kept(system, signed(data | {"zp_trans_id": 270301000000999} | changes).encode())
    demand_kept(system, signed(data | {"zp_trans_id": 270301000000999}, type=2).encode())
    demand_kept(system, signed("no order at all").encode())


def dressed_up(system: System) -> None:
    """ZaloPay's callback comes as a form, with texts and without a type. It is still believed."""
    wins(system)
    orders(system)
    order = system.order()
    system.pay(order, lost=True)
    if order is None or order.ended != "PAID":
        return
    data = json.loads(json.loads(system.zalopay.callback(order))["data"])
    sent = json.loads(signed("\ufeff" + json.dumps({name: str(value) for name, value in data.items()})))
    form = urlencode({"mac": sent["mac"].upper(), "data": sent["data"]})
    reply = system.http("POST", CALLBACK, raw=form.encode(), sub=None)
    expect(system, reply.body.get("return_code") == 1, "ZaloPay's word was not heard")
    expect(system, system.database.items(kind="SESSION", status="PAID") != [], "ZaloPay's word was not understood")


def unknown_order(system: System) -> None:
    """Real money for an order that is not ours is kept for people."""
    body = signed(order_data("270301_01KANX8QG00123456789ABCDEF")).encode()
    if system.call_back(body) == 1:
        assert system.database.items(kind="STRAY"), "money was forgotten"


def paid_twice(system: System) -> None:
    """Two transactions pay the same order. The second one is kept for people."""
    paid(system)
    order = system.order()
    if order is None or order.ended != "PAID":
        return
    data = json.loads(json.loads(system.zalopay.callback(order))["data"])
    for _ in range(2):
        if system.call_back(signed(data | {"zp_trans_id": 270301000000999}).encode()) == 1:
            known = system.database.items(kind="TRANSACTION", transactionId="270301000000999")
            assert known or system.database.items(kind="STRAY"), "money was forgotten"


def elsewhere(system: System) -> Order:
    """Return a paid order of ZaloPay that is not ours."""
    now = system.zalopay.simulator.now()
    sent = {"app_trans_id": "270301_elsewhere", "app_user": "x", "amount": PRICE, "app_time": now, "description": "x"}
    order = system.zalopay.simulator.open({**sent, "embed_data": "{}", "item": "[]"})
    assert isinstance(order, Order)
    system.zalopay.pay(order)
    return order


def operator_gives_back(system: System, order: Order) -> None:
    """An operator enters the transaction, again if nothing happens. Then the clock does the rest."""
    for _ in range(CLICKS):
        if system.operate(lambda commands: commands.refund(str(order.zp_trans_id), None)):
            break
    system.drain()
    kept = system.database.items(kind="STRAY", status="REFUNDED")
    expect(system, len(kept) == 1, "stray money is not given back")


def unknown_order_given_back(system: System) -> None:
    """Money for an order that is not ours is refunded."""
    order = elsewhere(system)
    system.callbacks.append(Pending((order, False), CALLBACK_TRIES))
    system.settle()
    operator_gives_back(system, order)


def second_transaction_given_back(system: System) -> None:
    """A booking is paid twice. The second transaction is refunded, and the booking stays."""
    paid(system)
    order, other = system.order(), elsewhere(system)
    if order is None or order.ended != "PAID":
        system.callbacks.append(Pending((other, False), CALLBACK_TRIES))
        return
    data = json.loads(json.loads(system.zalopay.callback(order))["data"])
    second = signed(data | {"zp_trans_id": other.zp_trans_id, "amount": PRICE}).encode()
    for _ in range(CALLBACK_TRIES):
        if system.call_back(second) == 1:
            break
    operator_gives_back(system, other)
    booked = system.database.items(kind="SESSION", fulfilment="BOOKED")
    expect(system, len(booked) == 1, "a stray's refund ended a booking")


def announced_twice(system: System) -> None:
    """The auction system repeats its event after the payment."""
    detail = auction_result()
    system.announce(detail)
    orders(system)
    system.pay(system.order())
    system.settle()
    system.announce(detail)
    system.announce(detail | {"userId": MAI, "bidAmount": 1, "paymentDeadline": detail["paymentDeadline"]})


def wrong_price(system: System) -> None:
    """The browser sends a price of its own, and nights that were not won."""
    wins(system)
    for amount, nights in ((1000, NIGHTS), (PRICE, NIGHTS), (PRICE, ("2027-04-01",))):
        reply = system.create(nights=nights, amount=amount)
        assert reply.status in (0, 400, 429, 500), f"{amount} for {nights} was answered {reply.status}"
    assert not system.zalopay.orders, "an order was made"


def too_late_to_pay(system: System) -> None:
    """The user pays after the award's deadline."""
    wins(system)
    system.pass_time(days=1, seconds=1)
    assert system.create().status in (0, 409, 429, 500)
    assert not system.zalopay.orders, "an order was made"


def forged_token(system: System) -> None:
    """A caller sends a token that the issuer did not sign for us."""
    for claims in ({"aud": "another-api"}, {"iss": "https://issuer.example"}, {"exp": 1}):
        assert system.connect(MAI, **claims) is None, f"a token with {claims} was believed"
    assert system.connect(MAI, forged=True) is None, "a forged token was believed"


def foreign(system: System) -> None:
    """Another user asks for everything of Mai's."""
    paid(system)
    order = system.order()
    if order is None:
        return
    stay = stay_of(order)
    for method, path in (
        ("GET", f"/payment/sessions/{stay}"),
        ("GET", f"/payment/zalopay/status/{order.app_trans_id}"),
        ("GET", f"/payment/transactions/{order.zp_trans_id or 1}"),
        ("GET", f"/payment/{stay}/booking"),
        ("POST", f"/payment/{stay}/booking"),
        ("POST", f"/bookings/{stay}/conversation"),
        ("POST", f"/bookings/{stay}/send-confirmation"),
        ("POST", f"/bookings/{stay}/update-calendar"),
        ("DELETE", f"/bookings/{stay}"),
    ):
        status = system.http(method, path, sub=BINH).status
        assert status in (0, 404, 429, 500), f"a stranger got {status} from {method} {path}"
    stolen = system.connect(BINH)
    if stolen:
        system.subscribe(stolen, MAI)


def mail_unanswered(system: System) -> None:
    """SES takes every mail and never answers. No user may get a third mail."""
    system.mail.silent = True
    wins(system)
    orders(system)
    system.pay(system.order())


def mail_not_set_up(system: System) -> None:
    """SES does not know our sender until an operator registers it. No mail is lost."""
    system.mail.refusing = True
    wins(system)
    orders(system)
    system.pay(system.order())
    system.settle()
    system.mail.refusing = False


def records_lost(system: System) -> None:
    """The stream loses the records of mails to the user. The clock finds them."""
    wins(system)
    orders(system)
    system.pay(system.order())
    system.deliver_callbacks()
    for lane in system.lanes:
        if lane.consumer.function == "fulfilment":
            kept = [each for each in lane.waiting if each.what["dynamodb"]["NewImage"]["kind"]["S"] not in MAIL_ITEMS]
            lane.waiting = kept


def many_sockets(system: System) -> None:
    """A page leaks twelve sockets."""
    wins(system)
    for _ in range(12):
        system.listen()
    orders(system)
    system.pay(system.order())


def token_runs_out(system: System) -> None:
    """The token of a socket expires before the payment."""
    wins(system)
    orders(system)
    socket = system.connect(seconds=120)
    if socket:
        system.subscribe(socket)
    system.settle()
    system.pass_time(minutes=3)
    system.pay(system.order())


def foreign_page(system: System) -> None:
    """Another site's page connects with a stolen token."""
    assert system.connect(origin="https://evil.example") is None, "a page of somebody else's was let in"


def restless(system: System) -> None:
    """A user reserves and cancels again and again."""
    wins(system)
    answered = set()
    for _ in range(25):
        reply = system.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)})
        answered.add(reply.status)
        if reply.status == 200:
            system.http("DELETE", f"/bookings/{reply.body['id']}")
    expect(system, 429 in answered, "nobody was stopped")


def partner_pays(system: System) -> None:
    """A user accepts a second chance, pays and is booked."""
    system.announce(second_chance(), "SecondChanceOffer")
    system.listen(BINH)
    orders(system, BINH)
    system.pay(system.order())


def vanished(system: System) -> None:
    """Of three sockets one vanishes without a disconnect, and one disconnects."""
    wins(system)
    sockets = [system.listen() for _ in range(3)]
    orders(system)
    for number, leave in enumerate((system.vanish, system.disconnect)):
        socket = sockets[number]
        if socket:
            leave(socket)
    system.pay(system.order())


def everyone_has_a_profile(system: System) -> None:
    """Every user has an address before anything happens, so that mail about awards and mail to hosts goes out."""
    for sub in (MAI, BINH, CHI, HOST):
        for _ in range(CLICKS):
            if system.http("POST", "/users/auth0-sync", {"locale": "vi"}, sub=sub).status == 200:
                break


def told_of_a_second_chance(system: System) -> None:
    """A win, two offers, a booking: everyone hears by mail of what concerns them."""
    everyone_has_a_profile(system)
    second_runner_up_pays(system)


def told_of_a_cancellation(system: System) -> None:
    """Traveller and host hear by mail of the booking, of its end and of the money."""
    everyone_has_a_profile(system)
    cancelled(system)


def told_of_a_failure(system: System) -> None:
    """One attempt fails, and another is paid before anybody writes about the first. Another user's attempt runs out."""
    everyone_has_a_profile(system)
    given_up(system)
    orders(system)
    system.pay(system.order())
    wins(system, BINH, "1002")
    orders(system, BINH, "1002")


def mail_came_back(system: System) -> None:
    """Mai's address does not exist. After the first mail, nothing more goes there; her host is still told."""
    everyone_has_a_profile(system)
    wins(system)
    system.settle()
    if system.mail.addressed:
        system.send_back(f"{MAI[6:]}@example.com")
    orders(system)
    system.pay(system.order())
    system.settle()
    for name, to in system.mail.addressed[-1:]:
        system.send_back(to)
        expect(system, name.endswith("host_confirmation"), "the host is told nothing")


JOURNEYS: dict[str, Journey] = {
    journey.__name__: journey
    for journey in (
        paid,
        paid_twice,
        unknown_order_given_back,
        second_transaction_given_back,
        announced_twice,
        wrong_price,
        too_late_to_pay,
        unknown_order,
        not_understood,
        dressed_up,
        forged_token,
        callback_lost,
        nobody_looks,
        never_paid,
        given_up,
        paid_late,
        paid_late_and_silent,
        paid_too_late,
        two_for_one_night,
        double_click,
        cancelled,
        cancelled_for_half,
        cancelled_for_all_or_nothing,
        refund_shown_late,
        refund_forgotten,
        refund_refused,
        reserved_then_paid,
        reserved_and_left,
        create_unanswered,
        create_unheard,
        nothing_heard_of_create,
        callback_overtakes,
        wrong_amount,
        known_transaction,
        key_rotated,
        forged,
        foreign,
        mail_unanswered,
        mail_not_set_up,
        records_lost,
        many_sockets,
        token_runs_out,
        foreign_page,
        restless,
        partner_pays,
        vanished,
        told_of_a_second_chance,
        told_of_a_cancellation,
        told_of_a_failure,
        mail_came_back,
        *AUCTIONS,
        *STRANGERS,
    )
}
CORE = ("paid", "nobody_looks", "paid_too_late", "cancelled", "second_runner_up_pays")
