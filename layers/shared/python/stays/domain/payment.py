"""Payment sessions: our attempts to be paid, and the states they go through."""

import json
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from stays.domain.award import Quote
from stays.domain.mailing import Language, Profile
from stays.domain.values import LONGEST_EMAIL, LONGEST_NAME, Model, StayId, Timestamp, app_trans_id

PAYMENT_TIME = timedelta(minutes=15)  # how long an order can be paid; the client's screen says the same
HOLD_MARGIN = timedelta(minutes=4)  # nights stay held this much longer, so that no payable order loses them
QUERY_INTERVAL = timedelta(seconds=5)  # at most one question to ZaloPay per session in this time
CHECK_INTERVAL = timedelta(seconds=45)  # so that a session is due at every round of the schedule
SLOWEST_CHECK = timedelta(minutes=15)  # between two questions about an order that is over and not decided
# After an order's end: so long money may be on its way, and so long ZaloPay may be silent. It answers for 48 hours.
MOVING_TIME = timedelta(hours=24)
SILENCE_TIME = timedelta(hours=48)
# After an order's end it is asked about again, as its money may come late and its callback get lost. ZaloPay answers
# for 48 hours (docs.zalopay.vn, order-query).
LATE_CHECKS = tuple(timedelta(hours=hours) for hours in (1 / 6, 1, 6, 24, 40, 47))
MOST_OPENED = 20  # sessions that a user may open in an hour: who opens more is no traveller


class Status(StrEnum):
    """What the provider said."""

    CREATED = "CREATED"
    PENDING = "PENDING"
    PAID = "PAID"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class Fulfilment(StrEnum):
    """What we did about it. NONE after PAID: cancelled by the traveller with nothing to give back."""

    NONE = "NONE"
    BOOKED = "BOOKED"
    REFUND_DUE = "REFUND_DUE"
    REFUNDING = "REFUNDING"
    REFUNDED = "REFUNDED"
    REFUND_MANUAL = "REFUND_MANUAL"
    REVIEW = "REVIEW"


UNFINISHED = frozenset({Status.CREATED, Status.PENDING})
OWING = frozenset({Fulfilment.REFUND_DUE, Fulfilment.REFUNDING})

# From where each state may be entered. The inverse of a move is also its condition in the table.
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
    """Why a payment did not end in a booking, in the client's words where it has one."""

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
    """One row of a sale's terms: so many days before check-in, so many percent of the price go back."""

    days_before: int
    percent: int


Terms = tuple[Term, ...]


def read_terms(text: str) -> Terms:
    """The terms in a setting: `[[7, 100], [3, 50]]`, days before check-in and percent."""
    return tuple(Term(days_before=days, percent=percent) for days, percent in json.loads(text))


def terms_of(sale: Terms | None, stage: Terms) -> Terms:
    """The terms of a sale; those of its stage where an earlier release opened it."""
    return stage if sale is None else sale


class Contact(Model):
    """Where to write to the traveller, as the token said when the payment began."""

    email: Annotated[str, Field(max_length=LONGEST_EMAIL)] | None = None
    name: Annotated[str, Field(max_length=LONGEST_NAME)] | None = None
    language: Language | None = None

    def address(self, profile: Profile | None) -> str | None:
        """Where to write to: as the token said, else as the profile says."""
        return self.email or (profile.email if profile else None)


class Refund(Model):
    """Money on its way back, in đồng. `id` is the `m_refund_id`; `attempt` is there from the second one on.

    The id is stored before ZaloPay is asked. Another attempt follows where ZaloPay refused the one before for good;
    `uncertain` is what those before may have given back. `accepted_at` is when ZaloPay first said that it has taken the
    refund on, `repeated_at` when it was last asked again, since it had heard nothing.
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
    def shown(self) -> "Refund":
        """What its traveller sees of it: not our doubts."""
        return self.but(**_DOUBTS)


class PaymentSession(Model):
    """One attempt to be paid for nights of one award. Its id is also the payment's and the booking's.

    `left` are the nights of the award that this order does not buy; None where an earlier release opened it.
    `given_up_at` is when the function that was making its order stopped, because ZaloPay was silent. `received` and
    `discount` are ZaloPay's own numbers for the money on record. `told_at` is when its owner was first answered that it
    is paid. `unresolved` says that it ended although ZaloPay never said that nobody paid.
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
        """Until when its nights are kept from others: longer while its money is moving."""
        return self.late_after + (SILENCE_TIME if self.processing else timedelta())

    @property
    def client_status(self) -> Status:
        """What the client sees: money under review is undecided, money that bought nothing is a failure."""
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
        """Whether it is booked and its owner has not been answered so yet."""
        return self.fulfilment is Fulfilment.BOOKED and self.told_at is None

    def to_client(self, terms: Terms) -> dict[str, Any]:
        """The `PaymentSession` of the contract; `terms` are those of a sale that has none of its own."""
        known = self.but(refund=self.refund and self.refund.shown)
        shown = known.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=_INTERNAL)
        return {
            **shown,
            "status": self.client_status.value,
            "paymentId": self.id,
            "cancellationPolicy": [term.dump() for term in terms_of(self.cancellation_policy, terms)],
        }

    def to_session_page(self, terms: Terms) -> dict[str, Any]:
        """The same for the page that moves on only by itself: it has to poll until it has heard that it is paid."""
        pending = self.but(status=Status.PENDING, fulfilment=Fulfilment.NONE, **_UNTOLD) if self.is_untold else self
        return pending.to_client(terms)


_DOUBTS = dict.fromkeys(("uncertain", "repeated_at"))
_UNTOLD = dict.fromkeys(("transaction_id", "paid_at", "booked_at"))
_INTERNAL = {
    *("contact", "attempted_at", "queried_at", "due_at", "changed_at", "reserved", "award_id", "processing"),
    *("received", "discount", "unresolved", "left", "told_at", "given_up_at"),
}


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
    """A new session that holds its nights. With `reserve` nobody asks for an order yet: a direct booking."""
    place = quote.award.place
    return PaymentSession(
        id=stay_id,
        auction_id=quote.award.auction_id,
        award_id=quote.award.award_id,
        user_id=user_id,
        property_id=place.id,
        property_name=place.name,
        host_id=place.host_id,
        city=place.city,
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
    """A reserved session whose order is asked for now: its time and the date in its id begin anew."""
    return session.but(
        app_trans_id=app_trans_id(session.id, now),
        attempted_at=now,
        changed_at=now,
        expires_at=now + PAYMENT_TIME,
        due_at=now + CHECK_INTERVAL,
    )


def next_check(session: PaymentSession, now: datetime) -> datetime:
    """When to ask about a live order again: at every round until its end, then ever more rarely, every 15 minutes.

    It is also asked about at the moments when moving money and silence end it.
    """
    usual = now + min(max((now - session.expires_at) / 10, CHECK_INTERVAL), SLOWEST_CHECK)
    ends = (session.expires_at + wait for wait in (MOVING_TIME, SILENCE_TIME))
    return min([usual, *(end for end in ends if end > now)])


def next_late_check(session: PaymentSession, now: datetime) -> datetime | None:
    """When to ask about an order that is over; None if there never was one, or if nobody will know any more."""
    if session.attempted_at is None:
        return None
    return next((at for wait in LATE_CHECKS if (at := session.expires_at + wait) > now), None)
