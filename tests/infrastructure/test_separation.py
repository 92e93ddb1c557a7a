"""What a deployment may do, who may put events onto the bus, and that no stage reaches another one's things."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.aws.boundary import NAME, main, statements, template
from tests.infrastructure.physical import ACCOUNT, REGION, Physical, allows, denies, listed
from tests.infrastructure.synthesis import Stack, templates_of, with_settings

STAGES = ("dev", "staging", "prod")
OURS = f"arn:aws:iam::{ACCOUNT}:policy/{NAME}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"

# The action that makes a resource of each type, on the ARN that the resource will have.
MAKING = {
    "AWS::CloudWatch::Alarm": "cloudwatch:PutMetricAlarm",
    "AWS::CloudWatch::Dashboard": "cloudwatch:PutDashboard",
    "AWS::DynamoDB::GlobalTable": "dynamodb:CreateTable",
    "AWS::Events::Archive": "events:CreateArchive",
    "AWS::Events::EventBus": "events:CreateEventBus",
    "AWS::Events::Rule": "events:PutRule",
    "AWS::IAM::Role": "iam:CreateRole",
    "AWS::Lambda::Function": "lambda:CreateFunction",
    "AWS::Lambda::LayerVersion": "lambda:PublishLayerVersion",
    "AWS::Logs::LogGroup": "logs:CreateLogGroup",
    "AWS::S3::Bucket": "s3:CreateBucket",
    "AWS::SES::ConfigurationSet": "ses:CreateConfigurationSet",
    "AWS::SNS::Topic": "sns:CreateTopic",
    "AWS::SQS::Queue": "sqs:CreateQueue",
    "AWS::Scheduler::Schedule": "scheduler:CreateSchedule",
    "AWS::SecretsManager::Secret": "secretsmanager:CreateSecret",
    "AWS::CloudFront::Function": "cloudfront:CreateFunction",
    "AWS::WAFv2::IPSet": "wafv2:CreateIPSet",
    "AWS::WAFv2::WebACL": "wafv2:CreateWebACL",
}
# Those without a name of their own: the action and the resource that IAM asks about.
UNNAMED = {
    "AWS::ApiGatewayV2": ("apigateway:POST", f"arn:aws:apigateway:{REGION}::/apis"),
    "AWS::Budgets::Budget": ("budgets:ModifyBudget", f"arn:aws:budgets::{ACCOUNT}:budget/Stays-dev"),
    "AWS::CDK::Metadata": None,
    "AWS::CloudFront::Distribution": ("cloudfront:CreateDistribution", f"arn:aws:cloudfront::{ACCOUNT}:distribution/*"),
    "AWS::Lambda::Alias": ("lambda:CreateAlias", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:stays-dev-payments"),
    "AWS::Lambda::EventInvokeConfig": (
        "lambda:PutFunctionEventInvokeConfig",
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:stays-dev-awards",
    ),
    "AWS::Lambda::EventSourceMapping": ("lambda:CreateEventSourceMapping", "*"),
    "AWS::Lambda::Permission": ("lambda:AddPermission", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:stays-dev-awards"),
    "AWS::Lambda::Version": ("lambda:PublishVersion", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:stays-dev-awards"),
    "AWS::S3::BucketPolicy": ("s3:PutBucketPolicy", f"arn:aws:s3:::stays-dev-records-{ACCOUNT}"),
    "AWS::SES::ConfigurationSetEventDestination": (
        "ses:CreateConfigurationSetEventDestination",
        f"arn:aws:ses:{REGION}:{ACCOUNT}:configuration-set/stays-dev",
    ),
    "AWS::SNS::Subscription": ("sns:Subscribe", f"arn:aws:sns:{REGION}:{ACCOUNT}:Stays-dev-Backend-Alarms-1A"),
    "AWS::SNS::TopicPolicy": ("sns:SetTopicAttributes", f"arn:aws:sns:{REGION}:{ACCOUNT}:Stays-dev-Backend-Alarms-1A"),
    "AWS::SQS::QueuePolicy": (
        "sqs:SetQueueAttributes",
        f"arn:aws:sqs:{REGION}:{ACCOUNT}:stays-dev-awards-dead-letters",
    ),
}
# What an administrator may do and a deployment may not.
FORBIDDEN = (
    ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/intruder"),
    ("iam:CreateRole", f"{ROLE}/Stays-dev-Backend-Backdoor"),  # without the boundary
    ("iam:AttachRolePolicy", f"{ROLE}/Stays-dev-Backend-Backdoor"),  # to a role without the boundary
    ("iam:DeleteRolePermissionsBoundary", f"{ROLE}/Stays-dev-Backend-payments"),
    ("iam:CreatePolicyVersion", OURS),
    ("iam:DeletePolicy", OURS),
    ("iam:PutRolePolicy", f"{ROLE}/cdk-hnb659fds-cfn-exec-role"),
    ("iam:UpdateAssumeRolePolicy", f"{ROLE}/Administrator"),
    ("iam:PassRole", f"{ROLE}/Administrator"),
    ("sts:AssumeRole", f"{ROLE}/Administrator"),
    ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:payroll"),
    ("dynamodb:DeleteTable", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/payroll"),
    ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:payroll-AbCdEf"),
    ("s3:GetObject", "arn:aws:s3:::payroll/salaries.csv"),
    ("kms:ScheduleKeyDeletion", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"),
    ("organizations:LeaveOrganization", "*"),
)


@pytest.fixture(scope="module")
def stages(stacks: dict[str, Stack]) -> dict[str, Physical]:
    return {name: Physical(stacks[f"Stays-{name}-Backend"], stacks[f"Stays-{name}-Data"], name) for name in STAGES}


@pytest.fixture(scope="module")
def boundary() -> list[dict[str, Any]]:
    return json.loads(json.dumps(statements()).replace("${AWS::AccountId}", ACCOUNT))


@pytest.mark.parametrize("stage", STAGES)
def test_no_role_of_a_stage_may_do_anything_with_what_another_stage_has(stages: dict[str, Physical], stage: str):
    """All stages stand in one account and one region here."""
    own, allowed = {arn for _, arn in stages[stage].arns()}, list(stages[stage].statements())
    others = {arn for name in STAGES if name != stage for _, arn in stages[name].arns()} - own
    parts = (
        "",
        ":live",
        ":*",
        "/index/by_user",
        "/index/due",
        "/aside/notifier/record.json",
        "/aws/lambda/record.json",
        "/stream/2026-11-27T00:00:00.000",
        "/payment-notifications/POST/@connections/x",
    )
    for statement in allowed:
        patterns = [statement | {"Effect": "Allow", "Condition": {}}]
        reached = {
            arn
            for arn in (*own, *others)
            for part in parts
            for action in listed(statement["Action"])
            if allows(patterns, action, arn + part)
        }
        assert reached <= own
        assert reached or listed(statement["Action"])[0].startswith("ses:"), statement


def test_what_has_a_name_has_it_by_stage(stages: dict[str, Physical], stage_name: str):
    marks = (f"stays-{stage_name}", f"Stays-{stage_name}", f"stays/{stage_name}/")
    nameless = [arn for kind, arn in stages[stage_name].arns() if not any(mark in arn for mark in marks)]
    assert nameless == []


def test_every_role_has_the_boundary_and_it_takes_nothing_from_what_the_role_may(
    stages: dict[str, Physical], boundary: list[dict[str, Any]], stage_name: str
):
    stage = stages[stage_name]
    roles = [each["Properties"] for each in stage.resources.values() if each["Type"] == "AWS::IAM::Role"]
    assert roles
    assert {stage.name(role["PermissionsBoundary"]) for role in roles} == {OURS}
    for statement in stage.statements():
        for action in listed(statement["Action"]):
            assert all(allows(boundary, action, arn) for arn in statement["Resource"]), (action, statement["Resource"])


def test_a_deployment_may_make_everything_that_the_templates_have(
    stages: dict[str, Physical], boundary: list[dict[str, Any]], edged: dict[str, Stack]
):
    behind = Physical(*(edged[f"Stays-dev-{each}"] for each in ("Backend", "Data")), "dev", edged["Stays-dev-Edge"])
    context = {
        "iam_PermissionsBoundary": OURS,
        "lambda_FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:stays-dev-x",
    }
    for stage in (*stages.values(), behind):
        for kind, arn in stage.arns():
            if kind in MAKING:
                assert allows(boundary, MAKING[kind], arn, **context), (MAKING[kind], arn)
        kinds = {each["Type"] for each in stage.resources.values()} - set(MAKING)
        asked = [next(made for known, made in UNNAMED.items() if kind.startswith(known)) for kind in kinds]
        assert all(allows(boundary, *each, **context) for each in asked if each)


def test_the_stack_of_the_functions_may_read_the_output_of_the_edges_stack(boundary: list[dict[str, Any]]):
    """CloudFormation reads it with the rights of the deployment."""
    stack = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/{{}}/1a2b"
    assert allows(boundary, "cloudformation:DescribeStacks", stack.format("Stays-dev-Edge"))
    assert not allows(boundary, "cloudformation:DescribeStacks", stack.format("Payroll"))
    assert not allows(boundary, "cloudformation:DeleteStack", stack.format("Stays-dev-Edge"))


@pytest.mark.parametrize("service", ["lambda.amazonaws.com", "scheduler.amazonaws.com"])
def test_a_deployment_may_pass_a_role_of_a_stage_to_the_service_that_takes_it(
    boundary: list[dict[str, Any]], service: str
):
    assert allows(boundary, "iam:PassRole", f"{ROLE}/Stays-dev-Backend-payments-1A", iam_PassedToService=service)


@pytest.mark.parametrize(("action", "arn"), FORBIDDEN)
def test_a_deployment_may_not_become_an_administrator_nor_touch_other_products(
    boundary: list[dict[str, Any]], action: str, arn: str
):
    assert not allows(boundary, action, arn, iam_PassedToService="lambda.amazonaws.com")


def test_the_boundarys_template_is_one_policy_of_a_size_that_iam_takes(
    boundary: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
):
    main()
    printed = json.loads(capsys.readouterr().out)
    assert printed == template()
    (policy,) = printed["Resources"].values()
    assert (policy["Type"], policy["Properties"]["ManagedPolicyName"]) == ("AWS::IAM::ManagedPolicy", "stays-boundary")
    assert len(json.dumps(boundary, separators=(",", ":"))) < 6_144 - 100


def put_by(policy: dict[str, Any], stage: Physical, account: str, source: str) -> tuple[bool, bool]:
    """Whether the bus's policy allows an event, and whether it denies it."""
    known = json.loads(json.dumps(policy).replace('{"Ref": "AWS::AccountId"}', f'"{ACCOUNT}"'))
    statements = [each | {"Resource": [stage.name(each["Resource"])]} for each in known["Statement"]]
    event = {"aws_PrincipalAccount": account, "events_source": source}
    bus = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/stays-dev"
    return allows(statements, "events:PutEvents", bus, **event), denies(statements, "events:PutEvents", bus, **event)


