"""Runs each mutant in its own process against the tests that run its line, until the first test fails."""

import os
import resource
import signal
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType
from typing import NamedTuple

import pytest
from coverage import Coverage

from tests.proof.mutation.core import ROOT, STAYS, TESTS, Mutant, mutants, name, path

AT_ONCE = 2
PATIENCE = 20  # seconds of CPU time for one mutant, and ten times as many of waiting
EVERYWHERE = ("", 0)
OPTIONS = ["-x", "-q", "-p", "no:cacheprovider"]

Selected = Mapping[tuple[str, int], list[str]]


class Fate(NamedTuple):
    """The end of a mutant: killed by a failed test, killed by its time limit, or unnoticed."""

    mutant: Mutant
    killed: bool
    late: bool


class Watch:
    """Records the tests that run each line of the core, the quickest test first."""

    def __init__(self) -> None:
        self.coverage = Coverage(data_file=None, source=[str(STAYS)], config_file=False)
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.coverage.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0) + report.duration

    def selected(self) -> Selected:
        found: dict[tuple[str, int], list[str]] = defaultdict(list)
        found[EVERYWHERE] = sorted(self.seconds, key=self.seconds.__getitem__)
        data = self.coverage.get_data()
        for file in data.measured_files():
            for line, tests in data.contexts_by_lineno(file).items():
                found[file, line] += sorted(filter(None, tests), key=self.seconds.__getitem__)
        return found


class Chosen:
    """Runs only these tests, in this order."""

    def __init__(self, tests: Iterable[str]) -> None:
        self.places = {test: place for place, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        known = [item for item in items if item.nodeid in self.places]
        items[:] = sorted(known, key=lambda item: self.places[item.nodeid])


class Mutated(MetaPathFinder, SourceFileLoader):
    """Finds one module, with a change in it."""

    def __init__(self, mutant: Mutant) -> None:
        SourceFileLoader.__init__(self, name(mutant.module), str(path(mutant.module)))
        self.code = compile(mutant.source(), self.path, "exec")

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        return spec_from_file_location(fullname, self.path, loader=self) if fullname == self.name else None

    def get_code(self, fullname: str) -> CodeType:
        return self.code


def files(module: str) -> list[str]:
    """Return the test files of a module."""
    return [f"{ROOT}/tests/{each}.py" for each in TESTS[module]]


def warm_up(modules: Iterable[str]) -> Selected:
    """Run all tests once without a change, then unload the product. Its dependencies stay loaded."""
    watch = Watch()
    watch.coverage.start()
    ended = pytest.main([*OPTIONS, *dict.fromkeys(each for module in modules for each in files(module))], [watch])
    watch.coverage.stop()
    assert ended == 0, "the tests fail without a mutant"
    selected = watch.selected()
    for module, loaded in list(sys.modules.items()):
        file = Path(getattr(loaded, "__file__", None) or "/")
        if file.is_relative_to(ROOT) and ".venv" not in file.parts and not module.startswith("tests.proof.mutation"):
            del sys.modules[module]
    return selected


def run_mutants(modules: Iterable[str]) -> Iterator[Fate]:
    """Yield the fate of every mutant of these modules as soon as it is known."""
    modules = list(modules)
    selected = warm_up(modules)
    yield from fates((mutant for module in modules for mutant in mutants(module)), selected)


def fates(waiting: Iterable[Mutant], selected: Selected) -> Iterator[Fate]:
    """Run the mutants two at a time."""
    running: dict[int, Mutant] = {}
    for mutant in waiting:
        chosen = _tests(mutant, selected)
        if not chosen:
            yield Fate(mutant, killed=False, late=False)
            continue
        if len(running) == AT_ONCE:
            yield _end(running)
        running[_begin(mutant, chosen)] = mutant
    while running:
        yield _end(running)


def _tests(mutant: Mutant, selected: Selected) -> list[str]:
    """Return the tests that run the line, or all tests of the module if the line runs at import."""
    file = str(path(mutant.module))
    places = [EVERYWHERE] if mutant.is_constant else [(file, line) for line in mutant.lines]
    chosen = dict.fromkeys(test for place in places for test in selected.get(place, ()))
    own = {file.removeprefix(f"{ROOT}/") for file in files(mutant.module)}
    return [test for test in chosen if test.partition("::")[0] in own]


def _begin(mutant: Mutant, chosen: list[str]) -> int:
    child = os.fork()
    if child:
        return child
    resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE, PATIENCE + 5))
    signal.alarm(10 * PATIENCE)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    try:
        sys.meta_path.insert(0, Mutated(mutant))
        ended = int(pytest.main([*OPTIONS, *files(mutant.module)], [Chosen(chosen)]))
    except BaseException:  # noqa: BLE001 # any error means that a test noticed the mutant
        ended = 1
    os._exit(ended)


def _end(running: dict[int, Mutant]) -> Fate:
    child, status = os.wait()
    return Fate(running.pop(child), killed=status != 0, late=os.WIFSIGNALED(status))
