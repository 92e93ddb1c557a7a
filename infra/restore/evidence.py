"""What happened after the restored time and no table has: from logs, the archive of the bus, and ZaloPay."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from infra.operator.commands import Tools
from infra.restore.cloud import Cloud, NotRestored, Said
from infra.restore.copying import read_sessions
from stays.aws.store import Condition, Store
from stays.domain.decision import Decision, Evidence, Nights, Obstacles, Outcome, decide
from stays.domain.errors import Busy, NotFound
from stays.domain.mail import MailKind, MailState, new_mail
from stays.domain.payment import OWING, UNFINISHED, Fulfilment, PaymentSession, Reason, Refund, Status
from stays.domain.refund import request_refund
from stays.domain.stray import stray_of
from stays.domain.values import STAY_ID, app_trans_id, made_at, stay_id_of
from stays.table.keys import mail_item, night_key
from stays.table.sessions import Decider

_FUNCTIONS = ("payments", "bookings", "auctions", "zalopay_callback", "reconciliation", "fulfilment")
_KINDS = ("BookingConfirmed", "BookingCancelled", "RefundCompleted", "PaymentCompleted", "PaymentFailed")
_BEFORE = timedelta(minutes=10)  # what was under way at the restored time

Detail = Mapping[str, Any]


class Known(NamedTuple):
    """What logs and the archive know.

    `orders` are the `app_trans_id` of each stay, `sent` the mails that went out, `refunds` when each refund was first
    asked for. `events` are the archived events of each stay, by their type.
    """

    orders: Mapping[str, set[str]]
    sent: set[tuple[str, MailKind]]
    refunds: Mapping[str, datetime]
    events: Mapping[str, Mapping[str, Detail]]

    def of(self, stay_id: str, kind: str) -> Detail | None:
        """The archived event of this type about a stay."""
        return self.events.get(stay_id, {}).get(kind)

    def booked(self) -> Iterator[Detail]:
        """The archived bookings that nothing ended later."""
        for stay_id, of_stay in self.events.items():
            if "BookingConfirmed" in of_stay and not of_stay.keys() & {"BookingCancelled", "RefundCompleted"}:
                yield {**of_stay["BookingConfirmed"], "stayId": stay_id}


def gather(cloud: Cloud, to: datetime, now: datetime) -> Known:
    """Read logs and the archive."""
    lines = list(cloud.lines(_FUNCTIONS, to - _BEFORE))
    events: dict[str, dict[str, Detail]] = defaultdict(dict)
    for event in cloud.archived(_KINDS, to - _BEFORE, now):
        events[event["detail"]["stayId"]][event["detail-type"]] = event["detail"]
    refunds: dict[str, datetime] = {}
    for said in sorted((each for each in lines if each.fields.get("message") == "refund"), key=lambda each: each.at):
        refunds.setdefault(said.fields["sessionId"], said.at)
    return Known(_orders(lines, events), _sent(lines), refunds, events)


def _orders(lines: Iterable[Said], stays: Iterable[str]) -> dict[str, set[str]]:
    """The order ids of each stay: those that were logged, and those that its days give."""
    orders: dict[str, set[str]] = defaultdict(set)
    for stay_id in stays:
        orders[stay_id].add(app_trans_id(stay_id, made_at(stay_id)))
    for said in lines:
        order = said.fields.get("appTransId")
        stay_id = str(said.fields.get("sessionId") or stay_id_of(str(order)) or "")
        if re.fullmatch(STAY_ID, stay_id):
            found = {app_trans_id(stay_id, made_at(stay_id)), app_trans_id(stay_id, said.at), order or ""} - {""}
            orders[stay_id] |= found
    return orders


def _sent(lines: Iterable[Said]) -> set[tuple[str, MailKind]]:
    """The mails that went out: more attempts were made than failed."""
    tried, failed = Counter[tuple[str, MailKind]](), Counter[tuple[str, MailKind]]()
    for said in lines:
        counted = {"fulfilled": tried, "mail not sent": failed}.get(str(said.fields.get("message")))
        if counted is not None and {"letter", "sessionId"} <= said.fields.keys():
            counted[said.fields["sessionId"], said.fields["letter"]] += 1
    return {mail for mail, times in tried.items() if times > failed[mail]}


class Recovery:
    """Brings a restored table up to what is known. Each part may be repeated."""

    def __init__(self, tools: Tools, store: Store, known: Known, now: datetime) -> None:
        self._tools = tools
        self._store = store
        self._known = known
        self._now = now
        self._silent = 0

    def run(self) -> Iterator[str]:
        """End what was cancelled, block what was booked, then ask ZaloPay.

        Raises NotRestored if ZaloPay is silent about an order whose session is lost: nothing else would ask again.
        """
        yield from self._end_cancelled()
        yield from self._follow_refunds()
        yield from self._block()
        yield from self._ask()
        yield from self._note_sent()
        if self._silent:
            raise NotRestored(f"ZaloPay did not answer about {self._silent} orders: run this again.")

    # Bookings that ended, and refunds that were asked for

    def _end_cancelled(self) -> Iterator[str]:
        for stay_id in self._known.events:
            said = self._known.of(stay_id, "BookingCancelled")
            session = self._find(stay_id)
            if said is None or session is None or session.fulfilment is not Fulfilment.BOOKED:
                continue
            back = self._known.of(stay_id, "RefundCompleted")
            for decision in _ending(said, back):
                session = self._tools.sessions.settle(session, decision, self._now)
            yield f"{stay_id}: its booking was cancelled, {session.fulfilment}"

    def _follow_refunds(self) -> Iterator[str]:
        """A refund that ZaloPay may have is asked about under its own id, and never asked for again."""
        for stay_id, at in self._known.refunds.items():
            session = self._find(stay_id)
            if session is None or session.fulfilment not in OWING or (session.refund and session.refund.id):
                continue
            if back := self._known.of(stay_id, "RefundCompleted"):
                for decision in _arrived(back, session.changed_at):
                    self._tools.sessions.settle(session, decision, self._now)
                yield f"{stay_id}: its refund has arrived"
                continue
            app_id = self._tools.zalopay.app_id

            def asked(
                current: PaymentSession, _: Obstacles, app_id: int = app_id, at: datetime = at
            ) -> Decision | None:
                return request_refund(current, app_id, at)

            self._tools.sessions.settle(session, asked, self._now)
            yield f"{stay_id}: its refund was asked for; the clock follows it"

    # Nights

    def _block(self) -> Iterator[str]:
        """Keep the nights of each archived booking from being sold, also if its session is lost."""
        free = "attribute_not_exists(PK) OR stayId = :stayId OR #state = :held"
        for said in self._known.booked():
            stay_id = said["stayId"]
            for night in said["nights"]:
                key = night_key(said["propertyId"], datetime.fromisoformat(night).date())
                item = {"kind": "NIGHT", "state": "BOOKED", "stayId": stay_id, "userId": said["userId"]}
                written = self._store.put(key | item, Condition(free, stayId=stay_id, held="HELD"))
                if not written.done:
                    yield f"{stay_id}: LOOK: {night} is also booked by {written.existing['stayId']}"
            if self._find(stay_id) is None:
                yield f"{stay_id}: LOOK: its nights are blocked, its session is lost; {_told(said)}"

    # Money

    def _ask(self) -> Iterator[str]:
        for session in self._open_sessions():
            yield from self._record(session)
        for stay_id, orders in sorted(self._known.orders.items()):
            if self._find(stay_id) is None:
                yield from self._keep(sorted(orders))

    def _open_sessions(self) -> Iterator[PaymentSession]:
        """The sessions that may be paid by now: those that are open, and others that logs or events name."""
        for session in list(read_sessions(self._store)):
            named = session.id in self._known.orders and session.status is not Status.PAID
            if session.attempted_at and (session.status in UNFINISHED or named):
                yield session

    def _record(self, session: PaymentSession) -> Iterator[str]:
        """Record money as always: by ZaloPay's word or, where it gives none any more, by our own archived event."""
        evidence = self._tools.zalopay.query(session, "restore")
        if evidence.outcome is not Outcome.PAID:
            said = self._known.of(session.id, "PaymentCompleted")
            if said is None:
                return  # the clock asks again
            evidence = _from_event(said)

        def paid(current: PaymentSession, obstacles: Obstacles) -> Decision | None:
            return decide(current, evidence, self._now, obstacles=obstacles)

        try:
            after = self._tools.sessions.settle(session, paid, self._now)
        except Busy:
            yield f"{session.id}: LOOK: is paid, and what else is stored of it does not fit"
            return
        if after != session:
            yield f"{session.id}: is paid, {after.fulfilment}"

    def _keep(self, orders: Sequence[str]) -> Iterator[str]:
        """Keep the money of an order whose session is lost, for people."""
        for order in orders:
            evidence = self._tools.zalopay.query(_lost(order), "restore")
            self._silent += evidence.outcome is Outcome.UNKNOWN
            if evidence.outcome is Outcome.PAID:
                self._tools.strays.keep(stray_of(evidence, None, order))
                yield f"{order}: LOOK: is paid, and its session is lost: transaction {evidence.transaction_id}"

    # Mails

    def _note_sent(self) -> Iterator[str]:
        for stay_id, kind in sorted(self._known.sent):
            if self._find(stay_id) is None:
                continue
            mail = self._tools.effects.load_mail(stay_id, kind).mail or new_mail(stay_id, kind, self._now)
            if mail.state in (MailState.SENT, MailState.UNDELIVERABLE):
                continue
            out = mail.but(state=MailState.SENT, sent_at=self._now, due_at=None)
            self._store.put(mail_item(out))
            yield f"{stay_id}: its {kind} was sent before"

    def _find(self, stay_id: str) -> PaymentSession | None:
        try:
            return self._tools.sessions.find(stay_id)
        except NotFound:
            return None


