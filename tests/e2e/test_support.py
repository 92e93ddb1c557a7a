"""docs/support.md: each situation is made on the local run, and the page's commands are run as they stand."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from stays.domain.booking import reference_number
from tests.e2e.browser import Browser
from tests.e2e.local import Award, Local, ZaloPay, eventually

PAGE = (Path(__file__).parents[2] / "docs" / "support.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
COMMAND = re.compile(r'^make operator ARGS="--stage \$STAGE (.*)"$', re.MULTILINE)
OVER = 20 * 60  # seconds: every order and every hold has ended


class Caller(NamedTuple):
    """A traveller with an award, and the parts of the system that the situation is made with."""

    local: Local
    zalopay: ZaloPay
    browser: Browser
    award: Award

    def press(self) -> Mapping[str, str]:
        """Press the pay button. Returns the words for the page's commands."""
        made = self.browser.press_pay(self.award)
        stay = made["sessionId"]
        names = {"STAY": stay, "ORDER": made["appTransId"], "REFERENCE": reference_number(stay)}
        return self.names() | names

    def names(self) -> dict[str, str]:
        """The words for the page's commands, before a payment."""
        place = {"PROPERTY": self.award.property_id, "NIGHT": self.award.nights[0], "AUCTION": self.award.auction_id}
        return {"EMAIL": self.browser.email, "USER": self.browser.user_id, "AMOUNT": "500000", **place}

    def buy(self) -> Mapping[str, str]:
        """Press the button and pay; the booking is made and its mail is out."""
        names = self.press()
        self.zalopay.pay(names["ORDER"])
        self.local.wait_for_mails(self.browser.email, 1)
        return names


def lost(caller: Caller) -> Mapping[str, str]:
    caller.zalopay.switch("callback_lost", next=True)
    names = caller.press()
    caller.zalopay.pay(names["ORDER"])
    return names


def twice(caller: Caller) -> Mapping[str, str]:
    names = caller.buy()
    caller.zalopay.pay(names["ORDER"], again=True)
    stay = caller.local.story
    (event,) = eventually(
        lambda: [each for each in stay(names["STAY"])["EVENT"] if each["what"] == "SECOND_TRANSACTION"]
    )
    return {**names, "TRANSACTION": event["evidence"]["transactionId"]["S"]}


def charged(caller: Caller) -> Mapping[str, str]:
    names = caller.press()
    caller.local.round(after=OVER)
    caller.local.withdraw(caller.browser, caller.award)
    caller.zalopay.pay(names["ORDER"], late=True)
    caller.local.round()
    caller.local.later(30)
    return names


def unpaid(caller: Caller) -> Mapping[str, str]:
    names = caller.press()
    caller.local.round(after=OVER)
    return names


def mailed(caller: Caller) -> Mapping[str, str]:
    names = caller.buy()
    caller.local.later(2 * 60)
    return names


def expired(caller: Caller) -> Mapping[str, str]:
    soon = caller.local.in_seconds(60)
    award = caller.local.award(caller.browser, paymentDeadline=soon)
    caller.local.round(after=2 * 60)
    return caller.names() | {"AUCTION": award.auction_id}


def at_rest(caller: Caller) -> Mapping[str, str]:
    caller.local.wait_for_mails(caller.browser.email, 1)
    caller.browser.post(f"/auctions/winners/{caller.award.auction_id}/decline", {})
    caller.local.round()
    return caller.names()


class Case(NamedTuple):
    """The situation of a section, the words of the page that its commands must answer, and what follows from them."""

    make: Callable[[Caller], Mapping[str, str]]
    read: tuple[str, ...]


CASES = {
    "Paid and no booking": Case(lost, ("would become PAID / BOOKED",)),
    "Paid twice": Case(twice, ("money under a second transaction",)),
    "Charged and cancelled": Case(charged, ("the money is refunded", "ZaloPay says of the refund: DONE")),
    "The page says failed": Case(unpaid, ("nobody paid in time", "Nothing changes")),
    "No mail": Case(mailed, ("mail confirmation: SENT",)),
    "Wrong dates": Case(Caller.buy, ("nights",)),
    "Wants to cancel after the deadline": Case(Caller.buy, ("BOOKED", "would become PAID / REFUND_DUE")),
    "The offer vanished": Case(expired, ("EXPIRED, until",)),
    "A host says the nights are not blocked": Case(Caller.buy, ("PAID / BOOKED",)),
    "Somebody wants their data deleted": Case(at_rest, ("would be erased",)),
}
AFTERWARDS = {
    "Paid and no booking": "is now PAID / BOOKED",
    "Paid twice": "OPEN is now REFUND_DUE",
    "No mail": "is sent again",
    "Wants to cancel after the deadline": "is now PAID / REFUND_DUE",
    "Somebody wants their data deleted": "are erased",
}


RUN = "import json, sys; from infra.operator.__main__ import main; sys.exit(max(map(main, json.load(sys.stdin))))"


def operated(local: Local, commands: Sequence[Sequence[str]]) -> str:
    """Run commands of the tool in one process. Returns their output."""
    typed = json.dumps([["--at", local.http_url, *words] for words in commands])
    ran = subprocess.run([sys.executable, "-c", RUN], input=typed, capture_output=True, text=True, check=False)  # noqa: S603
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_every_section_of_the_page_has_its_situation() -> None:
    assert list(SECTIONS) == list(CASES)


@pytest.mark.parametrize("title", CASES)
def test_the_commands_of_the_page_show_what_the_page_says_and_do_it(
    local: Local, zalopay: ZaloPay, traveller: Callable[..., Browser], title: str
) -> None:
    an = traveller("an")
    an.post("/users/auth0-sync", {})
    names = CASES[title].make(Caller(local, zalopay, an, local.award(an)))
    commands = COMMAND.findall(SECTIONS[title])
    typed = [[names.get(word, word) for word in shlex.split(each)] for each in commands]
    said = operated(local, typed)
    for words in CASES[title].read:
        assert f"`{words}`" in SECTIONS[title]
        assert words in said
    assert AFTERWARDS.get(title, "") in said
    for words in typed:
        if "--yes" in words:
            shown = shlex.join(["--at", local.http_url, *words])
            assert f'Nothing is written yet. This does it:\n  make operator ARGS="{shown}"' in said
    assert (an.user_id in said) is any("--personal" in words for words in typed)
