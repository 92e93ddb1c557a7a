"""Event bus: auction results and second-chance offers come in."""

import json
import os
from datetime import UTC, datetime
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from pydantic import ValidationError

from stays.domain.auction import read_event
from stays.domain.calendar import told_at
from stays.metrics import count
from stays.table.awards import Awards
from stays.table.calendars import Calendars
from stays.table.store import PATIENCE, Store

store = Store(boto3.client("dynamodb", config=PATIENCE), os.environ["STAYS_TABLE"])
awards = Awards(store)
calendars = Calendars(store)
logger = Logger()


def refused(event: dict[str, Any], reason: str, now: datetime) -> dict[str, Any]:
    """A bad event is not tried again, but kept with the reason."""
    event_id = str(event.get("id", "without-id"))
    awards.refuse(event_id, reason, json.dumps(event, ensure_ascii=False, default=str), now)
    count("RejectedEvents")
    logger.error("event refused", extra={"eventId": event_id})
    return {"accepted": False, "reason": reason}


def explain(error: ValidationError) -> str:
    found = ({"field": ".".join(map(str, each["loc"])), "message": each["msg"]} for each in error.errors())
    return "; ".join(f"{each['field'] or 'event'}: {each['message']}" for each in found)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    try:
        award = read_event(event.get("detail-type", ""), event.get("detail", {}), now)
    except ValidationError as error:
        return refused(event, explain(error), now)
    except KeyError:
        return refused(event, "unknown detail-type", now)
    if not awards.receive(award).says_the_same(award):
        return refused(event, "this award was announced before with other terms", now)
    # After the award, so that one which is refused changes no host; an event that comes again says it again.
    calendars.remember(award.place, told_at(event.get("time"), now))
    logger.info("award received", extra={"auctionId": award.auction_id, "awardId": award.award_id})
    return {"accepted": True, "auctionId": award.auction_id, "awardId": award.award_id}
