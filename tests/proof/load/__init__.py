"""Many travellers at once on the real local run, while ZaloPay fails; then everything is checked from outside."""

from tests.proof.load.figures import Figures
from tests.proof.load.run import load

__all__ = ["Figures", "load"]
