"""The operator's commands. They use the same decisions and transactions as the functions, so a repetition is harmless.

Without `really` a command only says what it would do.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from typing import NamedTuple

from pydantic.alias_generators import to_camel

from infra.operator.block_list import BlockList, note_of
from infra.operator.environment import DeadLetter, Environment
from infra.operator.erasing import Erasing
from infra.operator.finding import Finder
from infra.operator.lines import Line, format_time
from infra.operator.report import DoesNotAddUp, Report, csv_lines, report_lines
from infra.operator.settling import Settling
from infra.operator.stray_money import StrayMoney
from infra.operator.timeline import paid, session_fields, timeline_lines, waiting_session, waiting_stray
from stays.domain.announcement import Announced, Announcement, facts
from stays.domain.award import Award
from stays.domain.decision import Decision, Evidence, Outcome, decide
from stays.domain.errors import NotFound, Refused
from stays.domain.mail import Mail, StayMail, requested_again
from stays.domain.manual import accept, end, give_back, paid_back, still_owed
from stays.domain.overdue import is_late
from stays.domain.payment import OWING, Fulfilment, PaymentSession
from stays.domain.refund import RefundEvidence
from stays.domain.stray import Stray
from stays.edge.connections import Connections
from stays.table.due_items import Due, DueItems, Unreadable
from stays.table.effects import Effects
from stays.table.erasures import Erasures
from stays.table.operator_queries import OperatorQueries
from stays.table.sessions import Decider, Sessions
from stays.table.strays import Strays
from stays.zalopay.callback import Callback, read_callback
from stays.zalopay.client import Client

ASKED_ABOUT = OWING | {Fulfilment.REFUND_MANUAL}  # ZaloPay may know more about a refund that is by hand
SOON = timedelta(hours=1)
_MOST = 1000  # that have been due longest


class Tools(NamedTuple):
    """The same parts that the functions use."""

    sessions: Sessions
    strays: Strays
    effects: Effects
    due_items: DueItems
    queries: OperatorQueries
    erasures: Erasures
    connections: Connections
    zalopay: Client
    keys: Callable[[], list[str]]
    email_keys: Callable[[], list[str]]
    publish: Callable[[Sequence[Announcement]], None]


class Commands:
    """The commands of one operator in one environment."""

    def __init__(self, tools: Tools, environment: Environment, *, really: bool, personal: bool = False) -> None:
        self._tools = tools
        self._strays = StrayMoney(tools.strays)
        self._environment = environment
        self._really = really
        self._personal = personal

    # Looking

    def find(self, name: str, night: date | None = None) -> Iterator[str]:
        """List what a name means: a user, an e-mail address, a reference number, an order, a transaction, an auction.

        With `night` the name is a property's. Raises NotFound. No case reads the whole table.
        """
        tools = self._tools
        finder = Finder(tools.queries, tools.sessions, tools.strays, tools.email_keys)
        yield from finder.find(name, night, personal=self._personal)

    def show(self, name: str) -> Iterator[str]:
        """Show the timeline of a stay, or describe stray money."""
        if stray := self._strays.find(name):
            yield from self._strays.show(stray)
            return
        yield from timeline_lines(self._tools.queries.load_timeline(self._session(name).id), personal=self._personal)

    def due(self) -> Iterator[str]:
        """List the stays that the clock will check within the hour: overdue ones first, then by time."""
        now = self._environment.now()
        found = islice(self._tools.due_items.find_due(now + SOON), _MOST)
        for item in sorted(found, key=lambda each: not _overdue(each, now)):
            late = _overdue(item, now)
            yield Line(f"{'OVERDUE' if late else 'due':7}  {_waiting(item)}", overdue=late, **_names(item))

    def review(self) -> Iterator[str]:
        """List the stays that wait for people, with the received and the expected amount."""
        for found in self._tools.queries.find_for_people():
            if isinstance(found, Stray):
                yield Line(waiting_stray(found), kind="STRAY", **found.dump())
            else:
                line = waiting_session(found, self._tools.queries.load_timeline(found.id))
                yield Line(line, **session_fields(found, personal=self._personal))
        for item in self._tools.queries.load_refused():
            yield Line(f"REFUSED  {item['SK']}  {item['reason']}", kind="REFUSED", key=item["SK"])

    def report(self, day: date, *, as_csv: bool = False) -> Iterator[str]:
        """Report the orders of a day of ZaloPay's. Raises DoesNotAddUp at the end, if something does not add up."""
        rows = Report(self._tools.queries, self._tools.zalopay, self._environment.now()).rows(day)
        yield from csv_lines(rows) if as_csv else report_lines(rows, day)
        if wrong := sum(bool(row.difference) for row in rows):
            raise DoesNotAddUp(f"{wrong} of {len(rows)} orders do not add up.")

    # Doing

    def ask(self, name: str) -> Iterator[str]:
        """Ask ZaloPay now, and settle with its answer."""
        if stray := self._strays.find(name):
            yield from self._strays.ask(stray, self._settling())
            return
        session, settling = self._session(name), self._settling()
        if session.fulfilment in ASKED_ABOUT and session.refund and session.refund.id:
            yield from settling.ask_about_refund(self._tools.sessions, session)
        else:
            evidence = self._tools.zalopay.query(session, "operator")
            yield _said(evidence)
            yield from self._record(session, evidence, settling.now)

    def end(self, name: str) -> Iterator[str]:
        """End a session by hand, after ZaloPay has said whether it is paid.

        Raises Refused while money is moving. The processing is recorded first, so that a later silence does not end it
        either.
        """
        session, settling = self._session(name), self._settling()
        evidence = Evidence(source="operator", outcome=Outcome.NOT_FOUND)
        if session.attempted_at is not None:
            evidence = self._tools.zalopay.query(session, "operator")
            yield _said(evidence)
        if evidence.outcome is Outcome.PROCESSING:
            yield from self._record(session, evidence, settling.now)
        yield from settling.settle(
            self._tools.sessions,
            session,
            lambda current, obstacles: end(current, evidence, settling.now, obstacles=obstacles),
        )

    def replay(self, name: str, at: datetime | None = None) -> Iterator[str]:
        """Settle again with the evidence that the timeline has about money.

        A key names a kept callback instead. A transaction names the callback of an order that was unknown.
        """
        now, kept, stray = self._environment.now(), self._tools.queries.load_kept(name), self._strays.find(name)
        if stray:
            yield from self._strays.show(stray)
            yield from self._bring(stray.raw, now) if stray.raw and stray.stay_id is None else ()
            return
        if kept:
            yield from self._bring(str(kept["raw"]), now)
            return
        session = self._session(name)
        timeline = self._tools.queries.load_timeline(session.id)
        said = [
            each["evidence"]
            for each in timeline
            if "evidence" in each and at in (None, datetime.fromisoformat(each["at"]))
        ]
        for evidence in (Evidence.model_validate(each) for each in said if each["outcome"] == Outcome.PAID):
            yield from self._record(session, evidence, now)

    def _bring(self, raw: str, now: datetime) -> Iterator[str]:
        """Settle with a kept callback again."""
        callback = self._verified(raw)
        try:
            session = self._session(callback.app_trans_id)
        except NotFound:
            yield from self._strays.keep(callback.evidence, callback.app_trans_id, really=self._really)
        else:
            yield from self._record(session, callback.evidence, now)

    def _verified(self, raw: str) -> Callback:
        return read_callback(raw.encode(), self._tools.keys(), self._tools.zalopay.app_id)

    def refund(self, name: str, amount: int | None, *, end_booking: bool = False) -> Iterator[str]:
        """Refund through ZaloPay: the amount that the stay is owed, otherwise the whole payment or the given part.

        The transaction of stray money is refunded whole.
        """
        settling = self._settling()
        if stray := self._strays.find(name):
            yield from self._strays.refund(stray, amount, settling)
            return
        session = self._session(name)
        most = self._paid(session)

        def order(current: PaymentSession, heard: RefundEvidence | None) -> Decision:
            wanted = still_owed(current, most, heard) if amount is None else amount
            return give_back(current, wanted, most, settling.now, heard=heard, end_booking=end_booking)

        yield from settling.order_refund(self._tools.sessions, session, order)

    def settled(self, name: str) -> Iterator[str]:
        """Record that a stay's money was paid back by hand."""
        now = self._environment.now()
        yield from self._settle(self._session(name), lambda current, _: paid_back(current, now), now)

    def settle_stray(self, name: str) -> Iterator[str]:
        """Record that stray money was paid back by hand. Raises NotFound if the transaction is not stray money."""
        stray = self._strays.find(name)
        if stray is None:
            raise NotFound
        yield from self._strays.settle(stray, self._settling())

    def accept(self, name: str) -> Iterator[str]:
        """Accept the paid amount as the price."""
        session, now = self._session(name), self._environment.now()
        most = self._paid(session)
        yield from self._settle(
            session, lambda current, obstacles: accept(current, most, now, obstacles=obstacles), now
        )

    def mail(self, name: str, kind: StayMail) -> Iterator[str]:
        """Send a mail again, with the present state of the stay. Raises Refused for a mail that was never due."""
        session, now = self._session(name), self._environment.now()
        mail = self._tools.effects.load_mail(session.id, kind).mail
        if mail is None:
            raise Refused("EMAIL_SENDING_FAILED", f"No {kind} was ever due for this stay.")
        if self._really:
            self._tools.effects.request(mail, lambda current: requested_again(current, now))
            self._tools.queries.note_mail(session, now)
        yield f"The {kind} of {session.id} {self._done} sent again."

    def messages(self, since: datetime, user_id: str | None) -> Iterator[str]:
        """Send connected browsers the state of each payment that changed since then."""
        for session in self._tools.queries.find_changed_since(since):
            if user_id not in (None, session.user_id):
                continue
            if self._really:
                self._tools.queries.send_again(session, self._environment.now())
            yield f"{session.id} {self._done} sent again: {session.client_status}"

    def publish(self, since: datetime) -> Iterator[str]:
        """Publish again the events of every change since then. A receiver drops an event whose `eventId` it knows."""
        queries = self._tools.queries
        changed: list[Announced] = [*queries.find_changed_since(since), *queries.find_over_since(since)]
        happened = [each for item in changed for each in facts(item)]
        if self._really:
            self._tools.publish(happened)
        for each in happened:
            yield f"{each.event_id} {self._done} published again"

    def index(self) -> Iterator[str]:
        """Write what items of earlier releases lack: what `find` reads, and their end. A repetition is harmless."""
        now = self._environment.now()
        written = self._tools.queries.index(self._tools.email_keys()[0], now, really=self._really)
        yield f"{sum(1 for _ in written)} entries {'are' if self._really else 'would be'} written"

    def erase(self, name: str) -> Iterator[str]:
        """Take a user out of everything that is stored; the books keep amounts, dates and ids. `name` is the user's id.

        Raises NotFound if nothing is stored, Refused while something is open.
        """
        tools, environment = self._tools, self._environment
        letters, now = environment.find_dead_letters, environment.now()
        yield from Erasing(tools.erasures, tools.connections, letters, now, self._really).erase(name)

    def redrive(self) -> Iterator[str]:
        """Handle all dead letters again, records of the stream in their order. What fails again stays."""
        for letter in sorted(self._environment.find_dead_letters(), key=_place):
            if "Records" in letter.body:
                left = self._environment.replay(letter.function, letter.body) if self._really else 0
                done = "replayed" if self._really else "would be replayed"
                yield f"{letter.function}: {len(letter.body['Records']) - left} records {done}"
                if left:
                    yield f"{letter.function}: {left} records fail again and stay"
                    continue
            elif letter.function == "fulfilment":
                if self._really and self._environment.replay(letter.function, letter.body):
                    yield "fulfilment: SES's word on a mail fails again and stays"
                    continue
                yield f"fulfilment: SES's word on a mail {self._done} heard again"
            elif letter.function == "awards":
                if self._really:
                    self._environment.announce(letter.body)
                yield f"awards: {letter.body['detail-type']} {self._done} on the bus again"
            else:
                yield f"{letter.function}: the next round does its work; the dead letter {self._done} deleted"
            if self._really:
                letter.delete()

    # The edge

    def blocked(self) -> Iterator[str]:
        """List the addresses that the edge refuses."""
        yield from self._block_list().show()

    def block(self, name: str, reason: str = "", by: str = "") -> Iterator[str]:
        """Let the edge refuse an address or a range."""
        note = note_of(f"block {name}", by, reason, self._environment.now())
        yield from self._block_list().block(name, note, really=self._really)

    def unblock(self, name: str, reason: str = "", by: str = "") -> Iterator[str]:
        """Let an address or a range in again."""
        note = note_of(f"unblock {name}", by, reason, self._environment.now())
        yield from self._block_list().unblock(name, note, really=self._really)

    # How

    def _block_list(self) -> BlockList:
        if self._environment.block_list is None:
            raise Refused("NOT_FOUND", "There is no edge here: docs/deploy.md, section An edge, says how to get one.")
        return self._environment.block_list

    @property
    def _done(self) -> str:
        return "is" if self._really else "would be"

    def _session(self, name: str) -> PaymentSession:
        """Return the stay that a name means. Raises NotFound, and Refused for stray money, which belongs to no stay."""
        stay_id = self._tools.queries.find_stay_id(name.upper())
        if stay_id is not None:
            return self._tools.sessions.find(stay_id)
        stray = self._strays.find(name)
        if stray is not None:
            raise Refused("NOT_FOUND", f"This is not a stay. {waiting_stray(stray)}: use `refund` or `settle-stray`.")
        raise NotFound

    def _settling(self) -> Settling:
        return Settling(self._tools.zalopay, self._environment.now(), self._really)

    def _paid(self, session: PaymentSession) -> int:
        return paid(session, self._tools.queries.load_timeline(session.id))

    def _record(self, session: PaymentSession, evidence: Evidence, now: datetime) -> Iterator[str]:
        return self._settle(
            session, lambda current, obstacles: decide(current, evidence, now, obstacles=obstacles), now
        )

    def _settle(self, session: PaymentSession, decider: Decider, now: datetime) -> Iterator[str]:
        """Show what a decision changes; write it only with `really`."""
        return Settling(self._tools.zalopay, now, self._really).settle(self._tools.sessions, session, decider)


