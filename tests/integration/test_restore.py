"""A table is lost, and restored from a copy of an earlier time. The story goes on: nothing is lost, or done twice."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import time_machine

from infra.aws.stage import read_context, read_stage
from infra.restore.agreeing import Agreement, write_from_copies
from infra.restore.cloud import Cloud, NotRestored
from infra.restore.copying import copy_later, is_later
from infra.restore.evidence import Known, Recovery
from infra.restore.steps import Restore
from infra.topology import TABLES
from stays.aws.store import Store
from stays.domain.mail import HOST_MAILS
from stays.domain.values import stay_id_of
from stays.table.keys import MAIL_ITEMS
from tests.conftest import client_of, create_table
from tests.integration.conftest import answer_of
from tests.integration.drill import ITEMS, SLUG, Drill, Started, at_once
from tests.integration.messages import BINH, MAI, PROPERTY, START, auction_result
from tests.integration.outside import Neighbour, ZaloPay
from tests.integration.tables import contents, dynamodb
from tests.integration.test_fulfilment import sent
from tests.integration.world import AwsClients

CHI, DUNG, AN = "auth0|chi", "auth0|dung", "auth0|an"
AUCTIONS = {MAI: "1001", BINH: "1002", CHI: "1003", DUNG: "1004", AN: "1005"}
DAYS = {user: [f"2027-04-{number * 2 + 1:02}"] for number, user in enumerate(AUCTIONS)}
STEPS = 10


@pytest.fixture(scope="module")
def started(simulator: ZaloPay, outside: Neighbour) -> Iterator[Started]:
    made = Started(simulator, outside)
    yield made
    made.close()


@pytest.fixture
def drill(aws: None, started: Started, simulator: ZaloPay, outside: Neighbour, clients: AwsClients) -> Iterator[Drill]:
    simulator.forget()
    outside.forget()
    with time_machine.travel(START, tick=True) as clock:
        begun = Drill(started, simulator, outside, clock, clients)
        outside.on_callback = lambda body: answer_of(begun, body)
        yield begun


def address(user: str) -> str:
    return f"{user.removeprefix('auth0|')}@example.com"


def order(drill: Drill, user: str) -> dict[str, Any]:
    """The user wins a night and opens an order."""
    award = auction_result(auctionId=AUCTIONS[user], userId=user, nights=DAYS[user], bidAmount=400_000)
    drill.announce(award | {"property": PROPERTY})
    made = pay_again(drill, user)
    assert made.status == 200, made.body
    drill.deliver()
    return made.body


def pay_again(drill: Drill, user: str) -> Any:
    return drill.create(DAYS[user], auction_id=AUCTIONS[user], sub=user, email=address(user))


def pay(drill: Drill, made: dict[str, Any]) -> list[int]:
    """Pay an order. Returns what ZaloPay's callbacks were answered."""
    tries = drill.zalopay.pay(made["appTransId"])["callbacks"]
    return [each["answer"]["return_code"] for each in tries]


class Story:
    """What happens before and after the time to which the table is restored."""

    def __init__(self, drill: Drill) -> None:
        self.drill = drill
        self.orders = {user: order(drill, user) for user in (MAI, DUNG, BINH)}
        for user in (MAI, DUNG):
            pay(drill, self.orders[user])
        drill.deliver()
        self.items: ITEMS = drill.raw()
        self.to = at_once()
        drill.clock.shift(timedelta(minutes=2))
        self.since()

    def since(self) -> None:
        """Binh and Chi pay, Mai cancels and her refund begins, An is paying."""
        drill = self.drill
        pay(drill, self.orders[BINH])
        self.orders[CHI] = order(drill, CHI)
        pay(drill, self.orders[CHI])
        assert drill.http("DELETE", f"/bookings/{self.stay(MAI)}").status == 200
        drill.tick()
        self.orders[AN] = order(drill, AN)
        drill.deliver()
        drill.clock.shift(timedelta(seconds=30))

    def stay(self, user: str) -> str:
        return str(self.orders[user]["sessionId"])

    def while_closed(self) -> None:
        """An pays, and ZaloPay's callback is refused. Nobody can order or reserve. Pages can be read."""
        drill = self.drill
        self.answers = pay(drill, self.orders[AN])
        refused = pay_again(drill, AN), drill.http("POST", "/bookings", {"auctionId": "1", "selectedNights": DAYS[AN]})
        assert [(each.status, each.code) for each in refused] == [(502, "PAYMENT_CREATION_FAILED")] * 2
        changed = drill.http("POST", "/users/auth0-sync", {"email": "new@example.com"}, sub=AN)
        assert (changed.status, changed.code) == (429, "RATE_LIMIT")
        drill.clock.shift(timedelta(seconds=30))

    def restore(self, folder: Path, **more: Any) -> Restore:
        return self.drill.restore(folder, self.to, self.items, **more)

    def go_on(self) -> None:
        """The clock runs until nothing waits."""
        for _ in range(4):
            self.drill.after(minutes=2)
            self.drill.deliver()

    def states(self) -> dict[str, tuple[str, str]]:
        found = {item["id"]: item for item in self.drill.items(kind="SESSION")}
        of_users = {user: found.get(self.stay(user)) for user in self.orders}
        return {user: (item["status"], item["fulfilment"]) for user, item in of_users.items() if item}

    def booked_nights(self) -> dict[str, str]:
        nights = self.drill.items(kind="NIGHT", state="BOOKED")
        return {item["SK"].removeprefix("NIGHT#"): item["stayId"] for item in nights}

    def mails(self) -> Counter[tuple[str, str]]:
        """How often each address got each mail."""
        return Counter((str(each["To"]), str(each["Subject"])) for each in sent())


