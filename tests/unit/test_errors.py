"""Errors: the text for the caller, without internal details."""

from stays.domain.errors import Busy, Invalid, NotFound, Refused


def test_an_error_reads_as_its_sentence_and_no_detail_shows_in_it() -> None:
    assert str(Refused("OFFER_EXPIRED", "It is over.", deadline="soon")) == "It is over."
    assert str(NotFound()) == "There is nothing here."


def test_an_error_carries_its_code_and_what_is_known() -> None:
    refused = Refused("OFFER_EXPIRED", "It is over.", deadline="soon", sessionId=None)
    assert (refused.code, refused.message, refused.details) == ("OFFER_EXPIRED", "It is over.", {"deadline": "soon"})
    assert (NotFound().code, NotFound().details) == ("NOT_FOUND", {})
    assert (Busy().code, Busy().details) == ("RATE_LIMIT", {"retryAfter": 1})


def test_a_field_that_is_wrong_is_named_with_the_reason() -> None:
    assert Invalid.field("to", "Too late.").details == {"fields": [{"field": "to", "message": "Too late."}]}
