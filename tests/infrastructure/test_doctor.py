"""The doctor's findings and their fixes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from infra.aws.stage import EDGE_REGION, Stage, read_context, read_stage
from infra.doctor.__main__ import check_deployed, check_outputs, check_release, main
from infra.doctor.account import Account, check_account, check_alarm_address, check_secrets, open_account
from infra.doctor.finding import Finding, Verdict, bad, failing, good, passing, report, unseen
from infra.doctor.issuer import check_issuer
from infra.doctor.legacy import check_legacy, check_passed_on
from infra.doctor.question import check_key1
from infra.doctor.quotas import check_quotas
from infra.doctor.served import check_api, check_callback, check_direct, check_origins, check_websocket, resolves
from infra.doctor.settings import check_given_keys, check_keys, check_settings, check_tools
from infra.zalopay_simulator import Settings as SimulatorSettings
from infra.zalopay_simulator import create_app
from infra.zalopay_simulator.settings import SANDBOX_KEY1
from tests.infrastructure.deployed import API, FRONTEND, ISSUER, DeployedSite, answers, websocket_api
from tests.integration.outside import served

REGION = "ap-southeast-1"
KEY1, KEY2 = "a1B2" * 8, "c3D4" * 8
PUBLIC_KEY = "kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz"
CALLBACK = f"{API}/payment/zalopay/callback"
LEGACY = "https://old.stays.test/api/v1"

GOOD, BAD, UNSEEN = Verdict.GOOD, Verdict.BAD, Verdict.UNSEEN


def verdicts(findings: Any) -> list[Verdict]:
    return [finding.verdict for finding in findings]


def only_bad(findings: Any) -> Finding:
    """The one bad finding. It always names a fix."""
    (found,) = [finding for finding in findings if finding.verdict is BAD]
    assert found.do
    return found


@pytest.fixture
def site() -> DeployedSite:
    return DeployedSite()


@pytest.fixture
def web(site: DeployedSite) -> Iterator[httpx.Client]:
    with httpx.Client(transport=site) as client:
        yield client


@pytest.fixture
def account() -> Iterator[Account]:
    """A prepared account with the keys in their secrets."""
    with mock_aws():
        opened = open_account(REGION)
        opened.ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="28", Type="String")
        answers(opened.ses, "GetAccount", {"SendingEnabled": True, "ProductionAccessEnabled": True})
        for name, key in (("k1", KEY1), ("k2", KEY2)):
            opened.secrets.create_secret(Name=name, SecretString=json.dumps({"current": key}))
        yield opened


SECRETS = {"ZaloPayKey1Secret": "k1", "ZaloPayKey2Secret": "k2"}


def mine(**changed: Any) -> dict[str, Any]:
    """The context of cdk.json with real values in its dev stage."""
    context = read_context()
    dev = context["stages"]["dev"] | {
        "frontends": [FRONTEND],
        "issuer": ISSUER,
        "audience": "https://api.stays.test",
        "mailSender": "Stays <booking@stays.test>",
        "alarmAddress": "alarms@stays.test",
    }
    return context | {"stages": {"dev": dev | changed}}


def test_complete_settings_are_good():
    stage, findings = check_settings("dev", mine())
    assert stage is not None
    assert verdicts(findings) == [GOOD]


def test_a_setting_that_was_never_filled_in_is_named():
    invented = mine(issuer="https://your-tenant.auth0.test/", mailSender="Stays <booking@stays.example>")
    _, findings = check_settings("dev", invented)
    assert only_bad(findings) == bad(
        "Values in dev that are still examples: issuer, mail_sender.", "Replace them in cdk.json, under stages.dev."
    )


def test_settings_that_cannot_be_read_are_told_in_the_sentence_that_stops_synth():
    stage, findings = check_settings("dev", mine(frontends=["*"]))
    assert stage is None
    assert "`*` is no origin" in only_bad(findings).what


def test_the_cdk_command_line_has_to_be_the_pinned_one(tmp_path: Path):
    (tmp_path / "package.json").write_text('{"devDependencies": {"aws-cdk": "2.1148.1"}}')
    installed = tmp_path / "node_modules" / "aws-cdk" / "package.json"
    assert "not installed" in only_bad(check_tools(tmp_path)).what
    installed.parent.mkdir(parents=True)
    installed.write_text('{"version": "3.0.0"}')
    assert only_bad(check_tools(tmp_path)) == bad("The CDK command line is 3.0.0, pinned is 2.1148.1.", "Run: npm ci")
    installed.write_text('{"version": "2.1148.1"}')
    assert verdicts(check_tools(tmp_path)) == [GOOD, GOOD]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"key1": ""}, "key1 is empty."),
        ({"key1": KEY1[:-1]}, "key1 is not 32 letters and digits."),
        ({"key2": f"{KEY1[:-1]} "}, "key2 is not 32 letters and digits."),
        ({"key2": PUBLIC_KEY}, "key2 is a key of ZaloPay's public samples, so anybody can forge a payment."),
        ({"key1": KEY1, "key2": KEY1}, "key1 and key2 are the same."),
    ],
)
def test_a_key_of_the_wrong_shape_is_told_without_telling_the_key(keys, said):
    findings = list(check_keys(keys, prod=True))
    assert only_bad(findings).what == said
    assert not any(key.strip() and key in "\n".join(report(findings)) for key in keys.values())


def test_zalopays_public_keys_are_accepted_outside_prod():
    assert verdicts(check_keys({"key1": KEY1, "key2": PUBLIC_KEY}, prod=False)) == [GOOD, GOOD]


def test_keys_are_looked_at_before_if_they_are_given():
    assert verdicts(check_given_keys({}, prod=True)) == [UNSEEN]
    assert verdicts(check_given_keys({"ZALOPAY_KEY1": KEY1, "ZALOPAY_KEY2": KEY2}, prod=True)) == [GOOD, GOOD]


def test_an_issuer_that_is_who_it_says_and_publishes_keys_is_good(web):
    assert list(check_issuer(web, ISSUER)) == [good(f"{ISSUER} publishes its keys.")]


def test_an_issuer_without_its_slash_is_found_before_every_token_is_refused(web):
    assert "no slash" in only_bad(check_issuer(web, ISSUER.rstrip("/"))).what


def test_an_issuer_that_nobody_reaches_is_found(web):
    assert "no discovery document" in only_bad(check_issuer(web, "https://tenannt.auth0.test/")).what


def test_an_issuer_that_calls_itself_otherwise_is_found(web, site):
    other = {"issuer": "https://login.stays.test/", "jwks_uri": f"{ISSUER}.well-known/jwks.json"}
    site.pages[f"{ISSUER}.well-known/openid-configuration"] = (200, other)
    assert "calls itself https://login.stays.test/" in only_bad(check_issuer(web, ISSUER)).what


@pytest.mark.parametrize("keys", [{}, {"keys": []}, {"keys": [{"kty": "EC"}]}])
def test_an_issuer_without_rsa_keys_is_found(web, site, keys):
    site.pages[f"{ISSUER}.well-known/jwks.json"] = (200, keys)
    assert "RS256" in only_bad(check_issuer(web, ISSUER)).do


def test_an_api_that_is_healthy_and_requires_tokens_is_good(web):
    assert verdicts(check_api(web, API)) == [GOOD, GOOD]


def test_an_api_that_does_not_answer_is_found(web):
    assert "does not answer: ConnectError" in only_bad(check_api(web, "https://elsewhere.test/api/v1")).what


def test_an_unhealthy_api_is_found(web, site):
    site.pages[f"{API}/health"] = (500, {"message": "Internal Server Error"})
    assert "answers 500" in only_bad(check_api(web, API)).what


def test_an_api_open_to_everybody_is_found(web, site):
    site.pages[f"{API}/user/bookings"] = (200, {})
    assert only_bad(check_api(web, API)).what == "Without a token, /bookings answers 200."


def test_the_frontends_may_call_and_strangers_may_not(web):
    assert verdicts(check_origins(web, API, [FRONTEND])) == [GOOD]
    assert (
        only_bad(check_origins(web, API, [FRONTEND, "https://other.test"])).what == "https://other.test may not call."
    )


def test_an_api_that_any_origin_may_call_is_found(web, site):
    site.preflight = lambda request: {
        "access-control-allow-origin": request.headers["origin"],
        "access-control-allow-credentials": "true",
    }
    assert only_bad(check_origins(web, API, [FRONTEND])).what == "Any origin may call."


def test_origins_without_credentials_do_not_help_a_browser(web, site):
    site.preflight = lambda request: {"access-control-allow-origin": request.headers["origin"]}
    assert "may not call" in only_bad(check_origins(web, API, [FRONTEND])).what


def test_a_callback_that_refuses_nonsense_is_good(web):
    assert verdicts(check_callback(web, CALLBACK)) == [GOOD]


@pytest.mark.parametrize("answer", [(401, {"message": "Unauthorized"}), (200, {"return_code": 1}), (200, {})])
def test_a_callback_that_answers_anything_else_is_found(web, site, answer):
    site.pages[CALLBACK] = answer
    assert "to an unsigned callback, not -1" in only_bad(check_callback(web, CALLBACK)).what


def test_a_callback_address_without_tls_is_found(web, site):
    plain = CALLBACK.replace("https", "http")
    site.pages[plain] = site.pages[CALLBACK]
    assert "is not https" in only_bad(check_callback(web, plain)).what


@pytest.mark.parametrize("status", [200, 401, 404])
def test_a_legacy_backend_that_answers_is_good_whatever_lies_at_its_address(web, site, status):
    site.pages[LEGACY] = (status, {})
    assert list(check_legacy(web, LEGACY)) == [good(f"The legacy backend {LEGACY} answers {status}.")]


def test_a_legacy_backend_that_nobody_reaches_is_found(web):
    assert only_bad(check_legacy(web, LEGACY)).what == f"The legacy backend {LEGACY} does not answer: ConnectError."


def test_a_legacy_backend_that_is_broken_is_found(web, site):
    site.pages[LEGACY] = (502, {})
    assert only_bad(check_legacy(web, LEGACY)).what == f"The legacy backend {LEGACY} answers 502."


def test_an_api_that_answers_for_what_is_not_ours_as_the_legacy_backend_does_is_good(web, site):
    site.pages[f"{API}/nobody-serves-this"] = site.pages[f"{LEGACY}/nobody-serves-this"] = (404, {})
    assert list(check_passed_on(web, API, LEGACY)) == [good(f"{API} passes all other paths to {LEGACY}.")]


def test_an_api_that_answers_for_what_is_not_ours_by_itself_is_found(web, site):
    site.pages[f"{API}/nobody-serves-this"] = (401, {"message": "Unauthorized"})
    site.pages[f"{LEGACY}/nobody-serves-this"] = (404, {})
    found = only_bad(check_passed_on(web, API, LEGACY)).what
    assert "answers 401 application/json, the legacy backend itself 404 application/json." in found


def test_an_api_that_does_not_answer_is_not_said_to_pass_on(web):
    assert "is unknown: ConnectError" in only_bad(check_passed_on(web, API, LEGACY)).what


def test_a_websocket_api_whose_stage_has_the_clients_name_is_good():
    with websocket_api() as address:
        assert verdicts(check_websocket(address)) == [GOOD]


def test_a_websocket_api_with_another_stage_is_found():
    with websocket_api(path="/prod") as address:
        assert "does not open" in only_bad(check_websocket(address)).what


def test_a_websocket_api_that_answers_something_else_is_found():
    with websocket_api(answer="ERROR") as address:
        assert '{"type": "ERROR"}' in only_bad(check_websocket(address)).what


def test_an_address_that_names_the_stage_already_is_found():
    assert "already contains the stage's name" in only_bad(check_websocket("wss://b.test/payment-notifications")).what


def test_a_prepared_account_is_good(account):
    findings = list(check_account(account, read_stage("dev", mine(account="123456789012"))))
    assert findings[:2] == [good("Signed in to account 123456789012."), good(f"{REGION} is prepared for the CDK.")]


def test_another_account_than_the_stages_is_found(account):
    found = only_bad(check_account(account, read_stage("dev", mine(account="210987654321"))))
    assert found.what == "Signed in to account 123456789012, dev belongs to 210987654321."


@pytest.mark.parametrize("version", ["20", None])
def test_an_account_that_is_not_prepared_for_this_cdk_is_found(account, version):
    name = "/cdk-bootstrap/hnb659fds/version"
    if version:
        account.ssm.put_parameter(Name=name, Value=version, Overwrite=True)
    else:
        account.ssm.delete_parameter(Name=name)
    found = [finding for finding in check_account(account, read_stage("dev", mine())) if "CDK" in finding.what]
    assert only_bad(found).do == "Run: make bootstrap STAGE=dev"


def test_a_sender_that_ses_does_not_know_is_found(account):
    findings = list(check_account(account, read_stage("dev", mine())))
    assert findings[-1].what == "SES does not know booking@stays.test, or has not verified it: no mail goes out."


class Denied:
    """A client of AWS without permissions: every call is refused."""

    def __init__(self, client: Any) -> None:
        self.exceptions = client.exceptions

    def __getattr__(self, name: str) -> Any:
        def refuse(**_: str) -> None:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not yours"}}, name)

        return refuse


def test_a_check_without_permission_is_unseen_not_wrong(account):
    narrow = account._replace(ssm=Denied(account.ssm), ses=Denied(account.ses))
    findings = list(check_account(narrow, read_stage("dev", mine())))
    assert verdicts(findings) == [GOOD, UNSEEN, UNSEEN]
    assert all("AccessDenied" in finding.what for finding in findings[1:])


def test_a_sender_whose_domain_is_verified_is_good(account):
    known = account._replace(ses=KnownSender(account.ses, "stays.test"))
    assert list(check_account(known, read_stage("dev", mine())))[-1] == good("SES sends as stays.test.")


class KnownSender:
    """SES with one verified identity."""

    def __init__(self, client: Any, identity: str) -> None:
        self.exceptions = client.exceptions
        self.identity = identity

    def get_email_identity(self, **asked: str) -> dict[str, bool]:
        if asked["EmailIdentity"] != self.identity:
            raise self.exceptions.NotFoundException({"Error": {"Code": "NotFoundException"}}, "GetEmailIdentity")
        return {"VerifiedForSendingStatus": True}


def test_keys_in_their_secrets_are_good(account):
    assert verdicts(check_secrets(account, SECRETS, prod=True)) == [GOOD, GOOD]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('{"current": ""}', "key2 is empty."),
        ('{"key": "x"}', "The secret of key2 is empty, or has no `current`."),
        (KEY2, "The secret of key2 is not JSON."),
    ],
)
def test_a_secret_without_a_key_in_it_is_found(account, value, said):
    account.secrets.put_secret_value(SecretId="k2", SecretString=value)
    assert only_bad(check_secrets(account, SECRETS, prod=True)).what == said


def test_a_secret_that_may_not_be_read_is_unseen_not_wrong(account):
    findings = list(check_secrets(account, SECRETS | {"ZaloPayKey1Secret": "nowhere"}, prod=True))
    assert verdicts(findings) == [UNSEEN, GOOD]


def test_missing_outputs_are_found():
    findings = list(check_outputs({"NextPublicApiUrl": API, "ZaloPayCallbackUrl": CALLBACK}))
    assert only_bad(findings).what == "The output NextPublicWsUrl is missing."


def test_a_report_says_what_is_wrong_and_below_it_what_to_do():
    assert list(report([good("Fine."), bad("Broken.", "Mend it."), unseen("Dark.")])) == [
        "    ok  Fine.",
        " wrong  Broken.",
        "        → Mend it.",
        "unseen  Dark.",
    ]


def test_offline_nothing_outside_this_machine_is_asked(capsys):
    main(["--stage", "prod", "--offline"])
    said = capsys.readouterr().out.splitlines()
    assert said[-3] == "unseen  Checks outside this machine were skipped."
    assert said[-1].startswith("Problems: ")


def quotas(account: Account, **changed: Any) -> list[Finding]:
    """What the doctor says of mail, concurrency and requests."""
    return list(check_quotas(account, read_stage("dev", mine(**changed))))


def test_quotas_that_are_enough_are_good(account):
    answers(account.functions, "GetAccountSettings", limit(320))
    assert verdicts(quotas(account, reserveConcurrency=True)) == [GOOD, GOOD, GOOD]


def limit(unreserved: int) -> dict[str, Any]:
    return {"AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": unreserved}}


def test_a_reservation_that_leaves_less_than_lambda_keeps_is_found_before_the_deployment_fails(account):
    answers(account.functions, "GetAccountSettings", limit(319))
    assert "reserves 220, and 100 have to stay free" in only_bad(quotas(account, reserveConcurrency=True)).what
    assert verdicts(quotas(account)) == [GOOD, GOOD, GOOD]


def test_what_the_stage_has_reserved_already_is_not_counted_twice(account):
    answers(account.functions, "GetAccountSettings", limit(100))
    answers(account.functions, "GetFunctionConcurrency", {"ReservedConcurrentExecutions": 80})
    assert verdicts(quotas(account, reserveConcurrency=True)) == [GOOD, GOOD, GOOD]


def test_the_sandbox_of_ses_is_wrong_in_prod_and_told_elsewhere(account):
    answers(account.functions, "GetAccountSettings", limit(1000))
    answers(account.ses, "GetAccount", {"SendingEnabled": True, "ProductionAccessEnabled": False})
    told = quotas(account)[0]
    assert (told.verdict, told.what, bool(told.do)) == (GOOD, "SES sends to verified addresses only.", True)
    prod = read_stage("dev", mine()).model_copy(update={"name": "prod"})
    assert only_bad(check_quotas(account, prod)).what == "SES sends to verified addresses only."


def test_paused_mail_is_found(account):
    answers(account.functions, "GetAccountSettings", limit(1000))
    answers(account.ses, "GetAccount", {"SendingEnabled": False, "ProductionAccessEnabled": True})
    assert "paused" in only_bad(quotas(account)).what


@pytest.mark.parametrize("quota", [{"rateLimit": 999.0, "burstLimit": 2000}, {"rateLimit": 1000.0, "burstLimit": 1999}])
def test_a_region_that_takes_fewer_requests_than_the_stage_allows_is_found(account, quota):
    answers(account.functions, "GetAccountSettings", limit(1000))
    answers(account.gateway, "GetAccount", {"throttleSettings": quota})
    assert "the stage allows 1000 and 2000" in only_bad(quotas(account)).what


def test_quotas_that_may_not_be_read_are_unseen_not_wrong(account):
    denied = {name: Denied(getattr(account, name)) for name in ("ses", "functions", "gateway")}
    assert verdicts(quotas(account._replace(**denied))) == [UNSEEN, UNSEEN, UNSEEN]


def subscribed(account: Account, arn: str) -> str:
    """A topic with the alarm address. SNS shows this ARN of the subscription."""
    topic = account.topics.create_topic(Name="alarms")["TopicArn"]
    listed = [{"Endpoint": "alarms@stays.test", "SubscriptionArn": arn}]
    answers(account.topics, "ListSubscriptionsByTopic", {"Subscriptions": listed})
    return topic


def test_an_alarm_address_that_confirmed_is_good(account):
    topic = subscribed(account, "arn:aws:sns:ap-southeast-1:123456789012:alarms:1")
    assert check_alarm_address(account, topic, "alarms@stays.test") == good("alarms@stays.test gets alarms.")


@pytest.mark.parametrize("address", ["alarms@stays.test", "others@stays.test"])
def test_an_alarm_address_that_did_not_confirm_is_found(account, address):
    found = check_alarm_address(account, subscribed(account, "PendingConfirmation"), address)
    assert (found.verdict, found.what.startswith(f"{address} has not confirmed")) == (BAD, True)


def test_a_topic_that_may_not_be_read_is_unseen_not_wrong(account):
    assert check_alarm_address(account, f"arn:aws:sns:{REGION}:{1:012}:nowhere", "alarms@stays.test").verdict is UNSEEN


@pytest.fixture(scope="module")
def zalopay() -> Iterator[str]:
    """The address of ZaloPay's simulator."""
    with served(lambda url: create_app(SimulatorSettings(base_url=url))) as url:
        yield url


