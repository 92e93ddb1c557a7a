"""Print a deployed stage's settings for the frontend and ZaloPay: `python -m infra.aws.outputs dev`."""

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws.stage import STAGES, BadStage, read_context, read_stage

STACKS = ("Data", "Backend")
_FRONTEND = "NextPublic"

Outputs = Mapping[str, str]


class NotDeployed(Exception):
    """The stage has no outputs: it is not deployed, or this account may not read it."""


def read_outputs(client: Any, stage: str) -> Outputs:
    """Read the outputs of a stage's stacks, by id, from CloudFormation. Raises NotDeployed."""
    found: dict[str, str] = {}
    for name in (f"Stays-{stage}-{stack}" for stack in STACKS):
        try:
            (stack,) = client.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            raise NotDeployed(f"{name}: {error.response['Error']['Message']}") from None
        except BotoCoreError as error:
            raise NotDeployed(f"{name}: {error}") from None
        found |= {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    return found


def outputs_in(file: Path, stage: str) -> Outputs:
    """Read the outputs from a file of `cdk deploy --outputs-file`. Raises NotDeployed."""
    try:
        written: dict[str, dict[str, str]] = json.loads(file.read_text())
    except OSError as error:
        raise NotDeployed(str(error)) from None
    found = [outputs for name, outputs in written.items() if name.startswith(f"Stays-{stage}-")]
    if not found:
        raise NotDeployed(f"{file} says nothing of {stage}.")
    return {key: value for outputs in found for key, value in outputs.items()}


def variable(output: str) -> str:
    """Return the environment variable for an output. An id cannot have underscores, so they are put back here."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", output).upper()


def lines(outputs: Outputs) -> list[str]:
    """Return the lines to paste: the frontend's variables, and all other outputs as comments."""
    frontend = [f"{variable(each)}={value}" for each, value in sorted(outputs.items()) if each.startswith(_FRONTEND)]
    rest = [f"# {each}: {value}" for each, value in sorted(outputs.items()) if not each.startswith(_FRONTEND)]
    return [*frontend, *rest]


def main(arguments: Sequence[str]) -> int:
    """Print the lines and return the exit code: 1 with one sentence if there are no outputs."""
    parser = argparse.ArgumentParser(prog="python -m infra.aws.outputs", description=__doc__)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--file", type=Path, help="read this file of `cdk deploy --outputs-file` instead of asking AWS")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.file:
            outputs = outputs_in(chosen.file, chosen.stage)
        else:
            region = read_stage(chosen.stage, read_context()).region
            outputs = read_outputs(boto3.client("cloudformation", region_name=region), chosen.stage)
    except (NotDeployed, BadStage) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("\n".join(lines(outputs)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
