"""Writes the list of each function's permissions from the templates: `python -m infra.aws.permissions`."""

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App

from infra.aws.deployment import add_stages
from infra.aws.stage import read_context

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"

_HEAD = """# What each function may do

Written by `python -m infra.aws.permissions` from the template of the stage `dev`; a test compares. The other stages
differ in names only. With an edge, the functions behind the gateways also read the secret `stays/<stage>/edge`. A
function has one role, and a role one function. Items are named by their partition keys; a transaction needs the
permissions of the single operations that it is made of.
"""
_PHYSICAL = ("TableName", "QueueName", "LogGroupName", "Name")
_WORDS = {
    "AWS::DynamoDB::GlobalTable": "table",
    "AWS::SQS::Queue": "queue",
    "AWS::Events::EventBus": "bus",
    "AWS::Logs::LogGroup": "log group",
    "AWS::SecretsManager::Secret": "secret",
    "AWS::ApiGatewayV2::Api": "API",
}

Template = Mapping[str, Any]


def permissions(backend: Template, data: Template) -> str:
    """Return the list as Markdown."""
    roles = {each["Properties"]["Handler"]: each["Properties"]["Role"] for each in _of_type(backend, "Function")}
    parts = [_HEAD]
    for handler, role in roles.items():
        policy = backend["Resources"][role["Fn::GetAtt"][0]]["Properties"]["Policies"][0]["PolicyDocument"]
        rows = [row for statement in policy["Statement"] for row in _rows(statement, backend, data)]
        table = ["| may | on | if |", "|---|---|---|", *sorted(rows)]
        parts.append("\n".join([f"## {handler.removesuffix('.handler')}", "", *table, ""]))
    return "\n".join(parts)


def _of_type(template: Template, kind: str) -> Iterator[Template]:
    return (each for each in template["Resources"].values() if each["Type"] == f"AWS::Lambda::{kind}")


def _rows(statement: Template, backend: Template, data: Template) -> Iterator[str]:
    condition = _condition(statement.get("Condition", {}))
    for resource in _listed(statement["Resource"]):
        for action in _listed(statement["Action"]):
            yield f"| `{action}` | {_named(resource, backend, data)} | {condition} |"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _condition(condition: Mapping[str, Mapping[str, Any]]) -> str:
    spelled = [
        f"{key.partition(':')[2]} {', '.join(f'`{each}`' for each in _listed(values))}"
        for wanted in condition.values()
        for key, values in wanted.items()
    ]
    return "; ".join(spelled).replace("LeadingKeys", "partition key")


def _named(resource: Any, backend: Template, data: Template) -> str:
    """Describe a resource in words: its kind, its name, and the part that is meant."""
    arn = _spelled(resource)
    logical = {**backend["Resources"], **data["Resources"]}
    found = max((name for name in logical if name in arn), key=len, default=None)
    if found is None:
        return f"`{arn}`"
    properties = logical[found]["Properties"]
    name = next(properties[key] for key in _PHYSICAL if isinstance(properties.get(key), str))
    return f"{_WORDS[logical[found]['Type']]} `{name}`{_part(arn)}"


def _part(arn: str) -> str:
    found = re.search(r"/(index/\w+|[\w-]+/(POST|DELETE)/.*)$", arn)
    if found:
        return f", `{found[1]}`"
    return ", its stream" if "StreamArn" in arn else ""


def _spelled(value: Any) -> str:
    if isinstance(value, str):
        return value
    ((how, what),) = value.items()
    if how == "Fn::Join":
        return str(what[0]).join(_spelled(part) for part in what[1])
    return what if isinstance(what, str) else ".".join(what)


def main() -> None:
    """Write the list to its file."""
    with tempfile.TemporaryDirectory() as folder:
        context = read_context() | {"stage": "dev", "aws:cdk:disable-asset-staging": True}
        app = App(context=context, outdir=folder, builtin_cloud_formation_validation=False)
        add_stages(app)
        app.synth()
        names = ("Stays-dev-Backend", "Stays-dev-Data")
        backend, data = (json.loads(Path(folder, f"{name}.template.json").read_text()) for name in names)
    DOCUMENT.write_text(permissions(backend, data))


if __name__ == "__main__":
    main()
