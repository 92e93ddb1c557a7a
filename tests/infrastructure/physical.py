"""The names and ARNs that resources of a template will have in AWS, and IAM's decision about them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.infrastructure.synthesis import Stack

ACCOUNT, REGION = "111122223333", "ap-southeast-1"
_PLACEHOLDER = "000000000000"  # the account of staging and prod in cdk.json
_PSEUDO = {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}
_NAMES = (
    "FunctionName",
    "QueueName",
    "TableName",
    "LogGroupName",
    "AlarmName",
    "DashboardName",
    "Name",
    "LayerName",
    "BucketName",
    "ArchiveName",
)
_ARNS = {
    "AWS::CloudWatch::Alarm": "cloudwatch:{here}:alarm:{name}",
    "AWS::CloudWatch::Dashboard": f"cloudwatch::{ACCOUNT}:dashboard/{{name}}",
    "AWS::DynamoDB::GlobalTable": "dynamodb:{here}:table/{name}",
    "AWS::Events::Archive": "events:{here}:archive/{name}",
    "AWS::Events::EventBus": "events:{here}:event-bus/{name}",
    "AWS::Events::Rule": "events:{here}:rule/{bus}{name}",
    "AWS::IAM::Role": f"iam::{ACCOUNT}:role/{{name}}",
    "AWS::Lambda::Function": "lambda:{here}:function:{name}",
    "AWS::Lambda::LayerVersion": "lambda:{here}:layer:{name}",
    "AWS::Logs::LogGroup": "logs:{here}:log-group:{name}",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SES::ConfigurationSet": "ses:{here}:configuration-set/{name}",
    "AWS::SNS::Topic": "sns:{here}:{name}",
    "AWS::SQS::Queue": "sqs:{here}:{name}",
    "AWS::Scheduler::Schedule": "scheduler:{here}:schedule/default/{name}",
    "AWS::SecretsManager::Secret": "secretsmanager:{here}:secret:{name}-AbCdEf",
    "AWS::ApiGatewayV2::Api": "execute-api:{here}:{name}",
    "AWS::CloudFront::Function": f"cloudfront::{ACCOUNT}:function/{{name}}",
    "AWS::WAFv2::IPSet": f"wafv2:us-east-1:{ACCOUNT}:global/ipset/{{name}}/1a2b",
    "AWS::WAFv2::WebACL": f"wafv2:us-east-1:{ACCOUNT}:global/webacl/{{name}}/1a2b",
}


class Physical:
    """The resources of all stacks of a stage."""

    def __init__(self, backend: Stack, data: Stack, stage: str = "dev", edge: Stack | None = None) -> None:
        outputs = data.template["Outputs"].values()
        self._exported = {each["Export"]["Name"]: each["Value"] for each in outputs if "Export" in each}
        self.resources = {**backend.resources, **data.resources, **(edge.resources if edge else {})}
        self._stage = stage

    def name(self, value: Any) -> str:
        """A value of the template as text. A reference becomes the resource's name, or its ARN where that is asked."""
        if isinstance(value, str):
            return value.replace(_PLACEHOLDER, ACCOUNT)
        ((how, what),) = value.items()
        if how == "Fn::ImportValue":
            return self.name(self._exported[what])
        if how == "Fn::Join":
            return str(what[0]).join(map(self.name, what[1]))
        if how == "Fn::Sub":
            return re.sub(r"\$\{([\w:]+)\}", lambda found: _PSEUDO[found[1]], what)
        if how == "Ref":
            return _PSEUDO.get(what) or self._referred(what)
        logical, attribute = what
        arn = self.arn(logical)
        return {"Arn": arn, "StreamArn": f"{arn}/stream/2026-11-27T00:00:00.000"}.get(attribute, self._own(logical))

    def _referred(self, logical: str) -> str:
        kind = self.resources[logical]["Type"]
        if kind == "AWS::Lambda::Alias":
            return f"{self.arn(self.resources[logical]['Properties']['FunctionName']['Ref'])}:live"
        return self.arn(logical) if kind in ("AWS::SecretsManager::Secret", "AWS::SNS::Topic") else self._own(logical)

    def _own(self, logical: str) -> str:
        """Its name: given by the template, or made of the stack's name by CloudFormation."""
        properties = self.resources[logical]["Properties"]
        given = next((properties[name] for name in _NAMES if properties.get(name)), None)
        return self.name(given) if given else f"Stays-{self._stage}-Backend-{logical}-1A2B3C"

    def arn(self, logical: str) -> str:
        """Its ARN."""
        resource = self.resources[logical]
        bus = resource["Properties"].get("EventBusName", "")
        form = _ARNS[resource["Type"]]
        return "arn:aws:" + form.format(
            here=f"{REGION}:{ACCOUNT}", name=self._own(logical), bus=bus and f"{self.name(bus)}/"
        )

    def arns(self) -> Iterator[tuple[str, str]]:
        """The type and the ARN of each resource that has a name."""
        for logical, resource in self.resources.items():
            if resource["Type"] in _ARNS:
                yield resource["Type"], self.arn(logical)

    def statements(self) -> Iterator[dict[str, Any]]:
        """The statements of all roles, with ARNs instead of references."""
        for resource in self.resources.values():
            if resource["Type"] == "AWS::IAM::Role":
                for policy in resource["Properties"]["Policies"]:
                    for each in policy["PolicyDocument"]["Statement"]:
                        yield each | {"Resource": [self.name(one) for one in listed(each["Resource"])]}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allows(statements: Sequence[Mapping[str, Any]], action: str, arn: str, **context: str) -> bool:
    """IAM's decision: a statement allows it, and none denies it. The context has `_` for `:` and `/` in its keys."""
    hit = [each["Effect"] for each in statements if _applies(each, action, arn, context)]
    return "Allow" in hit and "Deny" not in hit


def denies(statements: Sequence[Mapping[str, Any]], action: str, arn: str, **context: str) -> bool:
    return any(each["Effect"] == "Deny" and _applies(each, action, arn, context) for each in statements)


def _applies(statement: Mapping[str, Any], action: str, arn: str, context: Mapping[str, str]) -> bool:
    return (
        any(_like(pattern.lower(), action.lower()) for pattern in listed(statement["Action"]))
        and any(_like(pattern, arn) for pattern in listed(statement["Resource"]))
        and all(
            _holds(operator, context.get(re.sub(r"\W", "_", key)), listed(values))
            for operator, wanted in statement.get("Condition", {}).items()
            for key, values in wanted.items()
        )
    )


def _holds(operator: str, value: str | None, wanted: Sequence[str]) -> bool:
    operator = operator.removeprefix("ForAnyValue:").removeprefix("ForAllValues:")
    if operator == "StringNotEquals":
        return value not in wanted
    if operator in ("StringEquals", "ArnLike", "StringLike"):
        return value is not None and any(_like(each, value) if "Like" in operator else each == value for each in wanted)
    raise NotImplementedError(operator)


def _like(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text) is not None
