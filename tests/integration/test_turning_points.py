"""Mail at every turning point: who gets it, in which language, what it says, and why it is not sent."""

import os
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from infra.operator.timeline import timeline_lines
from stays.aws.attributes import to_attributes
from stays.domain.mail import Mail
from tests.integration.messages import BINH, HOST, MAI, NIGHTS, auction_result, order_data, signed
from tests.integration.product import load
from tests.integration.test_fulfilment import sent
from tests.integration.world import World

TEN_IN_THE_MORNING = datetime(2027, 3, 1, 3, tzinfo=UTC)


@pytest.fixture
def told(world: World) -> World:
    """A world in which everyone has a profile, and in which mail about awards goes out."""
    world.keeps_award_mail = True
    for sub, locale in ((MAI, "en"), (BINH, "vi"), (HOST, "en")):
        profile = {"email": f"{sub[6:]}@example.com", "name": sub[6:], "locale": locale}
        world.http("POST", "/users/auth0-sync", profile, sub=sub)
    return world


def subjects(to: str = "mai") -> list[str]:
    """What the mails to a user are about, in their order."""
    return [str(each["Subject"]).partition(":")[0] for each in mails(to)]


def mails(to: str = "mai") -> list[EmailMessage]:
    return [each for each in sent() if f"{to}@example.com" in str(each["To"])]


def text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body
    return str(body.get_content())


def unsent(world: World) -> dict[str, Any]:
    """Why each mail was not sent."""
    return {item["letter"]: item["unsent"] for item in world.mails() if "unsent" in item}


def test_a_win_is_told_with_its_deadline_and_the_page_that_leads_there(told: World):
    told.announce(auction_result(paymentDeadline="2027-03-02T07:30:00Z"))
    told.deliver()
    (message,) = mails()
    assert "Deadline: Tue 2 Mar 2027, 14:30 (Viet\u00a0Nam\u00a0time)" in text(message)
    assert "http://localhost:3000/dashboard/winners?auctionId=1001" in text(message)
    assert "Total: VND 1,200,000" in text(message)


def test_an_offer_is_told_in_the_language_of_the_profile(told: World):
    told.offer(userId=BINH)
    told.deliver()
    (message,) = mails("binh")
    assert "/dashboard/offers?offerId=" in text(message)
    assert subjects("binh") == ["Bạn có cơ hội thứ hai"]


def test_an_award_that_is_lost_or_corrected_tells_once(told: World):
    told.announce(auction_result(result="LOST", awardedNights=[]))
    told.announce(auction_result(paymentDeadline="2027-01-01T00:00:00Z", revision=1))
    told.announce(auction_result(revision=2))
    told.announce(auction_result(revision=3))
    told.deliver()
    assert subjects() == ["You won the auction"]


def test_a_win_that_is_paid_before_its_mail_goes_out_is_only_confirmed(told: World):
    told.announce(auction_result())
    told.buy()
    told.deliver()
    assert subjects() == ["Booking confirmed"]
    assert unsent(told) == {"win": "OVERTAKEN"}


def of_two_hours(world: World) -> None:
    """A win that can be paid for two hours, in the morning. Its first mail is out."""
    begun = datetime.now(UTC)
    world.announce(auction_result(paymentDeadline=(begun + timedelta(hours=2)).isoformat()))
    world.deliver()


def test_a_reminder_comes_once_when_a_quarter_of_the_time_is_left(told: World):
    of_two_hours(told)
    told.after(minutes=89)
    told.deliver()
    assert subjects() == ["You won the auction"]
    told.after(minutes=2)
    told.deliver()
    told.after(minutes=5)
    told.deliver()
    assert subjects() == ["You won the auction", "The deadline is near"]


def test_a_user_can_switch_reminders_off(told: World):
    told.http("POST", "/users/auth0-sync", {"reminders": False})
    of_two_hours(told)
    told.after(minutes=91)
    told.deliver()
    assert unsent(told) == {"reminder": "UNWANTED"}


def test_a_reminder_whose_deadline_has_moved_waits(told: World):
    told.offer(userId=BINH, responseDeadline=(datetime.now(UTC) + timedelta(hours=2)).isoformat())
    told.deliver()
    told.clock.shift(timedelta(minutes=80))
    told.http("POST", "/auctions/offers/1001/accept", {"selectedNights": list(NIGHTS)}, sub=BINH)
    told.after(minutes=11)
    told.deliver()
    assert subjects("binh") == ["Bạn có cơ hội thứ hai"]
    told.after(minutes=80)
    told.deliver()
    assert subjects("binh") == ["Bạn có cơ hội thứ hai", "Sắp hết thời hạn"]


