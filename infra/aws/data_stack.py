"""The stack with the data that must survive: tables, event bus and ZaloPay's keys."""

from aws_cdk import CfnOutput, Duration, Environment, RemovalPolicy, SecretValue, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.aws.acknowledged import acknowledge
from infra.aws.stage import Stage
from infra.topology import TABLES, Table

# The secret starts without a key, so no signature is valid. The operator sets the key by hand. This value must never
# change: CloudFormation would then write it over the key.
_NO_KEY = '{"current": ""}'

_KEYS = {"ZALOPAY_KEY1_SECRET": "zalopay-key1", "ZALOPAY_KEY2_SECRET": "zalopay-key2"}
_RECOVERY = 35  # days, the maximum
_ARCHIVED = 30  # days


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
        self.bus.apply_removal_policy(KEPT)
        self._archive(stage)
        self.secrets = {setting: self._secret(setting, name, stage) for setting, name in _KEYS.items()}
        self._add_outputs()

    def _archive(self, stage: Stage) -> None:
        """Keep what was said on the bus, so that listeners can hear it again without a scan of the table."""
        events.Archive(
            self,
            "Archive",
            archive_name=stage.slug,
            description="All events of the last weeks: docs/runbook.md, section Replaying the bus.",
            source_event_bus=self.bus,
            event_pattern=events.EventPattern(account=[self.account]),
            retention=Duration.days(_ARCHIVED),
        ).apply_removal_policy(KEPT)

    def _table(self, name: str, table: Table, stage: Stage) -> dynamodb.TableV2:
        return dynamodb.TableV2(
            self,
            name.title(),
            table_name=stage.slug if name == "stays" else f"{stage.slug}-{name}",
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


def _key(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
