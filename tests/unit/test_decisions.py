"""Each decision is one file of the same form, and the index of docs/decisions lists each once."""

import re
from collections import Counter
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "decisions"
FILES = sorted(path for path in FOLDER.iterdir() if path.name != "README.md")
NUMBERS = {path.name[:4] for path in FILES}
INDEX = (FOLDER / "README.md").read_text(encoding="utf-8")
ENTRY = re.compile(r"^- \[(\d{4})\]\((.+?)\) (.+?)( \(superseded\))?$", re.MULTILINE)
LINK = re.compile(r"\[(\d{4})\]\((.+?)\)")
SHAPE = re.compile(
    r"# (?P<title>[^\n]+)\n\n"
    r"Date: \d{4}-\d{2}-\d{2} · Status: (?P<status>accepted|superseded by (?P<by>\d{4}))\n\n"
    r"## Context\n\n(?P<context>\S.*?)\n\n"
    r"## Decision\n\n(?P<decision>\S.*?)\n\n"
    r"## Cost\n\n(?P<cost>\S.*?)\n",
    re.DOTALL,
)


def read(path: Path) -> re.Match[str]:
    found = SHAPE.fullmatch(path.read_text(encoding="utf-8"))
    assert found, "title, date and status, then Context, Decision and Cost"
    return found


def test_the_numbers_begin_with_one_and_leave_none_out() -> None:
    assert all(re.fullmatch(r"\d{4}(-[a-z0-9]+)+\.md", path.name) for path in FILES)
    assert [path.name[:4] for path in FILES] == [f"{number:04}" for number in range(1, len(FILES) + 1)]


def test_the_index_names_every_file_once_and_no_other() -> None:
    named = Counter(name for _, name, _, _ in ENTRY.findall(INDEX))
    assert named == Counter(path.name for path in FILES)
    assert len(ENTRY.findall(INDEX)) == INDEX.count("\n- ")


def test_the_index_has_the_number_the_title_and_the_status_of_each_file() -> None:
    for number, name, title, superseded in ENTRY.findall(INDEX):
        found = read(FOLDER / name)
        assert (number, title, bool(superseded)) == (name[:4], found["title"], found["by"] is not None)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[:4])
def test_a_decision_has_a_date_a_status_and_its_three_sections(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"^#+ (.+)", text, re.MULTILINE) == [read(path)["title"], "Context", "Decision", "Cost"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[:4])
def test_a_decision_that_another_names_is_there(path: Path) -> None:
    by = read(path)["by"]
    assert by is None or by in NUMBERS - {path.name[:4]}
    for number, name in LINK.findall(path.read_text(encoding="utf-8")):
        assert name[:4] == number
        assert (FOLDER / name).is_file()
