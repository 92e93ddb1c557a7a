"""The report of one day's orders: what was paid, booked and refunded, compared with ZaloPay and with the record."""

import csv
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from infra.operator.lines import Line, dong, format_time
from infra.operator.timeline import came
from stays.domain.booking import reference_number
from stays.domain.decision import Evidence, Outcome
from stays.domain.payment import Fulfilment, PaymentSession, Status
from stays.domain.refund import RefundOutcome, whole
from stays.domain.stray import Stray, StrayStatus
from stays.domain.values import VIETNAM
from stays.table.operator_queries import OperatorQueries
from stays.zalopay.client import Client

Item = dict[str, Any]

ANSWERED_FOR = timedelta(hours=48)  # ZaloPay answers this long about an order (docs.zalopay.vn, order-query)
_AT_ONCE = 8  # questions to ZaloPay
_UNPAID = (Status.CREATED.value, Status.PENDING.value)
_MONEY = ("paid", "booked", "refunded", "open", "review", "kept")


class DoesNotAddUp(Exception):
    """The report is complete, and names differences."""


class Row(NamedTuple):
    """One order, or stray money. Amounts are in đồng: `paid` is the sum of the five after it.

    `open` is to be refunded. `kept` came for a booking that was cancelled, and does not go back. `checked` says what
    the row was compared with. `difference` says what does not add up; empty if nothing.
    """

    order: str
    stay: str
    reference: str
    transaction: str
    paid_at: str
    asked: int
    paid: int
    booked: int
    refunded: int
    open: int
    review: int
    kept: int
    state: str
    checked: str
    difference: str


