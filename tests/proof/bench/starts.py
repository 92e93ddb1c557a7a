"""Measures the start of each function: the CPU time until its handler could be called, in a process of its own.

The peer is a program that only makes boto3's client of DynamoDB. Product and peer take turns.
"""

import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from infra.topology import FUNCTIONS

_ROOT = Path(__file__).parents[3]
_PEER = "import boto3; boto3.client('dynamodb')"


def starts(turns: int) -> str:
    """Return the table of all functions."""
    programs = {name: f"import {name}" for name in FUNCTIONS}
    seconds: dict[str, list[float]] = {name: [] for name in ("peer", *programs)}
    for _ in range(turns):
        for name, program in {"peer": _PEER, **programs}.items():
            seconds[name].append(_cpu_seconds(program))
    unit = median(seconds["peer"])
    lines = ["\nStarts\n", "| function | CPU ms | ÷ a program that makes a boto3 client |", "|---|---|---|"]
    for name, times in seconds.items():
        lines.append(f"| {name} | {median(times) * 1000:.0f} | {median(times) / unit:.2f} |")
    return "\n".join(lines)


def _cpu_seconds(program: str) -> float:
    code = f"{program}\nimport time; print(time.process_time())"
    ran = subprocess.run([sys.executable, "-c", code], env=_settings(), capture_output=True, text=True, check=True)  # noqa: S603
    return float(ran.stdout)


def _settings() -> dict[str, str]:
    """Return settings with which every function starts. None of them is used."""
    paths = (_ROOT / "functions", _ROOT / "layers" / "shared" / "python")
    asked_for = {name for function in FUNCTIONS.values() for name in function.environment}
    return dict.fromkeys(asked_for, "http://localhost:9") | {
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "ZALOPAY_APP_ID": "1",
        "REFUND_POLICY": "[[0, 0]]",
        "MAIL_PAGES": "{}",
        "MAILS_OFF": "[]",
        "PARTIAL_WIN_PAGE": "false",
        "POWERTOOLS_SERVICE_NAME": "bench",
        "AWS_DEFAULT_REGION": "ap-southeast-1",
        "AWS_ACCESS_KEY_ID": "-",
        "AWS_SECRET_ACCESS_KEY": "-",
    }
