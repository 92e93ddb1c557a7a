"""A layer without bytecode is not deployed, and the refusal says how to get one."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from infra.aws.deployment import check_bytecode
from infra.aws.layers import PYTHON, BadLayer, Layer, bundle

ROOT = Path(__file__).parents[2]
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHER = "3.12" if RUNNING != "3.12" else "3.11"


def layer(folder: Path, python: str) -> Layer:
    """A layer with one module of ours, built for this Python by the one that runs the tests."""
    (folder / "requirements.txt").touch()
    (folder / "module.py").write_text("answer = 42\n")
    return bundle("small", folder / "requirements.txt", code=(folder, [folder / "module.py"]), python=python)


def test_only_the_layers_own_python_compiles_it(tmp_path: Path):
    assert layer(tmp_path, RUNNING).is_compiled is (RUNNING == PYTHON)
    assert not layer(tmp_path, OTHER).is_compiled


def test_a_deployment_without_bytecode_is_refused_with_the_command_that_mends_it(tmp_path: Path):
    with pytest.raises(BadLayer) as refused:
        check_bytecode([layer(tmp_path, OTHER)], must=True)
    command = str(refused.value).partition("Run: ")[2].partition(",")[0]
    remove, make = (shlex.split(part) for part in command.split(" && "))
    assert remove == ["rm", "-rf", ".venv"]
    assert make == ["make", "deploy", f"PYTHON=python{PYTHON}"]
    planned = subprocess.run(  # noqa: S603  # it only prints what it would do
        [*make, "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "cdk" in planned
    assert "bytecode=optional" not in planned


def test_a_synthesis_without_bytecode_warns(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    check_bytecode([layer(tmp_path, OTHER)], must=False)
    assert capsys.readouterr().err.startswith("Warning: The layers have no bytecode")


@pytest.mark.skipif(RUNNING != PYTHON, reason="only Lambda's Python writes its bytecode")
def test_a_layer_with_bytecode_is_deployed_in_silence(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    check_bytecode([layer(tmp_path, PYTHON)], must=True)
    assert capsys.readouterr() == ("", "")
