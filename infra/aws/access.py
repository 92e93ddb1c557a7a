"""What each function may do in AWS: everything that is not here, it may not."""

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
    """What functions may be allowed to use."""

    stack: Stack
    tables: Mapping[str, dynamodb.TableV2]
    secrets: Mapping[str, secretsmanager.ISecret]  # by the setting that names them
    bus: events.IEventBus
    websocket_api_id: str
    mail_sender: str


def statements(name: str, function: Function, resources: Resources) -> list[iam.PolicyStatement]:
    """Give the statements that follow from the topology: tables, streams, and what the function is told of."""
    allowed = [_items(access, resources.tables[access.table]) for access in function.access]
    allowed += [_stream(resources.tables[each.table]) for each in CONSUMERS if each.function == name]
    for setting in function.environment:
        allowed += _told(setting, resources)
    return allowed


def _items(access: Access, table: dynamodb.TableV2) -> iam.PolicyStatement:
    # Every action that is listed names its keys, which is why "for all values" suffices.
    keys = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(access.keys)}} if access.keys else None
    return iam.PolicyStatement(
        actions=[f"dynamodb:{action}" for action in access.actions],
        resources=[f"{table.table_arn}/index/{access.through}" if access.through else table.table_arn],
        conditions=keys,
    )


def _stream(table: dynamodb.TableV2) -> iam.PolicyStatement:
    actions = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
    return iam.PolicyStatement(
        actions=[f"dynamodb:{action}" for action in actions], resources=[str(table.table_stream_arn)]
    )


def connection_arns(stack: Stack, api_id: str) -> list[str]:
    """Name posting to connections and ending them, which only exist at run time: not looking at them."""
    paths = [f"{WEBSOCKET_STAGE}/{method}/@connections/*" for method in ("POST", "DELETE")]
    return [stack.format_arn(service="execute-api", resource=api_id, resource_name=path) for path in paths]


def _told(setting: str, resources: Resources) -> Iterator[iam.PolicyStatement]:
    """A function may use what it is told of."""
    if setting in resources.secrets:
        yield read_secret(resources.secrets[setting])
    elif setting == "WEBSOCKET_ENDPOINT":
        arns = connection_arns(resources.stack, resources.websocket_api_id)
        yield iam.PolicyStatement(actions=["execute-api:ManageConnections"], resources=arns)
    elif setting == "MAIL_SENDER":
        yield _send(resources.stack, resources.mail_sender)
    elif setting == "EVENT_BUS":
        yield _publish(resources.bus)


def read_secret(secret: secretsmanager.ISecret) -> iam.PolicyStatement:
    """Read one secret."""
    return iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[secret.secret_arn])


def _send(stack: Stack, sender: str) -> iam.PolicyStatement:
    """Send as the sender. SES asks for SendRawEmail where a SendEmail is raw; it knows a domain or an address."""
    address = parseaddr(sender)[1]
    identities = (address.rpartition("@")[2], address)
    return iam.PolicyStatement(
        actions=["ses:SendEmail", "ses:SendRawEmail"],
        resources=[stack.format_arn(service="ses", resource="identity", resource_name=each) for each in identities],
        conditions={"StringEquals": {"ses:FromAddress": address}},
    )


def _publish(bus: events.IEventBus) -> iam.PolicyStatement:
    """Put events on one bus, as ours and nobody else's."""
    return iam.PolicyStatement(
        actions=["events:PutEvents"],
        resources=[bus.event_bus_arn],
        conditions={"StringEquals": {"events:source": EVENT_SOURCE}},
    )


def write_logs(log_group_arn: str) -> iam.PolicyStatement:
    """Write to one log group. Its ARN, as CloudFormation gives it, ends in `:*`."""
    return iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group_arn])


def trace() -> iam.PolicyStatement:
    """Hand traces to X-Ray, which knows no resources."""
    return iam.PolicyStatement(actions=["xray:PutTelemetryRecords", "xray:PutTraceSegments"], resources=["*"])


def put_dead_letters(queue_arn: str) -> iam.PolicyStatement:
    """Put what failed for good into a queue."""
    return iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[queue_arn])
