"""The alarms: their metrics, their limits, and their sections in the runbook."""

import ast
import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.aws.dashboard import GRAPHS, TODAY
from infra.topology import CONSUMERS, RULES
from stays.domain.mail import LONGEST_PAUSE
from tests.infrastructure.alarm_page import DOCUMENT, alarms, changes, faults, page
from tests.infrastructure.alarm_series import CASES, DOCUMENTED
from tests.infrastructure.cloudwatch import Metric, metrics_of
from tests.infrastructure.physical import Physical
from tests.infrastructure.synthesis import Stack

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()


def sections() -> dict[str, str]:
    """The runbook's sections by their GitHub anchors."""
    parts = re.split(r"^## (.+)$", RUNBOOK, flags=re.MULTILINE)[1:]
    return {title.lower().replace(" ", "-"): text for title, text in zip(parts[::2], parts[1::2], strict=True)}


def section_of(alarm: dict[str, Any]) -> str:
    found = re.search(r"What to do: docs/runbook\.md#([a-z-]+)$", alarm["AlarmDescription"])
    assert found, alarm["AlarmDescription"]
    return found[1]


def counted() -> set[str]:
    """The metric names in the source of the functions and of `stays`: its string literals."""
    package = ROOT / "layers/shared/python/stays"
    files = [*(ROOT / "functions").glob("*.py"), *package.glob("*.py")]
    trees = [ast.walk(ast.parse(file.read_text())) for file in files]
    return {node.value for tree in trees for node in tree if isinstance(node, ast.Constant) and type(node.value) is str}


def test_every_alarm_has_its_section_in_the_runbook_and_every_section_an_alarm(backend):
    assert {section_of(alarm) for alarm in alarms(backend).values()} | {"budget", "an-attack"} == set(sections())


@pytest.mark.parametrize("section", sections())
def test_a_section_says_what_happened_how_to_look_and_what_to_do(section):
    text = sections()[section]
    order = [text.find(f"**{heading}.** ") for heading in ("What happened", "How to look", "What to do")]
    assert order == sorted(order)
    assert min(order) >= 0


def test_the_runbook_leads_to_no_section_that_is_not_there():
    assert set(re.findall(r"\]\(#([a-z-]+)\)", RUNBOOK)) <= {
        *sections(),
        "changing-zalopays-keys",
        "restoring-the-table",
    }


def test_the_runbook_names_functions_queues_and_log_groups_that_exist(backend):
    groups = {each["LogGroupName"] for each in backend.properties("AWS::Logs::LogGroup")}
    named = set(re.findall(r"/stays/\$STAGE/([a-z-]+)", RUNBOOK))
    assert {f"/stays/dev/{each}" for each in named} <= groups


def test_an_alarm_speaks_to_the_stages_topic_when_it_begins_and_when_it_ends(backend):
    (topic,) = backend.of_type("AWS::SNS::Topic")
    for alarm in alarms(backend).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]


def test_the_topic_has_a_subscriber(stacks, stage_name):
    stack = stacks[f"Stays-{stage_name}-Backend"]
    (subscription,) = stack.properties("AWS::SNS::Subscription")
    assert subscription["Protocol"] == "email"
    assert subscription["Endpoint"].startswith("alarms@")


def test_cloudwatch_may_speak_to_the_topic_and_nobody_without_tls(backend):
    (policy,) = backend.properties("AWS::SNS::TopicPolicy")
    statements = {each["Sid"]: each for each in policy["PolicyDocument"]["Statement"]}
    assert statements["AlarmsSpeak"]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statements["AlarmsSpeak"]["Effect"] == "Allow"
    assert statements["AllowPublishThroughSSLOnly"]["Effect"] == "Deny"


def test_the_alarms_of_all_stages_are_the_same_but_for_the_stages_name(stacks, stage_name):
    found = json.dumps(alarms(stacks[f"Stays-{stage_name}-Backend"])).replace(f"Stays-{stage_name}", "Stays-dev")
    assert json.loads(found) == alarms(stacks["Stays-dev-Backend"])


@pytest.fixture(scope="module")
def resolve(backend: Stack, data: Stack) -> Callable[[Any], str]:
    return Physical(backend, data).name


