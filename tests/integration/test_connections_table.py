"""Who listens: connections by id and by user, and where users were seen."""

from datetime import timedelta

import pytest

from stays.connections import LIFETIME, PRESENCE, PRESENCE_WRITES, Connection, Connections, fingerprint
from stays.domain.notification import CHANNELS
from tests.integration.tables import contents, dynamodb
from tests.samples import NOW, STRANGER, TRAVELLER

MOMENT = timedelta(milliseconds=1)
MARK = fingerprint("203.0.113.7", "Firefox")


@pytest.fixture
def connections(aws: None) -> Connections:
    return Connections(dynamodb(), "connections")


def connection(name: str = "c1=", user_id: str | None = TRAVELLER, **changes: object) -> Connection:
    return Connection(connection_id=name, fingerprint=MARK, opened_at=NOW, user_id=user_id).but(**changes)


def keys() -> set[tuple[str, str]]:
    return set(contents("connections"))


def test_a_browser_that_connects_is_found_by_its_connection_and_by_no_user(connections: Connections) -> None:
    opened = connection(user_id=None)
    connections.open(opened)
    assert connections.find("c1=") == opened
    assert connections.find("c2=") is None
    assert opened.channels == CHANNELS
    until = int((NOW + LIFETIME).timestamp())
    assert contents("connections") == {
        ("CONNECTION#c1=", "CONNECTION"): opened.dump()
        | {"PK": "CONNECTION#c1=", "SK": "CONNECTION", "expiresAt": until}
    }


def test_c13_a_user_who_subscribes_is_found_with_all_connections(connections: Connections) -> None:
    mine = [connection(name) for name in ("c1=", "c2=")]
    for each in [*mine, connection("c3=", STRANGER), connection("c4=", TRAVELLER + "2")]:
        connections.subscribe(each)
    assert connections.of(TRAVELLER, NOW) == mine
    assert connections.of("nobody", NOW) == []
    assert connections.find("c1=") == mine[0]
    until = int((NOW + LIFETIME).timestamp())
    assert {item["expiresAt"] for item in contents("connections").values()} == {until}


def test_presence_is_no_connection(connections: Connections) -> None:
    connections.saw(TRAVELLER, MARK, NOW)
    assert connections.of(TRAVELLER, NOW) == []


def test_who_subscribes_again_changes_the_channels(connections: Connections) -> None:
    connections.subscribe(connection())
    narrow = connection(channels=("payment_status",))
    connections.subscribe(narrow)
    assert connections.of(TRAVELLER, NOW) == [narrow]
    assert connections.find("c1=") == narrow


def test_nobody_subscribes_without_a_user(connections: Connections) -> None:
    with pytest.raises(AssertionError):
        connections.subscribe(connection(user_id=None))
    assert keys() == set()


def test_a_connection_whose_proof_has_run_out_hears_nothing_more(connections: Connections) -> None:
    proven = connection(proven_until=NOW)
    connections.subscribe(proven)
    assert connections.of(TRAVELLER, NOW - MOMENT) == [proven]
    assert connections.of(TRAVELLER, NOW) == []


def test_a_connection_that_is_gone_is_forgotten_under_both_keys(connections: Connections) -> None:
    for name in ("c1=", "c2="):
        connections.subscribe(connection(name))
    for _ in range(2):
        connections.forget("c1=", TRAVELLER)
    assert keys() == {("CONNECTION#c2=", "CONNECTION"), (f"USER#{TRAVELLER}", "CONNECTION#c2=")}


def test_a_connection_that_never_subscribed_is_forgotten_too(connections: Connections) -> None:
    connections.open(connection(user_id=None))
    connections.forget("c1=", None)
    assert keys() == set()


def test_a_user_was_seen_for_a_quarter_of_an_hour_and_only_there(connections: Connections) -> None:
    connections.saw(TRAVELLER, MARK, NOW)
    assert connections.was_seen(TRAVELLER, MARK, NOW + PRESENCE - MOMENT)
    assert not connections.was_seen(TRAVELLER, MARK, NOW + PRESENCE)
    assert not connections.was_seen(STRANGER, MARK, NOW)
    assert not connections.was_seen(TRAVELLER, fingerprint("203.0.113.7", "curl"), NOW)
    (item,) = contents("connections").values()
    assert item["expiresAt"] == int((NOW + PRESENCE).timestamp())


def test_that_a_user_was_seen_is_written_once_in_five_minutes(connections: Connections) -> None:
    seen = []
    for at in (NOW, NOW + MOMENT, NOW + PRESENCE_WRITES, NOW + PRESENCE_WRITES + MOMENT):
        connections.saw(TRAVELLER, MARK, at)
        seen += [item["seenAt"] for item in contents("connections").values()]
    assert seen == [*["2026-11-22T03:00:00.000Z"] * 3, "2026-11-22T03:05:00.001Z"]


def test_an_address_and_an_agent_are_recognised_and_not_known() -> None:
    assert fingerprint("203.0.113.7", "Firefox") == MARK
    assert len({MARK, fingerprint("203.0.113.8", "Firefox"), fingerprint("203.0.113.7", "firefox")}) == 3
    assert "203.0.113.7" not in MARK
