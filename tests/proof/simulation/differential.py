"""Sends random histories of requests to the simulated database and to moto. Only the seed decides a history."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import NamedTuple

from moto import mock_aws

from infra.topology import TABLES
from tests.conftest import client_of, create_table
from tests.proof.simulation.compared_databases import Both
from tests.proof.simulation.dynamodb import Database
from tests.proof.simulation.random_requests import request_of

SHORTEST, LONGEST = 30, 60  # requests per history


class Compared(NamedTuple):
    """The number of equal answers, and the histories with a difference, each as short as it still differs."""

    requests: int
    differences: list[str]


@contextmanager
def moto() -> Iterator[None]:
    """Return moto with the tables of the topology."""
    with mock_aws():
        for name, table in TABLES.items():
            create_table(client_of("dynamodb"), name, table)
        yield


def difference(numbers: Sequence[int], kind: type[Database] = Database) -> str:
    """Return the first difference of a history, or an empty text."""
    both = Both(kind())
    try:
        for number in numbers:
            both.ask(*request_of(number))
        both.compare_tables()
        both.compare_records()
    except AssertionError as error:
        return str(error)
    return ""


def shortened(numbers: Sequence[int], kind: type[Database]) -> list[int]:
    """Return the history without the requests that the difference does not need."""
    kept = list(numbers)
    for number in numbers:
        fewer = [each for each in kept if each != number]
        if difference(fewer, kind):
            kept = fewer
    return kept


def compare(count: int, seed: int, kind: type[Database] = Database) -> Compared:
    """Compare this number of histories. Moto must be active."""
    random, requests, differences = Random(seed), 0, list[str]()  # noqa: S311  # nothing here is a secret
    for number in range(count):
        numbers = [random.randrange(10**9) for _ in range(random.randint(SHORTEST, LONGEST))]
        requests += len(numbers)
        if difference(numbers, kind):
            short = shortened(numbers, kind)
            differences.append(f"history {number} of seed {seed}, requests {short}: {difference(short, kind)}")
    return Compared(requests, differences)
