"""The operator's access to a deployed stage: the settings of its functions, and its queues."""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from infra.aws.stage import read_context, read_stage
from infra.operator.environment import NotThere, deployed, local
from infra.topology import CONSUMERS, RULES, SCHEDULES

STAGE = read_stage("dev", read_context())
SESSION = boto3.Session(region_name=STAGE.region)
VARIABLES = {"STAYS_TABLE": "stays-dev", "ZALOPAY_APP_ID": "2553"}


@pytest.fixture
def account(aws: None) -> None:
    """The parts of a stage that the tools read."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = SESSION.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("function.py", "")
    for name in ("payments", "zalopay-callback", "fulfilment"):
        SESSION.client("lambda").create_function(
            FunctionName=f"{STAGE.slug}-{name}",
            Runtime="python3.13",
            Role=role,
            Handler="function.handler",
            Code={"ZipFile": archive.getvalue()},
            Environment={"Variables": VARIABLES | {name.upper(): "told"}},
        )
    for edge in (*CONSUMERS, *RULES, *SCHEDULES):
        SESSION.client("sqs").create_queue(QueueName=f"{STAGE.slug}-{edge.function}-dead-letters")
    SESSION.client("events").create_event_bus(Name=STAGE.slug)


def put(function: str, body: dict[str, object]) -> None:
    sqs = SESSION.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{STAGE.slug}-{function}-dead-letters")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))


def test_the_settings_are_those_of_the_functions(account: None) -> None:
    told = dict.fromkeys(("PAYMENTS", "ZALOPAY-CALLBACK", "FULFILMENT"), "told") | {"AWS_DEFAULT_REGION": STAGE.region}
    assert deployed(STAGE, SESSION).settings == VARIABLES | told


def test_dead_letters_lie_in_the_queues_until_they_are_forgotten(account: None) -> None:
    event = {"detail-type": "AuctionResult", "source": "auctions", "detail": {"auctionId": "1"}}
    put("awards", event)
    put("awards", {"requestPayload": event, "requestContext": {"condition": "RetriesExhausted"}})
    environment = deployed(STAGE, SESSION)
    environment.find_dead_letters()
    letters = environment.find_dead_letters()
    assert [(letter.function, letter.body) for letter in letters] == [("awards", event)] * 2
    environment.announce(event)
    for letter in letters:
        letter.delete()
    waiting = SESSION.client("sqs").get_queue_attributes(
        QueueUrl=SESSION.client("sqs").get_queue_url(QueueName=f"{STAGE.slug}-awards-dead-letters")["QueueUrl"],
        AttributeNames=["ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessages"],
    )["Attributes"]
    assert set(waiting.values()) == {"0"}


@contextmanager
def put_on_the_bus() -> Iterator[list[Any]]:
    """The events that EventBridge gets."""
    taken: list[Any] = []

    def note(params: Any, **_: Any) -> None:
        taken.extend(json.loads(params["body"])["Entries"])

    SESSION.events.register("before-call.events.PutEvents", note, unique_id="noted")
    yield taken
    SESSION.events.unregister("before-call.events.PutEvents", unique_id="noted")


@pytest.mark.parametrize(
    ("time", "kept"),
    [
        ("2026-11-01T00:00:00Z", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T07:00:00+07:00", datetime(2026, 11, 1, tzinfo=UTC)),
    ],
)
def test_an_event_that_is_announced_again_keeps_the_time_at_which_it_was_first_sent(
    account: None, time: str, kept: datetime
) -> None:
    event = {"detail-type": "AuctionResult", "source": "auctions", "detail": {"auctionId": "1"}}
    with put_on_the_bus() as taken:
        deployed(STAGE, SESSION).announce(event | {"time": time})
    (entry,) = taken
    assert entry.pop("Time") == kept.timestamp()
    assert entry == {
        "Source": "auctions",
        "DetailType": "AuctionResult",
        "Detail": '{"auctionId": "1"}',
        "EventBusName": STAGE.slug,
    }


@pytest.mark.parametrize("more", [{}, {"time": "-"}, {"time": "2999-01-01T00:00:00Z"}])
def test_an_event_whose_time_says_nothing_is_one_of_now(account: None, more: dict[str, str]) -> None:
    event = {"detail-type": "AuctionResult", "source": "auctions", "detail": {}, **more}
    before = datetime.now(UTC).timestamp()
    with put_on_the_bus() as taken:
        deployed(STAGE, SESSION).announce(event)
    assert before - 1 <= taken[0]["Time"] <= datetime.now(UTC).timestamp()


def test_records_that_were_given_up_say_from_when_they_are(account: None) -> None:
    put("notifier", {"DDBStreamBatchInfo": {"approximateArrivalOfFirstRecord": "2027-03-01T03:00:00Z"}})
    (letter,) = deployed(STAGE, SESSION).find_dead_letters()
    assert letter.since == datetime(2027, 3, 1, 2, 59, tzinfo=UTC)


def test_a_stage_that_is_not_there_is_said_to_be_so(aws: None) -> None:
    with pytest.raises(NotThere, match="dev cannot be read"):
        deployed(STAGE, SESSION)


def test_a_local_run_that_is_not_there_is_said_to_be_so() -> None:
    with pytest.raises(NotThere, match="make run"):
        local("http://127.0.0.1:1")
