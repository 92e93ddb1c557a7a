"""The text of a mail about a stay, in Vietnamese and English. Pure, except that it reads the words from a file."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from stays.domain.calendar import runs
from stays.domain.mail import Language, MailKind
from stays.domain.payment import Terms
from stays.domain.values import VIETNAM, on_one_line, today

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

    What is None is not mentioned. With a `refund_amount` of 0, a cancellation says that there is no refund. Another
    `attempt` is the same mail with another Message-ID; `about` is the stay's id, or a text that stands for the award.

    - `received` is the amount under review.
    - `terms` are the sale's, and `percent` is what they gave back.
    - `why` is the stored reason of an end.
    - `deadline` is when a payment can begin at the latest. For a payment that failed, None means that it is over.
    - `by_hand`: the refund did not go through ZaloPay.
    """

    kind: MailKind
    to: str
    about: str
    property_name: str
    check_in: date
    check_out: date
    nights: tuple[date, ...]
    guest_count: int
    link: str
    reference: str | None = None
    amount: int | None = None
    name: str | None = None
    city: str | None = None
    address: str | None = None
    check_in_time: str | None = None
    check_out_time: str | None = None
    languages: tuple[Language, ...] = ("vi", "en")
    deadline: datetime | None = None
    received: int | None = None
    refund_amount: int | None = None
    refunded_at: datetime | None = None
    by_hand: bool = False
    transaction_id: str | None = None
    paid_at: datetime | None = None
    terms: Terms | None = None
    percent: int | None = None
    why: str | None = None
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
    for name in texts.keys() & {"property_name", "city", "address"}:
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
        lead=words["lead"].format(property=content.property_name, deadline=_deadline(content, words)),
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
    if content.reference:
        yield (labels["reference"], content.reference)
    yield (labels["property"], location(content))
    if content.address:
        yield (labels["address"], content.address)
    yield from _stay(content, words)
    yield (labels["guests"], str(content.guest_count))
    yield from _sums(content, words)
    if content.transaction_id:
        yield (labels["transaction"], content.transaction_id)
    for name, at in (
        ("paid_at", content.paid_at),
        ("refunded_at", content.refunded_at),
        ("deadline", content.deadline),
    ):
        if at:
            yield (labels[name], _time(at, words))


def _sums(content: MailContent, words: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The amounts. What is under review counts as received, not as paid."""
    paid = "paid" if content.transaction_id and content.received is None else "total"
    sums = {paid: content.amount, "received": content.received, "refund": content.refund_amount}
    yield from ((words["labels"][name], _money(amount, words)) for name, amount in sums.items() if amount)


def _stay(content: MailContent, words: dict[str, Any]) -> Iterator[tuple[str, str]]:
    labels = words["labels"]
    parts = runs(content.nights)
    if len(parts) == 1:
        yield (labels["check_in"], _day(content.check_in, words, "from_time", content.check_in_time))
        yield (labels["check_out"], _day(content.check_out, words, "by_time", content.check_out_time))
    else:
        for number, (start, end) in enumerate(parts, 1):
            yield (labels["part"].format(number=number), f"{_day(start, words)} → {_day(end, words)}")
    yield (labels["nights"], str(len(content.nights)))


def _notes(content: MailContent, words: dict[str, Any]) -> Iterator[str]:
    parts = len(runs(content.nights))
    if parts > 1:
        yield " ".join([words["apart"].format(count=parts), words.get("between", "")]).strip()
    if why := " ".join(_reasons(content, words)):
        yield why
    if content.kind == "refunded":
        yield words["by_hand" if content.by_hand else "through_zalopay"]
    elif content.refund_amount or content.kind == "refund":
        yield words["refund_way"]
    if content.terms is not None:
        yield _terms(content, content.terms, words)
    if "host" in words:
        yield words["host"]


def _reasons(content: MailContent, words: dict[str, Any]) -> Iterator[str]:
    """Why it came to this, by which rule, and what is possible now."""
    if content.why in words.get("why", {}):
        yield words["why"][content.why]
    if content.kind == "cancellation" and content.refund_amount == 0:
        yield words["no_refund"]
    elif content.percent is not None and content.refund_amount and content.amount:
        by_rule = content.refund_amount == content.amount * content.percent // 100
        yield words["rule"].format(percent=content.percent) if by_rule else words["whole"]
    if content.kind == "failed":
        yield words["again"].format(deadline=_deadline(content, words)) if content.deadline else words["over"]


def _terms(content: MailContent, terms: Terms, words: dict[str, Any]) -> str:
    """The terms of the sale, with the last day of each step that was still ahead when it was paid."""
    last_days = [(content.check_in - timedelta(days=term.days_before), term.percent) for term in terms]
    since = today(content.paid_at) if content.paid_at else date.min
    steps = [
        words["term"].format(date=_day(last, words), percent=percent)
        for last, percent in last_days
        if percent and last >= since
    ]
    return str(words["terms"].format(steps="; ".join(steps)) if steps else words["no_terms"])


def location(content: MailContent) -> str:
    """The property, and its city if it is known."""
    return ", ".join(filter(None, (content.property_name, content.city)))


def _day(day: date, words: dict[str, Any], form: str = "", time: str | None = None) -> str:
    """A day, with the time of check-in or check-out if the award has it."""
    weekday, month = words["weekdays"][day.weekday()], words["months"][day.month - 1]
    date = str(words["date"].format(weekday=weekday, day=day.day, month=month, year=day.year))
    return str(words[form].format(date=date, time=time)) if time else date


def _time(at: datetime, words: dict[str, Any]) -> str:
    """A time in Viet Nam, which says so."""
    local = at.astimezone(VIETNAM)
    return str(words["time"].format(date=_day(local.date(), words), time=f"{local:%H:%M}"))


def _deadline(content: MailContent, words: dict[str, Any]) -> str:
    return _time(content.deadline, words) if content.deadline else ""


def _money(amount: int, words: dict[str, Any]) -> str:
    return str(words["money"].format(amount=f"{amount:,}".replace(",", words["thousands"])))
