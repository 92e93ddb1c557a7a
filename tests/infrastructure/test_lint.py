"""Other linters' rules for the templates: every finding is accepted with a reason."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_sqs as sqs

from infra.aws.acknowledged import CHECKOV
from infra.aws.deployment import check
from tests.infrastructure.synthesis import Stack as Template
from tests.infrastructure.synthesis import an_app, with_edge

ROOT = Path(__file__).parents[2]


@pytest.fixture(
    scope="module",
    params=[
        {"stage": "all"},
        {"stage": "dev", "zalopay": "simulator"},
        with_edge(),
    ],
    ids=["stages", "simulator", "edge and legacy"],
)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """The findings of cdk-nag for all stages, by rule pack."""
    folder = tmp_path_factory.mktemp("nag")
    app = an_app(folder, request.param)
    check(app)
    app.synth()
    found = json.loads((folder / "validation-report.json").read_text())
    return {each["pluginName"]: each for each in found["pluginReports"]}


@pytest.mark.parametrize("pack", ["AwsSolutions", "Serverless"])
def test_cdk_nag_reports_nothing_that_is_not_acknowledged(report, pack, capsys):
    accepted = Counter(each["ruleName"] for each in report[pack]["suppressedViolations"])
    with capsys.disabled():
        print(f"\ncdk-nag, {pack}: {len(report[pack]['violations'])} findings; acknowledged: {dict(accepted)}")
    assert report[pack]["violations"] == []


def test_a_finding_that_nobody_acknowledged_stops_the_synthesis(tmp_path):
    app = App(outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    sqs.Queue(Stack(app, "Careless"), "Queue")
    check(app)
    with pytest.raises(RuntimeError, match="AwsSolutions-SQS4"):
        app.synth()


@pytest.fixture(scope="module")
def of_edge(edged: dict[str, Template], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The templates of an edge: its own stack, and its part of the other one, with the APIs that it names."""
    folder = tmp_path_factory.mktemp("templates")
    backend = edged["Stays-dev-Backend"]
    part = {name: each for name, each in backend.resources.items() if name.startswith("Edge")}
    part |= {name: each | {"Metadata": {}} for name, each in backend.of_type("AWS::ApiGatewayV2::Api").items()}
    made = {"edge": edged["Stays-dev-Edge"].template, "distribution": {"Resources": part}}
    for name, template in made.items():
        (folder / f"{name}.template.json").write_text(json.dumps(template))
    return sorted(folder.iterdir())


def test_cfn_lint_reports_nothing(assembly, of_edge, capsys):
    templates = sorted(map(str, [*assembly.glob("*.template.json"), *of_edge]))
    assert len(templates) == 8
    lint = [str(Path(sys.executable).with_name("cfn-lint")), "--non-zero-exit-code", "informational", *templates]
    done = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    with capsys.disabled():
        print(f"\ncfn-lint: {len(templates)} templates, {done.stdout or 'nothing found'}")
    assert (done.stdout, done.returncode) == ("", 0)


def test_checkov_reports_nothing_that_is_not_accepted_and_nothing_is_accepted_in_vain(
    assembly, of_edge, tmp_path, capsys
):
    for template in [*assembly.glob("*.template.json"), *of_edge]:
        (tmp_path / template.name).write_bytes(template.read_bytes())
    tool = ROOT / ".venv" / "checkov" / "bin" / "checkov"
    options = ["--framework", "cloudformation", "--skip-download", "--quiet", "--compact", "--output", "json"]
    done = subprocess.run([str(tool), "-d", str(tmp_path), *options], capture_output=True, text=True, check=False)  # noqa: S603
    found = json.loads(done.stdout)
    failed = Counter(each["check_id"] for each in found["results"]["failed_checks"])
    with capsys.disabled():
        print(f"\nCheckov: {found['summary']['passed']} checks passed; accepted: {dict(failed)}")
    assert (set(failed), found["summary"]["parsing_errors"]) == (set(CHECKOV), 0)
