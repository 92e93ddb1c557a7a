"""The functions' calls to the tables in long scenarios, compared with the topology's permissions."""

from datetime import timedelta
from typing import Any

from infra.topology import FUNCTIONS
from tests.integration.calls import Recorder, granted_by_topology
from tests.integration.messages import BINH, HOST, MAI, PROPERTY, auction_result, in_seconds, order_data, signed
from tests.integration.world import World


def an_award(world: World, auction_id: str, month: int) -> list[str]:
    """Mai wins three nights of a new property."""
    nights = [f"2027-{month:02}-{day}" for day in (20, 21, 22)]
    house = {**PROPERTY, "id": f"house-{auction_id}"}
    assert world.announce(auction_result(auctionId=auction_id, property=house, nights=nights))["accepted"]
    return nights


def ordered(world: World, auction_id: str, month: int) -> dict[str, Any]:
    nights = an_award(world, auction_id, month)
    reply = world.create(nights, auction_id=auction_id)  # the profile has her address
    assert reply.status == 200
    return reply.body


def listen(world: World) -> None:
    """Browsers connect, subscribe, ping and disconnect, or vanish."""
    world.http("GET", "/payment/transactions/270301000000123")
    quick, lasting = world.socket(), world.socket()
    quick.subscribe()
    quick.send({"type": "PING"})
    quick.close()
    lasting.subscribe()
    lasting.vanish()


def buy(world: World) -> None:
    """A user pays, uses the booking, and cancels it."""
    made = ordered(world, "2001", 4)
    listen(world)
    world.zalopay.pay(made["appTransId"])
    world.deliver()
    stay = made["sessionId"]
    world.http("POST", "/users/auth0-sync", {"email": "mai@example.com", "locale": "vi"})
    assert world.http("GET", "/user/bookings").status == 200
    world.http("POST", f"/bookings/{stay}/conversation")
    world.clock.shift(timedelta(minutes=2))
    assert world.http("POST", f"/bookings/{stay}/send-confirmation").status == 200
    assert world.http("DELETE", f"/bookings/{stay}").status == 200
    world.deliver()
    world.tick()
    world.after(minutes=2)
    assert world.session(stay)["refund"]["status"] == "REFUNDED"


def reserve(world: World) -> None:
    """A reservation is opened and cancelled."""
    nights = an_award(world, "2002", 5)
    kept = world.http("POST", "/bookings", {"auctionId": "2002", "selectedNights": nights})
    assert kept.status == 200
    assert world.http("DELETE", f"/bookings/{kept.body['id']}").status == 200


def repair(world: World) -> None:
    """Callbacks are lost: a browser asks, then only the clock asks, then the order is unpaid."""
    world.zalopay.fault("callback_lost")
    asked = ordered(world, "2003", 6)
    world.zalopay.pay(asked["appTransId"])
    world.clock.shift(timedelta(seconds=10))
    assert world.status(asked["appTransId"])["status"] == "PAID"
    found, left = ordered(world, "2004", 7), ordered(world, "2005", 8)
    world.zalopay.pay(found["appTransId"])
    world.after(minutes=2)
    assert world.standing(found["sessionId"])["status"] == "PAID"
    world.after(minutes=30)
    assert world.session(left["sessionId"])["status"] == "EXPIRED"
    world.zalopay.fault("callback_lost", on=False)


def come_late(world: World) -> None:
    """Late money arrives when another user has the nights."""
    for name in ("callback_lost", "query_down"):
        world.zalopay.fault(name)
    late = ordered(world, "2009", 11)
    world.zalopay.pay(late["appTransId"])
    world.after(minutes=25)
    nights, house = ["2027-11-20"], {**PROPERTY, "id": "house-2009"}
    world.announce(auction_result(auctionId="2010", property=house, nights=nights, userId=BINH))
    assert world.create(nights, auction_id="2010", sub=BINH).status == 200
    for name in ("callback_lost", "query_down"):
        world.zalopay.fault(name, on=False)
    world.after(minutes=2)
    assert world.session(late["sessionId"])["reason"] == "NIGHTS_TAKEN"


