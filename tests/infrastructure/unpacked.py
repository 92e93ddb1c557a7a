"""Functions unpacked from a cloud assembly as Lambda does it: /var/task and /opt, with wheels for this machine."""

import json
import platform
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from infra.aws.layers import PYTHON, Layer, bundle
from tests.infrastructure.synthesis import Stack

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "layers" / "dependencies" / "requirements.txt"
# The package in Lambda's image beside Python, at the version that `make run` pins.
CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")


class Unpacked(NamedTuple):
    """A function's files and settings in its process."""

    handler: str
    task: Path  # /var/task
    opt: Path  # /opt
    variables: dict[str, Any]


class Interpreter(NamedTuple):
    """A Python that runs functions."""

    path: str
    version: str


@cache
def interpreter() -> Interpreter:
    """Lambda's Python version if this machine has it, otherwise the one that runs the tests."""
    running = Interpreter(sys.executable, f"{sys.version_info.major}.{sys.version_info.minor}")
    found = shutil.which(f"python{PYTHON}")
    if running.version == PYTHON or not found:
        return running
    # It may be a shim without a real Python.
    asked = [found, "-c", "import sys; print(sys.executable, '%d.%d' % sys.version_info[:2])"]
    answered = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()  # noqa: S603
    return Interpreter(*answered) if answered[1:] == [PYTHON] else running


def native(name: str, requirements: Path, python: str | None = None) -> Layer:
    """A layer of these requirements for this machine, made as the deployed one is made."""
    return bundle(name, requirements, f"{platform.machine()}-manylinux_2_28", python=python or interpreter().version)


def dependencies() -> Path:
    """The dependency layer of the same lock, built for this machine instead of Lambda's processor."""
    return native("dependencies", LOCK).path


def is_compiled(layer: Path) -> bool:
    """Whether the layer contains compiled code."""
    return any(layer.rglob("*.so"))


def client_layer(folder: Path) -> Layer:
    """The runtime client in its own folder, as in Lambda's image."""
    return some("client", CLIENT, ROOT / "infra" / "local" / "requirements.txt", folder)


def some(name: str, packages: tuple[str, ...], lock: Path, folder: Path, python: str | None = None) -> Layer:
    """Build a layer of some packages of a lock. `folder` holds the list meanwhile."""
    wanted = [pin.partition(";")[0] for pin in lock.read_text().splitlines() if pin.startswith(packages)]
    requirements = folder / f"{name}.txt"
    requirements.write_text("\n".join(wanted))
    return native(name, requirements, python)


class Assembly:
    """A stack of a cloud assembly, with the files behind its functions."""

    def __init__(self, folder: Path, stack: str):
        self.folder = folder
        self.stack = Stack(json.loads((folder / f"{stack}.template.json").read_text()))
        files = json.loads((folder / f"{stack}.assets.json").read_text())["files"]
        self._sources = {name: folder / each["source"]["path"] for name, each in files.items()}

    def function(self, handler: str) -> dict[str, Any]:
        """The properties of the function with this handler."""
        return self.stack.one("AWS::Lambda::Function", Handler=handler)

    def code(self, handler: str) -> Path:
        """The folder of the function's own asset."""
        return self._source(self.function(handler)["Code"])

    def layers(self, handler: str) -> list[Path]:
        """The folders of its layers, in order."""
        found = [self.stack.resources[layer["Ref"]] for layer in self.function(handler)["Layers"]]
        return [self._source(layer["Properties"]["Content"]) for layer in found]

    def unpack(self, handler: str, place: Path) -> Unpacked:
        """Unpack a function and its layers into `place`."""
        shutil.copytree(self.code(handler), place / "task")
        for layer in self.layers(handler):
            shutil.copytree(dependencies() if is_compiled(layer) else layer, place / "opt", dirs_exist_ok=True)
        return Unpacked(handler, place / "task", place / "opt", self.function(handler)["Environment"]["Variables"])

    def _source(self, content: dict[str, Any]) -> Path:
        return self._sources[content["S3Key"].removesuffix(".zip")]
