"""Stages differ only in their settings. A stage with contradictory settings is not built."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.aws.deployment import figures
from infra.aws.stage import PUBLIC_APP_IDS, STAGES, BadStage, read_context, read_stage
from infra.topology import MAIL_PAGES
from tests.infrastructure.synthesis import Stack, templates_in, templates_of, with_settings

ROOT = Path(__file__).parents[2]
APP_ID = 424_242


def refusal(name: str, **changes) -> str:
    """The sentence with which a stage is refused."""
    with pytest.raises(BadStage) as refused:
        read_stage(name, with_settings(name, **changes))
    return str(refused.value)


def test_cdk_json_has_three_stages_that_agree_with_themselves():
    context = read_context()
    assert tuple(context["stages"]) == STAGES
    for name in STAGES:
        assert read_stage(name, context).name == name


@pytest.mark.parametrize(
    "setting",
    [
        "region",
        "frontends",
        "issuer",
        "audience",
        "zalopay",
        "zalopayAppId",
        "mailSender",
        "websocketIdentity",
        "alarmAddress",
        "monthlyBudget",
        "auctionSource",
        "refundPolicy",
        "logRetentionDays",
        "expectedPeak",
        "reserveConcurrency",
    ],
)
def test_a_missing_setting_is_named(setting):
    assert refusal("staging", **{setting: None}) == f"Stage staging: `{setting}` is missing in cdk.json."


def test_a_setting_that_nobody_reads_is_named():
    assert refusal("dev", frontend="https://stays.example") == "Stage dev: `frontend` is no setting."


@pytest.mark.parametrize("source", ["stays", "aws.events"])
def test_the_auction_systems_source_is_its_own(source):
    assert refusal("prod", auctionSource=source).startswith(f"Stage prod: auctionSource: `{source}` is not the auction")


def test_a_stage_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(BadStage) as refused:
        read_stage("test", read_context())
    assert str(refused.value) == "There is no stage `test` in cdk.json: take one of dev, staging, prod, or all."


@pytest.mark.parametrize("app_id", sorted(PUBLIC_APP_IDS))
def test_prod_refuses_apps_whose_keys_everybody_knows(app_id):
    assert f"zalopayAppId {app_id} is ZaloPay's public sandbox app" in refusal("prod", zalopayAppId=app_id)


@pytest.mark.parametrize("app_id", sorted(PUBLIC_APP_IDS))
def test_no_stage_takes_real_money_with_a_public_app(app_id):
    assert f"zalopayAppId {app_id} is" in refusal("staging", zalopay="production", zalopayAppId=app_id)


@pytest.mark.parametrize("name", STAGES)
def test_a_wildcard_is_no_origin(name):
    sentence = "frontends.0: `*` is no origin: requests carry credentials, so every frontend has to be named."
    assert refusal(name, frontends=["*"]) == f"Stage {name}: {sentence}"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"zalopay": "simulator"}, "zalopay is `simulator`, where nobody pays: prod takes `production` only"),
        ({"zalopay": "sandbox"}, "zalopay is `sandbox`, where nobody pays: prod takes `production` only"),
        (
            {"websocketIdentity": "open"},
            "websocketIdentity `open` would show everybody's payments: take `bound` or `strict`",
        ),
        (
            {"frontends": ["https://stays.example", "http://localhost:3000"]},
            "frontends has `http://localhost:3000`: prod is called over https only",
        ),
    ],
)
def test_prod_refuses_what_is_for_trying_things_out(changes, sentence):
    assert refusal("prod", **changes) == f"Stage prod: {sentence}."


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"frontends": []}, "frontends: "),
        ({"frontends": ["https://stays.example/"]}, "frontends.0: `https://stays.example/` is no origin"),
        ({"issuer": "https://tenant.auth0.com"}, "issuer: `https://tenant.auth0.com` is no issuer"),
        ({"issuer": "http://tenant.auth0.com/"}, "issuer: `http://tenant.auth0.com/` is no issuer"),
        ({"zalopay": "live"}, "zalopay: Input should be 'sandbox', 'production' or 'simulator'"),
        ({"websocketIdentity": "closed"}, "websocketIdentity: Input should be 'bound', 'strict' or 'open'"),
        ({"mailSender": "Stays"}, "mailSender: `Stays` is no mail address"),
        ({"mailSender": "S <a@bücher.example>"}, "mailSender: `S <a@bücher.example>` is no mail address"),
        ({"alarmAddress": "nobody"}, "alarmAddress: `nobody` is no mail address"),
        ({"mailsOff": ["advertising"]}, "mailsOff.0: `advertising` is no mail: take some of confirmation, "),
        ({"mailPages": {"home": "/"}}, "mailPages: `home` is no page: take some of win, offer, "),
        ({"mailPages": {"win": "/w/{offerId}"}}, "mailPages: `/w/{offerId}` is no path like /dashboard/winners?"),
        ({"mailPages": {"win": "/w/{"}}, "mailPages: `/w/{` is no path like /dashboard/winners?"),
        ({"mailPages": {"win": "https://w.example"}}, "mailPages: `https://w.example` is no path like"),
        ({"refundPolicy": [[7, 100]]}, "refundPolicy: steps of [days before check-in, percent] go down to day 0"),
        ({"refundPolicy": [[0, 120]]}, "refundPolicy: a percentage lies between 0 and 100"),
        (
            {"legacyApiUrl": "http://old.example/api/v1"},
            "legacyApiUrl: `http://old.example/api/v1` is no address of a backend",
        ),
        ({"legacyApiUrl": "https://old.example/api/v1/"}, "legacyApiUrl: `https://old.example/api/v1/` is no address"),
        ({"legacyApiUrl": "https://me:secret@old.example"}, "legacyApiUrl: `https://me:secret@old.example` is no"),
        ({"legacyApiUrl": "https://old.example/{proxy}"}, "legacyApiUrl: `https://old.example/{proxy}` is no address"),
        ({"legacyApiUrl": "https://old.example/api?v=1"}, "legacyApiUrl: `https://old.example/api?v=1` is no address"),
        ({"legacyApiUrl": ""}, "legacyApiUrl: `` is no address"),
        (
            {
                "domain": {
                    "name": "api.stays.example",
                    "certificate": f"arn:aws:acm:ap-southeast-1:{1:012}:certificate/1",
                },
                "legacyApiUrl": "https://api.stays.example/api/v1",
            },
            "legacyApiUrl leads to api.stays.example itself: calls would go round in circles",
        ),
        ({"edge": {}}, "`edge` needs a `domain`: both APIs stand under its name"),
        ({"edge": {"sends": "next"}}, "edge.sends: Input should be 'current' or 'previous'"),
        (
            {
                "domain": {
                    "name": "api.stays.example",
                    "certificate": f"arn:aws:acm:ap-southeast-1:{1:012}:certificate/1",
                },
                "edge": {},
            },
            "the certificate of domain api.stays.example has to lie in us-east-1",
        ),
        ({"tables": {"stay": {"name": "stays-dev-1"}}}, "tables: there is no table `stay`"),
        ({"tables": {"stays": {"name": "stays-prod-1", "stream": "1"}}}, "tables: `stays-prod-1` is no table of this"),
        ({"tables": {"stays": {"name": "stays-dev-1"}}}, "tables: the table `stays` has a `stream`"),
        ({"tables": {"connections": {"name": "stays-dev-1", "stream": "1"}}}, "tables: the table `connections` has no"),
        ({"expectedPeak": 60}, "expectedPeak: Input should be greater than or equal to 100"),
        ({"mailsPerSecond": 0}, "mailsPerSecond: Input should be greater than 0"),
        ({"logRetentionDays": 31}, "logRetentionDays: CloudWatch keeps logs for"),
        (
            {"domain": {"name": "api.stays.example", "certificate": f"arn:aws:acm:us-east-1:{1:012}:certificate/1"}},
            "the certificate of domain api.stays.example has to lie in ap-southeast-1",
        ),
    ],
)
def test_a_setting_that_cannot_work_stops_the_synthesis_with_one_sentence(changes, sentence):
    told = refusal("dev", **changes)
    assert told.startswith(f"Stage dev: {sentence}")
    assert "\n" not in told


@pytest.mark.parametrize(
    ("changes", "reserved", "doubts"),
    [
        ({}, {"zalopay_callback": 20, "payments": 100, "connections": 100}, []),
        ({"reserveConcurrency": False, "concurrencyQuota": 10}, {}, []),
        ({"concurrencyQuota": 320}, {"zalopay_callback": 20, "payments": 100, "connections": 100}, []),
        (
            {"concurrencyQuota": 319},
            {"zalopay_callback": 20, "payments": 100},
            ["concurrencyQuota 319 is too small to reserve concurrency for connections at expectedPeak 1000"],
        ),
        (
            {"concurrencyQuota": 10},
            {},
            ["concurrencyQuota 10 is too small to reserve concurrency for payments, zalopay_callback, connections"],
        ),
        (
            {"expectedPeak": 5001, "concurrencyQuota": 3000},
            {"zalopay_callback": 101, "payments": 501, "connections": 501},
            ["expectedPeak 5001 brings 5002 requests a second, more than the half of requestQuota 10000"],
        ),
    ],
)
def test_what_the_accounts_quotas_do_not_allow_is_left_out_and_named(changes, reserved, doubts):
    stage = read_stage("prod", with_settings("prod", **changes))
    assert stage.reservations == reserved
    told = list(stage.doubts())
    assert len(told) == len(doubts)
    assert all(sentence.startswith(begin) for sentence, begin in zip(told, doubts, strict=True))


def test_synth_warns_of_a_quota_that_is_too_small_and_prints_what_follows_from_the_peak(tmp_path):
    context = with_settings("prod", concurrencyQuota=10)
    templates_of(tmp_path, **context)
    assert "Stage prod: concurrencyQuota 10 is too small" in (tmp_path / "validation-report.json").read_text()
    throttles = (
        "  throttles, requests a second: "
        "HTTP 500 (burst 1000), WebSocket 500 (burst 1000), "
        "POST /api/v1/payment/zalopay/create 50 (burst 100), POST /api/v1/payment/zalopay/callback 100 (burst 200), "
        "GET /api/v1/calendars/{feed} 50 (burst 100), HEAD /api/v1/calendars/{feed} 50 (burst 100), "
        "SUBSCRIBE 150 (burst 300)"
    )
    assert list(figures(read_stage("prod", read_context()))) == [
        "prod: 1000 winners pay within a minute",
        throttles,
        "  reserved concurrency: zalopay_callback 20, payments 100, connections 100",
        "  of each invocation: POSTS_PER_SECOND 312.5, MAILS_PER_SECOND 3.5",
    ]


def test_synth_ends_with_that_sentence_and_nothing_else(tmp_path):
    environment = {
        **os.environ,
        "CDK_CONTEXT_JSON": json.dumps({"stage": "prod", "zalopay": "simulator"}),
        "CDK_OUTDIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Stage prod: zalopay is `simulator`, where nobody pays: prod takes `production` only.\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["staging", "prod"])
def test_a_stage_that_others_use_names_its_account(name):
    assert refusal(name, account=None).startswith(f"Stage {name}: `account` is missing in cdk.json")
    assert read_stage("dev", with_settings("dev", account=None)).account is None


def test_what_must_survive_is_kept_and_protected_in_every_stage(stacks, assembly, stage_name):
    data = stacks[f"Stays-{stage_name}-Data"]
    kinds = {
        "AWS::DynamoDB::GlobalTable": 2,
        "AWS::Events::EventBus": 1,
        "AWS::Events::Archive": 1,
        "AWS::S3::Bucket": 1,
        "AWS::SQS::Queue": 1,
        "AWS::SecretsManager::Secret": 3,
    }
    assert {kind: len(data.of_type(kind)) for kind in kinds} == kinds
    policies = {"AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"}
    kept = [each for each in data.resources.values() if each["Type"] not in policies]
    assert len(kept) == sum(kinds.values())
    for resource in kept:
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    for table in data.properties("AWS::DynamoDB::GlobalTable"):
        (replica,) = table["Replicas"]
        assert replica["DeletionProtectionEnabled"] is True
        assert replica["PointInTimeRecoverySpecification"] == {
            "PointInTimeRecoveryEnabled": True,
            "RecoveryPeriodInDays": 35,
        }


def test_the_data_are_protected_from_going_with_their_stack_and_so_is_all_of_prod(assembly):
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    protected = {
        name for name, each in artifacts.items() if each.get("properties", {}).get("terminationProtection") is True
    }
    assert protected == {"Stays-dev-Data", "Stays-staging-Data", "Stays-prod-Data", "Stays-prod-Backend"}


def test_stacks_that_do_not_exist_yet_are_not_protected_so_that_a_failed_deployment_can_be_undone(tmp_path):
    templates_of(tmp_path, stage="prod", new="Data,Backend")
    artifacts = json.loads((tmp_path / "manifest.json").read_text())["artifacts"]
    assert not [each for each in artifacts.values() if each.get("properties", {}).get("terminationProtection")]
    data = Stack(templates_in(tmp_path)["Stays-prod-Data"])
    tables = data.properties("AWS::DynamoDB::GlobalTable")
    assert [table["Replicas"][0]["DeletionProtectionEnabled"] for table in tables] == [False, False]


def test_old_versions_stay_and_so_do_dead_letters_and_the_logs_of_prod(stacks, stage_name):
    backend = stacks[f"Stays-{stage_name}-Backend"]
    kept = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
    for version in backend.of_type("AWS::Lambda::Version").values():
        assert kept.items() <= version.items()
    for queue in backend.of_type("AWS::SQS::Queue").values():
        assert kept.items() <= queue.items()
    logs = {each["DeletionPolicy"] for each in backend.of_type("AWS::Logs::LogGroup").values()}
    assert logs == {"RetainExceptOnCreate" if stage_name == "prod" else "Delete"}


def test_new_secrets_of_zalopay_have_no_key_and_the_key_of_addresses_is_made_up(stacks, stage_name):
    secrets = stacks[f"Stays-{stage_name}-Data"].properties("AWS::SecretsManager::Secret")
    given = {each["Name"]: json.loads(each["SecretString"]) for each in secrets if "SecretString" in each}
    assert given == {f"stays/{stage_name}/zalopay-key{n}": {"current": ""} for n in (1, 2)}
    (made,) = [each for each in secrets if "GenerateSecretString" in each]
    assert (made["Name"], made["GenerateSecretString"]["GenerateStringKey"]) == (
        f"stays/{stage_name}/email-key",
        "current",
    )


def test_no_template_waits_for_a_lookup_and_only_placeholders_name_an_account(assembly):
    manifest = json.loads((assembly / "manifest.json").read_text())
    assert not manifest.get("missing")
    environments = {each["environment"] for each in manifest["artifacts"].values() if "environment" in each}
    assert environments == {"aws://unknown-account/ap-southeast-1", "aws://000000000000/ap-southeast-1"}


def test_names_of_one_stage_are_never_those_of_another(stacks):
    named = ("TableName", "QueueName", "FunctionName", "LogGroupName", "DashboardName", "TopicName")
    seen = [
        (name, each["Properties"][name])
        for stack in stacks.values()
        for each in stack.resources.values()
        for name in named
        if isinstance(each.get("Properties", {}).get(name), str)
    ]
    assert seen
    assert len(seen) == len(set(seen))


@pytest.fixture(scope="module")
def switched(tmp_path_factory) -> Stack:
    context = with_settings(
        "staging",
        websocketIdentity="strict",
        issuer="https://login.other.example/",
        audience="https://other.example/api",
        frontends=["https://other.example", "https://www.other.example"],
        zalopay="production",
        zalopayAppId=APP_ID,
        account="123456789012",
        domain={"name": "api.other.example", "certificate": f"arn:aws:acm:ap-southeast-1:{1:012}:certificate/1"},
    )
    return Stack(templates_of(tmp_path_factory.mktemp("switched"), **context)["Stays-staging-Backend"])


def variables(stack: Stack, function: str) -> dict[str, str]:
    return stack.one("AWS::Lambda::Function", Handler=f"{function}.handler")["Environment"]["Variables"]


def test_other_settings_are_all_it_takes_to_change_a_stage(switched):
    connections = variables(switched, "connections")
    assert connections["WEBSOCKET_IDENTITY"] == "strict"
    assert connections["ALLOWED_ORIGINS"] == "https://other.example,https://www.other.example"
    assert connections["JWT_ISSUER"] == "https://login.other.example/"
    assert connections["JWT_AUDIENCE"] == "https://other.example/api"
    (authorizer,) = switched.properties("AWS::ApiGatewayV2::Authorizer")
    assert authorizer["JwtConfiguration"] == {
        "Issuer": "https://login.other.example/",
        "Audience": ["https://other.example/api"],
    }
    api = switched.one("AWS::ApiGatewayV2::Api", ProtocolType="HTTP")
    assert api["CorsConfiguration"]["AllowOrigins"] == ["https://other.example", "https://www.other.example"]
    payments = variables(switched, "payments")
    assert payments["FRONTEND_URL"] == "https://other.example"
    assert payments["ZALOPAY_ENDPOINT"] == "https://openapi.zalopay.vn"
    assert payments["ZALOPAY_APP_ID"] == str(APP_ID)


def test_a_domain_of_its_own_is_the_only_way_in_and_what_zalopay_is_told(switched):
    callback = "https://api.other.example/api/v1/payment/zalopay/callback"
    assert variables(switched, "payments")["CALLBACK_URL"] == callback
    assert switched.template["Outputs"]["ZaloPayCallbackUrl"]["Value"] == callback
    assert switched.template["Outputs"]["NextPublicApiUrl"]["Value"] == "https://api.other.example/api/v1"
    assert switched.one("AWS::ApiGatewayV2::Api", ProtocolType="HTTP")["DisableExecuteApiEndpoint"] is True
    assert switched.one("AWS::ApiGatewayV2::DomainName")["DomainName"] == "api.other.example"
    assert "DomainTarget" in switched.template["Outputs"]


RESTORED = {"name": "stays-dev-20261127T080000Z", "stream": "2026-11-27T09:00:00.000"}


def test_a_restored_table_stands_for_the_lost_one_everywhere_and_a_closed_stage_waits(tmp_path, backend, data):
    found = templates_of(tmp_path, **with_settings("dev", tables={"stays": RESTORED}, maintenance=True))
    after, kept = (Stack(found[f"Stays-dev-{name}"]) for name in ("Backend", "Data"))
    # The data stack has the same table under another name, so that CloudFormation imports it and keeps the old one.
    tables = [each.of_type("AWS::DynamoDB::GlobalTable") for each in (kept, data)]
    (name,) = tables[0].keys() - tables[1].keys()
    (before,) = tables[1].keys() - tables[0].keys()
    renamed = tables[1][before]["Properties"] | {"TableName": RESTORED["name"]}
    assert tables[0][name] == tables[1][before] | {"Properties": renamed}
    # The backend uses nothing of the data stack for it, so either stack can be deployed alone.
    text = json.dumps(after.template)
    assert before not in text
    assert before in json.dumps(backend.template)
    allowed = json.dumps(after.properties("AWS::IAM::Role"))
    assert all(f":table/{RESTORED['name']}{part}" in allowed for part in ('"', "/index/due", "/stream/"))
    streams = {after.spelled(each["EventSourceArn"]) for each in after.properties("AWS::Lambda::EventSourceMapping")}
    assert {each.rpartition("table/")[2] for each in streams} == {f"{RESTORED['name']}/stream/{RESTORED['stream']}"}
    used = [each["Environment"]["Variables"] for each in after.properties("AWS::Lambda::Function")]
    assert {each["STAYS_TABLE"] for each in used if "STAYS_TABLE" in each} == {RESTORED["name"]}
    closed = [each["POWERTOOLS_SERVICE_NAME"] for each in used if "MAINTENANCE" in each]
    assert sorted(closed) == ["auctions", "bookings", "calendars", "payments", "zalopay_callback"]
    stopped = [*after.properties("AWS::Scheduler::Schedule"), *after.properties("AWS::Events::Rule")]
    assert {each["State"] for each in stopped if "aws.ses" not in json.dumps(each)} == {"DISABLED"}
    watched = json.dumps(after.properties("AWS::CloudWatch::Alarm"))
    assert f'"Value": "{RESTORED["name"]}"' in watched


def test_a_stage_has_the_usual_pages_and_its_own_for_mail() -> None:
    context = read_context()
    context["stages"]["dev"] |= {"mailPages": {"win": "/won/{auctionId}"}, "mailsOff": ["reminder"]}
    stage = read_stage("dev", context)
    assert stage.mail_pages == MAIL_PAGES | {"win": "/won/{auctionId}"}
    assert stage.mails_off == ("reminder",)
    assert read_stage("prod", read_context()).mail_pages == MAIL_PAGES
