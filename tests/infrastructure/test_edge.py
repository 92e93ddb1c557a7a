"""The templates of a stage with an edge, and that other stages have nothing of it."""

import json
import re
from typing import Any
from urllib.parse import unquote

import pytest

from infra.aws.deployment import figures
from infra.aws.stage import read_stage
from infra.peak import Peak
from infra.topology import EDGE_ADDRESS_HEADER, EDGE_SECRET_HEADER, FUNCTIONS, SERVED
from tests.infrastructure.synthesis import CERTIFICATE, Stack, with_edge
from tests.infrastructure.test_least_privilege import listed, roles, statements

CREATE, CALLBACK = "/api/v1/payment/zalopay/create", "/api/v1/payment/zalopay/callback"
GUARDED = {"payments", "auctions", "bookings", "calendars", "connections", "zalopay_callback"}
Rule = dict[str, Any]


@pytest.fixture(scope="module")
def behind(edged: dict[str, Stack]) -> Stack:
    return edged["Stays-dev-Backend"]


@pytest.fixture(scope="module")
def firewall(edged: dict[str, Stack]) -> dict[str, Any]:
    (found,) = edged["Stays-dev-Edge"].properties("AWS::WAFv2::WebACL")
    return found


@pytest.fixture(scope="module")
def rules(firewall: dict[str, Any]) -> dict[str, Rule]:
    """The rules by name, in the order in which they are asked."""
    return {each["Name"]: each for each in sorted(firewall["Rules"], key=lambda each: each["Priority"])}


@pytest.fixture(scope="module")
def distribution(behind: Stack) -> dict[str, Any]:
    (found,) = behind.properties("AWS::CloudFront::Distribution")
    return found["DistributionConfig"]


def matches(statement: dict[str, Any], path: str, method: str) -> bool:
    """Whether a scope-down statement means a request to this path, by WAF's rules."""
    ((kind, inner),) = statement.items()
    if kind == "NotStatement":
        return not matches(inner["Statement"], path, method)
    if kind == "AndStatement":
        return all(matches(each, path, method) for each in inner["Statements"])
    assert (kind, inner["PositionalConstraint"]) == ("ByteMatchStatement", "EXACTLY")
    (field,), (transformation,) = inner["FieldToMatch"], [each["Type"] for each in inner["TextTransformations"]]
    seen = {("UriPath", "URL_DECODE"): unquote(path), ("Method", "NONE"): method}
    return seen[field, transformation] == inner["SearchString"]


def limits(rules: dict[str, Rule], path: str, method: str = "POST") -> list[int]:
    """The limits of an address that hold for a path, in a minute."""
    rates = [each["Statement"].get("RateBasedStatement") for each in rules.values()]
    return [each["Limit"] for each in rates if each and matches(each["ScopeDownStatement"], path, method)]


def test_a_stage_without_the_setting_has_no_edge(stacks: dict[str, Stack]):
    assert {name.rpartition("-")[2] for name in stacks} == {"Data", "Backend"}
    text = json.dumps([each.template for each in stacks.values()])
    for trace in ("AWS::CloudFront", "AWS::WAF", "EDGE_SECRET", "/edge", EDGE_SECRET_HEADER, "GetStackOutput"):
        assert trace not in text


def test_the_firewall_stands_in_a_stack_of_its_own_and_is_known_without_a_lookup(edged, distribution):
    assert set(edged) == {"Stays-dev-Data", "Stays-dev-Backend", "Stays-dev-Edge"}
    reference = distribution["WebACLId"]["Fn::GetStackOutput"]
    assert reference == {"StackName": "Stays-dev-Edge", "OutputName": "WebAcl", "Region": "us-east-1"}
    output = edged["Stays-dev-Edge"].template["Outputs"]["WebAcl"]["Value"]
    assert output == {"Fn::GetAtt": ["Firewall", "Arn"]}
    assert {each["Type"] for each in edged["Stays-dev-Edge"].resources.values()} >= {"AWS::WAFv2::WebACL"}
    kinds = {each["Type"] for stack in edged.values() for each in stack.resources.values()}
    assert not any(kind.startswith("Custom::") for kind in kinds)


