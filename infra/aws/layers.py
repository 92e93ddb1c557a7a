"""The two layers, built for Lambda's platform without a container and cached under .build/ by their content."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

PYTHON = "3.13"
PLATFORM = "aarch64-manylinux_2_28"  # Lambda has glibc 2.34

# The services that the functions and the simulator call by boto3; botocore brings the models of 440.
SERVICES = ("dynamodb", "events", "secretsmanager", "sesv2")

_ROOT = Path(__file__).resolve().parents[2]
_BUILD = _ROOT / ".build" / "layers"
_RECIPE = "1"  # change this number when the steps below produce another result
_TRACES = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")  # traces of the machine that installed it


WITHOUT_BYTECODE = (
    f"The layers have no bytecode: only Python {PYTHON} writes it for Lambda. Starts would take 2.7 times as long. "
    f"Run: rm -rf .venv && make deploy PYTHON=python{PYTHON}, with the same STAGE"
)


class BadLayer(Exception):
    """A layer could not be built, or lacks a part that Lambda needs."""


class Layer(NamedTuple):
    """A folder with `python/` in it; Lambda unpacks it under /opt."""

    name: str
    path: Path
    fingerprint: str
    files: int
    size: int  # unpacked bytes
    zipped: int  # uploaded bytes

    @property
    def is_compiled(self) -> bool:
        """Whether it has bytecode that Lambda's Python reads. Without it a start takes 2.7 times as long."""
        return any(self.path.rglob(f"*.cpython-{PYTHON.replace('.', '')}.pyc"))


def dependency_layer() -> Layer:
    """Build the layer of third-party packages that the functions import."""
    return bundle("dependencies", _ROOT / "layers" / "dependencies" / "requirements.txt")


def simulator_layer() -> Layer:
    """Build the layer of the simulator and its own dependencies."""
    folder = _ROOT / "infra" / "zalopay_simulator"
    shipped_alone = folder / "on_lambda"
    packages = [each for each in _sources(folder) if shipped_alone not in each.parents]
    requirements = shipped_alone / "requirements.txt"
    return bundle("simulator", requirements, code=(_ROOT, [_ROOT / "infra" / "__init__.py", *packages]))


def code_layer() -> Layer:
    """Build the layer of our own package."""
    root = _ROOT / "layers" / "shared" / "python"
    files = _sources(root)
    return _kept("code", _content(root, files), lambda target: _copy(root, files, target))


def bundle(
    name: str,
    requirements: Path,
    platform: str = PLATFORM,
    code: tuple[Path, Sequence[Path]] = (_ROOT, ()),
    python: str = PYTHON,
) -> Layer:
    """Install the pinned requirements as wheels for `platform`, and add our files.

    Raises BadLayer if a wheel is missing.
    """

    def install(target: Path) -> None:
        _install(requirements, target, platform, python)
        _strip(target)
        _copy(*code, target)

    return _kept(name, [platform, requirements.read_bytes(), *_content(*code)], install, python)


def _sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _content(root: Path, files: Sequence[Path]) -> list[str | bytes]:
    return [part for path in files for part in (path.relative_to(root).as_posix(), path.read_bytes())]


def _copy(root: Path, files: Sequence[Path], target: Path) -> None:
    for path in files:
        place = target / path.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)


def _kept(name: str, content: Iterable[str | bytes], build: Callable[[Path], None], python: str = PYTHON) -> Layer:
    """Return the layer with this content: from the cache, or built in a temporary folder and then moved there."""
    parts = [_RECIPE, python, str(_has_bytecode(python)), *SERVICES, *content]
    texts = [part.encode() if isinstance(part, str) else part for part in parts]
    fingerprint = sha256(b"".join(sha256(text).digest() for text in texts)).hexdigest()
    path = _BUILD / f"{name}-py{python.replace('.', '')}-{fingerprint[:16]}"
    measured = path.with_suffix(".json")
    if not measured.exists():
        _BUILD.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_BUILD) as workshop:
            target = Path(workshop) / "layer"
            build(target / "python")
            _compile(target / "python", python)
            sizes = Path(workshop) / "sizes"
            sizes.write_text(json.dumps(_measure(target)))
            _put(target, path)
            sizes.replace(measured)
    return Layer(name, path, fingerprint, **json.loads(measured.read_text()))


