"""The generated contracts: they are those of the code, and a part that stands in one place only is named."""

from typing import Literal, get_args

import pytest
from jsonschema_rs import Draft202012Validator

from infra.contracts import asyncapi
from infra.contracts.__main__ import files
from infra.contracts.examples import Undescribed
from infra.contracts.messages import CODES, members, type_of
from infra.contracts.pages import _message
from stays.domain.announcement import ANNOUNCEMENTS
from stays.domain.auction import EVENTS
from stays.domain.notification import Message, Notification
from stays.edge.frames import ErrorCode, FromBrowser, ToBrowser


def test_every_generated_file_is_the_one_that_make_contracts_writes():
    for path, text in files().items():
        assert path.read_text(encoding="utf-8") == text, f"make contracts writes {path.name} anew"


def test_a_union_of_messages_has_each_kind_once_and_names_its_channel():
    kinds = [type_of(model) for model in [*members(FromBrowser), *members(ToBrowser)]]
    assert len(kinds) == len(set(kinds)) == 10
    assert all(model.channel for model in get_args(get_args(Notification)[0]))
    assert CODES.keys() == set(get_args(ErrorCode))


def test_a_message_without_a_docstring_is_named():
    class Whisper(Message):
        type: Literal["WHISPER"] = "WHISPER"

    with pytest.raises(Undescribed, match="Whisper: the docstring is missing"):
        _message(Whisper, "serialization")


def test_each_message_and_event_is_described_in_one_direction_with_an_example_that_fits():
    document = asyncapi.document()
    components = document["components"]
    for name, message in components["messages"].items():
        (sample,) = message["examples"]
        for part in sample.keys() - {"name"}:
            whole = message[part] | {"components": components}
            found = [
                error.message for error in Draft202012Validator(whole, validate_formats=True).iter_errors(sample[part])
            ]
            assert found == [], (name, part)
    ways = {"receive": set[str](), "send": set[str]()}
    for each in document["operations"].values():
        ways[each["action"]] |= names(each["messages"])
        ways["send"] |= names(each.get("reply", {}).get("messages", []))
    taken = {type_of(model) for model in members(FromBrowser)} | EVENTS.keys()
    sent = {type_of(model) for model in members(ToBrowser)} | ANNOUNCEMENTS.keys()
    assert ways == {"receive": taken, "send": sent}
    assert components["messages"].keys() == taken | sent


def names(references: list[dict[str, str]]) -> set[str]:
    return {each["$ref"].rpartition("/")[2] for each in references}


def test_the_asyncapi_document_says_how_a_user_is_proven_which_errors_there_are_and_in_what_order_messages_come():
    said = asyncapi.document()["info"]["description"]
    assert all(
        word in said for word in ("`bound` (default)", "`TOKEN_EXPIRED`", "never describes an older", "one `eventId`")
    )
    assert "](" not in said, "a link of a page leads nowhere from here"
    with pytest.raises(Undescribed, match=r"docs/messages.md: the section `Lore` is missing"):
        asyncapi._section("messages.md", "Lore")
