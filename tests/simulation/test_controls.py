"""The net is proved: defences are taken out, and it notices. `make prove` takes out all of them."""

import pytest

from tests.simulation.controls import caught, check_texts
from tests.simulation.defects import DEFECTS

QUICK = (
    "nights are booked without a condition",
    "the amount is not compared",
    "two rounds ask for the same refund",
    "no MAC is checked",
)


def test_every_defect_still_fits_the_product() -> None:
    check_texts()


def test_there_are_many_and_none_twice() -> None:
    assert len({defect.what for defect in DEFECTS}) == len(DEFECTS) >= 40


@pytest.mark.parametrize("what", QUICK)
def test_a_defence_that_is_taken_out_is_missed(what: str) -> None:
    found = caught(next(defect for defect in DEFECTS if defect.what == what))
    assert found.technique not in ("", "its start"), found.violation
