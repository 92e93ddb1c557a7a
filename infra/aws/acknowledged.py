"""Accepted findings of cdk-nag, each with its reason."""

from collections.abc import Mapping

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accept findings, by `pack::rule`, for a construct and everything inside it."""
    accepted = [Acknowledgment(id=finding, reason=reason) for finding, reason in reasons.items()]
    Validations.of(construct).acknowledge(*accepted)


def wildcard(stack: Stack, arn: str) -> str:
    """Return the name of the finding about a policy resource that ends in `*`."""
    resolved = stack.resolve(arn)
    parts = resolved["Fn::Join"][1] if isinstance(resolved, dict) else [resolved]
    spelled = "".join(part if isinstance(part, str) else f"<{part['Ref']}>" for part in parts)
    return f"AwsSolutions::AwsSolutions-IAM5[Resource::{spelled}]"
