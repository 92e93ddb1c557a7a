"""What a mail about a stay or an award says, from its present state."""

from datetime import timedelta

import pytest

from stays.domain.award import AwardStatus
from stays.domain.booking import cancel
from stays.domain.mail import Profile, StayMail, new_mail
from stays.domain.manual import give_back
from stays.domain.owed_mail import award_mails
from stays.domain.payment import Fulfilment, PaymentSession, Reason, Refund
from stays.edge.mail.composing import Letterhead, award_content, languages, stay_content
from tests.samples import NOW, POLICY, STAY, after, booked, cancelled, offer, pending, refunding, win

PAGES = {name: f"/{name}/{{{name_of}}}" for name, name_of in {"win": "auctionId", "offer": "offerId"}.items()} | {
    name: f"/{name}/{{stayId}}" for name in ("payment", "booking", "host")
}
LETTERHEAD = Letterhead("https://stays.example", PAGES, POLICY, NOW)
PROFILE = Profile(user_id="auth0|an", name="An N", language="en", updated_at=NOW)
LATE = NOW + timedelta(days=8)
REFUND = Refund(amount=900_000, status=Fulfilment.REFUNDED, refunded_at=NOW)
REFUNDED = refunding().but(fulfilment=Fulfilment.REFUNDED)
BY_HAND = REFUNDED.but(refund=REFUND.but(code=-32))


def content(kind: StayMail, session: PaymentSession, **changes: object) -> dict[str, object]:
    """What is set in the content of a mail."""
    award = win(**changes)
    made = stay_content(new_mail(STAY, kind, NOW).but(to="a@x.test"), session, award, PROFILE, LETTERHEAD)
    return vars(made)


@pytest.mark.parametrize(
    ("kind", "session", "said"),
    [
        ("cancellation", cancelled(), {"refund_amount": 900_000, "percent": 100, "why": Reason.CANCELLED_BY_TRAVELLER}),
        ("cancellation", after(cancel(booked(), POLICY, LATE)), {"refund_amount": 0, "percent": 0}),
        (
            "cancellation",
            after(give_back(booked(), 5, 900_000, NOW, end_booking=True)),
            {"refund_amount": 5, "percent": None, "why": Reason.CANCELLED_BY_OPERATOR},
        ),
        ("refunded", REFUNDED.but(refund=REFUND.but(code=1)), {"refund_amount": 900_000, "by_hand": False}),
        ("refunded", REFUNDED.but(refund=REFUND), {"by_hand": False, "refunded_at": NOW}),
        ("refunded", BY_HAND, {"by_hand": True}),
        ("refund", refunding(), {"by_hand": False, "refunded_at": None, "why": Reason.NIGHTS_TAKEN}),
        ("failed", pending(), {"deadline": NOW + timedelta(days=1), "link": f"https://stays.example/payment/{STAY}"}),
        ("host_confirmation", booked(), {"amount": None, "name": "An N", "link": f"https://stays.example/host/{STAY}"}),
        ("confirmation", booked(), {"name": "An", "paid_at": NOW, "terms": POLICY, "address": None}),
    ],
)
def test_a_mail_says_what_its_kind_needs(kind: StayMail, session: PaymentSession, said: dict[str, object]) -> None:
    found = content(kind, session)
    assert {name: found[name] for name in said} == said


def test_a_failed_payment_has_no_deadline_once_the_award_is_over() -> None:
    assert content("failed", pending(), status=AwardStatus.EXPIRED)["deadline"] is None


@pytest.mark.parametrize(
    ("award", "link"), [(win(), "https://stays.example/win/1001"), (offer(), "https://stays.example/offer/offer-7")]
)
def test_a_mail_about_an_award_leads_to_its_page(award: object, link: str) -> None:
    mail = award_mails(award, NOW)[0]  # type: ignore[arg-type]
    made = award_content(mail, award, PROFILE, LETTERHEAD)  # type: ignore[arg-type]
    assert (made.link, made.amount, made.deadline) == (link, 900_000, NOW + timedelta(days=1))
    assert (made.about, made.reference, made.languages) == (mail.about, None, ("en",))


def test_without_a_profile_the_mail_speaks_both_languages() -> None:
    assert languages(None) == ("vi", "en")