def test_every_alarm_has_series_that_set_it_off_and_series_that_do_not(backend):
    assert set(alarms(backend)) == set(CASES)
    assert all(case.fires and case.quiet for case in CASES.values())
    heartbeats = {f"silent-{each.function}" for each in (*CONSUMERS, *RULES)} | {"clock-stopped", "callbacks-missing"}
    assert heartbeats <= set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_an_alarm_goes_off_over_its_series_and_not_over_the_others(backend, resolve, name):
    assert list(faults(alarms(backend)[name], resolve, CASES[name])) == []


@pytest.mark.parametrize("name", CASES)
def test_a_changed_threshold_metric_or_dimension_or_a_missing_fill_is_noticed(backend, resolve, name):
    changed = list(changes(alarms(backend)[name]))
    assert [words for words, alarm in changed if not any(faults(alarm, resolve, CASES[name]))] == []
    assert len(changed) >= 4


def test_a_metric_of_aws_is_named_as_its_documentation_names_it_and_ours_as_it_is_counted(backend, resolve):
    read = {metric for alarm in alarms(backend).values() for metric in metrics_of(alarm, resolve)}
    names = {(each.namespace, each.name, tuple(name for name, _ in each.dimensions)) for each in read}
    assert {name for name in names if name[0].startswith("AWS/")} == set(DOCUMENTED)
    assert all(
        (each.namespace, each.dimensions) == ("Stays-dev", (("service", "stays"),)) for each in read - of_aws(read)
    )
    assert {each.name for each in read - of_aws(read)} <= counted()


def of_aws(metrics: set[Metric]) -> set[Metric]:
    return {each for each in metrics if each.namespace.startswith("AWS/")}


def test_the_list_in_the_documents_is_the_templates(backend, data):
    assert DOCUMENT.read_text() == page(backend, data), "run python -m tests.infrastructure.alarm_page"


def test_alarms_that_add_up_functions_stay_within_the_ten_metrics_that_cloudwatch_allows(backend):
    assert all(len(alarm.get("Metrics", [])) <= 11 for alarm in alarms(backend).values()), "ten and their sum"


def test_what_the_dashboard_shows_of_the_business_is_counted_somewhere():
    assert {*TODAY, *(metric for _, metrics, _ in GRAPHS for metric in metrics)} <= counted()


def test_what_is_counted_is_shown_somewhere(backend):
    counting = re.findall(
        r'count\(\s*"(\w+)"', "\n".join(file.read_text() for file in (ROOT / "functions").glob("*.py"))
    )
    (dashboard,) = backend.properties("AWS::CloudWatch::Dashboard")
    page = backend.spelled(dashboard["DashboardBody"])
    assert counting
    assert [name for name in counting if f'"{name}"' not in page] == []


def test_functions_count_under_the_name_that_the_alarms_look_at(stacks, stage_name):
    stack = stacks[f"Stays-{stage_name}-Backend"]
    business = alarms(stack)["paid-without-booking"]
    settings = [each["Environment"]["Variables"] for each in stack.properties("AWS::Lambda::Function")]
    told = {each["POWERTOOLS_METRICS_NAMESPACE"] for each in settings if "POWERTOOLS_METRICS_NAMESPACE" in each}
    assert told == {business["Namespace"]} == {f"Stays-{stage_name}"}
    assert business["Dimensions"] == [{"Name": "service", "Value": "stays"}]


def test_a_user_without_an_address_alarms_nobody_and_one_mail_that_is_late_does(backend):
    assert not any(alarm.get("MetricName") == "MailWithoutAddress" for alarm in alarms(backend).values())
    late = alarms(backend)["overdue"]
    assert (late["MetricName"], late["Threshold"], late["Statistic"]) == ("Overdue", 1, "Maximum")
    assert timedelta(seconds=late["Period"]) >= 2 * LONGEST_PAUSE, "it stays on between two attempts"


def test_the_dashboard_shows_the_business_before_the_machine(backend):
    (dashboard,) = backend.properties("AWS::CloudWatch::Dashboard")
    titles = re.findall(r'"title":"([^"]+)"', backend.spelled(dashboard["DashboardBody"]))
    assert titles[:2] == ["In the time shown", "Alarms"]
    assert (
        titles.index("Paid without booking, or not known")
        < titles.index("HTTP: calls and errors")
        < titles.index("Dead letters")
    )
    assert "Seconds from callback to push" in titles
    assert dashboard["DashboardName"] == "Stays-dev"
