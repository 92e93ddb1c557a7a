"""Events that are almost the auction system's: kept with the reason, never retried, never applied in part."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from infra.contracts.event_schemas import schema_file
from tests.integration.messages import NIGHTS, auction_result, second_chance
from tests.proof.hostile.attacked import Backend
from tests.proof.hostile.damage import damaged
from tests.proof.hostile.examples import examples
from tests.proof.hostile.requests import fits

KINDS = ("AuctionResult", "SecondChanceOffer", "auctionresult", "", "AuctionResult ", "__class__")
SCHEMAS = {
    kind: Draft202012Validator(json.loads(schema_file(kind).read_text(encoding="utf-8")), validate_formats=True)
    for kind in KINDS[:2]
}


def event(kind: str, detail: Any) -> dict[str, Any]:
    return {"version": "0", "id": "event-1", "detail-type": kind, "source": "auctions", "detail": detail}


def received(backend: Backend, sent: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the answer, and the kinds of the written items."""
    before = items(backend)
    with backend.trial() as system:
        answer = system.invoke("awards", sent)
        written = [item for key, item in items(backend).items() if item != before.get(key)]
        assert system.database.version - backend.before.version == len(written)
        return answer, sorted(item["kind"] for item in written)


def items(backend: Backend) -> dict[tuple[str, str], dict[str, Any]]:
    """Return every item by its key."""
    return {(item["PK"], item["SK"]): item for item in backend.system.database.items()}


@given(st.randoms(use_true_random=False), st.sampled_from(KINDS))
@examples(300)
def test_a_damaged_event_is_believed_as_a_whole_or_kept_as_refused(backend: Backend, random: Random, kind: str):
    night = {"date": NIGHTS[0], "price": 100_000}
    next_ones = [{"userId": f"auth0|{name}", "nights": [night]} for name in ("chi", "dung")]
    event_of = second_chance if kind == "SecondChanceOffer" else auction_result
    whole = event_of(auctionId="9001", runnersUp=next_ones, offerMinutes=60)
    sent = event(kind, damaged({"detail": whole}, random).get("detail", {}))
    answer, written = received(backend, sent)
    if answer["accepted"]:
        told = ["NOTICE"] if "NOTICE" in written else []  # a loss, and what is over, has no mail
        assert written == sorted([*told, "CALENDAR", "AWARD" if kind == "AuctionResult" else "OFFER"])
        assert fits(SCHEMAS[kind], sent["detail"])
    else:
        assert written == ["REFUSED"]
        assert answer["reason"]


@pytest.mark.parametrize("detail", [None, [], "text", 5, {}, {"auctionId": None}], ids=str)
def test_a_detail_that_is_no_event_is_kept_as_refused(backend: Backend, detail: Any):
    assert received(backend, event("AuctionResult", detail))[1] == ["REFUSED"]


def test_an_award_that_stands_already_is_not_changed_by_another_one(backend: Backend):
    """An event of the same revision changes nothing."""
    sent = event("AuctionResult", auction_result(bidAmount=1))
    assert received(backend, sent)[1] == []
