"""The generated contracts: they are those of the code, and a part that stands in one place only is named."""

from typing import Literal, get_args

import pytest

from infra.contracts.__main__ import files
from infra.contracts.examples import Undescribed
from infra.contracts.pages import _message, members
from stays.domain.notification import Message, Notification
from stays.edge.frames import FromBrowser, ToBrowser


def test_every_generated_file_is_the_one_that_make_contracts_writes():
    for path, text in files().items():
        assert path.read_text(encoding="utf-8") == text, f"make contracts writes {path.name} anew"


def test_a_union_of_messages_has_each_kind_once_and_names_its_channel():
    kinds = [model.model_fields["type"].default for model in [*members(FromBrowser), *members(ToBrowser)]]
    assert len(kinds) == len(set(kinds)) == 10
    assert all(model.channel for model in get_args(get_args(Notification)[0]))


def test_a_message_without_a_docstring_is_named():
    class Whisper(Message):
        type: Literal["WHISPER"] = "WHISPER"

    with pytest.raises(Undescribed, match="Whisper: the docstring is missing"):
        _message(Whisper, "serialization")
