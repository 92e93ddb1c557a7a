"""`make bench` in its shortest form. Its figures are not checked."""

import os
import subprocess
import sys

from infra.topology import FUNCTIONS
from tests.e2e.local import ROOT
from tests.proof.bench.page import LATENCY, PAGE, START


def test_a_short_run_shows_every_section_and_writes_no_page() -> None:
    before = [path.stat().st_mtime_ns for path in (PAGE, START, LATENCY)]
    command = [sys.executable, "-m", "tests.proof.bench.__main__", "--rounds", "2"]
    paths = os.environ | {"PYTHONPATH": str(ROOT / "layers/shared/python")}
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=paths).stdout  # noqa: S603  # our own words
    assert [path.stat().st_mtime_ns for path in (PAGE, START, LATENCY)] == before
    assert all(f"| {function} |" in said for function in FUNCTIONS)
    assert "| callback to COMPLETED, 10 stays, p99 |" in said
    assert "| auction night: 100 results for as many users, messages a second |" in said
    assert "| USD for a million payments with polls |" in said
    assert "10⁵ winners in a minute" in said
