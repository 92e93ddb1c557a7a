"""ZaloPay's promotions: the amounts that count as the price, and the recorded amount."""

import pytest

from stays.domain.decision import Decision, Nights, Obstacles, decide
from stays.domain.payment import Fulfilment, PaymentSession, Status
from tests.samples import NIGHTS, NOW, after, money, pending, refund_due, under_review

RIGHT = "261122000000176"
PRICE = 900_000


@pytest.mark.parametrize(
    ("amount", "discount", "equation"),
    [
        (PRICE, None, "amount"),
        (PRICE, 0, "amount"),
        (PRICE, 50_000, "amount"),
        (850_000, 50_000, "amount + discount"),
        (1, 899_999, "amount + discount"),
        (0, PRICE, "amount + discount"),
    ],
)
@pytest.mark.parametrize("obstacles", [Obstacles(), Obstacles(taken=frozenset(NIGHTS))], ids=["free", "taken"])
def test_the_amount_or_the_amount_with_the_discount_is_the_price_and_the_timeline_says_which(
    obstacles: Obstacles, amount: int, discount: int | None, equation: str
) -> None:
    evidence = money(amount).but(discount=discount)
    decision = decide(pending(), evidence, NOW, obstacles=obstacles)
    assert decision is not None
    assert decision.evidence == evidence.but(equation=equation)
    paid = decision.session
    assert (paid.status, paid.received, paid.discount, paid.amount) == (Status.PAID, amount, discount, PRICE)
    assert paid.refund is None or paid.refund.amount == PRICE


@pytest.mark.parametrize(
    ("amount", "discount"),
    [
        (850_000, None),
        (850_000, 0),
        (850_000, 49_999),
        (850_000, 50_001),
        (950_000, 50_000),
        (None, None),
        (None, PRICE),
        (0, None),
    ],
)
def test_any_other_amount_is_for_people_with_the_numbers_that_came(amount: int | None, discount: int | None) -> None:
    evidence = money().but(amount=amount, discount=discount)
    decision = decide(pending(), evidence, NOW)
    assert decision is not None
    reviewed = decision.session
    assert (decision.name, decision.nights, decision.evidence) == ("AMOUNT_MISMATCH", Nights.FREE, evidence)
    assert (reviewed.fulfilment, reviewed.received, reviewed.discount) == (Fulfilment.REVIEW, amount, discount)


@pytest.mark.parametrize("evidence", [money(PRICE, RIGHT), money(850_000, RIGHT).but(discount=50_000)])
def test_the_right_amount_after_a_wrong_one_books_and_the_first_money_stays_known(evidence) -> None:
    before = under_review()
    assert (before.transaction_id, before.received) == ("261122000000175", 1)
    booked = after(decide(before, evidence, NOW))
    assert (booked.fulfilment, booked.transaction_id) == (Fulfilment.BOOKED, RIGHT)
    assert (booked.received, booked.discount) == (evidence.amount, evidence.discount)


@pytest.mark.parametrize("session", [under_review(), refund_due()])
def test_a_wrong_amount_beside_other_money_is_stray(session: PaymentSession) -> None:
    second = money(2, RIGHT)
    assert decide(session, second, NOW) == Decision(session, "SECOND_TRANSACTION", evidence=second)


def test_the_same_transaction_with_the_right_amount_after_all_books() -> None:
    booked = after(decide(under_review(), money(1).but(discount=PRICE - 1), NOW))
    assert (booked.fulfilment, booked.received, booked.discount) == (Fulfilment.BOOKED, 1, PRICE - 1)
