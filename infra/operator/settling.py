"""Settles for the operator: shows what a decision changes, and writes it only with `really`."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from infra.operator.timeline import consequences, state_of
from stays.domain.decision import NO_OBSTACLES, DecisionOn, Obstacles
from stays.domain.payment import Fulfilment
from stays.domain.refund import Owing, RefundEvidence, RefundOutcome, decide_refund
from stays.refunds import Records
from stays.zalopay.client import Client

Decider = Callable[[Owing, Obstacles], DecisionOn[Owing] | None]
Ordering = Callable[[Owing, RefundEvidence | None], DecisionOn[Owing]]


class Settling(NamedTuple):
    """One command at one time. With `really` it writes; without, it only says what would change."""

    zalopay: Client
    now: datetime
    really: bool

    def settle(self, records: Records[Owing], owing: Owing, decider: Decider[Owing]) -> Iterator[str]:
        """Settle a session or stray money, and say what becomes of it."""
        decision = decider(owing, NO_OBSTACLES)
        if decision is None:
            yield f"Nothing changes: {state_of(owing)}."
            return
        after = records.settle(owing, decider, self.now) if self.really else decision.session
        yield f"{state_of(owing)} {'is now' if self.really else 'would become'} {state_of(after)}."
        yield from consequences(owing, decision, self.now) if after == decision.session else ()

    def ask_about_refund(self, records: Records[Owing], owing: Owing) -> Iterator[str]:
        """Ask ZaloPay about the refund on record, and settle with its answer."""
        heard, asked = self.zalopay.query_refund(owing, self.now), owing.refund
        yield _said(heard)
        yield from self.settle(records, owing, lambda current, _: decide_refund(current, asked, heard, self.now))

    def order_refund(self, records: Records[Owing], owing: Owing, order: Ordering[Owing]) -> Iterator[str]:
        """Order a refund.

        If ZaloPay gave up an earlier one, ask about that first: if it arrived, no other is ordered.
        """
        before, heard = owing.refund, None
        if before and before.id and before.status is Fulfilment.REFUND_MANUAL:
            heard = self.zalopay.query_refund(owing, self.now)
            yield _said(heard)
        arrived = heard is not None and heard.outcome is RefundOutcome.DONE

        def decide(current: Owing, _: Obstacles) -> DecisionOn[Owing] | None:
            if arrived and heard is not None:
                return decide_refund(current, before, heard, self.now)
            return order(current, heard if current.refund == before else None)

        yield from self.settle(records, owing, decide)


def _said(heard: RefundEvidence) -> str:
    return f"ZaloPay says of the refund: {heard.outcome}, code {heard.code}."