def test_both_apis_stand_under_one_name(behind, distribution):
    assert (distribution["Aliases"], distribution["HttpVersion"]) == (["api.stays.example"], "http2and3")
    assert distribution["ViewerCertificate"] == {
        "AcmCertificateArn": CERTIFICATE,
        "MinimumProtocolVersion": "TLSv1.2_2021",
        "SslSupportMethod": "sni-only",
    }
    outputs = {name: behind.spelled(each["Value"]) for name, each in behind.template["Outputs"].items()}
    assert outputs["NextPublicApiUrl"] == "https://api.stays.example/api/v1"
    assert outputs["NextPublicWsUrl"] == "wss://api.stays.example"
    assert outputs["ZaloPayCallbackUrl"] == f"https://api.stays.example{CALLBACK}"
    assert outputs["DomainTarget"].endswith("DomainName")
    direct = "://{}.execute-api.ap-southeast-1.AWS::URLSuffix"
    assert re.fullmatch("https" + direct.format(r"\w+") + "/api/v1", outputs["DirectApiUrl"])
    assert re.fullmatch("wss" + direct.format(r"\w+"), outputs["DirectWsUrl"])


def test_the_apis_are_called_at_their_own_addresses_and_messages_are_posted_there(behind, distribution):
    api = behind.one("AWS::ApiGatewayV2::Api", ProtocolType="HTTP")
    assert not api.get("DisableExecuteApiEndpoint")
    assert not behind.of_type("AWS::ApiGatewayV2::DomainName")
    variables = behind.one("AWS::Lambda::Function", Handler="connections.handler")["Environment"]["Variables"]
    endpoint = behind.spelled(variables["WEBSOCKET_ENDPOINT"])
    hosts = {each["Id"]: behind.spelled(each["DomainName"]) for each in distribution["Origins"]}
    (websocket,) = distribution["CacheBehaviors"]
    assert endpoint == f"https://{hosts[websocket['TargetOriginId']]}/payment-notifications"
    assert hosts[distribution["DefaultCacheBehavior"]["TargetOriginId"]].startswith("HttpApi")
    assert websocket["PathPattern"] == "/payment-notifications*"


