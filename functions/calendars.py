"""HTTP: a host's calendar, and the feed that calendar programs read."""

import os
from datetime import UTC, datetime
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from stays.aws.client import DynamoDB
from stays.aws.store import Store
from stays.domain.calendar import (
    SECRET_BYTES,
    booked_runs,
    feed_span,
    file_name,
    new_token,
    page,
    read_file_name,
    span,
)
from stays.domain.errors import NotFound
from stays.domain.values import Night
from stays.edge import http
from stays.edge.calendar_feed import CONTENT_TYPE, feed_file
from stays.table.calendars import Calendars

API_URL = os.environ["API_URL"]

calendars = Calendars(Store(DynamoDB(), os.environ["STAYS_TABLE"]))
logger = Logger()
app = http.resolver()


@app.get("/properties/<property_id>/calendar")
def calendar_of(
    property_id: http.PropertyId,
    first: Annotated[Night | None, Query(alias="from")] = None,
    last: Annotated[Night | None, Query(alias="to")] = None,
) -> dict[str, Any]:
    now = datetime.now(UTC)
    asked = span(first, last, now)
    calendar = calendars.load_of_host(property_id, http.caller(app).user_id)
    return page(calendar, asked, calendars.load_nights(property_id, asked), now).dump()


@app.post("/properties/<property_id>/calendar/feed")
def open_feed(property_id: http.PropertyId) -> dict[str, str]:
    token = new_token(property_id, os.urandom(SECRET_BYTES))
    calendars.open_feed(property_id, http.caller(app).user_id, token, datetime.now(UTC))
    logger.info("feed opened", extra={"propertyId": property_id})
    return {"url": f"{API_URL}/calendars/{file_name(token)}"}


@app.delete("/properties/<property_id>/calendar/feed")
def close_feed(property_id: http.PropertyId) -> dict[str, Any]:
    calendars.close_feed(property_id, http.caller(app).user_id)
    logger.info("feed closed", extra={"propertyId": property_id})
    return {}


@app.get("/calendars/<feed>")
def read_feed(feed: str) -> Response[str]:
    """The address is the authorization. A wrong address gets the same answer as an unknown one."""
    now = datetime.now(UTC)
    address = read_file_name(feed)
    if address is None:
        raise NotFound
    calendar = calendars.load_at(address)
    nights = calendars.load_nights(address.property_id, feed_span(now))
    return http.file(app, feed_file(calendar, booked_runs(nights, now)), CONTENT_TYPE)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.answer(app, event, context)
