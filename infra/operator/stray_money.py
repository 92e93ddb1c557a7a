"""The commands for stray money: describe it, ask about its refund, refund it, or close it by hand."""

from collections.abc import Iterator

from infra.operator.lines import dong
from infra.operator.settling import Settling
from infra.operator.timeline import describe_stray, event_line
from stays.domain.decision import Evidence
from stays.domain.errors import Refused
from stays.domain.manual import give_back_stray, settle_stray
from stays.domain.stray import Stray, stray_of
from stays.table.strays import Strays


class StrayMoney:
    """The commands of one operator about a transaction that belongs to no stay."""

    def __init__(self, strays: Strays) -> None:
        self._strays = strays

    def find(self, name: str) -> Stray | None:
        """Return the stray money with this transaction id."""
        return self._strays.find(name)

    def show(self, stray: Stray) -> Iterator[str]:
        """Describe it and show its timeline."""
        yield from describe_stray(stray)
        for each in self._strays.load_timeline(stray):
            yield event_line(each)

    def ask(self, stray: Stray, settling: Settling) -> Iterator[str]:
        """Ask ZaloPay about its refund, if it has one."""
        yield from describe_stray(stray)
        if stray.refund and stray.refund.id:
            yield from settling.ask_about_refund(self._strays, stray)

    def refund(self, stray: Stray, amount: int | None, settling: Settling) -> Iterator[str]:
        """Refund the whole transaction. Raises Refused for a part of it."""
        if amount not in (None, stray.amount):
            raise Refused("INVALID_AMOUNT", f"Stray money can only be refunded whole: {dong(stray.amount)}.")
        yield from describe_stray(stray)
        yield from settling.order_refund(
            self._strays, stray, lambda current, heard: give_back_stray(current, settling.now, heard=heard)
        )

    def settle(self, stray: Stray, settling: Settling) -> Iterator[str]:
        """Record that it was paid back by hand."""
        yield from settling.settle(self._strays, stray, lambda current, _: settle_stray(current, settling.now))

    def keep(self, evidence: Evidence, app_trans_id: str, *, really: bool) -> Iterator[str]:
        """Keep money for an order that is still unknown as stray money, only once."""
        stray = stray_of(evidence, None, app_trans_id)
        if self._strays.find(stray.transaction_id) is None and really:
            self._strays.keep(stray)
        yield f"Unknown order: transaction {stray.transaction_id} {'is' if really else 'would be'} stray money."
