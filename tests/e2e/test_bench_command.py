"""`make bench` in its shortest form. Its figures are not checked."""

import os
import subprocess
import sys

from tests.e2e.local import ROOT


def test_each_step_is_shown_with_its_calls_and_an_empty_table_once() -> None:
    command = [sys.executable, "-m", "tests.proof.bench.__main__", "--rounds", "2", "--stays", "0", "--starts", "1"]
    paths = os.environ | {"PYTHONPATH": str(ROOT / "layers/shared/python")}
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=paths).stdout  # noqa: S603  # our own words
    assert said.count("2 stays, one after the other, with 0 in the table before") == said.count("| create |") == 1
    assert "| callback to BOOKING_CONFIRMED |" in said
    assert "| zalopay_callback |" in said
    assert "| 64 |" in said
