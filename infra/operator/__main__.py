"""`python -m infra.operator`: see what happened to a stay, and take the decisions that the rules leave to people.

Nothing is written without --yes. The stay's timeline records every action with the operator's name.
"""

import argparse
import getpass
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import get_args

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws.stage import STAGES, BadStage, read_context, read_stage
from infra.operator.commands import Commands, Tools
from infra.operator.environment import Environment, NotThere, deployed, enter, local
from stays.aws.client import AwsError, DynamoDB, SecretsManager
from stays.aws.curl import Credentials
from stays.aws.store import Store
from stays.domain.errors import StaysError
from stays.domain.mail import StayMail
from stays.edge.bus import TIMEOUTS, NotTaken, publish
from stays.table.due_items import DueItems
from stays.table.effects import Effects
from stays.table.operator_queries import OperatorQueries
from stays.table.sessions import Sessions
from stays.table.strays import Strays
from stays.zalopay.callback import BadCallback
from stays.zalopay.client import client
from stays.zalopay.keys import Keys

# What a command raises when it cannot run. The message is one sentence for the operator.
FAILURES = (NotThere, BadStage, StaysError, BadCallback, NotTaken, AwsError, ClientError, BotoCoreError)
READS_ALL = ("review", "messages", "publish")
# The arguments of each command that takes more, or other, than the name of a stay.
TAKES = {
    "replay": ("name", "at"),
    "refund": ("name", "amount", "end_booking"),
    "mail": ("name", "kind"),
    "due": (),
    "review": (),
    "redrive": (),
    "messages": ("since", "user_id"),
    "publish": ("since",),
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    typed = argparse.ArgumentParser(prog="python -m infra.operator", description=__doc__, parents=[_how()])
    typed.set_defaults(yes=False, by=getpass.getuser(), personal=False)
    where = typed.add_mutually_exclusive_group(required=True)
    where.add_argument("--stage", choices=STAGES, help="a stage in AWS")
    where.add_argument("--local", action="store_true", help="the local run")
    typed.add_argument("--at", default="http://localhost:8000", metavar="URL", help="the address of the local run")
    _add_commands(typed.add_subparsers(dest="command", required=True, metavar="COMMAND"))
    return typed


def _how() -> argparse.ArgumentParser:
    """Return the options that may stand before or after every command."""
    how = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    how.add_argument("--yes", action="store_true", help="do it; without this, only show what would be done")
    how.add_argument("--as", dest="by", metavar="NAME", help="the name of the operator; default: the login name")
    how.add_argument("--personal", action="store_true", help="show the user's id, name and address")
    return how


def _add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    named = {
        "show": "show the timeline of a stay (by stay, order, transaction or reference number) or of stray money",
        "ask": "ask ZaloPay about an order or a refund now",
        "end": "end a session by hand, after asking ZaloPay; if money has arrived, it is recorded instead",
        "replay": "decide again on stored evidence, or on a kept callback by its key or transaction",
        "refund": "refund a stay, or stray money by its transaction",
        "settled": "record that a refused refund was paid back by hand",
        "settle-stray": "record that stray money was paid back by hand; by its transaction",
        "accept": "accept an amount under review as the price",
        "mail": "send a mail again",
    }
    add = partial(commands.add_parser, parents=[_how()])
    added = {name: add(name, help=text) for name, text in named.items()}
    for command in added.values():
        command.add_argument("name", metavar="ID")
    added["replay"].add_argument(
        "--event", dest="at", metavar="TIME", help="only the evidence of this time, as `show` prints it"
    )
    added["refund"].add_argument("--amount", type=int, help="đồng; default: all that is owed")
    added["refund"].add_argument("--end-booking", action="store_true", help="end the booking of a booked stay")
    added["mail"].add_argument("kind", choices=get_args(StayMail))
    add("due", help="list the items that are due within the hour")
    add("review", help="list the items that need an operator")
    add("redrive", help="send dead letters again")
    messages = add("messages", help="send browsers the state of each payment that changed since a time")
    messages.add_argument("--since", type=datetime.fromisoformat, required=True, metavar="TIME")
    messages.add_argument("--user", dest="user_id", metavar="ID")
    events = add("publish", help="publish again the events of every change since a time")
    events.add_argument("--since", type=datetime.fromisoformat, required=True, metavar="TIME")


def _environment(chosen: argparse.Namespace) -> Environment:
    if chosen.local:
        return local(chosen.at)
    stage = read_stage(chosen.stage, read_context())
    return deployed(stage, boto3.Session(region_name=stage.region))


def _tools(by: str) -> Tools:
    """Return the parts of the functions, made from the settings of the chosen environment."""
    setting = os.environ
    own = _credentials()
    keys = Keys(SecretsManager(credentials=own))
    store = Store(DynamoDB(credentials=own), setting["STAYS_TABLE"])
    key1 = partial(keys.signing, setting["ZALOPAY_KEY1_SECRET"])
    zalopay = client(setting["ZALOPAY_ENDPOINT"], int(setting["ZALOPAY_APP_ID"]), key1)
    return Tools(
        sessions=Sessions(store, by=by),
        strays=Strays(store, by=by),
        effects=Effects(store),
        due_items=DueItems(store),
        queries=OperatorQueries(store, by),
        zalopay=zalopay,
        keys=partial(keys.accepted, setting["ZALOPAY_KEY2_SECRET"]),
        publish=partial(publish, boto3.client("events", config=TIMEOUTS), setting["EVENT_BUS"]),
    )


def _credentials() -> Credentials:
    """Return the caller's own credentials, wherever the SDK finds them. Raises NotThere."""
    found = boto3.Session().get_credentials()
    if found is None:
        raise NotThere("There are no AWS credentials here.")
    frozen = found.get_frozen_credentials()
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token)


def _lines(commands: Commands, chosen: argparse.Namespace) -> Iterator[str]:
    wanted = {each: getattr(chosen, each) for each in TAKES.get(chosen.command, ("name",))}
    lines: Iterator[str] = getattr(commands, chosen.command.replace("-", "_"))(**wanted)
    return lines


def run(chosen: argparse.Namespace) -> Iterator[str]:
    """Run a command and return its lines. Raises one of FAILURES with one sentence."""
    environment = _environment(chosen)
    enter(environment)
    commands = Commands(_tools(chosen.by), environment, really=chosen.yes, personal=chosen.personal)
    yield from _lines(commands, chosen)


def main(arguments: Sequence[str]) -> int:
    """Run the command and print its lines. Return the exit code: 1 with one sentence if it cannot run."""
    chosen = parser().parse_args(arguments)
    try:
        if chosen.command in READS_ALL:
            sys.stderr.write("Reading the whole table …\n")
        for line in run(chosen):
            sys.stdout.write(f"{line}\n")
    except FAILURES as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
