"""Checks that need the AWS account: its identity, its preparation, the alarm address, the secrets."""

import json
from collections.abc import Generator, Mapping
from email.utils import parseaddr
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws.stage import EDGE_REGION, Stage
from infra.doctor.finding import Finding, bad, good, unseen
from infra.doctor.settings import check_keys

OLDEST_BOOTSTRAP = 21
SECRETS = {"key1": "ZaloPayKey1Secret", "key2": "ZaloPayKey2Secret"}  # outputs of the data stack

NEEDS = "docs/deploy.md lists the permissions that a deployment needs."
_BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"


class Account(NamedTuple):
    """AWS's clients for one stage's region."""

    sts: Any
    ssm: Any
    ses: Any
    cloudformation: Any
    secrets: Any
    functions: Any
    gateway: Any
    topics: Any
    certificates: Any  # of the edge
    edge_ssm: Any


def open_account(region: str) -> Account:
    """Return clients for the account of this machine's own AWS settings."""
    session = boto3.Session(region_name=region)
    names = ("sts", "ssm", "sesv2", "cloudformation", "secretsmanager", "lambda", "apigateway", "sns")
    of_edge = (session.client(name, region_name=EDGE_REGION) for name in ("acm", "ssm"))
    return Account(*(session.client(name) for name in names), *of_edge)


def check_account(account: Account, stage: Stage) -> Generator[Finding, None, bool]:
    """Check that the account is the stage's and prepared. Returns whether more can be asked of it.

    Unseen without credentials.
    """
    try:
        number = account.sts.get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        do = "Sign in (for example: aws sso login). It is not needed on a machine that does not deploy."
        yield unseen(f"AWS could not be asked: {reason(error)}.", do)
        return False
    if stage.account not in (None, number):
        yield bad(
            f"Signed in to account {number}, {stage.name} belongs to {stage.account}.", "Sign in to that account."
        )
        return False
    yield good(f"Signed in to account {number}.")
    yield _check_bootstrap(account.ssm, stage, stage.region)
    if stage.edge:
        yield _check_bootstrap(account.edge_ssm, stage, EDGE_REGION)
        yield _check_certificate(account, stage)
    yield _check_sender(account, stage.mail_sender)
    return True


def _check_certificate(account: Account, stage: Stage) -> Finding:
    """Check that the edge's certificate is issued: without it CloudFront takes no domain, and the deployment fails."""
    assert stage.domain
    name, arn = stage.domain.name, stage.domain.certificate
    do = "Set the DNS record that shows that the name is yours: docs/deploy.md, section An edge."
    try:
        found = account.certificates.describe_certificate(CertificateArn=arn)["Certificate"]
    except account.certificates.exceptions.ResourceNotFoundException:
        return bad(f"There is no certificate {arn}.", "Request it: docs/deploy.md, section An edge.")
    except (BotoCoreError, ClientError) as error:
        return unseen(f"The certificate of {name} could not be read: {reason(error)}.", NEEDS)
    names = {found["DomainName"], *found.get("SubjectAlternativeNames", ())}
    if not names & {name, f"*.{name.partition('.')[2]}"}:
        return bad(f"The certificate is for {found['DomainName']}, not for {name}.", "Request one for that name.")
    if found["Status"] != "ISSUED":
        return bad(f"The certificate of {name} is {found['Status']}, not issued.", do)
    return good(f"The certificate of {name} is issued.")


def _check_bootstrap(ssm: Any, stage: Stage, region: str) -> Finding:
    prepare = f"Run: make bootstrap STAGE={stage.name}"
    try:
        version = int(ssm.get_parameter(Name=_BOOTSTRAP)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return bad(f"{region} is not prepared for the CDK.", prepare)
    except (BotoCoreError, ClientError) as error:
        return unseen(f"Whether {region} is prepared for the CDK could not be read: {reason(error)}.", NEEDS)
    if version < OLDEST_BOOTSTRAP:
        return bad(f"{region} is prepared for an older CDK: {version}, not {OLDEST_BOOTSTRAP}.", prepare)
    return good(f"{region} is prepared for the CDK.")


def _check_sender(account: Account, sender: str) -> Finding:
    """Check that SES has verified the sender's address or its whole domain."""
    address = parseaddr(sender)[1]
    for identity in (address, address.partition("@")[2]):
        try:
            if account.ses.get_email_identity(EmailIdentity=identity)["VerifiedForSendingStatus"]:
                return good(f"SES sends as {identity}.")
        except account.ses.exceptions.NotFoundException:
            continue
        except (BotoCoreError, ClientError) as error:
            return unseen(f"Whether SES knows {identity} could not be read: {reason(error)}.", NEEDS)
    do = "Verify the domain in SES (aws sesv2 create-email-identity --email-identity <domain>) and set its DNS records."
    return bad(f"SES does not know {address}, or has not verified it: no mail goes out.", do)


def check_alarm_address(account: Account, topic: str, address: str) -> Finding:
    """Check that the alarm address has confirmed its subscription. SNS sends alarms to no other."""
    try:
        pages = account.topics.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        found = {each["Endpoint"]: each["SubscriptionArn"] for page in pages for each in page["Subscriptions"]}
    except (BotoCoreError, ClientError) as error:
        return unseen(f"Whether {address} gets alarms could not be read: {reason(error)}.", NEEDS)
    if found.get(address, "").startswith("arn:"):
        return good(f"{address} gets alarms.")
    return bad(f"{address} has not confirmed its subscription: no alarm arrives.", "Open the mail of SNS and confirm.")


def reason(error: BotoCoreError | ClientError) -> str:
    """Name the error of a call in a word."""
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__


def check_secrets(
    account: Account, outputs: Mapping[str, str], *, prod: bool
) -> Generator[Finding, None, dict[str, str]]:
    """Check that the secrets hold keys instead of the placeholder. Returns the keys that it could read."""
    keys: dict[str, str] = {}
    for name, output in SECRETS.items():
        try:
            value = json.loads(account.secrets.get_secret_value(SecretId=outputs[output])["SecretString"])
            keys[name] = str(value["current"])
        except KeyError:
            yield bad(f"The secret of {name} is empty, or has no `current`.", "Write it again: docs/deploy.md, step 5.")
        except ValueError:
            yield bad(f"The secret of {name} is not JSON.", 'Write {"current": "…"} into it: docs/deploy.md, step 5.')
        except (BotoCoreError, ClientError) as error:
            yield unseen(
                f"The secret of {name} was not read: {type(error).__name__}.",
                "Your AWS user may not read it. Ask somebody who may.",
            )
    yield from check_keys(keys, prod=prod)
    return keys
