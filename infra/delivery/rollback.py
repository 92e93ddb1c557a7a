"""Point the functions back at the release before: `python -m infra.delivery.rollback prod`. It takes seconds.

Tables, routes, permissions and alarms stay as they are. The next deployment points the functions at its own versions.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws.stage import STAGES, BadStage, Stage, read_context, read_stage
from infra.delivery.versions import Misfit, Published
from infra.topology import FUNCTIONS

_BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")


class NothingBefore(Exception):
    """There is no release to go back to."""


def main(arguments: Sequence[str]) -> int:
    """Go back and print each function's versions. Return the exit code: 1 with one sentence if it cannot."""
    typed = argparse.ArgumentParser(prog="python -m infra.delivery.rollback", description=__doc__)
    typed.add_argument("stage", choices=STAGES)
    typed.add_argument("function", nargs="?", choices=list(FUNCTIONS), help="only this function")
    chosen = typed.parse_args(arguments)
    try:
        stage = read_stage(chosen.stage, read_context())
        session = boto3.Session(region_name=stage.region)
        for line in go_back(session, stage, [chosen.function] if chosen.function else list(FUNCTIONS)):
            sys.stdout.write(f"{line}\n")
    except (NothingBefore, Misfit, BadStage, ClientError, BotoCoreError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def go_back(session: boto3.Session, stage: Stage, names: Iterable[str]) -> Iterator[str]:
    """Point these functions at the versions that were live before the deployment that published the newest of theirs.

    Each run goes back by one release. A function that the deployment did not change, or made, stays. Raises
    NothingBefore, and Misfit for a release from before a restore, or from before the stage got its edge or lost it.
    """
    published = Published(session.client("lambda"), stage)
    live = published.live(names)
    times = {name: published.times(name) for name in live}
    if not live:
        raise NothingBefore(f"{stage.name} has no functions.")
    begun = _begun(session.client("cloudformation"), stage, max(times[name][live[name]] for name in live))
    wanted = {name: max((each for each in times[name] if times[name][each] < begun), default=0) for name in live}
    wanted = {name: version for name, version in wanted.items() if 0 < version < live[name]}
    if not wanted:
        raise NothingBefore(f"No version of {', '.join(live)} is older than the deployment of {begun:%Y-%m-%d %H:%M}.")
    published.check_fit(live, wanted)
    published.point(wanted)
    for name, version in wanted.items():
        yield f"{name}: {live[name]} → {version}, published {times[name][version]:%Y-%m-%d %H:%M} UTC"


def _begun(cloudformation: Any, stage: Stage, moment: datetime) -> datetime:
    """Return when the deployment began that published a version at this moment."""
    name = f"Stays-{stage.name}-Backend"
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=name):  # the newest is first
        for event in page["StackEvents"]:
            of_stack = event["PhysicalResourceId"] == event["StackId"] and event["ResourceStatus"] in _BEGINNINGS
            if of_stack and event["Timestamp"] <= moment:
                begun: datetime = event["Timestamp"]
                return begun
    raise NothingBefore(f"CloudFormation does not remember the deployment of {moment:%Y-%m-%d %H:%M}.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
