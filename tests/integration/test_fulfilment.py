"""The effects of a decision: one mail to the user, one thread with the host, each claimed before it is done."""

import email.policy
import json
import re
import time
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.parser import Parser
from threading import Barrier
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from icalendar import Calendar
from moto.ses.models import ses_backends

from tests.conftest import client_of
from tests.integration.messages import BINH, auction_result
from tests.integration.product import Context, Failures, before, failing, fault, listening, load
from tests.integration.world import World

THROTTLED = ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "slow down"}}, "SendEmail")


def sent() -> list[EmailMessage]:
    """All sent mails."""
    parser = Parser(policy=email.policy.default)
    return [parser.parsestr(each.raw_data) for each in ses_backends["123456789012"]["ap-southeast-1"].sent_messages]


def calendar(message: EmailMessage) -> Calendar:
    (attached,) = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("booking.ics", "text/calendar")
    return Calendar.from_ical(attached.get_payload(decode=True))


def mail_of(world: World, kind: str = "confirmation") -> dict[str, Any]:
    return world.item(letter=kind)


def ses_down(world: World) -> AbstractContextManager[Failures]:
    fulfilment = world.functions["fulfilment"]
    return failing(fulfilment.ses, "SendEmail", THROTTLED)


def booked(world: World, **claims: Any) -> dict[str, Any]:
    """A paid stay of a user with these claims. The stream is not delivered yet."""
    world.announce(auction_result())
    made = world.buy(**claims)
    return world.session(made["sessionId"])


def test_a_booking_is_confirmed_by_mail_with_a_calendar_file(world: World):
    paid = world.paid()
    assert world.deliver()["fulfilment"] == []
    (message,) = sent()
    assert (message["To"], message["From"]) == ("Mai <mai@example.com>", "Stays <booking@stays.example>")
    assert "Nhà Trên Đồi" in message["Subject"]
    (event,) = calendar(message).walk("VEVENT")
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (date(2027, 3, 20), date(2027, 3, 23))
    assert calendar(message)["METHOD"] == "PUBLISH"
    text = message.get_body(("plain",)).get_content()
    assert f"/dashboard/payment/confirmation?sessionId={paid['id']}" in text
    assert paid["transactionId"] in text
    assert (mail_of(world)["state"], mail_of(world)["attempts"], "dueAt" in mail_of(world)) == ("SENT", 1, False)


def test_where_the_language_is_unknown_the_mail_speaks_vietnamese_and_english(world: World):
    world.paid()
    world.deliver()
    text = sent()[0].get_body(("plain",)).get_content()
    assert "1.200.000" in text
    assert "1,200,000" in text


def test_records_that_come_again_send_nothing_again(world: World):
    world.paid()
    records = world.records()
    for _ in range(3):
        assert world.deliver(records)["fulfilment"] == []
        assert world.deliver()["fulfilment"] == []
    assert len(sent()) == 1
    assert len(world.items(kind="THREAD")) == 1


def test_the_thread_with_the_host_is_there_before_anybody_asks(world: World):
    paid = world.paid()
    world.deliver()
    assert world.item(kind="THREAD")["threadId"] == paid["id"]
    assert world.http("POST", f"/bookings/{paid['id']}/conversation", {}).body == {"threadId": paid["id"]}


def test_a_profile_stands_in_where_the_token_says_nothing(world: World):
    world.http("POST", "/users/auth0-sync", {"email": "profile@example.com", "name": "Mai P", "locale": "en"})
    booked(world)
    world.deliver()
    (message,) = sent()
    assert message["To"] == "Mai P <profile@example.com>"
    assert "1.200.000" not in message.get_body(("plain",)).get_content()


def test_the_token_counts_more_than_the_profile(world: World):
    world.http("POST", "/users/auth0-sync", {"email": "profile@example.com", "locale": "vi"})
    booked(world, email="token@example.com")
    world.deliver()
    (message,) = sent()
    assert message["To"] == "token@example.com"
    assert "1,200,000" not in message.get_body(("plain",)).get_content()


