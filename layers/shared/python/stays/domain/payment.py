"""Payment sessions: our attempts to be paid, and the states they go through."""

import json
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import accumulate, chain, repeat
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from stays.domain.award import Quote
from stays.domain.mail import Language, Profile
from stays.domain.values import LONGEST_EMAIL, LONGEST_NAME, Model, StayId, Timestamp, app_trans_id

PAYMENT_TIME = timedelta(minutes=15)  # how long an order can be paid; the frontend's page shows the same time
HOLD_MARGIN = timedelta(minutes=4)  # nights stay held this much longer: no payable order may lose them
QUERY_INTERVAL = timedelta(seconds=5)  # at most one question to ZaloPay per session in this time
CHECK_INTERVAL = timedelta(seconds=45)  # shorter than the schedule's interval, so that a session is due at every round
# Between two questions about an order that is over but undecided, once its time for late money is over.
RARER_CHECKS = tuple(timedelta(minutes=minutes) for minutes in (2, 5, 10))
SLOWEST_CHECK = timedelta(minutes=15)  # after those
# Counted from an order's end: money may be moving this long, and ZaloPay may be silent this long. ZaloPay answers
# questions for 48 hours.
MOVING_TIME = timedelta(hours=24)
SILENCE_TIME = timedelta(hours=48)
# After an order's end ZaloPay is asked again at these times: money can come late, and its callback can get lost.
# ZaloPay answers for 48 hours (docs.zalopay.vn, order-query).
LATE_CHECKS = tuple(timedelta(hours=hours) for hours in (1 / 6, 1, 6, 24, 40, 47))
MOST_OPENED = 20  # rate limit: sessions per user and hour


class Status(StrEnum):
    """The order's state by ZaloPay's word."""

    CREATED = "CREATED"
    PENDING = "PENDING"
    PAID = "PAID"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class Fulfilment(StrEnum):
    """Our part: booking or refund. NONE after PAID: the user cancelled and gets nothing back."""

    NONE = "NONE"
    BOOKED = "BOOKED"
    REFUND_DUE = "REFUND_DUE"
    REFUNDING = "REFUNDING"
    REFUNDED = "REFUNDED"
    REFUND_MANUAL = "REFUND_MANUAL"
    REVIEW = "REVIEW"


UNFINISHED = frozenset({Status.CREATED, Status.PENDING})
OWING = frozenset({Fulfilment.REFUND_DUE, Fulfilment.REFUNDING})

# For each state, the states that may lead to it. The table uses the same sets as conditions.
STATUS_SOURCES = {
    Status.PENDING: frozenset({Status.CREATED}),
    Status.PAID: frozenset(Status) - {Status.PAID},
    Status.FAILED: UNFINISHED,
    Status.CANCELLED: UNFINISHED,
    Status.EXPIRED: UNFINISHED,
}
FULFILMENT_SOURCES = {
    Fulfilment.BOOKED: frozenset({Fulfilment.NONE, Fulfilment.REVIEW}),
    Fulfilment.REVIEW: frozenset({Fulfilment.NONE}),
    Fulfilment.NONE: frozenset({Fulfilment.BOOKED}),
    Fulfilment.REFUND_DUE: frozenset(Fulfilment) - {Fulfilment.REFUND_DUE, Fulfilment.REFUNDED},
    Fulfilment.REFUNDING: frozenset({Fulfilment.REFUND_DUE}),
    Fulfilment.REFUNDED: frozenset({Fulfilment.REFUNDING, Fulfilment.REFUND_MANUAL}),
    Fulfilment.REFUND_MANUAL: OWING,
}


class Reason(StrEnum):
    """Why a payment did not end in a booking: the frontend's code, if it has one."""

    CREATION_FAILED = "PAYMENT_CREATION_FAILED"
    EXPIRED = "PAYMENT_EXPIRED"
    CANCELLED = "PAYMENT_CANCELLED"
    NIGHTS_TAKEN = "NIGHTS_TAKEN"
    UNDER_REVIEW = "PAYMENT_UNDER_REVIEW"
    CANCELLED_BY_TRAVELLER = "CANCELLED_BY_TRAVELLER"
    CANCELLED_BY_OPERATOR = "CANCELLED_BY_OPERATOR"
    SUPERSEDED = "SUPERSEDED"
    NIGHTS_PAST = "NIGHTS_PAST"
    ALREADY_PAID = "ALREADY_PAID"
    AWARD_WITHDRAWN = "AWARD_WITHDRAWN"


