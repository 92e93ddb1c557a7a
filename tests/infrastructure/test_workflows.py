"""The GitHub workflows: the same commands as locally, no stored keys, and pinned actions."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WORKFLOWS = {file.stem: yaml.safe_load(file.read_text()) for file in FILES}
every_workflow = pytest.mark.parametrize("name", WORKFLOWS)


def triggers(workflow: dict[Any, Any]) -> dict[str, Any]:
    """YAML 1.1 reads the key `on` as the boolean."""
    return workflow[True]


def jobs(name: str) -> list[dict[str, Any]]:
    return list(WORKFLOWS[name]["jobs"].values())


def commands(name: str) -> str:
    return "\n".join(step.get("run", "") for job in jobs(name) for step in job.get("steps", []))


def permissions(name: str) -> list[dict[str, str]]:
    return [WORKFLOWS[name]["permissions"], *(job["permissions"] for job in jobs(name) if "permissions" in job)]


def test_these_are_all_workflows():
    assert set(WORKFLOWS) == {"checks", "diff", "deploy", "deploy-stage"}


@every_workflow
def test_actions_are_pinned_by_their_full_hash_with_the_version_beside_it(name):
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text()
    used = re.findall(r"uses: (.+)", text)
    assert used
    for each in used:
        assert re.fullmatch(r"(\./\.github/workflows/[a-z-]+\.yml|[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)", each)


@every_workflow
def test_nothing_but_commenting_and_the_oidc_identity_is_allowed_beyond_reading(name):
    assert WORKFLOWS[name]["permissions"] == {"contents": "read"}
    allowed = {(scope, level) for each in permissions(name) for scope, level in each.items()}
    assert allowed <= {("contents", "read"), ("id-token", "write"), ("pull-requests", "write")}


@every_workflow
def test_no_key_is_kept_anywhere(name):
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text()
    assert not re.search(r"secrets\.|aws-access-key|AWS_SECRET", text, re.IGNORECASE)


@every_workflow
def test_what_strangers_can_write_is_never_pasted_into_a_command(name):
    assert "${{" not in commands(name)


@every_workflow
def test_a_checkout_leaves_no_token_behind(name):
    steps = [step for job in jobs(name) for step in job.get("steps", [])]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@every_workflow
def test_no_job_runs_for_ever(name):
    assert all("timeout-minutes" in job for job in jobs(name) if "steps" in job)


def test_pull_requests_are_checked_on_the_oldest_python_and_on_lambdas():
    assert "pull_request" in triggers(WORKFLOWS["checks"])
    assert WORKFLOWS["checks"]["jobs"]["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.13"]
    assert "make check test" in commands("checks")


def test_pull_requests_get_the_difference_as_a_comment_without_any_identity_in_aws():
    assert set(triggers(WORKFLOWS["diff"])) == {"pull_request"}
    assert "cdk diff" in commands("diff")
    assert "gh pr comment" in commands("diff")
    assert all("id-token" not in each for each in permissions("diff"))


def test_a_tag_deploys_staging_and_then_prod_once_the_checks_have_passed():
    assert triggers(WORKFLOWS["deploy"])["push"] == {"tags": ["v*"]}
    made = WORKFLOWS["deploy"]["jobs"]
    assert made["staging"]["needs"] == "checks"
    assert made["prod"]["needs"] == "staging"
    assert [made[name]["with"]["stage"] for name in ("dev", "staging", "prod")] == ["dev", "staging", "prod"]
    assert made["dev"]["if"] == "github.event_name == 'workflow_dispatch'"


def test_a_stage_is_looked_over_and_then_deployed_behind_its_environment_by_an_assumed_role():
    """`make deploy` checks the stage itself, and goes back."""
    (job,) = jobs("deploy-stage")
    assert job["environment"] == "${{ inputs.stage }}"
    assert job["permissions"]["id-token"] == "write"
    (identity,) = [step for step in job["steps"] if "aws-actions" in step.get("uses", "")]
    assert identity["with"]["role-to-assume"] == "${{ vars.AWS_DEPLOY_ROLE }}"
    runs = [step["run"].split()[1] for step in job["steps"] if step.get("run", "").startswith("make ")]
    assert runs == ["doctor", "deploy"]


def test_two_deployments_of_a_stage_never_run_at_once_and_none_is_cut_off():
    assert WORKFLOWS["deploy-stage"]["concurrency"] == {
        "group": "deploy-${{ inputs.stage }}",
        "cancel-in-progress": False,
    }


def test_the_packages_of_node_are_pinned_exactly_and_come_from_any_registry():
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert re.fullmatch(r"2\.\d+\.\d+", wanted["aws-cdk"]), "3.0.0 was published by accident"
    packages = [each for name, each in locked.items() if name]
    assert all(each["integrity"].startswith("sha512-") for each in packages)
    assert not any("resolved" in each for each in packages), "whoever installs them takes them from their own registry"


def test_every_target_that_a_workflow_makes_exists():
    makefile = (ROOT / "Makefile").read_text()
    made = {
        target
        for name in WORKFLOWS
        for line in re.findall(r"make(?: -C \w+)? ([a-z ]+)", commands(name))
        for target in line.split()
    }
    assert made == {"check", "test", "synth", "deploy", "doctor"}
    assert [target for target in made if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []
