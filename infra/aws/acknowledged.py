"""Findings of cdk-nag that stay, each beside its reason."""

from collections.abc import Mapping

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accept findings, by `pack::rule`, for a construct and everything in it."""
    accepted = [Acknowledgment(id=finding, reason=reason) for finding, reason in reasons.items()]
    Validations.of(construct).acknowledge(*accepted)


def wildcard(stack: Stack, arn: str) -> str:
    """Give the name of the finding about a resource of a policy that ends in `*`."""
    resolved = stack.resolve(arn)
    parts = resolved["Fn::Join"][1] if isinstance(resolved, dict) else [resolved]
    spelled = "".join(part if isinstance(part, str) else f"<{part['Ref']}>" for part in parts)
    return f"AwsSolutions::AwsSolutions-IAM5[Resource::{spelled}]"
