"""What a deployed stage tells the frontend and ZaloPay: `python -m infra.aws.outputs dev`."""

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
    """There is nothing to read: the stage is not deployed, or this account is not allowed to look."""


def read_outputs(client: Any, stage: str) -> Outputs:
    """The outputs of a stage's stacks, by id, from CloudFormation. Raises NotDeployed."""
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
    """The same from a file that `cdk deploy --outputs-file` has written. Raises NotDeployed."""
    try:
        written: dict[str, dict[str, str]] = json.loads(file.read_text())
    except OSError as error:
        raise NotDeployed(str(error)) from None
    found = [outputs for name, outputs in written.items() if name.startswith(f"Stays-{stage}-")]
    if not found:
        raise NotDeployed(f"{file} says nothing of {stage}.")
    return {key: value for outputs in found for key, value in outputs.items()}


def variable(output: str) -> str:
    """The environment variable of an output: its id cannot have underscores, so they come back here."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", output).upper()


def lines(outputs: Outputs) -> list[str]:
    """What to paste: the frontend's variables, and the rest as comments."""
    frontend = [f"{variable(each)}={value}" for each, value in sorted(outputs.items()) if each.startswith(_FRONTEND)]
    rest = [f"# {each}: {value}" for each, value in sorted(outputs.items()) if not each.startswith(_FRONTEND)]
    return [*frontend, *rest]


def main(arguments: Sequence[str]) -> int:
    """Print them; 1 and one sentence if there are none."""
    parser = argparse.ArgumentParser(prog="python -m infra.aws.outputs", description=__doc__)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--file", type=Path, help="written by `cdk deploy --outputs-file`, instead of asking AWS")
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
