"""Checks before a deployment, without a network: complete settings, the tools, the shape of the keys."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.aws.stage import BadStage, Stage, read_stage
from infra.doctor.finding import Finding, bad, good, unseen

OLDEST_NODE = 20
KEY = r"[A-Za-z0-9]{32}"
# ZaloPay prints these keys in its samples, so any reader could forge a callback.
PUBLIC_KEYS = {
    "PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL",
    "kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz",
    "sdngKKJmqEMzvh5QQcdD2A9XBSKUNaYn",
    "trMrHtvjo6myautxDUiAcYsVtaeQ8nhf",
}
_PLACEHOLDERS = (r"\.example\b", r"your-tenant", r"\b999999\b", r"\b0{12}\b")


def check_settings(name: str, context: Mapping[str, Any]) -> tuple[Stage | None, list[Finding]]:
    """Return the stage, if its settings can be read, and the findings about them."""
    try:
        stage = read_stage(name, dict(context))
    except BadStage as error:
        return None, [bad(f"The settings of {name}: {error}", f"Correct it in cdk.json, under stages.{name}.")]
    invented = sorted(_invented(stage))
    if invented:
        listed = ", ".join(invented)
        return stage, [
            bad(
                f"Values in {name} that are still examples: {listed}.",
                f"Replace them in cdk.json, under stages.{name}.",
            )
        ]
    return stage, [good(f"The settings of {name} are complete.")]


def _invented(stage: Stage) -> Iterator[str]:
    for setting, value in stage.model_dump(mode="json").items():
        text = json.dumps(value)
        if any(re.search(pattern, text) for pattern in _PLACEHOLDERS):
            yield setting


def check_tools(root: Path) -> Iterator[Finding]:
    """Check that Node is installed, and that the CDK command line has exactly the pinned version."""
    yield _check_node()
    wanted = json.loads((root / "package.json").read_text())["devDependencies"]["aws-cdk"]
    installed = root / "node_modules" / "aws-cdk" / "package.json"
    there = json.loads(installed.read_text())["version"] if installed.exists() else None
    if there == wanted:
        yield good(f"The CDK command line is {wanted}, as pinned.")
    else:
        yield bad(f"The CDK command line is {there or 'not installed'}, pinned is {wanted}.", "Run: npm ci")


def _check_node() -> Finding:
    get = f"Install Node {OLDEST_NODE + 4} (https://nodejs.org)."
    try:
        said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True, timeout=20).stdout  # noqa: S607
    except (OSError, subprocess.SubprocessError):
        return bad("Node is not installed.", get)
    major = int(said.strip().removeprefix("v").split(".")[0])
    if major < OLDEST_NODE:
        return bad(f"Node {said.strip()} is too old for the CDK.", get)
    return good(f"Node is {said.strip()}.")


def check_keys(keys: Mapping[str, str], *, prod: bool) -> Iterator[Finding]:
    """Check the shape of ZaloPay's keys, by name. The findings never show a key."""
    for name, key in keys.items():
        if not key:
            yield bad(f"{name} is empty.", _set_key(name))
        elif not re.fullmatch(KEY, key):
            yield bad(
                f"{name} is not 32 letters and digits.", f"Copy it again from the merchant portal. {_set_key(name)}"
            )
        elif prod and key in PUBLIC_KEYS:
            yield bad(f"{name} is a key of ZaloPay's public samples, so anybody can forge a payment.", _set_key(name))
        else:
            yield good(f"{name} has the shape of a key.")
    given = [key for key in keys.values() if key]
    if len(given) != len(set(given)):
        yield bad(
            "key1 and key2 are the same.", "They differ in the merchant portal: key1 signs orders, key2 callbacks."
        )


def _set_key(name: str) -> str:
    return f"See docs/deploy.md, step 5: it shows how to write the secret of {name}."


def keys_in(environment: Mapping[str, str]) -> dict[str, str]:
    """Return ZALOPAY_KEY1 and ZALOPAY_KEY2, as far as the environment has them."""
    variables = {"key1": "ZALOPAY_KEY1", "key2": "ZALOPAY_KEY2"}
    return {name: environment[variable] for name, variable in variables.items() if variable in environment}


def check_given_keys(environment: Mapping[str, str], *, prod: bool) -> Iterator[Finding]:
    """Check the keys in the environment, which the operator is about to put into the secrets."""
    keys = keys_in(environment)
    if not keys:
        yield unseen(
            "No keys were given, so none were checked.", "To check them: ZALOPAY_KEY1=… ZALOPAY_KEY2=… make doctor"
        )
    yield from check_keys(keys, prod=prod)
