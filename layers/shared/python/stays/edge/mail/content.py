"""The text of a mail about a stay, in Vietnamese and English. Pure, except that it reads the words from a file."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from stays.domain.calendar import runs
from stays.domain.mail import Language, MailKind
from stays.domain.values import on_one_line

TEMPLATES = Path(__file__).with_name("templates")

# Mail programs turn these into links: `://`, `www.`, a dot before two letters, `1.2.3.4`. Other full stops count as
# dots, because browsers read them as dots.
_DOT = "[.\u2024\u3002\ufe52\uff0e\uff61]"
_LINKING = re.compile(
    rf"[:\uff1a](?=[/\\]{{2}})|\bwww{_DOT}|{_DOT}(?=[^\W\d_][^\s.,;:)])|\b\d+{_DOT}(?=\d+{_DOT}\d+{_DOT}\d)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class MailContent:
    """The content of one mail and its recipient. Amounts are in đồng; the nights may have gaps.

    With a `refund_amount` of 0, a cancellation says that there is no refund; with None it does not mention one. Another
    `attempt` is the same mail with another Message-ID.
    """

    kind: MailKind
    to: str
    stay_id: str
    reference: str
    property_name: str
    check_in: date
    check_out: date
    nights: tuple[date, ...]
    guest_count: int
    amount: int
    link: str
    name: str | None = None
    city: str | None = None
    languages: tuple[Language, ...] = ("vi", "en")
    refund_amount: int | None = None
    transaction_id: str | None = None
    attempt: int = 1


class Section(NamedTuple):
    """A mail in one language: its own values, and the language's words for the rest."""

    language: Language
    words: dict[str, Any]
    greeting: str
    lead: str
    rows: Sequence[tuple[str, str]]
    notes: Sequence[str]


def in_lines(content: MailContent) -> MailContent:
    """The mail without line ends, invisible characters, direction marks and broken encoding.

    No name becomes a link: a property's name gets spaces, and a user's name with a link is left out.
    """
    texts = {name: on_one_line(value) for name, value in vars(content).items() if isinstance(value, str)}
    for name in texts.keys() & {"property_name", "city"}:
        texts[name] = _LINKING.sub(r"\g<0> ", texts[name])
    if _LINKING.search(texts.get("name", "")):
        texts["name"] = ""
    return replace(content, **texts)  # type: ignore[arg-type]  # names and types are the model's own


def section(content: MailContent, language: Language) -> Section:
    """The mail in one language."""
    words = _words()[language]
    words = {**words, **words[content.kind]}
    greeting = words["greeting"] if content.name else words["greeting_without_name"]
    return Section(
        language=language,
        words=words,
        greeting=greeting.format(name=content.name),
        lead=words["lead"].format(property=content.property_name),
        rows=list(_rows(content, words)),
        notes=list(_notes(content, words)),
    )


def in_all(sections: Sequence[Section], word: str) -> str:
    """One word in all languages of a mail."""
    return " / ".join(each.words[word] for each in sections)


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads((TEMPLATES / "words.toml").read_text(encoding="utf-8"))


def _rows(content: MailContent, words: dict[str, Any]) -> Iterator[tuple[str, str]]:
    labels = words["labels"]
    yield (labels["reference"], content.reference)
    yield (labels["property"], location(content))
    yield from _stay(content, words)
    yield (labels["guests"], str(content.guest_count))
    yield (labels["paid" if content.transaction_id else "total"], _money(content.amount, words))
    if content.refund_amount:
        yield (labels["refund"], _money(content.refund_amount, words))
    if content.transaction_id:
        yield (labels["transaction"], content.transaction_id)


def _stay(content: MailContent, words: dict[str, Any]) -> Iterator[tuple[str, str]]:
    labels = words["labels"]
    parts = runs(content.nights)
    if len(parts) == 1:
        yield (labels["check_in"], _day(content.check_in, words))
        yield (labels["check_out"], _day(content.check_out, words))
    else:
        for number, (start, end) in enumerate(parts, 1):
            yield (labels["part"].format(number=number), f"{_day(start, words)} → {_day(end, words)}")
    yield (labels["nights"], str(len(content.nights)))


def _notes(content: MailContent, words: dict[str, Any]) -> Iterator[str]:
    parts = len(runs(content.nights))
    if parts > 1:
        yield " ".join([words["apart"].format(count=parts), words.get("between", "")]).strip()
    if content.refund_amount or content.kind == "refund":
        yield words["refund_way"]
    elif content.refund_amount == 0 and content.kind == "cancellation":
        yield words["no_refund"]


def location(content: MailContent) -> str:
    """The property, and its city if it is known."""
    return ", ".join(filter(None, (content.property_name, content.city)))


def _day(day: date, words: dict[str, Any]) -> str:
    weekday, month = words["weekdays"][day.weekday()], words["months"][day.month - 1]
    return str(words["date"].format(weekday=weekday, day=day.day, month=month, year=day.year))


def _money(amount: int, words: dict[str, Any]) -> str:
    return str(words["money"].format(amount=f"{amount:,}".replace(",", words["thousands"])))
