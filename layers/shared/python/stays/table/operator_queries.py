"""Lookups for the operator: whom or what a name means, the timeline of a stay, and what waits for a decision."""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime

from stays.aws.store import Condition, Item, Store
from stays.domain.award import Award, AwardStatus
from stays.domain.manual import FOR_PEOPLE
from stays.domain.payment import PaymentSession
from stays.domain.stray import UNDECIDED, Stray
from stays.domain.values import APP_TRANS_ID, STAY_ID, timestamp
from stays.table.keys import (
    award_key,
    email_item,
    email_partition,
    event_item,
    night_key,
    reference_item,
    stay_key,
    transaction_key,
)
from stays.table.strays import read_stray

_REFERENCE = r"[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}"
_MOST_REFUSED = 50


class OperatorQueries:
    """Reads for the operator. A method that reads the whole table says so, because it costs as much."""

    def __init__(self, store: Store, by: str) -> None:
        """`by` names the operator who writes."""
        self._store = store
        self._by = by

    def find_stay_id(self, name: str) -> str | None:
        """The stay of an id, an `app_trans_id`, a transaction or a reference number; None for anything else.

        Stray money is not a stay, though it may have been paid for one. At most one read.
        """
        if re.fullmatch(APP_TRANS_ID, name):
            return name[7:]
        if re.fullmatch(STAY_ID, name):
            return name
        if re.fullmatch(_REFERENCE, name):
            return self._find_by_reference(name)
        item = self._store.get(transaction_key(name))
        return str(item["id"]) if item and item["kind"] == "TRANSACTION" else None

    def _find_by_reference(self, reference: str) -> str | None:
        found = self._store.query("PK = :reference", {":reference": f"REFERENCE#{reference}"}, ConsistentRead=True)
        return next((item["SK"].removeprefix("STAY#") for item in found), None)

    def find_users(self, email: str, keys: Iterable[str]) -> list[str]:
        """The users who gave this address, also if they gave another one later: one read for each of the keys."""
        partitions = [email_partition(email, key) for key in keys]
        found = self._store.query_many("PK = :email", [{":email": each} for each in partitions], ConsistentRead=True)
        return sorted({str(item["userId"]) for item in found})

    def find_of_user(self, user_id: str) -> list[PaymentSession | Award]:
        """All sessions, awards and offers of a user, from the index `by_user`: eventually consistent."""
        found = self._store.query_all("userId = :user", {":user": user_id}, IndexName="by_user")
        return _sessions_and_awards(found)

    def find_of_auction(self, auction_id: str) -> list[PaymentSession | Award]:
        """The awards and offers of an auction, consistent, and its users' sessions for it from the index `by_user`."""
        partition = award_key(auction_id, "", "")["PK"]
        awards = _sessions_and_awards(self._store.query_all("PK = :auction", {":auction": partition}))
        users = sorted({award.user_id for award in awards})
        own = (each for user in users for each in self.find_of_user(user) if each.auction_id == auction_id)
        return [*awards, *(each for each in own if isinstance(each, PaymentSession))]

    def find_of_night(self, property_id: str, night: date) -> str | None:
        """The stay that holds or booked a night, consistent: one read."""
        item = self._store.get(night_key(property_id, night))
        return str(item["stayId"]) if item else None

    def index(self, email_key: str, *, really: bool) -> Iterator[str]:
        """Write what leads to items of earlier releases: by address and by reference number. Reads the whole table.

        Returns their partitions. A repetition writes the same items again. Without `really` nothing is written.
        """
        found = self._store.scan(
            "#kind IN (:profile, :booking) OR (#kind = :session AND attribute_exists(contact.email))",
            {":profile": "PROFILE", ":booking": "BOOKING", ":session": "SESSION"},
            {"#kind": "kind"},
        )
        for item in found:
            email = item.get("email") or item.get("contact", {}).get("email")
            if item["kind"] == "BOOKING":
                led = reference_item(item["id"])
            elif email:
                led = email_item(email, item["userId"], email_key)
            else:
                continue
            if really:
                self._store.put(led)
            yield str(led["PK"])

    def load_timeline(self, stay_id: str) -> list[Item]:
        """All items of a stay, its timeline in order: one read."""
        return self._store.query("PK = :stay", {":stay": stay_key(stay_id, "")["PK"]}, ConsistentRead=True)

    def load_refused(self) -> list[Item]:
        """The latest events and callbacks that were refused, newest first: one read."""
        return self._store.query("PK = :refused", {":refused": "REFUSED"}, ScanIndexForward=False, Limit=_MOST_REFUSED)

    def load_kept(self, name: str) -> Item | None:
        """One refused event or callback, by its sort key: one read."""
        return self._store.get({"PK": "REFUSED", "SK": name})

    def find_for_people(self) -> Iterator[PaymentSession | Stray]:
        """Everything that only the operator can move on. Reads the whole table.

        Sessions in review, with a refused refund, or that ended unresolved; stray money that is not refunded.
        """
        sessions = {f":s{number}": state.value for number, state in enumerate(sorted(FOR_PEOPLE))}
        strays = {f":t{number}": status.value for number, status in enumerate(sorted(UNDECIDED))}
        found = self._store.scan(
            f"(#kind = :session AND (#fulfilment IN ({', '.join(sessions)}) OR attribute_exists(#unresolved)))"
            f" OR (#kind = :stray AND (attribute_not_exists(#status) OR #status IN ({', '.join(strays)})))",
            {":stray": "STRAY", ":session": "SESSION", **sessions, **strays},
            {f"#{name}": name for name in ("kind", "fulfilment", "unresolved", "status")},
        )
        for item in found:
            yield read_stray(item) if item["kind"] == "STRAY" else PaymentSession.model_validate(item)

    def find_orders(self, day: str) -> Iterator[PaymentSession | Stray]:
        """The sessions whose order is of a day (`yymmdd`), and all stray money. Reads the whole table."""
        found = self._store.scan(
            "(#kind = :session AND begins_with(#order, :day)) OR #kind = :stray",
            {":session": "SESSION", ":stray": "STRAY", ":day": f"{day}_"},
            {"#kind": "kind", "#order": "appTransId"},
        )
        for item in found:
            yield read_stray(item) if item["kind"] == "STRAY" else PaymentSession.model_validate(item)

    def find_changed_since(self, since: datetime) -> Iterator[PaymentSession]:
        """Sessions that changed at `since` or later. Reads the whole table."""
        found = self._store.scan(
            "#kind = :session AND #changedAt >= :since",
            {":session": "SESSION", ":since": timestamp(since)},
            {"#kind": "kind", "#changedAt": "changedAt"},
        )
        yield from map(PaymentSession.model_validate, found)

    def find_over_since(self, since: datetime) -> Iterator[Award]:
        """Awards and offers that are over, and changed or had their deadline since then. Reads the whole table."""
        found = self._store.scan(
            "#kind IN (:award, :offer) AND #status IN (:expired, :declined, :paid)"
            " AND (#changedAt >= :since OR #deadline >= :since)",
            {
                ":award": "AWARD",
                ":offer": "OFFER",
                ":expired": AwardStatus.EXPIRED.value,
                ":declined": AwardStatus.DECLINED.value,
                ":paid": AwardStatus.PAID.value,
                ":since": timestamp(since),
            },
            {f"#{name}": name for name in ("kind", "status", "changedAt", "deadline")},
        )
        yield from map(Award.model_validate, found)

    def send_again(self, session: PaymentSession, now: datetime) -> None:
        """Tell the user the session's state once more: the stream brings it to the notifier."""
        there = Condition("attribute_exists(PK)")
        update = self._store.update_operation(stay_key(session.id, "SESSION"), {"tellAgainAt": timestamp(now)}, there)
        line = self._store.put_operation(event_item(session.id, "TOLD_AGAIN", now, by=self._by))
        self._store.transact({"session": update, "event": line})

    def note_mail(self, session: PaymentSession, now: datetime) -> None:
        """Record that the operator had a mail sent once more."""
        self._store.put(event_item(session.id, "MAILED_AGAIN", now, by=self._by))


def _sessions_and_awards(items: Iterable[Item]) -> list[PaymentSession | Award]:
    models: dict[str, type[PaymentSession | Award]] = {"SESSION": PaymentSession, "AWARD": Award, "OFFER": Award}
    return [models[item["kind"]].model_validate(item) for item in items if item["kind"] in models]
