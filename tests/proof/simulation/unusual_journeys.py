"""Journeys that the first design missed: no sockets, changed choices, odd answers, moving money, corrections."""

from datetime import UTC, datetime, timedelta
from typing import Any

from infra.zalopay_simulator.ledger import Order
from tests.integration.messages import BINH, MAI, NIGHTS, auction_result
from tests.proof.simulation.auctions import CHI, answers, begins, booked, expect, presses, priced
from tests.proof.simulation.system import System, stay_of

HALF_AN_HOUR = timedelta(minutes=30)
LOOKS = 12  # polls of a page


def partial(**changes: Any) -> dict[str, Any]:
    """A partial win: the user can choose its nights."""
    return auction_result(result="PARTIAL_WIN", **changes)


def wins(system: System, detail: dict[str, Any], kind: str = "AuctionResult") -> None:
    """The auction system sends its event until it is processed."""
    system.announce(detail, kind)
    while system.events:
        system.deliver_events()


def session_of(system: System, order: Order | None) -> dict[str, Any]:
    """Return the session of an order; empty if a fault came first."""
    found = system.database.items(kind="SESSION", id=stay_of(order)) if order else []
    return found[0] if found else {}


def sees_the_booking(system: System, order: Order | None, sub: str = MAI) -> bool:
    """Do the work of the session page: poll while the session reads PENDING, then load the transaction."""
    stay = stay_of(order) if order else ""
    for _ in range(LOOKS if order else 0):
        system.pass_time(seconds=3)
        if system.http("GET", f"/payment/sessions/{stay}", sub=sub).body.get("status") != "PENDING":
            continue
        said = system.poll(order, sub).body
        if said.get("status") != "PAID":
            continue
        if system.http("GET", f"/payment/transactions/{said['transactionId']}", sub=sub).status == 200:
            return system.http("GET", f"/payment/{stay}/booking", sub=sub).status == 200
    return False


def page_without_a_socket(system: System) -> None:
    """The callback arrives before the browser is back, and no socket works."""
    wins(system, auction_result())
    presses(system)
    order = system.order()
    system.pay(order)
    system.settle()
    expect(system, sees_the_booking(system, order), "the page never reached the booking")
    said = system.http("GET", f"/payment/sessions/{stay_of(order)}").body.get("status") if order else None
    expect(system, said == "PAID", f"told, and the page reads {said}")


def changes_the_mind(system: System) -> None:
    """The user chooses another night of the award.

    The first order ends, but ZaloPay cannot cancel it, and both are paid.
    """
    wins(system, partial())
    system.zalopay.simulator.switch("cancel_refused", True, "all")
    presses(system, nights=NIGHTS[:1])
    first = system.order()
    system.pass_time(seconds=6)
    presses(system, nights=NIGHTS[1:])
    second = system.order()
    expect(system, first is not second, "another choice was not possible")
    system.pay(second)
    system.settle()
    system.pay(first)
    expect(system, booked(system, MAI), "the second choice is not booked")


def chooses_again_and_pays_the_first(system: System) -> None:
    """The user chooses other nights and then pays the first order. Verified money wins over an open order."""
    wins(system, partial())
    system.zalopay.simulator.switch("cancel_refused", True, "all")
    presses(system, nights=NIGHTS[:2])
    first = system.order()
    system.pass_time(seconds=6)
    presses(system, nights=NIGHTS[1:])
    system.pay(first)
    system.settle()
    expect(system, session_of(system, first).get("fulfilment") == "BOOKED", "money did not go first")
    system.pay(system.order())


def money_moves(system: System) -> None:
    """Money still moves after the order's end. The nights go to no other user, and no other order replaces it."""
    wins(system, partial())
    wins(system, auction_result(userId=BINH, auctionId="1002"))
    presses(system, nights=NIGHTS)
    order = system.order()
    system.zalopay.simulator.switch("payment_moving", True, "all")
    system.pass_time(minutes=10)
    system.tick()
    reply = system.create(nights=NIGHTS[:1])
    code = reply.body.get("error", {}).get("code")
    expect(system, (reply.status, code) == (409, "PAYMENT_PROCESSING"), f"it was answered {reply.status} {code}")
    system.pass_time(minutes=20)
    system.tick()
    expect(system, system.create(BINH, "1002").status == 409, "somebody got nights under moving money")
    system.pay(order, late=True)
    system.zalopay.simulator.switch("payment_moving", False, "all")
    system.settle()
    expect(system, booked(system, MAI), "money that moved is not booked")


def money_moves_for_ever(system: System) -> None:
    """The money never arrives. After a day the next user gets the nights; late money still counts."""
    begins(system)
    presses(system)
    order = system.order()
    if order:
        system.zalopay.simulator.claim(order, {"return_code": 3, "is_processing": True})
    for hours in (0.5, 24, 0.5, 0.5):
        system.pass_time(hours=hours)
        system.tick()
        system.settle()
    ended = session_of(system, order)
    expect(system, ended.get("unresolved") == "PROCESSING", f"it ended as {ended.get('status')}")
    expect(system, bool(system.database.items(kind="OFFER")), "nobody else was asked")
    system.pay(order, late=True)


