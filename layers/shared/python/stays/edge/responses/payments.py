"""Answers about payments."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field

from stays.domain.payment import Fulfilment, PaymentSession, Reason, ShownRefund, Status, Terms, terms_of
from stays.domain.values import StayId, Timestamp
from stays.edge.responses import Response
from stays.edge.responses.bookings import ShownTerm

_VERDICTS = {Status.CREATED: "PENDING", Status.EXPIRED: "CANCELLED"}


class Health(Response):
    """The API answers."""

    status: Literal["ok"]
    version: str


class Order(Response):
    """An order that can be paid. The browser goes to `orderUrl`."""

    order_url: Annotated[str, Field(examples=["https://qcgateway.zalopay.vn/openinapp?order=eyJ6cHRyYW5zdG9r"])]
    app_trans_id: str
    amount: int
    session_id: Annotated[StayId, Field(validation_alias="id")]
    payment_id: Annotated[StayId, Field(validation_alias="id")]
    expires_at: Timestamp


class Verdict(Response):
    """The state of a payment. PAID always comes with `transactionId`."""

    status: Literal["PAID", "PENDING", "FAILED", "CANCELLED"]
    transaction_id: str | None = None
    amount: int | None = None
    paid_at: Timestamp | None = None
    reason: Reason | None = None
    refund: ShownRefund | None = None

    @classmethod
    def of(cls, session: PaymentSession) -> Self:
        """The verdict on a session: an order that is being made is pending, and one whose time is over cancelled."""
        status = session.client_status
        return cls(
            status=_VERDICTS.get(status, status.value),
            transaction_id=session.transaction_id,
            amount=session.amount,
            paid_at=session.paid_at,
            reason=session.reason,
            refund=session.refund and session.refund.shown,
        )


class ShownPaymentSession(Response):
    """One attempt to be paid for nights of one award. Its id is also the payment's and the booking's."""

    id: StayId
    payment_id: Annotated[StayId, Field(validation_alias="id")]
    auction_id: str
    user_id: str
    property_id: str
    property_name: str
    host_id: str
    city: str | None = None
    guest_count: int
    nights: tuple[date, ...]
    amount: Annotated[int, Field(description="The price of the nights in đồng.")]
    currency: str
    status: Annotated[Status, Field(validation_alias="client_status")]
    fulfilment: Fulfilment
    app_trans_id: str
    order_url: str | None = None
    transaction_id: Annotated[str | None, Field(description="ZaloPay's id of the money.")] = None
    reason: Reason | None = None
    cancellation_policy: tuple[ShownTerm, ...] | None = None
    refund: ShownRefund | None = None
    created_at: Timestamp
    expires_at: Timestamp
    paid_at: Timestamp | None = None
    booked_at: Timestamp | None = None
    cancelled_at: Timestamp | None = None

    @classmethod
    def of(cls, session: PaymentSession, terms: Terms) -> Self:
        """The session. `terms` count where the sale has none of its own."""
        return cls.model_validate(session.but(cancellation_policy=terms_of(session.cancellation_policy, terms)))
