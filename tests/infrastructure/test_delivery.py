"""Deploying a stage and going back, against moto. The CDK's part is played by what it makes in AWS."""

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime

import boto3
import httpx
import pytest
import time_machine
from moto import mock_aws

from infra.aws.stage import ALIAS, Edge, Stage, read_context, read_stage
from infra.delivery import bootstrap, rollback
from infra.delivery.deploy import Deployment, main, new_stacks
from infra.delivery.versions import Misfit, Published
from infra.doctor.account import open_account
from tests.infrastructure.deployed import API, FRONTEND, DeployedSite

STAGE = read_stage("dev", read_context()).model_copy(update={"frontends": (FRONTEND,)})
CALLBACK = f"{API}/payment/zalopay/callback"
BROKEN = (500, {"message": "Internal Server Error"})
OUTPUTS = {"NextPublicApiUrl": API, "ZaloPayCallbackUrl": CALLBACK}


def program(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("function.py", text)
    return packed.getvalue()


class Cloud:
    """A stage in moto, and the CDK that deploys it. `release` is the code of each function in the next deployment."""

    def __init__(self, travel: time_machine.Traveller) -> None:
        session = boto3.Session(region_name=STAGE.region)
        self.formation, self.functions = session.client("cloudformation"), session.client("lambda")
        role = session.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument="{}")
        self._role = role["Role"]["Arn"]
        self._travel = travel
        self._deployed: dict[str, str] = {}
        self._codes: dict[tuple[str, int], str] = {}
        self.release: dict[str, str] = {}
        self.asked: list[tuple[str, ...]] = []
        self.exit_code = 0
        self.stage = STAGE  # its edge, if it has one, is told to functions
        self.site = DeployedSite()
        self.breaks: dict[str, tuple[int, dict[str, object]]] = {}  # the answers once it is deployed

    def cdk(self, *more: str) -> int:
        self.asked.append(more)
        if self.exit_code:
            return self.exit_code
        self._travel.shift(3600)
        for stack in ("Data", "Backend"):
            self._stack(f"Stays-dev-{stack}", str(len(self.asked)))
        self._travel.shift(60)
        for name, code in self.release.items():
            self._publish(name, code)
        self.site.pages |= self.breaks
        return 0

    def deploy(self, **release: str) -> int:
        """`make deploy` of a release."""
        self.release = self.release | release
        with httpx.Client(transport=self.site) as web:
            return Deployment(self.stage, open_account(STAGE.region), web, self.cdk, pause=0).run()

    def live(self) -> dict[str, str]:
        """The code behind each alias."""
        published = Published(self.functions, STAGE).live()
        return {name: self._codes[name, version] for name, version in published.items()}

    def _stack(self, name: str, text: str) -> None:
        outputs = {key: {"Value": value} for key, value in OUTPUTS.items()} if name.endswith("Backend") else {}
        topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": text}}
        template = json.dumps({"Resources": {"Topic": topic}, "Outputs": outputs})
        try:
            self.formation.update_stack(StackName=name, TemplateBody=template)
        except self.formation.exceptions.ClientError:
            self.formation.create_stack(StackName=name, TemplateBody=template)

    def use(self, name: str, **settings: str) -> None:
        """A release with these settings: of a restored table, or closed."""
        function = STAGE.function_name(name)
        self.functions.update_function_configuration(FunctionName=function, Environment={"Variables": settings})
        version = self.functions.publish_version(FunctionName=function)["Version"]
        self._codes[name, int(version)] = str(settings)
        self.functions.update_alias(FunctionName=function, Name=ALIAS, FunctionVersion=version)

    def _publish(self, name: str, code: str) -> None:
        if self._deployed.get(name) == code:
            return
        function = STAGE.function_name(name)
        if name in self._deployed:
            self.functions.update_function_code(FunctionName=function, ZipFile=program(code))
        else:
            self.functions.create_function(
                FunctionName=function,
                Runtime="python3.13",
                Role=self._role,
                Handler="function.handler",
                Code={"ZipFile": program(code)},
            )
        if self.stage.edge:
            told = {"Variables": {"EDGE_SECRET": "arn"}}
            self.functions.update_function_configuration(FunctionName=function, Environment=told)
        version = self.functions.publish_version(FunctionName=function)["Version"]
        how = self.functions.update_alias if name in self._deployed else self.functions.create_alias
        how(FunctionName=function, Name=ALIAS, FunctionVersion=version)
        self._deployed[name] = code
        self._codes[name, int(version)] = code


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws(), time_machine.travel(datetime(2026, 11, 1, tzinfo=UTC), tick=False) as travel:
        yield Cloud(travel)


