"""`make mutate`: a test must notice every small change to the core. Writes docs/mutants.md."""

import os
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "HYPOTHESIS_STORAGE_DIRECTORY": ".build/hypothesis"}

from tests.proof.mutation.core import ROOT, TESTS, Mutant, mutants, path
from tests.proof.mutation.runner import Fate, run_mutants

LEAST = 95  # percent
EXPLAINED = Path(__file__).with_name("survivors.toml")
PAGE = ROOT / "docs/mutants.md"

HEAD = """# Mutants of the core

Written by `make mutate`; do not edit. A mutant is one small change to one line of the core, for example a reversed
comparison, a condition that is always true, a number plus one, or a missing argument. It is killed if a test of its
module fails. The explained mutants below still count as not killed; their reasons are in
`tests/proof/mutation/survivors.toml`.
"""


class Survivor(NamedTuple):
    """A mutant that no test noticed, named by file, text of the line and change, and not by its line number."""

    file: str
    line: str
    change: str

    @classmethod
    def of(cls, mutant: Mutant) -> "Survivor":
        return cls(str(path(mutant.module).relative_to(ROOT)), mutant.text, mutant.change)


def explained() -> dict[Survivor, str]:
    """Return the explanations of the mutants that no test can notice."""
    entries = tomllib.loads(EXPLAINED.read_text())["survivor"]
    return {Survivor(each["file"], each["line"], each["change"]): each["because"] for each in entries}


def stale() -> list[Survivor]:
    """Return the explanations that match no mutant any more."""
    known = {Survivor.of(mutant) for module in TESTS for mutant in mutants(module)}
    return [each for each in explained() if each not in known]


def percent(killed: int, count: int) -> float:
    """Return the percentage of killed mutants, rounded down to a tenth."""
    return 1000 * killed // count / 10


def tell(fate: Fate) -> None:
    """Print a survivor as soon as it is known."""
    if not fate.killed:
        survivor = Survivor.of(fate.mutant)
        print(f"{survivor.file}:{fate.mutant.line}: {survivor.line}\n    {survivor.change}", flush=True)


def page(fates: Iterable[Fate]) -> str:
    """Return docs/mutants.md: the scores, and every survivor with the reason why no test can notice it."""
    fates, reasons = list(fates), explained()
    count = Counter(fate.mutant.module for fate in fates)
    killed = Counter(fate.mutant.module for fate in fates if fate.killed)
    survivors = dict.fromkeys(Survivor.of(fate.mutant) for fate in fates if not fate.killed)
    said = (
        f"{len(fates)} mutants, {killed.total()} killed, {sum(fate.late for fate in fates)} of them by the time limit"
    )
    lines = [HEAD, f"{said}: **{percent(killed.total(), len(fates))} %**. At least {LEAST} % are required.\n"]
    lines += ["| module | mutants | killed | score |", "|---|---:|---:|---:|"]
    lines += [f"| {each} | {count[each]} | {killed[each]} | {percent(killed[each], count[each])} % |" for each in count]
    lines += ["\n## Survivors\n", "| file | line | change | why no test notices it |", "|---|---|---|---|"]
    lines += [_row(each, reasons.get(each, "**not explained**")) for each in survivors]
    return "\n".join([*lines, ""])


def _row(survivor: Survivor, reason: str) -> str:
    line, change = (text.replace("|", "\\|") for text in (survivor.line, survivor.change))
    return f"| {survivor.file.rpartition('stays/')[2]} | `{line}` | `{change}` | {reason} |"


def main() -> None:
    """Run all modules, or the named ones. Only a run of all modules writes the page."""
    began, modules = time.monotonic(), sys.argv[1:] or list(TESTS)
    fates = []
    for fate in run_mutants(modules):
        tell(fate)
        fates.append(fate)
    score = percent(sum(fate.killed for fate in fates), len(fates))
    surviving = {Survivor.of(fate.mutant) for fate in fates if not fate.killed}
    old = [each for each in explained() if each not in surviving] if modules == list(TESTS) else stale()
    print(f"{len(fates)} mutants, {score} % killed, {time.monotonic() - began:.0f} s")
    if modules == list(TESTS):
        PAGE.write_text(page(sorted(fates, key=lambda fate: list(TESTS).index(fate.mutant.module))))
    sys.exit("\n".join(f"explained, but killed: {each}" for each in old) or int(score < LEAST))


if __name__ == "__main__":
    main()
