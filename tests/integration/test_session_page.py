"""C24: the session page works without a socket, because it reads PENDING until another route told its owner."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.messages import BINH, HOST, MAI, NIGHTS, PRICE, auction_result
from tests.integration.product import before, counted
from tests.integration.world import Reply, World

TOLD_OF = {"transactionId", "paidAt", "bookedAt"}
Telling = Callable[[World, str], Reply]


def paid(world: World) -> str:
    """The callback arrived before the browser. Returns the session's id."""
    made = world.created()
    world.zalopay.pay(made["appTransId"])
    return made["sessionId"]


def transaction(world: World, session_id: str, **how: Any) -> Reply:
    number = world.standing(session_id)["transactionId"]
    return world.http("GET", f"/payment/transactions/{number}", **how)


def booking(world: World, session_id: str, **how: Any) -> Reply:
    return world.http("GET", f"/payment/{session_id}/booking", **how)


def confirmation(world: World, session_id: str, **how: Any) -> Reply:
    return world.http("POST", f"/payment/{session_id}/booking", **how)


tells = pytest.mark.parametrize("tell", [transaction, booking, confirmation])


@tells
def test_c24_a_paid_session_reads_pending_until_its_owner_was_told(world: World, tell: Telling):
    session_id = paid(world)
    for _ in range(2):
        page = world.session(session_id)
        assert (page["status"], page["fulfilment"], TOLD_OF & set(page)) == ("PENDING", "NONE", set())
    assert tell(world, session_id).status == 200
    page = world.session(session_id)
    assert (page["status"], page["fulfilment"], TOLD_OF & set(page)) == ("PAID", "BOOKED", TOLD_OF)


@tells
@pytest.mark.parametrize("stranger", [BINH, HOST])
def test_c24_what_another_user_is_answered_does_not_count(world: World, tell: Telling, stranger: str):
    session_id = paid(world)
    assert tell(world, session_id, sub=stranger).status == 404
    assert world.session(session_id)["status"] == "PENDING"


def test_c24_a_404_and_a_409_before_the_money_do_not_count(world: World):
    made = world.created()
    assert booking(world, made["sessionId"]).status == 404
    assert confirmation(world, made["sessionId"]).status == 409
    assert world.http("GET", "/payment/transactions/270301000000999").status == 404
    world.zalopay.pay(made["appTransId"])
    assert world.session(made["sessionId"])["status"] == "PENDING"


def test_c24_a_pending_booking_of_a_reservation_tells_of_no_money(world: World):
    world.announce(auction_result())
    kept = world.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)}).body
    assert booking(world, kept["id"]).body["status"] == "PENDING"
    world.buy()
    assert world.session(kept["id"])["status"] == "PENDING"
    assert booking(world, kept["id"]).body["status"] == "CONFIRMED"
    assert world.session(kept["id"])["status"] == "PAID"


@tells
def test_c24_telling_is_one_write_the_first_time_and_none_after(world: World, tell: Telling):
    session_id = paid(world)
    world.session(session_id)
    both = ["BatchGetItem stays"]
    reads = {transaction: ["GetItem stays"] * 2, booking: both, confirmation: both}
    for writes in (["UpdateItem stays"], []):
        with counted(world.functions["payments"]) as made:
            tell(world, session_id)
        assert made == reads[tell] + writes
    for other, read in reads.items():
        with counted(world.functions["payments"]) as made:
            other(world, session_id)
        assert made == read


def test_c24_telling_is_no_decision_and_nobody_hears_of_it(world: World):
    session_id = paid(world)
    socket = world.socket()
    socket.subscribe()
    world.deliver()
    standing, frames = world.standing(session_id), len(socket.frames)
    transaction(world, session_id)
    assert world.standing(session_id) == standing
    assert "toldAt" in world.item(kind="NOTES")
    assert world.told(session_id) == ["OPENED", "ORDER_MADE", "PAID_AND_BOOKED"]
    world.deliver()
    assert len(socket.frames) == frames


def test_c24_two_answers_at_the_same_moment_are_both_good(world: World):
    session_id = paid(world)
    with before(world.functions["payments"], "UpdateItem", lambda: booking(world, session_id)):
        assert transaction(world, session_id).body["status"] == "PAID"
    assert world.session(session_id)["status"] == "PAID"