def test_the_bus_takes_two_sources_from_its_own_account_and_nothing_else(stages: dict[str, Physical], data: Stack):
    """Who may put events in the account says IAM; the policy of the bus only takes away."""
    (bus,) = data.properties("AWS::Events::EventBus")
    policy = bus["Policy"]
    assert put_by(policy, stages["dev"], ACCOUNT, "auctions") == (False, False)
    assert put_by(policy, stages["dev"], ACCOUNT, "stays") == (False, False)
    assert put_by(policy, stages["dev"], ACCOUNT, "intruder") == (False, True)
    assert put_by(policy, stages["dev"], "999999999999", "auctions") == (False, True)


def test_an_auction_system_in_another_account_may_put_its_own_events_only(tmp_path: Path):
    changed = with_settings("dev", auctionAccount="999999999999", auctionSource="bids")
    found = {name: Stack(each) for name, each in templates_of(tmp_path, **changed).items()}
    (bus,) = found["Stays-dev-Data"].properties("AWS::Events::EventBus")
    dev = Physical(found["Stays-dev-Backend"], found["Stays-dev-Data"])
    assert put_by(bus["Policy"], dev, "999999999999", "bids") == (True, False)
    assert put_by(bus["Policy"], dev, "999999999999", "stays") == (False, False)
    assert put_by(bus["Policy"], dev, "999999999999", "auctions") == (False, True)
    rules = found["Stays-dev-Backend"].properties("AWS::Events::Rule")
    assert [each["EventPattern"]["source"] for each in rules if "EventBusName" in each] == [["bids"]]


def test_the_clock_is_started_by_its_own_account_only(backend: Stack):
    trusts = [each["AssumeRolePolicyDocument"]["Statement"][0] for each in backend.properties("AWS::IAM::Role")]
    (clock,) = [each for each in trusts if each["Principal"] == {"Service": "scheduler.amazonaws.com"}]
    assert clock["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
