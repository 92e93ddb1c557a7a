"""The errors that a caller can get, with the codes of the contract.

StaysError            code, message, details; the HTTP edge knows the status of each code
├── Invalid           the request can never work (VALIDATION_ERROR, INVALID_AMOUNT)
├── NotFound          unknown, or another user's: the same answer for both
├── Refused           the request cannot work in this state (INVALID_AUCTION_STATE, OFFER_EXPIRED, …)
└── Busy              another write is in the way, or there are too many requests: try again in a moment (RATE_LIMIT)
"""

from typing import Any


class StaysError(Exception):
    """An answer for the caller: a code of the contract, a sentence, and details that are safe to show.

    Unknown details are absent, never null.
    """

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = {name: value for name, value in details.items() if value is not None}


class Invalid(StaysError):
    """The request itself is wrong."""

    @classmethod
    def field(cls, name: str, message: str) -> "Invalid":
        """One field is wrong, with the reason."""
        return cls("VALIDATION_ERROR", "The request is not valid.", fields=[{"field": name, "message": message}])


class NotFound(StaysError):
    """Unknown, or another user's. The caller cannot tell the two apart."""

    def __init__(self) -> None:
        super().__init__("NOT_FOUND", "There is nothing here.")


class Refused(StaysError):
    """The request is valid, but the present state does not allow it."""


class Busy(StaysError):
    """Another write was in the way. This attempt wrote nothing; the next one may succeed."""

    def __init__(self) -> None:
        super().__init__("RATE_LIMIT", "Much is going on here; please try again in a moment.", retryAfter=1)
