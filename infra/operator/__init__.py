"""The operator's commands: see the timeline of a stay, see which stays need a decision, and act on them."""

import sys
from pathlib import Path

# The functions find this package in their layer.
sys.path.append(str(Path(__file__).resolve().parents[2] / "layers" / "shared" / "python"))
