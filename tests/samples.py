"""Sample awards, sessions and evidence, all at the same time."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from stays.domain.award import WIN, Award, AwardStatus, PricedNight, Property, Quote, Result
from stays.domain.booking import cancel
from stays.domain.decision import Decision, Evidence, Obstacles, Outcome, decide, order_made
from stays.domain.manual import give_back_stray
from stays.domain.owed_mail import stay_mails
from stays.domain.payment import Contact, PaymentSession, open_session, read_terms
from stays.domain.refund import request_refund
from stays.domain.stray import Stray

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)  # ten in the morning in Vietnam
FIRST = date(2026, 12, 1)
NIGHTS = (FIRST, date(2026, 12, 2), date(2026, 12, 3))
STAY = "01KANX8QG00123456789ABCDEF"
OTHER_STAY = "01KANX8QG0FEDCBA9876543210"
TRAVELLER = "auth0|an"
STRANGER = "auth0|binh"
HOST = "auth0|host"
AUCTION = "1001"
TRANSACTION = "261122000000175"
OTHER_TRANSACTION = "261122000000999"
ORDER_URL = "https://sbgateway.zalopay.vn/openinapp?order=e30"
APP_ID = 2553
POLICY = read_terms("[[7, 100], [3, 50], [0, 0]]")
HOUSE = Property(id="501", name="Nhà Gỗ Đà Lạt", host_id=HOST, city="Đà Lạt", max_guests=4)


def priced(*dates: date, price: int = 300_000) -> tuple[PricedNight, ...]:
    return tuple(PricedNight(date=night, price=price) for night in dates)


def win(**changes: Any) -> Award:
    """A full win of three nights, payable for a day."""
    terms = Award(
        award_id=WIN,
        auction_id=AUCTION,
        user_id=TRAVELLER,
        rented_property=HOUSE,
        nights=priced(*NIGHTS),
        guest_count=2,
        deadline=NOW + timedelta(days=1),
        status=AwardStatus.PENDING_PAYMENT,
        received_at=NOW,
        changed_at=NOW,
        due_at=NOW + timedelta(days=1),
        result=Result.FULL_WIN,
        bid_amount=900_000,
    )
    return terms.but(**changes)


def mails(before: PaymentSession, decision: Decision | None) -> list[str]:
    """The kinds of mail that a decision owes."""
    assert decision is not None
    return [mail.mail_kind for mail in stay_mails(before, decision.session, NOW)]


def offer(**changes: Any) -> Award:
    """A second-chance offer of the same nights."""
    chance = {"award_id": "offer-7", "status": AwardStatus.WAITING, "result": None, "bid_amount": 0}
    return win(**(chance | changes))


def quoted(award: Award) -> Quote:
    return Quote(award, tuple(night.date for night in award.nights), award.amount(NOW))


def opened(stay_id: str = STAY, award: Award | None = None, now: datetime = NOW, **changes: Any) -> PaymentSession:
    """A recorded session whose order is being made."""
    award = award or win()
    contact = Contact(email="an@example.com", name="An")
    return open_session(stay_id, quoted(award), award.user_id, contact, now, reserve=False).but(**changes)


def reserved(stay_id: str = STAY, award: Award | None = None, now: datetime = NOW) -> PaymentSession:
    """A reservation without an order."""
    award = award or win()
    return open_session(stay_id, quoted(award), award.user_id, Contact(), now, reserve=True)


def pending(stay_id: str = STAY, award: Award | None = None, now: datetime = NOW) -> PaymentSession:
    """A session whose order can be paid."""
    return after(order_made(opened(stay_id, award, now), ORDER_URL, now))


def money(amount: int = 900_000, transaction_id: str = TRANSACTION) -> Evidence:
    """ZaloPay says that an order is paid."""
    return Evidence(
        source="callback", outcome=Outcome.PAID, transaction_id=transaction_id, amount=amount, paid_at=NOW, raw="{}"
    )


def said(outcome: Outcome, code: int | None = None) -> Evidence:
    """ZaloPay's answer to a query."""
    return Evidence(source="query", outcome=outcome, code=code)


def after(decision: Decision | None) -> PaymentSession:
    """The session after a decision."""
    assert decision is not None
    return decision.session


def booked(stay_id: str = STAY) -> PaymentSession:
    return after(decide(pending(stay_id), money(), NOW))


def under_review() -> PaymentSession:
    return after(decide(pending(), money(amount=1), NOW))


def refund_due() -> PaymentSession:
    return after(decide(pending(), money(), NOW, obstacles=Obstacles(taken=frozenset(NIGHTS[:1]))))


def refunding() -> PaymentSession:
    return after(request_refund(refund_due(), APP_ID, NOW))


def cancelled() -> PaymentSession:
    """Paid, booked, and cancelled in time for a full refund."""
    return after(cancel(booked(), POLICY, NOW))


def stray(**changes: Any) -> Stray:
    """A second transaction for an order that is already paid."""
    kept = Stray(transaction_id=OTHER_TRANSACTION, amount=900_000, stay_id=STAY, received_at=NOW, changed_at=NOW)
    return kept.but(**changes)


def stray_due() -> Stray:
    """The same, with a refund due."""
    return give_back_stray(stray(), NOW).session


def stray_refunding() -> Stray:
    """The same, with a refund that ZaloPay is asked for."""
    return after(request_refund(stray_due(), APP_ID, NOW))
