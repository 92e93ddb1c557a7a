"""The doctor's findings."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """UNSEEN means that the check could not run, so the result is neither good nor bad."""

    GOOD = "ok"
    BAD = "wrong"
    UNSEEN = "unseen"


class Finding(NamedTuple):
    """The result of one check; `do` gives the fix. `about` names a check of the release itself, from outside."""

    verdict: Verdict
    what: str
    do: str = ""
    about: str = ""


def good(what: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(Verdict.GOOD, what)


def bad(what: str, do: str) -> Finding:
    """Return a finding with a problem."""
    return Finding(Verdict.BAD, what, do)


def unseen(what: str, do: str = "") -> Finding:
    """Return a finding for a check that could not run."""
    return Finding(Verdict.UNSEEN, what, do)


def on(about: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Name the check of the release that these findings belong to."""
    return (finding._replace(about=about) for finding in findings)


def failing(findings: Sequence[Finding]) -> set[str]:
    """Return the checks of the release that found a problem."""
    return {each.about for each in findings if each.about and each.verdict is Verdict.BAD}


def passing(findings: Sequence[Finding]) -> set[str]:
    """Return the checks of the release that found no problem."""
    return {each.about for each in findings if each.about} - failing(findings)


def report(findings: Iterable[Finding]) -> Iterator[str]:
    """Return a line for each finding, and one for its fix."""
    for finding in findings:
        yield f"{finding.verdict:>6}  {finding.what}"
        if finding.do:
            yield f"        → {finding.do}"
