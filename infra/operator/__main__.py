"""`python -m infra.operator`: see what happened to a stay, and take the decisions that the rules leave to people.

Nothing is written without --yes. The stay's timeline records every action with the operator's name. Without --stage it
works on the local run. Exit codes: 0 done, 1 refused or not possible, 2 not a command, 3 nothing found,
4 the report names differences.
"""

import argparse
import getpass
import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from typing import get_args

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws.stage import STAGES, BadStage, read_context, read_stage
from infra.operator.commands import Commands, Tools
from infra.operator.environment import Environment, NotThere, deployed, enter, find_local, local
from infra.operator.lines import Line, read_time
from infra.operator.report import DoesNotAddUp
from stays.aws.client import AwsError, DynamoDB, SecretsManager
from stays.aws.curl import Credentials
from stays.aws.store import Store
from stays.domain.errors import NotFound, StaysError
from stays.domain.mail import StayMail
from stays.edge.bus import TIMEOUTS, NotTaken, publish
from stays.edge.connections import Connections
from stays.table.due_items import DueItems
from stays.table.effects import Effects
from stays.table.erasures import Erasures
from stays.table.operator_queries import OperatorQueries
from stays.table.sessions import Sessions
from stays.table.strays import Strays
from stays.zalopay.callback import BadCallback
from stays.zalopay.client import client
from stays.zalopay.keys import Keys, NoKey