def test_key1_is_good_if_zalopay_answers_a_question_that_it_signs(zalopay):
    with httpx.Client(trust_env=False) as line:
        assert check_key1(line, zalopay, 2553, SANDBOX_KEY1) == good("ZaloPay accepts key1 for the app 2553.")


def test_a_key1_that_zalopay_does_not_accept_is_found(zalopay):
    with httpx.Client(trust_env=False) as line:
        assert check_key1(line, zalopay, 2553, KEY1).what == "ZaloPay does not accept key1 for the app 2553."


@pytest.mark.parametrize("answer", [{"return_code": 2, "sub_return_code": -2}, {"return_code": -500}, {}])
def test_an_answer_that_is_about_the_call_is_found(web, site, answer):
    site.pages["https://zalopay.test/v2/query"] = (200, answer)
    assert "for an order that cannot exist" in only_bad([check_key1(web, "https://zalopay.test", 2553, KEY1)]).what


def test_a_zalopay_that_does_not_answer_is_unseen(web):
    assert check_key1(web, "https://zalopay.test", 2553, KEY1).verdict is UNSEEN


def test_a_deployed_stage_is_checked_from_outside_and_for_what_people_do(account, web, site):
    """ZaloPay's sandbox is not there, so key1 was not tried."""
    topic = subscribed(account, "arn:aws:sns:ap-southeast-1:123456789012:alarms:1")
    with websocket_api() as websocket:
        outputs = {"NextPublicApiUrl": API, "ZaloPayCallbackUrl": CALLBACK, "NextPublicWsUrl": websocket}
        stage = read_stage("dev", mine(alarmAddress="alarms@stays.test"))
        found = list(check_deployed(web, account, stage, outputs | SECRETS | {"AlarmTopic": topic}))
    assert only_bad(found).what == f"{websocket} is not wss."
    assert [each.what.split()[0] for each in found if not each.about] == [
        "alarms@stays.test",
        "key1",
        "key2",
        "https://sb-openapi.zalopay.vn",
    ]
    assert (passing(found), failing(found)) == ({"api", "origins", "callback"}, {"websocket"})


