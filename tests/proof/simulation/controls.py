"""The negative controls: plants each defect in a copy of the product and lets the fault tests search for it."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.proof.simulation.defects import DEFECTS, Defect

ROOT = Path(__file__).parents[3]
COPIED = ("functions", "infra", "layers", "tests")
PATIENCE = 240  # seconds for one search


class Caught(NamedTuple):
    """The technique that noticed a defect, and the violation."""

    what: str
    technique: str
    violation: str


class Stale(Exception):
    """A change no longer fits the product's text."""


def plant(defect: Defect, root: Path) -> None:
    """Plant a defect in a copy of the product. Raises Stale."""
    for file, old, new in defect.changes:
        path = root / file
        text = path.read_text()
        if text.count(old) != 1:
            raise Stale(f"{defect.what}: {file} has {text.count(old)} times: {old}")
        path.write_text(text.replace(old, new))


def check_texts() -> None:
    """Check that every defect fits the product. Raises Stale."""
    for defect in DEFECTS:
        for file, old, _ in defect.changes:
            times = (ROOT / file).read_text().count(old)
            if times != 1:
                raise Stale(f"{defect.what}: {file} has {times} times: {old}")


def caught(defect: Defect) -> Caught:
    """Plant one defect and search for it. A product that cannot start counts as caught at its start."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in COPIED:
            shutil.copytree(ROOT / name, root / name)  # includes compiled files: Python detects outdated ones
        plant(defect, root)
        path = os.pathsep.join(str(root / each) for each in (".", "layers/shared/python", "functions"))
        try:
            ran = subprocess.run(  # noqa: S603  # our own module on our own copy
                [sys.executable, "-m", "tests.proof.simulation.search", defect.technique],
                cwd=root,
                env=os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Caught(defect.what, "", f"within {PATIENCE} seconds")
    if ran.returncode:
        return Caught(defect.what, "its start", ran.stderr.strip().splitlines()[-1])
    technique, _, violation = ran.stdout.partition("\n")
    return Caught(defect.what, technique, violation.strip())


def controls(defects: Iterable[Defect] = DEFECTS, at_once: int = 2) -> list[Caught]:
    """Run all controls, two at a time."""
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(caught, defects))
