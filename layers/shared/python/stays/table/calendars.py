"""Calendars: whose property it is, which of its nights are taken, and the address of its feed."""

from datetime import datetime

from stays.domain.award import Property
from stays.domain.calendar import Address, Calendar, Feed, Span, TakenNight, fingerprint
from stays.domain.errors import NotFound
from stays.domain.values import timestamp
from stays.table.keys import calendar_key, night_key
from stays.table.store import Condition, Item, Store


class Calendars:
    """Everything under CALENDAR#; reads the nights under PROPERTY#, and never writes there."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def remember(self, place: Property, told_at: datetime) -> None:
        """Keep a property's name and host; the word told last counts, in whatever order and however often words come.

        Of two hosts told at the same time the one that is there stays: an event that comes again must not take a
        calendar back. A write of its own, not part of a transaction: all bidders of an
        auction are told of at once.
        """
        said = {
            "kind": "CALENDAR",
            "propertyId": place.id,
            "propertyName": place.name,
            "hostId": place.host_id,
            "toldAt": timestamp(told_at),
        }
        latest = Condition(
            "attribute_not_exists(PK) OR toldAt < :at OR (toldAt = :at AND hostId = :host)",
            at=timestamp(told_at),
            host=place.host_id,
        )
        self._store.update(calendar_key(place.id), said, latest)

    def load_of_host(self, property_id: str, host_id: str) -> Calendar:
        """The calendar, consistent: one read. Raises NotFound for unknown properties and for other hosts'."""
        item = self._store.get(calendar_key(property_id))
        if item is None or item["hostId"] != host_id:
            raise NotFound
        return Calendar.model_validate(item)

    def load_at(self, address: Address) -> Calendar:
        """The calendar behind a feed's address, consistent: one read. Raises NotFound unless it is the present one."""
        item = self._store.get(calendar_key(address.property_id))
        calendar = Calendar.model_validate(item) if item else None
        if calendar is None or not calendar.is_fed_by(address.token):
            raise NotFound
        return calendar

    def load_nights(self, property_id: str, span: Span) -> list[TakenNight]:
        """The nights that are taken, earliest first, consistent: one read.

        One page is enough: an item has at most 500 bytes, a page 1 MB, and no span more than 941 nights.
        """
        first, last = (night_key(property_id, night) for night in span)
        items = self._store.query(
            "PK = :property AND SK BETWEEN :first AND :last",
            {":property": first["PK"], ":first": first["SK"], ":last": last["SK"]},
            ConsistentRead=True,
        )
        return [_taken(item) for item in items]

    def open_feed(self, property_id: str, host_id: str, token: str, now: datetime) -> None:
        """From now on this token, and no other, opens the feed. Raises NotFound as `of_host`."""
        feed = Feed(fingerprint=fingerprint(token), host_id=host_id, since=now)
        self._set_feed(property_id, host_id, feed)

    def close_feed(self, property_id: str, host_id: str) -> None:
        """No address opens the feed any more; harmless when repeated. Raises NotFound as `of_host`."""
        self._set_feed(property_id, host_id, None)

    def _set_feed(self, property_id: str, host_id: str, feed: Feed | None) -> None:
        theirs = Condition("hostId = :host", host=host_id)
        standing = self._store.update(calendar_key(property_id), {"feed": feed.dump() if feed else None}, theirs)
        if standing is not None:
            raise NotFound


def _taken(item: Item) -> TakenNight:
    night = item["SK"].removeprefix("NIGHT#")
    return TakenNight(date=night, status=item["state"], held_until=item.get("heldUntil"), stay_id=item["stayId"])
