"""What can go wrong, in the words of the contract.

StaysError            code, message, details; the HTTP edge knows the status of each code
├── Invalid           the request can never work (VALIDATION_ERROR, INVALID_AMOUNT)
├── NotFound          unknown, or somebody else's: the same answer
├── Refused           not now, not in this state (INVALID_AUCTION_STATE, OFFER_EXPIRED, …)
└── Busy              others write the same thing, or too much is asked: the same works in a moment (RATE_LIMIT)
"""

from typing import Any


class StaysError(Exception):
    """An answer for the caller: a code of the contract, a sentence, and details that are safe to show.

    A detail that is not known is absent, never null.
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
        """One field is wrong, and this is why."""
        return cls("VALIDATION_ERROR", "The request is not valid.", fields=[{"field": name, "message": message}])


class NotFound(StaysError):
    """Unknown or not the caller's: nobody can tell which."""

    def __init__(self) -> None:
        super().__init__("NOT_FOUND", "There is nothing here.")


class Refused(StaysError):
    """The request is fine, the state of things is not."""


class Busy(StaysError):
    """Others are at it, too: nothing was written by this attempt, and the next one may do it."""

    def __init__(self) -> None:
        super().__init__("RATE_LIMIT", "Much is going on here; please try again in a moment.", retryAfter=1)