def test_nothing_is_asked_of_a_name_that_leads_nowhere(web):
    domain = {"name": "api.stays.invalid", "certificate": f"arn:aws:acm:{REGION}:{1:012}:certificate/1"}
    found = list(check_release(web, read_stage("dev", mine(domain=domain)), {"DomainTarget": "d-1.example"}))
    assert [(each.what, each.do) for each in found] == [
        ("The name api.stays.invalid leads nowhere yet.", "Point it at d-1.example, then run doctor again.")
    ]
    assert resolves("localhost")


def test_one_address_can_be_looked_over_by_itself_and_the_command_fails_while_something_is_wrong(capsys):
    assert main(["--api", "http://127.0.0.1:1/api/v1"]) == 1
    assert "does not answer: ConnectError" in capsys.readouterr().out


def test_a_session_of_boto3_asks_the_stages_own_region_and_the_edges_about_the_edge():
    with mock_aws():
        opened = open_account(REGION)
    elsewhere = {opened.certificates, opened.edge_ssm}
    assert {client.meta.region_name for client in elsewhere} == {EDGE_REGION}
    assert {client.meta.region_name for client in opened if client not in elsewhere} == {REGION}


def behind_edge(certificate: str, name: str = "api.stays.test") -> Stage:
    return read_stage("dev", mine(domain={"name": name, "certificate": certificate}, edge={}))


