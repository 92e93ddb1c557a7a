"""The output of `make env`."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.aws.outputs import NotDeployed, lines, main, outputs_in, read_outputs, variable

OUTPUTS = {
    "NextPublicWsUrl": "wss://b.execute-api.ap-southeast-1.amazonaws.com",
    "NextPublicApiUrl": "https://a.execute-api.ap-southeast-1.amazonaws.com/api/v1",
    "ZaloPayCallbackUrl": "https://a.execute-api.ap-southeast-1.amazonaws.com/api/v1/payment/zalopay/callback",
}


class CloudFormation:
    """Knows stacks by name, and answers for others as AWS does."""

    def __init__(self, stacks: dict[str, dict[str, str]]) -> None:
        self.stacks = stacks

    def describe_stacks(self, **asked: str) -> dict[str, Any]:
        name = asked["StackName"]
        if name not in self.stacks:
            message = f"Stack with id {name} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")
        told = [{"OutputKey": key, "OutputValue": value} for key, value in self.stacks[name].items()]
        return {"Stacks": [{"StackName": name, "Outputs": told} if told else {"StackName": name}]}


def test_an_output_becomes_the_variable_whose_underscores_cloudformation_does_not_allow():
    assert [variable(name) for name in ("NextPublicApiUrl", "NextPublicWsUrl")] == [
        "NEXT_PUBLIC_API_URL",
        "NEXT_PUBLIC_WS_URL",
    ]


def test_the_frontends_variables_come_first_and_can_be_pasted_the_rest_are_comments():
    assert lines(OUTPUTS) == [
        "NEXT_PUBLIC_API_URL=https://a.execute-api.ap-southeast-1.amazonaws.com/api/v1",
        "NEXT_PUBLIC_WS_URL=wss://b.execute-api.ap-southeast-1.amazonaws.com",
        "# ZaloPayCallbackUrl: https://a.execute-api.ap-southeast-1.amazonaws.com/api/v1/payment/zalopay/callback",
    ]


def test_the_outputs_of_both_stacks_are_read_from_cloudformation():
    client = CloudFormation({"Stays-dev-Data": {"EventBusName": "stays-dev"}, "Stays-dev-Backend": OUTPUTS})
    assert read_outputs(client, "dev") == {"EventBusName": "stays-dev", **OUTPUTS}


def test_a_stack_may_have_no_outputs():
    assert read_outputs(CloudFormation({"Stays-dev-Data": {}, "Stays-dev-Backend": OUTPUTS}), "dev") == OUTPUTS


def test_a_stage_that_is_not_deployed_is_said_to_be_so():
    with pytest.raises(NotDeployed, match=r"Stays-staging-Backend: .* does not exist"):
        read_outputs(CloudFormation({"Stays-staging-Data": {}}), "staging")


def test_the_outputs_may_come_from_the_file_that_the_deployment_wrote(tmp_path: Path, capsys):
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps({"Stays-dev-Data": {"EventBusName": "stays-dev"}, "Stays-dev-Backend": OUTPUTS}))
    assert outputs_in(file, "dev") == {"EventBusName": "stays-dev", **OUTPUTS}
    assert main(["dev", "--file", str(file)]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == lines(OUTPUTS)[:2]


def test_without_outputs_there_is_one_sentence_and_a_failure(tmp_path: Path, capsys):
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps({"Stays-dev-Backend": OUTPUTS}))
    assert main(["prod", "--file", str(file)]) == 1
    assert capsys.readouterr() == ("", f"{file} says nothing of prod.\n")


def test_every_stage_has_the_outputs_that_are_printed(stacks, stage_name):
    found = stacks[f"Stays-{stage_name}-Backend"].template["Outputs"]
    assert set(OUTPUTS) <= set(found)
    assert json.dumps(found["NextPublicApiUrl"]["Value"]).rstrip(']}"').endswith("/api/v1")
    assert "payment-notifications" not in json.dumps(found["NextPublicWsUrl"]["Value"]), "the frontend appends it"
