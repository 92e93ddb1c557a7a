"""The stack in us-east-1 of a stage with an edge: its WAF, with the list of blocked addresses."""

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import CfnOutput, Environment, Stack
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from infra.aws.stage import EDGE_REGION, Stage
from infra.topology import PREFIX

WEB_ACL = "WebAcl"  # the output that the distribution reads
CREATE_PATH = f"{PREFIX}/payment/zalopay/create"
CALLBACK_PATH = f"{PREFIX}/payment/zalopay/callback"

# Rules of AWS that would refuse good requests only count. Bodies are read by models that allow few fields. A token in
# the query has up to 4,096 characters, and the cookies of the frontend's site are not ours. Calendar programs need not
# name themselves.
_COUNTED = (
    "CrossSiteScripting_BODY",
    "CrossSiteScripting_COOKIE",
    "EC2MetaDataSSRF_BODY",
    "EC2MetaDataSSRF_COOKIE",
    "GenericLFI_BODY",
    "GenericRFI_BODY",
    "NoUserAgent_HEADER",
    "SizeRestrictions_BODY",
    "SizeRestrictions_Cookie_HEADER",
    "SizeRestrictions_QUERYSTRING",
)
_MANAGED: Mapping[str, tuple[str, ...]] = {
    "AWSManagedRulesKnownBadInputsRuleSet": (),
    "AWSManagedRulesCommonRuleSet": _COUNTED,
}
RULES = ("blocked", "limit-create", "limit-callback", "limit-other", *_MANAGED)  # in the order of the questions
_HIDDEN = {"SINGLE_HEADER": ["authorization", "cookie"], "QUERY_STRING": None, "BODY": None}  # in sampled requests
_WINDOW = 60  # seconds
# The contract's error shape: the frontend waits for ten seconds and tries again.
_BUSY = json.dumps(
    {"error": {"code": "RATE_LIMIT", "message": "Much is going on here; please try again in a moment.", "details": {}}}
)


def stack_name(stage: Stage) -> str:
    """Return the name of the stack."""
    return f"Stays-{stage.name}-Edge"


class EdgeStack(Stack):
    """It has no data but the addresses in its lists. The distribution is in the stack of the functions."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(
            scope,
            stack_name(stage),
            env=Environment(account=stage.account, region=EDGE_REGION),
            tags={"stays:stage": stage.name},
            description=f"Stays {stage.name}: the firewall of its edge.",
        )
        self._stage = stage
        limits = stage.peak.address_limits()
        create, callback = _path(CREATE_PATH), _path(CALLBACK_PATH)
        asking = _not(_method("OPTIONS"))  # a browser asks first, and cannot read the answer that refuses it
        rules = [
            self._blocked(),
            self._limit("create", limits["create"], {"andStatement": {"statements": [create, _method("POST")]}}),
            self._limit("callback", limits["callback"], callback),
            self._limit("other", limits["other"], {"andStatement": {"statements": [_not(callback), asking]}}),
            *(_managed(name, counted, _not(callback)) for name, counted in _MANAGED.items()),
        ]
        acl = waf.CfnWebACL(
            self,
            "Firewall",
            name=stage.slug,
            description="Blocked addresses, limits for each address, and the rules of AWS.",
            scope="CLOUDFRONT",
            default_action={"allow": {}},
            rules=[each | {"priority": place} for place, each in enumerate(rules)],
            custom_response_bodies={"busy": {"contentType": "APPLICATION_JSON", "content": _BUSY}},
            data_protection_config={"dataProtections": [_hide(kind, keys) for kind, keys in _HIDDEN.items()]},
            visibility_config=_seen(stage.slug),
        )
        CfnOutput(self, WEB_ACL, value=acl.attr_arn, description="The firewall that the distribution uses")

    def _blocked(self) -> dict[str, Any]:
        """Refuse the addresses in both lists.

        The operator fills them. What stands here must never change: CloudFormation would empty the lists.
        """
        sets = [
            waf.CfnIPSet(
                self,
                f"Blocked{family.title()}",
                name=self._stage.block_list(family),
                scope="CLOUDFRONT",
                ip_address_version=family,
                addresses=[],
            )
            for family in ("IPV4", "IPV6")
        ]
        listed = [{"ipSetReferenceStatement": {"arn": each.attr_arn}} for each in sets]
        return _rule("blocked", {"orStatement": {"statements": listed}}) | {"action": {"block": {}}}

    def _limit(self, name: str, limit: int, where: dict[str, Any]) -> dict[str, Any]:
        """Answer 429 to an address above its limit. The first frontend's page may read the answer."""
        rate = {"limit": limit, "aggregateKeyType": "IP", "evaluationWindowSec": _WINDOW, "scopeDownStatement": where}
        headers = {
            "access-control-allow-origin": self._stage.frontends[0],
            "access-control-allow-credentials": "true",
        }
        answer = {
            "responseCode": 429,
            "customResponseBodyKey": "busy",
            "responseHeaders": [{"name": header, "value": value} for header, value in headers.items()],
        }
        return _rule(f"limit-{name}", {"rateBasedStatement": rate}) | {"action": {"block": {"customResponse": answer}}}


def _managed(name: str, counted: tuple[str, ...], where: dict[str, Any]) -> dict[str, Any]:
    """Apply a group of AWS's rules to all but the callback: its MAC is checked, and its text is ZaloPay's."""
    group: dict[str, Any] = {"vendorName": "AWS", "name": name, "scopeDownStatement": where}
    if counted:
        group["ruleActionOverrides"] = [{"name": each, "actionToUse": {"count": {}}} for each in counted]
    return _rule(name, {"managedRuleGroupStatement": group}) | {"overrideAction": {"none": {}}}


def _rule(name: str, statement: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "statement": statement, "visibilityConfig": _seen(name)}


def _path(path: str) -> dict[str, Any]:
    """Match one path, also if it is written with escapes: the gateway decodes them before it chooses a route."""
    return _match(path, "uriPath", "URL_DECODE")


def _method(name: str) -> dict[str, Any]:
    return _match(name, "method", "NONE")


def _match(text: str, field: str, transformation: str) -> dict[str, Any]:
    return {
        "byteMatchStatement": {
            "searchString": text,
            "fieldToMatch": {field: {}},
            "positionalConstraint": "EXACTLY",
            "textTransformations": [{"priority": 0, "type": transformation}],
        }
    }


def _not(statement: dict[str, Any]) -> dict[str, Any]:
    return {"notStatement": {"statement": statement}}


def _hide(kind: str, keys: list[str] | None) -> dict[str, Any]:
    field = {"fieldType": kind} | ({"fieldKeys": keys} if keys else {})
    return {"field": field, "action": "SUBSTITUTION"}


def _seen(name: str) -> dict[str, Any]:
    return {"metricName": name, "cloudWatchMetricsEnabled": True, "sampledRequestsEnabled": True}
