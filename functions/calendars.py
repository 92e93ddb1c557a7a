"""HTTP: a host's calendar, and the feed that calendar programs read."""

import os
from datetime import UTC, datetime
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from pydantic import ConfigDict, Field

from stays.aws.client import DynamoDB, SecretsManager
from stays.aws.store import Store
from stays.domain.calendar import (
    SECRET_BYTES,
    booked_runs,
    feed_span,
    file_name,
    new_token,
    read_file_name,
    span,
)
from stays.domain.errors import NotFound
from stays.domain.values import Model, Night
from stays.edge import http
from stays.edge.calendar_feed import CONTENT_TYPE, feed_file
from stays.edge.responses.calendars import CalendarPage, FeedAddress
from stays.edge.viewer import Edge
from stays.table.calendars import Calendars
from stays.zalopay.keys import Keys

API_URL = os.environ["API_URL"]
CLOSED = bool(os.environ.get("MAINTENANCE"))  # nothing may be written

calendars = Calendars(Store(DynamoDB(), os.environ["STAYS_TABLE"], closed=CLOSED))
logger = Logger()
keys = Keys(SecretsManager())
edge = Edge(keys.readable, os.environ.get("EDGE_SECRET"))
app = http.Api(edge.admit)


class Range(Model):
    """The nights to list, at most 366."""

    model_config = ConfigDict(populate_by_name=False)

    first: Annotated[Night | None, Field(alias="from", description="The first. Default: today in Viet Nam.")] = None
    last: Annotated[Night | None, Field(alias="to", description="The last. Default: 90 days later.")] = None


@app.operation(
    "GET /properties/<property_id>/calendar",
    "The nights of the caller's property that are held or booked",
    errors=("NOT_FOUND",),
)
def calendar_of(property_id: http.PathId, nights: Range) -> CalendarPage:
    now = datetime.now(UTC)
    asked = span(nights.first, nights.last, now)
    calendar = calendars.load_of_host(property_id, http.caller(app).user_id)
    return CalendarPage.of(calendar, asked, calendars.load_nights(property_id, asked), now)


@app.operation(
    "POST /properties/<property_id>/calendar/feed", "A new address for calendar programs", errors=("NOT_FOUND",)
)
def open_feed(property_id: http.PathId) -> FeedAddress:
    """The earlier address stops working."""
    token = new_token(property_id, os.urandom(SECRET_BYTES))
    calendars.open_feed(property_id, http.caller(app).user_id, token, datetime.now(UTC))
    logger.info("feed opened", extra={"propertyId": property_id})
    return FeedAddress(url=f"{API_URL}/calendars/{file_name(token)}")


@app.operation(
    "DELETE /properties/<property_id>/calendar/feed", "End the feed: its address stops working", errors=("NOT_FOUND",)
)
def close_feed(property_id: http.PathId) -> http.Nothing:
    calendars.close_feed(property_id, http.caller(app).user_id)
    logger.info("feed closed", extra={"propertyId": property_id})
    return http.Nothing()


@app.operation(
    "GET /calendars/<feed>",
    "A property's bookings as an iCalendar file (RFC 5545)",
    errors=("NOT_FOUND",),
    kind=CONTENT_TYPE,
)
def read_feed(feed: str) -> str:
    """The address is the authorization. A wrong address gets the same answer as an unknown one."""
    now = datetime.now(UTC)
    address = read_file_name(feed)
    if address is None:
        raise NotFound
    calendar = calendars.load_at(address)
    nights = calendars.load_nights(address.property_id, feed_span(now))
    return feed_file(calendar, booked_runs(nights, now))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.answer(app, event, context)