class Term(Model):
    """One row of a sale's terms: until `days_before` days before check-in, `percent` percent of the price goes back."""

    days_before: int
    percent: int


Terms = tuple[Term, ...]


def read_terms(text: str) -> Terms:
    """The terms in a setting: `[[7, 100], [3, 50]]` means days before check-in and percent."""
    return tuple(Term(days_before=days, percent=percent) for days, percent in json.loads(text))


def terms_of(sale: Terms | None, stage: Terms) -> Terms:
    """The terms of a sale. A sale that an earlier release opened has none, so the terms of its stage count."""
    return stage if sale is None else sale


class Contact(Model):
    """The user's address and name, from the token with which the payment began."""

    email: Annotated[str, Field(max_length=LONGEST_EMAIL)] | None = None
    name: Annotated[str, Field(max_length=LONGEST_NAME)] | None = None
    language: Language | None = None

    def address(self, profile: Profile | None) -> str | None:
        """The e-mail address of the token, or else of the profile."""
        return self.email or (profile.email if profile else None)


class Refund(Model):
    """A refund, in đồng. `id` is the `m_refund_id`. Only the second and later attempts have an `attempt` number.

    The id is stored before ZaloPay is asked. A new attempt follows when ZaloPay finally refused the one before;
    `uncertain` is the amount that earlier attempts may have paid back. `accepted_at` is when ZaloPay first said that it
    accepted the refund. `repeated_at` is when ZaloPay was last asked again, because it did not know the refund.
    """

    amount: int
    attempt: int | None = None
    uncertain: int | None = None
    status: Fulfilment
    id: str | None = None
    requested_at: Timestamp | None = None
    repeated_at: Timestamp | None = None
    accepted_at: Timestamp | None = None
    refunded_at: Timestamp | None = None
    code: int | None = None

    @property
    def shown(self) -> "ShownRefund":
        """The refund as its user sees it, without our doubts."""
        return ShownRefund.model_validate(self)


class ShownRefund(Model):
    """A refund, in đồng. `id` is the `m_refund_id`. Only the second and later attempts have an `attempt` number."""

    model_config = ConfigDict(from_attributes=True)

    amount: int
    attempt: int | None = None
    status: Fulfilment
    id: str | None = None
    requested_at: Timestamp | None = None
    accepted_at: Timestamp | None = None
    refunded_at: Timestamp | None = None
    code: Annotated[int | None, Field(description="ZaloPay's last code about this refund.")] = None


