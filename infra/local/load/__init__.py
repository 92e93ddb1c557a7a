"""Many travellers at once on the real local run, while ZaloPay fails; then everything is checked from outside."""

from infra.local.load.figures import Figures
from infra.local.load.run import load

__all__ = ["Figures", "load"]
