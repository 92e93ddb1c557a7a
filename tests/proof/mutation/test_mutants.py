"""Tests of the runner: it kills known mutants, and every explanation matches an existing mutant."""

import os
import subprocess
import sys

from tests.proof.mutation.core import ONLY, ROOT, TESTS, mutants
from tests.proof.mutation.mutate import stale


def test_no_explanation_is_of_a_mutant_that_is_no_more() -> None:
    assert stale() == []


def test_every_module_of_the_domain_is_core() -> None:
    domain = {f"domain/{file.stem}" for file in (ROOT / "layers/shared/python/stays/domain").glob("[a-z]*.py")}
    assert domain <= set(TESTS)


def test_every_test_and_function_of_the_core_exists() -> None:
    named = {ROOT / "tests" / f"{name}.py" for names in TESTS.values() for name in names}
    assert [file for file in named if not file.exists()] == []
    for module, names in ONLY.items():
        text = (ROOT / "layers/shared/python/stays" / f"{module}.py").read_text()
        assert [name for name in names if f"\ndef {name}(" not in text] == []


def test_every_kind_of_change_is_made() -> None:
    changes = {mutant.change for mutant in mutants("domain/refund")}
    assert {
        "refund.amount < whole(owing) → refund.amount <= whole(owing)",
        "refund is None → refund is not None",
        "owing.discount or 0 → owing.discount and 0",
        "Fulfilment.REFUND_DUE → Fulfilment.REFUNDING",
        "(now - asked) / 2 → (now - asked) * 2",
        "min → max",
        "isinstance(owing, Stray) → True",
        "32 → 33",
        "code=evidence.code → left out",
        "return moved.but(status=StrayStatus(refund.status)) → return None",
    } <= changes


def test_mutants_of_a_whole_module_are_killed() -> None:
    path = os.pathsep.join(str(ROOT / each) for each in (".", "layers/shared/python", "functions"))
    ran = subprocess.run(  # our own module
        [sys.executable, "-m", "tests.proof.mutation.mutate", "domain/errors"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST")} | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
