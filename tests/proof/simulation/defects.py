"""Defences taken out, one at a time: defects.diff, a table of changes to the product's text that the net has to catch.

Each entry says what is wrong then, where the hunt begins, and which text becomes which. A text that does not stand in
the product exactly once is an error, so the table cannot go stale in silence.
"""

from pathlib import Path
from typing import NamedTuple

_FILE = Path(__file__).with_name("defects.diff")


class Change(NamedTuple):
    """One text in one file, and what stands there instead."""

    file: str
    old: str
    new: str


class Defect(NamedTuple):
    """What is wrong now, in words; where the hunt begins; and the changes that make it so."""

    what: str
    scent: str
    changes: tuple[Change, ...]


def _change(block: str) -> Change:
    file, *lines = block.splitlines()
    old, new = ("\n".join(line[1:] for line in lines if line.startswith(sign)) for sign in "-+")
    return Change(file, old, new)


def _defect(block: str) -> Defect:
    head, *changes = block.split("\nin: ")
    what, scent = head.split("\nscent: ")
    return Defect(what, scent, tuple(map(_change, changes)))


def read(text: str) -> tuple[Defect, ...]:
    """All entries of a table."""
    return tuple(_defect(block.strip("\n")) for block in f"\n{text}".split("\n# ")[1:])


DEFECTS = read(_FILE.read_text(encoding="utf-8"))
