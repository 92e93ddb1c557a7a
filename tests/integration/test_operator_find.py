"""`find`: what a caller names leads to the stay, and no name reads the whole table."""

from typing import Any

import pytest

from infra.operator.lines import Line
from stays.aws.store import Store
from stays.domain.errors import NotFound
from tests.integration.messages import BINH, HOST, MAI, PROPERTY, auction_result
from tests.integration.product import listening
from tests.integration.tables import contents, dynamodb
from tests.integration.test_operator import OperatorCommands, said, second
from tests.integration.world import World
from tests.samples import NOW

ADDRESS = "Mai.Trần@example.com"


@pytest.fixture
def operator(world: World) -> OperatorCommands:
    return OperatorCommands(world)


def sync(world: World, sub: str = MAI, **claims: Any) -> None:
    assert world.http("POST", "/users/auth0-sync", {}, sub=sub, **claims).status == 200


def test_every_name_of_a_stay_leads_to_it(world: World, operator: OperatorCommands) -> None:
    sync(world, email=ADDRESS)
    paid = world.paid()
    reference = world.item(kind="BOOKING")["referenceNumber"]
    for name in (
        MAI,
        ADDRESS.upper(),
        reference.lower(),
        paid["id"],
        paid["appTransId"],
        paid["transactionId"],
        "1001",
    ):
        found = said(operator.dry.find(name))
        assert f"{paid['id']}  {reference}  PAID / BOOKED  1.200.000 ₫  Nhà Trên Đồi, 3 nights from 2027-03-20" in found
        assert MAI not in found
    assert said(operator.dry.find(PROPERTY["id"], NOW.date().replace(2027, 3, 21))).startswith(paid["id"])
    assert MAI in said(operator.personal.find(reference))


def test_the_awards_of_a_user_and_of_an_auction_are_listed_newest_first(
    world: World,
    operator: OperatorCommands,
) -> None:
    world.announce(auction_result(paymentDeadline="2027-03-01T03:30:00Z"))
    world.offer(responseDeadline="2027-03-01T05:00:00Z")
    award = (
        "WIN of auction 1001  PENDING_PAYMENT, until 2027-03-01T10:30:00+07:00  Nhà Trên Đồi, 3 nights from 2027-03-20"
    )
    assert award in said(operator.dry.find(MAI))
    offer, win = operator.dry.find("1001")
    assert (win, "WAITING, until 2027-03-01T12:00:00+07:00" in offer) == (award, True)


def test_stray_money_is_found_by_its_transaction(world: World, operator: OperatorCommands) -> None:
    paid, transaction = second(world)
    assert said(operator.dry.find(transaction)).startswith(f"STRAY  500.000 ₫ under {transaction} for {paid['id']}")
    assert f"transaction {transaction}" in said(operator.dry.show(paid["id"]))


@pytest.mark.parametrize("name", ["nobody@example.com", "9", "auth0|nobody", "AAAAA-AAAAA", "261123_01K"])
def test_a_name_of_nothing_is_said_to_be_so(world: World, operator: OperatorCommands, name: str) -> None:
    with pytest.raises(NotFound):
        said(operator.dry.find(name))


def test_a_free_night_leads_nowhere(world: World, operator: OperatorCommands) -> None:
    with pytest.raises(NotFound):
        said(operator.dry.find(PROPERTY["id"], NOW.date()))


def test_an_address_without_stays_is_known(world: World, operator: OperatorCommands) -> None:
    sync(world, sub=HOST, email=ADDRESS)
    (line,) = operator.personal.find(ADDRESS)
    assert isinstance(line, Line)
    assert (line.fields, "no payment and no award" in line) == ({"users": [HOST]}, True)


def test_no_name_reads_the_whole_table_and_no_key_holds_an_address(
    world: World,
    operator: OperatorCommands,
) -> None:
    sync(world, email=ADDRESS)
    sync(world, sub=BINH, email=ADDRESS)
    world.paid()
    reference, asked = world.item(kind="BOOKING")["referenceNumber"], set[str]()
    with listening(operator.client, lambda operation, _: asked.add(operation)):
        assert said(operator.dry.find(reference)) in said(operator.dry.find(ADDRESS))
    assert asked == {"GetItem", "Query"}
    keys = [part for key in contents() for part in key]
    assert len([part for part in keys if part.startswith("EMAIL#")]) == 2
    assert not any("@" in part or "example.com" in part for part in keys)


def test_what_earlier_releases_stored_is_found_after_it_is_indexed_and_not_before_a_yes(
    world: World,
    operator: OperatorCommands,
) -> None:
    store = Store(dynamodb(), "stays")
    world.paid()
    sync(world, sub=HOST, email=ADDRESS)
    sync(world, sub=BINH, name="Bình")
    for item in (*world.items(kind="EMAIL"), *world.items(kind="REFERENCE")):
        store.delete({"PK": item["PK"], "SK": item["SK"]})
    reference = world.item(kind="BOOKING")["referenceNumber"]
    assert said(operator.dry.index()) == "3 entries would be written"
    with pytest.raises(NotFound):
        said(operator.dry.find(reference))
    assert said(operator.really.index()) == "3 entries are written"
    assert said(operator.dry.find(reference)) in said(operator.dry.find("mai@example.com"))
    assert "is known" in said(operator.dry.find(ADDRESS))