# What a command raises when it cannot run. The message is one sentence for the operator.
FAILURES = (
    NotThere,
    DoesNotAddUp,
    BadStage,
    StaysError,
    BadCallback,
    NotTaken,
    NoKey,
    AwsError,
    ClientError,
    BotoCoreError,
)
READS_ALL = ("review", "messages", "publish", "index", "report")
ONLY_READS = ("find", "show", "due", "review", "report", "blocked")
CODES: dict[type[Exception], int] = {NotFound: 3, DoesNotAddUp: 4}
# What a list without lines says.
NOTHING = {
    "due": "Nothing waits: no item is due within the hour.",
    "review": "Nothing waits for an operator.",
    "redrive": "Nothing waits: there is no dead letter.",
    "messages": "Nothing has changed since then.",
    "publish": "Nothing has happened since then.",
    "replay": "Nothing to decide on: there is no such evidence.",
    "blocked": "No address is blocked.",
}
# The arguments of each command that takes more, or other, than the name of a stay.
TAKES = {
    "find": ("name", "night"),
    "replay": ("name", "at"),
    "refund": ("name", "amount", "end_booking"),
    "mail": ("name", "kind"),
    "due": (),
    "review": (),
    "redrive": (),
    "index": (),
    "report": ("day", "as_csv"),
    "messages": ("since", "user_id"),
    "publish": ("since",),
    "blocked": (),
    "block": ("name", "reason", "by"),
    "unblock": ("name", "reason", "by"),
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    typed = argparse.ArgumentParser(prog="python -m infra.operator", description=__doc__, parents=[_how()])
    typed.set_defaults(yes=False, by=getpass.getuser(), personal=False, json=False)
    where = typed.add_mutually_exclusive_group()
    where.add_argument("--stage", choices=STAGES, help="a stage in AWS")
    where.add_argument("--local", action="store_true", help="the local run; the default")
    typed.add_argument("--at", metavar="URL", help="the address of the local run; default: it is found")
    _add_commands(typed.add_subparsers(dest="command", required=True, metavar="COMMAND"))
    return typed


def _how() -> argparse.ArgumentParser:
    """Return the options that may stand before or after every command."""
    how = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    how.add_argument("--yes", action="store_true", help="do it; without this, only show what would be done")
    how.add_argument("--as", dest="by", metavar="NAME", help="the name of the operator; default: the login name")
    how.add_argument("--json", action="store_true", help="print each line as a JSON object with its facts")
    how.add_argument("--personal", action="store_true", help="show the user's id, name and address")
    return how


def _add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    named = {
        "find": "list what a caller names: user, e-mail, reference number, order, transaction, auction, or night",
        "show": "show the timeline of a stay (by stay, order, transaction or reference number) or of stray money",
        "ask": "ask ZaloPay about an order or a refund now",
        "end": "end a session by hand, after asking ZaloPay; if money has arrived, it is recorded instead",
        "replay": "decide again on stored evidence, or on a kept callback by its key or transaction",
        "refund": "refund a stay, or stray money by its transaction",
        "settled": "record that a refused refund was paid back by hand",
        "settle-stray": "record that stray money was paid back by hand; by its transaction",
        "accept": "accept an amount under review as the price",
        "mail": "send a mail again",
        "erase": "take a user, by the user's id, out of everything that is stored; refuses while something is open",
    }
    add = partial(commands.add_parser, parents=[_how()])
    added = {name: add(name, help=text) for name, text in named.items()}
    for command in added.values():
        command.add_argument("name", metavar="ID")
    added["find"].add_argument("night", nargs="?", type=date.fromisoformat, help="a night of the property: YYYY-MM-DD")
    added["replay"].add_argument(
        "--event", dest="at", type=read_time, metavar="TIME", help="only the evidence of this time, as `show` prints it"
    )
    added["refund"].add_argument("--amount", type=int, help="đồng; default: all that is owed")
    added["refund"].add_argument("--end-booking", action="store_true", help="end the booking of a booked stay")
    added["mail"].add_argument("kind", choices=get_args(StayMail))
    add("due", help="list the items that are due within the hour")
    add("review", help="list the items that need an operator")
    add("redrive", help="send dead letters again")
    add("index", help="let `find` find what earlier releases stored, and give it its end")
    report = add("report", help="what was paid, booked and refunded of a day's orders, and what does not add up")
    report.add_argument("--day", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
    report.add_argument("--csv", dest="as_csv", action="store_true", help="print the table as CSV, for accounting")
    messages = add("messages", help="send browsers the state of each payment that changed since a time")
    messages.add_argument("--since", type=read_time, required=True, metavar="TIME")
    messages.add_argument("--user", dest="user_id", metavar="ID")
    add("blocked", help="list the addresses that the edge refuses, with the last change")
    for name, text in (("block", "let the edge refuse an address or a range"), ("unblock", "let it in again")):
        listed = add(name, help=text)
        listed.add_argument("name", metavar="ADDRESS", help="IPv4 or IPv6; a range as 203.0.113.0/24")
        listed.add_argument("--reason", default="", metavar="TEXT", help="why, for the record")
    events = add("publish", help="publish again the events of every change since a time")
    events.add_argument("--since", type=read_time, required=True, metavar="TIME")


def _environment(chosen: argparse.Namespace) -> Environment:
    if chosen.stage is None:
        return local(chosen.at or find_local())
    stage = read_stage(chosen.stage, read_context())
    return deployed(stage, boto3.Session(region_name=stage.region))


def tools(by: str) -> Tools:
    """Return the parts of the functions, made from the settings of the chosen environment."""
    setting = os.environ
    own = own_credentials()
    keys = Keys(SecretsManager(credentials=own))
    dynamodb = DynamoDB(credentials=own)
    store = Store(dynamodb, setting["STAYS_TABLE"])
    key1 = partial(keys.signing, setting["ZALOPAY_KEY1_SECRET"])
    email_keys = partial(keys.accepted, setting["EMAIL_KEY_SECRET"])
    zalopay = client(setting["ZALOPAY_ENDPOINT"], int(setting["ZALOPAY_APP_ID"]), key1)
    return Tools(
        sessions=Sessions(store, by=by),
        strays=Strays(store, by=by),
        effects=Effects(store),
        due_items=DueItems(store),
        queries=OperatorQueries(store, by),
        erasures=Erasures(store, email_keys, by),
        connections=Connections(Store(dynamodb, setting["CONNECTIONS_TABLE"])),
        zalopay=zalopay,
        keys=partial(keys.accepted, setting["ZALOPAY_KEY2_SECRET"]),
        email_keys=email_keys,
        publish=partial(publish, boto3.client("events", config=TIMEOUTS), setting["EVENT_BUS"]),
    )


def own_credentials() -> Credentials:
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
    commands = Commands(tools(chosen.by), environment, really=chosen.yes, personal=chosen.personal)
    yield from _lines(commands, chosen)


def lines_of(chosen: argparse.Namespace, arguments: Sequence[str]) -> Iterator[str]:
    """Run a command. Return its lines, a word instead of silence, and the line that does what was only shown."""
    said = planned = False
    for line in run(chosen):
        said, planned = True, planned or " would b" in line
        yield line
    if not said:
        yield NOTHING.get(chosen.command, "Nothing happened.")
    if planned and chosen.command not in ONLY_READS and not chosen.yes:
        again = f'make operator ARGS="{shlex.join([*arguments, "--yes"])}"'
        yield Line(f"Nothing is written yet. This does it:\n  {again}", command=again)


def _printed(line: str, *, as_json: bool) -> str:
    if not as_json:
        return line
    fields = line.fields if isinstance(line, Line) else {}
    return json.dumps({"text": line.strip(), **fields}, ensure_ascii=False, default=str)


def main(arguments: Sequence[str]) -> int:
    """Run the command and print its lines. Return the exit code; above 0 one sentence says why."""
    chosen = parser().parse_args(arguments)
    try:
        if chosen.command in READS_ALL:
            sys.stderr.write("Reading the whole table …\n")
        for line in lines_of(chosen, arguments):
            sys.stdout.write(f"{_printed(line, as_json=chosen.json)}\n")
    except FAILURES as error:
        sys.stderr.write(f"{'No key can be read from ' if isinstance(error, NoKey) else ''}{error}\n")
        return CODES.get(type(error), 1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