def test_the_tokens_locale_chooses_the_language_where_there_is_no_profile(world: World):
    booked(world, email="token@example.com", locale="en-GB")
    world.deliver()
    (message,) = sent()
    text = message.get_body(("plain",)).get_content()
    assert ("1,200,000" in text, "1.200.000" in text) == (True, False)


@pytest.mark.parametrize(
    ("claims", "counted"),
    [
        ({}, "MailWithoutAddress"),
        ({"email": "not an address"}, "MailFailed"),
        ({"email": "mãi@example.com"}, "MailFailed"),
    ],
)
def test_without_a_usable_address_the_mail_is_undeliverable_and_the_booking_stands(
    world: World, claims: dict, counted: str, capsys: pytest.CaptureFixture[str]
):
    paid = booked(world, **claims)
    assert world.deliver()["fulfilment"] == []
    of_the_host = "MailWithoutAddress"
    assert set(re.findall(r'"(Mail\w+)":\[', capsys.readouterr().out)) == {counted, of_the_host}
    assert (sent(), mail_of(world)["state"]) == ([], "UNDELIVERABLE")
    assert world.http("GET", f"/payment/{paid['id']}/booking").body["status"] == "CONFIRMED"
    assert len(world.items(kind="THREAD")) == 1
    assert world.after(days=1) == {"due": 0, "attended": 0}


def test_an_international_domain_is_written_to_in_punycode(world: World):
    booked(world, email="mai@bücher.example")
    world.deliver()
    (message,) = ses_backends["123456789012"]["ap-southeast-1"].sent_messages
    assert ({*message.destinations}, mail_of(world)["state"]) == ({"mai@xn--bcher-kva.example"}, "SENT")


def test_a_sender_whom_ses_does_not_know_costs_no_mail(world: World, caplog: pytest.LogCaptureFixture):
    world.mail.delete_email_identity(EmailIdentity="stays.example")
    world.paid()
    assert world.deliver()["fulfilment"] == []
    assert (mail_of(world)["state"], sent()) == ("WAITING", [])
    assert [vars(line)["error"] for line in caplog.records if line.message == "mail not sent"] == ["MessageRejected"]
    world.mail.create_email_identity(EmailIdentity="stays.example")
    world.after(minutes=2)
    world.deliver()
    assert (mail_of(world)["state"], len(sent())) == ("SENT", 1)


def test_a_mail_that_could_not_be_sent_now_is_sent_later(world: World):
    world.paid()
    with ses_down(world):
        assert world.deliver()["fulfilment"] == []
    assert (mail_of(world)["state"], mail_of(world)["attempts"], sent()) == ("WAITING", 1, [])
    world.after(seconds=30)
    assert world.deliver()["fulfilment"] == []
    assert sent() == []
    world.after(minutes=2)
    world.deliver()
    assert (mail_of(world)["state"], mail_of(world)["attempts"], len(sent())) == ("SENT", 2, 1)


def test_a_mail_that_ses_does_not_take_is_tried_for_48_hours_and_somebody_hears_of_it_all_the_time(
    world: World, capsys: pytest.CaptureFixture[str]
):
    world.paid()
    late = []
    with ses_down(world):
        while "dueAt" in mail_of(world):
            world.deliver()
            world.after(minutes=31)
            late += re.findall(r'"Overdue":\[(.)', capsys.readouterr().out)
    assert late == ["1"] * 93
    assert (mail_of(world)["state"], mail_of(world)["attempts"]) == ("WAITING", 93)
    assert world.after(days=1) == {"due": 0, "attended": 0}
    world.http("POST", f"/bookings/{mail_of(world)['stayId']}/send-confirmation", {})
    world.deliver()
    assert (mail_of(world)["state"], len(sent())) == ("SENT", 1)


