"""Checks of a stage before and after its deployment: they name each problem and its fix."""

import sys
from pathlib import Path

# The functions find this package in their layer.
sys.path.append(str(Path(__file__).resolve().parents[2] / "layers" / "shared" / "python"))
