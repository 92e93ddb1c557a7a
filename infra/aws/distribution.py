"""CloudFront in front of both APIs, under one name: the API, and the WebSocket at the path of its stage."""

from aws_cdk import Duration, Fn, RemovalPolicy
from aws_cdk import aws_certificatemanager as certificates
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.aws.acknowledged import acknowledge
from infra.aws.edge_stack import WEB_ACL, stack_name
from infra.aws.stage import EDGE_REGION, Stage
from infra.topology import EDGE_ADDRESS_HEADER, EDGE_SECRET_HEADER, WEBSOCKET_STAGE

# CloudFront keeps these answers for ten seconds, for everybody, unless it is told otherwise.
_ERRORS = (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)
_PATIENCE = Duration.seconds(35)  # longer than the gateway's 30 s
# No policy forwards all of the viewer's headers without Host together with CloudFront's own headers.
_CODE = f"""function handler(event) {{
    event.request.headers['{EDGE_ADDRESS_HEADER}'] = {{value: event.viewer.ip}};
    return event.request;
}}
"""

_ACCEPTED = {
    "AwsSolutions::AwsSolutions-CFR1": "A traveller pays from any country.",
    "AwsSolutions::AwsSolutions-CFR3": "Its log would keep addresses and tokens; the gateway's log has each request.",
    "AwsSolutions::AwsSolutions-SMG4": "CloudFront has to change with it: docs/deploy.md rotates it by hand.",
    "Serverless::Serverless-CloudFrontAccessLogging": "The same: the gateway's log has each request.",
}


class Distribution(Construct):
    """The distribution, and the secret that shows the functions that a request came through it."""

    def __init__(self, scope: Construct, stage: Stage, api: str, websocket: str) -> None:
        """`api` and `websocket` are the names that API Gateway gave the APIs."""
        super().__init__(scope, "Edge")
        assert stage.domain
        assert stage.edge
        self.secret = self._secret(stage)
        # The text of this reference changes with the setting, so that CloudFormation reads the secret again.
        value = self.secret.secret_value_from_json(stage.edge.sends).unsafe_unwrap()
        viewer = cloudfront.Function(
            self,
            "Viewer",
            function_name=f"{stage.slug}-viewer",
            comment="The address of the viewer, for the functions.",
            code=cloudfront.FunctionCode.from_inline(_CODE),
            runtime=cloudfront.FunctionRuntime.JS_2_0,
        )

        def behind(host: str, methods: cloudfront.AllowedMethods) -> cloudfront.BehaviorOptions:
            return cloudfront.BehaviorOptions(
                origin=_origin(host, value),
                allowed_methods=methods,
                cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
                origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
                compress=False,
                function_associations=[
                    cloudfront.FunctionAssociation(
                        function=viewer, event_type=cloudfront.FunctionEventType.VIEWER_REQUEST
                    )
                ],
            )

        made = cloudfront.Distribution(
            self,
            "Distribution",
            comment=stage.slug,
            domain_names=[stage.domain.name],
            certificate=certificates.Certificate.from_certificate_arn(self, "Certificate", stage.domain.certificate),
            default_behavior=behind(api, cloudfront.AllowedMethods.ALLOW_ALL),
            additional_behaviors={
                f"/{WEBSOCKET_STAGE}*": behind(websocket, cloudfront.AllowedMethods.ALLOW_GET_HEAD),
            },
            error_responses=[cloudfront.ErrorResponse(http_status=each, ttl=Duration.seconds(0)) for each in _ERRORS],
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            web_acl_id=Fn.get_stack_output(stack_name(stage), WEB_ACL, EDGE_REGION),
        )
        self.target = made.distribution_domain_name
        acknowledge(self, _ACCEPTED)

    def _secret(self, stage: Stage) -> secretsmanager.Secret:
        return secretsmanager.Secret(
            self,
            "Secret",
            secret_name=f"stays/{stage.name}/edge",
            description='{"current": …, "previous": … during a change}: functions accept what brings one of them.',
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template="{}",  # noqa: S106 (Secrets Manager generates the rest)
                generate_string_key="current",
                exclude_punctuation=True,
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )


def _origin(host: str, secret: str) -> origins.HttpOrigin:
    return origins.HttpOrigin(
        host,
        custom_headers={EDGE_SECRET_HEADER: secret},
        protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
        origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
        read_timeout=_PATIENCE,
    )
