"""One Lambda: its own role, a log group, a published version, and the alias that all callers use."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.aws.access import put_dead_letters, write_logs
from infra.aws.acknowledged import acknowledge
from infra.aws.data_stack import KEPT
from infra.aws.stage import ALIAS, Stage
from infra.topology import Function

_NEWEST = "3.13 is supported as long as 3.14, and is what everybody runs the tests on; all change together."
_TRACES = "Traces would show no single call of AWS; the logs have the session id of each decision."
_ACCEPTED = {
    "AwsSolutions::AwsSolutions-L1": _NEWEST,
    "Serverless::Serverless-LambdaLatestVersion": _NEWEST,
    "Serverless::Serverless-LambdaTracing": _TRACES,
    "Serverless::Serverless-LambdaDLQ": "Events end in the queue of their mapping, rule, schedule or alias; "
    "who calls over HTTP gets the error.",
}


class Delivery(NamedTuple):
    """How often an asynchronous event is tried, and the queue for dead letters. Times are in seconds."""

    dead_letters: sqs.Queue
    retries: int
    max_age: int


class Program(NamedTuple):
    """The code of a function and its settings."""

    code: lambda_.Code
    handler: str
    layers: Sequence[lambda_.ILayerVersion]
    environment: Mapping[str, str]


class LiveFunction(Construct):
    """A function of the topology. Callers, events and alarms use its `alias`, never the function."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        stage: Stage,
        function: Function,
        *,
        program: Program,
        allowed: Sequence[iam.PolicyStatement],
        dead_letters: sqs.Queue | None = None,
        delivery: Delivery | None = None,
    ) -> None:
        super().__init__(scope, name)
        group = log_group(self, "Logs", f"/stays/{stage.name}/{name.replace('_', '-')}", stage)
        queued = [put_dead_letters(dead_letters.queue_arn)] if dead_letters else []
        role = _role(self, [*allowed, *queued, write_logs(group.log_group_arn)])
        made = self._made(stage, function, program, role, group)
        self.alias = self._published(made, delivery)
        acknowledge(self, _ACCEPTED)

    def _made(
        self, stage: Stage, function: Function, program: Program, role: iam.Role, group: logs.LogGroup
    ) -> lambda_.Function:
        return lambda_.Function(
            self,
            "Function",
            function_name=stage.function_name(self.node.id),
            description=function.why,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=program.code,
            handler=program.handler,
            layers=list(program.layers),
            environment=program.environment,
            timeout=Duration.seconds(function.timeout),
            memory_size=function.memory,
            reserved_concurrent_executions=stage.reservations.get(self.node.id),
            # All permissions stand in one list; this stops the CDK from adding others unseen.
            role=role.without_policy_updates(),
            log_group=group,
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
            system_log_level_v2=lambda_.SystemLogLevel.INFO,
            # Old versions stay: `make rollback` points the alias back to them.
            current_version_options=lambda_.VersionOptions(removal_policy=KEPT),
        )

    def _published(self, made: lambda_.Function, delivery: Delivery | None) -> lambda_.Alias:
        """Publish the alias and set its retries. The bus and the clock call the alias.

        Retries on the function itself would hold for $LATEST only.
        """
        return lambda_.Alias(
            self,
            "Alias",
            alias_name=ALIAS,
            version=made.current_version,
            on_failure=destinations.SqsDestination(delivery.dead_letters) if delivery else None,
            retry_attempts=delivery.retries if delivery else None,
            max_event_age=Duration.seconds(delivery.max_age) if delivery else None,
        )


def _role(scope: Construct, allowed: Sequence[iam.PolicyStatement]) -> iam.Role:
    return iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={"Allowed": iam.PolicyDocument(statements=list(allowed))},
    )


def log_group(scope: Construct, name: str, group: str, stage: Stage) -> logs.LogGroup:
    """Create a log group. The stage sets its retention. Only the logs of prod are kept when the stack is deleted."""
    made = logs.LogGroup(
        scope, name, log_group_name=group, removal_policy=KEPT if stage.protected else RemovalPolicy.DESTROY
    )
    child = made.node.default_child
    assert isinstance(child, logs.CfnLogGroup)
    child.retention_in_days = stage.log_retention_days
    return made