def _ending(said: Detail, back: Detail | None) -> Iterator[Decider]:
    """The decisions that end a booking as its events say."""
    amount, at = said["refundAmount"], datetime.fromisoformat(said["cancelledAt"])
    ended = {"reason": Reason(said["reason"]), "cancelled_at": at, "changed_at": at}
    if not amount:
        yield _into(Fulfilment.NONE, ended, Nights.FREE)
        return
    due = Refund(amount=amount, status=Fulfilment.REFUND_DUE)
    yield _into(Fulfilment.REFUND_DUE, ended | {"refund": due, "due_at": at}, Nights.FREE)
    if back:
        yield from _arrived(back, at)


def _arrived(back: Detail, at: datetime) -> Iterator[Decider]:
    """The decisions that end a refund which was owed at a time, as its event says."""
    done = datetime.fromisoformat(back["refundedAt"])
    refunded = Refund(amount=back["refundAmount"], status=Fulfilment.REFUNDED, refunded_at=done)
    yield _into(Fulfilment.REFUND_MANUAL, {"changed_at": at + timedelta(milliseconds=1), "due_at": None})
    yield _into(Fulfilment.REFUNDED, {"refund": refunded, "changed_at": done, "due_at": None})


def _into(state: Fulfilment, changes: Mapping[str, Any], nights: Nights = Nights.KEEP) -> Decider:
    def decider(current: PaymentSession, _: Obstacles) -> Decision:
        return Decision(current.but(fulfilment=state, **changes), "RESTORED", nights)

    return decider


def _from_event(said: Detail) -> Evidence:
    """The money that an archived PaymentCompleted tells of: it was verified when it came."""
    return Evidence(
        source="archive",
        outcome=Outcome.PAID,
        transaction_id=said["transactionId"],
        amount=said["amount"],
        paid_at=datetime.fromisoformat(said["paidAt"]),
    )


def _lost(order: str) -> PaymentSession:
    """All that a question to ZaloPay needs of a session that is lost."""
    fields: dict[str, Any] = {"app_trans_id": order}
    return PaymentSession.model_construct(**fields)


def _told(said: Detail) -> str:
    return f"auction {said['auctionId']}, {said['amount']} ₫, booked {said['bookedAt']}"
