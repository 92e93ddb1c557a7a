"""`make restore STAGE=prod TO=<time>`: go on with the table as it was at a time, and with all that came later.

Without --yes it only prints the steps that are left. It may be run again at any time: it goes on where it stopped.
Exit codes: 0 done or shown, 1 not possible now, 2 not a command.
"""

import argparse
import getpass
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import boto3

from infra.aws.stage import CDK_JSON, STAGES
from infra.operator.__main__ import FAILURES, own_credentials, tools
from infra.operator.commands import Tools
from infra.operator.environment import deployed, enter
from infra.operator.lines import read_time
from infra.restore.cloud import Cloud, NotRestored
from infra.restore.stage_file import StageFile
from infra.restore.steps import Plan, Restore
from stays.aws.client import DynamoDB
from stays.aws.store import Store


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    typed = argparse.ArgumentParser(prog="python -m infra.restore", description=__doc__)
    typed.add_argument("--stage", choices=STAGES, required=True)
    typed.add_argument("--zalopay", help="as given to the CDK")
    typed.add_argument("--to", type=read_time, required=True, metavar="TIME", help="a time within the last 35 days")
    typed.add_argument("--ignore-old", action="store_true", help="copy nothing from the old table: it is damaged")
    typed.add_argument("--as", dest="by", metavar="NAME", default=getpass.getuser(), help="the operator's name")
    typed.add_argument("--yes", action="store_true", help="do it; without this, only show what would be done")
    typed.add_argument("cdk", nargs="+", help="the command that deploys, after `--`")
    return typed


def open_restore(chosen: argparse.Namespace, path: Path = CDK_JSON) -> Restore:
    """Return the restore that was asked for, with the caller's own rights. Raises one of FAILURES."""
    if chosen.to >= datetime.now(UTC):
        raise NotRestored("This time is not over yet.")
    file = StageFile(path, chosen.stage, chosen.zalopay)
    stage = file.stage()
    session = boto3.Session(region_name=stage.region)
    environment = deployed(stage, session)
    enter(environment)

    def cdk(*more: str) -> int:
        return subprocess.run([*chosen.cdk, *more], check=False).returncode  # noqa: S603

    def open_tools(table: str) -> Tools:
        os.environ["STAYS_TABLE"] = table
        return tools(chosen.by)

    def open_store(table: str) -> Store:
        return Store(DynamoDB(credentials=own_credentials()), table)  # credentials may be new since the step before

    plan = Plan(chosen.to, chosen.by, chosen.ignore_old)
    return Restore(plan, file, Cloud(session, stage), cdk=cdk, open_store=open_store, open_tools=open_tools)


def main(arguments: Sequence[str]) -> int:
    """Restore, or say what would be done. Return the exit code; above 0 one sentence says why."""
    chosen = parser().parse_args(arguments)
    try:
        for line in open_restore(chosen).run(really=chosen.yes):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    except (NotRestored, *FAILURES) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not chosen.yes:
        sys.stdout.write("Nothing is done yet: add --yes.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
