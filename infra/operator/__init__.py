"""An operator's desk: what happened to a stay, what waits for people, and what they can do about it."""

import sys
from pathlib import Path

# The package that the functions find in their layer.
sys.path.append(str(Path(__file__).resolve().parents[2] / "layers" / "shared" / "python"))