def agree(drill: Drill, *lost: str) -> None:
    """Each booked night belongs to one booking, whose award is paid; `lost` are stays whose sessions are lost."""
    booked = {item["id"]: item for item in drill.items(kind="SESSION", fulfilment="BOOKED")}
    nights = {(item["SK"][6:], item["stayId"]) for item in drill.items(kind="NIGHT") if item["stayId"] not in lost}
    assert nights == {(night, stay) for stay, item in booked.items() for night in item["nights"]}
    assert {item["id"] for item in drill.items(kind="BOOKING", status="CONFIRMED")} == set(booked)
    assert {item["id"] for item in drill.items(kind="TRANSACTION", fulfilment="BOOKED")} == set(booked)
    assert {item["paymentId"] for item in drill.items(kind="AWARD", status="PAID")} >= set(booked)


def test_what_came_later_is_copied_from_the_old_table_and_the_story_goes_on(drill: Drill, tmp_path: Path) -> None:
    """A script has deleted Dung's booking, and Binh's session after he paid."""
    story = Story(drill)

    def read() -> None:
        assert drill.status(story.orders[AN]["appTransId"], sub=AN)["status"] == "PENDING"  # as it is stored

    drill.while_closed += [read, story.while_closed]
    for user, kinds in ((DUNG, ("SESSION", "BOOKING", "NIGHT", "MAIL")), (BINH, ("SESSION",))):
        for item in drill.items():
            if story.stay(user) in (item.get("stayId"), item.get("id")) and item["kind"] in kinds:
                drill.dynamodb.delete_item(TableName=SLUG, Key={"PK": {"S": item["PK"]}, "SK": {"S": item["SK"]}})
    before = story.mails()
    planned = list(story.restore(tmp_path).run(really=False))
    assert [line.partition(".")[0] for line in planned] == [str(number) for number in range(1, STEPS + 1)]
    assert drill.deployed == []
    said = "\n".join(story.restore(tmp_path).run(really=True))
    assert "copy what came later from stays-dev" in said
    assert "LOOK" not in said
    assert f"{story.stay(BINH)}: its session is written again, PAID, BOOKED" in said
    assert f"{story.stay(AN)}: is paid, BOOKED" in said
    assert set(story.answers) == {0}
    assert [each[0] for each in drill.deployed] == [
        f"Stays-dev-{name}" for name in ("Backend", "Backend", "Data", "Backend")
    ]
    assert drill.table == f"{SLUG}-{story.to:%Y%m%dT%H%M%SZ}"
    complete(drill.table)
    drill.hear()
    drill.deliver()
    story.go_on()
    paid = dict.fromkeys((DUNG, BINH, CHI, AN), ("PAID", "BOOKED"))
    assert story.states() == paid | {MAI: ("PAID", "REFUNDED")}
    agree(drill)
    refunds = drill.zalopay.order(story.orders[MAI]["appTransId"])["refunds"]
    assert len(refunds) == 1
    more = story.mails() - before
    assert {to for to, _ in more} == {address(AN), address(MAI)}  # MAI's refund has arrived
    assert set(story.mails().values()) == {1}
    again = list(story.restore(tmp_path).run(really=True))
    assert again == [f"dev works with {drill.table} already."]


