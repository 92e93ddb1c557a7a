"""The budget of a stage: a mail when the month costs more than the setting, or is going to."""

from aws_cdk import Stack
from aws_cdk import aws_budgets as budgets

from infra.aws.stage import Stage

_Budget = budgets.CfnBudget


def limit_cost(stack: Stack, stage: Stage) -> None:
    """Add the budget. It counts what has the stage's tag, once the tag is activated for cost allocation."""
    subscriber = _Budget.SubscriberProperty(subscription_type="EMAIL", address=stage.alarm_address)
    told = [
        _Budget.NotificationWithSubscribersProperty(
            notification=_Budget.NotificationProperty(
                notification_type=kind, comparison_operator="GREATER_THAN", threshold=100, threshold_type="PERCENTAGE"
            ),
            subscribers=[subscriber],
        )
        for kind in ("ACTUAL", "FORECASTED")
    ]
    _Budget(
        stack,
        "Budget",
        budget=_Budget.BudgetDataProperty(
            budget_name=f"Stays-{stage.name}",
            budget_type="COST",
            time_unit="MONTHLY",
            budget_limit=_Budget.SpendProperty(amount=stage.monthly_budget, unit="USD"),
            cost_filters={"TagKeyValue": [f"user:stays:stage${stage.name}"]},
        ),
        notifications_with_subscribers=told,
    )
