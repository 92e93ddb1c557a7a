"""ZaloPay's simulator as a Lambda behind its own API, for a stage without a merchant account."""

from collections.abc import Mapping, Sequence

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from infra.aws.access import read_secret
from infra.aws.acknowledged import acknowledge
from infra.aws.function import LiveFunction, Program
from infra.aws.stage import Stage
from infra.topology import Function, Throttle

_ACTIONS = ("PutItem", "DeleteItem", "Query")
_FUNCTION = Function(
    timeout=29,
    memory=512,
    environment=("SIMULATOR_TABLE", "SIMULATOR_URL", "ZALOPAY_APP_ID", "ZALOPAY_KEY1_SECRET", "ZALOPAY_KEY2_SECRET"),
    why="It calls back before it answers, up to three times.",
)
_THROTTLE = Throttle(rate=20, burst=40)

_TOY = "No payer, no money and no secret of anybody's: it goes with the stack and is never in prod."
_ACCEPTED = {
    "AwsSolutions::AwsSolutions-APIG1": _TOY,
    "AwsSolutions::AwsSolutions-APIG4": _TOY,
    "AwsSolutions::AwsSolutions-SMG4": _TOY,
    "Serverless::Serverless-APIGWAccessLogging": _TOY,
}


class SimulatorApi(Construct):
    """The simulator of a stage. All of it is deleted with the stack, including its orders."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, "Simulator")
        self._stage = stage
        # Secrets Manager generates these keys, so ZaloPay's public sandbox keys cannot sign anything here.
        self.secrets = {name: self._secret(name) for name in _FUNCTION.environment if name.endswith("_SECRET")}
        self._api = apigateway.HttpApi(self, "Api", api_name=f"{stage.slug}-simulator", create_default_stage=False)
        stack = Stack.of(self)
        self.url = f"https://{self._api.api_id}.execute-api.{stack.region}.{stack.url_suffix}"

    def serve(self, code: lambda_.Code, layers: Sequence[lambda_.ILayerVersion], common: Mapping[str, str]) -> None:
        """Create the function and the routes."""
        table = self._table()
        values = {
            "SIMULATOR_TABLE": table.table_name,
            "SIMULATOR_URL": self.url,
            "ZALOPAY_APP_ID": str(self._stage.zalopay_app_id),
            **{name: secret.secret_arn for name, secret in self.secrets.items()},
        }
        items = iam.PolicyStatement(actions=[f"dynamodb:{action}" for action in _ACTIONS], resources=[table.table_arn])
        allowed = [items, *(read_secret(secret) for secret in self.secrets.values())]
        program = Program(code, "handler.handler", layers, {**values, **common})
        function = LiveFunction(self, "simulator", self._stage, _FUNCTION, program=program, allowed=allowed)
        integration = HttpLambdaIntegration("All", function.alias, scope_permission_to_route=False)
        for path in ("/", "/{proxy+}"):
            self._api.add_routes(path=path, methods=[apigateway.HttpMethod.ANY], integration=integration)
        throttle = apigateway.ThrottleSettings(rate_limit=_THROTTLE.rate, burst_limit=_THROTTLE.burst)
        apigateway.HttpStage(self, "Stage", http_api=self._api, auto_deploy=True, throttle=throttle)
        acknowledge(self, _ACCEPTED)

    def _table(self) -> dynamodb.TableV2:
        return dynamodb.TableV2(
            self,
            "Orders",
            table_name=f"{self._stage.slug}-simulator",
            partition_key=dynamodb.Attribute(name="PK", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="SK", type=dynamodb.AttributeType.STRING),
            billing=dynamodb.Billing.on_demand(),
            time_to_live_attribute="expiresAt",
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _secret(self, setting: str) -> secretsmanager.Secret:
        return secretsmanager.Secret(
            self,
            setting.title().replace("_", ""),
            secret_name=f"stays/{self._stage.name}/simulator-{setting.split('_')[1].lower()}",
            description="A key that the simulator and the functions share.",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template="{}",  # noqa: S106 (Secrets Manager generates the rest)
                generate_string_key="current",
                exclude_punctuation=True,
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )
