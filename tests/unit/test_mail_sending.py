"""Sending a mail: the call to SES, and the handling of its answers."""

import socket
import traceback
from email import message_from_string
from email.policy import SMTP
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from moto import mock_aws

from stays.edge.mail import MailUnavailable, MailUnsure, send

TAGS = {"letter": "refund"}
SENDER = "Stays <bookings@stays.example>"
MESSAGE = message_from_string(
    f"From: {SENDER}\nTo: Lan <lan@example.test>\nSubject: Booking confirmed\n\nHello Lan\n", policy=SMTP
)


def ses(**settings: Any) -> Any:
    return boto3.client(
        "sesv2",
        region_name="ap-southeast-1",
        aws_access_key_id="id",
        aws_secret_access_key="key",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=1),
        **settings,
    )


@mock_aws
def test_a_sent_mail_has_an_id() -> None:
    client = ses()
    client.create_email_identity(EmailIdentity="bookings@stays.example")
    assert send(client, MESSAGE, SENDER, tags=TAGS)


@mock_aws
def test_a_sender_whom_ses_does_not_know_is_our_trouble() -> None:
    with pytest.raises(MailUnavailable, match="MessageRejected"):
        send(ses(), MESSAGE, SENDER, tags=TAGS)


def test_ses_is_given_the_finished_mail_its_recipient_and_the_sender_in_ascii() -> None:
    client = ses()
    expected = {
        "FromEmailAddress": "bookings@stays.example",
        "Destination": {"ToAddresses": ["lan@example.test"]},
        "Content": {"Raw": {"Data": MESSAGE.as_bytes()}},
        "EmailTags": [{"Name": "letter", "Value": "refund"}],
    }
    with Stubber(client) as stub:
        stub.add_response("send_email", {"MessageId": "0100"}, expected)
        stub.add_response("send_email", {"MessageId": "0101"}, expected | {"ConfigurationSetName": "stays-dev"})
        sender = "Kỳ nghỉ <bookings@stays.example>"
        assert send(client, MESSAGE, sender, tags=TAGS) == "0100"
        assert send(client, MESSAGE, sender, tags=TAGS, configuration="stays-dev") == "0101"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("MessageRejected", 400),
        ("BadRequestException", 400),
        ("NotFoundException", 404),
        ("TooManyRequestsException", 429),
        ("LimitExceededException", 400),
        ("SendingPausedException", 400),
        ("AccountSuspendedException", 400),
        ("MailFromDomainNotVerifiedException", 400),
        ("AccessDeniedException", 403),
        ("InternalFailure", 500),
    ],
)
def test_no_error_of_ses_is_for_good_and_its_text_goes_no_further(code: str, status: int) -> None:
    client = ses()
    stub = Stubber(client)
    stub.add_client_error("send_email", code, "Address rejected: lan@example.test", status)
    with stub, pytest.raises(MailUnavailable) as failed:
        send(client, MESSAGE, SENDER, tags=TAGS)
    assert str(failed.value) == code
    assert "lan@" not in "".join(traceback.format_exception(failed.value))


def test_an_answer_that_does_not_come_leaves_open_whether_it_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(MailUnsure, match="ReadTimeoutError"):
            send(ses(endpoint_url=url), MESSAGE, SENDER, tags=TAGS)


def test_silence_is_a_passing_fault() -> None:
    nobody_listens = "http://127.0.0.1:9"  # the discard port
    with pytest.raises(MailUnavailable, match="EndpointConnectionError"):
        send(ses(endpoint_url=nobody_listens), MESSAGE, SENDER, tags=TAGS)
