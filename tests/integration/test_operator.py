"""The operator's commands: their output, the dry run, their effects, and the recorded name."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from infra.operator.commands import Commands, Tools
from infra.operator.environment import DeadLetter, Environment
from stays.aws.attributes import to_attributes
from stays.aws.store import Store
from stays.domain.errors import NotFound, Refused
from stays.domain.manual import give_back
from stays.domain.refund import RefundEvidence, RefundOutcome, decide_refund, request_refund
from stays.edge.connections import Connections
from stays.table.due_items import DueItems
from stays.table.effects import Effects
from stays.table.erasures import Erasures
from stays.table.operator_queries import OperatorQueries
from stays.table.sessions import Sessions
from stays.table.strays import Strays
from stays.zalopay import Created
from stays.zalopay.callback import BadCallback
from tests.integration.messages import NIGHTS, PRICE, PROPERTY, auction_result, order_data, signed
from tests.integration.product import Answering, Asked
from tests.integration.tables import Overtaken, dynamodb
from tests.integration.test_announcements import Listener
from tests.integration.world import World
from tests.samples import opened

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class OperatorCommands:
    """The commands twice: as a dry run, and with `really`."""

    def __init__(self, world: World):
        self.letters: list[DeadLetter] = []
        self.announced: list[Any] = []
        self.replayed: list[Any] = []
        self.failing = 0
        self.forgotten = 0
        self.published: list[Any] = []
        self.client = dynamodb()
        store = Store(self.client, "stays")
        tools = Tools(
            sessions=Sessions(store, by="linh"),
            strays=Strays(store, by="linh"),
            effects=Effects(store),
            due_items=DueItems(store),
            queries=OperatorQueries(store, "linh"),
            erasures=Erasures(store, partial(world.functions["bookings"].keys.accepted, "email-key"), "linh"),
            connections=Connections(Store(self.client, "connections")),
            zalopay=world.functions["payments"].zalopay(),
            keys=partial(world.functions["zalopay_callback"].keys.accepted, "zalopay-key2"),
            email_keys=partial(world.functions["bookings"].keys.accepted, "email-key"),
            publish=self.published.extend,
        )
        environment = Environment(
            {}, lambda: datetime.now(UTC), lambda: self.letters, self.announced.append, self.replay
        )
        self.dry = Commands(tools, environment, really=False)
        self.really = Commands(tools, environment, really=True)
        self.personal = Commands(tools, environment, really=False, personal=True)

    def forget(self):
        self.forgotten += 1

    def replay(self, function: str, event: Mapping[str, Any]) -> int:
        self.replayed.append((function, event))
        return self.failing


@pytest.fixture
def operator(world: World) -> OperatorCommands:
    return OperatorCommands(world)


def said(lines: Iterator[str]) -> str:
    return "\n".join(lines)


def lost(world: World) -> dict[str, Any]:
    """Paid, and the callback was lost."""
    world.zalopay.fault("callback_lost")
    made = world.created(email="mai@example.com", name="Mai")
    world.zalopay.pay(made["appTransId"])
    return made


def reviewed(world: World) -> dict[str, Any]:
    """Paid, and the callback has another amount."""
    made = world.created()
    world.zalopay.fault("callback_wrong_amount")
    world.zalopay.pay(made["appTransId"])
    assert state(world, made) == ("FAILED", "REVIEW")
    return made


def state(world: World, made: dict[str, Any]) -> tuple[str, str]:
    (session,) = world.items(kind="SESSION", id=made["sessionId"])
    return session["status"], session["fulfilment"]


def test_a_stays_story_is_told_in_plain_words(world: World, operator: OperatorCommands):
    paid = world.paid()
    reference = world.item(kind="BOOKING")["referenceNumber"]
    for name in (paid["id"], paid["appTransId"], paid["transactionId"], reference.lower()):
        story = said(operator.dry.show(name))
        assert f"Stay {paid['id']}" in story
        assert "Nhà Trên Đồi, 1.200.000 ₫, nights 2027-03-20, 2027-03-21, 2027-03-22" in story
        assert "paid, and the nights are booked (callback said PAID, 1.200.000 ₫" in story
        assert "Nothing more happens." in story
    assert "mai@example.com" not in story
    assert "mai@example.com" in said(operator.personal.show(paid["id"]))


def second(world: World, amount: int = 500_000) -> tuple[dict[str, Any], str]:
    """A booked stay with a second transaction that ZaloPay can refund."""
    paid = world.paid()
    world.zalopay.fault("callback_lost")
    order = elsewhere(world, amount)
    world.zalopay.fault("callback_lost", on=False)
    world.call_back(signed(order_data(paid["appTransId"], amount=amount, zp_trans_id=order["zp_trans_id"])))
    return paid, str(order["zp_trans_id"])


def elsewhere(world: World, amount: int = 500_000) -> dict[str, Any]:
    """An order that ZaloPay has and we do not, paid."""
    payments, session = world.functions["payments"], opened(now=datetime.now(UTC)).but(amount=amount)
    assert isinstance(
        payments.zalopay().create_order(session, "http://localhost", payments.PAGES.callback_url), Created
    )
    world.zalopay.pay(session.app_trans_id)
    return world.zalopay.order(session.app_trans_id)


def unknown(world: World) -> str:
    """The same, after its callback. Returns the transaction."""
    return str(elsewhere(world)["zp_trans_id"])


def given_back(world: World) -> dict[str, int]:
    """The refunded amounts at ZaloPay, by refund id."""
    return {each["m_refund_id"]: each["amount"] for order in world.zalopay.orders() for each in order["refunds"]}


def test_stray_money_says_what_it_is_under_every_command_that_looks_at_it(world: World, operator: OperatorCommands):
    paid, transaction = second(world)
    (kept,) = world.items(kind="STRAY")
    world.dynamodb.put_item(TableName="stays", Item=to_attributes(kept | {"raw": "{}"}))
    before = world.items()
    for told in (operator.really.show, operator.really.ask, operator.really.replay):
        story = said(told(transaction))
        assert f"Stray money: 500.000 ₫ under transaction {transaction} for {paid['id']}, which has another" in story
        assert "OPEN" in story and "settle-stray" in story
        assert f"Stay {paid['id']}" not in story
    assert world.items() == before


@pytest.mark.parametrize("command", ["accept", "settled", "end", "mail"])
def test_stray_money_never_stands_for_the_stay_that_it_was_paid_for(
    world: World, operator: OperatorCommands, command: str
):
    paid, transaction = second(world)
    before = world.items()
    arguments = ("confirmation",) if command == "mail" else ()
    with pytest.raises(Refused, match="This is not a stay") as refused:
        said(getattr(operator.really, command)(transaction, *arguments))
    assert f"500.000 ₫ under {transaction} for {paid['id']}" in str(refused.value)
    assert world.items() == before


def test_stray_money_is_given_back_under_its_own_transaction_and_the_stay_keeps_its_booking(
    world: World, operator: OperatorCommands
):
    paid, transaction = second(world)
    before = world.items()
    told = said(operator.dry.refund(transaction, None))
    assert "OPEN would become REFUND_DUE" in told and "500.000 ₫ of 500.000 ₫ are refunded" in told
    assert world.items() == before
    assert "OPEN is now REFUND_DUE" in said(operator.really.refund(transaction, None))
    assert f"{transaction}  stray money, REFUND_DUE" in said(operator.dry.due())
    with pytest.raises(Refused, match="on its way back"):
        said(operator.really.refund(transaction, None))
    world.tick()
    world.after(minutes=1)
    kept = world.item(kind="STRAY")
    assert (kept["status"], kept["refund"]["status"]) == ("REFUNDED", "REFUNDED")
    assert given_back(world) == {f"270301_2553_S{transaction}": 500_000}
    assert state(world, {"sessionId": paid["id"]}) == ("PAID", "BOOKED")
    assert len(world.nights()) == 3
    assert said(operator.dry.review()) == ""
    story = said(operator.dry.show(transaction))
    assert "an operator ordered a refund (by linh)" in story
    assert "ZaloPay says that the refund arrived" in story
    assert "by itself" not in story


def test_stray_money_of_an_earlier_release_is_given_back_too(world: World, operator: OperatorCommands):
    paid, transaction = second(world)
    kept = world.item(kind="STRAY")
    first = {name: kept[name] for name in ("PK", "SK", "kind", "stayId", "amount")}
    world.dynamodb.put_item(TableName="stays", Item=to_attributes(first))
    assert f"STRAY  500.000 ₫ under {transaction} for {paid['id']}" in said(operator.dry.review())
    assert f"for {paid['id']}" in said(operator.dry.show(transaction))
    said(operator.really.refund(transaction, 500_000))
    world.tick()
    world.after(minutes=1)
    assert given_back(world) == {f"270301_2553_S{transaction}": 500_000}


@pytest.mark.parametrize("amount", [0, 1, 499_999, 500_001])
def test_stray_money_goes_back_whole(world: World, operator: OperatorCommands, amount: int):
    _, transaction = second(world)
    with pytest.raises(Refused, match=r"whole: 500\.000 ₫"):
        said(operator.really.refund(transaction, amount))


def test_money_for_an_unknown_order_is_given_back(world: World, operator: OperatorCommands):
    transaction = unknown(world)
    order = world.zalopay.orders()[0]["app_trans_id"]
    line = f"500.000 ₫ under {transaction} for the order {order}, which is not ours"
    assert said(operator.dry.review()) == f"STRAY  {line}"
    said(operator.really.refund(transaction, None))
    world.tick()
    world.clock.shift(timedelta(seconds=10))
    assert "ZaloPay says of the refund: DONE" in said(operator.really.ask(transaction))
    assert world.item(kind="STRAY")["status"] == "REFUNDED"
    assert given_back(world) == {f"270301_2553_S{transaction}": 500_000}


def test_stray_money_that_was_paid_back_by_hand_is_closed(world: World, operator: OperatorCommands):
    _, transaction = second(world)
    assert "OPEN would become SETTLED" in said(operator.dry.settle_stray(transaction))
    assert "OPEN is now SETTLED" in said(operator.really.settle_stray(transaction))
    assert said(operator.dry.review()) == ""
    for command in (operator.really.settle_stray, lambda name: operator.really.refund(name, None)):
        with pytest.raises(Refused, match="or there already"):
            said(command(transaction))
    assert "paid back by hand (by linh)" in said(operator.dry.show(transaction))


def test_only_stray_money_is_settled_as_such(world: World, operator: OperatorCommands):
    paid = world.paid()
    for name in (paid["transactionId"], paid["id"], "99"):
        with pytest.raises(NotFound):
            said(operator.really.settle_stray(name))


def test_stray_money_that_zalopay_refuses_is_listed_and_asked_for_again_under_another_id(
    world: World, operator: OperatorCommands
):
    _, transaction = second(world)
    world.zalopay.fault("refund_refused")
    said(operator.really.refund(transaction, None))
    world.tick()
    world.zalopay.fault("refund_refused", on=False)
    assert f"STRAY REFUND_MANUAL  500.000 ₫ under {transaction}" in said(operator.dry.review())
    assert "ZaloPay says of the refund: REFUSED" in said(operator.really.refund(transaction, None))
    world.tick()
    world.after(minutes=1)
    assert world.item(kind="STRAY")["status"] == "REFUNDED"
    assert world.item(kind="STRAY")["refund"]["id"] == f"270301_2553_S{transaction}1"


def test_money_for_an_order_that_becomes_known_is_brought_again_by_its_transaction(
    world: World, operator: OperatorCommands
):
    made = lost(world)
    (session,) = world.items(kind="SESSION")
    key = {name: session[name] for name in ("PK", "SK")}
    world.dynamodb.delete_item(TableName="stays", Key=to_attributes(key))
    world.zalopay.fault("callback_lost", on=False)
    world.zalopay.call_back(made["appTransId"])
    transaction = world.item(kind="STRAY")["transactionId"]
    again = said(operator.really.replay(transaction))
    assert "Unknown order" in again and f"{transaction} is stray money" in again
    world.dynamodb.put_item(TableName="stays", Item=to_attributes(session))
    assert "PENDING / NONE is now PAID / BOOKED" in said(operator.really.replay(transaction))
    assert world.items(kind="STRAY") == []
    assert world.item(kind="TRANSACTION")["id"] == made["sessionId"]


def test_a_kept_callback_of_an_unknown_order_becomes_stray_money(world: World, operator: OperatorCommands):
    """The item as release 1.2.1 wrote it."""
    raw = signed(order_data("270301_01MFZGFMWRBDQ204A12RVMHVS6"))
    kept = {"PK": "REFUSED", "SK": "2027-03-01T02:00:00.000Z#callback-1", "kind": "REFUSED", "reason": "-", "raw": raw}
    world.dynamodb.put_item(TableName="stays", Item=to_attributes(kept))
    assert "would be stray money" in said(operator.dry.replay(kept["SK"]))
    assert world.items(kind="STRAY") == []
    for _ in range(2):
        assert "270301000000123 is stray money" in said(operator.really.replay(kept["SK"]))
    assert world.item(kind="STRAY")["amount"] == 3 * PRICE


@pytest.mark.parametrize("name", ["01KANX8QG00123456789ABCDEF", "123", "nonsense", "ABCDE-12345"])
def test_what_is_not_there_is_not_found(operator: OperatorCommands, name: str):
    with pytest.raises(NotFound):
        said(operator.dry.show(name))


def test_what_the_clock_will_look_at_is_listed_with_what_it_missed(world: World, operator: OperatorCommands):
    made = lost(world)
    assert made["sessionId"] in said(operator.dry.due())
    assert "OVERDUE" not in said(operator.dry.due())
    world.clock.shift(timedelta(minutes=10))
    assert "OVERDUE  2027-03-01T10:00:" in said(operator.dry.due())


def test_an_award_whose_deadline_is_near_is_listed_and_overdue_when_the_clock_has_missed_it(
    world: World, operator: OperatorCommands
):
    world.announce(auction_result(paymentDeadline="2027-03-01T03:30:00Z"))
    world.offer(responseDeadline="2027-03-01T05:00:00Z")
    line = "2027-03-01T10:30:00+07:00  WIN of auction 1001, PENDING_PAYMENT"
    assert said(operator.dry.due()) == f"due      {line}"
    world.clock.shift(timedelta(minutes=36))
    assert said(operator.dry.due()) == f"OVERDUE  {line}"
    assert world.tick() == {"due": 1, "attended": 1}
    assert "WIN" not in said(operator.dry.due())


def test_zalopay_is_asked_and_only_with_a_yes_anything_changes(world: World, operator: OperatorCommands):
    made = lost(world)
    before = world.items()
    assert "PENDING / NONE would become PAID / BOOKED" in said(operator.dry.ask(made["sessionId"]))
    assert world.items() == before
    assert "PENDING / NONE is now PAID / BOOKED" in said(operator.really.ask(made["sessionId"]))
    assert "Nothing changes: PAID / BOOKED." in said(operator.really.ask(made["sessionId"]))
    assert "by linh" in said(operator.dry.show(made["sessionId"]))
    assert world.nights() == dict.fromkeys(("2027-03-20", "2027-03-21", "2027-03-22"), "BOOKED")


def test_a_refund_under_way_is_asked_about(world: World, operator: OperatorCommands):
    paid = world.paid()
    world.http("DELETE", f"/bookings/{paid['id']}")
    world.tick()
    world.clock.shift(timedelta(seconds=10))
    assert "ZaloPay says of the refund: DONE" in said(operator.really.ask(paid["id"]))
    assert world.session(paid["id"])["refund"]["status"] == "REFUNDED"


def test_what_waits_for_people_is_listed(world: World, operator: OperatorCommands):
    made = reviewed(world)
    world.zalopay.fault("callback_wrong_amount", on=False)
    world.announce({"auctionId": "9"})
    paid_twice = signed(order_data(made["appTransId"], amount=7, zp_trans_id=99))
    world.call_back(paid_twice)
    listed = said(operator.dry.review())
    assert f"REVIEW  {made['sessionId']}  1.201.000 ₫ received, 1.200.000 ₫ expected, since 2027-03-01T10:00" in listed
    assert f"STRAY  7 ₫ under 99 for {made['sessionId']}" in listed
    assert "REFUSED  2027-03-01" in listed


def test_what_came_is_told_by_the_session_where_it_knows(world: World, operator: OperatorCommands):
    made = reviewed(world)
    (session,) = world.items(kind="SESSION")
    known = session | {"received": 900_000, "discount": 50_000}
    world.dynamodb.put_item(TableName="stays", Item=to_attributes(known))
    assert "900.000 ₫ received, 1.200.000 ₫ expected, since" in said(operator.dry.review())
    story = said(operator.dry.show(made["sessionId"]))
    assert "900.000 ₫ received, 1.200.000 ₫ expected, 50.000 ₫ by ZaloPay's promotion" in story
    world.dynamodb.put_item(TableName="stays", Item=to_attributes(session | {"received": 900_000}))
    assert "900.000 ₫ received, 1.200.000 ₫ expected\n" in said(operator.dry.show(made["sessionId"]))


def test_of_a_transaction_that_pays_another_order_it_is_listed_what_came(world: World, operator: OperatorCommands):
    paid = world.paid()
    house = {**PROPERTY, "id": "778"}
    world.announce(auction_result(auctionId="1003", property=house))
    made = world.create(auction_id="1003").body
    world.call_back(signed(order_data(made["appTransId"], zp_trans_id=int(paid["transactionId"]), amount=7)))
    assert f"REVIEW  {made['sessionId']}  7 ₫ received, 1.200.000 ₫ expected" in said(operator.dry.review())


@pytest.mark.parametrize("unresolved", ["PROCESSING", "SILENCE"])
def test_what_ended_while_nobody_knew_is_listed_until_it_is_ended_by_hand(
    world: World, operator: OperatorCommands, unresolved: str
):
    made = world.created()
    (session,) = world.items(kind="SESSION")
    ended = session | {"status": "EXPIRED", "unresolved": unresolved}
    world.dynamodb.put_item(TableName="stays", Item=to_attributes(ended))
    line = f"UNRESOLVED  {made['sessionId']}  0 ₫ received, 1.200.000 ₫ expected, ended by {unresolved}"
    assert line in said(operator.dry.review())
    assert f"it was unknown whether it is paid: {unresolved}" in said(operator.dry.show(made["sessionId"]))
    said(operator.really.end(made["sessionId"]))
    assert said(operator.dry.review()) == ""
    assert state(world, made) == ("EXPIRED", "NONE")


def test_an_amount_under_review_is_accepted_and_booked(world: World, operator: OperatorCommands):
    made = reviewed(world)
    assert "would become PAID / BOOKED" in said(operator.dry.accept(made["sessionId"]))
    assert "is now PAID / BOOKED" in said(operator.really.accept(made["sessionId"]))
    assert state(world, made) == ("PAID", "BOOKED")
    with pytest.raises(Refused):
        said(operator.really.accept(made["sessionId"]))


def test_an_accepted_amount_is_the_price_of_everything_that_follows(world: World, operator: OperatorCommands):
    made = reviewed(world)
    assert "3 nights: booked if they are free" in said(operator.really.accept(made["sessionId"]))
    assert world.session(made["sessionId"])["amount"] == 3 * PRICE + 1000
    assert world.item(kind="BOOKING")["totalAmount"] == 3 * PRICE + 1000
    assert world.item(kind="TRANSACTION")["amount"] == 3 * PRICE + 1000


def test_an_amount_is_not_accepted_for_nights_that_are_gone(world: World, operator: OperatorCommands):
    made = reviewed(world)
    world.zalopay.fault("callback_wrong_amount", on=False)
    world.buy()
    before = world.items()
    with pytest.raises(Refused, match="A night is somebody else's"):
        said(operator.really.accept(made["sessionId"]))
    assert world.items() == before


def test_an_amount_under_review_goes_back(world: World, operator: OperatorCommands):
    made = reviewed(world)
    with pytest.raises(Refused, match="Between 1"):
        said(operator.really.refund(made["sessionId"], 10_000_000))
    assert "FAILED / REVIEW would become FAILED / REFUND_DUE" in said(operator.dry.refund(made["sessionId"], 3 * PRICE))
    assert "is now FAILED / REFUND_DUE" in said(operator.really.refund(made["sessionId"], 3 * PRICE))
    with pytest.raises(Refused, match="on its way back"):
        said(operator.really.refund(made["sessionId"], 3 * PRICE))
    world.tick()
    world.after(minutes=1)
    assert state(world, made) == ("FAILED", "REFUNDED")
    order = world.zalopay.order(made["appTransId"])
    assert [each["amount"] for each in order["refunds"]] == [3 * PRICE]
    told = said(operator.dry.show(made["sessionId"]))
    assert "an operator ordered a refund (by linh)" in told


def test_never_more_goes_back_than_was_paid_under_the_stays_own_transaction(world: World, operator: OperatorCommands):
    made = reviewed(world)
    world.call_back(signed(order_data(made["appTransId"], amount=9_000_000, zp_trans_id=99)))
    with pytest.raises(Refused, match="Between 1") as refused:
        said(operator.really.refund(made["sessionId"], 9_000_000))
    assert refused.value.details == {"paid": 3 * PRICE + 1000}


@pytest.mark.parametrize("amount", [None, 100_000])
def test_no_refund_ends_a_booking_by_itself(world: World, operator: OperatorCommands, amount: int | None):
    paid = world.paid()
    before = world.items()
    for name in (paid["id"], paid["transactionId"], paid["appTransId"]):
        with pytest.raises(Refused, match="--end-booking"):
            said(operator.really.refund(name, amount))
    assert world.items() == before


def test_a_booking_ends_when_its_money_goes_back_and_that_is_meant(world: World, operator: OperatorCommands):
    paid = world.paid()
    world.deliver()
    told = said(operator.dry.refund(paid["id"], 100_000, end_booking=True))
    assert "PAID / BOOKED would become PAID / REFUND_DUE" in told
    assert "100.000 ₫ of 1.200.000 ₫ are refunded" in told
    assert "3 nights: free for others" in told and "mail to the user: cancellation" in told
    assert len(world.nights()) == 3
    assert "is now PAID / REFUND_DUE" in said(operator.really.refund(paid["id"], 100_000, end_booking=True))
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


def test_a_refused_refund_is_asked_for_again_under_another_id(world: World, operator: OperatorCommands):
    made = refused_refund(world)
    assert state(world, made) == ("PAID", "REFUND_MANUAL")
    assert "refund it again" in said(operator.dry.show(made["sessionId"]))
    said(operator.really.refund(made["sessionId"], None))
    world.tick()
    world.after(minutes=1)
    refund = world.session(made["sessionId"])["refund"]
    assert (refund["status"], refund["amount"], refund["id"]) == (
        "REFUNDED",
        3 * PRICE,
        f"270301_2553_{made['sessionId']}1",
    )


def test_a_refused_refund_that_was_paid_back_by_hand_is_settled(world: World, operator: OperatorCommands):
    made = refused_refund(world)
    assert "paid back by hand" in said(operator.really.settled(made["sessionId"]))
    assert state(world, made) == ("PAID", "REFUNDED")


def gone(world: World, amount: int | None = None) -> dict[str, Any]:
    """A cancelled booking whose refund ZaloPay accepted, and then does not know for hours."""
    paid = world.paid()
    if amount is not None:
        world.clock.move_to(datetime(2027, 3, 17, 3, tzinfo=UTC))
    world.http("DELETE", f"/bookings/{paid['id']}")
    with Answering(world.functions["payments"], query_refund=NOT_FOUND):
        world.tick()
        world.after(hours=2, minutes=1)
    return {"sessionId": paid["id"]}


NOT_FOUND = {"return_code": 2, "sub_return_code": -101}
FAILED = {"return_code": 2, "sub_return_code": 0}
RUNNING = {"return_code": 3, "sub_return_code": 2}


@pytest.mark.parametrize("command", ["refund", "ask"])
def test_a_refund_that_arrived_after_all_is_the_end_of_it(world: World, operator: OperatorCommands, command: str):
    made = gone(world)
    assert state(world, made) == ("PAID", "REFUND_MANUAL")
    assert "accepted at 2027-03-01" in said(operator.dry.show(made["sessionId"]))
    arguments = (None,) if command == "refund" else ()
    for commands, word in ((operator.dry, "would become"), (operator.really, "is now")):
        told = said(getattr(commands, command)(made["sessionId"], *arguments))
        assert "ZaloPay says of the refund: DONE" in told
        assert f"PAID / REFUND_MANUAL {word} PAID / REFUNDED" in told
    assert len(given_back(world)) == 1


def test_what_may_have_gone_back_is_never_given_back_again(world: World, operator: OperatorCommands):
    made = gone(world)
    with (
        Answering(world.functions["payments"], query_refund=NOT_FOUND),
        pytest.raises(Refused, match="1200000 đồng may have gone back already"),
    ):
        said(operator.really.refund(made["sessionId"], None))


def test_of_a_part_that_may_have_gone_back_nothing_is_owed_and_the_rest_can_be_given(
    world: World, operator: OperatorCommands
):
    made = gone(world, amount=3 * PRICE // 2)
    with Answering(world.functions["payments"], query_refund=NOT_FOUND):
        for amount in (None, 3 * PRICE // 2 + 1):
            with pytest.raises(Refused, match="600000 đồng may have gone back already"):
                said(operator.really.refund(made["sessionId"], amount))
        said(operator.really.refund(made["sessionId"], 3 * PRICE // 2))
    for _ in range(2):
        world.after(minutes=1)
    assert state(world, made) == ("PAID", "REFUNDED")
    assert sum(given_back(world).values()) == 3 * PRICE


def test_while_zalopay_is_at_the_refund_before_no_other_is_ordered(world: World, operator: OperatorCommands):
    made = gone(world)
    with (
        Answering(world.functions["payments"], query_refund=RUNNING),
        pytest.raises(Refused, match="still at the refund before"),
    ):
        said(operator.really.refund(made["sessionId"], None))


def test_what_zalopay_says_has_failed_is_given_back_under_another_id(world: World, operator: OperatorCommands):
    made = gone(world)
    with Answering(world.functions["payments"], query_refund=FAILED):
        assert "is now PAID / REFUND_DUE" in said(operator.really.refund(made["sessionId"], None))
    assert world.session(made["sessionId"])["refund"]["attempt"] == 1


def test_a_refund_that_another_operator_has_ordered_meanwhile_is_not_ordered_again(
    world: World, operator: OperatorCommands
):
    made = gone(world)
    order = Sessions(Store(dynamodb(), "stays"), by="an")

    def meanwhile() -> None:
        now = datetime.now(UTC)
        failed = RefundEvidence(RefundOutcome.REFUSED, 0)
        known = order.find(made["sessionId"])
        order.settle(known, lambda current, _: give_back(current, 1, 3 * PRICE, now, heard=failed), now)
        asked = order.settle(order.find(known.id), lambda current, _: request_refund(current, 2553, now), now)
        order.settle(asked, lambda current, _: decide_refund(current, asked.refund, failed, now), now)

    operator.really._tools.sessions._store = Store(Overtaken(meanwhile), "stays")
    with Answering(world.functions["payments"], query_refund=FAILED):
        said(operator.really.refund(made["sessionId"], None))
    refund = world.session(made["sessionId"])["refund"]
    assert (refund["attempt"], refund["amount"]) == (2, 1)


# Ending by hand


@pytest.mark.parametrize("silent", [True, False], ids=["silence", "unpaid"])
def test_a_session_is_ended_by_hand(world: World, operator: OperatorCommands, silent: bool):
    made = world.created()
    before = world.items()
    if silent:
        world.zalopay.fault("query_down")
    told = said(operator.dry.end(made["sessionId"]))
    assert f"ZaloPay says of the order: {'UNKNOWN' if silent else 'UNPAID'}" in told
    assert "PENDING / NONE would become CANCELLED / NONE" in told and "3 nights: free for others" in told
    assert world.items() == before
    assert "is now CANCELLED / NONE" in said(operator.really.end(made["appTransId"]))
    assert world.nights() == {}
    assert world.session(made["sessionId"])["reason"] == "CANCELLED_BY_OPERATOR"
    assert "an operator ended the session (operator said" in said(operator.dry.show(made["sessionId"]))
    with pytest.raises(Refused, match="over already"):
        said(operator.really.end(made["sessionId"]))


def test_money_for_a_session_that_was_ended_by_hand_still_counts(world: World, operator: OperatorCommands):
    made = world.created()
    said(operator.really.end(made["sessionId"]))
    world.zalopay.fault("callback_lost")
    world.zalopay.pay(made["appTransId"])
    world.after(minutes=30)
    assert state(world, made) == ("PAID", "BOOKED")


def test_a_paid_session_is_not_ended_but_recorded(world: World, operator: OperatorCommands):
    made = lost(world)
    assert "PENDING / NONE would become PAID / BOOKED" in said(operator.dry.end(made["sessionId"]))
    assert "is now PAID / BOOKED" in said(operator.really.end(made["sessionId"]))
    assert said(operator.really.end(made["sessionId"])).endswith("Nothing changes: PAID / BOOKED.")


def test_a_session_whose_money_was_seen_moving_is_not_ended(world: World, operator: OperatorCommands):
    made = lost(world)
    world.zalopay.fault("query_processing")
    before = world.items()
    with pytest.raises(Refused, match="Money is moving"):
        said(operator.dry.end(made["sessionId"]))
    assert world.items() == before
    for fault in ("query_processing", "query_down"):
        world.zalopay.fault(fault)
        with pytest.raises(Refused, match="Money is moving"):
            said(operator.really.end(made["sessionId"]))
    assert state(world, made) == ("PENDING", "NONE")
    assert "money is moving (operator said PROCESSING" in said(operator.dry.show(made["sessionId"]))


def test_a_reservation_without_an_order_is_ended_without_a_question(world: World, operator: OperatorCommands):
    world.announce(auction_result())
    kept = world.http("POST", "/bookings", {"auctionId": "1001", "selectedNights": list(NIGHTS)}).body
    with Asked(world.functions["payments"]) as paths:
        said(operator.really.end(kept["id"]))
    assert paths == []
    assert state(world, {"sessionId": kept["id"]}) == ("CANCELLED", "NONE")
    assert world.nights() == {}


def test_stored_evidence_is_brought_again_and_changes_nothing_twice(world: World, operator: OperatorCommands):
    paid = world.paid()
    before = world.items()
    assert said(operator.really.replay(paid["id"])) == "Nothing changes: PAID / BOOKED."
    at = datetime.fromisoformat(world.item(kind="EVENT", what="PAID_AND_BOOKED")["at"])
    assert said(operator.really.replay(paid["id"], at)) == "Nothing changes: PAID / BOOKED."
    assert said(operator.really.replay(paid["id"], LONG_AGO)) == ""
    assert world.items() == before


def test_a_callback_that_was_kept_is_brought_again_when_its_order_is_there(world: World, operator: OperatorCommands):
    made = lost(world)
    kept = {"PK": "REFUSED", "SK": "2027-03-01T02:00:00.000Z#callback-1", "kind": "REFUSED", "reason": "-"}
    raw = signed(order_data(made["appTransId"]))
    operator.really._tools.queries._store.put(kept | {"raw": raw})
    assert "is now PAID / BOOKED" in said(operator.really.replay(kept["SK"]))
    operator.really._tools.queries._store.put(kept | {"raw": raw.replace('"mac": "', '"mac": "0')[:-1] + "}"})
    with pytest.raises(BadCallback):
        said(operator.really.replay(kept["SK"]))


def test_a_message_that_could_not_be_read_is_brought_again_and_says_why(world: World, operator: OperatorCommands):
    made = lost(world)
    assert world.call_back(signed(order_data(made["appTransId"], amount="much"))) == 1
    with pytest.raises(BadCallback, match="cannot be read: amount"):
        said(operator.really.replay(world.item(kind="REFUSED")["SK"]))


def test_a_mail_is_sent_once_more(world: World, operator: OperatorCommands):
    paid = world.paid()
    world.deliver()
    world.clock.shift(timedelta(minutes=5))
    before = world.items()
    assert "would be sent" in said(operator.dry.mail(paid["id"], "confirmation"))
    assert world.items() == before
    assert "is sent again" in said(operator.really.mail(paid["id"], "confirmation"))
    assert world.item(kind="MAIL", letter="confirmation")["state"] == "DUE"
    world.deliver()
    with pytest.raises(Refused, match="in a minute"):
        said(operator.really.mail(paid["id"], "confirmation"))
    assert world.item(what="MAILED_AGAIN")["by"] == "linh"
    with pytest.raises(Refused, match="No refund was ever due"):
        said(operator.really.mail(paid["id"], "refund"))


def test_browsers_are_told_again(world: World, operator: OperatorCommands):
    paid = world.paid()
    world.deliver()
    socket = world.socket()
    socket.subscribe(token=world.token())
    before = len(socket.frames)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    assert "would be sent again: PAID" in said(operator.dry.messages(yesterday, None))
    assert said(operator.really.messages(yesterday, "auth0|nobody")) == ""
    assert said(operator.really.messages(datetime.now(UTC) + timedelta(days=1), None)) == ""
    world.deliver()
    assert len(socket.frames) == before
    assert f"{paid['id']} is sent again" in said(operator.really.messages(yesterday, None))
    assert world.item(what="TOLD_AGAIN")["by"] == "linh"
    world.deliver()
    assert [frame["type"] for frame in socket.frames[before:]] == ["PAYMENT_STATUS", "BOOKING_CONFIRMED"]


def test_dead_letters_of_the_auction_system_go_back_to_the_bus(operator: OperatorCommands):
    event = {"detail-type": "AuctionResult", "source": "auctions", "detail": auction_result()}
    operator.letters = [DeadLetter("awards", event, operator.forget)]
    assert said(operator.dry.redrive()) == "awards: AuctionResult would be on the bus again"
    assert (operator.announced, operator.forgotten) == ([], 0)
    said(operator.really.redrive())
    assert (operator.announced, operator.forgotten) == ([event], 1)


def test_the_word_of_ses_on_a_mail_is_heard_again_and_stays_if_it_fails(operator: OperatorCommands):
    event = {"source": "aws.ses", "detail-type": "Email Bounced", "detail": {}}
    operator.letters = [DeadLetter("fulfilment", event, operator.forget)]
    assert said(operator.dry.redrive()) == "fulfilment: SES's word on a mail would be heard again"
    operator.failing = 1
    assert "fails again and stays" in said(operator.really.redrive())
    assert operator.forgotten == 0
    operator.failing = 0
    assert said(operator.really.redrive()) == "fulfilment: SES's word on a mail is heard again"
    assert (operator.replayed[-1], operator.forgotten) == (("fulfilment", event), 1)


def test_a_missed_round_of_the_clock_needs_nothing(operator: OperatorCommands):
    operator.letters = [DeadLetter("reconciliation", {}, operator.forget)]
    assert "the dead letter would be deleted" in said(operator.dry.redrive())
    said(operator.really.redrive())
    assert operator.forgotten == 1


def records(*numbers: int) -> dict[str, Any]:
    return {"Records": [{"dynamodb": {"SequenceNumber": str(number)}} for number in numbers]}


def test_records_of_the_stream_are_replayed_in_their_order(operator: OperatorCommands):
    operator.letters = [
        DeadLetter("fulfilment", records(100, 101), operator.forget),
        DeadLetter("notifier", records(9), operator.forget),
    ]
    assert "fulfilment: 2 records would be replayed" in said(operator.dry.redrive())
    assert (operator.replayed, operator.forgotten) == ([], 0)
    assert said(operator.really.redrive()).splitlines() == [
        "notifier: 1 records replayed",
        "fulfilment: 2 records replayed",
    ]
    assert operator.replayed == [("notifier", records(9)), ("fulfilment", records(100, 101))]
    assert operator.forgotten == 2


def test_records_that_fail_again_stay(operator: OperatorCommands):
    operator.letters = [DeadLetter("notifier", records(1, 2), operator.forget)]
    operator.failing = 1
    assert "notifier: 1 records fail again and stay" in said(operator.really.redrive())
    assert operator.forgotten == 0


def test_what_happened_is_published_again_in_the_same_words(world: World, operator: OperatorCommands):
    world.paid()
    with Listener(world) as listener:
        world.deliver()
    long_ago, tomorrow = LONG_AGO, datetime.now(UTC) + timedelta(days=1)
    assert "PaymentCompleted would be published again" in said(operator.dry.publish(long_ago))
    assert operator.published == []
    assert "BookingConfirmed is published again" in said(operator.really.publish(long_ago))
    assert [each.dump() for each in operator.published] == listener.heard()
    assert said(operator.really.publish(tomorrow)) == ""


@pytest.mark.parametrize("time", ["deadline", "changedAt"])
def test_offers_that_ended_are_published_again(world: World, operator: OperatorCommands, time: str):
    world.offer()
    item = world.item(kind="OFFER")
    times = {"deadline": "2027-01-01T00:00:00.000Z", "changedAt": "2027-01-01T00:00:00.000Z"}
    times[time] = "2027-03-02T00:00:00.000Z"
    world.dynamodb.put_item(TableName="stays", Item=to_attributes(item | times | {"status": "EXPIRED"}))
    said(operator.really.publish(datetime(2027, 3, 1, tzinfo=UTC)))
    assert [type(each).__name__ for each in operator.published] == ["OfferExpired"]
    assert said(operator.really.publish(datetime(2027, 3, 3, tzinfo=UTC))) == ""


def test_nights_beside_an_offer_that_was_paid_are_published_again(world: World, operator: OperatorCommands):
    world.offer()
    paid = {"status": "PAID", "releases": [["2027-06-01"]], "changedAt": "2027-03-02T00:00:00.000Z"}
    world.dynamodb.put_item(TableName="stays", Item=to_attributes(world.item(kind="OFFER") | paid))
    said(operator.really.publish(datetime(2027, 3, 1, tzinfo=UTC)))
    assert [type(each).__name__ for each in operator.published] == ["NightsReleased"]
