"""`python -m infra.local.install PYTHON FILE…`: pip with one line of progress, because the packages take a minute.

It needs no package.
"""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

_STEP = 5.0  # seconds between two lines where the output is no terminal


class Progress:
    """Shows how far pip is: on one line of a terminal, elsewhere as a line every few seconds."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._began = time.monotonic()
        self._shown = float("-inf")

    def show(self, done: int, what: str) -> None:
        """Show that `done` packages are there, and what happens now."""
        now = time.monotonic()
        terminal = sys.stdout.isatty()
        if not terminal and now - self._shown < _STEP:
            return
        self._shown = now
        text = f"  {min(done, self._total):2} of {self._total} packages, {now - self._began:3.0f} s: {what[:50]:50}"
        print(text, end="\r" if terminal else "\n", flush=True)  # noqa: T201

    def finish(self) -> None:
        """Say how long it took."""
        print(f"  {self._total} packages installed in {time.monotonic() - self._began:.0f} s{' ':48}", flush=True)  # noqa: T201


def install(python: str, files: Sequence[str]) -> int:
    """Install the packages of the files, and return pip's exit code. If pip fails, print what it said."""
    names = [line for file in files for line in _requirements(Path(file))]
    progress = Progress(len(names))
    options = [option for file in files for option in ("-r", file)]
    command = [python, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:  # noqa: S603
        assert pip.stdout is not None
        said = list(_follow(pip.stdout, progress))
    if pip.returncode:
        sys.stderr.write("\n" + "".join(said[-30:]))
    else:
        progress.finish()
    return pip.returncode


def _follow(lines: Iterator[str], progress: Progress) -> Iterator[str]:
    found = 0
    for line in lines:
        with contextlib.suppress(ValueError):
            word, rest = line.split(maxsplit=1)
            if word in ("Collecting", "Requirement"):
                found += 1
                progress.show(found, rest.partition(" (")[0].strip())
            elif line.startswith("Installing collected packages"):
                progress.show(found, "writing the files, which takes longest")
        yield line


def _requirements(file: Path) -> list[str]:
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith(("#", "-"))]


if __name__ == "__main__":
    sys.exit(install(sys.argv[1], sys.argv[2:]))