def nobody_moves_after_all(system: System) -> None:
    """ZaloPay said that money moves, then that the order is unpaid. The order becomes normal again and expires."""
    wins(system, auction_result())
    system.listen()
    presses(system)
    order = system.order()
    for answer in ({"return_code": 3, "is_processing": True}, {"return_code": 2, "sub_return_code": -49}, {}):
        if order:
            system.zalopay.simulator.claim(order, answer)
            system.pass_time(seconds=50)
            system.poll(order)
            system.settle()
    moving = session_of(system, order).get("processing")
    expect(system, not moving, "it moves although ZaloPay says that nobody pays")


def answers_that_no_table_has(system: System) -> None:
    """ZaloPay refuses with unknown codes. The session is over half an hour after the order's end."""
    wins(system, auction_result())
    presses(system)
    order = system.order()
    if order:
        system.zalopay.simulator.claim(order, {"return_code": 2, "sub_return_code": -377})
    for minutes in (1, 15, 1, 13):
        system.pass_time(minutes=minutes)
        system.tick()
    session = session_of(system, order)
    expect(system, session.get("status") == "EXPIRED", "the answer was not understood")
    system.drain()


def silent_for_two_days(system: System) -> None:
    """ZaloPay stops answering. The session ends after 48 hours, and a metric reports it."""
    begins(system)
    presses(system)
    system.settle()
    system.zalopay.mute = True
    for hours in (0.5, 23, 24.9, 0.5, 0.5):
        system.pass_time(hours=hours)
        system.tick()
        system.settle()
    session = session_of(system, system.order())
    expect(system, session.get("unresolved") == "SILENCE", "silence does not end")
    expect(system, system.counted["Unresolved"] == 1, "nobody heard of it")
    expect(system, bool(system.database.items(kind="OFFER")), "nobody else was asked")
    system.zalopay.mute = False


def pays_for_a_past_night(system: System) -> None:
    """The money arrives when the first night is over. All of it is refunded."""
    wins(system, auction_result())
    presses(system)
    late = system.order()
    system.drain()
    system.go_to(datetime(2027, 3, 20, 17, 1, tzinfo=UTC))
    system.pay(late, late=True)
    system.settle()
    session = session_of(system, late)
    expect(system, session.get("reason") == "NIGHTS_PAST", f"it is {session.get('fulfilment')}")


def own_retry(system: System) -> None:
    """The user tries again after the first order has expired. Then the first one's money arrives, then the other's."""
    wins(system, auction_result())
    presses(system)
    first = system.order()
    system.pass_time(minutes=17)
    system.tick()
    presses(system)
    second = system.order()
    expect(system, first is not second, "no second try was possible")
    system.zalopay.simulator.switch("cancel_refused", True, "all")
    system.pay(first, late=True)
    system.settle()
    expect(system, session_of(system, first).get("fulfilment") == "BOOKED", "their own retry cost them the nights")
    if second is not first:
        system.pay(second)


def withdrawn_and_paid(system: System) -> None:
    """The award is withdrawn after the order expired. Then the money arrives."""
    begins(system)
    presses(system)
    late = system.order()
    system.pass_time(minutes=20)
    system.tick()
    wins(system, {"auctionId": "1001", "userId": MAI, "revision": 1}, "AuctionWithdrawn")
    system.pay(late, late=True)
    system.settle()
    session = session_of(system, late)
    expect(system, session.get("reason") == "AWARD_WITHDRAWN", f"it is {session.get('fulfilment')}")
    expect(system, not system.database.items(kind="OFFER"), "what was taken back was offered")


def withdrawn_with_its_chain(system: System) -> None:
    """The award is withdrawn while a runner-up has the offer. Another one is withdrawn before its result arrives."""
    begins(system)
    answers(system, MAI, "decline")
    wins(system, {"auctionId": "1001", "userId": MAI, "revision": 1}, "AuctionWithdrawn")
    offers = [item["status"] for item in system.database.items(kind="OFFER")]
    expect(system, set(offers) <= {"WITHDRAWN"}, f"offers: {offers}")
    wins(system, {"auctionId": "1009", "userId": MAI, "revision": 1}, "AuctionWithdrawn")
    wins(system, auction_result(auctionId="1009", revision=1))
    expect(system, system.create(auction_id="1009").status == 404, "it was taken back before it came")


def corrected_while_paying(system: System) -> None:
    """A correction comes while an order is open. It takes effect when the order has expired."""
    wins(system, auction_result())
    presses(system)
    wins(system, partial(nights=NIGHTS[1:], revision=1))
    system.pass_time(minutes=17)
    system.tick()
    presses(system, nights=NIGHTS[1:])
    system.pay(system.order())
    system.settle()
    nights = [item["nights"] for item in system.database.items(kind="BOOKING", status="CONFIRMED")]
    expect(system, nights == [list(NIGHTS[1:])], f"booked: {nights}")


