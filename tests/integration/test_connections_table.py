"""The connections table: connections by id and by user, and the presence of users."""

import json
from datetime import timedelta

import pytest

from stays.aws.store import Store
from stays.domain.notification import CHANNELS
from stays.edge.connections import (
    CLOCKS_DIFFER,
    JOINING,
    LIFETIME,
    MOST_CONNECTIONS,
    PRESENCE,
    PRESENCE_WRITES,
    REMEMBERED,
    Connection,
    Connections,
    Presence,
    _presence_key,
    fingerprint,
    surplus,
)
from tests.integration.tables import contents, dynamodb
from tests.samples import NOW, STRANGER, TRAVELLER

MOMENT = timedelta(milliseconds=1)
MARK = fingerprint("203.0.113.7", "Firefox")


@pytest.fixture
def connections(aws: None) -> Connections:
    return Connections(Store(dynamodb(), "connections"))


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
    assert connections.load_of(TRAVELLER) == mine
    assert connections.load_of("nobody") == []
    assert connections.find("c1=") == mine[0]
    until = int((NOW + LIFETIME).timestamp())
    assert {item["expiresAt"] for item in contents("connections").values()} == {until}


def test_presence_is_no_connection(connections: Connections) -> None:
    connections.note_call(TRAVELLER, MARK, NOW)
    assert connections.load_of(TRAVELLER) == []


def test_who_subscribes_again_changes_the_channels(connections: Connections) -> None:
    connections.subscribe(connection())
    narrow = connection(channels=("payment_status",))
    connections.subscribe(narrow)
    assert connections.load_of(TRAVELLER) == [narrow]
    assert connections.find("c1=") == connection()  # only the list needs them


def test_nobody_subscribes_without_a_user(connections: Connections) -> None:
    with pytest.raises(AssertionError):
        connections.subscribe(connection(user_id=None))
    assert keys() == set()


def test_a_proof_runs_out_and_without_a_token_there_is_none_to_run_out() -> None:
    assert [connection(proven_until=NOW).is_expired(at) for at in (NOW - MOMENT, NOW)] == [False, True]
    assert not connection().is_expired(NOW + LIFETIME)


def test_who_joins_does_so_for_a_limited_time() -> None:
    joining = connection(joining_until=NOW + JOINING)
    assert [joining.is_joining(at) for at in (NOW, NOW + JOINING - MOMENT, NOW + JOINING)] == [True, True, False]
    assert not connection().is_joining(NOW)


def test_i16_a_connection_is_listed_as_joining_until_it_has_joined(connections: Connections) -> None:
    joining = connection(joining_until=NOW + JOINING)
    connections.subscribe(joining)
    assert connections.load_of(TRAVELLER) == [joining]
    assert connections.find("c1=") == connection()
    assert connections.move(joining, connection())
    assert connections.load_of(TRAVELLER) == [connection()]


def test_i16_a_connection_that_has_subscribed_again_is_still_joining(connections: Connections) -> None:
    first, second = connection(joining_until=NOW + JOINING), connection(joining_until=NOW + 2 * JOINING)
    connections.subscribe(first)
    connections.subscribe(second)
    assert not connections.move(first, connection())
    assert connections.load_of(TRAVELLER) == [second]


def test_a_connection_that_was_forgotten_while_it_joined_stays_forgotten(connections: Connections) -> None:
    joining = connection(joining_until=NOW + JOINING)
    connections.subscribe(joining)
    connections.forget("c1=", TRAVELLER)
    assert not connections.move(joining, connection())
    assert keys() == set()


def test_of_a_users_other_connections_nine_may_stay_when_one_more_comes_and_the_oldest_go() -> None:
    others = [connection(f"c{number}=", opened_at=NOW - number * MOMENT) for number in range(MOST_CONNECTIONS + 1)]
    assert surplus(others[: MOST_CONNECTIONS - 1], NOW) == []
    assert surplus(others, NOW) == [others[10], others[9]]


def test_expired_connections_go_and_count_for_nothing() -> None:
    expired = [connection(f"e{number}=", proven_until=NOW - MOMENT, opened_at=NOW) for number in range(3)]
    live = [connection(f"c{number}=", opened_at=NOW - MOMENT) for number in range(MOST_CONNECTIONS - 1)]
    assert surplus([*live, *expired], NOW) == expired


def test_ten_times_ten_of_the_largest_connections_are_one_page(connections: Connections) -> None:
    largest = connection(
        "c" * 128, "u" * 128, proven_until=NOW, joining_until=NOW, channels=CHANNELS * 5
    )  # values that SUBSCRIBE accepts, and others
    connections.subscribe(largest)
    size = max(len(json.dumps(item, default=str)) for item in contents("connections").values())
    assert 10 * MOST_CONNECTIONS * size < 1_000_000  # a page of DynamoDB has at least this many bytes
    for number in range(10 * MOST_CONNECTIONS):
        connections.subscribe(largest.but(connection_id=f"{number:0128}"))
    assert len(connections.load_of("u" * 128)) == 10 * MOST_CONNECTIONS + 1


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


