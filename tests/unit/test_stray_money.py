"""Stray money: its attributes, and its description for the operator."""

import pytest

from stays.domain.decision import Evidence, Outcome
from stays.domain.stray import UNDECIDED, Stray, StrayStatus, stray_of
from tests.samples import NOW, OTHER_TRANSACTION, STAY, money, stray


def test_what_is_kept_of_money_that_nobody_had_asked_for() -> None:
    evidence = money(7, OTHER_TRANSACTION)
    assert stray_of(evidence, None, "261122_x") == Stray(
        transaction_id=OTHER_TRANSACTION,
        amount=7,
        status=StrayStatus.OPEN,
        app_trans_id="261122_x",
        received_at=NOW,
        raw="{}",
    )
    assert stray_of(evidence, STAY, None).stay_id == STAY


def test_money_without_an_amount_is_kept_too_and_money_without_a_name_is_none() -> None:
    unnamed = Evidence(source="callback", outcome=Outcome.PAID)
    assert stray_of(unnamed.but(transaction_id="1"), None, "x").amount == 0
    with pytest.raises(AssertionError, match="money has a transaction id"):
        stray_of(unnamed, None, "x")


def test_stray_money_says_what_it_was_paid_for() -> None:
    assert stray().meaning == f"for {STAY}, which has another transaction"
    unknown = stray(stay_id=None, app_trans_id="261122_x")
    assert unknown.meaning == "for the order 261122_x, which is not ours"


def test_its_whole_is_what_zalopay_received() -> None:
    assert (stray().received, stray().discount) == (900_000, None)


@pytest.mark.parametrize(("transaction", "name"), [("1", "S1"), ("1" * 24, "S" + "1" * 24), ("2" * 64, "S" + "2" * 24)])
def test_it_is_named_by_the_end_of_its_transaction_in_a_refunds_id(transaction: str, name: str) -> None:
    assert stray(transaction_id=transaction).id == name


def test_open_and_refused_stray_money_waits_for_people() -> None:
    assert {StrayStatus.OPEN, StrayStatus.REFUND_MANUAL} == UNDECIDED
