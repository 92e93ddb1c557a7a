"""The HTTP API: the topology's routes behind a JWT authorizer."""

import json
from collections.abc import Mapping

from aws_cdk import Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_certificatemanager as certificates
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_apigatewayv2_authorizers import HttpJwtAuthorizer
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration, HttpUrlIntegration
from constructs import Construct

from infra.aws.acknowledged import acknowledge
from infra.aws.function import log_group
from infra.aws.stage import Stage
from infra.topology import (
    CORS_HEADERS,
    CORS_MAX_AGE,
    CORS_METHODS,
    EDGE_SECRET_HEADER,
    HTTP_CALLS,
    LEGACY,
    LEGACY_CORS_METHODS,
    LEGACY_ROUTES,
    LEGACY_TIMEOUT,
    PREFIX,
    ROUTES,
    Route,
    Throttle,
)

CALLBACK_PATH = "/payment/zalopay/callback"

# No query strings, headers or paths in the log: a path contains ids, and its route is enough.
_LOGGED = (
    "requestId",
    "requestTimeEpoch",
    "identity.sourceIp",
    "httpMethod",
    "routeKey",
    "status",
    "responseLength",
    "responseLatency",
    "integrationLatency",
    "integrationErrorMessage",
    "authorizer.error",
)

_PUBLIC = "The callback's MAC and the feed's address are their authorization; the health route says nothing."
_PASSED = "The legacy backend checks tokens itself, as it did before."


class HttpApi(Construct):
    """The API without its routes: functions learn its address before they serve it."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, "Http")
        self._stage = stage
        self.api = apigateway.HttpApi(
            self,
            "Api",
            api_name=stage.slug,
            create_default_stage=False,
            cors_preflight=_cors(stage),
            disable_execute_api_endpoint=stage.domain is not None and stage.edge is None,  # the edge calls it
        )
        self._domain = self._own_domain()
        self.url = f"{self._origin()}{PREFIX}"
        self.callback_url = f"{self.url}{CALLBACK_PATH}"

    def serve(self, functions: Mapping[str, lambda_.IFunction]) -> apigateway.HttpStage:
        """Add the routes and publish them."""
        authorizer = HttpJwtAuthorizer("Tokens", self._stage.issuer, jwt_audience=[self._stage.audience])
        # One integration and one permission per function serve all its routes, because a policy holds only 20 kB.
        integrations = {
            name: HttpLambdaIntegration(name, function, scope_permission_to_route=False)
            for name, function in functions.items()
            if any(route.function == name for route in ROUTES)
        }
        routes = [self._route(route, integrations[route.function], authorizer) for route in ROUTES]
        return self._publish([*routes, *self._pass_on(authorizer)])

    def _pass_on(self, authorizer: HttpJwtAuthorizer) -> list[apigateway.HttpRoute]:
        """Add the routes of the legacy backend, if there is one. Our own paths are more specific and win."""
        address = self._stage.legacy_api_url
        if address is None:
            return []
        integration = HttpUrlIntegration(
            LEGACY,
            f"{address}/{{proxy}}",
            method=apigateway.HttpMethod.ANY,
            timeout=Duration.seconds(LEGACY_TIMEOUT),
            parameter_mapping=_without_secret() if self._stage.edge else None,
        )
        return [self._route(route, integration, authorizer) for route in LEGACY_ROUTES]

    def _route(
        self, route: Route, integration: apigateway.HttpRouteIntegration, authorizer: HttpJwtAuthorizer
    ) -> apigateway.HttpRoute:
        made = apigateway.HttpRoute(
            self,
            route_key(route),
            http_api=self.api,
            route_key=apigateway.HttpRouteKey.with_(route.path, apigateway.HttpMethod[route.method]),
            integration=integration,
            authorizer=apigateway.HttpNoneAuthorizer() if route.public else authorizer,
        )
        if route.public:
            why = _PASSED if route.function == LEGACY else _PUBLIC
            acknowledge(made, {"AwsSolutions::AwsSolutions-APIG4": why})
        return made

    def _publish(self, routes: list[apigateway.HttpRoute]) -> apigateway.HttpStage:
        published = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            throttle=_settings(self._stage.peak.throttle(HTTP_CALLS)),
            domain_mapping=apigateway.DomainMappingOptions(domain_name=self._domain) if self._domain else None,
        )
        child = published.node.default_child
        assert isinstance(child, apigateway.CfnStage)
        group = log_group(self, "Logs", f"/stays/{self._stage.name}/http-access", self._stage)
        child.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=group.log_group_arn, format=access_log_format()
        )
        child.route_settings = {
            route_key(route): route_throttle(self._stage.peak.throttle(route.calls)) for route in ROUTES if route.calls
        }
        # A stage cannot throttle a route that does not exist yet, and each route after it would be a deployment.
        published.node.add_dependency(*routes)
        return published

    def _own_domain(self) -> apigateway.DomainName | None:
        domain = self._stage.domain
        if domain is None or self._stage.edge:
            return None
        certificate = certificates.Certificate.from_certificate_arn(self, "Certificate", domain.certificate)
        return apigateway.DomainName(self, "Domain", domain_name=domain.name, certificate=certificate)

    def _origin(self) -> str:
        return f"https://{self._stage.domain.name if self._stage.domain else self.host}"

    @property
    def host(self) -> str:
        """Return the name that API Gateway gives the API."""
        stack = Stack.of(self)
        return f"{self.api.api_id}.execute-api.{stack.region}.{stack.url_suffix}"

    @property
    def domain_target(self) -> str | None:
        """Return the name that the DNS record of the stage's own domain must point to."""
        return self._domain.regional_domain_name if self._domain else None


def route_key(route: Route) -> str:
    """Return the route as API Gateway spells it."""
    return f"{route.method} {route.path}"


def access_log_format() -> str:
    """Return the log format: one JSON object per request."""
    return json.dumps({name.replace(".", "_"): f"$context.{name}" for name in _LOGGED})


def _without_secret() -> apigateway.ParameterMapping:
    """Keep the edge's secret from the other backend."""
    return apigateway.ParameterMapping().remove_header(EDGE_SECRET_HEADER)


def _cors(stage: Stage) -> apigateway.CorsPreflightOptions:
    methods = LEGACY_CORS_METHODS if stage.legacy_api_url else CORS_METHODS
    return apigateway.CorsPreflightOptions(
        allow_origins=list(stage.frontends),
        allow_methods=[apigateway.CorsHttpMethod[method] for method in methods],
        allow_headers=list(CORS_HEADERS),
        allow_credentials=True,
        max_age=Duration.seconds(CORS_MAX_AGE),
    )


def route_throttle(throttle: Throttle) -> dict[str, int]:
    """Return the throttle of one route as the template spells it."""
    return {"ThrottlingRateLimit": throttle.rate, "ThrottlingBurstLimit": throttle.burst}


def _settings(throttle: Throttle) -> apigateway.ThrottleSettings:
    return apigateway.ThrottleSettings(rate_limit=throttle.rate, burst_limit=throttle.burst)
