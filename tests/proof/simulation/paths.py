"""Measures how far a reader of three stories must go: modules, functions and jumps, seen by `sys.setprofile`.

`python -m tests.proof.simulation.paths` prints the table of docs/architecture.md.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from tests.proof.simulation.auctions import presses
from tests.proof.simulation.journeys import wins
from tests.proof.simulation.system import System, simulation

ROOT = Path(__file__).parents[3]
OURS = tuple(str(ROOT / each) for each in ("functions", "layers/shared/python/stays"))


class Walk(NamedTuple):
    """The path of a story. A jump is a call from one of our modules into another one."""

    modules: int
    functions: int
    jumps: int


def walk(story: Callable[[], Any]) -> Walk:
    """Follow a story without the calls of libraries. A function that a library calls counts as called by our caller."""
    stack: list[str] = []
    modules, functions, jumps = set[str](), set[tuple[str, str]](), 0

    def follow(frame: FrameType, event: str, _: Any) -> None:
        nonlocal jumps
        code = frame.f_code
        if event not in {"call", "return"} or not code.co_filename.startswith(OURS) or code.co_name.startswith("<"):
            return
        if event == "return":
            stack.pop()
            return
        if stack and stack[-1] != code.co_filename:
            jumps += 1
        stack.append(code.co_filename)
        modules.add(code.co_filename)
        functions.add((code.co_filename, code.co_qualname))

    sys.setprofile(follow)
    try:
        story()
    finally:
        sys.setprofile(None)
    return Walk(len(modules), len(functions), jumps)


def stories(system: System) -> dict[str, Walk]:
    """Return the walks of a payment without trouble, on instances that are already warm."""
    found = {}
    for _ in range(2):  # the first round loads the modules
        system.reset({})
        wins(system)
        system.settle()
        system.listen()
        found["create"] = walk(lambda: presses(system))
        system.settle()
        system.pay(system.order())
        found["callback"] = walk(system.deliver_callbacks)
        found["stream record"] = walk(lambda: system.deliver_stream("notifier"))
        system.drain()
    return found


def table() -> str:
    """Return the table for docs/architecture.md."""
    with simulation() as system:
        found = stories(system)
    lines = ["| story | modules | functions | jumps between modules |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {' | '.join(map(str, each))} |" for name, each in found.items())])


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
