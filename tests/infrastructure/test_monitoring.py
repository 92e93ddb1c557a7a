"""The alarms: their metrics, their limits, and their sections in the runbook."""

import ast
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.aws.alarms import BUSINESS, HEARTBEAT
from infra.aws.dashboard import GRAPHS, TODAY
from infra.topology import CONSUMERS, FUNCTIONS, RULES, SCHEDULES, TABLES
from stays.domain.mail import LONGEST_PAUSE

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
EDGES = {edge.function for edge in (*RULES, *SCHEDULES)}  # the stream has one queue, beside its bucket


def sections() -> dict[str, str]:
    """The runbook's sections by their GitHub anchors."""
    parts = re.split(r"^## (.+)$", RUNBOOK, flags=re.MULTILINE)[1:]
    return {title.lower().replace(" ", "-"): text for title, text in zip(parts[::2], parts[1::2], strict=True)}


def alarms(stack: Any) -> dict[str, dict[str, Any]]:
    """The alarms of a stack by their names without the stage's."""
    found = stack.properties("AWS::CloudWatch::Alarm")
    return {alarm["AlarmName"].split("-", 2)[2]: alarm for alarm in found}


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
    assert {section_of(alarm) for alarm in alarms(backend).values()} == set(sections())


@pytest.mark.parametrize("section", sections())
def test_a_section_says_what_happened_how_to_look_and_what_to_do(section):
    text = sections()[section]
    order = [text.find(f"**{heading}.** ") for heading in ("What happened", "How to look", "What to do")]
    assert order == sorted(order)
    assert min(order) >= 0


def test_the_runbook_leads_to_no_section_that_is_not_there():
    assert set(re.findall(r"\]\(#([a-z-]+)\)", RUNBOOK)) <= {*sections(), "changing-zalopays-keys"}


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


def test_the_alarms_of_all_stages_are_the_same_but_for_the_stages_name(stacks):
    names = [set(alarms(stacks[f"Stays-{stage}-Backend"])) for stage in ("dev", "staging", "prod")]
    assert names[0] == names[1] == names[2]


def test_every_asynchronous_edge_has_an_alarm_on_its_dead_letters(backend):
    found = backend.of_type("AWS::SQS::Queue")
    queues = {each["Properties"]["QueueName"]: logical for logical, each in found.items()}
    for edge in EDGES:
        (dimension,) = alarms(backend)[f"dead-letters-{edge}"]["Dimensions"]
        assert dimension["Value"]["Fn::GetAtt"][0] == queues[f"stays-dev-{edge}-dead-letters"]


def test_every_consumer_of_a_stream_has_an_alarm_on_its_delay_at_the_alias_that_reads(backend):
    for consumer in CONSUMERS:
        alarm = alarms(backend)[f"iterator-age-{consumer.function}"]
        dimensions = {each["Name"]: json.dumps(each["Value"]) for each in alarm["Dimensions"]}
        assert (alarm["MetricName"], alarm["Threshold"]) == ("IteratorAge", 60_000)
        assert ":live" in dimensions["Resource"]


def test_every_function_has_an_alarm_on_its_errors_and_every_table_on_what_it_refuses(backend):
    names = set(alarms(backend))
    assert {f"errors-{name}" for name in FUNCTIONS} <= names
    assert {f"table-throttled-{name}" for name in TABLES} <= names


def test_alarms_that_add_up_functions_stay_within_the_ten_metrics_that_cloudwatch_allows(backend):
    assert all(len(alarm.get("Metrics", [])) <= 11 for alarm in alarms(backend).values()), "ten and their sum"


def test_what_alarms_and_dashboard_show_of_the_business_is_counted_somewhere():
    shown = {alarm.metric for alarm in (*BUSINESS, HEARTBEAT)} | {*TODAY, *(m for _, ms, _ in GRAPHS for m in ms)}
    assert shown <= counted()


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


def test_one_payment_without_a_booking_is_enough_for_its_alarm(backend):
    alarm = alarms(backend)["paid-without-booking"]
    assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["Period"]) == (1, 1, 60)
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert alarm["TreatMissingData"] == "notBreaching"


def test_a_user_without_an_address_alarms_nobody_and_one_mail_that_is_late_does(backend):
    assert not any(alarm.get("MetricName") == "MailWithoutAddress" for alarm in alarms(backend).values())
    late = alarms(backend)["overdue"]
    assert (late["MetricName"], late["Threshold"], late["Statistic"]) == ("Overdue", 1, "Maximum")
    assert timedelta(seconds=late["Period"]) >= 2 * LONGEST_PAUSE, "it stays on between two attempts"


def test_a_clock_that_is_not_heard_of_is_an_alarm(backend):
    alarm = alarms(backend)["clock-stopped"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("Overdue", "SampleCount")
    assert (alarm["ComparisonOperator"], alarm["TreatMissingData"]) == ("LessThanThreshold", "breaching")


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
