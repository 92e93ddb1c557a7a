"""The WebSocket API: the topology's routes, chosen by the `type` in a message."""

from collections.abc import Mapping

from aws_cdk import Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_apigatewayv2_integrations import WebSocketLambdaIntegration
from constructs import Construct

from infra.aws.acknowledged import acknowledge
from infra.aws.http_api import route_throttle
from infra.aws.stage import Stage
from infra.topology import (
    WEBSOCKET_CALLS,
    WEBSOCKET_ROUTE_CALLS,
    WEBSOCKET_ROUTES,
    WEBSOCKET_SELECTION,
    WEBSOCKET_STAGE,
)

_IDENTITY = "Only $connect could have an authorizer; who listens is proven in SUBSCRIBE, by the stage's mode."
_LOGS = "They take a role of the whole account; each frame has a line in its function's log."


class WebSocketApi(Construct):
    """The API without its routes: functions learn where to post before they serve it."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, "WebSocket")
        self._peak = stage.peak
        self.api = apigateway.WebSocketApi(
            self,
            "Api",
            api_name=f"{stage.slug}-messages",
            route_selection_expression=WEBSOCKET_SELECTION,
        )
        acknowledge(self, {"AwsSolutions::AwsSolutions-APIG4": _IDENTITY, "AwsSolutions::AwsSolutions-APIG1": _LOGS})
        acknowledge(self, {"Serverless::Serverless-APIGWAccessLogging": _LOGS})
        stack = Stack.of(self)
        self._domain = stage.domain.name if stage.domain and stage.edge else None
        self.host = f"{self.api.api_id}.execute-api.{stack.region}.{stack.url_suffix}"

    @property
    def url(self) -> str:
        """The address to which the frontend appends its path, which is the stage's name."""
        return f"wss://{self._domain or self.host}"

    @property
    def endpoint(self) -> str:
        """The address for posting messages."""
        return f"https://{self.host}/{WEBSOCKET_STAGE}"

    def serve(self, functions: Mapping[str, lambda_.IFunction]) -> apigateway.WebSocketStage:
        """Add the routes and publish them."""
        integrations = {
            name: WebSocketLambdaIntegration(name, functions[name]) for name in set(WEBSOCKET_ROUTES.values())
        }
        routes = [self.api.add_route(key, integration=integrations[name]) for key, name in WEBSOCKET_ROUTES.items()]
        rate, burst = self._peak.throttle(WEBSOCKET_CALLS)
        published = apigateway.WebSocketStage(
            self,
            "Stage",
            web_socket_api=self.api,
            stage_name=WEBSOCKET_STAGE,
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=rate, burst_limit=burst),
        )
        child = published.node.default_child
        assert isinstance(child, apigateway.CfnStage)
        child.route_settings = {
            key: route_throttle(self._peak.throttle(calls)) for key, calls in WEBSOCKET_ROUTE_CALLS.items()
        }
        # A stage cannot throttle a route that does not exist yet, and each route after it would be a deployment.
        published.node.add_dependency(*routes)
        return published
