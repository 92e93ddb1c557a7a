"""Check a stage before and after its deployment, or any API by its address, including the local run."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from infra.aws.outputs import NotDeployed, Outputs, outputs_in, read_outputs
from infra.aws.stage import STAGES, Stage, read_context
from infra.doctor.account import Account, check_account, check_secrets, open_account
from infra.doctor.finding import Finding, Verdict, bad, report, unseen
from infra.doctor.issuer import check_issuer
from infra.doctor.legacy import check_legacy, check_passed_on
from infra.doctor.served import check_api, check_callback, check_origins, check_websocket
from infra.doctor.settings import check_given_keys, check_settings, check_tools

_ROOT = Path(__file__).resolve().parents[2]
_NEEDED = ("NextPublicApiUrl", "NextPublicWsUrl", "ZaloPayCallbackUrl")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    typed = argparse.ArgumentParser(prog="python -m infra.doctor", description=__doc__)
    add = typed.add_argument
    add("--stage", choices=STAGES, default="dev")
    add("--zalopay", choices=("simulator", "sandbox", "production"), help="as given to the deployment")
    phase = typed.add_mutually_exclusive_group()
    phase.add_argument("--before", action="store_true", help="only the checks that need no deployed stage")
    phase.add_argument("--after", action="store_true", help="fail if the stage is not deployed")
    add("--offline", action="store_true", help="only the checks that need no network")
    add(
        "--outputs",
        type=Path,
        metavar="FILE",
        help="read this file of `cdk deploy --outputs-file` instead of asking AWS",
    )
    add("--api", metavar="URL", help="check only this API, for example http://localhost:8000/api/v1")
    add("--websocket", metavar="URL", help="with --api: also check this WebSocket API, without the stage's name")
    add("--origin", action="append", metavar="URL", help="with --api: also check that this frontend may call")
    add("--issuer", metavar="URL", help="with --api: also check this token issuer")
    add("--legacy", metavar="URL", help="with --api: also check that this backend gets all other paths")
    return typed


def main(arguments: Sequence[str]) -> int:
    """Print every finding and return the exit code: 1 if any finding is bad."""
    chosen = parser().parse_args(arguments)
    wrong = 0
    with httpx.Client(timeout=10, follow_redirects=False) as web:
        for finding in (_address if chosen.api else _stage)(web, chosen):
            wrong += finding.verdict is Verdict.BAD
            sys.stdout.write("\n".join(report([finding])) + "\n")
            sys.stdout.flush()
    sys.stdout.write(f"Problems: {wrong or 'none'}.\n")
    return 1 if wrong else 0


def _address(web: httpx.Client, chosen: argparse.Namespace) -> Iterator[Finding]:
    """Check one API by its address."""
    api = chosen.api.rstrip("/")
    yield from check_api(web, api)
    yield from check_origins(web, api, chosen.origin or [])
    yield from check_callback(web, f"{api}/payment/zalopay/callback")
    if chosen.websocket:
        yield from check_websocket(chosen.websocket)
    if chosen.issuer:
        yield from check_issuer(web, chosen.issuer)
    if chosen.legacy:
        yield from check_legacy(web, chosen.legacy)
        yield from check_passed_on(web, api, chosen.legacy)


def _stage(web: httpx.Client, chosen: argparse.Namespace) -> Iterator[Finding]:
    """Check a stage: its settings in cdk.json, and its deployment."""
    context = read_context() | ({"zalopay": chosen.zalopay} if chosen.zalopay else {})
    stage, findings = check_settings(chosen.stage, context)
    yield from findings
    yield from check_tools(_ROOT)
    if stage is None:
        return
    yield from check_given_keys(os.environ, prod=stage.protected)
    if chosen.offline:
        yield unseen("Checks outside this machine were skipped.", "Run it without --offline.")
        return
    yield from check_issuer(web, stage.issuer)
    if stage.legacy_api_url:
        yield from check_legacy(web, stage.legacy_api_url)
    account = open_account(stage.region)
    yield from check_account(account, stage)
    if not chosen.before:
        yield from _deployed(web, chosen, stage, account)


def _deployed(web: httpx.Client, chosen: argparse.Namespace, stage: Stage, account: Account) -> Iterator[Finding]:
    try:
        written = chosen.outputs
        outputs = outputs_in(written, stage.name) if written else read_outputs(account.cloudformation, stage.name)
    except NotDeployed as error:
        do = f"Run: make deploy STAGE={stage.name}"
        yield bad(f"Not deployed: {error}", do) if chosen.after else unseen(f"Not deployed yet: {error}", do)
        return
    yield from check_outputs(outputs)
    yield from check_served(web, outputs, stage.frontends)
    if stage.legacy_api_url and "NextPublicApiUrl" in outputs:
        yield from check_passed_on(web, outputs["NextPublicApiUrl"], stage.legacy_api_url)
    if stage.zalopay != "simulator":
        yield from check_secrets(account, outputs, prod=stage.protected)


def check_outputs(outputs: Outputs) -> Iterator[Finding]:
    """Check that the stage has every output that the frontend and ZaloPay need."""
    for name in _NEEDED:
        if name not in outputs:
            yield bad(f"The output {name} is missing.", "Deploy again; the stage may run another version.")


def check_served(web: httpx.Client, outputs: Mapping[str, str], frontends: Iterable[str]) -> Iterator[Finding]:
    """Check the deployed APIs from outside."""
    if "NextPublicApiUrl" in outputs:
        yield from check_api(web, outputs["NextPublicApiUrl"])
        yield from check_origins(web, outputs["NextPublicApiUrl"], frontends)
    if "ZaloPayCallbackUrl" in outputs:
        yield from check_callback(web, outputs["ZaloPayCallbackUrl"])
    if "NextPublicWsUrl" in outputs:
        yield from _check_scheme(outputs["NextPublicWsUrl"])
        yield from check_websocket(outputs["NextPublicWsUrl"])


def _check_scheme(websocket: str) -> Iterator[Finding]:
    if urlsplit(websocket).scheme != "wss":
        yield bad(f"{websocket} is not wss.", "Browsers on https pages open wss only.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
