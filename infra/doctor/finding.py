"""What the doctor finds."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """UNSEEN: nobody could look, which is neither good nor bad."""

    GOOD = "ok"
    BAD = "wrong"
    UNSEEN = "unseen"


class Finding(NamedTuple):
    """One thing that was looked at; `do` says what to do about it."""

    verdict: Verdict
    what: str
    do: str = ""


def good(what: str) -> Finding:
    """As it should be."""
    return Finding(Verdict.GOOD, what)


def bad(what: str, do: str) -> Finding:
    """Not as it should be."""
    return Finding(Verdict.BAD, what, do)


def unseen(what: str, do: str = "") -> Finding:
    """Could not be looked at."""
    return Finding(Verdict.UNSEEN, what, do)


def report(findings: Iterable[Finding]) -> Iterator[str]:
    """A line for each finding, and one for what to do."""
    for finding in findings:
        yield f"{finding.verdict:>6}  {finding.what}"
        if finding.do:
            yield f"        → {finding.do}"