def go_back(*names: str, stage: Stage = STAGE) -> list[str]:
    return list(rollback.go_back(boto3.Session(region_name=STAGE.region), stage, names or ("payments", "awards")))


def test_new_stacks_are_deployed_without_protection_and_then_with_it(cloud: Cloud):
    assert cloud.deploy(payments="1") == 0
    assert cloud.asked == [("-c", "new=Data,Backend"), ()]


def test_stacks_that_exist_keep_their_protection(cloud: Cloud):
    cloud.deploy(payments="1")
    cloud.asked.clear()
    cloud.deploy(payments="2")
    assert cloud.asked == [()]


def test_after_a_first_deployment_that_failed_halfway_only_the_other_stack_is_new(cloud: Cloud):
    cloud._stack("Stays-dev-Data", "1")
    assert new_stacks(cloud.formation, STAGE) == ["Backend"]


def test_a_release_that_breaks_what_worked_is_taken_back(cloud: Cloud, capsys):
    cloud.deploy(payments="1", awards="1")
    cloud.breaks = {f"{API}/health": BROKEN}
    assert cloud.deploy(payments="2") == 1
    assert cloud.live() == {"payments": "1", "awards": "1"}
    said = capsys.readouterr().out
    assert "Passed before and fails now: api. The functions before are live again." in said
    assert "Still failing: api. Deploy the release before." in said


def test_a_release_is_not_taken_back_for_what_was_broken_before(cloud: Cloud):
    cloud.deploy(payments="1")
    cloud.site.pages[CALLBACK] = BROKEN
    assert cloud.deploy(payments="2") == 1
    assert cloud.live() == {"payments": "2"}


def test_a_first_release_that_does_not_work_stays_and_the_command_fails(cloud: Cloud):
    cloud.breaks = {f"{API}/health": BROKEN}
    assert cloud.deploy(payments="1") == 1
    assert cloud.live() == {"payments": "1"}


def test_a_check_that_passes_when_it_is_repeated_takes_nothing_back(cloud: Cloud):
    cloud.deploy(payments="1")

    class Slow(DeployedSite):
        """Its first answer after a deployment is the gateway's error."""

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            answer = super().handle_request(request)
            if cloud.asked and str(request.url) == f"{API}/health":
                self.pages |= DeployedSite().pages
            return answer

    cloud.site = Slow()
    cloud.asked.clear()
    cloud.breaks = {f"{API}/health": BROKEN}
    assert cloud.deploy(payments="2") == 0
    assert cloud.live() == {"payments": "2"}


def test_what_people_still_have_to_do_is_reported_and_fails_nothing(cloud: Cloud, capsys):
    assert cloud.deploy(payments="1") == 0
    said = capsys.readouterr().out
    assert "The secret of key1 is empty" in said
    assert "Problems: none" not in said


def test_a_deployment_that_fails_leaves_the_functions_that_were_live(cloud: Cloud):
    cloud.deploy(payments="1")
    cloud.deploy(payments="2")
    go_back("payments")
    cloud.exit_code = 5
    assert cloud.deploy(payments="3") == 5
    assert cloud.live() == {"payments": "1"}


def test_going_back_points_each_function_at_the_release_before(cloud: Cloud):
    cloud.deploy(payments="1", awards="1")
    cloud.deploy(payments="2", awards="2")
    cloud.deploy(payments="3")
    assert go_back() == ["payments: 3 → 2, published 2026-11-01 03:03 UTC"]
    assert cloud.live() == {"payments": "2", "awards": "2"}
    assert len(go_back()) == 2
    assert cloud.live() == {"payments": "1", "awards": "1"}


def test_going_back_is_by_releases_and_not_by_deployments(cloud: Cloud):
    cloud.deploy(payments="1")
    cloud.deploy(payments="2")
    cloud.deploy()
    go_back()
    assert cloud.live() == {"payments": "1"}


def test_one_function_can_go_back_alone(cloud: Cloud):
    cloud.deploy(payments="1", awards="1")
    cloud.deploy(payments="2", awards="2")
    go_back("awards")
    assert cloud.live() == {"payments": "2", "awards": "1"}


