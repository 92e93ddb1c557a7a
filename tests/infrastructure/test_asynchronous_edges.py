"""Asynchronous calls: each is tried within bounds, and then becomes a dead letter."""

import pytest

from infra.topology import CONSUMERS, RULES, SCHEDULES

EDGES = {edge.function for edge in (*RULES, *SCHEDULES)}


def queue_of(stack, arn):
    """The name of the queue that an ARN refers to."""
    logical = stack.spelled(arn).removesuffix(".Arn")
    return stack.resources[logical]["Properties"]["QueueName"]


@pytest.fixture(params=["dev", "staging", "prod"])
def stack(request, stacks):
    return stacks[f"Stays-{request.param}-Backend"]


def test_every_edge_has_its_own_dead_letter_queue_and_every_queue_is_used(stacks, stage_name):
    queues = {each["QueueName"] for each in stacks[f"Stays-{stage_name}-Backend"].properties("AWS::SQS::Queue")}
    assert queues == {f"stays-{stage_name}-{function}-dead-letters" for function in EDGES}


def test_dead_letters_are_kept_as_long_as_there_is_encrypted_and_handed_over_by_tls_only(stack):
    for queue in stack.properties("AWS::SQS::Queue"):
        assert queue["MessageRetentionPeriod"] == 14 * 86_400
        assert queue["SqsManagedSseEnabled"] is True
    policies = stack.properties("AWS::SQS::QueuePolicy")
    assert len(policies) == len(EDGES)
    for policy in policies:
        plain = [each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Deny"]
        assert [each["Condition"] for each in plain] == [{"Bool": {"aws:SecureTransport": "false"}}]


@pytest.mark.parametrize("consumer", CONSUMERS, ids=lambda consumer: consumer.function)
def test_a_record_that_fails_is_tried_alone_until_it_is_old_and_then_kept_whole(stack, consumer):
    """Without a number of retries Lambda ends them by the age alone. S3 keeps the record, a queue only its number."""
    (mapping,) = [
        each
        for each in stack.properties("AWS::Lambda::EventSourceMapping")
        if stack.function_name(each["FunctionName"]) == consumer.function
    ]
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert "MaximumRetryAttempts" not in mapping
    assert mapping["MaximumRecordAgeInSeconds"] == consumer.max_age == 12 * 3600
    assert (mapping["BatchSize"], mapping["ParallelizationFactor"]) == (consumer.batch_size, consumer.parallelization)
    assert "Records" in str(mapping["DestinationConfig"]["OnFailure"]["Destination"])


def test_every_record_that_is_given_up_is_announced_in_a_queue_with_an_alarm(stacks, stage_name):
    data, backend = stacks[f"Stays-{stage_name}-Data"], stacks[f"Stays-{stage_name}-Backend"]
    bucket, queue = data.one("AWS::S3::Bucket"), data.one("AWS::SQS::Queue")
    (announced,) = bucket["NotificationConfiguration"]["QueueConfigurations"]
    assert announced["Event"] == "s3:ObjectCreated:*"
    assert queue_of(data, announced["Queue"]) == queue["QueueName"] == f"stays-{stage_name}-stream-dead-letters"
    allowed = data.one("AWS::SQS::QueuePolicy")["PolicyDocument"]["Statement"]
    assert [each["Principal"] for each in allowed if each["Effect"] == "Allow"] == [{"Service": "s3.amazonaws.com"}]
    alarms = {each["AlarmName"] for each in backend.properties("AWS::CloudWatch::Alarm")}
    assert f"Stays-{stage_name}-dead-letters-stream" in alarms
    (made,) = data.of_type("AWS::S3::Bucket").values()
    assert set(data.of_type("AWS::SQS::QueuePolicy")) <= set(made["DependsOn"]), "S3 tries the queue at once"


@pytest.mark.parametrize("edge", [*RULES, *SCHEDULES], ids=lambda edge: edge.function)
def test_what_lambda_itself_tries_again_ends_in_the_edges_queue_under_the_alias(stack, edge):
    (config,) = [
        each
        for each in stack.properties("AWS::Lambda::EventInvokeConfig")
        if stack.resources[stack.spelled(each["FunctionName"])]["Properties"]["Handler"] == f"{edge.function}.handler"
    ]
    assert stack.function_name(config["Qualifier"]) == edge.function
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (edge.retries, edge.max_age)
    destination = config["DestinationConfig"]["OnFailure"]["Destination"]
    assert queue_of(stack, destination).endswith(f"-{edge.function}-dead-letters")


def test_an_event_that_the_bus_cannot_hand_over_is_kept(stack):
    targets = [each["Targets"] for each in stack.properties("AWS::Events::Rule")]
    queues = sorted(queue_of(stack, target["DeadLetterConfig"]["Arn"]) for (target,) in targets)
    assert [each.rpartition("-dead")[0].rpartition("-")[2] for each in queues] == ["awards", "fulfilment"]
    for (target,) in targets:
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": RULES[0].max_age, "MaximumRetryAttempts": 185}


def test_a_round_that_the_clock_cannot_start_is_kept_and_not_repeated(stack):
    for schedule in stack.properties("AWS::Scheduler::Schedule"):
        target = schedule["Target"]
        assert queue_of(stack, target["DeadLetterConfig"]["Arn"]).endswith("-reconciliation-dead-letters")
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}


def test_each_sender_of_dead_letters_has_the_permission_to_send_them(stack):
    """Streams and Lambda use the function's role, the clock its own role, the bus the queue's policy."""
    allowed = {
        queue_of(stack, statement["Resource"])
        for role in stack.properties("AWS::IAM::Role")
        for statement in role["Policies"][0]["PolicyDocument"]["Statement"]
        if statement["Action"] == "sqs:SendMessage" and "lambda" in str(role["AssumeRolePolicyDocument"])
    }
    assert {name.split("-", 2)[2].removesuffix("-dead-letters") for name in allowed} == EDGES
    bus = [
        statement
        for policy in stack.properties("AWS::SQS::QueuePolicy")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert [each["Principal"] for each in bus] == [{"Service": "events.amazonaws.com"}] * len(RULES)
    queues = {queue_of(stack, each["Resource"]).split("-", 2)[2] for each in bus}
    assert queues == {f"{rule.function}-dead-letters" for rule in RULES}


def test_every_function_is_invoked_by_its_alias_only(stack):
    callers = [each["FunctionName"] for each in stack.properties("AWS::Lambda::Permission")]
    callers += [each["FunctionName"] for each in stack.properties("AWS::Lambda::EventSourceMapping")]
    callers += [each["IntegrationUri"] for each in stack.properties("AWS::ApiGatewayV2::Integration")]
    callers += [each["Targets"][0]["Arn"] for each in stack.properties("AWS::Events::Rule")]
    callers += [each["Target"]["Arn"] for each in stack.properties("AWS::Scheduler::Schedule")]
    aliases = stack.of_type("AWS::Lambda::Alias")
    assert {alias["Properties"]["Name"] for alias in aliases.values()} == {"live"}
    assert all(any(alias in stack.spelled(caller) for alias in aliases) for caller in callers)