def answer(world: World) -> None:
    """A win is declined. The next offer is accepted and expires, and the last one is declined."""
    night = [{"date": "2027-12-20", "price": 400_000}]
    next_ones = [{"userId": user, "nights": night} for user in (BINH, "auth0|chi")]
    house = {**PROPERTY, "id": "house-2011"}
    event = auction_result(auctionId="2011", property=house, nights=["2027-12-20"], runnersUp=next_ones)
    assert world.announce(event)["accepted"]
    assert world.http("GET", "/auctions/winners/2011").status == 200
    assert world.http("POST", "/auctions/winners/2011/decline").status == 200
    (offer,) = world.http("GET", "/auctions/offers/second-chance/me", sub=BINH).body
    assert world.http("POST", f"/auctions/offers/{offer['id']}/accept", sub=BINH).status == 200
    assert world.create(["2027-12-20"], auction_id="2011", sub=BINH).status == 200
    world.zalopay.fault("query_down")
    assert world.http("POST", f"/auctions/offers/{offer['id']}/decline", sub=BINH).status == 409
    world.after(minutes=121)
    world.zalopay.fault("query_down", on=False)
    world.after(minutes=2)
    world.after(minutes=2)
    last = {"offerId": "2011", "reason": "no time", "type": "second_chance"}
    assert world.http("POST", "/auctions/analytics/decline", last, sub="auth0|chi").status == 200
    assert world.http("POST", "/auctions/offers/2011/decline", sub="auth0|chi").status == 200
    assert world.item(auctionId="2011", userId="auth0|chi", kind="OFFER")["releases"] == [["2027-12-20"]]


def corrected(world: World, auction_id: str) -> dict[str, Any]:
    """An open order with a correction that waits for its end."""
    made = ordered(world, auction_id, 8)
    house = {**PROPERTY, "id": f"house-{auction_id}"}
    assert world.announce(auction_result(auctionId=auction_id, property=house, nights=["2027-08-20"], revision=1))
    world.clock.shift(timedelta(seconds=6))
    return made


def is_paid_unheard(world: World, made: dict[str, Any]) -> None:
    """The order is paid, and its callback is lost."""
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(made["appTransId"])
    world.zalopay.fault("callback_lost", on=False)


def change_minds(world: World) -> None:
    """Each kind of question finds an open order paid or over, while a correction waits for its end."""
    unpaid = corrected(world, "2012")
    assert world.http("GET", "/auctions/winners/2012").status == 200
    assert world.http("POST", "/auctions/winners/2012/decline").status == 200
    assert world.session(unpaid["sessionId"])["reason"] == "SUPERSEDED"
    is_paid_unheard(world, corrected(world, "2013"))
    assert world.http("POST", "/auctions/winners/2013/decline").status == 409
    polled = corrected(world, "2014")
    is_paid_unheard(world, polled)
    found = world.status(polled["appTransId"])
    assert world.http("GET", f"/payment/transactions/{found['transactionId']}").status == 200
    left = corrected(world, "2015")
    world.zalopay.cancel(left["appTransId"])
    assert world.status(left["appTransId"])["status"] == "CANCELLED"
    is_paid_unheard(world, corrected(world, "2016"))
    world.after(minutes=2)


def reserve_and_change(world: World) -> None:
    """The same for reservations with open orders."""
    for number, paid in (("2017", True), ("2018", False)):
        nights = an_award(world, number, 8)
        kept = world.http("POST", "/bookings", {"auctionId": number, "selectedNights": nights}).body["id"]
        made = world.create(nights, auction_id=number).body
        house = {**PROPERTY, "id": f"house-{number}"}
        world.announce(auction_result(auctionId=number, property=house, nights=["2027-08-20"], revision=1))
        world.clock.shift(timedelta(seconds=6))
        if paid:
            is_paid_unheard(world, made)
        assert world.http("DELETE", f"/bookings/{kept}").status == (409 if paid else 200)


