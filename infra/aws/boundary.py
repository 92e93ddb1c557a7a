"""The permissions boundary of everything that a deployment makes: `python -m infra.aws.boundary` prints its template.

The CDK's execution role is an administrator by default. With the boundary it may change what has this product's names,
and may make roles only if they have the same boundary. Each role of a stage has it, too.
"""

import json
import sys
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

NAME = "stays-boundary"

_ACCOUNT = "${AWS::AccountId}"
_ROLES = f"arn:aws:iam::{_ACCOUNT}:role/Stays-*"
_BOUNDARY = f"arn:aws:iam::{_ACCOUNT}:policy/{NAME}"
_SERVICES = ("lambda.amazonaws.com", "scheduler.amazonaws.com", "events.amazonaws.com")
_LINKED = ("ops.apigateway", "replication.dynamodb")  # services that make a role of their own at first use

# What has a name has it by stage: stays-<stage>…, Stays-<stage>…, /stays/<stage>/… or stays/<stage>/….
_NAMED = {
    "budgets": (f"arn:aws:budgets::{_ACCOUNT}:budget/Stays-*",),
    "cloudwatch": (
        f"arn:aws:cloudwatch:*:{_ACCOUNT}:alarm:Stays-*",
        f"arn:aws:cloudwatch::{_ACCOUNT}:dashboard/Stays-*",
    ),
    "dynamodb": (f"arn:aws:dynamodb:*:{_ACCOUNT}:table/stays-*",),
    "events": (f"arn:aws:events:*:{_ACCOUNT}:*/stays-*",),
    "lambda": (f"arn:aws:lambda:*:{_ACCOUNT}:function:stays-*",),
    "logs": (f"arn:aws:logs:*:{_ACCOUNT}:log-group:/stays/*",),
    "s3": ("arn:aws:s3:::stays-*",),
    "scheduler": (f"arn:aws:scheduler:*:{_ACCOUNT}:schedule/default/stays-*",),
    "secretsmanager": (f"arn:aws:secretsmanager:*:{_ACCOUNT}:secret:stays/*",),
    "ses": (f"arn:aws:ses:*:{_ACCOUNT}:configuration-set/stays-*",),
    "sns": (f"arn:aws:sns:*:{_ACCOUNT}:Stays-*",),
    "sqs": (f"arn:aws:sqs:*:{_ACCOUNT}:stays-*",),
    "wafv2": (f"arn:aws:wafv2:*:{_ACCOUNT}:*/stays-*", "arn:aws:wafv2:*:*:global/managedruleset/*"),
}
# What AWS gives an id at random, or what has no resource to name. docs/deploy.md says what that leaves open.
_UNNAMED = (
    "acm:DescribeCertificate",
    "cloudfront:*",
    "dynamodb:ListStreams",
    "logs:*LogDeliver*",
    "logs:*ResourcePolic*",
    "logs:Describe*",
    "secretsmanager:GetRandomPassword",
    "wafv2:*ManagedRule*",
)
_BY_ID = {
    ("cloudformation:DescribeStacks",): f"arn:aws:cloudformation:*:{_ACCOUNT}:stack/Stays-*",  # outputs of a stack
    ("apigateway:*",): "arn:aws:apigateway:*::/*",
    ("execute-api:ManageConnections",): f"arn:aws:execute-api:*:{_ACCOUNT}:*",
    ("lambda:*Layer*",): f"arn:aws:lambda:*:{_ACCOUNT}:layer:*",
    ("lambda:TagResource", "lambda:UntagResource", "lambda:ListTags"): (
        f"arn:aws:lambda:*:{_ACCOUNT}:event-source-mapping:*"
    ),
    ("s3:GetObject*",): f"arn:aws:s3:::cdk-*-assets-{_ACCOUNT}-*",
    ("ses:SendEmail", "ses:SendRawEmail"): f"arn:aws:ses:*:{_ACCOUNT}:identity/*",
    ("ssm:GetParameter*",): f"arn:aws:ssm:*:{_ACCOUNT}:parameter/cdk-bootstrap/*",
}
_MAKING = ("CreateRole", "PutRolePolicy", "AttachRolePolicy", "PutRolePermissionsBoundary")
_KEEPING = (
    *("DeleteRole", "DeleteRolePolicy", "DetachRolePolicy", "GetRole", "GetRolePolicy", "ListRolePolicies"),
    *("ListAttachedRolePolicies", "TagRole", "UntagRole", "UpdateRole", "UpdateAssumeRolePolicy"),
)


def template() -> dict[str, Any]:
    """Return the CloudFormation template of the one managed policy. It has no parameters, and one output: its ARN."""
    policy = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "ManagedPolicyName": NAME,
            "Description": "The most that a deployment of Stays may do, and all that it makes.",
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [_with_account(each) for each in statements()]},
        },
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Stays: the permissions boundary of the CDK's execution role and of every role that it makes.",
        "Resources": {"Boundary": policy},
        "Outputs": {"BoundaryArn": {"Value": {"Ref": "Boundary"}}},
    }


def statements() -> list[dict[str, Any]]:
    """Return the policy's statements; `${AWS::AccountId}` stands for the account."""
    named = [_allow([f"{service}:*"], arns) for service, arns in _NAMED.items()]
    mapping = {"ArnLike": {"lambda:FunctionArn": _NAMED["lambda"][0]}}
    return [
        *named,
        *(_allow(actions, [arn]) for actions, arn in _BY_ID.items()),
        _allow(_UNNAMED, ["*"]),
        _allow(["lambda:*EventSourceMapping"], ["*"], mapping),
        _allow([f"iam:{each}" for each in _MAKING], [_ROLES], {"StringEquals": {"iam:PermissionsBoundary": _BOUNDARY}}),
        _allow([f"iam:{each}" for each in _KEEPING], [_ROLES]),
        _allow(["iam:PassRole"], [_ROLES], {"StringEquals": {"iam:PassedToService": list(_SERVICES)}}),
        _allow(
            ["iam:CreateServiceLinkedRole"],
            [f"arn:aws:iam::{_ACCOUNT}:role/aws-service-role/{each}.amazonaws.com/*" for each in _LINKED],
        ),
    ]


def bound(stack: Stack) -> None:
    """Give each role of a stack the boundary."""
    policy = iam.ManagedPolicy.from_managed_policy_name(stack, "Boundary", NAME)
    iam.PermissionsBoundary.of(stack).apply(policy)


def _allow(actions: Any, resources: Any, condition: dict[str, Any] | None = None) -> dict[str, Any]:
    made = {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    return made | ({"Condition": condition} if condition else {})


def _with_account(value: Any) -> Any:
    """Let CloudFormation put the account into the ARNs."""
    if isinstance(value, dict):
        return {key: _with_account(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_account(each) for each in value]
    return {"Fn::Sub": value} if "${" in str(value) else value


def main() -> None:
    """Print the template."""
    sys.stdout.write(json.dumps(template(), indent=1) + "\n")


if __name__ == "__main__":
    main()
