"""The permissions of each function in AWS. Everything that is not listed here is denied."""

from collections.abc import Iterator, Mapping
from email.utils import parseaddr
from typing import NamedTuple

from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager

from infra.topology import CONSUMERS, EVENT_SOURCE, WEBSOCKET_STAGE, Access, Function


class Resources(NamedTuple):
    """The resources that functions may be allowed to use."""

    stack: Stack
    tables: Mapping[str, dynamodb.ITableV2]
    secrets: Mapping[str, secretsmanager.ISecret]  # by the name of their setting
    bus: events.IEventBus
    records: str  # the name of the bucket
    websocket_api_id: str
    mail_sender: str
    mail_configuration: str


def statements(name: str, function: Function, resources: Resources) -> list[iam.PolicyStatement]:
    """Return the policy statements that follow from the topology: tables, streams, and one for each setting."""
    allowed = [_items(access, resources.tables[access.table]) for access in function.access]
    allowed += [_stream(resources.tables[each.table]) for each in CONSUMERS if each.function == name]
    for setting in (*function.environment, *function.optional):
        allowed += _by_setting(setting, resources)
    return allowed


def _items(access: Access, table: dynamodb.ITableV2) -> iam.PolicyStatement:
    # "For all values" is enough, because every listed action names its keys.
    keys = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(access.keys)}} if access.keys else None
    return iam.PolicyStatement(
        actions=[f"dynamodb:{action}" for action in access.actions],
        resources=[f"{table.table_arn}/index/{access.through}" if access.through else table.table_arn],
        conditions=keys,
    )


def _stream(table: dynamodb.ITableV2) -> iam.PolicyStatement:
    actions = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
    return iam.PolicyStatement(
        actions=[f"dynamodb:{action}" for action in actions], resources=[str(table.table_stream_arn)]
    )


def connection_arns(stack: Stack, api_id: str) -> list[str]:
    """Return the ARNs for posting to connections and for closing them.

    Connections exist only at run time, hence the wildcard. Reading a connection is not included.
    """
    paths = [f"{WEBSOCKET_STAGE}/{method}/@connections/*" for method in ("POST", "DELETE")]
    return [stack.format_arn(service="execute-api", resource=api_id, resource_name=path) for path in paths]


def _by_setting(setting: str, resources: Resources) -> Iterator[iam.PolicyStatement]:
    """Return the statements for the resource that a setting names."""
    if setting in resources.secrets:
        yield read_secret(resources.secrets[setting])
    elif setting == "WEBSOCKET_ENDPOINT":
        arns = connection_arns(resources.stack, resources.websocket_api_id)
        yield iam.PolicyStatement(actions=["execute-api:ManageConnections"], resources=arns)
    elif setting == "MAIL_SENDER":
        yield _send(resources.stack, resources.mail_sender, resources.mail_configuration)
    elif setting == "EVENT_BUS":
        yield _publish(resources.bus)
    elif setting == "RECORDS_BUCKET":
        yield from _put_records(resources.stack, resources.records)


def read_secret(secret: secretsmanager.ISecret) -> iam.PolicyStatement:
    """Allow to read one secret."""
    return iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[secret.secret_arn])


def _send(stack: Stack, sender: str, configuration: str) -> iam.PolicyStatement:
    """Allow to send mail as the sender.

    SES asks for SendRawEmail if a SendEmail is raw. SES knows the sender as a domain or an address.
    """
    address = parseaddr(sender)[1]
    named = [("identity", address.rpartition("@")[2]), ("identity", address), ("configuration-set", configuration)]
    return iam.PolicyStatement(
        actions=["ses:SendEmail", "ses:SendRawEmail"],
        resources=[stack.format_arn(service="ses", resource=kind, resource_name=each) for kind, each in named],
        conditions={"StringEquals": {"ses:FromAddress": address}},
    )


def _publish(bus: events.IEventBus) -> iam.PolicyStatement:
    """Allow to put events on one bus, only with our own source."""
    return iam.PolicyStatement(
        actions=["events:PutEvents"],
        resources=[bus.event_bus_arn],
        conditions={"StringEquals": {"events:source": EVENT_SOURCE}},
    )


def object_arns(stack: Stack, bucket: str) -> list[str]:
    """Return the ARNs of what a function puts aside, and of what its mapping gives up; Lambda chooses these names."""
    return [f"{_bucket_arn(stack, bucket)}/{folder}/*" for folder in ("aside", "aws/lambda")]


def _bucket_arn(stack: Stack, bucket: str) -> str:
    return stack.format_arn(service="s3", region="", account="", resource=bucket)


def _put_records(stack: Stack, bucket: str) -> Iterator[iam.PolicyStatement]:
    """Allow to put records aside: the function, and its mapping, which first lists the bucket."""
    yield iam.PolicyStatement(actions=["s3:PutObject"], resources=object_arns(stack, bucket))
    yield iam.PolicyStatement(actions=["s3:ListBucket"], resources=[_bucket_arn(stack, bucket)])


def write_logs(log_group_arn: str) -> iam.PolicyStatement:
    """Allow to write to one log group. CloudFormation gives its ARN with `:*` at the end."""
    return iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group_arn])


def put_dead_letters(queue_arn: str) -> iam.PolicyStatement:
    """Allow to put dead letters into a queue."""
    return iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[queue_arn])