class PaymentSession(Model):
    """One attempt to be paid for nights of one award. Its id is also the payment's and the booking's.

    - `left` are the nights of the award that this order does not buy; None if an earlier release opened the session.
    - `given_up_at` is when the function that made its order stopped, because ZaloPay was silent.
    - `received` and `discount` are ZaloPay's own numbers in đồng for the recorded transaction.
    - `told_at` is when its user was first answered that it is paid, `queried_at` when ZaloPay was last asked. Both
      stand in an item of their own, and are absent unless that was read, too.
    - `unresolved`: the session ended, but ZaloPay never said that it was not paid.
    """

    id: StayId
    auction_id: str
    award_id: str
    user_id: str
    property_id: str
    property_name: str
    host_id: str
    city: str | None = None
    guest_count: int
    nights: tuple[date, ...]
    amount: int
    currency: str = "VND"
    status: Status = Status.CREATED
    fulfilment: Fulfilment = Fulfilment.NONE
    processing: bool = False
    reserved: bool = False
    app_trans_id: str
    order_url: str | None = None
    transaction_id: str | None = None
    received: int | None = None
    discount: int | None = None
    reason: Reason | None = None
    unresolved: Literal["PROCESSING", "SILENCE"] | None = None
    cancellation_policy: Terms | None = None
    left: tuple[date, ...] | None = None
    refund: Refund | None = None
    contact: Contact = Contact()
    created_at: Timestamp
    expires_at: Timestamp
    changed_at: Timestamp
    attempted_at: Timestamp | None = None
    given_up_at: Timestamp | None = None
    queried_at: Timestamp | None = None
    paid_at: Timestamp | None = None
    booked_at: Timestamp | None = None
    cancelled_at: Timestamp | None = None
    told_at: Timestamp | None = None
    due_at: Timestamp | None = None

    @property
    def late_after(self) -> datetime:
        """Money that becomes known after this moment is late."""
        return self.expires_at + HOLD_MARGIN

    @property
    def hold_until(self) -> datetime:
        """Its nights are held until this time: longer while its money is moving."""
        return self.late_after + (SILENCE_TIME if self.processing else timedelta())

    @property
    def client_status(self) -> Status:
        """The status for the client. Money under review: still undecided. Money that booked nothing: failed."""
        if self.fulfilment is Fulfilment.REVIEW:
            return Status.PENDING
        gave_up = self.status is Status.PAID and self.booked_at is None
        return Status.FAILED if gave_up else self.status

    @property
    def is_live(self) -> bool:
        """Whether money can still be expected."""
        return self.status in UNFINISHED

    @property
    def is_untold(self) -> bool:
        """Whether it is booked, but no answer has told its user so."""
        return self.fulfilment is Fulfilment.BOOKED and self.told_at is None

    @property
    def untold(self) -> "PaymentSession":
        """The session as its page reads it: pending until an answer has told its user that it is paid (C24)."""
        pending = {"status": Status.PENDING, "fulfilment": Fulfilment.NONE}
        return self.but(**pending, **_UNTOLD) if self.is_untold else self


_UNTOLD = dict.fromkeys(("transaction_id", "paid_at", "booked_at"))


def open_session(
    stay_id: str,
    quote: Quote,
    user_id: str,
    contact: Contact,
    now: datetime,
    *,
    reserve: bool,
    terms: Terms | None = None,
) -> PaymentSession:
    """A new session that holds its nights. With `reserve` no order is made yet: a direct booking."""
    rented_property = quote.award.rented_property
    return PaymentSession(
        id=stay_id,
        auction_id=quote.award.auction_id,
        award_id=quote.award.award_id,
        user_id=user_id,
        property_id=rented_property.id,
        property_name=rented_property.name,
        host_id=rented_property.host_id,
        city=rented_property.city,
        guest_count=quote.award.guest_count,
        nights=quote.nights,
        amount=quote.amount,
        left=quote.left,
        cancellation_policy=terms,
        reserved=reserve,
        app_trans_id=app_trans_id(stay_id, now),
        contact=contact,
        created_at=now,
        expires_at=now + PAYMENT_TIME,
        changed_at=now,
        attempted_at=None if reserve else now,
        due_at=now + (PAYMENT_TIME if reserve else CHECK_INTERVAL),
    )


def attempt_order(session: PaymentSession, now: datetime) -> PaymentSession:
    """A reserved session whose order is made now. Its time and the date in its `app_trans_id` begin again."""
    return session.but(
        app_trans_id=app_trans_id(session.id, now),
        attempted_at=now,
        changed_at=now,
        expires_at=now + PAYMENT_TIME,
        due_at=now + CHECK_INTERVAL,
    )


def next_check(session: PaymentSession, now: datetime) -> datetime:
    """When to ask about a live order again: at every round until 4 minutes after its end, then ever more rarely.

    The pauses are 2, 5, 10 and then 15 minutes. The moments when moving money or silence ends the session are among
    these times.
    """
    if now < session.late_after:
        return now + CHECK_INTERVAL
    waits = accumulate(chain(RARER_CHECKS, repeat(SLOWEST_CHECK)))
    usual = next(at for wait in waits if (at := session.late_after + wait) > now)
    ends = (session.expires_at + wait for wait in (MOVING_TIME, SILENCE_TIME))
    return min([usual, *(end for end in ends if end > now)])


def next_late_check(session: PaymentSession, now: datetime) -> datetime | None:
    """When to ask about an order that is over. None if there was no order, or if ZaloPay does not answer any more."""
    if session.attempted_at is None:
        return None
    return next((at for wait in LATE_CHECKS if (at := session.expires_at + wait) > now), None)