def _put(built: Path, path: Path) -> None:
    """Move the folder as a whole. If another process has put the same layer there, keep that one: it may be in use."""
    try:
        built.rename(path)
    except OSError:
        if not path.exists():
            raise


def _install(requirements: Path, target: Path, platform: str, python: str) -> None:
    target.mkdir(parents=True)
    common = ["install", "--quiet", "--no-deps", "--target", str(target), "--requirement", str(requirements)]
    by_uv = ["--python-platform", platform, "--python-version", python, "--no-build", "--link-mode", "copy"]
    found = importlib.util.find_spec("uv") is not None
    arguments = ["uv", "--no-config", "pip", *common, *by_uv] if found else ["pip", *common, *_by_pip(platform, python)]
    done = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise BadLayer(f"The layer of {requirements} could not be installed:\n{done.stderr}")
    _check_core(target, platform, python)


def _by_pip(platform: str, python: str) -> Sequence[str]:
    """Return pip's arguments with every platform that fits. Unlike uv, pip accepts only the exact tags given."""
    machine = platform.partition("-")[0]
    tags = [f"{tag}_{machine}" for tag in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")]
    platforms = [argument for tag in tags for argument in ("--platform", tag)]
    version = ["--implementation", "cp", "--python-version", python]
    return [*platforms, *version, "--only-binary", ":all:", "--no-compile", "--disable-pip-version-check"]


def _check_core(target: Path, platform: str, python: str) -> None:
    """Check the version of pydantic-core, because an installer without a wheel may silently take an older release."""
    machine, tag = platform.partition("-")[0], python.replace(".", "")
    wanted = f"_pydantic_core.cpython-{tag}-{machine}-linux-gnu.so"
    core = target / "pydantic_core"
    if core.exists() and not (core / wanted).exists():
        raise BadLayer(f"pydantic_core has no {wanted}: these are not the wheels for Lambda")


def _strip(target: Path) -> None:
    """Remove files that differ between machines, tests, and the models of services that we do not call."""
    shutil.rmtree(target / "bin", ignore_errors=True)
    for folder in [*target.rglob("__pycache__"), *target.glob("*/tests")]:
        shutil.rmtree(folder)
    for folder in target.glob("*.dist-info"):
        for trace in _TRACES:
            (folder / trace).unlink(missing_ok=True)
    (target / ".lock").unlink(missing_ok=True)
    data = target / "botocore" / "data"
    for folder in data.iterdir() if data.exists() else ():
        if folder.is_dir() and folder.name not in SERVICES:
            shutil.rmtree(folder)


def _has_bytecode(python: str) -> bool:
    """Say whether this Python's bytecode fits: only the same minor version writes bytecode that Lambda can read."""
    return f"{sys.version_info.major}.{sys.version_info.minor}" == python


def _compile(target: Path, python: str) -> None:
    """Compile to bytecode, because /opt is read-only and reading source doubles the start time.

    The check is by hash, because uploads lose the file times.
    """
    if _has_bytecode(python):
        places = ["-s", str(target), "-p", "/opt/python", str(target)]
        how = ["-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
        subprocess.run([sys.executable, "-m", "compileall", *how, *places], check=True)  # noqa: S603


def _measure(path: Path) -> dict[str, int]:
    files = [each for each in path.rglob("*") if each.is_file()]
    with tempfile.TemporaryFile() as packed:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for each in files:
                archive.write(each, each.relative_to(path))
        return {
            "files": len(files),
            "size": sum(each.stat().st_size for each in files),
            "zipped": packed.seek(0, os.SEEK_END),
        }