class Report(NamedTuple):
    """Makes the report. It reads the whole table once, and asks ZaloPay about each order that it still knows."""

    queries: OperatorQueries
    zalopay: Client
    now: datetime

    def rows(self, day: date) -> list[Row]:
        """Return the rows of the orders and the stray money of a day, as ZaloPay counts days, in Viet Nam."""
        found = [each for each in self.queries.find_orders(f"{day:%y%m%d}") if _is_of(each, day)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            rows = list(pool.map(self._row, found))
        return sorted(rows, key=lambda row: (not row.difference, row.order, row.transaction))

    def _row(self, found: PaymentSession | Stray) -> Row:
        return self._stray(found) if isinstance(found, Stray) else self._order(found)

    def _order(self, session: PaymentSession) -> Row:
        items = self.queries.load_timeline(session.id)
        paid = _paid(session, items)
        parts = _parts(session, paid)
        recent = self.now - (session.attempted_at or session.created_at) <= ANSWERED_FOR
        wrong = [*_wrong_in_sum(parts), *self._wrong_in_record(session, items)]
        wrong += self._wrong_at_zalopay(session, paid, items) if recent else []
        return Row(
            order=session.app_trans_id,
            stay=session.id,
            reference=reference_number(session.id),
            transaction=session.transaction_id or "",
            paid_at=format_time(session.paid_at) if session.paid_at else "",
            asked=session.amount,
            **parts,
            state=f"{session.status} / {session.fulfilment}",
            checked="ZaloPay" if recent else "the record only",
            difference="; ".join(wrong),
        )

    def _wrong_at_zalopay(self, session: PaymentSession, paid: int, items: Sequence[Item]) -> Iterator[str]:
        yield from _compared(self.zalopay.query(session, "report"), session, paid, items)
        if not any(item.get("what") == "PAID_BACK_BY_HAND" for item in items):
            yield from self._wrong_refund(session)

    def _wrong_refund(self, money: PaymentSession | Stray) -> Iterator[str]:
        if money.refund is None or money.refund.id is None:
            return
        heard, state = self.zalopay.query_refund(money, self.now), money.refund.status
        if heard.outcome is RefundOutcome.UNKNOWN:
            yield "ZaloPay does not answer about the refund"
        elif (state is Fulfilment.REFUNDED) is not (heard.outcome is RefundOutcome.DONE):
            yield f"ZaloPay says {heard.outcome} of the refund, the record says {state}"

    def _wrong_in_record(self, session: PaymentSession, items: Sequence[Item]) -> Iterator[str]:
        """What the record says twice, and not alike: the session, its timeline, its booking and its transaction."""
        said = _said(session, items)
        if session.transaction_id and said not in (None, session.received, whole(session)):
            yield f"the timeline has {dong(said or 0)} paid, the session {dong(session.received or session.amount)}"
        booked = any(item["kind"] == "BOOKING" and item["status"] == "CONFIRMED" for item in items)
        if booked is not (session.fulfilment is Fulfilment.BOOKED):
            yield f"the session is {session.fulfilment}, its booking is {'' if booked else 'not '}confirmed"
        if session.transaction_id and self.queries.find_stay_id(session.transaction_id) != session.id:
            yield f"the transaction {session.transaction_id} does not lead to this stay"

    def _stray(self, stray: Stray) -> Row:
        parts = _parts_of_stray(stray)
        recent = stray.received_at is not None and self.now - stray.received_at <= ANSWERED_FOR
        asked = recent and stray.status is not StrayStatus.SETTLED and stray.refund is not None
        return Row(
            order=stray.app_trans_id or "",
            stay=stray.stay_id or "",
            reference=reference_number(stray.stay_id) if stray.stay_id else "",
            transaction=stray.transaction_id,
            paid_at=format_time(stray.received_at) if stray.received_at else "",
            asked=0,
            **parts,
            state=f"STRAY {stray.status}",
            checked="ZaloPay" if asked else "the record only",
            difference="; ".join(self._wrong_refund(stray) if asked else ()),
        )


def _is_of(found: PaymentSession | Stray, day: date) -> bool:
    if isinstance(found, PaymentSession):
        return found.attempted_at is not None or found.order_url is not None or found.transaction_id is not None
    if found.received_at:
        return found.received_at.astimezone(VIETNAM).date() == day
    return (found.app_trans_id or "").startswith(f"{day:%y%m%d}_")


def _paid(session: PaymentSession, items: Sequence[Item]) -> int:
    """Return what came, in đồng, with ZaloPay's promotion: a refund gives that back, too."""
    if session.fulfilment is Fulfilment.REVIEW or session.transaction_id is None:
        return came(session, items)
    return whole(session)


def _said(session: PaymentSession, items: Sequence[Item]) -> int | None:
    """Return the amount that the timeline has for the session's own transaction."""
    said = (item["evidence"] for item in items if "evidence" in item)
    own = (each for each in said if each.get("transactionId") == session.transaction_id and "amount" in each)
    return next((int(each["amount"]) for each in own), None)


def _parts(session: PaymentSession, paid: int) -> dict[str, int]:
    refund = session.refund.amount if session.refund and paid else 0
    refunded = refund if session.fulfilment is Fulfilment.REFUNDED else 0
    review = paid if session.fulfilment is Fulfilment.REVIEW else 0
    rest = paid - refund - review
    booked = rest if session.fulfilment is Fulfilment.BOOKED else 0
    parts = {"booked": booked, "refunded": refunded, "open": refund - refunded, "review": review, "kept": rest - booked}
    return {"paid": paid, **parts}


def _parts_of_stray(stray: Stray) -> dict[str, int]:
    back = stray.status in (StrayStatus.REFUNDED, StrayStatus.SETTLED)
    waits = stray.status is StrayStatus.OPEN
    zero = dict.fromkeys(_MONEY, 0)
    part = "refunded" if back else "review" if waits else "open"
    return {**zero, "paid": stray.amount, part: stray.amount}


def _wrong_in_sum(parts: dict[str, int]) -> Iterator[str]:
    if parts["kept"] < 0:
        yield f"{dong(-parts['kept'])} more go back than came"


def _compared(heard: Evidence, session: PaymentSession, paid: int, items: Sequence[Item]) -> Iterator[str]:
    """Compare ZaloPay's word on an order with the record."""
    known = paid if session.received is None else session.received
    if heard.outcome is Outcome.UNKNOWN:
        yield "ZaloPay does not answer about the order"
    elif heard.outcome is not Outcome.PAID:
        if paid:
            yield f"ZaloPay says {heard.outcome}, the record has {dong(paid)} paid"
    elif not paid:
        yield f"ZaloPay has {dong(heard.amount or 0)} under {heard.transaction_id}, the record has nothing paid"
    else:
        if heard.amount not in (known, came(session, items)):
            yield f"ZaloPay has {dong(heard.amount or 0)}, the record {dong(known)}"
        if session.transaction_id not in (None, heard.transaction_id):
            yield f"ZaloPay has the transaction {heard.transaction_id}, the record {session.transaction_id}"


def totals(rows: Sequence[Row]) -> dict[str, int]:
    """Return the sums of a report, in đồng."""
    return {name: sum(getattr(row, name) for row in rows) for name in _MONEY}


def report_lines(rows: Sequence[Row], day: date) -> Iterator[Line]:
    """Tell a report as a table: what does not add up, the sums, then every order."""
    wrong = [row for row in rows if row.difference]
    for row in wrong:
        yield Line(f"DOES NOT ADD UP  {row.order or row.transaction}: {row.difference}", **row._asdict())
    asked = sum(row.checked == "ZaloPay" for row in rows)
    checked = f"{asked} checked with ZaloPay, {len(rows) - asked} with the record only"
    yield Line(f"{day}: {len(rows)} orders, {checked}; {len(wrong) or 'none'} with a difference")
    for name, amount in totals(rows).items():
        yield Line(f"  {name:8} {dong(amount):>18}", total=name, amount=amount)
    yield Line(f"  still to be paid: {sum(row.state.startswith(_UNPAID) for row in rows)} orders")
    for row in rows:
        sums = "  ".join(f"{name} {dong(getattr(row, name))}" for name in _MONEY if getattr(row, name))
        yield Line(f"  {row.order or row.transaction:34}  {row.state:24}  {row.checked:15}  {sums}", **row._asdict())


def csv_lines(rows: Sequence[Row]) -> Iterator[Line]:
    """Tell a report as CSV, for accounting: a head, then the rows, those with a difference first."""
    for row in (Row._fields, *rows):
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(row)
        yield Line(text.getvalue())
