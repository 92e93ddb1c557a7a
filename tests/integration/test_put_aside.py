"""Records that fail for ever: they are put aside whole while others succeed, so that no shard waits for them."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from stays.aws.client import S3, Timeouts
from stays.edge.stream import PATIENCE, Aside, Record, failures
from tests.integration.aws_server import Reply, Server, serving

NOW = datetime(2026, 11, 27, 3, tzinfo=UTC)
QUICK = Timeouts(connecting=0.3, attempt=0.4, whole=1.0)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server()) as running:
        yield running


@pytest.fixture
def aside(server: Server, noted: list[str], monkeypatch: pytest.MonkeyPatch) -> Aside:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
    return Aside(S3("records", QUICK), "notifier", noted.append)


@pytest.fixture
def noted() -> list[str]:
    """The keys of which the operator is told."""
    return []


def record(number: int) -> Record:
    created = int((NOW - PATIENCE).timestamp())
    return {"dynamodb": {"SequenceNumber": str(number), "ApproximateCreationDateTime": created}}


def failing(*numbers: int):
    """Work that fails on these records."""

    def attempt(records: Sequence[Record]) -> Sequence[Record]:
        return [each for each in records if int(each["dynamodb"]["SequenceNumber"]) in numbers]

    return attempt


def fail_first(aside: Aside, *numbers: int, ago: timedelta = PATIENCE):
    """Let these records fail for the first time, so long ago."""
    records = [record(number) for number in numbers]
    assert aside.deliver(records, failing(*numbers), NOW - ago) == records


def boom(_: Sequence[Record]) -> Sequence[Record]:
    raise RuntimeError("boom")


def test_a_record_that_fails_for_ten_minutes_while_others_succeed_is_put_aside_whole(
    aside: Aside, server: Server, noted: list[str]
):
    poison = record(2)
    fail_first(aside, 2)
    assert aside.deliver([record(1), poison, record(3)], failing(2), NOW) == []
    (got,) = server.received
    assert got.method == "PUT"
    assert got.path.startswith("/records/aside/notifier/20")
    assert "-2-" in got.path
    assert json.loads(got.body) == poison
    assert [f"/records/{key}" for key in noted] == [got.path]


def test_a_record_that_has_not_failed_for_so_long_comes_again_however_old_it_is(aside: Aside, server: Server):
    old = record(2)
    fail_first(aside, 2, ago=PATIENCE - timedelta(seconds=1))
    assert aside.deliver([record(1), old], failing(2), NOW) == [old]
    assert aside.deliver([old], failing(), NOW) == []
    assert aside.deliver([record(1), old], failing(2), NOW + PATIENCE) == [old]
    assert server.received == []


def test_in_an_outage_all_records_come_again_however_old_they_are(aside: Aside, server: Server):
    old = [record(1), record(2)]
    fail_first(aside, 1, 2)
    assert aside.deliver(old, failing(1, 2), NOW) == old
    assert server.received == []


def test_a_record_alone_is_put_aside_if_others_succeeded_lately(aside: Aside, server: Server):
    fail_first(aside, 2, 3)
    aside.deliver([record(1)], failing(), NOW)
    assert aside.deliver([record(2)], failing(2), NOW) == []
    aside.succeeded[:] = [NOW - PATIENCE]
    assert aside.deliver([alone := record(3)], failing(3), NOW) == [alone]
    assert len(server.received) == 1


def test_a_record_that_cannot_be_put_aside_comes_again(aside: Aside, server: Server):
    server.decide = lambda _: Reply(403, b"<Error/>")
    poison = record(2)
    fail_first(aside, 2)
    assert aside.deliver([record(1), poison], failing(2), NOW) == [poison]


def test_a_batch_on_which_the_function_breaks_is_halved_until_the_record_is_alone(aside: Aside, server: Server):
    aside.deliver([record(1)], failing(), NOW)
    with pytest.raises(RuntimeError):
        aside.deliver([record(2), record(3)], boom, NOW)
    with pytest.raises(RuntimeError):
        aside.deliver([record(3)], boom, NOW)
    assert server.received == []
    aside.deliver([record(1)], failing(), NOW + PATIENCE)
    assert aside.deliver([record(3)], boom, NOW + PATIENCE) == []
    assert len(server.received) == 1


def test_a_record_that_is_put_aside_again_gets_a_key_of_its_own(aside: Aside, server: Server):
    """So a replay that fails is not deleted with the object that was replayed."""
    fail_first(aside, 2)
    for seconds in range(2):
        aside.deliver([record(1), record(2)], failing(2), NOW + timedelta(seconds=seconds))
    assert len({got.path for got in server.received}) == 2


def test_no_records_are_no_success(aside: Aside):
    assert aside.deliver([], boom, NOW) == []
    assert aside.succeeded == []


def test_the_answer_names_the_records_that_come_again():
    assert failures([record(7)]) == {"batchItemFailures": [{"itemIdentifier": "7"}]}