def test_nothing_is_cached_and_all_but_the_name_of_the_host_reaches_the_apis(distribution):
    (websocket,) = distribution["CacheBehaviors"]
    every = distribution["DefaultCacheBehavior"]
    assert set(every["AllowedMethods"]) == {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"}
    assert websocket["AllowedMethods"] == ["GET", "HEAD"]
    for behaviour in (websocket, every):
        assert behaviour["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # CachingDisabled
        assert behaviour["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"  # AllViewerExceptHostHeader
        assert behaviour["ViewerProtocolPolicy"] == "https-only"
        assert [each["EventType"] for each in behaviour["FunctionAssociations"]] == ["viewer-request"]
    for origin in distribution["Origins"]:
        how = origin["CustomOriginConfig"]
        assert (how["OriginProtocolPolicy"], how["OriginSSLProtocols"]) == ("https-only", ["TLSv1.2"])
        assert how["OriginReadTimeout"] > 30


def test_the_viewers_address_is_written_over_whatever_the_viewer_sent(behind):
    (function,) = behind.properties("AWS::CloudFront::Function")
    assert f"event.request.headers['{EDGE_ADDRESS_HEADER}'] = {{value: event.viewer.ip}};" in function["FunctionCode"]


@pytest.mark.parametrize("sends", ["current", "previous"])
def test_the_edge_sends_the_value_that_the_setting_names(distribution, sends):
    said = json.dumps(distribution)
    headers = [each for origin in distribution["Origins"] for each in origin["OriginCustomHeaders"]]
    assert {each["HeaderName"] for each in headers} == {EDGE_SECRET_HEADER}
    assert len(headers) == 2
    assert said.count(":SecretString:current::}}") == 2
    context = with_edge()
    context["stages"]["dev"]["edge"] = {"sends": sends}
    assert read_stage("dev", context).edge.sends == sends


def test_the_secret_is_made_by_aws_and_stands_in_no_template(behind):
    (secret,) = [each for each in behind.properties("AWS::SecretsManager::Secret") if each["Name"] == "stays/dev/edge"]
    assert secret["GenerateSecretString"]["GenerateStringKey"] == "current"
    assert "SecretString" not in secret


def test_the_functions_that_gateways_call_read_the_secret_and_no_others(behind):
    named = next(
        name for name, each in behind.of_type("AWS::SecretsManager::Secret").items() if name.startswith("Edge")
    )
    functions = behind.properties("AWS::Lambda::Function")
    told = {each["Handler"].removesuffix(".handler"): each["Environment"]["Variables"] for each in functions}
    assert {name for name, settings in told.items() if settings.get("EDGE_SECRET") == {"Ref": named}} == GUARDED
    reading = {
        name
        for name, role in roles(behind).items()
        for statement in statements(role)
        if statement["Action"] == "secretsmanager:GetSecretValue"
        and named in [behind.spelled(each) for each in listed(statement["Resource"])]
    }
    assert reading == GUARDED
    assert {route.function for route in SERVED} | {"connections"} == GUARDED


def test_the_legacy_backend_does_not_get_the_secret(behind):
    passed = behind.one("AWS::ApiGatewayV2::Integration", IntegrationType="HTTP_PROXY")
    assert passed["RequestParameters"] == {f"remove:header.{EDGE_SECRET_HEADER}": ""}


def test_blocked_addresses_are_refused_first_and_both_families_have_a_list(edged, rules):
    sets = {each["IPAddressVersion"]: each for each in edged["Stays-dev-Edge"].properties("AWS::WAFv2::IPSet")}
    assert {family: each["Name"] for family, each in sets.items()} == {
        "IPV4": "stays-dev-blocked-ipv4",
        "IPV6": "stays-dev-blocked-ipv6",
    }
    # CloudFormation writes only what changed in the template, so the lists keep what the operator put there.
    assert all(
        (each["Addresses"], each["Scope"], "Description" in each) == ([], "CLOUDFRONT", False) for each in sets.values()
    )
    first = rules[next(iter(rules))]
    assert (first["Name"], first["Action"]) == ("blocked", {"Block": {}})
    listed_sets = first["Statement"]["OrStatement"]["Statements"]
    assert {each["IPSetReferenceStatement"]["Arn"]["Fn::GetAtt"][0] for each in listed_sets} == {
        "BlockedIpv4",
        "BlockedIpv6",
    }


@pytest.mark.parametrize("winners", [100, 1000, 20_000])
def test_the_limits_of_an_address_leave_room_for_a_carrier_and_for_zalopay(winners: int):
    peak, allowed = Peak(winners), Peak(winners).address_limits()
    assert allowed["callback"] > winners * 2, "all callbacks of the peak, twice each, may come from one address"
    assert winners / 5 < allowed["create"] < winners, (
        "a fifth of all winners behind one carrier's address, with a retry"
    )
    assert allowed["create"] < allowed["other"]
    for name, path in (("create", CREATE), ("callback", CALLBACK)):
        throttle = peak.throttles()[f"POST {path}"]
        assert allowed[name] < 60 * throttle.rate, "one address cannot take the whole throttle from the others"


def test_a_minutes_limit_is_stricter_for_create_and_the_callback_has_one_of_its_own(rules):
    expected = Peak(1000).address_limits()
    assert limits(rules, CREATE) == [expected["create"], expected["other"]] == [400, 4000]
    assert limits(rules, "/api/v1/payment/zalopay/%63reate") == limits(rules, CREATE), "the gateway decodes it, too"
    assert limits(rules, CALLBACK) == [expected["callback"]] == [4000]
    assert limits(rules, CREATE, "OPTIONS") == [], "a browser's question before the call counts nowhere"
    assert limits(rules, "/api/v1/user/bookings") == limits(rules, "/payment-notifications") == [expected["other"]]
    for name in ("limit-create", "limit-callback", "limit-other"):
        rate = rules[name]["Statement"]["RateBasedStatement"]
        assert (rate["AggregateKeyType"], rate["EvaluationWindowSec"]) == ("IP", 60)


def test_who_is_above_a_limit_gets_an_answer_that_the_frontend_waits_for(firewall, rules):
    answer = rules["limit-other"]["Action"]["Block"]["CustomResponse"]
    assert answer["ResponseCode"] == 429
    body = json.loads(firewall["CustomResponseBodies"][answer["CustomResponseBodyKey"]]["Content"])
    assert (body["error"]["code"], body["error"]["details"]) == ("RATE_LIMIT", {})
    assert {each["Name"]: each["Value"] for each in answer["ResponseHeaders"]} == {
        "access-control-allow-origin": "https://dev.stays.example",
        "access-control-allow-credentials": "true",
    }


def test_rules_of_aws_leave_the_callback_alone_and_only_count_what_good_requests_do(rules):
    managed = {
        n: each["Statement"]["ManagedRuleGroupStatement"] for n, each in rules.items() if "OverrideAction" in each
    }
    assert set(managed) == {"AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesCommonRuleSet"}
    for name, group in managed.items():
        assert rules[name]["OverrideAction"] == {"None": {}}
        assert not matches(group["ScopeDownStatement"], CALLBACK, "POST")
        assert matches(group["ScopeDownStatement"], CREATE, "POST")
    overrides = managed["AWSManagedRulesCommonRuleSet"]["RuleActionOverrides"]
    assert all(each["ActionToUse"] == {"Count": {}} for each in overrides)
    counted = {each["Name"] for each in overrides}
    sizes = {"SizeRestrictions_BODY", "SizeRestrictions_QUERYSTRING", "SizeRestrictions_Cookie_HEADER"}
    cookies = {"CrossSiteScripting_COOKIE", "EC2MetaDataSSRF_COOKIE"}
    assert sizes | cookies | {"NoUserAgent_HEADER", "CrossSiteScripting_BODY", "GenericRFI_BODY"} <= counted


def test_the_firewalls_samples_hold_neither_tokens_nor_cookies_nor_bodies(firewall):
    hidden = [each["Field"] for each in firewall["DataProtectionConfig"]["DataProtections"]]
    assert {each["FieldType"] for each in hidden} == {"SINGLE_HEADER", "QUERY_STRING", "BODY"}
    assert hidden[0]["FieldKeys"] == ["authorization", "cookie"]


def test_the_dashboard_shows_what_each_rule_refuses(behind, firewall, rules):
    text = behind.spelled(behind.one("AWS::CloudWatch::Dashboard")["DashboardBody"])
    shown = re.findall(r'"AWS/WAFV2","BlockedRequests","Rule","([\w-]+)","WebACL","([\w-]+)",(\{.*?\})', text)
    metric_names = [rule["VisibilityConfig"]["MetricName"] for rule in rules.values()]
    assert [rule for rule, _, _ in shown] == list(rules) == metric_names
    assert {acl for _, acl, _ in shown} == {firewall["VisibilityConfig"]["MetricName"]}
    assert all(json.loads(options)["region"] == "us-east-1" for _, _, options in shown)


def test_synth_prints_the_limits_of_an_address():
    stage = read_stage("dev", with_edge())
    assert list(figures(stage))[-1] == "  of each address, requests a minute: create 400, callback 4000, other 4000"


def test_each_function_that_checks_the_edge_has_the_setting_as_an_option():
    assert {name for name, each in FUNCTIONS.items() if "EDGE_SECRET" in each.optional} == GUARDED
