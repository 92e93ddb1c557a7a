"""The program of a measured function: `probe.py <module>` imports it, then answers events, a line each.

It says what its import cost, and what each answer cost: CPU time of the process and time on the wall, in milliseconds.
"""

import importlib
import json
import os
import sys
import time
from typing import Any


class Context:
    """Lambda's context, as far as functions read it."""

    function_name = "bench"
    function_version = "$LATEST"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:ap-southeast-1:000000000000:function:bench"
    aws_request_id = "00000000-0000-0000-0000-000000000000"

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return the time that is left."""
        return int((self._end - time.monotonic()) * 1000)


def main(module: str, seconds: str) -> None:
    """Serve until standard input ends. What the function prints goes nowhere."""
    report = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    handler: Any = importlib.import_module(module).handler
    print(json.dumps({"cpu": time.process_time() * 1000}), file=report, flush=True)
    for line in sys.stdin:
        event, context = json.loads(line), Context(float(seconds))
        cpu, wall = time.process_time(), time.perf_counter()
        answer = handler(event, context)
        spent = {"cpu": (time.process_time() - cpu) * 1000, "wall": (time.perf_counter() - wall) * 1000}
        print(json.dumps({**spent, "answer": answer}), file=report, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
