"""The document of a long run has a row, a figure and a command for every part."""

from tests.proof.simulation.parts import PARTS, Result
from tests.proof.simulation.report import ROWS, Run, page

FOUND = [
    Result("sweep", "paid", 11, [], {"points": 2}),
    Result("sweep", "cancelled", 16, [], {"points": 3}),
    Result("pairs", "7", 2500, []),
    Result("gone", "the bus", 77, []),
    Result("interleavings", "poll ‖ poll", 20, ["poll ‖ poll [0, 1]: broken"]),
    Result("histories", "7", 500, [], {"histories": 500, "with a payment": 250}),
    Result("controls", "no MAC is checked", 1, [], {"technique": "journeys", "by": "paid {}: Violated: I13: wrote"}),
    Result("flips", "", 80, [], {"flips": 80, "refused": 78, "tolerated": 2}),
    Result("forgeries", "7", 1000, []),
    Result("requests", "7", 90, [], {"200": 10, "400": 90}),
    Result("differential", "7", 450, [], {"histories": 10}),
    Result("load", "7", 200, [], {"orders paid": 150, "đồng paid": 1_000_000}),
]


def test_every_part_has_a_row_and_its_command() -> None:
    said = page(FOUND, Run(seed=7, minutes=15, seconds=890, cores=2))
    assert set(ROWS) == set(PARTS)
    for part in PARTS:
        assert f"--only {part} --seed 7" in said
    assert "given 15 minutes, took 14.8 on 2 cores" in said


def test_the_figures_of_all_pieces_are_added_up() -> None:
    said = page(FOUND, Run(7, 15, 890, 2))
    assert "| 5 points | 27 | 0 |" in said
    assert "| 1 groups | 20 | 1 |" in said
    assert "50 % with a payment" in said
    assert "78 refused, 2 mean the same" in said
    assert "(200: 10, 400: 90;" in said


def test_who_noticed_what_and_what_the_crowd_did_stand_there() -> None:
    said = page(FOUND, Run(7, 15, 890, 2))
    assert "| no MAC is checked | journeys | paid: I13: wrote |" in said
    assert "| đồng paid | 1,000,000 |" in said


def test_a_load_that_never_ran_is_still_a_row() -> None:
    broken = [*FOUND[:-1], Result("load", "7", 0, ["seed 7: TimeoutError"])]
    assert "| below | 0 | 1 |" in page(broken, Run(7, 15, 890, 2))