def come_after_the_deadline(world: World) -> None:
    """Late money for awards that are over, by callback and by the clock. Then an award is withdrawn."""
    for number, lost in (("2019", False), ("2020", True)):
        house, soon = {**PROPERTY, "id": f"house-{number}"}, in_seconds(60)
        event = auction_result(auctionId=number, property=house, nights=["2027-09-20"], paymentDeadline=soon)
        assert world.announce(event)["accepted"]
        made = world.create(["2027-09-20"], auction_id=number).body
        world.after(minutes=17)
        world.after(minutes=1)
        world.zalopay.fault("callback_lost", on=lost)
        world.zalopay.pay(made["appTransId"], late=True)
        world.after(hours=1)
        assert world.standing(made["sessionId"])["fulfilment"] == "BOOKED"
    an_award(world, "2022", 12)
    assert world.announce({"auctionId": "2022", "userId": MAI}, "AuctionWithdrawn")["accepted"]


def pay_wrongly(world: World) -> None:
    """A wrong amount ends an order with a correction; then the same transaction has the right amount."""
    made = corrected(world, "2021")
    data = order_data(made["appTransId"], amount=1000, zp_trans_id=270301000000777)
    assert world.call_back(signed(data)) == 1
    assert world.call_back(signed(data | {"amount": made["amount"]})) == 1


def go_wrong(world: World) -> None:
    """ZaloPay refuses an order, and reports a wrong amount and stray money. The bus brings bad events. Mail tells."""
    nights = an_award(world, "2006", 9)
    world.zalopay.fault("create_refused", next=True)
    assert world.create(nights, auction_id="2006").status == 502
    other = ordered(world, "2007", 10)
    assert world.call_back(signed(order_data(other["appTransId"], amount=1000))) == 1
    assert world.call_back(signed(order_data("270301_01MFZGFMWRBDQ204A12RVMHVS6"))) == 1
    assert not world.announce({"auctionId": "2008"})["accepted"]
    world.keeps_award_mail = True
    assert world.offer()["accepted"]
    world.after(minutes=25)  # the mail of orders that ran out is due
    world.deliver()
    mail = {"tags": {"stay": [other["sessionId"]], "letter": ["review"]}}
    complaint = {"complainedRecipients": [{"emailAddress": "mai@example.com"}]}
    said = {"detail": {"eventType": "Complaint", "mail": mail, "complaint": complaint}}
    assert world.functions["fulfilment"].handler(said, world.context) == {}


def keep_a_calendar(world: World) -> None:
    """A host reads the calendar, opens a feed, and closes it."""
    calendar = "/properties/house-2001/calendar"
    assert world.http("GET", calendar, sub=HOST).status == 200
    url = world.http("POST", f"{calendar}/feed", sub=HOST).body["url"]
    assert world.http("GET", f"/calendars/{url.rpartition('/')[2]}").status == 200
    assert world.http("DELETE", f"{calendar}/feed", sub=HOST).status == 200


CHANGES = (change_minds, reserve_and_change, come_after_the_deadline, pay_wrongly)


def buy_and_look(world: World) -> None:
    """A stay is booked and cancelled, and then its host reads the calendar."""
    buy(world)
    keep_a_calendar(world)


STORIES = (buy_and_look, reserve, repair, come_late, answer, *CHANGES, go_wrong)


def test_functions_ask_for_all_that_they_may_and_for_nothing_else(world: World):
    loaded = {name: world.functions["connections_bound" if name == "connections" else name] for name in FUNCTIONS}
    with Recorder(loaded) as recorder:
        for story in STORIES:
            story(world)
            world.begin_anew()
    allowed = granted_by_topology()
    assert {call for call in recorder.calls if not any(grant.covers(call) for grant in allowed)} == set()
    assert {grant for grant in allowed if not any(grant.covers(call) for call in recorder.calls)} == set()
