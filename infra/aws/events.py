"""The asynchronous triggers of functions: stream, bus and clock. A failed event of each ends as a dead letter."""

from collections.abc import Mapping

from aws_cdk import Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from constructs import Construct

from infra.aws.access import put_dead_letters
from infra.aws.data_stack import dead_letter_queue
from infra.aws.function import Delivery
from infra.aws.stage import Stage
from infra.topology import CONSUMERS, RULES, SCHEDULES, Consumer, Rule, Schedule

_EDGES = (*RULES, *SCHEDULES)


class Events(Construct):
    """The triggers of the topology. The queues exist first, because the functions need permission to use them."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, "Events")
        self._stage = stage
        self.dead_letters = {
            name: dead_letter_queue(self, f"DeadLetters-{name}", f"{stage.slug}-{name}-dead-letters")
            for name in dict.fromkeys(edge.function for edge in _EDGES)
        }

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
        tables: Mapping[str, dynamodb.ITableV2],
        bus: events.IEventBus,
        records: s3.IBucket,
    ) -> None:
        """Connect all triggers to their functions. `records` gets what the stream's mappings give up."""
        for consumer in CONSUMERS:
            self._read(consumer, functions[consumer.function], tables[consumer.table], records)
        for rule in RULES:
            self._hear(rule, functions[rule.function], bus)
        for schedule in SCHEDULES:
            self._keep_time(schedule, functions[schedule.function])

    def _read(
        self, consumer: Consumer, function: lambda_.IFunction, table: dynamodb.ITableV2, records: s3.IBucket
    ) -> None:
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
            # No number of retries: a record is tried until it has its age. S3 keeps it whole, a queue only its number.
            max_record_age=Duration.seconds(consumer.max_age),
            on_failure=sources.S3OnFailureDestination(records),
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
            # On a bus that others share, the boundary knows the rule by its name.
            events.Rule(
                self,
                f"Rule-{rule.function}",
                rule_name=f"{self._stage.slug}-{rule.function}",
                event_pattern=pattern,
                targets=[target],
            )
            return
        pattern = events.EventPattern(source=[self._stage.auction_source], detail_type=list(rule.detail_types))
        events.Rule(
            self,
            f"Rule-{rule.function}",
            event_bus=bus,
            event_pattern=pattern,
            targets=[target],
            enabled=not self._stage.maintenance,
        )

    def _keep_time(self, schedule: Schedule, function: lambda_.IFunction) -> None:
        queue = self.dead_letters[schedule.function]
        invoke = iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function_arn])
        allowed = iam.PolicyDocument(statements=[invoke, put_dead_letters(queue.queue_arn)])
        role = iam.Role(
            self,
            f"Clock-{schedule.function}",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
            ),
            inline_policies={"Allowed": allowed},
        )
        for number, said in enumerate(schedule.inputs):
            target = scheduler_targets.LambdaInvoke(
                function,
                input=scheduler.ScheduleTargetInput.from_object(said),
                role=role.without_policy_updates(),
                dead_letter_queue=queue,
                retry_attempts=schedule.retries,
                max_event_age=Duration.seconds(schedule.max_age),
            )
            scheduler.Schedule(
                self,
                f"Schedule-{schedule.function}-{number}",
                schedule_name=f"{self._stage.slug}-{schedule.function}-{number}",
                schedule=scheduler.ScheduleExpression.rate(Duration.seconds(schedule.every)),
                target=target,
                enabled=not self._stage.maintenance,
            )
