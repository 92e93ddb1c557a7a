"""The operator's tool accepts every command that a document names."""

import re
import shlex
from pathlib import Path

import pytest

from infra.operator.__main__ import TAKES, parser
from infra.operator.commands import Commands

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile", *(ROOT / "docs").glob("*.md")]
NAMED = re.compile(r'make operator ARGS="([^"]*)"|python -m infra\.operator (--[^`\n]*)')
STANDS_FOR = {"$STAGE": "prod", "TIME": "2026-11-24T08:00:00Z", "NIGHT": "2026-12-24", "AMOUNT": "500000"}


def commands() -> list[str]:
    found = [one or other for path in DOCUMENTS for one, other in NAMED.findall(path.read_text(encoding="utf-8"))]
    return sorted(set(found))


def words(command: str) -> list[str]:
    return [STANDS_FOR.get(word, word) for word in shlex.split(command)]


@pytest.mark.parametrize("command", commands())
def test_a_command_that_a_document_names_can_be_typed(command: str) -> None:
    chosen = parser().parse_args(words(command))
    wanted = TAKES.get(chosen.command, ("name",))
    assert all(hasattr(chosen, each) for each in wanted)
    assert chosen.yes is ("--yes" in command)


def test_every_command_is_written_down_and_every_one_is_there() -> None:
    named = {parser().parse_args(words(command)).command for command in commands()}
    (choices,) = [each.choices for each in parser()._actions if each.dest == "command"]
    assert named == set(choices or ())
    assert all(callable(getattr(Commands, each.replace("-", "_"))) for each in named)


@pytest.mark.parametrize("typed", ["--local --yes --as an end X", "--local end X --yes --as an"])
def test_what_holds_for_every_command_stands_before_it_or_behind(typed: str) -> None:
    chosen = parser().parse_args(typed.split())
    assert (chosen.command, chosen.yes, chosen.by, chosen.personal) == ("end", True, "an", False)


def test_nothing_is_done_without_a_yes() -> None:
    chosen = parser().parse_args(["--local", "refund", "X"])
    assert (chosen.yes, chosen.end_booking, chosen.amount) == (False, False, None)


@pytest.mark.parametrize(
    "typed",
    [
        "--local refund",
        "end",
        "find X 1",
        "messages --since now",
        "--local settle-stray",
        "--local refund X --amount a",
    ],
)
def test_half_a_command_is_refused(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(typed.split())
    assert "usage" in capsys.readouterr().err
