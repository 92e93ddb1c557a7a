"""Accepted findings of cdk-nag and Checkov, each with its reason."""

from collections.abc import Mapping

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct

_AWS_KEY = "AWS's own key encrypts it. A key of ours costs a dollar a month, and losing it loses the data."

# Checkov's findings are accepted for every resource.
CHECKOV = {
    "CKV_AWS_18": "Functions and one mapping write the bucket of records; operators read it.",
    "CKV_AWS_21": "No object of the bucket is ever written twice.",
    "CKV_AWS_26": "Alarms name no user and no payment; the topic's mail leaves AWS in the open anyway.",
    "CKV_AWS_27": "SQS encrypts the queues with its own key, which this check does not count.",
    "CKV_AWS_95": "Access logs of a WebSocket API take a role of the whole account; functions log each frame.",
    "CKV_AWS_115": "Only what must not be starved, or could starve others, has a share of its own.",
    "CKV_AWS_116": "Events end in the queue of their mapping, rule, schedule or alias; HTTP callers get the error.",
    "CKV_AWS_117": "The functions call AWS and ZaloPay, which are public; a network would protect nothing.",
    "CKV_AWS_149": _AWS_KEY,
    "CKV_AWS_158": _AWS_KEY,
    "CKV_AWS_173": "No setting of a function is secret: keys are in Secrets Manager.",
}


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
