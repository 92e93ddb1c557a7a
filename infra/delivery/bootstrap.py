"""Prepare the account and the region of a stage for the CDK, once: the permissions boundary first, then its toolkit."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws import boundary
from infra.aws.stage import EDGE_REGION, STAGES, BadStage, Stage, read_context, read_stage

_REGION = "us-east-1"  # policies belong to no region, so that one stack has to serve all
_STACK = "StaysBoundary"


class WrongAccount(Exception):
    """Signed in to another account than the stage's."""


def main(arguments: Sequence[str]) -> int:
    """Prepare, and return the exit code: of the CDK, or 1 with one sentence if AWS refuses."""
    typed = argparse.ArgumentParser(prog="python -m infra.delivery.bootstrap", description=__doc__)
    typed.add_argument("--stage", choices=STAGES, required=True)
    typed.add_argument("cdk", nargs="+", help="the command that bootstraps, after `--`")
    chosen = typed.parse_args(arguments)

    def cdk(*more: str) -> int:
        return subprocess.run([*chosen.cdk, *more], check=False).returncode  # noqa: S603

    try:
        return prepare(read_stage(chosen.stage, read_context()), cdk)
    except (BadStage, WrongAccount, ClientError, BotoCoreError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def prepare(stage: Stage, cdk: Callable[..., int]) -> int:
    """Make the boundary, then let the CDK make its roles within it, also in the edge's region. Safe to repeat.

    Raises WrongAccount.
    """
    session = boto3.Session(region_name=stage.region)
    account = session.client("sts").get_caller_identity()["Account"]
    if stage.account not in (None, account):
        raise WrongAccount(f"Signed in to account {account}, {stage.name} belongs to {stage.account}.")
    make_boundary(session.client("cloudformation", region_name=_REGION))
    regions = dict.fromkeys([stage.region, *([EDGE_REGION] if stage.edge else [])])
    places = [f"aws://{account}/{region}" for region in regions]
    return cdk(*places, "--custom-permissions-boundary", boundary.NAME)


def make_boundary(cloudformation: Any) -> None:
    """Create the stack of the boundary, or bring it up to date."""
    how = {
        "StackName": _STACK,
        "TemplateBody": json.dumps(boundary.template()),
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    }
    try:
        cloudformation.create_stack(**how)
        done = "stack_create_complete"
    except cloudformation.exceptions.AlreadyExistsException:
        try:
            cloudformation.update_stack(**how)
        except ClientError as error:
            if "No updates are to be performed" in error.response["Error"]["Message"]:
                return
            raise
        done = "stack_update_complete"
    cloudformation.get_waiter(done).wait(StackName=_STACK)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
