"""`erase`: a person whose every detail is a canary goes through everything, and no canary is left in any table."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from infra.operator.commands import Commands
from infra.operator.environment import DeadLetter
from infra.operator.lines import Line
from infra.topology import TABLES
from stays.aws.client import AwsError
from stays.aws.store import Store
from stays.domain.erasure import is_erased
from stays.domain.errors import NotFound, Refused
from stays.domain.values import app_user, encode_key
from stays.edge.connections import fingerprint
from stays.table.erasures import Erasures
from stays.table.keys import MAIL_ITEMS, email_partition
from tests.conftest import EMAIL_KEY
from tests.integration.messages import (
    AGENT,
    BINH,
    HOME,
    NIGHTS,
    START,
    auction_result,
    order_data,
    runner_up,
    second_chance,
    signed,
)
from tests.integration.tables import Overtaken
from tests.integration.test_operator import OperatorCommands, elsewhere, said
from tests.integration.test_turning_points import feedback
from tests.integration.world import World
from tests.proof.corpus.models import MODELS, kind_of

Item = dict[str, Any]
USER = "auth0|Kẻ canary 7#1"
DETAILS = {
    "email": "canary-address@example.com",
    "name": "Canary Tên Gọi",
    "picture": "https://example.com/canary-picture.png",
}
REASON = "canary-reason: the dates do not suit"
LATER = ("2027-04-10", "2027-04-11")
FAR = ("2027-08-01", "2027-08-02")
CANARIES = (
    USER,
    encode_key(USER),
    json.dumps(USER),
    app_user(USER),
    email_partition(DETAILS["email"], EMAIL_KEY),
    *DETAILS.values(),
    REASON,
)
MARK = fingerprint(HOME, AGENT)


class Row(NamedTuple):
    """A kind of item in docs/data.md."""

    personal: set[str]
    how_long: str


TEXT = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
PAGE = {
    kind: Row(set(re.findall(r"`([\w.]+)`", what)), how_long)
    for kind, what, how_long in re.findall(r"^\| ([A-Z]+) \| ([^|]+) \| [^|]+ \| ([^|]+) \|", TEXT, re.MULTILINE)
}
PRESSED = {"sub": USER, "email": DETAILS["email"], "name": DETAILS["name"]}


@pytest.fixture
def operator(world: World) -> OperatorCommands:
    return OperatorCommands(world)


def everything(world: World) -> str:
    """All items of both tables, as one text."""
    items = [*world.items(), *world.items("connections")]
    return json.dumps(items, ensure_ascii=False, default=str) + json.dumps(items, default=str)


def left(world: World) -> set[str]:
    text = everything(world)
    return {canary for canary in CANARIES if canary in text}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each text in an item, with the names that lead to it."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each, path)
    else:
        yield path, str(value)


class Seen(NamedTuple):
    """The attributes that held a detail of the person, by the kind of item, and the kinds of items with an end."""

    personal: dict[str, set[str]]
    ending: set[str]


def look(world: World, seen: Seen) -> None:
    given = {item["messageId"] for kind in MAIL_ITEMS for item in world.items(kind=kind) if "messageId" in item}
    given.add(sha256(DETAILS["email"].encode()).hexdigest())
    given |= {item["orderUrl"] for item in world.items(kind="SESSION") if "orderUrl" in item}
    for table, item in ((name, each) for name in TABLES for each in world.items(name)):
        seen.ending.update({kind_of(item)} if TABLES[table].ttl in item else ())
        for path, text in leaves(item):
            if any(each in text for each in (*CANARIES, *given, MARK, "socket-")):
                seen.personal[kind_of(item)].add(path)


def test_every_kind_of_item_has_its_row() -> None:
    assert set(PAGE) == set(MODELS)


def won(world: World, auction_id: str, *nights: str, **changes: Any) -> None:
    detail = auction_result(**{"userId": USER} | changes, auctionId=auction_id, nights=nights)
    assert world.announce(detail)["accepted"]


def bought(world: World, auction_id: str, *nights: str) -> Item:
    won(world, auction_id, *nights)
    return world.buy(nights, auction_id=auction_id, **PRESSED)


def mailed(world: World) -> list[str]:
    """Send what is due. Returns the ids of all mails that went out."""
    world.deliver()
    return [item["messageId"] for kind in MAIL_ITEMS for item in world.items(kind=kind) if "messageId" in item]


def paid_twice(world: World, operator: OperatorCommands, made: Item) -> str:
    """Pay a booked stay under a second transaction, and refund that. Returns the transaction."""
    world.zalopay.fault("callback_lost")
    second = str(elsewhere(world)["zp_trans_id"])
    world.zalopay.fault("callback_lost", on=False)
    named = {"app_user": app_user(USER), "zp_trans_id": second}
    world.call_back(signed(order_data(made["appTransId"], amount=500_000, **named)))
    said(operator.really.refund(second, None))
    return second


def declined(world: World, auction_id: str, sub: str, reason: str) -> None:
    reply = world.http("POST", f"/auctions/offers/{auction_id}/decline", {"reason": reason}, sub=sub)
    assert reply.status == 200, reply.body


def lived(world: World, operator: OperatorCommands) -> dict[str, Item]:
    """A life with everything in it: stays, a refund, offers, mails, sockets, and events that were refused."""
    assert world.http("POST", "/users/auth0-sync", DETAILS, sub=USER).status == 200
    stays = {"stayed": bought(world, "1001", *NIGHTS), "cancelled": bought(world, "1002", *LATER)}
    socket = world.socket(query=f"token={world.token(USER)}")
    socket.subscribe(USER)
    paid_twice(world, operator, stays["stayed"])
    world.http("DELETE", f"/bookings/{stays['cancelled']['sessionId']}", sub=USER)
    world.http("POST", f"/bookings/{stays['stayed']['sessionId']}/conversation", sub=USER)
    mailed(world)
    others = [runner_up(USER, *LATER, bidId="88"), runner_up("auth0|chi", *LATER)]
    won(world, "1003", *LATER, userId=BINH, runnersUp=others)
    declined(world, "1003", BINH, "no")
    declined(world, "1003", USER, REASON)
    won(world, "1004", *FAR, runnersUp=[runner_up(BINH, *FAR)])
    stays["unpaid"] = world.create(FAR, auction_id="1004", **PRESSED).body
    world.announce(auction_result(userId=USER, auctionId="1005", result="LOST", nights=()))
    won(world, "1005", *NIGHTS, userId=BINH, runnersUp=[runner_up(USER, bidId="77")])
    for auction_id in ("1001", "1006"):  # nothing else was heard of the second one
        world.announce({"auctionId": auction_id, "userId": USER, "offerId": "9"}, "AuctionWithdrawn")
    assert not world.announce(auction_result(userId=USER, auctionId="1001", revision=1))["accepted"]
    return stays


def time_passes(world: World) -> None:
    """The clock ends what is open; the stay is over, and the person's mailbox is full."""
    for days in (0, 0, 2, 2, 50):
        world.after(days=days, minutes=16)
        mailed(world)
    bounce = feedback("Bounce", DETAILS["email"], {})
    assert world.functions["fulfilment"].handler(bounce, world.context) == {}