def test_a_mail_whose_sending_died_is_sent_once_more_when_it_is_due(world: World):
    paid = world.paid()
    effects, now = world.functions["fulfilment"].effects, datetime.now(UTC)
    _, mail = effects.load_mail(paid["id"], "confirmation")
    assert effects.claim(mail, now)
    world.deliver()
    world.after(seconds=50)
    world.deliver()
    assert (mail_of(world)["state"], sent()) == ("SENDING", [])
    world.after(seconds=20)
    world.deliver()
    assert (mail_of(world)["state"], len(sent())) == ("SENT", 1)


def test_a_mail_that_was_claimed_late_is_left_alone_for_ten_minutes(world: World):
    paid = world.paid()
    world.records()
    world.after(seconds=30)
    effects = world.functions["fulfilment"].effects
    _, mail = effects.load_mail(paid["id"], "confirmation")
    assert effects.claim(mail, datetime.now(UTC))
    world.after(minutes=9)
    world.deliver()
    assert (mail_of(world)["state"], sent()) == ("SENDING", [])
    world.after(minutes=2)
    world.deliver()
    assert (mail_of(world)["state"], len(sent())) == ("SENT", 1)


def test_a_mail_whose_sending_died_twice_is_given_up_and_somebody_hears_of_it(
    world: World, capsys: pytest.CaptureFixture[str]
):
    paid = world.paid()
    effects = world.functions["fulfilment"].effects
    for _ in range(2):
        _, mail = effects.load_mail(paid["id"], "confirmation")
        assert effects.claim(mail, datetime.now(UTC))
        assert "MailFailed" not in capsys.readouterr().out
        world.after(minutes=11)
    assert (mail_of(world)["state"], sent()) == ("UNDELIVERABLE", [])
    assert "MailFailed" in capsys.readouterr().out


@pytest.mark.parametrize("code", ["InternalServerError", "ThrottlingException", "TransactionConflictException"])
@pytest.mark.parametrize("operation", ["BatchGetItem", "GetItem", "PutItem"])
def test_whatever_fails_before_a_mail_is_claimed_costs_it_no_attempt(world: World, operation: str, code: str):
    world.paid()
    records = world.records()
    with failing(world.functions["fulfilment"], operation, fault(code)):
        assert world.deliver(records)["fulfilment"] != []
    assert (mail_of(world)["state"], mail_of(world)["attempts"], sent()) == ("DUE", 0, [])
    assert world.deliver(records)["fulfilment"] == []
    assert len(sent()) == 1


def mails_of_a_batch(world: World) -> list[dict[str, Any]]:
    """Three records of the same mail."""
    (mail,) = [each for each in world.records() if each["dynamodb"]["NewImage"].get("kind") == {"S": "MAIL"}]
    return [mail | {"dynamodb": mail["dynamodb"] | {"SequenceNumber": str(number)}} for number in range(3)]


def test_a_mail_of_a_stay_that_is_gone_holds_up_nobody(world: World):
    paid = world.paid()
    records = world.records()
    for item in world.items(PK=f"STAY#{paid['id']}"):
        client_of("dynamodb").delete_item(TableName="stays", Key={k: {"S": item[k]} for k in ("PK", "SK")})
    assert world.deliver(records)["fulfilment"] == []
    assert sent() == []


@pytest.mark.parametrize("times", [1, 2])
def test_failing_mails_hold_up_no_other(world: World, times: int):
    world.paid()
    batch = mails_of_a_batch(world)
    with failing(world.functions["fulfilment"], "BatchGetItem", fault(), times=times):
        assert len(world.deliver(batch)["fulfilment"]) == times
    assert len(sent()) == 1


