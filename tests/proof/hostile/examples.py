"""The number of examples of each test: SIMULATION_EXAMPLES multiplies it."""

import os

from hypothesis import HealthCheck, settings

TIMES = float(os.environ.get("SIMULATION_EXAMPLES", "1"))


def examples(count: int) -> settings:
    """Return settings for this number of examples, the same in every run."""
    return settings(
        max_examples=int(count * TIMES),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
