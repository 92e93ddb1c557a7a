"""The local run in a process of its own."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from infra.local.environment import Addresses
from tests.proof.bench.programs import ROOT

_READY = 300.0  # seconds; a hundred thousand stays are read for a minute


@contextmanager
def local_run(*options: str) -> Iterator[Addresses]:
    """Start it on free ports, and stop it afterwards. Raises TimeoutError if it does not start."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "addresses.json"
        ports = [part for name in ("http", "websocket", "simulator") for part in (f"--{name}-port", "0")]
        command = [sys.executable, "-m", "infra.local", *ports, "--no-seed", "--quiet", "--addresses", str(file)]
        system = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, cwd=ROOT)  # noqa: S603
        try:
            until = time.monotonic() + _READY
            while not file.exists():
                if time.monotonic() > until or system.poll() is not None:
                    raise TimeoutError("the system did not start")
                time.sleep(0.05)
            yield Addresses(**{name: each for name, each in json.loads(file.read_text()).items() if name in _NAMES})
        finally:
            system.terminate()
            system.wait()


_NAMES = Addresses._fields


def token_of(addresses: Addresses, user: str) -> str:
    """Return a token of this user."""
    claims = {"sub": user, "email": "bench@stays.example"}
    answer = httpx.get(f"{addresses.http}/dev/token", params=claims, timeout=30, trust_env=False)
    return str(answer.raise_for_status().json()["token"])
