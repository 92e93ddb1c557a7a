"""Deploy a stage: the CDK, then the doctor; and back to the functions before if a check fails that passed before."""

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from time import sleep
from typing import Any, NamedTuple

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws.outputs import STACKS, NotDeployed, read_outputs
from infra.aws.stage import STAGES, BadStage, Stage, read_context, read_stage
from infra.delivery.versions import Misfit, Published, Versions
from infra.doctor.__main__ import check_deployed, check_release, tell
from infra.doctor.account import Account, open_account
from infra.doctor.finding import Finding, failing, passing

_LOOKS = 2  # after the first

# A stack in one of these states was never complete: the next deployment begins with nothing.
_NEVER_COMPLETE = (
    "REVIEW_IN_PROGRESS",
    "CREATE_FAILED",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    typed = argparse.ArgumentParser(prog="python -m infra.delivery.deploy", description=__doc__)
    typed.add_argument("--stage", choices=STAGES, required=True)
    typed.add_argument("--zalopay", help="as given to the CDK")
    typed.add_argument("--switch", action="store_true", help="use another table, or open a stage that is closed")
    typed.add_argument("cdk", nargs="+", help="the command that deploys all stacks, after `--`")
    return typed


def main(arguments: Sequence[str]) -> int:
    """Deploy, and return the exit code: of the CDK; or 1 if the release does not work, or AWS cannot be asked."""
    chosen = parser().parse_args(arguments)

    def cdk(*more: str) -> int:
        return subprocess.run([*chosen.cdk, *more], check=False).returncode  # noqa: S603

    try:
        stage = read_stage(chosen.stage, read_context() | ({"zalopay": chosen.zalopay} if chosen.zalopay else {}))
        account = open_account(stage.region)
        with httpx.Client(timeout=10, follow_redirects=False) as web:
            return Deployment(stage, account, web, cdk, switch=chosen.switch).run()
    except (BadStage, NotDeployed, Misfit, ClientError, BotoCoreError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


class Deployment(NamedTuple):
    """One deployment of a stage. `cdk` runs the CDK's command with more options and returns its exit code."""

    stage: Stage
    account: Account
    web: httpx.Client
    cdk: Callable[..., int]
    pause: float = 10  # seconds before a failing check is repeated
    switch: bool = False  # whether it may change the table, or open a stage that a restore has closed

    def run(self) -> int:
        """Deploy, look, and go back if a check of the release fails that passed before. Returns the exit code.

        What people still have to do is only reported. Raises Misfit.
        """
        published = Published(self.account.functions, self.stage)
        if not self.switch:
            published.check_table()
        new, live, before = new_stacks(self.account.cloudformation, self.stage), published.live(), self._look()
        failed = self._deploy(new)
        if failed:
            published.point(live)  # CloudFormation goes back to its own last version, also after a rollback by hand
            return failed
        published.point(published.newest())
        outputs = read_outputs(self.account.cloudformation, self.stage.name)
        broken = self._broken(tell(check_deployed(self.web, self.account, self.stage, outputs)))
        if broken & passing(before):
            self._go_back(published, live, broken & passing(before))
        return 1 if broken else 0

    def _broken(self, found: Sequence[Finding]) -> set[str]:
        """Return the checks of the release that fail each time. A gateway may need some seconds to change."""
        broken = failing(found)
        for _ in range(_LOOKS):
            if broken:
                sleep(self.pause)
                broken &= failing(self._look())
        return broken

    def _deploy(self, new: Sequence[str]) -> int:
        """Deploy all stacks. Those with data that are new are protected once they are complete."""
        if new:
            return self.cdk("-c", f"new={','.join(new)}") or self.cdk()
        return self.cdk()

    def _look(self) -> list[Finding]:
        """Return what the deployed release shows from outside; nothing if there is none."""
        try:
            outputs = read_outputs(self.account.cloudformation, self.stage.name)
        except NotDeployed:
            return []
        return list(check_release(self.web, self.stage, outputs))

    def _go_back(self, published: Published, live: Versions, broken: set[str]) -> None:
        try:
            published.check_fit(published.newest(), live)
        except Misfit as error:
            sys.stdout.write(f"Passed before and fails now: {', '.join(sorted(broken))}. {error}\n")
            return
        published.point(live)
        sys.stdout.write(
            f"Passed before and fails now: {', '.join(sorted(broken))}. The functions before are live again.\n"
        )
        still = self._broken(self._look()) & broken
        if still:
            sys.stdout.write(f"Still failing: {', '.join(sorted(still))}. Deploy the release before.\n")


def new_stacks(cloudformation: Any, stage: Stage) -> list[str]:
    """Return the stacks of the stage that were never complete, by the last part of their names."""
    return [each for each in STACKS if _status(cloudformation, f"Stays-{stage.name}-{each}") in _NEVER_COMPLETE]


def _status(cloudformation: Any, name: str) -> str:
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return _NEVER_COMPLETE[0]
        raise
    status: str = stack["StackStatus"]
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
