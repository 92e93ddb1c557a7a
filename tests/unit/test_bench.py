"""The bench's own arithmetic: capacity units, ratios and goals, copies, and what waits how long."""

from pathlib import Path
from typing import Any

import pytest

from infra.topology import Index, Table
from tests.proof.bench.capacity import LOADS, Load, Measured, Station, breaks_first, stations, wait
from tests.proof.bench.clock import items_a_minute
from tests.proof.bench.programs import Call, quota, share_of
from tests.proof.bench.rows import Goal, Row
from tests.proof.bench.table_filler import copies
from tests.proof.bench.units import read_units, write_units

TABLE = Table(
    indexes={"by_user": Index("userId", "userSort"), "due": Index("dueShard", "dueAt")}, stream=True, ttl=None
)
MEASURED = Measured(messages=600, clock=20_000, write_units=40, stay_ms=500)


def an_item(size: int = 0, **more: str) -> dict[str, Any]:
    texts = {"PK": "STAY#1", "SK": "SESSION", "padding": "x" * size} | more
    return {name: {"S": text} for name, text in texts.items()}


IN_ONE = {"userId": "auth0|an", "userSort": "1"}
DUE = {"dueShard": "0", "dueAt": "2026-11-27"}


@pytest.mark.parametrize(
    ("old", "new", "transactional", "units"),
    [
        (None, an_item(), False, 1),
        (None, an_item(), True, 2),
        (None, an_item(1100), True, 4),
        (an_item(2100), None, False, 3),
        (None, an_item(**IN_ONE), True, 3),
        (None, an_item(1100, **IN_ONE, **DUE), False, 6),
        (an_item(**IN_ONE), an_item(**IN_ONE), False, 1),
        (an_item(**DUE), an_item(**DUE | {"dueAt": "2026-11-28"}), False, 3),
        (an_item(**DUE), an_item(), False, 2),
    ],
)
def test_a_write_costs_its_kilobytes_twice_in_a_transaction_and_once_in_each_index_that_it_changes(
    old: Any, new: Any, transactional: bool, units: int
) -> None:
    assert write_units(old, new, TABLE, transactional=transactional) == units


def test_a_read_costs_four_kilobytes_a_unit_and_half_if_it_may_be_old() -> None:
    assert read_units([], consistent=True, together=False) == 1
    assert read_units([an_item(3000), an_item(3000)], consistent=True, together=False) == 2
    assert read_units([an_item(1000), an_item(1000)], consistent=False, together=True) == 0.5


def test_a_goal_is_about_the_value_or_about_the_median_of_the_ratios_of_each_turn() -> None:
    row = Row("callback", [2, 3, 4], [10, 10, 10], [1], (Goal(0.3, ratio=True), Goal(2), Goal(3, at_least=True)))
    assert row.missed == [Goal(2)]
    assert str(row) == (
        "| callback | 3.00 | 10.0 | 1.00 | 0.30 (0.25 to 0.35) | ≤ 0.30 ÷ peer, ≤ 2.00, ≥ 3.00 | **no** |"
    )


def test_a_row_without_a_figure_says_why_and_misses_no_goal() -> None:
    row = Row("cold start", [], goals=(Goal(1),), missing="no control group")
    assert row.missed == []
    assert "no control group" in str(row)


def test_each_copy_has_ids_of_its_own_and_no_other_difference() -> None:
    found = list(copies([("stays", an_item(user="traveller-123456"))], ["traveller-123456"], 2))
    assert [item["user"]["S"] for ((_, item),) in found] == ["traveller-000000", "traveller-000001"]
    assert {item["PK"]["S"] for ((_, item),) in found} == {"STAY#1"}


def test_an_invocation_that_ends_before_its_share_is_done_takes_no_more_in_a_minute() -> None:
    assert items_a_minute(Call(0, 30_000, {"attended": 500}), 500) == 1000
    assert items_a_minute(Call(0, 30_000, {"attended": 500}), 5000) == 500


def test_lambda_gives_a_cpu_for_1769_megabytes_and_no_more_than_one_is_used() -> None:
    assert (round(share_of(512), 3), share_of(1769), share_of(3008)) == (0.289, 1, 1)


def test_where_no_control_group_can_be_written_there_is_no_quota(tmp_path: Path) -> None:
    with quota(512, tmp_path / "nowhere") as slow:
        assert slow is None
    assert "clock" not in {each.name for each in stations(MEASURED._replace(clock=None))}


def test_the_last_of_a_load_waits_until_all_before_it_are_served() -> None:
    load = Load("burst", 1000, 60)
    assert wait(Station("slow", 10, ""), load) == 40
    assert wait(Station("fast", 20, ""), load) == 0


def test_the_slowest_station_breaks_first_and_keeps_up_with_a_quiet_day() -> None:
    found = stations(MEASURED)
    assert [each.rate for each in found] == sorted(each.rate for each in found)
    assert not any(wait(each, LOADS[0]) for each in found)
    assert f": {found[0].name}, then " in breaks_first(MEASURED)