def test_a_reminder_that_was_due_before_the_deadline_moved_waits_too(told: World):
    told.offer(userId=BINH, responseDeadline=(datetime.now(UTC) + timedelta(hours=2)).isoformat())
    told.deliver()
    told.after(minutes=91)
    told.http("POST", "/auctions/offers/1001/accept", {"selectedNights": list(NIGHTS)}, sub=BINH)
    told.deliver()
    assert told.item(letter="reminder")["state"] == "WAITING"
    told.after(minutes=91)
    told.deliver()
    assert subjects("binh") == ["Bạn có cơ hội thứ hai", "Sắp hết thời hạn"]


def test_a_reminder_does_without_an_attempt_that_is_gone(told: World):
    of_two_hours(told)
    made = told.create().body
    session = told.item(kind="SESSION", id=made["sessionId"])
    told.dynamodb.delete_item(TableName="stays", Key=to_attributes({name: session[name] for name in ("PK", "SK")}))
    told.functions["reconciliation"].effects.remind(Mail.model_validate(told.item(letter="win")), datetime.now(UTC))
    assert "reminder" not in [each["letter"] for each in told.mails()]
    told.clock.shift(timedelta(minutes=91))
    told.functions["reconciliation"].effects.remind(Mail.model_validate(told.item(letter="win")), datetime.now(UTC))
    told.deliver()
    assert subjects() == ["You won the auction", "The deadline is near"]


def test_nobody_who_is_paying_is_reminded(told: World):
    of_two_hours(told)
    told.clock.shift(timedelta(minutes=85))
    told.create()
    told.after(minutes=6)
    told.deliver()
    assert subjects() == ["You won the auction"]
    assert told.item(letter="win")["state"] == "SENT"
    assert "dueAt" not in told.item(letter="win")


def test_a_payment_that_ran_out_is_told_with_what_is_still_possible(told: World):
    told.announce(auction_result())
    told.deliver()
    told.create()
    told.after(minutes=17)
    told.deliver()
    assert subjects() == ["You won the auction"]
    told.after(minutes=6)
    told.deliver()
    assert subjects() == ["You won the auction", "Payment not completed"]
    assert "You can pay again. The deadline is" in text(mails()[1])


def test_a_payment_that_failed_is_not_told_once_another_is_open(told: World):
    told.announce(auction_result())
    told.deliver()
    told.create()
    told.after(minutes=17)
    told.create()
    told.after(minutes=6)
    told.deliver()
    assert unsent(told) == {"failed": "OVERTAKEN"}


def test_money_under_review_is_told_with_the_amount_that_came(told: World):
    told.announce(auction_result())
    told.deliver()
    told.call_back(signed(order_data(told.create().body["appTransId"], amount=7)))
    told.deliver()
    assert subjects() == ["You won the auction", "We are checking your payment"]
    assert "Amount received: VND 7" in text(mails()[1])


def test_a_confirmation_says_where_when_and_by_which_terms(told: World):
    place = {"addressLine1": "5 Yersin", "checkInTime": "14:00", "checkOutTime": "11:00"}
    event = auction_result()
    told.announce(event | {"property": event["property"] | place})
    told.buy(name="Mai")
    told.deliver()
    said = text(mails()[0])
    for line in (
        "Address: 5 Yersin, Đà Lạt",
        "Check-in: Sat 20 Mar 2027, from 14:00",
        "Check-out: Tue 23 Mar 2027, by 11:00",
        "Hello Mai,",
    ):
        assert line in said.splitlines()
    assert "100% back if you cancel by the end of Sat 13 Mar 2027" in said
    assert "Paid at: Mon 1 Mar 2027" in said


def test_an_award_that_cannot_be_read_costs_the_confirmation_only_its_details(told: World):
    told.announce(auction_result())
    told.buy()
    award = told.item(kind="AWARD")
    told.dynamodb.put_item(TableName="stays", Item=to_attributes(award | {"nights": "?"}))
    told.deliver()
    assert subjects() == ["Booking confirmed"]


def test_a_mail_about_an_award_that_is_gone_is_not_sent(told: World):
    told.announce(auction_result())
    award = told.item(kind="AWARD")
    told.dynamodb.delete_item(TableName="stays", Key=to_attributes({name: award[name] for name in ("PK", "SK")}))
    told.deliver()
    assert unsent(told) == {"win": "OVERTAKEN"}


def test_the_host_hears_of_a_booking_and_of_its_end_and_of_no_address(told: World):
    told.announce(auction_result())
    made = told.buy(email="secret@example.com", name="Mai Nguyen")
    told.deliver()
    told.http("DELETE", f"/bookings/{made['sessionId']}")
    told.deliver()
    assert subjects("host") == ["New booking", "Guest not coming"]
    for message in mails("host"):
        assert "Nights: 3" in text(message) and "Guests: 2" in text(message)
        assert not any(each in message.as_string() for each in ("secret@example.com", "Mai Nguyen", "VND"))
        assert list(message.iter_attachments()) == []