def corrected_and_paid_late(system: System) -> None:
    """An order expires and its award is corrected to fewer nights. Then its money arrives, for the old nights."""
    wins(system, auction_result())
    presses(system)
    late = system.order()
    system.pass_time(minutes=20)
    system.tick()
    wins(system, partial(nights=NIGHTS[1:], revision=1))
    system.pay(late, late=True)
    system.settle()
    session = session_of(system, late)
    expect(system, session.get("reason") == "AWARD_WITHDRAWN", f"it is {session.get('fulfilment')}")


def corrected_too_late(system: System) -> None:
    """A correction and a withdrawal come while an order is open. The order is paid, so both are refused."""
    wins(system, auction_result())
    presses(system)
    wins(system, {"auctionId": "1001", "userId": MAI, "revision": 1}, "AuctionWithdrawn")
    system.pay(system.order())
    system.settle()
    expect(system, booked(system, MAI), "a paid booking fell to a withdrawal")
    expect(system, bool(system.database.items(kind="REFUSED")), "nobody can see what became of it")


def booked_and_given_back(system: System) -> None:
    """A booking is cancelled. The runners-up get the offer, and in the end the nights are released."""
    begins(system)
    presses(system)
    order = system.order()
    system.pay(order)
    system.settle()
    for _ in range(3):
        if order and system.cancel(order).status == 200:
            break
    system.settle()
    expect(system, bool(system.database.items(kind="OFFER", userId=BINH)), "nobody was asked")


def buys_a_part(system: System) -> None:
    """The user buys one night of a partial win. The runners-up get the offer of the others."""
    begins(system, result="PARTIAL_WIN")
    presses(system, nights=NIGHTS[:1])
    system.pay(system.order())
    system.settle()
    system.pass_time(minutes=1)
    system.tick()
    offers = [[night["date"] for night in item["nights"]] for item in system.database.items(kind="OFFER")]
    expect(system, offers == [list(NIGHTS[1:])], f"offered: {offers}")


def foreign_hold_at_the_deadline(system: System) -> None:
    """Another user's order holds a night at the deadline. The chain waits for the end of that order."""
    wins(
        system, auction_result(userId=CHI, auctionId="1002", nights=NIGHTS[:1], paymentDeadline="2027-03-09T03:00:00Z")
    )
    begins(system, runnersUp=[{"userId": BINH, "nights": priced(*NIGHTS)}])
    system.pass_time(hours=23, minutes=55)
    presses(system, CHI, "1002", nights=NIGHTS[:1])
    system.pass_time(minutes=6)
    system.tick()
    system.pass_time(minutes=30)
    for _ in range(3):
        system.tick()
        system.pass_time(minutes=1)
    offers = [[night["date"] for night in item["nights"]] for item in system.database.items(kind="OFFER")]
    expect(system, offers == [list(NIGHTS)], f"offered: {offers}")


def reports_without_end(system: System) -> None:
    """A page reports the reason of the decline again and again. The award still ends."""
    begins(system)
    report = {"offerId": "1001", "reason": "too far"}
    system.pass_time(days=1, seconds=1)
    system.gate.before = lambda label: None
    for _ in range(3):
        system.http("POST", "/auctions/analytics/decline", report)
        system.tick()
    expect(system, bool(system.database.items(kind="OFFER")), "an award was kept alive")


def promoted(system: System) -> None:
    """ZaloPay's promotion pays a part of the price, and ZaloPay's amount is the user's part."""
    wins(system, auction_result())
    presses(system)
    order = system.order()
    system.pay(order, discount=100_000, amount_is="payer")
    system.settle()
    expect(system, booked(system, MAI), "a discount was taken for missing money")
    if order:
        system.pass_time(days=15)
        for _ in range(3):
            if system.cancel(order).status == 200:
                break


def wrong_then_right(system: System) -> None:
    """A wrong amount arrives first, then the right one by a second transaction. The first money stays on record."""
    wins(system, auction_result())
    presses(system)
    order = system.order()
    system.zalopay.simulator.switch("callback_wrong_amount", True, "all")
    system.pay(order)
    system.settle()
    system.zalopay.simulator.switch("callback_wrong_amount", False, "all")
    if order and order.ended == "PAID":
        system.pay(order, again=True)
        system.settle()
    expect(system, booked(system, MAI), "the right amount was not booked")
    expect(system, len(system.database.items(kind="STRAY")) == 1, "the first money is forgotten")


STRANGERS = (
    page_without_a_socket,
    changes_the_mind,
    chooses_again_and_pays_the_first,
    money_moves,
    money_moves_for_ever,
    nobody_moves_after_all,
    answers_that_no_table_has,
    silent_for_two_days,
    pays_for_a_past_night,
    own_retry,
    withdrawn_and_paid,
    withdrawn_with_its_chain,
    corrected_while_paying,
    corrected_and_paid_late,
    corrected_too_late,
    booked_and_given_back,
    buys_a_part,
    foreign_hold_at_the_deadline,
    reports_without_end,
    promoted,
    wrong_then_right,
)
