"""The operator's access to a deployed stage: the settings of its functions, and its queues."""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from infra.aws.stage import read_context, read_stage
from infra.operator.environment import NotThere, deployed, find_local, local
from infra.topology import RULES, SCHEDULES

STAGE = read_stage("dev", read_context())
SESSION = boto3.Session(region_name=STAGE.region)
BUCKET = "stays-dev-records-123456789012"
VARIABLES = {"STAYS_TABLE": "stays-dev", "ZALOPAY_APP_ID": "2553", "RECORDS_BUCKET": BUCKET}


@pytest.fixture
def account(aws: None) -> None:
    """The parts of a stage that the tools read."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = SESSION.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("function.py", "")
    for name in ("payments", "bookings", "zalopay-callback", "fulfilment"):
        SESSION.client("lambda").create_function(
            FunctionName=f"{STAGE.slug}-{name}",
            Runtime="python3.13",
            Role=role,
            Handler="function.handler",
            Code={"ZipFile": archive.getvalue()},
            Environment={"Variables": VARIABLES | {name.upper(): "told"}},
        )
    for edge in (*(each.function for each in (*RULES, *SCHEDULES)), "stream"):
        SESSION.client("sqs").create_queue(QueueName=f"{STAGE.slug}-{edge}-dead-letters")
    where = {"LocationConstraint": STAGE.region}
    SESSION.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
    SESSION.client("events").create_event_bus(Name=STAGE.slug)


def put(function: str, body: dict[str, object]) -> None:
    sqs = SESSION.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{STAGE.slug}-{function}-dead-letters")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))


def test_the_settings_are_those_of_the_functions(account: None) -> None:
    told = dict.fromkeys(("PAYMENTS", "BOOKINGS", "ZALOPAY-CALLBACK", "FULFILMENT"), "told") | {
        "AWS_DEFAULT_REGION": STAGE.region
    }
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


RECORD = {"eventID": "1", "dynamodb": {"SequenceNumber": "100"}}


def keep(key: str, content: Any) -> None:
    SESSION.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(content).encode())


def test_records_of_the_stream_lie_whole_in_the_bucket_until_they_are_forgotten(account: None) -> None:
    """A function puts one record aside; a mapping gives up a batch, in the shape of Lambda's documentation."""
    keep("aside/notifier/2026-11-27T00.00.00-100-1.json", RECORD)
    arn = f"arn:aws:lambda:{STAGE.region}:123456789012:function:stays-dev-fulfilment:live"
    batch = {"requestContext": {"functionArn": arn}, "payload": json.dumps({"Records": [RECORD, RECORD]})}
    keep("aws/lambda/1b2c/shardId-1/2026/11/27/2026-11-27T00.00.00-3d4e", batch)
    put("stream", {"Event": "s3:TestEvent"})
    letters = deployed(STAGE, SESSION).find_dead_letters()
    assert [(letter.function, letter.body) for letter in letters] == [
        ("notifier", {"Records": [RECORD]}),
        ("fulfilment", {"Records": [RECORD, RECORD]}),
    ]
    for letter in letters:
        letter.delete()
    assert deployed(STAGE, SESSION).find_dead_letters() == []
    sqs = SESSION.client("sqs")
    url = sqs.get_queue_url(QueueName="stays-dev-stream-dead-letters")["QueueUrl"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ({"Payload": {"batchItemFailures": []}}, 0),
        ({"Payload": {"batchItemFailures": [{"itemIdentifier": "100"}]}}, 1),
        ({"Payload": {"errorType": "KeyError"}, "FunctionError": "Unhandled"}, 2),
    ],
)
def test_a_replay_calls_the_functions_alias_and_counts_what_fails(
    account: None, answer: dict[str, Any], left: int
) -> None:
    seen = []

    def invoked(params: Any, **_: Any) -> Any:
        seen.append((params["url_path"], json.loads(params["body"])))
        payload = io.BytesIO(json.dumps(answer["Payload"]).encode())
        return SimpleNamespace(status_code=200), answer | {"Payload": payload}

    SESSION.events.register("before-call.lambda.Invoke", invoked, unique_id="invoked")
    event = {"Records": [RECORD, RECORD]}
    assert deployed(STAGE, SESSION).replay("notifier", event) == left
    SESSION.events.unregister("before-call.lambda.Invoke", unique_id="invoked")
    assert seen == [("/2015-03-31/functions/stays-dev-notifier/invocations", event)]


def test_a_stage_that_is_not_there_is_said_to_be_so(aws: None) -> None:
    with pytest.raises(NotThere, match="dev cannot be read"):
        deployed(STAGE, SESSION)


def test_a_local_run_that_is_not_there_is_said_to_be_so() -> None:
    with pytest.raises(NotThere, match="make run"):
        local("http://127.0.0.1:1")


@pytest.mark.parametrize("text", [None, "{", '{"websocket": "ws://localhost:1"}'])
def test_a_local_run_is_where_it_says_or_at_the_usual_port(tmp_path: Path, text: str | None) -> None:
    running = tmp_path / "running.json"
    if text is not None:
        running.write_text(text)
    assert find_local(running) == "http://localhost:8000"
    running.write_text('{"http": "http://localhost:1234"}')
    assert find_local(running) == "http://localhost:1234"