def test_presence_lasts_a_quarter_of_an_hour_and_for_one_address_only(connections: Connections) -> None:
    connections.note_call(TRAVELLER, MARK, NOW)
    assert connections.find_call(TRAVELLER, MARK, NOW + PRESENCE - MOMENT)
    assert not connections.find_call(TRAVELLER, MARK, NOW + PRESENCE)
    assert not connections.find_call(STRANGER, MARK, NOW)
    assert not connections.find_call(TRAVELLER, fingerprint("203.0.113.7", "curl"), NOW)
    (item,) = contents("connections").values()
    assert item["expiresAt"] == int((NOW + PRESENCE).timestamp())


def test_presence_is_written_once_in_five_minutes_for_a_user_and_address(connections: Connections) -> None:
    seen = []
    for at in (NOW, NOW + MOMENT, NOW + PRESENCE_WRITES, NOW + PRESENCE_WRITES + MOMENT):
        connections.note_call(TRAVELLER, MARK, at)
        seen += [item["seenAt"] for item in contents("connections").values()]
    assert seen == [*["2026-11-22T03:00:00.000Z"] * 3, "2026-11-22T03:05:00.001Z"]


@pytest.mark.parametrize("ahead", [CLOCKS_DIFFER + MOMENT, PRESENCE, timedelta(days=3)])
def test_presence_dated_in_the_future_proves_no_user_and_is_written_again(
    connections: Connections, ahead: timedelta
) -> None:
    presence = Presence(connections)
    presence.note(TRAVELLER, MARK, NOW + ahead)
    assert not connections.find_call(TRAVELLER, MARK, NOW)
    presence.note(TRAVELLER, MARK, NOW)
    assert connections.find_call(TRAVELLER, MARK, NOW)
    assert [item["seenAt"] for item in contents("connections").values()] == ["2026-11-22T03:00:00.000Z"]


def test_two_calls_at_the_same_time_are_written_once_whichever_comes_last(connections: Connections) -> None:
    for at in (NOW + CLOCKS_DIFFER, NOW, NOW + MOMENT):
        assert connections.note_call(TRAVELLER, MARK, at) == NOW + CLOCKS_DIFFER
        Presence(connections).note(TRAVELLER, MARK, at)
    assert connections.find_call(TRAVELLER, MARK, NOW)


def test_a_remembered_presence_dated_in_the_future_is_written_again(connections: Connections) -> None:
    presence = Presence(connections)
    presence.note(TRAVELLER, MARK, NOW + PRESENCE)
    connections._store.delete(_presence_key(TRAVELLER, MARK))
    presence.note(TRAVELLER, MARK, NOW)
    assert connections.find_call(TRAVELLER, MARK, NOW)


@pytest.mark.parametrize("user_id", ["a b", "a%20b", "a#b", "a/b", "Ạn"])
def test_a_user_with_an_odd_id_is_found_and_seen_and_no_other_is(connections: Connections, user_id: str) -> None:
    others = [each for each in ("a b", "a%20b", "a#b", "a/b", "Ạn", "a", "b") if each != user_id]
    connections.subscribe(connection(user_id=user_id))
    connections.note_call(user_id, MARK, NOW)
    assert [each.user_id for each in connections.load_of(user_id)] == [user_id]
    assert [connections.load_of(each) for each in others] == [[]] * len(others)
    assert [each for each in [user_id, *others] if connections.find_call(each, MARK, NOW)] == [user_id]
    connections.forget("c1=", user_id)
    assert connections.load_of(user_id) == []


def test_presence_is_remembered_for_a_thousand_users_and_the_oldest_is_written_again(
    connections: Connections,
) -> None:
    presence = Presence(connections)
    presence.note(TRAVELLER, MARK, NOW)
    presence.seen |= {(f"user-{number}", MARK): NOW for number in range(REMEMBERED - 1)}
    presence.note(TRAVELLER, MARK, NOW + MOMENT)
    assert len(contents("connections")) == 1
    presence.note(STRANGER, MARK, NOW)
    assert (len(presence.seen), ("user-0", MARK) in presence.seen) == (REMEMBERED, False)
    assert list(presence.seen)[-2:] == [(TRAVELLER, MARK), (STRANGER, MARK)]


def test_an_address_and_an_agent_are_stored_as_a_hash_only() -> None:
    assert fingerprint("203.0.113.7", "Firefox") == MARK
    assert len({MARK, fingerprint("203.0.113.8", "Firefox"), fingerprint("203.0.113.7", "firefox")}) == 3
    assert "203.0.113.7" not in MARK
