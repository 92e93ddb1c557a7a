"""The facts that can be seen from outside, once all is at rest."""

from typing import Any, NamedTuple

from tests.proof.load.listener import Line
from tests.proof.load.plan import Plan
from tests.proof.load.traveller import Answer

Document = dict[str, Any]


class Account(NamedTuple):
    """One user's side: the plan, the answers, the messages, and the API's answers at the end."""

    plan: Plan
    answers: list[Answer]
    surprises: list[str]
    lines: list[Line]
    sessions: dict[str, Document]
    bookings: list[Document]
    refusals: tuple[Answer, ...] = ()  # after which the page tried again
    waited: float | None = None  # seconds from a winner's click to the booking


class Evidence(NamedTuple):
    """The sides of all users, of ZaloPay, of the mailbox and of the operator."""

    accounts: list[Account]
    orders: list[Document]
    mail: list[Document]
    report: list[Document]  # the operator's rows for the days of the orders
    dead_letters: list[Document]
    log: list[str]
    troubles: list[str]  # parts that did not come to rest in time
