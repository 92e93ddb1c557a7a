"""Finds what a caller names: a user, an address, a reference number, an order, a transaction, an auction or a night."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from infra.operator.lines import Line, dong, format_time
from infra.operator.timeline import session_fields, waiting_stray
from stays.domain.award import Award
from stays.domain.booking import reference_number
from stays.domain.errors import NotFound
from stays.domain.payment import PaymentSession
from stays.domain.stray import Stray
from stays.table.operator_queries import OperatorQueries
from stays.table.sessions import Sessions
from stays.table.strays import Strays

Found = PaymentSession | Award | Stray


class Finder(NamedTuple):
    """Looks a name up by keys and indexes. It never reads the whole table."""

    queries: OperatorQueries
    sessions: Sessions
    strays: Strays
    email_keys: Callable[[], list[str]]

    def find(self, name: str, night: date | None, *, personal: bool) -> Iterator[Line]:
        """Describe everything that the name means, the newest first. Raises NotFound."""
        users = self.queries.find_users(name, self.email_keys()) if "@" in name else []
        found = self._by_night(name, night) if night else self._by_key(name) or self._by_index([name, *users])
        if not found and not users:
            raise NotFound
        for each in sorted(found, key=_time, reverse=True):
            yield describe(each, personal=personal)
        if not found:
            yield Line(
                "The address is known, and its user has no payment and no award.", users=users if personal else None
            )

    def _by_night(self, property_id: str, night: date) -> Sequence[Found]:
        stay_id = self.queries.find_of_night(property_id, night)
        return [self.sessions.find(stay_id)] if stay_id else []

    def _by_key(self, name: str) -> Sequence[Found]:
        if stray := self.strays.find(name):
            return [stray]
        stay_id = self.queries.find_stay_id(name.upper())
        return [self.sessions.find(stay_id)] if stay_id else []

    def _by_index(self, names: Sequence[str]) -> Sequence[Found]:
        of_users = [each for name in names for each in self.queries.find_of_user(name)]
        return of_users or self.queries.find_of_auction(names[0])


def describe(found: Found, *, personal: bool) -> Line:
    """Describe a stay, an award or stray money in one line. The user's id appears only with `personal`."""
    if isinstance(found, Stray):
        return Line(waiting_stray(found), kind="STRAY", **found.dump())
    user = f"  {found.user_id}" if personal else ""
    if isinstance(found, Award):
        name = f"{found.award_id} of auction {found.auction_id}"
        nights = [night.date for night in found.nights]
        text = f"{name}  {found.status}, until {format_time(found.payment_deadline)}"
        fields = {name: each for name, each in found.dump().items() if personal or name != "userId"}
        return Line(f"{text}  {found.rented_property.name}, {_span(nights)}{user}", kind="AWARD", **fields)
    text = f"{found.id}  {reference_number(found.id)}  {found.status} / {found.fulfilment}  {dong(found.amount)}"
    where = f"{found.property_name}, {_span(found.nights)}, begun {format_time(found.created_at)}"
    return Line(f"{text}  {where}{user}", **session_fields(found, personal=personal))


def _span(nights: Sequence[date]) -> str:
    return f"{len(nights)} nights from {nights[0]}" if nights else "no nights"


def _time(found: Found) -> datetime:
    if isinstance(found, Stray):
        return found.received_at or datetime.now(UTC)
    return found.payment_deadline if isinstance(found, Award) else found.created_at