def test_a_record_that_fails_for_ten_minutes_is_put_aside_and_counted(world: World, capsys: pytest.CaptureFixture[str]):
    s3 = client_of("s3")
    s3.create_bucket(Bucket="records", CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    world.paid()
    batch = mails_of_a_batch(world)
    with failing(world.functions["fulfilment"], "BatchGetItem", fault()):
        assert world.deliver(batch)["fulfilment"] == ["0", "1", "2"]
    world.clock.shift(timedelta(minutes=11))
    with failing(world.functions["fulfilment"], "BatchGetItem", fault(), times=1):
        assert world.deliver(batch)["fulfilment"] == []
    (kept,) = s3.list_objects_v2(Bucket="records")["Contents"]
    assert kept["Key"].startswith("aside/fulfilment/")
    assert json.loads(s3.get_object(Bucket="records", Key=kept["Key"])["Body"].read()) in batch
    assert '"RecordsPutAside":[1.0]' in capsys.readouterr().out


def test_a_mail_that_the_stream_did_not_bring_is_brought_by_the_clock(world: World):
    world.paid()
    world.records()
    world.after(minutes=2)
    records = world.records()
    brought = {record["dynamodb"]["NewImage"]["letter"]["S"] for record in records}
    assert brought == {"confirmation", "host_confirmation"}
    world.deliver(records)
    assert (mail_of(world)["state"], len(sent())) == ("SENT", 1)


def test_only_one_of_two_can_claim_a_mail(world: World):
    paid = world.paid()
    effects, now = world.functions["fulfilment"].effects, datetime.now(UTC)
    _, mail = effects.load_mail(paid["id"], "confirmation")
    assert effects.claim(mail, now)
    assert effects.claim(mail, now) is None


def test_a_mail_is_sent_only_by_the_first_function_that_claims_it(world: World):
    paid = world.paid()
    fulfilment = world.functions["fulfilment"]
    _, mail = fulfilment.effects.load_mail(paid["id"], "confirmation")
    with before(fulfilment, "GetItem", lambda: fulfilment.effects.claim(mail, datetime.now(UTC))):
        assert world.deliver()["fulfilment"] == []
    assert (mail_of(world)["state"], sent()) == ("SENDING", [])


def test_a_booking_cancelled_before_its_mail_gets_only_the_cancellation(world: World):
    paid = world.paid()
    world.http("DELETE", f"/bookings/{paid['id']}")
    assert world.deliver()["fulfilment"] == []
    (message,) = sent()
    assert calendar(message)["METHOD"] == "CANCEL"
    assert {item["letter"]: item["state"] for item in world.mails()} == {
        "confirmation": "UNDELIVERABLE",
        "cancellation": "SENT",
        "host_confirmation": "UNDELIVERABLE",
        "host_cancellation": "UNDELIVERABLE",
    }
    assert {item["letter"]: item.get("unsent") for item in world.mails()} == {
        "confirmation": "OVERTAKEN",
        "cancellation": None,
        "host_confirmation": "OVERTAKEN",
        "host_cancellation": "NO_ADDRESS",
    }


def test_money_that_bought_nothing_is_explained_by_a_mail(world: World):
    world.announce(auction_result())
    made = world.create(email="mai@example.com").body
    world.after(minutes=17)
    world.announce(auction_result(userId=BINH, auctionId="1002"))
    world.create(sub=BINH, auction_id="1002")
    world.zalopay.pay(made["appTransId"], late=True)
    world.deliver()
    (message,) = sent()
    assert message["To"] == "mai@example.com"
    assert list(message.iter_attachments()) == []
    assert mail_of(world, "refund")["state"] == "SENT"


def test_a_mail_asked_for_again_is_another_one_with_another_id(world: World):
    paid = world.paid()
    world.deliver()
    world.clock.shift(timedelta(minutes=2))
    world.http("POST", f"/bookings/{paid['id']}/send-confirmation", {})
    world.deliver()
    assert len(sent()) == 2
    assert mail_of(world)["state"] == "SENT"


def test_a_booking_writes_to_one_new_address_a_day_however_often_a_profile_changes(world: World):
    def ask(profile: str) -> int:
        world.clock.shift(timedelta(minutes=2))
        world.http("POST", "/users/auth0-sync", {"email": profile})
        reply = world.http("POST", f"/bookings/{paid['id']}/send-confirmation", {})
        world.http("POST", "/users/auth0-sync", {"email": "changed@in.time"})
        world.deliver()
        return reply.status

    world.http("POST", "/users/auth0-sync", {"email": "an@example.com"})
    paid = booked(world)
    world.deliver()
    assert [ask(profile) for profile in ("b@x.test", "c@x.test", "b@x.test", "an@example.com")] == [200, 429, 200, 429]
    world.clock.shift(timedelta(days=1))
    assert ask("c@x.test") == 200
    assert [message["To"] for message in sent()] == ["an@example.com", "b@x.test", "b@x.test", "c@x.test"]


def test_a_database_that_fails_brings_the_record_again_and_those_after_it(world: World):
    world.paid()
    records = world.records()
    with failing(world.functions["fulfilment"], "BatchGetItem", fault()):
        failed = world.deliver(records)["fulfilment"]
    due = [each for each in records if each["dynamodb"].get("NewImage", {}).get("state") == {"S": "DUE"}]
    assert (failed, sent()) == ([each["dynamodb"]["SequenceNumber"] for each in due[-len(failed) :]], [])
    assert world.deliver(records)["fulfilment"] == []
    assert len(sent()) == 1


def test_a_stay_with_gaps_has_an_event_for_each_run_of_nights(world: World):
    world.announce(auction_result(nights=["2027-03-20", "2027-03-22", "2027-03-23"], result="PARTIAL_WIN"))
    world.buy(["2027-03-20", "2027-03-22", "2027-03-23"], email="mai@example.com")
    world.deliver()
    found = sorted((each["DTSTART"].dt, each["DTEND"].dt) for each in calendar(sent()[0]).walk("VEVENT"))
    assert found == [(date(2027, 3, 20), date(2027, 3, 21)), (date(2027, 3, 22), date(2027, 3, 24))]


def test_a_mail_of_which_nobody_knows_whether_it_went_out_is_sent_once_more_after_ten_minutes(world: World):
    world.paid()
    fulfilment = world.functions["fulfilment"]
    with failing(fulfilment.ses, "SendEmail", ReadTimeoutError(endpoint_url="ses")):
        assert world.deliver()["fulfilment"] == []
    assert (mail_of(world)["state"], mail_of(world)["attempts"]) == ("SENDING", 1)
    world.after(minutes=11)
    world.deliver()
    assert (mail_of(world)["state"], mail_of(world)["attempts"], len(sent())) == ("SENT", 2, 1)


# Many mails at once


def owed(world: World, times: int) -> list[dict[str, Any]]:
    """The records of mails that are due, of as many stays."""
    nights = [f"2027-05-0{number + 1}" for number in range(times)]
    for app_trans_id in world.apart(*nights):
        world.zalopay.pay(app_trans_id)
    world.http("POST", "/users/auth0-sync", {"email": "mai@example.com"})
    return [each for each in world.records() if each["dynamodb"]["NewImage"].get("kind") == {"S": "MAIL"}]


def test_the_mails_of_a_batch_go_out_in_parallel(world: World):
    records, together = owed(world, 3), Barrier(3, timeout=5)

    def meet(*_: Any) -> None:
        together.wait()

    with listening(world.functions["fulfilment"].ses, meet):
        assert world.deliver(records)["fulfilment"] == []
    assert len(sent()) == 3


def test_mails_keep_to_their_rate_and_those_without_time_come_with_the_next_invocation(world: World):
    slow = load("fulfilment", {"MAILS_PER_SECOND": "2"})
    records = owed(world, 3)
    world.functions = {**world.functions, "fulfilment": slow}
    world.context = Context(milliseconds=round(1000 * slow.LONGEST) + 700)
    began = time.monotonic()
    (late,) = world.deliver(records)["fulfilment"]
    assert 0.5 <= time.monotonic() - began
    assert len(sent()) == 2
    waiting = [each for each in records if each["dynamodb"]["SequenceNumber"] == late]
    assert sorted(item["state"] for item in world.mails(letter="confirmation")) == ["DUE", "SENT", "SENT"]
    assert world.deliver(waiting)["fulfilment"] == []
    assert len(sent()) == 3
    slow.ses.close()
