"""The embedded engine with all its services: deploys the supported parts of the templates."""

import copy
import io
import json
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from infra.local.database import CREDENTIALS, REGION, _engine_python, _environment, _free_port, _spawn
from tests.infrastructure.unpacked import LOCK, is_compiled, native, some

ACCOUNT = "000000000000"
# The bucket of `cdk bootstrap`.
BUCKET = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
SIGNATURES = ("cryptography", "cffi", "pycparser")
PATIENCE = 60  # seconds

Template = dict[str, Any]


class Emulator:
    """A running engine. `gateway` is the address of its APIs; each has its id as path."""

    def __init__(self, folder: Path):
        port = _free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self.gateway = f"127.0.0.1:{port}/_aws/execute-api/"
        # It runs all functions on its own Python.
        self._python = version_of(_engine_python())
        self._log = folder / "engine.log"
        environment = _environment(folder, port, keep=False) | {"PYTHONPATH": self._signatures(folder)}
        del environment["SERVICES"]  # all of them
        self._process = _spawn(self._log, environment)
        until(self._ready, self._log.read_text)
        self.s3, self._formation = self.client("s3"), self.client("cloudformation")
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.client("ssm").put_parameter(Name=BOOTSTRAP, Value="30", Type="String")

    def client(self, service: str) -> Any:
        """boto3's client of a service."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            config=Config(account_id_endpoint_mode="disabled"),
        )

    def upload(self, folder: Path, stack: str):
        """Upload every asset of a stack as the CLI does, with compiled wheels for this machine."""
        files = json.loads((folder / f"{stack}.assets.json").read_text())["files"]
        for name, each in files.items():
            source = folder / each["source"]["path"]
            if each["source"]["packaging"] == "zip":
                content = native("dependencies", LOCK, self._python).path if is_compiled(source) else source
                self.s3.put_object(Bucket=BUCKET, Key=f"{name}.zip", Body=zipped(content))

    def deploy(self, stack: str, template: Template) -> dict[str, Any]:
        """Deploy a stack. Returns its description at the end; `reasons` says why resources failed."""
        self.s3.put_object(Bucket=BUCKET, Key=stack, Body=json.dumps(template).encode())
        url = f"{self.endpoint}/{BUCKET}/{stack}"
        self._formation.create_stack(StackName=stack, TemplateURL=url, Capabilities=["CAPABILITY_NAMED_IAM"])
        return until(lambda: self._settled(stack), self._log.read_text)

    def resources(self, stack: str) -> set[str]:
        """The logical ids of the created resources."""
        pages = self._formation.get_paginator("list_stack_resources").paginate(StackName=stack)
        found = [each for page in pages for each in page["StackResourceSummaries"]]
        return {each["LogicalResourceId"] for each in found if each["ResourceStatus"] == "CREATE_COMPLETE"}

    def forget(self, stack: str):
        """Delete a stack."""
        self._formation.delete_stack(StackName=stack)
        active = ("CREATE_COMPLETE", "ROLLBACK_COMPLETE", "DELETE_IN_PROGRESS")
        listed = self._formation.list_stacks
        until(
            lambda: all(each["StackName"] != stack for each in listed(StackStatusFilter=active)["StackSummaries"]),
            self._log.read_text,
        )

    def stop(self):
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._process.stdin.close()

    def _settled(self, stack: str) -> dict[str, Any] | None:
        (found,) = self._formation.describe_stacks(StackName=stack)["Stacks"]
        if found["StackStatus"].endswith("IN_PROGRESS"):
            return None
        events = self._formation.describe_stack_events(StackName=stack)["StackEvents"]
        failed = [each for each in events if each["ResourceStatus"] == "CREATE_FAILED"]
        return found | {"reasons": {each["ResourceType"]: each["ResourceStatusReason"] for each in failed}}

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.endpoint}/_ministack/ready", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def _signatures(self, folder: Path) -> str:
        """Add a library that the engine needs for tokens and does not require. Without it every token is refused."""
        return str(some("signatures", SIGNATURES, LOCK, folder, self._python).path / "python")


def until(question: Callable[[], Any], story: Callable[[], str]) -> Any:
    """Wait for the first true answer. Fails with `story` if none comes in time."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := question()):
        assert time.monotonic() < deadline, story()
        time.sleep(0.05)
    return answer


def version_of(python: str) -> str:
    asked = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603


def zipped(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for each in folder.rglob("*"):
            if each.is_file():
                archive.write(each, each.relative_to(folder))
    return packed.getvalue()


def at(gateway: str, value: Any) -> Any:
    """The template with the engine's addresses of its APIs, because AWS's host names do not exist here."""
    if isinstance(value, list):
        return [at(gateway, each) for each in value]
    if not isinstance(value, dict):
        return value
    joined = value.get("Fn::Join", ("", ()))[1]
    if len(joined) > 3 and joined[0] in ("https://", "wss://") and str(joined[2]).startswith(".execute-api."):
        scheme = {"https://": "http://", "wss://": "ws://"}[joined[0]]
        return {"Fn::Join": ["", [scheme + gateway, joined[1], *joined[4:]]]}
    return {name: at(gateway, each) for name, each in value.items()}


UNKNOWN = ("AWS::Budgets::Budget", "AWS::Events::Archive")


def is_unknown(resource: Template) -> bool:
    """Whether the engine does not know its type: no stack with it begins."""
    return resource["Type"] in UNKNOWN


def widened(template: Template) -> Template:
    """The template with filters of streams without `$or`, which the engine takes for the name of an attribute."""
    changed = copy.deepcopy(dict(template))
    for resource in changed["Resources"].values():
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            for each in resource["Properties"]["FilterCriteria"]["Filters"]:
                pattern = json.loads(each["Pattern"])
                pattern.pop("$or", None)
                each["Pattern"] = json.dumps(pattern)
    return changed


def is_refused(resource: Template) -> bool:
    """Whether it is of an unknown type, or an alarm over an expression, not over a metric: its stack is rolled back."""
    is_alarm = resource["Type"] == "AWS::CloudWatch::Alarm"
    return is_unknown(resource) or (is_alarm and "Metrics" in resource["Properties"])
