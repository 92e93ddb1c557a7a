"""Checks of what the account may use: mail to everybody, concurrent functions, requests."""

from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from infra.aws.stage import Stage
from infra.doctor.account import NEEDS, Account, reason
from infra.doctor.finding import Finding, Verdict, bad, good, unseen
from infra.peak import UNRESERVED


def check_quotas(account: Account, stage: Stage) -> Iterator[Finding]:
    """Check that the account's quotas are enough for the stage."""
    yield _check_mail(account, stage)
    yield _check_concurrency(account, stage)
    yield _check_requests(account, stage)


def _check_mail(account: Account, stage: Stage) -> Finding:
    """Check that SES may send, and to everybody. A new account sends to verified addresses only."""
    try:
        mail = account.ses.get_account()
    except (BotoCoreError, ClientError) as error:
        return unseen(f"Whether SES may send to everybody could not be read: {reason(error)}.", NEEDS)
    if not mail["SendingEnabled"]:
        return bad("SES has paused the mail of this account.", "Answer AWS's review in the console of SES.")
    if mail["ProductionAccessEnabled"]:
        return good("SES sends to every address.")
    what, do = "SES sends to verified addresses only.", "Ask for production access in the console of SES."
    return bad(what, do) if stage.protected else Finding(Verdict.GOOD, what, do)


def _check_concurrency(account: Account, stage: Stage) -> Finding:
    """Check that the account's concurrency is enough for what the stage reserves."""
    reserving = stage.reservations
    try:
        limit = account.functions.get_account_settings()["AccountLimit"]
        ours = sum(_reserved(account, stage.function_name(name)) for name in reserving)
    except (BotoCoreError, ClientError) as error:
        return unseen(f"The quota of concurrent functions could not be read: {reason(error)}.", NEEDS)
    wanted, free = sum(reserving.values()), limit["UnreservedConcurrentExecutions"] + ours - UNRESERVED
    what = f"At most {limit['ConcurrentExecutions']} functions run at once; {stage.name} reserves {wanted}"
    if wanted > max(free, 0):
        return bad(
            f"{what}, and {UNRESERVED} have to stay free: the deployment would fail.",
            "Ask for a higher quota: docs/runbook.md, section Throttled. Or set reserveConcurrency to false.",
        )
    return good(f"{what}.")


def _reserved(account: Account, function: str) -> int:
    """Return what a function has reserved already; a redeployment does not take it again."""
    try:
        found: int = account.functions.get_function_concurrency(FunctionName=function).get(
            "ReservedConcurrentExecutions", 0
        )
    except account.functions.exceptions.ResourceNotFoundException:
        return 0
    return found


def _check_requests(account: Account, stage: Stage) -> Finding:
    """Check that API Gateway takes as many requests in this region as both APIs allow."""
    try:
        quota = account.gateway.get_account()["throttleSettings"]
    except (BotoCoreError, ClientError) as error:
        return unseen(f"API Gateway's quota could not be read: {reason(error)}.", NEEDS)
    rate = stage.peak.requests()
    burst = 2 * rate
    what = f"API Gateway takes {quota['rateLimit']:g} requests a second, {quota['burstLimit']} at once"
    if quota["rateLimit"] < rate or quota["burstLimit"] < burst:
        do = "Ask for a higher quota of API Gateway in this region (Service Quotas, throttle rate and burst)."
        return bad(f"{what}; the stage allows {rate} and {burst}.", do)
    return good(f"{what}.")
