"""Calendars: the host of a property, its taken nights, and the address of its feed."""

from datetime import datetime

from stays.aws.store import Condition, Item, Store
from stays.domain.award import Property
from stays.domain.calendar import Address, Calendar, Feed, Span, TakenNight, fingerprint
from stays.domain.errors import NotFound
from stays.domain.values import timestamp
from stays.table.keys import calendar_key, night_key


class Calendars:
    """All items under CALENDAR#. Reads the nights under PROPERTY#, and never writes them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def save_property(self, rented_property: Property, sent_at: datetime) -> None:
        """Keep a property's name and host. The latest event counts, whatever the order and the number of arrivals.

        If two hosts have the same time, the present one stays: an event that comes again must not take a calendar back.
        This is a write of its own, outside the transaction, because events for all bidders of an auction come at once.
        """
        said = {
            "kind": "CALENDAR",
            "propertyId": rented_property.id,
            "propertyName": rented_property.name,
            "hostId": rented_property.host_id,
            "toldAt": timestamp(sent_at),
        }
        latest = Condition(
            "attribute_not_exists(PK) OR toldAt < :at OR (toldAt = :at AND hostId = :host)",
            at=timestamp(sent_at),
            host=rented_property.host_id,
        )
        self._store.update(calendar_key(rented_property.id), said, latest)

    def load_of_host(self, property_id: str, host_id: str) -> Calendar:
        """The calendar, consistent: one read. Raises NotFound for unknown properties and for those of other hosts."""
        item = self._store.get(calendar_key(property_id))
        if item is None or item["hostId"] != host_id:
            raise NotFound
        return Calendar.model_validate(item)

    def load_at(self, address: Address) -> Calendar:
        """The calendar behind a feed's address, consistent: one read. Raises NotFound for any other address."""
        item = self._store.get(calendar_key(address.property_id))
        calendar = Calendar.model_validate(item) if item else None
        if calendar is None or not calendar.is_fed_by(address.token):
            raise NotFound
        return calendar

    def load_nights(self, property_id: str, span: Span) -> list[TakenNight]:
        """The nights that are taken, earliest first, consistent: one read.

        One page is enough: an item has at most 500 bytes, a page 1 MB, and a span at most 941 nights.
        """
        first, last = (night_key(property_id, night) for night in span)
        items = self._store.query(
            "PK = :property AND SK BETWEEN :first AND :last",
            {":property": first["PK"], ":first": first["SK"], ":last": last["SK"]},
            ConsistentRead=True,
        )
        return [_taken(item) for item in items]

    def open_feed(self, property_id: str, host_id: str, token: str, now: datetime) -> None:
        """From now on only this token opens the feed. Raises NotFound as `load_of_host`."""
        feed = Feed(fingerprint=fingerprint(token), host_id=host_id, since=now)
        self._set_feed(property_id, host_id, feed)

    def close_feed(self, property_id: str, host_id: str) -> None:
        """From now on no address opens the feed; harmless when repeated. Raises NotFound as `load_of_host`."""
        self._set_feed(property_id, host_id, None)

    def _set_feed(self, property_id: str, host_id: str, feed: Feed | None) -> None:
        theirs = Condition("hostId = :host", host=host_id)
        written = self._store.update(calendar_key(property_id), {"feed": feed.dump() if feed else None}, theirs)
        if not written.done:
            raise NotFound


def _taken(item: Item) -> TakenNight:
    night = item["SK"].removeprefix("NIGHT#")
    return TakenNight(date=night, status=item["state"], held_until=item.get("heldUntil"), stay_id=item["stayId"])
