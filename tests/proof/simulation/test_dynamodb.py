"""The database of the simulation against moto: the same requests, the same answers, the same tables and records."""

from typing import Any

from tests.proof.simulation.differential import LONGEST, compare
from tests.proof.simulation.dynamodb import Database

COUNT = 25


class Careless(Database):
    """A database that ignores the condition of a put."""

    def put_item(self, *, ConditionExpression: str = "", **request: Any) -> dict[str, Any]:
        asked = {name for name in request if name.startswith("ExpressionAttribute")} if ConditionExpression else set()
        return super().put_item(**{name: value for name, value in request.items() if name not in asked})


def test_answers_as_moto_does(aws: None) -> None:
    compared = compare(COUNT, seed=1)
    assert compared.requests > COUNT
    assert compared.differences == []


def test_the_comparison_finds_a_planted_difference(aws: None) -> None:
    (difference, *_) = compare(1, seed=1, kind=Careless).differences
    assert "put_item" in difference or "scan" in difference
    assert difference.partition("[")[2].partition("]")[0].count(",") < LONGEST / 4
