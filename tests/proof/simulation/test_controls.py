"""Tests of the fault tests: some defences are removed, and the fault tests notice it. `make prove` removes all."""

import pytest

from tests.proof.simulation.controls import caught, check_texts
from tests.proof.simulation.defects import DEFECTS

QUICK = (
    "nights are booked without a condition",
    "the amount is not compared",
    "two rounds ask for the same refund",
    "no MAC is checked",
)


# The most likely faults of design in such a backend, and the entries that plant them.
LIKELY = {
    "order before session": "the order is made before the session is on record",
    "unconditional night": "nights are booked without a condition",
    "check, then write": "nights are looked at first and written without a condition",
    "conflict taken for a verdict": "a conflict is taken for a verdict",
    "fresh refund id per attempt": "every attempt at a refund has an id of its own",
    "no reconciler": "nobody looks: the clock does nothing",
    "unconditional expiry": "a session expires unconditionally",
    "no amount check": "the amount is not compared",
    "late money ignored": "late money is ignored",
    "answer 1 on an internal error": "an internal error is answered with 1",
    "image taken for truth": "the image in the record is pushed",
    "push without reading again": "what is pushed is not read again once it is known who listens",
}


def test_every_likely_fault_of_design_is_planted() -> None:
    assert set(LIKELY.values()) <= {defect.what for defect in DEFECTS}


def test_every_defect_still_fits_the_product() -> None:
    check_texts()


def test_there_are_many_and_none_twice() -> None:
    assert len({defect.what for defect in DEFECTS}) == len(DEFECTS) >= 40


@pytest.mark.parametrize("what", QUICK)
def test_a_defence_that_is_taken_out_is_missed(what: str) -> None:
    found = caught(next(defect for defect in DEFECTS if defect.what == what))
    assert found.technique not in ("", "its start"), found.violation
