"""The environment variables of each function: its settings from the topology, and AWS's own variables."""

import json
import os
from typing import NamedTuple

from infra.local.database import CREDENTIALS, EMAIL_KEY_SECRET, KEY1_SECRET, KEY2_SECRET, REGION
from infra.local.settings import Settings
from infra.peak import Peak
from infra.topology import FUNCTIONS, MAIL_PAGES, WEBSOCKET_STAGE
from infra.zalopay_simulator.settings import SANDBOX_APP_ID

# Pairs: the days before check-in, and the percentage of the price that a cancellation then returns.
_REFUND_POLICY = [[7, 100], [3, 50], [0, 0]]
_PEAK = Peak(1000)  # as in cdk.json


class Addresses(NamedTuple):
    """The addresses at which each part listens."""

    http: str
    websocket: str
    simulator: str
    database: str


def environments(settings: Settings, addresses: Addresses) -> dict[str, dict[str, str]]:
    """Return the variables of every function. None of them comes from the environment of this process."""
    values = _values(settings, addresses)
    shared = _aws(addresses) | {"POWERTOOLS_METRICS_NAMESPACE": "Stays", "LOG_LEVEL": "INFO"}
    return {
        name: function.choose_settings(values) | shared | {"POWERTOOLS_SERVICE_NAME": name, "AWS_SDK_UA_APP_ID": name}
        for name, function in FUNCTIONS.items()
    }


def issuer_url(settings: Settings, addresses: Addresses) -> str:
    """Return the issuer address that tokens name; it ends in a slash."""
    return settings.issuer or f"{addresses.http}/"


def _values(settings: Settings, addresses: Addresses) -> dict[str, str]:
    return {
        "STAYS_TABLE": "stays",
        "CONNECTIONS_TABLE": "connections",
        "FRONTEND_URL": settings.frontends[0],
        "API_URL": f"{addresses.http}/api/v1",
        "CALLBACK_URL": f"{addresses.http}/api/v1/payment/zalopay/callback",
        "ZALOPAY_ENDPOINT": addresses.simulator,
        "ZALOPAY_APP_ID": str(SANDBOX_APP_ID),
        "ZALOPAY_KEY1_SECRET": KEY1_SECRET,
        "ZALOPAY_KEY2_SECRET": KEY2_SECRET,
        "EMAIL_KEY_SECRET": EMAIL_KEY_SECRET,
        "WEBSOCKET_ENDPOINT": f"{addresses.websocket.replace('ws', 'http', 1)}/{WEBSOCKET_STAGE}",
        "WEBSOCKET_IDENTITY": settings.identity,
        # The console is a frontend, too.
        "ALLOWED_ORIGINS": ",".join((*settings.frontends, addresses.http)),
        "JWT_ISSUER": issuer_url(settings, addresses),
        "JWT_AUDIENCE": settings.audience,
        "MAIL_SENDER": "Stays <no-reply@stays.example>",
        "MAIL_CONFIGURATION": "",
        "MAIL_PAGES": json.dumps(MAIL_PAGES),
        "MAILS_OFF": json.dumps([]),
        "EVENT_BUS": "stays",
        "RECORDS_BUCKET": "records",
        "REFUND_POLICY": json.dumps(_REFUND_POLICY),
        **({"LEGACY_API_URL": settings.legacy} if settings.legacy else {}),
        "PARTIAL_WIN_PAGE": json.dumps(settings.partial_win_page),
        **_PEAK.rates(requests=10_000, mails=1000),
    }


def _aws(addresses: Addresses) -> dict[str, str]:
    return CREDENTIALS | {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL_DYNAMODB": addresses.database,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": addresses.database,
        "AWS_ENDPOINT_URL_SESV2": f"{addresses.http}/dev/ses",
        "AWS_ENDPOINT_URL_S3": f"{addresses.http}/dev/s3",
        "AWS_ENDPOINT_URL_EVENTBRIDGE": f"{addresses.http}/dev/eventbridge",
        # The functions must not find the AWS accounts of this machine's user.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
