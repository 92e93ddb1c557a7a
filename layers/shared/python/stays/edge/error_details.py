"""The errors that clients get: the meaning of each code, and its details. No function imports this module.

`stays.edge.http.STATUS` has the status of each code.
"""

from datetime import date
from typing import Annotated, NamedTuple

from pydantic import Field

from stays.domain.booking import BookingStatus
from stays.domain.payment import Reason, Status
from stays.domain.values import Model, StayId, Timestamp


class WrongField(Model):
    """A field of the request that is missing or wrong."""

    field: Annotated[str, Field(description="The name of the field, with the position in a list: `selectedNights.3`.")]
    message: Annotated[str, Field(description="The reason, in English.")]


class WrongFields(Model):
    """All fields that are wrong."""

    fields: tuple[WrongField, ...]


class NoDetails(Model):
    """No details."""


class Price(Model):
    """The price that was expected."""

    expected_amount: Annotated[int, Field(description="The price of the nights in đồng.")]


class AllowedMethods(Model):
    """The methods that the path has."""

    allowed: tuple[str, ...]


class AuctionState(Model):
    """The state that does not allow the request. Only the fields that apply are present."""

    session_id: Annotated[StayId | None, Field(description="The session that is paid, or whose order is open.")] = None
    expires_at: Annotated[Timestamp | None, Field(description="The end of the open order.")] = None
    deadline: Annotated[Timestamp | None, Field(description="The end of the time to pay for the award.")] = None
    nights: Annotated[tuple[date, ...] | None, Field(description="Nights that another user has.")] = None
    check_out: Annotated[date | None, Field(description="The end of the stay that is over.")] = None
    status: Annotated[BookingStatus | None, Field(description="The status of a booking that is not confirmed.")] = None


class OpenOrder(Model):
    """The order whose money is on its way."""

    session_id: StayId
    expires_at: Timestamp


class Deadline(Model):
    """The time that is over."""

    deadline: Timestamp


class UnpaidSession(Model):
    """The state of the session that made no booking."""

    status: Status
    reason: Reason | None = None


class UnconfirmedBooking(Model):
    """The state of the booking that is not confirmed."""

    status: BookingStatus


class Limit(Model):
    """The limit that was passed."""

    limit: Annotated[int, Field(description="The largest body in bytes.")]


class Wait(Model):
    """The time to wait."""

    retry_after: Annotated[int, Field(description="Seconds until the next attempt can succeed.")]


class FailedOrder(Model):
    """The session whose order could not be made, if one was opened."""

    session_id: StayId | None = None


class Meaning(NamedTuple):
    """What a code says, in a sentence, and the model of its details."""

    sentence: str
    details: type[Model]


ERRORS = {
    "VALIDATION_ERROR": Meaning("The request is not valid: `details.fields` names each wrong field.", WrongFields),
    "INVALID_AMOUNT": Meaning("The amount is not the price of the nights.", Price),
    "INVALID_TRANSACTION_ID": Meaning("This is not a transaction id.", WrongFields),
    "AUTH_REQUIRED": Meaning("The call names no user: sign in first.", NoDetails),
    "INSUFFICIENT_PERMISSIONS": Meaning("The call did not come by the API's own name.", NoDetails),
    "NOT_FOUND": Meaning("It does not exist, or it is another user's.", NoDetails),
    "METHOD_NOT_ALLOWED": Meaning("The path does not have this method.", AllowedMethods),
    "INVALID_AUCTION_STATE": Meaning(
        "The present state does not allow it: paid already, over, taken, or a payment is under way.", AuctionState
    ),
    "PAYMENT_PROCESSING": Meaning("Money is on its way for this order: wait for its end.", OpenOrder),
    "OFFER_EXPIRED": Meaning("The time to pay for this offer is over.", Deadline),
    "BOOKING_CREATION_FAILED": Meaning("The session is not paid, so it makes no booking.", UnpaidSession),
    "CALENDAR_UPDATE_FAILED": Meaning("The booking is not confirmed.", UnconfirmedBooking),
    "EMAIL_SENDING_FAILED": Meaning("The booking is not confirmed, so no mail is sent.", UnconfirmedBooking),
    "PAYLOAD_TOO_LARGE": Meaning("The body is too large.", Limit),
    "RATE_LIMIT": Meaning("There are too many requests, or another write is in the way: try again later.", Wait),
    "INTERNAL_ERROR": Meaning("Something went wrong on our side: try again.", NoDetails),
    "PAYMENT_CREATION_FAILED": Meaning("ZaloPay made no order: try again.", FailedOrder),
}
