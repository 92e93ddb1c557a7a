"""Every change is published once on the bus, and again if the call was lost."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from jsonschema import Draft202012Validator, FormatChecker

from infra.contracts.event_schemas import schema_file
from infra.topology import CONSUMERS, RULES
from stays.domain.announcement import ANNOUNCEMENTS
from stays.domain.award import AwardStatus
from stays.domain.payment import UNFINISHED, Status
from tests.integration.messages import BINH, MAI, NIGHTS, PRICE, auction_result, order_data, signed
from tests.integration.product import Failures, failing, fault
from tests.integration.test_fulfilment import mail_of, sent
from tests.integration.world import World

THROTTLED = ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "PutEvents")
SCHEMAS = {name: json.loads(schema_file(name).read_text(encoding="utf-8")) for name in ANNOUNCEMENTS}


class Listener:
    """Another system of the company: records the events that the function publishes while this is open."""

    def __init__(self, world: World):
        self._events = world.functions["fulfilment"].events.meta.events
        self._entries: list[dict[str, Any]] = []
        self.calls = 0

    def __enter__(self):
        self._events.register("before-call.eventbridge.PutEvents", self._note, unique_id="listener")
        return self

    def __exit__(self, *_: object):
        self._events.unregister("before-call.eventbridge.PutEvents", unique_id="listener")

    def _note(self, params: Mapping[str, Any], **_: Any):
        self.calls += 1
        self._entries += json.loads(params["body"])["Entries"]

    def heard(self) -> list[dict[str, Any]]:
        """The details since the last call, each checked against the schema of its kind."""
        entries, self._entries = self._entries, []
        return [checked(entry) for entry in entries]

    def kinds(self) -> list[str]:
        return [each["eventId"].rpartition("/")[2] for each in self.heard()]


def checked(entry: Mapping[str, Any]) -> dict[str, Any]:
    assert (entry["EventBusName"], entry["Source"]) == ("stays", "stays")
    return fitting(entry["DetailType"], json.loads(entry["Detail"]))


def fitting(kind: str, detail: dict[str, Any]) -> dict[str, Any]:
    Draft202012Validator(SCHEMAS[kind], format_checker=FormatChecker()).validate(detail)
    assert re.search(f"/{kind}(/[0-9]+)?$", detail["eventId"])
    return detail


@pytest.fixture
def listener(world: World) -> Iterator[Listener]:
    with Listener(world) as listening:
        yield listening


def bus_down(world: World) -> AbstractContextManager[Failures]:
    fulfilment = world.functions["fulfilment"]
    return failing(fulfilment.events, "PutEvents", THROTTLED)


def test_a_paid_stay_is_a_payment_and_a_booking(world: World, listener: Listener):
    paid = world.paid()
    assert world.deliver()["fulfilment"] == []
    completed, confirmed = listener.heard()
    assert completed == {
        "version": 1,
        "eventId": f"{paid['id']}/PaymentCompleted",
        "auctionId": "1001",
        "userId": MAI,
        "propertyId": "777",
        "stayId": paid["id"],
        "amount": PRICE * 3,
        "transactionId": paid["transactionId"],
        "paidAt": paid["paidAt"],
    }
    assert (confirmed["eventId"], confirmed["nights"]) == (f"{paid['id']}/BookingConfirmed", list(NIGHTS))
    assert len(sent()) == 1


def test_a_booking_that_is_given_back_is_a_cancellation_and_then_a_refund(world: World, listener: Listener):
    paid = world.paid()
    world.deliver()
    listener.heard()
    world.http("DELETE", f"/bookings/{paid['id']}")
    world.deliver()
    cancelled, released = listener.heard()
    assert (cancelled["eventId"], cancelled["refundAmount"]) == (f"{paid['id']}/BookingCancelled", PRICE * 3)
    assert (released["eventId"], released["releasedNights"]) == (f"1001/{MAI}/WIN/NightsReleased", list(NIGHTS))
    world.tick()
    world.after(minutes=2)
    world.deliver()
    (refunded,) = listener.heard()
    assert (refunded["eventId"], refunded["refundAmount"]) == (f"{paid['id']}/RefundCompleted", PRICE * 3)


def test_late_money_is_published_after_the_failure_of_its_payment(world: World, listener: Listener):
    made = world.created()
    world.after(minutes=17)
    world.deliver()
    (failed,) = listener.heard()
    assert (failed["eventId"], failed["reason"]) == (f"{made['sessionId']}/PaymentFailed", "PAYMENT_EXPIRED")
    world.call_back(signed(order_data(made["appTransId"])))
    world.deliver()
    assert listener.kinds() == ["PaymentCompleted", "BookingConfirmed"]


def test_money_under_review_and_open_sessions_are_not_published(world: World, listener: Listener):
    made = world.created()
    world.status(made["appTransId"])
    world.deliver()
    world.call_back(signed(order_data(made["appTransId"], amount=1)))
    world.deliver()
    assert listener.heard() == []


def test_nights_that_a_paid_offer_of_a_part_leaves_are_told(world: World, listener: Listener):
    runner_up = {"userId": BINH, "nights": [{"date": NIGHTS[0], "price": PRICE}]}
    world.announce(auction_result(runnersUp=[runner_up]))
    world.http("POST", "/auctions/winners/1001/decline")
    world.buy(NIGHTS[:1], sub=BINH)
    world.deliver()
    assert listener.kinds() == ["PaymentCompleted", "BookingConfirmed"]
    world.tick()
    world.deliver()
    (released,) = listener.heard()
    assert released["releasedNights"] == list(NIGHTS[1:])


def test_an_offer_that_expires_and_the_nights_that_it_leaves_are_told(world: World, listener: Listener):
    world.offer()
    world.deliver()
    item = world.item(kind="OFFER")
    world.dynamodb.update_item(
        TableName="stays",
        Key={name: {"S": item[name]} for name in ("PK", "SK")},
        UpdateExpression="SET #status = :expired, releases = :nights",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":expired": {"S": "EXPIRED"}, ":nights": {"L": [{"L": [{"S": NIGHTS[0]}]}]}},
    )
    world.deliver()
    expired, released = listener.heard()
    assert expired["eventId"] == f"1001/{BINH}/5001/OfferExpired"
    assert released["releasedNights"] == [NIGHTS[0]]


def test_records_that_come_again_say_the_same_again_under_the_same_ids(world: World, listener: Listener):
    world.paid()
    records = world.records()
    world.deliver(records)
    first = listener.heard()
    world.deliver(records)
    assert listener.heard() == first


def test_what_the_bus_does_not_take_comes_again_and_no_mail_waits_for_it(world: World, listener: Listener):
    paid = world.paid()
    records = world.records()
    with bus_down(world):
        (failed,) = world.deliver(records)["fulfilment"]
    (session,) = [
        each
        for each in records
        if each["dynamodb"]["Keys"]["SK"] == {"S": "SESSION"}
        and each["dynamodb"]["NewImage"]["status"] == {"S": "PAID"}
    ]
    assert failed == session["dynamodb"]["SequenceNumber"]
    assert (listener.heard(), len(sent())) == ([], 1)
    assert world.deliver(records)["fulfilment"] == []
    assert listener.heard()[0]["eventId"] == f"{paid['id']}/PaymentCompleted"
    assert len(sent()) == 1


def test_what_is_published_does_not_wait_for_mail(world: World, listener: Listener):
    world.paid()
    with failing(world.functions["fulfilment"], "BatchGetItem", fault()):
        assert len(world.deliver()["fulfilment"]) == 2  # to the traveller and to the host
    assert listener.kinds() == ["PaymentCompleted", "BookingConfirmed"]
    world.after(minutes=2)
    world.deliver()
    assert mail_of(world)["state"] == "SENT"


def test_a_change_that_cannot_be_read_holds_up_nobody_and_is_counted(
    world: World, listener: Listener, capsys: pytest.CaptureFixture[str]
):
    world.paid()
    records = world.records()
    spoilt = json.loads(json.dumps(records))
    for each in spoilt:
        each["dynamodb"]["NewImage"].pop("amount", None)
    assert world.deliver([*spoilt, *records])["fulfilment"] == []
    assert listener.kinds() == ["PaymentCompleted", "BookingConfirmed"]
    assert "UnpublishedEvents" in capsys.readouterr().out


def test_a_batch_is_one_call(world: World, listener: Listener):
    for number in range(2):
        nights = [f"2027-0{number + 4}-20"]
        world.announce(auction_result(auctionId=str(number), nights=nights))
        world.buy(nights, auction_id=str(number))
    world.deliver()
    assert listener.calls == 1
    assert sorted(listener.kinds()) == ["BookingConfirmed"] * 2 + ["PaymentCompleted"] * 2


def test_the_published_schemas_name_their_version_and_their_examples_fit():
    for name in ANNOUNCEMENTS:
        Draft202012Validator.check_schema(SCHEMAS[name])
        assert SCHEMAS[name]["$id"] == f"urn:stays:{name}:v1"
        (example,) = SCHEMAS[name]["examples"]
        fitting(name, example)


def test_nothing_that_is_published_is_heard_by_the_functions():
    assert not {kind for rule in RULES for kind in rule.detail_types} & set(ANNOUNCEMENTS)


def test_time_alone_publishes_nothing(world: World, listener: Listener):
    world.paid()
    world.deliver()
    listener.heard()
    world.clock.shift(timedelta(days=1))
    world.tick()
    world.deliver()
    assert listener.heard() == []


def test_the_stream_brings_every_state_that_may_be_evidence_of_an_event_and_none_that_is_not_over():
    (consumer,) = [each for each in CONSUMERS if each.function == "fulfilment"]
    _, changes = consumer.filters
    over = {*(set(Status) - UNFINISHED), AwardStatus.EXPIRED, AwardStatus.DECLINED}
    assert set(changes["dynamodb"]["NewImage"]["status"]["S"]) == over