def _place(letter: DeadLetter) -> int:
    """Return the place of a dead letter in the order of the stream. Others have none."""
    return int(letter.body["Records"][0]["dynamodb"]["SequenceNumber"]) if "Records" in letter.body else 0


def _said(evidence: Evidence) -> str:
    return f"ZaloPay says of the order: {evidence.outcome}, code {evidence.code}."


def _overdue(item: Due, now: datetime) -> bool:
    return isinstance(item, Unreadable) or is_late(item, now)


def _names(item: Due) -> dict[str, str | None]:
    """Return the ids of a due item, for programs."""
    if isinstance(item, Unreadable):
        return {"PK": item.partition, "SK": item.sort}
    names = ("id", "stay_id", "mail_kind", "auction_id", "award_id", "transaction_id", "status")
    return {to_camel(name): getattr(item, name) for name in names if hasattr(item, name)}


def _waiting(item: Due) -> str:
    if isinstance(item, Unreadable):
        return f"cannot be read: {item.partition} {item.sort}"
    at = format_time(item.due_at) if item.due_at else "never"
    if isinstance(item, Mail):
        return f"{at}  {item.stay_id}  mail {item.mail_kind}, {item.state}"
    if isinstance(item, Award):
        return f"{at}  {item.award_id} of auction {item.auction_id}, {item.status}"
    if isinstance(item, Stray):
        return f"{at}  {item.transaction_id}  stray money, {item.status}"
    return f"{at}  {item.id}  {item.status} / {item.fulfilment}"
