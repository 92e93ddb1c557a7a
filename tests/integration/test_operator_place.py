"""Where the operator's tools find a deployed stage: in the settings of its functions, and in its queues."""

import io
import json
import zipfile
from datetime import UTC, datetime

import boto3
import pytest

from infra.operator.place import NotThere, deployed, local
from infra.stage import read_context, read_stage
from infra.topology import CONSUMERS, RULES, SCHEDULES

STAGE = read_stage("dev", read_context())
SESSION = boto3.Session(region_name=STAGE.region)
VARIABLES = {"STAYS_TABLE": "stays-dev", "ZALOPAY_APP_ID": "2553"}


@pytest.fixture
def account(aws: None) -> None:
    """A stage as far as the tools look at it."""
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
    place = deployed(STAGE, SESSION)
    place.letters()
    letters = place.letters()
    assert [(letter.function, letter.body) for letter in letters] == [("awards", event)] * 2
    place.announce(event)
    for letter in letters:
        letter.forget()
    waiting = SESSION.client("sqs").get_queue_attributes(
        QueueUrl=SESSION.client("sqs").get_queue_url(QueueName=f"{STAGE.slug}-awards-dead-letters")["QueueUrl"],
        AttributeNames=["ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessages"],
    )["Attributes"]
    assert set(waiting.values()) == {"0"}


def test_what_goes_back_to_the_bus_keeps_the_time_at_which_it_was_told(account: None) -> None:
    told: list[dict[str, object]] = []

    class Session:
        """The account, with a bus that is listened to."""

        def client(self, service: str) -> object:
            client = SESSION.client(service)
            if service == "events":
                client.meta.events.register(
                    "before-call.eventbridge.PutEvents",
                    lambda params, **_: told.extend(json.loads(params["body"])["Entries"]),
                )
            return client

    event = {"detail-type": "AuctionResult", "source": "auctions", "detail": {}}
    place = deployed(STAGE, Session())  # type: ignore[arg-type]
    place.announce(event | {"time": "2027-03-01T03:00:00Z"})
    place.announce(event)
    assert [entry.get("Time") for entry in told] == [datetime(2027, 3, 1, 3, tzinfo=UTC).timestamp(), None]


def test_records_that_were_given_up_say_from_when_they_are(account: None) -> None:
    put("notifier", {"DDBStreamBatchInfo": {"approximateArrivalOfFirstRecord": "2027-03-01T03:00:00Z"}})
    (letter,) = deployed(STAGE, SESSION).letters()
    assert letter.since == datetime(2027, 3, 1, 2, 59, tzinfo=UTC)


def test_a_stage_that_is_not_there_is_said_to_be_so(aws: None) -> None:
    with pytest.raises(NotThere, match="dev cannot be read"):
        deployed(STAGE, SESSION)


def test_a_local_run_that_is_not_there_is_said_to_be_so() -> None:
    with pytest.raises(NotThere, match="make run"):
        local("http://127.0.0.1:1")