def complete(table: str) -> None:
    """What a restore does not bring is set: stream, recovery, protection, tags."""
    client = client_of("dynamodb")
    found = client.describe_table(TableName=table)["Table"]
    assert found["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert found["DeletionProtectionEnabled"] is True
    recovery = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert recovery["PointInTimeRecoveryDescription"]["RecoveryPeriodInDays"] == 35
    tags = client.list_tags_of_resource(ResourceArn=found["TableArn"])["Tags"]
    assert tags == [{"Key": "stays:stage", "Value": "dev"}]


def test_without_the_old_table_zalopay_logs_and_the_bus_tell_what_came_later(drill: Drill, tmp_path: Path) -> None:
    story = Story(drill)
    drill.while_closed.append(story.while_closed)
    client_of("dynamodb").create_backup(TableName=SLUG, BackupName=f"{SLUG}$DeletedTableBackup")
    client_of("dynamodb").delete_table(TableName=SLUG)
    before = story.mails()
    drill.exit_codes = [0, 1]  # the deployment that points the functions at the table fails
    with pytest.raises(NotRestored, match="The CDK ended with 1"):
        list(story.restore(tmp_path).run(really=True))
    said = "\n".join(story.restore(tmp_path).run(really=True))
    assert "1. done: close" in said
    assert f"{story.stay(BINH)}: is paid, BOOKED" in said
    assert f"{story.stay(CHI)}: LOOK: its nights are blocked, its session is lost" in said
    assert f"{story.orders[AN]['appTransId']}: LOOK: is paid, and its session is lost" in said
    assert len(drill.hear()) >= 2
    records = drill.records()
    images = [record["dynamodb"].get("NewImage", {}) for record in records]
    owed = [each for each in images if each.get("kind", {}).get("S") in MAIL_ITEMS and each["state"] == {"S": "DUE"}]
    again = {each["letter"]["S"] for each in owed if "stayId" in each}
    assert again <= HOST_MAILS  # the host has no address, so none of these was sent before
    drill.deliver(records)
    confirmation = drill.item(kind="MAIL", PK=f"STAY#{story.stay(BINH)}")
    assert (confirmation["letter"], confirmation["state"]) == ("confirmation", "SENT")
    drill.clock.shift(timedelta(hours=15))  # a refund of the next day has another id
    story.go_on()
    states = story.states()
    assert states == {DUNG: ("PAID", "BOOKED"), BINH: ("PAID", "BOOKED"), MAI: ("PAID", "REFUNDED")}
    agree(drill, story.stay(CHI))
    assert story.booked_nights()[DAYS[CHI][0]] == story.stay(CHI)
    assert pay_again(drill, CHI).status == 404  # her own lost stay has the night
    strays = {stay_id_of(item["appTransId"]): item["status"] for item in drill.items(kind="STRAY")}
    assert strays == {story.stay(CHI): "OPEN", story.stay(AN): "OPEN"}
    assert len(drill.zalopay.order(story.orders[MAI]["appTransId"])["refunds"]) == 1
    assert ["Refund completed" in subject for _, subject in story.mails() - before] == [True]  # it arrived meanwhile
    assert set(story.mails().values()) == {1}


# The steps, each alone


def test_what_a_restored_table_lacks_is_set_once_and_what_cannot_be_restored_is_said(aws: None) -> None:
    cloud = Cloud(boto3.Session(), read_stage("dev", read_context()), pause=lambda _: None)
    table = TABLES["connections"]
    lacking = cloud.missing("connections", table)
    assert list(lacking) == ["TTL", "point-in-time recovery", "deletion protection", "tags"]
    for provide in lacking.values():
        provide()
    assert cloud.missing("connections", table) == {}
    with pytest.raises(NotRestored, match="The table gone is gone, and DynamoDB has no backup of its end"):
        cloud.restore("gone", "new", START)
    with pytest.raises(NotRestored, match="connections was not made by a restore"):
        cloud.source_of("connections")
    client_of("events").create_event_bus(Name=SLUG)
    with pytest.raises(NotRestored, match="The bus stays-dev has no rule for awards"):
        cloud.open_rule()


OLD = "old"
EARLY, LATE = "2027-03-01T03:00:00.000Z", "2027-03-01T04:00:00.000Z"
STAY, AWARD = {"kind": "SESSION", "changedAt": EARLY}, {"kind": "AWARD", "receivedAt": EARLY}
MAIL = {"kind": "MAIL", "requestedAt": EARLY, "state": "DUE", "attempts": 0}
FEED = {"kind": "CALENDAR", "toldAt": EARLY, "feed": {"since": LATE}}
NO_FEED = {"kind": "CALENDAR", "toldAt": EARLY}


@pytest.mark.parametrize(
    ("item", "there", "later"),
    [
        (STAY, None, True),
        (STAY, STAY | {"dueAt": LATE}, False),
        (STAY | {"changedAt": LATE}, STAY, True),
        (STAY, STAY | {"changedAt": LATE}, False),
        (AWARD | {"changedAt": LATE}, AWARD, True),
        ({"kind": "OPENED", "times": 3}, {"kind": "OPENED", "times": 2}, True),
        ({"kind": "WITHDRAWN", "revision": 1}, {"kind": "WITHDRAWN", "revision": 1}, False),
        (MAIL | {"state": "SENDING", "attempts": 1}, MAIL, True),
        (MAIL | {"state": "SENT", "attempts": 1}, MAIL | {"state": "SENDING", "attempts": 1}, True),
        (MAIL | {"state": "WAITING", "attempts": 1}, MAIL | {"attempts": 1}, False),
        (MAIL | {"askedAt": LATE}, MAIL | {"state": "SENT", "attempts": 1}, True),
        (FEED, NO_FEED, True),
        (NO_FEED, FEED, True),
        (NO_FEED, FEED | {"toldAt": LATE}, False),
    ],
)
def test_an_item_of_the_old_table_is_later_by_its_own_time(item: Any, there: Any, later: bool) -> None:
    assert is_later(item, there) is later


def test_copying_twice_changes_nothing_and_what_cannot_be_read_stays_behind(aws: None) -> None:
    create_table(client_of("dynamodb"), OLD, TABLES["stays"])
    old, new = Store(dynamodb(), OLD), Store(dynamodb(), "stays")
    opened = {"PK": "USER#mai", "SK": "OPENED#2027-03-01T03", "kind": "OPENED", "times": 2}
    old.put(opened)
    old.put({"PK": "STAY#1", "SK": "SESSION", "kind": "SESSION", "changedAt": LATE})
    old.put({"PK": "PROPERTY#1", "SK": "NIGHT#2027-04-01", "kind": "NIGHT"})
    old.put({"PK": "STAY#1", "SK": "MAIL#refund", "kind": "MAIL", "attempts": None})
    old.put({"PK": "STAY#1", "SK": "X", "kind": "OPENED", "times": "many"})
    behind = [f"not copied, because it cannot be read: STAY#1 {name}" for name in ("MAIL#refund", "SESSION", "X")]
    assert list(copy_later(old, new)) == ["copied from the old table: 1 OPENED", *behind]
    newer = opened | {"times": 3}
    new.put(newer)
    assert list(copy_later(old, new)) == ["copied from the old table: nothing", *behind]
    assert list(contents("stays").values()) == [newer]


@pytest.mark.parametrize("torn", ["SESSION", "BOOKING", "NIGHT", "TRANSACTION", "REFERENCE", "AWARD"])
def test_a_transaction_that_a_restored_time_cut_in_two_is_made_whole(drill: Drill, torn: str) -> None:
    """Of what the payment wrote, one item has not arrived, or is as it was before."""
    made = order(drill, MAI)
    held = {(item["PK"]["S"], item["SK"]["S"]): item for item in drill.raw()}
    pay(drill, made)
    whole = contents(SLUG)
    (key,) = [key for key, item in whole.items() if item["kind"] == torn]
    if key in held:
        drill.dynamodb.put_item(TableName=SLUG, Item=held[key])
    else:
        drill.dynamodb.delete_item(TableName=SLUG, Key={"PK": {"S": key[0]}, "SK": {"S": key[1]}})
    store = Store(drill.dynamodb, SLUG)

    def repair() -> list[str]:
        agreement = Agreement(store, "linh", at_once(), at_once() + timedelta(seconds=1))
        return [*write_from_copies(store), *agreement.run()]

    assert len(repair()) == 1
    agree(drill)
    assert {name: item["kind"] for name, item in contents(SLUG).items()} == {
        name: item["kind"] for name, item in whole.items()
    }
    assert repair() == []


def test_a_night_of_a_stay_that_does_not_own_it_is_freed_and_a_conflict_is_for_people(drill: Drill) -> None:
    made = order(drill, MAI)
    pay(drill, made)
    store, night = Store(drill.dynamodb, SLUG), drill.item(kind="NIGHT")
    store.put(night | {"SK": "NIGHT#2027-06-01"})
    store.put(night | {"stayId": "lost"})
    said = list(Agreement(store, "linh", at_once(), at_once()).run())
    assert said == [
        f"lost: LOOK: {DAYS[MAI][0]} stays blocked, and its session is lost",
        f"{made['sessionId']}: 2027-06-01 is free",
        f"{made['sessionId']}: LOOK: {DAYS[MAI][0]} is BOOKED by lost",
    ]


def test_money_that_only_the_archive_knows_of_keeps_its_nights(drill: Drill) -> None:
    made = order(drill, MAI)
    drill.zalopay.fault("query_down")
    paid = {"transactionId": "270301000000175", "amount": 400_000, "paidAt": "2027-03-01T03:05:00.000Z"}
    known = Known({made["sessionId"]: {made["appTransId"]}}, set(), {}, {made["sessionId"]: {"PaymentCompleted": paid}})
    tools = drill._tools(SLUG)
    said = list(Recovery(tools, Store(drill.dynamodb, SLUG), known, at_once()).run())
    assert said == [f"{made['sessionId']}: is paid, BOOKED"]
