"""A small load test: many users at the same time while ZaloPay fails. The large one is `make load`."""

from tests.proof.load import auction_end, load
from tests.proof.load.figures import table


def test_a_small_crowd_is_served_while_zalopay_fails() -> None:
    found = load(travellers=20, seconds=4, seed=35)
    assert found.violations == (), table(found)
    assert found.counts["orders paid"] > 10
    assert found.counts["refunds"] > 2
    assert found.counts["callbacks lost"] > 2


def test_winners_who_come_at_once_are_all_served() -> None:
    found = auction_end(count=15, seconds=4, seed=7)
    assert found.violations == (), table(found)
    assert found.counts["bookings confirmed"] == 15