@pytest.fixture
def certificate(account) -> str:
    asked = account.certificates.request_certificate(DomainName="api.stays.test", ValidationMethod="DNS")
    account.edge_ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="28", Type="String")
    return asked["CertificateArn"]


def of_edge(findings: Any) -> list[Finding]:
    return [each for each in findings if "certificate" in each.what or EDGE_REGION in each.what]


def test_a_certificate_that_is_issued_for_the_domain_is_good(account, certificate):
    answers(
        account.certificates,
        "DescribeCertificate",
        {"Certificate": {"DomainName": "stays.test", "SubjectAlternativeNames": ["*.stays.test"], "Status": "ISSUED"}},
    )
    assert of_edge(check_account(account, behind_edge(certificate))) == [
        good("us-east-1 is prepared for the CDK."),
        good("The certificate of api.stays.test is issued."),
    ]


def test_a_certificate_that_waits_for_its_dns_record_is_found_before_the_deployment_fails(account, certificate):
    found = only_bad(of_edge(check_account(account, behind_edge(certificate))))
    assert found.what == "The certificate of api.stays.test is PENDING_VALIDATION, not issued."
    assert "section An edge" in found.do


def test_a_certificate_for_another_name_or_none_is_found(account, certificate):
    found = only_bad(of_edge(check_account(account, behind_edge(certificate, "pay.stays.test"))))
    assert found.what == "The certificate is for api.stays.test, not for pay.stays.test."
    missing = certificate[:-12] + "000000000000"
    assert only_bad(of_edge(check_account(account, behind_edge(missing)))).what == f"There is no certificate {missing}."
    denied = of_edge(
        check_account(account._replace(certificates=Denied(account.certificates)), behind_edge(certificate))
    )
    assert verdicts(denied) == [GOOD, UNSEEN]


