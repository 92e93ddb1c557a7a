"""The defects in defects.diff: each one removes a defence of the product, and the fault tests must catch it.

Each entry gives the consequence, the first technique of the search, and the old and new texts. An old text must occur
in the product exactly once. Otherwise reading fails, so that the table cannot become outdated unnoticed.
"""

from pathlib import Path
from typing import NamedTuple

_FILE = Path(__file__).with_name("defects.diff")


class Change(NamedTuple):
    """One text in one file, and its replacement."""

    file: str
    old: str
    new: str


class Defect(NamedTuple):
    """The consequence in words, the first technique of the search, and the changes."""

    what: str
    technique: str
    changes: tuple[Change, ...]


def _change(block: str) -> Change:
    file, *lines = block.splitlines()
    old, new = ("\n".join(line[1:] for line in lines if line.startswith(sign)) for sign in "-+")
    return Change(file, old, new)


def _defect(block: str) -> Defect:
    head, *changes = block.split("\nin: ")
    what, technique = head.split("\nfound by: ")
    return Defect(what, technique, tuple(map(_change, changes)))


def read(text: str) -> tuple[Defect, ...]:
    """Return all entries of a table."""
    return tuple(_defect(block.strip("\n")) for block in f"\n{text}".split("\n# ")[1:])


DEFECTS = read(_FILE.read_text(encoding="utf-8"))
