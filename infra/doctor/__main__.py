"""Check a stage before and after its deployment, or any API by its address, including the local run."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from infra.aws.outputs import NotDeployed, Outputs, outputs_in, read_outputs
from infra.aws.stage import STAGES, ZALOPAY_ENDPOINTS, Stage, read_context
from infra.doctor.account import Account, check_account, check_alarm_address, check_secrets, open_account
from infra.doctor.finding import Finding, Verdict, bad, on, report, unseen
from infra.doctor.issuer import check_issuer
from infra.doctor.legacy import check_legacy, check_passed_on
from infra.doctor.question import check_key1
from infra.doctor.quotas import check_quotas
from infra.doctor.served import (
    check_api,
    check_callback,
    check_direct,
    check_origins,
    check_websocket,
    leads_to_edge,
    resolves,
)
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
    with httpx.Client(timeout=10, follow_redirects=False) as web:
        found = tell((_address if chosen.api else _stage)(web, chosen))
    return 1 if any(finding.verdict is Verdict.BAD for finding in found) else 0


def tell(findings: Iterable[Finding]) -> list[Finding]:
    """Print each finding as it comes, and then their number."""
    found = []
    for finding in findings:
        found.append(finding)
        sys.stdout.write("\n".join(report([finding])) + "\n")
        sys.stdout.flush()
    wrong = sum(finding.verdict is Verdict.BAD for finding in found)
    sys.stdout.write(f"Problems: {wrong or 'none'}.\n")
    return found


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
    if (yield from check_account(account, stage)):
        yield from check_quotas(account, stage)
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
    yield from check_deployed(web, account, stage, outputs)


def check_deployed(web: httpx.Client, account: Account, stage: Stage, outputs: Outputs) -> Iterator[Finding]:
    """Check a deployed stage: the release from outside, and what people do for it."""
    yield from check_outputs(outputs)
    yield from check_release(web, stage, outputs)
    if "AlarmTopic" in outputs:
        yield check_alarm_address(account, outputs["AlarmTopic"], stage.alarm_address)
    if stage.zalopay != "simulator":
        keys = yield from check_secrets(account, outputs, prod=stage.protected)
        if keys.get("key1"):
            yield check_key1(web, ZALOPAY_ENDPOINTS[stage.zalopay], stage.zalopay_app_id, keys["key1"])


def check_outputs(outputs: Outputs) -> Iterator[Finding]:
    """Check that the stage has every output that the frontend and ZaloPay need."""
    for name in _NEEDED:
        if name not in outputs:
            yield bad(f"The output {name} is missing.", "Deploy again; the stage may run another version.")


def check_release(web: httpx.Client, stage: Stage, outputs: Outputs) -> Iterator[Finding]:
    """Check the deployed APIs from outside; each finding names its check. Nothing is seen before the name resolves."""
    if stage.domain and not resolves(stage.domain.name):
        do = f"Point it at {outputs.get('DomainTarget', 'the output DomainTarget')}, then run doctor again."
        yield bad(f"The name {stage.domain.name} leads nowhere yet.", do)
        return
    api = outputs.get("NextPublicApiUrl")
    if stage.edge and api and not leads_to_edge(web, api):
        do = f"Point its name at {outputs.get('DomainTarget', 'the output DomainTarget')}, then run doctor again."
        yield bad(f"{api} does not lead to the edge yet.", do)
        return
    if api:
        yield from on("api", check_api(web, api))
        yield from on("origins", check_origins(web, api, stage.frontends))
        if stage.legacy_api_url:
            yield from on("legacy", check_passed_on(web, api, stage.legacy_api_url))
    if callback := outputs.get("ZaloPayCallbackUrl"):
        yield from on("callback", check_callback(web, callback))
    if websocket := outputs.get("NextPublicWsUrl"):
        yield from on("websocket", _check_scheme(websocket))
        yield from on("websocket", check_websocket(websocket))
    if stage.edge and "DirectApiUrl" in outputs:
        yield from on("edge", check_direct(web, outputs["DirectApiUrl"], outputs["DirectWsUrl"]))


def _check_scheme(websocket: str) -> Iterator[Finding]:
    if urlsplit(websocket).scheme != "wss":
        yield bad(f"{websocket} is not wss.", "Browsers on https pages open wss only.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
