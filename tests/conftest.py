"""What all tests share: the settings of the functions, and the tables in moto."""

import os

os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="ap-southeast-1",
    AWS_EC2_METADATA_DISABLED="true",
    STAYS_TABLE="stays",
    CONNECTIONS_TABLE="connections",
    FRONTEND_URL="http://localhost:3000",
    ALLOWED_ORIGINS="http://localhost:3000,https://stays.example",
    API_URL="http://localhost:8000/api/v1",
    CALLBACK_URL="http://localhost:8000/api/v1/payment/zalopay/callback",
    ZALOPAY_APP_ID="2553",
    ZALOPAY_KEY1_SECRET="zalopay-key1",
    ZALOPAY_KEY2_SECRET="zalopay-key2",
    EMAIL_KEY_SECRET="email-key",
    JWT_AUDIENCE="stays-api",
    MAIL_SENDER="Stays <booking@stays.example>",
    MAIL_CONFIGURATION="",
    MAILS_OFF="[]",
    EVENT_BUS="stays",
    POSTS_PER_SECOND="1000",
    MAILS_PER_SECOND="1000",
    RECORDS_BUCKET="records",
    REFUND_POLICY="[[7, 100], [3, 50], [0, 0]]",
    PARTIAL_WIN_PAGE="false",
    POWERTOOLS_SERVICE_NAME="tests",
    POWERTOOLS_METRICS_NAMESPACE="Stays",
)

import copy
import gc
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

import tests.fast_moto
import tests.moto_wire  # noqa: F401 (for what they change)
from infra.topology import MAIL_PAGES, TABLES, Table

os.environ["MAIL_PAGES"] = json.dumps(MAIL_PAGES)

# Of ZaloPay's public sandbox app 2553.
KEY1 = "PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL"
KEY2 = "kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz"
EMAIL_KEY = "of the addresses"

SERVICES = ("dynamodb", "dynamodbstreams", "events", "secretsmanager")

gc.set_threshold(100_000, 50, 1000)  # moto makes many objects and few cycles


def pytest_collection_finish() -> None:
    """Keep what the imports made out of every later collection of garbage."""
    gc.collect()
    gc.freeze()


def create_table(client: Any, name: str, table: Table) -> None:
    """Create a table as the topology describes it."""
    attributes = {"PK", "SK"} | {key for index in table.indexes.values() for key in index}
    indexes = [
        {
            "IndexName": index_name,
            "KeySchema": key_schema(index.partition, index.sort),
            "Projection": {"ProjectionType": "ALL"},
        }
        for index_name, index in table.indexes.items()
    ]
    stream = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}}
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=key_schema("PK", "SK"),
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in sorted(attributes)],
        **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
        **(stream if table.stream else {}),
    )


def key_schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


@cache
def client_of(service: str) -> Any:
    """Return a shared client. Making one is slow, and it also works with the next test's moto."""
    return boto3.client(service)


@cache
def account_at_the_start() -> dict[str, dict[str, Any]]:
    """What moto's services know when both tables are empty and ZaloPay's keys are in their secrets."""
    with mock_aws():
        client = client_of("dynamodb")
        for name, table in TABLES.items():
            create_table(client, name, table)
        client_of("events").create_event_bus(Name="stays")
        secrets = client_of("secretsmanager")
        for name, key in (("zalopay-key1", KEY1), ("zalopay-key2", KEY2), ("email-key", EMAIL_KEY)):
            secrets.create_secret(Name=name, SecretString=json.dumps({"current": key}))
        return {service: vars(backend_of(service)) for service in SERVICES}


def backend_of(service: str) -> Any:
    return get_backend(service)[DEFAULT_ACCOUNT_ID][os.environ["AWS_DEFAULT_REGION"]]


@pytest.fixture
def aws() -> Iterator[None]:
    """AWS as moto plays it: both tables empty, ZaloPay's keys in their secrets."""
    known = account_at_the_start()
    with mock_aws():
        for service, state in known.items():
            vars(backend_of(service)).update(copy.deepcopy(state))
        yield


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
