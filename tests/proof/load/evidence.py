"""What can be seen from outside, once everything has come to rest."""

from typing import Any, NamedTuple

from tests.proof.load.listener import Line
from tests.proof.load.plan import Plan
from tests.proof.load.traveller import Answer

Document = dict[str, Any]


class Account(NamedTuple):
    """One traveller's side: what was planned, answered and heard, and what the API says at the end."""

    plan: Plan
    answers: list[Answer]
    surprises: list[str]
    lines: list[Line]
    sessions: dict[str, Document]
    bookings: list[Document]


class Evidence(NamedTuple):
    """Everybody's side, and that of ZaloPay, of the mailbox and of whoever looks after the system."""

    accounts: list[Account]
    orders: list[Document]
    mail: list[Document]
    dead_letters: list[Document]
    log: list[str]
    troubles: list[str]  # what did not come to rest in time
