"""`-c zalopay=simulator`: a stage that works before ZaloPay's keys exist."""

import json

import pytest

from tests.infrastructure.synthesis import Stack, templates_of
from tests.infrastructure.test_least_privilege import listed, role_of, statements

FUNCTION = "AWS::Lambda::Function"


@pytest.fixture(scope="module")
def simulated(tmp_path_factory) -> Stack:
    templates = templates_of(tmp_path_factory.mktemp("simulated"), stage="dev", zalopay="simulator")
    return Stack(templates["Stays-dev-Backend"])


@pytest.fixture(scope="module")
def simulator(simulated) -> dict:
    return simulated.one(FUNCTION, Handler="handler.handler")


def test_functions_speak_to_the_simulator_and_share_its_keys(simulated, simulator):
    told = simulator["Environment"]["Variables"]
    payments = simulated.one(FUNCTION, Handler="payments.handler")["Environment"]["Variables"]
    callback = simulated.one(FUNCTION, Handler="zalopay_callback.handler")["Environment"]["Variables"]
    assert payments["ZALOPAY_ENDPOINT"] == told["SIMULATOR_URL"]
    assert payments["ZALOPAY_APP_ID"] == told["ZALOPAY_APP_ID"]
    assert payments["ZALOPAY_KEY1_SECRET"] == told["ZALOPAY_KEY1_SECRET"]
    assert callback["ZALOPAY_KEY2_SECRET"] == told["ZALOPAY_KEY2_SECRET"]
    assert simulated.spelled(simulated.template["Outputs"]["SimulatorUrl"]["Value"]) == simulated.spelled(
        told["SIMULATOR_URL"]
    )


def test_its_keys_are_made_up_by_aws_and_stand_in_no_template(simulated):
    secrets = simulated.properties("AWS::SecretsManager::Secret")
    assert len(secrets) == 2
    for secret in secrets:
        assert "SecretString" not in secret
        assert secret["GenerateSecretString"]["GenerateStringKey"] == "current"
        assert json.loads(secret["GenerateSecretString"]["SecretStringTemplate"]) == {}


def test_everything_of_it_goes_with_the_stack(simulated, simulator):
    ((_, table),) = simulated.of_type("AWS::DynamoDB::GlobalTable").items()
    assert table["DeletionPolicy"] == "Delete"
    assert simulator["Environment"]["Variables"]["SIMULATOR_TABLE"] == {
        "Ref": next(iter(simulated.of_type("AWS::DynamoDB::GlobalTable")))
    }
    for secret in simulated.of_type("AWS::SecretsManager::Secret").values():
        assert secret["DeletionPolicy"] == "Delete"


def test_it_may_use_its_own_table_and_its_own_keys_only(simulated, simulator):
    allowed = {
        action: simulated.spelled(resource)
        for statement in statements(role_of(simulated, simulator))
        for resource in listed(statement["Resource"])
        for action in listed(statement["Action"])
    }
    tables = {resource for action, resource in allowed.items() if action.startswith("dynamodb:")}
    assert len(tables) == 1
    assert tables.pop().startswith("SimulatorOrders")
    assert "SimulatorZalopayKey" in allowed["secretsmanager:GetSecretValue"]


def test_every_path_of_it_is_open_to_payers(simulated):
    api = next(
        name
        for name, each in simulated.of_type("AWS::ApiGatewayV2::Api").items()
        if each["Properties"]["Name"] == "stays-dev-simulator"
    )
    routes = [each for each in simulated.properties("AWS::ApiGatewayV2::Route") if each["ApiId"]["Ref"] == api]
    assert {each["RouteKey"] for each in routes} == {"ANY /", "ANY /{proxy+}"}
    assert {each["AuthorizationType"] for each in routes} == {"NONE"}


def test_without_it_there_is_nothing_of_it(backend):
    assert "imulator" not in json.dumps(backend.template)
