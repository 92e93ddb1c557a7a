"""The stack with the data that must survive: tables, event bus, ZaloPay's keys and the key of addresses."""

from aws_cdk import CfnOutput, Duration, Environment, RemovalPolicy, SecretValue, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.aws.acknowledged import acknowledge
from infra.aws.stage import Stage
from infra.topology import EVENT_SOURCE, TABLES, Table

# The secret starts without a key, so no signature is valid. The operator sets the key by hand. This value must never
# change: CloudFormation would then write it over the key.
_NO_KEY = '{"current": ""}'

_KEYS = {"ZALOPAY_KEY1_SECRET": "zalopay-key1", "ZALOPAY_KEY2_SECRET": "zalopay-key2"}
_RECOVERY = 35  # days, the maximum
_ARCHIVED = 30  # days
_LETTERS = Duration.days(14)  # the maximum
_LAST = "This is where dead letters lie until somebody looks; an alarm says so."


# Kept when the stack is deleted. A failed first deployment leaves nothing: its names would block the next one.
KEPT = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE


class DataStack(Stack):
    """Kept when the stack is deleted, and protected from deletion.

    `new` leaves out the protection: CloudFormation could not undo a first deployment that fails.
    """

    def __init__(self, scope: Construct, stage: Stage, env: Environment, *, new: bool = False) -> None:
        super().__init__(
            scope,
            f"Stays-{stage.name}-Data",
            env=env,
            termination_protection=not new,
            tags={"stays:stage": stage.name},
            description=f"Stays {stage.name}: tables, bus and keys. Nothing here can be made again.",
        )
        self._new = new
        self.tables = {name: self._table(name, table, stage) for name, table in TABLES.items()}
        self.bus = events.EventBus(
            self,
            "Bus",
            event_bus_name=stage.slug,
            description="Auction results and offers come in; what happens to stays goes out.",
        )
        self._guard_bus(stage)
        self.bus.apply_removal_policy(KEPT)
        self._archive(stage)
        self.records_name = f"{stage.slug}-records-{self.account}"  # names of buckets belong to the whole world
        self.records, self.records_queue = self._records(stage)
        self.secrets = {setting: self._secret(setting, name, stage) for setting, name in _KEYS.items()}
        self.email_key = self._email_key(stage)
        self._add_outputs()

    def _records(self, stage: Stage) -> tuple[s3.Bucket, sqs.Queue]:
        """The bucket for records of the stream that were given up, and the queue with a message for each of them."""
        queue = dead_letter_queue(self, "RecordsQueue", f"{stage.slug}-stream-dead-letters")
        bucket = s3.Bucket(
            self,
            "Records",
            bucket_name=self.records_name,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(_ARCHIVED))],  # they hold personal data
            removal_policy=KEPT,
        )
        queue.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sqs:SendMessage"],
                principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                resources=[queue.queue_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        # The CDK's own way is a function with wide permissions.
        child = bucket.node.default_child
        assert isinstance(child, s3.CfnBucket)
        event = s3.CfnBucket.QueueConfigurationProperty(event="s3:ObjectCreated:*", queue=queue.queue_arn)
        child.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(queue_configurations=[event])
        bucket.node.add_dependency(queue.node.find_child("Policy"))  # S3 tries the queue when the bucket is made
        acknowledge(bucket, {"AwsSolutions::AwsSolutions-S1": "Functions and one mapping write it; operators read it."})
        return bucket, queue

    def _archive(self, stage: Stage) -> None:
        """Keep what was said on the bus, so that listeners can hear it again without a scan of the table."""
        events.Archive(
            self,
            "Archive",
            archive_name=stage.slug,
            description="All events of the last weeks: docs/runbook.md, section Replaying the bus.",
            source_event_bus=self.bus,
            event_pattern=events.EventPattern(account=[self.account, *filter(None, [stage.auction_account])]),
            retention=Duration.days(_ARCHIVED),
        ).apply_removal_policy(KEPT)

    def _table(self, name: str, table: Table, stage: Stage) -> dynamodb.TableV2:
        return dynamodb.TableV2(
            self,
            # A restored table is another resource, which CloudFormation imports. The table before it is kept.
            f"{name.title()}-{stage.table_name(name)}" if name in stage.tables else name.title(),
            table_name=stage.table_name(name),
            partition_key=_key("PK"),
            sort_key=_key("SK"),
            # All indexes exist from the first deployment, because CloudFormation adds only one index per update.
            global_secondary_indexes=[
                dynamodb.GlobalSecondaryIndexPropsV2(
                    index_name=index, partition_key=_key(keys.partition), sort_key=_key(keys.sort)
                )
                for index, keys in table.indexes.items()
            ],
            billing=dynamodb.Billing.on_demand(),
            dynamo_stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if table.stream else None,
            time_to_live_attribute=table.ttl,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True, recovery_period_in_days=_RECOVERY
            ),
            deletion_protection=not self._new,
            removal_policy=KEPT,
        )

    def _guard_bus(self, stage: Stage) -> None:
        """Let only the auction system's source and our own onto the bus, and only from known accounts.

        The policy stands in the bus itself, so that no event can come before it.
        """
        known = [self.account, *([stage.auction_account] if stage.auction_account else [])]
        arn = self.format_arn(service="events", resource="event-bus", resource_name=stage.slug)  # its own, by its name
        put = {"Action": "events:PutEvents", "Resource": arn, "Principal": "*"}
        other_source = {"ForAnyValue:StringNotEquals": {"events:source": [stage.auction_source, EVENT_SOURCE]}}
        other_account = {"StringNotEquals": {"aws:PrincipalAccount": known}}
        statements = [
            {"Sid": "KnownSources", "Effect": "Deny", **put, "Condition": other_source},
            {"Sid": "KnownAccounts", "Effect": "Deny", **put, "Condition": other_account},
        ]
        if stage.auction_account:
            its = {"AWS": f"arn:{self.partition}:iam::{stage.auction_account}:root"}
            from_it = {"StringEquals": {"events:source": stage.auction_source}}
            statements.append({**put, "Sid": "Auctions", "Effect": "Allow", "Principal": its, "Condition": from_it})
        child = self.bus.node.default_child
        assert isinstance(child, events.CfnEventBus)
        child.policy = {"Version": "2012-10-17", "Statement": statements}

    def _secret(self, setting: str, name: str, stage: Stage) -> secretsmanager.Secret:
        made = secretsmanager.Secret(
            self,
            setting.title().replace("_", ""),
            secret_name=f"stays/{stage.name}/{name}",
            description='{"current": …, "previous": … while it is being rotated}, as ZaloPay gave them.',
            secret_string_value=SecretValue.unsafe_plain_text(_NO_KEY),
            removal_policy=KEPT,
        )
        acknowledge(made, {"AwsSolutions::AwsSolutions-SMG4": "ZaloPay gives keys out by hand; the runbook rotates."})
        return made

    def _email_key(self, stage: Stage) -> secretsmanager.Secret:
        """Return the key of the addresses' hashes. With another key the operator finds no user by an older address."""
        made = secretsmanager.Secret(
            self,
            "EmailKeySecret",
            secret_name=f"stays/{stage.name}/email-key",
            description="The key of the hashes under which the operator finds e-mail addresses.",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template="{}",  # noqa: S106 (Secrets Manager generates the rest)
                generate_string_key="current",
                exclude_punctuation=True,
            ),
            removal_policy=KEPT,
        )
        acknowledge(made, {"AwsSolutions::AwsSolutions-SMG4": "A new key would hide every address that is stored."})
        return made

    def _add_outputs(self) -> None:
        CfnOutput(
            self,
            "EventBusName",
            value=self.bus.event_bus_name,
            description="Where auction results are put, and events about stays are heard.",
        )
        for number, secret in enumerate(self.secrets.values(), start=1):
            text = f"The secret that ZaloPay's key{number} is put into."
            CfnOutput(self, f"ZaloPayKey{number}Secret", value=secret.secret_arn, description=text)


def dead_letter_queue(scope: Construct, name: str, queue_name: str) -> sqs.Queue:
    """Create a queue in which letters wait for the operator, also when the stack is deleted."""
    made = sqs.Queue(
        scope,
        name,
        queue_name=queue_name,
        retention_period=_LETTERS,
        enforce_ssl=True,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        removal_policy=KEPT,
    )
    acknowledge(made, {"AwsSolutions::AwsSolutions-SQS3": _LAST, "Serverless::Serverless-SQSRedrivePolicy": _LAST})
    return made


def _key(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
