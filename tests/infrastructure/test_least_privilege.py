"""Each function has only the permissions that it needs."""

import re
from typing import Any

from infra.aws.permissions import DOCUMENT, permissions
from infra.topology import FUNCTIONS
from tests.infrastructure.synthesis import Stack
from tests.integration.calls import Grant, granted_by_topology

MANAGED = ("POST", "DELETE")


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def roles(stack: Stack) -> dict[str, dict[str, Any]]:
    """The role of each function, by the function's name in the topology."""
    made = stack.properties("AWS::Lambda::Function")
    return {each["Handler"].removesuffix(".handler"): role_of(stack, each) for each in made}


def role_of(stack: Stack, function: dict[str, Any]) -> dict[str, Any]:
    return stack.resources[function["Role"]["Fn::GetAtt"][0]]["Properties"]


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    (policy,) = role["Policies"]
    return policy["PolicyDocument"]["Statement"]


def grants(stack: Stack) -> set[Grant]:
    """Every permission on items in the template."""
    return {
        grant
        for name, role in roles(stack).items()
        for statement in statements(role)
        if "dynamodb" in listed(statement["Action"])[0] and "Stream" not in str(statement["Action"])
        for grant in granted(stack, name, statement)
    }


def granted(stack: Stack, name: str, statement: dict[str, Any]) -> list[Grant]:
    (resource,) = listed(statement["Resource"])
    arn = stack.spelled(resource)
    table = "connections" if "GetAttConnections" in arn else "stays"
    index = arn.rpartition("/index/")[2] if "/index/" in arn else None
    condition = statement.get("Condition", {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "*"}})
    ((operator, wanted),) = condition.items()
    assert (operator, set(wanted)) == ("ForAllValues:StringLike", {"dynamodb:LeadingKeys"})
    return [
        Grant(name, action.removeprefix("dynamodb:"), table, index, key)
        for action in listed(statement["Action"])
        for key in listed(wanted["dynamodb:LeadingKeys"])
    ]


def actions(role: dict[str, Any], service: str) -> set[str]:
    found = {action for statement in statements(role) for action in listed(statement["Action"])}
    return {action for action in found if action.startswith(f"{service}:")}


def test_every_function_has_a_role_of_its_own_and_nothing_but_a_list_in_it(stacks, stage_name):
    stack = stacks[f"Stays-{stage_name}-Backend"]
    used = [each["Role"]["Fn::GetAtt"][0] for each in stack.properties("AWS::Lambda::Function")]
    assert len(used) == len(set(used)) == len(FUNCTIONS)
    for role in roles(stack).values():
        assert "ManagedPolicyArns" not in role
        assert len(role["Policies"]) == 1
    assert not stack.of_type("AWS::IAM::Policy")
    assert not stack.of_type("AWS::IAM::ManagedPolicy")


def test_no_role_has_a_wildcard_but_for_connections_and_records(stacks, stage_name):
    stack = stacks[f"Stays-{stage_name}-Backend"]
    for role in stack.properties("AWS::IAM::Role"):
        for statement in statements(role):
            assert statement["Effect"] == "Allow"
            assert not any("*" in action for action in listed(statement["Action"]))
            for resource in map(stack.spelled, listed(statement["Resource"])):
                if statement["Action"] == "s3:PutObject":
                    assert resource.endswith(("/aside/*", "/aws/lambda/*"))
                elif "*" in resource:
                    assert resource.endswith(tuple(f"/payment-notifications/{each}/@connections/*" for each in MANAGED))
                    assert statement["Action"] == "execute-api:ManageConnections"


def test_functions_that_write_calendars_cannot_write_nights(backend):
    writing = {grant.function for grant in grants(backend) if grant.key == "PROPERTY#*" and grant.action != "Query"}
    assert not writing & {"awards", "calendars"}


def test_each_key_is_read_by_those_alone_who_need_it(stacks, stage_name):
    stack = stacks[f"Stays-{stage_name}-Backend"]
    readers: dict[str, set[str]] = {"Key1": set(), "Key2": set(), "EmailKey": set()}
    for name, role in roles(stack).items():
        for statement in statements(role):
            if statement["Action"] == "secretsmanager:GetSecretValue":
                for secret in map(stack.spelled, listed(statement["Resource"])):
                    readers[next(key for key in readers if key in secret)].add(name)
    assert readers == {
        "Key1": {"payments", "bookings", "auctions", "reconciliation"},
        "Key2": {"zalopay_callback"},
        "EmailKey": {"bookings"},
    }


def test_only_functions_that_message_browsers_may_post_and_only_fulfilment_may_send_mail(backend):
    posting = {name for name, role in roles(backend).items() if actions(role, "execute-api")}
    sending = {name: actions(role, "ses") for name, role in roles(backend).items() if actions(role, "ses")}
    assert posting == {"connections", "notifier"}
    for name in posting:
        (managing,) = [each for each in statements(roles(backend)[name]) if "ManageConnections" in str(each["Action"])]
        ways = {backend.spelled(each).rpartition("/payment-notifications/")[2] for each in managing["Resource"]}
        assert ways == {f"{each}/@connections/*" for each in MANAGED}
    assert sending == {"fulfilment": {"ses:SendEmail", "ses:SendRawEmail"}}
    (mail,) = [each for each in statements(roles(backend)["fulfilment"]) if "ses:SendEmail" in each["Action"]]
    assert mail["Condition"] == {"StringEquals": {"ses:FromAddress": "booking@dev.stays.example"}}


def test_only_fulfilment_may_publish_on_the_stages_bus_and_only_as_stays(stacks, stage_name):
    stack = stacks[f"Stays-{stage_name}-Backend"]
    assert {name for name, role in roles(stack).items() if actions(role, "events")} == {"fulfilment"}
    (publishing,) = [each for each in statements(roles(stack)["fulfilment"]) if "PutEvents" in str(each["Action"])]
    assert publishing["Action"] == "events:PutEvents"
    assert publishing["Condition"] == {"StringEquals": {"events:source": "stays"}}
    assert re.search(r"GetAttBus\w+Arn", stack.spelled(publishing["Resource"]))


def test_the_tables_are_open_as_far_as_the_topology_says(backend):
    """`tests/integration/test_calls_and_permissions.py` compares them with the functions' real calls."""
    assert grants(backend) == granted_by_topology()


def test_no_function_may_scan_and_only_an_index_of_all_users_is_read_without_naming_keys(backend):
    assert {grant.action for grant in grants(backend)} == {
        "BatchGetItem",
        "ConditionCheckItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "UpdateItem",
    }
    assert {(grant.function, grant.index) for grant in grants(backend) if grant.key == "*"} == {
        ("auctions", "by_user"),
        ("bookings", "by_user"),
        ("connections", "by_user"),
    }


def test_a_function_writes_to_its_own_log_and_dead_letters_alone(backend):
    groups = {name: each["Properties"]["LogGroupName"] for name, each in backend.of_type("AWS::Logs::LogGroup").items()}
    for name, role in roles(backend).items():
        (logs,) = [each for each in statements(role) if "logs:PutLogEvents" in each["Action"]]
        assert groups[backend.spelled(logs["Resource"]).removesuffix(".Arn")] == f"/stays/dev/{name.replace('_', '-')}"


def test_the_list_in_the_documents_is_the_templates(backend, data):
    assert DOCUMENT.read_text() == permissions(backend.template, data.template), "run python -m infra.aws.permissions"