def open_matters(commands: Commands) -> str:
    told = list[str]()
    with pytest.raises(Refused, match="Nothing is erased"):
        told.extend(commands.erase(USER))
    return "\n".join(told)


def records(world: World) -> list[Item]:
    return world.items(kind="ERASED")


def books(world: World) -> list[tuple[Any, ...]]:
    """What accounting needs of each stay."""
    names = ("id", "status", "fulfilment", "amount", "received", "transactionId", "appTransId", "createdAt", "paidAt")
    return [tuple(item.get(name) for name in (*names, "refund", "nights")) for item in world.items(kind="SESSION")]


def test_nothing_of_a_person_is_left_and_nobody_comes_back(world: World, operator: OperatorCommands) -> None:
    stays, seen = lived(world, operator), Seen(defaultdict(set), set())
    look(world, seen)
    told = open_matters(operator.really)
    for each in ("the payment", "can be paid or answered", "lies ahead", "is on its way", "is not paid back"):
        assert each in told, each
    time_passes(world)
    assert left(world) == set(CANARIES)
    world.socket(query=f"token={world.token(USER)}").subscribe(USER)
    look(world, seen)
    assert {kind: row.personal for kind, row in PAGE.items() if row.personal} == seen.personal
    assert {kind for kind, row in PAGE.items() if "TTL" in row.how_long} == seen.ending | {"ERASED"}
    before, kept, report = world.items(), books(world), said(operator.dry.report(START.date()))
    assert "4 orders" in report
    (line,) = operator.dry.erase(USER)
    assert "3 stays, 5 awards, 3 mentions in other awards" in line and "would be erased" in line
    assert isinstance(line, Line) and line.fields["addresses"] == 1
    assert world.items() == before

    (line,) = operator.really.erase(USER)
    assert "3 stays" in line and "are erased" in line
    assert left(world) == set()
    world.deliver()
    assert (books(world), left(world)) == (kept, set())
    assert said(operator.dry.report(START.date())) == report
    (record,) = records(world)
    assert (record["by"], set(record) & {"alias", "userId"}) == ("linh", set())
    assert "the user was taken out of it, at the user's wish (by linh)" in said(
        operator.dry.show(stays["stayed"]["sessionId"])
    )
    for command in (operator.dry.erase(USER), operator.dry.find(USER), operator.dry.find(DETAILS["email"])):
        with pytest.raises(NotFound):
            said(command)
    assert "0 entries" in said(operator.dry.index())

    comes_back_in_no_way(world, operator, stays)