def test_a_cancellation_says_by_whom_and_by_which_rule_and_then_the_money_arrives(told: World):
    told.announce(auction_result())
    made = told.buy()
    told.deliver()
    told.http("DELETE", f"/bookings/{made['sessionId']}")
    told.deliver()
    for _ in range(3):
        told.after(minutes=2)
        told.deliver()
    assert subjects() == ["Booking confirmed", "Booking cancelled", "Refund completed"]
    assert "You cancelled this booking. Under the cancellation policy, 100% of the price" in text(mails()[1])
    assert "ZaloPay has confirmed the refund." in text(mails()[2])


def test_a_stage_does_not_send_the_mails_that_it_has_switched_off(told: World):
    silent = load("fulfilment", dict(os.environ) | {"MAILS_OFF": '["win"]'})
    told.announce(auction_result())
    due = [each for each in told.records() if each["dynamodb"].get("NewImage", {}).get("state") == {"S": "DUE"}]
    assert silent.handler({"Records": due}, told.context) == {"batchItemFailures": []}
    assert (unsent(told), sent()) == ({"win": "OFF"}, [])


def feedback(kind: str, address: str, tags: dict[str, list[str]], bounce_type: str = "Permanent") -> dict[str, Any]:
    """An event of SES, in its own form."""
    said = {
        "Bounce": {"bounce": {"bounceType": bounce_type, "bouncedRecipients": [{"emailAddress": address}]}},
        "Complaint": {"complaint": {"complainedRecipients": [{"emailAddress": address}]}},
    }
    return {"source": "aws.ses", "detail": {"eventType": kind, "mail": {"tags": tags}, **said[kind]}}


@pytest.mark.parametrize(("kind", "word"), [("Bounce", "BOUNCED"), ("Complaint", "COMPLAINED")])
def test_an_address_from_which_mail_came_back_gets_no_more_for_half_a_year(told: World, kind: str, word: str):
    told.announce(auction_result())
    made = told.buy()
    told.deliver()
    tags = {"stay": [made["sessionId"]], "letter": ["confirmation"]}
    assert told.functions["fulfilment"].handler(feedback(kind, "MAI@example.com", tags), told.context) == {}
    assert told.item(letter="confirmation")["cameBack"] == word
    told.http("DELETE", f"/bookings/{made['sessionId']}")
    told.deliver()
    assert unsent(told)["cancellation"] == "SUPPRESSED"
    shown = "\n".join(timeline_lines(told.items(PK=f"STAY#{made['sessionId']}")))
    assert f"mail confirmation: SENT, {word} since" in shown
    assert "mail cancellation: UNDELIVERABLE, SUPPRESSED since" in shown
    assert "mai" not in repr(told.items("connections", why=word))
    told.clock.shift(timedelta(days=181))
    told.announce(auction_result(auctionId="1002", nights=["2027-12-01"]))
    told.deliver()
    assert subjects() == ["Booking confirmed", "You won the auction"]


def test_who_says_that_a_mail_is_no_spam_does_not_complain(told: World):
    event = feedback("Complaint", "mai@example.com", {})
    event["detail"]["complaint"]["complaintFeedbackType"] = "not-spam"
    assert told.functions["fulfilment"].handler(event, told.context) == {}
    assert told.items("connections") == []


def test_ses_names_an_international_domain_in_its_own_spelling(told: World):
    suppressions, now = told.functions["fulfilment"].suppressions, datetime.now(UTC)
    for ours, theirs in (("mai@münchen.de", "Mai@xn--mnchen-3ya.de"), ("mai@-.de", "mai@-.DE")):
        suppressions.suppress(theirs, "BOUNCED", now)
        assert suppressions.is_suppressed(ours, now)


def test_a_stay_keeps_no_address_of_its_host(told: World):
    told.announce(auction_result())
    told.http("POST", "/users/auth0-sync", {"email": "lan@example.com"}, sub="auth0|host-lan")
    told.buy()
    told.deliver()
    kept = told.item(letter="host_confirmation")
    assert (kept["state"], {"to", "messageId"} & set(kept)) == ("SENT", set())


def test_a_full_mailbox_stops_no_mail_and_an_award_shows_nothing(told: World):
    fulfilment = told.functions["fulfilment"]
    fulfilment.handler(feedback("Bounce", "mai@example.com", {}, "Transient"), told.context)
    fulfilment.handler(feedback("Bounce", "binh@example.com", {"letter": ["win"]}), told.context)
    told.announce(auction_result())
    told.announce(auction_result(auctionId="1002", userId=BINH, nights=["2027-12-01"]))
    told.deliver()
    assert (subjects(), subjects("binh")) == (["You won the auction"], [])
