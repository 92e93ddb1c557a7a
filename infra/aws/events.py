"""The asynchronous triggers of functions: stream, bus and clock. A failed event of each ends as a dead letter."""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.aws.access import put_dead_letters
from infra.aws.acknowledged import acknowledge
from infra.aws.function import Delivery
from infra.aws.stage import Stage
from infra.topology import CONSUMERS, RULES, SCHEDULES, Consumer, Rule, Schedule

_EDGES = (*CONSUMERS, *RULES, *SCHEDULES)
_LAST = "This is where dead letters lie until somebody looks; an alarm says so."
_KEPT = Duration.days(14)  # the maximum: dead letters wait for the operator


class Events(Construct):
    """The triggers of the topology. The queues exist first, because the functions need permission to use them."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, "Events")
        self._stage = stage
        self.dead_letters = {name: self._queue(name) for name in dict.fromkeys(edge.function for edge in _EDGES)}

    def delivery(self, name: str) -> Delivery | None:
        """Return how Lambda retries the asynchronous events of a function; None for a function without such events."""
        edges = {edge.function: edge for edge in (*RULES, *SCHEDULES)}
        if name not in edges:
            return None
        edge = edges[name]
        return Delivery(self.dead_letters[name], edge.retries, edge.max_age)

    def serve(
        self,
        functions: Mapping[str, lambda_.IFunction],
        tables: Mapping[str, dynamodb.TableV2],
        bus: events.IEventBus,
    ) -> None:
        """Connect all triggers to their functions."""
        for consumer in CONSUMERS:
            self._read(consumer, functions[consumer.function], tables[consumer.table])
        for rule in RULES:
            self._hear(rule, functions[rule.function], bus)
        for schedule in SCHEDULES:
            self._keep_time(schedule, functions[schedule.function])

    def _queue(self, name: str) -> sqs.Queue:
        made = sqs.Queue(
            self,
            f"DeadLetters-{name}",
            queue_name=f"{self._stage.slug}-{name}-dead-letters",
            retention_period=_KEPT,
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
        )
        acknowledge(made, {"AwsSolutions::AwsSolutions-SQS3": _LAST, "Serverless::Serverless-SQSRedrivePolicy": _LAST})
        return made

    def _read(self, consumer: Consumer, function: lambda_.IFunction, table: dynamodb.TableV2) -> None:
        lambda_.EventSourceMapping(
            self,
            f"Stream-{consumer.function}",
            target=function,
            event_source_arn=table.table_stream_arn,
            filters=[lambda_.FilterCriteria.filter(pattern) for pattern in consumer.filters],
            # LATEST could miss records while the mapping is created or changed.
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=consumer.batch_size,
            parallelization_factor=consumer.parallelization,
            report_batch_item_failures=True,
            bisect_batch_on_error=True,
            retry_attempts=consumer.retries,
            max_record_age=Duration.seconds(consumer.max_age),
            on_failure=sources.SqsDlq(self.dead_letters[consumer.function]),
            metrics_config=lambda_.MetricsConfig(metrics=[lambda_.MetricType.EVENT_COUNT]),
        )

    def _hear(self, rule: Rule, function: lambda_.IFunction, bus: events.IEventBus) -> None:
        """Connect a rule. Its `max_age` limits the retries of the bus, and then those of Lambda in the same way."""
        target = targets.LambdaFunction(
            function,
            dead_letter_queue=self.dead_letters[rule.function],
            retry_attempts=185,  # the maximum: the age ends the retries
            max_event_age=Duration.seconds(rule.max_age),
        )
        if rule.configuration:
            tags = {"mail": {"tags": {"ses:configuration-set": [self._stage.slug]}}}
            pattern = events.EventPattern(source=["aws.ses"], detail_type=list(rule.detail_types), detail=tags)
            events.Rule(self, f"Rule-{rule.function}", event_pattern=pattern, targets=[target])
            return
        pattern = events.EventPattern(detail_type=list(rule.detail_types))
        events.Rule(self, f"Rule-{rule.function}", event_bus=bus, event_pattern=pattern, targets=[target])

    def _keep_time(self, schedule: Schedule, function: lambda_.IFunction) -> None:
        queue = self.dead_letters[schedule.function]
        invoke = iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function_arn])
        allowed = iam.PolicyDocument(statements=[invoke, put_dead_letters(queue.queue_arn)])
        role = iam.Role(
            self,
            f"Clock-{schedule.function}",
            assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com"),
            inline_policies={"Allowed": allowed},
        )
        target = scheduler_targets.LambdaInvoke(
            function,
            role=role.without_policy_updates(),
            dead_letter_queue=queue,
            retry_attempts=schedule.retries,
            max_event_age=Duration.seconds(schedule.max_age),
        )
        scheduler.Schedule(
            self,
            f"Schedule-{schedule.function}",
            schedule_name=f"{self._stage.slug}-{schedule.function}",
            schedule=scheduler.ScheduleExpression.rate(Duration.seconds(schedule.every)),
            target=target,
        )