def comes_back_in_no_way(world: World, operator: OperatorCommands, stays: dict[str, Item]) -> None:
    """Callbacks, events and money that come again, or late."""
    world.zalopay.call_back(stays["stayed"]["appTransId"])
    world.call_back(signed(order_data(stays["stayed"]["appTransId"], app_user=app_user(USER), zp_trans_id=4711)))
    assert world.item(kind="STRAY", transactionId="4711")["status"] == "OPEN"
    for auction in ("1001", "1003", "1004", "1005"):
        assert world.announce(auction_result(userId=USER, auctionId=auction))["as"] == "IGNORED"
    assert world.announce(second_chance(userId=USER), "SecondChanceOffer")["as"] == "IGNORED"
    assert world.announce({"auctionId": "1001", "userId": USER}, "AuctionWithdrawn")["as"] == "IGNORED"
    won(world, "1006", *NIGHTS, userId=BINH, runnersUp=[runner_up(USER)])
    assert left(world) == set()
    world.zalopay.pay(stays["unpaid"]["appTransId"], late=True)
    late = world.item(kind="SESSION", id=stays["unpaid"]["sessionId"])
    assert (late["status"], late["fulfilment"], late["reason"]) == ("PAID", "REFUND_DUE", "AWARD_WITHDRAWN")
    for _ in range(3):
        world.after(minutes=2)
        world.deliver()
    assert world.item(kind="SESSION", id=late["id"])["fulfilment"] == "REFUNDED"
    assert world.item(kind="MAIL", stayId=late["id"])["state"] == "UNDELIVERABLE"
    assert left(world) == set()


def test_who_returns_is_a_new_user(world: World, operator: OperatorCommands) -> None:
    world.http("POST", "/users/auth0-sync", DETAILS, sub=USER)
    world.clock.shift(90)
    said(operator.really.erase(USER))
    won(world, "1001", *NIGHTS)
    world.clock.shift(90)
    world.announce(auction_result(userId=USER, auctionId="1002"), time="2027-03-01T03:02:00Z")
    assert {item["auctionId"] for item in world.items(kind="AWARD")} == {"1002"}


class Dying:
    """DynamoDB that refuses every write after some."""

    WRITES = ("put_item", "update_item", "delete_item", "transact_write_items")

    def __init__(self, client: Any) -> None:
        self.client, self.allowed = client, 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return self.write(name) if name in self.WRITES else getattr(self.client, name)

    def write(self, name: str) -> Callable[..., Any]:
        if not self.allowed:
            raise AwsError("InternalServerError", 500, {})
        self.allowed -= 1
        return getattr(self.client, name)


def test_an_erasure_that_dies_at_any_write_goes_on_where_it_was(world: World, operator: OperatorCommands) -> None:
    lived(world, operator)
    time_passes(world)
    kept, aliases = books(world), set()
    dying = Dying(operator.client)
    operator.really._tools = operator.really._tools._replace(
        erasures=Erasures(Store(dying, "stays"), lambda: [EMAIL_KEY], "linh")
    )
    for allowed in range(0, 100, 4):
        dying.allowed = allowed
        try:
            said(operator.really.erase(USER))
        except AwsError:
            aliases |= {item["alias"] for item in records(world)}
        else:
            break
    assert 5 < allowed < 98
    assert len(aliases) == 1 and all(map(is_erased, aliases))
    assert (left(world), books(world)) == (set(), kept)
    assert {item["userId"] for item in world.items() if item["kind"] in ("SESSION", "BOOKING", "NIGHT")} == aliases


def test_what_changes_meanwhile_is_read_again(world: World, operator: OperatorCommands) -> None:
    made = bought(world, "1001", *NIGHTS)
    world.after(days=60)
    mailed(world)
    session = world.standing(made["sessionId"])

    def touch() -> None:
        world.dynamodb.update_item(
            TableName="stays",
            Key={"PK": {"S": session["PK"]}, "SK": {"S": session["SK"]}},
            UpdateExpression="SET changedAt = :at",
            ExpressionAttributeValues={":at": {"S": "2027-04-29T00:00:00.000Z"}},
        )

    overtaken = Store(Overtaken(touch), "stays")
    operator.really._tools = operator.really._tools._replace(erasures=Erasures(overtaken, lambda: [EMAIL_KEY], "linh"))
    with pytest.raises(Refused, match="Something changed meanwhile"):
        said(operator.really.erase(USER))
    said(operator.really.erase(USER))
    assert left(world) == set()


def test_a_mail_that_is_asked_for_meanwhile_is_read_again(
    world: World, operator: OperatorCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(world, "1001", *NIGHTS)
    world.after(days=60)
    mailed(world)
    (mail, *_), load = world.items(kind="MAIL"), Erasures.load

    def loaded(erasures: Erasures, user_id: str) -> Any:
        person = load(erasures, user_id)
        Store(operator.client, "stays").update({"PK": mail["PK"], "SK": mail["SK"]}, {"attempts": 2})
        return person

    monkeypatch.setattr(Erasures, "load", loaded)
    with pytest.raises(Refused, match="Something changed meanwhile"):
        said(operator.really.erase(USER))
    monkeypatch.undo()
    said(operator.really.erase(USER))
    assert left(world) == set()


def test_a_dead_letter_that_names_the_person_comes_first(world: World, operator: OperatorCommands) -> None:
    world.http("POST", "/users/auth0-sync", DETAILS, sub=USER)
    operator.letters = [DeadLetter("awards", {"detail": auction_result(userId=USER)}, operator.forget)]
    assert "a dead letter of awards names the user: `redrive` handles it" in open_matters(operator.really)
    assert len(world.items(kind="PROFILE")) == 1
