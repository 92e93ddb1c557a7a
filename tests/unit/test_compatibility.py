"""The comparison of contracts: a planted change that breaks somebody is named, and one that breaks nobody is not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.contracts.compatibility import (
    DOCS,
    FILES,
    RELEASED,
    accepted_changes,
    breaking_changes,
    keep_release,
    load_contracts,
    unaccepted,
)

Documents = dict[str, Any]
Edit = Callable[[Documents], Any]

API, MESSAGES = "openapi.json", "messages.schema.json"


def read(folder: Path) -> Documents:
    return {str(each.relative_to(folder)): json.loads(each.read_text()) for each in files(folder)}


def files(folder: Path) -> list[Path]:
    return [file for pattern in FILES for file in folder.glob(pattern)]


def edited(folder: Path, edit: Edit) -> list[str]:
    """Return the changes that the comparison finds after an edit of the present contracts."""
    documents = read(DOCS)
    documents[API]["components"]["responses"]["ANY"] = ANY_OF_TWO
    edit(documents)
    for name, content in documents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return breaking_changes(load_contracts(DOCS), load_contracts(folder))


def schema(name: str, documents: Documents) -> Any:
    return documents[API]["components"]["schemas"][name]


def operation(route: str, documents: Documents) -> Any:
    method, path = route.split()
    return documents[API]["paths"][path][method.lower()]


def message(name: str, documents: Documents) -> Any:
    return documents[MESSAGES]["$defs"][name]


def event(name: str, documents: Documents) -> Any:
    return documents[f"events/{name}.schema.json"]


CREATE, HEALTH, FEED = "POST /payment/zalopay/create", "GET /health", "POST /properties/{propertyId}/calendar/feed"
CALENDAR = "GET /calendars/{feed}"
DECLINE, STATUS = "POST /auctions/winners/{auctionId}/decline", "GET /payment/zalopay/status/{appTransId}"
ERRORS = [{"$ref": f"#/components/schemas/{name}"} for name in ("InternalError", "NotFoundError")]
ANY_OF_TWO = {"content": {"application/json": {"schema": {"anyOf": ERRORS}}}}
TEXT, PARAMETER = {"type": "string"}, {"name": "mode", "in": "query", "schema": {"type": "string"}}

BREAKING: dict[str, tuple[Edit, str]] = {
    "a field has to be sent": (
        lambda all_: schema("CreateRequest", all_)["required"].append("orderInfo"),
        f"{CREATE} body.orderInfo must be sent now",
    ),
    "a field is not read": (
        lambda all_: schema("CreateRequest", all_)["properties"].pop("orderInfo"),
        f"{CREATE} body.orderInfo is not read any more",
    ),
    "a smaller maximum": (
        lambda all_: schema("CreateRequest", all_)["properties"]["amount"].update(maximum=9),
        f"{CREATE} body.amount maximum 100000000 is not accepted any more",
    ),
    "fewer nights": (
        lambda all_: schema("CreateRequest", all_)["properties"]["selectedNights"].update(minItems=2),
        f"{CREATE} body.selectedNights minItems 1 is not accepted any more",
    ),
    "null is refused": (
        lambda all_: schema("CreateRequest", all_)["properties"]["orderInfo"].update(anyOf=[TEXT]),
        f"{CREATE} body.orderInfo null is not accepted any more",
    ),
    "another form of a path": (
        lambda all_: operation(STATUS, all_)["parameters"][0]["schema"].update(pattern="^[0-9]+$"),
        f"{STATUS} path appTransId pattern ^[0-9]{{6}}_[0-7][0-9A-HJKMNP-TV-Z]{{25}}$ is not accepted any more",
    ),
    "a query has to be sent": (
        lambda all_: operation(HEALTH, all_).update(parameters=[PARAMETER | {"required": True}]),
        f"{HEALTH} query mode is new",
    ),
    "a body has to be sent": (
        lambda all_: operation(DECLINE, all_)["requestBody"].update(required=True),
        f"{DECLINE} body must be sent now",
    ),
    "a token has to be sent": (
        lambda all_: operation(HEALTH, all_).pop("security"),
        f"{HEALTH} token must be sent now",
    ),
    "a route is gone": (lambda all_: all_[API]["paths"].pop("/health"), f"{HEALTH} is gone"),
    "a file of another kind": (
        lambda all_: operation(CALENDAR, all_)["responses"]["200"]["content"].update({"text/plain": {"schema": TEXT}}),
        f"{CALENDAR} 200 text/plain is new",
    ),
    "an answer's field may be missing": (
        lambda all_: schema("FeedAddress", all_).update(required=[]),
        f"{FEED} 200.url may be missing now",
    ),
    "an answer's field is gone": (
        lambda all_: schema("Health", all_)["properties"].pop("version"),
        f"{HEALTH} 200.version is not sent any more",
    ),
    "an answer's field has another type": (
        lambda all_: schema("Health", all_)["properties"].update(version={"type": "integer"}),
        f"{HEALTH} 200.version integer is new",
    ),
    "an answer's field may be null": (
        lambda all_: schema("Health", all_)["properties"].update(version={"anyOf": [TEXT, {"type": "null"}]}),
        f"{HEALTH} 200.version null is new",
    ),
    "an answer has a new value": (
        lambda all_: schema("Health", all_)["properties"].update(status={"enum": ["ok", "tired"]}),
        f'{HEALTH} 200.status "tired" is new',
    ),
    "any text instead of some words": (
        lambda all_: schema("Health", all_)["properties"].update(status=TEXT),
        f"{HEALTH} 200.status string is new",
    ),
    "a new status": (
        lambda all_: operation(HEALTH, all_)["responses"].update({"418": {"description": "tea"}}),
        f"{HEALTH} 418 is new",
    ),
    "a new error": (
        lambda all_: operation(HEALTH, all_)["responses"].update({"500": all_[API]["components"]["responses"]["ANY"]}),
        f'{HEALTH} 500.error.code "NOT_FOUND" is new',
    ),
    "a channel cannot be subscribed": (
        lambda all_: message("Subscribe", all_)["properties"]["channels"]["items"]["enum"].remove("auction_results"),
        'message SUBSCRIBE.channels[] "auction_results" is not accepted any more',
    ),
    "a message has a new state": (
        lambda all_: message("PaymentStatusMessage", all_)["properties"]["status"]["enum"].append("LOST"),
        'message PAYMENT_STATUS.status "LOST" is new',
    ),
    "a message is not sent": (
        lambda all_: all_[MESSAGES]["properties"]["toBrowser"]["oneOf"].pop(0),
        "message PAYMENT_STATUS is gone",
    ),
    "an incoming event needs more": (
        lambda all_: event("AuctionResult", all_)["required"].append("guestCount"),
        "event AuctionResult.guestCount must be sent now",
    ),
    "an outgoing event says less": (
        lambda all_: event("BookingConfirmed", all_)["required"].remove("nights"),
        "event BookingConfirmed.nights may be missing now",
    ),
    "an outgoing event lists other things": (
        lambda all_: event("BookingConfirmed", all_)["properties"]["nights"].update(items=TEXT),
        "event BookingConfirmed.nights[] format of any kind is new",
    ),
}
HARMLESS: dict[str, Edit] = {
    "a field may be sent": lambda all_: schema("CreateRequest", all_)["properties"].update(voucher=TEXT),
    "a field need not be sent": lambda all_: schema("CreateRequest", all_)["required"].remove("amount"),
    "a token need not be sent": lambda all_: operation(CREATE, all_).update(security=[]),
    "a greater maximum": lambda all_: schema("CreateRequest", all_)["properties"]["amount"].update(maximum=10**9),
    "any text is accepted": lambda all_: operation(STATUS, all_)["parameters"][0].update(schema=TEXT),
    "a query may be sent": lambda all_: operation(HEALTH, all_).update(parameters=[PARAMETER]),
    "an answer says more": lambda all_: schema("Health", all_)["properties"].update(since=TEXT),
    "an answer's value is never sent": lambda all_: schema("BookingStatus", all_)["enum"].pop(),
    "an error is never sent": lambda all_: operation(HEALTH, all_)["responses"].pop("500"),
    "an answer's form is known better": lambda all_: schema("Health", all_)["properties"]["version"].update(
        pattern="1"
    ),
    "a route is new": lambda all_: all_[API]["paths"].update({"/new": all_[API]["paths"]["/health"]}),
    "a channel is new": lambda all_: message("Subscribe", all_)["properties"]["channels"]["items"]["enum"].append("x"),
    "an incoming event may say more": lambda all_: event("AuctionResult", all_)["properties"].update(note=TEXT),
    "an event is new": lambda all_: all_.update({"events/New.schema.json": event("BookingConfirmed", all_)}),
}


@pytest.mark.parametrize("what", BREAKING)
def test_a_change_that_breaks_somebody_is_named_by_its_place(what: str, tmp_path: Path):
    edit, expected = BREAKING[what]
    assert edited(tmp_path, edit) == [expected]


@pytest.mark.parametrize("what", HARMLESS)
def test_a_change_that_breaks_nobody_is_not_named(what: str, tmp_path: Path):
    assert edited(tmp_path, HARMLESS[what]) == []


def test_nothing_has_changed_since_the_last_release_but_what_is_accepted_with_a_reason():
    changes = breaking_changes(load_contracts(RELEASED), load_contracts(DOCS))
    accepted = accepted_changes(RELEASED)
    assert unaccepted(changes, accepted) == []
    assert unaccepted([*changes, "event X is gone"], accepted) == ["event X is gone"]
    assert unaccepted([], accepted) == [f"accepted.toml names a change that there is not: {each}" for each in accepted]
    assert all(accepted.values())


def test_the_kept_contracts_are_those_of_the_last_release():
    corpus = Path(__file__).parents[1] / "proof" / "corpus"
    released = max(tuple(map(int, file.name.split(".")[:3])) for file in corpus.glob("*.json.gz"))
    kept = read(RELEASED)
    assert kept[API]["info"]["version"] == ".".join(map(str, released))
    assert kept.keys() <= read(DOCS).keys()


def test_a_release_keeps_its_contracts_and_no_accepted_change(tmp_path: Path):
    (tmp_path / "gone.json").touch()
    keep_release(tmp_path)
    assert read(tmp_path) == read(DOCS)
    assert (accepted_changes(tmp_path), (tmp_path / "gone.json").exists()) == ({}, False)
