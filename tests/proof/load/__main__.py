"""`make load`: prints the results as a table; ends with 1 if a promise is broken."""

import argparse
import secrets
import sys

from tests.proof.load import auction_end, load
from tests.proof.load.figures import table


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    typed = argparse.ArgumentParser(prog="python -m tests.proof.load", description=__doc__)
    typed.add_argument("--travellers", type=int, default=200)
    typed.add_argument("--winners", type=int, help="in their place: the winners at an auction's end, all at once")
    typed.add_argument("--seconds", type=int, default=60, help="how long new users keep coming")
    typed.add_argument("--seed", type=int, help="the seed of an earlier run, for the same users and faults")
    return typed


def main() -> int:
    """Return the exit code."""
    chosen = parser().parse_args()
    seed = secrets.randbelow(1_000_000) if chosen.seed is None else chosen.seed
    print(f"seed {seed}", flush=True)
    if chosen.winners is None:
        figures = load(chosen.travellers, chosen.seconds, seed)
    else:
        figures = auction_end(chosen.winners, chosen.seconds, seed)
    print(table(figures))
    return 1 if figures.violations else 0


if __name__ == "__main__":
    sys.exit(main())
