"""The bill: nothing is billed that nobody reads, each stage has a budget, and the page has the present numbers."""

import re

import pytest

from infra import prices
from infra.aws.stage import read_context
from tests.infrastructure.cost_page import DOCUMENT, page
from tests.infrastructure.synthesis import Stack


def test_routes_mappings_and_functions_send_no_metrics_and_no_traces_that_cost_extra(
    stacks: dict[str, Stack], stage_name: str
):
    stack = stacks[f"Stays-{stage_name}-Backend"]
    settings = [each.get("DefaultRouteSettings", {}) for each in stack.properties("AWS::ApiGatewayV2::Stage")]
    assert len(settings) == 2
    assert not any(each.get("DetailedMetricsEnabled") for each in settings)
    assert not any("MetricsConfig" in each for each in stack.properties("AWS::Lambda::EventSourceMapping"))
    assert not any("TracingConfig" in each for each in stack.properties("AWS::Lambda::Function"))


def test_a_stage_that_costs_more_than_its_setting_or_is_going_to_sends_a_mail(
    stacks: dict[str, Stack], stage_name: str
):
    (found,) = stacks[f"Stays-{stage_name}-Backend"].properties("AWS::Budgets::Budget")
    settings = read_context()["stages"][stage_name]
    assert found["Budget"]["BudgetLimit"] == {"Amount": settings["monthlyBudget"], "Unit": "USD"}
    assert found["Budget"]["CostFilters"] == {"TagKeyValue": [f"user:stays:stage${stage_name}"]}
    told = {each["Notification"]["NotificationType"]: each for each in found["NotificationsWithSubscribers"]}
    assert set(told) == {"ACTUAL", "FORECASTED"}
    for each in told.values():
        assert (each["Notification"]["Threshold"], each["Notification"]["ThresholdType"]) == (100, "PERCENTAGE")
        assert each["Subscribers"] == [{"SubscriptionType": "EMAIL", "Address": settings["alarmAddress"]}]


def test_the_page_has_the_present_numbers(backend: Stack, data: Stack, edged: dict[str, Stack]):
    assert DOCUMENT.read_text() == page(backend, data, edged), "run python -m tests.infrastructure.cost_page"


@pytest.mark.parametrize("price", [each for each in vars(prices).values() if isinstance(each, prices.Price)])
def test_a_price_has_its_unit_its_page_and_the_day_of_the_copy(price: prices.Price):
    assert price.dollars > 0
    assert price.page.startswith("aws.amazon.com/")
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", price.read)