def test_nothing_goes_back_to_functions_from_before_the_stage_got_its_edge_or_lost_it(cloud: Cloud):
    cloud.deploy(payments="1", awards="1")
    cloud.stage = STAGE.model_copy(update={"edge": Edge()})
    cloud.site.headers["x-amz-cf-id"] = "1"
    cloud.breaks = {f"{API}/health": BROKEN}
    assert cloud.deploy(payments="2", awards="2") == 1
    with pytest.raises(Misfit, match="of payments does not fit"):
        go_back(stage=cloud.stage)
    assert cloud.live() == {"payments": "2", "awards": "2"}
    cloud.deploy(payments="3")
    go_back(stage=cloud.stage)
    assert cloud.live() == {"payments": "2", "awards": "2"}
    cloud.stage, function = STAGE, STAGE.function_name("payments")
    cloud.functions.update_function_configuration(FunctionName=function, Environment={"Variables": {}})
    cloud.deploy(payments="4")
    with pytest.raises(Misfit, match="of payments does not fit"):
        go_back()


def test_a_first_release_has_nothing_before_it(cloud: Cloud):
    cloud.deploy(payments="1")
    with pytest.raises(rollback.NothingBefore, match="No version of payments is older than"):
        go_back()


def test_a_stage_without_functions_has_nothing_before_it(cloud: Cloud):
    with pytest.raises(rollback.NothingBefore, match="dev has no functions"):
        go_back()


def test_the_deployment_after_a_rollback_brings_all_functions_forward(cloud: Cloud):
    cloud.deploy(payments="1", awards="1")
    cloud.deploy(payments="2", awards="2")
    go_back()
    cloud.deploy(payments="3")
    assert cloud.live() == {"payments": "3", "awards": "2"}


def test_nothing_leaves_a_restored_table_or_opens_a_closed_stage_unasked(cloud: Cloud):
    cloud.deploy(payments="1")
    cloud.use("payments", STAYS_TABLE="stays-dev", MAINTENANCE="true")
    with pytest.raises(Misfit, match="dev is closed: `make restore` opens it"):
        cloud.deploy(payments="2")
    cloud.use("payments", STAYS_TABLE="stays-dev-1")
    cloud.asked.clear()
    with pytest.raises(Misfit, match="dev uses the table stays-dev-1, and"):
        cloud.deploy(payments="2")
    with pytest.raises(Misfit, match="Version 1 of payments does not fit"):
        go_back("payments")
    assert cloud.asked == []
    with httpx.Client(transport=cloud.site) as web:
        assert Deployment(STAGE, open_account(STAGE.region), web, cloud.cdk, pause=0, switch=True).run() == 0
    assert cloud.live() == {"payments": "2"}


def test_the_command_prints_the_versions_or_one_sentence(cloud: Cloud, capsys):
    cloud.deploy(payments="1")
    assert rollback.main(["dev"]) == 1
    assert "is older than the deployment" in capsys.readouterr().err
    cloud.deploy(payments="2")
    capsys.readouterr()
    assert rollback.main(["dev", "payments"]) == 0
    assert capsys.readouterr().out.startswith("payments: 2 → 1, published ")


def test_an_account_is_prepared_with_the_boundary_first_and_may_be_prepared_again(cloud: Cloud):
    seen: list[tuple[str, ...]] = []

    def cdk(*more: str) -> int:
        assert boto3.client("iam").get_policy(PolicyArn="arn:aws:iam::123456789012:policy/stays-boundary")
        seen.append(more)
        return 0

    assert [bootstrap.prepare(STAGE, cdk) for _ in range(2)] == [0, 0]
    assert seen == [("aws://123456789012/ap-southeast-1", "--custom-permissions-boundary", "stays-boundary")] * 2


def test_the_region_of_an_edge_is_prepared_too(cloud: Cloud):
    seen: list[tuple[str, ...]] = []

    def cdk(*more: str) -> int:
        seen.append(more)
        return 0

    assert bootstrap.prepare(STAGE.model_copy(update={"edge": Edge()}), cdk) == 0
    assert seen[0][:2] == ("aws://123456789012/ap-southeast-1", "aws://123456789012/us-east-1")


def test_another_account_than_the_stages_is_not_prepared(cloud: Cloud):
    with pytest.raises(bootstrap.WrongAccount, match="Signed in to account 123456789012, dev belongs to 0"):
        bootstrap.prepare(STAGE.model_copy(update={"account": "0" * 12}), cloud.cdk)
    assert cloud.asked == []


def test_the_command_prepares_the_region_of_the_stage(cloud: Cloud):
    typed = ["--stage", "dev", "--", "sh", "-c", 'test "$*" = "$0 $1 $2"; exit 0']
    assert bootstrap.main(typed) == 0


def test_the_commands_exit_code_is_the_cdks(cloud: Cloud):
    assert main(["--stage", "dev", "--", "sh", "-c", "exit 3"]) == 3