def test_a_region_of_the_edge_that_is_not_prepared_is_found(account, certificate):
    account.edge_ssm.delete_parameter(Name="/cdk-bootstrap/hnb659fds/version")
    assert "us-east-1 is not prepared for the CDK." in [
        each.what for each in check_account(account, behind_edge(certificate)) if each.verdict is BAD
    ]


DIRECT = "https://1a.execute-api.stays.test/api/v1"


def test_apis_that_refuse_calls_around_the_edge_are_good(web, site):
    site.pages[f"{DIRECT}/health"] = (403, {"error": {"code": "INSUFFICIENT_PERMISSIONS"}})
    assert verdicts(check_direct(web, DIRECT, "ws://127.0.0.1:1")) == [GOOD, GOOD]


def test_apis_that_answer_around_the_edge_are_found(web, site):
    site.pages[f"{DIRECT}/health"] = (200, {"status": "ok"})
    with websocket_api() as websocket:
        found = list(check_direct(web, DIRECT, websocket))
    assert [each.what for each in found if each.verdict is BAD] == [
        f"{DIRECT} answers 200 to a call around the edge, not 403.",
        f"{websocket}/payment-notifications opens around the edge.",
    ]


def test_a_direct_address_that_does_not_answer_is_unseen(web):
    assert verdicts(check_direct(web, DIRECT, "ws://127.0.0.1:1")) == [UNSEEN, GOOD]


def test_a_stage_with_an_edge_is_checked_through_it_and_around_it(web, site):
    site.pages[f"{DIRECT}/health"] = (200, {"status": "ok"})
    outputs = {"NextPublicApiUrl": API, "DirectApiUrl": DIRECT, "DirectWsUrl": "ws://127.0.0.1:1"}
    stage = behind_edge(f"arn:aws:acm:us-east-1:{1:012}:certificate/1", "localhost.localdomain")
    stage = stage.model_copy(update={"domain": None})  # its name leads nowhere here
    assert [each.what for each in check_release(web, stage, outputs)] == [f"{API} does not lead to the edge yet."]
    site.headers["x-amz-cf-id"] = "1"
    found = list(check_release(web, stage, outputs))
    assert (passing(found), failing(found)) == ({"api", "origins"}, {"edge"})
    site.pages.clear()
    assert not failing(check_release(web, stage, outputs)), "a record that is not moved yet is work for people"
    assert "edge" not in passing(check_release(web, read_stage("dev", mine()), outputs))