def test_c24_every_other_answer_says_paid_at_once_and_counts_as_no_telling(world: World):
    made = world.created()
    session_id = made["sessionId"]
    socket = world.socket()
    socket.subscribe()
    world.zalopay.pay(made["appTransId"])
    world.deliver()
    assert world.status(made["appTransId"])["status"] == "PAID"
    assert [frame["status"] for frame in socket.of_type("PAYMENT_STATUS")][-1] == "COMPLETED"
    assert world.socket().subscribe()[-2]["status"] == "COMPLETED"
    assert world.http("GET", "/user/bookings").body[0]["status"] == "CONFIRMED"
    assert world.http("GET", "/auctions/winners/1001").body["status"] == "PAID"
    assert world.session(session_id)["status"] == "PENDING"


def test_c24_a_booking_that_was_given_back_is_read_as_it_is_though_nobody_was_told(world: World):
    session_id = paid(world)
    assert world.http("DELETE", f"/bookings/{session_id}").status == 200
    page = world.session(session_id)
    assert (page["status"], page["fulfilment"], page["reason"]) == ("PAID", "REFUND_DUE", "CANCELLED_BY_TRAVELLER")
    assert TOLD_OF <= set(page)


def test_c24_money_that_books_nothing_is_read_as_a_failure_at_once(world: World):
    made = world.created()
    world.announce(auction_result(auctionId="1002", userId=BINH))
    world.after(minutes=20)
    world.create(sub=BINH, auction_id="1002")
    world.zalopay.pay(made["appTransId"], late=True)
    assert world.session(made["sessionId"])["status"] == "FAILED"


def session_page(world: World, made: dict[str, Any], sub: str) -> dict[str, Any] | None:
    """The frontend's page: read, poll while the answer is PENDING, then continue with the transaction's id."""
    if world.session(made["sessionId"], sub=sub)["status"] != "PENDING":
        return None
    for _ in range(10):
        said = world.status(made["appTransId"], sub=sub)
        if said["status"] == "PAID":
            session = world.http("GET", f"/payment/transactions/{said['transactionId']}", sub=sub).body
            assert session["status"] == "PAID"
            return world.http("GET", f"/payment/{session['id']}/booking", sub=sub).body
        world.clock.shift(timedelta(seconds=3))
    return None


GAP = ["2027-03-20", "2027-03-22", "2027-03-23"]
BOUGHT: dict[str, Callable[[World], Any]] = {
    "a full win": lambda world: world.announce(auction_result()),
    "a partial win in a row": lambda world: world.announce(auction_result(result="PARTIAL_WIN")),
    "a partial win with a gap": lambda world: world.announce(auction_result(result="PARTIAL_WIN", nights=GAP)),
    "an offer": lambda world: world.offer(userId=MAI),
    "an offer with a gap": lambda world: world.offer(userId=MAI, nights=GAP),
}


@pytest.mark.parametrize("bought", BOUGHT.values(), ids=BOUGHT)
@pytest.mark.parametrize("callback", ["first", "late", "lost"])
def test_c24_the_page_reaches_the_booking_with_no_socket_in_every_order_of_callback_and_return(
    world: World, bought: Callable[[World], Any], callback: str
):
    bought(world)
    first_to_last = [f"2027-03-{day}" for day in (20, 21, 22)]
    made = world.create(first_to_last, amount=3 * PRICE).body
    if callback != "first":
        world.zalopay.fault("callback_lost")
    world.zalopay.pay(made["appTransId"])
    if callback == "late":
        assert world.session(made["sessionId"])["status"] == "PENDING"
        world.zalopay.fault("callback_lost", on=False)
        world.zalopay.call_back(made["appTransId"])
    reached = session_page(world, made, MAI)
    assert reached and (reached["status"], reached["totalAmount"]) == ("CONFIRMED", 3 * PRICE)


def test_c24_an_answer_of_status_that_gets_lost_and_a_reload_lose_nothing(world: World):
    session_id = paid(world)
    order = world.standing(session_id)["appTransId"]
    assert world.status(order)["status"] == "PAID"  # and the answer never reaches the browser
    reached = session_page(world, {"sessionId": session_id, "appTransId": order}, MAI)
    assert reached and reached["status"] == "CONFIRMED"
