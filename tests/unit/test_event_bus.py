"""Publishing: the entries sent to EventBridge, and the handling of its answers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from infra.topology import EVENT_SOURCE
from stays.domain.announcement import Announcement, BookingConfirmed, facts
from stays.domain.values import MAXIMUM_NIGHTS
from stays.edge.bus import MOST_ENTRIES, SOURCE, NotTaken, publish
from tests.samples import FIRST, booked, cancelled

THREE = facts(cancelled())
TAKEN, REFUSED = {"EventId": "1"}, {"ErrorCode": "InternalFailure", "ErrorMessage": "not now"}


def eventbridge(**settings: Any) -> Any:
    return boto3.client(
        "events",
        region_name="ap-southeast-1",
        aws_access_key_id="id",
        aws_secret_access_key="key",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=1),
        **settings,
    )


@contextmanager
def answering(*answers: list[dict[str, str]]) -> Iterator[Any]:
    """A client that returns these answers, one for each call."""
    client = eventbridge()
    with Stubber(client) as stub:
        for entries in answers:
            failed = sum("ErrorCode" in each for each in entries)
            stub.add_response("put_events", {"FailedEntryCount": failed, "Entries": entries})
        yield client
        stub.assert_no_pending_responses()


def many(count: int) -> list[Announcement]:
    return [THREE[0].but(event_id=str(number)) for number in range(count)]


def untaken(client: Any, announcements: list[Announcement]) -> tuple[list[str], str]:
    with pytest.raises(NotTaken) as failed:
        publish(client, "stays", announcements)
    return [each.event_id for each in failed.value.announcements], str(failed.value)


def test_an_event_goes_to_the_bus_with_its_source_its_kind_and_its_detail() -> None:
    client = eventbridge()
    detail = THREE[1].dump()
    entry = {
        "EventBusName": "stays-dev",
        "Source": "stays",
        "DetailType": "BookingConfirmed",
        "Detail": json.dumps(detail, ensure_ascii=False),
    }
    with Stubber(client) as stub:
        stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": [TAKEN]}, {"Entries": [entry]})
        publish(client, "stays-dev", [THREE[1]])


def test_the_source_is_the_one_that_the_function_may_publish_as() -> None:
    assert SOURCE == EVENT_SOURCE


def test_without_events_no_call_is_made() -> None:
    with answering() as client:
        publish(client, "stays", [])


def test_ten_go_in_one_call() -> None:
    with answering([TAKEN] * 10, [TAKEN] * 3) as client:
        publish(client, "stays", many(13))


def test_those_that_were_not_taken_are_named_with_the_code() -> None:
    with answering([TAKEN, REFUSED, TAKEN]) as client:
        assert untaken(client, many(3)) == (["1"], "InternalFailure")


def test_after_a_failed_call_no_more_events_are_sent() -> None:
    with answering([REFUSED] + [TAKEN] * 9) as client:
        assert untaken(client, many(12)) == (["0", "10", "11"], "InternalFailure")


def test_a_call_that_is_refused_took_nothing() -> None:
    client = eventbridge()
    with Stubber(client) as stub:
        stub.add_client_error("put_events", "ThrottlingException", "slow down", 400)
        assert untaken(client, many(2)) == (["0", "1"], "ThrottlingException")


def test_a_call_without_an_answer_took_nothing_that_is_known_of() -> None:
    nobody_listens = "http://127.0.0.1:9"  # the discard port
    assert untaken(eventbridge(endpoint_url=nobody_listens), many(2)) == (["0", "1"], "EndpointConnectionError")


def test_ten_of_the_longest_events_fit_into_one_call() -> None:
    nights = tuple(FIRST + timedelta(days=number) for number in range(MAXIMUM_NIGHTS))
    longest = booked().but(nights=nights, user_id="u" * 128, auction_id="a" * 128, property_id="p" * 128)
    (found,) = [each for each in facts(longest) if isinstance(each, BookingConfirmed)]
    assert len(json.dumps(found.dump())) * MOST_ENTRIES < 256 * 1024 / 10
