"""Many users at the same time on the real local run, while ZaloPay fails. Then all results are checked from outside."""

from tests.proof.load.figures import Figures
from tests.proof.load.run import auction_end, load

__all__ = ["Figures", "auction_end", "load"]
