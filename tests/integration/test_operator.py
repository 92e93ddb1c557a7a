"""The operator's desk: what it shows, what it would do, what it does, once, and with whose name."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import boto3
import pytest

from infra.operator.desk import Desk, Tools
from infra.operator.place import Letter, Place
from stays.domain.errors import NotFound, Refused
from stays.table.casebook import Casebook
from stays.table.effects import Effects
from stays.table.sessions import Sessions
from stays.table.store import Store, to_attributes
from stays.table.watch import Watch
from stays.zalopay.callback import BadCallback
from stays.zalopay.keys import accepted_keys
from tests.integration.messages import PRICE, auction_result, order_data, signed
from tests.integration.test_announcements import Listener
from tests.integration.world import World

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class Office:
    """Two desks at one place: one that only says what it would do, and one that does it."""

    def __init__(self, world: World):
        self.letters: list[Letter] = []
        self.announced: list[Any] = []
        self.forgotten = 0
        self.published: list[Any] = []
        store = Store(boto3.client("dynamodb"), "stays")
        tools = Tools(
            sessions=Sessions(store, by="linh"),
            effects=Effects(store),
            watch=Watch(store),
            casebook=Casebook(store, "linh"),
            zalopay=world.functions["payments"].zalopay(),
            keys=partial(accepted_keys, "zalopay-key2"),
            publish=self.published.extend,
        )
        place = Place({}, lambda: datetime.now(UTC), lambda: self.letters, self.announced.append)
        self.dry = Desk(tools, place, really=False)
        self.really = Desk(tools, place, really=True)
        self.personal = Desk(tools, place, really=False, personal=True)

    def forget(self):
        self.forgotten += 1


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)


def said(lines: Iterator[str]) -> str:
    return "\n".join(lines)


def lost(world: World) -> dict[str, Any]:
    """Paid, and ZaloPay never called."""
    world.zalopay.fault("callback_lost")
    made = world.created(email="mai@example.com", name="Mai")
    world.zalopay.pay(made["appTransId"])
    return made


def reviewed(world: World) -> dict[str, Any]:
    """Paid, and the callback named another amount."""
    made = world.created()
    world.zalopay.fault("callback_wrong_amount")
    world.zalopay.pay(made["appTransId"])
    assert state(world, made) == ("FAILED", "REVIEW")
    return made


def state(world: World, made: dict[str, Any]) -> tuple[str, str]:
    (session,) = world.items(kind="SESSION", id=made["sessionId"])
    return session["status"], session["fulfilment"]


def test_a_stays_story_is_told_in_plain_words(world: World, office: Office):
    paid = world.paid()
    reference = world.item(kind="BOOKING")["referenceNumber"]
    for name in (paid["id"], paid["appTransId"], paid["transactionId"], reference.lower()):
        story = said(office.dry.show(name))
        assert f"Stay {paid['id']}" in story
        assert "Nhà Trên Đồi, 1.200.000 ₫, nights 2027-03-20, 2027-03-21, 2027-03-22" in story
        assert "paid, and the nights are booked (callback said PAID, 1.200.000 ₫" in story
        assert "Nothing more happens." in story
    assert "mai@example.com" not in story
    assert "mai@example.com" in said(office.personal.show(paid["id"]))


def test_a_stray_transaction_leads_to_the_stay_that_it_was_paid_for(world: World, office: Office):
    paid = world.paid()
    world.call_back(signed(order_data(paid["appTransId"], amount=7, zp_trans_id=99)))
    assert f"Stay {paid['id']}" in said(office.dry.show("99"))


@pytest.mark.parametrize("name", ["01KANX8QG00123456789ABCDEF", "123", "nonsense", "ABCDE-12345"])
def test_what_is_not_there_is_not_found(office: Office, name: str):
    with pytest.raises(NotFound):
        said(office.dry.show(name))


def test_what_the_clock_will_look_at_is_listed_with_what_it_missed(world: World, office: Office):
    made = lost(world)
    assert made["sessionId"] in said(office.dry.due())
    assert "OVERDUE" not in said(office.dry.due())
    world.clock.shift(timedelta(minutes=10))
    assert f"OVERDUE  {datetime(2027, 3, 1, 3, 0, 45, tzinfo=UTC).isoformat()[:17]}" in said(office.dry.due())


def test_an_award_whose_deadline_is_near_is_listed_and_overdue_when_the_clock_has_missed_it(
    world: World, office: Office
):
    world.announce(auction_result(paymentDeadline="2027-03-01T03:30:00Z"))
    world.offer(responseDeadline="2027-03-01T05:00:00Z")
    line = "2027-03-01T03:30:00Z  WIN of auction 1001, PENDING_PAYMENT"
    assert said(office.dry.due()) == f"due      {line}"
    world.clock.shift(timedelta(minutes=36))
    assert said(office.dry.due()) == f"OVERDUE  {line}"
    assert world.tick() == {"due": 1, "attended": 1}
    assert "WIN" not in said(office.dry.due())


def test_zalopay_is_asked_and_only_with_a_yes_anything_changes(world: World, office: Office):
    made = lost(world)
    before = world.items()
    assert "PENDING / NONE would become PAID / BOOKED" in said(office.dry.ask(made["sessionId"]))
    assert world.items() == before
    assert "PENDING / NONE is now PAID / BOOKED" in said(office.really.ask(made["sessionId"]))
    assert "Nothing changes: PAID / BOOKED." in said(office.really.ask(made["sessionId"]))
    assert "by linh" in said(office.dry.show(made["sessionId"]))
    assert world.nights() == dict.fromkeys(("2027-03-20", "2027-03-21", "2027-03-22"), "BOOKED")


def test_a_refund_under_way_is_asked_about(world: World, office: Office):
    paid = world.paid()
    world.http("DELETE", f"/bookings/{paid['id']}")
    world.tick()
    world.clock.shift(timedelta(seconds=10))
    assert "ZaloPay says of the refund: DONE" in said(office.really.ask(paid["id"]))
    assert world.session(paid["id"])["refund"]["status"] == "REFUNDED"


def test_what_waits_for_people_is_listed(world: World, office: Office):
    made = reviewed(world)
    world.zalopay.fault("callback_wrong_amount", on=False)
    world.announce({"auctionId": "9"})
    paid_twice = signed(order_data(made["appTransId"], amount=7, zp_trans_id=99))
    world.call_back(paid_twice)
    listed = said(office.dry.review())
    assert f"REVIEW  {made['sessionId']}" in listed
    assert f"STRAY  7 ₫ under 99 for {made['sessionId']}" in listed
    assert "REFUSED  2027-03-01" in listed


def test_an_amount_under_review_is_accepted_and_booked(world: World, office: Office):
    made = reviewed(world)
    assert "would become PAID / BOOKED" in said(office.dry.accept(made["sessionId"]))
    assert "is now PAID / BOOKED" in said(office.really.accept(made["sessionId"]))
    assert state(world, made) == ("PAID", "BOOKED")
    with pytest.raises(Refused):
        said(office.really.accept(made["sessionId"]))


def test_an_accepted_amount_is_the_price_of_everything_that_follows(world: World, office: Office):
    made = reviewed(world)
    assert "3 nights: booked, if they are free" in said(office.really.accept(made["sessionId"]))
    assert world.session(made["sessionId"])["amount"] == 3 * PRICE + 1000
    assert world.item(kind="BOOKING")["totalAmount"] == 3 * PRICE + 1000
    assert world.item(kind="TRANSACTION")["amount"] == 3 * PRICE + 1000


def test_an_amount_is_not_accepted_for_nights_that_are_gone(world: World, office: Office):
    made = reviewed(world)
    world.zalopay.fault("callback_wrong_amount", on=False)
    again = world.create().body
    world.zalopay.pay(again["appTransId"])
    before = world.items()
    with pytest.raises(Refused, match="A night is somebody else's"):
        said(office.really.accept(made["sessionId"]))
    assert world.items() == before


def test_an_amount_under_review_goes_back(world: World, office: Office):
    made = reviewed(world)
    with pytest.raises(Refused, match="Between 1"):
        said(office.really.refund(made["sessionId"], 10_000_000))
    assert "FAILED / REVIEW would become FAILED / REFUND_DUE" in said(office.dry.refund(made["sessionId"], 3 * PRICE))
    assert "is now FAILED / REFUND_DUE" in said(office.really.refund(made["sessionId"], 3 * PRICE))
    with pytest.raises(Refused, match="on its way back"):
        said(office.really.refund(made["sessionId"], 3 * PRICE))
    world.tick()
    world.after(minutes=1)
    assert state(world, made) == ("FAILED", "REFUNDED")
    order = world.zalopay.order(made["appTransId"])
    assert [each["amount"] for each in order["refunds"]] == [3 * PRICE]
    told = said(office.dry.show(made["sessionId"]))
    assert "somebody decided that money goes back (by linh)" in told


def test_never_more_goes_back_than_was_paid_under_the_stays_own_transaction(world: World, office: Office):
    made = reviewed(world)
    world.call_back(signed(order_data(made["appTransId"], amount=9_000_000, zp_trans_id=99)))
    with pytest.raises(Refused, match="Between 1") as refused:
        said(office.really.refund(made["sessionId"], 9_000_000))
    assert refused.value.details == {"paid": 3 * PRICE + 1000}


def test_a_booking_ends_when_its_money_goes_back(world: World, office: Office):
    paid = world.paid()
    world.deliver()
    told = said(office.dry.refund(paid["id"], 100_000))
    assert "PAID / BOOKED would become PAID / REFUND_DUE" in told
    assert "100.000 ₫ of 1.200.000 ₫ go back" in told
    assert "3 nights: free for others" in told and "mail to the traveller: cancellation" in told
    assert len(world.nights()) == 3
    assert "is now PAID / REFUND_DUE" in said(office.really.refund(paid["id"], 100_000))
    assert world.nights() == {}
    world.tick()
    world.after(minutes=1)
    after = world.session(paid["id"])
    assert (after["refund"]["status"], after["refund"]["amount"]) == ("REFUNDED", 100_000)
    assert after["reason"] == "CANCELLED_BY_OPERATOR"


def refused_refund(world: World) -> dict[str, Any]:
    paid = world.paid()
    world.zalopay.fault("refund_refused")
    world.http("DELETE", f"/bookings/{paid['id']}")
    world.tick()
    world.after(minutes=1)
    world.zalopay.fault("refund_refused", on=False)
    return {"sessionId": paid["id"]}


def test_a_refused_refund_is_asked_for_again_under_another_id(world: World, office: Office):
    made = refused_refund(world)
    assert state(world, made) == ("PAID", "REFUND_MANUAL")
    assert "refund it again" in said(office.dry.show(made["sessionId"]))
    said(office.really.refund(made["sessionId"], None))
    world.tick()
    world.after(minutes=1)
    refund = world.session(made["sessionId"])["refund"]
    assert (refund["status"], refund["amount"], refund["id"]) == (
        "REFUNDED",
        3 * PRICE,
        f"270301_2553_{made['sessionId']}1",
    )


def test_a_refused_refund_that_was_paid_back_by_hand_is_settled(world: World, office: Office):
    made = refused_refund(world)
    assert "somebody sent the money back" in said(office.really.settled(made["sessionId"]))
    assert state(world, made) == ("PAID", "REFUNDED")


def test_stored_evidence_is_brought_again_and_changes_nothing_twice(world: World, office: Office):
    paid = world.paid()
    before = world.items()
    assert said(office.really.replay(paid["id"])) == "Nothing changes: PAID / BOOKED."
    at = world.item(kind="EVENT", what="PAID_AND_BOOKED")["at"]
    assert said(office.really.replay(paid["id"], at)) == "Nothing changes: PAID / BOOKED."
    assert said(office.really.replay(paid["id"], "2027-01-01T00:00:00.000Z")) == ""
    assert world.items() == before


def test_a_callback_that_was_kept_is_brought_again_when_its_order_is_there(world: World, office: Office):
    made = lost(world)
    kept = {"PK": "REFUSED", "SK": "2027-03-01T02:00:00.000Z#callback-1", "kind": "REFUSED", "reason": "-"}
    raw = signed(order_data(made["appTransId"]))
    office.really._tools.casebook._store.put(kept | {"raw": raw})
    assert "is now PAID / BOOKED" in said(office.really.replay(kept["SK"]))
    office.really._tools.casebook._store.put(kept | {"raw": raw.replace('"mac": "', '"mac": "0')[:-1] + "}"})
    with pytest.raises(BadCallback):
        said(office.really.replay(kept["SK"]))


def test_a_message_that_could_not_be_read_is_brought_again_and_says_why(world: World, office: Office):
    made = lost(world)
    assert world.call_back(signed(order_data(made["appTransId"], amount="much"))) == 1
    with pytest.raises(BadCallback, match="cannot be read: amount"):
        said(office.really.replay(world.item(kind="REFUSED")["SK"]))


def test_a_mail_is_sent_once_more(world: World, office: Office):
    paid = world.paid()
    world.deliver()
    world.clock.shift(timedelta(minutes=5))
    before = world.items()
    assert "would go out" in said(office.dry.mail(paid["id"], "confirmation"))
    assert world.items() == before
    assert "goes out" in said(office.really.mail(paid["id"], "confirmation"))
    assert world.item(kind="MAIL")["state"] == "DUE"
    world.deliver()
    with pytest.raises(Refused, match="in a minute"):
        said(office.really.mail(paid["id"], "confirmation"))
    assert world.item(what="MAILED_AGAIN")["by"] == "linh"
    with pytest.raises(Refused, match="No refund was ever owed"):
        said(office.really.mail(paid["id"], "refund"))


def test_browsers_are_told_again(world: World, office: Office):
    paid = world.paid()
    world.deliver()
    socket = world.socket()
    socket.subscribe(token=world.token())
    before = len(socket.frames)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    assert "would be told again: PAID" in said(office.dry.messages(yesterday, None))
    assert said(office.really.messages(yesterday, "auth0|nobody")) == ""
    assert said(office.really.messages(datetime.now(UTC) + timedelta(days=1), None)) == ""
    world.deliver()
    assert len(socket.frames) == before
    assert f"{paid['id']} is told again" in said(office.really.messages(yesterday, None))
    assert world.item(what="TOLD_AGAIN")["by"] == "linh"
    world.deliver()
    assert [frame["type"] for frame in socket.frames[before:]] == ["PAYMENT_STATUS", "BOOKING_CONFIRMED"]


def test_dead_letters_of_the_auction_system_go_back_to_the_bus(office: Office):
    event = {"detail-type": "AuctionResult", "source": "auctions", "detail": auction_result()}
    office.letters = [Letter("awards", event, LONG_AGO, office.forget)]
    assert said(office.dry.redrive()) == "awards: AuctionResult would be on the bus again"
    assert (office.announced, office.forgotten) == ([], 0)
    said(office.really.redrive())
    assert (office.announced, office.forgotten) == ([event], 1)


def test_for_other_dead_letters_what_takes_their_place_is_done(world: World, office: Office):
    paid = world.paid()
    office.letters = [
        Letter(name, {}, LONG_AGO, office.forget) for name in ("notifier", "fulfilment", "reconciliation")
    ]
    assert f"{paid['id']} would be told again: PAID" in said(office.dry.redrive())
    assert (world.items(what="TOLD_AGAIN"), office.forgotten) == ([], 0)
    assert office.published == []
    assert "fulfilment: the clock" in said(office.really.redrive())
    assert [each.event_id for each in office.published] == [
        f"{paid['id']}/PaymentCompleted",
        f"{paid['id']}/BookingConfirmed",
    ]
    assert (len(world.items(what="TOLD_AGAIN")), office.forgotten, office.announced) == (1, 3, [])


def test_what_happened_is_published_again_in_the_same_words(world: World, office: Office):
    world.paid()
    with Listener(world) as listener:
        world.deliver()
    long_ago, tomorrow = LONG_AGO, datetime.now(UTC) + timedelta(days=1)
    assert "PaymentCompleted would be published again" in said(office.dry.publish(long_ago))
    assert office.published == []
    assert "BookingConfirmed is published again" in said(office.really.publish(long_ago))
    assert [each.dump() for each in office.published] == listener.heard()
    assert said(office.really.publish(tomorrow)) == ""


@pytest.mark.parametrize("time", ["deadline", "changedAt"])
def test_offers_that_ended_are_published_again(world: World, office: Office, time: str):
    world.offer()
    item = world.item(kind="OFFER")
    times = {"deadline": "2027-01-01T00:00:00.000Z", "changedAt": "2027-01-01T00:00:00.000Z"}
    times[time] = "2027-03-02T00:00:00.000Z"
    world.dynamodb.put_item(TableName="stays", Item=to_attributes(item | times | {"status": "EXPIRED"}))
    said(office.really.publish(datetime(2027, 3, 1, tzinfo=UTC)))
    assert [type(each).__name__ for each in office.published] == ["OfferExpired"]
    assert said(office.really.publish(datetime(2027, 3, 3, tzinfo=UTC))) == ""


def test_nights_beside_an_offer_that_was_paid_are_published_again(world: World, office: Office):
    world.offer()
    paid = {"status": "PAID", "releasedNights": ["2027-06-01"], "changedAt": "2027-03-02T00:00:00.000Z"}
    world.dynamodb.put_item(TableName="stays", Item=to_attributes(world.item(kind="OFFER") | paid))
    said(office.really.publish(datetime(2027, 3, 1, tzinfo=UTC)))
    assert [type(each).__name__ for each in office.published] == ["NightsReleased"]
